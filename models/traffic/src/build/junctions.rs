//! Movements, lane links and phases.

use super::{
    Builder, LANE_LINKS_PER_JUNCTION_MAX, PHASES_MAX, POINTS_MAX, ROAD_LINKS_MAX,
    SEGMENTS_PER_JUNCTION_MAX, flat_points,
};
use crate::error::TrafficError;
use crate::file::{LaneLinkFile, LightPhaseExt};
use crate::geometry::{self, P};
use crate::ids::{JunctionIx, LaneIx, LinkIx, RoadIx};
use crate::network::{LINK_LIMIT_M_S, Link, Phase, RoadLink, Turn};
use crate::place::json_path;

/// A lane link in the file: intersection, road link, lane link.
#[derive(Clone, Copy)]
struct LinkPlace {
    i: usize,
    r: usize,
    l: usize,
}

impl Builder<'_> {
    pub(super) fn build_junctions(&mut self) -> Result<(), TrafficError> {
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
                links.push(self.build_link(LinkPlace { i, r, l }, from, to, turn)?);
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
        at: LinkPlace,
        from: RoadIx,
        to: RoadIx,
        turn: Turn,
    ) -> Result<LinkIx, TrafficError> {
        let LinkPlace { i, r, l } = at;
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
        let line = self.link_line(LinkPlace { i, r, l }, link, start, end)?;
        let (length_m, max_speed_m_s) = match &link.conurb {
            Some(ext) => (
                self.number(&at("conurb"), "lane link length in m", ext.length, true)?,
                self.number(&at("conurb"), "speed limit in m/s", ext.max_speed, true)?,
            ),
            None => (geometry::length(&line), LINK_LIMIT_M_S),
        };
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
            max_speed_m_s,
            points: flat_points(&line),
        });
        self.lanes[start.ix()].links.push(ix);
        self.link_lines[i].push(line);
        Ok(ix)
    }

    /// The given line, or a built curve where there is none.
    fn link_line(
        &self,
        at: LinkPlace,
        link: &LaneLinkFile,
        start: LaneIx,
        end: LaneIx,
    ) -> Result<Vec<P>, TrafficError> {
        let LinkPlace { i, r, l } = at;
        let points = json_path!["intersections", i, "roadLinks", r, "laneLinks", l, "points"];
        let given = link.points.as_deref().unwrap_or(&[]);
        self.limit(&points, "number of points", given.len(), POINTS_MAX)?;
        match given.len() {
            0 => {
                let (start, end) = (&self.full_lines[start.ix()], &self.full_lines[end.ix()]);
                Ok(geometry::curve(start, end, self.junctions[i].width_m))
            }
            1 => Err(TrafficError::Geometry {
                at: self.source.at(&points),
                message:
                    "a lane link has one point, it needs none (a curve is built) or at least 2"
                        .into(),
            }),
            _ => given
                .iter()
                .enumerate()
                .map(|(k, p)| {
                    let at = json_path![
                        "intersections",
                        i,
                        "roadLinks",
                        r,
                        "laneLinks",
                        l,
                        "points",
                        k
                    ];
                    self.point(&at, *p)
                })
                .collect(),
        }
    }

    /// The road links of a phase that give way, each of them one that may go.
    fn yields(
        &self,
        i: usize,
        p: usize,
        ext: &LightPhaseExt,
        road_links: &[u32],
    ) -> Result<Vec<u32>, TrafficError> {
        let mut yields = Vec::with_capacity(ext.yield_road_links.len());
        for (k, found) in ext.yield_road_links.iter().enumerate() {
            let at = json_path![
                "intersections",
                i,
                "trafficLight",
                "lightphases",
                p,
                "conurb",
                "yieldRoadLinks",
                k
            ];
            let ix = u32::try_from(*found)
                .ok()
                .filter(|ix| road_links.contains(ix));
            yields.push(ix.ok_or_else(|| TrafficError::Inconsistent {
                at: self.source.at(&at),
                message: format!("road link {found} gives way in a phase in which it may not go"),
            })?);
        }
        Ok(yields)
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
        // The last phase that named each road link.
        let mut green = vec![usize::MAX; count];
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
                if std::mem::replace(&mut green[ix], p) == p {
                    return Err(TrafficError::Inconsistent {
                        at: self.source.at(&at),
                        message: format!("road link {found} stands twice in phase {p}"),
                    });
                }
                road_links.push(u32::try_from(ix).expect("road links are limited"));
            }
            let yields = match &phase.conurb {
                Some(ext) => self.yields(i, p, ext, &road_links)?,
                None => Vec::new(),
            };
            self.junctions[i].phases.push(Phase {
                time_s,
                road_links,
                yields,
            });
        }
        if let Some(ext) = &light.conurb {
            let at = json_path!["intersections", i, "trafficLight", "conurb", "offset"];
            self.junctions[i].offset_s = self.number(&at, "offset in s", ext.offset, false)?;
        }
        if light.lightphases.is_empty() && count > 0 {
            self.notes.push(format!(
                "intersection \"{}\" has road links but no light phase: everything is allowed there",
                self.junctions[i].id
            ));
        }
        Ok(())
    }
}
