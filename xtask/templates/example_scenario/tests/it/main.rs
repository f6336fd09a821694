//! The scenario against the contract: its parts, a golden day, gaps, replay.

use std::collections::BTreeMap;
use std::sync::Arc;

use conurb_base::TimeMs;
use conurb_context::{Attribute, Change, ChangeKind, Entity};
use conurb_decide::{DecisionRecord, Mode};
use conurb_example_scenario::{CAR_PARK, ExampleScenario, FREE_SPOTS, MANIFEST, Settings};
use conurb_scenario::{Proposal, Scenario, World, kit};
use conurb_think::{Finding, FindingKind, Severity};

const ID: &str = "urn:ngsi-ld:OffStreetParking:p1";

/// A city of one car park.
#[derive(Default)]
struct Town(BTreeMap<String, Arc<Entity>>);

impl World for Town {
    fn entity(&self, id: &str) -> Option<Arc<Entity>> {
        self.0.get(id).cloned()
    }
}

impl Town {
    /// The counter reports.
    fn report(&mut self, at_s: i64, free_spots: f64) -> Change {
        let at = TimeMs(at_s * 1000);
        let entity = Arc::new(Entity::new(ID, CAR_PARK.into()).with(
            FREE_SPOTS.into(),
            Attribute::property(serde_json::json!(free_spots)).observed(at),
        ));
        let before = self.0.insert(ID.to_owned(), entity.clone());
        let kind = if before.is_some() {
            ChangeKind::Updated
        } else {
            ChangeKind::Created
        };
        Change {
            seq: 1,
            kind,
            entity,
            before,
            written: vec![FREE_SPOTS.into()],
            at,
        }
    }
}

fn raised(scenario: &ExampleScenario, at_s: i64, value: f64) -> Finding {
    Finding {
        id: "urn:conurb:finding:1".to_owned(),
        rule: scenario.rules()[0].id.clone(),
        kind: FindingKind::Raised,
        entity: ID.into(),
        at: TimeMs(at_s * 1000),
        value: Some(value),
        severity: Severity::Minor,
        evidence: Vec::new(),
    }
}

/// A day's observations; a finding is raised at the last one.
fn day(reports: &[(i64, f64)]) -> (ExampleScenario, Town, Vec<Proposal>) {
    let mut scenario = ExampleScenario::new(Settings::default()).expect("a whole manifest");
    let mut town = Town::default();
    let mut proposals = Vec::new();
    for (i, (at_s, free)) in reports.iter().enumerate() {
        let change = town.report(*at_s, *free);
        let findings: Vec<Finding> = if i + 1 == reports.len() {
            vec![raised(&scenario, *at_s, *free)]
        } else {
            Vec::new()
        };
        let now = TimeMs(at_s * 1000);
        let triggers = scenario.observe(&[change], &findings, now);
        proposals.extend(scenario.decide(&triggers, &town, now));
    }
    (scenario, town, proposals)
}

fn record(proposal: &Proposal) -> DecisionRecord {
    let id = "urn:conurb:decision:town:example".to_owned();
    proposal.clone().into_record(id, ("example_scenario", "town"), Mode::Advise, String::new())
}

#[test]
fn all_parts_and_blanks_are_there() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = kit::check_folder(folder).expect("all parts are there");
    assert!(MANIFEST.contains(&manifest.id));
}

#[test]
fn golden_day_a_filling_car_park_is_diverted_before_it_is_full() {
    let (scenario, _, proposals) = day(&[(0, 30.0), (600, 20.0), (1200, 10.0)]);
    assert_eq!(proposals.len(), 1);
    let p = &proposals[0];
    kit::check_proposal(p).expect("keeps the contract");
    // One spot a minute: after 15 minutes 0 left (10 - 15 < 0), or 10 - 15 * 0.7 < 0 as well.
    assert_eq!(p.options[0].predicted[0].value, 0.0);
    assert_eq!(p.options[1].predicted[0].value, 0.0);
    assert_eq!(
        p.chosen, 0,
        "where diverting is of no use, the board is left alone"
    );
    let (scenario_slow, _, slow) = day(&[(0, 20.0), (1200, 10.0)]);
    let p_slow = &slow[0];
    assert_eq!(p_slow.options[0].predicted[0].value, 2.5);
    assert!((p_slow.options[1].predicted[0].value - 4.75).abs() < 1e-9);
    assert_eq!(p_slow.chosen, 1);
    assert_eq!(scenario.order(&record(p)), None);
    let order = scenario_slow.order(&record(p_slow)).expect("an order");
    assert_eq!(order.action, serde_json::json!({ "message": "divert" }));
    assert_eq!(order.valid_s, 900);
}

#[test]
fn a_gap_gives_no_decision() {
    let (_, _, proposals) = day(&[(0, 5.0)]);
    assert!(proposals.is_empty());
}

#[test]
fn a_kept_document_gives_the_same_decision_again() {
    let (scenario, _, proposals) = day(&[(0, 20.0), (1200, 10.0)]);
    let p = &proposals[0];
    assert_eq!(scenario.replay(&p.input_document, &p.model).as_ref(), Ok(p));
    assert!(scenario.replay(b"{", &p.model).is_err());
    let mut other = p.model.clone();
    other.version = "0".to_owned();
    assert!(
        scenario
            .replay(&p.input_document, &other)
            .is_err_and(|e| e.contains("not"))
    );
}

#[test]
fn the_effect_is_what_was_seen_after_the_decision() {
    let (mut scenario, mut town, proposals) = day(&[(0, 20.0), (1200, 10.0)]);
    let record = record(&proposals[0]);
    let due = TimeMs(2_100_000);
    assert_eq!(scenario.measure(&record, &town, due), None);
    let change = town.report(2100, 6.0);
    scenario.observe(&[change], &[], due);
    let effect = scenario.measure(&record, &town, due).expect("was seen");
    assert_eq!(effect.measured[0].value, 6.0);
}
