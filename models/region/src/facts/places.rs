//! Reference places of two belts abroad, and target years.

use serde::{Deserialize, Serialize};

use super::rows;
use crate::RegionError;

/// A city of a belt, from its northern end on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReferencePlace {
    /// `boswash` or `taiheiyo`.
    pub belt: String,
    /// Name.
    pub name_zh: String,
    /// Name.
    pub name_en: String,
    /// Country, ISO 3166.
    pub country: String,
    /// Latitude, degrees.
    pub lat: f64,
    /// Longitude, degrees.
    pub lon: f64,
    /// Number in GeoNames.
    pub geonames_id: u64,
    /// The source of the position.
    pub source: String,
    /// Its year.
    pub year: u16,
}

/// A target of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// Id, e.g. `high_speed_km`.
    pub id: String,
    /// What is to be reached.
    pub what: String,
    /// By when; `None` where the plan names no year.
    pub target_year: Option<u16>,
    /// The value; `None` where the target is an event.
    pub value: Option<f64>,
    /// Its unit.
    pub unit: Option<String>,
    /// The value when the target was set.
    pub base_value: Option<f64>,
    /// The year of that value.
    pub base_year: Option<u16>,
    /// The document.
    pub source: String,
    /// Its year.
    pub year: u16,
    /// What is to be reached, in Chinese.
    pub what_zh: String,
    /// Its unit, in Chinese.
    pub unit_zh: Option<String>,
    /// The document, in Chinese.
    pub source_zh: String,
}

/// The places of a belt.
///
/// # Errors
/// [`RegionError::UnknownName`].
pub fn reference_places(belt: &str) -> Result<Vec<ReferencePlace>, RegionError> {
    let all: Vec<ReferencePlace> = rows(include_bytes!("../../data/reference_places.csv"));
    let found: Vec<_> = all.iter().filter(|p| p.belt == belt).cloned().collect();
    if found.is_empty() {
        return Err(RegionError::unknown(
            "belt",
            belt,
            all.iter().map(|p| p.belt.as_str()),
        ));
    }
    Ok(found)
}

/// All targets.
#[must_use]
pub fn targets() -> Vec<Target> {
    rows(include_bytes!("../../data/targets.csv"))
}
