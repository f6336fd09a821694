//! The golden day: a small generated city with and without the scenario, from one seed.

use crate::town::{Kpis, Town, settings};

const SPAN_S: u32 = 1800;

fn run(brain: bool) -> (Kpis, usize) {
    let mut town = Town::new(9, SPAN_S, settings(|_| {}));
    town.run(SPAN_S, brain);
    (town.kpis(), town.proposals.len())
}

/// Relative precision of the committed figures: the engine is deterministic on one machine; this
/// leaves room for another mathematics library's last digits growing over half an hour.
const PRECISION: f64 = 0.01;

#[track_caller]
fn near(what: &str, is: f64, golden: f64) {
    assert!(
        (is - golden).abs() <= PRECISION * golden.abs(),
        "{what}: {is}, golden {golden}"
    );
}

/// `golden_day.json` holds what the run gave when it was committed.
#[test]
fn golden_day_with_and_without_the_scenario() {
    let golden: serde_json::Value =
        serde_json::from_str(include_str!("golden_day.json")).expect("committed JSON");
    let ((without, none), (with, decided)) = (run(false), run(true));
    assert_eq!(none, 0);
    println!("{without:?}\n{with:?}\n{decided}");
    for (name, k) in [("fixed", without), ("brain", with)] {
        let of = |kpi: &str| golden[name][kpi].as_f64().expect("a figure");
        near("network", k.network_s, of("average_travel_time_s_network"));
        near(
            "approach",
            k.approach_s,
            of("average_travel_time_s_approach"),
        );
        near("throughput", k.throughput_veh, of("throughput_veh"));
        near("delay index", k.delay_index, of("delay_index"));
    }
    assert_eq!(Some(decided as u64), golden["decisions"].as_u64());
    assert!(with.network_s < without.network_s, "{with:?} {without:?}");
    assert!(with.delay_index < without.delay_index);
}

#[test]
fn the_same_seed_gives_the_same_day() {
    let (a, b) = (run(true), run(true));
    assert_eq!(a, b);
}
