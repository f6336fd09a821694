//! What an operator may set for this scenario, with defaults. Part of every kept document.

use conurb_base::TimeMs;
use conurb_traffic::corridor::CorridorOptions;
use conurb_traffic::protocol::ProtocolOptions;
use serde::{Deserialize, Serialize};

/// What controls the signals before, after and beside the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OwnControl {
    /// Max pressure (Varaiya 2013).
    MaxPressure,
    /// Every phase in turn (the literature's FixedTime).
    Fixed,
}

/// Settings of the corridor scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// City id, part of entity ids.
    pub city: String,
    /// Time of day of second 0 of the demand, milliseconds since 1970.
    pub start_ms: i64,
    /// What controls the signals otherwise.
    pub control: OwnControl,
    /// Seconds between two of its decisions.
    pub interval_s: u32,
    /// Clearance before a changed phase, s.
    pub yellow_s: u32,
    /// Length of the run in the twin, s from second 0 of the demand.
    pub span_s: u32,
    /// Seed of the run.
    pub seed: u32,
    /// Leads to try: multiples of the queue's discharge time.
    pub leads: Vec<f64>,
    /// Most routes to try.
    pub routes_max: usize,
    /// Most delay to all others together, vehicle-seconds; none: no bound.
    pub others_max_veh_s: Option<f64>,
    /// Longest time any signal may be held, s.
    pub hold_max_s: f64,
}

impl Default for Settings {
    fn default() -> Self {
        let options = CorridorOptions::default();
        Self {
            city: "city".to_owned(),
            start_ms: 0,
            control: OwnControl::MaxPressure,
            interval_s: options.protocol.interval_s,
            yellow_s: options.protocol.yellow_s,
            span_s: options.protocol.duration_s,
            seed: 0,
            leads: options.leads,
            routes_max: options.routes_max,
            others_max_veh_s: None,
            hold_max_s: 900.0,
        }
    }
}

impl Settings {
    /// Second 0 of the demand.
    #[must_use]
    pub const fn start(&self) -> TimeMs {
        TimeMs(self.start_ms)
    }

    /// For the model.
    #[must_use]
    pub fn options(&self) -> CorridorOptions {
        CorridorOptions {
            leads: self.leads.clone(),
            routes_max: self.routes_max,
            // The bounds are constraints of the decision, so that a refused plan is told of.
            others_max_veh_s: None,
            protocol: ProtocolOptions {
                interval_s: self.interval_s,
                yellow_s: self.yellow_s,
                duration_s: self.span_s,
                seed: self.seed,
                ..ProtocolOptions::default()
            },
            ..CorridorOptions::default()
        }
    }
}
