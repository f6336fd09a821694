//! Link health: whether a source speaks, how often, how late, and how much of it was refused.

use conurb_base::TimeMs;
use serde::Serialize;

/// What is known of one source.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct LinkHealth {
    /// Id of the source.
    pub source: String,
    /// Payloads that came.
    pub payloads: u64,
    /// Attribute values taken from them.
    pub observations: u64,
    /// Payloads, records or fields refused.
    pub refused: u64,
    /// Values flagged other than good.
    pub flagged: u64,
    /// Values seen before, at the same moment.
    pub duplicates: u64,
    /// Values older than the newest of the same attribute.
    pub out_of_order: u64,
    /// When the last payload came.
    pub last_seen: Option<TimeMs>,
    /// The newest `observedAt`.
    pub last_observed: Option<TimeMs>,
    /// Mean time between payloads in seconds, the newest weighing one eighth.
    pub interval_s: Option<f64>,
    /// The interval the mapping declares, in seconds.
    pub expected_interval_s: Option<f64>,
    /// From observation to arrival, the last one, in seconds.
    pub lag_s: Option<f64>,
    /// The longest such lag, in seconds.
    pub lag_max_s: f64,
    /// The last refusal.
    pub last_error: Option<String>,
}

#[allow(clippy::cast_precision_loss)] // ms far below 2^53
fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

impl LinkHealth {
    pub(crate) fn payload(&mut self, received_at: TimeMs) {
        self.payloads += 1;
        if let Some(last) = self.last_seen {
            let gap_s = seconds(received_at.since_ms(last)).max(0.0);
            self.interval_s = Some(
                self.interval_s
                    .map_or(gap_s, |mean| mean + (gap_s - mean) / 8.0),
            );
        }
        self.last_seen = Some(self.last_seen.map_or(received_at, |l| l.max(received_at)));
    }

    pub(crate) fn observed(&mut self, observed_at: TimeMs, received_at: TimeMs) {
        self.observations += 1;
        let lag_s = seconds(received_at.since_ms(observed_at)).max(0.0);
        self.lag_s = Some(lag_s);
        self.lag_max_s = self.lag_max_s.max(lag_s);
        self.last_observed = Some(
            self.last_observed
                .map_or(observed_at, |l| l.max(observed_at)),
        );
    }

    pub(crate) fn refuse(&mut self, error: &crate::PerceiveError) {
        self.refused += 1;
        self.last_error = Some(error.to_string());
    }

    /// Whether the source has been silent for more than two of its intervals (declared, else
    /// learned); none while neither is known.
    #[must_use]
    pub fn is_silent(&self, now: TimeMs) -> Option<bool> {
        let interval_s = self.expected_interval_s.or(self.interval_s)?;
        let last = self.last_seen?;
        Some(seconds(now.since_ms(last)) > 2.0 * interval_s)
    }
}
