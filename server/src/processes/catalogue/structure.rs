//! Ties, industry and coordination as processes (docs/region/flows.md, industry.md).

use conurb_region::RegionError;
use conurb_region::coupling::{Coupling, Variant, coupling, equal_weights};
use conurb_region::flows::{Decay, Design, Flow, GravityFit, Square, fit_gravity};
use conurb_region::industry::{Jobs, PairMeasure, RedundantPair, redundant_pairs};
use conurb_region::network::{Eigenvector, TieCentrality, eigenvector, tie_centrality};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::{Process, document};

/// `region.coupling`.
pub(super) const COUPLING: Process = Process::model::<CouplingInputs>(
    "region.coupling",
    "Coupling coordination",
    "Coupling degree, development and coordination of subsystem scores in three published variants \
     (Wang et al. 2021).",
    |inputs, _| document(inputs, couple),
);
/// `region.gravity`.
pub(super) const GRAVITY: Process = Process::model::<GravityInputs>(
    "region.gravity",
    "Gravity model of flows",
    "Poisson regression of flows on masses and separation: unconstrained, production-, attraction- \
     and doubly constrained, exponential or power decay.",
    |inputs, _| document(inputs, gravity),
);
/// `region.industry`.
pub(super) const INDUSTRY: Process = Process::model::<IndustryInputs>(
    "region.industry",
    "Industrial structure of cities",
    "Location quotients, Krugman index, Finger-Kreinin overlap and UNIDO similarity of every pair, \
     and pairs that repeat one another.",
    |inputs, _| document(inputs, industry),
);
/// `region.position`.
pub(super) const POSITION: Process = Process::model::<PositionInputs>(
    "region.position",
    "Position in a network of ties",
    "Strength, alternative centrality and power (Neal 2011), eigenvector centrality.",
    |inputs, _| document(inputs, position),
);

/// Inputs of `region.coupling`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CouplingInputs {
    /// Score of each subsystem, 0 to 1.
    scores: Vec<f64>,
    /// Weights that sum to 1; equal without.
    #[serde(default)]
    weights: Option<Vec<f64>>,
}

#[derive(Serialize)]
struct Coupled {
    standard: Coupling,
    wang: Coupling,
    fan: Coupling,
}

fn couple(i: CouplingInputs) -> Result<Coupled, RegionError> {
    let weights = i.weights.unwrap_or_else(|| equal_weights(i.scores.len()));
    let of = |variant| coupling(&i.scores, &weights, variant);
    Ok(Coupled {
        standard: of(Variant::Standard)?,
        wang: of(Variant::Wang)?,
        fan: of(Variant::Fan)?,
    })
}

/// Inputs of `region.gravity`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct GravityInputs {
    /// One row a pair.
    flows: Vec<FlowRow>,
    /// Which totals are kept.
    #[serde(default)]
    design: DesignInput,
    /// How flows fall with separation.
    #[serde(default)]
    decay: DecayInput,
}

/// A flow.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FlowRow {
    origin: String,
    destination: String,
    flow: f64,
    separation: f64,
    origin_mass: f64,
    destination_mass: f64,
}

/// Which totals are kept.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum DesignInput {
    #[default]
    Unconstrained,
    Production,
    Attraction,
    Doubly,
}

/// How flows fall.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum DecayInput {
    #[default]
    Exponential,
    Power,
}

fn gravity(i: GravityInputs) -> Result<GravityFit, RegionError> {
    let rows: Vec<Flow<'_>> = (i.flows.iter())
        .map(|f| Flow {
            origin: &f.origin,
            destination: &f.destination,
            flow: f.flow,
            separation: f.separation,
            origin_mass: f.origin_mass,
            destination_mass: f.destination_mass,
        })
        .collect();
    let design = match i.design {
        DesignInput::Unconstrained => Design::Unconstrained,
        DesignInput::Production => Design::Production,
        DesignInput::Attraction => Design::Attraction,
        DesignInput::Doubly => Design::Doubly,
    };
    let decay = match i.decay {
        DecayInput::Exponential => Decay::Exponential,
        DecayInput::Power => Decay::Power,
    };
    fit_gravity(&rows, design, decay)
}

/// Inputs of `region.industry`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct IndustryInputs {
    /// Cities.
    cities: Vec<String>,
    /// Sectors.
    sectors: Vec<String>,
    /// Jobs, one row a city, one value a sector.
    jobs: Vec<Vec<f64>>,
    /// Jobs of the nation by sector; the sum of the cities without.
    #[serde(default)]
    nation: Option<Vec<f64>>,
    /// Similarity from which a pair is flagged as repeating one another.
    #[serde(default = "alike")]
    redundant_from: f64,
}

const fn alike() -> f64 {
    0.95
}

#[derive(Serialize)]
struct Industrial {
    location_quotients: Vec<Vec<Option<f64>>>,
    krugman: Square,
    finger_kreinin: Square,
    similarity: Square,
    redundant: Vec<RedundantPair>,
}

fn industry(i: IndustryInputs) -> Result<Industrial, RegionError> {
    let jobs = Jobs::new(i.cities, i.sectors, i.jobs.concat())?;
    let nation = i.nation.unwrap_or_else(|| jobs.sector_totals());
    Ok(Industrial {
        location_quotients: jobs.location_quotients(&nation)?,
        krugman: jobs.pairs(PairMeasure::Krugman)?,
        finger_kreinin: jobs.pairs(PairMeasure::FingerKreinin)?,
        similarity: jobs.pairs(PairMeasure::Similarity)?,
        redundant: redundant_pairs(&jobs, i.redundant_from)?,
    })
}

/// Inputs of `region.position`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PositionInputs {
    /// Ties, one row a city, one value a city.
    ties: Vec<Vec<f64>>,
}

#[derive(Serialize)]
struct Positioned {
    ties: TieCentrality,
    eigenvector: Eigenvector,
}

fn position(i: PositionInputs) -> Result<Positioned, RegionError> {
    let ties = Square::new("ties", i.ties.len(), i.ties.concat())?;
    Ok(Positioned {
        ties: tie_centrality(&ties)?,
        eigenvector: eigenvector(&ties)?,
    })
}
