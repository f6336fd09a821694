//! Positions of the 41 Delta prefectures in the network of direct trains of 2016.

use std::collections::BTreeMap;
use std::path::Path;

use conurb_region::flows::{Square, flow_sanity};
use conurb_region::network::{
    eigenvector, inverse_flow, path_centrality, polycentricity, primary_flow, rank_slope,
    tie_centrality,
};
use conurb_testkit::need_shared;

use crate::archive;
use crate::size::members;
use crate::support::{csv, json};

/// Names of the prefectures and their direct trains.
pub(crate) fn delta(data: &Path) -> (Vec<String>, Square) {
    let codes = members(data, "yrd41");
    let names: BTreeMap<String, String> = csv(&data.join("region/reference/clusters.csv"))
        .into_iter()
        .map(|r| {
            (
                r["city_code"].clone(),
                r["city_zh"].trim_end_matches('市').to_owned(),
            )
        })
        .collect();
    let rows = csv(&data.join("region/reference/cn2016_direct_trains_city_od.csv"));
    let inside = rows
        .iter()
        .filter(|r| codes.contains(&r["from_code"]) && codes.contains(&r["to_code"]))
        .map(|r| {
            let trains = r["direct_trains_per_day_20160315"].parse().unwrap();
            (r["from_code"].as_str(), r["to_code"].as_str(), trains)
        });
    let places: Vec<&str> = codes.iter().map(String::as_str).collect();
    let flows = Square::from_rows("direct trains", &places, inside).unwrap();
    (codes.iter().map(|c| names[c].clone()).collect(), flows)
}

#[track_caller]
fn expect(names: &[String], values: &[f64], expected: &[(&str, f64)], tolerance: f64) {
    for (name, value) in expected {
        let i = names.iter().position(|n| n == name).unwrap();
        let found = values[i];
        assert!(
            (found - value).abs() <= tolerance,
            "{name}: {found} is not {value}"
        );
    }
}

#[test]
fn centralities_of_the_delta() {
    let data = need_shared!("centralities_of_the_delta");
    let (names, flows) = delta(&data);
    let s = flows.symmetric();
    assert_eq!(s.values().iter().sum::<f64>(), 16_099.0);
    let ties = (0..41).flat_map(|i| (0..i).map(move |j| (i, j)));
    assert_eq!(ties.filter(|&(i, j)| s.at(i, j) > 0.0).count(), 321);
    let c = tie_centrality(&s).unwrap();
    let strength = [
        ("南京", 1510.0),
        ("上海", 1505.0),
        ("无锡", 1270.5),
        ("杭州", 1128.0),
        ("常州", 1102.5),
        ("苏州", 1033.0),
    ];
    expect(&names, &c.strength, &strength, 0.0);
    let ac = [
        ("上海", 1_344_083.0),
        ("南京", 1_339_047.25),
        ("无锡", 1_213_020.0),
    ];
    expect(&names, &c.alternative_centrality, &ac, 0.5);
    let ap = [
        ("南京", 2.5507),
        ("上海", 2.2973),
        ("杭州", 1.9546),
        ("无锡", 1.9217),
        ("合肥", 1.9190),
    ];
    expect(&names, &c.alternative_power, &ap, 5.1e-5);
    let e = eigenvector(&s).unwrap();
    let ev = [("南京", 0.4052), ("上海", 0.4020), ("无锡", 0.3633)];
    expect(&names, &e.centrality, &ev, 5.1e-5);
    assert!(
        (e.eigenvalue - 911.415_91).abs() < 5.1e-6,
        "{}",
        e.eigenvalue
    );
}

#[test]
fn paths_dominance_and_polycentricity_of_the_delta() {
    let data = need_shared!("paths_dominance_and_polycentricity_of_the_delta");
    let (names, flows) = delta(&data);
    let s = flows.symmetric();
    let c = path_centrality(&inverse_flow(&s).unwrap()).unwrap();
    let strength = tie_centrality(&s).unwrap().strength;
    for (i, name) in names.iter().enumerate() {
        let served = strength[i] > 0.0;
        assert_eq!(c.closeness[i] > 0.0, served, "{name}");
        assert!((0.0..=1.0).contains(&c.betweenness_share[i]), "{name}");
    }
    assert_eq!(strength.iter().filter(|s| **s == 0.0).count(), 11);
    let parents = primary_flow(&flows).unwrap();
    let of = |name: &str| names.iter().position(|n| n == name).unwrap();
    assert_eq!(parents[of("无锡")], Some(of("南京")));
    assert!(
        parents
            .iter()
            .zip(&strength)
            .all(|(p, s)| *s > 0.0 || p.is_none())
    );
    let p = polycentricity(&strength, Some(&s)).unwrap();
    assert!((p.density.unwrap() - 642.0 / 1640.0).abs() < 1e-12);
    let (slope, left_out) = rank_slope(&strength).unwrap();
    assert!(slope < 0.0);
    assert_eq!(left_out, 11);
}

/// Distances between the mean coordinates of each prefecture's stations.
#[test]
fn direct_trains_behave_like_a_flow_over_distance() {
    let data = need_shared!("direct_trains_behave_like_a_flow_over_distance");
    let units = json(&data.join("region/reference/station_to_prefecture.json"));
    let text = archive::member(&data.join("region/gtfs_cn_hsr_2016.zip"), "stops.txt");
    let stops = csv::Reader::from_reader(text.as_bytes())
        .into_records()
        .map(Result::unwrap)
        .collect::<Vec<_>>();
    let mut sums = BTreeMap::<&str, (f64, f64, f64)>::new();
    for stop in &stops {
        let sum = sums.entry(units[&stop[2]].as_str().unwrap()).or_default();
        sum.0 += stop[3].parse::<f64>().unwrap();
        sum.1 += stop[4].parse::<f64>().unwrap();
        sum.2 += 1.0;
    }
    let place = |code: &str| {
        let (lat, lon, n) = sums[code];
        (lat / n, lon / n)
    };
    let rows = csv(&data.join("region/reference/cn2016_direct_trains_city_od.csv"));
    let trains: Vec<f64> = rows
        .iter()
        .map(|r| r["direct_trains_per_day_20160315"].parse().unwrap())
        .collect();
    let km: Vec<f64> = rows
        .iter()
        .map(|r| conurb_geo::great_circle_km(place(&r["from_code"]), place(&r["to_code"])))
        .collect();
    let rho = flow_sanity(&trains, &km).unwrap().spearman;
    assert!((rho + 0.5261).abs() <= 5.1e-5, "{rho}");
}
