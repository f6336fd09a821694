//! What can be wrong with a link.

use conurb_base::Coded;

/// Why a link cannot start or send.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Options that make no sense.
    #[error("link option `{option}`: {detail}")]
    Options {
        /// The option.
        option: &'static str,
        /// What is wrong with it.
        detail: String,
    },
    /// A message could not be handed over for sending.
    #[error("command to \"{topic}\" was not sent: {detail}")]
    NotSent {
        /// Where it was to go.
        topic: String,
        /// Why not.
        detail: String,
    },
    /// A topic nobody can publish to.
    #[error("\"{topic}\" is no topic to publish to: {detail}")]
    Topic {
        /// The topic.
        topic: String,
        /// What is wrong with it.
        detail: &'static str,
    },
}

impl Coded for LinkError {
    fn code(&self) -> &'static str {
        match self {
            Self::Options { .. } => "CNB-LINK-0001",
            Self::NotSent { .. } => "CNB-LINK-0002",
            Self::Topic { .. } => "CNB-LINK-0003",
        }
    }

    fn status(&self) -> u16 {
        match self {
            Self::NotSent { .. } => 503,
            _ => 400,
        }
    }

    fn title(&self) -> &'static str {
        match self {
            Self::Options { .. } => "Link cannot be set up",
            Self::NotSent { .. } => "Command could not be sent",
            Self::Topic { .. } => "Topic cannot be used",
        }
    }

    fn remedy(&self) -> Option<String> {
        Some(match self {
            Self::Options { option, .. } => format!("correct `{option}` of the link"),
            Self::NotSent { .. } => {
                "look at the link's health; try again when it is connected".to_owned()
            }
            Self::Topic { .. } => "name one topic, without + and #".to_owned(),
        })
    }
}
