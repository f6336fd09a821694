//! Which links to build under a budget: for access, for the sum of travel times, for the worst off.
//!
//! After He, Botan, Lang, Saffidine, Sikora and Workman (2024, arXiv 2409.02152). Up to
//! [`ENUMERATED_LINKS`] links every choice is tried; above, branch and bound with a limit of nodes
//! starts from greedy and local search and certifies what it leaves. Formulas:
//! `docs/region/optimisation.md`.

mod pareto;
mod search;

pub use pareto::{ParetoFront, ParetoPoint, pareto_front};
pub use search::{ENUMERATED_LINKS, branch_and_bound, choose_links, enumerate_links, greedy_links};

use serde::Serialize;

use crate::RegionError;
use crate::location::floyd;
use crate::programme::{Certificate, all_at_least, at_most};

/// Most cities.
const CITIES: usize = 1_000;
/// Most candidate links: choices are 64-bit masks.
const LINKS: usize = 64;

/// A link that may be built, usable both ways.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Link {
    /// Name in reports.
    pub name: String,
    /// City at one end.
    pub from: usize,
    /// City at the other end.
    pub to: usize,
    /// Cost, in the unit of the budget.
    pub cost: f64,
    /// Travel time on it.
    pub ride_min: f64,
}

/// What a plan is to achieve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Objective {
    /// Most `sum_i m_i A_i`, access `A_i = sum_{j != i} m_j / t_ij`.
    Access,
    /// Least `(sum_i T_i^p)^(1/p)` over cities, `T_i` the mean minutes of the trips of city `i`;
    /// 1 is utilitarian, infinity egalitarian.
    Norm(f64),
    /// Least worst `T_i`, then least second worst, and so on.
    Lexicographic,
}

/// Cities, travel today, links that may be built, and the budget.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LinkProblem {
    names: Vec<String>,
    mass: Vec<f64>,
    base_min: Vec<f64>,
    trips: Vec<f64>,
    links: Vec<Link>,
    budget: f64,
}

impl LinkProblem {
    /// `mass` is one per city (persons, jobs); `base_min` are minutes today, row-major, infinite
    /// where there is no way; `trips` likewise (see [`gravity_trips`]), the diagonal is ignored.
    ///
    /// # Errors
    /// Shapes that differ; masses negative or all zero; minutes between two cities not above 0;
    /// trips negative or all zero; links with unknown or equal ends, with a cost or minutes not
    /// above 0; a budget below the cheapest link ([`RegionError::Infeasible`]).
    pub fn new(
        names: Vec<String>,
        mass: Vec<f64>,
        mut base_min: Vec<f64>,
        mut trips: Vec<f64>,
        links: Vec<Link>,
        budget: f64,
    ) -> Result<Self, RegionError> {
        let n = names.len();
        at_most("cities", n, CITIES)?;
        at_most("candidate links", links.len(), LINKS)?;
        RegionError::same_len("masses of cities", n, mass.len())?;
        RegionError::same_len("minutes, cities x cities", n * n, base_min.len())?;
        RegionError::same_len("trips, cities x cities", n * n, trips.len())?;
        all_at_least("masses of cities", &mass, 0.0)?;
        for i in 0..n {
            base_min[i * n + i] = 0.0;
            trips[i * n + i] = 0.0;
        }
        all_at_least("trips", &trips, 0.0)?;
        if mass.iter().all(|m| *m <= 0.0) || trips.iter().all(|t| *t <= 0.0) {
            return Err(RegionError::option("masses and trips", "are all zero"));
        }
        if let Some(c) =
            (0..n * n).find(|c| c / n != c % n && (base_min[*c].is_nan() || base_min[*c] <= 0.0))
        {
            return Err(RegionError::option(
                "minutes between cities",
                format!(
                    "{} to {}: {} is not above 0",
                    names[c / n],
                    names[c % n],
                    base_min[c]
                ),
            ));
        }
        check_links(&links, n, budget)?;
        floyd(&mut base_min, n);
        Ok(Self {
            names,
            mass,
            base_min,
            trips,
            links,
            budget,
        })
    }

    /// The candidate links.
    #[must_use]
    pub fn links(&self) -> &[Link] {
        &self.links
    }

    fn n(&self) -> usize {
        self.names.len()
    }

    /// Shortest minutes once `link` exists too; `minutes` must be shortest before.
    fn add(&self, minutes: &mut [f64], link: &Link) {
        let n = self.n();
        let (a, b, ride) = (link.from, link.to, link.ride_min);
        let (from_a, from_b) = (
            minutes[a * n..(a + 1) * n].to_vec(),
            minutes[b * n..(b + 1) * n].to_vec(),
        );
        for i in 0..n {
            let (to_a, to_b) = (minutes[i * n + a], minutes[i * n + b]);
            for j in 0..n {
                let cell = &mut minutes[i * n + j];
                *cell = cell
                    .min(to_a + ride + from_b[j])
                    .min(to_b + ride + from_a[j]);
            }
        }
    }

    /// Minutes with the links of `mask`.
    fn minutes(&self, mask: u64) -> Vec<f64> {
        let mut minutes = self.base_min.clone();
        for (l, link) in self.links.iter().enumerate() {
            if mask >> l & 1 == 1 {
                self.add(&mut minutes, link);
            }
        }
        minutes
    }

    /// Access of each city, mass per minute.
    fn access(&self, minutes: &[f64]) -> Vec<f64> {
        let n = self.n();
        (0..n)
            .map(|i| {
                (0..n)
                    .filter(|j| *j != i)
                    .map(|j| self.mass[j] / minutes[i * n + j])
                    .sum()
            })
            .collect()
    }

    /// Mean minutes of the trips of each city that has trips.
    fn trip_minutes(&self, minutes: &[f64]) -> Vec<Option<f64>> {
        let n = self.n();
        (0..n)
            .map(|i| {
                let trips = &self.trips[i * n..(i + 1) * n];
                let sum: f64 = trips.iter().sum();
                (sum > 0.0).then(|| {
                    let minutes = &minutes[i * n..(i + 1) * n];
                    let used = trips.iter().zip(minutes).filter(|(t, _)| **t > 0.0);
                    used.map(|(t, m)| t * m).sum::<f64>() / sum
                })
            })
            .collect()
    }

    /// What is made small, most important first.
    fn score(&self, objective: Objective, minutes: &[f64]) -> Vec<f64> {
        if objective == Objective::Access {
            let access = self.access(minutes);
            return vec![
                -self
                    .mass
                    .iter()
                    .zip(access)
                    .map(|(m, a)| m * a)
                    .sum::<f64>(),
            ];
        }
        let mut t: Vec<f64> = self.trip_minutes(minutes).into_iter().flatten().collect();
        let most = t.iter().fold(0.0_f64, |m, v| m.max(*v));
        match objective {
            Objective::Norm(p) if p.is_finite() && most.is_finite() => {
                // Scaled by the largest, so that powers do not overflow.
                let sum: f64 = t.iter().map(|v| (v / most).powf(p)).sum();
                vec![most * sum.powf(1.0 / p)]
            }
            Objective::Lexicographic => {
                t.sort_by(|a, b| b.total_cmp(a));
                t
            }
            _ => vec![most],
        }
    }

    /// Cost of the links of `mask`.
    fn cost(&self, mask: u64) -> f64 {
        self.links
            .iter()
            .enumerate()
            .filter(|(l, _)| mask >> l & 1 == 1)
            .map(|(_, link)| link.cost)
            .sum()
    }

    /// Whether a sum of costs keeps the budget, but for rounding.
    fn affordable(&self, cost: f64) -> bool {
        cost <= self.budget * (1.0 + 1e-12)
    }

    fn check_objective(&self, objective: Objective) -> Result<(), RegionError> {
        match objective {
            Objective::Norm(p) if p.is_nan() || p < 1.0 => Err(RegionError::option(
                "order of the norm",
                format!("{p} is below 1"),
            )),
            Objective::Access => Ok(()),
            _ => self.check_connected(u64::MAX, "all candidate links built"),
        }
    }

    /// Refuses trips between cities that `mask` leaves without a way.
    fn check_connected(&self, mask: u64, how: &str) -> Result<(), RegionError> {
        let (n, minutes) = (self.n(), self.minutes(mask));
        match (0..n * n).find(|c| self.trips[*c] > 0.0 && minutes[*c].is_infinite()) {
            None => Ok(()),
            Some(c) => Err(RegionError::Infeasible {
                problem: "links".to_owned(),
                constraint: format!(
                    "a way for every trip: none from {} to {} with {how}",
                    self.names[c / n],
                    self.names[c % n]
                ),
            }),
        }
    }

    /// A plan's report.
    fn plan(
        &self,
        objective: Objective,
        mask: u64,
        certificate: Certificate,
    ) -> Result<LinkPlan, RegionError> {
        if objective != Objective::Access {
            self.check_connected(mask, "the budget spent")?;
        }
        let minutes = self.minutes(mask);
        let access = self.access(&minutes);
        Ok(LinkPlan {
            links: (0..self.links.len())
                .filter(|l| mask >> l & 1 == 1)
                .collect(),
            cost: self.cost(mask),
            equity: equity(&access),
            city_trip_min: self.trip_minutes(&minutes),
            city_access: access,
            certificate,
        })
    }
}

/// Whether a number is finite and above 0.
fn positive(v: f64) -> bool {
    v.is_finite() && v > 0.0
}

fn check_links(links: &[Link], n: usize, budget: f64) -> Result<(), RegionError> {
    for link in links {
        if link.from >= n || link.to >= n || link.from == link.to {
            return Err(RegionError::option(
                &format!("link {}", link.name),
                format!(
                    "its ends {} and {} are not two of the {n} cities",
                    link.from, link.to
                ),
            ));
        }
        if !positive(link.cost) || !positive(link.ride_min) {
            return Err(RegionError::option(
                &format!("link {}", link.name),
                "its cost and its minutes must be finite and above 0",
            ));
        }
    }
    let Some(cheapest) = links.iter().min_by(|a, b| a.cost.total_cmp(&b.cost)) else {
        return Err(RegionError::option("candidate links", "there are none"));
    };
    if !budget.is_finite() || budget < cheapest.cost {
        return Err(RegionError::Infeasible {
            problem: "links".to_owned(),
            constraint: format!(
                "the budget of {budget}: the cheapest link, {}, costs {}",
                cheapest.name, cheapest.cost
            ),
        });
    }
    Ok(())
}

/// Links to build, and who has what then.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LinkPlan {
    /// Indices of the links to build, ascending.
    pub links: Vec<usize>,
    /// Their cost.
    pub cost: f64,
    /// Access of each city, mass per minute.
    pub city_access: Vec<f64>,
    /// Mean minutes of each city's trips; none for a city without trips.
    pub city_trip_min: Vec<Option<f64>>,
    /// How unequal the access of the cities is.
    pub equity: Equity,
    /// Objective, bound, gap and effort. For [`Objective::Lexicographic`] the worst city's minutes.
    pub certificate: Certificate,
}

/// Inequality of a measure among cities.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Equity {
    /// Gini coefficient, cities counted alike; 0 when all are zero.
    pub gini: f64,
    /// Mean of the best tenth of the cities (at least one) over that of the worst tenth; none when
    /// the worst have nothing.
    pub top_bottom_ratio: Option<f64>,
    /// Best over worst; none when the worst has nothing.
    pub best_worst_ratio: Option<f64>,
}

/// Inequality of `values`, which are not negative.
#[must_use]
pub fn equity(values: &[f64]) -> Equity {
    let mut v = values.to_vec();
    v.sort_by(f64::total_cmp);
    let tenth = v.len().div_ceil(10);
    let ratio = |k: usize| {
        let low: f64 = v.iter().take(k).sum();
        (low > 0.0).then(|| v.iter().rev().take(k).sum::<f64>() / low)
    };
    Equity {
        gini: conurb_base::inequality::gini(values).unwrap_or(0.0),
        top_bottom_ratio: ratio(tenth),
        best_worst_ratio: ratio(1),
    }
}

/// Trips `m_i m_j / d_ij` between cities, row-major; 0 on the diagonal.
///
/// # Errors
/// Shapes that differ; distances between two cities not finite or not above 0.
pub fn gravity_trips(mass: &[f64], distance_km: &[f64]) -> Result<Vec<f64>, RegionError> {
    let n = mass.len();
    RegionError::same_len("distances, cities x cities", n * n, distance_km.len())?;
    let mut trips = vec![0.0; n * n];
    for c in (0..n * n).filter(|c| c / n != c % n) {
        if !positive(distance_km[c]) {
            return Err(RegionError::option(
                "distances between cities",
                format!("{} to {}: {} km", c / n + 1, c % n + 1, distance_km[c]),
            ));
        }
        trips[c] = mass[c / n] * mass[c % n] / distance_km[c];
    }
    Ok(trips)
}

/// Minutes off the network at a third of the speed of rail.
///
/// # Errors
/// A speed not above 0.
pub fn off_network_min(distance_km: &[f64], rail_km_h: f64) -> Result<Vec<f64>, RegionError> {
    if !positive(rail_km_h) {
        return Err(RegionError::option(
            "speed of rail",
            format!("{rail_km_h} km/h is no finite number above 0"),
        ));
    }
    Ok(distance_km
        .iter()
        .map(|d| d * 60.0 * 3.0 / rail_km_h)
        .collect())
}

#[cfg(test)]
mod tests;
