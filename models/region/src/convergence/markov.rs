//! Mobility: how units move between classes of the distribution, and whether rich neighbours help.

use nalgebra::{DMatrix, DVector};
use serde::Serialize;

use crate::RegionError;
use crate::autocorrelation::finite;
use crate::convergence::panel_shape;
use crate::weights::Weights;

/// Most classes.
const CLASSES_MAX: usize = 100;

/// A Markov chain counted from moves between classes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Markov {
    /// Moves from class (row) to class (column).
    pub transitions: Vec<Vec<u64>>,
    /// Rows divided by their sums; a class never left from has a row of 0.
    pub probabilities: Vec<Vec<f64>>,
    /// Shares that the moves leave as they are; none unless there is exactly one such distribution.
    pub steady_state: Option<Vec<f64>>,
}

/// A chain for each class of the neighbours.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SpatialMarkov {
    /// All moves.
    pub all: Markov,
    /// Moves of units whose lag was in class 0, 1, ... before the move.
    pub by_lag_class: Vec<Markov>,
}

/// Class 0 to `classes` - 1 of each value: the number of quantiles (linear interpolation) strictly
/// below it.
///
/// # Errors
/// `Option` unless 2 to 100 classes and finite values, at least one.
pub fn quantile_classes(values: &[f64], classes: usize) -> Result<Vec<usize>, RegionError> {
    check_classes(classes)?;
    finite("quantile classes", values)?;
    if values.is_empty() {
        return Err(RegionError::option(
            "quantile classes",
            "no values are given",
        ));
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let cuts: Vec<f64> = (1..classes)
        .map(|c| {
            let at = (sorted.len() - 1) as f64 * c as f64 / classes as f64;
            let below = at.floor() as usize; // 0..len, at is finite and at least 0
            let above = (below + 1).min(sorted.len() - 1);
            sorted[below] + (sorted[above] - sorted[below]) * (at - below as f64)
        })
        .collect();
    Ok(values
        .iter()
        .map(|v| cuts.iter().filter(|cut| *cut < v).count())
        .collect())
}

fn check_classes(classes: usize) -> Result<(), RegionError> {
    if (2..=CLASSES_MAX).contains(&classes) {
        return Ok(());
    }
    Err(RegionError::option(
        "classes",
        format!("{classes}; choose 2 to {CLASSES_MAX}"),
    ))
}

/// The chain of moves between the quantile classes of each period.
///
/// # Errors
/// `Option`, `Shape`: at least 2 units x 2 periods of finite values, 2 to 100 classes.
pub fn markov(panel: &[Vec<f64>], classes: usize) -> Result<Markov, RegionError> {
    let own = classes_by_period(panel, classes)?;
    Ok(count(classes, moves(&own)))
}

/// As [`markov`], also apart by the class of the spatial lag before the move; lags are classed within
/// their period like values (Rey 2001).
///
/// # Errors
/// As [`markov`]; `Shape` unless there is one row a unit of `weights`.
pub fn spatial_markov(
    panel: &[Vec<f64>],
    weights: &Weights,
    classes: usize,
) -> Result<SpatialMarkov, RegionError> {
    let (_, periods) = panel_shape("spatial Markov", panel)?;
    let own = classes_by_period(panel, classes)?;
    let mut lags = vec![Vec::with_capacity(periods); panel.len()];
    for t in 0..periods {
        let year: Vec<f64> = panel.iter().map(|row| row[t]).collect();
        for (row, lag) in lags.iter_mut().zip(weights.lag(&year)?) {
            row.push(lag);
        }
    }
    let lag_classes = classes_by_period(&lags, classes)?;
    let by_lag_class = (0..classes)
        .map(|class| {
            let chosen = own.iter().zip(&lag_classes).flat_map(|(own, lag)| {
                own.windows(2)
                    .zip(lag)
                    .filter(move |(_, lag)| **lag == class)
                    .map(|(step, _)| (step[0], step[1]))
            });
            count(classes, chosen)
        })
        .collect();
    Ok(SpatialMarkov {
        all: count(classes, moves(&own)),
        by_lag_class,
    })
}

/// Classes, one row a unit.
fn classes_by_period(panel: &[Vec<f64>], classes: usize) -> Result<Vec<Vec<usize>>, RegionError> {
    let (units, periods) = panel_shape("Markov chain", panel)?;
    let mut rows = vec![Vec::with_capacity(periods); units];
    for t in 0..periods {
        let year: Vec<f64> = panel.iter().map(|row| row[t]).collect();
        for (row, class) in rows.iter_mut().zip(quantile_classes(&year, classes)?) {
            row.push(class);
        }
    }
    Ok(rows)
}

fn moves(classes: &[Vec<usize>]) -> impl Iterator<Item = (usize, usize)> + '_ {
    classes
        .iter()
        .flat_map(|row| row.windows(2).map(|step| (step[0], step[1])))
}

fn count(classes: usize, moves: impl Iterator<Item = (usize, usize)>) -> Markov {
    let mut transitions = vec![vec![0_u64; classes]; classes];
    for (from, to) in moves {
        transitions[from][to] += 1;
    }
    let probabilities: Vec<Vec<f64>> = transitions
        .iter()
        .map(|row| {
            let sum: u64 = row.iter().sum();
            row.iter().map(|&c| c as f64 / sum.max(1) as f64).collect()
        })
        .collect();
    Markov {
        steady_state: steady(&probabilities),
        transitions,
        probabilities,
    }
}

/// pi P = pi with sum 1: the equations (P' - I) pi = 0 and one more. None when a class is never left
/// from, or when more than one distribution stays as it is.
fn steady(p: &[Vec<f64>]) -> Option<Vec<f64>> {
    let k = p.len();
    if p.iter().any(|row| row.iter().sum::<f64>() < 0.5) {
        return None;
    }
    let equations = DMatrix::from_fn(k + 1, k, |i, j| {
        if i == k {
            1.0
        } else {
            p[j][i] - f64::from(u8::from(i == j))
        }
    });
    // The equations of the chain are dependent, and consistent with the last: a least-squares
    // solution is exact, and unique when the chain has one closed set of classes.
    let mut right = DVector::zeros(k + 1);
    right[k] = 1.0;
    let qr = equations.qr();
    let r = qr.r();
    if (0..k).any(|j| r[(j, j)].abs() < 1e-10) {
        return None;
    }
    let pi = r.solve_upper_triangular(&qr.q().tr_mul(&right))?;
    // Rounding may leave a share of 0 a hair below it.
    Some(pi.iter().map(|share| share.max(0.0)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn classes_count_the_quantiles_strictly_below() {
        // Median of 1 2 3 4 5 is 3: the value 3 is not above it.
        assert_eq!(
            quantile_classes(&[5.0, 3.0, 1.0, 4.0, 2.0], 2).unwrap(),
            [1, 0, 0, 1, 0]
        );
        assert!(quantile_classes(&[1.0], 1).is_err());
        assert!(quantile_classes(&[], 2).is_err());
        assert!(quantile_classes(&[f64::INFINITY], 2).is_err());
    }

    #[test]
    fn steady_states_exist_only_where_they_are_unique() {
        let p = steady(&[vec![0.9, 0.1], vec![0.3, 0.7]]).unwrap();
        assert!((p[0] - 0.75).abs() < 1e-12 && (p[1] - 0.25).abs() < 1e-12);
        assert!(steady(&[vec![1.0, 0.0], vec![0.0, 1.0]]).is_none());
        assert!(steady(&[vec![1.0, 0.0], vec![0.0, 0.0]]).is_none());
        // One absorbing class is unique.
        assert!((steady(&[vec![1.0, 0.0], vec![0.5, 0.5]]).unwrap()[0] - 1.0).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn moves_by_the_neighbours_class_sum_to_all_moves(
            values in prop::collection::vec(prop::collection::vec(0.0..1.0_f64, 6), 9),
            classes in 2..5_usize,
        ) {
            let ring: Vec<Vec<usize>> = (0..9).map(|i| vec![(i + 1) % 9, (i + 8) % 9]).collect();
            let w = Weights::from_neighbours(&ring).unwrap().row_standardised();
            let m = spatial_markov(&values, &w, classes).unwrap();
            prop_assert_eq!(&m.all, &markov(&values, classes).unwrap());
            for i in 0..classes {
                for j in 0..classes {
                    let sum: u64 = m.by_lag_class.iter().map(|c| c.transitions[i][j]).sum();
                    prop_assert_eq!(sum, m.all.transitions[i][j]);
                }
            }
            if let Some(pi) = &m.all.steady_state {
                for j in 0..classes {
                    let next: f64 = (0..classes).map(|i| pi[i] * m.all.probabilities[i][j]).sum();
                    prop_assert!((next - pi[j]).abs() < 1e-9);
                }
            }
        }
    }
}
