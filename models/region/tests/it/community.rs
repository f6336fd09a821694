//! Communities: modularity of two given partitions of the Delta, and what the searches find.

use std::collections::BTreeMap;
use std::path::Path;

use conurb_region::community::{Graph, Method, SearchOptions, search};
use conurb_testkit::need_shared;

use crate::support::{csv, near};

const FOUND: [&str; 3] = [
    "上海 南京 无锡 滁州 常州 苏州 六安 镇江",
    "杭州 宁波 温州 嘉兴 湖州 绍兴 金华 衢州 台州 丽水",
    "安庆 黄山 徐州 宿州 池州 宣城 合肥 芜湖 蚌埠 淮南 马鞍山 铜陵",
];

/// Codes and names of the 41 Delta cities, and the direct trains between them.
fn delta(data: &Path) -> (Vec<(String, String)>, Graph) {
    let cities: Vec<(String, String)> = csv(&data.join("region/reference/clusters.csv"))
        .into_iter()
        .filter(|row| row["lists"].contains("yrd41"))
        .map(|row| {
            (
                row["city_code"].clone(),
                row["city_zh"].trim_end_matches('市').to_owned(),
            )
        })
        .collect();
    assert_eq!(cities.len(), 41);
    let number: BTreeMap<&str, usize> = cities
        .iter()
        .enumerate()
        .map(|(i, c)| (c.0.as_str(), i))
        .collect();
    let rows = csv(&data.join("region/reference/cn2016_direct_trains_city_od.csv"));
    let flows: Vec<(usize, usize, f64)> = rows
        .iter()
        .filter_map(|row| {
            let at = |column: &str| number.get(row[column].as_str()).copied();
            let trains = row["direct_trains_per_day_20160315"].parse().unwrap();
            Some((at("from_code")?, at("to_code")?, trains))
        })
        .collect();
    let graph = Graph::from_flows(41, &flows).unwrap();
    (cities, graph)
}

#[test]
fn the_delta_has_the_known_modularity_and_leiden_reaches_it() {
    let data = need_shared!("the_delta_has_the_known_modularity_and_leiden_reaches_it");
    let (cities, graph) = delta(&data);
    assert_eq!((graph.pairs(), graph.total()), (321, 16_099.0));

    let mut next = 10;
    let known: Vec<usize> = cities
        .iter()
        .map(|(_, name)| {
            next += 1;
            let found = FOUND.iter().position(|c| c.split(' ').any(|n| n == name));
            found.unwrap_or(next)
        })
        .collect();
    assert_eq!(known.iter().filter(|c| **c >= 10).count(), 11);
    near(graph.modularity(&known, 1.0).unwrap(), 0.231022, 3e-6);
    let provinces: Vec<usize> = cities
        .iter()
        .map(|(code, _)| code[..2].parse().unwrap())
        .collect();
    near(graph.modularity(&provinces, 1.0).unwrap(), 0.185163, 3e-6);

    for method in [Method::Leiden, Method::Louvain] {
        let options = SearchOptions {
            method,
            runs: 50,
            ..SearchOptions::default()
        };
        let best = search(&graph, &options).unwrap();
        println!(
            "{method:?}, seed {}: Q = {:.6}, {} communities",
            options.seed, best.modularity, best.count
        );
        assert!(best.modularity >= 0.2310, "{method:?}: {}", best.modularity);
        assert_eq!(best, search(&graph, &options).unwrap());
    }
}

/// Cliques of five nodes in a ring, joined by single edges: synthetic.
fn ring_of_cliques(cliques: usize) -> Graph {
    let mut edges = Vec::new();
    for c in 0..cliques {
        for a in 0..5 {
            for b in 0..a {
                edges.push((5 * c + a, 5 * c + b, 1.0));
            }
        }
        edges.push((5 * c, (5 * c + 6) % (5 * cliques), 1.0));
    }
    Graph::from_edges(5 * cliques, &edges).unwrap()
}

#[test]
fn cliques_are_found_and_the_resolution_merges_or_splits() {
    let graph = ring_of_cliques(6);
    for method in [Method::Leiden, Method::Louvain] {
        let at = |resolution: f64| {
            let options = SearchOptions {
                method,
                resolution,
                ..SearchOptions::default()
            };
            search(&graph, &options).unwrap()
        };
        let found = at(1.0);
        assert_eq!(found.count, 6);
        assert!(found.members().iter().all(|m| m.len() == 5));
        near(found.modularity, 60.0 / 66.0 - 1.0 / 6.0, 1e-12);
        assert!(at(0.2).count < 6);
        assert_eq!(at(20.0).count, 30);
    }
}

#[test]
fn wrong_networks_are_refused() {
    assert!(Graph::from_edges(2, &[(0, 2, 1.0)]).is_err());
    assert!(Graph::from_edges(2, &[(0, 1, -1.0)]).is_err());
    assert!(Graph::from_edges(2, &[(0, 1, f64::NAN)]).is_err());
    assert!(Graph::from_edges(2, &[]).is_err());
    let graph = Graph::from_edges(2, &[(0, 1, 1.0)]).unwrap();
    assert!(graph.modularity(&[0], 1.0).is_err());
    assert!(graph.modularity(&[0, 0], 0.0).is_err());
    let none = SearchOptions {
        runs: 0,
        ..SearchOptions::default()
    };
    assert!(search(&graph, &none).is_err());
}
