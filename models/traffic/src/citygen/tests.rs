//! A generated city checked from its bytes alone, without the generator's own tables.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::{Demand, Network};

fn options(signals: u32, seed: u64) -> CityOptions {
    CityOptions {
        signals,
        seed,
        span_s: 300,
        ..CityOptions::default()
    }
}

fn text<'a>(v: &'a Value, key: &str) -> &'a str {
    v[key].as_str().expect("a string")
}

fn items<'a>(v: &'a Value, key: &str) -> &'a [Value] {
    v[key].as_array().expect("an array")
}

fn xy(v: &Value) -> [f64; 2] {
    [v["x"].as_f64().expect("x"), v["y"].as_f64().expect("y")]
}

/// Twice the signed area of pqr: on which side of pq the point r lies.
fn side(p: [f64; 2], q: [f64; 2], r: [f64; 2]) -> f64 {
    (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])
}

/// Whether the open segments ab and cd cross.
fn cross(a: [f64; 2], b: [f64; 2], c: [f64; 2], d: [f64; 2]) -> bool {
    side(a, b, c) * side(a, b, d) < 0.0 && side(c, d, a) * side(c, d, b) < 0.0
}

/// A point on the middle of a carriageway, `back` metres from its start or (negative) its end.
fn on_road(road: &Value, back: f64) -> [f64; 2] {
    let points = items(road, "points");
    let (a, b) = (xy(&points[0]), xy(&points[points.len() - 1]));
    let length = (b[0] - a[0]).hypot(b[1] - a[1]);
    let u = [(b[0] - a[0]) / length, (b[1] - a[1]) / length];
    let half: f64 = items(road, "lanes")
        .iter()
        .map(|l| l["width"].as_f64().expect("width"))
        .sum::<f64>()
        / 2.0;
    let from = if back < 0.0 { b } else { a };
    [
        from[0] + u[0] * back + u[1] * half,
        from[1] + u[1] * back - u[0] * half,
    ]
}

/// The two files as trees, and the roads by id.
struct Read {
    network: Value,
    demand: Value,
    manifest: Value,
}

impl Read {
    fn new(city: &City) -> Self {
        let tree = |bytes: &[u8]| serde_json::from_slice(bytes).expect("JSON");
        Self {
            network: tree(&city.network_json),
            demand: tree(&city.demand_json),
            manifest: tree(&city.manifest_json),
        }
    }

    fn roads(&self) -> BTreeMap<&str, &Value> {
        let all = items(&self.network, "roads");
        let by_id: BTreeMap<_, _> = all.iter().map(|r| (text(r, "id"), r)).collect();
        assert_eq!(by_id.len(), all.len(), "road ids are unique");
        by_id
    }

    fn signals(&self) -> impl Iterator<Item = &Value> {
        let all = items(&self.network, "intersections");
        all.iter().filter(|i| i["virtual"] == false)
    }

    /// Lanes as (road, lane) with the lanes that follow.
    fn lanes(&self) -> BTreeMap<(&str, u64), BTreeSet<(&str, u64)>> {
        let mut next: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for (id, road) in self.roads() {
            for k in 0..items(road, "lanes").len() {
                next.entry((id, k as u64)).or_default();
            }
        }
        for node in self.signals() {
            for link in items(node, "roadLinks") {
                for l in items(link, "laneLinks") {
                    let from = (
                        text(link, "startRoad"),
                        l["startLaneIndex"].as_u64().unwrap(),
                    );
                    let to = (text(link, "endRoad"), l["endLaneIndex"].as_u64().unwrap());
                    assert!(next.contains_key(&to), "{to:?} exists");
                    next.get_mut(&from).expect("lane exists").insert(to);
                }
            }
        }
        next
    }
}

fn check_phases(read: &Read, signals: u32) {
    let roads = read.roads();
    let mut count = 0;
    for node in read.signals() {
        let width = node["width"].as_f64().expect("width");
        let links = items(node, "roadLinks");
        let phases: Vec<BTreeSet<usize>> = items(&node["trafficLight"], "lightphases")
            .iter()
            .map(|p| {
                let list = items(p, "availableRoadLinks").iter();
                list.map(|i| i.as_u64().expect("index") as usize).collect()
            })
            .collect();
        assert!(phases.len() > 1 && phases.len() <= 5, "{}", node["id"]);
        count += 1;
        let right = |i: &usize| text(&links[*i], "type") == "turn_right";
        let all_right: BTreeSet<usize> = (0..links.len()).filter(right).collect();
        assert_eq!(phases[0], all_right);
        let line = |i: usize| {
            let start = roads[text(&links[i], "startRoad")];
            let end = roads[text(&links[i], "endRoad")];
            assert_eq!(start["endIntersection"], node["id"]);
            assert_eq!(end["startIntersection"], node["id"]);
            (on_road(start, -width), on_road(end, width))
        };
        let mut served = all_right.clone();
        for phase in &phases[1..] {
            assert!(phase.is_superset(&all_right), "right turns always go");
            assert!(phase.len() > all_right.len(), "a phase serves something");
            let main: Vec<usize> = phase.difference(&all_right).copied().collect();
            for (k, &i) in main.iter().enumerate() {
                for &j in &main[..k] {
                    let (a, b) = line(i);
                    let (c, d) = line(j);
                    assert!(!cross(a, b, c, d), "{} {i} {j}", node["id"]);
                }
            }
            served.extend(phase);
        }
        assert_eq!(served.len(), links.len(), "every movement gets green");
        check_convention(node, links, &phases, &all_right, &roads);
    }
    assert_eq!(count, signals);
}

/// Phases 1 to 4 of a full junction are W-E through, N-S through, W-E left, N-S left.
fn check_convention(
    node: &Value,
    links: &[Value],
    phases: &[BTreeSet<usize>],
    right: &BTreeSet<usize>,
    roads: &BTreeMap<&str, &Value>,
) {
    if links.len() != 12 {
        return;
    }
    assert_eq!(phases.len(), 5, "{}", node["id"]);
    for (phase, (kind, west_east)) in phases[1..].iter().zip([
        ("go_straight", true),
        ("go_straight", false),
        ("turn_left", true),
        ("turn_left", false),
    ]) {
        assert_eq!(phase.len() - right.len(), 2);
        for &i in phase.difference(right) {
            assert_eq!(text(&links[i], "type"), kind);
            let points = items(roads[text(&links[i], "startRoad")], "points");
            let (a, b) = (xy(&points[0]), xy(&points[1]));
            assert_eq!((b[0] - a[0]).abs() > (b[1] - a[1]).abs(), west_east);
        }
    }
}

/// Every lane can be reached from the border, and each lane into a junction serves one movement.
fn check_lanes(read: &Read) {
    let next = read.lanes();
    let roads = read.roads();
    let border: BTreeSet<&str> = items(&read.network, "intersections")
        .iter()
        .filter(|i| i["virtual"] == true)
        .map(|i| text(i, "id"))
        .collect();
    let starts_at_border = |id: &str| border.contains(text(roads[id], "startIntersection"));
    let ends_at_border = |id: &str| border.contains(text(roads[id], "endIntersection"));
    let mut open: Vec<_> = next
        .keys()
        .copied()
        .filter(|l| starts_at_border(l.0))
        .collect();
    let mut seen = BTreeSet::new();
    while let Some(lane) = open.pop() {
        if seen.insert(lane) {
            open.extend(&next[&lane]);
        }
    }
    assert_eq!(seen.len(), next.len(), "every lane is reachable");
    for (lane, after) in &next {
        let to: BTreeSet<&str> = after.iter().map(|l| l.0).collect();
        let movements = usize::from(!ends_at_border(lane.0));
        assert_eq!(to.len(), movements, "{lane:?} serves one movement");
    }
}

fn check_demand(read: &Read, span_s: u64) {
    let next = read.lanes();
    let links: BTreeSet<(&str, &str)> = next
        .iter()
        .flat_map(|(from, to)| to.iter().map(|to| (from.0, to.0)))
        .collect();
    let flows = read.demand.as_array().expect("an array");
    assert!(!flows.is_empty());
    let mut last = 0;
    for flow in flows {
        let route: Vec<&str> = items(flow, "route")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        assert!(route.len() >= 3);
        for pair in route.windows(2) {
            assert!(links.contains(&(pair[0], pair[1])), "{pair:?}");
        }
        let start = flow["startTime"].as_u64().expect("time");
        assert!(start >= last && start < span_s);
        last = start;
    }
    assert_eq!(
        read.manifest["demand"]["vehicles"].as_u64(),
        Some(flows.len() as u64)
    );
}

/// Exactly the bridges cross the river's line.
fn check_river(read: &Read) {
    let river: Vec<[f64; 2]> = items(&read.manifest["network"]["river"], "line_m")
        .iter()
        .map(|p| [p[0].as_f64().expect("x"), p[1].as_f64().expect("y")])
        .collect();
    let over = read.roads().values().fold(0, |n, road| {
        let points = items(road, "points");
        let (a, b) = (xy(&points[0]), xy(&points[1]));
        // A joint of the river's line may lie on the road: it belongs to the piece it starts.
        let over = |s: &[[f64; 2]]| {
            (side(a, b, s[0]) < 0.0) != (side(a, b, s[1]) < 0.0)
                && side(s[0], s[1], a) * side(s[0], s[1], b) < 0.0
        };
        n + u64::from(river.windows(2).any(over))
    });
    assert!(over >= 1);
    assert_eq!(
        read.manifest["network"]["bridge_roads"].as_u64(),
        Some(over)
    );
}

fn check(signals: u32, seed: u64) {
    let options = options(signals, seed);
    let city = City::generate(&options).expect("a city");
    let read = Read::new(&city);
    assert_eq!(read.network["synthetic"]["signals"], signals);
    assert_eq!(read.network["synthetic"]["seed"], seed);
    assert_eq!(read.manifest["synthetic"], true);
    check_phases(&read, signals);
    check_lanes(&read);
    check_demand(&read, u64::from(options.span_s));
    check_river(&read);
    let net = Network::from_json(&city.network_json, "network.json").expect("a network");
    assert_eq!(net.signalised().len(), signals as usize);
    let demand = Demand::from_json(&city.demand_json, "demand.json", &net).expect("a demand");
    assert_eq!(
        demand.flows().len(),
        read.demand.as_array().expect("an array").len()
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]
    #[test]
    fn a_city_of_any_size_holds_together(signals in 4u32..150, seed in any::<u64>()) {
        check(signals, seed);
    }
}

#[test]
fn small_and_large_cities_hold_together() {
    for signals in [4, 5, 6, 7, 8, 9, 11, 16, 500] {
        check(signals, u64::from(signals));
    }
}

#[test]
fn equal_options_give_equal_bytes_and_seeds_differ() {
    let a = City::generate(&options(30, 7)).expect("a city");
    assert!(a == City::generate(&options(30, 7)).expect("a city"));
    let b = City::generate(&options(30, 8)).expect("a city");
    assert_ne!(a.network_json, b.network_json);
    assert_ne!(a.demand_json, b.demand_json);
}

#[test]
fn the_largest_city_is_planned_and_streamed() {
    let plan = CityPlan::new(&CityOptions {
        span_s: 60,
        ..options(10_000, 3)
    })
    .expect("a city");
    let mut bytes = std::io::sink();
    plan.write_network(&mut bytes).expect("written");
    plan.write_demand(&mut bytes).expect("written");
    assert_eq!(plan.manifest()["network"]["signals"], 10_000);
    assert!(plan.vehicles() > 5_000, "{}", plan.vehicles());
}

#[test]
fn a_day_has_a_morning_and_an_evening_peak() {
    let plan = CityPlan::new(&CityOptions {
        signals: 9,
        span_s: 86_400,
        start_of_day_s: 0,
        load: 0.4,
        ..CityOptions::default()
    })
    .expect("a city");
    let mut hours = [0_u32; 24];
    for trip in &plan.demand.trips {
        hours[trip.start_s as usize / 3600] += 1;
    }
    let around = |h: usize| hours[h - 1] + hours[h];
    assert!(around(8) > 2 * around(13), "{hours:?}");
    assert!(around(18) * 2 > 3 * around(13), "{hours:?}");
    assert!(around(13) > 2 * around(3), "{hours:?}");
}

#[test]
fn the_busiest_junctions_carry_the_load_asked_for() {
    let plan = CityPlan::new(&options(100, 5)).expect("a city");
    let x = &plan.demand.saturation;
    assert!(x[x.len() - 1] <= 0.85 + 1e-9, "{x:?}");
    assert!(x[x.len() - 6] > 0.78, "{x:?}");
}

#[test]
fn options_out_of_range_are_refused_with_their_code() {
    let code = |o: CityOptions| City::generate(&o).expect_err("refused").code();
    assert_eq!(code(options(3, 1)), "CNB-GEN-0001");
    assert_eq!(code(options(10_001, 1)), "CNB-GEN-0001");
    let base = options(4, 1);
    let span = |span_s, start_of_day_s| CityOptions {
        span_s,
        start_of_day_s,
        ..base.clone()
    };
    assert_eq!(code(span(59, 0)), "CNB-GEN-0002");
    assert_eq!(code(span(60, 86_400)), "CNB-GEN-0002");
    for load in [f64::NAN, 0.0, 2.0] {
        let o = CityOptions {
            load,
            ..base.clone()
        };
        assert_eq!(code(o), "CNB-GEN-0003");
    }
    let o = CityOptions {
        evening_peak_h: f64::INFINITY,
        ..base
    };
    assert_eq!(code(o), "CNB-GEN-0003");
}

#[test]
fn a_city_runs_under_its_own_programme_without_gridlock_and_repeats() {
    use crate::{Signals, Sim, SimOptions};
    use std::sync::Arc;
    for (signals, seed) in [(4, 1), (36, 2)] {
        let city = City::generate(&CityOptions {
            span_s: 600,
            ..options(signals, seed)
        })
        .expect("a city");
        let net = Network::from_json(&city.network_json, "network.json").expect("a network");
        let demand = Demand::from_json(&city.demand_json, "demand.json", &net).expect("a demand");
        let (net, demand) = (Arc::new(net), Arc::new(demand));
        let run = || {
            let options = SimOptions {
                signals: Signals::Programme,
                ..SimOptions::default()
            };
            let mut sim = Sim::new(net.clone(), demand.clone(), options).expect("a run");
            assert!(sim.notes().is_empty(), "{:?}", sim.notes());
            for _ in 0..600 {
                sim.step();
            }
            let busy = (sim.running(), sim.finished(), sim.waiting_outside());
            assert!(busy.1 > sim.created() / 4, "{busy:?}");
            assert!(busy.2 < sim.created() / 50, "{busy:?}");
            // The demand ends here: what does not get home now is stuck.
            for _ in 0..1200 {
                sim.step();
            }
            assert!(
                sim.finished() >= sim.created() - 1,
                "{} stuck",
                sim.running()
            );
            (busy, sim.state_hash())
        };
        assert_eq!(run(), run());
    }
}
