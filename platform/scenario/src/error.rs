//! What can be wrong with a scenario or with the loop.

use conurb_base::{At, Coded, ConfigError};

/// An error of the scenario layer.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// The manifest cannot be read.
    #[error(transparent)]
    File(ConfigError),
    /// Blanks of the manifest are empty.
    #[error("{file}: not filled in: {}", blanks.join("; "))]
    Blank {
        /// The manifest.
        file: String,
        /// Each empty blank and what belongs there.
        blanks: Vec<String>,
    },
    /// A part of the scenario's folder is missing or does not hold.
    #[error("{folder}: {what}")]
    Part {
        /// The scenario's folder.
        folder: String,
        /// Which part, and why.
        what: String,
    },
    /// Two scenarios share an id.
    #[error("two scenarios are called {0}")]
    Twice(String),
    /// A proposal breaks the contract.
    #[error("scenario {scenario}: {what}")]
    Contract {
        /// Whose.
        scenario: String,
        /// What it broke.
        what: String,
    },
    /// The ledger refused.
    #[error("ledger: {0}")]
    Ledger(String),
    /// The rules of a scenario do not compile.
    #[error("rules: {0}")]
    Rules(String),
}

impl Coded for ScenarioError {
    fn code(&self) -> &'static str {
        match self {
            Self::File(_) => "CNB-SCENARIO-0001",
            Self::Blank { .. } => "CNB-SCENARIO-0002",
            Self::Part { .. } => "CNB-SCENARIO-0003",
            Self::Twice(_) => "CNB-SCENARIO-0004",
            Self::Contract { .. } => "CNB-SCENARIO-0005",
            Self::Ledger(_) => "CNB-SCENARIO-0006",
            Self::Rules(_) => "CNB-SCENARIO-0007",
        }
    }

    fn title(&self) -> &'static str {
        "The scenario cannot run"
    }

    fn at(&self) -> Option<At> {
        match self {
            Self::File(e) => e.at(),
            Self::Blank { file, .. } => Some(At {
                file: Some(file.clone()),
                ..At::default()
            }),
            _ => None,
        }
    }

    fn remedy(&self) -> Option<String> {
        match self {
            Self::File(e) => e.remedy.clone(),
            Self::Blank { .. } => {
                Some("fill each named blank; scenarios/signals/scenario.toml is an example".into())
            }
            _ => None,
        }
    }
}
