//! `conurb plan` and `conurb cluster`: the lists without any data, the whole walk on the national
//! timetable of 2016.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::program::{Dir, conurb_test};

conurb_test!(lists_name_their_cities_and_sources, |dir| {
    let lists = dir.run("cluster list --json").ok().json();
    let members = |id: &str| {
        let of = |l: &&Value| l["id"] == id;
        lists
            .as_array()
            .and_then(|l| l.iter().find(of))
            .map(|l| l["members"].clone())
    };
    for (id, count) in [
        ("jjj13", 13),
        ("yrd41", 41),
        ("prd9", 9),
        ("chengyu16", 16),
        ("midyangtze31", 31),
    ] {
        assert_eq!(members(id), Some(count.into()), "{id}");
    }
    let cities = dir.run("cluster list yrd41 --json").ok().json();
    assert_eq!(cities.as_array().map(Vec::len), Some(41));
    dir.run("cluster list yrd14")
        .fails(2, &["CNB-REGION-0015", "did you mean"]);
});

conurb_test!(places_are_linked_and_the_curve_is_drawn, |dir| {
    // Three towns 11 km apart in a row, and one 100 km away.
    dir.write(
        "places.csv",
        "name,lat,lon,population\nA,0,0,100000\nB,0,0.1,50000\nC,0,0.2,20000\nD,0,1.1,70000\n",
    );
    let words = "cluster delineate --places places.csv --at 5,12,101 --json --out d";
    let found = dir.run(words).ok().json();
    let components: Vec<&Value> = (0..3).map(|i| &found["at"][i]["components"]).collect();
    assert_eq!(components, [4, 2, 1]);
    assert_eq!(found["at"][1]["largest"]["pop_persons"], 170_000.0);
    assert!(String::from_utf8_lossy(&dir.read("d/curve.svg")).contains("</svg>"));
    assert_eq!(
        dir.read("d/curve.csv")
            .iter()
            .filter(|b| **b == b'\n')
            .count(),
        4
    );
    // GeoParquet begins and ends with its mark, and says what its shapes are.
    let parquet = dir.read("d/places.parquet");
    assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
    assert!(String::from_utf8_lossy(&parquet).contains("\"version\":\"1.1.0\""));
    dir.run("cluster delineate --places none.csv")
        .fails(2, &["none.csv"]);
    dir.run("cluster delineate --places places.csv --box 1,2")
        .fails(2, &["--box needs four"]);
});

conurb_test!(a_project_is_made_once_and_its_mistakes_have_a_line, |dir| {
    dir.run("plan init p").ok();
    dir.run("plan init p").fails(2, &["is there already"]);
    dir.run("plan define --project p/plan.toml")
        .fails(2, &["census.csv"]);
    let text = String::from_utf8(dir.read("p/plan.toml")).expect("UTF-8");
    dir.write("p/plan.toml", text.replace("change_s", "chance_s"));
    dir.run("plan define --project p/plan.toml")
        .fails(2, &["p/plan.toml:", "chance_s", "change_s"]);
    dir.write("p/plan.toml", text.replace("= 2010", "= 2015"));
    dir.run("plan define --project p/plan.toml")
        .fails(2, &["population_year 2015"]);
});

/// Decisions of a project. The costs of the river are the textbook's.
const CHOICES: &str = r#"
[choose.lines]
candidates = [["上海", "南通"], ["南京", "扬州"], ["合肥", "亳州"], ["连云港", "盐城"]]
budget_km = 200

[choose.services]
what = "hospital"
sites = 3

[choose.industry]
jobs = "@jobs@"
source = "census 2020"
name_column = "市"
group_column = "省"
code_column = "区划代码"
other_columns = ["人口数_合计", "城镇人口"]
moved_jobs = 20000
lq_drift = 0.2
evaluations = 100000

[choose.sharing]
source = "Dong, Ni and Wang 2012"
unit = "units"
cities = ["1", "2", "3", "4"]
downstream = ["3", "3", "4", ""]
costs = [4, 6, 9, 12]
"#;

fn choices_are_made(choices: &Value) {
    let of = |id: &str| {
        let all = choices.as_array().expect("choices");
        let found = all.iter().find(|c| c["id"] == id);
        found.unwrap_or_else(|| panic!("{id} is not in {choices}"))
    };
    for id in ["lines", "services", "industry", "sharing"] {
        for part in ["title", "losers", "effect", "cost", "confidence"] {
            for lang in ["zh", "en"] {
                let text = of(id)[part][lang].as_str().expect("a text");
                assert!(!text.is_empty(), "{id} {part} {lang}");
            }
        }
        assert!(
            of(id)["citation"]
                .as_str()
                .is_some_and(|c| c.contains("19") || c.contains("20"))
        );
    }
    let lines = &of("lines")["detail"];
    assert!(
        lines["cost"]
            .as_f64()
            .is_some_and(|c| c > 0.0 && c <= 200.0),
        "{lines}"
    );
    assert_eq!(
        lines["certificate"]["proved"], true,
        "four links are all tried"
    );
    assert_eq!(
        of("services")["detail"]["open"].as_array().map(Vec::len),
        Some(3)
    );
    let industry = &of("industry")["detail"];
    let (before, after) = (
        &industry["overlap_before"],
        &industry["certificate"]["objective"],
    );
    assert!(after.as_f64() < before.as_f64(), "{before} {after}");
    let rules = &of("sharing")["detail"]["rules"];
    assert_eq!(
        rules[1]["shares"],
        serde_json::json!([10.0, 12.0, 6.0, 3.0]),
        "{rules}"
    );
    assert_eq!(rules[2]["in_core"], true);
}

/// The cities of a table of the shared data, by their Chinese name.
fn oracle(path: &std::path::Path) -> BTreeMap<String, Vec<String>> {
    let text = std::fs::read_to_string(path).expect("a table");
    (text.lines().skip(1))
        .map(|line| {
            let cells: Vec<String> = line.split(',').map(str::to_owned).collect();
            (cells[0].clone(), cells)
        })
        .collect()
}

#[test]
fn the_delta_of_2016_is_reproduced_and_every_corridor_is_tried() {
    let data = conurb_testkit::need_shared!("the_delta_of_2016_is_reproduced");
    let region = data.join("region");
    let dir = Dir::new();
    let extra = [
        "--feed".as_ref(),
        &*region.join("gtfs_cn_hsr_2016.zip"),
        "--census".as_ref(),
        &*region.join("census/census_city_2010-2020_v1.csv"),
    ];
    dir.run_with("plan init p", &extra).ok();
    let jobs = region.join("reference/cn_prefecture_employment20_census2020.csv");
    let mut project = String::from_utf8(dir.read("p/plan.toml")).expect("UTF-8");
    project.push_str(&CHOICES.replace("@jobs@", &jobs.display().to_string()));
    dir.write("p/plan.toml", project);
    dir.run("plan report --project p/plan.toml --quiet").ok();

    let report = dir.json("p/out/report.json");
    let analysed = &report["analysed"];
    assert_eq!(analysed["unserved"].as_array().map(Vec::len), Some(11));
    let mean = analysed["watt_mean_min"].as_f64().expect("a number");
    assert!((mean - 129.9862).abs() < 5e-5, "{mean}");
    let oracle = oracle(&region.join("reference/yrd_accessibility_2016_change600.csv"));
    let cities = analysed["cities"].as_array().expect("cities");
    assert_eq!(cities.len(), oracle.len());
    for city in cities {
        let name = city["name"].as_str().expect("a name");
        let row = oracle
            .iter()
            .find(|(k, _)| k.trim_end_matches('市') == name);
        let row = row
            .unwrap_or_else(|| panic!("{name} is not in {:?}", oracle.keys()))
            .1;
        // The table's columns are rounded to a tenth: minutes, three times million persons, and
        // ten thousand persons per minute.
        let near = |column: usize, value: &Value, unit: f64| {
            let found = value.as_f64().expect("a number") / unit;
            let expected: f64 = row[column].parse().expect("a number");
            assert!((found - expected).abs() <= 0.0501, "{name}: {city} {row:?}");
        };
        near(2, &city["watt_min"], 1.0);
        for k in 0..3 {
            near(3 + k, &city["within_persons"][k], 1e6);
        }
        near(6, &city["potential_persons_min"], 1e4);
    }
    let corridors = report["optimised"]["corridors"]
        .as_array()
        .expect("corridors");
    assert_eq!(corridors.len(), 16);
    let coastal = corridors.iter().find(|c| c["id"] == "V1").expect("V1");
    assert!(coastal["new_legs"].as_u64() > Some(0), "{coastal}");
    let connected = coastal["connected"].to_string();
    assert!(
        connected.contains("南通"),
        "the coastal line reaches Nantong: {connected}"
    );

    choices_are_made(&report["optimised"]["choices"]);

    let page = String::from_utf8(dir.read("p/out/report.html")).expect("UTF-8");
    for part in ["1. ", "2. ", "3. ", "4. ", "5. "] {
        assert!(page.contains(&format!("<h2>{part}")), "part {part}");
    }
    assert!(
        !page.contains(" src=") && !page.contains("url("),
        "nothing is loaded"
    );
    assert!(
        page.contains("高速铁路营业里程"),
        "targets are Chinese in the Chinese report"
    );
    for file in [
        "cities.csv",
        "reach.csv",
        "corridors.csv",
        "cities.geojson",
        "reach.geojson",
        "cities.parquet",
        "reach.parquet",
        "choices.csv",
    ] {
        assert!(dir.path(&format!("p/out/{file}")).exists(), "{file}");
    }

    dir.write(
        "edit.toml",
        "[[edits]]\nkind = \"close_station\"\nstop = \"南京南\"\n",
    );
    let words = "plan compare --project p/plan.toml --scenario edit.toml --json --quiet";
    let found = dir.run(words).ok().json();
    let mean = found["after"]["mean"].as_f64().expect("a number");
    assert!((mean - 136.5736).abs() < 5e-5, "{mean}");
    assert_eq!(
        found["losers"][0]["city"], "340500",
        "Ma'anshan loses most: {}",
        found["losers"][0]
    );
}
