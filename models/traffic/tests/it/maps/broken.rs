//! Maps that are wrong in one way: an error with its place, or a listed note.

use conurb_traffic::MapOptions;
use conurb_traffic::osm::read_map;

use super::draw::{Draw, cross, turns};

const MAIN: &str = "highway=primary";

fn refused(xml: &str) -> String {
    read_map(xml.as_bytes(), "map.osm", &MapOptions::default())
        .unwrap_err()
        .to_string()
}

fn listed(draw: &Draw, feature: &str) -> u64 {
    let all = draw.read().network.unmodelled.features();
    all.iter()
        .filter(|f| f.feature.contains(feature))
        .map(|f| f.count)
        .sum()
}

#[test]
fn errors_name_line_and_element() {
    let good = cross("", MAIN, MAIN).xml();
    let with = |from: &str, to: &str| refused(&good.replacen(from, to, 1));
    assert!(refused("").contains("no element"));
    assert!(refused("<osm/>").contains("no street for cars"));
    assert!(refused("<net/>").contains("not `osm`"));
    let lat = with("lat=\"30.2500000\"", "lat=\"300\"");
    assert!(
        lat.starts_with("map.osm:3") && lat.contains("node[id=\"1\"]") && lat.contains("latitude"),
        "{lat}"
    );
    assert!(with("lon=\"", "lon=\"x").contains("is no number"));
    assert!(with("</osm>", "").contains("ends inside"));
    assert!(with("<nd ref=\"1\"/>", "<nd/>").contains("missing attribute `ref`"));
    assert!(with("<nd ref=\"1\"/>", "<nd ref=\"one\"/>").contains("is no id"));
    assert!(with("node id=\"1\"", "node id=\"1.5\"").contains("is no id"));
}

#[test]
fn what_maps_often_lack_is_listed() {
    let draw = cross("", MAIN, MAIN);
    let missing = draw.clone().way(90, &[2, 999], MAIN);
    assert_eq!(listed(&missing, "less than two nodes"), 1);
    assert_eq!(
        listed(&draw.clone().way(90, &[2], MAIN), "way of one node"),
        1
    );
    let many = cross("", "highway=primary lanes=1000000", MAIN);
    assert_eq!(listed(&many, "number of lanes that is none"), 2);
    assert_eq!(
        listed(&draw.clone().way(12, &[5, 2], MAIN), "way given twice"),
        1
    );
    assert_eq!(
        listed(&draw.clone().node(5, 9.0, 9.0, ""), "node given twice"),
        1
    );
}

#[test]
fn bans_that_go_round_in_a_circle_leave_a_network() {
    // Each arm may only go to the next, so nobody turns twice the same way.
    let map = cross("", MAIN, MAIN)
        .ban(1, (11, 5, 21), "only_right_turn")
        .ban(2, (21, 5, 12), "only_right_turn")
        .ban(3, (12, 5, 22), "only_right_turn")
        .ban(4, (22, 5, 11), "only_right_turn")
        .read();
    assert_eq!(turns(&map.network.network, "5").len(), 4);
    // All ways closed by bans: what is left is the arm with the ring of its own.
    let closed = cross("", MAIN, MAIN)
        .ban(1, (11, 5, 12), "only_straight_on")
        .ban(2, (11, 5, 12), "no_straight_on")
        .read();
    assert!(
        closed
            .network
            .unmodelled
            .count("street not connected with the largest part of the map: left out")
            == 0
            || closed.network.network.roads().len() < 8
    );
}

#[test]
fn places_that_are_one_and_loops_are_no_trouble() {
    let map = cross("", MAIN, MAIN)
        .node(6, 200.0, 0.0, "")
        .node(7, 260.0, 0.0, "")
        .way(30, &[2, 6, 7], MAIN)
        .node(8, 300.0, 30.0, "")
        .node(9, 300.0, -30.0, "")
        .way(31, &[7, 8, 9, 7], MAIN)
        .way(32, &[7, 7, 8], MAIN)
        .read();
    for lane in map.network.network.lanes() {
        assert!(
            lane.points.iter().flatten().all(|v| v.is_finite()),
            "{}",
            lane.id
        );
    }
}
