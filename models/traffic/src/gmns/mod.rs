//! GMNS (General Modeling Network Specification, Zephyr, 0.96): tables of nodes and links to a network.
//!
//! A folder with `node.csv` and `link.csv`, and if they are there `config.csv` (units), `lane.csv`,
//! `movement.csv` and `geometry.csv`. Signals are timed here from the geometry; signal tables are listed as not
//! read. The mapping: `docs/traffic/osm.md`.

mod links;
mod moves;
mod table;

use std::collections::{BTreeMap, BTreeSet};

use conurb_geo::LocalFrame;

use crate::anchor::Anchor;
use crate::error::TrafficError;
use crate::geometry::P;
use crate::streets::{self, Map, MapNetwork, MapNode, MapOptions};
use table::{Row, Table};

/// The files of a folder by name, as `node.csv`.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Tables that are read.
pub const TABLES: [&str; 6] = [
    "node.csv",
    "link.csv",
    "config.csv",
    "geometry.csv",
    "lane.csv",
    "movement.csv",
];
/// Tables of the specification that are not.
const NOT_READ: [&str; 18] = [
    "segment.csv",
    "segment_lane.csv",
    "segment_tod.csv",
    "segment_lane_tod.csv",
    "lane_tod.csv",
    "link_tod.csv",
    "movement_tod.csv",
    "location.csv",
    "zone.csv",
    "curb_seg.csv",
    "signal_controller.csv",
    "signal_coordination.csv",
    "signal_detector.csv",
    "signal_phase_mvmt.csv",
    "signal_timing_phase.csv",
    "signal_timing_plan.csv",
    "use_definition.csv",
    "use_group.csv",
];

/// Coordinates beyond this many m from each other are no city.
const EXTENT_MAX_M: f64 = 1e6;

/// Units of the tables.
#[derive(Debug, Clone, Copy)]
struct Units {
    /// One `long_length`, m.
    long_m: f64,
    /// One `short_length`, m.
    short_m: f64,
    /// One unit of speed, m/s.
    speed_m_s: f64,
    /// Coordinates are longitude and latitude in degrees.
    degrees: bool,
}

/// Node numbers, and how the coordinates of other tables lie in the plane.
struct Nodes {
    number: BTreeMap<String, usize>,
    plane: Plane,
}

/// From the coordinates of the tables to m.
#[derive(Debug, Clone, Copy)]
enum Plane {
    Frame(LocalFrame),
    Moved(f64, f64),
}

impl Plane {
    fn to_m(self, x: f64, y: f64) -> P {
        let (x, y) = match self {
            Self::Frame(frame) => frame.to_m(y, x),
            Self::Moved(west, south) => (x - west, y - south),
        };
        P::new(x, y)
    }
}

/// True for names of tables: a folder with `node.csv` and `link.csv` is a network.
#[must_use]
pub fn is_table(name: &str) -> bool {
    TABLES.contains(&name) || NOT_READ.contains(&name)
}

/// Reads a network. `folder` only names places in errors: `folder/link.csv:12`.
///
/// # Errors
/// As the variants of [`TrafficError`] say, with file and line.
pub fn read_tables(
    files: &Files,
    folder: &str,
    options: &MapOptions,
) -> Result<MapNetwork, TrafficError> {
    let open = |name: &'static str| -> Result<Option<Table>, TrafficError> {
        let bytes = files.get(name);
        bytes.map(|b| Table::read(b, folder, name)).transpose()
    };
    let needed = |name: &'static str| -> Result<Table, TrafficError> {
        open(name)?.ok_or_else(|| TrafficError::Syntax {
            at: table::place(folder, name, 1, ""),
            message: format!("the folder has no {name}"),
        })
    };
    let mut map = Map::default();
    for name in NOT_READ.iter().filter(|n| files.contains_key(**n)) {
        let what = format!("table {name}: not read");
        map.unmodelled.add_at(&what, || format!("{folder}/{name}"));
    }
    let units = units(open("config.csv")?.as_ref(), &mut map)?;
    let nodes = nodes(&needed("node.csv")?, units, options, &mut map)?;
    let shapes = match open("geometry.csv")? {
        Some(table) => links::shapes(&table)?,
        None => BTreeMap::new(),
    };
    let links = links::read(&needed("link.csv")?, &nodes, units, &shapes, &mut map)?;
    if let Some(lanes) = open("lane.csv")? {
        moves::lanes(&lanes, &links, units, &mut map)?;
    }
    if let Some(table) = open("movement.csv")? {
        moves::read(&table, &nodes, &links, &mut map)?;
    }
    streets::build(map, folder, options)
}

/// Units by `config.csv`; without it metres, kilometres and km/h.
fn units(config: Option<&Table>, map: &mut Map) -> Result<Units, TrafficError> {
    let Some(row) = config.and_then(|c| c.rows().next()) else {
        let what = "units without config.csv: m, km/h, longitude and latitude";
        map.assumed.add_at(what, || "config.csv".into());
        return Ok(Units {
            long_m: 1_000.0,
            short_m: 1.0,
            speed_m_s: 1.0 / 3.6,
            degrees: true,
        });
    };
    let length = |column: &'static str, usual: f64| -> Result<f64, TrafficError> {
        Ok(match row.text(column).to_ascii_lowercase().as_str() {
            "" => usual,
            "m" | "meter" | "meters" | "metre" | "metres" => 1.0,
            "km" | "kilometer" | "kilometers" | "kilometre" | "kilometres" => 1_000.0,
            "ft" | "foot" | "feet" => 0.3048,
            "mi" | "mile" | "miles" => 1_609.344,
            _ => return Err(row.wrong(column, "is no length (m, km, ft or mile)")),
        })
    };
    let long_m = length("long_length", 1_000.0)?;
    let speed_m_s = match row.text("speed").to_ascii_lowercase().as_str() {
        "" => long_m / 3_600.0,
        "mph" | "miles per hour" | "mile/hour" => 1_609.344 / 3_600.0,
        "kph" | "kmh" | "km/h" | "kmph" | "kilometers per hour" => 1.0 / 3.6,
        "m/s" => 1.0,
        _ => return Err(row.wrong("speed", "is no speed (mph, km/h or m/s)")),
    };
    let crs = row.text("crs").to_ascii_lowercase();
    let degrees = match crs.as_str() {
        "" => true,
        _ if [
            "4326", "4269", "4490", "longlat", "wgs84", "wgs 84", "crs84",
        ]
        .iter()
        .any(|c| crs.contains(c)) =>
        {
            true
        }
        _ => {
            let what = "coordinate system other than degrees: taken as east and north in m";
            map.assumed.add_at(what, || row.here());
            false
        }
    };
    Ok(Units {
        long_m,
        short_m: length("short_length", 1.0)?,
        speed_m_s,
        degrees,
    })
}

/// The rows of nodes with identifier and coordinates, those outside of the box asked for left out.
fn placed<'a>(
    table: &'a Table,
    units: Units,
    options: &MapOptions,
    map: &mut Map,
) -> Result<Vec<NodeRow<'a>>, TrafficError> {
    let mut rows = Vec::new();
    for row in table.rows() {
        let id = row.needed("node_id")?.to_owned();
        let (x, y) = (row.number("x_coord")?, row.number("y_coord")?);
        if units.degrees {
            row.within(
                "x_coord",
                x,
                -180.0..=180.0,
                "a longitude is from -180 to 180",
            )?;
            row.within("y_coord", y, -90.0..=90.0, "a latitude is from -90 to 90")?;
        }
        if let (true, Some([west, south, east, north])) = (units.degrees, options.bbox_deg)
            && !((west..=east).contains(&x) && (south..=north).contains(&y))
        {
            let what = "node outside of the box asked for: left out";
            map.assumed.add_at(what, || row.here());
            continue;
        }
        rows.push((row, id, x, y));
    }
    Ok(rows)
}

/// A row with its identifier and coordinates.
type NodeRow<'a> = (Row<'a>, String, f64, f64);

fn nodes(
    table: &Table,
    units: Units,
    options: &MapOptions,
    map: &mut Map,
) -> Result<Nodes, TrafficError> {
    let rows = placed(table, units, options, map)?;
    let low = |f: fn(&NodeRow<'_>) -> f64| rows.iter().map(f).fold(f64::INFINITY, f64::min);
    let high = |f: fn(&NodeRow<'_>) -> f64| rows.iter().map(f).fold(f64::NEG_INFINITY, f64::max);
    let (west, south) = (low(|r| r.2), low(|r| r.3));
    let (east, north) = (high(|r| r.2), high(|r| r.3));
    let plane = if units.degrees && !rows.is_empty() {
        let middle = (f64::midpoint(south, north), f64::midpoint(west, east));
        map.anchor = Some(Anchor::at_origin(middle.0, middle.1));
        Plane::Frame(LocalFrame::at(middle.0, middle.1))
    } else {
        Plane::Moved(west, south)
    };
    let limit = if units.degrees { 5.0 } else { EXTENT_MAX_M };
    let mut number = BTreeMap::new();
    for (row, id, x, y) in rows {
        row.within(
            "x_coord",
            x - west,
            0.0..=limit,
            "the map is too wide for a plane",
        )?;
        row.within(
            "y_coord",
            y - south,
            0.0..=limit,
            "the map is too high for a plane",
        )?;
        if number.insert(id.clone(), map.nodes.len()).is_some() {
            return Err(TrafficError::DuplicateId {
                at: row.at("node_id"),
                what: "node",
                id,
                first: "a line above".into(),
            });
        }
        let control = row.text("ctrl_type");
        if matches!(control, "stop" | "4_stop" | "yield") {
            let what = "stop or yield at a node: as a crossing of equals";
            map.unmodelled.add_at(what, || row.here());
        }
        map.nodes.push(MapNode {
            id,
            at: plane.to_m(x, y),
            signal: control.starts_with("signal"),
            listed: false,
            line: 0,
        });
    }
    Ok(Nodes { number, plane })
}

/// Links by identifier: their street and that of the other direction.
type Links = BTreeMap<String, (usize, Option<usize>)>;

/// The uses that a set names, and whether cars are among them.
fn allows_cars(uses: &str) -> bool {
    let all: BTreeSet<String> = uses
        .split([',', ';', ' '])
        .map(|u| u.trim().to_ascii_lowercase())
        .filter(|u| !u.is_empty())
        .collect();
    let cars = [
        "auto", "car", "sov", "hov2", "hov3", "hov", "all", "motor", "vehicle", "driving",
    ];
    all.is_empty() || cars.iter().any(|c| all.contains(*c))
}
