//! What every plan of this crate tells about itself, and the one way to the linear solver.

use good_lp::solvers::microlp::{MicroLpProblem, MicroLpSolution, microlp};
use good_lp::variable::UnsolvedProblem;
use good_lp::{ResolutionError, SolverModel};
use serde::Serialize;

use crate::RegionError;

/// How good a plan is, how that is known, and what it cost to find.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Certificate {
    /// How the plan was found.
    pub method: &'static str,
    /// Value of the plan, in the unit of the objective.
    pub objective: f64,
    /// No plan is better than this.
    pub bound: f64,
    /// `abs(objective - bound)` over the larger of the two, 0 to 1 for values of one sign; 0 when
    /// they are equal.
    pub gap: f64,
    /// Whether the plan is proved best: by exhaustion, or because the bound meets it.
    pub proved: bool,
    /// Seed of the random choices; none when there were none.
    pub seed: Option<u64>,
    /// Effort, in the steps the method counts (evaluations, nodes, subgradient steps,
    /// programmes given to the MILP solver): never wall
    /// time, so that it repeats.
    pub effort_iterations: u64,
}

impl Certificate {
    /// A plan with what is known about the best.
    pub(crate) fn new(
        method: &'static str,
        objective: f64,
        bound: f64,
        seed: Option<u64>,
        effort_iterations: u64,
    ) -> Self {
        let difference = (objective - bound).abs();
        // What is left by rounding of sums is no gap.
        let proved = difference <= 1e-9 * objective.abs().max(1.0) || objective == bound;
        let gap = if proved {
            0.0
        } else {
            difference / objective.abs().max(bound.abs())
        };
        Self {
            method,
            objective,
            bound,
            gap,
            proved,
            seed,
            effort_iterations,
        }
    }

    /// A plan found by a method that ends with a proof.
    pub(crate) fn exact(method: &'static str, objective: f64, effort_iterations: u64) -> Self {
        Self::new(method, objective, objective, None, effort_iterations)
    }
}

/// The solver's model of `problem`.
pub(crate) fn model(problem: UnsolvedProblem) -> MicroLpProblem {
    microlp(problem)
}

/// Solves; `Ok(None)` when the programme has no solution.
///
/// # Errors
/// [`RegionError::Solver`] when the solver gives up or the programme is unbounded.
pub(crate) fn solve(
    what: &str,
    model: MicroLpProblem,
) -> Result<Option<MicroLpSolution>, RegionError> {
    match model.solve() {
        Ok(solution) => Ok(Some(solution)),
        Err(ResolutionError::Infeasible) => Ok(None),
        Err(error) => Err(RegionError::Solver {
            what: what.to_owned(),
            message: error.to_string(),
        }),
    }
}

/// Names the class of constraints that makes a programme infeasible: each class is relaxed alone,
/// in order, and the first whose absence leaves a solution is named.
///
/// # Errors
/// Always: [`RegionError::Infeasible`], or what `feasible_without` returns.
pub(crate) fn name_infeasible<C: Copy>(
    problem: &str,
    classes: &[(C, &str)],
    mut feasible_without: impl FnMut(C) -> Result<bool, RegionError>,
) -> Result<std::convert::Infallible, RegionError> {
    for (class, name) in classes {
        if feasible_without(*class)? {
            return Err(RegionError::Infeasible {
                problem: problem.to_owned(),
                constraint: (*name).to_owned(),
            });
        }
    }
    let all: Vec<&str> = classes.iter().map(|(_, name)| *name).collect();
    Err(RegionError::Infeasible {
        problem: problem.to_owned(),
        constraint: format!("more than one of: {}", all.join(", ")),
    })
}

/// Refuses values that are not finite numbers of at least `least`.
pub(crate) fn all_at_least(what: &str, values: &[f64], least: f64) -> Result<(), RegionError> {
    match values.iter().position(|v| !v.is_finite() || *v < least) {
        None => Ok(()),
        Some(i) => Err(RegionError::option(
            what,
            format!(
                "entry {} is {}, which is no finite number of at least {least}",
                i + 1,
                values[i]
            ),
        )),
    }
}

/// Refuses more than `limit`.
pub(crate) fn at_most(what: &str, count: usize, limit: usize) -> Result<(), RegionError> {
    if count <= limit {
        return Ok(());
    }
    Err(RegionError::TooLarge {
        what: what.to_owned(),
        count: count as u64,
        limit: limit as u64,
    })
}
