//! A certified bound on the overlap that any plan within the limits can reach.

use good_lp::{Expression, Solution, SolverModel, Variable, constraint, variable, variables};

use super::AllocationProblem;
use super::state::State;
use crate::RegionError;
use crate::programme::{model, solve};

/// Pairs above which the programme gives way to a sum over cities.
const PAIRS: usize = 1_000;

/// Least overlap possible. With `u_i` the sum of absolute changes of the shares of city `i`,
/// `FK_ij >= max(0, FK_ij today - (u_i + u_j)/2)`. What the `u_i` may be together is limited by
/// the jobs that move, `sum_i c_i u_i <= 2 B` with `c_i` the jobs of the city (half of what may be
/// left of them when its total may change), and each by the drift of location quotients.
pub(super) fn lower_bound(
    problem: &AllocationProblem,
    today: &State<'_>,
) -> Result<f64, RegionError> {
    if problem.limits.moved_jobs == 0 {
        return Ok(today.overlap());
    }
    let n = problem.cities.len();
    let free = problem.limits.city_total_share;
    let room: Vec<f64> = (0..n)
        .map(|i| {
            let jobs = today.city_jobs(i) as f64;
            // abs(a' - a) <= (abs(e' - e) + abs(T' - T)) / T' <= 2 abs(e' - e) / T'
            if free > 0.0 {
                jobs * (1.0 - free) / 2.0
            } else {
                jobs
            }
        })
        .collect();
    let drift = problem.limits.lq_drift * problem.reference_share.iter().sum::<f64>();
    let cap = drift.min(2.0);
    let budget = 2.0 * problem.limits.moved_jobs as f64;
    if n * (n - 1) / 2 > PAIRS {
        return Ok(by_cities(problem, today, &room, cap, budget));
    }
    let mut vars = variables!();
    let change: Vec<Variable> = vars.add_vector(variable().min(0.0).max(cap), n);
    let (mut objective, mut rows, mut most) = (Expression::default(), Vec::new(), 0.0);
    for i in 0..n {
        for j in i + 1..n {
            let w = problem.weight[i * n + j];
            if w > 0.0 {
                // How much similarity the pair loses, at most what it has.
                let similarity = today.similarity(i, j);
                let lost = vars.add(variable().min(0.0).max(similarity));
                objective.add_mul(w, lost);
                rows.push(constraint!(2.0 * lost <= change[i] + change[j]));
                most += w * similarity;
            }
        }
    }
    // Divided by the largest, so that the solver's tolerances are meaningful.
    let scale = room.iter().fold(f64::MIN_POSITIVE, |m, r| m.max(*r));
    let spent: Expression = change
        .iter()
        .zip(&room)
        .map(|(u, r)| (r / scale) * *u)
        .sum();
    let mut programme = model(vars.maximise(objective.clone()));
    programme.add_constraint(constraint!(spent <= budget / scale));
    for row in rows {
        programme.add_constraint(row);
    }
    let solution =
        solve("bound of an allocation", programme)?.ok_or_else(|| RegionError::Solver {
            what: "bound of an allocation".to_owned(),
            message: "no solution of a programme that has one".to_owned(),
        })?;
    // The margin is larger than the solver's tolerance.
    let lost = solution.eval(objective);
    Ok((most - lost - 1e-9 * most.max(1.0)).max(0.0))
}

/// The same without the limit of each pair: jobs are spent where a job weighs most.
fn by_cities(
    problem: &AllocationProblem,
    today: &State<'_>,
    room: &[f64],
    cap: f64,
    budget: f64,
) -> f64 {
    let n = room.len();
    let weight = |i: usize| -> f64 {
        (0..n)
            .filter(|j| *j != i)
            .map(|j| problem.weight[i.min(j) * n + i.max(j)])
            .sum::<f64>()
            / 2.0
    };
    let mut order: Vec<(f64, usize)> = (0..n).map(|i| (weight(i) / room[i], i)).collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let (mut left, mut lost) = (budget, 0.0);
    for (rate, i) in order {
        let spent = left.min(cap * room[i]);
        lost += rate * spent;
        left -= spent;
    }
    (today.overlap() - lost).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::super::tests::synthetic;
    use super::*;

    #[test]
    fn the_sum_over_cities_is_no_tighter_than_the_programme() {
        for seed in 0..20 {
            let problem = synthetic(seed, 4, 4, 12, 3, f64::INFINITY);
            let today = State::new(&problem);
            let room: Vec<f64> = (0..4).map(|i| today.city_jobs(i) as f64).collect();
            let loose = by_cities(&problem, &today, &room, 2.0, 6.0);
            let tight = lower_bound(&problem, &today).unwrap();
            assert!(loose <= tight + 1e-6, "seed {seed}: {loose} {tight}");
            assert!(tight <= today.overlap());
        }
    }
}
