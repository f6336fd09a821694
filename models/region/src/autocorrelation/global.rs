//! Global statistics: one number for the whole map.

use conurb_base::stream;
use rand::seq::SliceRandom;
use rayon::prelude::*;
use serde::Serialize;
use statrs::function::erf::erfc;

use crate::RegionError;
use crate::autocorrelation::conditional::{Permutations, folded_p, rounding};
use crate::autocorrelation::{deviations, finite};
use crate::weights::{WeightSums, Weights};

/// A test against "no spatial pattern" under one assumption.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Test {
    /// Variance of the statistic.
    pub variance: f64,
    /// Standard score.
    pub z: f64,
    /// Two-sided normal p.
    pub p: f64,
}

impl Test {
    pub(crate) fn of(value: f64, expected: f64, variance: f64) -> Self {
        let z = (value - expected) / variance.sqrt();
        Self {
            variance,
            z,
            p: erfc(z.abs() / std::f64::consts::SQRT_2),
        }
    }
}

/// Moran's I.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Moran {
    /// The statistic.
    pub i: f64,
    /// Its expectation, -1/(n-1).
    pub expected: f64,
    /// Under normality.
    pub normal: Test,
    /// Under randomisation.
    pub randomised: Test,
    /// Units without neighbours; they count in n.
    pub islands: usize,
}

/// Moran's I with analytic variances (Cliff and Ord 1981).
///
/// # Errors
/// `Shape`, `Option`: one finite value a unit, at least 4 units, values that vary, some neighbours.
pub fn moran(values: &[f64], weights: &Weights) -> Result<Moran, RegionError> {
    let (_, z) = deviations("Moran's I", values, weights)?;
    let sums = weights.sums();
    let WeightSums { s0, s1, s2 } = sums;
    let n = values.len() as f64;
    let (m2, m4) = (power_sum(&z, 2), power_sum(&z, 4));
    let i = n / s0 * cross(&z, &z, weights) / m2;
    let expected = -1.0 / (n - 1.0);
    let normal =
        (n * n * s1 - n * s2 + 3.0 * s0 * s0) / ((n * n - 1.0) * s0 * s0) - expected * expected;
    let kurtosis = n * m4 / (m2 * m2);
    let randomised = (n * ((n * n - 3.0 * n + 3.0) * s1 - n * s2 + 3.0 * s0 * s0)
        - kurtosis * ((n * n - n) * s1 - 2.0 * n * s2 + 6.0 * s0 * s0))
        / ((n - 1.0) * (n - 2.0) * (n - 3.0) * s0 * s0)
        - expected * expected;
    Ok(Moran {
        i,
        expected,
        normal: Test::of(i, expected, normal),
        randomised: Test::of(i, expected, randomised),
        islands: weights.islands().len(),
    })
}

/// Pseudo p of Moran's I: values are shuffled over all units.
///
/// # Errors
/// As [`moran`], and for permutations outside their limits.
pub fn moran_permuted(
    values: &[f64],
    weights: &Weights,
    permutations: Permutations,
) -> Result<f64, RegionError> {
    let (_, z) = deviations("Moran's I", values, weights)?;
    let observed = cross(&z, &z, weights);
    shuffled_p(&z, observed, permutations, |shuffled| {
        cross(shuffled, shuffled, weights)
    })
}

/// Bivariate Moran's I: does x go with y next door?
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BivariateMoran {
    /// The statistic: x here against y of the neighbours, both standardised.
    pub i: f64,
    /// Pseudo p, y shuffled over the units.
    pub p: f64,
}

/// Bivariate Moran's I = (n/S0) sum z_x (W z_y) / n with standardised x and y (Anselin, Syabri and
/// Smirnov 2002).
///
/// # Errors
/// As [`moran_permuted`].
pub fn bivariate_moran(
    x: &[f64],
    y: &[f64],
    weights: &Weights,
    permutations: Permutations,
) -> Result<BivariateMoran, RegionError> {
    let (_, zx) = deviations("bivariate Moran's I, x", x, weights)?;
    let (_, zy) = deviations("bivariate Moran's I, y", y, weights)?;
    let scale = (power_sum(&zx, 2) * power_sum(&zy, 2)).sqrt();
    let observed = cross(&zx, &zy, weights);
    Ok(BivariateMoran {
        i: x.len() as f64 / weights.sums().s0 * observed / scale,
        p: shuffled_p(&zy, observed, permutations, |y| cross(&zx, y, weights))?,
    })
}

/// Geary's C.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Geary {
    /// The statistic; its expectation is 1, below 1 is positive autocorrelation.
    pub c: f64,
    /// Under normality.
    pub normal: Test,
}

/// Geary's C with its variance under normality.
///
/// # Errors
/// As [`moran`].
pub fn geary(values: &[f64], weights: &Weights) -> Result<Geary, RegionError> {
    let (_, z) = deviations("Geary's C", values, weights)?;
    let WeightSums { s0, s1, s2 } = weights.sums();
    let n = values.len() as f64;
    let squares: f64 = weights
        .iter()
        .map(|(i, j, w)| w * (z[i] - z[j]) * (z[i] - z[j]))
        .sum();
    let c = (n - 1.0) * squares / (2.0 * s0 * power_sum(&z, 2));
    let variance = ((2.0 * s1 + s2) * (n - 1.0) - 4.0 * s0 * s0) / (2.0 * (n + 1.0) * s0 * s0);
    Ok(Geary {
        c,
        normal: Test::of(c, 1.0, variance),
    })
}

/// General G of Getis and Ord.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct GetisOrdG {
    /// The statistic: the share of all products of pairs that neighbours have.
    pub g: f64,
    /// Its expectation, S0/(n(n-1)).
    pub expected: f64,
    /// Under randomisation.
    pub randomised: Test,
}

/// General G (Getis and Ord 1992); meant for binary weights and values of at least 0.
///
/// # Errors
/// As [`moran`], and `Option` for negative values.
pub fn getis_ord_g(values: &[f64], weights: &Weights) -> Result<GetisOrdG, RegionError> {
    deviations("general G", values, weights)?;
    if let Some(at) = values.iter().position(|v| *v < 0.0) {
        return Err(RegionError::option(
            "general G",
            format!(
                "value {at} is {}; it is defined for values of at least 0",
                values[at]
            ),
        ));
    }
    let WeightSums { s0, s1, s2 } = weights.sums();
    let n = values.len() as f64;
    let m = |k| power_sum(values, k);
    let (m1, m2, m3, m4) = (m(1), m(2), m(3), m(4));
    let g = cross(values, values, weights) / (m1 * m1 - m2);
    let expected = s0 / (n * (n - 1.0));
    let b0 = (n * n - 3.0 * n + 3.0) * s1 - n * s2 + 3.0 * s0 * s0;
    let b1 = -((n * n - n) * s1 - 2.0 * n * s2 + 6.0 * s0 * s0);
    let b2 = -(2.0 * n * s1 - (n + 3.0) * s2 + 6.0 * s0 * s0);
    let b3 = 4.0 * (n - 1.0) * s1 - 2.0 * (n + 1.0) * s2 + 8.0 * s0 * s0;
    let b4 = s1 - s2 + s0 * s0;
    let square = (b0 * m2 * m2 + b1 * m4 + b2 * m1 * m1 * m2 + b3 * m1 * m3 + b4 * m1.powi(4))
        / ((m1 * m1 - m2).powi(2) * n * (n - 1.0) * (n - 2.0) * (n - 3.0));
    Ok(GetisOrdG {
        g,
        expected,
        randomised: Test::of(g, expected, square - expected * expected),
    })
}

fn power_sum(values: &[f64], k: i32) -> f64 {
    values.iter().map(|v| v.powi(k)).sum()
}

/// sum_i x_i sum_j w_ij y_j.
fn cross(x: &[f64], y: &[f64], weights: &Weights) -> f64 {
    x.iter()
        .enumerate()
        .map(|(i, x)| x * weights.lag_of(i, y))
        .sum()
}

/// Pseudo p of a statistic of shuffled values, folded to the smaller tail. Every permutation has a
/// random stream of its own, so threads change nothing.
pub(crate) fn shuffled_p(
    values: &[f64],
    observed: f64,
    permutations: Permutations,
    statistic: impl Fn(&[f64]) -> f64 + Sync,
) -> Result<f64, RegionError> {
    finite("permuted values", values)?;
    let draws = permutations.checked()?;
    let slack = rounding(observed);
    let (at_least, at_most) = (0..draws)
        .into_par_iter()
        .map_init(
            || values.to_vec(),
            |shuffled, draw| {
                shuffled.copy_from_slice(values);
                let mut random = stream(permutations.seed, &draw.to_string(), "region shuffle");
                shuffled.shuffle(&mut random);
                let value = statistic(shuffled);
                (
                    usize::from(value >= observed - slack),
                    usize::from(value <= observed + slack),
                )
            },
        )
        .reduce(|| (0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    Ok(folded_p(at_least, at_most, draws))
}
