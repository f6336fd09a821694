//! Which places form a region, as processes (docs/region/delineation.md).

use conurb_region::RegionError;
use conurb_region::community::{Graph, Method, Partition, SearchOptions, search};
use conurb_region::percolation::{Jump, Step, curve};
use conurb_region::places::Place;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::{Process, document};

/// Jumps that are told.
const JUMPS: usize = 10;

/// `region.percolation`.
pub(super) const PERCOLATION: Process = Process::model::<PercolationInputs>(
    "region.percolation",
    "Linking places by distance",
    "Components of places at each linking distance, and the jumps of the largest one.",
    |inputs, _| document(inputs, percolation),
);
/// `region.communities`.
pub(super) const COMMUNITIES: Process = Process::model::<CommunityInputs>(
    "region.communities",
    "Communities of a flow",
    "Leiden communities (Traag, Waltman and van Eck 2019) of a weighted graph.",
    |inputs, _| document(inputs, communities),
);

/// Inputs of `region.percolation`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PercolationInputs {
    /// Places.
    places: Vec<PlaceRow>,
    /// Linking distances to report, km.
    at_km: Vec<f64>,
}

/// A place.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PlaceRow {
    name: String,
    lat: f64,
    lon: f64,
    pop_persons: f64,
}

#[derive(Serialize)]
struct Percolated {
    at: Vec<Step>,
    jumps: Vec<Jump>,
}

fn percolation(i: PercolationInputs) -> Result<Percolated, RegionError> {
    let places: Vec<Place> = (i.places.into_iter())
        .map(|p| Place {
            name: p.name,
            lat: p.lat,
            lon: p.lon,
            pop_persons: p.pop_persons,
            code: String::new(),
            country: String::new(),
            admin: String::new(),
            feature: String::new(),
        })
        .collect();
    let found = curve(&places)?;
    let at = (i.at_km.iter())
        .map(|d| found.at(*d).cloned())
        .collect::<Result<_, _>>()?;
    Ok(Percolated {
        at,
        jumps: found.jumps(JUMPS),
    })
}

/// Inputs of `region.communities`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CommunityInputs {
    /// Nodes.
    nodes: usize,
    /// Flows as [from, to, weight], both directions counted.
    flows: Vec<(usize, usize, f64)>,
    /// Resolution; more gives smaller communities.
    #[serde(default = "one")]
    resolution: f64,
    /// Seed of the search.
    #[serde(default)]
    seed: u64,
}

const fn one() -> f64 {
    1.0
}

fn communities(i: CommunityInputs) -> Result<Partition, RegionError> {
    let graph = Graph::from_flows(i.nodes, &i.flows)?;
    let options = SearchOptions {
        method: Method::Leiden,
        resolution: i.resolution,
        seed: i.seed,
        runs: 20,
    };
    search(&graph, &options)
}
