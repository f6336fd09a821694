//! The processes of this build: a thin face over each model, one file a group of them.

mod areas;
mod cooperation;
mod decisions;
mod delineation;
mod economy;
mod growth;
mod lines;
mod network;
mod sharing;
mod statistics;
mod structure;
mod traffic;
mod transit;

use super::Process;

/// All, by id.
pub(super) const ALL: &[Process] = &[
    sharing::AIRPORT,
    decisions::ALLOCATION,
    statistics::AUTOCORRELATION,
    sharing::BANKRUPTCY,
    network::BORROWED_SIZE,
    delineation::COMMUNITIES,
    statistics::CONVERGENCE,
    growth::CLUBS,
    sharing::CORE,
    structure::COUPLING,
    areas::DEGURBA,
    decisions::FACILITIES,
    areas::FUNCTIONAL_AREAS,
    structure::GRAVITY,
    economy::INCENTIVE_RACE,
    economy::INDICATOR_WEIGHTS,
    structure::INDUSTRY,
    statistics::INEQUALITY,
    decisions::LINKS,
    cooperation::NUCLEOLUS,
    cooperation::P_MEDIAN,
    network::PATHS,
    delineation::PERCOLATION,
    network::POLYCENTRICITY,
    structure::POSITION,
    network::RADIATION,
    economy::RELATEDNESS,
    cooperation::RIVER,
    cooperation::SHAPLEY,
    sharing::SHAPLEY_SAMPLED,
    economy::SHIFT_SHARE,
    network::SIPHON,
    statistics::SIZES,
    growth::SPATIAL_MARKOV,
    traffic::CONTROL,
    lines::ALL_PAIRS,
    lines::LEAVE_ONE_OUT,
    transit::REACH,
];
