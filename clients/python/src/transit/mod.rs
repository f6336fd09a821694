//! Timetables for Python: feeds, timetables of a day, profiles, travel times, scenarios.

mod feed;
mod measures;
mod profiles;
mod scenario;
mod timetable;

use pyo3::prelude::*;

/// Puts the classes and functions into the native module.
pub(crate) fn add(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<feed::Feed>()?;
    m.add_class::<timetable::Timetable>()?;
    m.add_class::<profiles::Profiles>()?;
    m.add_class::<measures::Times>()?;
    m.add_class::<scenario::World>()?;
    m.add_function(wrap_pyfunction!(feed::read_gtfs, m)?)?;
    m.add_function(wrap_pyfunction!(feed::read_rail_table, m)?)?;
    m.add_function(wrap_pyfunction!(measures::transit_equity, m)?)?;
    m.add_function(wrap_pyfunction!(scenario::scenario_compare, m)?)?;
    m.add_function(wrap_pyfunction!(scenario::scenario_leave_one_out, m)?)?;
    m.add_function(wrap_pyfunction!(scenario::scenario_convert, m)?)?;
    Ok(())
}
