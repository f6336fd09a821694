//! Do places grow alike, and do neighbours matter?
//!
//! Sources: Barro and Sala-i-Martin 1992 (beta, sigma), Phillips and Sul 2007, 2009 (log t, clubs),
//! Quah 1993 and Rey 2001 (Markov, spatial Markov), Anselin 1988 and LeSage and Pace 2009 (spatial
//! regressions, impacts). Formulas: `docs/region/statistics.md`.

mod clubs;
mod growth;
mod log_t;
mod markov;
mod ols;
mod spatial_regression;

pub use clubs::{Club, Clubs, convergence_clubs, merge_clubs};
pub use growth::{Beta, beta_convergence, sigma_convergence};
pub use log_t::{LogT, LogTOptions, log_t};
pub use markov::{Markov, SpatialMarkov, markov, quantile_classes, spatial_markov};
pub use ols::{Column, Ols, ols};
pub use spatial_regression::{Impact, SpatialFit, SpatialModel, spatial_regression};

use crate::RegionError;

/// Units and periods of a panel, one row a unit.
pub(crate) fn panel_shape(what: &str, panel: &[Vec<f64>]) -> Result<(usize, usize), RegionError> {
    let periods = panel.first().map_or(0, Vec::len);
    if panel.len() < 2 || periods < 2 {
        return Err(RegionError::option(
            what,
            format!(
                "{} units x {periods} periods; give at least 2 x 2",
                panel.len()
            ),
        ));
    }
    for (unit, row) in panel.iter().enumerate() {
        RegionError::same_len(
            &format!("periods of unit {unit} ({what})"),
            periods,
            row.len(),
        )?;
        if let Some(at) = row.iter().position(|v| !v.is_finite()) {
            return Err(RegionError::option(
                what,
                format!(
                    "unit {unit} has {} in period {at}; give finite values",
                    row[at]
                ),
            ));
        }
    }
    Ok((panel.len(), periods))
}
