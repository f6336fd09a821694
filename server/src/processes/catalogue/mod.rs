//! The processes of this build: a thin face over each model, one file an engine.

mod cooperation;
mod delineation;
mod statistics;
mod structure;
mod traffic;
mod transit;

use super::Process;

/// All, by id.
pub(super) const ALL: &[Process] = &[
    cooperation::NUCLEOLUS,
    cooperation::P_MEDIAN,
    cooperation::RIVER,
    cooperation::SHAPLEY,
    delineation::COMMUNITIES,
    delineation::PERCOLATION,
    statistics::AUTOCORRELATION,
    statistics::CONVERGENCE,
    statistics::INEQUALITY,
    statistics::SIZES,
    structure::COUPLING,
    structure::GRAVITY,
    structure::INDUSTRY,
    structure::POSITION,
    traffic::CONTROL,
    transit::REACH,
];
