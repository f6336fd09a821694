//! Time over a road as a function of its flow.

use crate::network::{Junction, Network};
use crate::routing::free_road_s;

/// Saturation flow of a lane, vehicles an hour: what standing queues of the twin discharge at, less
/// the share of heavy vehicles and uneven use of lanes (as generated cities reckon).
const SATURATION_VEH_H: f64 = 1_400.0;
/// Capacity of a lane without a signal at its end, vehicles an hour (Highway Capacity Manual 2016,
/// interrupted flow, base saturation 1,900 less the same part).
const FREE_LANE_VEH_H: f64 = 1_800.0;
/// The function of the Bureau of Public Roads (1964).
const BPR: (f64, f64) = (0.15, 4.0);

/// `free_s + rise_s (flow / capacity)^power`.
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

    /// BPR costs of every road: free-flow time and the mean wait of an empty signal, capacity by
    /// lanes and the share of green in the network's own programme.
    #[must_use]
    pub fn bpr(net: &Network) -> Vec<Self> {
        let free_s = free_road_s(net);
        let roads = net.roads.iter().zip(free_s).enumerate();
        roads
            .map(|(n, (road, drive_s))| {
                let end = &net.junctions[road.to.ix()];
                let leaving = (0..).zip(&end.road_links);
                let of_road = leaving.filter(|(_, link)| link.from.ix() == n);
                let (mut share, mut wait_s, mut count) = (0.0, 0.0, 0.0);
                for (link, _) in of_road {
                    let green = Green::of(end, link);
                    share += green.share();
                    wait_s += green.wait_s();
                    count += 1.0;
                }
                #[allow(clippy::cast_precision_loss)] // at most 64 lanes
                let lanes = road.lanes.len() as f64;
                let signals = end.phases.len() > 1 && count > 0.0;
                let (capacity, wait_s) = if signals {
                    let share = f64::max(share / count, 0.05);
                    (lanes * SATURATION_VEH_H * share, wait_s / count)
                } else {
                    (lanes * FREE_LANE_VEH_H, 0.0)
                };
                let free_s = drive_s + wait_s;
                Self {
                    free_s,
                    rise_s: BPR.0 * free_s,
                    capacity_veh_h: capacity,
                    power: BPR.1,
                }
            })
            .collect()
    }
}

/// Green of a movement in a cycle of its junction's programme, s.
#[derive(Debug, Clone, Copy)]
pub(super) struct Green {
    green_s: f64,
    cycle_s: f64,
}

impl Green {
    pub(super) fn of(junction: &Junction, road_link: u32) -> Self {
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
