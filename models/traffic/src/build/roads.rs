//! Roads and their lanes.

use super::{Builder, LANES_PER_ROAD_MAX, POINTS_MAX, flat_points};
use crate::error::TrafficError;
use crate::file::LaneExt;
use crate::geometry::{self, P};
use crate::ids::{JunctionIx, LaneIx, RoadIx};
use crate::network::{Lane, Road};
use crate::place::json_path;

impl Builder<'_> {
    pub(super) fn build_roads(&mut self) -> Result<(), TrafficError> {
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
        let ids = self.build_lanes(i, &points, &pulled)?;
        self.roads.push(Road {
            id: road.id.clone(),
            points: flat_points(&points),
            lanes: ids,
            from,
            to,
        });
        Ok(())
    }

    /// The lanes of a road, shifted from its full and its pulled-back line.
    fn build_lanes(
        &mut self,
        i: usize,
        points: &[P],
        pulled: &[P],
    ) -> Result<Vec<LaneIx>, TrafficError> {
        let road = &self.file.roads[i];
        let mut ids = Vec::with_capacity(road.lanes.len());
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
            let (line, length_m) = match &lane.conurb {
                Some(ext) => self.given_lane(i, k, ext)?,
                None => {
                    let line = geometry::shifted(pulled, shift);
                    let length_m = geometry::length(&line);
                    (line, length_m)
                }
            };
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
            self.full_lines.push(geometry::shifted(points, shift));
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
        Ok(ids)
    }

    /// Line and length of a lane that names them itself.
    fn given_lane(&self, i: usize, k: usize, ext: &LaneExt) -> Result<(Vec<P>, f64), TrafficError> {
        let points = json_path!["roads", i, "lanes", k, "conurb", "points"];
        self.limit(&points, "number of points", ext.points.len(), POINTS_MAX)?;
        if ext.points.len() < 2 {
            return Err(TrafficError::Geometry {
                at: self.source.at(&points),
                message: format!(
                    "a lane has {} points, it needs at least 2",
                    ext.points.len()
                ),
            });
        }
        let line = (ext.points.iter().enumerate())
            .map(|(n, p)| {
                self.point(
                    &json_path!["roads", i, "lanes", k, "conurb", "points", n],
                    *p,
                )
            })
            .collect::<Result<_, _>>()?;
        let length = json_path!["roads", i, "lanes", k, "conurb", "length"];
        let length_m = self.number(&length, "lane length in m", ext.length, true)?;
        Ok((line, length_m))
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
}
