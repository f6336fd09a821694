//! Absence: raised when the gap after an observation is longer than `silent_s`, cleared by the
//! next one. An entity is followed from its first observation on.

use super::{Head, Observation, Subject, Wake};
use crate::finding::{Finding, FindingKind};

pub(super) const BYTES_PER_ENTITY: usize = size_of::<State>();

#[derive(Debug, Clone, Copy)]
struct State {
    /// When it was raised; `i64::MIN` while it is not.
    raised: i64,
    armed: bool,
}

const QUIET: i64 = i64::MIN;

#[derive(Debug)]
pub(super) struct Absence {
    silent_ms: i64,
    states: Vec<State>,
}

impl Absence {
    pub(super) const fn new(silent_ms: i64) -> Self {
        Self {
            silent_ms,
            states: Vec::new(),
        }
    }

    pub(super) fn reset(&mut self, slot: usize) {
        super::fresh(
            &mut self.states,
            slot,
            State {
                raised: QUIET,
                armed: false,
            },
        );
    }

    pub(super) fn raised_at(&self, slot: usize) -> Option<i64> {
        let raised = self.states[slot].raised;
        (raised != QUIET).then_some(raised)
    }

    pub(super) fn observe(
        &mut self,
        head: &mut Head,
        slot: usize,
        subject: Subject<'_>,
        obs: &Observation,
        out: &mut Vec<Finding>,
    ) -> Wake {
        let s = &mut self.states[slot];
        let last = (obs.previous_at, obs.previous_value);
        let first = obs.previous_at == i64::MIN;
        if !first && s.raised == QUIET && obs.at - last.0 > self.silent_ms {
            raise(head, s, subject, last, self.silent_ms, out);
        }
        if s.raised != QUIET {
            let at = obs.at.max(s.raised);
            s.raised = QUIET;
            let gap_s = seconds(obs.at - last.0);
            let evidence = vec![
                subject.evidence(last.0, last.1),
                subject.evidence(obs.at, obs.value),
            ];
            out.push(head.finding(
                FindingKind::Cleared,
                subject.entity,
                at,
                Some(gap_s),
                evidence,
            ));
        }
        if s.armed {
            return None;
        }
        s.armed = true;
        Some(obs.at + self.silent_ms)
    }

    pub(super) fn wake(
        &mut self,
        head: &mut Head,
        slot: usize,
        subject: Subject<'_>,
        last: (i64, f64),
        now: i64,
        out: &mut Vec<Finding>,
    ) -> Wake {
        let s = &mut self.states[slot];
        let due = last.0 + self.silent_ms;
        s.armed = s.raised == QUIET && due > now;
        if s.armed {
            return Some(due);
        }
        if s.raised == QUIET {
            raise(head, s, subject, last, self.silent_ms, out);
        }
        None
    }
}

/// Raised at the end of the allowed gap; the value is the length of that gap in seconds.
fn raise(
    head: &mut Head,
    s: &mut State,
    subject: Subject<'_>,
    last: (i64, f64),
    silent_ms: i64,
    out: &mut Vec<Finding>,
) {
    s.raised = last.0 + silent_ms;
    let evidence = vec![subject.evidence(last.0, last.1)];
    let gap_s = seconds(silent_ms);
    out.push(head.finding(
        FindingKind::Raised,
        subject.entity,
        s.raised,
        Some(gap_s),
        evidence,
    ));
}

#[allow(clippy::cast_precision_loss)] // a gap in ms is far below 2^53
fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}
