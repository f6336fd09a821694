//! The input document of a decision: all the model reads, in one canonical JSON, kept as a blob
//! under its hash so that `replay` reads the same bytes.

use conurb_decide::Interval;
use conurb_scenario::KeptDocument;
use serde::{Deserialize, Serialize};

/// What one lane's detectors said.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct LaneObservation {
    /// Vehicles on the lane.
    pub vehicles: f64,
    /// Of them, slower than 0.1 m/s.
    pub queue: f64,
    /// Their mean speed, km/h; none when the lane is empty.
    pub speed_km_h: Option<f64>,
    /// Vehicles that entered the lane, by report, newest first: how long ago the report's period
    /// began and ended, seconds, and how many entered in it. Reaches back far enough to cover the
    /// vehicles that are still moving; empty where stations do not count entries.
    #[serde(default)]
    pub entered: Vec<Entries>,
}

/// Entries of one reporting period.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Entries {
    /// Start of the period, seconds before the decision.
    pub from_s: f64,
    /// End of the period, seconds before the decision.
    pub to_s: f64,
    /// Vehicles that entered in it.
    pub vehicles: f64,
}

/// Everything a decision at one signal reads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InputDocument {
    /// Format of this document.
    pub format: u32,
    /// SHA-256 of the road network file, kept as a blob too.
    pub network: String,
    /// SHA-256 of the canonical settings, kept as a blob too.
    pub settings: String,
    /// Junction id in the network file.
    pub junction: String,
    /// The moment decided for, milliseconds since 1970.
    pub at_ms: i64,
    /// The green phase shown or being switched to.
    pub phase: u16,
    /// For how long it has been green, seconds.
    pub green_for_s: u32,
    /// The phase the fixed plan would give now (the counterfactual).
    pub fixed_phase: Option<u16>,
    /// Observations of the entering lanes, in the network's order.
    pub entering: Vec<LaneObservation>,
    /// Observations of the leaving lanes, in the network's order.
    pub leaving: Vec<LaneObservation>,
    /// The interval of the measured KPI's past errors (measured - predicted), so that a replay needs
    /// no history.
    pub errors: Option<Interval>,
}

/// What a document of either kind was made with, so that the scenario can be built again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct MadeWith {
    /// SHA-256 of the road network file.
    pub network: String,
    /// SHA-256 of the canonical settings.
    pub settings: String,
}

impl MadeWith {
    /// Reads it from an [`InputDocument`] or a [`crate::joint::JointDocument`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(bytes).map_err(|e| format!("input document: {e}"))
    }
}

/// The format written today.
pub const FORMAT: u32 = 3;

impl KeptDocument for InputDocument {
    const FORMAT: u32 = FORMAT;

    fn format(&self) -> u32 {
        self.format
    }
}
