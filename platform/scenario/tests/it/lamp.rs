//! The smallest scenario: a lamp that is asked at every change whether it shall be on.

use std::collections::BTreeMap;
use std::sync::Arc;

use conurb_act::{Desk, Envelope, FaultPlan, NoGuard, SimChannel};
use conurb_base::TimeMs;
use conurb_context::{Attribute, Change, ChangeKind, Entity};
use conurb_decide::{
    Bilingual, DecisionOption, DecisionRecord, InputRef, KpiValue, Ledger, Mode, ModelRef,
};
use conurb_scenario::{
    Brain, BrainOptions, Effect, Manifest, Order, Proposal, Scenario, Trigger, World,
};
use conurb_store::Stores;
use conurb_think::Finding;
use serde_json::json;

/// Seconds after a decision at which its effect is measured.
pub(crate) const MEASURE_AFTER_S: i64 = 30;
/// How long a decision may wait for a person.
pub(crate) const TTL_S: i64 = 60;
const TYPE: &str = "https://example.org/Lamp";
const DARK: &str = "https://example.org/dark";
const MANIFEST: &str = include_str!("../../../../xtask/templates/example_scenario/scenario.toml");

struct Lamp(Manifest);

/// No entity is looked up: the change says it all.
pub(crate) struct Nothing;

impl World for Nothing {
    fn entity(&self, _: &str) -> Option<Arc<Entity>> {
        None
    }
}

impl Scenario for Lamp {
    fn manifest(&self) -> &Manifest {
        &self.0
    }

    fn observe(&mut self, changes: &[Change], _: &[Finding], _: TimeMs) -> Vec<Trigger> {
        changes
            .iter()
            .map(|c| Trigger {
                subject: c.entity.id.clone(),
                at: c.at,
                findings: Vec::new(),
            })
            .collect()
    }

    fn decide(&mut self, triggers: &[Trigger], _: &dyn World, _: TimeMs) -> Vec<Proposal> {
        triggers.iter().map(|t| propose(&t.subject, t.at)).collect()
    }

    fn replay(&self, _: &[u8], _: &ModelRef) -> Result<Proposal, String> {
        Err("the lamp keeps nothing".to_owned())
    }

    fn order(&self, record: &DecisionRecord) -> Option<Order> {
        Some(Order {
            actuator: record.subject.clone(),
            action: record.options[record.chosen].action.clone(),
            valid_s: 600,
        })
    }

    fn measure_after_s(&self) -> i64 {
        MEASURE_AFTER_S
    }

    fn measure(&mut self, _: &DecisionRecord, _: &dyn World, _: TimeMs) -> Option<Effect> {
        Some(Effect {
            measured: vec![light(1.0)],
            counterfactual: None,
        })
    }
}

fn light(value: f64) -> KpiValue {
    KpiValue {
        kpi: "free_spots".to_owned(),
        value,
        interval: None,
    }
}

fn propose(subject: &Arc<str>, at: TimeMs) -> Proposal {
    let option = |on: bool| DecisionOption {
        action: json!({ "on": on }),
        predicted: vec![light(f64::from(u8::from(on)))],
        refused_by: None,
    };
    Proposal {
        subject: subject.clone(),
        perceived_at: at,
        at,
        findings: Vec::new(),
        input_document: b"{}".to_vec(),
        input_refs: vec![InputRef {
            entity: subject.to_string(),
            version_ms: at.0,
        }],
        model: ModelRef {
            name: "lamp".to_owned(),
            version: "1".to_owned(),
            seed: 0,
            information_level: "counts".to_owned(),
        },
        options: vec![option(false), option(true)],
        chosen: 1,
        why: Bilingual {
            zh: "天黑".to_owned(),
            en: "it is dark".to_owned(),
        },
    }
}

/// A change of lamp `n` at second `s`.
pub(crate) fn change(n: u32, s: i64) -> Change {
    let at = second(s);
    let entity = Entity::new(format!("urn:ngsi-ld:Lamp:{n}"), TYPE.into())
        .with(DARK.into(), Attribute::property(json!(true)).observed(at));
    Change {
        seq: 1,
        kind: ChangeKind::Created,
        entity: Arc::new(entity),
        before: None,
        written: vec![DARK.into()],
        at,
    }
}

/// Second `s` of the test.
pub(crate) fn second(s: i64) -> TimeMs {
    TimeMs(1_772_000_000_000).plus_s(s)
}

/// A loop over the ledger in `stores`, as a process that just started has it.
pub(crate) fn brain(stores: &Stores<Entity>, mode: Mode) -> (Brain, Arc<Ledger>) {
    let ledger = Ledger::open(stores.ledger.clone(), stores.blobs.clone(), "town").unwrap();
    let ledger = Arc::new(ledger);
    let (channel, _) = SimChannel::new(0, FaultPlan::default()).unwrap();
    let desk = Desk::new(
        Box::new(channel),
        Envelope {
            limits: BTreeMap::new(),
            rate_per_min: 60.0,
            expires_s: 600,
        },
        Box::new(NoGuard),
        Box::new(|_: &str| json!({ "on": false })),
    )
    .unwrap();
    let options = BrainOptions {
        city: "town".to_owned(),
        mode: Some(mode),
        approval_ttl_s: TTL_S,
    };
    let lamp = Lamp(Manifest::from_toml(MANIFEST, "scenario.toml").unwrap());
    let brain = Brain::new(
        options,
        vec![(Box::new(lamp), desk)],
        Vec::new(),
        ledger.clone(),
    );
    (brain.unwrap(), ledger)
}
