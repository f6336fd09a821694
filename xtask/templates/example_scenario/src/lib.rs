//! Example scenario: when a car park is nearly full, ask drivers to go elsewhere.
//!
//! **Invariant** A decision is never made on a gap: without two observations there is no proposal
//! (test `a_gap_gives_no_decision`).

mod model;

use std::collections::BTreeMap;
use std::sync::Arc;

use conurb_base::TimeMs;
use conurb_context::Change;
use conurb_decide::{Bilingual, DecisionRecord, InputRef, KpiValue, ModelRef};
use conurb_scenario::{Effect, Manifest, Order, Proposal, Scenario, Trigger, World};
use conurb_think::{Finding, FindingKind, Rule, RuleKind, Severity};
use serde::{Deserialize, Serialize};

pub use model::{Input, Settings};

/// The scenario's manifest, the six blanks.
pub const MANIFEST: &str = include_str!("../scenario.toml");

/// The entity type watched, expanded.
pub const CAR_PARK: &str = "https://smartdatamodels.org/dataModel.Parking/OffStreetParking";
/// The attribute watched, expanded: free spots.
pub const FREE_SPOTS: &str = "https://smartdatamodels.org/dataModel.Parking/availableSpotNumber";

/// Name and version of the model; a change of behaviour is a change of version.
const MODEL: (&str, &str) = ("example_scenario.balance", "1");

/// Makes the scenario from its section of the configuration.
pub fn create(section: &toml::Table) -> Result<Box<dyn Scenario>, String> {
    Ok(Box::new(ExampleScenario::new(Settings::read(section)?)?))
}

/// The scenario.
#[derive(Debug)]
pub struct ExampleScenario {
    manifest: Manifest,
    settings: Settings,
    seen: BTreeMap<Arc<str>, Seen>,
}

/// The last two observations of a car park.
#[derive(Debug, Clone, Copy)]
struct Seen {
    at: TimeMs,
    free_spots: f64,
    before: Option<(TimeMs, f64)>,
}

/// What one decision read, kept so that it can be made again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct InputDocument {
    subject: Arc<str>,
    at: TimeMs,
    perceived_at: TimeMs,
    version_ms: i64,
    findings: Vec<String>,
    settings: Settings,
    input: Input,
}

impl ExampleScenario {
    /// The scenario with these settings.
    pub fn new(settings: Settings) -> Result<Self, String> {
        let manifest =
            Manifest::from_toml(MANIFEST, "scenario.toml").map_err(|error| error.to_string())?;
        Ok(Self {
            manifest,
            settings,
            seen: BTreeMap::new(),
        })
    }

    fn rule_id(&self) -> String {
        format!("{}.nearly-full", self.manifest.id)
    }

    /// The document of a decision, where nothing it needs is missing.
    fn document(&self, trigger: &Trigger, world: &dyn World) -> Option<InputDocument> {
        let entity = world.entity(&trigger.subject)?;
        let seen = self.seen.get(&trigger.subject)?;
        let (before_at, before) = seen.before?;
        let seconds = f64::from(i32::try_from(seen.at.since_ms(before_at)).ok()?) / 1000.0;
        Some(InputDocument {
            subject: trigger.subject.clone(),
            at: trigger.at,
            perceived_at: seen.at,
            version_ms: entity.modified_at.0,
            findings: trigger.findings.clone(),
            settings: self.settings.clone(),
            input: Input {
                free_spots: seen.free_spots,
                rate_spots_s: (seen.free_spots - before) / seconds,
            },
        })
    }
}

/// The decision a document leads to: the same document, the same decision.
fn propose(document: &InputDocument) -> Result<Proposal, String> {
    let InputDocument {
        input, settings, ..
    } = document;
    let options = model::options(input, settings);
    let chosen = model::choose(&options).ok_or("no option has a prediction")?;
    let left = options[chosen].predicted[0].value;
    let why = Bilingual {
        zh: format!(
            "空位 {:.0} 个，每分钟变化 {:+.1} 个；选此方案，{} 分钟后预计剩余 {left:.0} 个。",
            input.free_spots,
            input.rate_spots_s * 60.0,
            settings.horizon_s / 60,
        ),
        en: format!(
            "{:.0} spots are free, changing by {:+.1} a minute; with this choice {left:.0} are expected to be left after {} minutes.",
            input.free_spots,
            input.rate_spots_s * 60.0,
            settings.horizon_s / 60,
        ),
    };
    Ok(Proposal {
        subject: document.subject.clone(),
        perceived_at: document.perceived_at,
        at: document.at,
        findings: document.findings.clone(),
        input_document: serde_json::to_vec(document).map_err(|error| error.to_string())?,
        input_refs: vec![InputRef {
            entity: document.subject.to_string(),
            version_ms: document.version_ms,
        }],
        model: ModelRef {
            name: MODEL.0.to_owned(),
            version: MODEL.1.to_owned(),
            seed: 0,
            information_level: "counts".to_owned(),
        },
        options,
        chosen,
        why,
    })
}

impl Scenario for ExampleScenario {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn rules(&self) -> Vec<Rule> {
        vec![Rule {
            id: self.rule_id(),
            version: "1".to_owned(),
            entity_type: CAR_PARK.to_owned(),
            attribute: FREE_SPOTS.to_owned(),
            severity: Severity::Minor,
            kind: RuleKind::Threshold {
                raise: self.settings.raise_spots,
                clear: self.settings.clear_spots,
                for_s: 0.0,
            },
        }]
    }

    fn observe(&mut self, changes: &[Change], findings: &[Finding], _now: TimeMs) -> Vec<Trigger> {
        for change in changes.iter().filter(|c| c.entity.is_a(CAR_PARK)) {
            let Some(attribute) = change.entity.attribute(FREE_SPOTS) else {
                continue;
            };
            let (Some(free_spots), Some(at)) = (attribute.number(), attribute.observed_at) else {
                continue;
            };
            let last = self.seen.get(&change.entity.id).copied();
            if last.is_none_or(|l| at > l.at) {
                let before = last.map(|l| (l.at, l.free_spots));
                self.seen.insert(
                    change.entity.id.clone(),
                    Seen {
                        at,
                        free_spots,
                        before,
                    },
                );
            }
        }
        let rule = self.rule_id();
        findings
            .iter()
            .filter(|f| f.kind == FindingKind::Raised && f.rule.starts_with(&rule))
            .map(|f| Trigger {
                subject: f.entity.clone(),
                at: f.at,
                findings: vec![f.id.clone()],
            })
            .collect()
    }

    fn decide(&mut self, triggers: &[Trigger], world: &dyn World, _now: TimeMs) -> Vec<Proposal> {
        triggers
            .iter()
            .filter_map(|trigger| propose(&self.document(trigger, world)?).ok())
            .collect()
    }

    fn replay(&self, input_document: &[u8], model: &ModelRef) -> Result<Proposal, String> {
        if (model.name.as_str(), model.version.as_str()) != MODEL {
            return Err(format!(
                "this build has {} {}, not {} {}",
                MODEL.0, MODEL.1, model.name, model.version
            ));
        }
        let document: InputDocument =
            serde_json::from_slice(input_document).map_err(|error| error.to_string())?;
        propose(&document)
    }

    fn order(&self, record: &DecisionRecord) -> Option<Order> {
        let option = record.options.get(record.chosen)?;
        (option.action != model::leave_alone()).then(|| Order {
            actuator: format!("{}:board", record.subject),
            action: option.action.clone(),
            valid_s: self.settings.horizon_s,
        })
    }

    fn measure_after_s(&self) -> i64 {
        self.settings.horizon_s
    }

    fn measure(
        &mut self,
        record: &DecisionRecord,
        _world: &dyn World,
        _now: TimeMs,
    ) -> Option<Effect> {
        let seen = self.seen.get(record.subject.as_str())?;
        // Only what was seen after the decision is its effect.
        (seen.at > record.decided_at).then(|| Effect {
            measured: vec![KpiValue {
                kpi: model::KPI.to_owned(),
                value: seen.free_spots,
                interval: None,
            }],
            counterfactual: None,
        })
    }
}
