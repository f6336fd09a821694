//! Travel times between places and what they say about reach.

use conurb_transit::measures::{
    Ask, Mass, Own, Reach, Targets, TimeKind, TimeMatrix, contour, efficiency, equity,
    exponential_potential, inside_and_out, potential, watt,
};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::buffers::{float_column, floats, object, optional, points};
use crate::errors::{call, raise};

/// Travel times in memory.
#[pyclass(module = "conurb._conurb", frozen)]
pub(crate) struct Times(pub(crate) TimeMatrix);

/// Balance of values (NaN: none) over places with weights.
#[pyfunction]
pub(crate) fn transit_equity<'py>(
    py: Python<'py>,
    values: &[u8],
    weights: &[u8],
) -> PyResult<Bound<'py, PyAny>> {
    let found: Vec<Reach> = optional("values", values)?
        .into_iter()
        .enumerate()
        .map(|(place, value)| Reach {
            place,
            value,
            reached: 0,
            lost: Vec::new(),
            lost_mass: 0.0,
        })
        .collect();
    let balance = equity(&found, &floats("weights", weights)?);
    object(py, &balance.map_err(|e| raise(&e))?)
}

/// What a measure is asked with.
#[derive(FromPyObject)]
pub(crate) struct Question {
    /// Values as bytes, unit, year, source.
    #[pyo3(item)]
    mass: (Vec<u8>, String, u16, String),
    /// Name of the destinations.
    #[pyo3(item)]
    label: String,
    /// Positions of the destinations.
    #[pyo3(item)]
    members: Vec<usize>,
    /// Positions of the origins.
    #[pyo3(item)]
    pub(crate) origins: Vec<usize>,
    /// Minutes within each place, as bytes, where it is its own destination.
    #[pyo3(item)]
    own_min: Option<Vec<u8>>,
}

impl Question {
    /// Masses of the places.
    pub(crate) fn mass(&self) -> PyResult<Mass> {
        let (values, unit, year, source) = &self.mass;
        Mass::new(floats("mass", values)?, unit, *year, source).map_err(|e| raise(&e))
    }

    /// The destinations.
    pub(crate) fn targets(&self) -> PyResult<Targets> {
        Targets::new(&self.label, self.members.iter().copied()).map_err(|e| raise(&e))
    }
}

#[pymethods]
impl Times {
    /// From minutes, row-major, NaN for no journey.
    #[staticmethod]
    fn from_minutes(places: Vec<String>, minutes: &[u8]) -> PyResult<Self> {
        TimeMatrix::new(places, TimeKind::Given, optional("minutes", minutes)?)
            .map(Self)
            .map_err(|e| raise(&e))
    }

    /// Names of the places.
    fn places(&self) -> Vec<String> {
        self.0.places.clone()
    }

    /// Minutes, row-major, NaN for no journey and on the diagonal.
    fn minutes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let n = self.0.len();
        let all = (0..n).flat_map(|a| (0..n).map(move |b| self.0.get(a, b)));
        float_column(py, all)
    }

    /// Share of the window within which a journey leaves, row-major.
    fn covered<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let n = self.0.len();
        let all = (0..n).flat_map(|a| (0..n).map(move |b| Some(self.0.covered(a, b))));
        float_column(py, all)
    }

    /// A measure at each origin.
    fn measure<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        question: Question,
        parameter: f64,
    ) -> PyResult<Bound<'py, PyAny>> {
        let from = &question.origins;
        let found = self.ask(&question, |ask| match name {
            "watt" => watt(ask, from),
            "potential" => potential(ask, from, parameter),
            "exponential_potential" => exponential_potential(ask, from, parameter),
            _ => contour(ask, from, parameter),
        })?;
        object(py, &found)
    }

    /// Network efficiency at each origin; positions are (lat, lon) of all places.
    fn efficiency<'py>(
        &self,
        py: Python<'py>,
        question: Question,
        lat_lon: &[u8],
        speed_km_h: f64,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (from, at) = (&question.origins, points("lat_lon", lat_lon)?);
        let found = self.ask(&question, |ask| efficiency(ask, from, &at, speed_km_h))?;
        object(py, &found)
    }

    /// WATT within a cluster and out of it.
    fn inside_and_out<'py>(
        &self,
        py: Python<'py>,
        question: Question,
        label: &str,
        cluster: Vec<usize>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let cluster = Targets::new(label, cluster).map_err(|e| raise(&e))?;
        let found = self.ask(&question, |ask| inside_and_out(ask, &cluster))?;
        object(py, &found)
    }
}

impl Times {
    fn ask<T>(
        &self,
        question: &Question,
        measure: impl FnOnce(&Ask<'_>) -> Result<T, conurb_transit::TransitError>,
    ) -> PyResult<T> {
        let own = match &question.own_min {
            Some(bytes) => Own::Minutes(floats("own_min", bytes)?),
            None => Own::Out,
        };
        if question.origins.is_empty() {
            return Err(call("origins: there is none", "name at least one place"));
        }
        let ask = Ask {
            times: &self.0,
            mass: &question.mass()?,
            to: &question.targets()?,
            own: &own,
        };
        measure(&ask).map_err(|e| raise(&e))
    }
}
