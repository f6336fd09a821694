//! What a scenario is to the platform: six blanks in a manifest, and pure functions.
//!
//! The platform calls, the scenario answers; a scenario opens no store, no bus and no link.

use std::sync::Arc;

use conurb_base::TimeMs;
use conurb_context::{Change, Entity};
use conurb_decide::{
    Bilingual, Counterfactual, DecisionOption, DecisionRecord, InputRef, Inputs, KpiValue, Mode,
    ModelRef,
};
use conurb_think::{Finding, Rule};

use crate::manifest::Manifest;

/// Read access to what the city is now.
pub trait World {
    /// The entity with this id, as last committed.
    fn entity(&self, id: &str) -> Option<Arc<Entity>>;
}

impl World for conurb_context::ContextEngine {
    fn entity(&self, id: &str) -> Option<Arc<Entity>> {
        self.stores().entities.get(id)
    }
}

/// A subject that asks for a decision, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    /// The entity to decide about.
    pub subject: Arc<str>,
    /// The moment in event time that asks (the end of the decision interval, a finding's time).
    pub at: TimeMs,
    /// Ids of the findings that ask; empty when the interval does.
    pub findings: Vec<String>,
}

/// What the scenario proposes: everything of a decision record that is its to say.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// The entity decided about.
    pub subject: Arc<str>,
    /// Observation time of the newest input.
    pub perceived_at: TimeMs,
    /// The moment decided for (the trigger's).
    pub at: TimeMs,
    /// Findings that asked.
    pub findings: Vec<String>,
    /// The canonical input document: all the model read, as bytes that `replay` accepts.
    pub input_document: Vec<u8>,
    /// Which entities in which version.
    pub input_refs: Vec<InputRef>,
    /// Which model.
    pub model: ModelRef,
    /// Options; never empty.
    pub options: Vec<DecisionOption>,
    /// Index of the choice.
    pub chosen: usize,
    /// The reason.
    pub why: Bilingual,
}

impl Proposal {
    /// The decision record of it, decided at the moment it was made for; `inputs_hash` names the kept
    /// input document.
    #[must_use]
    pub fn into_record(
        self,
        id: String,
        (scenario, city): (&str, &str),
        mode: Mode,
        inputs_hash: String,
    ) -> DecisionRecord {
        DecisionRecord {
            id,
            scenario: scenario.to_owned(),
            city: city.to_owned(),
            subject: self.subject.to_string(),
            perceived_at: self.perceived_at,
            decided_at: self.at,
            findings: self.findings,
            inputs: Inputs {
                entities: self.input_refs,
                hash: inputs_hash,
            },
            model: self.model,
            options: self.options,
            chosen: self.chosen,
            why: self.why,
            mode,
            supersedes: None,
        }
    }
}

/// The action of a decision, bound for an actuator.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// The entity that shall act.
    pub actuator: String,
    /// What it shall do.
    pub action: serde_json::Value,
    /// For how long the order holds without a newer one.
    pub valid_s: i64,
}

/// The measured effect of a decision.
#[derive(Debug, Clone, PartialEq)]
pub struct Effect {
    /// What was seen.
    pub measured: Vec<KpiValue>,
    /// What would have been otherwise.
    pub counterfactual: Option<Counterfactual>,
}

/// A vertical slice of the city: entity, model, decision, action, KPI, border.
pub trait Scenario: Send {
    /// The six blanks.
    fn manifest(&self) -> &Manifest;

    /// Rules the platform shall run over the change stream for it.
    fn rules(&self) -> Vec<Rule> {
        Vec::new()
    }

    /// Looks at what changed and at what was found; says which subjects ask for a decision.
    fn observe(&mut self, changes: &[Change], findings: &[Finding], now: TimeMs) -> Vec<Trigger>;

    /// Proposes a decision for each trigger (fewer where an input is missing: a decision is not
    /// made on a gap).
    fn decide(&mut self, triggers: &[Trigger], world: &dyn World, now: TimeMs) -> Vec<Proposal>;

    /// Decides again from a kept input document; must give the same options and choice.
    fn replay(&self, input_document: &[u8], model: &ModelRef) -> Result<Proposal, String>;

    /// The same for one subject, where decisions of several keep one document (joint decisions).
    fn replay_for(
        &self,
        subject: &str,
        input_document: &[u8],
        model: &ModelRef,
    ) -> Result<Proposal, String> {
        let _ = subject;
        self.replay(input_document, model)
    }

    /// The order that carries out a decision; `None` where the choice is to leave things alone.
    fn order(&self, record: &DecisionRecord) -> Option<Order>;

    /// When, in event time, the effect of a decision made at `decided_at` can be measured.
    fn measure_after_s(&self) -> i64;

    /// The measured effect and its counterfactual, once due; `None` prints as "not measured".
    fn measure(
        &mut self,
        record: &DecisionRecord,
        world: &dyn World,
        now: TimeMs,
    ) -> Option<Effect>;
}
