//! Vehicles that look for a place to park.

use std::sync::Arc;

use conurb_traffic::{Demand, Network, Parking, Sim, SimOptions};

use crate::streets::network;

/// A ring of four streets with a way in and a way out.
fn ring() -> Arc<Network> {
    Arc::new(network(
        &[
            ("w", -300.0, 0.0),
            ("a", 0.0, 0.0),
            ("b", 300.0, 0.0),
            ("c", 300.0, 300.0),
            ("d", 0.0, 300.0),
            ("e", 600.0, 0.0),
        ],
        &[
            ("in", "w", "a", 1, 11.0),
            ("ab", "a", "b", 1, 11.0),
            ("bc", "b", "c", 1, 11.0),
            ("cd", "c", "d", 1, 11.0),
            ("da", "d", "a", 1, 11.0),
            ("out", "b", "e", 1, 11.0),
        ],
    ))
}

fn start(net: &Arc<Network>, parking: &str, vehicles: u32, lane_change: bool) -> Sim {
    let flow = format!(
        r#"[{{"vehicle":{{"length":5,"width":2,"maxPosAcc":2,"maxNegAcc":4.5,"usualPosAcc":2,
        "usualNegAcc":4.5,"minGap":2.5,"maxSpeed":11,"headwayTime":1.5}},"route":["in","ab","out"],
        "interval":8,"startTime":0,"endTime":{}}}]"#,
        8 * (vehicles - 1)
    );
    let demand = Demand::from_json(flow.as_bytes(), "flow.json", net).unwrap();
    let options = SimOptions {
        lane_change,
        ..SimOptions::default()
    };
    let mut sim = Sim::new(Arc::clone(net), Arc::new(demand), options).unwrap();
    let parking = Parking::from_json(parking.as_bytes(), "parking.json", net).unwrap();
    sim.set_parking(Arc::new(parking)).unwrap();
    sim
}

const TWO: &str = r#"{"share":1,"stayMean":10000000,"walkMax":1000,"carParks":[
    {"id":"near","road":"out","position":200,"totalSpotNumber":3},
    {"id":"far","road":"cd","position":150,"totalSpotNumber":5}]}"#;

#[test]
fn the_nearest_fills_first_then_the_next_and_the_rest_give_up() {
    for lane_change in [false, true] {
        let mut sim = start(&ring(), TWO, 12, lane_change);
        for _ in 0..1500 {
            sim.step();
            for park in sim.parks() {
                assert!(park.taken <= park.spots);
            }
        }
        let taken: Vec<u32> = sim.parks().iter().map(|p| p.taken).collect();
        let tally = sim.parking_tally();
        assert_eq!(sim.finished(), 12, "{tally:?}");
        assert_eq!(tally.seekers, 12);
        // `out` leads nowhere: who is turned away there has no way to the other.
        assert_eq!(taken[0], 3);
        assert_eq!(tally.parked, taken.iter().sum::<u32>());
        assert_eq!(tally.parked + tally.gave_up, 12, "{tally:?}");
        assert!(tally.walk_m > 0.0);
    }
}

#[test]
fn who_is_turned_away_drives_on_to_the_next() {
    let parking = r#"{"share":1,"stayMean":10000000,"walkMax":1000,"carParks":[
        {"id":"near","road":"bc","position":100,"totalSpotNumber":2},
        {"id":"far","road":"cd","position":150,"totalSpotNumber":5}]}"#;
    let mut sim = start(&ring(), parking, 10, false);
    for _ in 0..1500 {
        sim.step();
    }
    let taken: Vec<u32> = sim.parks().iter().map(|p| p.taken).collect();
    let tally = sim.parking_tally();
    assert_eq!(taken, [2, 5]);
    assert_eq!((tally.parked, tally.gave_up), (7, 3));
    // Eight were turned away at the first, three of them at the second too.
    assert_eq!(tally.turned_away, 11);
    assert!(tally.search_s > 5.0 * 20.0, "{tally:?}");
    assert_eq!(sim.finished(), 10);
}

#[test]
fn places_become_free_again() {
    let parking = r#"{"share":1,"stayMean":60,"walkMax":1000,"carParks":[
        {"id":"near","road":"bc","position":100,"totalSpotNumber":30,"occupiedSpotNumber":30}]}"#;
    let mut sim = start(&ring(), parking, 10, false);
    assert_eq!(sim.parks()[0].taken, 30);
    let mut least = 30;
    for _ in 0..900 {
        sim.step();
        least = least.min(sim.parks()[0].taken);
    }
    assert!(least < 12, "{least}");
    assert!(sim.parking_tally().parked >= 8);
}

#[test]
fn only_the_share_looks_and_the_same_seed_gives_the_same() {
    let parking = TWO.replace("\"share\":1", "\"share\":0.5");
    let run = || {
        let mut sim = start(&ring(), &parking, 60, false);
        for _ in 0..600 {
            sim.step();
        }
        (sim.parking_tally(), sim.state_hash())
    };
    let first = run();
    assert!((15..=45).contains(&first.0.seekers), "{first:?}");
    assert_eq!(first, run());
}

#[test]
fn malformed_parking_is_refused_with_its_place() {
    let net = ring();
    for (from, to, says) in [
        ("\"share\":1", "\"share\":2", "share"),
        ("\"stayMean\":100000", "\"stayMean\":0", "stayMean"),
        ("\"out\"", "\"nowhere\"", "carParks[0].road"),
        ("\"position\":200", "\"position\":2000", "parking.json:2:"),
        (
            "\"totalSpotNumber\":5",
            "\"totalSpotNumber\":5,\"occupiedSpotNumber\":6",
            "number of places",
        ),
        (
            "\"totalSpotNumber\":5",
            "\"totalSpotNumber\":-5",
            "carParks[1].totalSpotNumber",
        ),
        ("\"id\":\"near\",", "", "missing field `id`"),
    ] {
        let text = TWO.replace(from, to);
        let error = Parking::from_json(text.as_bytes(), "parking.json", &net);
        let error = error.unwrap_err().to_string();
        assert!(error.contains(says), "{to}: {error}");
    }
}
