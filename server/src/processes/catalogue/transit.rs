//! Accessibility as a process (docs/transit/model.md).

use conurb_transit::TransitError;
use conurb_transit::measures::{
    Ask, Equity, Mass, Own, Reach, Targets, TimeKind, TimeMatrix, contour, equity, potential, watt,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::{Process, document};

/// `transit.reach`.
pub(super) const REACH: Process = Process::model::<ReachInputs>(
    "transit.reach",
    "Reach of places",
    "Weighted average travel time, potential and contour measures from a table of travel times \
     (Gutierrez 2001; Harris 1954; Hansen 1959); what is not reached is listed.",
    |inputs, _| document(inputs, reach),
);

/// Inputs of `transit.reach`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReachInputs {
    /// Places.
    places: Vec<String>,
    /// Minutes, one row an origin, one value a destination; null where there is no journey.
    minutes: Vec<Vec<Option<f64>>>,
    /// Mass of each place.
    masses: Vec<f64>,
    /// What the masses count, e.g. `persons`.
    unit: String,
    /// Year of the masses.
    year: u16,
    /// Source of the masses; without one nothing is computed.
    source: String,
    /// Limits of the contour measures, min.
    #[serde(default)]
    contours_min: Vec<f64>,
    /// Exponent of the potential.
    #[serde(default = "one")]
    exponent: f64,
}

const fn one() -> f64 {
    1.0
}

#[derive(Serialize)]
struct Reached {
    watt_min: Vec<Reach>,
    potential: Vec<Reach>,
    contours: Vec<Vec<Reach>>,
    potential_equity: Equity,
}

fn reach(i: ReachInputs) -> Result<Reached, TransitError> {
    let n = i.places.len();
    let times = TimeMatrix::new(i.places, TimeKind::Given, i.minutes.concat())?;
    let mass = Mass::new(i.masses, &i.unit, i.year, &i.source)?;
    let to = Targets::new("all places given", 0..n)?;
    let ask = Ask {
        times: &times,
        mass: &mass,
        to: &to,
        own: &Own::Out,
    };
    let all: Vec<usize> = (0..n).collect();
    let potentials = potential(&ask, &all, i.exponent)?;
    Ok(Reached {
        watt_min: watt(&ask, &all)?,
        contours: (i.contours_min.iter())
            .map(|limit| contour(&ask, &all, *limit))
            .collect::<Result<_, _>>()?,
        potential_equity: equity(&potentials, &mass.values)?,
        potential: potentials,
    })
}
