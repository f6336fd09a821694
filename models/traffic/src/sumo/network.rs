//! From the `.net.xml` to our network: edges to roads, connections to lane links.

use std::collections::HashMap;

use conurb_base::At;

use super::net::{self, Point, RawConnection, RawEdge, RawLane, RawNet};
use super::signals;
use super::unmodelled::Unmodelled;
use super::ways::{LINK_LENGTH_MIN_M, Way};
use crate::error::TrafficError;
use crate::file::{
    Extra, FoeExt, IntersectionFile, LaneExt, LaneFile, LaneLinkExt, LaneLinkFile, PointFile,
    RightOfWay, RoadFile, RoadLinkFile, RoadnetExt, RoadnetFile, TurnFile,
};
use crate::geometry::{self, P};
use crate::network::Network;

/// How to read a network.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct NetworkOptions {
    /// Time at which the run begins, s: programmes stand there as SUMO's stand then.
    pub begin_s: f64,
}

/// A network read from SUMO.
#[derive(Debug)]
pub struct SumoNetwork {
    /// The network.
    pub network: Network,
    /// The same as a CityFlow file with the members beyond the form (`conurb`).
    pub file: RoadnetFile,
    /// What is not modelled.
    pub unmodelled: Unmodelled,
    /// Lanes of each edge from the right, as SUMO counts: our lane index, none if left out.
    pub(crate) lanes_of: HashMap<String, Vec<Option<u32>>>,
}

impl SumoNetwork {
    /// The edge of a lane as SUMO names it (`edge_k`), and our lane index, none where it is left out;
    /// none for an unknown lane.
    pub(crate) fn lane<'a>(&self, id: &'a str) -> Option<(&'a str, Option<u32>)> {
        let (edge, index) = id.rsplit_once('_')?;
        let lanes = self.lanes_of.get(edge)?;
        Some((edge, *lanes.get(index.parse::<usize>().ok()?)?))
    }
}

/// Reads a `.net.xml`. `file` only names places in errors.
pub fn read_network(
    bytes: &[u8],
    file: &str,
    options: &NetworkOptions,
) -> Result<SumoNetwork, TrafficError> {
    let mut unmodelled = Unmodelled::default();
    let raw = net::read(bytes, file, &mut unmodelled)?;
    assemble(&raw, file, options, unmodelled, Side::Right)
}

/// The side of the road that is driven on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// As the network is drawn.
    Right,
    /// The network is drawn in the mirror (north is south), so that its lanes lie as on the right.
    LeftMirrored,
}

/// The network of edges, connections and programmes, whoever wrote them.
pub(crate) fn assemble(
    raw: &RawNet,
    file: &str,
    options: &NetworkOptions,
    unmodelled: Unmodelled,
    side: Side,
) -> Result<SumoNetwork, TrafficError> {
    let mut importer = Importer {
        raw,
        file,
        options,
        un: unmodelled,
        edges: HashMap::new(),
        internal: HashMap::new(),
        after: HashMap::new(),
        lanes_of: HashMap::new(),
    };
    importer.index()?;
    let roads = importer.roads()?;
    let intersections = importer.junctions(&roads)?;
    let mut roadnet = RoadnetFile {
        intersections,
        roads,
        conurb: Some(RoadnetExt {
            right_of_way: Some(RightOfWay::Foes),
            anchor: raw.anchor,
        }),
        extra: Extra::new(),
    };
    if side == Side::LeftMirrored {
        mirror(&mut roadnet);
    }
    let network = Network::from_file(&roadnet, file).map_err(|e| importer.placed(e, &roadnet))?;
    Ok(SumoNetwork {
        network,
        file: roadnet,
        unmodelled: importer.un,
        lanes_of: importer.lanes_of,
    })
}

/// Turns a mirrored network back: lanes keep their order from the middle of the road, left turns
/// become right turns.
fn mirror(roadnet: &mut RoadnetFile) {
    let flip = |points: &mut [PointFile]| points.iter_mut().for_each(|p| p.y = -p.y);
    for road in &mut roadnet.roads {
        flip(&mut road.points);
        for lane in road.lanes.iter_mut().filter_map(|l| l.conurb.as_mut()) {
            flip(&mut lane.points);
        }
    }
    for junction in &mut roadnet.intersections {
        flip(std::slice::from_mut(&mut junction.point));
        for link in junction.road_links.iter_mut().flatten() {
            link.turn = match link.turn {
                TurnFile::TurnLeft => TurnFile::TurnRight,
                TurnFile::TurnRight => TurnFile::TurnLeft,
                TurnFile::GoStraight => TurnFile::GoStraight,
            };
            for lane in &mut link.lane_links {
                flip(lane.points.as_deref_mut().unwrap_or_default());
            }
        }
    }
}

pub(super) struct Importer<'a> {
    pub(super) raw: &'a RawNet,
    pub(super) file: &'a str,
    options: &'a NetworkOptions,
    pub(super) un: Unmodelled,
    edges: HashMap<&'a str, &'a RawEdge>,
    /// Internal lanes by identifier.
    pub(super) internal: HashMap<&'a str, &'a RawLane>,
    /// The connection that goes on from an internal lane.
    pub(super) after: HashMap<String, &'a RawConnection>,
    pub(super) lanes_of: HashMap<String, Vec<Option<u32>>>,
}

pub(super) fn place(file: &str, line: u32, path: String) -> Box<At> {
    Box::new(At {
        file: Some(file.to_owned()),
        // Sources without lines count none.
        line: usize::try_from(line).ok().filter(|n| *n > 0),
        column: None,
        path: Some(path),
    })
}

fn file_points(points: &[Point]) -> Vec<PointFile> {
    points
        .iter()
        .map(|p| PointFile { x: p[0], y: p[1] })
        .collect()
}

impl<'a> Importer<'a> {
    fn index(&mut self) -> Result<(), TrafficError> {
        let mut junctions = HashMap::new();
        for junction in &self.raw.junctions {
            if let Some(first) = junctions.insert(junction.id.as_str(), junction.line) {
                return Err(self.twice("junction", &junction.id, junction.line, first));
            }
        }
        for edge in &self.raw.edges {
            if let Some(first) = self.edges.insert(&edge.id, edge) {
                return Err(self.twice("edge", &edge.id, edge.line, first.line));
            }
            if edge.function != "normal" {
                self.internal
                    .extend(edge.lanes.iter().map(|l| (l.id.as_str(), l)));
                continue;
            }
            for (what, id) in [("from", &edge.from), ("to", &edge.to)] {
                if !junctions.contains_key(id.as_str()) {
                    return Err(self.unknown(
                        "junction",
                        id,
                        edge.line,
                        format!("edge[id=\"{}\"].{what}", edge.id),
                    ));
                }
            }
            let kept = edge.lanes.iter().filter(|l| l.cars).count();
            let mut left = u32::try_from(kept).expect("lanes of an edge are limited");
            let lanes = edge.lanes.iter().map(|lane| {
                left -= u32::from(lane.cars);
                lane.cars.then_some(left)
            });
            self.lanes_of.insert(edge.id.clone(), lanes.collect());
            if kept == 0 {
                self.un.add(
                    "edge without a lane for cars (paths, rails): left out",
                    self.file,
                    edge.line,
                );
            } else {
                let without = u64::try_from(edge.lanes.len() - kept).unwrap_or(0);
                self.un.add_many(
                    "lane not for cars (footway, cycle, bus or rail lane): left out",
                    without,
                    self.file,
                    edge.line,
                );
            }
        }
        for connection in &self.raw.connections {
            if connection.from.starts_with(':') {
                let lane = format!("{}_{}", connection.from, connection.from_lane);
                self.after.insert(lane, connection);
            }
        }
        self.unused_letters();
        Ok(())
    }

    /// Lists programmes whose states are longer than their light has links.
    fn unused_letters(&mut self) {
        let mut links: HashMap<&str, usize> = HashMap::new();
        for (tl, index) in self.raw.connections.iter().filter_map(|c| c.tl.as_ref()) {
            let count = links.entry(tl).or_default();
            *count = (*count).max(index.saturating_add(1));
        }
        for (tl, programme) in &self.raw.programmes {
            let first = &programme.phases[0];
            let used = links.get(tl.as_str()).copied().unwrap_or(0);
            if first.state.len() > used {
                self.un.add(
                    "signal states beyond the links of the light: not used",
                    self.file,
                    first.line,
                );
            }
        }
    }

    /// An error about a road or intersection, at the edge or junction it was made from.
    fn placed(&self, mut error: TrafficError, made: &RoadnetFile) -> TrafficError {
        let Some(at) = error.at_mut() else {
            return error;
        };
        let path = at.path.clone().unwrap_or_default();
        let number = |list: &str| -> Option<usize> {
            path.strip_prefix(list)?.split(']').next()?.parse().ok()
        };
        let found = if let Some(road) = number("roads[").and_then(|k| made.roads.get(k)) {
            let edge = self.edges.get(road.id.as_str());
            edge.map(|e| (e.line, format!("edge[id=\"{}\"]", e.id)))
        } else if let Some(node) = number("intersections[").and_then(|k| made.intersections.get(k))
        {
            let raw = self.raw.junctions.iter().find(|j| j.id == node.id);
            raw.map(|j| (j.line, format!("junction[id=\"{}\"]", j.id)))
        } else {
            None
        };
        if let Some((line, path)) = found {
            *at = *place(self.file, line, path);
        }
        error
    }

    fn twice(&self, what: &'static str, id: &str, line: u32, first: u32) -> TrafficError {
        TrafficError::DuplicateId {
            at: place(self.file, line, format!("{what}[id=\"{id}\"]")),
            what,
            id: id.to_owned(),
            first: format!("line {first}"),
        }
    }

    pub(super) fn unknown(
        &self,
        what: &'static str,
        id: &str,
        line: u32,
        path: String,
    ) -> TrafficError {
        TrafficError::UnknownId {
            at: place(self.file, line, path),
            what,
            id: id.to_owned(),
            hint: " in this network".into(),
        }
    }

    pub(super) fn kept(&self, id: &str) -> Option<&'a RawEdge> {
        let edge = self.edges.get(id)?;
        (edge.function == "normal" && edge.lanes.iter().any(|l| l.cars)).then_some(*edge)
    }

    fn roads(&self) -> Result<Vec<RoadFile>, TrafficError> {
        let kept = self.raw.edges.iter().filter(|e| self.kept(&e.id).is_some());
        kept.map(|edge| {
            let lanes: Vec<&RawLane> = edge.lanes.iter().rev().filter(|l| l.cars).collect();
            Ok(RoadFile {
                id: edge.id.clone(),
                points: left_edge(lanes[0]),
                lanes: lanes
                    .iter()
                    .map(|lane| LaneFile {
                        width: lane.width_m,
                        max_speed: lane.speed_m_s,
                        conurb: Some(LaneExt {
                            length: lane.length_m,
                            points: file_points(&lane.shape),
                        }),
                        extra: Extra::new(),
                    })
                    .collect(),
                start_intersection: edge.from.clone(),
                end_intersection: edge.to.clone(),
                extra: Extra::new(),
            })
        })
        .collect()
    }

    fn junctions(&mut self, roads: &[RoadFile]) -> Result<Vec<IntersectionFile>, TrafficError> {
        let mut by_lane: HashMap<String, Vec<&RawConnection>> = HashMap::new();
        let mut seen = HashMap::new();
        for c in &self.raw.connections {
            self.check(c)?;
            let ends = (&c.from, c.from_lane, &c.to, c.to_lane);
            if let Some(first) = seen.insert(ends, c.line) {
                return Err(TrafficError::Inconsistent {
                    at: place(self.file, c.line, "connection".into()),
                    message: format!(
                        "from lane {} of \"{}\" to lane {} of \"{}\" stands in line {first} already",
                        c.from_lane, c.from, c.to_lane, c.to
                    ),
                });
            }
            by_lane
                .entry(format!("{}_{}", c.from, c.from_lane))
                .or_default()
                .push(c);
        }
        let mut incident: HashMap<&str, Vec<String>> = HashMap::new();
        for road in roads {
            incident
                .entry(&road.start_intersection)
                .or_default()
                .push(road.id.clone());
            if road.end_intersection != road.start_intersection {
                incident
                    .entry(&road.end_intersection)
                    .or_default()
                    .push(road.id.clone());
            }
        }
        let raw = self.raw;
        let mut all = Vec::new();
        for junction in raw.junctions.iter().filter(|j| j.kind != "internal") {
            if matches!(
                junction.kind.as_str(),
                "rail_signal" | "rail_crossing" | "allway_stop" | "priority_stop"
            ) {
                let feature = format!("junction type `{}`: as a priority junction", junction.kind);
                self.un.add(&feature, self.file, junction.line);
            }
            let ways = self.ways(junction, &by_lane)?;
            let point = PointFile {
                x: junction.point[0],
                y: junction.point[1],
            };
            let mut file = IntersectionFile {
                id: junction.id.clone(),
                point,
                width: None,
                roads: None,
                road_links: None,
                traffic_light: None,
                is_virtual: true,
                extra: Extra::new(),
            };
            if !ways.is_empty() {
                file.is_virtual = false;
                file.width = Some(0.0);
                file.roads = Some(incident.remove(junction.id.as_str()).unwrap_or_default());
                self.movements(&mut file, ways)?;
            }
            all.push(file);
        }
        Ok(all)
    }

    fn check(&self, c: &RawConnection) -> Result<(), TrafficError> {
        for (name, id, lane) in [("from", &c.from, c.from_lane), ("to", &c.to, c.to_lane)] {
            let Some(edge) = self.edges.get(id.as_str()) else {
                return Err(self.unknown("edge", id, c.line, format!("connection.{name}")));
            };
            if lane >= edge.lanes.len() {
                return Err(TrafficError::OutOfRange {
                    at: place(self.file, c.line, format!("connection.{name}Lane")),
                    what: "lane index",
                    found: i64::try_from(lane).unwrap_or(i64::MAX),
                    count: edge.lanes.len(),
                });
            }
        }
        Ok(())
    }

    /// Groups the ways into road links (same roads, same signal) and adds the programme.
    fn movements(
        &self,
        file: &mut IntersectionFile,
        ways: Vec<Way<'a>>,
    ) -> Result<(), TrafficError> {
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for (k, way) in ways.iter().enumerate() {
            let same = |g: &&mut Vec<usize>| {
                let w = &ways[g[0]];
                w.from.id == way.from.id
                    && w.to.id == way.to.id
                    && w.turn == way.turn
                    && w.signal == way.signal
            };
            match groups.iter_mut().find(same) {
                Some(group) => group.push(k),
                None => groups.push(vec![k]),
            }
        }
        // Foes are named by the place in the file, which is by group.
        let mut number = vec![0_i64; ways.len()];
        for (n, k) in (0..).zip(groups.iter().flatten()) {
            number[*k] = n;
        }
        let light = signals::light(self.raw, &groups, &ways, self.options.begin_s);
        let links = groups.iter().map(|group| RoadLinkFile {
            turn: ways[group[0]].turn,
            start_road: ways[group[0]].from.id.clone(),
            end_road: ways[group[0]].to.id.clone(),
            direction: None,
            lane_links: group
                .iter()
                .map(|k| lane_link(&ways[*k], &number))
                .collect(),
            extra: Extra::new(),
        });
        file.road_links = Some(links.collect());
        file.traffic_light = Some(light);
        Ok(())
    }
}

fn lane_link(way: &Way<'_>, number: &[i64]) -> LaneLinkFile {
    let p = &way.passage;
    LaneLinkFile {
        start_lane_index: i64::from(way.start),
        end_lane_index: i64::from(way.end),
        points: Some(
            p.line
                .iter()
                .map(|q| PointFile { x: q.x, y: q.y })
                .collect(),
        ),
        conurb: Some(LaneLinkExt {
            length: p.length_m,
            max_speed: way.max_speed,
            wait_at: p.wait_m,
            clear_at: p.clear_m,
            changes: way.changes,
            foes: p
                .foes
                .iter()
                .map(|f| FoeExt {
                    link: number[f.way],
                    at: f.at_m,
                    other_at: f.other_at_m,
                    yields: f.yields,
                })
                .collect(),
        }),
        extra: Extra::new(),
    }
}

/// The left edge of the carriageway: the leftmost lane's line shifted by half its width.
fn left_edge(lane: &RawLane) -> Vec<PointFile> {
    let mut line: Vec<P> = Vec::new();
    for q in &lane.shape {
        let q = P::new(q[0], q[1]);
        if line.last() != Some(&q) {
            line.push(q);
        }
    }
    if line.len() < 2 {
        line.push(P::new(line[0].x + LINK_LENGTH_MIN_M, line[0].y));
    }
    let edge = geometry::shifted(&line, -lane.width_m / 2.0);
    edge.iter().map(|q| PointFile { x: q.x, y: q.y }).collect()
}
