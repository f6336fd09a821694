//! Tumbling and sliding windows in event time, aligned to 1970-01-01T00:00:00Z.
//!
//! A window `[start, start + length)` closes when event time less the lag has reached its end.
//! Observations fall into panes of `gcd(length, step)`; a window is the merge of its panes. Sums
//! are kept exactly (fixed point, 2^-60), so the order of arrival within the lag cannot change a
//! figure. What comes after all its windows have closed is counted, never merged.

use std::sync::Arc;

use conurb_context::Name;

use super::{Head, Observation, Subject, Wake};
use crate::finding::{Finding, FindingKind};
use crate::rule::Aggregate;

/// One unit of the exact sum.
const UNITS: f64 = (1u64 << 60) as f64;

/// No pane.
const NONE: i64 = i64::MIN;

#[derive(Debug, Clone, Copy)]
struct Pane {
    sum: i128,
    /// Pane number since the epoch, `NONE` when unused.
    number: i64,
    min: f64,
    max: f64,
    first: (i64, f64),
    last: (i64, f64),
    count: u64,
}

const EMPTY: Pane = Pane {
    sum: 0,
    number: NONE,
    min: f64::INFINITY,
    max: f64::NEG_INFINITY,
    first: (i64::MAX, f64::INFINITY),
    last: (i64::MIN, f64::NEG_INFINITY),
    count: 0,
};

impl Pane {
    /// Adds an observation; false when it is too large for the sum.
    fn add(&mut self, at: i64, value: f64) -> bool {
        let Some(sum) = exact(value).and_then(|v| self.sum.checked_add(v)) else {
            return false;
        };
        self.sum = sum;
        self.count += 1;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.first = earlier(self.first, (at, value));
        self.last = later(self.last, (at, value));
        true
    }

    fn merge(&mut self, other: &Self) {
        self.sum = self.sum.saturating_add(other.sum);
        self.count += other.count;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.first = earlier(self.first, other.first);
        self.last = later(self.last, other.last);
    }

    #[allow(clippy::cast_precision_loss)] // the one rounding of an exact figure
    fn fold(&self, aggregate: Aggregate) -> f64 {
        match aggregate {
            Aggregate::Mean => self.sum as f64 / UNITS / self.count as f64,
            Aggregate::Sum => self.sum as f64 / UNITS,
            Aggregate::Min => self.min,
            Aggregate::Max => self.max,
            Aggregate::Count => self.count as f64,
        }
    }
}

/// Order of (time, value), so that ties do not depend on who came first.
fn before(a: (i64, f64), b: (i64, f64)) -> bool {
    a.0 < b.0 || (a.0 == b.0 && a.1 < b.1)
}

fn earlier(a: (i64, f64), b: (i64, f64)) -> (i64, f64) {
    if before(b, a) { b } else { a }
}

fn later(a: (i64, f64), b: (i64, f64)) -> (i64, f64) {
    if before(a, b) { b } else { a }
}

#[allow(clippy::cast_possible_truncation)] // within the bounds tested
fn exact(value: f64) -> Option<i128> {
    let scaled = value * UNITS;
    (scaled.abs() < 1e38).then_some(scaled as i128)
}

/// Panes one entity needs at once, for the limits.
pub(crate) fn panes(length_ms: i64, step_ms: i64, lag_ms: i64) -> i64 {
    let pane = gcd(length_ms, step_ms).max(1);
    (length_ms + lag_ms) / pane + 2
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[derive(Debug)]
pub(super) struct Window {
    aggregate: Aggregate,
    length_ms: i64,
    step_ms: i64,
    lag_ms: i64,
    pane_ms: i64,
    /// Panes a slot.
    stride: usize,
    panes: Vec<Pane>,
    /// Number of the oldest window that may still take observations.
    open_from: i64,
    /// Newest pane that holds an observation.
    newest_pane: i64,
    armed: bool,
}

impl Window {
    pub(super) fn new(aggregate: Aggregate, length_ms: i64, step_ms: i64, lag_ms: i64) -> Self {
        let stride = panes(length_ms, step_ms, lag_ms);
        Self {
            aggregate,
            length_ms,
            step_ms,
            lag_ms,
            pane_ms: gcd(length_ms, step_ms),
            stride: usize::try_from(stride).expect("checked: few panes"),
            panes: Vec::new(),
            open_from: NONE,
            newest_pane: NONE,
            armed: false,
        }
    }

    pub(super) const fn bytes_per_entity(&self) -> usize {
        self.stride * size_of::<Pane>()
    }

    pub(super) fn reset(&mut self, slot: usize) {
        let end = (slot + 1) * self.stride;
        if self.panes.len() < end {
            self.panes.resize(end, EMPTY);
        } else {
            self.panes[slot * self.stride..end].fill(EMPTY);
        }
    }

    /// The first window whose end lies after event time less the lag.
    fn first_open(&self, clock: i64) -> i64 {
        (clock - self.lag_ms - self.length_ms).div_euclid(self.step_ms) + 1
    }

    /// A window closes when event time has passed this: its end and the lag.
    fn deadline(&self, window: i64) -> i64 {
        window * self.step_ms + self.length_ms + self.lag_ms - 1
    }

    pub(super) fn observe(
        &mut self,
        head: &mut Head,
        slot: usize,
        obs: &Observation,
        clock: i64,
    ) -> Wake {
        if obs.value.is_nan() {
            return None;
        }
        self.open_from = self.open_from.max(self.first_open(clock));
        let last_window = obs.at.div_euclid(self.step_ms);
        // Where windows leave holes between them, an observation may belong to none.
        if last_window * self.step_ms + self.length_ms <= obs.at {
            return None;
        }
        if last_window < self.open_from {
            head.late += 1;
            return None;
        }
        let number = obs.at.div_euclid(self.pane_ms);
        let stride = i64::try_from(self.stride).expect("few panes");
        let place = usize::try_from(number.rem_euclid(stride)).expect("not negative");
        let pane = &mut self.panes[slot * self.stride + place];
        if pane.number != number {
            *pane = EMPTY;
            pane.number = number;
        }
        if !pane.add(obs.at, obs.value) {
            head.untracked += 1;
            return None;
        }
        self.newest_pane = self.newest_pane.max(number);
        if self.armed {
            return None;
        }
        self.armed = true;
        Some(self.deadline(self.open_from))
    }

    /// Closes the oldest open window for every entity that has something in it, in order of
    /// entity id, and says when to close the next.
    pub(super) fn close_oldest(
        &mut self,
        head: &mut Head,
        attribute: &Name,
        ids: &[Option<Arc<str>>],
        out: &mut Vec<Finding>,
    ) -> Wake {
        let start = self.open_from * self.step_ms;
        let end = start + self.length_ms;
        let (from, to) = (start.div_euclid(self.pane_ms), end.div_euclid(self.pane_ms));
        let begin = out.len();
        for (slot, id) in ids.iter().enumerate().take(self.panes.len() / self.stride) {
            let Some(id) = id else { continue };
            let mut all = EMPTY;
            let ring = &self.panes[slot * self.stride..(slot + 1) * self.stride];
            for pane in ring.iter().filter(|p| p.number >= from && p.number < to) {
                all.merge(pane);
            }
            if all.count > 0 {
                out.push(self.finding(head, id, attribute, end, &all));
            }
        }
        out[begin..].sort_by(|a, b| a.entity.cmp(&b.entity));
        self.open_from += 1;
        // The first window that reaches the newest pane's end is the last with anything in it.
        let newest_ms = self.newest_pane.saturating_mul(self.pane_ms);
        self.armed = self.open_from * self.step_ms <= newest_ms;
        self.armed.then(|| self.deadline(self.open_from))
    }

    fn finding(
        &self,
        head: &mut Head,
        id: &Arc<str>,
        attribute: &Name,
        end: i64,
        all: &Pane,
    ) -> Finding {
        let subject = Subject {
            entity: id,
            attribute,
        };
        let mut evidence = vec![subject.evidence(all.first.0, all.first.1)];
        if all.count > 1 {
            evidence.push(subject.evidence(all.last.0, all.last.1));
        }
        let value = all.fold(self.aggregate);
        head.finding(FindingKind::Window, id, end, Some(value), evidence)
    }
}
