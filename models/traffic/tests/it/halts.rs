//! Buses that halt at stops, by dwell and by timetable.

use std::sync::Arc;

use conurb_traffic::{Demand, LaneIx, Network, Sim, SimOptions, VehicleClass};

use crate::streets::network;

const CAR: &str = r#""length":5,"width":2,"maxPosAcc":2,"maxNegAcc":4.5,"usualPosAcc":2,"usualNegAcc":4.5,"minGap":2.5,"maxSpeed":11,"headwayTime":1.5"#;

fn street() -> Arc<Network> {
    Arc::new(network(
        &[
            ("a", 0.0, 0.0),
            ("b", 400.0, 0.0),
            ("c", 800.0, 0.0),
            ("d", 1200.0, 0.0),
        ],
        &[
            ("one", "a", "b", 2, 11.0),
            ("two", "b", "c", 2, 11.0),
            ("three", "c", "d", 2, 11.0),
        ],
    ))
}

fn bus(stops: &str, start: u32) -> String {
    format!(
        r#"{{"vehicle":{{{CAR},"conurb":{{"speedFactor":1,"dawdle":0,"class":"bus"}}}},
            "route":["one","three"],"interval":1,"startTime":{start},"endTime":{start},
            "conurb":{{"stops":[{stops}]}}}}"#
    )
}

fn demand(net: &Network, flows: &[String]) -> Result<Demand, String> {
    let text = format!("[{}]", flows.join(","));
    Demand::from_json(text.as_bytes(), "flow.json", net).map_err(|e| e.to_string())
}

fn start(net: &Arc<Network>, flows: &[String], lane_change: bool) -> Sim {
    let demand = demand(net, flows).unwrap();
    let options = SimOptions {
        lane_change,
        ..SimOptions::default()
    };
    Sim::new(Arc::clone(net), Arc::new(demand), options).unwrap()
}

/// Seconds in which the bus of flow 0 stands, and where (m from the start of its lane) it first does.
fn stands(sim: &mut Sim, seconds: u32) -> Vec<(u32, f64, f64)> {
    let mut runs: Vec<(u32, f64, f64)> = Vec::new();
    for _ in 0..seconds {
        sim.step();
        let Some(bus) = sim.vehicles().find(|v| v.flow == 0) else {
            continue;
        };
        if bus.speed_m_s < 1e-9 && bus.position_m > 10.0 {
            match runs.last_mut() {
                Some(last) if (last.1 - bus.position_m).abs() < 1e-9 => last.0 += 1,
                _ => runs.push((1, bus.position_m, sim.time_s())),
            }
        }
    }
    runs
}

#[test]
fn a_bus_stands_at_each_stop_for_its_dwell() {
    let stops =
        r#"{"road":"one","position":200,"dwell":20},{"road":"two","position":390,"dwell":12}"#;
    for lane_change in [false, true] {
        let mut sim = start(&street(), &[bus(stops, 0)], lane_change);
        assert_eq!(sim.demand().templates()[0].class, VehicleClass::Bus);
        let runs = stands(&mut sim, 400);
        assert_eq!(runs.len(), 2, "{runs:?}");
        for (run, (dwell_s, at_m)) in runs.iter().zip([(20, 200.0), (12, 390.0)]) {
            assert!((dwell_s..=dwell_s + 3).contains(&run.0), "{runs:?}");
            assert!(run.1 <= at_m && run.1 > at_m - 6.0, "{runs:?}");
        }
        assert_eq!(sim.finished(), 1);
        let tally = sim.halt_tally();
        assert_eq!((tally.served, tally.missed, tally.timed), (2, 0, 0));
    }
}

#[test]
fn a_timetable_holds_who_is_early_and_counts_who_is_late() {
    // Free flow reaches 200 m after some 21 s: the first is early, the second 60 s late at the end.
    let stops = r#"{"road":"one","position":200,"dwell":5,"until":60},{"road":"three","position":100,"dwell":5,"until":61}"#;
    let mut sim = start(&street(), &[bus(stops, 0)], false);
    let runs = stands(&mut sim, 400);
    assert!(runs[0].0 >= 35, "{runs:?}");
    let left_s = runs[0].2 + f64::from(runs[0].0);
    assert!((60.0..62.0).contains(&left_s), "{runs:?}");
    let tally = sim.halt_tally();
    assert_eq!((tally.served, tally.timed), (2, 2));
    // From 200 m to 900 m at 11 m/s and the dwell.
    assert!((60.0..90.0).contains(&tally.late_s), "{tally:?}");
}

#[test]
fn who_follows_a_bus_on_its_lane_waits_behind_it_and_with_lane_change_passes() {
    let stops = r#"{"road":"two","position":300,"dwell":60}"#;
    let car = format!(
        r#"{{"vehicle":{{{CAR}}},"route":["one","three"],"interval":1,"startTime":6,"endTime":6}}"#
    );
    let arrival_s = |lane_change: bool, stops: &str| {
        // Alone on the outer lane: cars draw their lane, so several are sent.
        let flows: Vec<String> = std::iter::once(bus(stops, 0))
            .chain((0..6).map(|n| car.replace(":6", &format!(":{}", 6 + 4 * n))))
            .collect();
        let mut sim = start(&street(), &flows, lane_change);
        let mut last_s: f64 = 0.0;
        for _ in 0..600 {
            sim.step();
            for gone in sim.just_finished() {
                if gone.event > 0 {
                    last_s = last_s.max(gone.left_s - gone.entered_s);
                }
            }
        }
        assert_eq!(sim.finished(), 7);
        last_s
    };
    let free_s = arrival_s(false, r#"{"road":"two","position":300,"dwell":0}"#);
    let held_s = arrival_s(false, stops);
    let passing_s = arrival_s(true, stops);
    assert!(held_s > free_s + 35.0, "{free_s} {held_s}");
    assert!(passing_s < held_s - 20.0, "{passing_s} {held_s}");
}

#[test]
fn threads_and_snapshots_do_not_change_what_buses_do() {
    let stops = r#"{"road":"one","position":200,"dwell":20},{"road":"two","position":390,"dwell":12,"until":90}"#;
    let flows: Vec<String> = (0..8).map(|n| bus(stops, 9 * n)).collect();
    let net = street();
    let mut one = start(&net, &flows, false);
    let mut two = start(&net, &flows, false);
    two.set_threads(2).unwrap();
    for second in 0..500 {
        one.step();
        two.step();
        assert_eq!(one.state_hash(), two.state_hash(), "second {second}");
        if second == 60 {
            let kept = one.state().clone();
            one.step();
            one.restore(&kept).unwrap();
        }
    }
    assert_eq!(one.halt_tally(), two.halt_tally());
    assert_eq!(one.finished(), 8);
}

#[test]
fn stops_are_written_back_and_read_again() {
    let net = street();
    let stops = r#"{"road":"one","position":200,"dwell":20},{"road":"two","position":390,"dwell":12,"until":90}"#;
    let demand = demand(&net, &[bus(stops, 0)]).unwrap();
    let again = Demand::from_file(&demand.to_flows(&net), "again", &net).unwrap();
    assert_eq!(again.flows(), demand.flows());
    assert_eq!(again.stop_lists(), demand.stop_lists());
    assert_eq!(again.templates(), demand.templates());
}

#[test]
fn impossible_stops_are_refused_with_their_place() {
    let net = street();
    for (stops, says) in [
        (r#"{"road":"six","position":1,"dwell":1}"#, "flow.json:3:"),
        (
            r#"{"road":"six","position":1,"dwell":1}"#,
            "no road \"six\"",
        ),
        (r#"{"road":"one","position":0,"dwell":1}"#, "position"),
        (r#"{"road":"one","position":5000,"dwell":1}"#, "5000"),
        (
            r#"{"road":"one","position":9,"dwell":-1}"#,
            "[0].conurb.stops[0].dwell",
        ),
        (
            r#"{"road":"one","position":9,"dwell":1,"until":-3}"#,
            "stops[0].until",
        ),
        (
            r#"{"road":"two","position":9,"dwell":1},{"road":"one","position":9,"dwell":1}"#,
            "does not pass",
        ),
        (
            r#"{"road":"two","position":9,"dwell":1},{"road":"two","position":8,"dwell":1}"#,
            "after the halt before",
        ),
        (r#"{"road":"one","position":9,"dwel":1}"#, "dwel"),
    ] {
        let error = demand(&net, &[bus(stops, 0)]).unwrap_err();
        assert!(error.contains(says), "{stops}: {error}");
    }
}

#[test]
fn each_halt_is_counted_once_though_buses_change_lane_on_the_way() {
    // Slow cars among them make buses change lane before, at and behind their stops.
    let stops = r#"{"road":"one","position":150,"dwell":3,"until":1},{"road":"one","position":300,"dwell":3,"until":1},
        {"road":"two","position":120,"dwell":3,"until":1},{"road":"two","position":260,"dwell":3,"until":1}"#;
    let slow = CAR.replace("\"maxSpeed\":11", "\"maxSpeed\":4");
    let buses = 60;
    let flows: Vec<String> = (0..buses)
        .map(|n| bus(stops, 12 * n))
        .chain((0..150).map(|n| {
            let at = 5 * n;
            format!(
                r#"{{"vehicle":{{{slow}}},"route":["one","three"],"interval":1,"startTime":{at},"endTime":{at}}}"#
            )
        }))
        .collect();
    let mut sim = start(&street(), &flows, true);
    let mut shadows = 0;
    for _ in 0..6_000 {
        sim.step();
        let all = (0..sim.network().lanes().len()).map(|lane| LaneIx(u32::try_from(lane).unwrap()));
        let bodies = all.flat_map(|lane| sim.vehicles_on(sim.network().drivable_of_lane(lane)));
        shadows += bodies.filter(|v| v.shadow && v.flow < buses).count();
    }
    assert_eq!(sim.finished(), buses + 150);
    assert!(shadows > 100, "no bus changed lane: {shadows}");
    let tally = sim.halt_tally();
    assert_eq!(tally.served + tally.missed, 4 * buses, "{tally:?}");
    assert_eq!(tally.timed, tally.served, "{tally:?}");
}
