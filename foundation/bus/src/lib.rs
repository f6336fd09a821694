//! Streams of events: the port, and the in-process default.
//!
//! **Invariant** Publishing never waits for a subscriber. A subscriber sees every event of its
//! subjects in order, or is told which sequences it missed; nothing is dropped in silence.

mod in_process;
#[cfg(feature = "suite")]
pub mod suite;

use std::sync::Arc;
use std::time::Duration;

use conurb_base::Coded;

pub use in_process::InProcess;

/// One event of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its place in the stream, from 1, +1 an event.
    pub seq: u64,
    /// What it is about, e.g. `change.TrafficSignal`.
    pub subject: Arc<str>,
    /// What happened, as the publisher encoded it.
    pub payload: Arc<[u8]>,
}

/// What a subscriber gets next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// The next event of its subjects.
    Event(Event),
    /// Events `first..=last` are no longer kept. They are of all subjects: which of them this
    /// subscriber wanted is gone with them.
    Missed {
        /// The first sequence that was missed.
        first: u64,
        /// The last sequence that was missed.
        last: u64,
    },
}

impl Delivery {
    /// How many events were missed; 0 for an event.
    #[must_use]
    pub const fn missed(&self) -> u64 {
        match self {
            Self::Event(_) => 0,
            Self::Missed { first, last } => *last - *first + 1,
        }
    }
}

/// Where a subscription starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With the next event that is published.
    New,
    /// With the oldest event that is kept.
    Oldest,
    /// With this sequence: the last one that was handled, plus one. What is no longer kept is
    /// reported as missed.
    At(u64),
}

/// How much of the stream is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// At most so many events.
    pub items: usize,
    /// At most so many bytes of subjects and payloads.
    pub bytes: usize,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            items: 100_000,
            bytes: 64 << 20,
        }
    }
}

/// Called when there may be something new; must be quick and must not use the bus.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

/// A stream of events.
pub trait Bus: Send + Sync {
    /// Appends an event; returns its sequence. Never waits for subscribers.
    fn publish(&self, subject: &str, payload: &[u8]) -> Result<u64, BusError>;

    /// Follows the events whose subject begins with `prefix` (empty = all).
    fn subscribe(&self, prefix: &str, start: Start) -> Result<Box<dyn Subscription>, BusError>;

    /// The sequence of the newest event, 0 before the first.
    fn last_seq(&self) -> u64;
}

/// A subscriber's own place in the stream.
pub trait Subscription: Send {
    /// What comes next, waiting at most `timeout` for it; `None` when nothing came.
    fn next(&mut self, timeout: Duration) -> Option<Delivery>;

    /// What is there already.
    fn try_next(&mut self) -> Option<Delivery> {
        self.next(Duration::ZERO)
    }

    /// The first sequence this subscriber has not passed: resume with `Start::At` of it.
    fn cursor(&self) -> u64;

    /// Has `waker` called after each event of these subjects. Set it first, then take with
    /// [`Subscription::try_next`] until there is nothing, then wait: so no event is overlooked.
    fn set_waker(&mut self, waker: Option<Waker>);
}

/// An error of a bus.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BusError {
    /// The event is larger than all that may be kept.
    #[error("an event of {bytes} bytes about {subject} exceeds the {limit} bytes the bus keeps")]
    TooLarge {
        /// Its subject.
        subject: String,
        /// Its size in bytes.
        bytes: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The subject is empty, too long, or not plain text.
    #[error("\"{subject}\" is no subject")]
    BadSubject {
        /// The subject, cut to 64 characters.
        subject: String,
    },
    /// A subscriber wants to resume behind the end: its cursor is from another stream.
    #[error("cannot resume at {asked}: the stream ends at {last}")]
    Ahead {
        /// Where it wanted to resume.
        asked: u64,
        /// The newest sequence.
        last: u64,
    },
}

impl Coded for BusError {
    fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "CNB-BUS-0001",
            Self::BadSubject { .. } => "CNB-BUS-0002",
            Self::Ahead { .. } => "CNB-BUS-0003",
        }
    }

    fn status(&self) -> u16 {
        match self {
            Self::TooLarge { .. } => 413,
            Self::BadSubject { .. } => 400,
            Self::Ahead { .. } => 409,
        }
    }

    fn title(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "The event is too large",
            Self::BadSubject { .. } => "This is no subject",
            Self::Ahead { .. } => "The cursor is from another stream",
        }
    }

    fn remedy(&self) -> Option<String> {
        Some(match self {
            Self::TooLarge { .. } => {
                "publish a reference to the data, or let the bus keep more bytes".into()
            }
            Self::BadSubject { .. } => {
                "use 1 to 256 bytes without spaces or control characters".into()
            }
            Self::Ahead { .. } => {
                "read the current state, then follow from the newest event".into()
            }
        })
    }
}
