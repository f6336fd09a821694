//! Threshold with hysteresis and duration: raised at or beyond `raise` for `for_s`, cleared at or
//! beyond `clear` on the other side. Between two observations the last value holds.

use super::{Head, Observation, Subject, Wake};
use crate::finding::{Finding, FindingKind};

pub(super) const BYTES_PER_ENTITY: usize = size_of::<State>();

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Idle,
    /// Beyond `raise`, not yet for long enough.
    Pending,
    Raised,
}

#[derive(Debug, Clone, Copy)]
struct State {
    /// Begin of the pending phase, or when it was raised.
    since: i64,
    since_value: f64,
    latest: i64,
    latest_value: f64,
    phase: Phase,
    /// Whether a wake-up is on its way.
    armed: bool,
}

const FRESH: State = State {
    since: 0,
    since_value: 0.0,
    latest: 0,
    latest_value: 0.0,
    phase: Phase::Idle,
    armed: false,
};

#[derive(Debug)]
pub(super) struct Threshold {
    /// +1 for "above", -1 for "below": values and limits are multiplied by it, then all is "above".
    sign: f64,
    raise: f64,
    clear: f64,
    for_ms: i64,
    states: Vec<State>,
}

impl Threshold {
    pub(super) fn new(raise: f64, clear: f64, for_ms: i64) -> Self {
        let sign = if raise >= clear { 1.0 } else { -1.0 };
        Self {
            sign,
            raise: raise * sign,
            clear: clear * sign,
            for_ms,
            states: Vec::new(),
        }
    }

    pub(super) fn reset(&mut self, slot: usize) {
        super::fresh(&mut self.states, slot, FRESH);
    }

    pub(super) fn raised_at(&self, slot: usize) -> Option<i64> {
        let s = &self.states[slot];
        (s.phase == Phase::Raised).then_some(s.since)
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
        let for_ms = self.for_ms;
        // The value held until now: a duration that ended before this observation is decided first.
        if s.phase == Phase::Pending && s.since + for_ms < obs.at {
            raise(head, s, subject, s.since + for_ms, out);
        }
        s.latest = obs.at;
        s.latest_value = obs.value;
        let level = obs.value * self.sign;
        if level >= self.raise {
            if s.phase == Phase::Idle {
                s.phase = Phase::Pending;
                s.since = obs.at;
                s.since_value = obs.value;
            }
            if s.phase == Phase::Pending {
                if s.since + for_ms <= obs.at {
                    raise(head, s, subject, obs.at, out);
                } else if !s.armed {
                    s.armed = true;
                    return Some(s.since + for_ms);
                }
            }
        } else if s.phase == Phase::Pending {
            s.phase = Phase::Idle;
        } else if s.phase == Phase::Raised && level <= self.clear {
            s.phase = Phase::Idle;
            let evidence = vec![subject.evidence(obs.at, obs.value)];
            let at = obs.at.max(s.since);
            out.push(head.finding(
                FindingKind::Cleared,
                subject.entity,
                at,
                Some(obs.value),
                evidence,
            ));
        }
        None
    }

    pub(super) fn wake(
        &mut self,
        head: &mut Head,
        slot: usize,
        subject: Subject<'_>,
        now: i64,
        out: &mut Vec<Finding>,
    ) -> Wake {
        let s = &mut self.states[slot];
        s.armed = false;
        if s.phase != Phase::Pending {
            return None;
        }
        let due = s.since + self.for_ms;
        if due <= now {
            raise(head, s, subject, due, out);
            return None;
        }
        s.armed = true;
        Some(due)
    }
}

fn raise(head: &mut Head, s: &mut State, subject: Subject<'_>, at: i64, out: &mut Vec<Finding>) {
    let mut evidence = vec![subject.evidence(s.since, s.since_value)];
    if s.latest > s.since {
        evidence.push(subject.evidence(s.latest, s.latest_value));
    }
    s.phase = Phase::Raised;
    s.since = at;
    out.push(head.finding(
        FindingKind::Raised,
        subject.entity,
        at,
        Some(s.latest_value),
        evidence,
    ));
}
