//! Measures of a run: the papers' travel time, delay index, throughput, stops, queues, CO2.

mod approach;
mod classes;
mod emission;
mod trips;

pub use approach::ApproachMeter;
pub use classes::{ClassDelay, ClassDelays, ClassMeter};
pub use emission::{
    CO2_G_PER_S_BY_VSP_MODE, EMISSION_FACTORS, VSP_MODE_UPPER_KW_T, co2_g_s, vsp_kw_t,
};
pub use trips::{RoadDelay, SeriesPoint, TripMeter, TripSummary};
