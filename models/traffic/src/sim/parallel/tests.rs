//! One thread and several, byte for byte.

use std::sync::Arc;

use crate::changes::{Changes, ChangesFile, Closure, Incident, SpeedLimit};
use crate::citygen::{City, CityOptions};
use crate::demand::Demand;
use crate::file::{self, FlowExt, FlowFile, StopFile};
use crate::network::Network;
use crate::parking::Parking;
use crate::sim::{Signals, Sim, SimOptions};

const STEPS: u32 = 600;

/// A synthetic city in a jam, at time 0; `busy`: with buses that halt, closures, limits, incidents and
/// car parks.
fn city(seed: u64, lane_change: bool, busy: bool) -> Sim {
    println!("seed {seed}, lane change {lane_change}");
    let options = CityOptions {
        signals: 120,
        seed,
        span_s: STEPS,
        load: 1.5,
        ..CityOptions::default()
    };
    let city = City::generate(&options).unwrap();
    let net = Network::from_json(&city.network_json, "generated").unwrap();
    let mut flows = file::read_flows(&city.demand_json, "generated").unwrap();
    if busy {
        with_buses(&net, &mut flows);
    }
    let demand = Demand::from_file(&flows, "generated", &net).unwrap();
    let options = SimOptions {
        signals: Signals::Programme,
        lane_change,
        ..SimOptions::default()
    };
    let mut sim = Sim::new(Arc::new(net), Arc::new(demand), options).unwrap();
    sim.share_from(1);
    if busy {
        let net = Arc::clone(sim.network());
        let (changes, parking) = around(&net, !lane_change);
        let changes = Changes::from_file(&changes, "changes", &net).unwrap();
        sim.set_changes(Arc::new(changes)).unwrap();
        let parking = Parking::from_json(parking.as_bytes(), "parking", &net).unwrap();
        sim.set_parking(Arc::new(parking)).unwrap();
    }
    sim
}

/// Every twentieth flow halts on the second road of its route.
fn with_buses(net: &Network, flows: &mut [FlowFile]) {
    for flow in flows.iter_mut().step_by(20) {
        let road = net.road_ix(&flow.route[1]).unwrap();
        let lanes = net.roads()[road.ix()].lanes.iter();
        let length_m = lanes.map(|lane| net.lanes()[lane.ix()].length_m);
        flow.conurb = Some(FlowExt {
            stops: vec![StopFile {
                road: flow.route[1].clone(),
                position: length_m.fold(f64::INFINITY, f64::min) / 2.0,
                dwell: 15.0,
                until: None,
            }],
        });
    }
}

/// Changes and car parks on roads here and there.
fn around(net: &Network, incidents: bool) -> (ChangesFile, String) {
    let inner = net.roads().iter().filter(|r| {
        let ends = [r.from, r.to];
        ends.iter().all(|end| !net.junctions()[end.ix()].is_virtual)
    });
    let mut changes = ChangesFile::default();
    let mut parks = Vec::new();
    for (n, road) in inner.enumerate() {
        let road = road.id.clone();
        let (from, to) = (
            100.0 + 3.0 * f64::from(u8::try_from(n % 50).unwrap()),
            400.0,
        );
        match n % 12 {
            0 => changes.closures.push(Closure {
                road,
                lanes: Vec::new(),
                from,
                to,
            }),
            3 => changes.speed_limits.push(SpeedLimit {
                road,
                lanes: Vec::new(),
                from,
                to,
                max_speed: 4.0,
            }),
            6 if incidents => changes.incidents.push(Incident {
                road,
                lane: 0,
                position: 20.0,
                from,
                to,
            }),
            9 => parks.push(format!(
                r#"{{"id":"P{n}","road":"{road}","position":30,"totalSpotNumber":5}}"#
            )),
            _ => {}
        }
    }
    let parking = format!(
        r#"{{"share":0.3,"stayMean":200,"walkMax":600,"carParks":[{}]}}"#,
        parks.join(",")
    );
    (changes, parking)
}

/// Runs on 1 to 4 threads at once and compares every state with the first, every byte of it.
fn all_alike(seed: u64, lane_change: bool, busy: bool, steps: u32) -> Sim {
    let sim = city(seed, lane_change, busy);
    let mut sims: Vec<Sim> = (1..=4)
        .map(|threads| {
            let mut sim = sim.clone();
            sim.set_threads(threads).unwrap();
            sim
        })
        .collect();
    let mut shared = 0;
    for step in 0..steps {
        let (first, others) = sims.split_first_mut().unwrap();
        first.step();
        shared += u32::from(first.state.ordered);
        for sim in others {
            sim.step();
            let threads = sim.threads();
            assert_eq!(
                sim.state_hash(),
                first.state_hash(),
                "step {step}, {threads} threads"
            );
            assert_eq!(sim.just_finished(), first.just_finished(), "step {step}");
            assert!(sim.state == first.state, "step {step}, {threads} threads");
        }
    }
    println!(
        "{} vehicles, {} finished, {shared} steps of {steps} shared",
        sims[0].running(),
        sims[0].finished()
    );
    assert!(shared > steps / 2, "too few steps were large enough");
    assert!(sims[0].finished() > 100, "nobody arrived");
    let state = &sims[0].state;
    let running: Vec<u32> = sims[0].vehicles().map(|v| v.event).collect();
    let aims = state.halts.iter().map(|h| h.event);
    for event in aims.chain(state.seeks.iter().map(|s| s.event)) {
        assert!(
            running.contains(&event),
            "{event} has gone and is not forgotten"
        );
    }
    sims.swap_remove(0)
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    all_alike(11, false, false, STEPS);
}

#[test]
fn nor_does_it_with_buses_closures_incidents_and_car_parks() {
    let sim = all_alike(13, false, true, STEPS);
    let (halts, detours, parking) = (sim.halt_tally(), sim.detour_tally(), sim.parking_tally());
    println!("{halts:?} {detours:?} {parking:?}");
    assert!(halts.served > 50 && detours.redirected > 20 && parking.parked > 20);
}

#[test]
fn nor_with_all_that_and_lane_change() {
    let sim = all_alike(14, true, true, STEPS / 2);
    let (halts, detours) = (sim.halt_tally(), sim.detour_tally());
    assert!(
        halts.served > 20 && detours.redirected > 20,
        "{halts:?} {detours:?}"
    );
}

#[test]
fn nor_does_it_with_lane_change() {
    all_alike(12, true, false, STEPS);
}

#[test]
fn numbers_of_threads_out_of_range_are_refused() {
    let mut sim = city(13, false, false);
    for wrong in [0, 257] {
        let error = sim.set_threads(wrong).unwrap_err().to_string();
        assert!(error.contains("between 1 and 256"), "{error}");
    }
    assert_eq!(sim.threads(), 1);
}
