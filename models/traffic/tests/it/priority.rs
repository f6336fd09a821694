//! Priority of buses and pre-emption around every kind of control, on generated grids.

use std::sync::Arc;

use conurb_traffic::citygen::grid::generate;
use conurb_traffic::control::priority::PriorityReport;
use conurb_traffic::control::{
    Actuated, ActuatedOptions, Level, LookAhead, LookAheadOptions, Pressure, PressureRule,
    Priority, PriorityOptions, SecondPlan,
};
use conurb_traffic::file::{FlowExt, FlowFile, StopFile, VehicleExt, read_flows};
use conurb_traffic::metrics::{ClassDelays, ClassMeter};
use conurb_traffic::protocol::{Outcome, Paced, ProtocolOptions, run_plan};
use conurb_traffic::webster::{PlanPlayer, WebsterOptions, webster};
use conurb_traffic::{Demand, JunctionIx, Network, Road, RoadIx, Sim, VehicleClass};

use crate::common::{Noted, three_by_three};

fn ext(class: VehicleClass) -> VehicleExt {
    VehicleExt {
        speed_factor: 1.0,
        dawdle: 0.0,
        class,
    }
}

fn files(load: f64, seed: u64) -> (Arc<Network>, Vec<FlowFile>) {
    let (net, flows) = generate(&three_by_three(load, seed)).unwrap();
    let net = Network::from_json(&net, "grid").unwrap();
    (Arc::new(net), read_flows(&flows, "grid").unwrap())
}

/// A grid in which every 20th vehicle is a bus and every 150th has a siren.
fn grid(load: f64, seed: u64) -> (Arc<Network>, Arc<Demand>) {
    let (net, mut flows) = files(load, seed);
    for (k, flow) in flows.iter_mut().enumerate() {
        let class = match k {
            _ if k % 150 == 149 => VehicleClass::Emergency,
            _ if k % 20 == 19 => VehicleClass::Bus,
            _ => continue,
        };
        flow.vehicle.conurb = Some(ext(class));
    }
    let demand = Demand::from_file(&flows, "grid", &net).unwrap();
    (net, Arc::new(demand))
}

fn protocol() -> ProtocolOptions {
    ProtocolOptions {
        duration_s: 1_800,
        ..ProtocolOptions::default()
    }
}

struct Run {
    outcome: Outcome,
    delays: ClassDelays,
    report: PriorityReport,
    /// By junction, second by second.
    shown: Vec<Vec<u16>>,
}

fn drive(
    city: &(Arc<Network>, Arc<Demand>),
    control: &mut dyn SecondPlan,
    options: PriorityOptions,
) -> Run {
    let (net, demand) = city;
    let mut priority = Priority::new(net, control, options).unwrap();
    let mut noted = Noted::new(net, &mut priority);
    let mut meter = ClassMeter::default();
    let mut delays = None;
    let outcome = run_plan(net, demand, &mut noted, &protocol(), &mut |sim| {
        meter.observe(sim);
        if sim.step_count() == protocol().duration_s {
            delays = Some(meter.delays(sim));
        }
    })
    .unwrap();
    let shown = noted.shown;
    Run {
        outcome,
        delays: delays.unwrap(),
        report: priority.report(),
        shown,
    }
}

const NOBODY: (bool, bool) = (false, false);

fn who((bus, emergency): (bool, bool)) -> PriorityOptions {
    PriorityOptions {
        bus,
        emergency,
        ..PriorityOptions::default()
    }
}

/// Makes a control and hands it to somebody who runs it.
type UseControl<'a> = &'a dyn Fn(&mut dyn FnMut(&mut dyn SecondPlan));

/// Runs a control without and with priority.
fn both(
    city: &(Arc<Network>, Arc<Demand>),
    with: (bool, bool),
    control: UseControl<'_>,
) -> (Run, Run) {
    let once = |options: (bool, bool)| {
        let mut run = None;
        control(&mut |plan| run = Some(drive(city, plan, who(options))));
        run.unwrap()
    };
    (once(NOBODY), once(with))
}

fn with_controls(
    city: &(Arc<Network>, Arc<Demand>),
    each: &mut dyn FnMut(&'static str, UseControl<'_>),
) {
    let (net, demand) = city;
    each("webster", &|go| {
        let options = WebsterOptions {
            window_s: (0.0, 1_800.0),
            ..WebsterOptions::default()
        };
        go(&mut PlanPlayer::new(net, &webster(net, demand, &options)));
    });
    each("maxpressure", &|go| {
        let mut control = Pressure::new(net, PressureRule::MaxPressure, 1, 4);
        go(&mut Paced::new(net, &mut control, &protocol()));
    });
    each("actuated", &|go| {
        go(&mut Actuated::new(net, ActuatedOptions::default()).unwrap());
    });
    each("lookahead", &|go| {
        let options = LookAheadOptions {
            level: Level::LaneView,
            ..LookAheadOptions::default()
        };
        let mut control = LookAhead::new(net, demand.templates(), options).unwrap();
        go(&mut Paced::new(net, &mut control, &protocol()));
    });
}

#[test]
fn buses_lose_less_under_every_control_and_others_not_much_more() {
    let city = grid(0.5, 11);
    with_controls(&city, &mut |name, control| {
        let (without, with) = both(&city, (true, false), control);
        let mean = |d: &ClassDelays| (d.bus.mean_lost_s, d.others.mean_lost_s);
        println!(
            "{name}: buses, others {:.1?} without, {:.1?} with; {:?}",
            mean(&without.delays),
            mean(&with.delays),
            with.report.bus
        );
        assert_eq!(without.report, PriorityReport::default());
        let (before, after) = (without.delays, with.delays);
        assert!(before.bus.vehicles > 30, "{before:?}");
        assert!(
            after.bus.mean_lost_s < 0.9 * before.bus.mean_lost_s,
            "{name}: {after:?} against {before:?}"
        );
        assert!(
            after.others.mean_lost_s < 1.25 * before.others.mean_lost_s,
            "{name}: {after:?} against {before:?}"
        );
        let r = with.report.bus;
        let ended = r.in_green + r.extended + r.early + r.refused + r.open;
        assert_eq!(r.made, ended, "{r:?}");
        assert!(r.early > 0 && r.extended > 0 && r.refused > 0, "{r:?}");
    });
}

#[test]
fn a_siren_gets_through_faster_than_a_bus() {
    let city = grid(0.5, 12);
    with_controls(&city, &mut |name, control| {
        let (without, with) = both(&city, (true, true), control);
        let (before, after) = (without.delays.emergency, with.delays.emergency);
        println!(
            "{name}: {before:?} without, {after:?} with; {:?}",
            with.report.emergency
        );
        assert!(before.vehicles > 5, "{before:?}");
        assert!(
            after.mean_lost_s < 0.6 * before.mean_lost_s,
            "{name}: {after:?} against {before:?}"
        );
        assert!(after.mean_lost_s < with.delays.bus.mean_lost_s);
    });
}

#[test]
fn clearance_and_minimum_green_are_kept() {
    let city = grid(0.6, 13);
    with_controls(&city, &mut |name, control| {
        let (_, with) = both(&city, (true, true), control);
        for shown in &with.shown {
            let runs: Vec<&[u16]> = shown.chunk_by(|a, b| a == b).collect();
            for (k, run) in runs.iter().enumerate() {
                let is_last = k + 1 == runs.len();
                assert!(is_last || run.len() >= 5, "{name}: {run:?}");
                // Never from green to green.
                assert!(is_last || run[0] == 0 || runs[k + 1][0] == 0, "{name}");
            }
        }
    });
}

#[test]
fn with_nobody_to_heed_nothing_changes() {
    let city = grid(0.5, 14);
    let (net, demand) = &city;
    let control = || Pressure::new(net, PressureRule::MaxPressure, 1, 4);
    let mut bare = control();
    let bare = conurb_traffic::protocol::run(net, demand, &mut bare, &protocol()).unwrap();
    let mut inner = control();
    let wrapped = drive(
        &city,
        &mut Paced::new(net, &mut inner, &protocol()),
        who(NOBODY),
    );
    assert_eq!(wrapped.outcome, bare);
    // Equal runs are equal.
    let again = || {
        let mut inner = control();
        let mut paced = Paced::new(net, &mut inner, &protocol());
        let run = drive(&city, &mut paced, who((true, true)));
        (run.outcome, run.report, run.delays)
    };
    assert_eq!(again(), again());
}

/// A lone bus that halts 40 m before its first signal for half a minute: the signal, which rests in
/// the cross street's green, turns for it after the halt and not before.
#[test]
fn a_bus_at_its_stop_asks_for_nothing_until_it_goes_on() {
    struct Rest;
    impl SecondPlan for Rest {
        fn phase(&mut self, _: &Sim, _: JunctionIx, _: f64) -> u16 {
            2
        }
    }
    let (net, flows) = files(0.3, 16);
    let inner = |r: &RoadIx| net.roads()[r.ix()].to;
    let demand = Demand::from_file(&flows, "grid", &net).unwrap();
    // Straight on from west to east, so that phase 1 serves it.
    let (k, route) = (demand
        .flows()
        .iter()
        .map(|f| &demand.routes()[f.route as usize]))
    .enumerate()
    .find(|(_, route)| {
        let (a, b) = (&net.roads()[route[0].ix()], &net.roads()[route[1].ix()]);
        let level = |r: &Road| (r.points[0][1] - r.points[1][1]).abs() < 1e-9;
        level(a) && level(b)
    })
    .unwrap();
    let first = &net.roads()[route[0].ix()];
    let length_m = net.lanes()[first.lanes[0].ix()].length_m;
    let mut flow = flows[k].clone();
    (flow.start_time, flow.end_time) = (Some(0), Some(0));
    flow.vehicle.conurb = Some(ext(VehicleClass::Bus));
    flow.conurb = Some(FlowExt {
        stops: vec![StopFile {
            road: first.id.clone(),
            position: length_m - 40.0,
            dwell: 30.0,
            until: None,
        }],
    });
    let city = (
        Arc::clone(&net),
        Arc::new(Demand::from_file(&[flow], "bus", &net).unwrap()),
    );
    let run = drive(&city, &mut Rest, who((true, false)));
    let shown = &run.shown[inner(&route[0]).ix()];
    let turned_s = shown.iter().position(|p| *p == 1).unwrap();
    // Free flow to the stop, the halt, minimum green and clearance.
    let speed_m_s = net.lanes()[first.lanes[0].ix()].max_speed_m_s;
    assert!(
        turned_s as f64 > (length_m - 40.0) / speed_m_s + 30.0,
        "{turned_s} s"
    );
    assert!(run.report.bus.early > 0 && run.outcome.finished == 1);
}

#[test]
fn limits_that_contradict_each_other_are_refused() {
    let (net, _) = grid(0.3, 15);
    for bad in [
        PriorityOptions {
            range_m: f64::NAN,
            ..PriorityOptions::default()
        },
        PriorityOptions {
            early_green_s: 2,
            ..PriorityOptions::default()
        },
        PriorityOptions {
            recovery_s: 1_000,
            ..PriorityOptions::default()
        },
    ] {
        let mut control = Pressure::new(&net, PressureRule::MaxPressure, 1, 4);
        let mut paced = Paced::new(&net, &mut control, &protocol());
        assert!(Priority::new(&net, &mut paced, bad).is_err());
    }
}
