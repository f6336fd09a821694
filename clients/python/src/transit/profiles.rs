//! Profiles between places: every journey of the day worth taking.

use conurb_transit::measures::{Basis, TimeMatrix, day_trip};
use conurb_transit::{AllPairs, Place};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::measures::{Question, Times};
use crate::buffers::{argument, column, object};
use crate::errors::raise;

/// Profiles in memory.
#[pyclass(module = "conurb._conurb", frozen)]
pub(crate) struct Profiles {
    /// The places, ascending by name.
    pub(crate) places: Vec<Place>,
    /// Their profiles.
    pub(crate) all: AllPairs,
}

/// The four columns of [`Profiles::table`].
type Table<'py> = (
    Bound<'py, PyBytes>,
    Bound<'py, PyBytes>,
    Bound<'py, PyBytes>,
    Bound<'py, PyBytes>,
);

#[pymethods]
impl Profiles {
    /// Names of the places.
    fn places(&self) -> Vec<String> {
        self.places.iter().map(|p| p.name.clone()).collect()
    }

    /// All journeys as columns: from, to (u32, positions of places), ready_s, arrive_s (i32).
    fn table<'py>(&self, py: Python<'py>) -> Table<'py> {
        let n = self.places.len();
        let index = |at: usize| u32::try_from(at).unwrap_or(u32::MAX).to_ne_bytes();
        let pairs = || (0..n).flat_map(move |from| (0..n).map(move |to| (from, to)));
        let all = &self.all;
        let journeys =
            || pairs().flat_map(|(a, b)| all.profile(a, b).iter().map(move |p| (a, b, *p)));
        (
            column(py, journeys().map(|j| j.0), index),
            column(py, journeys().map(|j| j.1), index),
            column(py, journeys().map(|j| j.2.ready_s), i32::to_ne_bytes),
            column(py, journeys().map(|j| j.2.arrive_s), i32::to_ne_bytes),
        )
    }

    /// Travel times by a basis.
    fn times(&self, py: Python<'_>, basis: &Bound<'_, PyAny>) -> PyResult<Times> {
        let basis: Basis = argument("basis", basis)?;
        py.detach(|| TimeMatrix::from_profiles(&self.places, &self.all, basis))
            .map(Times)
            .map_err(|e| raise(&e))
    }

    /// Day trips; `own_min` is not looked at.
    fn day_trip<'py>(
        &self,
        py: Python<'py>,
        question: Question,
        window_s: (i32, i32),
        stay_h: f64,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (mass, to) = (question.mass()?, question.targets()?);
        let found = day_trip(&self.all, &mass, &to, &question.origins, window_s, stay_h);
        object(py, &found.map_err(|e| raise(&e))?)
    }
}
