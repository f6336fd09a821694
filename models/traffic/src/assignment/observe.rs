//! A run of the twin, watched: time over every movement by time of day, and who passes a detector.

use std::sync::Arc;

use serde::Serialize;

use super::cost::{Green, greens};
use super::trips::RoutedTrips;
use crate::error::TrafficError;
use crate::ids::{LaneIx, RoadIx};
use crate::network::Network;
use crate::routing::{Graph, free_road_s};
use crate::sim::{Signals, Sim, SimOptions};
use crate::vehicle::VehicleTemplate;

/// Length of an interval of measured times, s; longer where the table would be too large.
const BIN_S: f64 = 300.0;
/// Most entries of the table of times.
const ENTRIES_MAX: f64 = 50e6;
/// Seconds after the last departure after which a run ends, finished or not.
const DRAIN_S: i64 = 3_600;

/// Times over movements, from entering a road to entering the next or leaving the network.
#[derive(Debug)]
pub(super) struct Times {
    pub(super) graph: Graph,
    bin_s: f64,
    bins: usize,
    /// By slot: every movement, then every road as the last one of a trip.
    free_s: Vec<f64>,
    /// By slot and interval.
    now_s: Vec<f64>,
}

impl Times {
    /// Free-flow times, with the mean wait at an empty signal.
    pub(super) fn free(net: &Network, horizon_s: i64) -> Self {
        let graph = Graph::by_time(net);
        let road_s = free_road_s(net);
        let mut free_s = vec![0.0; graph.ways().len()];
        let greens = greens(net, &graph);
        for (road, drive_s) in (0..).zip(&road_s) {
            for way in graph.from(road) {
                let wait_s = greens[way].map_or(0.0, Green::wait_s);
                free_s[way] = drive_s + graph.ways()[way].through + wait_s;
            }
        }
        free_s.extend(road_s);
        #[allow(clippy::cast_precision_loss)] // a week, and limited tables
        let (horizon_s, slots) = (horizon_s.max(1) as f64, free_s.len().max(1) as f64);
        let bin_s = BIN_S.max((horizon_s * slots / ENTRIES_MAX).ceil());
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // positive, limited
        let bins = ((horizon_s / bin_s).ceil() as usize).max(1);
        let all = free_s.iter().flat_map(|t| std::iter::repeat_n(*t, bins));
        Self {
            now_s: all.collect(),
            graph,
            bin_s,
            bins,
            free_s,
        }
    }

    fn last(&self, road: RoadIx) -> usize {
        self.graph.ways().len() + road.ix()
    }

    fn entry(&self, slot: usize, time_s: f64) -> usize {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // not negative
        let bin = (time_s.max(0.0) / self.bin_s) as usize;
        slot * self.bins + bin.min(self.bins - 1)
    }

    /// Time over a movement entered at this time, s.
    pub(super) fn way_s(&self, way: usize, time_s: f64) -> f64 {
        self.now_s[self.entry(way, time_s)]
    }

    /// The middle of the interval a second lies in, s.
    pub(super) fn middle_s(&self, time_s: i64) -> f64 {
        #[allow(clippy::cast_precision_loss)] // a week
        let bin = (time_s as f64 / self.bin_s).floor();
        (bin + 0.5) * self.bin_s
    }

    /// Time of a trip along a route, s.
    pub(super) fn route_s(&self, roads: &[RoadIx], depart_s: i64) -> f64 {
        #[allow(clippy::cast_precision_loss)] // a week
        let start_s = depart_s as f64;
        let mut time_s = start_s;
        for pair in roads.windows(2) {
            if let Some(way) = self.graph.way(pair[0], pair[1]) {
                time_s += self.way_s(way, time_s);
            }
        }
        if let Some(last) = roads.last() {
            time_s += self.now_s[self.entry(self.last(*last), time_s)];
        }
        time_s - start_s
    }

    /// Takes what a run showed; where nobody drove, times go halfway back to free flow.
    pub(super) fn learn(&mut self, seen: &Seen) {
        let measured = seen.sum_s.iter().zip(&seen.count);
        for (n, (now_s, (sum_s, count))) in self.now_s.iter_mut().zip(measured).enumerate() {
            *now_s = if *count > 0 {
                sum_s / f64::from(*count)
            } else {
                f64::midpoint(*now_s, self.free_s[n / self.bins])
            };
        }
    }
}

/// What a run of a demand came to.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Ran {
    /// Vehicles of the demand.
    pub vehicles: usize,
    /// Those that arrived.
    pub finished: usize,
    /// Time of all from departure, waiting to enter included, to arrival or the end of the run,
    /// vehicle-hours.
    pub total_time_veh_h: f64,
    /// The same by vehicle, s; 0 without any.
    pub mean_time_s: f64,
    /// Simulated seconds.
    pub span_s: i64,
}

/// A vehicle that enters a watched lane.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Passing {
    pub(super) trip: u32,
    pub(super) lane: LaneIx,
    pub(super) time_s: i64,
}

/// What was seen of a run.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    sum_s: Vec<f64>,
    count: Vec<u32>,
    pub(super) passings: Vec<Passing>,
    pub(super) ran: Ran,
}

/// The end of a run, s.
pub(super) fn horizon_s(trips: &RoutedTrips) -> i64 {
    trips.trips.last().map_or(0, |t| t.depart_s) + DRAIN_S
}

/// A vehicle on its way: place in its route (none before it is seen), and since when.
#[derive(Debug, Clone, Copy)]
struct OnWay {
    at: Option<u32>,
    since_s: f64,
    gone: bool,
}

/// Runs the network's own programmes under the trips until all have arrived, or an hour after the
/// last departure. `watched` says of every lane whether passings are wanted; `tick` is told each
/// simulated second.
pub(super) fn run(
    net: &Arc<Network>,
    trips: &RoutedTrips,
    (vehicle, seed): (&VehicleTemplate, u32),
    times: &Times,
    watched: &[bool],
    tick: &mut dyn FnMut(),
) -> Result<Seen, TrafficError> {
    let options = SimOptions {
        seed,
        signals: Signals::Programme,
        ..SimOptions::default()
    };
    let mut sim = Sim::new(Arc::clone(net), Arc::new(trips.demand(vehicle)), options)?;
    let end_s = horizon_s(trips);
    #[allow(clippy::cast_precision_loss)] // a week
    let begin = |t: &super::Trip| OnWay {
        at: None,
        since_s: t.depart_s as f64,
        gone: false,
    };
    let mut watch = Watch {
        on_way: trips.trips.iter().map(begin).collect(),
        trips,
        times,
        watched,
        seen: Seen {
            sum_s: vec![0.0; times.now_s.len()],
            count: vec![0; times.now_s.len()],
            passings: Vec::new(),
            ran: Ran {
                vehicles: trips.trips.len(),
                ..Ran::default()
            },
        },
    };
    let mut second = 0;
    while second < end_s && watch.seen.ran.finished < trips.trips.len() {
        sim.step();
        second += 1;
        watch.look(&sim);
        tick();
    }
    watch.seen.ran.span_s = second;
    Ok(watch.finish(sim.time_s()))
}

struct Watch<'a> {
    on_way: Vec<OnWay>,
    trips: &'a RoutedTrips,
    times: &'a Times,
    watched: &'a [bool],
    seen: Seen,
}

impl Watch<'_> {
    fn look(&mut self, sim: &Sim) {
        let (net, now_s) = (sim.network(), sim.time_s());
        for v in sim.vehicles() {
            if let Some(lane) = net.as_lane(v.drivable) {
                self.on_lane(v.flow, lane, net.lanes[lane.ix()].road, now_s);
            }
        }
        for trip in sim.just_finished() {
            let Some(event) = sim.event(trip.event) else {
                continue;
            };
            self.arrive(event.flow as usize, trip.left_s);
        }
    }

    fn on_lane(&mut self, trip: u32, lane: LaneIx, road: RoadIx, now_s: f64) {
        let roads = self.trips.roads(trip as usize);
        let before = self.on_way[trip as usize];
        if before.at.is_some_and(|at| roads[at as usize] == road) {
            return;
        }
        let first = before.at.map_or(0, |at| at as usize + 1);
        let Some(step) = roads[first..].iter().position(|r| *r == road) else {
            return;
        };
        let at = first + step;
        if step == 0 && at > 0 {
            let way = self.times.graph.way(roads[at - 1], road);
            if let Some(way) = way {
                self.book(way, before.since_s, now_s);
            }
        }
        if self.watched.get(lane.ix()).copied().unwrap_or(false) {
            #[allow(clippy::cast_possible_truncation)] // a week
            self.seen.passings.push(Passing {
                trip,
                lane,
                time_s: now_s as i64,
            });
        }
        // The wait to enter counts to the first road.
        let since_s = if at == 0 { before.since_s } else { now_s };
        self.on_way[trip as usize] = OnWay {
            at: u32::try_from(at).ok(),
            since_s,
            gone: false,
        };
    }

    fn arrive(&mut self, trip: usize, left_s: f64) {
        let on_way = self.on_way[trip];
        let roads = self.trips.roads(trip);
        if on_way.at.is_some_and(|at| at as usize + 1 == roads.len()) {
            let last = self.times.last(self.trips.trips[trip].to);
            self.book(last, on_way.since_s, left_s);
        }
        self.seen.ran.finished += 1;
        self.on_way[trip].gone = true;
        self.add_time(trip, left_s);
    }

    fn add_time(&mut self, trip: usize, end_s: f64) {
        #[allow(clippy::cast_precision_loss)] // a week
        let depart_s = self.trips.trips[trip].depart_s as f64;
        self.seen.ran.total_time_veh_h += (end_s - depart_s).max(0.0) / 3600.0;
    }

    fn book(&mut self, slot: usize, since_s: f64, until_s: f64) {
        let entry = self.times.entry(slot, since_s);
        self.seen.sum_s[entry] += until_s - since_s;
        self.seen.count[entry] += 1;
    }

    /// Those still on their way have needed at least as long as they have been where they are.
    fn finish(mut self, end_s: f64) -> Seen {
        for trip in 0..self.on_way.len() {
            let on_way = self.on_way[trip];
            if on_way.gone {
                continue;
            }
            self.add_time(trip, end_s);
            let roads = self.trips.roads(trip);
            let at = on_way.at.unwrap_or(0) as usize;
            let slot = match roads.get(at + 1) {
                Some(next) => self.times.graph.way(roads[at], *next),
                None => Some(self.times.last(roads[at])),
            };
            if let Some(slot) = slot.filter(|_| end_s > on_way.since_s) {
                let known_s = self.times.now_s[self.times.entry(slot, on_way.since_s)];
                self.book(slot, on_way.since_s, end_s.max(on_way.since_s + known_s));
            }
        }
        let ran = &mut self.seen.ran;
        #[allow(clippy::cast_precision_loss)] // limited
        if ran.vehicles > 0 {
            ran.mean_time_s = ran.total_time_veh_h * 3600.0 / ran.vehicles as f64;
        }
        self.seen
    }
}
