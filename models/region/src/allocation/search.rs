//! Iterated local search over exchanges, relocations and conversions of jobs.

use rand::prelude::*;

use conurb_base::{Stream, stream};

use super::state::{Change, State};
use super::{AllocationProblem, AllocationSearch};

/// The best state found and the moves valued.
pub(super) fn iterate(problem: &AllocationProblem, search: AllocationSearch) -> (State<'_>, u64) {
    let mut rng = stream(search.seed, "kicks", "allocation");
    let mut effort = 0;
    let mut now = State::new(problem);
    descend(problem, &mut now, search.evaluations, &mut effort);
    let (mut best, mut least) = (now.clone(), now.overlap());
    for kick in 0..search.kicks {
        if effort >= search.evaluations {
            break;
        }
        // Every third kick starts from today: the budget is then free for another direction.
        now = if kick % 3 == 0 {
            State::new(problem)
        } else {
            best.clone()
        };
        for _ in 0..rng.random_range(1..=3_u32) {
            shake(problem, &mut now, &mut rng, &mut effort);
        }
        descend(problem, &mut now, search.evaluations, &mut effort);
        let overlap = now.overlap();
        if overlap < least - 1e-12 {
            (best, least) = (now.clone(), overlap);
        }
    }
    (best, effort)
}

/// Sizes of a move: the budget halved again and again, down to one job.
fn sizes(problem: &AllocationProblem) -> Vec<i64> {
    let largest = problem.limits.moved_jobs.min(1 << 40) as i64;
    std::iter::successors(Some(largest), |k| Some(k / 2))
        .take_while(|k| *k > 0)
        .collect()
}

/// Takes improving moves, large ones first, until none of one job is left.
fn descend(problem: &AllocationProblem, now: &mut State<'_>, limit: u64, effort: &mut u64) {
    let sizes = sizes(problem);
    let mut level = 0;
    while let Some(&k) = sizes.get(level) {
        let mut best: Option<(f64, Vec<Change>)> = None;
        every_move(problem, now, k, |now, changes| {
            if *effort >= limit {
                return;
            }
            *effort += 1;
            if let Some(gain) = now.gain(changes)
                && gain > 1e-12
                && best.as_ref().is_none_or(|(g, _)| gain > *g)
            {
                best = Some((gain, changes.to_vec()));
            }
        });
        match best {
            // A smaller move may have opened a larger one.
            Some((_, changes)) => {
                now.apply(&changes);
                level = 0;
            }
            None => level += 1,
        }
    }
}

/// Calls `visit` with every move of `k` jobs the limits could allow; not with those that take more
/// jobs than there are, which are most of the large ones and would eat up the valuations.
fn every_move(
    problem: &AllocationProblem,
    now: &mut State<'_>,
    k: i64,
    mut visit: impl FnMut(&mut State<'_>, &[Change]),
) {
    let (n, s) = (problem.cities.len(), problem.sectors.len());
    let has: Vec<bool> = now.jobs.iter().map(|jobs| *jobs as i64 >= k).collect();
    for i in 0..n {
        for t in (0..s).filter(|t| has[i * s + t]) {
            for u in (0..s).filter(|u| *u != t) {
                // City i turns from t to u, city j from u to t: all totals are kept.
                for j in (i + 1..n).filter(|j| has[j * s + u]) {
                    visit(now, &[(i, t, -k), (i, u, k), (j, u, -k), (j, t, k)]);
                }
                if problem.limits.sector_total_share > 0.0 {
                    visit(now, &[(i, t, -k), (i, u, k)]);
                }
            }
            if problem.limits.city_total_share > 0.0 {
                for j in (0..n).filter(|j| *j != i) {
                    visit(now, &[(i, t, -k), (j, t, k)]);
                }
            }
        }
    }
}

/// One random exchange, if the limits allow it.
fn shake(problem: &AllocationProblem, now: &mut State<'_>, rng: &mut Stream, effort: &mut u64) {
    let (n, s) = (problem.cities.len() as u64, problem.sectors.len() as u64);
    let sizes = sizes(problem);
    for _ in 0..50 {
        let (i, j) = (
            rng.random_range(0..n) as usize,
            rng.random_range(0..n) as usize,
        );
        let (t, u) = (
            rng.random_range(0..s) as usize,
            rng.random_range(0..s) as usize,
        );
        if sizes.is_empty() || i == j || t == u {
            continue;
        }
        let k = sizes[rng.random_range(0..sizes.len() as u64) as usize];
        let changes = [(i, t, -k), (i, u, k), (j, u, -k), (j, t, k)];
        *effort += 1;
        if now.gain(&changes).is_some() {
            now.apply(&changes);
            return;
        }
    }
}
