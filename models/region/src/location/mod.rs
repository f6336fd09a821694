//! Where to place shared services: p-median, p-centre, set covering, maximal covering, capacities,
//! equity.
//!
//! Small programmes are solved by the MILP of the kept solver and proved; larger ones by greedy
//! and interchange with a Lagrangian bound and a gap. Formulas: `docs/region/optimisation.md`.

mod cover;
mod exact;
mod lagrange;
mod median;
mod orlib;

pub use cover::{p_centre, set_cover};
pub use exact::{EXACT_CELLS, capacitated_exact, max_cover_exact, p_median_exact, set_cover_exact};
pub use median::{MedianOptions, max_cover, p_median};
pub(crate) use orlib::floyd;
pub use orlib::read_orlib;

use serde::Serialize;

use crate::RegionError;
use crate::programme::{Certificate, all_at_least, at_most};

/// Most cells (demands x sites) of a problem: 200 MB.
pub const CELLS: usize = 25_000_000;

/// Demands and sites: what it costs to serve each demand from each site.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sites {
    demands: usize,
    sites: usize,
    cost: Vec<f64>,
    weight: Vec<f64>,
}

impl Sites {
    /// `cost` is row-major, demands x sites, e.g. minutes; infinite where a site cannot be
    /// reached. `weight` is one per demand, e.g. persons.
    ///
    /// # Errors
    /// No demand or site, more than [`CELLS`] cells, lengths that differ, weights negative or all
    /// zero, costs negative or NaN, a demand that reaches no site.
    pub fn new(cost: Vec<f64>, weight: Vec<f64>) -> Result<Self, RegionError> {
        let demands = weight.len();
        if demands == 0 || cost.is_empty() {
            return Err(RegionError::option("demands and sites", "there are none"));
        }
        at_most("cells of a location problem", cost.len(), CELLS)?;
        let sites = cost.len() / demands;
        RegionError::same_len("costs, demands x sites", demands * sites.max(1), cost.len())?;
        all_at_least("weights of demands", &weight, 0.0)?;
        if weight.iter().all(|w| *w <= 0.0) {
            return Err(RegionError::option("weights of demands", "are all zero"));
        }
        for (i, row) in cost.chunks_exact(sites).enumerate() {
            if let Some(j) = row.iter().position(|c| c.is_nan() || *c < 0.0) {
                return Err(RegionError::option(
                    "costs",
                    format!("demand {}, site {}: {}", i + 1, j + 1, row[j]),
                ));
            }
            if row.iter().all(|c| c.is_infinite()) {
                return Err(RegionError::Infeasible {
                    problem: "location".to_owned(),
                    constraint: format!("every demand is served: demand {} reaches no site", i + 1),
                });
            }
        }
        Ok(Self {
            demands,
            sites,
            cost,
            weight,
        })
    }

    /// Number of demands.
    #[must_use]
    pub fn demands(&self) -> usize {
        self.demands
    }

    /// Number of sites.
    #[must_use]
    pub fn sites(&self) -> usize {
        self.sites
    }

    /// Costs of a demand to each site.
    fn row(&self, demand: usize) -> &[f64] {
        &self.cost[demand * self.sites..(demand + 1) * self.sites]
    }

    /// The same places with another measure of cost.
    fn map(&self, f: impl Fn(f64) -> f64) -> Self {
        Self {
            cost: self.cost.iter().map(|c| f(*c)).collect(),
            ..self.clone()
        }
    }

    /// The equity problem of order `p`: a p-median of it minimises `sum w_i d_i^p`, so its
    /// optimum is that of the weighted p-norm of the costs (p = 1 utilitarian; the limit, p
    /// infinite, is [`p_centre`]).
    ///
    /// # Errors
    /// An order outside 1..=64, or powers that overflow.
    pub fn equity(&self, order: f64) -> Result<Self, RegionError> {
        if !(1.0..=64.0).contains(&order) {
            return Err(RegionError::option(
                "order of the norm",
                format!("{order} lies outside 1..=64"),
            ));
        }
        let powers = self.map(|c| c.powf(order));
        let overflows = |(new, old): (&f64, &f64)| new.is_infinite() && old.is_finite();
        if powers.cost.iter().zip(&self.cost).any(overflows) {
            return Err(RegionError::option(
                "order of the norm",
                format!("costs to the power of {order} overflow; scale the costs"),
            ));
        }
        Ok(powers)
    }

    /// Weighted cost of serving every demand from its nearest of `open`; infinite when one reaches
    /// none.
    fn median_cost(&self, open: &[usize]) -> f64 {
        (0..self.demands)
            .filter(|i| self.weight[*i] > 0.0)
            .map(|i| {
                let row = self.row(i);
                self.weight[i] * open.iter().fold(f64::INFINITY, |m, j| m.min(row[*j]))
            })
            .sum()
    }

    /// A plan from the open sites.
    fn plan(&self, mut open: Vec<usize>, certificate: Certificate) -> LocationPlan {
        open.sort_unstable();
        let nearest = (0..self.demands)
            .map(|i| {
                let row = self.row(i);
                open.iter()
                    .copied()
                    .reduce(|a, b| if row[b] < row[a] { b } else { a })
                    .filter(|j| row[*j].is_finite())
            })
            .collect();
        LocationPlan {
            open,
            nearest,
            certificate,
        }
    }

    fn check_p(&self, p: usize) -> Result<(), RegionError> {
        if p == 0 || p > self.sites {
            return Err(RegionError::Infeasible {
                problem: "location".to_owned(),
                constraint: format!("p sites open: p is {p}, there are {} sites", self.sites),
            });
        }
        Ok(())
    }
}

/// Sites to open.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LocationPlan {
    /// Indices of the open sites, ascending, from 0.
    pub open: Vec<usize>,
    /// For each demand the open site nearest to it; none when it reaches none.
    pub nearest: Vec<Option<usize>>,
    /// Objective, bound, gap and effort.
    pub certificate: Certificate,
}
