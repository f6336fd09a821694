//! Classes of cells: urban centres first, then groups of falling density, then single cells.

use std::collections::BTreeMap;

use serde::Serialize;

use super::PopulationGrid;
use super::groups::{self, Ground, NONE, Shape};
use super::rules::{CentreRule, GroupRule, Level1Rules, Level2Rules, WaterRule};
use crate::RegionError;

/// Code of a cell outside the study area.
const OUTSIDE: u8 = 255;

/// An urban centre.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Centre {
    /// Its number in [`Classes::centre_of`].
    pub id: u32,
    /// Cells, edge smoothing and filled holes included.
    pub cells: usize,
    /// Persons on them.
    pub persons: f64,
}

/// Cells and persons of one class.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Tally {
    /// Cells.
    pub cells: usize,
    /// Persons on them.
    pub persons: f64,
}

/// The classes of a grid.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Classes {
    /// Code per cell: level 1 has 3 urban centre, 2 urban cluster, 1 rural, 0 water; level 2 the
    /// codes of GHS-SMOD (30, 23, 22, 21, 13, 12, 11, 10). `None` outside the study area.
    pub codes: Vec<Option<u8>>,
    /// Number of the urban centre per cell.
    pub centre_of: Vec<Option<u32>>,
    /// The urban centres, by number.
    pub centres: Vec<Centre>,
    /// Cells and persons by code.
    pub tally: BTreeMap<u8, Tally>,
}

/// Classifies cells at level 1.
///
/// # Errors
/// Those of [`PopulationGrid::check`]; [`RegionError::Option`] for rules outside their domain, or
/// a criterion on built-up area without the layer.
pub fn level1(grid: &PopulationGrid, rules: &Level1Rules) -> Result<Classes, RegionError> {
    grid.check()?;
    rules.check()?;
    let layers = Layers::new(grid);
    let centres = layers.centres(&rules.centre)?;
    let cluster = layers.label(&rules.cluster, None)?;
    let mut codes: Vec<u8> = (0..grid.persons.len())
        .map(|c| match (centres[c] != NONE, cluster[c] != NONE) {
            (true, _) => 3,
            (false, true) => 2,
            _ => 1,
        })
        .collect();
    layers.finish(&mut codes, &rules.water, 1, 0);
    Ok(classes(grid, &codes, &centres))
}

/// Classifies cells at level 2.
///
/// # Errors
/// As [`level1`].
pub fn level2(grid: &PopulationGrid, rules: &Level2Rules) -> Result<Classes, RegionError> {
    grid.check()?;
    rules.check()?;
    let layers = Layers::new(grid);
    let centres = layers.centres(&rules.centre)?;
    let dense = layers.label(&rules.dense, rules.dense_built_share_min)?;
    let mut near: Vec<bool> = (0..centres.len())
        .map(|c| centres[c] != NONE || dense[c] != NONE)
        .collect();
    groups::widen(layers.shape, &mut near, rules.buffer_cells);
    let mut semi = layers.label(&rules.semi_dense, None)?;
    let groups = semi
        .iter()
        .filter(|&&l| l != NONE)
        .max()
        .map_or(0, |&l| l + 1);
    let mut touches = vec![false; groups as usize];
    for (&label, _) in semi.iter().zip(&near).filter(|(l, n)| **l != NONE && **n) {
        touches[label as usize] = true;
    }
    for label in &mut semi {
        if *label != NONE && touches[*label as usize] {
            *label = NONE;
        }
    }
    let suburban = layers.label(&rules.suburban, None)?;
    let village = layers.label(&rules.rural_cluster, None)?;
    let by_rank: [(&[u32], u8); 5] = [
        (&centres, 30),
        (&dense, 23),
        (&semi, 22),
        (&suburban, 21),
        (&village, 13),
    ];
    let mut codes: Vec<u8> = (0..centres.len())
        .map(
            |c| match by_rank.iter().find(|(labels, _)| labels[c] != NONE) {
                Some(&(_, code)) => code,
                None if layers.density[c] >= rules.low_density_per_km2 => 12,
                None => 11,
            },
        )
        .collect();
    layers.finish(&mut codes, &rules.water, 11, 10);
    Ok(classes(grid, &codes, &centres))
}

/// Which cells are permanent water under a rule; a layer that is missing counts as met for
/// population and built-up area, and as land for land.
///
/// # Errors
/// Those of [`PopulationGrid::check`].
pub fn water(grid: &PopulationGrid, rule: &WaterRule) -> Result<Vec<bool>, RegionError> {
    grid.check()?;
    Ok(wet(grid, rule))
}

/// `NaN` counts as met in each of the three tests.
fn wet(grid: &PopulationGrid, rule: &WaterRule) -> Vec<bool> {
    (0..grid.persons.len())
        .map(|c| {
            let land = grid.land_share.as_ref().map_or(1.0, |l| l[c]);
            let built = grid.built_share.as_ref().map_or(0.0, |b| b[c]);
            let persons = grid.persons[c];
            (land.is_nan() || land < rule.land_share_below)
                && (persons.is_nan() || persons <= rule.persons_max)
                && (built.is_nan() || built <= rule.built_share_max)
        })
        .collect()
}

/// Layers derived from a grid, made once.
struct Layers<'g> {
    grid: &'g PopulationGrid,
    shape: Shape,
    density: Vec<f64>,
    built: Option<Vec<f64>>,
}

impl<'g> Layers<'g> {
    fn new(grid: &'g PopulationGrid) -> Self {
        Self {
            grid,
            shape: Shape {
                rows: grid.rows,
                cols: grid.cols,
            },
            density: grid.density(),
            built: grid.built_on_land(),
        }
    }

    fn built(&self) -> Result<&[f64], RegionError> {
        self.built.as_deref().ok_or_else(|| {
            RegionError::option(
                "built-up criterion",
                "needs a layer of built-up area, or must be off",
            )
        })
    }

    fn label(&self, rule: &GroupRule, built_min: Option<f64>) -> Result<Vec<u32>, RegionError> {
        self.label_on(&self.density, &self.grid.persons, rule, built_min)
    }

    fn label_on(
        &self,
        density: &[f64],
        persons: &[f64],
        rule: &GroupRule,
        built_min: Option<f64>,
    ) -> Result<Vec<u32>, RegionError> {
        let built = built_min.map(|min| Ok((self.built()?, min))).transpose()?;
        let member = |c: usize| {
            !self.grid.outside(c)
                && (density[c] >= rule.density_per_km2
                    || built.is_some_and(|(share, min)| share[c] >= min))
        };
        Ok(groups::label(self.shape, member, persons, rule))
    }

    fn centres(&self, rule: &CentreRule) -> Result<Vec<u32>, RegionError> {
        let mut labels = match rule.mean_window_cells {
            Some(side) => {
                let persons = groups::window_mean(self.shape, &self.grid.persons, side);
                let density = groups::window_mean(self.shape, &self.density, side);
                self.label_on(&density, &persons, &rule.group, rule.built_share_min)?
            }
            None => self.label(&rule.group, rule.built_share_min)?,
        };
        if let Some(how) = rule.smoothing {
            groups::smooth(self.shape, &mut labels, &self.ground(), how);
        }
        if let Some(below_km2) = rule.fill_below_km2 {
            groups::fill_holes(
                self.shape,
                &mut labels,
                |c| !self.grid.outside(c),
                |c| self.grid.cell_km2[c / self.grid.cols],
                below_km2,
            );
        }
        Ok(labels)
    }

    fn ground(&self) -> Vec<Ground> {
        let wet = wet(self.grid, &WaterRule::default());
        let land = self.grid.land_share.as_ref();
        (0..wet.len())
            .map(|c| {
                if self.grid.outside(c) {
                    Ground::Outside
                } else if wet[c] {
                    Ground::Water
                } else if land.is_some_and(|l| l[c] < 0.5) && self.grid.persons[c] == 0.0 {
                    Ground::Ignored
                } else {
                    Ground::Plain
                }
            })
            .collect()
    }

    /// Water replaces the lowest class only; cells outside lose their code.
    fn finish(&self, codes: &mut [u8], rule: &WaterRule, lowest: u8, water: u8) {
        let wet = wet(self.grid, rule);
        for (c, code) in codes.iter_mut().enumerate() {
            if self.grid.outside(c) {
                *code = OUTSIDE;
            } else if *code == lowest && wet[c] {
                *code = water;
            }
        }
    }
}

fn classes(grid: &PopulationGrid, codes: &[u8], centres: &[u32]) -> Classes {
    let known = |c: usize| {
        if grid.persons[c].is_nan() {
            0.0
        } else {
            grid.persons[c]
        }
    };
    let mut tally = BTreeMap::new();
    let count = centres
        .iter()
        .filter(|&&l| l != NONE)
        .max()
        .map_or(0, |&l| l + 1);
    let mut list: Vec<Centre> = (0..count)
        .map(|id| Centre {
            id,
            cells: 0,
            persons: 0.0,
        })
        .collect();
    for (c, &code) in codes
        .iter()
        .enumerate()
        .filter(|(_, code)| **code != OUTSIDE)
    {
        let t = tally.entry(code).or_insert(Tally {
            cells: 0,
            persons: 0.0,
        });
        t.cells += 1;
        t.persons += known(c);
        if centres[c] != NONE {
            let centre = &mut list[centres[c] as usize];
            centre.cells += 1;
            centre.persons += known(c);
        }
    }
    Classes {
        codes: codes.iter().map(|&c| (c != OUTSIDE).then_some(c)).collect(),
        centre_of: centres.iter().map(|&l| (l != NONE).then_some(l)).collect(),
        centres: list,
        tally,
    }
}
