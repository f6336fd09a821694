//! Traffic on the networks of maps: vehicles arrive.

use std::sync::Arc;

use conurb_traffic::sumo::{DemandOptions, read_demand};
use conurb_traffic::{MapNetwork, MapOptions, Signals, Sim, SimOptions};

use super::draw::Draw;

const SEED: u64 = 20_261_128;

/// A small town: a signalised main street, side streets, a roundabout at its end.
fn town() -> Draw {
    let mut draw = Draw::default();
    let (main, side) = ("highway=primary lanes=4 maxspeed=50", "highway=residential");
    for column in 0..4 {
        for row in 0..3 {
            let (x, y) = (f64::from(column) * 180.0, f64::from(row) * 150.0);
            let signal = if row == 1 {
                "highway=traffic_signals"
            } else {
                ""
            };
            draw = draw.node(i64::from(10 * column + row + 1), x, y, signal);
        }
    }
    for row in 0..3 {
        let nodes: Vec<i64> = (0..4).map(|c| 10 * c + row + 1).collect();
        draw = draw.way(100 + row, &nodes, if row == 1 { main } else { side });
    }
    for column in 0..4 {
        let nodes: Vec<i64> = (0..3).map(|r| 10 * column + r + 1).collect();
        draw = draw.way(200 + column, &nodes, side);
    }
    draw
}

/// Trips between random roads, one every `gap_s` seconds.
fn trips(map: &MapNetwork, count: u32, gap_s: u32, seed: u64) -> String {
    let roads = map.network.network.roads();
    let mut state = seed;
    let mut draw = |n: usize| {
        // Knuth's linear congruential generator: any trips will do, the same for a seed.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % n
    };
    let mut out = String::from("<routes><vType id=\"car\"/>");
    for k in 0..count {
        let from = draw(roads.len());
        let to = loop {
            let to = draw(roads.len());
            if to != from {
                break to;
            }
        };
        let (from, to) = (&roads[from].id, &roads[to].id);
        out.push_str(&format!(
            "<trip id=\"{k}\" type=\"car\" depart=\"{}\" from=\"{from}\" to=\"{to}\"/>",
            k * gap_s
        ));
    }
    out.push_str("</routes>");
    out
}

/// Drives and says how many vehicles there were and how many arrived.
fn drive(map: MapNetwork, count: u32, gap_s: u32, span_s: u32) -> (u32, u32) {
    println!("seed {SEED}");
    let text = trips(&map, count, gap_s, SEED);
    let found = read_demand(
        &[(text.as_bytes(), "trips.rou.xml")],
        &map.network,
        &DemandOptions::default(),
    )
    .unwrap();
    let options = SimOptions {
        signals: Signals::Programme,
        ..SimOptions::default()
    };
    let mut sim = Sim::new(
        Arc::new(map.network.network),
        Arc::new(found.demand),
        options,
    )
    .unwrap();
    for _ in 0..span_s {
        sim.step();
    }
    (count, sim.finished())
}

#[test]
fn a_town_drives_and_everybody_arrives() {
    for left_hand in [false, true] {
        let options = MapOptions {
            left_hand,
            ..MapOptions::default()
        };
        let map = town().read_with(&options);
        assert_eq!(map.network.network.signalised().len(), 4);
        let (sent, arrived) = drive(map, 300, 4, 2_400);
        println!("left {left_hand}: {arrived} of {sent} arrived");
        assert_eq!(arrived, sent);
    }
}
