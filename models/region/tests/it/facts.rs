//! Shipped facts against the tables they were compiled beside, and shares that need a source.

use std::collections::{BTreeMap, BTreeSet};

use conurb_base::Coded;
use conurb_geo::great_circle_km;
use conurb_region::facts::{
    Indicator, PartKind, Source, cluster_cities, cluster_lists, corridors, members,
    reference_places, targets,
};
use conurb_region::polygons::{CensusUnit, read_census};
use conurb_testkit::need_shared;

use crate::support::{csv, near};

#[test]
fn five_clusters_have_their_lists() {
    let sizes = [
        ("jjj", 13),
        ("yrd", 41),
        ("prd", 9),
        ("chengyu", 16),
        ("midyangtze", 31),
        ("yrd26", 26),
        ("yrd27", 27),
        ("gba11", 11),
    ];
    for (id, count) in sizes {
        assert_eq!(members(id).unwrap().len(), count, "{id}");
    }
    for list in cluster_lists() {
        assert_eq!(
            members(&list.id).unwrap().len(),
            list.members,
            "{}",
            list.id
        );
        assert!(!list.origin.source.is_empty() && list.origin.year >= 2015);
    }
    assert_eq!(cluster_lists().iter().filter(|l| l.whole).count(), 5);
    let by_province = members("yrd")
        .unwrap()
        .iter()
        .fold(BTreeMap::new(), |mut by, c| {
            *by.entry(c.province_en.clone()).or_insert(0) += 1;
            by
        });
    let expected = [
        ("Anhui", 16),
        ("Jiangsu", 13),
        ("Shanghai", 1),
        ("Zhejiang", 11),
    ];
    assert_eq!(by_province, expected.map(|(p, n)| (p.to_owned(), n)).into());
    let names = |id: &str| -> BTreeSet<String> {
        members(id)
            .unwrap()
            .into_iter()
            .map(|c| c.name_zh)
            .collect()
    };
    let (core, list) = (names("yrd27"), names("yrd26"));
    assert_eq!(core.difference(&list).collect::<Vec<_>>(), ["温州"]);
    let codes: BTreeSet<String> = cluster_cities().into_iter().map(|c| c.code).collect();
    assert_eq!(codes.len(), cluster_cities().len());
    let error = members("yrd29").unwrap_err();
    assert_eq!(error.code(), "CNB-REGION-0015");
    assert!(error.to_string().contains("did you mean"), "{error}");
}

#[test]
fn sixteen_corridors_have_parts_and_dated_status() {
    let all = corridors();
    assert_eq!(all.len(), 16);
    let count = |n: usize| {
        targets()
            .iter()
            .filter(|t| t.value == Some(n as f64))
            .count()
    };
    assert_eq!(count(16), 1);
    for corridor in &all {
        assert_eq!(corridor.parts[0].kind, PartKind::Main, "{}", corridor.id);
        assert!(corridor.parts[0].cities_zh.len() >= 3);
        for part in &corridor.parts {
            assert_eq!(part.cities_zh.len(), part.cities_en.len());
        }
        assert_eq!(corridor.status.is_some(), corridor.status_origin.is_some());
        assert_eq!(
            (corridor.design_speed_km_h, corridor.length_km),
            (None, None)
        );
    }
    let through: Vec<&str> = all
        .iter()
        .filter(|c| c.status.as_deref() == Some("continuous"))
        .map(|c| c.id.as_str())
        .collect();
    assert_eq!(through, ["V2", "V4", "H3", "H4", "H6", "H8"]);
    assert_eq!(all[2].id, "V3");
    assert!(all[2].parts.iter().any(|p| p.kind == PartKind::Branch));
}

#[test]
fn belts_and_targets_are_what_their_sources_say() {
    let ends = |belt: &str, from: &str, to: &str| {
        let places = reference_places(belt).unwrap();
        let at = |name: &str| {
            let p = places.iter().find(|p| p.name_en == name).unwrap();
            (p.lat, p.lon)
        };
        great_circle_km(at(from), at(to))
    };
    assert_eq!(ends("boswash", "Boston", "Washington").round(), 634.0);
    let tokaido = ends("taiheiyo", "Tokyo", "Osaka");
    assert!((390.0..=405.0).contains(&tokaido), "{tokaido}");
    // Between 960 and 970 km by the point chosen for each city.
    let belt = ends("taiheiyo", "Mito", "Fukuoka");
    assert!((960.0..=970.0).contains(&belt), "{belt}");
    assert!(reference_places("boswas").is_err());
    let year = |id: &str| {
        targets()
            .into_iter()
            .find(|t| t.id == id)
            .unwrap()
            .target_year
    };
    assert_eq!(year("carbon_peak"), Some(2030));
    assert_eq!(year("carbon_neutrality"), Some(2060));
    assert_eq!(year("high_speed_km"), Some(2035));
    assert!(targets().iter().all(|t| !t.source.is_empty()));
}

/// A column by code (by name where the code is blank); the file writes codes as decimal numbers,
/// blank figures mean 0.
fn column(rows: &[BTreeMap<String, String>], name: &str) -> BTreeMap<String, f64> {
    rows.iter()
        .map(|r| {
            let code = r["区划代码"].trim_end_matches(".0");
            let key = if code.is_empty() {
                r["市"].as_str()
            } else {
                code
            };
            let value = if r[name].is_empty() {
                0.0
            } else {
                r[name].parse().unwrap()
            };
            (key.to_owned(), value)
        })
        .collect()
}

/// Municipalities end in 0000 in the workbook and in 0100 in our lists.
fn workbook_code(code: &str) -> String {
    match code {
        "110100" | "120100" | "310100" | "500100" => format!("{}0000", &code[..2]),
        _ => code.to_owned(),
    }
}

#[test]
fn the_five_clusters_hold_half_of_the_urban_population() {
    let data = need_shared!("the_five_clusters_hold_half_of_the_urban_population");
    let rows = csv(&data.join("region/reference/cn_prefecture_employment20_census2020.csv"));
    let not_units = [
        "省直辖县级行政区划",
        "自治区直辖县级行政区划",
        "西沙群岛",
        "南沙群岛",
        "中沙群岛的岛礁及其海域",
    ];
    let units: Vec<_> = rows
        .into_iter()
        .filter(|r| !not_units.contains(&r["市"].as_str()))
        .collect();
    assert_eq!(units.len(), 367);
    let source = Source {
        name: "census of China, county workbook".to_owned(),
        year: 2020,
    };
    let table = |what: &str, name: &str| Indicator {
        what: what.to_owned(),
        values: column(&units, name),
        declared_total: None,
        source: Some(source.clone()),
    };
    let mut population = table("population, persons", "人口数_合计");
    population.declared_total = Some(1_409_778_724.0);
    let mut urban = table("urban population, persons", "城镇人口");
    urban.declared_total = Some(899_991_162.0);
    let codes: Vec<String> = ["jjj", "yrd", "prd", "chengyu", "midyangtze"]
        .iter()
        .flat_map(|id| members(id).unwrap())
        .map(|c| workbook_code(&c.code))
        .collect();
    let codes: Vec<&str> = codes.iter().map(String::as_str).collect();
    let all = population.share(&codes).unwrap();
    let cities = urban.share(&codes).unwrap();
    assert_eq!((all.part, cities.part), (652_764_779.0, 454_552_552.0));
    assert_eq!(format!("{:.2}", 100.0 * all.share), "46.30");
    assert_eq!(format!("{:.2}", 100.0 * cities.share), "50.51");
    population.declared_total = Some(1_414_735_461.0);
    assert_eq!(
        population.share(&codes).unwrap_err().code(),
        "CNB-REGION-0005"
    );
}

#[test]
fn the_polygon_file_gives_the_cluster_totals() {
    let data = need_shared!("the_polygon_file_gives_the_cluster_totals");
    let path = data.join("region/census/census_city_2010-2020_v1.csv");
    let census = read_census(&std::fs::read(path).unwrap(), "census.csv").unwrap();
    let totals = |list: &str| {
        let codes: BTreeSet<String> = members(list).unwrap().into_iter().map(|c| c.code).collect();
        let units: Vec<_> = census
            .units
            .iter()
            .filter(|u| codes.contains(&u.code))
            .collect();
        assert_eq!(units.len(), codes.len(), "{list}");
        let sum =
            |of: fn(&CensusUnit) -> Option<f64>| units.iter().filter_map(|u| of(u)).sum::<f64>();
        (sum(|u| u.pop_2020_persons), sum(|u| u.pop_2010_persons))
    };
    let known = [
        ("jjj", 108_067_913.0, 102_078_001.0),
        ("yrd", 235_213_670.0, 215_607_496.0),
        ("prd", 78_014_335.0, 56_191_578.0),
        ("chengyu", 102_709_894.0, 95_758_968.0),
        ("midyangtze", 126_523_204.0, 124_649_121.0),
    ];
    for (list, in_2020, in_2010) in known {
        assert_eq!(totals(list), (in_2020, in_2010), "{list}");
    }
    // The workbook counts Baoding with Dingzhou and Xiong'an, the polygon file without.
    let table = csv(&data.join("region/reference/cn_prefecture_employment20_census2020.csv"));
    let workbook = (table.iter().find(|r| r["市"].starts_with("保定")))
        .and_then(|r| r["人口数_合计"].parse::<f64>().ok());
    let polygon = census.units.iter().find(|u| u.code == "130600");
    let polygon = polygon.and_then(|u| u.pop_2020_persons);
    assert_eq!((polygon, workbook), (Some(9_242_610.0), Some(11_544_036.0)));
    assert_eq!(
        (totals("yrd26").0, totals("yrd27").0),
        (165_085_566.0, 174_658_469.0)
    );
}

#[test]
fn a_share_without_a_source_is_refused() {
    let mut gdp = Indicator {
        what: "GDP, yuan".to_owned(),
        values: [("a", 1.0), ("b", 3.0)]
            .map(|(c, v)| (c.to_owned(), v))
            .into(),
        declared_total: None,
        source: None,
    };
    let error = gdp.share(&["a"]).unwrap_err();
    assert_eq!(error.code(), "CNB-REGION-0011");
    assert!(error.to_string().contains("GDP"), "{error}");
    gdp.source = Some(Source {
        name: "synthetic".to_owned(),
        year: 2020,
    });
    near(gdp.share(&["a"]).unwrap().share, 0.25, 1e-15);
    assert_eq!(
        gdp.share(&["a", "c"]).unwrap_err().code(),
        "CNB-REGION-0004"
    );
    assert!(gdp.share(&["a", "a"]).is_err());
}
