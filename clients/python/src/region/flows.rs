//! Flows between places, positions in networks, communities, structures of industry.

use conurb_region::RegionError;
use conurb_region::community::{Graph, Method, SearchOptions, search};
use conurb_region::flows::{self, Decay, Design, Flow, Separation, Square};
use conurb_region::industry::{Jobs, PairMeasure};
use conurb_region::network::{eigenvector, inverse_flow, path_centrality, tie_centrality};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::buffers::{choice, float_column, floats, object};
use crate::errors::raise;

fn square(what: &str, n: usize, bytes: &[u8]) -> PyResult<Square> {
    Square::new(what, n, floats(what, bytes)?).map_err(|e| raise(&e))
}

/// Ties, totals and memberships of the gravity model, as columns.
#[pyfunction]
pub(crate) fn gravity<'py>(
    py: Python<'py>,
    pop_10k: &[u8],
    gdp_100m_yuan: &[u8],
    between: &[u8],
    separation: &str,
    exponent: f64,
) -> PyResult<Bound<'py, PyDict>> {
    let (pop, gdp) = (
        floats("pop_10k", pop_10k)?,
        floats("gdp_100m_yuan", gdp_100m_yuan)?,
    );
    let kinds = [("km", Separation::Km), ("min", Separation::Minutes)];
    let between = square("between", pop.len(), between)?;
    let kind = choice("separation", separation, &kinds)?;
    let found = flows::gravity(&pop, &gdp, &between, kind, exponent).map_err(|e| raise(&e))?;
    let some = |v: &f64| Some(*v);
    let made = PyDict::new(py);
    made.set_item(
        "ties",
        float_column(py, found.ties.values().iter().map(some)),
    )?;
    made.set_item("total", float_column(py, found.total.iter().map(some)))?;
    made.set_item(
        "membership",
        float_column(py, found.membership.values().iter().map(some)),
    )?;
    Ok(made)
}

/// Columns of a table of flows.
#[derive(FromPyObject)]
pub(crate) struct FlowColumns {
    #[pyo3(item)]
    origin: Vec<String>,
    #[pyo3(item)]
    destination: Vec<String>,
    #[pyo3(item)]
    flow: Vec<u8>,
    #[pyo3(item)]
    separation: Vec<u8>,
    #[pyo3(item)]
    origin_mass: Vec<u8>,
    #[pyo3(item)]
    destination_mass: Vec<u8>,
}

/// Poisson gravity regression.
#[pyfunction]
pub(crate) fn fit_gravity<'py>(
    py: Python<'py>,
    table: FlowColumns,
    design: &str,
    decay: &str,
) -> PyResult<Bound<'py, PyAny>> {
    let numbers = [
        floats("flow", &table.flow)?,
        floats("separation", &table.separation)?,
        floats("origin_mass", &table.origin_mass)?,
        floats("destination_mass", &table.destination_mass)?,
    ];
    let lengths = numbers
        .iter()
        .map(Vec::len)
        .chain([table.destination.len()]);
    for found in lengths {
        let expected = table.origin.len();
        if found != expected {
            let what = "rows of the table of flows".to_owned();
            return Err(raise(&RegionError::Shape {
                what,
                expected,
                found,
            }));
        }
    }
    let names = table.origin.iter().zip(&table.destination);
    let rows: Vec<Flow<'_>> = names
        .enumerate()
        .map(|(at, (origin, destination))| Flow {
            origin,
            destination,
            flow: numbers[0][at],
            separation: numbers[1][at],
            origin_mass: numbers[2][at],
            destination_mass: numbers[3][at],
        })
        .collect();
    let designs = [
        ("unconstrained", Design::Unconstrained),
        ("production", Design::Production),
        ("attraction", Design::Attraction),
        ("doubly", Design::Doubly),
    ];
    let decays = [("exponential", Decay::Exponential), ("power", Decay::Power)];
    let (design, decay) = (
        choice("design", design, &designs)?,
        choice("decay", decay, &decays)?,
    );
    let fit = py.detach(|| flows::fit_gravity(&rows, design, decay));
    object(py, &fit.map_err(|e| raise(&e))?)
}

/// Centralities of a square table of flows, as columns.
#[pyfunction]
pub(crate) fn centrality<'py>(
    py: Python<'py>,
    n: usize,
    ties: &[u8],
) -> PyResult<Bound<'py, PyDict>> {
    let ties = square("flows", n, ties)?.symmetric();
    let own = tie_centrality(&ties).map_err(|e| raise(&e))?;
    let vector = eigenvector(&ties).map_err(|e| raise(&e))?;
    let paths = inverse_flow(&ties)
        .and_then(|lengths| path_centrality(&lengths))
        .map_err(|e| raise(&e))?;
    let made = PyDict::new(py);
    for (name, values) in [
        ("strength", own.strength),
        ("alternative_centrality", own.alternative_centrality),
        ("alternative_power", own.alternative_power),
        ("eigenvector", vector.centrality),
        ("closeness", paths.closeness),
        ("betweenness_share", paths.betweenness_share),
    ] {
        made.set_item(name, float_column(py, values.into_iter().map(Some)))?;
    }
    Ok(made)
}

/// Communities of a network; `how` is (method, resolution, seed, runs).
#[pyfunction]
pub(crate) fn communities<'py>(
    py: Python<'py>,
    n: usize,
    edges: Vec<(usize, usize, f64)>,
    directed: bool,
    how: (String, f64, u64, u32),
) -> PyResult<Bound<'py, PyAny>> {
    let (method, resolution, seed, runs) = how;
    let methods = [("leiden", Method::Leiden), ("louvain", Method::Louvain)];
    let options = SearchOptions {
        method: choice("method", &method, &methods)?,
        resolution,
        seed,
        runs,
    };
    let found = py.detach(|| {
        let graph = if directed {
            Graph::from_flows(n, &edges)?
        } else {
            Graph::from_edges(n, &edges)?
        };
        search(&graph, &options)
    });
    object(py, &found.map_err(|e| raise(&e))?)
}

fn jobs(names: Vec<String>, sectors: Vec<String>, values: &[u8]) -> PyResult<Jobs> {
    Jobs::new(names, sectors, floats("jobs", values)?).map_err(|e| raise(&e))
}

/// Location quotients, cities x sectors, NaN for none; without `nation` the table is the nation.
#[pyfunction]
pub(crate) fn location_quotients<'py>(
    py: Python<'py>,
    names: Vec<String>,
    sectors: Vec<String>,
    values: &[u8],
    nation: Option<&[u8]>,
) -> PyResult<Bound<'py, PyBytes>> {
    let jobs = jobs(names, sectors, values)?;
    let nation = match nation {
        Some(bytes) => floats("nation", bytes)?,
        None => jobs.sector_totals(),
    };
    let found = jobs.location_quotients(&nation).map_err(|e| raise(&e))?;
    Ok(float_column(py, found.into_iter().flatten()))
}

/// A measure of all pairs of cities: `krugman`, `finger_kreinin`, `similarity`.
#[pyfunction]
pub(crate) fn structure_pairs<'py>(
    py: Python<'py>,
    names: Vec<String>,
    sectors: Vec<String>,
    values: &[u8],
    measure: &str,
) -> PyResult<Bound<'py, PyBytes>> {
    let measures = [
        ("krugman", PairMeasure::Krugman),
        ("finger_kreinin", PairMeasure::FingerKreinin),
        ("similarity", PairMeasure::Similarity),
    ];
    let jobs = jobs(names, sectors, values)?;
    let pairs = jobs.pairs(choice("measure", measure, &measures)?);
    let pairs = pairs.map_err(|e| raise(&e))?;
    Ok(float_column(py, pairs.values().iter().map(|v| Some(*v))))
}
