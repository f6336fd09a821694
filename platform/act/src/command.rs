//! What is sent to an actuator, and what comes back.

use conurb_base::TimeMs;
use serde::{Deserialize, Serialize};

/// A bounded order to one actuator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// URN, deterministic: the decision's id with `command` for `decision` and a number.
    pub id: String,
    /// The decision it carries out.
    pub decision_id: String,
    /// The entity that shall act, e.g. a traffic signal.
    pub actuator: String,
    /// What it shall do, in the scenario's words, e.g. `{"phase": 3, "yellow_s": 5}`.
    pub action: serde_json::Value,
    /// When it was issued.
    pub issued_at: TimeMs,
    /// When the actuator must have gone back to its safe plan unless a newer command came.
    pub expires_at: TimeMs,
}

/// Why a command was sent. It is told by the prefix of the command's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// A decision is carried out: `urn:conurb:command:`.
    Decision,
    /// Nothing valid came in time, back to the safe plan: `urn:conurb:watchdog:`.
    Watchdog,
    /// The decision was taken back, back to the safe plan: `urn:conurb:undo:`.
    Undo,
}

impl Cause {
    /// The prefix of ids of such commands.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Decision => "urn:conurb:command:",
            Self::Watchdog => "urn:conurb:watchdog:",
            Self::Undo => "urn:conurb:undo:",
        }
    }
}

impl Command {
    /// Why it was sent.
    #[must_use]
    pub fn cause(&self) -> Cause {
        if self.id.starts_with(Cause::Watchdog.prefix()) {
            Cause::Watchdog
        } else if self.id.starts_with(Cause::Undo.prefix()) {
            Cause::Undo
        } else {
            Cause::Decision
        }
    }

    /// Whether it orders the actuator back to its safe plan.
    #[must_use]
    pub fn is_safe_plan(&self) -> bool {
        self.cause() != Cause::Decision
    }
}

/// What an actuator answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "receipt", rename_all = "lowercase")]
pub enum Receipt {
    /// It will do it.
    Accepted,
    /// It will not, and says why.
    Refused {
        /// The actuator's reason.
        reason: String,
    },
    /// It was sent, and an answer may come later through [`Channel::poll`].
    Pending,
}

/// A way to actuators. The real ones and the simulated one pass the same tests.
pub trait Channel: Send {
    /// Sends one command. An error is a failure of the way, not a refusal.
    fn send(&mut self, command: &Command, now: TimeMs) -> Result<Receipt, String>;

    /// Answers that came since the last call, as (command id, receipt).
    fn poll(&mut self, _now: TimeMs) -> Vec<(String, Receipt)> {
        Vec::new()
    }
}
