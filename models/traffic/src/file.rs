//! The CityFlow road network and flow files as they stand on disk.
//!
//! **Invariant** Nothing is lost: members this crate does not know are kept in `extra` and written
//! back. Nothing here is validated beyond types; [`crate::Network`] and [`crate::Demand`] do that.

use conurb_base::At;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::changes::ChangesFile;
use crate::error::TrafficError;
pub use crate::file_ext::{
    FlowExt, FoeExt, LaneExt, LaneLinkExt, LightPhaseExt, RightOfWay, RoadnetExt, StopFile,
    TrafficLightExt, VehicleExt,
};
use crate::parking::ParkingFile;

/// Members that the format does not name.
pub type Extra = Map<String, Value>;

/// Largest file accepted, bytes.
pub const FILE_BYTES_MAX: usize = 1 << 30;

/// A point in the network's plane, m.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PointFile {
    /// East, m.
    pub x: f64,
    /// North, m.
    pub y: f64,
}

/// The road network file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RoadnetFile {
    /// The junctions.
    pub intersections: Vec<IntersectionFile>,
    /// The carriageways.
    pub roads: Vec<RoadFile>,
    /// Members beyond the format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conurb: Option<RoadnetExt>,
    /// Unknown members.
    #[serde(flatten)]
    pub extra: Extra,
}

/// One junction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IntersectionFile {
    /// Unique identifier.
    pub id: String,
    /// Where it is.
    pub point: PointFile,
    /// Half-size of the junction box, m; required unless virtual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<f64>,
    /// Incident roads; their order is the order of route search.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roads: Option<Vec<String>>,
    /// The movements; required unless virtual.
    #[serde(default, rename = "roadLinks", skip_serializing_if = "Option::is_none")]
    pub road_links: Option<Vec<RoadLinkFile>>,
    /// The signal programme; required unless virtual.
    #[serde(
        default,
        rename = "trafficLight",
        skip_serializing_if = "Option::is_none"
    )]
    pub traffic_light: Option<TrafficLightFile>,
    /// True: a border node, of which nothing but id and point is used.
    #[serde(rename = "virtual")]
    pub is_virtual: bool,
    /// Unknown members.
    #[serde(flatten)]
    pub extra: Extra,
}

/// One movement: from a road to a road.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoadLinkFile {
    /// `go_straight`, `turn_left` or `turn_right`.
    #[serde(rename = "type")]
    pub turn: TurnFile,
    /// Road it comes from.
    #[serde(rename = "startRoad")]
    pub start_road: String,
    /// Road it goes to.
    #[serde(rename = "endRoad")]
    pub end_road: String,
    /// Not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<i64>,
    /// Lane by lane.
    #[serde(rename = "laneLinks")]
    pub lane_links: Vec<LaneLinkFile>,
    /// Unknown members.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The three kinds of movement of the file format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnFile {
    /// Straight on.
    GoStraight,
    /// Left.
    TurnLeft,
    /// Right.
    TurnRight,
}

/// One lane's way through a junction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LaneLinkFile {
    /// Lane of the start road, 0 = innermost.
    #[serde(rename = "startLaneIndex")]
    pub start_lane_index: i64,
    /// Lane of the end road.
    #[serde(rename = "endLaneIndex")]
    pub end_lane_index: i64,
    /// Its line, m; absent or empty: a curve is built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points: Option<Vec<PointFile>>,
    /// Members beyond the format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conurb: Option<LaneLinkExt>,
    /// Unknown members.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The signal programme of a junction.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TrafficLightFile {
    /// Not used.
    #[serde(
        default,
        rename = "roadLinkIndices",
        skip_serializing_if = "Option::is_none"
    )]
    pub road_link_indices: Option<Vec<i64>>,
    /// The phases in order.
    pub lightphases: Vec<LightPhaseFile>,
    /// Members beyond the format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conurb: Option<TrafficLightExt>,
    /// Unknown members.
    #[serde(flatten)]
    pub extra: Extra,
}

/// One phase.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LightPhaseFile {
    /// Duration in the programme, s.
    pub time: f64,
    /// Indices into the junction's `roadLinks` that are green.
    #[serde(rename = "availableRoadLinks")]
    pub available_road_links: Vec<i64>,
    /// Members beyond the format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conurb: Option<LightPhaseExt>,
    /// Unknown members.
    #[serde(flatten)]
    pub extra: Extra,
}

/// One carriageway.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoadFile {
    /// Unique identifier.
    pub id: String,
    /// The carriageway's left edge in driving direction, at least two points, m.
    pub points: Vec<PointFile>,
    /// Lanes from the inside.
    pub lanes: Vec<LaneFile>,
    /// Where it starts.
    #[serde(rename = "startIntersection")]
    pub start_intersection: String,
    /// Where it ends.
    #[serde(rename = "endIntersection")]
    pub end_intersection: String,
    /// Unknown members.
    #[serde(flatten)]
    pub extra: Extra,
}

/// One lane.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LaneFile {
    /// Width, m.
    pub width: f64,
    /// Speed limit, m/s.
    #[serde(rename = "maxSpeed")]
    pub max_speed: f64,
    /// Members beyond the format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conurb: Option<LaneExt>,
    /// Unknown members.
    #[serde(flatten)]
    pub extra: Extra,
}

/// One flow of the demand file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FlowFile {
    /// What drives.
    pub vehicle: VehicleFile,
    /// Road ids: anchors joined by shortest path.
    pub route: Vec<String>,
    /// Seconds between two vehicles.
    pub interval: f64,
    /// First second, default 0.
    #[serde(default, rename = "startTime", skip_serializing_if = "Option::is_none")]
    pub start_time: Option<i64>,
    /// Last second, inclusive; -1 (the default) never ends.
    #[serde(default, rename = "endTime", skip_serializing_if = "Option::is_none")]
    pub end_time: Option<i64>,
    /// Members beyond the format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conurb: Option<FlowExt>,
    /// Unknown members.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The vehicle of a flow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VehicleFile {
    /// Length, m.
    pub length: f64,
    /// Width, m.
    pub width: f64,
    /// Largest acceleration, m/s^2.
    #[serde(rename = "maxPosAcc")]
    pub max_pos_acc: f64,
    /// Largest deceleration, m/s^2.
    #[serde(rename = "maxNegAcc")]
    pub max_neg_acc: f64,
    /// Usual acceleration, m/s^2.
    #[serde(rename = "usualPosAcc")]
    pub usual_pos_acc: f64,
    /// Usual deceleration, m/s^2.
    #[serde(rename = "usualNegAcc")]
    pub usual_neg_acc: f64,
    /// Gap kept at standstill, m.
    #[serde(rename = "minGap")]
    pub min_gap: f64,
    /// Largest speed, m/s.
    #[serde(rename = "maxSpeed")]
    pub max_speed: f64,
    /// Time headway, s.
    #[serde(rename = "headwayTime")]
    pub headway_time: f64,
    /// Members beyond the format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conurb: Option<VehicleExt>,
    /// Unknown members.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Reads a road network file without checking it against itself.
pub fn read_roadnet(bytes: &[u8], file: &str) -> Result<RoadnetFile, TrafficError> {
    read(bytes, file)
}

/// Reads a file of changes without checking it against a network.
pub fn read_changes(bytes: &[u8], file: &str) -> Result<ChangesFile, TrafficError> {
    // An empty list would do for an object of which nothing is required.
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Err(at_start(
            file,
            "a list where an object of changes was expected".into(),
        ));
    }
    read(bytes, file)
}

/// Reads a file of car parks without checking it against a network.
pub fn read_parking(bytes: &[u8], file: &str) -> Result<ParkingFile, TrafficError> {
    read(bytes, file)
}

/// Reads a demand file without checking it against a network.
pub fn read_flows(bytes: &[u8], file: &str) -> Result<Vec<FlowFile>, TrafficError> {
    read(bytes, file)
}

fn read<T: DeserializeOwned>(bytes: &[u8], file: &str) -> Result<T, TrafficError> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(TrafficError::TooLarge {
            at: Box::new(At {
                file: Some(file.to_owned()),
                ..At::default()
            }),
            what: "file size in bytes",
            found: bytes.len(),
            limit: FILE_BYTES_MAX,
        });
    }
    if let Some(encoding) = wrong_encoding(bytes) {
        let message = format!("the file is in {encoding}, JSON is UTF-8 without byte order mark");
        return Err(at_start(file, message));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        syntax(file, Some(path), error.inner())
    })?;
    reader.end().map_err(|error| syntax(file, None, &error))?;
    Ok(value)
}

/// An error at the first byte of a file.
fn at_start(file: &str, message: String) -> TrafficError {
    TrafficError::Syntax {
        at: Box::new(At {
            file: Some(file.to_owned()),
            line: Some(1),
            column: Some(1),
            path: None,
        }),
        message,
    }
}

/// The encoding that the first bytes of a file speak of, where it is not plain UTF-8.
fn wrong_encoding(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xef, 0xbb, 0xbf, ..] => Some("UTF-8 with a byte order mark"),
        [0xff, 0xfe, ..] | [b'{' | b'[', 0, ..] => Some("UTF-16 (little endian)"),
        [0xfe, 0xff, ..] | [0, b'{' | b'[', ..] => Some("UTF-16 (big endian)"),
        _ => None,
    }
}

/// Longest path shown, bytes: nesting can be written faster than read.
const PATH_SHOWN: usize = 200;

/// What the parser calls by the names of Rust, and what the format calls it.
const WORDS: [(&str, &str); 11] = [
    ("expected u32", "expected a whole number that is 0 or more"),
    ("struct ParkingFile", "an object of car parks"),
    ("struct ChangesFile", "an object of changes"),
    ("struct IntersectionFile", "an intersection (an object)"),
    ("struct RoadnetFile", "a road network (an object)"),
    ("struct PointFile", "a point {x, y}"),
    ("struct FlowFile", "a flow (an object)"),
    ("sequence", "list"),
    ("type: map", "type: object"),
    ("expected f64", "expected a number"),
    ("expected i64", "expected a whole number"),
];

fn syntax(file: &str, path: Option<String>, error: &serde_json::Error) -> TrafficError {
    let full = error.to_string();
    let message = full
        .rsplit_once(" at line ")
        .map_or(full.as_str(), |(head, _)| head);
    let message = WORDS
        .iter()
        .fold(message.to_owned(), |m, (rust, word)| m.replace(rust, word));
    let path = path.filter(|p| p != ".").map(|mut p| {
        if let Some(cut) = (p.len() > PATH_SHOWN).then(|| p.floor_char_boundary(PATH_SHOWN)) {
            p.truncate(cut);
            p.push_str("...");
        }
        p
    });
    TrafficError::Syntax {
        at: Box::new(At {
            file: Some(file.to_owned()),
            line: Some(error.line()),
            // At the very start of a line the parser says 0.
            column: Some(error.column().max(1)),
            path,
        }),
        message,
    }
}
