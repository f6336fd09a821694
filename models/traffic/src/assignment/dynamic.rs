//! Dynamic user equilibrium by repeated runs of the twin.
//!
//! Every round runs the twin, takes the time over every movement by time of day, finds for each pair
//! and time of departure the quickest route at these times, and lets a falling share of the vehicles
//! with a slower one change to it: the method of successive averages on single vehicles (Peeta and
//! Mahmassani 1995; relative gap as in Chiu et al. 2011, Dynamic Traffic Assignment: A Primer).

use std::collections::{BTreeMap, BTreeSet};

use conurb_base::stream;
use serde::Serialize;

use super::observe::{Ran, Times};
use super::od::OdMatrix;
use super::trips::{RouteTable, Trip};
use crate::citygen::unit;
use crate::error::TrafficError;
use crate::ids::RoadIx;
use crate::network::Network;
use crate::routing::{Ask, ways};

/// Most rounds.
pub(super) const ROUNDS_MAX: u32 = 1_000;
/// A route within this share of the quickest one is kept: measured times are no truer than that.
const INDIFFERENT: f64 = 0.005;

/// How to look for the equilibrium.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DynamicOptions {
    /// Runs of the twin at most, 1 to 1,000.
    pub rounds: u32,
    /// Relative gap at which to stop.
    pub gap: f64,
}

impl Default for DynamicOptions {
    fn default() -> Self {
        Self {
            rounds: 20,
            gap: 0.02,
        }
    }
}

/// What one run came to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct DynamicRound {
    /// From 1.
    pub round: u32,
    /// (time of all on their routes / time of all on the quickest known routes) - 1, at the times of
    /// this run.
    pub relative_gap: f64,
    /// Vehicles that change route after it.
    pub changed: usize,
    /// The run itself.
    #[serde(flatten)]
    pub ran: Ran,
}

/// Vehicles and the routes they may take.
pub(super) struct Choice {
    pub(super) trips: Vec<Trip>,
    pub(super) table: RouteTable,
    /// Route by trip.
    pub(super) route: Vec<u32>,
    /// Trips that got another road of their zone, because no way joined those drawn.
    pub(super) moved: usize,
    /// Known routes by pair of roads.
    known: BTreeMap<(RoadIx, RoadIx), BTreeSet<u32>>,
}

impl Choice {
    /// Every trip on the way that is quickest at these times.
    pub(super) fn quickest(
        net: &Network,
        od: &OdMatrix,
        trips: Vec<Trip>,
        times: &Times,
    ) -> Result<Self, TrafficError> {
        let mut choice = Self {
            route: Vec::with_capacity(trips.len()),
            trips,
            table: RouteTable::default(),
            moved: 0,
            known: BTreeMap::new(),
        };
        // Pairs that no way joins, with what is taken instead.
        let mut instead: BTreeMap<(u32, RoadIx, RoadIx), Ask> = BTreeMap::new();
        for (n, way) in choice.ways(times).into_iter().enumerate() {
            let way = match way {
                Some(way) => way,
                None => choice.move_end(net, od, n, times, &mut instead)?,
            };
            let trip = choice.trips[n];
            let route = choice.learn(&trip, way);
            choice.route.push(route);
        }
        Ok(choice)
    }

    /// Gives a trip whose roads no way joins another road of its zones, the end first.
    fn move_end(
        &mut self,
        net: &Network,
        od: &OdMatrix,
        n: usize,
        times: &Times,
        instead: &mut BTreeMap<(u32, RoadIx, RoadIx), Ask>,
    ) -> Result<Vec<RoadIx>, TrafficError> {
        let trip = self.trips[n];
        let start_s = times.middle_s(trip.depart_s);
        let cost = |way: usize, _: u32, now_s: f64| times.way_s(way, now_s);
        let key = (trip.cell, trip.from, trip.to);
        let first = |asks: Vec<Ask>| {
            let found = ways(&times.graph, &asks, cost);
            let mut found = asks.into_iter().zip(found);
            found.find_map(|(ask, way)| Some((ask, way?)))
        };
        let ask = |(from, to)| Ask { from, to, start_s };
        let known = instead.get(&key).map(|k| vec![ask((k.from, k.to))]);
        let found = known.and_then(first).or_else(|| {
            let [ends, starts] = od.other_roads(&trip);
            let asks = |pairs: Vec<(RoadIx, RoadIx)>| pairs.into_iter().map(ask).collect();
            first(asks(ends)).or_else(|| first(asks(starts)))
        });
        let Some((ask, way)) = found else {
            return Err(od.unreachable(net, &trip));
        };
        instead.insert(key, ask);
        self.moved += 1;
        (self.trips[n].from, self.trips[n].to) = (ask.from, ask.to);
        Ok(way)
    }

    /// The quickest way of each trip at these times; trips of one interval share it.
    fn ways(&self, times: &Times) -> Vec<Option<Vec<RoadIx>>> {
        let ask = |t: &Trip| Ask {
            from: t.from,
            to: t.to,
            start_s: times.middle_s(t.depart_s),
        };
        let asks: Vec<Ask> = self.trips.iter().map(ask).collect();
        ways(&times.graph, &asks, |way, _, now_s| times.way_s(way, now_s))
    }

    /// The number of a route, known to its pair from now on.
    pub(super) fn learn(&mut self, trip: &Trip, way: Vec<RoadIx>) -> u32 {
        let route = self.table.number(way);
        let known = self.known.entry((trip.from, trip.to)).or_default();
        known.insert(route);
        route
    }

    /// Learns the quickest routes at these times; gives the time of each trip on its own route and
    /// on the quickest known one, with that one's number.
    pub(super) fn compare(&mut self, times: &Times) -> Vec<(f64, f64, u32)> {
        for (n, way) in self.ways(times).into_iter().enumerate() {
            if let Some(way) = way {
                let trip = self.trips[n];
                self.learn(&trip, way);
            }
        }
        let each = self.trips.iter().zip(&self.route).map(|(trip, route)| {
            let time_s = |route: u32| {
                let roads = &self.table.all()[route as usize];
                times.route_s(roads, trip.depart_s)
            };
            let own_s = time_s(*route);
            let known = &self.known[&(trip.from, trip.to)];
            let (best_s, best) = (known.iter())
                .map(|r| (time_s(*r), *r))
                .fold((own_s, *route), |a, b| if b.0 < a.0 { b } else { a });
            (own_s, best_s, best)
        });
        each.collect()
    }

    /// Lets vehicles change to their quickest route, each with the chance `step`.
    pub(super) fn change(
        &mut self,
        compared: &[(f64, f64, u32)],
        step: f64,
        seed: u64,
        round: u32,
    ) -> usize {
        let mut rng = stream(seed, &format!("round {round}"), "route choice");
        let mut changed = 0;
        for (route, (own_s, best_s, best)) in self.route.iter_mut().zip(compared) {
            let draw = unit(&mut rng);
            if *own_s > best_s * (1.0 + INDIFFERENT) && draw < step {
                *route = *best;
                changed += 1;
            }
        }
        changed
    }
}

/// The relative gap of trips with their own and their least time.
pub(super) fn relative_gap(compared: &[(f64, f64, u32)]) -> f64 {
    let own: f64 = compared.iter().map(|c| c.0).sum();
    let least: f64 = compared.iter().map(|c| c.1).sum();
    if least > 0.0 { own / least - 1.0 } else { 0.0 }
}
