//! Lane and lane-link lengths and every conflict point, against the reference simulator's.

use std::collections::BTreeMap;

use conurb_traffic::file::read_roadnet;
use conurb_traffic::{LinkIx, Network};

use crate::common::{bytes, gz_text, shared};

fn compare(net: &Network, csv: &str) {
    let lanes: BTreeMap<&str, f64> = net
        .lanes()
        .iter()
        .map(|l| (l.id.as_str(), l.length_m))
        .collect();
    let links: BTreeMap<&str, f64> = net
        .links()
        .iter()
        .map(|l| (l.id.as_str(), l.length_m))
        .collect();
    let mut conflicts: BTreeMap<(&str, &str), Vec<(f64, f64)>> = BTreeMap::new();
    for (i, link) in net.links().iter().enumerate() {
        for c in net.crosses(LinkIx(u32::try_from(i).unwrap())) {
            let other = net.links()[c.other.ix()].id.as_str();
            conflicts
                .entry((link.id.as_str(), other))
                .or_default()
                .push((c.distance_m, c.other_distance_m));
        }
    }
    let (mut n_lanes, mut n_links, mut n_conflicts, mut exact, mut worst) = (0, 0, 0, 0, 0.0f64);
    for line in csv.lines().skip(1) {
        let f: Vec<&str> = line.split(',').collect();
        let a: f64 = f[3].parse().unwrap();
        let off = match f[0] {
            "lane" => {
                n_lanes += 1;
                (lanes[f[1]] - a).abs()
            }
            "lane_link" => {
                n_links += 1;
                (links[f[1]] - a).abs()
            }
            "conflict" => {
                n_conflicts += 1;
                let b: f64 = f[4].parse().unwrap();
                let off = |list: Option<&Vec<(f64, f64)>>, a: f64, b: f64| {
                    list.into_iter()
                        .flatten()
                        .map(|c| (c.0 - a).abs().max((c.1 - b).abs()))
                        .fold(f64::INFINITY, f64::min)
                };
                off(conflicts.get(&(f[1], f[2])), a, b).min(off(conflicts.get(&(f[2], f[1])), b, a))
            }
            other => panic!("unknown kind {other}"),
        };
        assert!(off < 1e-9, "{line}: off by {off}");
        worst = worst.max(off);
        exact += usize::from(off == 0.0);
    }
    println!(
        "{n_lanes} lanes, {n_links} links, {n_conflicts} conflicts, {exact} bit-equal, worst {worst:e}"
    );
    assert_eq!(n_lanes, net.lanes().len());
    assert_eq!(n_links, net.links().len());
    let ours: usize = conflicts.values().map(Vec::len).sum();
    assert!(
        ours == n_conflicts || ours == 2 * n_conflicts,
        "{ours} against {n_conflicts}"
    );
}

#[test]
fn hangzhou_with_given_lines() {
    let Some(dir) = shared("hangzhou_with_given_lines") else {
        return;
    };
    let net = Network::from_json(&bytes(dir.join("hangzhou_4x4/roadnet_4_4.json")), "h").unwrap();
    compare(
        &net,
        &gz_text(dir.join("reference/geometry_hangzhou.csv.gz")),
    );
}

#[test]
fn hangzhou_with_built_curves() {
    let Some(dir) = shared("hangzhou_with_built_curves") else {
        return;
    };
    let mut file = read_roadnet(&bytes(dir.join("hangzhou_4x4/roadnet_4_4.json")), "h").unwrap();
    for junction in &mut file.intersections {
        for link in junction.road_links.iter_mut().flatten() {
            for lane_link in &mut link.lane_links {
                lane_link.points = None;
            }
        }
    }
    let net = Network::from_file(&file, "h").unwrap();
    compare(
        &net,
        &gz_text(dir.join("reference/geometry_hangzhou_without_link_points.csv.gz")),
    );
}

#[test]
fn cologne() {
    let Some(dir) = shared("cologne") else { return };
    let net =
        Network::from_json(&bytes(dir.join("cologne3/cologne3_roadnet_red.json")), "c").unwrap();
    compare(
        &net,
        &gz_text(dir.join("reference/geometry_cologne3.csv.gz")),
    );
}
