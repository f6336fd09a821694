//! Join counts: do units that have something border one another more often than by chance?

use serde::Serialize;

use crate::RegionError;
use crate::autocorrelation::conditional::Permutations;
use crate::autocorrelation::deviations;
use crate::autocorrelation::global::{Test, shuffled_p};
use crate::weights::{WeightSums, Weights};

/// Join counts of black (true) and white units; for symmetric binary weights, numbers of joins.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct JoinCounts {
    /// Joins of black with black.
    pub bb: f64,
    /// Joins of white with white.
    pub ww: f64,
    /// Joins of black with white.
    pub bw: f64,
    /// Expected BB when the same number of black units is placed at random.
    pub bb_expected: f64,
    /// Expected BW likewise.
    pub bw_expected: f64,
    /// BB against placement without replacement.
    pub bb_test: Test,
    /// BW against placement without replacement.
    pub bw_test: Test,
    /// Pseudo p of BB, placements shuffled.
    pub bb_p: f64,
}

/// Join counts with the moments of sampling without replacement (Cliff and Ord 1981, ch. 2):
/// BB = (1/2) sum w x_i x_j, BW = (1/2) sum w (x_i - x_j)^2.
///
/// # Errors
/// As [`moran`](super::moran): in particular both colours must occur.
pub fn join_counts(
    black: &[bool],
    weights: &Weights,
    permutations: Permutations,
) -> Result<JoinCounts, RegionError> {
    let x: Vec<f64> = black.iter().map(|&b| f64::from(u8::from(b))).collect();
    deviations("join counts", &x, weights)?;
    let sums = weights.sums();
    let (n, n1) = (x.len() as f64, x.iter().sum::<f64>());
    let n0 = n - n1;
    let bb = both(&x, weights);
    let bw = weights
        .iter()
        .map(|(i, j, w)| w * (x[i] - x[j]).abs())
        .sum::<f64>()
        / 2.0;
    let WeightSums { s0, s1, s2 } = sums;
    // Falling factorials of n.
    let (f2, f3, f4) = (
        n * (n - 1.0),
        n * (n - 1.0) * (n - 2.0),
        n * (n - 1.0) * (n - 2.0) * (n - 3.0),
    );
    let bb_expected = s0 / 2.0 * n1 * (n1 - 1.0) / f2;
    let (two, three) = (s1, s2 - 2.0 * s1);
    let four = s0 * s0 + s1 - s2;
    let bb_square = (two * n1 * (n1 - 1.0) / f2
        + three * n1 * (n1 - 1.0) * (n1 - 2.0) / f3
        + four * n1 * (n1 - 1.0) * (n1 - 2.0) * (n1 - 3.0) / f4)
        / 4.0;
    let bw_expected = s0 * n1 * n0 / f2;
    let bw_square = (2.0 * two * n1 * n0 / f2
        + three * n1 * n0 * (n - 2.0) / f3
        + 4.0 * four * n1 * (n1 - 1.0) * n0 * (n0 - 1.0) / f4)
        / 4.0;
    Ok(JoinCounts {
        bb,
        ww: s0 / 2.0 - bb - bw,
        bw,
        bb_expected,
        bw_expected,
        bb_test: Test::of(bb, bb_expected, bb_square - bb_expected * bb_expected),
        bw_test: Test::of(bw, bw_expected, bw_square - bw_expected * bw_expected),
        bb_p: shuffled_p(&x, bb, permutations, |x| both(x, weights))?,
    })
}

fn both(x: &[f64], weights: &Weights) -> f64 {
    let joins: f64 = weights.iter().map(|(i, j, w)| w * x[i] * x[j]).sum();
    joins / 2.0
}
