//! Least-time routes over the roads of a synthetic city, and the load they put on its junctions.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::junction::{Movement, Turn, movements, phases};
use super::layout::Layout;

/// Saturation flow of a lane, vehicles per hour. A standing queue of generated cars discharges at
/// 1,650 in the engine (the Highway Capacity Manual's base value is 1,900); heavy vehicles and
/// uneven use of lanes take their part.
pub(crate) const SATURATION_VEH_H: f64 = 1400.0;
/// The cycle and the loss per stage (5 s clearance, 3 s start-up), seconds, that saturation is
/// reckoned with.
const CYCLE_S: f64 = 100.0;
const LOSS_PER_STAGE_S: f64 = 8.0;
/// Mean wait of a free junction by turn (through, left, right), seconds.
const WAIT_S: (f64, f64, f64) = (14.0, 24.0, 4.0);
/// Pace of the search's bound, waits included, m/s.
const PACE_M_S: f64 = 13.0;
/// How the wait grows with saturation X: 1 + a X^4, the form of the Bureau of Public Roads.
const WAIT_GROWTH: f64 = 3.0;

/// The junctions' movements and phases, by node.
pub(crate) struct Junctions {
    movements: Vec<Vec<Movement>>,
    phases: Vec<Vec<Vec<usize>>>,
    /// First index of each node's movements in a load vector.
    first: Vec<usize>,
}

impl Junctions {
    pub(crate) fn new(layout: &Layout) -> Self {
        let movements: Vec<_> = layout
            .nodes
            .iter()
            .map(|n| {
                if n.border {
                    Vec::new()
                } else {
                    movements(layout, n)
                }
            })
            .collect();
        let mut at = 0;
        let first = movements
            .iter()
            .map(|m| {
                at += m.len();
                at - m.len()
            })
            .collect();
        Self {
            phases: movements.iter().map(|m| phases(m)).collect(),
            movements,
            first,
        }
    }

    /// A load vector of zeros: vehicles per movement.
    pub(crate) fn no_load(&self) -> Vec<f64> {
        vec![0.0; self.movements.iter().map(Vec::len).sum()]
    }

    fn index(&self, layout: &Layout, from: u32, to: u32) -> Option<usize> {
        let node = layout.roads[from as usize].to as usize;
        let at = self.movements[node]
            .iter()
            .position(|m| m.start == from && m.end == to)?;
        Some(self.first[node] + at)
    }

    /// Adds a route driven by `veh` vehicles.
    pub(crate) fn add(&self, layout: &Layout, route: &[u32], veh: f64, load: &mut [f64]) {
        for pair in route.windows(2) {
            if let Some(at) = self.index(layout, pair[0], pair[1]) {
                load[at] += veh;
            }
        }
    }

    /// Degree of saturation of each junction under the load in vehicles per hour: critical flow
    /// ratios, left-turn phases first, over the share of the cycle that is green. Border nodes 0.
    pub(crate) fn saturation(&self, veh_h: &[f64]) -> Vec<f64> {
        (0..self.movements.len())
            .map(|node| self.saturation_of(node, veh_h))
            .collect()
    }

    /// The same for one junction.
    fn saturation_of(&self, node: usize, veh_h: &[f64]) -> f64 {
        #[allow(clippy::cast_precision_loss)] // a handful of lanes
        let mut rest: Vec<f64> = self.movements[node]
            .iter()
            .zip(&veh_h[self.first[node]..])
            .map(|(m, q)| match m.turn {
                Turn::Right => 0.0,
                _ => q / m.lane_count() as f64 / SATURATION_VEH_H,
            })
            .collect();
        let (mut sum, mut stages) = (0.0, 0.0);
        for phase in self.phases[node].iter().skip(1).rev() {
            let green = phase.iter().map(|&i| rest[i]).fold(0.0, f64::max);
            if green > 0.0 {
                stages += 1.0;
                sum += green;
                phase.iter().for_each(|&i| rest[i] -= green);
            }
        }
        sum / (1.0 - stages * LOSS_PER_STAGE_S / CYCLE_S)
    }

    /// Adds a route driven by `veh_h` vehicles an hour unless a junction on it would then exceed
    /// the saturation `cap`; says whether it did.
    pub(crate) fn add_within(
        &self,
        layout: &Layout,
        route: &[u32],
        veh_h: f64,
        cap: f64,
        load: &mut [f64],
    ) -> bool {
        self.add(layout, route, veh_h, load);
        let over = route[1..].iter().any(|&r| {
            let node = layout.roads[r as usize].from as usize;
            self.saturation_of(node, load) > cap
        });
        if over {
            self.add(layout, route, -veh_h, load);
        }
        !over
    }
}

#[derive(PartialEq)]
struct Label {
    bound_s: f64,
    cost_s: f64,
    road: u32,
}

impl Eq for Label {}

impl Ord for Label {
    fn cmp(&self, other: &Self) -> Ordering {
        // Smallest bound first; the road breaks ties, so that the order is total.
        other
            .bound_s
            .total_cmp(&self.bound_s)
            .then(other.road.cmp(&self.road))
    }
}

impl PartialOrd for Label {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Reusable working memory of [`Costs::route`].
pub(crate) struct Search {
    /// Best cost, the road before, and the search it was written in.
    best: Vec<(f64, u32, u32)>,
    epoch: u32,
}

impl Search {
    pub(crate) fn new(layout: &Layout) -> Self {
        Self {
            best: vec![(0.0, 0, 0); layout.roads.len()],
            epoch: 0,
        }
    }
}

/// Travel times: driving at the limit and waiting at junctions.
pub(crate) struct Costs<'a> {
    layout: &'a Layout,
    /// Factor on the wait, by node.
    wait: Vec<f64>,
}

impl<'a> Costs<'a> {
    /// Costs at the saturation of each node.
    pub(crate) fn new(layout: &'a Layout, saturation: &[f64]) -> Self {
        Self {
            layout,
            wait: saturation
                .iter()
                .map(|x| 1.0 + WAIT_GROWTH * x.powi(4))
                .collect(),
        }
    }

    fn drive_s(&self, road: u32) -> f64 {
        let r = &self.layout.roads[road as usize];
        r.length_m / r.class.speed_m_s()
    }

    fn turn_s(&self, from: u32, to: u32) -> f64 {
        let (a, b) = (
            &self.layout.roads[from as usize],
            &self.layout.roads[to as usize],
        );
        let wait = match (b.dir + 4 - a.dir) % 4 {
            0 => WAIT_S.0,
            1 => WAIT_S.1,
            _ => WAIT_S.2,
        };
        wait * self.wait[a.to as usize]
    }

    /// A quick route from road `from` to road `to`, both included; `None` when there is none. A*
    /// bounded by the distance along the grid at an optimistic pace; since streets bend a little it
    /// may miss the very quickest by a few seconds, as drivers do.
    pub(crate) fn route(&self, from: u32, to: u32, search: &mut Search) -> Option<Vec<u32>> {
        let layout = self.layout;
        let goal = &layout.nodes[layout.roads[to as usize].from as usize];
        let bound = |road: u32| {
            let n = &layout.nodes[layout.roads[road as usize].to as usize];
            ((n.x - goal.x).abs() + (n.y - goal.y).abs()) / PACE_M_S
        };
        search.epoch += 1;
        let epoch = search.epoch;
        search.best[from as usize] = (0.0, from, epoch);
        let mut open = BinaryHeap::from([Label {
            bound_s: bound(from),
            cost_s: 0.0,
            road: from,
        }]);
        while let Some(label) = open.pop() {
            if label.road == to {
                let mut route = vec![to];
                let mut at = to;
                while at != from {
                    at = search.best[at as usize].1;
                    route.push(at);
                }
                route.reverse();
                return Some(route);
            }
            if label.cost_s > search.best[label.road as usize].0 {
                continue;
            }
            for next in layout.next_roads(label.road) {
                let cost_s = label.cost_s + self.turn_s(label.road, next) + self.drive_s(next);
                let known = search.best[next as usize];
                if known.2 != epoch || cost_s < known.0 {
                    search.best[next as usize] = (cost_s, label.road, epoch);
                    let rest = if next == to { 0.0 } else { bound(next) };
                    open.push(Label {
                        bound_s: cost_s + rest,
                        cost_s,
                        road: next,
                    });
                }
            }
        }
        None
    }
}
