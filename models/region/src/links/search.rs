//! Enumeration, greedy with local search, and branch and bound over sets of links.

use std::cmp::Ordering;

use super::{LinkPlan, LinkProblem, Objective};
use crate::RegionError;
use crate::programme::{Certificate, at_most};

/// Most links whose every choice is tried by [`choose_links`].
pub const ENUMERATED_LINKS: usize = 12;
/// Most links [`enumerate_links`] accepts (a million choices).
pub(super) const ENUMERABLE_LINKS: usize = 20;

/// Compares scores, most important first.
fn compare(a: &[f64], b: &[f64]) -> Ordering {
    a.iter()
        .zip(b)
        .map(|(x, y)| x.total_cmp(y))
        .find(|o| o.is_ne())
        .unwrap_or(Ordering::Equal)
}

/// A choice of links with its score.
#[derive(Debug, Clone)]
struct Choice {
    mask: u64,
    score: Vec<f64>,
}

impl Choice {
    fn of(problem: &LinkProblem, objective: Objective, mask: u64) -> Self {
        Self {
            mask,
            score: problem.score(objective, &problem.minutes(mask)),
        }
    }

    fn better_than(&self, other: &Self) -> bool {
        compare(&self.score, &other.score).is_lt()
    }
}

/// The best links: every choice up to [`ENUMERATED_LINKS`], else [`branch_and_bound`] with `nodes`.
///
/// # Errors
/// An order of the norm below 1; [`RegionError::Infeasible`] when trips have no way.
pub fn choose_links(
    problem: &LinkProblem,
    objective: Objective,
    nodes: u64,
) -> Result<LinkPlan, RegionError> {
    if problem.links.len() <= ENUMERATED_LINKS {
        enumerate_links(problem, objective)
    } else {
        branch_and_bound(problem, objective, nodes)
    }
}

/// Calls `visit` with every choice within the budget and its minutes, in a fixed order.
pub(super) fn every_choice(problem: &LinkProblem, mut visit: impl FnMut(u64, &[f64])) {
    fn walk(
        problem: &LinkProblem,
        (next, mask, cost): (usize, u64, f64),
        minutes: &[f64],
        visit: &mut impl FnMut(u64, &[f64]),
    ) {
        let Some(link) = problem.links.get(next) else {
            visit(mask, minutes);
            return;
        };
        walk(problem, (next + 1, mask, cost), minutes, visit);
        if problem.affordable(cost + link.cost) {
            let mut with = minutes.to_vec();
            problem.add(&mut with, link);
            walk(
                problem,
                (next + 1, mask | 1 << next, cost + link.cost),
                &with,
                visit,
            );
        }
    }
    walk(problem, (0, 0, 0.0), &problem.base_min, &mut visit);
}

/// The best of all choices within the budget; the cheaper on a tie.
///
/// # Errors
/// More than 20 links; as [`choose_links`].
pub fn enumerate_links(
    problem: &LinkProblem,
    objective: Objective,
) -> Result<LinkPlan, RegionError> {
    problem.check_objective(objective)?;
    at_most(
        "links whose every choice is tried",
        problem.links.len(),
        ENUMERABLE_LINKS,
    )?;
    let (mut best, mut tried) = (None::<Choice>, 0);
    every_choice(problem, |mask, minutes| {
        tried += 1;
        let choice = Choice {
            mask,
            score: problem.score(objective, minutes),
        };
        let better = best.as_ref().is_none_or(|b| {
            compare(&choice.score, &b.score)
                .then(problem.cost(mask).total_cmp(&problem.cost(b.mask)))
                .is_lt()
        });
        if better {
            best = Some(choice);
        }
    });
    let best = best.expect("to build nothing is a choice");
    finish(problem, objective, &best, None, "every choice tried", tried)
}

/// Greedy (gain, and gain per cost; the better of both) and local search by adding and swapping
/// links. The bound is what all links that are affordable alone would give together.
///
/// # Errors
/// As [`choose_links`].
pub fn greedy_links(problem: &LinkProblem, objective: Objective) -> Result<LinkPlan, RegionError> {
    problem.check_objective(objective)?;
    let (best, effort) = heuristic(problem, objective);
    let bound = relaxed(problem, objective, &problem.base_min, 0, 0.0);
    finish(
        problem,
        objective,
        &best,
        Some(&bound),
        "greedy and local search",
        effort,
    )
}

fn heuristic(problem: &LinkProblem, objective: Objective) -> (Choice, u64) {
    let mut effort = 0;
    let mut best = grow(problem, objective, false, &mut effort);
    let other = grow(problem, objective, true, &mut effort);
    if other.better_than(&best) {
        best = other;
    }
    // Every step makes the score smaller, so no choice comes twice.
    while let Some(better) = improve(problem, objective, &best, &mut effort) {
        best = better;
    }
    (best, effort)
}

/// Adds links while they help.
fn grow(problem: &LinkProblem, objective: Objective, per_cost: bool, effort: &mut u64) -> Choice {
    let mut now = Choice::of(problem, objective, 0);
    loop {
        let mut best: Option<(f64, Choice)> = None;
        for l in affordable_links(problem, now.mask) {
            *effort += 1;
            let next = Choice::of(problem, objective, now.mask | 1 << l);
            if !next.better_than(&now) {
                continue;
            }
            let gain = now.score[0] - next.score[0];
            let rate = if gain.is_finite() {
                gain / problem.links[l].cost
            } else {
                f64::INFINITY
            };
            let wins = best.as_ref().is_none_or(|(r, b)| {
                if per_cost && rate.total_cmp(r).is_ne() {
                    rate > *r
                } else {
                    next.better_than(b)
                }
            });
            if wins {
                best = Some((rate, next));
            }
        }
        match best {
            Some((_, next)) => now = next,
            None => return now,
        }
    }
}

fn affordable_links(problem: &LinkProblem, mask: u64) -> Vec<usize> {
    let spent = problem.cost(mask);
    (0..problem.links.len())
        .filter(|l| mask >> l & 1 == 0 && problem.affordable(spent + problem.links[*l].cost))
        .collect()
}

/// The best choice one addition, or one removal with up to one addition, away.
fn improve(
    problem: &LinkProblem,
    objective: Objective,
    now: &Choice,
    effort: &mut u64,
) -> Option<Choice> {
    let mut bases = vec![now.mask];
    bases.extend(
        (0..problem.links.len())
            .filter(|l| now.mask >> l & 1 == 1)
            .map(|l| now.mask & !(1 << l)),
    );
    let mut best: Option<Choice> = None;
    for base in bases {
        for l in affordable_links(problem, base) {
            *effort += 1;
            let next = Choice::of(problem, objective, base | 1 << l);
            if next.better_than(best.as_ref().unwrap_or(now)) {
                best = Some(next);
            }
        }
    }
    best
}

/// The score when every link from `next` on that is affordable alone were built together. No
/// choice below is better: a link never makes a way longer.
fn relaxed(
    problem: &LinkProblem,
    objective: Objective,
    minutes: &[f64],
    next: usize,
    cost: f64,
) -> Vec<f64> {
    let mut all = minutes.to_vec();
    for link in &problem.links[next..] {
        if problem.affordable(cost + link.cost) {
            problem.add(&mut all, link);
        }
    }
    problem.score(objective, &all)
}

/// Depth-first branch and bound from the heuristic's choice, at most `nodes` nodes. Complete, it
/// proves the optimum; cut short, the bound is the best of the nodes left.
///
/// # Errors
/// No nodes; as [`choose_links`].
pub fn branch_and_bound(
    problem: &LinkProblem,
    objective: Objective,
    nodes: u64,
) -> Result<LinkPlan, RegionError> {
    problem.check_objective(objective)?;
    if nodes == 0 {
        return Err(RegionError::option("nodes", "there must be at least one"));
    }
    let (mut best, mut effort) = heuristic(problem, objective);
    struct Node {
        next: usize,
        mask: u64,
        cost: f64,
        minutes: Vec<f64>,
        bound: Vec<f64>,
    }
    let mut stack = vec![Node {
        next: 0,
        mask: 0,
        cost: 0.0,
        minutes: problem.base_min.clone(),
        bound: relaxed(problem, objective, &problem.base_min, 0, 0.0),
    }];
    let mut visited = 0;
    while visited < nodes {
        let Some(node) = stack.pop() else { break };
        if !compare(&node.bound, &best.score).is_lt() {
            continue;
        }
        visited += 1;
        let Some(link) = problem.links.get(node.next) else {
            best = Choice {
                mask: node.mask,
                score: node.bound,
            };
            continue;
        };
        let next = node.next + 1;
        let without = relaxed(problem, objective, &node.minutes, next, node.cost);
        if problem.affordable(node.cost + link.cost) {
            let mut minutes = node.minutes.clone();
            problem.add(&mut minutes, link);
            let cost = node.cost + link.cost;
            let bound = relaxed(problem, objective, &minutes, next, cost);
            // The branch that builds is looked at first: it is pushed last.
            let mask = node.mask;
            stack.push(Node {
                next,
                bound: without,
                ..node
            });
            stack.push(Node {
                next,
                mask: mask | 1 << (next - 1),
                cost,
                minutes,
                bound,
            });
        } else {
            stack.push(Node {
                next,
                bound: without,
                ..node
            });
        }
    }
    effort += visited;
    let open = stack
        .iter()
        .map(|n| &n.bound)
        .filter(|b| compare(b, &best.score).is_lt())
        .min_by(|a, b| compare(a, b));
    finish(problem, objective, &best, open, "branch and bound", effort)
}

/// The plan with its certificate; without a bound it is proved.
fn finish(
    problem: &LinkProblem,
    objective: Objective,
    best: &Choice,
    bound: Option<&Vec<f64>>,
    method: &'static str,
    effort: u64,
) -> Result<LinkPlan, RegionError> {
    let sign = if objective == Objective::Access {
        -1.0
    } else {
        1.0
    };
    let value = sign * best.score.first().copied().unwrap_or(0.0);
    let certificate = match bound {
        None => Certificate::exact(method, value, effort),
        Some(bound) => {
            let mut c = Certificate::new(method, value, sign * bound[0], None, effort);
            // The worst may be proved least while the second worst is not.
            c.proved &=
                objective != Objective::Lexicographic || !compare(bound, &best.score).is_lt();
            c
        }
    };
    problem.plan(objective, best.mask, certificate)
}
