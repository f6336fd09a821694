//! Actuated control on generated grids.

use std::sync::Arc;

use conurb_traffic::control::{Actuated, ActuatedOptions, FixedTime};
use conurb_traffic::protocol::{Outcome, ProtocolOptions, run, run_plan};
use conurb_traffic::{Demand, Network};

use crate::common::{Noted, generated, three_by_three};

fn grid(load: f64, seed: u64) -> (Arc<Network>, Arc<Demand>) {
    generated(&three_by_three(load, seed))
}

fn protocol() -> ProtocolOptions {
    ProtocolOptions {
        duration_s: 1_800,
        ..ProtocolOptions::default()
    }
}

fn actuated(net: &Arc<Network>, demand: &Arc<Demand>, options: ActuatedOptions) -> Outcome {
    let mut plan = Actuated::new(net, options).unwrap();
    run_plan(net, demand, &mut plan, &protocol(), &mut |_| {}).unwrap()
}

#[test]
fn it_beats_fixed_time_at_every_load() {
    for (load, seed) in [(0.3, 1), (0.5, 2), (0.7, 3)] {
        let (net, demand) = grid(load, seed);
        let ours = actuated(&net, &demand, ActuatedOptions::default());
        let mut fixed = FixedTime::new(net.junctions().len(), 15.0, 5.0, 1, 4);
        let fixed = run(&net, &demand, &mut fixed, &protocol()).unwrap();
        println!(
            "load {load}: {:.1} s against {:.1} s",
            ours.network_s, fixed.network_s
        );
        assert!(
            ours.network_s < 0.9 * fixed.network_s,
            "load {load}: {} s against {} s",
            ours.network_s,
            fixed.network_s
        );
        assert_eq!(ours, actuated(&net, &demand, ActuatedOptions::default()));
    }
}

#[test]
fn every_change_is_cleared_and_every_green_has_its_minimum() {
    let (net, demand) = grid(0.6, 4);
    let mut control = Actuated::new(&net, ActuatedOptions::default()).unwrap();
    let mut noted = Noted::new(&net, &mut control);
    run_plan(&net, &demand, &mut noted, &protocol(), &mut |_| {}).unwrap();
    let mut lengths = Vec::new();
    for j in net.signalised() {
        let runs: Vec<&[u16]> = noted.shown[j.ix()].chunk_by(|a, b| a == b).collect();
        assert!(runs.len() > 10);
        for pair in runs.windows(2) {
            // Green, clearance of 5 s, green.
            assert_ne!(pair[0][0] == 0, pair[1][0] == 0, "{pair:?}");
            let whole = pair[0].len();
            assert!(if pair[0][0] == 0 {
                whole == 5
            } else {
                whole >= 5
            });
            lengths.extend((pair[0][0] != 0).then_some(whole));
        }
    }
    // Neither the minimum nor the maximum everywhere: detectors decide.
    lengths.sort_unstable();
    lengths.dedup();
    assert!(lengths.len() > 10, "{lengths:?}");
}
