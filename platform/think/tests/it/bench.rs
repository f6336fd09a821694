//! Observations a second on one core; run it alone:
//! `cargo test --release -p conurb-think --test it -- --ignored --nocapture bench`.

use std::sync::Arc;

use conurb_base::{Clock, SystemClock, TimeMs};
use conurb_context::{Attribute, Change, ChangeKind, Entity, Name};
use conurb_think::{Aggregate, EngineLimits, RuleEngine, RuleKind};
use serde_json::json;

use crate::support::{TYPE, VALUE, rule};

const SENSORS: i64 = 50_000;
const ROUNDS: i64 = 20;

/// Names and ids are shared by pointer, as the context's interner gives them.
fn changes() -> Vec<Change> {
    let type_name = Name::from(TYPE);
    let attribute = Name::from(VALUE);
    let ids: Vec<Arc<str>> = (0..SENSORS)
        .map(|i| Arc::from(format!("urn:ngsi-ld:TrafficFlowObserved:{i}")))
        .collect();
    let mut all = Vec::new();
    for k in 0..ROUNDS {
        for (i, id) in (0..).zip(&ids) {
            let at = k * 5000 + i % 5000;
            let value = (i * 7 + k * 131) % 1000;
            let property = Attribute::property(json!(value)).observed(TimeMs(at));
            let entity =
                Entity::new(id.clone(), type_name.clone()).with(attribute.clone(), property);
            all.push(Change {
                seq: 0,
                kind: ChangeKind::Updated,
                entity: Arc::new(entity),
                before: None,
                written: vec![attribute.clone()],
                at: TimeMs(at),
            });
        }
    }
    all
}

fn measure(title: &str, kinds: Vec<RuleKind>, changes: &[Change]) {
    let rules = (0..)
        .zip(kinds)
        .map(|(i, kind)| rule(&format!("r{i}"), kind))
        .collect();
    let mut engine = RuleEngine::new(rules, EngineLimits::default()).unwrap();
    let clock = SystemClock::new();
    let begin = clock.monotonic_ns();
    let mut findings = 0;
    for piece in changes.chunks(500) {
        findings += engine.on_changes(piece).len();
    }
    let ns = clock.monotonic_ns() - begin;
    let per_s = changes.len() as f64 * 1e9 / ns as f64;
    println!(
        "{title}: {per_s:.0} obs/s, {findings} findings from {} observations",
        changes.len()
    );
}

#[test]
#[ignore = "a measurement, not a check"]
fn bench_observations_per_second_on_50_000_sensors() {
    let changes = changes();
    let threshold = |raise, clear, for_s| RuleKind::Threshold {
        raise,
        clear,
        for_s,
    };
    let window = RuleKind::Window {
        aggregate: Aggregate::Mean,
        length_s: 30.0,
        step_s: 30.0,
        lag_s: 3.0,
    };
    measure(
        "threshold, rarely firing",
        vec![threshold(999.0, 1.0, 0.0)],
        &changes,
    );
    measure(
        "threshold, often firing",
        vec![threshold(850.0, 700.0, 0.0)],
        &changes,
    );
    measure(
        "threshold for 60 s",
        vec![threshold(500.0, 400.0, 60.0)],
        &changes,
    );
    measure(
        "absence",
        vec![RuleKind::Absence { silent_s: 15.0 }],
        &changes,
    );
    measure("30 s window mean", vec![window.clone()], &changes);
    let five = vec![
        threshold(999.0, 1.0, 0.0),
        RuleKind::Absence { silent_s: 15.0 },
        RuleKind::Rate {
            per_s: 500.0,
            over_s: 5.0,
        },
        window,
        RuleKind::KOfN {
            k: 3,
            n: 5,
            raise: 999.0,
        },
    ];
    measure("five rules on one attribute", five, &changes);
}
