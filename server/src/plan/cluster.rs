//! `conurb cluster`: lists, delineation by distance, reach of a city.

use std::fmt::Write as _;

use comfy_table::{Table, presets};
use conurb_region::facts;
use conurb_region::percolation::{Curve, Jump, Step, curve};
use conurb_region::places::{Place, PlaceRule, read, select};
use conurb_store::geoparquet::{Shape, ShapeTable, Values};
use serde::Serialize;

use super::args::{ClusterArgs, ClusterCommand, DelineateArgs, StepArgs};
use super::base::Base;
use super::project::Project;
use super::write;
use crate::fail::{Failure, io};
use crate::out::{Lang, say, tell};

/// Jumps shown.
const JUMPS: usize = 5;

/// Runs `conurb cluster`.
pub(crate) fn run(args: &ClusterArgs, lang: Lang) -> Result<(), Failure> {
    match &args.what {
        ClusterCommand::List { list, json } => list_of(list.as_deref(), *json, lang),
        ClusterCommand::Delineate(delineate) => delineate_places(delineate, lang),
        ClusterCommand::Reach { step, from } => reach(step, from, lang),
    }
}

fn plain(head: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(head);
    table
}

fn list_of(list: Option<&str>, as_json: bool, lang: Lang) -> Result<(), Failure> {
    let Some(list) = list else {
        let all = facts::cluster_lists();
        if as_json {
            say(&write::to_json(&all)?);
            return Ok(());
        }
        let mut t = plain(&[
            "id",
            lang.pick("城市群", "cluster"),
            lang.pick("城市", "cities"),
            lang.pick("来源", "source"),
        ]);
        for l in &all {
            t.add_row([
                l.id.clone(),
                lang.pick(&l.cluster_zh, &l.cluster_en).to_owned(),
                l.members.to_string(),
                format!("{}, {}", l.origin.source, l.origin.year),
            ]);
        }
        say(&t.to_string());
        return Ok(());
    };
    let members = facts::members(list)?;
    if as_json {
        say(&write::to_json(&members)?);
        return Ok(());
    }
    let mut t = plain(&[
        "code",
        lang.pick("城市", "city"),
        lang.pick("省份", "province"),
    ]);
    for m in &members {
        t.add_row([
            m.code.clone(),
            lang.pick(&m.name_zh, &m.name_en).to_owned(),
            lang.pick(&m.province_zh, &m.province_en).to_owned(),
        ]);
    }
    say(&t.to_string());
    Ok(())
}

/// What delineation found.
#[derive(Debug, Serialize)]
struct Delineated {
    /// Places that took part.
    places: usize,
    /// Their people.
    pop_persons: f64,
    /// Dropped: elsewhere, too small, parts of cities.
    dropped: [usize; 3],
    /// States at the distances asked for.
    at: Vec<At>,
    /// The greatest jumps of the largest component.
    jumps: Vec<Jump>,
}

/// The state at a distance.
#[derive(Debug, Serialize)]
struct At {
    /// Asked for, km.
    linking_km: f64,
    /// The state.
    #[serde(flatten)]
    step: Step,
    /// The largest places of the largest component.
    largest_places: Vec<String>,
}

fn delineate_places(args: &DelineateArgs, lang: Lang) -> Result<(), Failure> {
    let all = read(&args.places)?;
    let within_deg = match args.within.as_slice() {
        [] => None,
        [w, s, e, n] => Some([*w, *s, *e, *n]),
        _ => {
            return Err(Failure::plain(
                "--box needs four numbers",
                Some("write west,south,east,north, e.g. -85,35,-66,48"),
            ));
        }
    };
    let rule = PlaceRule {
        pop_min_persons: args.pop_min,
        countries: args.country.clone(),
        within_deg,
        ..PlaceRule::default()
    };
    let selection = select(&all, &rule);
    let found = curve(&selection.places)?;
    let at = (args.at_km.iter())
        .map(|d| at(&found, &selection.places, *d))
        .collect::<Result<Vec<_>, _>>()?;
    let document = Delineated {
        places: selection.places.len(),
        pop_persons: found.pop_persons,
        dropped: [selection.elsewhere, selection.too_small, selection.parts],
        at,
        jumps: found.jumps(JUMPS),
    };
    save(args, (&found, &selection.places), &document)?;
    if args.json {
        say(&write::to_json(&document)?);
        return Ok(());
    }
    say(&table_of(&document, &selection.places, lang));
    tell(&format!(
        "{}: {}",
        lang.pick("结果写入", "results in"),
        args.out.display()
    ));
    Ok(())
}

fn at(found: &Curve, places: &[Place], linking_km: f64) -> Result<At, Failure> {
    let step = *found.at(linking_km)?;
    let mut members = found.component_of(step.largest.core, linking_km)?;
    members.sort_by(|a, b| places[*b].pop_persons.total_cmp(&places[*a].pop_persons));
    Ok(At {
        linking_km,
        largest_places: (members.iter().take(8))
            .map(|i| places[*i].name.clone())
            .collect(),
        step,
    })
}

fn table_of(document: &Delineated, places: &[Place], lang: Lang) -> String {
    let mut t = plain(&match lang {
        Lang::Zh => [
            "连接距离 km",
            "组团",
            "最大：地点",
            "百万人",
            "跨度 km",
            "第二：百万人",
            "",
        ],
        Lang::En => [
            "linking km",
            "components",
            "largest: places",
            "M persons",
            "span km",
            "second: M",
            "",
        ],
    });
    for a in &document.at {
        let second = a.step.second.as_ref().map(|c| c.pop_persons / 1e6);
        t.add_row([
            a.linking_km.to_string(),
            a.step.components.to_string(),
            a.step.largest.places.to_string(),
            format!("{:.1}", a.step.largest.pop_persons / 1e6),
            format!("{:.0}", a.step.largest.span_km),
            second.map_or_else(|| "-".to_owned(), |m| format!("{m:.1}")),
            a.largest_places.join(" "),
        ]);
    }
    let jumps: Vec<String> = (document.jumps.iter())
        .map(|j| {
            format!(
                "{:.1} km: +{:.1} % ({})",
                j.d_km,
                100.0 * j.gain_share,
                places[j.after.core].name
            )
        })
        .collect();
    format!(
        "{t}\n{}: {}; {:.1} M\n{}: {}",
        lang.pick("地点", "places"),
        document.places,
        document.pop_persons / 1e6,
        lang.pick("最大的跃变", "greatest jumps"),
        jumps.join("; ")
    )
}

/// The curve as JSON, CSV and a picture.
fn save(
    args: &DelineateArgs,
    (found, places): (&Curve, &[Place]),
    document: &Delineated,
) -> Result<(), Failure> {
    let folder = &args.out;
    std::fs::create_dir_all(folder).map_err(|e| io(folder, "cannot make", &e))?;
    let put = |name: &str, content: &str| {
        let file = folder.join(name);
        std::fs::write(&file, content).map_err(|e| io(&file, "cannot write", &e))
    };
    let mut csv = String::from(
        "linking_km,components,largest_places,largest_persons,largest_span_km,second_places,second_persons\n",
    );
    for s in &found.steps {
        let second = s.second.as_ref();
        let _ = writeln!(
            csv,
            "{},{},{},{},{},{},{}",
            s.d_km,
            s.components,
            s.largest.places,
            s.largest.pop_persons,
            s.largest.span_km,
            second.map_or(0, |c| c.places),
            second.map_or(0.0, |c| c.pop_persons),
        );
    }
    put("curve.csv", &csv)?;
    put("curve.json", &(write::to_json(document)? + "\n"))?;
    put("curve.svg", &picture(found))?;
    Ok(places_table(args, found, places)?.write(&folder.join("places.parquet"))?)
}

/// Every place with the number of its component at each distance, the largest component first.
fn places_table(
    args: &DelineateArgs,
    found: &Curve,
    places: &[Place],
) -> Result<ShapeTable, Failure> {
    let mut columns = vec![
        (
            "name".to_owned(),
            Values::Text(places.iter().map(|p| Some(p.name.clone())).collect()),
        ),
        (
            "pop_persons".to_owned(),
            Values::Number(places.iter().map(|p| Some(p.pop_persons)).collect()),
        ),
    ];
    for km in &args.at_km {
        let mut number = vec![None; places.len()];
        for (n, members) in (1_u32..).zip(found.members(*km)?) {
            for place in members {
                number[place] = Some(f64::from(n));
            }
        }
        // A column's name holds no point.
        let km = km.to_string().replace('.', "_");
        columns.push((format!("component_at_{km}_km"), Values::Number(number)));
    }
    let shapes = (places.iter())
        .map(|p| Some(Shape::Point(p.lon, p.lat)))
        .collect();
    Ok(ShapeTable { columns, shapes })
}

/// Share of people in the two largest components over the linking distance.
fn picture(found: &Curve) -> String {
    const SIZE: (f64, f64) = (720.0, 360.0);
    const EDGE: f64 = 48.0;
    // Beyond this nearly everything is linked, and the curve says no more.
    let far = found
        .steps
        .iter()
        .map(|s| s.d_km)
        .fold(0.0, f64::max)
        .clamp(1.0, 100.0);
    let x = |km: f64| EDGE + km.min(far) / far * (SIZE.0 - 2.0 * EDGE);
    let y =
        |persons: f64| SIZE.1 - EDGE - persons / found.pop_persons.max(1.0) * (SIZE.1 - 2.0 * EDGE);
    let path = |of: &dyn Fn(&Step) -> f64| {
        let mut d = String::new();
        for s in found.steps.iter().filter(|s| s.d_km <= far) {
            let _ = if d.is_empty() {
                write!(d, "M{:.1} {:.1}", x(s.d_km), y(of(s)))
            } else {
                write!(d, "H{:.1}V{:.1}", x(s.d_km), y(of(s)))
            };
        }
        d
    };
    let largest = path(&|s| s.largest.pop_persons);
    let second = path(&|s| s.second.as_ref().map_or(0.0, |c| c.pop_persons));
    let mut ticks = String::new();
    for k in 0..=5 {
        let km = far * f64::from(k) / 5.0;
        let share = f64::from(k) / 5.0;
        let _ = write!(
            ticks,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{km:.0}</text><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{:.0} %</text>",
            x(km),
            SIZE.1 - EDGE + 18.0,
            EDGE - 6.0,
            y(share * found.pop_persons) + 4.0,
            100.0 * share
        );
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" font-family=\"sans-serif\" font-size=\"12\">\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>{ticks}\
         <path d=\"{largest}\" fill=\"none\" stroke=\"#193d89\" stroke-width=\"2\"/>\
         <path d=\"{second}\" fill=\"none\" stroke=\"#a45e08\" stroke-width=\"2\"/>\
         <text x=\"{EDGE}\" y=\"24\">share of people 人口份额: <tspan fill=\"#193d89\">largest 最大</tspan> <tspan fill=\"#a45e08\">second 第二</tspan>; linking distance 连接距离, km</text></svg>\n",
        SIZE.0, SIZE.1
    )
}

/// A row of `conurb cluster reach`.
#[derive(Debug, Serialize)]
struct ReachRow {
    code: String,
    name: String,
    minutes: Option<f64>,
}

fn reach(step: &StepArgs, from: &str, lang: Lang) -> Result<(), Failure> {
    let project = Project::load(&step.project)?;
    let base = Base::load(&project, step.quiet)?;
    let times = &base.evaluation()?.times;
    let code = base.code_of(from).unwrap_or(from);
    let origin = times.place(code)?;
    let mut rows: Vec<ReachRow> = (times.places.iter().enumerate())
        .filter(|(to, _)| *to != origin)
        .map(|(to, code)| ReachRow {
            code: code.clone(),
            name: base.name(code).to_owned(),
            minutes: times.get(origin, to),
        })
        .collect();
    let key = |r: &ReachRow| r.minutes.unwrap_or(f64::INFINITY);
    rows.sort_by(|a, b| key(a).total_cmp(&key(b)).then(a.code.cmp(&b.code)));
    if step.json {
        say(&write::to_json(&rows)?);
        return Ok(());
    }
    let mut t = plain(&["code", lang.pick("城市", "city"), "min"]);
    for r in &rows {
        let minutes = r
            .minutes
            .map_or_else(|| "-".to_owned(), |m| format!("{m:.0}"));
        t.add_row([r.code.clone(), r.name.clone(), minutes]);
    }
    say(&t.to_string());
    Ok(())
}
