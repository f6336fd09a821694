//! The thresholds of the degree of urbanisation, with the manual's defaults.

use serde::{Deserialize, Serialize};

use crate::RegionError;

/// Which cells touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Neighbours {
    /// Cells that share a side.
    Four,
    /// Cells that share a side or a corner.
    Eight,
}

/// Contiguous cells above a density whose population reaches a size.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct GroupRule {
    /// Persons per km2 of land a cell needs.
    pub density_per_km2: f64,
    /// Persons the whole group needs.
    pub size_persons: f64,
    /// Which cells touch.
    pub neighbours: Neighbours,
}

impl GroupRule {
    pub(crate) const fn new(
        density_per_km2: f64,
        size_persons: f64,
        neighbours: Neighbours,
    ) -> Self {
        Self {
            density_per_km2,
            size_persons,
            neighbours,
        }
    }
}

/// How the edge of an urban centre is smoothed, repeated until nothing changes; a cell joins the
/// one centre that holds the majority, and all cells of a step join at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Smoothing {
    /// At least five of the eight neighbours lie in one centre (GHSL Data Package 2022).
    R2022A,
    /// More than half of the valid neighbours lie in one centre; permanent water and empty cells
    /// with less than half land are not valid, and water never joins (GHSL Data Package 2023).
    R2023A,
}

/// Urban centres.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CentreRule {
    /// Density, size, contiguity.
    pub group: GroupRule,
    /// A built-up share of the land that stands in for density; `None` switches it off.
    pub built_share_min: Option<f64>,
    /// Side of the square window, in cells, over which population and density are averaged first.
    pub mean_window_cells: Option<usize>,
    /// Smoothing of the edge.
    pub smoothing: Option<Smoothing>,
    /// Holes smaller than this are filled, km2.
    pub fill_below_km2: Option<f64>,
}

impl Default for CentreRule {
    fn default() -> Self {
        Self {
            group: GroupRule::new(1500.0, 50_000.0, Neighbours::Four),
            built_share_min: Some(0.2),
            mean_window_cells: None,
            smoothing: Some(Smoothing::R2023A),
            fill_below_km2: Some(15.0),
        }
    }
}

/// Permanent water: all three hold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct WaterRule {
    /// Land share below this.
    pub land_share_below: f64,
    /// Persons at most.
    pub persons_max: f64,
    /// Built-up share of the cell at most.
    pub built_share_max: f64,
}

impl Default for WaterRule {
    fn default() -> Self {
        Self {
            land_share_below: 0.5,
            persons_max: 0.0,
            built_share_max: 0.0,
        }
    }
}

/// Level 1: urban centre, urban cluster, rural.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Level1Rules {
    /// Urban centres (3).
    pub centre: CentreRule,
    /// Urban clusters (2).
    pub cluster: GroupRule,
    /// Water (0).
    pub water: WaterRule,
}

impl Default for Level1Rules {
    fn default() -> Self {
        Self {
            centre: CentreRule::default(),
            cluster: GroupRule::new(300.0, 5_000.0, Neighbours::Eight),
            water: WaterRule::default(),
        }
    }
}

/// Level 2: the eight classes of GHS-SMOD.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Level2Rules {
    /// Urban centres (30).
    pub centre: CentreRule,
    /// Dense urban clusters (23).
    pub dense: GroupRule,
    /// Built-up share that stands in for the density of dense clusters.
    pub dense_built_share_min: Option<f64>,
    /// Semi-dense urban clusters (22); a group that touches the buffer is dropped whole.
    pub semi_dense: GroupRule,
    /// Width of the buffer around centres and dense clusters, cells.
    pub buffer_cells: usize,
    /// Suburban cells (21).
    pub suburban: GroupRule,
    /// Rural clusters (13).
    pub rural_cluster: GroupRule,
    /// Low density rural cells (12) from this density on; the rest is very low (11).
    pub low_density_per_km2: f64,
    /// Water (10).
    pub water: WaterRule,
}

impl Default for Level2Rules {
    fn default() -> Self {
        Self {
            centre: CentreRule::default(),
            dense: GroupRule::new(1500.0, 5_000.0, Neighbours::Four),
            dense_built_share_min: Some(0.2),
            semi_dense: GroupRule::new(900.0, 2_500.0, Neighbours::Four),
            buffer_cells: 2,
            suburban: GroupRule::new(300.0, 5_000.0, Neighbours::Eight),
            rural_cluster: GroupRule::new(300.0, 500.0, Neighbours::Eight),
            low_density_per_km2: 50.0,
            water: WaterRule::default(),
        }
    }
}

/// Windows and buffers wider than this are a mistake.
const WIDTH_MAX_CELLS: usize = 50;

impl CentreRule {
    pub(crate) fn check(&self) -> Result<(), RegionError> {
        positive("density of urban centres", self.group.density_per_km2)?;
        if let Some(window) = self.mean_window_cells
            && (window % 2 == 0 || window > WIDTH_MAX_CELLS)
        {
            return Err(RegionError::option(
                "window of the mean",
                format!("{window} must be odd and at most {WIDTH_MAX_CELLS}"),
            ));
        }
        Ok(())
    }
}

impl Level1Rules {
    pub(crate) fn check(&self) -> Result<(), RegionError> {
        self.centre.check()?;
        positive("density of urban clusters", self.cluster.density_per_km2)
    }
}

impl Level2Rules {
    pub(crate) fn check(&self) -> Result<(), RegionError> {
        self.centre.check()?;
        for rule in [
            &self.dense,
            &self.semi_dense,
            &self.suburban,
            &self.rural_cluster,
        ] {
            positive("density of a group", rule.density_per_km2)?;
        }
        if self.buffer_cells > WIDTH_MAX_CELLS {
            return Err(RegionError::option(
                "buffer",
                format!("{} is more than {WIDTH_MAX_CELLS} cells", self.buffer_cells),
            ));
        }
        Ok(())
    }
}

fn positive(what: &str, value: f64) -> Result<(), RegionError> {
    if value.is_finite() && value > 0.0 {
        return Ok(());
    }
    Err(RegionError::option(
        what,
        format!("{value} is not positive"),
    ))
}
