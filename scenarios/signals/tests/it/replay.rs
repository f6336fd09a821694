//! Replay, and inputs no detector should send.

use std::sync::{Arc, OnceLock};

use conurb_context::{Attribute, Entity};
use conurb_decide::{Interval, ModelRef};
use conurb_scenario::{KeptDocument as _, Scenario as _, kit};
use conurb_signals::input::{Entries, FORMAT, InputDocument, LaneObservation};
use conurb_signals::{MODEL_NAME, MODEL_VERSION, Signals, names};
use conurb_traffic::Network;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::town::{Nowhere, START, Town, change, city, settings, signals};

fn network() -> Arc<Network> {
    static NETWORK: OnceLock<Arc<Network>> = OnceLock::new();
    NETWORK.get_or_init(|| city(4, 60).0).clone()
}

fn model() -> ModelRef {
    ModelRef {
        name: MODEL_NAME.to_owned(),
        version: MODEL_VERSION.to_owned(),
        seed: 0,
        information_level: "LD".to_owned(),
    }
}

fn document(scenario: &Signals, n: usize, lanes: &[(f64, f64, Option<f64>)]) -> InputDocument {
    let layout = &scenario.layouts()[n];
    let lane = |i: usize| {
        let (vehicles, queue, speed_km_h) = lanes[i % lanes.len()];
        LaneObservation {
            vehicles,
            queue,
            speed_km_h,
            entered: vec![
                Entries {
                    from_s: vehicles,
                    to_s: 0.0,
                    vehicles: queue,
                };
                2
            ],
        }
    };
    InputDocument {
        format: FORMAT,
        network: "n".to_owned(),
        settings: "s".to_owned(),
        junction: layout.id.to_string(),
        at_ms: START.0,
        phase: layout.options[0].phase,
        green_for_s: 30,
        fixed_phase: None,
        entering: (0..layout.entering.len()).map(lane).collect(),
        leaving: (0..layout.leaving.len()).map(|i| lane(i + 3)).collect(),
        errors: None,
    }
}

#[test]
fn every_decision_of_a_run_replays_to_itself() {
    let mut town = Town::new(4, 900, settings(|_| {}));
    town.run(600, true);
    assert!(town.proposals.len() > 100);
    for p in &town.proposals {
        let mut again = town.signals.replay(&p.input_document, &p.model).unwrap();
        again.input_refs.clone_from(&p.input_refs); // kept in the record, not in the document
        assert_eq!(again, *p);
    }
}

#[test]
fn what_cannot_be_replayed_says_why() {
    let s = signals(&network(), settings(|_| {}));
    let good = document(&s, 0, &[(1.0, 0.0, Some(30.0))]);
    assert!(s.replay(&good.to_bytes(), &model()).is_ok());
    let says = |doc: &InputDocument| s.replay(&doc.to_bytes(), &model()).unwrap_err();
    let with = |change: fn(&mut InputDocument)| {
        let mut doc = good.clone();
        change(&mut doc);
        says(&doc)
    };
    assert!(with(|d| d.format = 9).contains("format 9"));
    assert!(with(|d| d.network = "other".into()).contains("another network"));
    assert!(with(|d| d.junction = "nowhere".into()).contains("nowhere"));
    assert!(with(|d| drop(d.entering.pop())).contains("number of lanes"));
    let other = ModelRef {
        version: "0".into(),
        ..model()
    };
    assert!(
        s.replay(&good.to_bytes(), &other)
            .unwrap_err()
            .contains("version 0")
    );
    assert!(s.replay(b"{\"format\":1", &model()).is_err());
}

fn any_number() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => 0.0..60.0f64,
        1 => Just(-3.0),
        1 => Just(1e300),
        1 => Just(-1e300),
        1 => Just(0.0),
        1 => any::<f64>().prop_filter("JSON has no NaN", |v| v.is_finite()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Any document that reads gives the same proposal twice, from a fresh scenario too, and only
    /// finite predictions.
    #[test]
    fn replay_gives_the_same_proposal_for_any_input(
        n in 0usize..4,
        lanes in proptest::collection::vec(
            (any_number(), any_number(), proptest::option::of(any_number())), 1..9),
        phase in 0u16..12,
        green_for_s in prop_oneof![0u32..200, Just(u32::MAX)],
        span in proptest::option::of((-50.0..0.0f64, 0.0..50.0f64)),
    ) {
        let s = signals(&network(), settings(|_| {}));
        let mut doc = document(&s, n % s.layouts().len(), &lanes);
        doc.phase = phase;
        doc.green_for_s = green_for_s;
        doc.errors = span.map(|(low, high)| Interval {
            low,
            high,
            level: 0.9,
            method: "residual quantiles, n = 40".to_owned(),
        });
        let bytes = doc.to_bytes();
        prop_assert_eq!(&InputDocument::from_bytes(&bytes).unwrap(), &doc);
        let first = s.replay(&bytes, &model()).unwrap();
        prop_assert_eq!(kit::check_proposal(&first), Ok(()));
        let fresh = signals(&network(), settings(|_| {}));
        prop_assert_eq!(&fresh.replay(&bytes, &model()).unwrap(), &first);
    }

    /// Whatever detectors say, in any order and at any time: no panic, no number that is none.
    #[test]
    fn absurd_detectors_never_break_a_decision(
        reports in proptest::collection::vec(
            (0usize..400, value(), value(), value(), -100_000i64..100_000), 1..120),
        phases in proptest::collection::vec((0usize..4, value()), 0..8),
    ) {
        let network = network();
        let mut s = signals(&network, settings(|_| {}));
        let mut seq = 0;
        for (turn, part) in reports.chunks(20).enumerate() {
            let now = START.plus_s(15 * turn as i64);
            let mut changes = Vec::new();
            for l in s.layouts().to_vec() {
                // The ordinary reports of the moment, so that decisions are asked for at all.
                for lane in l.entering.iter().chain(&l.leaving) {
                    let id = names::lane_urn("town", &network.lanes()[lane.ix()].id);
                    seq += 1;
                    changes.push(change(seq, lane_entity(&id, now, json!(2), json!(1), json!(20)), now));
                }
                let phase = json!(l.options[0].phase);
                seq += 1;
                changes.push(change(seq, signal_entity(&l.urn, now, phase), now));
            }
            for (i, vehicles, queue, speed, late_ms) in part {
                let lane = &network.lanes()[i % network.lanes().len()];
                let id = names::lane_urn("town", &lane.id);
                let at = conurb_base::TimeMs(now.0 + late_ms);
                seq += 1;
                let e = lane_entity(&id, at, vehicles.clone(), queue.clone(), speed.clone());
                changes.push(change(seq, e, now));
            }
            for (i, phase) in &phases {
                let urn = s.layouts()[i % s.layouts().len()].urn.clone();
                seq += 1;
                changes.push(change(seq, signal_entity(&urn, now, phase.clone()), now));
            }
            let triggers = s.observe(&changes, &[], now);
            for p in s.decide(&triggers, &Nowhere, now) {
                prop_assert_eq!(kit::check_proposal(&p), Ok(()));
                let mut again = s.replay(&p.input_document, &p.model).unwrap();
                again.input_refs.clone_from(&p.input_refs);
                prop_assert_eq!(&again, &p);
                let record = crate::town::record(&p);
                if let Some(effect) = s.measure(&record, &Nowhere, now) {
                    prop_assert!(effect.measured.iter().all(|k| k.value.is_finite()));
                }
            }
        }
    }
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => (0.0..40.0f64).prop_map(|v| json!(v)),
        1 => Just(json!(null)),
        1 => Just(json!("seven")),
        1 => Just(json!(-5)),
        1 => Just(json!(1e308)),
        1 => Just(json!([1, 2])),
        1 => Just(json!(f64::MAX)),
    ]
}

fn lane_entity(id: &str, at: conurb_base::TimeMs, v: Value, q: Value, s: Value) -> Entity {
    let of = |v| Attribute::property(v).observed(at);
    Entity::new(id, names::TRAFFIC_FLOW_OBSERVED.into())
        .with(names::VEHICLE_COUNT.into(), of(v))
        .with(names::QUEUE_LENGTH.into(), of(q))
        .with(names::AVERAGE_VEHICLE_SPEED.into(), of(s))
}

fn signal_entity(id: &str, at: conurb_base::TimeMs, phase: Value) -> Entity {
    Entity::new(id, names::TRAFFIC_SIGNAL.into()).with(
        names::CURRENT_PHASE.into(),
        Attribute::property(phase).observed(at),
    )
}
