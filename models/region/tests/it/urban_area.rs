//! Functional urban areas on hand-made units, break points, hinterlands, comparison of lists.

use std::collections::BTreeMap;

use conurb_region::facts::members;
use conurb_region::urban_area::{
    AreaRules, AreaUnit, Flows, break_point, compare, functional_areas, hinterlands,
};

use crate::support::near;

fn unit(name: &str, pop_persons: f64, in_centres: &[(u32, f64)]) -> AreaUnit {
    AreaUnit {
        name: name.to_owned(),
        pop_persons,
        in_centres: in_centres.iter().copied().collect::<BTreeMap<_, _>>(),
    }
}

/// A row of units 0-1-...-7, each bordering the next; cities at 0 and 5, the latter of two units.
fn row() -> (Vec<AreaUnit>, Vec<Vec<usize>>) {
    let units = vec![
        unit("core", 100.0, &[(1, 80.0)]),
        unit("zone", 50.0, &[]),
        unit("gap", 50.0, &[(1, 10.0)]),
        unit("far", 50.0, &[]),
        unit("free", 50.0, &[]),
        unit("east", 100.0, &[(2, 50.0)]),
        unit("east too", 100.0, &[(2, 90.0)]),
        unit("end", 50.0, &[]),
    ];
    let neighbours = (0..8_usize)
        .map(|i| {
            (i.saturating_sub(1)..=(i + 1).min(7))
                .filter(|&j| j != i)
                .collect()
        })
        .collect();
    (units, neighbours)
}

#[test]
fn cities_zones_exclaves_and_enclaves() {
    let (units, neighbours) = row();
    let residents = vec![40.0; 8];
    // 1 and 3 commute to 0, but 3 does not touch; 7 sends too little and is surrounded by 6.
    let mut flows = vec![(1, 0, 6.0), (3, 0, 20.0), (2, 0, 5.9), (7, 6, 1.0)];
    let table = Flows::commuters(&flows, &residents).unwrap();
    let found = functional_areas(&units, &table, &neighbours, &AreaRules::default()).unwrap();
    assert_eq!(found.areas.len(), 2);
    assert_eq!(
        (&found.areas[0].city, &found.areas[0].zone),
        (&vec![0], &vec![1])
    );
    assert_eq!(
        (&found.areas[1].city, &found.areas[1].zone),
        (&vec![5, 6], &vec![7])
    );
    assert_eq!(
        (found.exclaves.clone(), found.enclaves.clone()),
        (vec![3], vec![7])
    );
    assert_eq!(found.areas[1].pop_persons, 250.0);
    let json = serde_json::to_value(&found).unwrap();
    assert_eq!(json["basis"], "commuters");

    // 13 of the 80 workers of the eastern city: 16.25 % join it to the first; 12 (15 %) do not.
    flows.push((5, 0, 13.0));
    let table = Flows::commuters(&flows, &residents).unwrap();
    let found = functional_areas(&units, &table, &neighbours, &AreaRules::default()).unwrap();
    assert_eq!(found.areas.len(), 1);
    assert_eq!(found.areas[0].centres, [1, 2]);
    flows.last_mut().unwrap().2 = 12.0;
    let table = Flows::commuters(&flows, &residents).unwrap();
    let found = functional_areas(&units, &table, &neighbours, &AreaRules::default()).unwrap();
    assert_eq!(found.areas.len(), 2);
}

#[test]
fn a_proxy_says_so_in_its_result() {
    let (units, neighbours) = row();
    let minutes: Vec<f64> = (0..64)
        .map(|c| 25.0 * (c / 8_usize).abs_diff(c % 8) as f64)
        .collect();
    let table = Flows::within_minutes(8, minutes, 60.0).unwrap();
    let found = functional_areas(&units, &table, &neighbours, &AreaRules::default()).unwrap();
    assert_eq!(found.areas[0].zone, [1, 2]);
    assert_eq!(found.areas[1].zone, [3, 4, 7]);
    let json = serde_json::to_value(&found).unwrap();
    assert_eq!(json["basis"], "proxy");
    assert_eq!(json["flow"], "proxy: at most 60 minutes");
    let table = Flows::proxy("radiation model", &[(1, 0, 9.0)], &[40.0; 8]).unwrap();
    let found = functional_areas(&units, &table, &neighbours, &AreaRules::default()).unwrap();
    assert_eq!(found.flow, "proxy: radiation model");
}

#[test]
fn break_points_and_hinterlands_use_one_ratio() {
    assert_eq!(
        format!("{:.4}", break_point(100.0, 4.0, 1.0).unwrap()),
        "66.6667"
    );
    near(break_point(100.0, 1.0, 1.0).unwrap(), 50.0, 1e-15);
    for (d, a, b) in [(0.0, 1.0, 1.0), (1.0, 0.0, 1.0), (1.0, 1.0, f64::NAN)] {
        assert!(break_point(d, a, b).is_err());
    }
    // On the equator the border of masses 4 and 1 lies at two thirds.
    let centres = [((0.0, 0.0), 4.0), ((0.0, 3.0), 1.0)];
    let found = hinterlands(&[(0.0, 1.99), (0.0, 2.01), (0.0, 9.1)], &centres).unwrap();
    assert_eq!(found, [0, 1, 0]);
    assert!(hinterlands(&[], &[]).is_err());
    assert!(hinterlands(&[], &[((0.0, 0.0), 0.0)]).is_err());
}

#[test]
fn both_lists_come_back_with_jaccard() {
    let official: Vec<String> = members("yrd27")
        .unwrap()
        .into_iter()
        .map(|c| c.name_zh)
        .collect();
    let official: Vec<&str> = official.iter().map(String::as_str).collect();
    let found = ["上海", "苏州", "无锡", "黄石"];
    let c = compare(&found, &official).unwrap();
    near(c.jaccard, 3.0 / 28.0, 1e-15);
    assert_eq!((c.found.len(), c.official.len()), (4, 27));
    assert_eq!(c.only_found, ["黄石"]);
    assert_eq!(c.only_official.len(), 24);
    assert!(compare(&[], &[]).is_err());
}

#[test]
fn impossible_units_and_flows_are_refused() {
    let (mut units, neighbours) = row();
    assert!(Flows::commuters(&[(0, 9, 1.0)], &[1.0; 8]).is_err());
    assert!(Flows::commuters(&[(0, 1, 2.0)], &[1.0; 8]).is_err());
    assert!(Flows::within_minutes(2, vec![0.0; 3], 60.0).is_err());
    let table = Flows::commuters(&[], &[1.0; 8]).unwrap();
    let rules = AreaRules::default();
    assert!(functional_areas(&units, &table, &neighbours[..7], &rules).is_err());
    units[3].pop_persons = 0.0;
    let error = functional_areas(&units, &table, &neighbours, &rules).unwrap_err();
    assert!(error.to_string().contains("far"), "{error}");
}
