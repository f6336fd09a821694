//! The roads of a sequence of stops: the likeliest places of all stops together, by the ways between them.
//!
//! A hidden Markov model after P. Newson, J. Krumm, *Hidden Markov map matching through noise and
//! sparseness* (2009), with stops in place of readings: a place is the less likely the farther it is from
//! the stop, a way the longer it is than the straight line. The best sequence is found by dynamic
//! programming (Viterbi); ways are those of least free-flow time.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::kerbs::{Candidate, Kerbs};
use super::{BusOptions, BusTimetable};
use crate::geometry::P;
use crate::ids::RoadIx;
use crate::network::Network;
use crate::routing::{self, Ask, Graph, free_road_s};

/// Metres of detour that make a way less likely by a factor of e.
const DETOUR_M: f64 = 100.0;
/// Ways beyond so many straight lines and so many metres more are no bus's.
const DETOUR_MAX: (f64, f64) = (5.0, 2_000.0);
/// Stops in a row that are left out where no way leads to them, before the trip is cut.
const SKIPPED_MAX: usize = 2;

/// A stop on the streets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Halt {
    /// Which call of the trip, from 0.
    pub(super) call: usize,
    /// Which road of the piece, from 0.
    pub(super) road_at: usize,
    pub(super) position_m: f64,
    pub(super) distance_m: f64,
}

/// A part of a trip that is driven without a gap.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Piece {
    pub(super) roads: Vec<RoadIx>,
    pub(super) halts: Vec<Halt>,
}

/// What became of a sequence of stops.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Pattern {
    pub(super) pieces: Vec<Piece>,
    /// Calls left out because no way joins them with the stops around.
    skipped: Vec<usize>,
    /// Calls from which no way leads on.
    cut: Vec<usize>,
}

impl Pattern {
    /// Notes the distance of each stop called at, and tells what was left out: reason and stop.
    pub(super) fn tell(
        &self,
        stops: &[u32],
        called: &mut BTreeMap<u32, Option<f64>>,
        mut left_out: impl FnMut(&str, u32),
    ) {
        for stop in stops {
            called.entry(*stop).or_default();
        }
        for halt in self.pieces.iter().flat_map(|p| &p.halts) {
            let known = called.entry(stops[halt.call]).or_default();
            *known = known.or(Some(halt.distance_m));
        }
        for call in &self.skipped {
            left_out(
                "call left out: no way joins it with the calls around",
                stops[*call],
            );
        }
        for call in &self.cut {
            left_out("trip cut: no way leads on from this stop", stops[*call]);
        }
    }
}

/// One stop of a sequence under way: the cost of each candidate and the one before it.
struct Layer {
    call: usize,
    cost: Vec<f64>,
    before: Vec<usize>,
}

/// Finds ways and places.
pub(super) struct Matcher<'a> {
    net: &'a Network,
    timetable: &'a BusTimetable,
    kerbs: Kerbs,
    graph: Graph,
    road_s: Vec<f64>,
    /// By stop of the timetable: where it is in the plane.
    places: Vec<Option<P>>,
    candidates: HashMap<u32, Vec<Candidate>>,
    /// The roads of the way from one road to another, both included; none where there is no way.
    legs: HashMap<(u32, u32), Option<Vec<RoadIx>>>,
}

impl<'a> Matcher<'a> {
    pub(super) fn new(
        net: &'a Network,
        timetable: &'a BusTimetable,
        options: &BusOptions,
        bus_m: f64,
    ) -> Self {
        let plane = options.anchor.plane();
        let place = |at: &(f64, f64)| {
            let [x, y] = plane(at.0, at.1);
            // Nothing on the other side of the globe has a place in the plane.
            (x.abs() < 1e8 && y.abs() < 1e8).then_some(P::new(x, y))
        };
        let stops = timetable.stops.iter();
        Self {
            net,
            timetable,
            kerbs: Kerbs::new(net, options.radius_m, bus_m),
            graph: Graph::by_time(net),
            road_s: free_road_s(net),
            places: stops
                .map(|s| s.lat_lon_deg.as_ref().and_then(place))
                .collect(),
            candidates: HashMap::new(),
            legs: HashMap::new(),
        }
    }

    /// Looks for the roads near all stops and for the ways between consecutive ones, all at once.
    pub(super) fn prepare(&mut self, patterns: &[&Vec<u32>]) {
        let mut pairs = BTreeSet::new();
        for stops in patterns {
            for stop in *stops {
                let near =
                    || self.places[*stop as usize].map_or_else(Vec::new, |p| self.kerbs.near(p));
                self.candidates.entry(*stop).or_insert_with(near);
            }
            pairs.extend(stops.windows(2).map(|pair| (pair[0], pair[1])));
        }
        self.find(pairs);
    }

    /// Finds the ways between the candidates of these pairs of stops that are not known yet.
    fn find(&mut self, pairs: impl IntoIterator<Item = (u32, u32)>) {
        let mut asks = BTreeSet::new();
        for (a, b) in pairs {
            for from in &self.candidates[&a] {
                for to in &self.candidates[&b] {
                    let pair = (from.road.0, to.road.0);
                    if pair.0 != pair.1 && !self.legs.contains_key(&pair) {
                        asks.insert(pair);
                    }
                }
            }
        }
        let asks: Vec<Ask> = asks
            .into_iter()
            .map(|(from, to)| Ask {
                from: RoadIx(from),
                to: RoadIx(to),
                start_s: 0.0,
            })
            .collect();
        let (graph, road_s) = (&self.graph, &self.road_s);
        let found = routing::ways(graph, &asks, |way, _, _| {
            let way = graph.ways()[way];
            way.through + road_s[way.to as usize]
        });
        for (ask, way) in asks.iter().zip(found) {
            self.legs.insert((ask.from.0, ask.to.0), way);
        }
    }

    /// Why a stop is on no road.
    pub(super) fn why_not(&self, stop: u32) -> &'static str {
        match self.places[stop as usize] {
            None if self.timetable.stops[stop as usize].lat_lon_deg.is_none() => {
                "stop without coordinates"
            }
            Some(p) if self.kerbs.inside(p) => {
                if self.candidates[&stop].is_empty() {
                    "stop farther than the search radius from every road that a bus fits on"
                } else {
                    "stop that no way joins with the stops around"
                }
            }
            _ => "stop outside of the network",
        }
    }

    /// Matches a sequence of stops.
    pub(super) fn pattern(&mut self, stops: &[u32]) -> Pattern {
        let mut pattern = Pattern::default();
        let mut layers: Vec<Layer> = Vec::new();
        let mut skipped: Vec<usize> = Vec::new();
        let mut call = 0;
        while call < stops.len() {
            let stop = stops[call];
            if self.candidates[&stop].is_empty() {
                // Beside the network's roads the bus drives on, beyond its edge it is gone.
                if !self.places[stop as usize].is_some_and(|p| self.kerbs.inside(p)) {
                    self.close(stops, &mut layers, &mut skipped, &mut pattern);
                }
            } else if layers.is_empty() {
                layers.push(self.first(stop, call));
            } else if let Some(layer) = self.next(stops, &layers[layers.len() - 1], call) {
                layers.push(layer);
                pattern.skipped.append(&mut skipped);
            } else {
                skipped.push(call);
                if skipped.len() > SKIPPED_MAX {
                    // The stops behind are joined with each other, if not with those before.
                    call = skipped[0];
                    skipped.clear();
                    pattern.cut.push(layers[layers.len() - 1].call);
                    self.close(stops, &mut layers, &mut skipped, &mut pattern);
                    continue;
                }
            }
            call += 1;
        }
        self.close(stops, &mut layers, &mut skipped, &mut pattern);
        pattern
    }

    fn first(&self, stop: u32, call: usize) -> Layer {
        let near = &self.candidates[&stop];
        Layer {
            call,
            cost: near.iter().map(|c| c.cost).collect(),
            before: vec![0; near.len()],
        }
    }

    /// The next stop after a layer; none where no way leads there.
    fn next(&mut self, stops: &[u32], last: &Layer, call: usize) -> Option<Layer> {
        let (a, b) = (stops[last.call], stops[call]);
        self.find([(a, b)]);
        let (from, to) = (&self.candidates[&a], &self.candidates[&b]);
        let straight_m = match (self.places[a as usize], self.places[b as usize]) {
            (Some(p), Some(q)) => q.minus(p).len(),
            _ => 0.0,
        };
        let mut layer = Layer {
            call,
            cost: Vec::with_capacity(to.len()),
            before: Vec::with_capacity(to.len()),
        };
        for t in to {
            let ways = from.iter().enumerate().map(|(k, f)| {
                let way_m = self.way_m(f, t).unwrap_or(f64::INFINITY);
                let cost = if way_m > DETOUR_MAX.0 * straight_m + DETOUR_MAX.1 {
                    f64::INFINITY
                } else {
                    last.cost[k] + (way_m - straight_m).max(0.0) / DETOUR_M
                };
                (cost, k)
            });
            let best = ways.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)))?;
            layer.cost.push(best.0 + t.cost);
            layer.before.push(best.1);
        }
        layer.cost.iter().any(|c| c.is_finite()).then_some(layer)
    }

    /// The length of the way from one place to another, m.
    fn way_m(&self, from: &Candidate, to: &Candidate) -> Option<f64> {
        if from.road == to.road {
            let ahead_m = to.position_m - from.position_m;
            return (ahead_m > 0.0).then_some(ahead_m);
        }
        let roads = self.legs.get(&(from.road.0, to.road.0))?.as_ref()?;
        let length_m = |road: &RoadIx| {
            let lane = self.net.roads[road.ix()].lanes[0];
            self.net.lanes[lane.ix()].length_m
        };
        let before: f64 = roads[..roads.len() - 1].iter().map(length_m).sum();
        Some(before - from.position_m + to.position_m)
    }

    /// Ends the piece under way: traces the best places back, and joins them.
    fn close(
        &self,
        stops: &[u32],
        layers: &mut Vec<Layer>,
        skipped: &mut Vec<usize>,
        pattern: &mut Pattern,
    ) {
        pattern.skipped.append(skipped);
        let Some(last) = layers.last() else {
            return;
        };
        let costs = last.cost.iter().enumerate();
        let best = costs.min_by(|a, b| a.1.total_cmp(b.1).then(a.0.cmp(&b.0)));
        let mut at = best.map_or(0, |(k, _)| k);
        let mut chosen = Vec::with_capacity(layers.len());
        for layer in layers.drain(..).rev() {
            let candidate = self.candidates[&stops[layer.call]][at];
            chosen.push((layer.call, candidate));
            at = layer.before[at];
        }
        let mut piece = Piece::default();
        for (call, place) in chosen.into_iter().rev() {
            match piece.roads.last() {
                None => piece.roads.push(place.road),
                Some(road) if *road == place.road => {}
                Some(road) => {
                    let way = self.legs[&(road.0, place.road.0)].as_deref();
                    piece.roads.extend(way.into_iter().flatten().skip(1));
                }
            }
            piece.halts.push(Halt {
                call,
                road_at: piece.roads.len() - 1,
                position_m: place.position_m,
                distance_m: place.distance_m,
            });
        }
        pattern.pieces.push(piece);
    }
}
