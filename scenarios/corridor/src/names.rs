//! The names this scenario uses: Smart Data Models where one exists, ours otherwise.

/// `Vehicle` of Smart Data Models.
pub const VEHICLE: &str = "https://smartdatamodels.org/dataModel.Transportation/Vehicle";
/// What the vehicle is used for: `ambulance`, `fireBrigade`, `police`, ...
pub const SPECIAL_USAGE: &str =
    "https://smartdatamodels.org/dataModel.Transportation/vehicleSpecialUsage";
/// `onRoute` from dispatch on.
pub const SERVICE_STATUS: &str =
    "https://smartdatamodels.org/dataModel.Transportation/serviceStatus";
/// First road of the way, by its id in the network. Smart Data Models has no such attribute.
pub const FROM_ROAD: &str = "https://conurb.dev/ns/traffic#fromRoad";
/// Last road of the way.
pub const TO_ROAD: &str = "https://conurb.dev/ns/traffic#toRoad";
/// Time from the first road to the end of the last, s; reported on arrival.
pub const TRIP_TIME: &str = "https://conurb.dev/ns/traffic#tripTime";

/// Uses that give right of way.
pub const ON_DUTY: [&str; 3] = ["ambulance", "fireBrigade", "police"];
/// The status that asks for a plan.
pub const ON_ROUTE: &str = "onRoute";

/// The entity id of a city's pre-emption: it turns the signals of a plan.
#[must_use]
pub fn preemption_urn(city: &str) -> String {
    format!("urn:ngsi-ld:SignalPreemption:{city}:1")
}
