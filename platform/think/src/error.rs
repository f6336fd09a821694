//! What can be wrong with rules.

use conurb_base::{At, Coded, ConfigError};

/// A rule, or a file of rules, that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ThinkError {
    /// The file is no TOML, or a key or value in it is none we know.
    #[error(transparent)]
    File(Box<ConfigError>),
    /// A rule whose figures make no sense.
    #[error("rule \"{rule}\", {field}: {detail}")]
    BadRule {
        /// Its id.
        rule: String,
        /// The field at fault.
        field: &'static str,
        /// What is wrong with it.
        detail: String,
        /// Where, when it came from a file.
        at: Option<Box<At>>,
    },
    /// Two rules with one id.
    #[error("rule \"{rule}\" is there twice")]
    DuplicateRule {
        /// The id.
        rule: String,
        /// Where the second stands, when it came from a file.
        at: Option<Box<At>>,
    },
    /// More rules than the engine was told to take.
    #[error("{count} rules; the limit is {limit}")]
    TooManyRules {
        /// How many came.
        count: usize,
        /// How many may.
        limit: usize,
    },
}

impl From<ConfigError> for ThinkError {
    fn from(error: ConfigError) -> Self {
        Self::File(Box::new(error))
    }
}

impl Coded for ThinkError {
    fn code(&self) -> &'static str {
        match self {
            Self::File(_) => "CNB-THINK-0001",
            Self::BadRule { .. } => "CNB-THINK-0002",
            Self::DuplicateRule { .. } => "CNB-THINK-0003",
            Self::TooManyRules { .. } => "CNB-THINK-0004",
        }
    }

    fn status(&self) -> u16 {
        match self {
            Self::TooManyRules { .. } => 413,
            _ => 400,
        }
    }

    fn title(&self) -> &'static str {
        match self {
            Self::File(_) => "Rules cannot be read",
            Self::BadRule { .. } => "Rule makes no sense",
            Self::DuplicateRule { .. } => "Rule is there twice",
            Self::TooManyRules { .. } => "Too many rules",
        }
    }

    fn at(&self) -> Option<At> {
        match self {
            Self::File(e) => e.at(),
            Self::BadRule { at, .. } | Self::DuplicateRule { at, .. } => at.as_deref().cloned(),
            Self::TooManyRules { .. } => None,
        }
    }

    fn remedy(&self) -> Option<String> {
        match self {
            Self::File(e) => e.remedy(),
            Self::BadRule { field, .. } => Some(format!(
                "correct `{field}`; docs/rules.md says what it may be"
            )),
            Self::DuplicateRule { .. } => Some("give one of them another id".to_owned()),
            Self::TooManyRules { .. } => {
                Some("raise the limit or split the rules over nodes".to_owned())
            }
        }
    }
}
