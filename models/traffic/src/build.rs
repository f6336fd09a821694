//! Checks a road network file and compiles it into a [`Network`].

use std::collections::HashMap;

use crate::error::TrafficError;
use crate::file::{IntersectionFile, PointFile, RoadnetFile};
use crate::geometry::{self, P};
use crate::ids::{JunctionIx, LaneIx, LinkIx, RoadIx};
use crate::network::{
    Cross, Flat, Junction, LINK_LIMIT_M_S, Lane, Link, Network, Phase, Road, RoadLink, Turn,
};
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
    b.build_junctions()?;
    b.note_unknown();
    Ok(b.finish())
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
        if found <= limit {
            return Ok(());
        }
        Err(TrafficError::TooLarge {
            at: self.source.at(path),
            what,
            found,
            limit,
        })
    }

    fn number(
        &self,
        path: &[Seg],
        what: &'static str,
        value: f64,
        positive: bool,
    ) -> Result<f64, TrafficError> {
        let fine = value.is_finite() && if positive { value > 0.0 } else { value >= 0.0 };
        if fine {
            return Ok(value);
        }
        Err(TrafficError::BadNumber {
            at: self.source.at(path),
            what,
            value,
            rule: if positive {
                "it has to be finite and above 0"
            } else {
                "it has to be finite and not negative"
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
                road_links: Vec::new(),
                roads,
            });
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

    fn build_roads(&mut self) -> Result<(), TrafficError> {
        for i in 0..self.file.roads.len() {
            self.build_road(i)?;
        }
        Ok(())
    }

    fn build_road(&mut self, i: usize) -> Result<(), TrafficError> {
        let road = &self.file.roads[i];
        let from = self.node(
            &json_path!["roads", i, "startIntersection"],
            &road.start_intersection,
        )?;
        let to = self.node(
            &json_path!["roads", i, "endIntersection"],
            &road.end_intersection,
        )?;
        let points = self.road_points(i)?;
        let lane_count = road.lanes.len();
        self.limit(
            &json_path!["roads", i, "lanes"],
            "number of lanes",
            lane_count,
            LANES_PER_ROAD_MAX,
        )?;
        if lane_count == 0 {
            return Err(TrafficError::Geometry {
                at: self.source.at(&json_path!["roads", i, "lanes"]),
                message: format!("road \"{}\" has no lane", road.id),
            });
        }
        let back = |j: JunctionIx| {
            let junction = &self.junctions[j.ix()];
            (!junction.is_virtual).then_some(junction.width_m)
        };
        let pulled = geometry::pulled_back(&points, back(from), back(to));
        let mut ids = Vec::with_capacity(lane_count);
        let mut left = 0.0;
        for (k, lane) in road.lanes.iter().enumerate() {
            let width_m = self.number(
                &json_path!["roads", i, "lanes", k, "width"],
                "lane width in m",
                lane.width,
                true,
            )?;
            let max_speed_m_s = self.number(
                &json_path!["roads", i, "lanes", k, "maxSpeed"],
                "speed limit in m/s",
                lane.max_speed,
                true,
            )?;
            let right = left + width_m;
            let shift = (left + right) / 2.0;
            left += width_m;
            let line = geometry::shifted(&pulled, shift);
            let length_m = geometry::length(&line);
            if !(length_m > 0.0 && length_m.is_finite()) {
                return Err(TrafficError::Geometry {
                    at: self.source.at(&json_path!["roads", i, "lanes", k]),
                    message: format!(
                        "lane {k} of road \"{}\" has no length between its junctions",
                        road.id
                    ),
                });
            }
            ids.push(LaneIx::of(self.lanes.len()));
            self.full_lines.push(geometry::shifted(&points, shift));
            self.lanes.push(Lane {
                id: format!("{}_{k}", road.id),
                road: RoadIx::of(i),
                index: u32::try_from(k).expect("lanes per road are limited"),
                length_m,
                width_m,
                max_speed_m_s,
                links: Vec::new(),
                points: flat_points(&line),
            });
            self.lane_lines.push(line);
        }
        self.roads.push(Road {
            id: road.id.clone(),
            points: flat_points(&points),
            lanes: ids,
            from,
            to,
        });
        Ok(())
    }

    fn road_points(&self, i: usize) -> Result<Vec<P>, TrafficError> {
        let road = &self.file.roads[i];
        self.limit(
            &json_path!["roads", i, "points"],
            "number of points",
            road.points.len(),
            POINTS_MAX,
        )?;
        if road.points.len() < 2 {
            return Err(TrafficError::Geometry {
                at: self.source.at(&json_path!["roads", i, "points"]),
                message: format!(
                    "road \"{}\" has {} points, it needs at least 2",
                    road.id,
                    road.points.len()
                ),
            });
        }
        let mut points = Vec::with_capacity(road.points.len());
        for (k, p) in road.points.iter().enumerate() {
            let p = self.point(&json_path!["roads", i, "points", k], *p)?;
            if points.last() == Some(&p) {
                return Err(TrafficError::Geometry {
                    at: self.source.at(&json_path!["roads", i, "points", k]),
                    message: format!(
                        "points {} and {k} of road \"{}\" are the same",
                        k - 1,
                        road.id
                    ),
                });
            }
            points.push(p);
        }
        Ok(points)
    }

    fn build_junctions(&mut self) -> Result<(), TrafficError> {
        for i in 0..self.file.intersections.len() {
            self.link_lines.push(Vec::new());
            if self.junctions[i].is_virtual {
                continue;
            }
            self.build_road_links(i)?;
            self.build_phases(i)?;
        }
        Ok(())
    }

    fn build_road_links(&mut self, i: usize) -> Result<(), TrafficError> {
        let file = self.file;
        let road_links = file.intersections[i].road_links.as_deref().unwrap_or(&[]);
        self.limit(
            &json_path!["intersections", i, "roadLinks"],
            "number of road links",
            road_links.len(),
            ROAD_LINKS_MAX,
        )?;
        for (r, road_link) in road_links.iter().enumerate() {
            let at = |name: &'static str| json_path!["intersections", i, "roadLinks", r, name];
            let from = self.road(&at("startRoad"), &road_link.start_road)?;
            let to = self.road(&at("endRoad"), &road_link.end_road)?;
            let here = JunctionIx::of(i);
            if self.roads[from.ix()].to != here || self.roads[to.ix()].from != here {
                return Err(TrafficError::Inconsistent {
                    at: self
                        .source
                        .at(&json_path!["intersections", i, "roadLinks", r]),
                    message: format!(
                        "the road link goes from \"{}\" to \"{}\", but the first does not end or the second does not start at \"{}\"",
                        road_link.start_road, road_link.end_road, self.junctions[i].id
                    ),
                });
            }
            let turn = Turn::from(road_link.turn);
            let mut links = Vec::with_capacity(road_link.lane_links.len());
            for l in 0..road_link.lane_links.len() {
                links.push(self.build_link(i, r, l, from, to, turn)?);
            }
            self.junctions[i].road_links.push(RoadLink {
                turn,
                from,
                to,
                links,
            });
        }
        let lines = &self.link_lines[i];
        self.limit(
            &json_path!["intersections", i, "roadLinks"],
            "number of lane links of a junction",
            lines.len(),
            LANE_LINKS_PER_JUNCTION_MAX,
        )?;
        let segments = lines.iter().map(|l| l.len() - 1).sum();
        self.limit(
            &json_path!["intersections", i, "roadLinks"],
            "number of line segments in a junction",
            segments,
            SEGMENTS_PER_JUNCTION_MAX,
        )
    }

    fn build_link(
        &mut self,
        i: usize,
        r: usize,
        l: usize,
        from: RoadIx,
        to: RoadIx,
        turn: Turn,
    ) -> Result<LinkIx, TrafficError> {
        let file = self.file;
        let link = &file.intersections[i].road_links.as_deref().unwrap_or(&[])[r].lane_links[l];
        let at = |name: &'static str| {
            json_path!["intersections", i, "roadLinks", r, "laneLinks", l, name]
        };
        let (from, to) = (&self.roads[from.ix()], &self.roads[to.ix()]);
        let start = self.index(
            &at("startLaneIndex"),
            "lane index",
            link.start_lane_index,
            from.lanes.len(),
        )?;
        let end = self.index(
            &at("endLaneIndex"),
            "lane index",
            link.end_lane_index,
            to.lanes.len(),
        )?;
        let (start, end) = (from.lanes[start], to.lanes[end]);
        let given = link.points.as_deref().unwrap_or(&[]);
        self.limit(&at("points"), "number of points", given.len(), POINTS_MAX)?;
        let line = match given.len() {
            0 => geometry::curve(
                &self.full_lines[start.ix()],
                &self.full_lines[end.ix()],
                self.junctions[i].width_m,
            ),
            1 => {
                return Err(TrafficError::Geometry {
                    at: self.source.at(&at("points")),
                    message:
                        "a lane link has one point, it needs none (a curve is built) or at least 2"
                            .into(),
                });
            }
            _ => given
                .iter()
                .enumerate()
                .map(|(k, p)| {
                    self.point(
                        &json_path![
                            "intersections",
                            i,
                            "roadLinks",
                            r,
                            "laneLinks",
                            l,
                            "points",
                            k
                        ],
                        *p,
                    )
                })
                .collect::<Result<Vec<_>, _>>()?,
        };
        let length_m = geometry::length(&line);
        if !length_m.is_finite() {
            return Err(TrafficError::Geometry {
                at: self.source.at(&json_path![
                    "intersections",
                    i,
                    "roadLinks",
                    r,
                    "laneLinks",
                    l
                ]),
                message: "the lane link has no finite length".into(),
            });
        }
        let ix = LinkIx::of(self.links.len());
        self.links.push(Link {
            id: format!(
                "{}_TO_{}",
                self.lanes[start.ix()].id,
                self.lanes[end.ix()].id
            ),
            from: start,
            to: end,
            junction: JunctionIx::of(i),
            road_link: u32::try_from(r).expect("road links are limited"),
            turn,
            length_m,
            points: flat_points(&line),
        });
        self.lanes[start.ix()].links.push(ix);
        self.link_lines[i].push(line);
        Ok(ix)
    }

    fn build_phases(&mut self, i: usize) -> Result<(), TrafficError> {
        let file = self.file;
        let Some(light) = &file.intersections[i].traffic_light else {
            return Ok(());
        };
        let base = json_path!["intersections", i, "trafficLight", "lightphases"];
        self.limit(
            &base,
            "number of phases",
            light.lightphases.len(),
            PHASES_MAX,
        )?;
        let count = self.junctions[i].road_links.len();
        for (p, phase) in light.lightphases.iter().enumerate() {
            let time = json_path!["intersections", i, "trafficLight", "lightphases", p, "time"];
            let time_s = self.number(
                &time,
                "phase time in s",
                phase.time,
                light.lightphases.len() > 1,
            )?;
            let mut road_links = Vec::with_capacity(phase.available_road_links.len());
            for (k, found) in phase.available_road_links.iter().enumerate() {
                let at = json_path![
                    "intersections",
                    i,
                    "trafficLight",
                    "lightphases",
                    p,
                    "availableRoadLinks",
                    k
                ];
                let ix = self.index(&at, "road link index", *found, count)?;
                road_links.push(u32::try_from(ix).expect("road links are limited"));
            }
            self.junctions[i].phases.push(Phase { time_s, road_links });
        }
        if light.lightphases.is_empty() && count > 0 {
            self.notes.push(format!(
                "intersection \"{}\" has road links but no light phase: everything is allowed there",
                self.junctions[i].id
            ));
        }
        Ok(())
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

    fn finish(self) -> Network {
        let mut incoming = vec![Vec::new(); self.junctions.len()];
        let mut outgoing = vec![Vec::new(); self.junctions.len()];
        for road in &self.roads {
            incoming[road.to.ix()].extend_from_slice(&road.lanes);
            outgoing[road.from.ix()].extend_from_slice(&road.lanes);
        }
        let (crosses, cross_from, junction_links) = conflict_table(&self.link_lines);
        let phase_links = self.junctions.iter().map(phase_links).collect();
        let flat = flat(&self.lanes, &self.links);
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
            junction_links,
            notes: self.notes,
        }
    }
}

fn phase_links(junction: &Junction) -> Vec<Vec<LinkIx>> {
    if junction.phases.is_empty() {
        let all = junction
            .road_links
            .iter()
            .flat_map(|r| r.links.iter().copied());
        return vec![all.collect()];
    }
    junction
        .phases
        .iter()
        .map(|phase| {
            phase
                .road_links
                .iter()
                .flat_map(|r| junction.road_links[*r as usize].links.iter().copied())
                .collect()
        })
        .collect()
}

type ConflictTable = (Vec<Cross>, Vec<u32>, Vec<std::ops::Range<u32>>);

fn conflict_table(lines: &[Vec<Vec<P>>]) -> ConflictTable {
    let to_u32 =
        |n: usize| u32::try_from(n).expect("links and conflicts are limited by the file size");
    let mut crosses = Vec::new();
    let mut from = vec![0];
    let mut ranges = Vec::with_capacity(lines.len());
    let mut first = 0;
    for junction in geometry::conflicts_of_all(lines) {
        let last = first + to_u32(junction.len());
        for link in junction {
            crosses.extend(
                link.into_iter()
                    .map(|(distance_m, other, other_distance_m)| Cross {
                        distance_m,
                        other: LinkIx(first + other),
                        other_distance_m,
                    }),
            );
            from.push(to_u32(crosses.len()));
        }
        ranges.push(first..last);
        first = last;
    }
    (crosses, from, ranges)
}

fn flat(lanes: &[Lane], links: &[Link]) -> Flat {
    let offset = u32::try_from(lanes.len()).expect("lanes are limited by the file size");
    let mut flat = Flat::default();
    for lane in lanes {
        flat.length_m.push(lane.length_m);
        flat.limit_m_s.push(lane.max_speed_m_s);
        flat.lane_links_from
            .push(u32::try_from(flat.lane_links.len()).expect("limited"));
        flat.lane_links
            .extend(lane.links.iter().map(|l| l.0 + offset));
    }
    flat.lane_links_from
        .push(u32::try_from(flat.lane_links.len()).expect("limited"));
    for link in links {
        flat.length_m.push(link.length_m);
        flat.limit_m_s.push(LINK_LIMIT_M_S);
        flat.link_from.push(link.from.0);
        flat.link_to.push(link.to.0);
        flat.link_rank.push(link.turn as u8);
    }
    flat
}
