//! Weights, autocorrelation, inequality, convergence, sizes, coupling.

use conurb_region::autocorrelation::{self, Permutations};
use conurb_region::coupling::Variant;
use conurb_region::weights::{self, Contiguity, Metric};
use conurb_region::{RegionError, convergence, inequality, size};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::buffers::{argument, choice, column, float_column, floats, object, points};
use crate::errors::raise;

/// Spatial weights of units numbered from 0.
#[pyclass(module = "conurb._conurb", frozen)]
pub(crate) struct Weights(weights::Weights);

fn made(weights: Result<weights::Weights, RegionError>) -> PyResult<Weights> {
    weights.map(Weights).map_err(|e| raise(&e))
}

#[pymethods]
impl Weights {
    /// From lists of (neighbour, weight), one a unit.
    #[staticmethod]
    fn from_lists(lists: Vec<Vec<(usize, f64)>>) -> PyResult<Self> {
        made(weights::Weights::from_lists(&lists))
    }

    /// Units of one group are neighbours.
    #[staticmethod]
    fn blocks(groups: Vec<String>) -> PyResult<Self> {
        made(weights::Weights::blocks(&groups))
    }

    /// A lattice, numbered row by row.
    #[staticmethod]
    fn lattice(rows: usize, columns: usize, rule: &str) -> PyResult<Self> {
        let rules = [("queen", Contiguity::Queen), ("rook", Contiguity::Rook)];
        made(weights::lattice(
            rows,
            columns,
            choice("rule", rule, &rules)?,
        ))
    }

    /// The k nearest points, or those within a band.
    #[staticmethod]
    fn near(at: &[u8], k: Option<usize>, limit: f64, plane: bool) -> PyResult<Self> {
        let metric = if plane {
            Metric::Plane
        } else {
            Metric::GreatCircle
        };
        let at = points("points", at)?;
        made(match k {
            Some(k) => weights::k_nearest(&at, k, metric),
            None => weights::distance_band(&at, limit, metric),
        })
    }

    /// Units reached within minutes.
    #[staticmethod]
    fn travel_time(
        units: usize,
        minutes: Vec<(usize, usize, f64)>,
        limit_min: f64,
    ) -> PyResult<Self> {
        made(weights::travel_time_band(units, &minutes, limit_min))
    }

    /// The same links with rows that sum to 1.
    fn row_standardised(&self) -> Self {
        Self(self.0.row_standardised())
    }

    /// Weighted sum of the neighbours' values.
    fn lag<'py>(&self, py: Python<'py>, values: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        let lag = self.0.lag(&floats("values", values)?);
        Ok(float_column(
            py,
            lag.map_err(|e| raise(&e))?.into_iter().map(Some),
        ))
    }

    /// Links as (unit, neighbour, weight).
    fn links(&self) -> Vec<(usize, usize, f64)> {
        self.0.iter().collect()
    }

    /// Units without neighbours.
    fn islands(&self) -> Vec<usize> {
        self.0.islands()
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }

    fn __repr__(&self) -> String {
        format!(
            "<conurb Weights: {} units, {} links>",
            self.0.len(),
            self.0.links()
        )
    }
}

/// A global statistic by name; `draws` of 0 leaves the permuted p of Moran's I out.
#[pyfunction]
pub(crate) fn global_autocorrelation<'py>(
    py: Python<'py>,
    name: &str,
    values: &[u8],
    weights: &Weights,
    draws: usize,
    seed: u64,
) -> PyResult<Bound<'py, PyAny>> {
    let (y, w) = (floats("values", values)?, &weights.0);
    match name {
        "geary" => object(py, &autocorrelation::geary(&y, w).map_err(|e| raise(&e))?),
        "getis_ord_g" => object(
            py,
            &autocorrelation::getis_ord_g(&y, w).map_err(|e| raise(&e))?,
        ),
        _ => {
            let moran = object(py, &autocorrelation::moran(&y, w).map_err(|e| raise(&e))?)?;
            if draws > 0 {
                let draw = Permutations { draws, seed };
                let p = py.detach(|| autocorrelation::moran_permuted(&y, w, draw));
                moran.set_item("p_permuted", p.map_err(|e| raise(&e))?)?;
            }
            Ok(moran)
        }
    }
}

/// Columns of local Moran: I (float), quadrant (u8), p (float).
type Local<'py> = (
    Bound<'py, PyBytes>,
    Bound<'py, PyBytes>,
    Bound<'py, PyBytes>,
);

/// Local Moran of every unit.
#[pyfunction]
pub(crate) fn local_moran<'py>(
    py: Python<'py>,
    values: &[u8],
    weights: &Weights,
    draws: usize,
    seed: u64,
) -> PyResult<Local<'py>> {
    let y = floats("values", values)?;
    let draw = Permutations { draws, seed };
    let found = py.detach(|| autocorrelation::local_moran(&y, &weights.0, draw));
    let units = found.map_err(|e| raise(&e))?.units;
    Ok((
        float_column(py, units.iter().map(|u| Some(u.i))),
        column(py, units.iter(), |u| [u.quadrant.number()]),
        float_column(py, units.iter().map(|u| u.p)),
    ))
}

/// Getis and Ord's G* of every unit, as z-scores.
#[pyfunction]
pub(crate) fn g_star<'py>(
    py: Python<'py>,
    values: &[u8],
    weights: &Weights,
) -> PyResult<Bound<'py, PyBytes>> {
    let found = autocorrelation::g_star(&floats("values", values)?, &weights.0);
    let units = found.map_err(|e| raise(&e))?;
    Ok(float_column(py, units.iter().map(|u| Some(u.z))))
}

/// An index of inequality by name.
#[pyfunction]
pub(crate) fn inequality_index(
    name: &str,
    values: &[u8],
    population: Option<&[u8]>,
    parameter: f64,
) -> PyResult<f64> {
    let y = floats("values", values)?;
    let p = population.map(|p| floats("population", p)).transpose()?;
    match (name, p) {
        ("gini", None) => inequality::gini(&y),
        ("gini", Some(p)) => inequality::gini_weighted(&y, &p),
        ("theil", None) => inequality::theil(&y),
        ("theil", Some(p)) => inequality::theil_population(&y, &p),
        ("mean_log_deviation", _) => inequality::mean_log_deviation(&y),
        ("atkinson", _) => inequality::atkinson(&y, parameter),
        ("palma", p) => inequality::palma_ratio(&y, &p.unwrap_or_else(|| vec![1.0; y.len()])),
        _ => inequality::coefficient_of_variation(&y),
    }
    .map_err(|e| raise(&e))
}

/// A decomposition by groups: `theil` or `dagum`.
#[pyfunction]
pub(crate) fn inequality_groups<'py>(
    py: Python<'py>,
    name: &str,
    values: &[u8],
    population: Option<&[u8]>,
    groups: Vec<String>,
) -> PyResult<Bound<'py, PyAny>> {
    let y = floats("values", values)?;
    if name == "dagum" {
        let parts = inequality::dagum(&y, &groups);
        return object(py, &parts.map_err(|e| raise(&e))?);
    }
    let parts = match population {
        Some(p) => inequality::theil_population_groups(&y, &floats("population", p)?, &groups),
        None => inequality::theil_groups(&y, &groups),
    };
    object(py, &parts.map_err(|e| raise(&e))?)
}

/// Absolute beta convergence.
#[pyfunction]
pub(crate) fn beta_convergence<'py>(
    py: Python<'py>,
    first: &[u8],
    last: &[u8],
    years: f64,
) -> PyResult<Bound<'py, PyAny>> {
    let (first, last) = (floats("first", first)?, floats("last", last)?);
    let beta = convergence::beta_convergence(&first, &last, years, &[]);
    object(py, &beta.map_err(|e| raise(&e))?)
}

/// Coefficient of variation by period; one row of `periods` values a unit.
#[pyfunction]
pub(crate) fn sigma_convergence(panel: &[u8], periods: usize) -> PyResult<Vec<f64>> {
    let values = floats("panel", panel)?;
    let rows: Vec<Vec<f64>> = values.chunks(periods.max(1)).map(<[f64]>::to_vec).collect();
    convergence::sigma_convergence(&rows).map_err(|e| raise(&e))
}

/// Rank-size, primacy, concentration.
#[pyfunction]
pub(crate) fn rank_size<'py>(py: Python<'py>, sizes: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let found = size::size_distribution(&floats("sizes", sizes)?);
    object(py, &found.map_err(|e| raise(&e))?)
}

/// Coupling coordination of each place: rows of subsystem scores.
#[pyfunction]
pub(crate) fn coupling<'py>(
    py: Python<'py>,
    scores: &[u8],
    weights: &[u8],
    variant: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let (scores, weights) = (floats("scores", scores)?, floats("weights", weights)?);
    let variant: Variant = argument("variant", variant)?;
    let found: Result<Vec<_>, RegionError> = scores
        .chunks(weights.len().max(1))
        .map(|u| conurb_region::coupling::coupling(u, &weights, variant))
        .collect();
    object(py, &found.map_err(|e| raise(&e))?)
}
