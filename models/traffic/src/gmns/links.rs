//! Links and their lines.

use std::collections::BTreeMap;

use super::table::{Row, Table};
use super::{Links, Nodes, Units, allows_cars};
use crate::error::TrafficError;
use crate::geometry::{self, P};
use crate::osm::table::{Class, class};
use crate::streets::{Map, Sign, Street, clean};

/// Most points of one line.
const POINTS_MAX: usize = 10_000;
/// Share by which a length may differ from the line's before it is said.
const LENGTH_SHARE: f64 = 0.2;
/// Speeds believed, m/s.
const SPEED_M_S: std::ops::RangeInclusive<f64> = 0.3..=60.0;

/// Facility types of the specification's examples, and the classes of streets they stand for.
const FACILITIES: [(&str, &str); 9] = [
    ("freeway", "motorway"),
    ("expressway", "trunk"),
    ("highway", "trunk"),
    ("ramp", "primary_link"),
    ("arterial", "primary"),
    ("major arterial", "primary"),
    ("minor arterial", "secondary"),
    ("collector", "tertiary"),
    ("local", "residential"),
];
/// Facility types without cars.
const NOT_FOR_CARS: [&str; 8] = [
    "sidewalk",
    "crosswalk",
    "walkway",
    "cycletrack",
    "bike path",
    "footway",
    "cycleway",
    "transit",
];

/// Lines of `geometry.csv` by identifier, as text.
pub(super) fn shapes(table: &Table) -> Result<BTreeMap<String, String>, TrafficError> {
    let rows = table.rows().map(|row| {
        let id = row.needed("geometry_id")?;
        Ok((id.to_owned(), row.text("geometry").to_owned()))
    });
    rows.collect()
}

/// Adds the links as streets.
pub(super) fn read(
    table: &Table,
    nodes: &Nodes,
    units: Units,
    shapes: &BTreeMap<String, String>,
    map: &mut Map,
) -> Result<Links, TrafficError> {
    let mut links = Links::new();
    for row in table.rows() {
        let id = row.needed("link_id")?.to_owned();
        if links.contains_key(&id) {
            return Err(TrafficError::DuplicateId {
                at: row.at("link_id"),
                what: "link",
                id,
                first: "a line above".into(),
            });
        }
        let Some((from, to)) = ends(&row, nodes, map)? else {
            continue;
        };
        if let Some(added) = link(&row, &id, (from, to), nodes, units, shapes, map)? {
            links.insert(id, added);
        }
    }
    Ok(links)
}

/// The nodes at both ends; none where the box asked for cuts the link.
fn ends(
    row: &Row<'_>,
    nodes: &Nodes,
    map: &mut Map,
) -> Result<Option<(usize, usize)>, TrafficError> {
    let mut ends = [None, None];
    for (slot, column) in ends.iter_mut().zip(["from_node_id", "to_node_id"]) {
        let id = row.needed(column)?;
        *slot = nodes.number.get(id).copied();
        let cut = map
            .assumed
            .count("node outside of the box asked for: left out")
            > 0;
        if slot.is_none() && !cut {
            return Err(TrafficError::UnknownId {
                at: row.at(column),
                what: "node",
                id: id.to_owned(),
                hint: " in node.csv".into(),
            });
        }
    }
    Ok(ends[0].zip(ends[1]))
}

fn class_of(row: &Row<'_>) -> Option<&'static Class> {
    let facility = row.text("facility_type").to_ascii_lowercase();
    let named = FACILITIES.iter().find(|(name, _)| *name == facility);
    class(named.map_or(facility.as_str(), |(_, class)| class))
}

fn link(
    row: &Row<'_>,
    id: &str,
    (from, to): (usize, usize),
    nodes: &Nodes,
    units: Units,
    shapes: &BTreeMap<String, String>,
    map: &mut Map,
) -> Result<Option<(usize, Option<usize>)>, TrafficError> {
    let facility = row.text("facility_type").to_ascii_lowercase();
    let class = class_of(row);
    let closed = NOT_FOR_CARS.contains(&facility.as_str()) || class.is_some_and(|c| !c.drive);
    if closed || !allows_cars(row.text("allowed_uses")) {
        let what = "link not for cars (`allowed_uses`, `facility_type`): left out";
        map.unmodelled.add_at(what, || row.here());
        return Ok(None);
    }
    let usual = class.or_else(|| crate::osm::table::class("unclassified"));
    let usual = usual.expect("the table of classes has unclassified streets");
    let Some((lanes, speed_m_s)) = capacity(row, usual, units, map)? else {
        return Ok(None);
    };
    let line = line(
        row,
        (map.nodes[from].at, map.nodes[to].at),
        nodes,
        shapes,
        map,
    )?;
    if let Some(told) = row.number_if("length")? {
        let drawn = geometry::length(&line);
        if (told * units.long_m - drawn).abs() > LENGTH_SHARE * drawn {
            let what = "length that is not the line's by more than a fifth: the line's";
            map.unmodelled.add_at(what, || row.here());
        }
    }
    let two_way = row.flag("directed")? == Some(false);
    let number = map.streets.len();
    let street = Street {
        id: id.to_owned(),
        from,
        to,
        line: clean(line),
        lanes,
        width_m: usual.width_m,
        lanes_beside: if two_way { lanes } else { 0 },
        speed_m_s,
        rank: usual.rank,
        turns: None,
        reverse: two_way.then_some(number + 1),
        roundabout: false,
        sign: Sign::None,
        ways: (0, 0),
        line_in_file: row.line(),
    };
    if two_way {
        let mut back = street.clone();
        back.id = format!("-{id}");
        (back.from, back.to, back.reverse) = (to, from, Some(number));
        back.line.reverse();
        map.streets.extend([street, back]);
        return Ok(Some((number, Some(number + 1))));
    }
    map.streets.push(street);
    Ok(Some((number, None)))
}

/// Lanes and speed, m/s; none of a link without lanes.
fn capacity(
    row: &Row<'_>,
    usual: &Class,
    units: Units,
    map: &mut Map,
) -> Result<Option<(u8, f64)>, TrafficError> {
    let lanes = match row.count_if("lanes", 0..=16)? {
        Some(0) => {
            map.unmodelled
                .add_at("link of no lanes: left out", || row.here());
            return Ok(None);
        }
        Some(n) => n,
        None => {
            map.assumed
                .add_at("number of lanes of the class of street", || row.here());
            usual.lanes
        }
    };
    let speed_m_s = match row.number_if("free_speed")? {
        Some(v) => {
            let v = v * units.speed_m_s;
            let rule = "in m/s it has to be from 0.3 to 60 (see `speed` in config.csv)";
            row.within("free_speed", v, SPEED_M_S, rule)?;
            v
        }
        None => {
            map.assumed
                .add_at("speed limit of the class of street", || row.here());
            usual.km_h / 3.6
        }
    };
    Ok(Some((lanes, speed_m_s)))
}

/// The line of a link: that of the tables, or straight from node to node.
fn line(
    row: &Row<'_>,
    (start, end): (P, P),
    nodes: &Nodes,
    shapes: &BTreeMap<String, String>,
    map: &mut Map,
) -> Result<Vec<P>, TrafficError> {
    let own = row.text("geometry");
    let named = shapes
        .get(row.text("geometry_id"))
        .map_or("", String::as_str);
    let text = if own.is_empty() { named } else { own };
    if text.is_empty() {
        return Ok(vec![start, end]);
    }
    let Some(body) = text
        .trim()
        .strip_prefix("LINESTRING")
        .and_then(|t| t.trim().strip_prefix('('))
        .and_then(|t| t.strip_suffix(')'))
    else {
        map.unmodelled
            .add_at("geometry that is no LINESTRING: straight", || row.here());
        return Ok(vec![start, end]);
    };
    let mut points = Vec::new();
    for pair in body.split(',') {
        let mut numbers = pair.split_ascii_whitespace().map(str::parse::<f64>);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(x)), Some(Ok(y))) if x.abs() <= 1e9 && y.abs() <= 1e9 => {
                points.push(nodes.plane.to_m(x, y));
            }
            _ => return Err(row.wrong("geometry", "has a point that is no pair of numbers")),
        }
        if points.len() > POINTS_MAX {
            return Err(TrafficError::TooLarge {
                at: row.at("geometry"),
                what: "number of points",
                found: points.len(),
                limit: POINTS_MAX,
            });
        }
    }
    if row.text("dir_flag") == "-1" {
        points.reverse();
    }
    if points
        .iter()
        .any(|p| !p.x.is_finite() || !p.y.is_finite() || p.x.hypot(p.y) > 1e7)
    {
        return Err(row.wrong("geometry", "has a point that is not on the map"));
    }
    // The ends are the nodes', whatever the line says.
    if points.len() < 2 {
        return Ok(vec![start, end]);
    }
    let last = points.len() - 1;
    (points[0], points[last]) = (start, end);
    Ok(points)
}
