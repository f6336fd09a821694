//! Efficiency against equity: the choices that no other beats in both.

use serde::Serialize;

use super::search::{branch_and_bound, every_choice};
use super::{ENUMERATED_LINKS, Equity, LinkProblem, Objective, equity};
use crate::RegionError;

/// A choice on the front.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ParetoPoint {
    /// Links to build, ascending.
    pub links: Vec<usize>,
    /// Their cost.
    pub cost: f64,
    /// Efficiency: `sum_i m_i A_i`.
    pub efficiency: f64,
    /// Inequality of access; the front is in its Gini coefficient.
    pub equity: Equity,
}

/// Choices from the most efficient to the most equal.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ParetoFront {
    /// The points, efficiency falling, Gini falling.
    pub points: Vec<ParetoPoint>,
    /// Whether every choice was looked at; otherwise the points are those of a sweep of
    /// objectives, and others may lie between and beyond.
    pub complete: bool,
    /// Choices looked at.
    pub effort_iterations: u64,
}

/// The front of total access against the Gini coefficient of access. Complete up to
/// [`ENUMERATED_LINKS`] links; above, from the plans of access, the norms 1, 2, 4, 8 and infinity
/// and the lexicographic objective, each by branch and bound with `nodes`.
///
/// # Errors
/// As [`super::choose_links`].
pub fn pareto_front(problem: &LinkProblem, nodes: u64) -> Result<ParetoFront, RegionError> {
    let mut found: Vec<(u64, f64, Equity)> = Vec::new();
    let mut look = |mask: u64, minutes: &[f64]| {
        let access = problem.access(minutes);
        let efficiency = problem.mass.iter().zip(&access).map(|(m, a)| m * a).sum();
        found.push((mask, efficiency, equity(&access)));
    };
    let complete = problem.links.len() <= ENUMERATED_LINKS;
    let mut effort = 0;
    if complete {
        every_choice(problem, |mask, minutes| {
            effort += 1;
            look(mask, minutes);
        });
    } else {
        let norms = [1.0, 2.0, 4.0, 8.0, f64::INFINITY].map(Objective::Norm);
        let sweep = [Objective::Access, Objective::Lexicographic]
            .into_iter()
            .chain(norms);
        for objective in sweep {
            let plan = branch_and_bound(problem, objective, nodes)?;
            effort += plan.certificate.effort_iterations;
            let mask = plan.links.iter().fold(0, |m, l| m | 1 << l);
            look(mask, &problem.minutes(mask));
        }
    }
    Ok(ParetoFront {
        points: front(problem, found),
        complete,
        effort_iterations: effort,
    })
}

fn front(problem: &LinkProblem, mut found: Vec<(u64, f64, Equity)>) -> Vec<ParetoPoint> {
    found.sort_by(|a, b| {
        b.1.total_cmp(&a.1)
            .then(a.2.gini.total_cmp(&b.2.gini))
            .then(problem.cost(a.0).total_cmp(&problem.cost(b.0)))
            .then(a.0.cmp(&b.0))
    });
    let mut points: Vec<ParetoPoint> = Vec::new();
    for (mask, efficiency, equity) in found {
        if points.last().is_none_or(|p| equity.gini < p.equity.gini) {
            points.push(ParetoPoint {
                links: (0..problem.links.len())
                    .filter(|l| mask >> l & 1 == 1)
                    .collect(),
                cost: problem.cost(mask),
                efficiency,
                equity,
            });
        }
    }
    points
}
