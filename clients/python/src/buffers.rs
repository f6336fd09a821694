//! Numbers across the border: columns as bytes of the machine's own order, everything else as
//! Python objects made by serde. No numpy: the Python half wraps the bytes as it likes.

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::errors::call;

/// A column of 64-bit floats.
pub(crate) fn floats(what: &str, bytes: &[u8]) -> PyResult<Vec<f64>> {
    let (values, rest) = bytes.as_chunks::<8>();
    if rest.is_empty() {
        return Ok(values.iter().map(|b| f64::from_ne_bytes(*b)).collect());
    }
    Err(call(
        format!("{what}: {} bytes are no column of floats", bytes.len()),
        "give 8 bytes a value",
    ))
}

/// The same with NaN for "none".
pub(crate) fn optional(what: &str, bytes: &[u8]) -> PyResult<Vec<Option<f64>>> {
    let some = |v: f64| (!v.is_nan()).then_some(v);
    Ok(floats(what, bytes)?.into_iter().map(some).collect())
}

/// Pairs (x, y), one after the other.
pub(crate) fn points(what: &str, bytes: &[u8]) -> PyResult<Vec<(f64, f64)>> {
    let values = floats(what, bytes)?;
    let (pairs, rest) = values.as_chunks::<2>();
    if rest.is_empty() {
        return Ok(pairs.iter().map(|[x, y]| (*x, *y)).collect());
    }
    Err(call(
        format!("{what}: {} numbers are no pairs", values.len()),
        "give two numbers a point",
    ))
}

/// A column as bytes; `bytes_of` says how a value is written (`to_ne_bytes`).
pub(crate) fn column<'py, T, const N: usize>(
    py: Python<'py>,
    values: impl IntoIterator<Item = T>,
    bytes_of: impl Fn(T) -> [u8; N],
) -> Bound<'py, PyBytes> {
    let bytes: Vec<u8> = values.into_iter().flat_map(bytes_of).collect();
    PyBytes::new(py, &bytes)
}

/// A column of floats with NaN for "none".
pub(crate) fn float_column<'py>(
    py: Python<'py>,
    values: impl IntoIterator<Item = Option<f64>>,
) -> Bound<'py, PyBytes> {
    let or_nan = values.into_iter().map(|v| v.unwrap_or(f64::NAN));
    column(py, or_nan, f64::to_ne_bytes)
}

/// A result as Python objects.
pub(crate) fn object<'py>(py: Python<'py>, value: &impl Serialize) -> PyResult<Bound<'py, PyAny>> {
    Ok(pythonize::pythonize(py, value)?)
}

/// An argument from Python objects.
pub(crate) fn argument<T: DeserializeOwned>(what: &str, given: &Bound<'_, PyAny>) -> PyResult<T> {
    pythonize::depythonize(given)
        .map_err(|e| call(format!("{what}: {e}"), "see the help text of the call"))
}

/// The choice a word names.
pub(crate) fn choice<T: Copy>(what: &str, given: &str, choices: &[(&str, T)]) -> PyResult<T> {
    let found = choices.iter().find(|(name, _)| *name == given);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        call(
            format!("{what}: there is no \"{given}\""),
            &format!("choose one of {}", names.join(", ")),
        )
    })
}
