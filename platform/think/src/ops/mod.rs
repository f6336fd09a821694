//! Rules compiled to typed operators: flat state per entity slot, no dispatch through pointers.

mod absence;
mod k_of_n;
mod rate;
mod threshold;
mod window;

use std::sync::Arc;

use conurb_base::TimeMs;
use conurb_context::Name;

use crate::finding::{Evidence, Finding, FindingKind};
use crate::rule::{Rule, RuleKind, Severity};

/// One observation as operators see it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Observation {
    /// Event time, ms.
    pub(crate) at: i64,
    /// The value; NaN where it is no usable number (a sign of life only).
    pub(crate) value: f64,
    /// Event time of the newest earlier observation of the entity, `i64::MIN` for the first.
    pub(crate) previous_at: i64,
    /// Its value.
    pub(crate) previous_value: f64,
    /// Whether this one is older than that.
    pub(crate) out_of_order: bool,
}

/// Who is observed: what a finding says about its subject.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    /// Entity id.
    pub(crate) entity: &'a Arc<str>,
    /// Expanded attribute name.
    pub(crate) attribute: &'a Name,
}

impl Subject<'_> {
    pub(crate) fn evidence(&self, at: i64, value: f64) -> Evidence {
        Evidence {
            entity: self.entity.clone(),
            attribute: self.attribute.clone(),
            observed_at: TimeMs(at),
            value: value.is_finite().then_some(value),
        }
    }
}

/// What every operator has: names for its findings, and counts.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) rule_id: String,
    pub(crate) label: String,
    pub(crate) severity: Severity,
    /// Slots at and above this one are not followed.
    pub(crate) max_slots: usize,
    pub(crate) findings: u64,
    pub(crate) late: u64,
    pub(crate) untracked: u64,
}

impl Head {
    pub(crate) fn finding(
        &mut self,
        kind: FindingKind,
        entity: &Arc<str>,
        at: i64,
        value: Option<f64>,
        evidence: Vec<Evidence>,
    ) -> Finding {
        self.findings += 1;
        let verb = match kind {
            FindingKind::Raised => "raised",
            FindingKind::Cleared => "cleared",
            FindingKind::Window => "window",
        };
        Finding {
            id: format!("urn:ngsi-ld:Finding:{}:{verb}:{at}:{entity}", self.rule_id),
            rule: self.label.clone(),
            kind,
            entity: entity.clone(),
            at: TimeMs(at),
            value,
            severity: self.severity,
            evidence,
        }
    }
}

/// A compiled rule.
#[derive(Debug)]
pub(crate) struct Operator {
    pub(crate) head: Head,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Threshold(threshold::Threshold),
    Absence(absence::Absence),
    Rate(rate::Rate),
    Window(window::Window),
    KOfN(k_of_n::KOfN),
}

/// The slot number that stands for "the operator itself": windows close for all entities at once.
pub(crate) const WHOLE_OPERATOR: u32 = u32::MAX;

/// A wish to be woken when event time has passed `deadline`.
pub(crate) type Wake = Option<i64>;

impl Operator {
    /// Compiles a rule that has been checked.
    pub(crate) fn new(rule: &Rule, max_entities: usize, max_bytes: usize) -> Self {
        let body = match &rule.kind {
            RuleKind::Threshold {
                raise,
                clear,
                for_s,
            } => Body::Threshold(threshold::Threshold::new(*raise, *clear, ms(*for_s))),
            RuleKind::Absence { silent_s } => Body::Absence(absence::Absence::new(ms(*silent_s))),
            RuleKind::Rate { per_s, over_s } => Body::Rate(rate::Rate::new(*per_s, ms(*over_s))),
            RuleKind::Window {
                aggregate,
                length_s,
                step_s,
                lag_s,
            } => Body::Window(window::Window::new(
                *aggregate,
                ms(*length_s),
                ms(*step_s),
                ms(*lag_s),
            )),
            RuleKind::KOfN { k, n, raise } => Body::KOfN(k_of_n::KOfN::new(*k, *n, *raise)),
        };
        let bytes = match &body {
            Body::Threshold(_) => threshold::BYTES_PER_ENTITY,
            Body::Absence(_) => absence::BYTES_PER_ENTITY,
            Body::Rate(_) => rate::BYTES_PER_ENTITY,
            Body::Window(w) => w.bytes_per_entity(),
            Body::KOfN(k) => k.bytes_per_entity(),
        };
        let head = Head {
            rule_id: rule.id.clone(),
            label: format!("{}@{}", rule.id, rule.version),
            severity: rule.severity,
            max_slots: max_entities.min(max_bytes / bytes).max(1),
            findings: 0,
            late: 0,
            untracked: 0,
        };
        Self { head, body }
    }

    /// Makes `slot` fresh, growing the state where needed.
    pub(crate) fn reset(&mut self, slot: usize) {
        if slot >= self.head.max_slots {
            return;
        }
        match &mut self.body {
            Body::Threshold(b) => b.reset(slot),
            Body::Absence(b) => b.reset(slot),
            Body::Rate(b) => b.reset(slot),
            Body::Window(b) => b.reset(slot),
            Body::KOfN(b) => b.reset(slot),
        }
    }

    /// Reads one observation; the answer is the slot to wake and when.
    pub(crate) fn observe(
        &mut self,
        slot: usize,
        subject: Subject<'_>,
        obs: &Observation,
        clock: i64,
        out: &mut Vec<Finding>,
    ) -> Option<(u32, i64)> {
        let head = &mut self.head;
        if let Body::Window(b) = &mut self.body {
            return b
                .observe(head, slot, obs, clock)
                .map(|at| (WHOLE_OPERATOR, at));
        }
        if obs.out_of_order {
            return None;
        }
        let wake = match &mut self.body {
            Body::Threshold(b) => b.observe(head, slot, subject, obs, out),
            Body::Absence(b) => b.observe(head, slot, subject, obs, out),
            Body::Rate(b) => b.observe(head, slot, subject, obs, out),
            Body::KOfN(b) => b.observe(head, slot, subject, obs, out),
            Body::Window(_) => None,
        };
        let slot = u32::try_from(slot).expect("slots are counted in u32");
        wake.map(|at| (slot, at))
    }

    /// Woken for one entity as if it were `now`: fires, sleeps on, or is done. What is due later
    /// goes back to sleep even if its moment has passed too, so that findings keep their order.
    pub(crate) fn wake(
        &mut self,
        slot: usize,
        subject: Subject<'_>,
        last: (i64, f64),
        now: i64,
        out: &mut Vec<Finding>,
    ) -> Wake {
        let head = &mut self.head;
        match &mut self.body {
            Body::Threshold(b) => b.wake(head, slot, subject, now, out),
            Body::Absence(b) => b.wake(head, slot, subject, last, now, out),
            Body::Rate(_) | Body::KOfN(_) | Body::Window(_) => None,
        }
    }

    /// Woken for all entities: closes the oldest open window.
    pub(crate) fn wake_whole(
        &mut self,
        attribute: &Name,
        ids: &[Option<Arc<str>>],
        out: &mut Vec<Finding>,
    ) -> Wake {
        match &mut self.body {
            Body::Window(b) => b.close_oldest(&mut self.head, attribute, ids, out),
            _ => None,
        }
    }

    /// Whether it gives windows.
    pub(crate) const fn is_window(&self) -> bool {
        matches!(self.body, Body::Window(_))
    }

    /// The entity is gone at `at`: what was raised is cleared.
    pub(crate) fn forget(
        &mut self,
        slot: usize,
        subject: Subject<'_>,
        at: i64,
        out: &mut Vec<Finding>,
    ) {
        if slot >= self.head.max_slots {
            return;
        }
        let raised_at = match &self.body {
            Body::Threshold(b) => b.raised_at(slot),
            Body::Absence(b) => b.raised_at(slot),
            Body::Rate(b) => b.raised_at(slot),
            Body::KOfN(b) => b.raised_at(slot),
            Body::Window(_) => None,
        };
        if let Some(raised_at) = raised_at {
            let at = at.max(raised_at);
            let finding =
                self.head
                    .finding(FindingKind::Cleared, subject.entity, at, None, Vec::new());
            out.push(finding);
        }
        self.reset(slot);
    }
}

/// Seconds of a checked rule as ms.
#[allow(clippy::cast_possible_truncation)] // checked: finite and below ten years
fn ms(seconds: f64) -> i64 {
    (seconds * 1000.0).round() as i64
}

/// Puts a fresh state at `slot`; slots are given out densely, so this grows by one at most.
fn fresh<T: Copy>(states: &mut Vec<T>, slot: usize, state: T) {
    if slot < states.len() {
        states[slot] = state;
    } else {
        states.resize(slot + 1, state);
    }
}

/// Panes one entity needs at once for these windows, in seconds.
pub(crate) fn window_panes(length_s: f64, step_s: f64, lag_s: f64) -> i64 {
    window::panes(ms(length_s), ms(step_s), ms(lag_s))
}
