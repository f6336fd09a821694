//! `scenario.toml`: the six blanks a scenario must fill before it may run.

use conurb_decide::{Bilingual, Mode};
use serde::{Deserialize, Serialize};

use crate::error::ScenarioError;

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

impl Manifest {
    /// Reads and checks a manifest: all six blanks filled, ids unique, numbers in range.
    pub fn from_toml(text: &str, file: &str) -> Result<Self, ScenarioError> {
        let manifest: Self = conurb_base::from_toml(text, file).map_err(ScenarioError::File)?;
        let gaps = manifest.gaps();
        if gaps.is_empty() {
            Ok(manifest)
        } else {
            Err(ScenarioError::Blank {
                file: file.to_owned(),
                blanks: gaps,
            })
        }
    }

    /// What is not filled in, each with the place and what belongs there; empty = complete.
    #[must_use]
    pub fn gaps(&self) -> Vec<String> {
        let mut gaps = Vec::new();
        let mut need = |filled: bool, what: &str| {
            if !filled {
                gaps.push(what.to_owned());
            }
        };
        need(
            is_id(&self.id),
            "id: lower-case letters, digits and underscores",
        );
        need(both(&self.title), "title: a name in zh and in en");
        need(!self.entity.is_empty(), "entity: at least one entity type");
        need(
            self.entity.iter().all(|e| !e.purpose.trim().is_empty()),
            "entity.purpose: why the city holds it",
        );
        need(
            self.entity.iter().all(|e| e.iri.contains(':')),
            "entity.iri: the expanded name",
        );
        need(
            self.entity.iter().all(|e| e.retention_days > 0),
            "entity.retention_days: more than 0",
        );
        need(!self.model.is_empty(), "model: at least one model");
        need(
            self.model.iter().all(|m| !m.source.trim().is_empty()),
            "model.source: paper, clause or page",
        );
        need(
            !self.decision.is_empty(),
            "decision: at least one kind of decision",
        );
        need(
            self.decision.iter().all(|d| !d.options.trim().is_empty()),
            "decision.options: what can be chosen",
        );
        need(
            !self.action.is_empty(),
            "action: at least one action with its envelope",
        );
        need(
            self.action
                .iter()
                .all(|a| a.expires_s > 0 && a.rate_per_min > 0.0),
            "action: expires_s and rate_per_min more than 0",
        );
        need(
            self.action.iter().all(|a| !a.safe_plan.trim().is_empty()),
            "action.safe_plan: what the actuator falls back to",
        );
        need(!self.kpi.is_empty(), "kpi: at least one KPI with baseline");
        need(
            self.kpi.iter().all(|k| !k.baseline.trim().is_empty()),
            "kpi.baseline: what it is compared with",
        );
        need(
            self.border.none == self.border.share.is_empty(),
            "border: what other cities may see, or none = true",
        );
        need(
            both(&self.register.what) && both(&self.register.basis) && both(&self.register.appeal),
            "register: what, basis and appeal in zh and in en",
        );
        gaps
    }
}

fn both(text: &Bilingual) -> bool {
    !text.zh.trim().is_empty() && !text.en.trim().is_empty()
}

fn is_id(id: &str) -> bool {
    !id.is_empty()
        && id
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"
id = "town"
version = "1"
title = { zh = "镇", en = "Town" }
entity = [{ type = "T", iri = "urn:x:T", purpose = "p", retention_days = 1, k = 0 }]
model = [{ id = "m", version = "1", summary = "s", source = "Webster 1958" }]
decision = [{ id = "d", options = "o", constraints = [], default_mode = "advise" }]
action = [{ id = "a", channel = "c", rate_per_min = 1.0, expires_s = 1, safe_plan = "s", limits = {} }]
kpi = [{ id = "k_s", unit = "s", better = "lower", baseline = "b", family = "efficient", declared = true }]
border = { none = true }
register = { what = { zh = "一", en = "a" }, basis = { zh = "二", en = "b" }, appeal = { zh = "三", en = "c" } }
"#;

    #[test]
    fn a_whole_manifest_has_no_gaps() {
        assert_eq!(
            Manifest::from_toml(WHOLE, "s.toml").unwrap().gaps(),
            Vec::<String>::new()
        );
    }

    #[test]
    fn each_empty_blank_is_named() {
        for (from, to, blank) in [
            (
                "entity = [{ type = \"T\", iri = \"urn:x:T\", purpose = \"p\", retention_days = 1, k = 0 }]",
                "entity = []",
                "entity:",
            ),
            (
                "source = \"Webster 1958\"",
                "source = \" \"",
                "model.source",
            ),
            ("options = \"o\"", "options = \"\"", "decision.options"),
            ("safe_plan = \"s\"", "safe_plan = \"\"", "action.safe_plan"),
            ("baseline = \"b\"", "baseline = \"\"", "kpi.baseline"),
            ("border = { none = true }", "border = {}", "border"),
            (
                "appeal = { zh = \"三\", en = \"c\" }",
                "appeal = { zh = \"\", en = \"c\" }",
                "register",
            ),
        ] {
            let text = WHOLE.replace(from, to);
            assert_ne!(text, WHOLE, "{from}");
            let err = Manifest::from_toml(&text, "s.toml")
                .unwrap_err()
                .to_string();
            assert!(err.contains(blank), "{blank}: {err}");
        }
    }

    #[test]
    fn an_unknown_key_is_located() {
        let err = Manifest::from_toml(&format!("{WHOLE}\n[extra]\n"), "s.toml").unwrap_err();
        assert!(err.to_string().starts_with("s.toml:13"), "{err}");
    }
}
