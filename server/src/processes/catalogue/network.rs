//! Flows, position and secondary cities as processes (docs/region/flows.md).

use conurb_region::RegionError;
use conurb_region::flows::{Radiation, Square, radiation};
use conurb_region::network::{
    PathCentrality, Polycentricity, inverse_flow, path_centrality, polycentricity, primary_flow,
    rank_slope,
};
use conurb_region::secondary::{BorrowedSize, Siphon, borrowed_size, dependence, siphon_watch};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::{Process, document};

/// `region.radiation`.
pub(super) const RADIATION: Process = Process::model::<RadiationInputs>(
    "region.radiation",
    "Radiation model of flows",
    "Flows without a parameter from populations and distances (Simini et al. 2012), with the factor \
     of a finite system (Masucci et al. 2013).",
    |inputs, _| document(inputs, radiate),
);
/// `region.polycentricity`.
pub(super) const POLYCENTRICITY: Process = Process::model::<PolycentricityInputs>(
    "region.polycentricity",
    "Polycentricity",
    "1 - SD / SD_max of centralities (Green 2007), with the density of ties, and the slope of \
     ln(rank) on ln(centrality).",
    |inputs, _| document(inputs, centres),
);
/// `region.paths`.
pub(super) const PATHS: Process = Process::model::<PathInputs>(
    "region.paths",
    "Paths and dominance in a network of flows",
    "Closeness and betweenness (Brandes 2001) with lengths 1/flow, the primary flow of each city \
     (Nystuen and Dacey 1961) and its dependence on a core.",
    |inputs, _| document(inputs, paths),
);
/// `region.siphon`.
pub(super) const SIPHON: Process = Process::model::<SiphonInputs>(
    "region.siphon",
    "Siphon watch",
    "Cities near a core whose share of all people falls.",
    |inputs, _| {
        document(
            inputs,
            |i: SiphonInputs| -> Result<Vec<Siphon>, RegionError> {
                siphon_watch(
                    &i.pop_then_persons,
                    &i.pop_now_persons,
                    &i.minutes_to_core,
                    i.core,
                    i.within_min,
                )
            },
        )
    },
);
/// `region.borrowed-size`.
pub(super) const BORROWED_SIZE: Process = Process::model::<BorrowedInputs>(
    "region.borrowed-size",
    "Borrowed size and agglomeration shadow",
    "Residual of ln(function) on ln(size), and whether it grows with access to a larger city \
     (Meijers and Burger 2017).",
    |inputs, _| {
        document(
            inputs,
            |i: BorrowedInputs| -> Result<BorrowedSize, RegionError> {
                borrowed_size(&i.size_persons, &i.function, &i.access)
            },
        )
    },
);

/// Inputs of `region.radiation`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RadiationInputs {
    /// People of each place.
    pop_persons: Vec<f64>,
    /// Travellers who leave each place.
    outflow: Vec<f64>,
    /// Distance or minutes, one row an origin, one value a destination.
    between: Vec<Vec<f64>>,
    /// Whether the factor of a finite system is applied.
    #[serde(default)]
    finite: bool,
}

fn radiate(i: RadiationInputs) -> Result<Radiation, RegionError> {
    let between = Square::new("distances", i.between.len(), i.between.concat())?;
    radiation(&i.pop_persons, &i.outflow, &between, i.finite)
}

/// Inputs of `region.polycentricity`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PolycentricityInputs {
    /// Centrality of each place, e.g. its strength.
    centrality: Vec<f64>,
    /// Ties, one row a place, one value a place: adds the density.
    #[serde(default)]
    ties: Option<Vec<Vec<f64>>>,
}

#[derive(Serialize)]
struct Centres {
    polycentricity: Polycentricity,
    rank_slope: f64,
    left_out_of_slope: usize,
}

fn centres(i: PolycentricityInputs) -> Result<Centres, RegionError> {
    let ties = (i.ties)
        .map(|t| Square::new("ties", t.len(), t.concat()))
        .transpose()?;
    let (rank_slope, left_out_of_slope) = rank_slope(&i.centrality)?;
    Ok(Centres {
        polycentricity: polycentricity(&i.centrality, ties.as_ref())?,
        rank_slope,
        left_out_of_slope,
    })
}

/// Inputs of `region.paths`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PathInputs {
    /// Flows, one row an origin, one value a destination.
    flows: Vec<Vec<f64>>,
    /// The core, by its place from 0.
    core: usize,
}

#[derive(Serialize)]
struct Paths {
    paths: PathCentrality,
    primary_flow: Vec<Option<usize>>,
    dependence: Vec<Option<f64>>,
}

fn paths(i: PathInputs) -> Result<Paths, RegionError> {
    let flows = Square::new("flows", i.flows.len(), i.flows.concat())?;
    Ok(Paths {
        paths: path_centrality(&inverse_flow(&flows)?)?,
        primary_flow: primary_flow(&flows)?,
        dependence: dependence(&flows, i.core)?,
    })
}

/// Inputs of `region.siphon`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SiphonInputs {
    /// People then.
    pop_then_persons: Vec<f64>,
    /// People now.
    pop_now_persons: Vec<f64>,
    /// Minutes to the core; null where there is no journey.
    minutes_to_core: Vec<Option<f64>>,
    /// The core, by its place from 0.
    core: usize,
    /// How near, min; 60 without.
    #[serde(default)]
    within_min: Option<f64>,
}

/// Inputs of `region.borrowed-size`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct BorrowedInputs {
    /// People of each city.
    size_persons: Vec<f64>,
    /// What the city does for others, e.g. jobs in services.
    function: Vec<f64>,
    /// Access to a larger city.
    access: Vec<f64>,
}
