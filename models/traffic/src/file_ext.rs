//! What a network of another simulator says and the CityFlow form has no member for.
//!
//! Each object of the form may carry one member `conurb`. Without it everything is as the form says;
//! other programs that read the file ignore it. Members in it are required where nothing else is said.

use serde::{Deserialize, Serialize};

use crate::anchor::Anchor;
use crate::file::PointFile;
use crate::vehicle::VehicleClass;

/// How vehicles give way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RightOfWay {
    /// By the list of foes of each lane link.
    Foes,
}

/// Of the whole network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoadnetExt {
    /// How vehicles give way; by rank, as the form says, where it is missing.
    #[serde(
        default,
        rename = "rightOfWay",
        skip_serializing_if = "Option::is_none"
    )]
    pub right_of_way: Option<RightOfWay>,
    /// Where on the globe the network lies, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<Anchor>,
}

/// Of a lane.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LaneExt {
    /// Length driven, m; may differ from the line's.
    pub length: f64,
    /// Centre line, m.
    pub points: Vec<PointFile>,
}

/// Of a lane link.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LaneLinkExt {
    /// Length driven, m.
    pub length: f64,
    /// Speed limit, m/s.
    #[serde(rename = "maxSpeed")]
    pub max_speed: f64,
    /// Where a vehicle that gives way waits, m from the start of the link (0: the stop line).
    #[serde(rename = "waitAt")]
    pub wait_at: f64,
    /// Beyond this distance, m, a vehicle is out of the way of those that turn off elsewhere.
    #[serde(rename = "clearAt")]
    pub clear_at: f64,
    /// Lanes changed on the way: such a link stands for a lane change on the road behind it.
    pub changes: u32,
    /// Lane links in conflict with this one.
    pub foes: Vec<FoeExt>,
}

/// A lane link in conflict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FoeExt {
    /// Its number among the lane links of the junction, in file order.
    pub link: i64,
    /// Where they meet, m along this link.
    pub at: f64,
    /// Where they meet, m along the other link.
    #[serde(rename = "otherAt")]
    pub other_at: f64,
    /// True: this link gives way where its signal says so.
    pub yields: bool,
}

/// Of a signal programme.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrafficLightExt {
    /// When the first phase begins, s after the start of the run, modulo the cycle.
    pub offset: f64,
}

/// Of a phase.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LightPhaseExt {
    /// Those of `availableRoadLinks` that give way to their foes.
    #[serde(rename = "yieldRoadLinks")]
    pub yield_road_links: Vec<i64>,
}

/// Of a vehicle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VehicleExt {
    /// Wished speed over speed limit.
    #[serde(rename = "speedFactor")]
    pub speed_factor: f64,
    /// Mean loss of speed per second by imperfect driving, m/s^2.
    pub dawdle: f64,
    /// What it is to others; a car where nothing is said.
    #[serde(default, skip_serializing_if = "VehicleClass::is_car")]
    pub class: VehicleClass,
}

/// Of a flow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlowExt {
    /// Where each of its vehicles halts, in the order of the route.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stops: Vec<StopFile>,
}

/// A halt of every vehicle of a flow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StopFile {
    /// Road id, one of the route.
    pub road: String,
    /// Where the front bumper comes to rest, m from the start of the road's lanes.
    pub position: f64,
    /// Shortest halt, s.
    pub dwell: f64,
    /// Not to be left earlier than this, s after the vehicle's creation (its timetable).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<f64>,
}
