//! Inequality between places or persons, and what part of it lies between groups.
//!
//! Sources: Gini 1912, Theil 1967, Atkinson 1970, Dagum 1997, Rey and Smith 2013 (spatial Gini),
//! Palma 2011. Formulas: `docs/region/statistics.md`. Decompositions are computed part by part and
//! must close within 1e-9, or they are an error (`CNB-REGION-0005`).

mod decompose;
mod indices;

pub use decompose::{
    Dagum, GroupPart, SpatialGini, TheilParts, dagum, spatial_gini, theil_groups,
    theil_population_groups,
};
pub use indices::{
    atkinson, coefficient_of_variation, gini, gini_weighted, mean_log_deviation, palma_ratio,
    theil, theil_population,
};

use crate::RegionError;

/// Largest relative gap between a total and its parts.
const CLOSES: f64 = 1e-9;

/// The sum of values of at least 0 that are fit for an index.
pub(crate) fn total(what: &str, values: &[f64]) -> Result<f64, RegionError> {
    if values.is_empty() {
        return Err(RegionError::option(what, "no values are given"));
    }
    if let Some(at) = values.iter().position(|v| !(v.is_finite() && *v >= 0.0)) {
        return Err(RegionError::option(
            what,
            format!(
                "value {at} is {}; it is defined for finite values of at least 0",
                values[at]
            ),
        ));
    }
    let sum: f64 = values.iter().sum();
    if sum <= 0.0 {
        return Err(RegionError::option(
            what,
            "all values are 0; there is nothing to share",
        ));
    }
    Ok(sum)
}

/// Refuses values of 0, for indices that take their logarithm.
pub(crate) fn positive(what: &str, values: &[f64]) -> Result<(), RegionError> {
    match values.iter().position(|v| *v <= 0.0) {
        Some(at) => Err(RegionError::option(
            what,
            format!(
                "value {at} is {}; it is defined for values above 0",
                values[at]
            ),
        )),
        None => Ok(()),
    }
}

/// Refuses parts that do not give their total.
pub(crate) fn closes(what: &str, total: f64, parts: f64) -> Result<(), RegionError> {
    if (total - parts).abs() <= CLOSES * total.abs().max(1.0) {
        return Ok(());
    }
    Err(RegionError::DoesNotAddUp {
        what: what.to_owned(),
        total,
        parts,
    })
}
