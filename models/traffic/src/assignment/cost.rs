//! Time over a road or a movement as a function of its flow.

use crate::network::{Junction, Network};
use crate::routing::Graph;

/// Saturation flow of a lane, vehicles an hour: what standing queues of the twin discharge at, less
/// the share of heavy vehicles and uneven use of lanes (as generated cities reckon).
const SATURATION_VEH_H: f64 = 1_400.0;
/// Capacity of a lane without a signal at its end, vehicles an hour (Highway Capacity Manual 2016,
/// interrupted flow, base saturation 1,900 less the same part).
const FREE_LANE_VEH_H: f64 = 1_800.0;
/// Least share of green that is reckoned with: a movement that is never green is not in the programme.
const GREEN_MIN: f64 = 0.02;

/// `free_s + rise_s (flow / capacity)^power`: the form of the Bureau of Public Roads (1964).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RoadCost {
    /// Without traffic, s.
    pub free_s: f64,
    /// More at capacity, s.
    pub rise_s: f64,
    /// Vehicles an hour.
    pub capacity_veh_h: f64,
    /// Power of the flow ratio.
    pub power: f64,
}

impl RoadCost {
    /// At a flow in vehicles an hour, s.
    #[must_use]
    pub fn time_s(&self, flow_veh_h: f64) -> f64 {
        self.free_s + self.rise_s * (flow_veh_h / self.capacity_veh_h).powf(self.power)
    }
}

/// Time through a movement: the mean wait of an empty signal, and the delay of queues that random
/// arrivals and too much traffic leave behind (Highway Capacity Manual 2016, incremental delay).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct TurnCost {
    free_s: f64,
    capacity_veh_h: f64,
    period_h: f64,
}

impl TurnCost {
    /// At a flow in vehicles an hour, s: `900 T (X - 1 + sqrt((X - 1)^2 + 4 X / (c T)))` more than
    /// free.
    pub(super) fn time_s(&self, flow_veh_h: f64) -> f64 {
        let (over, t) = (flow_veh_h / self.capacity_veh_h - 1.0, self.period_h);
        let random = 4.0 * (over + 1.0) / (self.capacity_veh_h * t);
        self.free_s + 900.0 * t * (over + (over * over + random).sqrt())
    }

    /// Of every movement, where demand lasts `period_h`. A lane's capacity is shared evenly by the
    /// roads it leads to.
    pub(super) fn of(net: &Network, graph: &Graph, period_h: f64) -> Vec<Self> {
        let mut lanes = vec![0.0; graph.ways().len()];
        for (n, road) in net.roads.iter().enumerate() {
            for lane in road.lanes.iter().map(|l| &net.lanes[l.ix()]) {
                let to = |link: &crate::ids::LinkIx| net.lanes[net.links[link.ix()].to.ix()].road;
                let mut ways: Vec<usize> = (lane.links.iter())
                    .filter_map(|link| graph.way(crate::ids::RoadIx::of(n), to(link)))
                    .collect();
                ways.sort_unstable();
                ways.dedup();
                #[allow(clippy::cast_precision_loss)] // a handful
                let share = 1.0 / ways.len().max(1) as f64;
                ways.iter().for_each(|way| lanes[*way] += share);
            }
        }
        let greens = greens(net, graph);
        let ways = graph.ways().iter().zip(lanes).zip(greens);
        ways.map(|((way, lanes), green)| {
            let lane_veh_h = green.map_or(FREE_LANE_VEH_H, |g| {
                SATURATION_VEH_H * g.share().max(GREEN_MIN)
            });
            Self {
                free_s: way.through + green.map_or(0.0, Green::wait_s),
                capacity_veh_h: lane_veh_h * f64::max(lanes, 0.1),
                period_h,
            }
        })
        .collect()
    }
}

/// The signal of every movement, the greenest where it has several; none without signals.
pub(super) fn greens(net: &Network, graph: &Graph) -> Vec<Option<Green>> {
    let mut all = vec![None; graph.ways().len()];
    for junction in net.junctions.iter().filter(|j| j.phases.len() > 1) {
        for (n, link) in (0..).zip(&junction.road_links) {
            let Some(way) = graph.way(link.from, link.to) else {
                continue;
            };
            let green = Green::of(junction, n);
            let best = all[way].is_none_or(|g: Green| g.green_s < green.green_s);
            if best {
                all[way] = Some(green);
            }
        }
    }
    all
}

/// Green of a movement in a cycle of its junction's programme, s.
#[derive(Debug, Clone, Copy)]
pub(super) struct Green {
    green_s: f64,
    cycle_s: f64,
}

impl Green {
    fn of(junction: &Junction, road_link: u32) -> Self {
        let has = |p: &&crate::network::Phase| p.road_links.contains(&road_link);
        Self {
            green_s: junction.phases.iter().filter(has).map(|p| p.time_s).sum(),
            cycle_s: junction.phases.iter().map(|p| p.time_s).sum(),
        }
    }

    fn share(self) -> f64 {
        if self.cycle_s > 0.0 {
            self.green_s / self.cycle_s
        } else {
            1.0
        }
    }

    /// Mean wait of one who arrives at any time and meets nobody, s: Webster's first term (1958) at
    /// no flow, one red a cycle.
    pub(super) fn wait_s(self) -> f64 {
        if self.cycle_s > 0.0 {
            (self.cycle_s - self.green_s).powi(2) / (2.0 * self.cycle_s)
        } else {
            0.0
        }
    }
}
