//! Why a command was not sent.

use conurb_base::Coded;

/// A command the desk did not let pass, or a desk that cannot be set up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActError {
    /// Nobody decided and approved what the command carries out.
    #[error("command {command}: decision {decision} {what}")]
    NoDecision {
        /// The command.
        command: String,
        /// The decision it names.
        decision: String,
        /// What is missing.
        what: &'static str,
    },
    /// The id was used before for another order.
    #[error("command {command} was issued before with another content")]
    Conflict {
        /// The command.
        command: String,
    },
    /// The command cannot be read as an order.
    #[error("command {command}: {what}")]
    Malformed {
        /// The command.
        command: String,
        /// What is wrong.
        what: String,
    },
    /// Outside the envelope.
    #[error("command {command} is outside the envelope: {what}")]
    Envelope {
        /// The command.
        command: String,
        /// Which limit.
        what: String,
    },
    /// The scenario's guard forbids it.
    #[error("command {command} is refused by the guard: {what}")]
    Guard {
        /// The command.
        command: String,
        /// The guard's reason.
        what: String,
    },
    /// The envelope or the desk's limits make no sense.
    #[error("envelope: {what}")]
    Setup {
        /// What is wrong.
        what: String,
    },
}

impl Coded for ActError {
    fn code(&self) -> &'static str {
        match self {
            Self::NoDecision { .. } => "CNB-ACT-0001",
            Self::Conflict { .. } => "CNB-ACT-0002",
            Self::Malformed { .. } => "CNB-ACT-0003",
            Self::Envelope { .. } => "CNB-ACT-0004",
            Self::Guard { .. } => "CNB-ACT-0005",
            Self::Setup { .. } => "CNB-ACT-0006",
        }
    }

    fn status(&self) -> u16 {
        match self {
            Self::NoDecision { .. } => 403,
            Self::Conflict { .. } => 409,
            Self::Malformed { .. } => 400,
            Self::Envelope { .. } | Self::Guard { .. } => 422,
            Self::Setup { .. } => 500,
        }
    }

    fn title(&self) -> &'static str {
        match self {
            Self::NoDecision { .. } => "No action without a decision",
            Self::Conflict { .. } => "The command id is taken",
            Self::Malformed { .. } => "The command cannot be read",
            Self::Envelope { .. } => "The command is outside its envelope",
            Self::Guard { .. } => "The guard refuses the command",
            Self::Setup { .. } => "The envelope makes no sense",
        }
    }

    fn remedy(&self) -> Option<String> {
        Some(
            match self {
                Self::NoDecision { .. } => "have the decision approved first",
                Self::Conflict { .. } => "number a decision's commands from 1, each once",
                Self::Malformed { .. } => "see `Command` for what each field must hold",
                Self::Envelope { .. } => "order less, more rarely or for a shorter time",
                Self::Guard { .. } => "choose an action the actuator's own rules allow",
                Self::Setup { .. } => "correct the action blank of the scenario's manifest",
            }
            .to_owned(),
        )
    }
}
