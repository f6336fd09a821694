//! k of n: raised when at least `k` of the `n` newest observations are at or above `raise`,
//! cleared when fewer are.

use super::{Head, Observation, Subject, Wake};
use crate::finding::{Finding, FindingKind};

#[derive(Debug, Clone, Copy)]
struct State {
    raised_at: i64,
    /// Where the next observation goes in the ring.
    next: u16,
    len: u16,
    hits: u16,
    raised: bool,
}

const FRESH: State = State {
    raised_at: 0,
    next: 0,
    len: 0,
    hits: 0,
    raised: false,
};

#[derive(Debug)]
pub(super) struct KOfN {
    k: usize,
    n: usize,
    raise: f64,
    states: Vec<State>,
    /// `n` observations a slot.
    rings: Vec<(i64, f64)>,
}

impl KOfN {
    pub(super) const fn new(k: usize, n: usize, raise: f64) -> Self {
        Self {
            k,
            n,
            raise,
            states: Vec::new(),
            rings: Vec::new(),
        }
    }

    pub(super) const fn bytes_per_entity(&self) -> usize {
        size_of::<State>() + self.n * size_of::<(i64, f64)>()
    }

    pub(super) fn reset(&mut self, slot: usize) {
        super::fresh(&mut self.states, slot, FRESH);
        if self.rings.len() < (slot + 1) * self.n {
            self.rings.resize((slot + 1) * self.n, (0, 0.0));
        }
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
        let ring = &mut self.rings[slot * self.n..(slot + 1) * self.n];
        let next = usize::from(s.next);
        if usize::from(s.len) == self.n {
            s.hits -= u16::from(ring[next].1 >= self.raise);
        } else {
            s.len += 1;
        }
        ring[next] = (obs.at, obs.value);
        s.hits += u16::from(obs.value >= self.raise);
        s.next = if next + 1 == self.n { 0 } else { s.next + 1 };
        let many = usize::from(s.hits) >= self.k;
        if many != s.raised {
            s.raised = many;
            s.raised_at = obs.at;
            let kind = if many {
                FindingKind::Raised
            } else {
                FindingKind::Cleared
            };
            let seen = &ring[..usize::from(s.len)];
            let mut evidence: Vec<_> = if many {
                let beyond = seen.iter().filter(|(_, v)| *v >= self.raise);
                beyond.map(|&(at, v)| subject.evidence(at, v)).collect()
            } else {
                vec![subject.evidence(obs.at, obs.value)]
            };
            evidence.sort_by_key(|e| e.observed_at);
            let hits = f64::from(s.hits);
            out.push(head.finding(kind, subject.entity, obs.at, Some(hits), evidence));
        }
        None
    }
}
