//! Look-ahead control on small generated grids: what it promises by construction.

use std::collections::BTreeMap;
use std::sync::Arc;

use conurb_base::SystemClock;
use conurb_traffic::citygen::grid::{GridOptions, generate};
use conurb_traffic::control::lookahead::{
    BasePolicy, Effort, Level, LookAhead, LookAheadOptions, Watch,
};
use conurb_traffic::control::{Pressure, PressureRule};
use conurb_traffic::protocol::{Outcome, ProtocolOptions, run};
use conurb_traffic::{Demand, Network, Signals, Sim, SimOptions, TrafficError};

fn files(seed: u64) -> (Vec<u8>, Vec<u8>) {
    generate(&GridOptions {
        columns: 2,
        rows: 2,
        block_x_m: 300.0,
        block_y_m: 400.0,
        load: 0.8,
        straight: 0.3,
        span_s: 900,
        seed,
    })
    .unwrap()
}

fn grid(seed: u64) -> (Arc<Network>, Arc<Demand>) {
    let (net, demand) = files(seed);
    let net = Network::from_json(&net, "grid").unwrap();
    let demand = Demand::from_json(&demand, "grid", &net).unwrap();
    (Arc::new(net), Arc::new(demand))
}

fn short() -> LookAheadOptions {
    LookAheadOptions {
        horizon_s: Some(45),
        ..LookAheadOptions::default()
    }
}

fn protocol() -> ProtocolOptions {
    ProtocolOptions {
        duration_s: 600,
        ..ProtocolOptions::default()
    }
}

fn drive(seed: u64, options: LookAheadOptions) -> (Outcome, Vec<Effort>) {
    let (net, demand) = grid(seed);
    let mut c = LookAhead::new(&net, demand.templates(), options).unwrap();
    let outcome = run(&net, &demand, &mut c, &protocol()).unwrap();
    (outcome, c.efforts().to_vec())
}

#[test]
fn a_plan_is_never_worse_in_the_model_than_the_base_policy() {
    for level in [
        Level::Detectors,
        Level::LaneView,
        Level::Routes,
        Level::Oracle,
    ] {
        let (outcome, efforts) = drive(3, LookAheadOptions { level, ..short() });
        assert_eq!(efforts.len(), 40);
        assert!(efforts.iter().all(|e| e.cost <= e.base_cost && e.complete));
        // And the search is not idle.
        assert!(efforts.iter().any(|e| e.cost < e.base_cost));
        assert!(outcome.finished > 0);
    }
}

#[test]
fn it_repeats_itself_on_any_number_of_threads() {
    let one = drive(4, short());
    assert_eq!(drive(4, short()), one);
    let threads = LookAheadOptions {
        threads: 3,
        ..short()
    };
    assert_eq!(drive(4, threads), one);
}

#[test]
fn without_a_budget_the_base_policy_acts() {
    let (net, demand) = grid(5);
    let none = LookAheadOptions {
        rollouts_max: Some(0),
        base: BasePolicy::MaxQueue,
        ..short()
    };
    let (outcome, efforts) = drive(5, none);
    assert!(efforts.iter().all(|e| !e.complete));
    let mut queue = Pressure::new(&net, PressureRule::MaxQueue, 1, 4);
    let base = run(&net, &demand, &mut queue, &protocol()).unwrap();
    assert_eq!(outcome, base);
}

#[test]
fn a_deadline_is_kept_and_still_gives_a_plan() {
    let now = LookAheadOptions {
        deadline: Some((Arc::new(SystemClock::new()), 0)),
        ..short()
    };
    let (outcome, efforts) = drive(6, now);
    assert!(efforts.iter().all(|e| !e.complete && e.cost <= e.base_cost));
    assert!(outcome.finished > 0);
}

#[test]
fn it_beats_its_base_policy_on_the_plant() {
    let (net, demand) = grid(7);
    let mut queue = Pressure::new(&net, PressureRule::MaxQueue, 1, 4);
    let base = run(&net, &demand, &mut queue, &protocol()).unwrap();
    for level in [Level::Detectors, Level::LaneView] {
        let (ours, _) = drive(7, LookAheadOptions { level, ..short() });
        assert!(
            ours.approach_s < base.approach_s,
            "{level:?}: {} against {}",
            ours.approach_s,
            base.approach_s
        );
    }
}

/// What a level sees after 20 s, before anybody can have reached a stop line, of the same arrivals
/// driving at most `max_speed_m_s`.
fn seen(level: Level, max_speed_m_s: &str) -> String {
    let (net, demand) = files(9);
    let net = Arc::new(Network::from_json(&net, "grid").unwrap());
    let usual = Demand::from_json(&demand, "grid", &net)
        .unwrap()
        .templates()[0];
    let demand = String::from_utf8(demand).unwrap();
    let demand = demand.replace(
        "\"maxSpeed\":11.111",
        &format!("\"maxSpeed\":{max_speed_m_s}"),
    );
    let demand = Arc::new(Demand::from_json(demand.as_bytes(), "grid", &net).unwrap());
    let mut sim = Sim::new(Arc::clone(&net), demand, SimOptions::default()).unwrap();
    let mut watch = Watch::new(&net, level, &usual);
    for _ in 0..20 {
        sim.step();
        watch.look(&sim);
    }
    assert!(sim.running() > 3);
    format!("{:?}", watch.observation(&sim, 30))
}

#[test]
fn detectors_do_not_see_what_drives_between_them() {
    assert_eq!(
        seen(Level::Detectors, "11.111"),
        seen(Level::Detectors, "6.5")
    );
    assert_ne!(
        seen(Level::LaneView, "11.111"),
        seen(Level::LaneView, "6.5")
    );
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let (net, demand) = grid(8);
    let refused = |options: LookAheadOptions| {
        let made = LookAhead::new(&net, demand.templates(), options);
        assert!(matches!(made, Err(TrafficError::Option { .. })));
    };
    refused(LookAheadOptions {
        interval_s: 0,
        ..short()
    });
    refused(LookAheadOptions {
        yellow_s: 15,
        ..short()
    });
    refused(LookAheadOptions {
        horizon_s: Some(5),
        ..short()
    });
    refused(LookAheadOptions {
        horizon_s: Some(100_000),
        ..short()
    });
    refused(LookAheadOptions {
        samples: 0,
        ..short()
    });
    refused(LookAheadOptions {
        threads: 0,
        ..short()
    });
    refused(LookAheadOptions { hops: 9, ..short() });
    #[allow(clippy::reversed_empty_ranges)]
    refused(LookAheadOptions {
        phases: 4..=1,
        ..short()
    });
    assert!(LookAhead::new(&net, &[], short()).is_err());
}

#[test]
fn a_joint_plan_keeps_to_what_is_allowed_and_depends_on_the_observation_alone() {
    let (net, demand) = grid(5);
    let options = SimOptions {
        signals: Signals::Programme,
        ..SimOptions::default()
    };
    let mut sim = Sim::new(Arc::clone(&net), Arc::clone(&demand), options).unwrap();
    let mut watch = Watch::new(&net, Level::LaneView, &demand.templates()[0]);
    for _ in 0..300 {
        sim.step();
        watch.look(&sim);
    }
    let seen = watch.observation(&sim, 45);
    let choices: BTreeMap<_, _> = net
        .signalised()
        .into_iter()
        .map(|j| (j, vec![1, 2, 3, 4]))
        .collect();
    let made =
        |options, choices| LookAhead::with_choices(&net, demand.templates(), options, choices);
    let mut c = made(short(), choices.clone()).unwrap();
    let free = c.joint_plan(&seen, |_, _| true);
    assert!(free.cost_veh_s <= free.base_cost_veh_s);
    let mut plain = LookAhead::new(&net, demand.templates(), short()).unwrap();
    let chosen: Vec<u16> = free.sites.iter().map(|s| s.chosen).collect();
    assert_eq!(chosen, plain.plan(&seen), "told of in full, the same plan");
    for site in &free.sites {
        let phases: Vec<u16> = site.options.iter().map(|o| o.phase).collect();
        assert_eq!(phases, [1, 2, 3, 4]);
        for o in &site.options {
            assert!(
                o.cost_veh_s.is_finite() && o.interval_delay_veh_s >= 0.0 && o.queue_veh >= 0.0
            );
        }
    }
    let only = c.joint_plan(&seen, |_, phase| phase == 3);
    assert!(
        only.sites
            .iter()
            .all(|s| s.chosen == 3 && s.options.len() == 4)
    );
    assert!(only.cost_veh_s >= free.cost_veh_s);
    assert_eq!(c.joint_plan(&seen, |_, _| true), free);
    let two = LookAheadOptions {
        threads: 2,
        ..short()
    };
    let mut two = made(two, choices).unwrap();
    assert_eq!(two.joint_plan(&seen, |_, _| true), free);
    for bad in [vec![99], vec![]] {
        let named = BTreeMap::from([(net.signalised()[0], bad)]);
        assert!(matches!(
            made(short(), named),
            Err(TrafficError::Option { .. })
        ));
    }
}
