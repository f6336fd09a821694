//! How an error of a model reads in Python: one exception with code, place and remedy.

use conurb_base::Coded;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

pyo3::create_exception!(
    conurb,
    ConurbError,
    PyValueError,
    "Input that cannot be used; `.code` names it (docs/errors), `.remedy` says what to do."
);

/// The exception for an error of a model.
pub(crate) fn raise(error: &impl Coded) -> PyErr {
    let problem = error.problem();
    make(
        &problem.code,
        &problem.detail,
        problem.remedy.as_deref().unwrap_or_default(),
    )
}

/// An error of the call itself.
pub(crate) fn call(detail: impl AsRef<str>, remedy: &str) -> PyErr {
    make("CNB-PYTHON-0001", detail.as_ref(), remedy)
}

fn make(code: &str, detail: &str, remedy: &str) -> PyErr {
    let text = if remedy.is_empty() {
        format!("[{code}] {detail}")
    } else {
        format!("[{code}] {detail}\n  help: {remedy}")
    };
    Python::attach(|py| {
        let error = ConurbError::new_err(text);
        let value = error.value(py);
        // Attributes of an exception we have just made: setting them cannot fail but for memory.
        let _ = value.setattr("code", code);
        let _ = value.setattr("remedy", remedy);
        error
    })
}
