//! From the `.net.xml` to our network: edges to roads, connections to lane links.

use std::collections::HashMap;

use conurb_base::At;

use super::conflicts::{self, Passage};
use super::net::{self, Point, RawConnection, RawEdge, RawLane, RawNet};
use super::signals::{self, LinkSignal};
use super::unmodelled::Unmodelled;
use crate::error::TrafficError;
use crate::file::{
    Extra, FoeExt, IntersectionFile, LaneExt, LaneFile, LaneLinkExt, LaneLinkFile, PointFile,
    RightOfWay, RoadFile, RoadLinkFile, RoadnetExt, RoadnetFile, TurnFile,
};
use crate::geometry::{self, P};
use crate::network::Network;

/// Pieces of one way through a junction.
const PIECES_MAX: usize = 16;
/// Most ways through a junction: conflicts are looked for in each pair.
const WAYS_MAX: usize = 4_000;
/// Length of a lane link where the file has no internal lanes and the lanes touch, m.
const LINK_LENGTH_MIN_M: f64 = 0.1;

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

/// Reads a `.net.xml`. `file` only names places in errors.
pub fn read_network(
    bytes: &[u8],
    file: &str,
    options: &NetworkOptions,
) -> Result<SumoNetwork, TrafficError> {
    let mut unmodelled = Unmodelled::default();
    let raw = net::read(bytes, file, &mut unmodelled)?;
    let mut importer = Importer {
        raw: &raw,
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
    let roadnet = RoadnetFile {
        intersections,
        roads,
        conurb: Some(RoadnetExt {
            right_of_way: RightOfWay::Foes,
        }),
        extra: Extra::new(),
    };
    let network = Network::from_file(&roadnet, file).map_err(|e| importer.placed(e, &roadnet))?;
    Ok(SumoNetwork {
        network,
        file: roadnet,
        unmodelled: importer.un,
        lanes_of: importer.lanes_of,
    })
}

struct Importer<'a> {
    raw: &'a RawNet,
    file: &'a str,
    options: &'a NetworkOptions,
    un: Unmodelled,
    edges: HashMap<&'a str, &'a RawEdge>,
    /// Internal lanes by identifier.
    internal: HashMap<&'a str, &'a RawLane>,
    /// The connection that goes on from an internal lane.
    after: HashMap<String, &'a RawConnection>,
    lanes_of: HashMap<String, Vec<Option<u32>>>,
}

/// One way through a junction, before the file's form.
pub(super) struct Way<'a> {
    pub(super) from: &'a RawEdge,
    pub(super) to: &'a RawEdge,
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) turn: TurnFile,
    pub(super) signal: LinkSignal,
    pub(super) zips: bool,
    pub(super) max_speed: f64,
    pub(super) changes: u32,
    pub(super) passage: Passage,
}

pub(super) fn place(file: &str, line: u32, path: String) -> Box<At> {
    Box::new(At {
        file: Some(file.to_owned()),
        line: usize::try_from(line).ok(),
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

    fn unknown(&self, what: &'static str, id: &str, line: u32, path: String) -> TrafficError {
        TrafficError::UnknownId {
            at: place(self.file, line, path),
            what,
            id: id.to_owned(),
            hint: " in this network".into(),
        }
    }

    fn kept(&self, id: &str) -> Option<&'a RawEdge> {
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

    /// All ways through a junction in the order of its requests, then those that stand for lane
    /// changes on the roads behind it.
    fn ways(
        &mut self,
        junction: &net::RawJunction,
        by_lane: &HashMap<String, Vec<&'a RawConnection>>,
    ) -> Result<Vec<Way<'a>>, TrafficError> {
        let mut ways = Vec::new();
        let mut request = 0;
        for lane in &junction.inc_lanes {
            for c in by_lane.get(lane).map_or(&[][..], Vec::as_slice) {
                let number = request;
                request += 1;
                if let Some(way) = self.way(c, number)? {
                    if way.from.to != junction.id || way.to.from != junction.id {
                        return Err(TrafficError::Inconsistent {
                            at: place(self.file, c.line, "connection".into()),
                            message: format!(
                                "\"{}\" does not end or \"{}\" does not start at junction \"{}\"",
                                c.from, c.to, junction.id
                            ),
                        });
                    }
                    ways.push(way);
                }
            }
        }
        if !junction.requests.is_empty() && junction.requests.len() < request {
            return Err(TrafficError::Inconsistent {
                at: place(
                    self.file,
                    junction.line,
                    format!("junction[id=\"{}\"]", junction.id),
                ),
                message: format!(
                    "{request} connections but {} requests",
                    junction.requests.len()
                ),
            });
        }
        self.add_changes(&mut ways);
        if ways.len() > WAYS_MAX {
            return Err(TrafficError::TooLarge {
                at: place(
                    self.file,
                    junction.line,
                    format!("junction[id=\"{}\"]", junction.id),
                ),
                what: "number of ways through a junction, lane changes behind it included",
                found: ways.len(),
                limit: WAYS_MAX,
            });
        }
        conflicts::find(&mut ways, &junction.requests);
        Ok(ways)
    }

    fn way(
        &mut self,
        c: &'a RawConnection,
        request: usize,
    ) -> Result<Option<Way<'a>>, TrafficError> {
        let (Some(from), Some(to)) = (self.kept(&c.from), self.kept(&c.to)) else {
            return Ok(None);
        };
        let lane = |edge: &str, lane: usize| self.lanes_of.get(edge).and_then(|l| l[lane]);
        let (Some(start), Some(end)) = (lane(&c.from, c.from_lane), lane(&c.to, c.to_lane)) else {
            return Ok(None);
        };
        let turn = match c.dir.as_str() {
            "l" | "L" | "t" | "T" => TurnFile::TurnLeft,
            "r" | "R" => TurnFile::TurnRight,
            _ => TurnFile::GoStraight,
        };
        let signal = signals::of(self.raw, c, self.file, &mut self.un)?;
        let (line, length_m, wait_m, max_speed) = self.pieces(c, from, to)?;
        Ok(Some(Way {
            from,
            to,
            start,
            end,
            turn,
            signal,
            zips: c.state == 'Z',
            max_speed,
            changes: 0,
            passage: Passage::new(line, length_m, wait_m, request),
        }))
    }

    /// The internal lanes of a connection joined: line, length, waiting place, speed limit.
    fn pieces(
        &self,
        c: &RawConnection,
        from: &RawEdge,
        to: &RawEdge,
    ) -> Result<(Vec<P>, f64, f64, f64), TrafficError> {
        let (start, end) = (&from.lanes[c.from_lane], &to.lanes[c.to_lane]);
        let p = |q: &Point| P::new(q[0], q[1]);
        let mut line: Vec<P> = Vec::new();
        let (mut length_m, mut wait_m, mut speed) = (0.0, 0.0, f64::INFINITY);
        let mut via = c.via.as_deref();
        let mut pieces = 0;
        while let Some(id) = via {
            let lane = self.internal.get(id).ok_or_else(|| {
                self.unknown("internal lane", id, c.line, "connection.via".into())
            })?;
            wait_m = length_m;
            length_m += lane.length_m;
            speed = lane.speed_m_s.min(speed);
            for q in &lane.shape {
                let q = p(q);
                if line.last() != Some(&q) {
                    line.push(q);
                }
            }
            pieces += 1;
            if pieces > PIECES_MAX {
                return Err(TrafficError::Inconsistent {
                    at: place(self.file, c.line, "connection.via".into()),
                    message: "the internal lanes of the connection never end".into(),
                });
            }
            via = self.after.get(id).and_then(|next| next.via.as_deref());
        }
        if line.len() < 2 {
            let (s, e) = (
                start.shape.last().map_or(P::new(0.0, 0.0), p),
                p(&end.shape[0]),
            );
            line = vec![
                s,
                if s == e {
                    P::new(e.x + LINK_LENGTH_MIN_M, e.y)
                } else {
                    e
                },
            ];
        }
        if pieces == 0 {
            length_m = geometry::length(&line).max(LINK_LENGTH_MIN_M);
            speed = start.speed_m_s.min(end.speed_m_s);
        }
        Ok((line, length_m, wait_m, speed))
    }

    /// Adds, for each lane and road it leads to, ways to the lanes that its connections do not reach.
    fn add_changes(&self, ways: &mut Vec<Way<'a>>) {
        for k in 0..ways.len() {
            let (from, to, start) = (ways[k].from, ways[k].to, ways[k].start);
            let same = |w: &Way<'_>| w.start == start && w.from.id == from.id && w.to.id == to.id;
            let parents: Vec<usize> = (0..ways.len())
                .filter(|i| ways[*i].changes == 0 && same(&ways[*i]))
                .collect();
            if parents[0] != k {
                continue;
            }
            let lanes = to.lanes.iter().filter(|l| l.cars).count();
            for end in 0..u32::try_from(lanes).expect("lanes of an edge are limited") {
                let nearest = parents.iter().min_by_key(|i| ways[**i].end.abs_diff(end));
                let Some(parent) = nearest.map(|i| &ways[*i]).filter(|w| w.end != end) else {
                    continue;
                };
                let changes = parent.end.abs_diff(end);
                let target = to.lanes.iter().rev().filter(|l| l.cars).nth(end as usize);
                let first = target.map_or([0.0, 0.0], |l| l.shape[0]);
                let way = Way {
                    end,
                    changes,
                    signal: parent.signal.clone(),
                    passage: parent.passage.ending_at(P::new(first[0], first[1])),
                    ..*parent
                };
                ways.push(way);
            }
        }
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
