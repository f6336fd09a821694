//! Pedestrians and cyclists at signals of generated grids.

use std::sync::Arc;

use conurb_base::Coded as _;
use conurb_traffic::citygen::grid::GridOptions;
use conurb_traffic::control::{
    Actuated, ActuatedOptions, Pressure, PressureRule, Priority, PriorityOptions, SecondPlan,
};
use conurb_traffic::crossings::{
    Crossing, CrossingOptions, Crossings, ServedReport, WalkDemand, crossings, hcm_delay_s,
};
use conurb_traffic::protocol::{Outcome, Paced, ProtocolOptions, run, run_plan};
use conurb_traffic::webster::{PlanPlayer, SignalPlan, Stage, WebsterOptions, webster};
use conurb_traffic::{Demand, JunctionIx, Network, Sim, Turn};

use crate::common::{Noted, generated};

const SPAN_S: u32 = 1_800;

fn grid(load: f64, seed: u64) -> (Arc<Network>, Arc<Demand>) {
    generated(&GridOptions {
        columns: 2,
        rows: 2,
        block_x_m: 300.0,
        block_y_m: 400.0,
        load,
        straight: 0.3,
        span_s: SPAN_S,
        seed,
    })
}

fn protocol() -> ProtocolOptions {
    ProtocolOptions {
        duration_s: SPAN_S,
        ..ProtocolOptions::default()
    }
}

fn drive(
    city: &(Arc<Network>, Arc<Demand>),
    control: &mut dyn SecondPlan,
    all: &[Crossing],
    demand: &WalkDemand,
    options: CrossingOptions,
) -> (Outcome, ServedReport, Vec<Vec<u16>>) {
    let (net, traffic) = city;
    let mut guard = Crossings::new(net, control, all, demand, options).unwrap();
    let mut noted = Noted::new(net, &mut guard);
    let outcome = run_plan(net, traffic, &mut noted, &protocol(), &mut |_| {}).unwrap();
    let shown = noted.shown;
    (outcome, guard.report(f64::from(SPAN_S)), shown)
}

#[test]
fn every_arm_has_one_and_no_stream_runs_across_who_walks() {
    let (net, _) = grid(0.3, 1);
    let all = crossings(&net, &(1..=8));
    // Four junctions with four arms of three lanes each way.
    assert_eq!(all.len(), 16);
    for crossing in &all {
        let width_m = net.lanes()[0].width_m;
        assert!(
            (crossing.length_m - 6.0 * width_m).abs() < 1e-9,
            "{crossing:?}"
        );
        assert!(!crossing.phases.is_empty() && !crossing.phases.contains(&0));
        let arm = crossing.id.split_once('/').unwrap().1;
        let arm = net.junction_ix(arm).unwrap();
        for phase in &crossing.phases {
            for link in net.phase_links(crossing.junction, *phase) {
                let link = &net.links()[link.ix()];
                let road =
                    |lane: conurb_traffic::LaneIx| &net.roads()[net.lanes()[lane.ix()].road.ix()];
                let touches = road(link.from).from == arm || road(link.to).to == arm;
                assert!(
                    link.turn == Turn::Right || !touches,
                    "{crossing:?} {}",
                    link.id
                );
            }
        }
    }
}

#[test]
fn without_people_the_run_is_the_same_to_the_bit() {
    let city = grid(0.6, 2);
    let (net, demand) = &city;
    let mut bare = Pressure::new(net, PressureRule::MaxPressure, 1, 4);
    let bare = run(net, demand, &mut bare, &protocol()).unwrap();
    let all = crossings(net, &(1..=4));
    let nobody = WalkDemand::uniform(all.len(), 0.0, 0.0).unwrap();
    let mut inner = Pressure::new(net, PressureRule::MaxPressure, 1, 4);
    let mut paced = Paced::new(net, &mut inner, &protocol());
    let (outcome, report, _) = drive(&city, &mut paced, &all, &nobody, CrossingOptions::default());
    assert_eq!(outcome, bare);
    assert_eq!(
        (report.pedestrians.arrived, report.bicycles.arrived),
        (0, 0)
    );
}

/// A cycle of 80 s in which a crossing's phase is green for 30 s: a walk begins with the green, for
/// those who come in the rest of the green another one is begun as long as it lasts.
#[test]
fn under_a_fixed_plan_the_delay_is_that_of_the_manual() {
    let city = grid(0.2, 3);
    let (net, _) = &city;
    let stage = |phase, green_s| Stage {
        phase,
        green_s,
        yellow_s: 5,
    };
    let plan = |junction| SignalPlan {
        junction,
        cycle_s: 80,
        offset_s: 0,
        stages: vec![stage(1, 35), stage(2, 35)],
        flow_ratio: 0.0,
    };
    let plans: Vec<SignalPlan> = net.signalised().into_iter().map(plan).collect();
    let all = crossings(net, &(1..=2));
    // One crossing a junction: nobody waits elsewhere to see a green ended.
    let mut table = "crossing,ped_h\n".to_owned();
    let ids = all
        .chunk_by(|a, b| a.junction == b.junction)
        .map(|c| &c[0].id);
    ids.for_each(|id| table += &format!("{id},40\n"));
    let demand = WalkDemand::from_csv(table.as_bytes(), "walk.csv", &all).unwrap();
    let mut sum = (0.0, 0.0);
    for seed in 0..12 {
        let options = CrossingOptions {
            seed,
            walk_m_s: 4.0,
            ..CrossingOptions::default()
        };
        let mut player = PlanPlayer::new(net, &plans);
        let (_, report, _) = drive(&city, &mut player, &all, &demand, options);
        let served = f64::from(report.pedestrians.served);
        sum = (
            sum.0 + served,
            sum.1 + served * report.pedestrians.mean_delay_s,
        );
    }
    let (mean_s, expected_s) = (sum.1 / sum.0, hcm_delay_s(80.0, 35.0));
    println!("{mean_s:.2} s, manual {expected_s:.2} s, {} people", sum.0);
    assert!(
        (mean_s - expected_s).abs() < 0.15 * expected_s,
        "{mean_s} s, {expected_s} s"
    );
}

#[test]
fn minimum_greens_and_longest_waits_are_kept_under_every_control() {
    let city = grid(0.7, 4);
    let (net, demand) = &city;
    let all = crossings(net, &(1..=4));
    let people = WalkDemand::uniform(all.len(), 120.0, 30.0).unwrap();
    let options = CrossingOptions::default();
    let least_s = options.pedestrian_green_s(all[0].length_m);
    assert!(least_s > options.bicycle_green_s(all[0].length_m));
    let check = |name: &str, control: &mut dyn SecondPlan| {
        let (outcome, report, shown) = drive(&city, control, &all, &people, options.clone());
        let (walk, bike) = (report.pedestrians, report.bicycles);
        println!(
            "{name}: network {:.1} s, {walk:?}, {bike:?}",
            outcome.network_s
        );
        assert!(walk.arrived > 700 && bike.arrived > 150);
        assert!(walk.arrived - walk.served < 80 && walk.mean_delay_s > 1.0);
        let most_s = f64::from(options.max_wait_s + options.yellow_s);
        assert!(walk.max_delay_s <= most_s, "{name}: {walk:?}");
        for j in net.signalised() {
            let runs: Vec<&[u16]> = shown[j.ix()].chunk_by(|a, b| a == b).collect();
            let whole = &runs[..runs.len() - 1];
            assert!(whole.iter().all(|r| r.len() >= 5), "{name}");
            // Greens as short as the pedestrians' minimum show that it was kept.
            assert!(
                whole.iter().any(|r| r[0] != 0 && r.len() as u32 >= least_s),
                "{name}"
            );
        }
    };
    let mut pressure = Pressure::new(net, PressureRule::MaxPressure, 1, 4);
    check(
        "maxpressure",
        &mut Paced::new(net, &mut pressure, &protocol()),
    );
    check(
        "actuated",
        &mut Actuated::new(net, ActuatedOptions::default()).unwrap(),
    );
    let plans = webster(net, demand, &WebsterOptions::default());
    check("webster", &mut PlanPlayer::new(net, &plans));
    let mut pressure = Pressure::new(net, PressureRule::MaxPressure, 1, 4);
    let mut paced = Paced::new(net, &mut pressure, &protocol());
    let mut priority = Priority::new(net, &mut paced, PriorityOptions::default()).unwrap();
    check("with priority", &mut priority);
}

/// A control that never leaves phase 3, in which nobody may walk.
struct Stubborn;

impl SecondPlan for Stubborn {
    fn phase(&mut self, _sim: &Sim, _junction: JunctionIx, _time_s: f64) -> u16 {
        3
    }
}

#[test]
fn who_waits_is_served_in_the_end_and_for_as_long_as_it_takes() {
    let city = grid(0.2, 5);
    let (net, _) = &city;
    let all = crossings(net, &(1..=4));
    let people = WalkDemand::uniform(all.len(), 20.0, 0.0).unwrap();
    let options = CrossingOptions::default();
    let least_s = options.pedestrian_green_s(all[0].length_m);
    let (_, report, shown) = drive(&city, &mut Stubborn, &all, &people, options.clone());
    let walk = report.pedestrians;
    assert!(walk.served > 50 && walk.max_delay_s > 80.0, "{walk:?}");
    let most_s = f64::from(options.max_wait_s + options.yellow_s);
    assert!(walk.max_delay_s <= most_s, "{walk:?}");
    for j in net.signalised() {
        let runs: Vec<&[u16]> = shown[j.ix()].chunk_by(|a, b| a == b).collect();
        for run in &runs[..runs.len() - 1] {
            assert!(
                matches!(run[0], 0 | 3) || run.len() as u32 >= least_s,
                "{run:?}"
            );
            assert!(run[0] != 0 || run.len() >= 5, "{run:?}");
        }
    }
}

#[test]
fn a_table_is_read_and_what_is_wrong_in_it_is_named() {
    let (net, _) = grid(0.2, 6);
    let all = crossings(&net, &(1..=4));
    let id = &all[3].id;
    let read = |text: &str| WalkDemand::from_csv(text.as_bytes(), "walk.csv", &all);
    let demand = read(&format!("crossing,ped_h,bike_h\n{id},120,30\n")).unwrap();
    assert!(!demand.is_empty());
    assert!(read("crossing,ped_h\n").unwrap().is_empty());
    for (text, says) in [
        (format!("crossing,ped_h\n{id}x,1\n"), "did you mean"),
        (format!("crossing,ped_h\n{id},-1\n"), "ped_h is -1"),
        (format!("crossing,ped_h\n{id},many\n"), "no number"),
        (format!("crossing,ped_h\n{id},1\n{id},2\n"), "a row already"),
        (format!("crossing,people\n{id},1\n"), "no column \"ped_h\""),
    ] {
        let error = read(&text).unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
        assert!(error.at().is_some_and(|at| at.line.is_some()), "{error}");
    }
    assert!(WalkDemand::uniform(4, f64::NAN, 0.0).is_err());
    assert!(WalkDemand::uniform(4, 0.0, -1.0).is_err());
    let bad = CrossingOptions {
        walk_m_s: 0.0,
        ..CrossingOptions::default()
    };
    assert!(Crossings::new(&net, &mut Stubborn, &all, &demand, bad).is_err());
    let other = WalkDemand::uniform(1, 1.0, 0.0).unwrap();
    let options = CrossingOptions::default();
    assert!(Crossings::new(&net, &mut Stubborn, &all, &other, options).is_err());
}
