//! Checks a road network file and compiles it into a [`Network`]: names and junctions here, roads,
//! movements and the engine's tables in their own files.

mod junctions;
mod priority;
mod roads;
mod tables;

use tables::{conflict_table, flat, phase_links, seats};

use std::collections::{BTreeSet, HashMap};

use crate::anchor::{Anchor, LAT_RULE, LON_RULE};
use crate::error::TrafficError;
use crate::file::{IntersectionFile, PointFile, RoadnetFile};
use crate::geometry::P;
use crate::ids::{JunctionIx, RoadIx};
use crate::network::{Junction, Lane, Link, Network, Priority, Road};
use crate::place::{Seg, Source, json_path};

/// Limits on sizes: what a file may hold.
const JUNCTIONS_MAX: usize = 1_000_000;
const ROADS_MAX: usize = 4_000_000;
const LANES_PER_ROAD_MAX: usize = 64;
const POINTS_MAX: usize = 10_000;
const PHASES_MAX: usize = 1_000;
const ROAD_LINKS_MAX: usize = 1_000;
const LANE_LINKS_PER_JUNCTION_MAX: usize = 4_000;
const SEGMENTS_PER_JUNCTION_MAX: usize = 40_000;
/// Coordinates beyond this lose the precision geometry needs, m.
const COORDINATE_MAX_M: f64 = 1e9;
/// Largest width, length, speed and duration, in m, m/s and s: sums of them stay finite.
const NUMBER_MAX: f64 = 1e9;

pub(crate) fn build(file: &RoadnetFile, source: Source<'_>) -> Result<Network, TrafficError> {
    let mut b = Builder {
        file,
        source,
        junctions: Vec::new(),
        roads: Vec::new(),
        lanes: Vec::new(),
        links: Vec::new(),
        junction_ids: HashMap::new(),
        road_ids: HashMap::new(),
        full_lines: Vec::new(),
        lane_lines: Vec::new(),
        link_lines: Vec::new(),
        notes: Vec::new(),
    };
    b.limit(
        &json_path!["intersections"],
        "number of intersections",
        file.intersections.len(),
        JUNCTIONS_MAX,
    )?;
    b.limit(
        &json_path!["roads"],
        "number of roads",
        file.roads.len(),
        ROADS_MAX,
    )?;
    b.name_all()?;
    b.check_junctions()?;
    b.build_roads()?;
    b.check_incidence()?;
    b.build_junctions()?;
    b.note_unknown();
    let priority = b.priority()?;
    let anchor = b.anchor()?;
    Ok(b.finish(priority, anchor))
}

struct Builder<'a> {
    file: &'a RoadnetFile,
    source: Source<'a>,
    junctions: Vec<Junction>,
    roads: Vec<Road>,
    lanes: Vec<Lane>,
    links: Vec<Link>,
    junction_ids: HashMap<String, JunctionIx>,
    road_ids: HashMap<String, RoadIx>,
    /// Lane centre lines before the roads are pulled back: curves start from these.
    full_lines: Vec<Vec<P>>,
    lane_lines: Vec<Vec<P>>,
    link_lines: Vec<Vec<Vec<P>>>,
    notes: Vec<String>,
}

fn flat_points(points: &[P]) -> Vec<[f64; 2]> {
    points.iter().map(|p| [p.x, p.y]).collect()
}

impl Builder<'_> {
    fn limit(
        &self,
        path: &[Seg],
        what: &'static str,
        found: usize,
        limit: usize,
    ) -> Result<(), TrafficError> {
        TrafficError::within(what, found, limit, || self.source.at(path))
    }

    fn number(
        &self,
        path: &[Seg],
        what: &'static str,
        value: f64,
        positive: bool,
    ) -> Result<f64, TrafficError> {
        let low = if positive { value > 0.0 } else { value >= 0.0 };
        if low && value <= NUMBER_MAX {
            return Ok(value);
        }
        Err(TrafficError::BadNumber {
            at: self.source.at(path),
            what,
            value,
            rule: if positive {
                "it has to be above 0 and at most 1e9"
            } else {
                "it has to be from 0 to 1e9"
            },
        })
    }

    fn point(&self, path: &[Seg], p: PointFile) -> Result<P, TrafficError> {
        for value in [p.x, p.y] {
            if !value.is_finite() || value.abs() > COORDINATE_MAX_M {
                return Err(TrafficError::BadNumber {
                    at: self.source.at(path),
                    what: "coordinate in m",
                    value,
                    rule: "it has to be finite and within 1e9 m of the origin",
                });
            }
        }
        Ok(P::new(p.x, p.y))
    }

    fn road(&self, path: &[Seg], id: &str) -> Result<RoadIx, TrafficError> {
        self.road_ids
            .get(id)
            .copied()
            .ok_or_else(|| TrafficError::UnknownId {
                at: self.source.at(path),
                what: "road",
                id: id.to_owned(),
                hint: String::new(),
            })
    }

    fn index(
        &self,
        path: &[Seg],
        what: &'static str,
        found: i64,
        count: usize,
    ) -> Result<usize, TrafficError> {
        usize::try_from(found)
            .ok()
            .filter(|ix| *ix < count)
            .ok_or_else(|| TrafficError::OutOfRange {
                at: self.source.at(path),
                what,
                found,
                count,
            })
    }

    fn name_all(&mut self) -> Result<(), TrafficError> {
        for (i, junction) in self.file.intersections.iter().enumerate() {
            if let Some(first) = self
                .junction_ids
                .insert(junction.id.clone(), JunctionIx::of(i))
            {
                return Err(TrafficError::DuplicateId {
                    at: self.source.at(&json_path!["intersections", i, "id"]),
                    what: "intersection",
                    id: junction.id.clone(),
                    first: format!("intersections[{}].id", first.0),
                });
            }
        }
        for (i, road) in self.file.roads.iter().enumerate() {
            if let Some(first) = self.road_ids.insert(road.id.clone(), RoadIx::of(i)) {
                return Err(TrafficError::DuplicateId {
                    at: self.source.at(&json_path!["roads", i, "id"]),
                    what: "road",
                    id: road.id.clone(),
                    first: format!("roads[{}].id", first.0),
                });
            }
        }
        Ok(())
    }

    /// Everything about junctions that roads need: point, width, members present.
    fn check_junctions(&mut self) -> Result<(), TrafficError> {
        for (i, j) in self.file.intersections.iter().enumerate() {
            let point = self.point(&json_path!["intersections", i, "point"], j.point)?;
            let width_m = if j.is_virtual { 0.0 } else { self.width(i, j)? };
            let roads = if j.is_virtual {
                &[][..]
            } else {
                j.roads.as_deref().unwrap_or(&[])
            };
            let roads = roads
                .iter()
                .enumerate()
                .map(|(k, id)| self.road(&json_path!["intersections", i, "roads", k], id))
                .collect::<Result<Vec<_>, _>>()?;
            self.junctions.push(Junction {
                id: j.id.clone(),
                point: [point.x, point.y],
                is_virtual: j.is_virtual,
                width_m,
                phases: Vec::new(),
                offset_s: 0.0,
                road_links: Vec::new(),
                roads,
            });
        }
        Ok(())
    }

    /// The roads a junction lists touch it, and stand there once.
    fn check_incidence(&self) -> Result<(), TrafficError> {
        for (i, junction) in self.junctions.iter().enumerate() {
            let here = JunctionIx::of(i);
            let mut seen = BTreeSet::new();
            for (k, road) in junction.roads.iter().enumerate() {
                let Road { id, from, to, .. } = &self.roads[road.ix()];
                let message = if !seen.insert(road) {
                    format!(
                        "road \"{id}\" is listed twice at intersection \"{}\"",
                        junction.id
                    )
                } else if *from != here && *to != here {
                    format!(
                        "road \"{id}\" neither starts nor ends at intersection \"{}\"",
                        junction.id
                    )
                } else {
                    continue;
                };
                return Err(TrafficError::Inconsistent {
                    at: self.source.at(&json_path!["intersections", i, "roads", k]),
                    message,
                });
            }
        }
        Ok(())
    }

    fn width(&self, i: usize, j: &IntersectionFile) -> Result<f64, TrafficError> {
        let missing = |name: &'static str| TrafficError::Syntax {
            at: self.source.at(&json_path!["intersections", i]),
            message: format!(
                "missing member `{name}` (required unless the intersection is virtual)"
            ),
        };
        if j.roads.is_none() {
            return Err(missing("roads"));
        }
        if j.road_links.is_none() {
            return Err(missing("roadLinks"));
        }
        if j.traffic_light.is_none() {
            return Err(missing("trafficLight"));
        }
        let width = j.width.ok_or_else(|| missing("width"))?;
        self.number(
            &json_path!["intersections", i, "width"],
            "junction width in m",
            width,
            false,
        )
    }

    fn node(&self, path: &[Seg], id: &str) -> Result<JunctionIx, TrafficError> {
        self.junction_ids
            .get(id)
            .copied()
            .ok_or_else(|| TrafficError::UnknownId {
                at: self.source.at(path),
                what: "intersection",
                id: id.to_owned(),
                hint: String::new(),
            })
    }

    /// Where on the globe the network lies.
    fn anchor(&self) -> Result<Option<Anchor>, TrafficError> {
        let Some(a) = self.file.conurb.as_ref().and_then(|ext| ext.anchor) else {
            return Ok(None);
        };
        let wrong = |name: &'static str, what, value, rule| TrafficError::BadNumber {
            at: self.source.at(&json_path!["conurb", "anchor", name]),
            what,
            value,
            rule,
        };
        for (name, value, limit, rule) in [
            ("lat", a.lat_deg, 90.0, LAT_RULE),
            ("lon", a.lon_deg, 180.0, LON_RULE),
        ] {
            // Not a number fails too.
            if !(-limit..=limit).contains(&value) {
                return Err(wrong(name, "place in degrees", value, rule));
            }
        }
        for (name, value) in [("x", a.x_m), ("y", a.y_m)] {
            if !(-COORDINATE_MAX_M..=COORDINATE_MAX_M).contains(&value) {
                let rule = "it has to be finite and within 1e9 m of the origin";
                return Err(wrong(name, "coordinate in m", value, rule));
            }
        }
        if let Some(scale) = a.scale.filter(|s| !(0.5..=2.0).contains(s)) {
            let rule = "it has to be between 0.5 and 2 (UTM: 0.9996)";
            return Err(wrong("scale", "scale of a projection", scale, rule));
        }
        Ok(Some(a))
    }

    fn note_unknown(&mut self) {
        let mut seen: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::new();
        let mut add = |prefix: &str, extra: &crate::file::Extra| {
            for key in extra.keys() {
                *seen.entry(format!("{prefix}{key}")).or_default() += 1;
            }
        };
        add("", &self.file.extra);
        for j in &self.file.intersections {
            add("intersections[].", &j.extra);
            for r in j.road_links.iter().flatten() {
                add("intersections[].roadLinks[].", &r.extra);
                for l in &r.lane_links {
                    add("intersections[].roadLinks[].laneLinks[].", &l.extra);
                }
            }
            if let Some(light) = &j.traffic_light {
                add("intersections[].trafficLight.", &light.extra);
                for p in &light.lightphases {
                    add("intersections[].trafficLight.lightphases[].", &p.extra);
                }
            }
        }
        for r in &self.file.roads {
            add("roads[].", &r.extra);
            for l in &r.lanes {
                add("roads[].lanes[].", &l.extra);
            }
        }
        self.notes.extend(seen.into_iter().map(|(path, count)| {
            format!("unknown member `{path}` ({count} times): kept in the file, not used")
        }));
    }

    fn finish(self, priority: Option<Priority>, anchor: Option<Anchor>) -> Network {
        let mut incoming = vec![Vec::new(); self.junctions.len()];
        let mut outgoing = vec![Vec::new(); self.junctions.len()];
        for road in &self.roads {
            incoming[road.to.ix()].extend_from_slice(&road.lanes);
            outgoing[road.from.ix()].extend_from_slice(&road.lanes);
        }
        let (crosses, cross_from, junction_links) = conflict_table(&self.link_lines);
        let phase_links = self.junctions.iter().map(phase_links).collect();
        let mut flat = flat(&self.lanes, &self.links);
        flat.seats = seats(&crosses, &cross_from, &junction_links, priority.as_ref());
        Network {
            junctions: self.junctions,
            roads: self.roads,
            lanes: self.lanes,
            links: self.links,
            crosses,
            cross_from,
            flat,
            junction_ids: self.junction_ids,
            road_ids: self.road_ids,
            incoming,
            outgoing,
            phase_links,
            priority,
            anchor,
            junction_links,
            notes: self.notes,
        }
    }
}
