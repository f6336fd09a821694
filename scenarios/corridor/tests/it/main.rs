//! The scenario against the contract and on a small generated arterial.

use std::collections::BTreeMap;
use std::sync::Arc;

use conurb_base::TimeMs;
use conurb_context::{Attribute, Change, ChangeKind, Entity};
use conurb_corridor::{
    CorridorScenario, InputDocument, OTHERS_DELAY, RECOVERY_S, Settings, VEHICLE_S, names,
};
use conurb_decide::{DecisionOption, DecisionRecord, Mode};
use conurb_scenario::{KeptDocument as _, Proposal, Scenario as _, World, kit};
use conurb_traffic::Network;
use conurb_traffic::citygen::grid::{GridOptions, generate};
use conurb_traffic::file::read_flows;

const START: TimeMs = TimeMs(1_772_409_600_000);
const AMBULANCE: &str = "urn:ngsi-ld:Vehicle:town:ambulance-1";
const SEED: u64 = 5;

/// What the city knows.
#[derive(Default)]
struct Town(BTreeMap<String, Arc<Entity>>);

impl World for Town {
    fn entity(&self, id: &str) -> Option<Arc<Entity>> {
        self.0.get(id).cloned()
    }
}

impl Town {
    fn tell(&mut self, entity: Entity, at: TimeMs) -> Change {
        let entity = Arc::new(entity);
        let before = self.0.insert(entity.id.to_string(), entity.clone());
        Change {
            seq: 1,
            kind: ChangeKind::Updated,
            written: entity.attributes.iter().map(|(n, _)| n.clone()).collect(),
            entity,
            before,
            at,
        }
    }
}

fn settings(change: impl FnOnce(&mut Settings)) -> Settings {
    let mut s = Settings {
        city: "town".to_owned(),
        start_ms: START.0,
        span_s: 1_200,
        leads: vec![1.0, 2.0],
        routes_max: 1,
        ..Settings::default()
    };
    change(&mut s);
    s
}

/// Eight signals along an arterial in a peak.
#[allow(clippy::print_stdout)] // the seed of a simulation test
fn scenario(settings: Settings) -> (CorridorScenario, Arc<Network>) {
    let (roads, flows) = generate(&GridOptions {
        columns: 8,
        rows: 1,
        block_x_m: 333.0,
        block_y_m: 333.0,
        load: 0.7,
        straight: 0.3,
        span_s: 900,
        seed: SEED,
    })
    .expect("a small arterial");
    let network = Arc::new(Network::from_json(&roads, "arterial").expect("it reads"));
    let flows = read_flows(&flows, "demand").expect("it reads");
    let hash = |s: &str| s.to_owned();
    let made = CorridorScenario::new(network.clone(), hash("n"), flows, hash("d"), settings);
    (made.expect("a whole manifest"), network)
}

/// First and last road from west to east.
fn ends(network: &Network) -> (String, String) {
    let mut along: Vec<_> = network
        .roads()
        .iter()
        .filter(|r| {
            let (a, b) = (r.points[0], r.points[r.points.len() - 1]);
            b[0] > a[0] && (a[1] - b[1]).abs() < 1e-9
        })
        .collect();
    along.sort_by(|a, b| a.points[0][0].total_cmp(&b.points[0][0]));
    (along[0].id.clone(), along[along.len() - 1].id.clone())
}

fn vehicle(usage: &str, status: &str, from: &str, to: &str, at: TimeMs) -> Entity {
    let of = |v: &str| Attribute::property(serde_json::json!(v)).observed(at);
    Entity::new(AMBULANCE, names::VEHICLE.into())
        .with(names::SPECIAL_USAGE.into(), of(usage))
        .with(names::SERVICE_STATUS.into(), of(status))
        .with(names::FROM_ROAD.into(), of(from))
        .with(names::TO_ROAD.into(), of(to))
}

/// An ambulance is dispatched 400 s into the demand.
fn dispatch(s: &mut CorridorScenario, network: &Network) -> (Town, Vec<Proposal>) {
    let (from, to) = ends(network);
    let at = START.plus_s(400);
    let mut town = Town::default();
    let change = town.tell(vehicle("ambulance", "onRoute", &from, &to, at), at);
    let triggers = s.observe(std::slice::from_ref(&change), &[], at);
    // The same report again asks for nothing.
    assert!(s.observe(&[change], &[], at).is_empty());
    let proposals = s.decide(&triggers, &town, at);
    (town, proposals)
}

fn value(option: &DecisionOption, kpi: &str) -> f64 {
    let found = option.predicted.iter().find(|k| k.kpi == kpi);
    found.expect("predicted").value
}

fn record(p: &Proposal) -> DecisionRecord {
    let id = "urn:conurb:decision:town:1".to_owned();
    p.clone()
        .into_record(id, ("corridor", "town"), Mode::Approve, String::new())
}

#[test]
fn all_parts_and_blanks_are_there() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = kit::check_folder(folder).expect("all parts are there");
    assert_eq!(manifest.id, "corridor");
}

#[test]
fn golden_dispatch_with_and_without_a_plan_from_one_seed() {
    let (mut s, network) = scenario(settings(|_| {}));
    let (_, proposals) = dispatch(&mut s, &network);
    let [p] = proposals.as_slice() else {
        panic!("one decision: {proposals:?}");
    };
    kit::check_proposal(p).expect("keeps the contract");
    println!("seed {SEED}: {}", p.why.en);
    let (none, plan) = (&p.options[0], &p.options[p.chosen]);
    assert_eq!(none.action["plan"], "none");
    assert_eq!(value(none, OTHERS_DELAY).to_bits(), 0.0_f64.to_bits());
    assert!(value(plan, VEHICLE_S) < 0.75 * value(none, VEHICLE_S));
    assert!(value(plan, RECOVERY_S) >= 0.0);
    // Every signal on the way is turned once, in order, for no longer than the record says.
    let signals = plan.action["signals"].as_array().expect("a list");
    assert_eq!(signals.len(), 8);
    let longest = plan.action["hold_s"].as_f64().expect("seconds");
    for pair in signals.windows(2) {
        assert!(pair[0]["at_m"].as_f64() < pair[1]["at_m"].as_f64());
    }
    for hold in signals {
        let (from, to) = (hold["from_s"].as_f64(), hold["to_s"].as_f64());
        let held = to.expect("given back") - from.expect("turned");
        assert!(held > 0.0 && held <= longest, "{hold}");
    }
    assert!(p.why.en.contains("instead of") && p.why.zh.contains("代价最大"));
    let order = s.order(&record(p)).expect("an order");
    assert_eq!(order.actuator, names::preemption_urn("town"));
    assert!((1..=3600).contains(&order.valid_s));
}

#[test]
fn a_kept_document_gives_the_same_decision_again() {
    let (mut s, network) = scenario(settings(|_| {}));
    let (_, proposals) = dispatch(&mut s, &network);
    let p = &proposals[0];
    let (fresh, _) = scenario(settings(|_| {}));
    assert_eq!(fresh.replay(&p.input_document, &p.model).as_ref(), Ok(p));
    let mut other = p.model.clone();
    other.version = "0".to_owned();
    let says = |bytes: &[u8], model| fresh.replay(bytes, model).expect_err("refused");
    assert!(says(&p.input_document, &other).contains("version 0"));
    assert!(says(b"{", &p.model).contains("document"));
    let mut doc = InputDocument::from_bytes(&p.input_document).expect("ours");
    doc.network = "other".to_owned();
    assert!(says(&doc.to_bytes(), &p.model).contains("another network"));
    doc.network = "n".to_owned();
    doc.to = "road_nowhere".to_owned();
    assert!(says(&doc.to_bytes(), &p.model).contains("road_nowhere"));
    doc.format = 9;
    assert!(says(&doc.to_bytes(), &p.model).contains("format 9"));
}

#[test]
fn bounds_refuse_plans_and_the_signals_are_left_alone() {
    for (word, change) in [
        (
            "others-delay",
            (|s: &mut Settings| s.others_max_veh_s = Some(-1e12)) as fn(&mut Settings),
        ),
        ("longest-hold", |s| s.hold_max_s = 1.0),
    ] {
        let (mut s, network) = scenario(settings(change));
        let (_, proposals) = dispatch(&mut s, &network);
        let p = &proposals[0];
        kit::check_proposal(p).expect("keeps the contract");
        assert_eq!(p.chosen, 0);
        let refused = p.options[1..].iter().map(|o| o.refused_by.as_deref());
        assert!(refused.eq([Some(word), Some(word)]), "{word}");
        assert_eq!(s.order(&record(p)), None);
    }
    let (hold, network) = (
        settings(|s| s.hold_max_s = 1e6),
        scenario(settings(|_| {})).1,
    );
    let refused = CorridorScenario::new(network, String::new(), Vec::new(), String::new(), hold);
    assert!(refused.err().is_some_and(|e| e.contains("max_hold_s")));
}

#[test]
fn other_vehicles_are_passed_over() {
    let (mut s, network) = scenario(settings(|_| {}));
    let (from, to) = ends(&network);
    let (mut town, at) = (Town::default(), START.plus_s(400));
    for (usage, status) in [
        ("taxi", "onRoute"),
        ("ambulance", "parked"),
        ("", "onRoute"),
    ] {
        let change = town.tell(vehicle(usage, status, &from, &to, at), at);
        assert!(s.observe(&[change], &[], at).is_empty(), "{usage} {status}");
    }
}

#[test]
fn a_dispatch_that_cannot_be_planned_gives_no_decision() {
    let (mut s, network) = scenario(settings(|_| {}));
    let (from, _) = ends(&network);
    let mut town = Town::default();
    // A road that is not there; a dispatch before the demand begins, and one after the run.
    for (to, at_s) in [
        ("road_nowhere", 400),
        (from.as_str(), -5),
        (from.as_str(), 5_000),
    ] {
        let at = START.plus_s(at_s);
        let change = town.tell(vehicle("ambulance", "onRoute", &from, to, at), at);
        let triggers = s.observe(&[change], &[], at);
        assert_eq!(triggers.len(), 1);
        assert!(s.decide(&triggers, &town, at).is_empty(), "{to} {at_s}");
    }
}

#[test]
fn the_effect_is_the_trip_time_reported_on_arrival() {
    let (mut s, network) = scenario(settings(|_| {}));
    let (mut town, proposals) = dispatch(&mut s, &network);
    let record = record(&proposals[0]);
    let at = START.plus_s(900);
    assert_eq!(s.measure(&record, &town, at), None);
    let (from, to) = ends(&network);
    let trip = Attribute::property(serde_json::json!(321.0)).observed(at);
    let arrived =
        vehicle("ambulance", "parked", &from, &to, at).with(names::TRIP_TIME.into(), trip);
    let change = town.tell(arrived, at);
    assert!(s.observe(&[change], &[], at).is_empty());
    let effect = s.measure(&record, &town, at).expect("it was reported");
    assert!((effect.measured[0].value - 321.0).abs() < 1e-9);
    let otherwise = effect.counterfactual.expect("without a plan");
    assert_eq!(otherwise.values, record.options[0].predicted);
}
