//! `conurb._conurb`: the native half of the Python package.
//!
//! Thin: arguments in, model calls, results out. What a model does is documented there; the Python
//! half (`python/conurb`) holds environments, tables and types. Columns of numbers cross as bytes.

mod archive;
mod buffers;
mod config;
mod engine;
mod errors;
mod region;
mod replay;
mod transit;

use pyo3::prelude::*;

/// The native module.
#[pymodule]
#[pyo3(name = "_conurb")]
fn conurb_module(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add("__version__", env!("CARGO_PKG_VERSION"))?;
    m.add("ConurbError", m.py().get_type::<errors::ConurbError>())?;
    m.add_class::<engine::Engine>()?;
    m.add_class::<archive::Archive>()?;
    transit::add(m)?;
    region::add(m)
}
