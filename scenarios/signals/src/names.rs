//! The names this scenario uses: Smart Data Models where one exists, ours otherwise.

/// `TrafficFlowObserved` of Smart Data Models, one entity per lane.
pub const TRAFFIC_FLOW_OBSERVED: &str =
    "https://smartdatamodels.org/dataModel.Transportation/TrafficFlowObserved";
/// Type of a junction's signal. Smart Data Models has none.
pub const TRAFFIC_SIGNAL: &str = "https://conurb.dev/ns/traffic#TrafficSignal";
/// Vehicles on the lane at the moment of observation.
pub const VEHICLE_COUNT: &str = "https://conurb.dev/ns/traffic#vehicleCount";
/// Vehicles on the lane slower than 0.1 m/s.
pub const QUEUE_LENGTH: &str = "https://conurb.dev/ns/traffic#queueLength";
/// Mean speed of the vehicles on the lane, km/h (KMH).
pub const AVERAGE_VEHICLE_SPEED: &str =
    "https://smartdatamodels.org/dataModel.Transportation/averageVehicleSpeed";
/// Share of the lane covered by vehicles, 0 to 1.
pub const OCCUPANCY: &str = "https://smartdatamodels.org/dataModel.Transportation/occupancy";
/// Vehicles that entered the lane since the last report.
pub const INTENSITY: &str = "https://smartdatamodels.org/dataModel.Transportation/intensity";
/// The phase a signal shows.
pub const CURRENT_PHASE: &str = "https://conurb.dev/ns/traffic#currentPhase";

/// For how long that phase has been green, seconds; 0 during the clearance before it.
pub const GREEN_TIME: &str = "https://conurb.dev/ns/traffic#greenTime";

/// The entity id of a lane's observation.
#[must_use]
pub fn lane_urn(city: &str, lane: &str) -> String {
    format!("urn:ngsi-ld:TrafficFlowObserved:{city}:{lane}")
}

/// The entity id of a junction's signal.
#[must_use]
pub fn signal_urn(city: &str, junction: &str) -> String {
    format!("urn:ngsi-ld:TrafficSignal:{city}:{junction}")
}
