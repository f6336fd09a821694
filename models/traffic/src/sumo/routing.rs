//! Fastest ways over an empty network, as SUMO routes trips when they are loaded.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::ids::{NONE, RoadIx};
use crate::network::Network;

/// Time added for a connection without signal that gives way, s (SUMO's `weights.minor-penalty`).
const MINOR_S: f64 = 1.5;

pub(super) struct Router {
    /// Free-flow time of each road, s.
    road_s: Vec<f64>,
    /// Ways on from each road: road and time through the junction, s.
    next: Vec<Vec<(u32, f64)>>,
    label: Vec<f64>,
    before: Vec<u32>,
    touched: Vec<usize>,
}

#[derive(PartialEq)]
struct Open {
    cost_s: f64,
    road: u32,
}

impl Eq for Open {}

impl Ord for Open {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_cost = other.cost_s.total_cmp(&self.cost_s);
        by_cost.then_with(|| other.road.cmp(&self.road))
    }
}

impl PartialOrd for Open {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Router {
    pub(super) fn new(net: &Network) -> Self {
        let road_s = net.roads.iter().map(|road| {
            let lanes = road.lanes.iter().map(|l| &net.lanes[l.ix()]);
            lanes
                .map(|l| l.length_m / l.max_speed_m_s)
                .fold(f64::INFINITY, f64::min)
        });
        let mut next: Vec<Vec<(u32, f64)>> = vec![Vec::new(); net.roads.len()];
        for junction in &net.junctions {
            let signals = junction.phases.len() > 1;
            for (n, road_link) in (0..).zip(&junction.road_links) {
                let minor = !signals && junction.phases.iter().any(|p| p.yields.contains(&n));
                let through = road_link.links.iter().map(|l| {
                    let link = &net.links[l.ix()];
                    link.length_m / link.max_speed_m_s
                });
                let through_s = through.fold(f64::INFINITY, f64::min);
                let penalty_s = if minor { MINOR_S } else { 0.0 };
                let ways = &mut next[road_link.from.ix()];
                let cost_s = through_s + penalty_s;
                match ways.iter_mut().find(|(to, _)| *to == road_link.to.0) {
                    Some(known) => known.1 = known.1.min(cost_s),
                    None => ways.push((road_link.to.0, cost_s)),
                }
            }
        }
        Self {
            road_s: road_s.collect(),
            next,
            label: vec![f64::INFINITY; net.roads.len()],
            before: vec![NONE; net.roads.len()],
            touched: Vec::new(),
        }
    }

    /// Takes these times over the roads from now on, s.
    pub(super) fn set_road_s(&mut self, road_s: &[f64]) {
        self.road_s.clear();
        self.road_s.extend_from_slice(road_s);
    }

    /// The fastest way over all stops in order; none if two of them are not joined.
    pub(super) fn through(&mut self, stops: &[RoadIx]) -> Option<Vec<RoadIx>> {
        let mut roads = vec![*stops.first()?];
        for pair in stops.windows(2).filter(|p| p[0] != p[1]) {
            roads.extend_from_slice(&self.fastest(pair[0], pair[1])?[1..]);
        }
        Some(roads)
    }

    /// True where a lane link leads from one road to the other.
    pub(super) fn joined(&self, from: RoadIx, to: RoadIx) -> bool {
        self.next[from.ix()].iter().any(|(road, _)| *road == to.0)
    }

    /// The roads of the fastest way, both ends included.
    pub(super) fn fastest(&mut self, from: RoadIx, to: RoadIx) -> Option<Vec<RoadIx>> {
        for road in self.touched.drain(..) {
            self.label[road] = f64::INFINITY;
            self.before[road] = NONE;
        }
        let mut open = BinaryHeap::new();
        self.label[from.ix()] = 0.0;
        self.touched.push(from.ix());
        open.push(Open {
            cost_s: 0.0,
            road: from.0,
        });
        while let Some(Open { cost_s, road }) = open.pop() {
            if road == to.0 {
                return Some(self.trace(to));
            }
            if cost_s > self.label[road as usize] {
                continue;
            }
            for (next, through_s) in &self.next[road as usize] {
                let label = cost_s + through_s + self.road_s[*next as usize];
                let known = &mut self.label[*next as usize];
                if label < *known {
                    if known.is_infinite() {
                        self.touched.push(*next as usize);
                    }
                    *known = label;
                    self.before[*next as usize] = road;
                    open.push(Open {
                        cost_s: label,
                        road: *next,
                    });
                }
            }
        }
        None
    }

    fn trace(&self, to: RoadIx) -> Vec<RoadIx> {
        let mut way = vec![to];
        let mut road = self.before[to.ix()];
        while road != NONE {
            way.push(RoadIx(road));
            road = self.before[road as usize];
        }
        way.reverse();
        way
    }
}
