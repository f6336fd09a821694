//! What to build and what to move, as processes (docs/region/optimisation.md).

use conurb_region::RegionError;
use conurb_region::allocation::{
    AllocationLimits, AllocationPlan, AllocationProblem, AllocationSearch,
};
use conurb_region::links::{
    Link, LinkPlan, LinkProblem, Objective, ParetoFront, choose_links, gravity_trips, pareto_front,
};
use conurb_region::location::{
    LocationPlan, MedianOptions, Sites, capacitated_exact, max_cover, p_centre, set_cover,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::{Process, document};

/// Nodes of the search for links; deterministic, unlike a limit of time.
const NODES: u64 = 200_000;

/// `region.links`.
pub(super) const LINKS: Process = Process::model::<LinkInputs>(
    "region.links",
    "Which links under a budget",
    "Links that give most access, or least travel time from utilitarian to egalitarian (He et al. \
     2024): every choice where they are few, branch and bound with its gap beyond, and the front of \
     efficiency against equity.",
    |inputs, _| document(inputs, links),
);
/// `region.facilities`.
pub(super) const FACILITIES: Process = Process::model::<FacilityInputs>(
    "region.facilities",
    "Where to place shared services, by other aims than the mean",
    "p-centre (Hakimi 1964), set covering (Toregas et al. 1971), maximal covering (Church and \
     ReVelle 1974), capacitated p-median; each with its bound and gap.",
    |inputs, _| document(inputs, facilities),
);
/// `region.allocation`.
pub(super) const ALLOCATION: Process = Process::model::<AllocationInputs>(
    "region.allocation",
    "Cutting redundant industry",
    "Moves at most so many jobs so that the weighted Finger-Kreinin overlap of cities falls, within \
     limits of totals, location quotients and concentration; with a bound and its gap.",
    |inputs, _| document(inputs, allocate),
);

/// Inputs of `region.links`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LinkInputs {
    /// Cities.
    cities: Vec<String>,
    /// Mass of each, e.g. persons.
    masses: Vec<f64>,
    /// Minutes today, one row an origin, one value a destination; null where there is no way.
    minutes: Vec<Vec<Option<f64>>>,
    /// Distances, km: trips follow masses over distance.
    distances_km: Vec<Vec<f64>>,
    /// Links that may be built.
    links: Vec<LinkRow>,
    /// What may be spent.
    budget: f64,
    /// What a plan is to achieve.
    #[serde(default)]
    objective: ObjectiveInput,
}

/// A link that may be built.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LinkRow {
    name: String,
    /// City at one end, by its place from 0.
    from: usize,
    /// City at the other.
    to: usize,
    cost: f64,
    ride_min: f64,
}

/// What a plan is to achieve.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum ObjectiveInput {
    /// Most access.
    #[default]
    Access,
    /// Least p-norm of mean minutes of the cities.
    Norm(f64),
    /// The worst-off city first.
    Lexicographic,
}

#[derive(Serialize)]
struct Linked {
    plan: LinkPlan,
    front: ParetoFront,
}

fn links(i: LinkInputs) -> Result<Linked, RegionError> {
    let trips = gravity_trips(&i.masses, &i.distances_km.concat())?;
    let minutes = (i.minutes.iter().flatten())
        .map(|m| m.unwrap_or(f64::INFINITY))
        .collect();
    let links = (i.links.into_iter())
        .map(|l| Link {
            name: l.name,
            from: l.from,
            to: l.to,
            cost: l.cost,
            ride_min: l.ride_min,
        })
        .collect();
    let objective = match i.objective {
        ObjectiveInput::Access => Objective::Access,
        ObjectiveInput::Norm(p) => Objective::Norm(p),
        ObjectiveInput::Lexicographic => Objective::Lexicographic,
    };
    let problem = LinkProblem::new(i.cities, i.masses, minutes, trips, links, i.budget)?;
    Ok(Linked {
        plan: choose_links(&problem, objective, NODES)?,
        front: pareto_front(&problem, NODES)?,
    })
}

/// Inputs of `region.facilities`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FacilityInputs {
    /// Cost of serving, e.g. minutes: one row a demand, one value a site.
    costs: Vec<Vec<f64>>,
    /// Weight of each demand, e.g. persons.
    weights: Vec<f64>,
    /// What is asked.
    aim: Aim,
    /// Seed of random starts.
    #[serde(default)]
    seed: u64,
}

/// What is asked of the sites.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Aim {
    /// Least cost of the demand served worst, with p sites.
    Centre {
        /// Sites to open.
        p: usize,
    },
    /// Fewest sites so that every demand is within the radius.
    SetCover {
        /// Most cost of serving.
        radius: f64,
    },
    /// Most weight within the radius, with p sites.
    MaxCover {
        /// Sites to open.
        p: usize,
        /// Most cost of serving.
        radius: f64,
    },
    /// Least cost with p sites that serve no more than they can.
    Capacitated {
        /// Sites to open.
        p: usize,
        /// Weight each site can serve.
        capacities: Vec<f64>,
    },
}

fn facilities(i: FacilityInputs) -> Result<LocationPlan, RegionError> {
    let sites = Sites::new(i.costs.concat(), i.weights)?;
    match i.aim {
        Aim::Centre { p } => p_centre(&sites, p),
        Aim::SetCover { radius } => set_cover(&sites, radius),
        Aim::MaxCover { p, radius } => {
            let options = MedianOptions {
                seed: i.seed,
                ..MedianOptions::default()
            };
            max_cover(&sites, p, radius, options)
        }
        Aim::Capacitated { p, capacities } => capacitated_exact(&sites, p, &capacities),
    }
}

/// Inputs of `region.allocation`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AllocationInputs {
    /// Cities.
    cities: Vec<String>,
    /// Sectors.
    sectors: Vec<String>,
    /// Jobs, one row a city, one value a sector.
    jobs: Vec<Vec<u64>>,
    /// Jobs of the nation by sector.
    nation: Vec<f64>,
    /// Relatedness density of each sector in each city; 0 without.
    #[serde(default)]
    density: Option<Vec<Vec<f64>>>,
    /// Most jobs that move.
    moved_jobs: u64,
    /// How far a city's total may change, as a share of it.
    #[serde(default)]
    city_total_share: f64,
    /// How far a sector's total may change, as a share of it.
    #[serde(default)]
    sector_total_share: f64,
    /// How far a location quotient may change; without limit if not given.
    #[serde(default)]
    lq_drift: Option<f64>,
    /// Most concentrated a city may be (HHI).
    #[serde(default = "one")]
    hhi_max: f64,
    /// Seed of the search.
    #[serde(default)]
    seed: u64,
}

const fn one() -> f64 {
    1.0
}

fn allocate(i: AllocationInputs) -> Result<AllocationPlan, RegionError> {
    let (n, s) = (i.cities.len(), i.sectors.len());
    let all: f64 = i.nation.iter().sum();
    let shares = i.nation.iter().map(|e| e / all).collect();
    let density = i.density.map_or_else(|| vec![0.0; n * s], |d| d.concat());
    let limits = AllocationLimits {
        moved_jobs: i.moved_jobs,
        city_total_share: i.city_total_share,
        sector_total_share: i.sector_total_share,
        lq_drift: i.lq_drift.unwrap_or(f64::INFINITY),
        hhi_cap: vec![i.hhi_max; n],
    };
    let weight = vec![1.0; n * n];
    let jobs = i.jobs.concat();
    let problem =
        AllocationProblem::new(i.cities, i.sectors, jobs, weight, shares, density, limits)?;
    problem.solve(AllocationSearch {
        seed: i.seed,
        ..AllocationSearch::default()
    })
}
