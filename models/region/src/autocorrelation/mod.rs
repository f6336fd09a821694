//! Spatial autocorrelation: global and local statistics with analytic variances and with
//! permutations.
//!
//! Sources: Moran 1950, Geary 1954, Cliff and Ord 1981 (variances, join counts), Getis and Ord 1992
//! (G), Ord and Getis 1995 (G*), Anselin 1995 (local Moran, conditional permutation). Formulas and
//! traps: `docs/region/statistics.md`.

mod conditional;
mod global;
mod joins;
mod local;

pub use conditional::{Permutations, neighbour_p};
pub use global::{
    BivariateMoran, Geary, GetisOrdG, Moran, Test, bivariate_moran, geary, getis_ord_g, moran,
    moran_permuted,
};
pub use joins::{JoinCounts, join_counts};
pub use local::{
    GStarUnit, LocalMoran, LocalMoranUnit, Quadrant, g_star, local_moran, local_moran_with,
};

use crate::RegionError;
use crate::weights::Weights;

/// Mean and deviations from it of values that are fit for a statistic over `weights`.
pub(crate) fn deviations(
    what: &str,
    values: &[f64],
    weights: &Weights,
) -> Result<(f64, Vec<f64>), RegionError> {
    RegionError::same_len(&format!("values of {what}"), weights.len(), values.len())?;
    if values.len() < 4 {
        return Err(RegionError::option(
            what,
            format!("{} units; its variance needs at least 4", values.len()),
        ));
    }
    if weights.links() == 0 {
        return Err(RegionError::option(
            what,
            "no unit has a neighbour; use a larger band or k nearest neighbours",
        ));
    }
    finite(what, values)?;
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let z: Vec<f64> = values.iter().map(|x| x - mean).collect();
    let largest = values.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
    if z.iter().all(|z| z.abs() <= 1e-14 * largest) {
        return Err(RegionError::option(
            what,
            "all values are equal; there is no variation to place",
        ));
    }
    Ok((mean, z))
}

/// Refuses a value that is no finite number, naming its place.
pub(crate) fn finite(what: &str, values: &[f64]) -> Result<(), RegionError> {
    match values.iter().position(|v| !v.is_finite()) {
        Some(at) => Err(RegionError::option(
            what,
            format!(
                "value {at} is {}; every unit needs a finite value",
                values[at]
            ),
        )),
        None => Ok(()),
    }
}
