//! Small helpers: changes and rules in one line each.

use std::sync::Arc;

use conurb_base::TimeMs;
use conurb_context::{Attribute, Change, ChangeKind, Entity, Name};
use conurb_think::{EngineLimits, Finding, FindingKind, Rule, RuleEngine, RuleKind, Severity};
use serde_json::json;

pub(crate) const TYPE: &str = "https://example.org/Sensor";
pub(crate) const VALUE: &str = "https://example.org/value";

/// Entity `id` was observed at `at_ms` with `value`; recorded at the same moment.
pub(crate) fn change(id: &str, at_ms: i64, value: f64) -> Change {
    let attribute = Attribute::property(json!(value)).observed(TimeMs(at_ms));
    change_with(id, at_ms, attribute)
}

pub(crate) fn change_with(id: &str, recorded_ms: i64, attribute: Attribute) -> Change {
    let name = Name::from(VALUE);
    Change {
        seq: 0,
        kind: ChangeKind::Updated,
        entity: Arc::new(Entity::new(id, Name::from(TYPE)).with(name.clone(), attribute)),
        before: None,
        written: vec![name],
        at: TimeMs(recorded_ms),
    }
}

pub(crate) fn rule(id: &str, kind: RuleKind) -> Rule {
    Rule {
        id: id.to_owned(),
        version: "1".to_owned(),
        entity_type: TYPE.to_owned(),
        attribute: VALUE.to_owned(),
        severity: Severity::Major,
        kind,
    }
}

pub(crate) fn engine(rules: Vec<Rule>) -> RuleEngine {
    RuleEngine::new(rules, EngineLimits::default()).unwrap()
}

pub(crate) fn one(kind: RuleKind) -> RuleEngine {
    engine(vec![rule("r", kind)])
}

/// Kind, time in ms and value: what most tests compare.
pub(crate) fn brief(findings: &[Finding]) -> Vec<(FindingKind, i64, Option<f64>)> {
    findings.iter().map(|f| (f.kind, f.at.0, f.value)).collect()
}
