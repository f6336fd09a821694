//! What can be wrong with mappings, payloads and the queue behind them.

use conurb_base::{At, Coded, ConfigError};

/// Why something could not be taken in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PerceiveError {
    /// The mapping file is no TOML, or a key in it is none we know.
    #[error(transparent)]
    File(Box<ConfigError>),
    /// The mapping makes no sense: an unknown unit, a placeholder without a key.
    #[error("{}: {}", .0.at, .0.message)]
    Mapping(Box<ConfigError>),
    /// No source of the mapping takes this topic.
    #[error("no source of the mapping takes the topic \"{topic}\"")]
    NoSource {
        /// The topic or path.
        topic: String,
    },
    /// The payload as a whole cannot be read.
    #[error("source {source_id}: {detail}")]
    Payload {
        /// The source it came to.
        source_id: String,
        /// What is wrong.
        detail: String,
    },
    /// The payload is beyond a limit.
    #[error("source {source_id}: {count} {unit}; the limit is {limit}")]
    TooLarge {
        /// The source it came to.
        source_id: String,
        /// How much came.
        count: usize,
        /// How much may.
        limit: usize,
        /// Of what.
        unit: &'static str,
    },
    /// One record of the payload cannot be used.
    #[error("source {source_id}, record {record}, {from}: {detail}")]
    Record {
        /// The source it came to.
        source_id: String,
        /// Number of the record in the payload, from 0.
        record: usize,
        /// The field at fault, as the mapping names it.
        from: String,
        /// What is wrong.
        detail: String,
    },
    /// The intake queue is full: try again later.
    #[error("the intake queue is full ({items} items, {bytes} bytes)")]
    QueueFull {
        /// Items in it.
        items: usize,
        /// Bytes in it.
        bytes: usize,
    },
    /// One submission is larger than the whole queue may be.
    #[error("a submission of {bytes} bytes is larger than the intake queue ({limit} bytes)")]
    TooLargeForQueue {
        /// Its size.
        bytes: usize,
        /// The queue's size.
        limit: usize,
    },
    /// Intake has stopped, or dropped the submission: it is not durable.
    #[error("intake has stopped; what was submitted is not durable")]
    Stopped,
}

impl Coded for PerceiveError {
    fn code(&self) -> &'static str {
        match self {
            Self::File(_) => "CNB-PERCEIVE-0001",
            Self::Mapping(_) => "CNB-PERCEIVE-0002",
            Self::NoSource { .. } => "CNB-PERCEIVE-0003",
            Self::Payload { .. } => "CNB-PERCEIVE-0004",
            Self::TooLarge { .. } | Self::TooLargeForQueue { .. } => "CNB-PERCEIVE-0005",
            Self::Record { .. } => "CNB-PERCEIVE-0006",
            Self::QueueFull { .. } => "CNB-PERCEIVE-0007",
            Self::Stopped => "CNB-PERCEIVE-0008",
        }
    }

    fn status(&self) -> u16 {
        match self {
            Self::NoSource { .. } => 404,
            Self::TooLarge { .. } | Self::TooLargeForQueue { .. } => 413,
            Self::QueueFull { .. } => 429,
            Self::Stopped => 503,
            _ => 400,
        }
    }

    fn title(&self) -> &'static str {
        match self {
            Self::File(_) => "Mapping cannot be read",
            Self::Mapping(_) => "Mapping makes no sense",
            Self::NoSource { .. } => "No source for this topic",
            Self::Payload { .. } => "Payload cannot be read",
            Self::TooLarge { .. } | Self::TooLargeForQueue { .. } => "Payload too large",
            Self::Record { .. } => "Record cannot be used",
            Self::QueueFull { .. } => "Intake is full",
            Self::Stopped => "Intake has stopped",
        }
    }

    fn at(&self) -> Option<At> {
        match self {
            Self::File(e) | Self::Mapping(e) => Some(e.at.clone()),
            Self::Record { record, from, .. } => Some(At {
                path: Some(format!("[{record}]{from}")),
                ..At::default()
            }),
            _ => None,
        }
    }

    fn remedy(&self) -> Option<String> {
        match self {
            Self::File(e) | Self::Mapping(e) => e.remedy.clone(),
            Self::NoSource { .. } => {
                Some("add a [[source]] with a topic filter that matches it".to_owned())
            }
            Self::QueueFull { .. } => Some("send again after a moment".to_owned()),
            Self::TooLarge { .. } | Self::TooLargeForQueue { .. } => {
                Some("send it in smaller pieces".to_owned())
            }
            _ => None,
        }
    }
}
