//! Cooperation and location: games, rivers, sites.

use conurb_region::RegionError;
use conurb_region::games::{self, Kind};
use conurb_region::location::{
    self, EXACT_CELLS, MedianOptions, Sites, max_cover_exact, p_median_exact,
};
use conurb_region::river::{RiverRule, RiverTree};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::buffers::{choice, float_column, floats, object};
use crate::errors::raise;

/// A game with the value of every coalition.
#[pyclass(module = "conurb._conurb", frozen)]
pub(crate) struct Game(games::Game);

#[pymethods]
impl Game {
    /// 2^n values by mask: bit i is player i.
    #[new]
    fn new(names: Vec<String>, kind: &str, values: &[u8]) -> PyResult<Self> {
        let kinds = [("cost", Kind::Cost), ("benefit", Kind::Benefit)];
        let kind = choice("kind", kind, &kinds)?;
        games::Game::new(names, kind, floats("values", values)?)
            .map(Self)
            .map_err(|e| raise(&e))
    }

    /// Shapley value.
    fn shapley(&self, py: Python<'_>) -> Vec<f64> {
        py.detach(|| games::shapley(&self.0))
    }

    /// Nucleolus and the way to it.
    fn nucleolus<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let found = py.detach(|| games::nucleolus(&self.0));
        object(py, &found.map_err(|e| raise(&e))?)
    }

    /// Whether shares lie in the core, and who objects most.
    fn core_test<'py>(&self, py: Python<'py>, shares: &[u8]) -> PyResult<Bound<'py, PyAny>> {
        let found = games::core_test(&self.0, &floats("shares", shares)?);
        object(py, &found.map_err(|e| raise(&e))?)
    }
}

/// Awards of an estate among claims by a rule.
#[pyfunction]
pub(crate) fn bankruptcy(rule: &str, estate: f64, claims: &[u8]) -> PyResult<Vec<f64>> {
    type Rule = fn(f64, &[f64]) -> Result<Vec<f64>, RegionError>;
    let rules: [(&str, Rule); 4] = [
        ("talmud", games::talmud),
        ("proportional", games::proportional_awards),
        ("equal_awards", games::constrained_equal_awards),
        ("equal_losses", games::constrained_equal_losses),
    ];
    choice("rule", rule, &rules)?(estate, &floats("claims", claims)?).map_err(|e| raise(&e))
}

/// Shares of the costs of a river.
#[pyfunction]
pub(crate) fn river_shares<'py>(
    py: Python<'py>,
    names: Vec<String>,
    downstream: Vec<Option<usize>>,
    cost: &[u8],
    rule: &str,
) -> PyResult<Bound<'py, PyBytes>> {
    let rules = [
        ("local", RiverRule::Local),
        ("upstream_equal", RiverRule::UpstreamEqual),
        ("downstream_equal", RiverRule::DownstreamEqual),
    ];
    let rule = choice("rule", rule, &rules)?;
    let tree = RiverTree::new(names, downstream, floats("cost", cost)?).map_err(|e| raise(&e))?;
    Ok(float_column(py, tree.shares(rule).into_iter().map(Some)))
}

/// Sites that serve demands at the least weighted cost; exact where the problem is small.
#[pyfunction]
pub(crate) fn p_median<'py>(
    py: Python<'py>,
    cost: &[u8],
    weight: &[u8],
    p: usize,
    seed: u64,
) -> PyResult<Bound<'py, PyAny>> {
    let sites = sites(cost, weight)?;
    let plan = py.detach(|| {
        if exact(&sites) {
            return p_median_exact(&sites, p);
        }
        location::p_median(&sites, p, options(seed))
    });
    object(py, &plan.map_err(|e| raise(&e))?)
}

/// Sites that have the most weight within a radius; exact where the problem is small.
#[pyfunction]
pub(crate) fn max_cover<'py>(
    py: Python<'py>,
    cost: &[u8],
    weight: &[u8],
    p: usize,
    radius: f64,
    seed: u64,
) -> PyResult<Bound<'py, PyAny>> {
    let sites = sites(cost, weight)?;
    let plan = py.detach(|| {
        if exact(&sites) {
            return max_cover_exact(&sites, p, radius);
        }
        location::max_cover(&sites, p, radius, options(seed))
    });
    object(py, &plan.map_err(|e| raise(&e))?)
}

fn sites(cost: &[u8], weight: &[u8]) -> PyResult<Sites> {
    Sites::new(floats("cost", cost)?, floats("weight", weight)?).map_err(|e| raise(&e))
}

fn exact(sites: &Sites) -> bool {
    sites.demands() * sites.sites() <= EXACT_CELLS
}

fn options(seed: u64) -> MedianOptions {
    MedianOptions {
        seed,
        ..MedianOptions::default()
    }
}
