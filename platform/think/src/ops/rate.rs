//! Rate of change: raised when the change per second against the newest observation at least
//! `over_s` old is at least `per_s` in size, cleared when it is smaller again.
//!
//! Of the past it keeps eight points at least `over_s / 4` apart, so that the span compared is at
//! least `over_s` and, in a dense stream, at most a quarter longer.

use super::{Head, Observation, Subject, Wake};
use crate::finding::{Finding, FindingKind};

pub(super) const BYTES_PER_ENTITY: usize = size_of::<State>();

/// Points kept: four quarters of the span, the one before them, and room.
const POINTS: usize = 8;

#[derive(Debug, Clone, Copy)]
struct State {
    /// Oldest first.
    points: [(i64, f64); POINTS],
    raised_at: i64,
    len: u8,
    raised: bool,
}

#[derive(Debug)]
pub(super) struct Rate {
    per_s: f64,
    over_ms: i64,
    states: Vec<State>,
}

impl Rate {
    pub(super) const fn new(per_s: f64, over_ms: i64) -> Self {
        Self {
            per_s,
            over_ms,
            states: Vec::new(),
        }
    }

    pub(super) fn reset(&mut self, slot: usize) {
        let state = State {
            points: [(0, 0.0); POINTS],
            raised_at: 0,
            len: 0,
            raised: false,
        };
        super::fresh(&mut self.states, slot, state);
    }

    pub(super) fn raised_at(&self, slot: usize) -> Option<i64> {
        let s = &self.states[slot];
        s.raised.then_some(s.raised_at)
    }

    pub(super) fn observe(
        &mut self,
        head: &mut Head,
        slot: usize,
        subject: Subject<'_>,
        obs: &Observation,
        out: &mut Vec<Finding>,
    ) -> Wake {
        if obs.value.is_nan() {
            return None;
        }
        let s = &mut self.states[slot];
        let len = usize::from(s.len);
        let span = self.over_ms.max(1);
        if let Some(&(at, value)) = s.points[..len]
            .iter()
            .rev()
            .find(|(at, _)| obs.at - at >= span)
        {
            #[allow(clippy::cast_precision_loss)] // ms between two observations
            let rate = (obs.value - value) / ((obs.at - at) as f64 / 1000.0);
            let fast = rate.abs() >= self.per_s;
            if fast != s.raised {
                let kind = if fast {
                    FindingKind::Raised
                } else {
                    FindingKind::Cleared
                };
                let evidence = vec![
                    subject.evidence(at, value),
                    subject.evidence(obs.at, obs.value),
                ];
                out.push(head.finding(kind, subject.entity, obs.at, Some(rate), evidence));
                s.raised = fast;
                s.raised_at = obs.at;
            }
        }
        remember(s, obs, self.over_ms / 4);
        None
    }
}

fn remember(s: &mut State, obs: &Observation, spacing_ms: i64) {
    let len = usize::from(s.len);
    if len > 0 && obs.at - s.points[len - 1].0 < spacing_ms.max(1) {
        return;
    }
    if len == POINTS {
        s.points.rotate_left(1);
        s.points[POINTS - 1] = (obs.at, obs.value);
    } else {
        s.points[len] = (obs.at, obs.value);
        s.len += 1;
    }
}
