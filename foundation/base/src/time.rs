//! Time enters through a port: [`SystemClock`] at wall time, [`ManualClock`] in simulation and tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z, without leap seconds.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct TimeMs(pub i64);

/// A text that is no ISO 8601 instant in UTC.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no ISO 8601 date and time with zone, e.g. 2026-03-02T08:15:00Z")]
pub struct TimeError(pub String);

impl TimeMs {
    /// This instant plus `seconds`.
    #[must_use]
    pub const fn plus_s(self, seconds: i64) -> Self {
        Self(self.0 + seconds * 1000)
    }

    /// Milliseconds from `earlier` to this instant; negative if `earlier` is later.
    #[must_use]
    pub const fn since_ms(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }

    /// ISO 8601 in UTC with `Z`, fractions only when there are any.
    #[must_use]
    pub fn to_iso(self) -> String {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(t) => t.to_string(),
            Err(_) => format!("@{}ms", self.0),
        }
    }

    /// Reads ISO 8601 with an offset or `Z`; a comma as the decimal sign is accepted.
    pub fn from_iso(text: &str) -> Result<Self, TimeError> {
        let parsed = if text.contains(',') {
            text.replace(',', ".").parse::<jiff::Timestamp>()
        } else {
            text.parse::<jiff::Timestamp>()
        };
        parsed
            .map(|t| Self(t.as_millisecond()))
            .map_err(|_| TimeError(text.chars().take(64).collect()))
    }
}

impl std::fmt::Display for TimeMs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.to_iso())
    }
}

/// The port through which time enters.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// The time of day, for records. May step.
    fn now(&self) -> TimeMs;

    /// Nanoseconds since an arbitrary start; never steps back. For durations only.
    fn monotonic_ns(&self) -> u64;
}

/// A clock shared between the parts of a node.
pub type SharedClock = Arc<dyn Clock>;

/// The machine's own clock.
#[derive(Debug)]
pub struct SystemClock {
    start: std::time::Instant,
}

impl SystemClock {
    /// A clock whose monotonic zero is now.
    #[must_use]
    #[allow(clippy::disallowed_methods)] // the one place that reads the machine's clock
    pub fn new() -> Self {
        Self {
            start: std::time::Instant::now(),
        }
    }

    /// The same, ready to share.
    #[must_use]
    pub fn shared() -> SharedClock {
        Arc::new(Self::new())
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> TimeMs {
        TimeMs(jiff::Timestamp::now().as_millisecond())
    }

    fn monotonic_ns(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// A clock that stands still until it is told to move: simulated time and tests.
#[derive(Debug)]
pub struct ManualClock {
    now_ms: AtomicI64,
}

impl ManualClock {
    /// A clock that shows `start`.
    #[must_use]
    pub const fn new(start: TimeMs) -> Self {
        Self {
            now_ms: AtomicI64::new(start.0),
        }
    }

    /// Moves to `time`.
    pub fn set(&self, time: TimeMs) {
        self.now_ms.store(time.0, Ordering::SeqCst);
    }

    /// Moves on by `ms`.
    pub fn advance_ms(&self, ms: i64) {
        self.now_ms.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> TimeMs {
        TimeMs(self.now_ms.load(Ordering::SeqCst))
    }

    fn monotonic_ns(&self) -> u64 {
        u64::try_from(self.now().0)
            .unwrap_or(0)
            .saturating_mul(1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn iso_reads_offsets_and_commas() {
        assert_eq!(TimeMs::from_iso("1970-01-01T00:00:01Z"), Ok(TimeMs(1000)));
        assert_eq!(
            TimeMs::from_iso("1970-01-01T08:00:00,5+08:00"),
            Ok(TimeMs(500))
        );
        assert!(TimeMs::from_iso("yesterday").is_err());
        assert!(TimeMs::from_iso("1970-01-01T00:00:01").is_err());
    }

    proptest! {
        #[test]
        fn iso_round_trips(ms in -60_000_000_000_000i64..200_000_000_000_000) {
            prop_assert_eq!(TimeMs::from_iso(&TimeMs(ms).to_iso()), Ok(TimeMs(ms)));
        }
    }
}
