//! What each tag becomes.

use conurb_traffic::sumo::plain_files;
use conurb_traffic::{Clearance, MapOptions, Network, Turn};

use super::draw::{Draw, cross, turns};

const MAIN: &str = "highway=primary lanes=4 maxspeed=60";
const SIDE: &str = "highway=tertiary";
const SIGNAL: &str = "highway=traffic_signals";

fn lanes(net: &Network, road: &str) -> usize {
    let ix = net
        .road_ix(road)
        .unwrap_or_else(|| panic!("no road {road}"));
    net.roads()[ix.ix()].lanes.len()
}

fn limit_km_h(net: &Network, road: &str) -> f64 {
    let road = &net.roads()[net.road_ix(road).unwrap().ix()];
    net.lanes()[road.lanes[0].ix()].max_speed_m_s * 3.6
}

#[test]
fn a_crossing_has_four_arms_lanes_speeds_and_lengths() {
    let map = cross("", MAIN, SIDE).read();
    let net = &map.network.network;
    assert_eq!(net.roads().len(), 8);
    assert_eq!(
        (lanes(net, "11#0"), lanes(net, "-11#0"), lanes(net, "21#0")),
        (2, 2, 1)
    );
    assert!((limit_km_h(net, "11#0") - 60.0).abs() < 1e-9);
    assert!(
        (limit_km_h(net, "21#0") - 40.0).abs() < 1e-9,
        "the default of the class"
    );
    let lane = &net.lanes()[net.lane_ix("11#0_0").unwrap().ix()];
    assert!((190.0..200.0).contains(&lane.length_m), "{}", lane.length_m);
    // Traffic on the right: eastbound lanes lie south of the middle, the inner one nearer.
    let y = |id: &str| net.lanes()[net.lane_ix(id).unwrap().ix()].points[0][1];
    assert!(y("11#0_1") < y("11#0_0") && y("11#0_0") < 0.0 && y("-11#0_0") > 0.0);
    // All turns but round; at dead ends round alone.
    assert_eq!(
        net.junctions()[net.junction_ix("5").unwrap().ix()]
            .road_links
            .len(),
        12
    );
    assert_eq!(turns(net, "1"), ["-11#0>11#0"]);
    assert!(net.signalised().is_empty());
    assert!(
        map.assumed
            .features()
            .iter()
            .any(|f| f.feature.contains("speed limit"))
    );
}

#[test]
fn a_signal_gets_phases_by_geometry() {
    let map = cross(SIGNAL, "highway=primary lanes=6", SIDE).read();
    let net = &map.network.network;
    let signals = net.signalised();
    assert_eq!(signals.len(), 1);
    let j = &net.junctions()[signals[0].ix()];
    // Clearance; main through and right; main left on its own lane; side with lefts that give way.
    let counts: Vec<usize> = j.phases.iter().map(|p| p.road_links.len()).collect();
    assert_eq!(counts, [0, 4, 2, 6]);
    let lefts = |p: usize| {
        let all = j.phases[p].road_links.iter();
        all.filter(|l| j.road_links[**l as usize].turn == Turn::Left)
            .count()
    };
    assert_eq!((lefts(1), lefts(2), lefts(3)), (0, 2, 2));
    assert_eq!(j.phases[3].yields.len(), 2, "permissive lefts give way");
    assert!(j.phases[1].yields.is_empty());
    // By itself: yellow and all red after each stage.
    let options = MapOptions {
        clearance: Clearance::Between,
        ..MapOptions::default()
    };
    let between = cross(SIGNAL, "highway=primary lanes=6", SIDE).read_with(&options);
    let net = &between.network.network;
    let phases = &net.junctions()[net.signalised()[0].ix()].phases;
    assert_eq!(phases.len(), 9);
    assert!(
        phases
            .chunks(3)
            .all(|p| (3.0..=5.0).contains(&p[1].time_s) && p[2].time_s >= 1.0)
    );
    assert!(plain_files(net).programmes.contains("tlLogic"));
}

#[test]
fn signals_before_the_junction_count_and_those_for_pedestrians_do_not() {
    let before = Draw::default()
        .node(1, -200.0, 0.0, "")
        .node(6, -20.0, 0.0, SIGNAL)
        .node(5, 0.0, 0.0, "")
        .node(2, 200.0, 0.0, "")
        .node(3, 0.0, -200.0, "")
        .node(4, 0.0, 200.0, "")
        .way(10, &[1, 6, 5, 2], MAIN)
        .way(20, &[3, 5, 4], SIDE);
    assert_eq!(before.read().network.network.signalised().len(), 1);
    let far = Draw::default()
        .node(1, -200.0, 0.0, "")
        .node(6, -90.0, 0.0, SIGNAL)
        .node(5, 0.0, 0.0, "")
        .node(2, 200.0, 0.0, "")
        .node(3, 0.0, -200.0, "")
        .way(10, &[1, 6, 5, 2], MAIN)
        .way(20, &[3, 5], SIDE);
    assert!(far.read().network.network.signalised().is_empty());
}

/// Two divided streets that cross, carriageways 24 m apart: four nodes, one junction.
fn divided() -> Draw {
    let main = "highway=trunk oneway=yes lanes=3";
    Draw::default()
        .node(1, -300.0, -12.0, "")
        .node(2, 300.0, -12.0, "")
        .node(3, 300.0, 12.0, "")
        .node(4, -300.0, 12.0, "")
        .node(5, -12.0, -300.0, "")
        .node(6, -12.0, 300.0, "")
        .node(7, 12.0, 300.0, "")
        .node(8, 12.0, -300.0, "")
        .node(11, -12.0, -12.0, SIGNAL)
        .node(12, 12.0, -12.0, SIGNAL)
        .node(13, 12.0, 12.0, SIGNAL)
        .node(14, -12.0, 12.0, SIGNAL)
        .way(10, &[1, 11, 12, 2], main)
        .way(20, &[3, 13, 14, 4], main)
        .way(30, &[6, 14, 11, 5], main)
        .way(40, &[8, 12, 13, 7], main)
        // The far ends are joined, so that all of it is connected.
        .way(50, &[2, 3], "highway=trunk oneway=yes lanes=3")
        .way(51, &[4, 1], "highway=trunk oneway=yes lanes=3")
        .way(52, &[5, 8], "highway=trunk oneway=yes lanes=3")
        .way(53, &[7, 6], "highway=trunk oneway=yes lanes=3")
}

#[test]
fn a_crossing_of_divided_streets_is_one_junction() {
    let map = divided().read();
    let net = &map.network.network;
    let signals = net.signalised();
    assert_eq!(signals.len(), 1);
    let j = &net.junctions()[signals[0].ix()];
    assert_eq!(j.id, "11_12_13_14");
    // Four arms, three turns each: right at the first node, straight and left through the inside.
    assert_eq!(turns(net, &j.id).len(), 12);
    assert_eq!(
        j.phases.len(),
        5,
        "clearance, two stages, and lefts on their own lane"
    );
    assert_eq!(j.point.map(f64::round), [0.0, 0.0]);
    let apart = MapOptions {
        join_m: 12.0,
        ..MapOptions::default()
    };
    // Nodes that are not joined have streets that pass, and signals for those that cross.
    assert_eq!(
        divided()
            .read_with(&apart)
            .network
            .network
            .signalised()
            .len(),
        4
    );
}

#[test]
fn restrictions_take_turns_away() {
    let draw = cross("", MAIN, SIDE);
    let all = turns(&draw.read().network.network, "5");
    assert!(all.contains(&"11#0>22#0".to_owned()));
    let no_left = draw.clone().ban(1, (11, 5, 22), "no_left_turn").read();
    let left = turns(&no_left.network.network, "5");
    assert_eq!(left.len(), 11);
    assert!(!left.contains(&"11#0>22#0".to_owned()));
    let only = draw.clone().ban(1, (11, 5, 12), "only_straight_on").read();
    let only = turns(&only.network.network, "5");
    assert_eq!(only.iter().filter(|t| t.starts_with("11#0>")).count(), 1);
    let no_entry = draw.clone().ban(1, (11, 5, 99), "no_left_turn").read();
    let count = |map: &conurb_traffic::MapNetwork, text: &str| {
        let all = map.network.unmodelled.features();
        all.iter()
            .filter(|f| f.feature.contains(text))
            .map(|f| f.count)
            .sum::<u64>()
    };
    assert_eq!(count(&no_entry, "no street for cars"), 1);
    assert_eq!(
        count(
            &draw.clone().ban(1, (11, 5, 22), "no_swimming").read(),
            "no street"
        ),
        0
    );
    assert_eq!(
        count(&draw.ban(1, (11, 5, 22), "give_way").read(), "unknown kind"),
        1
    );
}

#[test]
fn a_ban_holds_through_the_inside_of_a_joined_junction() {
    // From the west the left turn leads over node 12 and then along way 40.
    let ban = divided().ban(1, (10, 12, 40), "no_left_turn").read();
    let left = turns(&ban.network.network, "11_12_13_14");
    assert_eq!(left.len(), 11);
    assert!(!left.contains(&"10#0>40#2".to_owned()), "{left:?}");
}

#[test]
fn a_roundabout_is_one_way_and_goes_first() {
    let ring = "highway=secondary junction=roundabout";
    let arm = "highway=secondary";
    let map = Draw::default()
        .node(1, 25.0, 0.0, "")
        .node(2, 0.0, 25.0, "")
        .node(3, -25.0, 0.0, "")
        .node(4, 0.0, -25.0, "")
        .node(11, 200.0, 0.0, "")
        .node(12, 0.0, 200.0, "")
        .node(13, -200.0, 0.0, "")
        .node(14, 0.0, -200.0, "")
        .way(1, &[1, 2, 3, 4, 1], ring)
        .way(11, &[11, 1], arm)
        .way(12, &[12, 2], arm)
        .way(13, &[13, 3], arm)
        .way(14, &[14, 4], arm)
        .read();
    let net = &map.network.network;
    assert_eq!(net.roads().len(), 4 + 8);
    assert_eq!(turns(net, "1"), ["1#3>-11#0", "1#3>1#0", "11#0>1#0"]);
    // Who enters gives way, who is in the ring does not.
    let j = &net.junctions()[net.junction_ix("1").unwrap().ix()];
    let gives_way: Vec<&str> = j.phases[0]
        .yields
        .iter()
        .map(|l| net.roads()[j.road_links[*l as usize].from.ix()].id.as_str())
        .collect();
    assert_eq!(gives_way, ["11#0"]);
}

#[test]
fn oneway_in_all_its_forms_and_access() {
    let ring = |text: &str| {
        Draw::default()
            .node(1, 0.0, 0.0, "")
            .node(2, 300.0, 0.0, "")
            .node(3, 300.0, 300.0, "")
            .node(4, 0.0, 300.0, "")
            .way(1, &[1, 2], "highway=residential")
            .way(2, &[2, 3], "highway=residential")
            .way(3, &[3, 4], "highway=residential")
            .way(4, &[4, 1], "highway=residential")
            .way(5, &[1, 3], text)
            .read()
    };
    let has = |text: &str| {
        let map = ring(text);
        let net = &map.network.network;
        (net.road_ix("5#0").is_some(), net.road_ix("-5#0").is_some())
    };
    assert_eq!(has("highway=residential"), (true, true));
    assert_eq!(has("highway=residential oneway=yes"), (true, false));
    assert_eq!(has("highway=residential oneway=-1"), (false, true));
    assert_eq!(has("highway=motorway"), (true, false));
    assert_eq!(has("highway=residential access=private"), (false, false));
    assert_eq!(has("highway=residential motor_vehicle=no"), (false, false));
    assert_eq!(has("highway=cycleway"), (false, false));
    let map = ring("highway=cycleway");
    let left_out = map.network.unmodelled.features();
    assert_eq!(left_out[0].feature, "way `highway=cycleway`: left out");
    assert_eq!(
        (left_out[0].count, left_out[0].first.as_str()),
        (1, "map.osm: way 5")
    );
}

#[test]
fn lanes_by_direction_turns_by_lane_and_speeds() {
    let main = "highway=primary lanes=5 lanes:forward=3 lanes:backward=2 maxspeed=30+mph \
                turn:lanes:forward=left|through|through;right";
    let map = cross(SIGNAL, main, SIDE).read();
    let net = &map.network.network;
    assert_eq!((lanes(net, "11#0"), lanes(net, "-11#0")), (3, 2));
    assert!((limit_km_h(net, "11#0") - 48.28).abs() < 0.01);
    let ends = |lane: &str| {
        let lane = &net.lanes()[net.lane_ix(lane).unwrap().ix()];
        let all = lane.links.iter().map(|l| net.links()[l.ix()].turn);
        let mut all: Vec<Turn> = all.collect();
        all.sort();
        all.dedup();
        all
    };
    assert_eq!(ends("11#0_0"), [Turn::Left]);
    assert_eq!(ends("11#0_1"), [Turn::Straight]);
    assert_eq!(ends("11#0_2"), [Turn::Right, Turn::Straight]);
    let zone = cross("", "highway=primary maxspeed=CN:rural", SIDE).read();
    assert!((limit_km_h(&zone.network.network, "11#0") - 70.0).abs() < 1e-9);
}

#[test]
fn signs_and_classes_decide_who_gives_way() {
    let yields = |map: &conurb_traffic::MapNetwork| {
        let net = &map.network.network;
        let j = &net.junctions()[net.junction_ix("5").unwrap().ix()];
        let mut all: Vec<String> = j.phases[0]
            .yields
            .iter()
            .filter(|l| j.road_links[**l as usize].turn == Turn::Straight)
            .map(|l| net.roads()[j.road_links[*l as usize].from.ix()].id.clone())
            .collect();
        all.sort();
        all
    };
    assert_eq!(yields(&cross("", MAIN, SIDE).read()), ["-22#0", "21#0"]);
    let sign = |kind: &str| {
        Draw::default()
            .node(1, -200.0, 0.0, "")
            .node(6, -10.0, 0.0, kind)
            .node(5, 0.0, 0.0, "")
            .node(7, 10.0, 0.0, kind)
            .node(2, 200.0, 0.0, "")
            .node(3, 0.0, -200.0, "")
            .node(4, 0.0, 200.0, "")
            .way(10, &[1, 6, 5, 7, 2], SIDE)
            .way(20, &[3, 5, 4], SIDE)
            .read()
    };
    let give_way = sign("highway=give_way");
    assert_eq!(yields(&give_way), ["-10#1", "10#0"]);
    assert_eq!(yields(&give_way), yields(&sign("highway=stop")));
}

#[test]
fn ways_are_joined_where_nothing_but_the_way_changes() {
    let map = Draw::default()
        .node(1, 0.0, 0.0, "")
        .node(2, 100.0, 0.0, "")
        .node(3, 200.0, 10.0, "")
        .node(4, 300.0, 0.0, "")
        .way(7, &[1, 2, 3], "highway=primary")
        .way(8, &[4, 3], "highway=primary")
        .read();
    let net = &map.network.network;
    assert_eq!((net.roads().len(), net.junctions().len()), (2, 2));
    // Another number of lanes keeps the seam.
    let map = Draw::default()
        .node(1, 0.0, 0.0, "")
        .node(3, 200.0, 10.0, "")
        .node(4, 300.0, 0.0, "")
        .way(7, &[1, 3], "highway=primary")
        .way(8, &[4, 3], "highway=primary lanes=4")
        .read();
    let net = &map.network.network;
    assert_eq!((net.roads().len(), net.junctions().len()), (4, 3));
}

#[test]
fn traffic_on_the_left_is_the_mirror_image() {
    let options = MapOptions {
        left_hand: true,
        ..MapOptions::default()
    };
    let draw = cross(SIGNAL, "highway=primary lanes=6", SIDE);
    let (right, left) = (draw.read(), draw.read_with(&options));
    let net = &left.network.network;
    let y = |id: &str| net.lanes()[net.lane_ix(id).unwrap().ix()].points[0][1];
    assert!(
        y("11#0_0") > 0.0 && y("11#0_2") > y("11#0_0"),
        "eastbound lanes lie north"
    );
    let j = &net.junctions()[net.signalised()[0].ix()];
    // The turn across oncoming traffic is the right one, and has the stage of its own.
    let turns: Vec<Turn> = j.phases[2]
        .road_links
        .iter()
        .map(|l| j.road_links[*l as usize].turn)
        .collect();
    assert_eq!(turns, [Turn::Right, Turn::Right]);
    assert_eq!(right.network.network.links().len(), net.links().len());
    // From the west to the north is still a left turn.
    let (from, to) = (net.road_ix("11#0").unwrap(), net.road_ix("22#0").unwrap());
    let link = j
        .road_links
        .iter()
        .find(|l| l.from == from && l.to == to)
        .unwrap();
    assert_eq!(link.turn, Turn::Left);
}

#[test]
fn what_is_not_connected_is_cut_and_said() {
    let map = cross("", MAIN, SIDE)
        .node(90, 1_000.0, 1_000.0, "")
        .node(91, 1_100.0, 1_000.0, "")
        .way(90, &[90, 91], "highway=residential")
        .node(92, 300.0, 50.0, "")
        .way(91, &[92, 2], "highway=primary oneway=yes")
        .read();
    let net = &map.network.network;
    assert!(net.road_ix("90#0").is_none());
    let cut = map
        .network
        .unmodelled
        .count("street not connected with the largest part of the map: left out");
    assert_eq!(cut, 2);
    // A one-way street into the network stays: trips begin there.
    assert!(net.road_ix("91#0").is_some());
    assert_eq!(
        map.assumed
            .count("one-way street at the edge of the map: trips begin or end there"),
        1
    );
}

#[test]
fn a_box_cuts_the_map() {
    let options = MapOptions {
        bbox_deg: Some([120.149, 30.2, 121.0, 30.3]),
        ..MapOptions::default()
    };
    let map = cross("", MAIN, SIDE).read_with(&options);
    assert!(map.network.network.road_ix("11#0").is_none());
    assert!(map.network.network.road_ix("12#0").is_some());
}
