//! What can go wrong with decisions and their ledger.

use conurb_base::Coded;
use conurb_store::StoreError;

use crate::chain::Broken;

/// An error of the ledger or of the rules of deciding.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The chain is broken.
    #[error("the decision ledger is broken at {0}")]
    Broken(Broken),
    /// A record lacks what every decision must have.
    #[error("decision {id} is not complete: {what}")]
    Incomplete {
        /// The decision.
        id: String,
        /// What is missing or wrong.
        what: String,
    },
    /// Nobody decided that.
    #[error("no decision {id} in the ledger")]
    Unknown {
        /// The id asked for.
        id: String,
    },
    /// What is asked for does not follow from what happened so far.
    #[error("decision {id}: {what}")]
    OutOfOrder {
        /// The decision.
        id: String,
        /// Which rule forbids it.
        what: String,
    },
    /// An entry is too large for a line of the ledger.
    #[error("an entry about decision {id} has {bytes} bytes; a line holds at most {limit}")]
    TooLarge {
        /// The decision.
        id: String,
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The input document of a decision is gone or cannot be kept.
    #[error("input document {hash}: {what}")]
    Inputs {
        /// Its hash.
        hash: String,
        /// What is wrong.
        what: String,
    },
}

impl Coded for DecideError {
    fn code(&self) -> &'static str {
        match self {
            Self::Store(e) => e.code(),
            Self::Broken(_) => "CNB-DECIDE-0001",
            Self::Incomplete { .. } => "CNB-DECIDE-0002",
            Self::Unknown { .. } => "CNB-DECIDE-0003",
            Self::OutOfOrder { .. } => "CNB-DECIDE-0004",
            Self::TooLarge { .. } => "CNB-DECIDE-0005",
            Self::Inputs { .. } => "CNB-DECIDE-0006",
        }
    }

    fn status(&self) -> u16 {
        match self {
            Self::Store(e) => e.status(),
            Self::Broken(_) => 500,
            Self::Incomplete { .. } => 422,
            Self::Unknown { .. } | Self::Inputs { .. } => 404,
            Self::OutOfOrder { .. } => 409,
            Self::TooLarge { .. } => 413,
        }
    }

    fn title(&self) -> &'static str {
        match self {
            Self::Store(e) => e.title(),
            Self::Broken(_) => "The decision ledger is broken",
            Self::Incomplete { .. } => "The decision is not complete",
            Self::Unknown { .. } => "No such decision",
            Self::OutOfOrder { .. } => "That cannot happen to this decision now",
            Self::TooLarge { .. } => "The ledger entry is too large",
            Self::Inputs { .. } => "The input document is missing",
        }
    }

    fn remedy(&self) -> Option<String> {
        Some(match self {
            Self::Store(e) => return e.remedy(),
            Self::Broken(_) => {
                "keep the file as evidence, restore the ledger from a backup, and verify that"
                    .into()
            }
            Self::Incomplete { .. } => {
                "give the decision options, a prediction, a choice among them and a reason".into()
            }
            Self::Unknown { .. } => "`conurb decide list` shows the ids there are".into(),
            Self::OutOfOrder { .. } => {
                "`conurb decide explain ID` shows what happened to it".into()
            }
            Self::TooLarge { .. } => {
                "keep large inputs in the input document, not in options or reasons".into()
            }
            Self::Inputs { .. } => "restore the blob folder from the ledger's own backup".into(),
        })
    }
}
