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
    statistics::AUTOCORRELATION,
    delineation::COMMUNITIES,
    statistics::CONVERGENCE,
    structure::COUPLING,
    structure::GRAVITY,
    structure::INDUSTRY,
    statistics::INEQUALITY,
    cooperation::NUCLEOLUS,
    cooperation::P_MEDIAN,
    delineation::PERCOLATION,
    structure::POSITION,
    cooperation::RIVER,
    cooperation::SHAPLEY,
    statistics::SIZES,
    traffic::CONTROL,
    transit::REACH,
];
