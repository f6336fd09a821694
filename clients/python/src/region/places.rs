//! Places, their percolation, and the facts that ship.

use conurb_region::places::Place;
use conurb_region::{facts, percolation};
use pyo3::prelude::*;

use crate::buffers::{argument, object};
use crate::errors::raise;

/// The percolation of places over linking distances.
#[pyclass(module = "conurb._conurb", frozen)]
pub(crate) struct Percolation(percolation::Curve);

#[pymethods]
impl Percolation {
    /// From places with name, lat, lon, `pop_persons`.
    #[new]
    fn new(py: Python<'_>, places: &Bound<'_, PyAny>) -> PyResult<Self> {
        let places: Vec<Place> = argument("places", places)?;
        py.detach(|| percolation::curve(&places))
            .map(Self)
            .map_err(|e| raise(&e))
    }

    /// The whole curve: links, steps, all persons.
    fn curve<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        object(py, &self.0)
    }

    /// Positions of the places of each component at a distance.
    fn members(&self, d_km: f64) -> PyResult<Vec<Vec<usize>>> {
        self.0.members(d_km).map_err(|e| raise(&e))
    }

    /// The greatest gains of the largest component.
    fn jumps<'py>(&self, py: Python<'py>, count: usize) -> PyResult<Bound<'py, PyAny>> {
        object(py, &self.0.jumps(count))
    }
}

/// A table of facts by name: `cluster_lists`, `cluster_cities`, `corridors`, `targets`.
#[pyfunction]
pub(crate) fn fact_table<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    match name {
        "cluster_lists" => object(py, &facts::cluster_lists()),
        "cluster_cities" => object(py, &facts::cluster_cities()),
        "corridors" => object(py, &facts::corridors()),
        _ => object(py, &facts::targets()),
    }
}

/// Cities of a list or cluster.
#[pyfunction]
pub(crate) fn cluster_members<'py>(py: Python<'py>, id: &str) -> PyResult<Bound<'py, PyAny>> {
    object(py, &facts::members(id).map_err(|e| raise(&e))?)
}

/// Places of a reference belt.
#[pyfunction]
pub(crate) fn reference_places<'py>(py: Python<'py>, belt: &str) -> PyResult<Bound<'py, PyAny>> {
    object(py, &facts::reference_places(belt).map_err(|e| raise(&e))?)
}
