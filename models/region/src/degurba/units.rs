//! Classes of units (municipalities, counties) from the cells inside them, by population.

use serde::Serialize;

use super::{Classes, PopulationGrid};
use crate::RegionError;

/// Level 1 class of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitClass {
    /// At least half of the population lives in urban centres.
    City,
    /// Neither city nor rural.
    Town,
    /// More than half of the population lives in rural cells.
    Rural,
}

/// A unit, what its class rests on, and the class.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UnitShares {
    /// Persons on its cells.
    pub persons: f64,
    /// Land on its cells, km2.
    pub land_km2: f64,
    /// Share in urban centres: of the population, or of the land where nobody lives.
    pub centre_share: f64,
    /// Share in urban clusters.
    pub cluster_share: f64,
    /// Share in rural cells.
    pub rural_share: f64,
    /// Whether the shares are of land because nobody lives there.
    pub by_land: bool,
    /// The class; `None` for a unit without cells on land.
    pub class: Option<UnitClass>,
}

/// Classifies `units` units from level 1 classes of cells. `unit_of` gives the unit of each cell.
///
/// # Errors
/// [`RegionError::Shape`] for wrong lengths; [`RegionError::Option`] when a cell names a unit that
/// is not there or the classes are not of level 1.
pub fn classify_units(
    grid: &PopulationGrid,
    classes: &Classes,
    unit_of: &[Option<usize>],
    units: usize,
) -> Result<Vec<UnitShares>, RegionError> {
    RegionError::same_len("units of cells", grid.persons.len(), unit_of.len())?;
    RegionError::same_len("classes of cells", grid.persons.len(), classes.codes.len())?;
    // Rows: centre, cluster, rural; columns: persons, land.
    let mut sums = vec![[[0.0_f64; 2]; 3]; units];
    for (cell, unit) in unit_of.iter().enumerate() {
        let (Some(unit), Some(code)) = (*unit, classes.codes[cell]) else {
            continue;
        };
        let kind = match code {
            3 => 0,
            2 => 1,
            1 => 2,
            0 => continue,
            other => {
                return Err(RegionError::option(
                    "classes",
                    format!("{other} is no level 1 code"),
                ));
            }
        };
        let sum = sums.get_mut(unit).ok_or_else(|| {
            RegionError::option("units of cells", format!("there is no unit {unit}"))
        })?;
        let (persons, land) = (grid.persons[cell], grid.land_km2(cell));
        sum[kind][0] += if persons.is_nan() { 0.0 } else { persons };
        sum[kind][1] += if land.is_nan() { 0.0 } else { land };
    }
    Ok(sums.iter().map(shares).collect())
}

fn shares(sums: &[[f64; 2]; 3]) -> UnitShares {
    let total = |column: usize| sums.iter().map(|kind| kind[column]).sum::<f64>();
    let (persons, land_km2) = (total(0), total(1));
    let by_land = persons <= 0.0;
    let column = usize::from(by_land);
    let whole = if by_land { land_km2 } else { persons };
    let share = |kind: usize| {
        if whole > 0.0 {
            sums[kind][column] / whole
        } else {
            0.0
        }
    };
    let class = (whole > 0.0).then(|| {
        if share(0) >= 0.5 {
            UnitClass::City
        } else if share(2) > 0.5 {
            UnitClass::Rural
        } else {
            UnitClass::Town
        }
    });
    UnitShares {
        persons,
        land_km2,
        centre_share: share(0),
        cluster_share: share(1),
        rural_share: share(2),
        by_land,
        class,
    }
}
