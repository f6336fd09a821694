//! Replay logs: the reference's text on a published set, and the binary form there and back.

use std::sync::Arc;

use conurb_traffic::citygen::{CityOptions, CityPlan};
use conurb_traffic::replay::{ReplayFrame, ReplayReader, ReplayWriter, shapes_json};
use conurb_traffic::{Demand, Network, Signals, Sim, SimOptions};

use crate::common::{bytes, shared};

fn sim(net: Network, demand: Demand, lane_change: bool) -> Sim {
    let options = SimOptions {
        signals: Signals::Programme,
        lane_change,
        ..SimOptions::default()
    };
    Sim::new(Arc::new(net), Arc::new(demand), options).unwrap()
}

fn generated(lane_change: bool) -> Sim {
    let seed = 11;
    println!("seed {seed}");
    let options = CityOptions {
        signals: 4,
        seed,
        span_s: 300,
        ..CityOptions::default()
    };
    let plan = CityPlan::new(&options).unwrap();
    let (mut roads, mut trips) = (Vec::new(), Vec::new());
    plan.write_network(&mut roads).unwrap();
    plan.write_demand(&mut trips).unwrap();
    let net = Network::from_json(&roads, "roads").unwrap();
    let demand = Demand::from_json(&trips, "trips", &net).unwrap();
    sim(net, demand, lane_change)
}

/// Frames after each of the first steps.
fn frames(sim: &mut Sim, steps: u32) -> Vec<ReplayFrame> {
    (0..steps)
        .map(|_| {
            sim.step();
            let mut frame = ReplayFrame::default();
            frame.take(sim);
            frame
        })
        .collect()
}

/// What the reference simulator wrote for its 60th step: its first two vehicles and four roads, and
/// how many there are (Jinan-1, seed 0, programme of the file, lane change off).
#[test]
fn the_text_is_that_of_the_reference() {
    let Some(data) = shared("the_text_is_that_of_the_reference") else {
        return;
    };
    let file = |name: &str| bytes(data.join("jinan_3x4").join(name));
    let net = Network::from_json(&file("roadnet_3_4.json"), "roadnet").unwrap();
    let demand = Demand::from_json(&file("anon_3_4_jinan_real.json"), "flow", &net).unwrap();
    let mut sim = sim(net, demand, false);
    let frame = frames(&mut sim, 60).pop().unwrap();
    let mut line = String::new();
    frame.write_line(sim.network(), sim.demand(), &mut line);
    let (vehicles, roads) = line.split_once(';').unwrap();
    assert!(
        vehicles.starts_with(
            "10.0 -784.0 1.5707963267948966 flow_4921_0 0 5.0 2.0,\
             798.0 2097.7805000000003 -1.5707963267948966 flow_4050_0 0 5.0 2.0,"
        ),
        "{vehicles}"
    );
    assert!(
        roads.starts_with("road_0_1_0 r r g,road_0_2_0 r r g,road_0_3_0 r r g,road_1_0_1 r g g,"),
        "{roads}"
    );
    assert!(
        roads.ends_with("road_5_2_2 r r g,road_5_3_2 r r g,\n"),
        "{roads}"
    );
    let shapes = shapes_json(sim.network());
    let node = |id: &str| {
        let nodes = shapes["static"]["nodes"].as_array().unwrap();
        nodes.iter().find(|n| n["id"] == id).unwrap().clone()
    };
    let inner = serde_json::json!({
        "id": "intersection_1_1", "point": [0.0, 0.0], "virtual": false, "width": 15.0,
        "outline": [-12.0, -21.0, 12.0, -21.0, 21.0, -12.0, 21.0, 12.0,
                    12.0, 21.0, -12.0, 21.0, -21.0, 12.0, -21.0, -12.0],
    });
    assert_eq!(node("intersection_1_1"), inner);
    let edge = &shapes["static"]["edges"][0];
    assert_eq!(edge["laneWidths"], serde_json::json!([4.0, 4.0, 4.0]));
    assert_eq!(
        edge["points"],
        serde_json::json!([[-400.0, 0.0], [0.0, 0.0]])
    );
}

#[test]
fn the_binary_log_gives_back_every_frame_and_the_same_text() {
    for lane_change in [false, true] {
        let mut sim = generated(lane_change);
        let frames = frames(&mut sim, 200);
        assert!(frames.iter().map(|f| f.vehicles.len()).max().unwrap() > 20);
        let mut writer = ReplayWriter::new(Vec::new()).unwrap();
        frames.iter().for_each(|f| writer.push(f).unwrap());
        let log = writer.finish().unwrap();
        let mut reader = ReplayReader::new(log.as_slice()).unwrap();
        let mut frame = ReplayFrame::default();
        for expected in &frames {
            assert!(reader.next_into(&mut frame).unwrap());
            assert_eq!(&frame, expected);
        }
        assert!(!reader.next_into(&mut frame).unwrap());
    }
}

#[test]
fn a_log_that_is_cut_off_or_damaged_says_where_and_keeps_what_came_before() {
    let mut sim = generated(false);
    let frames = frames(&mut sim, 3);
    let mut writer = ReplayWriter::new(Vec::new()).unwrap();
    frames.iter().for_each(|f| writer.push(f).unwrap());
    let log = writer.finish().unwrap();
    let read = |log: &[u8]| {
        let mut reader = ReplayReader::new(log).map_err(|e| (0, e.to_string()))?;
        let (mut count, mut frame) = (0, ReplayFrame::default());
        loop {
            match reader.next_into(&mut frame) {
                Ok(true) => count += 1,
                Ok(false) => return Ok(count),
                Err(e) => return Err((count, e.to_string())),
            }
        }
    };
    assert_eq!(read(&log), Ok(3));
    assert!(read(b"").is_err());
    for cut in 1..log.len() {
        match read(&log[..cut]) {
            Ok(count) => assert!(count < 3),
            Err((count, what)) => {
                assert!(count < 3);
                assert!(what.contains("byte "), "{what}");
            }
        }
    }
    for at in 0..log.len() {
        let mut bad = log.clone();
        bad[at] ^= 0x40;
        assert!(read(&bad).is_err(), "byte {at}");
    }
}
