//! One thread and several, byte for byte.

use std::sync::Arc;

use crate::citygen::{City, CityOptions};
use crate::demand::Demand;
use crate::network::Network;
use crate::sim::{Signals, Sim, SimOptions};

const STEPS: u32 = 600;

/// A synthetic city in a jam, at time 0.
fn city(seed: u64, lane_change: bool) -> Sim {
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
    let demand = Demand::from_json(&city.demand_json, "generated", &net).unwrap();
    let options = SimOptions {
        signals: Signals::Programme,
        lane_change,
        ..SimOptions::default()
    };
    Sim::new(Arc::new(net), Arc::new(demand), options).unwrap()
}

/// Runs on 1 to 4 threads at once and compares every state with the first, every byte of it.
fn all_alike(seed: u64, lane_change: bool, steps: u32) {
    let sim = city(seed, lane_change);
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
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    all_alike(11, false, STEPS);
}

#[test]
fn nor_does_it_with_lane_change() {
    all_alike(12, true, STEPS);
}

#[test]
fn numbers_of_threads_out_of_range_are_refused() {
    let mut sim = city(13, false);
    for wrong in [0, 257] {
        let error = sim.set_threads(wrong).unwrap_err().to_string();
        assert!(error.contains("between 1 and 256"), "{error}");
    }
    assert_eq!(sim.threads(), 1);
}
