//! A matrix fitted to counts, given which share of each cell passes which count.

use serde::Serialize;

/// Sweeps at most.
const SWEEPS_MAX: u32 = 1_000;
/// Ends when no cell moves by more than this share of itself (or of one vehicle).
const STILL: f64 = 1e-9;
/// Bound of the factor of one count in one sweep, natural logarithm.
const LOG_FACTOR_MAX: f64 = 8.0;
/// Steps of the search for that factor.
const STEPS_MAX: u32 = 50;

/// Which estimate is taken.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FitMethod {
    /// Generalised least squares (Cascetta 1984) with cells not below 0. Cells err independently
    /// with this coefficient of variation, counts as Poisson numbers.
    LeastSquares {
        /// Standard deviation of a cell over its prior value.
        prior_cv: f64,
    },
    /// Maximum entropy (Van Zuylen and Willumsen 1980): counts are met, the rest stays as it was.
    Entropy,
}

/// Prior, counts and who passes where.
#[derive(Debug, Clone, Copy)]
pub(super) struct Problem<'a> {
    pub(super) prior: &'a [f64],
    pub(super) counts: &'a [f64],
    pub(super) rows: &'a [Vec<(u32, f64)>],
}

impl Problem<'_> {
    /// The estimate by cell.
    pub(super) fn solve(&self, method: FitMethod) -> Vec<f64> {
        match method {
            FitMethod::LeastSquares { prior_cv } => self.least_squares(prior_cv),
            FitMethod::Entropy => self.entropy(),
        }
    }

    /// Minimises `sum (x - prior)^2 / (cv prior)^2 + sum (P x - count)^2 / max(count, 1)` over
    /// `x >= 0`, one cell after the other: the problem is strictly convex, so this ends at its only
    /// minimum (Luo and Tseng 1992).
    fn least_squares(&self, prior_cv: f64) -> Vec<f64> {
        let mut columns: Vec<Vec<(usize, f64)>> = vec![Vec::new(); self.prior.len()];
        for (a, row) in self.rows.iter().enumerate() {
            for (cell, share) in row {
                columns[*cell as usize].push((a, *share));
            }
        }
        let weight: Vec<f64> = self.counts.iter().map(|y| 1.0 / y.max(1.0)).collect();
        let mut x = self.prior.to_vec();
        let mut off: Vec<f64> = (self.rows.iter().zip(self.counts))
            .map(|(row, y)| row.iter().map(|(k, p)| p * x[*k as usize]).sum::<f64>() - y)
            .collect();
        for _ in 0..SWEEPS_MAX {
            let mut moved = 0.0_f64;
            for (k, column) in columns.iter().enumerate() {
                let prior = self.prior[k];
                if prior <= 0.0 || column.is_empty() {
                    continue;
                }
                let own = 1.0 / (prior_cv * prior).powi(2);
                let slope = own * (x[k] - prior)
                    + column
                        .iter()
                        .map(|(a, p)| p * weight[*a] * off[*a])
                        .sum::<f64>();
                let curve = own + column.iter().map(|(a, p)| p * p * weight[*a]).sum::<f64>();
                let next = (x[k] - slope / curve).max(0.0);
                let step = next - x[k];
                for (a, p) in column {
                    off[*a] += p * step;
                }
                x[k] = next;
                moved = moved.max(step.abs() / next.max(1.0));
            }
            if moved < STILL {
                break;
            }
        }
        x
    }

    /// Balances the counts in turn: `x = prior * product of X_a ^ p_a`, each `X_a` such that its
    /// count is met. Contradictory counts never are; then the last sweep stands.
    fn entropy(&self) -> Vec<f64> {
        let mut x = self.prior.to_vec();
        for _ in 0..SWEEPS_MAX {
            let mut moved = 0.0_f64;
            for (row, count) in self.rows.iter().zip(self.counts) {
                if row.iter().all(|(k, p)| x[*k as usize] * p <= 0.0) {
                    continue;
                }
                let factor = log_factor(row, &x, *count);
                for (k, p) in row {
                    let next = x[*k as usize] * (p * factor).exp();
                    moved = moved.max((next - x[*k as usize]).abs() / next.max(1.0));
                    x[*k as usize] = next;
                }
            }
            if moved < STILL.sqrt() {
                break;
            }
        }
        x
    }
}

/// The logarithm of the factor with which `sum p x X^p` is the count: Newton's method on a function
/// that rises and is convex.
fn log_factor(row: &[(u32, f64)], x: &[f64], count: f64) -> f64 {
    let mut log = 0.0_f64;
    for _ in 0..STEPS_MAX {
        let (mut sum, mut slope) = (0.0, 0.0);
        for (k, p) in row {
            let part = p * x[*k as usize] * (p * log).exp();
            sum += part;
            slope += p * part;
        }
        let next = (log - (sum - count) / slope).clamp(-LOG_FACTOR_MAX, LOG_FACTOR_MAX);
        let still = (next - log).abs() < 1e-10;
        log = next;
        if still || !log.is_finite() {
            break;
        }
    }
    if log.is_finite() { log } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Two cells, both counted together: least squares has a closed form.
    #[test]
    fn least_squares_is_the_closed_form() {
        let rows = vec![vec![(0, 1.0), (1, 1.0)]];
        let (prior, counts) = ([100.0, 50.0], [180.0]);
        let problem = Problem {
            prior: &prior,
            counts: &counts,
            rows: &rows,
        };
        let x = problem.solve(FitMethod::LeastSquares { prior_cv: 0.3 });
        let (a, b) = (900.0, 225.0);
        let gain = 30.0 / (a + b + 180.0);
        assert!((x[0] - (100.0 + a * gain)).abs() < 1e-6, "{x:?}");
        assert!((x[1] - (50.0 + b * gain)).abs() < 1e-6, "{x:?}");
    }

    #[test]
    fn entropy_scales_what_is_counted_alone() {
        let rows = vec![vec![(0, 1.0), (1, 1.0)], vec![(2, 0.5)]];
        let (prior, counts) = ([100.0, 50.0, 80.0, 7.0], [300.0, 20.0]);
        let problem = Problem {
            prior: &prior,
            counts: &counts,
            rows: &rows,
        };
        let x = problem.solve(FitMethod::Entropy);
        for (x, expected) in x.iter().zip([200.0, 100.0, 40.0, 7.0]) {
            assert!((x - expected).abs() < 1e-3, "{x} {expected}");
        }
    }

    proptest! {
        #[test]
        fn no_cell_falls_below_nothing_and_counts_come_nearer(
            prior in prop::collection::vec(0.0..200.0_f64, 2..12),
            shares in prop::collection::vec(0.0..1.0_f64, 24),
            counts in prop::collection::vec(0.0..500.0_f64, 2),
        ) {
            let n = prior.len();
            let row = |a: usize| (0..n).map(|k| (k as u32, shares[a * 12 + k])).collect::<Vec<_>>();
            let rows = vec![row(0), row(1)];
            let problem = Problem { prior: &prior, counts: &counts, rows: &rows };
            let off = |x: &[f64]| -> f64 {
                rows.iter().zip(&counts).map(|(row, y)| {
                    let sum: f64 = row.iter().map(|(k, p)| p * x[*k as usize]).sum();
                    (sum - y).powi(2) / y.max(1.0)
                }).sum()
            };
            let x = problem.solve(FitMethod::LeastSquares { prior_cv: 0.3 });
            prop_assert!(x.iter().all(|v| *v >= 0.0));
            prop_assert!(off(&x) <= off(&prior) + 1e-6);
            let x = problem.solve(FitMethod::Entropy);
            prop_assert!(x.iter().all(|v| *v >= 0.0 && v.is_finite()));
        }
    }
}
