//! Local statistics: one number a unit.

use serde::Serialize;

use crate::RegionError;
use crate::autocorrelation::conditional::{Permutations, neighbour_p_with};
use crate::autocorrelation::deviations;
use crate::watch::{OnStep, unwatched};
use crate::weights::Weights;

/// Where a unit stands in the Moran scatterplot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Quadrant {
    /// 1: high among high.
    HighHigh,
    /// 2: low among high.
    LowHigh,
    /// 3: low among low.
    LowLow,
    /// 4: high among low.
    HighLow,
}

impl Quadrant {
    fn of(z: f64, lag: f64) -> Self {
        match (z > 0.0, lag > 0.0) {
            (true, true) => Self::HighHigh,
            (false, true) => Self::LowHigh,
            (false, false) => Self::LowLow,
            (true, false) => Self::HighLow,
        }
    }

    /// Number 1 to 4, as GeoDa and PySAL print it.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::HighHigh => 1,
            Self::LowHigh => 2,
            Self::LowLow => 3,
            Self::HighLow => 4,
        }
    }
}

/// Local Moran of one unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LocalMoranUnit {
    /// I_i; 0 for an island.
    pub i: f64,
    /// Quadrant of (own deviation, lag).
    pub quadrant: Quadrant,
    /// Pseudo p of conditional permutation, folded to the smaller tail; none for an island.
    pub p: Option<f64>,
}

/// Local Moran of all units.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LocalMoran {
    /// One a unit, in order.
    pub units: Vec<LocalMoranUnit>,
    /// Permutations behind each p.
    pub permutations: usize,
}

/// Local Moran I_i = z_i (Wz)_i (n-1)/sum z^2 (Anselin 1995) with pseudo p.
///
/// # Errors
/// As [`neighbour_p`].
pub fn local_moran(
    values: &[f64],
    weights: &Weights,
    permutations: Permutations,
) -> Result<LocalMoran, RegionError> {
    local_moran_with(values, weights, permutations, &unwatched)
}

/// [`local_moran`] that tells how many blocks of units of how many are done, and stops where
/// `progress` breaks.
///
/// # Errors
/// As [`local_moran`]; [`RegionError::Stopped`].
pub fn local_moran_with(
    values: &[f64],
    weights: &Weights,
    permutations: Permutations,
    progress: OnStep<'_>,
) -> Result<LocalMoran, RegionError> {
    let (_, z) = deviations("local Moran", values, weights)?;
    let scale = (values.len() as f64 - 1.0) / z.iter().map(|z| z * z).sum::<f64>();
    let p = neighbour_p_with(values, weights, permutations, progress)?;
    let units = z
        .iter()
        .zip(weights.lag(&z)?)
        .zip(p)
        .map(|((&z, lag), p)| LocalMoranUnit {
            i: z * lag * scale,
            quadrant: Quadrant::of(z, lag),
            p,
        })
        .collect();
    Ok(LocalMoran {
        units,
        permutations: permutations.draws,
    })
}

/// G* of one unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct GStarUnit {
    /// The z-score of Ord and Getis (1995): the hot-spot statistic.
    pub z: f64,
    /// (Weighted mean over the unit and its neighbours - mean)/s. Some programs print this as the
    /// G* of row-standardised weights; it is no z-score.
    pub mean_deviation_sd: f64,
}

/// G*_i for weights without self links; each unit gets itself as a neighbour with weight 1 (for row
/// i of binary weights), or with the mean weight of its row otherwise, so that row-standardised and
/// binary weights give one answer. Pseudo p: [`neighbour_p`].
///
/// # Errors
/// `Shape`, `Option`: one finite value a unit, at least 4 units, values that vary; a unit that is
/// neighbour to all others and itself has no variance.
pub fn g_star(values: &[f64], weights: &Weights) -> Result<Vec<GStarUnit>, RegionError> {
    let (mean, z) = deviations("G*", values, weights)?;
    let n = values.len() as f64;
    let s = (z.iter().map(|z| z * z).sum::<f64>() / n).sqrt();
    (0..values.len())
        .map(|i| {
            let (_, ws) = weights.row(i);
            let own = match ws.len() {
                0 => 1.0,
                links => ws.iter().sum::<f64>() / links as f64,
            };
            let sum = own + ws.iter().sum::<f64>();
            let squares = own * own + ws.iter().map(|w| w * w).sum::<f64>();
            let local = own * values[i] + weights.lag_of(i, values);
            let spread = (n * squares - sum * sum) / (n - 1.0);
            if spread <= 1e-12 * sum * sum {
                return Err(RegionError::option(
                    "G*",
                    format!("unit {i} is neighbour to all units; G* needs units far away too"),
                ));
            }
            Ok(GStarUnit {
                z: (local - mean * sum) / (s * spread.sqrt()),
                mean_deviation_sd: (local / sum - mean) / s,
            })
        })
        .collect()
}
