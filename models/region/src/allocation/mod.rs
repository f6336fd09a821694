//! Cutting redundant industry: move few jobs so that the structures of cities overlap less.
//!
//! Overlap is `sum_{i<j} w_ij FK_ij`, `FK_ij = sum_s min(a_is, a_js)` (Finger and Kreinin 1979) of
//! the shares `a_is = e_is / e_i`. The minimum of two shares is concave, so a linear programme
//! with `m <= a_is, m <= a_js` returns m = 0 and proves nothing: here iterated local search finds
//! the plan, and a linear programme over the *changes* of shares gives a certified bound.
//! Formulas: `docs/region/optimisation.md`.

mod bound;
mod search;
mod state;

use serde::Serialize;

use crate::RegionError;
use crate::programme::{Certificate, all_at_least, at_most};
use state::State;

/// Most cells (cities x sectors).
const CELLS: usize = 100_000;

/// What a plan must keep.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AllocationLimits {
    /// Most jobs that move: half the sum of absolute changes of cells.
    pub moved_jobs: u64,
    /// How far the total of a city may change, as a share of it; 0 fixes it.
    pub city_total_share: f64,
    /// How far the total of a sector may change, as a share of it; 0 fixes it.
    pub sector_total_share: f64,
    /// How far a location quotient may change; infinite for no limit.
    pub lq_drift: f64,
    /// Most concentrated each city may be, `HHI_i = sum_s a_is^2`; 1 for no limit.
    pub hhi_cap: Vec<f64>,
}

/// How much to search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct AllocationSearch {
    /// Random kicks, each followed by a descent.
    pub kicks: u32,
    /// Most moves valued.
    pub evaluations: u64,
    /// Seed of the kicks.
    pub seed: u64,
}

impl Default for AllocationSearch {
    fn default() -> Self {
        Self {
            kicks: 20,
            evaluations: 5_000_000,
            seed: 1,
        }
    }
}

/// Cities, sectors, jobs and what matters.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AllocationProblem {
    cities: Vec<String>,
    sectors: Vec<String>,
    jobs: Vec<u64>,
    weight: Vec<f64>,
    reference_share: Vec<f64>,
    density: Vec<f64>,
    limits: AllocationLimits,
}

/// A change of one cell.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JobChange {
    /// City.
    pub city: String,
    /// Sector.
    pub sector: String,
    /// Jobs more (above 0) or fewer.
    pub change_jobs: i64,
    /// Relatedness density of the sector in the city, as given.
    pub relatedness_density: f64,
}

/// Who could specialise in what.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AllocationPlan {
    /// Jobs after the plan, cities x sectors.
    pub jobs: Vec<u64>,
    /// Jobs that move.
    pub moved_jobs: u64,
    /// Overlap today.
    pub overlap_before: f64,
    /// Cells that gain, most related first.
    pub specialise: Vec<JobChange>,
    /// Cells that lose, least related first.
    pub release: Vec<JobChange>,
    /// Overlap after, its bound, gap, seed and effort.
    pub certificate: Certificate,
}

impl AllocationProblem {
    /// `jobs` and `density` (relatedness density, any scale) are cities x sectors; `weight` is
    /// cities x cities, of which `i < j` counts; `reference_share` is the share of each sector in
    /// the nation's jobs, for location quotients.
    ///
    /// # Errors
    /// Shapes that differ; more than a hundred thousand cells; a city without jobs; weights
    /// negative; reference shares or limits outside their domain; [`RegionError::Infeasible`] when
    /// a city is above its HHI cap today.
    #[allow(clippy::too_many_arguments)] // Seven tables, all needed.
    pub fn new(
        cities: Vec<String>,
        sectors: Vec<String>,
        jobs: Vec<u64>,
        weight: Vec<f64>,
        reference_share: Vec<f64>,
        density: Vec<f64>,
        limits: AllocationLimits,
    ) -> Result<Self, RegionError> {
        let (n, s) = (cities.len(), sectors.len());
        if n < 2 || s < 2 {
            return Err(RegionError::option(
                "allocation",
                format!("{n} cities and {s} sectors: at least two of each are needed"),
            ));
        }
        at_most("cells of an allocation", n * s, CELLS)?;
        RegionError::same_len("jobs, cities x sectors", n * s, jobs.len())?;
        RegionError::same_len("weights, cities x cities", n * n, weight.len())?;
        RegionError::same_len("reference shares of sectors", s, reference_share.len())?;
        RegionError::same_len(
            "relatedness densities, cities x sectors",
            n * s,
            density.len(),
        )?;
        RegionError::same_len("HHI caps of cities", n, limits.hhi_cap.len())?;
        all_at_least("weights of pairs", &weight, 0.0)?;
        all_at_least("reference shares of sectors", &reference_share, 1e-12)?;
        all_at_least("relatedness densities", &density, f64::MIN)?;
        all_at_least("HHI caps of cities", &limits.hhi_cap, 0.0)?;
        for (what, v, most) in [
            ("change of city totals", limits.city_total_share, 0.9),
            ("change of sector totals", limits.sector_total_share, 0.9),
            (
                "drift of location quotients",
                limits.lq_drift,
                f64::INFINITY,
            ),
        ] {
            if !(0.0..=most).contains(&v) {
                return Err(RegionError::option(
                    what,
                    format!("{v} lies outside 0..={most}"),
                ));
            }
        }
        for (i, row) in jobs.chunks_exact(s).enumerate() {
            let total: u128 = row.iter().map(|j| u128::from(*j)).sum();
            if total == 0 || total > 1 << 50 {
                return Err(RegionError::option(
                    &format!("jobs of {}", cities[i]),
                    format!("{total} in all; between 1 and 2^50 are needed"),
                ));
            }
        }
        let problem = Self {
            cities,
            sectors,
            jobs,
            weight,
            reference_share,
            density,
            limits,
        };
        let today = State::new(&problem);
        for (i, cap) in problem.limits.hhi_cap.iter().enumerate() {
            let hhi = today.hhi(i);
            if hhi > cap + 1e-12 {
                return Err(RegionError::Infeasible {
                    problem: "allocation".to_owned(),
                    constraint: format!(
                        "the HHI cap of {}: it is {hhi:.6} today, the cap is {cap}",
                        problem.cities[i]
                    ),
                });
            }
        }
        Ok(problem)
    }

    /// Overlap today.
    #[must_use]
    pub fn overlap(&self) -> f64 {
        State::new(self).overlap()
    }

    /// Searches for the plan with the least overlap within the limits.
    ///
    /// # Errors
    /// No evaluations allowed; [`RegionError::Solver`] when the bound's programme fails.
    pub fn solve(&self, search: AllocationSearch) -> Result<AllocationPlan, RegionError> {
        if search.evaluations == 0 {
            return Err(RegionError::option("evaluations", "must be at least one"));
        }
        let today = State::new(self);
        let (best, effort) = search::iterate(self, search);
        let objective = best.overlap();
        let bound = bound::lower_bound(self, &today)?.min(objective);
        let (mut specialise, mut release) = (Vec::new(), Vec::new());
        for (cell, (after, before)) in best.jobs.iter().zip(&self.jobs).enumerate() {
            let change_jobs = *after as i64 - *before as i64;
            if change_jobs == 0 {
                continue;
            }
            let change = JobChange {
                city: self.cities[cell / self.sectors.len()].clone(),
                sector: self.sectors[cell % self.sectors.len()].clone(),
                change_jobs,
                relatedness_density: self.density[cell],
            };
            if change_jobs > 0 {
                specialise.push(change);
            } else {
                release.push(change);
            }
        }
        specialise.sort_by(|a, b| b.relatedness_density.total_cmp(&a.relatedness_density));
        release.sort_by(|a, b| a.relatedness_density.total_cmp(&b.relatedness_density));
        Ok(AllocationPlan {
            moved_jobs: best.moved(),
            jobs: best.jobs,
            overlap_before: today.overlap(),
            specialise,
            release,
            certificate: Certificate::new(
                "iterated local search, bound on changes of shares",
                objective,
                bound,
                Some(search.seed),
                effort,
            ),
        })
    }
}

#[cfg(test)]
mod tests;
