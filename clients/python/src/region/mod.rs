//! Regions for Python: statistics, flows, places, cooperation, facts.

mod cooperate;
mod flows;
mod places;
mod statistics;

use pyo3::prelude::*;

/// Puts the classes and functions into the native module.
pub(crate) fn add(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<statistics::Weights>()?;
    m.add_function(wrap_pyfunction!(statistics::global_autocorrelation, m)?)?;
    m.add_function(wrap_pyfunction!(statistics::local_moran, m)?)?;
    m.add_function(wrap_pyfunction!(statistics::g_star, m)?)?;
    m.add_function(wrap_pyfunction!(statistics::inequality_index, m)?)?;
    m.add_function(wrap_pyfunction!(statistics::inequality_groups, m)?)?;
    m.add_function(wrap_pyfunction!(statistics::beta_convergence, m)?)?;
    m.add_function(wrap_pyfunction!(statistics::sigma_convergence, m)?)?;
    m.add_function(wrap_pyfunction!(statistics::rank_size, m)?)?;
    m.add_function(wrap_pyfunction!(statistics::coupling, m)?)?;
    m.add_function(wrap_pyfunction!(flows::gravity, m)?)?;
    m.add_function(wrap_pyfunction!(flows::fit_gravity, m)?)?;
    m.add_function(wrap_pyfunction!(flows::centrality, m)?)?;
    m.add_function(wrap_pyfunction!(flows::communities, m)?)?;
    m.add_function(wrap_pyfunction!(flows::location_quotients, m)?)?;
    m.add_function(wrap_pyfunction!(flows::structure_pairs, m)?)?;
    m.add_class::<places::Percolation>()?;
    m.add_function(wrap_pyfunction!(places::fact_table, m)?)?;
    m.add_function(wrap_pyfunction!(places::cluster_members, m)?)?;
    m.add_function(wrap_pyfunction!(places::reference_places, m)?)?;
    m.add_class::<cooperate::Game>()?;
    m.add_function(wrap_pyfunction!(cooperate::bankruptcy, m)?)?;
    m.add_function(wrap_pyfunction!(cooperate::river_shares, m)?)?;
    m.add_function(wrap_pyfunction!(cooperate::p_median, m)?)?;
    m.add_function(wrap_pyfunction!(cooperate::max_cover, m)?)?;
    Ok(())
}
