//! Degree of urbanisation on population grids, levels 1 and 2, for cells and for units.
//!
//! Sources: Applying the Degree of Urbanisation (EU, FAO, UN-Habitat, OECD, World Bank 2021);
//! GHSL Data Packages 2022 and 2023; Dijkstra et al. 2021, Journal of Urban Economics 125.
//! Every threshold on density is per km2 of permanent land, so the true area of a cell counts.

mod cells;
mod groups;
mod rules;
mod units;

use conurb_geo::raster::Raster;

pub use cells::{Centre, Classes, Tally, level1, level2, water};
pub use rules::{
    CentreRule, GroupRule, Level1Rules, Level2Rules, Neighbours, Smoothing, WaterRule,
};
pub use units::{UnitClass, UnitShares, classify_units};

use crate::RegionError;

/// Population, land and built-up area of a grid's cells, row by row from the north.
#[derive(Debug, Clone, PartialEq)]
pub struct PopulationGrid {
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
    /// Persons per cell; `NaN` = not known.
    pub persons: Vec<f64>,
    /// Area of a cell of each row, km2.
    pub cell_km2: Vec<f64>,
    /// Share of permanent land per cell, 0..=1; `None`: every cell is land, and one without known
    /// population is outside the study area.
    pub land_share: Option<Vec<f64>>,
    /// Built-up share of the cell's area, 0..=1; `None`: no criterion on built-up area can be used.
    pub built_share: Option<Vec<f64>>,
}

impl PopulationGrid {
    /// From rasters on one grid: persons per cell, and land and built-up area in m2 per cell (as
    /// GHSL publishes them).
    ///
    /// # Errors
    /// [`RegionError::Option`] when grids differ or the projection does not keep areas, and the
    /// errors of [`PopulationGrid::check`].
    pub fn from_rasters(
        persons: &Raster,
        land_m2: Option<&Raster>,
        built_m2: Option<&Raster>,
    ) -> Result<Self, RegionError> {
        let cell_km2 = persons
            .cell_areas_km2()
            .map_err(|e| RegionError::option("population grid", e.to_string()))?;
        let share = |raster: &Raster, what: &str| {
            if !persons.same_grid(raster) {
                return Err(RegionError::option(
                    what,
                    "lies on another grid than the population",
                ));
            }
            let of_cell = |(i, v): (usize, &f64)| v / (cell_km2[i / persons.cols] * 1e6);
            Ok(raster.values.iter().enumerate().map(of_cell).collect())
        };
        let land_share = land_m2.map(|r| share(r, "land grid")).transpose()?;
        let built_share = built_m2.map(|r| share(r, "built-up grid")).transpose()?;
        let grid = Self {
            rows: persons.rows,
            cols: persons.cols,
            persons: persons.values.clone(),
            cell_km2,
            land_share,
            built_share,
        };
        grid.check()?;
        Ok(grid)
    }

    /// Refuses layers of the wrong length, negative persons, no population at all, and areas that
    /// are not positive.
    ///
    /// # Errors
    /// [`RegionError::Shape`], [`RegionError::BadValue`] naming the cell, [`RegionError::Option`].
    pub fn check(&self) -> Result<(), RegionError> {
        let cells = self.rows * self.cols;
        RegionError::same_len("population of cells", cells, self.persons.len())?;
        RegionError::same_len("areas of rows", self.rows, self.cell_km2.len())?;
        for (what, layer) in [("land", &self.land_share), ("built-up", &self.built_share)] {
            if let Some(layer) = layer {
                RegionError::same_len(&format!("{what} of cells"), cells, layer.len())?;
            }
        }
        if let Some(row) = self
            .cell_km2
            .iter()
            .position(|a| !(a.is_finite() && *a > 0.0))
        {
            return Err(RegionError::option(
                "cell area",
                format!("of row {row} is not positive"),
            ));
        }
        if let Some(i) = self
            .persons
            .iter()
            .position(|p| *p < 0.0 || p.is_infinite())
        {
            return Err(RegionError::BadValue {
                at: RegionError::place("population grid", 0),
                what: format!("row {}, column {}: persons", i / self.cols, i % self.cols),
                value: self.persons[i].to_string(),
                message: "is no number of persons".to_owned(),
            });
        }
        if !self.persons.iter().any(|p| *p > 0.0) {
            return Err(RegionError::option(
                "population grid",
                "holds no population",
            ));
        }
        Ok(())
    }

    /// The same cells with areas of 1 km2: limits then apply to counts per cell, as some tools do.
    /// For comparison with them only.
    #[must_use]
    pub fn as_counts(mut self) -> Self {
        self.cell_km2 = vec![1.0; self.rows];
        self
    }

    fn land_km2(&self, cell: usize) -> f64 {
        let share = self.land_share.as_ref().map_or(1.0, |l| l[cell]);
        share * self.cell_km2[cell / self.cols]
    }

    /// Persons per km2 of land. Persons on a cell without land count as infinitely dense, a cell
    /// with neither as unknown (`NaN`).
    fn density(&self) -> Vec<f64> {
        let of_cell = |(i, p): (usize, &f64)| p / self.land_km2(i);
        self.persons.iter().enumerate().map(of_cell).collect()
    }

    /// Built-up share of the land, rounded to three decimals.
    fn built_on_land(&self) -> Option<Vec<f64>> {
        let built = self.built_share.as_ref()?;
        let of_cell = |(i, b): (usize, &f64)| {
            let land = self.land_share.as_ref().map_or(1.0, |l| l[i]);
            (b / land * 1e3).round() / 1e3
        };
        Some(built.iter().enumerate().map(of_cell).collect())
    }

    /// Whether a cell is outside the study area: no land layer says otherwise, and its population
    /// is not known.
    fn outside(&self, cell: usize) -> bool {
        self.land_share.is_none() && self.persons[cell].is_nan()
    }
}
