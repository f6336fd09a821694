//! Demand tables, assignment against closed forms, calibration of a city that is known.

use std::collections::BTreeMap;
use std::sync::Arc;

use conurb_base::{Coded as _, stream};
use conurb_traffic::assignment::{
    AssignMethod, CalibrationOptions, Counts, DynamicOptions, FitMethod, OdMatrix, Pair, RoadCost,
    StaticAssignment, TurnDemand, Zones, assign, assign_equilibrium, assign_incremental, calibrate,
};
use conurb_traffic::citygen::{City, CityOptions};
use conurb_traffic::{Demand, Network, RoadIx, VehicleTemplate};
use proptest::prelude::*;

use crate::streets::network;

fn affine(net: &Network, costs: &[(&str, f64, f64)]) -> Vec<RoadCost> {
    let by_name: BTreeMap<&str, (f64, f64)> = costs.iter().map(|c| (c.0, (c.1, c.2))).collect();
    let cost = |road: &conurb_traffic::Road| {
        let (free_s, rise_s) = by_name.get(road.id.as_str()).copied().unwrap_or((0.0, 0.0));
        RoadCost {
            free_s,
            rise_s,
            capacity_veh_h: 1.0,
            power: 1.0,
        }
    };
    net.roads().iter().map(cost).collect()
}

/// Braess 1968 in Sheffi's numbers: 4,000 vehicles, 45 min fixed, flow / 100 min.
fn braess(with_bridge: bool) -> Network {
    let mut roads = vec![
        ("in", "origin", "s", 2, 15.0),
        ("sa", "s", "a", 2, 15.0),
        ("sb", "s", "b", 2, 15.0),
        ("at", "a", "t", 2, 15.0),
        ("bt", "b", "t", 2, 15.0),
        ("out", "t", "goal", 2, 15.0),
    ];
    if with_bridge {
        roads.push(("ab", "a", "b", 2, 15.0));
    }
    network(
        &[
            ("origin", -500.0, 0.0),
            ("s", 0.0, 0.0),
            ("a", 500.0, 400.0),
            ("b", 500.0, -400.0),
            ("t", 1_000.0, 0.0),
            ("goal", 1_500.0, 0.0),
        ],
        &roads,
    )
}

const BRAESS: [(&str, f64, f64); 5] = [
    ("sa", 0.0, 0.6),
    ("bt", 0.0, 0.6),
    ("at", 2_700.0, 0.0),
    ("sb", 2_700.0, 0.0),
    ("ab", 0.0, 0.0),
];

fn flow(net: &Network, a: &StaticAssignment, road: &str) -> f64 {
    a.road_flow_veh_h[net.road_ix(road).unwrap().ix()]
}

fn pair(net: &Network, from: &str, to: &str, flow_veh_h: f64) -> Pair {
    Pair {
        from: net.road_ix(from).unwrap(),
        to: net.road_ix(to).unwrap(),
        flow_veh_h,
    }
}

#[test]
fn braess_with_and_without_the_bridge() {
    for (with_bridge, sa, minutes) in [(false, 2_000.0, 65.0), (true, 4_000.0, 80.0)] {
        let net = braess(with_bridge);
        let costs = affine(&net, &BRAESS);
        let pairs = [pair(&net, "in", "out", 4_000.0)];
        let a = assign_equilibrium(&net, &costs, &pairs, 1e-4, 5_000).unwrap();
        let last = a.rounds.last().unwrap();
        println!("bridge {with_bridge}: {last:?}");
        assert!((flow(&net, &a, "sa") - sa).abs() < 0.02 * sa);
        // The twin's own time through junctions is seconds beside an hour.
        let mean_min = last.total_time_veh_h * 60.0 / 4_000.0;
        assert!((mean_min - minutes).abs() < 0.02 * minutes, "{mean_min}");
        let b = assign_incremental(&net, &costs, &pairs, 1_000).unwrap();
        assert!((flow(&net, &b, "sa") - sa).abs() < 0.02 * sa);
    }
}

fn two_routes() -> Network {
    network(
        &[
            ("origin", -300.0, 0.0),
            ("s", 0.0, 0.0),
            ("a", 500.0, 300.0),
            ("b", 500.0, -300.0),
            ("t", 1_000.0, 0.0),
            ("goal", 1_300.0, 0.0),
        ],
        &[
            ("in", "origin", "s", 2, 15.0),
            ("sa", "s", "a", 1, 15.0),
            ("at", "a", "t", 1, 15.0),
            ("sb", "s", "b", 1, 10.0),
            ("bt", "b", "t", 1, 10.0),
            ("out", "t", "goal", 2, 15.0),
        ],
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// 10 + x/100 against 15 + x/200 and the like: both used routes take the same time (Wardrop).
    #[test]
    fn two_routes_split_as_wardrop_says(
        free in (600.0..900.0_f64, 600.0..900.0_f64),
        rise in (0.2..0.6_f64, 0.2..0.6_f64),
        total in 2_000.0..4_000.0_f64,
    ) {
        let net = two_routes();
        let costs = affine(&net, &[("sa", free.0, rise.0), ("sb", free.1, rise.1)]);
        // free0 + rise0 x = free1 + rise1 (total - x); the junctions are alike on both sides.
        let x = ((free.1 - free.0 + rise.1 * total) / (rise.0 + rise.1)).clamp(0.0, total);
        let pairs = [pair(&net, "in", "out", total)];
        let msa = assign_equilibrium(&net, &costs, &pairs, 1e-5, 3_000).unwrap();
        let inc = assign_incremental(&net, &costs, &pairs, 1_000).unwrap();
        for a in [&msa, &inc] {
            prop_assert!((flow(&net, a, "sa") - x).abs() < 0.01 * total, "{} {x}", flow(&net, a, "sa"));
            // Conservation: what enters arrives, and what enters a road leaves it.
            for road in ["in", "out"] {
                prop_assert!((flow(&net, a, road) - total).abs() < 1e-6 * total);
            }
            for (before, after) in [("sa", "at"), ("sb", "bt")] {
                prop_assert!((flow(&net, a, before) - flow(&net, a, after)).abs() < 1e-6 * total);
            }
            let routes: f64 = a.routes.iter().map(|r| r.flow_veh_h).sum();
            prop_assert!((routes - total).abs() < 1e-6 * total);
        }
        prop_assert!(msa.rounds.last().unwrap().relative_gap >= -1e-12);
    }
}

fn matrix(net: &Network, text: &str) -> OdMatrix {
    OdMatrix::from_csv(text.as_bytes(), "od.csv", net, &Zones::default()).unwrap()
}

#[test]
fn the_twin_comes_nearer_to_equilibrium_and_repeats_to_the_byte() {
    let net = Arc::new(two_routes());
    let od = matrix(&net, "from,to,start_s,end_s,vehicles\nin,out,0,1800,900\n");
    let vehicle = VehicleTemplate::default();
    let options = DynamicOptions {
        rounds: 12,
        gap: 0.01,
    };
    let run = |method| assign(&net, &od, method, (&vehicle, 3), &mut |_, _, _| {}).unwrap();
    let free = run(AssignMethod::Free);
    let found = run(AssignMethod::Dynamic(options));
    for round in free.rounds.iter().chain(&found.rounds) {
        println!("{round:?}");
    }
    let best = &found.rounds[found.best];
    assert!(best.relative_gap < 0.05, "{best:?}");
    assert!(best.relative_gap < free.rounds[0].relative_gap / 2.0);
    assert!(best.ran.total_time_veh_h < free.rounds[0].ran.total_time_veh_h);
    assert_eq!(found, run(AssignMethod::Dynamic(options)));
    // Nobody is lost, and the flow file says the same trips again.
    let demand = found.trips.demand(&vehicle);
    assert_eq!(demand.flows().len(), 900);
    assert!(
        demand
            .flows()
            .iter()
            .all(|f| (0..1_800).contains(&f.start_s))
    );
    let again = Demand::from_file(&demand.to_flows(&net), "flow.json", &net).unwrap();
    assert_eq!(again.flows(), demand.flows());
}

#[test]
fn zones_share_their_trips_by_weight() {
    let net = two_routes();
    let zones = Zones::from_csv(
        b"zone,road,weight\nwest,in,1\nmiddle,sa,3\nmiddle,sb,1\n",
        "zones.csv",
        &net,
    )
    .unwrap();
    let od = OdMatrix::from_csv(
        b"from,to,start_s,end_s,vehicles\nwest,middle,0,600,79.6\nmiddle,out,0,600,40.2\n",
        "od.csv",
        &net,
        &zones,
    )
    .unwrap();
    let trips = od.trips(7).unwrap();
    assert_eq!(trips, od.trips(7).unwrap());
    assert_eq!(trips.len(), 120);
    let sa = net.road_ix("sa").unwrap();
    let count =
        |f: &dyn Fn(RoadIx, RoadIx) -> bool| trips.iter().filter(|t| f(t.from, t.to)).count();
    assert_eq!(count(&|_, to| to == sa), 60);
    assert_eq!(count(&|from, _| from == sa), 30);
    let read = OdMatrix::from_csv(od.to_csv().as_bytes(), "od.csv", &net, &zones).unwrap();
    assert_eq!(read, od);
}

#[test]
fn turning_shares_are_kept() {
    let net = two_routes();
    let turns = TurnDemand::from_csv(
        (b"road,start_s,end_s,vehicles\nin,0,900,300\n", "flows.csv"),
        (
            b"from,to,start_s,end_s,share\nin,sa,0,3600,0.7\nin,sb,0,3600,0.3\nsb,bt,0,3600,0.5\nsb,,0,3600,0.5\n",
            "turns.csv",
        ),
        &net,
    )
    .unwrap();
    let walked = turns.walk(&net, 1);
    assert_eq!(walked, turns.walk(&net, 1));
    assert_eq!((walked.cut, walked.dropped), (0, 0));
    let through = |road: &str| {
        let road = net.road_ix(road).unwrap();
        let trips = &walked.trips;
        (0..trips.trips.len())
            .filter(|n| trips.roads(*n).contains(&road))
            .count() as i64
    };
    assert_eq!(through("in"), 300);
    assert!((through("sa") - 210).abs() <= 2, "{}", through("sa"));
    assert_eq!(through("sa") + through("sb"), 300);
    assert!((through("bt") * 2 - through("sb")).abs() <= 2);
    assert_eq!(through("out"), through("at") + through("bt"));
}

#[test]
fn what_cannot_be_is_refused_with_line_and_remedy() {
    let net = two_routes();
    let od = |text: &str| {
        OdMatrix::from_csv(text.as_bytes(), "od.csv", &net, &Zones::default()).unwrap_err()
    };
    let error = od("from,to,start_s,end_s,vehicles\nin,out,0,60,1\nin,oot,0,60,1\n");
    assert_eq!(
        error.to_string(),
        "od.csv:3 at to: there is no road \"oot\" in the road network; did you mean \"out\"?"
    );
    assert!(
        od("from,to,start_s,end_s,veh\n")
            .to_string()
            .contains("no column \"vehicles\"")
    );
    let backwards = matrix(
        &net,
        "from,to,start_s,end_s,vehicles\nin,sa,0,60,1\nat,sa,0,60,1\n",
    );
    let vehicle = VehicleTemplate::default();
    let error = assign(
        &Arc::new(two_routes()),
        &backwards,
        AssignMethod::Free,
        (&vehicle, 0),
        &mut |_, _, _| {},
    )
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "od.csv:3 at to: no lane links lead from road \"at\" to road \"sa\""
    );
    let error = TurnDemand::from_csv(
        (b"road,start_s,end_s,vehicles\nin,0,900,300\n", "flows.csv"),
        (
            b"from,to,start_s,end_s,share\nin,sa,0,3600,0.7\nin,sb,0,3600,0.2\n",
            "turns.csv",
        ),
        &net,
    )
    .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("turns.csv:3 at share: the shares of road \"in\"")
    );
    assert!(
        error.to_string().contains("add up to 0.9, not 1"),
        "{error}"
    );
    assert!(error.remedy().is_some());
}

fn options(method: FitMethod) -> CalibrationOptions {
    CalibrationOptions {
        method,
        rounds: 3,
        assign: AssignMethod::Incremental(4),
        vehicle: VehicleTemplate::default(),
        seed: 0,
    }
}

/// A small generated city, its own trips as a matrix between quarters, and counts of its run.
struct Known {
    net: Arc<Network>,
    truth: OdMatrix,
}

fn known_city() -> Known {
    let city = City::generate(&CityOptions {
        signals: 16,
        seed: 5,
        span_s: 1_800,
        load: 0.5,
        ..CityOptions::default()
    })
    .unwrap();
    let net = Arc::new(Network::from_json(&city.network_json, "roadnet.json").unwrap());
    let demand = Demand::from_json(&city.demand_json, "flow.json", &net).unwrap();
    // Quarters of the plane, nine of them, by where a road begins.
    let xy = |r: RoadIx| net.junctions()[net.roads()[r.ix()].from.ix()].point;
    let all: Vec<[f64; 2]> = (0..net.roads().len())
        .map(|r| xy(RoadIx(r as u32)))
        .collect();
    let (low, high) = all
        .iter()
        .fold(([f64::MAX; 2], [f64::MIN; 2]), |(l, h), p| {
            (
                [l[0].min(p[0]), l[1].min(p[1])],
                [h[0].max(p[0]), h[1].max(p[1])],
            )
        });
    let third =
        |r: RoadIx, k: usize| (((xy(r)[k] - low[k]) / (high[k] - low[k] + 1.0)) * 3.0) as usize;
    let zone = |r: RoadIx| format!("q{}{}", third(r, 0), third(r, 1));
    let mut members: BTreeMap<String, BTreeMap<(bool, RoadIx), f64>> = BTreeMap::new();
    let mut cells: BTreeMap<(String, String), f64> = BTreeMap::new();
    for flow in demand.flows() {
        let route = &demand.routes()[flow.route as usize];
        let (from, to) = (route[0], route[route.len() - 1]);
        let (a, b) = (format!("o{}", zone(from)), format!("d{}", zone(to)));
        *members
            .entry(a.clone())
            .or_default()
            .entry((true, from))
            .or_default() += 1.0;
        *members
            .entry(b.clone())
            .or_default()
            .entry((false, to))
            .or_default() += 1.0;
        *cells.entry((a, b)).or_default() += 1.0;
    }
    let mut text = String::from("zone,road,weight\n");
    for (zone, roads) in &members {
        for ((_, road), weight) in roads {
            text += &format!("{zone},{},{weight}\n", net.roads()[road.ix()].id);
        }
    }
    let zones = Zones::from_csv(text.as_bytes(), "zones.csv", &net).unwrap();
    let mut text = String::from("from,to,start_s,end_s,vehicles\n");
    for ((a, b), vehicles) in &cells {
        text += &format!("{a},{b},0,1800,{vehicles}\n");
    }
    let truth = OdMatrix::from_csv(text.as_bytes(), "od.csv", &net, &zones).unwrap();
    Known { net, truth }
}

/// Counts at every third road that a run of the matrix has in its first 30 minutes.
fn counted(known: &Known) -> Counts {
    let mut text = String::from("road,start_s,end_s,vehicles\n");
    for road in known.net.roads().iter().step_by(3) {
        text += &format!("{},0,1800,0\n", road.id);
    }
    let empty = Counts::from_csv(text.as_bytes(), "counts.csv", &known.net).unwrap();
    // The run of the truth is what a calibration that begins with it sees first.
    let seen = calibrate(
        &known.net,
        &known.truth,
        &empty,
        &CalibrationOptions {
            rounds: 1,
            ..options(FitMethod::LeastSquares { prior_cv: 0.3 })
        },
        &mut |_, _, _| {},
    )
    .unwrap();
    let mut text = String::from("road,start_s,end_s,vehicles\n");
    for (road, n) in known.net.roads().iter().step_by(3).zip(&seen.before) {
        text += &format!("{},0,1800,{n}\n", road.id);
    }
    Counts::from_csv(text.as_bytes(), "counts.csv", &known.net).unwrap()
}

fn off(a: &OdMatrix, b: &OdMatrix) -> f64 {
    let cells = a.cells().iter().zip(b.cells());
    cells
        .map(|(a, b)| (a.vehicles - b.vehicles).powi(2))
        .sum::<f64>()
        .sqrt()
}

#[test]
fn calibration_brings_counts_and_matrix_nearer_to_the_truth() {
    let known = known_city();
    let counts = counted(&known);
    for seed in [1, 2] {
        let mut rng = stream(seed, "prior", "perturb");
        let wrong: Vec<f64> = (known.truth.cells().iter())
            .map(|c| c.vehicles * if rng.random_bool(0.5) { 1.3 } else { 0.7 })
            .collect();
        let prior = known.truth.with_vehicles(&wrong);
        for method in [
            FitMethod::LeastSquares { prior_cv: 0.3 },
            FitMethod::Entropy,
        ] {
            let found = calibrate(
                &known.net,
                &prior,
                &counts,
                &options(method),
                &mut |_, _, _| {},
            )
            .unwrap();
            let (before, after) = (found.rounds[0], found.rounds[found.best]);
            let (od_before, od_after) = (off(&prior, &known.truth), off(&found.od, &known.truth));
            println!(
                "seed {seed} {method:?}: {} cells, {} counts, rmse {:.1} -> {:.1} veh/h, GEH<5 {:.2} -> {:.2}, \
                 OD {od_before:.1} -> {od_after:.1}",
                prior.cells().len(),
                counts.all().len(),
                before.fit.rmse_veh_h,
                after.fit.rmse_veh_h,
                before.fit.geh_below_5_share,
                after.fit.geh_below_5_share
            );
            assert!(after.fit.rmse_veh_h < 0.6 * before.fit.rmse_veh_h);
            assert!(after.fit.geh_below_5_share >= before.fit.geh_below_5_share);
            assert!(od_after < od_before, "{od_before} {od_after}");
        }
    }
    // A prior that is half of everything: here GEH tells the difference too.
    let half: Vec<f64> = known
        .truth
        .cells()
        .iter()
        .map(|c| c.vehicles / 2.0)
        .collect();
    let prior = known.truth.with_vehicles(&half);
    let fit = options(FitMethod::LeastSquares { prior_cv: 0.5 });
    let found = calibrate(&known.net, &prior, &counts, &fit, &mut |_, _, _| {}).unwrap();
    let (before, after) = (found.rounds[0].fit, found.rounds[found.best].fit);
    println!("half: {before:?} -> {after:?}");
    assert!(before.geh_below_5_share < 0.9 && after.geh_below_5_share > 0.9);
    assert!(off(&found.od, &known.truth) < 0.6 * off(&prior, &known.truth));
}

#[test]
fn counts_that_cannot_be_met_are_named() {
    let net = Arc::new(two_routes());
    let od = matrix(&net, "from,to,start_s,end_s,vehicles\nin,at,0,600,100\n");
    let with = |text: &str| Counts::from_csv(text.as_bytes(), "counts.csv", &net);
    let fit = options(FitMethod::LeastSquares { prior_cv: 0.3 });
    let run = |counts: &Counts| calibrate(&net, &od, counts, &fit, &mut |_, _, _| {});
    let none = with("road,start_s,end_s,vehicles\nsb,0,600,50\n").unwrap();
    let error = run(&none).unwrap_err().to_string();
    assert!(
        error.starts_with("counts.csv:2 at road: no count can be explained"),
        "{error}"
    );
    let torn =
        with("road,start_s,end_s,vehicles\nin,0,900,300\nsa,0,900,30\nbt,0,900,9\n").unwrap();
    let notes = run(&torn).unwrap().notes;
    println!("{notes:#?}");
    assert!(
        notes.iter().any(|n| n.contains("contradict each other")),
        "{notes:?}"
    );
    assert!(
        notes.iter().any(|n| n.contains("road \"bt\" counts 9")),
        "{notes:?}"
    );
    let twice = with("road,start_s,end_s,vehicles\nin,0,900,300\nin,60,300,30\n").unwrap_err();
    assert!(
        twice
            .to_string()
            .contains("line 2 counts 300 at the same place"),
        "{twice}"
    );
}
