//! A kept state: take one, go on, come back.

use conurb_traffic::State;
use pyo3::prelude::*;

/// The state of an engine at one moment; a few memory copies to take and to load.
#[pyclass(module = "conurb", frozen)]
pub(crate) struct Archive {
    /// The state.
    pub(crate) state: State,
}

#[pymethods]
impl Archive {
    fn __repr__(&self) -> String {
        "<conurb.Archive>".to_owned()
    }
}
