//! `scenario.toml`: the six blanks a scenario must fill before it may run.

use conurb_decide::{Bilingual, Mode};
use serde::{Deserialize, Serialize};

/// A scenario's manifest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Short id, the folder's name.
    pub id: String,
    /// Version of the scenario; a change of behaviour is a change of version.
    pub version: String,
    /// Name for people.
    pub title: Bilingual,
    /// Blank 1: entity types.
    pub entity: Vec<EntityBlank>,
    /// Blank 2: models.
    pub model: Vec<ModelBlank>,
    /// Blank 3: decisions.
    pub decision: Vec<DecisionBlank>,
    /// Blank 4: actions.
    pub action: Vec<ActionBlank>,
    /// Blank 5: KPIs.
    pub kpi: Vec<KpiBlank>,
    /// Blank 6: what other cities may see. An empty list must be said in words: `none = true`.
    pub border: BorderBlank,
    /// Entry in the public register of automatic decisions.
    pub register: RegisterBlank,
}

/// An entity type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntityBlank {
    /// Smart Data Models name where one exists.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Expanded name.
    pub iri: String,
    /// Why the city holds it.
    pub purpose: String,
    /// For how long history is kept.
    pub retention_days: u32,
    /// Fewest individuals behind any published figure; 0 = not about people.
    pub k: u32,
}

/// A forecast or simulation, served as an OGC API process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelBlank {
    /// Process id.
    pub id: String,
    /// Version.
    pub version: String,
    /// What it takes and gives, one sentence.
    pub summary: String,
    /// Paper, clause or page.
    pub source: String,
}

/// A kind of decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecisionBlank {
    /// Id.
    pub id: String,
    /// What the options are.
    pub options: String,
    /// What filters them.
    pub constraints: Vec<String>,
    /// Mode unless the operator says otherwise.
    pub default_mode: Mode,
}

/// A kind of action and its envelope.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionBlank {
    /// Id.
    pub id: String,
    /// Which channel carries it.
    pub channel: String,
    /// Most commands an actuator may get a minute.
    pub rate_per_min: f64,
    /// After how long without a newer command the actuator is back on its safe plan.
    pub expires_s: i64,
    /// What the safe plan is.
    pub safe_plan: String,
    /// Further limits by name, in the unit of the name.
    pub limits: std::collections::BTreeMap<String, f64>,
}

/// A KPI.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KpiBlank {
    /// Id, unit last.
    pub id: String,
    /// Unit.
    pub unit: String,
    /// `lower` or `higher` is better.
    pub better: Better,
    /// What it is compared with.
    pub baseline: String,
    /// Efficient operations, precise governance or humanised services.
    pub family: KpiFamily,
    /// Whether `conurb day` fails when it is worse than the baseline.
    pub declared: bool,
}

/// Which direction is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// Less is better.
    Lower,
    /// More is better.
    Higher,
}

/// The three families of KPIs every cockpit shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KpiFamily {
    /// Efficient operations.
    Efficient,
    /// Precise governance.
    Precise,
    /// Humanised services.
    Humanised,
}

/// What may cross the border.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BorderBlank {
    /// Attributes other cities may see, and how aggregated.
    #[serde(default)]
    pub share: Vec<ShareBlank>,
    /// Said aloud: nothing is shared.
    #[serde(default)]
    pub none: bool,
}

/// One attribute that may cross, by contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShareBlank {
    /// Entity type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Attribute.
    pub attribute: String,
    /// At what aggregation, e.g. `hourly mean per district`.
    pub aggregation: String,
}

/// The public register's entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisterBlank {
    /// What is decided automatically.
    pub what: Bilingual,
    /// On what legal or administrative basis.
    pub basis: Bilingual,
    /// How a person takes it back.
    pub appeal: Bilingual,
}
