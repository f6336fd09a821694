//! Vehicles pushed in, told their speed, sent another way: as the reference simulator does it.

use std::sync::Arc;

use conurb_traffic::{
    Demand, LaneIx, Network, RoadIx, Signals, Sim, SimOptions, VehicleTemplate, VehicleView,
};

use crate::common::{load, shared};
use crate::streets::network;

const ORDERS: &str = include_str!("../data/orders_hangzhou1.csv");

fn roads(net: &Network, names: &str) -> Vec<RoadIx> {
    names
        .split_whitespace()
        .map(|id| net.road_ix(id).unwrap())
        .collect()
}

fn named(sim: &Sim, id: &str) -> VehicleView {
    sim.vehicles().find(|v| v.id() == id).unwrap()
}

fn template(length_m: f64) -> VehicleTemplate {
    VehicleTemplate {
        length_m,
        max_pos_acc_m_s2: 2.0,
        usual_pos_acc_m_s2: 2.0,
        usual_neg_acc_m_s2: 4.5,
        min_gap_m: 2.5,
        max_speed_m_s: 11.111,
        headway_s: 2.0,
        ..VehicleTemplate::default()
    }
}

fn run_orders(net: &Arc<Network>, demand: &Arc<Demand>) -> (u64, usize) {
    let options = SimOptions {
        seed: 3,
        signals: Signals::Programme,
        ..SimOptions::default()
    };
    let mut sim = Sim::new(Arc::clone(net), Arc::clone(demand), options).unwrap();
    let mut checks = 0;
    for row in ORDERS.lines().filter(|row| !row.starts_with('#')) {
        let cells: Vec<&str> = row.split(',').collect();
        let second: u32 = cells[1].parse().unwrap();
        while sim.step_count() < second {
            sim.step();
        }
        match cells[0] {
            "push" => {
                let length_m = cells[3].parse().unwrap();
                sim.push_vehicle(&template(length_m), &roads(net, cells[2]))
                    .unwrap();
            }
            "speed" => {
                let slot = named(&sim, cells[2]).slot;
                sim.set_vehicle_speed(slot, cells[3].parse().unwrap());
            }
            "route" => {
                let slot = named(&sim, cells[2]).slot;
                let taken = sim.set_vehicle_route(slot, &roads(net, cells[3]));
                assert_eq!(taken, cells[4] == "1", "{row}");
            }
            _ => {
                checks += 1;
                let mut all: Vec<_> = sim.vehicles().map(|v| (v.id(), v)).collect();
                all.sort_by(|a, b| a.0.cmp(&b.0));
                assert_eq!(all.len(), cells[2].parse::<usize>().unwrap(), "{row}");
                let distance_m: f64 = all.iter().map(|v| v.1.position_m).sum();
                let speed_m_s: f64 = all.iter().map(|v| v.1.speed_m_s).sum();
                let expected: f64 = cells[3].parse().unwrap();
                assert!((distance_m - expected).abs() < 1e-6, "{row}: {distance_m}");
                let expected: f64 = cells[4].parse().unwrap();
                assert!((speed_m_s - expected).abs() < 1e-6, "{row}: {speed_m_s}");
            }
        }
    }
    (sim.state_hash(), checks)
}

#[test]
fn orders_have_the_effect_they_have_in_the_reference_simulator() {
    let Some(dir) = shared("orders") else {
        return;
    };
    let (net, demand) = load(&dir, "hangzhou1");
    let (net, demand) = (Arc::new(net), Arc::new(demand));
    let first = run_orders(&net, &demand);
    assert_eq!(first.1, 30);
    assert_eq!(first, run_orders(&net, &demand));
}

/// Two lanes of 300 m, a junction, 300 m, and another way round.
fn fork() -> Arc<Network> {
    Arc::new(network(
        &[
            ("w", -300.0, 0.0),
            ("c", 0.0, 0.0),
            ("d", 300.0, 0.0),
            ("n", 0.0, 300.0),
            ("e", 600.0, 0.0),
        ],
        &[
            ("in", "w", "c", 1, 10.0),
            ("straight", "c", "d", 1, 10.0),
            ("up", "c", "n", 1, 10.0),
            ("down", "n", "d", 1, 10.0),
            ("out", "d", "e", 1, 10.0),
        ],
    ))
}

fn seconds_on(sim: &mut Sim, road: &str, seconds: u32) -> u32 {
    let net = Arc::clone(sim.network());
    let lane = net.roads()[net.road_ix(road).unwrap().ix()].lanes[0];
    let mut seen = 0;
    for _ in 0..seconds {
        sim.step();
        seen += sim.lane(LaneIx(lane.0)).vehicles;
    }
    seen
}

#[test]
fn a_state_knows_what_was_pushed_in_and_sent_another_way_before_it_and_not_after() {
    let net = fork();
    let options = SimOptions::default();
    let mut sim = Sim::new(Arc::clone(&net), Arc::new(Demand::none()), options).unwrap();
    sim.step();
    let empty = sim.state().clone();
    let way = roads(&net, "in straight out");
    assert_eq!(sim.push_vehicle(&template(5.0), &way).unwrap(), 0);
    sim.step();
    sim.step();
    let pushed = sim.state().clone();
    let slot = named(&sim, "manually_pushed_0").slot;
    assert!(sim.set_vehicle_route(slot, &roads(&net, "up out")));
    let sent = sim.state().clone();
    assert!(seconds_on(&mut sim, "up", 200) > 0);
    assert_eq!(sim.finished(), 1);

    sim.restore(&pushed).unwrap();
    assert_eq!(seconds_on(&mut sim, "up", 200), 0);
    assert_eq!(sim.finished(), 1);
    sim.restore(&empty).unwrap();
    assert_eq!(seconds_on(&mut sim, "straight", 200), 0);
    // Pushed in anew, on another way, at another time.
    let other = roads(&net, "in up out");
    assert_eq!(sim.push_vehicle(&template(7.0), &other).unwrap(), 0);
    assert!(seconds_on(&mut sim, "up", 200) > 0);
    sim.restore(&sent).unwrap();
    let hash = |sim: &mut Sim| {
        let seen = seconds_on(sim, "up", 50);
        (seen, sim.state_hash())
    };
    let once = hash(&mut sim);
    sim.restore(&sent).unwrap();
    assert_eq!(once, hash(&mut sim));
    // A simulation that was never told of it cannot go there.
    let mut stranger = Sim::new(Arc::clone(&net), Arc::new(Demand::none()), options).unwrap();
    assert!(stranger.restore(&sent).is_err());
}

#[test]
fn with_lane_change_orders_hold_too() {
    let net = fork();
    let options = SimOptions {
        lane_change: true,
        ..SimOptions::default()
    };
    let mut sim = Sim::new(Arc::clone(&net), Arc::new(Demand::none()), options).unwrap();
    let way = roads(&net, "in straight out");
    sim.push_vehicle(&template(5.0), &way).unwrap();
    sim.step();
    let slot = named(&sim, "manually_pushed_0").slot;
    sim.set_vehicle_speed(slot, 0.5);
    sim.step();
    assert!((named(&sim, "manually_pushed_0").speed_m_s - 0.5).abs() < 1e-12);
    sim.step();
    assert!(named(&sim, "manually_pushed_0").speed_m_s > 1.0);
    assert!(sim.set_vehicle_route(slot, &roads(&net, "up out")));
    assert!(seconds_on(&mut sim, "up", 200) > 0);
    assert_eq!(sim.finished(), 1);
}

#[test]
fn impossible_orders_are_refused() {
    let net = fork();
    let options = SimOptions::default();
    let mut sim = Sim::new(Arc::clone(&net), Arc::new(Demand::none()), options).unwrap();
    for (way, length_m, says) in [
        ("in", 5.0, "at least 2"),
        ("out in", 5.0, "not joined"),
        ("in out", -1.0, "length"),
    ] {
        let error = sim.push_vehicle(&template(length_m), &roads(&net, way));
        let text = error.unwrap_err().to_string();
        assert!(text.contains(says), "{text}");
    }
    let unknown = sim.push_vehicle(&template(5.0), &[RoadIx(99), RoadIx(0)]);
    assert!(unknown.unwrap_err().to_string().contains("no road 99"));
    assert!(!sim.set_vehicle_route(17, &roads(&net, "out")));
    sim.push_vehicle(&template(5.0), &roads(&net, "in out"))
        .unwrap();
    sim.step();
    let slot = named(&sim, "manually_pushed_0").slot;
    // Nothing leads back.
    assert!(!sim.set_vehicle_route(slot, &roads(&net, "in")));
}
