//! Results as files: JSON for scripts, CSV for tables, GeoJSON for maps, GeoParquet for both.

use std::fmt::Write as _;
use std::path::PathBuf;

use conurb_base::quoted;
use conurb_store::geoparquet::{Shape, ShapeTable, Values};
use serde::Serialize;
use serde_json::{Value, json};

use super::analyse::{Analysed, CityReach};
use super::base::Base;
use super::define::{City, Defined};
use super::optimise::Optimised;
use super::project::Project;
use crate::fail::{Failure, io};

/// The document as text.
pub(crate) fn to_json(found: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(found)
        .map_err(|e| Failure::plain(format!("a result cannot be written as JSON: {e}"), None))
}

/// A file in the project's `out/`.
pub(crate) fn text(project: &Project, name: &str, content: &str) -> Result<PathBuf, Failure> {
    let folder = project.out();
    std::fs::create_dir_all(&folder).map_err(|e| io(&folder, "cannot make", &e))?;
    let file = folder.join(name);
    std::fs::write(&file, content).map_err(|e| io(&file, "cannot write", &e))?;
    Ok(file)
}

/// A JSON file in the project's `out/`.
pub(crate) fn json(
    project: &Project,
    name: &str,
    found: &impl Serialize,
) -> Result<PathBuf, Failure> {
    text(project, name, &(to_json(found)? + "\n"))
}

/// Files of the step define.
pub(crate) fn defined(project: &Project, base: &Base, found: &Defined) -> Result<(), Failure> {
    json(project, "define.json", found)?;
    let mut csv =
        String::from("code,name_zh,name_en,province,pop_2010_persons,pop_2020_persons,served\n");
    for c in &found.cities {
        let row = [
            c.code.clone(),
            c.name_zh.clone(),
            c.name_en.clone(),
            c.province_zh.clone(),
            number(c.pop_2010_persons),
            number(c.pop_2020_persons),
            c.served.to_string(),
        ];
        line(&mut csv, &row);
    }
    text(project, "cities.csv", &csv)?;
    let properties = |code: &str| {
        let city = found.cities.iter().find(|c| c.code == code);
        json!(city)
    };
    geojson(project, base, "cities.geojson", &properties)?;
    let cities = &found.cities;
    let texts = |of: fn(&City) -> &String| {
        Values::Text(cities.iter().map(|c| Some(of(c).clone())).collect())
    };
    let numbers = |of: fn(&City) -> Option<f64>| Values::Number(cities.iter().map(of).collect());
    let columns = vec![
        ("code".to_owned(), texts(|c| &c.code)),
        ("name_zh".to_owned(), texts(|c| &c.name_zh)),
        ("name_en".to_owned(), texts(|c| &c.name_en)),
        ("province".to_owned(), texts(|c| &c.province_zh)),
        (
            "pop_2010_persons".to_owned(),
            numbers(|c| c.pop_2010_persons),
        ),
        (
            "pop_2020_persons".to_owned(),
            numbers(|c| c.pop_2020_persons),
        ),
        (
            "served".to_owned(),
            Values::Flag(cities.iter().map(|c| Some(c.served)).collect()),
        ),
    ];
    geoparquet(project, base, "cities.parquet", columns)
}

/// Files of the step analyse.
pub(crate) fn analysed(project: &Project, base: &Base, found: &Analysed) -> Result<(), Failure> {
    json(project, "analyse.json", found)?;
    let limits: Vec<String> = (project.analyse.contours_min.iter())
        .map(|limit| format!(",within_{limit}_min_persons"))
        .collect();
    let mut csv = format!(
        "code,name,reached,watt_min,potential_persons_min{}\n",
        limits.concat()
    );
    for c in &found.cities {
        let mut row = vec![
            c.code.clone(),
            c.name.clone(),
            c.reached.to_string(),
            number(c.watt_min),
            number(c.potential_persons_min),
        ];
        row.extend(c.within_persons.iter().map(|p| number(*p)));
        line(&mut csv, &row);
    }
    text(project, "reach.csv", &csv)?;
    let properties = |code: &str| json!(found.cities.iter().find(|c| c.code == code));
    geojson(project, base, "reach.geojson", &properties)?;
    geoparquet(
        project,
        base,
        "reach.parquet",
        reach_columns(project, base, found),
    )
}

/// Reach of every member of the cluster; nulls where no train calls.
fn reach_columns(project: &Project, base: &Base, found: &Analysed) -> Vec<(String, Values)> {
    let rows: Vec<Option<&CityReach>> = (base.members.iter())
        .map(|m| found.cities.iter().find(|c| c.code == m.code))
        .collect();
    let numbers = |of: &dyn Fn(&CityReach) -> Option<f64>| {
        Values::Number(rows.iter().map(|row| row.and_then(of)).collect())
    };
    let codes = base.members.iter().map(|m| Some(m.code.clone()));
    let names = base
        .members
        .iter()
        .map(|m| Some(base.name(&m.code).to_owned()));
    let mut columns = vec![
        ("code".to_owned(), Values::Text(codes.collect())),
        ("name".to_owned(), Values::Text(names.collect())),
        ("watt_min".to_owned(), numbers(&|c| c.watt_min)),
        (
            "potential_persons_min".to_owned(),
            numbers(&|c| c.potential_persons_min),
        ),
    ];
    for (at, limit) in project.analyse.contours_min.iter().enumerate() {
        // A column's name holds no point.
        let limit = limit.to_string().replace('.', "_");
        columns.push((
            format!("within_{limit}_min_persons"),
            numbers(&|c| c.within_persons.get(at).copied().flatten()),
        ));
    }
    columns
}

/// Files of the step optimise.
pub(crate) fn optimised(project: &Project, base: &Base, found: &Optimised) -> Result<(), Failure> {
    json(project, "optimise.json", found)?;
    let mut csv = String::from(
        "corridor,name_zh,name_en,new_legs,new_km,mean_before_min,mean_after_min,secondary_change_min,connected,losers,winners\n",
    );
    for c in &found.corridors {
        let row = [
            c.id.clone(),
            c.name_zh.clone(),
            c.name_en.clone(),
            c.new_legs.to_string(),
            format!("{:.1}", c.new_km),
            number(c.mean_before_min),
            number(c.mean_after_min),
            number(c.secondary_change_min),
            c.connected.join(" "),
            c.report.losers.len().to_string(),
            c.report.winners.len().to_string(),
        ];
        line(&mut csv, &row);
    }
    text(project, "corridors.csv", &csv)?;
    let mut csv = String::from("corridor,code,name,before_min,after_min,change_min\n");
    for c in &found.corridors {
        let report = &c.report;
        for change in report.losers.iter().chain(&report.winners) {
            let row = [
                c.id.clone(),
                change.city.clone(),
                base.name(&change.city).to_owned(),
                number(change.before),
                number(change.after),
                number(change.change),
            ];
            line(&mut csv, &row);
        }
    }
    text(project, "corridor_cities.csv", &csv)?;
    let mut csv = String::from(
        "id,title_zh,title_en,losers_zh,losers_en,effect_zh,effect_en,cost_zh,cost_en,confidence_zh,confidence_en,formula,citation\n",
    );
    for c in &found.choices {
        let mut row = vec![c.id.to_owned()];
        for words in [&c.title, &c.losers, &c.effect, &c.cost, &c.confidence] {
            row.extend([words.zh.clone(), words.en.clone()]);
        }
        row.extend([c.formula.to_owned(), c.citation.to_owned()]);
        line(&mut csv, &row);
    }
    text(project, "choices.csv", &csv).map(drop)
}

/// A number, or nothing: a gap is a gap.
fn number(value: Option<f64>) -> String {
    value.map_or_else(String::new, |v| v.to_string())
}

fn line(csv: &mut String, cells: &[String]) {
    let quoted: Vec<_> = cells.iter().map(|cell| quoted(cell)).collect();
    let _ = writeln!(csv, "{}", quoted.join(","));
}

/// The cluster's cities with their boundaries as GeoParquet.
fn geoparquet(
    project: &Project,
    base: &Base,
    name: &str,
    columns: Vec<(String, Values)>,
) -> Result<(), Failure> {
    let shapes = (base.members.iter())
        .map(|m| {
            let boundary = base.census.units[base.unit_of[&m.code]].boundary.as_ref()?;
            let polygons = (boundary.shape().iter())
                .map(|p| {
                    let rings = std::iter::once(p.exterior()).chain(p.interiors());
                    rings
                        .map(|r| r.coords().map(|c| (c.x, c.y)).collect())
                        .collect()
                })
                .collect();
            Some(Shape::MultiPolygon(polygons))
        })
        .collect();
    let table = ShapeTable { columns, shapes };
    let folder = project.out();
    std::fs::create_dir_all(&folder).map_err(|e| io(&folder, "cannot make", &e))?;
    Ok(table.write(&folder.join(name))?)
}

/// The cluster's cities as features with their boundaries (RFC 7946).
fn geojson(
    project: &Project,
    base: &Base,
    name: &str,
    properties: &dyn Fn(&str) -> Value,
) -> Result<(), Failure> {
    let features: Vec<Value> = (base.members.iter())
        .map(|m| {
            let boundary = base.census.units[base.unit_of[&m.code]].boundary.as_ref();
            let geometry = boundary.map(|b| {
                let polygons: Vec<Value> = (b.shape().iter())
                    .map(|p| {
                        let rings = std::iter::once(p.exterior()).chain(p.interiors());
                        json!(
                            rings
                                .map(|ring| {
                                    ring.coords().map(|c| [c.x, c.y]).collect::<Vec<_>>()
                                })
                                .collect::<Vec<_>>()
                        )
                    })
                    .collect();
                json!({ "type": "MultiPolygon", "coordinates": polygons })
            });
            json!({
                "type": "Feature",
                "id": m.code,
                "geometry": geometry,
                "properties": properties(&m.code),
            })
        })
        .collect();
    let whole = json!({ "type": "FeatureCollection", "features": features });
    let content = serde_json::to_string(&whole)
        .map_err(|e| Failure::plain(format!("a map cannot be written: {e}"), None))?;
    text(project, name, &content).map(drop)
}
