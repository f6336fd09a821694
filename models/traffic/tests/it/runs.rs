//! Determinism, snapshots, local rollouts, measures and refused options.

use std::sync::Arc;

use conurb_base::Coded as _;
use conurb_traffic::control::{Pressure, PressureRule};
use conurb_traffic::metrics::TripMeter;
use conurb_traffic::protocol::{ProtocolOptions, run_observed};
use conurb_traffic::{
    Demand, LinkIx, Network, Placed, Signals, Sim, SimOptions, SmallPath, VehicleTemplate,
};

use crate::common::{bytes, load, shared};

fn programme(net: &Arc<Network>, demand: &Arc<Demand>, seed: u32) -> Sim {
    let options = SimOptions {
        seed,
        signals: Signals::Programme,
        ..SimOptions::default()
    };
    Sim::new(Arc::clone(net), Arc::clone(demand), options).unwrap()
}

fn steps(sim: &mut Sim, count: u32) -> Vec<u64> {
    (0..count)
        .map(|_| {
            sim.step();
            sim.state_hash()
        })
        .collect()
}

#[test]
fn the_same_seed_gives_the_same_states_and_another_seed_does_not() {
    let Some(dir) = shared("same_seed") else {
        return;
    };
    // On the published sets every approach lane serves one movement, so seeds hardly matter there.
    let net =
        Network::from_json(&bytes(dir.join("cologne3/cologne3_roadnet_red.json")), "n").unwrap();
    let demand =
        Demand::from_json(&bytes(dir.join("cologne3/cologne3_flow.json")), "f", &net).unwrap();
    let (net, demand) = (Arc::new(net), Arc::new(demand));
    let run = |seed| {
        steps(&mut programme(&net, &demand, seed), 400)
            .into_iter()
            .fold(0, |a: u64, b| a.rotate_left(7) ^ b)
    };
    let first = run(7);
    assert_eq!(first, run(7));
    assert_ne!(first, run(8));
}

#[test]
fn a_restored_state_goes_on_like_a_straight_run() {
    let Some(dir) = shared("restored_state") else {
        return;
    };
    let (net, demand) = load(&dir, "hangzhou2");
    let (net, demand) = (Arc::new(net), Arc::new(demand));
    let mut sim = programme(&net, &demand, 0);
    steps(&mut sim, 700);
    let kept = sim.state().clone();
    let mut copy = sim.clone();
    let straight = steps(&mut sim, 500);
    assert!(straight == steps(&mut copy, 500));
    sim.restore(&kept).unwrap();
    assert!(straight == steps(&mut sim, 500));
    let mut fresh = programme(&net, &demand, 0);
    fresh.restore(&kept).unwrap();
    assert!(straight == steps(&mut fresh, 500));
}

#[test]
fn a_state_of_another_network_is_refused() {
    let Some(dir) = shared("state_of_another_network") else {
        return;
    };
    let (net, demand) = load(&dir, "hangzhou1");
    let foreign = programme(&Arc::new(net), &Arc::new(demand), 0)
        .state()
        .clone();
    let (net, demand) = load(&dir, "jinan1");
    let mut sim = programme(&Arc::new(net), &Arc::new(demand), 0);
    let error = sim.restore(&foreign).unwrap_err();
    assert_eq!(error.code(), "CNB-TRAFFIC-0013");
}

#[test]
fn absent_phases_and_steps_are_refused() {
    let Some(dir) = shared("absent_phases_refused") else {
        return;
    };
    let (net, demand) = load(&dir, "hangzhou1");
    let (net, demand) = (Arc::new(net), Arc::new(demand));
    let mut sim = programme(&net, &demand, 0);
    let signalised = net.signalised()[0];
    assert!(sim.set_phase(signalised, 9).is_err());
    assert!(sim.set_phase(signalised, 8).is_ok());
    let options = SimOptions {
        step_s: f64::NAN,
        ..SimOptions::default()
    };
    assert!(Sim::new(net, demand, options).is_err());
}

#[test]
fn nothing_is_lost_and_measures_are_in_range() {
    let Some(dir) = shared("nothing_is_lost") else {
        return;
    };
    let (net, demand) = load(&dir, "hangzhou1");
    let (net, demand) = (Arc::new(net), Arc::new(demand));
    let mut meter = TripMeter::new(&net);
    let mut control = Pressure::new(&net, PressureRule::MaxPressure, 1, 4);
    let mut last = None;
    let mut observe = |sim: &Sim| {
        meter.observe(sim);
        assert_eq!(
            sim.created(),
            sim.running() + sim.finished() + sim.waiting_outside()
        );
        assert_eq!(
            usize::try_from(sim.running()).unwrap(),
            sim.vehicles().count()
        );
        last = Some(meter.summary(sim).throughput_veh)
            .filter(|_| sim.step_count().is_multiple_of(600))
            .or(last);
    };
    let options = ProtocolOptions::default();
    let outcome = run_observed(&net, &demand, &mut control, &options, &mut observe).unwrap();
    assert_eq!(last, Some(outcome.finished));
    let summary = {
        let mut sim = programme(&net, &demand, 0);
        let mut meter = TripMeter::new(&net);
        for _ in 0..1200 {
            sim.step();
            meter.observe(&sim);
        }
        meter.summary(&sim)
    };
    let index = summary.delay_index.unwrap();
    assert!(index > 1.0 && index < 10.0, "{index}");
    assert!(summary.stops_per_vehicle > 0.5 && summary.stops_per_vehicle < 50.0);
    assert!(summary.queue_mean_veh <= f64::from(summary.queue_max_veh));
    assert_eq!(summary.series.len(), 21);
    let vehicle_hours = summary
        .series
        .iter()
        .map(|p| f64::from(p.running))
        .sum::<f64>()
        / 60.0;
    let per_hour_kg = summary.co2_kg / vehicle_hours;
    assert!(
        (3.0..12.0).contains(&per_hour_kg),
        "{per_hour_kg} kg CO2 per vehicle hour"
    );
}

#[test]
fn counters_of_a_lane_agree_with_its_vehicles() {
    let Some(dir) = shared("counters_of_a_lane") else {
        return;
    };
    let (net, demand) = load(&dir, "jinan3");
    let (net, demand) = (Arc::new(net), Arc::new(demand));
    let mut sim = programme(&net, &demand, 0);
    for _ in 0..900 {
        sim.step();
    }
    for (i, lane) in net.lanes().iter().enumerate() {
        let ix = conurb_traffic::LaneIx(u32::try_from(i).unwrap());
        let r = sim.lane(ix);
        assert_eq!(r.vehicles, r.entered_total - r.left_total, "{}", lane.id);
        assert!(r.waiting <= r.vehicles);
        assert!((0.0..=1.0).contains(&r.occupancy));
        assert_eq!(r.mean_speed_m_s.is_none(), r.vehicles == 0);
        let positions: Vec<f64> = sim
            .vehicles_on(net.drivable_of_lane(ix))
            .map(|v| v.position_m)
            .collect();
        assert!(
            positions.windows(2).all(|w| w[0] > w[1]),
            "{}: {positions:?}",
            lane.id
        );
    }
}

#[test]
fn a_local_rollout_queues_at_red_and_drains_at_green() {
    let Some(dir) = shared("local_rollout") else {
        return;
    };
    let (net, _) = load(&dir, "hangzhou1");
    let net = Arc::new(net);
    let junction = net.signalised()[0];
    // A link that is green in phase 1 but not in phase 0.
    let link: LinkIx = *net
        .phase_links(junction, 1)
        .iter()
        .find(|l| !net.phase_links(junction, 0).contains(l))
        .unwrap();
    let template = VehicleTemplate {
        max_speed_m_s: 11.111,
        ..VehicleTemplate::default()
    };
    let lane = net.links()[link.ix()].from;
    let placed: Vec<Placed> = (0..6)
        .map(|i| Placed {
            lane,
            position_m: net.lanes()[lane.ix()].length_m - 10.0 * f64::from(i) - 1.0,
            speed_m_s: 0.0,
            template,
            path: SmallPath::through(&net, link),
        })
        .collect();
    let mut sim = Sim::local(Arc::clone(&net), &placed).unwrap();
    let rollout = |sim: &mut Sim, phase: u16| {
        sim.set_phase(junction, phase).unwrap();
        let mut cost = 0.0;
        for _ in 0..30 {
            sim.step();
            cost += sim.cost();
        }
        (cost, sim.lane(lane).vehicles, sim.state_hash())
    };
    let (red, stuck, red_hash) = rollout(&mut sim, 0);
    assert_eq!(stuck, 6);
    sim.reset_local(&placed).unwrap();
    let (green, left, _) = rollout(&mut sim, 1);
    assert_eq!(left, 0);
    assert!(green < red, "{green} {red}");
    sim.reset_local(&placed).unwrap();
    assert_eq!(rollout(&mut sim, 0), (red, stuck, red_hash));
    for _ in 0..200 {
        sim.set_phase(junction, 1).unwrap();
        sim.step();
    }
    assert_eq!(sim.finished(), 6);
    assert_eq!(sim.cost(), 0.0);
    let wrong = Placed {
        path: SmallPath::new(&[net.drivable_of_lane(lane), net.drivable_of_lane(lane)]).unwrap(),
        ..placed[0]
    };
    assert!(sim.reset_local(&[wrong]).is_err());
}
