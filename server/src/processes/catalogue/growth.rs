//! Clubs and chains of growing regions as processes (docs/region/statistics.md).

use conurb_region::RegionError;
use conurb_region::convergence::{
    Clubs, LogT, LogTOptions, SpatialMarkov, convergence_clubs, log_t, merge_clubs, spatial_markov,
};
use conurb_region::weights::Weights;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::{Process, document};

/// `region.convergence-clubs`.
pub(super) const CLUBS: Process = Process::model::<ClubInputs>(
    "region.convergence-clubs",
    "Log t test and convergence clubs",
    "Whether a panel converges (log t test) and which units form clubs, before and after merging \
     (Phillips and Sul 2007, 2009).",
    |inputs, _| document(inputs, clubs),
);
/// `region.spatial-markov`.
pub(super) const SPATIAL_MARKOV: Process = Process::model::<ChainInputs>(
    "region.spatial-markov",
    "Markov chain conditioned on neighbours",
    "Moves between quantile classes of all units, and by the class of their neighbours (Rey 2001).",
    |inputs, _| document(inputs, chain),
);

/// Inputs of `region.convergence-clubs`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ClubInputs {
    /// One row a unit, one value a period, all above 0.
    panel: Vec<Vec<f64>>,
    /// Share of the first periods left out of the regression.
    #[serde(default = "third")]
    trimmed_share: f64,
}

const fn third() -> f64 {
    0.3
}

#[derive(Serialize)]
struct ClubsFound {
    all: LogT,
    clubs: Clubs,
    merged: Clubs,
}

fn clubs(i: ClubInputs) -> Result<ClubsFound, RegionError> {
    let options = LogTOptions {
        trimmed_share: i.trimmed_share,
    };
    let clubs = convergence_clubs(&i.panel, options)?;
    Ok(ClubsFound {
        all: log_t(&i.panel, options)?,
        merged: merge_clubs(&i.panel, &clubs, options)?,
        clubs,
    })
}

/// Inputs of `region.spatial-markov`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ChainInputs {
    /// One row a unit, one value a period.
    panel: Vec<Vec<f64>>,
    /// The neighbours of each unit, by their places from 0.
    neighbours: Vec<Vec<usize>>,
    /// Quantile classes.
    #[serde(default = "five")]
    classes: usize,
}

const fn five() -> usize {
    5
}

fn chain(i: ChainInputs) -> Result<SpatialMarkov, RegionError> {
    let weights = Weights::from_neighbours(&i.neighbours)?.row_standardised();
    spatial_markov(&i.panel, &weights, i.classes)
}
