//! Networks and demands back to the files of the CityFlow form.
//!
//! **Invariant** A network built from [`Network::to_file`] equals the one it came from in every
//! table; so does a demand. Members the form does not know are not kept (they are in the file read).

use crate::demand::Demand;
use crate::file::{
    Extra, FlowExt, FlowFile, FoeExt, IntersectionFile, LaneExt, LaneFile, LaneLinkExt,
    LaneLinkFile, LightPhaseExt, LightPhaseFile, PointFile, RightOfWay, RoadFile, RoadLinkFile,
    RoadnetExt, RoadnetFile, StopFile, TrafficLightExt, TrafficLightFile, TurnFile, VehicleExt,
    VehicleFile,
};
use crate::ids::LinkIx;
use crate::network::{Junction, Network, Priority, Road, Turn};
use crate::vehicle::VehicleTemplate;

impl From<Turn> for TurnFile {
    fn from(turn: Turn) -> Self {
        match turn {
            Turn::Straight => Self::GoStraight,
            Turn::Left => Self::TurnLeft,
            Turn::Right => Self::TurnRight,
        }
    }
}

fn points(all: &[[f64; 2]]) -> Vec<PointFile> {
    all.iter().map(|p| PointFile { x: p[0], y: p[1] }).collect()
}

impl Network {
    /// The network as a CityFlow file; curves that were built are written out.
    #[must_use]
    pub fn to_file(&self) -> RoadnetFile {
        let junctions = self.junctions.iter().enumerate();
        RoadnetFile {
            intersections: junctions.map(|(ix, j)| self.intersection(ix, j)).collect(),
            roads: self.roads.iter().map(|r| self.road_file(r)).collect(),
            conurb: (self.priority.is_some() || self.anchor.is_some()).then(|| RoadnetExt {
                right_of_way: self.priority.as_ref().map(|_| RightOfWay::Foes),
                anchor: self.anchor,
            }),
            extra: Extra::new(),
        }
    }

    fn road_file(&self, road: &Road) -> RoadFile {
        let lanes = road.lanes.iter().map(|l| &self.lanes[l.ix()]);
        RoadFile {
            id: road.id.clone(),
            points: points(&road.points),
            lanes: lanes
                .map(|lane| LaneFile {
                    width: lane.width_m,
                    max_speed: lane.max_speed_m_s,
                    conurb: self.priority.as_ref().map(|_| LaneExt {
                        length: lane.length_m,
                        points: points(&lane.points),
                    }),
                    extra: Extra::new(),
                })
                .collect(),
            start_intersection: self.junctions[road.from.ix()].id.clone(),
            end_intersection: self.junctions[road.to.ix()].id.clone(),
            extra: Extra::new(),
        }
    }

    fn intersection(&self, ix: usize, j: &Junction) -> IntersectionFile {
        let road_id = |r: &crate::ids::RoadIx| self.roads[r.ix()].id.clone();
        let real = !j.is_virtual;
        let road_links = j.road_links.iter().map(|r| RoadLinkFile {
            turn: r.turn.into(),
            start_road: road_id(&r.from),
            end_road: road_id(&r.to),
            direction: None,
            lane_links: r.links.iter().map(|l| self.lane_link(ix, *l)).collect(),
            extra: Extra::new(),
        });
        IntersectionFile {
            id: j.id.clone(),
            point: PointFile {
                x: j.point[0],
                y: j.point[1],
            },
            width: real.then_some(j.width_m),
            roads: real.then(|| j.roads.iter().map(road_id).collect()),
            road_links: real.then(|| road_links.collect()),
            traffic_light: real.then(|| traffic_light(j)),
            is_virtual: j.is_virtual,
            extra: Extra::new(),
        }
    }

    fn lane_link(&self, junction: usize, ix: LinkIx) -> LaneLinkFile {
        let link = &self.links[ix.ix()];
        let first = self.junction_links[junction].start;
        let ext = |p: &Priority| LaneLinkExt {
            length: link.length_m,
            max_speed: link.max_speed_m_s,
            wait_at: p.wait_m[ix.ix()],
            clear_at: p.clear_m[ix.ix()],
            changes: p.changes[ix.ix()],
            foes: p
                .foes_of(ix.ix())
                .iter()
                .map(|f| FoeExt {
                    link: i64::from(f.link - first),
                    at: f.at_m,
                    other_at: f.other_at_m,
                    yields: f.yields,
                })
                .collect(),
        };
        LaneLinkFile {
            start_lane_index: i64::from(self.lanes[link.from.ix()].index),
            end_lane_index: i64::from(self.lanes[link.to.ix()].index),
            points: Some(points(&link.points)),
            conurb: self.priority.as_ref().map(ext),
            extra: Extra::new(),
        }
    }
}

fn traffic_light(j: &Junction) -> TrafficLightFile {
    let numbers = |all: &[u32]| all.iter().map(|n| i64::from(*n)).collect::<Vec<i64>>();
    let phases = j.phases.iter().map(|p| LightPhaseFile {
        time: p.time_s,
        available_road_links: numbers(&p.road_links),
        conurb: (!p.yields.is_empty()).then(|| LightPhaseExt {
            yield_road_links: numbers(&p.yields),
        }),
        extra: Extra::new(),
    });
    TrafficLightFile {
        road_link_indices: None,
        lightphases: phases.collect(),
        conurb: (j.offset_s > 0.0).then_some(TrafficLightExt { offset: j.offset_s }),
        extra: Extra::new(),
    }
}

impl Demand {
    /// The demand as a CityFlow file, every route written road by road.
    #[must_use]
    pub fn to_flows(&self, net: &Network) -> Vec<FlowFile> {
        let flows = self.flows().iter().map(|flow| {
            let roads = self.routes()[flow.route as usize].iter();
            FlowFile {
                vehicle: vehicle(&self.templates()[flow.template as usize]),
                route: roads.map(|r| net.roads()[r.ix()].id.clone()).collect(),
                interval: flow.interval_s,
                start_time: Some(flow.start_s),
                end_time: Some(flow.end_s.unwrap_or(-1)),
                conurb: flow.stops.map(|list| FlowExt {
                    stops: self.stop_files(net, flow.route, list),
                }),
                extra: Extra::new(),
            }
        });
        flows.collect()
    }

    fn stop_files(&self, net: &Network, route: u32, list: u32) -> Vec<StopFile> {
        let roads = &self.routes()[route as usize];
        let stops = self.stop_lists()[list as usize]
            .iter()
            .map(|stop| StopFile {
                road: net.roads()[roads[stop.road_at as usize].ix()].id.clone(),
                position: stop.position_m,
                dwell: stop.dwell_s,
                until: stop.until_s,
            });
        stops.collect()
    }
}

/// A template as the form writes it.
pub(crate) fn vehicle(t: &VehicleTemplate) -> VehicleFile {
    #[allow(clippy::float_cmp)] // exactly the form's own values
    let plain = t.speed_factor == 1.0 && t.dawdle_m_s2 == 0.0 && t.class.is_car();
    VehicleFile {
        length: t.length_m,
        width: t.width_m,
        max_pos_acc: t.max_pos_acc_m_s2,
        max_neg_acc: t.max_neg_acc_m_s2,
        usual_pos_acc: t.usual_pos_acc_m_s2,
        usual_neg_acc: t.usual_neg_acc_m_s2,
        min_gap: t.min_gap_m,
        max_speed: t.max_speed_m_s,
        headway_time: t.headway_s,
        conurb: (!plain).then_some(VehicleExt {
            speed_factor: t.speed_factor,
            dawdle: t.dawdle_m_s2,
            class: t.class,
        }),
        extra: Extra::new(),
    }
}
