//! Static assignment: incremental, and user equilibrium by the method of successive averages.

use std::collections::BTreeMap;

use serde::Serialize;

use super::cost::{RoadCost, TurnCost};
use crate::error::TrafficError;
use crate::ids::RoadIx;
use crate::network::Network;
use crate::routing::{Ask, Graph, free_road_s, ways};

/// Most slices or iterations.
const ROUNDS_MAX: u32 = 100_000;
/// Flows below this share of a pair's are left out, vehicles an hour.
const FLOW_MIN_VEH_H: f64 = 1e-9;

/// Steady trips between two roads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// First road.
    pub from: RoadIx,
    /// Last road.
    pub to: RoadIx,
    /// Vehicles an hour.
    pub flow_veh_h: f64,
}

/// What one iteration came to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct StaticRound {
    /// From 1.
    pub round: u32,
    /// (time of all on their routes / time of all on the quickest routes) - 1, before the step.
    pub relative_gap: f64,
    /// Vehicle-hours an hour.
    pub total_time_veh_h: f64,
}

/// Flow on one route of a pair.
#[derive(Debug, Clone, PartialEq)]
pub struct RouteFlow {
    /// Number of the pair.
    pub pair: usize,
    /// Roads, both ends included.
    pub roads: Vec<RoadIx>,
    /// Vehicles an hour.
    pub flow_veh_h: f64,
}

/// A static assignment.
#[derive(Debug, Clone, PartialEq)]
pub struct StaticAssignment {
    /// Routes with flow, by pair.
    pub routes: Vec<RouteFlow>,
    /// Flow by road, vehicles an hour.
    pub road_flow_veh_h: Vec<f64>,
    /// Iteration by iteration; the last one describes the result.
    pub rounds: Vec<StaticRound>,
}

/// Flows of all pairs on their routes, under way.
struct Loading<'a> {
    graph: Graph,
    costs: &'a [RoadCost],
    /// By movement; none: junctions take their free-flow time.
    turns: Option<Vec<TurnCost>>,
    pairs: &'a [Pair],
    routes: Vec<BTreeMap<Vec<RoadIx>, f64>>,
    flow_veh_h: Vec<f64>,
    turn_veh_h: Vec<f64>,
}

/// Times at the present flows, s.
struct Now {
    road_s: Vec<f64>,
    turn_s: Vec<f64>,
}

impl<'a> Loading<'a> {
    fn new(
        net: &Network,
        costs: &'a [RoadCost],
        pairs: &'a [Pair],
        rounds: u32,
    ) -> Result<Self, TrafficError> {
        let refuse = |what, message| Err(TrafficError::Option { what, message });
        if costs.len() != net.roads.len() {
            return refuse(
                "costs",
                format!("{} costs for {} roads", costs.len(), net.roads.len()),
            );
        }
        if !(1..=ROUNDS_MAX).contains(&rounds) {
            return refuse("rounds", format!("{rounds} is not 1 to {ROUNDS_MAX}"));
        }
        let fine = |p: &&Pair| p.flow_veh_h.is_finite() && p.flow_veh_h >= 0.0 && p.from != p.to;
        if let Some(n) = pairs.iter().position(|p| !fine(&p)) {
            return refuse("pairs", format!("pair {n} has no flow or one road only"));
        }
        let graph = Graph::by_time(net);
        Ok(Self {
            turn_veh_h: vec![0.0; graph.ways().len()],
            graph,
            costs,
            turns: None,
            pairs,
            routes: vec![BTreeMap::new(); pairs.len()],
            flow_veh_h: vec![0.0; net.roads.len()],
        })
    }

    fn now(&self) -> Now {
        let roads = self.costs.iter().zip(&self.flow_veh_h);
        let turn_s = match &self.turns {
            Some(turns) => (turns.iter().zip(&self.turn_veh_h))
                .map(|(cost, flow)| cost.time_s(*flow))
                .collect(),
            None => self.graph.ways().iter().map(|w| w.through).collect(),
        };
        Now {
            road_s: roads.map(|(cost, flow)| cost.time_s(*flow)).collect(),
            turn_s,
        }
    }

    /// The quickest route of each pair at the present flows.
    fn quickest(&self, net: &Network, now: &Now) -> Result<Vec<Vec<RoadIx>>, TrafficError> {
        let ask = |p: &Pair| Ask {
            from: p.from,
            to: p.to,
            start_s: 0.0,
        };
        let asks: Vec<Ask> = self.pairs.iter().map(ask).collect();
        let found = ways(&self.graph, &asks, |way, from, _| {
            now.road_s[from as usize] + now.turn_s[way]
        });
        let pairs = self.pairs.iter().zip(found);
        pairs
            .map(|(pair, way)| way.ok_or_else(|| unreachable_pair(net, pair.from, pair.to)))
            .collect()
    }

    fn route_s(&self, roads: &[RoadIx], now: &Now) -> f64 {
        let through = roads.windows(2).map(|p| {
            let way = self.graph.way(p[0], p[1]);
            way.map_or(0.0, |w| now.turn_s[w])
        });
        through.sum::<f64>() + roads.iter().map(|r| now.road_s[r.ix()]).sum::<f64>()
    }

    /// Moves every pair's flow by `step` towards one route.
    fn shift(&mut self, towards: Vec<Vec<RoadIx>>, step: f64) {
        for ((routes, pair), best) in self.routes.iter_mut().zip(self.pairs).zip(towards) {
            routes.values_mut().for_each(|flow| *flow *= 1.0 - step);
            *routes.entry(best).or_default() += step * pair.flow_veh_h;
        }
        self.load();
    }

    /// Puts the same part of every pair's flow on one route more.
    fn add(&mut self, towards: Vec<Vec<RoadIx>>, share: f64) {
        for ((routes, pair), best) in self.routes.iter_mut().zip(self.pairs).zip(towards) {
            *routes.entry(best).or_default() += share * pair.flow_veh_h;
        }
        self.load();
    }

    fn load(&mut self) {
        self.flow_veh_h.fill(0.0);
        self.turn_veh_h.fill(0.0);
        for (roads, flow) in self.routes.iter().flatten() {
            for road in roads {
                self.flow_veh_h[road.ix()] += flow;
            }
            for pair in roads.windows(2) {
                if let Some(way) = self.graph.way(pair[0], pair[1]) {
                    self.turn_veh_h[way] += flow;
                }
            }
        }
    }

    fn measure(&self, round: u32, best: &[Vec<RoadIx>], now: &Now) -> StaticRound {
        let (mut all, mut least) = (0.0, 0.0);
        for ((routes, pair), best) in self.routes.iter().zip(self.pairs).zip(best) {
            let each = routes.iter().map(|(roads, f)| f * self.route_s(roads, now));
            all += each.sum::<f64>();
            least += pair.flow_veh_h * self.route_s(best, now);
        }
        StaticRound {
            round,
            relative_gap: if least > 0.0 { all / least - 1.0 } else { 0.0 },
            total_time_veh_h: all / 3600.0,
        }
    }

    fn finish(self, rounds: Vec<StaticRound>) -> StaticAssignment {
        let all = self.routes.into_iter().enumerate();
        let routes = all.flat_map(|(pair, routes)| {
            let used = routes
                .into_iter()
                .filter(|(_, flow)| *flow > FLOW_MIN_VEH_H);
            used.map(move |(roads, flow_veh_h)| RouteFlow {
                pair,
                roads,
                flow_veh_h,
            })
        });
        StaticAssignment {
            routes: routes.collect(),
            road_flow_veh_h: self.flow_veh_h,
            rounds,
        }
    }
}

/// A pair that no way joins.
pub(super) fn unreachable_pair(net: &Network, from: RoadIx, to: RoadIx) -> TrafficError {
    TrafficError::Disconnected {
        at: super::table::place("demand", None, None),
        from: net.roads[from.ix()].id.clone(),
        to: net.roads[to.ix()].id.clone(),
    }
}

/// Assigns the flows in equal slices, each to the routes that are quickest after those before it.
///
/// # Errors
/// Where a pair has no way, or the options are out of range.
pub fn assign_incremental(
    net: &Network,
    costs: &[RoadCost],
    pairs: &[Pair],
    slices: u32,
) -> Result<StaticAssignment, TrafficError> {
    fill(net, Loading::new(net, costs, pairs, slices)?, slices)
}

/// The same with the network's own signals and lanes: free flow over roads, queues at movements.
/// `period_h` is how long the flows last.
pub(super) fn assign_by_turns(
    net: &Network,
    pairs: &[Pair],
    period_h: f64,
    slices: u32,
) -> Result<StaticAssignment, TrafficError> {
    let free = |free_s| RoadCost {
        free_s,
        rise_s: 0.0,
        capacity_veh_h: 1.0,
        power: 1.0,
    };
    let costs: Vec<RoadCost> = free_road_s(net).into_iter().map(free).collect();
    let mut loading = Loading::new(net, &costs, pairs, slices)?;
    loading.turns = Some(TurnCost::of(net, &loading.graph, period_h));
    fill(net, loading, slices)
}

fn fill(
    net: &Network,
    mut loading: Loading<'_>,
    slices: u32,
) -> Result<StaticAssignment, TrafficError> {
    for _ in 0..slices {
        let best = loading.quickest(net, &loading.now())?;
        loading.add(best, 1.0 / f64::from(slices));
    }
    let now = loading.now();
    let best = loading.quickest(net, &now)?;
    let last = loading.measure(slices, &best, &now);
    Ok(loading.finish(vec![last]))
}

/// User equilibrium (Wardrop 1952): the step towards the quickest routes is 1 / round (method of
/// successive averages; Sheffi 1985, ch. 5), until the relative gap is at most `gap` or `rounds` are
/// done.
///
/// # Errors
/// Where a pair has no way, or the options are out of range.
pub fn assign_equilibrium(
    net: &Network,
    costs: &[RoadCost],
    pairs: &[Pair],
    gap: f64,
    rounds: u32,
) -> Result<StaticAssignment, TrafficError> {
    let mut loading = Loading::new(net, costs, pairs, rounds)?;
    let mut done = Vec::new();
    let first = loading.quickest(net, &loading.now())?;
    loading.shift(first, 1.0);
    for round in 1..=rounds {
        let now = loading.now();
        let best = loading.quickest(net, &now)?;
        let measured = loading.measure(round, &best, &now);
        done.push(measured);
        if measured.relative_gap <= gap || round == rounds {
            break;
        }
        loading.shift(best, 1.0 / f64::from(round + 1));
    }
    Ok(loading.finish(done))
}
