//! Lane change: averages against the reference's runs with it on, determinism, snapshots, bodies.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use conurb_base::Coded as _;
use conurb_traffic::control::{Controller, FixedTime, Pressure, PressureRule};
use conurb_traffic::protocol::{ProtocolOptions, run, run_observed};
use conurb_traffic::{Demand, Network, Signals, Sim, SimOptions};

use crate::common::{SETS, bytes, load, shared};

/// How far averages may be from the reference's, which does not repeat itself with lane change on:
/// asked is 0.5 %; all fifty were within 0.08 %.
const TOLERANCE: f64 = 0.002;

fn controller(net: &Network, name: &str, interval_s: u32) -> Box<dyn Controller> {
    let rule = match name {
        "fixed_time" => {
            let junctions = net.junctions().len();
            return Box::new(FixedTime::new(junctions, f64::from(interval_s), 5.0, 1, 4));
        }
        "max_pressure" => PressureRule::MaxPressure,
        "efficient_max_pressure" => PressureRule::Efficient,
        "advanced_max_pressure" => PressureRule::Advanced,
        "max_queue" => PressureRule::MaxQueue,
        other => panic!("unknown controller {other}"),
    };
    Box::new(Pressure::new(net, rule, 1, 4))
}

/// Runs the reference's rows that `pick` takes and tells those too far from it, of all of them.
fn check(dir: &Path, pick: impl Fn(&str, &str, u32) -> bool) -> usize {
    let csv = String::from_utf8(bytes(dir.join("reference/golden.csv"))).unwrap();
    let (mut worst, mut far, mut count) = (0.0_f64, Vec::new(), 0);
    for (set, ..) in SETS {
        let (net, demand) = load(dir, set);
        let (net, demand) = (Arc::new(net), Arc::new(demand));
        for line in csv.lines().skip(1) {
            let row: Vec<&str> = line.split(',').collect();
            let interval_s = row[2].parse().unwrap_or(0);
            if row[0] != set || row[3] != "1" || !pick(set, row[1], interval_s) {
                continue;
            }
            let options = ProtocolOptions {
                interval_s,
                lane_change: true,
                ..ProtocolOptions::default()
            };
            let mut control = controller(&net, row[1], interval_s);
            let ours = run(&net, &demand, control.as_mut(), &options).unwrap();
            let off = |ours: f64, theirs: &str| ours / theirs.parse::<f64>().unwrap() - 1.0;
            let (approach, network) = (off(ours.approach_s, row[4]), off(ours.network_s, row[5]));
            println!(
                "{set} {} {interval_s}: approach {:.4} s ({:+.3} %), network {:.4} s ({:+.3} %)",
                row[1],
                ours.approach_s,
                100.0 * approach,
                ours.network_s,
                100.0 * network
            );
            let most = approach.abs().max(network.abs());
            worst = worst.max(most);
            if most > TOLERANCE {
                far.push(format!(
                    "{set} {} {interval_s}: {:.2} %",
                    row[1],
                    100.0 * most
                ));
            }
            count += 1;
        }
    }
    println!("{count} runs, worst {:.3} %", 100.0 * worst);
    assert!(far.is_empty(), "{far:#?}");
    count
}

#[test]
fn a_sample_of_averages_is_within_half_a_percent_of_the_reference() {
    let Some(dir) = shared("lane_change_sample") else {
        return;
    };
    let sampled = |set: &str, controller: &str, t: u32| match controller {
        "fixed_time" => t == 30,
        "max_pressure" => t == 15 && set != "jinan2",
        _ => set == "hangzhou1" && t == 15,
    };
    assert_eq!(check(&dir, sampled), 12);
}

#[test]
#[ignore = "all fifty runs; the sample above stands for them in continuous integration"]
fn all_averages_are_within_half_a_percent_of_the_reference() {
    if let Some(dir) = shared("lane_change_all") {
        assert_eq!(check(&dir, |_, _, _| true), 50);
    }
}

fn cologne(dir: &Path, seed: u32) -> Sim {
    let net =
        Network::from_json(&bytes(dir.join("cologne3/cologne3_roadnet_red.json")), "n").unwrap();
    let demand =
        Demand::from_json(&bytes(dir.join("cologne3/cologne3_flow.json")), "f", &net).unwrap();
    start(Arc::new(net), Arc::new(demand), seed)
}

fn start(net: Arc<Network>, demand: Arc<Demand>, seed: u32) -> Sim {
    let options = SimOptions {
        seed,
        signals: Signals::Programme,
        lane_change: true,
        ..SimOptions::default()
    };
    Sim::new(net, demand, options).unwrap()
}

fn hashes(sim: &mut Sim, steps: u32) -> Vec<u64> {
    (0..steps)
        .map(|_| {
            sim.step();
            sim.state_hash()
        })
        .collect()
}

#[test]
fn the_same_seed_gives_the_same_states_with_lane_change() {
    let Some(dir) = shared("lane_change_same_seed") else {
        return;
    };
    let run = |seed| hashes(&mut cologne(&dir, seed), 600);
    assert!(run(7) == run(7));
    assert!(run(7) != run(8));
}

#[test]
fn a_state_with_shadows_resumes_like_a_straight_run() {
    let Some(dir) = shared("lane_change_resumes") else {
        return;
    };
    let (net, demand) = load(&dir, "jinan1");
    let (net, demand) = (Arc::new(net), Arc::new(demand));
    let mut sim = start(Arc::clone(&net), Arc::clone(&demand), 0);
    hashes(&mut sim, 600);
    while sim.vehicles().count() == bodies(&sim) {
        sim.step();
        assert!(sim.step_count() < 1_200, "nobody ever changes lane");
    }
    let kept = sim.state().clone();
    let straight = hashes(&mut sim, 300);
    sim.restore(&kept).unwrap();
    assert!(straight == hashes(&mut sim, 300));
    let mut fresh = start(Arc::clone(&net), Arc::clone(&demand), 0);
    fresh.restore(&kept).unwrap();
    assert!(straight == hashes(&mut fresh, 300));
    let mut off = Sim::new(net, demand, SimOptions::default()).unwrap();
    assert_eq!(off.restore(&kept).unwrap_err().code(), "CNB-TRAFFIC-0013");
}

fn bodies(sim: &Sim) -> usize {
    let net = sim.network();
    let lanes = 0..u32::try_from(net.lanes().len() + net.links().len()).unwrap();
    lanes
        .map(|d| sim.vehicles_on(conurb_traffic::DrivableIx(d)).count())
        .sum()
}

#[test]
fn a_vehicle_that_changes_keeps_its_name_and_its_two_bodies_run_side_by_side() {
    let Some(dir) = shared("lane_change_bodies") else {
        return;
    };
    let (net, demand) = load(&dir, "jinan1");
    let (net, demand) = (Arc::new(net), Arc::new(demand));
    // By vehicle: its lane before the change, the lane it goes to, seconds between the two.
    let mut changing: BTreeMap<u32, (u32, u32, u32)> = BTreeMap::new();
    let (mut done, mut given_up) = (0, 0);
    let mut observe = |sim: &Sim| {
        let net = sim.network();
        assert_eq!(
            sim.created(),
            sim.running() + sim.finished() + sim.waiting_outside()
        );
        assert_eq!(sim.running() as usize, sim.vehicles().count());
        let real: BTreeMap<u32, _> = sim.vehicles().map(|v| (v.event, v)).collect();
        assert_eq!(
            real.len(),
            sim.vehicles().count(),
            "a vehicle is there twice"
        );
        let mut now = BTreeMap::new();
        for (i, lane) in (0..).zip(net.lanes()) {
            let all: Vec<_> = sim.vehicles_on(conurb_traffic::DrivableIx(i)).collect();
            let reading = sim.lane(conurb_traffic::LaneIx(i));
            assert_eq!(reading.vehicles, reading.entered_total - reading.left_total);
            for pair in all.windows(2) {
                assert!(
                    pair[0].position_m > pair[1].position_m,
                    "{}: {pair:?}",
                    lane.id
                );
            }
            for shadow in all.iter().filter(|v| v.shadow) {
                let v = &real[&shadow.event];
                let from = &net.lanes()[v.drivable.ix()];
                assert_eq!(from.road, lane.road);
                assert_eq!(from.index.abs_diff(lane.index), 1);
                assert_eq!(
                    (v.position_m, v.speed_m_s),
                    (shadow.position_m, shadow.speed_m_s)
                );
                let seconds = changing.get(&v.event).map_or(1, |c| c.2 + 1);
                assert!(seconds <= 5, "{} between lanes for {seconds} s", v.id());
                now.insert(v.event, (v.drivable.0, i, seconds));
            }
        }
        for (event, (from, to, _)) in changing.iter().filter(|(e, _)| !now.contains_key(e)) {
            match real.get(event) {
                Some(v) if v.drivable.0 == *to => done += 1,
                Some(v) => {
                    assert!(v.drivable.0 == *from || net.as_lane(v.drivable).is_none());
                    given_up += 1;
                }
                None => done += 1, // it left the network from its new lane
            }
        }
        changing = now;
    };
    let options = ProtocolOptions {
        duration_s: 1_200,
        lane_change: true,
        ..ProtocolOptions::default()
    };
    let mut control = Pressure::new(&net, PressureRule::MaxPressure, 1, 4);
    run_observed(&net, &demand, &mut control, &options, &mut observe).unwrap();
    println!("{done} changes done, {given_up} given up");
    assert!(done > 100 && given_up * 20 < done);
}
