//! Trips routed by the traffic they find when they depart, as SUMO does.
//!
//! SUMO equips trips without a route with its rerouting device, which takes the fastest way at the
//! mean speeds of the last minutes. Here the twin runs once over the whole demand, a piece of time
//! at a time; the trips of a piece are routed by the speeds before it.

use std::collections::HashMap;
use std::sync::Arc;

use super::demand::SumoDemand;
use crate::assignment::RouteTable;
use crate::demand::{Demand, Flow};
use crate::error::TrafficError;
use crate::network::Network;
use crate::routing::Router;
use crate::sim::{Signals, Sim, SimOptions, State};

/// Seconds whose mean speeds count (SUMO's `device.rerouting.adaptation-steps` of 1 s).
const MEMORY_S: usize = 180;
/// Trips of so many seconds are routed at once; SUMO routes each by the second before it.
const PIECE_S: i64 = 30;
/// A standing road costs as if driven at this speed, m/s.
const CRAWL_M_S: f64 = 0.1;

/// Routes all trips again by the traffic at their departure; vehicles with a route keep it.
///
/// Runs the twin once with `seed` and the network's own programmes up to the last departure.
pub fn route_by_traffic(
    net: &Arc<Network>,
    demand: &SumoDemand,
    seed: u32,
) -> Result<SumoDemand, TrafficError> {
    let mut flows: Vec<Flow> = Vec::with_capacity(demand.ids.len());
    let mut table = RouteTable::default();
    let mut router = Router::by_time(net);
    let mut speeds = Speeds::new(net);
    let mut state: Option<State> = None;
    let all = demand.demand.flows();
    let mut from_s = 0;
    while flows.len() < all.len() {
        router.set_road_cost(&speeds.road_s(net));
        let mut known = HashMap::new();
        for flow in all[flows.len()..]
            .iter()
            .take_while(|f| f.start_s < from_s + PIECE_S)
        {
            let via = &demand.via[flows.len()];
            let given = &demand.demand.routes()[flow.route as usize];
            let route = if via.is_empty() {
                given.clone()
            } else {
                let way = known.entry(via.as_slice());
                way.or_insert_with(|| router.through(via).unwrap_or_else(|| given.clone()))
                    .clone()
            };
            let route = table.number(route);
            flows.push(Flow {
                route,
                ..flow.clone()
            });
        }
        let so_far = demand_of(&table, flows.clone(), &demand.demand);
        let options = SimOptions {
            seed,
            signals: Signals::Programme,
            ..SimOptions::default()
        };
        let mut sim = Sim::new(Arc::clone(net), Arc::new(so_far), options)?;
        if let Some(state) = &state {
            sim.restore(state)?;
        }
        for _ in 0..PIECE_S {
            sim.step();
            speeds.record(net, &sim);
        }
        state = Some(sim.state().clone());
        from_s += PIECE_S;
    }
    Ok(SumoDemand {
        demand: demand_of(&table, flows, &demand.demand),
        ids: demand.ids.clone(),
        outside: demand.outside,
        unmodelled: demand.unmodelled.clone(),
        via: demand.via.clone(),
    })
}

/// A demand of these flows with what the other has besides.
fn demand_of(table: &RouteTable, flows: Vec<Flow>, like: &Demand) -> Demand {
    Demand::of(
        flows,
        like.templates().to_vec(),
        table.all().to_vec(),
        like.notes().to_vec(),
    )
    .with_stops(like.stop_lists().to_vec())
}

/// Mean speed of each road in each of the last seconds, and their sums.
struct Speeds {
    limit_m_s: Vec<f64>,
    last: std::collections::VecDeque<Vec<f64>>,
    sum: Vec<f64>,
}

impl Speeds {
    fn new(net: &Network) -> Self {
        let limit = |road: &crate::network::Road| {
            let lanes = road.lanes.iter().map(|l| net.lanes[l.ix()].max_speed_m_s);
            lanes.fold(0.0, f64::max)
        };
        let limit_m_s: Vec<f64> = net.roads.iter().map(limit).collect();
        #[allow(clippy::cast_precision_loss)] // 180
        let sum = limit_m_s.iter().map(|v| v * MEMORY_S as f64).collect();
        Self {
            last: std::iter::repeat_n(limit_m_s.clone(), MEMORY_S).collect(),
            limit_m_s,
            sum,
        }
    }

    fn record(&mut self, net: &Network, sim: &Sim) {
        let mut now = vec![(0.0, 0.0); net.roads.len()];
        for v in sim.vehicles() {
            if let Some(lane) = net.as_lane(v.drivable) {
                let (sum, count) = &mut now[net.lanes[lane.ix()].road.ix()];
                *sum += v.speed_m_s;
                *count += 1.0;
            }
        }
        let mut oldest = self.last.pop_front().unwrap_or_default();
        for (r, (sum, count)) in now.into_iter().enumerate() {
            let speed = if count > 0.0 {
                sum / count
            } else {
                self.limit_m_s[r]
            };
            self.sum[r] += speed - oldest[r];
            oldest[r] = speed;
        }
        self.last.push_back(oldest);
    }

    /// Time over each road at its mean speed, never below free flow, s.
    fn road_s(&self, net: &Network) -> Vec<f64> {
        let roads = net.roads.iter().zip(self.sum.iter().zip(&self.limit_m_s));
        roads
            .map(|(road, (sum, limit))| {
                #[allow(clippy::cast_precision_loss)] // 180
                let mean = (sum / MEMORY_S as f64).clamp(CRAWL_M_S, limit.max(CRAWL_M_S));
                net.lanes[road.lanes[0].ix()].length_m / mean
            })
            .collect()
    }
}
