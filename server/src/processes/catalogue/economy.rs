//! Industry beyond pairs, and incentive races, as processes (docs/region/industry.md).

use conurb_region::RegionError;
use conurb_region::coupling::{critic_weights, entropy_weights, equal_weights};
use conurb_region::industry::{
    Jobs, Race, RaceCity, RedundantSector, Relatedness, SectorLocation, ShiftShare, incentive_race,
    redundant_sectors, relatedness, sector_location, shift_share,
};
use conurb_region::secondary::{Role, roles};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::{Process, document};

/// `region.relatedness`.
pub(super) const RELATEDNESS: Process = Process::model::<JobsInputs>(
    "region.relatedness",
    "Related industries and roles of cities",
    "Proximity of sectors, relatedness density and complexity (Hidalgo et al. 2007; Hidalgo and \
     Hausmann 2009), concentration of each sector (locational Gini, raw Ellison-Glaeser 1997), \
     sectors many stand for, and what each city stands for and could grow.",
    |inputs, _| document(inputs, related),
);
/// `region.shift-share`.
pub(super) const SHIFT_SHARE: Process = Process::model::<ShiftInputs>(
    "region.shift-share",
    "Shift-share of jobs",
    "Change of jobs by national growth, industry mix and regional share (Dunn 1960); the parts add \
     up.",
    |inputs, _| {
        document(
            inputs,
            |i: ShiftInputs| -> Result<ShiftShare, RegionError> {
                shift_share(&i.region_then, &i.region_now, &i.nation_then, &i.nation_now)
            },
        )
    },
);
/// `region.incentive-race`.
pub(super) const INCENTIVE_RACE: Process = Process::model::<RaceInputs>(
    "region.incentive-race",
    "Race of subsidies between cities",
    "Nash subsidies of a contest for one plant, what they cost all, and what an agreement saves \
     (Tullock 1980; Hillman and Riley 1989).",
    |inputs, _| document(inputs, race),
);
/// `region.indicator-weights`.
pub(super) const INDICATOR_WEIGHTS: Process = Process::model::<WeightInputs>(
    "region.indicator-weights",
    "Weights of indicators",
    "Equal, entropy and CRITIC weights (Diakoulaki, Mavrotas and Papayannakis 1995) of a table of \
     indicators.",
    |inputs, _| document(inputs, weigh),
);

/// Inputs of `region.relatedness`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct JobsInputs {
    /// Cities.
    cities: Vec<String>,
    /// Sectors.
    sectors: Vec<String>,
    /// Jobs, one row a city, one value a sector.
    jobs: Vec<Vec<f64>>,
    /// Jobs of the nation by sector; the sum of the cities without.
    #[serde(default)]
    nation: Option<Vec<f64>>,
    /// Location quotient from which a sector counts as one a city stands for.
    #[serde(default = "one")]
    specialised_from: f64,
    /// Most sectors listed for each role.
    #[serde(default = "three")]
    most: usize,
}

const fn one() -> f64 {
    1.0
}

const fn three() -> usize {
    3
}

#[derive(Serialize)]
struct Related {
    relatedness: Relatedness,
    concentration: Vec<SectorLocation>,
    redundant_sectors: Vec<RedundantSector>,
    roles: Vec<Role>,
}

fn related(i: JobsInputs) -> Result<Related, RegionError> {
    let jobs = Jobs::new(i.cities, i.sectors, i.jobs.concat())?;
    let nation = i.nation.unwrap_or_else(|| jobs.sector_totals());
    Ok(Related {
        relatedness: relatedness(&jobs, &nation)?,
        concentration: (0..jobs.sectors().len())
            .map(|s| sector_location(&jobs, s, None))
            .collect::<Result<_, _>>()?,
        redundant_sectors: redundant_sectors(&jobs, &nation, i.specialised_from)?,
        roles: roles(&jobs, &nation, i.most)?,
    })
}

/// Inputs of `region.shift-share`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ShiftInputs {
    /// Jobs of the region by sector, then.
    region_then: Vec<f64>,
    /// Now.
    region_now: Vec<f64>,
    /// Jobs of the nation by sector, then.
    nation_then: Vec<f64>,
    /// Now.
    nation_now: Vec<f64>,
}

/// Inputs of `region.incentive-race`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RaceInputs {
    /// Cities that bid.
    cities: Vec<Bidder>,
}

/// A city that bids.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Bidder {
    name: String,
    /// What the plant is worth to it.
    value: f64,
    /// What a unit of its subsidy counts.
    #[serde(default = "one")]
    attractiveness: f64,
}

fn race(i: RaceInputs) -> Result<Race, RegionError> {
    let cities: Vec<RaceCity> = (i.cities.into_iter())
        .map(|c| RaceCity {
            name: c.name,
            value: c.value,
            attractiveness: c.attractiveness,
        })
        .collect();
    incentive_race(&cities)
}

/// Inputs of `region.indicator-weights`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WeightInputs {
    /// One row an indicator, one value a city.
    indicators: Vec<Vec<f64>>,
}

#[derive(Serialize)]
struct IndicatorWeights {
    equal: Vec<f64>,
    entropy: Vec<f64>,
    critic: Vec<f64>,
}

fn weigh(i: WeightInputs) -> Result<IndicatorWeights, RegionError> {
    Ok(IndicatorWeights {
        equal: equal_weights(i.indicators.len()),
        entropy: entropy_weights(&i.indicators)?,
        critic: critic_weights(&i.indicators)?,
    })
}
