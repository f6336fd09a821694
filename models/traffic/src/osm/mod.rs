//! Maps of OpenStreetMap: `.osm` (XML) and `.osm.pbf` to a network.
//!
//! Read twice: first the ways and turn restrictions, then the nodes they need. What the tags mean is in
//! [`tags`], defaults in `data/osm_*.csv`; ways are cut into streets in [`cut`], and [`crate::streets`]
//! makes junctions, lanes and signals of them. The mapping and its limits: `docs/traffic/osm.md`.

mod bans;
mod control;
mod cut;
mod pbf;
mod raw;
mod reserved;
pub(crate) mod table;
mod tags;
mod wire;
mod xml;

use std::collections::BTreeSet;

use conurb_geo::LocalFrame;

use crate::anchor::Anchor;
use crate::error::TrafficError;
use crate::geometry::P;
use crate::streets::{self, MapNetwork, MapOptions, place};
use crate::sumo::Unmodelled;
use control::Control;
use raw::{Item, OBJECTS_MAX, Relation, Wanted};
use tags::{Found, Use};

/// Longest extent of a map, degrees: a plane is no map of a continent.
const EXTENT_MAX_DEG: f64 = 5.0;

/// A way for cars.
struct Drive {
    id: i64,
    refs: Vec<i64>,
    line: u32,
    what: Use,
}

/// What is needed of a file.
struct Content {
    ways: Vec<Drive>,
    restrictions: Vec<Relation>,
    /// Nodes by identifier: those that ways and restrictions need.
    ids: Vec<i64>,
    /// Latitude and longitude, by the same number; none where the file has no such node.
    positions: Vec<Option<(f64, f64)>>,
    controls: Vec<Control>,
    unmodelled: Unmodelled,
    assumed: Unmodelled,
}

/// True for names of OpenStreetMap files.
#[must_use]
pub fn is_osm(file: &str) -> bool {
    let name = file.to_ascii_lowercase();
    name.ends_with(".osm") || name.ends_with(".osm.xml") || is_pbf(&name)
}

fn is_pbf(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with(".pbf")
}

/// Reads a map: `.osm.pbf` where the name ends so, XML else. `file` also names places in errors.
///
/// # Errors
/// As the variants of [`TrafficError`] say, with line and element, or the block of a `.osm.pbf`.
pub fn read_map(
    bytes: &[u8],
    file: &str,
    options: &MapOptions,
) -> Result<MapNetwork, TrafficError> {
    let mut content = ways(bytes, file)?;
    nodes(bytes, file, options, &mut content)?;
    let (points, anchor) = project(&content, file)?;
    let mut map = cut::map(content, &points, file);
    map.anchor = anchor;
    streets::build(map, file, options)
}

fn each(
    bytes: &[u8],
    file: &str,
    wanted: Wanted,
    mut take: impl FnMut(Item) -> Result<(), TrafficError>,
) -> Result<(), TrafficError> {
    let mut count = 0_usize;
    let mut counted = |item: Item| {
        count += 1;
        if count > OBJECTS_MAX {
            return Err(TrafficError::TooLarge {
                at: place(file, 0, "osm".into()),
                what: "number of objects",
                found: count,
                limit: OBJECTS_MAX,
            });
        }
        take(item)
    };
    if is_pbf(file) {
        pbf::each(bytes, file, wanted, &mut counted)
    } else {
        xml::each(bytes, file, wanted, &mut counted)
    }
}

/// First reading: ways for cars and turn restrictions.
fn ways(bytes: &[u8], file: &str) -> Result<Content, TrafficError> {
    let mut content = Content {
        ways: Vec::new(),
        restrictions: Vec::new(),
        ids: Vec::new(),
        positions: Vec::new(),
        controls: Vec::new(),
        unmodelled: Unmodelled::default(),
        assumed: Unmodelled::default(),
    };
    let mut seen = BTreeSet::new();
    each(bytes, file, Wanted::WaysAndRelations, |item| {
        match item {
            Item::Way(way) => {
                let mut found = Found::default();
                let what = tags::read(&way.tags, &mut found);
                let here = || format!("{file}: way {}", way.id);
                for feature in &found.unmodelled {
                    content.unmodelled.add_at(feature, here);
                }
                for feature in &found.assumed {
                    content.assumed.add_at(feature, here);
                }
                let Some(what) = what else {
                    return Ok(());
                };
                if !seen.insert(way.id) {
                    content
                        .unmodelled
                        .add_at("way given twice: the first is read", here);
                    return Ok(());
                }
                content.ids.extend(&way.refs);
                content.ways.push(Drive {
                    id: way.id,
                    refs: way.refs,
                    line: way.line,
                    what,
                });
            }
            Item::Relation(relation) => {
                let kind = relation.tags.get("type").unwrap_or("");
                if kind == "restriction" {
                    content.restrictions.push(relation);
                } else if kind.starts_with("restriction:") || kind == "connectivity" {
                    let what = "relation `restriction:...` or `connectivity`: not applied";
                    let here = || format!("{file}: relation {}", relation.id);
                    content.unmodelled.add_at(what, here);
                }
            }
            Item::Node(_) => {}
        }
        Ok(())
    })?;
    content.ids.sort_unstable();
    content.ids.dedup();
    Ok(content)
}

/// Second reading: the nodes that are needed.
fn nodes(
    bytes: &[u8],
    file: &str,
    options: &MapOptions,
    content: &mut Content,
) -> Result<(), TrafficError> {
    content.positions = vec![None; content.ids.len()];
    content.controls = vec![Control::default(); content.ids.len()];
    each(bytes, file, Wanted::Nodes, |item| {
        let Item::Node(node) = item else {
            return Ok(());
        };
        let Ok(ix) = content.ids.binary_search(&node.id) else {
            return Ok(());
        };
        let here = || format!("{file}: node {}", node.id);
        if let Some([west, south, east, north]) = options.bbox_deg
            && !((west..=east).contains(&node.lon_deg) && (south..=north).contains(&node.lat_deg))
        {
            let what = "node outside of the box asked for: left out";
            content.assumed.add_at(what, here);
            return Ok(());
        }
        if content.positions[ix].is_some() {
            let what = "node given twice: the first is read";
            content.unmodelled.add_at(what, here);
            return Ok(());
        }
        content.positions[ix] = Some((node.lat_deg, node.lon_deg));
        content.controls[ix] = control::read(&node.tags, |feature| {
            content.unmodelled.add_at(feature, here);
        });
        Ok(())
    })
}

/// Nodes in the plane, and where that lies.
type Projected = (Vec<Option<P>>, Option<Anchor>);

/// The nodes in a plane that touches the middle of the map, m.
fn project(content: &Content, file: &str) -> Result<Projected, TrafficError> {
    let mut found = content.positions.iter().flatten();
    let Some(&first) = found.next() else {
        return Ok((vec![None; content.ids.len()], None));
    };
    let (mut low, mut high) = (first, first);
    for &(lat, lon) in found {
        low = (low.0.min(lat), low.1.min(lon));
        high = (high.0.max(lat), high.1.max(lon));
    }
    let extent = (high.0 - low.0).max(high.1 - low.1);
    if extent > EXTENT_MAX_DEG {
        return Err(TrafficError::BadNumber {
            at: place(file, 0, "map".into()),
            what: "extent of the streets in degrees",
            value: extent,
            rule: "it has to be 5 or less: cut the map, or name a box",
        });
    }
    let middle = (f64::midpoint(low.0, high.0), f64::midpoint(low.1, high.1));
    let frame = LocalFrame::at(middle.0, middle.1);
    let all = content.positions.iter().map(|p| {
        p.map(|(lat, lon)| {
            let (x, y) = frame.to_m(lat, lon);
            // Millimetres are more than a map knows, and keep written files short.
            let round = |v: f64| (v * 1_000.0).round() / 1_000.0;
            P::new(round(x), round(y))
        })
    });
    Ok((all.collect(), Some(Anchor::at_origin(middle.0, middle.1))))
}
