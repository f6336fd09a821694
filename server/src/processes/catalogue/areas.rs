//! Degree of urbanisation and functional urban areas as processes (docs/region/delineation.md).

use std::collections::BTreeMap;

use conurb_region::RegionError;
use conurb_region::degurba::{Classes, Level1Rules, Level2Rules, PopulationGrid, level1, level2};
use conurb_region::urban_area::{
    AreaRules, AreaUnit, Areas, Commuters, Flows, Proxy, functional_areas,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::{Process, document};

/// `region.degurba`.
pub(super) const DEGURBA: Process = Process::model::<DegurbaInputs>(
    "region.degurba",
    "Degree of urbanisation of grid cells",
    "Level 1 (urban centre, urban cluster, rural) or level 2 (classes of GHS-SMOD) of a population \
     grid, by density of permanent land with true cell areas (EU, FAO, UN-Habitat, OECD, World Bank \
     2021).",
    |inputs, _| document(inputs, degurba),
);
/// `region.functional-areas`.
pub(super) const FUNCTIONAL_AREAS: Process = Process::model::<AreasInputs>(
    "region.functional-areas",
    "Functional urban areas",
    "Cities and their commuting zones from urban centres and flows (Dijkstra, Poelman and Veneri \
     2019); flows that are no commuters are marked as a proxy in the result.",
    |inputs, _| document(inputs, areas),
);

/// Inputs of `region.degurba`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DegurbaInputs {
    /// Persons per cell, one row a row of the grid from the north; null where not known.
    persons: Vec<Vec<Option<f64>>>,
    /// Area of a cell of each row, km2.
    cell_km2: Vec<f64>,
    /// Share of permanent land per cell, 0 to 1; all is land without.
    #[serde(default)]
    land_share: Option<Vec<Vec<f64>>>,
    /// Built-up share per cell, 0 to 1; without it no criterion on built-up area is used.
    #[serde(default)]
    built_share: Option<Vec<Vec<f64>>>,
    /// Which level.
    #[serde(default)]
    level: Level,
}

/// Level of the classification.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Level {
    /// 0 water, 1 rural, 2 urban cluster, 3 urban centre.
    #[default]
    One,
    /// 10 to 30 of GHS-SMOD.
    Two,
}

fn degurba(i: DegurbaInputs) -> Result<Classes, RegionError> {
    let (rows, cols) = (i.persons.len(), i.persons.first().map_or(0, Vec::len));
    if let Some(row) = i.persons.iter().position(|r| r.len() != cols) {
        return Err(RegionError::Shape {
            what: format!("cells of row {row} of the grid"),
            expected: cols,
            found: i.persons[row].len(),
        });
    }
    let built = i.built_share.is_some();
    let grid = PopulationGrid {
        rows,
        cols,
        persons: (i.persons.iter().flatten())
            .map(|p| p.unwrap_or(f64::NAN))
            .collect(),
        cell_km2: i.cell_km2,
        land_share: i.land_share.map(|l| l.concat()),
        built_share: i.built_share.map(|b| b.concat()),
    };
    match i.level {
        Level::One => {
            let mut rules = Level1Rules::default();
            if !built {
                rules.centre.built_share_min = None;
            }
            level1(&grid, &rules)
        }
        Level::Two => {
            let mut rules = Level2Rules::default();
            if !built {
                rules.centre.built_share_min = None;
                rules.dense_built_share_min = None;
            }
            level2(&grid, &rules)
        }
    }
}

/// Inputs of `region.functional-areas`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AreasInputs {
    /// Municipalities.
    units: Vec<UnitRow>,
    /// Units that border each unit, by their places from 0.
    neighbours: Vec<Vec<usize>>,
    /// What ties the units.
    ties: TiesInput,
}

/// A municipality.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct UnitRow {
    name: String,
    pop_persons: f64,
    /// Share of the population in each urban centre, by the centre's number.
    in_centres: BTreeMap<u32, f64>,
}

/// What ties the units.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum TiesInput {
    /// Workers who live in one unit and work in another.
    Commuters {
        /// [from, to, workers].
        flows: Vec<(usize, usize, f64)>,
        /// Workers who live in each unit.
        residents: Vec<f64>,
    },
    /// Another flow in their place; the result says so.
    Proxy {
        /// What it is.
        what: String,
        /// [from, to, amount].
        flows: Vec<(usize, usize, f64)>,
        /// The whole of each unit.
        residents: Vec<f64>,
    },
    /// Travel time within a limit: a proxy.
    WithinMinutes {
        /// Minutes, one row a unit, one value a unit.
        minutes: Vec<Vec<f64>>,
        /// The limit, min.
        limit_min: f64,
    },
}

/// The basis stands in the type, and so in the result.
#[derive(Serialize)]
#[serde(untagged)]
enum Found {
    Commuters(Areas<Commuters>),
    Proxy(Areas<Proxy>),
}

fn areas(i: AreasInputs) -> Result<Found, RegionError> {
    let units: Vec<AreaUnit> = (i.units.into_iter())
        .map(|u| AreaUnit {
            name: u.name,
            pop_persons: u.pop_persons,
            in_centres: u.in_centres,
        })
        .collect();
    let rules = AreaRules::default();
    let proxy = match i.ties {
        TiesInput::Commuters { flows, residents } => {
            let flows = Flows::commuters(&flows, &residents)?;
            let found = functional_areas(&units, &flows, &i.neighbours, &rules)?;
            return Ok(Found::Commuters(found));
        }
        TiesInput::Proxy {
            what,
            flows,
            residents,
        } => Flows::proxy(&what, &flows, &residents)?,
        TiesInput::WithinMinutes { minutes, limit_min } => {
            Flows::within_minutes(units.len(), minutes.concat(), limit_min)?
        }
    };
    let found = functional_areas(&units, &proxy, &i.neighbours, &rules)?;
    Ok(Found::Proxy(found))
}
