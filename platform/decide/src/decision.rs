//! The folded view of a decision: its record, and all that happened to it since.

use conurb_base::TimeMs;
use serde::{Deserialize, Serialize};

use crate::{Counterfactual, DecisionRecord, KpiValue, LedgerEntry, Mode};

/// Where a decision stands: the furthest thing that happened to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It is shown and never acted on.
    Advised,
    /// It waits for a person.
    Pending,
    /// It may be acted on.
    Approved,
    /// It was refused, or nobody approved in time.
    Rejected,
    /// A command left for an actuator.
    Acted,
    /// Its effect was measured.
    Measured,
    /// A person took it back.
    Overturned,
}

/// Who let a decision pass, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// When.
    pub at: TimeMs,
    /// `policy:auto`, or an account.
    pub approver: String,
}

/// Who stopped a decision, when and why: a rejection or an overturning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// When.
    pub at: TimeMs,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// One thing that happened to a command of the decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acted {
    /// When.
    pub at: TimeMs,
    /// Which command.
    pub command_id: String,
    /// `sent`, `accepted`, `refused`, `expired`, `unconfirmed`.
    pub receipt: String,
    /// What the actuator said.
    pub detail: String,
}

/// The measured effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// When.
    pub at: TimeMs,
    /// What was seen.
    pub values: Vec<KpiValue>,
    /// What would have been without it.
    pub counterfactual: Option<Counterfactual>,
}

/// A decision with its whole story.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// The record as first written.
    pub record: DecisionRecord,
    /// The ledger line that holds the record.
    pub seq: u64,
    /// Who let it pass.
    pub approved: Option<Approval>,
    /// Who refused it.
    pub rejected: Option<Stop>,
    /// What happened to its commands, in order.
    pub receipts: Vec<Acted>,
    /// Its effect.
    pub measured: Option<Measured>,
    /// Who took it back.
    pub overturned: Option<Stop>,
}

impl Decision {
    /// A decision to which nothing has happened yet.
    #[must_use]
    pub const fn new(record: DecisionRecord, seq: u64) -> Self {
        Self {
            record,
            seq,
            approved: None,
            rejected: None,
            receipts: Vec::new(),
            measured: None,
            overturned: None,
        }
    }

    /// Adds what happened. The first approval, rejection and overturning count; the newest
    /// measurement does (a late observation may refine an earlier figure).
    pub fn fold(&mut self, entry: LedgerEntry) {
        match entry {
            LedgerEntry::Decided(_) => {}
            LedgerEntry::Approved {
                approved_at,
                approver,
                ..
            } => {
                self.approved.get_or_insert(Approval {
                    at: approved_at,
                    approver,
                });
            }
            LedgerEntry::Rejected {
                rejected_at,
                approver,
                reason,
                ..
            } => {
                self.rejected.get_or_insert(Stop {
                    at: rejected_at,
                    by: approver,
                    reason,
                });
            }
            LedgerEntry::Acted {
                acted_at,
                command_id,
                receipt,
                detail,
                ..
            } => self.receipts.push(Acted {
                at: acted_at,
                command_id,
                receipt,
                detail,
            }),
            LedgerEntry::Measured {
                measured_at,
                measured,
                counterfactual,
                ..
            } => {
                self.measured = Some(Measured {
                    at: measured_at,
                    values: measured,
                    counterfactual,
                });
            }
            LedgerEntry::Overturned {
                overturned_at,
                by,
                reason,
                ..
            } => {
                self.overturned.get_or_insert(Stop {
                    at: overturned_at,
                    by,
                    reason,
                });
            }
        }
    }

    /// Where it stands.
    #[must_use]
    pub const fn status(&self) -> Status {
        if self.overturned.is_some() {
            Status::Overturned
        } else if self.measured.is_some() {
            Status::Measured
        } else if !self.receipts.is_empty() {
            Status::Acted
        } else if self.rejected.is_some() {
            Status::Rejected
        } else if self.approved.is_some() {
            Status::Approved
        } else if matches!(self.record.mode, Mode::Advise) {
            Status::Advised
        } else {
            Status::Pending
        }
    }

    /// Its commands, each once, in the order they first appear.
    #[must_use]
    pub fn command_ids(&self) -> Vec<&str> {
        let mut ids: Vec<&str> = Vec::new();
        for acted in &self.receipts {
            if !ids.contains(&acted.command_id.as_str()) {
                ids.push(&acted.command_id);
            }
        }
        ids
    }

    /// When its first command left.
    #[must_use]
    pub fn acted_at(&self) -> Option<TimeMs> {
        self.receipts.first().map(|r| r.at)
    }
}

/// The id of the decision `city`'s `scenario` makes about `subject` at `at`.
#[must_use]
pub fn decision_id(city: &str, scenario: &str, subject: &str, at: TimeMs) -> String {
    format!("urn:conurb:decision:{city}:{scenario}:{subject}:{at}")
}

/// The id of command number `n` of a decision.
#[must_use]
pub fn command_id(decision_id: &str, n: u32) -> String {
    let rest = decision_id
        .strip_prefix("urn:conurb:decision:")
        .unwrap_or(decision_id);
    format!("urn:conurb:command:{rest}:{n}")
}
