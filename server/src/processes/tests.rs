//! Every process of the catalogue runs on an example with a known answer, and a model that is
//! dismissed while it runs stops.

use std::sync::Arc;
use std::time::Duration;

use conurb_base::{SystemClock, TimeMs};
use serde_json::{Value, json};

use super::job::Job;
use super::{Queue, Run, all, find};

/// Runs a process; its outputs.
fn run(id: &str, inputs: Value) -> Value {
    let process = find(id).expect("a process");
    process
        .run(inputs, &Run::default())
        .unwrap_or_else(|problem| panic!("{id}: {problem:?}"))
}

/// Holds one member of the result against a known number.
#[track_caller]
fn known(id: &str, inputs: Value, pointer: &str, expected: f64) {
    let found = run(id, inputs);
    let value = found.pointer(pointer).and_then(Value::as_f64);
    let value = value.unwrap_or_else(|| panic!("{id}: no number at {pointer} of {found}"));
    let near = (value - expected).abs() <= 1e-4 * expected.abs().max(1e-4);
    assert!(near, "{id}: {value} is not {expected}");
}

/// Two towns of one cell each, far enough apart.
fn towns() -> Value {
    let mut row = vec![json!(10.0); 9];
    row[1] = json!(60_000.0);
    json!([row, vec![10.0; 9], vec![10.0; 9]])
}

#[test]
fn sharing_and_deciding() {
    known(
        "region.airport",
        json!({"costs": [10, 20, 50, 100]}),
        "/result/shapley/3",
        70.833_333,
    );
    let claims = json!({"estate": 200, "claims": [100, 200, 300]});
    known("region.bankruptcy", claims, "/result/talmud/1", 75.0);
    let game = json!({"players": ["a", "b"], "kind": "cost", "values": [0, 4, 6, 8]});
    let split = json!({"game": game, "shares": [5.0, 3.0]});
    known("region.core", split, "/result/core/violations", 1.0);
    // Two of three together are worth 6: a third each of nothing for who is not in it.
    let synergies = json!({"players": ["a", "b", "c"], "synergies": [
        {"members": [0, 1], "worth": 6.0}, {"members": [2], "worth": 1.0}]});
    known("region.shapley-sampled", synergies, "/result/value/0", 3.0);
    let far = json!([[0, 100, 200], [100, 0, 100], [200, 100, 0]]);
    let links = json!({
        "cities": ["a", "b", "c"], "masses": [1, 1, 1], "minutes": far, "distances_km": far,
        "links": [{"name": "ab", "from": 0, "to": 1, "cost": 1, "ride_min": 20},
                  {"name": "bc", "from": 1, "to": 2, "cost": 5, "ride_min": 10}],
        "budget": 1,
    });
    known("region.links", links, "/result/plan/links/0", 0.0);
    let sites = json!({"costs": [[0, 4], [4, 0], [9, 5]], "weights": [1, 1, 1],
                       "aim": {"centre": {"p": 1}}});
    known(
        "region.facilities",
        sites,
        "/result/certificate/objective",
        5.0,
    );
    let jobs = json!({"cities": ["a", "b"], "sectors": ["x", "y"], "jobs": [[50, 50], [50, 50]],
                      "nation": [100, 100], "moved_jobs": 50});
    known("region.allocation", jobs, "/result/overlap_before", 1.0);
}

#[test]
fn areas_networks_and_growth() {
    let grid = json!({"persons": towns(), "cell_km2": [1, 1, 1]});
    known(
        "region.degurba",
        grid,
        "/result/centres/0/persons",
        60_000.0,
    );
    let units = json!({
        "units": [{"name": "city", "pop_persons": 100_000, "in_centres": {"1": 80_000}},
                  {"name": "village", "pop_persons": 1000, "in_centres": {}}],
        "neighbours": [[1], [0]],
        "ties": {"proxy": {"what": "migrants", "flows": [[1, 0, 40]], "residents": [1000, 100]}},
    });
    let found = run("region.functional-areas", units.clone());
    assert_eq!(found["result"]["areas"][0]["zone"], json!([1]), "{found}");
    let told = found["result"]["flow"].as_str().expect("a text");
    assert!(told.contains("proxy"), "a proxy says so: {told}");
    let triangle = json!({
        "pop_persons": [100, 50, 200], "outflow": [1000, 0, 0],
        "between": [[0, 10, 20], [10, 0, 15], [20, 15, 0]],
    });
    let found = run("region.radiation", triangle);
    assert!(found.to_string().contains("333.33"), "{found}");
    known(
        "region.polycentricity",
        json!({"centrality": [3, 3, 2.9999]}),
        "/result/polycentricity/p",
        1.0,
    );
    let flows = json!({"flows": [[0, 8, 2], [1, 0, 0], [4, 0, 0]], "core": 0});
    known("region.paths", flows, "/result/dependence/1", 1.0);
    let siphon = json!({"pop_then_persons": [100, 50], "pop_now_persons": [150, 50],
                        "minutes_to_core": [null, 30], "core": 0});
    known("region.siphon", siphon, "/result/0/share_now", 0.25);
    let borrowed = json!({"size_persons": [1, 2, 3, 4, 5], "function": [1.1, 1.9, 3.2, 3.8, 5.1],
                          "access": [5, 1, 4, 2, 3]});
    known(
        "region.borrowed-size",
        borrowed,
        "/result/elasticity",
        0.951917,
    );
    let panel: Vec<Vec<f64>> = (0..4_u32)
        .map(|unit| {
            let year = |t: u32| 100.0 + f64::from(unit) * 10.0 / f64::from(t + 1) + f64::from(t);
            (0..12).map(year).collect()
        })
        .collect();
    let found = run("region.convergence-clubs", json!({"panel": panel}));
    assert_eq!(
        found["result"]["clubs"]["clubs"][0]["units"],
        json!([0, 1, 2, 3]),
        "{found}"
    );
    let ring = json!({"panel": panel, "neighbours": [[1], [0, 2], [1, 3], [2]], "classes": 2});
    let found = run("region.spatial-markov", ring);
    let moves = &found["result"]["all"]["transitions"];
    let count: u64 = (moves.as_array().into_iter().flatten())
        .flat_map(|row| row.as_array().into_iter().flatten())
        .filter_map(Value::as_u64)
        .sum();
    assert_eq!(count, 4 * 11, "each unit moves once a year: {found}");
}

#[test]
fn industry_and_lines() {
    let jobs = json!({"cities": ["a", "b", "c"], "sectors": ["x", "y"],
                      "jobs": [[90, 10], [10, 90], [50, 50]]});
    known(
        "region.relatedness",
        jobs,
        "/result/concentration/0/raw_g",
        0.142_222,
    );
    let shift = json!({"region_then": [100, 50], "region_now": [130, 45],
                       "nation_then": [1000, 1000], "nation_now": [1200, 900]});
    known("region.shift-share", shift, "/result/mix/0", 15.0);
    let race = json!({"cities": [{"name": "a", "value": 100}, {"name": "b", "value": 100}]});
    known(
        "region.incentive-race",
        race,
        "/result/nash_subsidies",
        50.0,
    );
    let table = json!({"indicators": [[0.1, 0.2, 0.9], [0.5, 0.5, 0.6]]});
    known("region.indicator-weights", table, "/result/equal/0", 0.5);
    let day = json!({"stops": ["a", "b", "c"], "change_s": 0, "trips": [
        {"line": "slow", "calls": [[0, 0, 0], [1, 3600, 3600], [2, 7200, 7200]]},
        {"line": "fast", "calls": [[0, 600, 600], [2, 2400, 2400]]},
        {"line": "slow", "calls": [[0, 86_400, 86_400], [1, 90_000, 90_000], [2, 93_600, 93_600]]},
        {"line": "fast", "calls": [[0, 87_000, 87_000], [2, 88_800, 88_800]]}]});
    known(
        "transit.all-pairs",
        json!({"day": day}),
        "/result/fastest_min/0/2",
        30.0,
    );
    let ask = json!({"day": day, "masses": [1, 1, 1], "unit": "persons", "year": 2020,
                     "source": "synthetic"});
    let found = run("transit.leave-one-out", ask);
    assert_eq!(found["result"].as_array().map(Vec::len), Some(2), "{found}");
    let of_slow = |l: &&Value| l["route"] == "slow";
    let slow = found["result"]
        .as_array()
        .into_iter()
        .flatten()
        .find(of_slow);
    let slow = slow.expect("each line has a row");
    assert_eq!(
        (&slow["route"], &slow["lost"]),
        (&json!("slow"), &json!(2)),
        "{found}"
    );
}

#[test]
fn mistakes_are_told_by_their_place() {
    let wrong = |id: &str, inputs: Value| {
        let problem = find(id).expect("a process").run(inputs, &Run::default());
        problem.expect_err("an error").detail
    };
    let text = wrong(
        "region.degurba",
        json!({"persons": [[1, 2], [3]], "cell_km2": [1, 1]}),
    );
    assert!(text.contains("row 1"), "{text}");
    let text = wrong(
        "region.shapley-sampled",
        json!({"players": ["a"], "synergies": [{"members": [3], "worth": 1}]}),
    );
    assert!(text.contains("player 3"), "{text}");
    let text = wrong(
        "region.facilities",
        json!({"costs": [[1]], "weights": [1], "aim": {"p": 1}}),
    );
    assert!(text.contains("centre"), "{text}");
    let text = wrong(
        "transit.leave-one-out",
        json!({
        "day": {"stops": ["a"], "trips": []}, "masses": [], "unit": "persons", "year": 2020,
        "source": "synthetic"}),
    );
    assert!(text.contains("0 for 1 stops"), "{text}");
}

#[test]
fn ids_are_in_order_and_descriptions_whole() {
    let ids: Vec<&str> = all().iter().map(|p| p.id).collect();
    assert!(ids.is_sorted(), "{ids:?}");
    for process in all() {
        let whole = process.description();
        for side in ["inputs", "outputs"] {
            assert!(
                whole[side].as_object().is_some_and(|m| !m.is_empty()),
                "{whole}"
            );
        }
        assert!(process.description.len() > 30, "{}", process.id);
    }
}

#[test]
fn a_dismissed_job_stops_inside_its_model() {
    let queue = Queue::start(Arc::new(SystemClock::new())).expect("a thread");
    let process = find("region.shapley-sampled").expect("a process");
    let players: Vec<String> = (0..64).map(|n| n.to_string()).collect();
    let synergies: Vec<Value> = (0..63)
        .map(|n| json!({"members": [n, n + 1], "worth": 1.0}))
        .collect();
    // Minutes of work, were it not dismissed.
    let inputs = json!({"players": players, "synergies": synergies, "pairs": 10_000_000});
    let (long, ended) = queue.submit(process, inputs).expect("room");
    while long.status()["status"] != "running" {
        std::thread::sleep(Duration::from_millis(1));
    }
    queue.dismiss(&long.id).expect("the job");
    ended.blocking_recv().expect("the model ended");
    assert_eq!(long.status()["status"], "dismissed");
    let (next, ended) = queue
        .submit(
            find("region.airport").expect("a process"),
            json!({"costs": [1, 2]}),
        )
        .expect("room");
    ended.blocking_recv().expect("the next job ran");
    assert_eq!(next.status()["status"], "successful");
}

#[test]
fn progress_is_told_in_percent() {
    let job = Job::new("1".into(), &all()[0], TimeMs(0));
    let watch = job.run.watch();
    assert!(watch(1, 4).is_continue());
    assert_eq!(job.status()["progress"], 25);
    job.dismiss(TimeMs(1));
    assert!(watch(2, 4).is_break());
}
