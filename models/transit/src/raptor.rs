//! RAPTOR and rRAPTOR (Delling, Pajor, Werneck 2012, 2015): journeys by number of trips, in
//! rounds over patterns of stops; at one time, or over a window of times to be ready.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::error::TransitError;
use crate::feed::{NO_ALIGHTING, NO_BOARDING, index};
use crate::scan::Place;
use crate::timetable::{NEVER_S, Timetable, TripRun};

/// Most trips of one journey.
pub const TRIPS_MAX: usize = 16;
/// No time yet.
const LATE_S: u32 = u32::MAX;

/// Trips with the same stops, none of which overtakes another.
#[derive(Debug, Clone)]
struct Pattern {
    /// Stops and flags of calls.
    calls: Vec<(u32, u8)>,
    /// (arrival, departure) of each trip at each call, trip by trip.
    times: Vec<(u32, u32)>,
}

impl Pattern {
    fn trips(&self) -> usize {
        self.times.len() / self.calls.len()
    }

    fn time(&self, trip: usize, at: usize) -> (u32, u32) {
        self.times[trip * self.calls.len() + at]
    }

    /// The first trip that leaves a call at a time or later.
    fn first_trip(&self, at: usize, ready_s: u32) -> Option<usize> {
        let (mut low, mut high) = (0, self.trips());
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.time(middle, at).1 < ready_s {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        (low < self.trips()).then_some(low)
    }
}

/// A journey worth taking when vehicles count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct JourneyOption {
    /// Latest time to be ready, s.
    pub ready_s: u32,
    /// How many trips.
    pub trips: usize,
    /// Arrival, s.
    pub arrive_s: u32,
}

/// Rounds over one timetable; keeps its memory between queries.
#[derive(Debug, Clone)]
pub struct Raptor<'a> {
    timetable: &'a Timetable,
    patterns: Vec<Pattern>,
    /// By stop: pattern and call.
    at_stop: Vec<Vec<(u32, u32)>>,
    trips_max: usize,
    /// By number of trips and stop: being there by vehicle; being there at all; ready to board.
    alighted: Vec<Vec<u32>>,
    arrive: Vec<Vec<u32>>,
    board: Vec<Vec<u32>>,
    marked: Vec<u32>,
    is_marked: Vec<bool>,
}

impl<'a> Raptor<'a> {
    /// Prepares queries for journeys of at most `trips_max` trips.
    ///
    /// # Errors
    /// Where `trips_max` is not 1 to [`TRIPS_MAX`].
    pub fn new(timetable: &'a Timetable, trips_max: usize) -> Result<Self, TransitError> {
        if !(1..=TRIPS_MAX).contains(&trips_max) {
            return Err(TransitError::Option {
                what: "trips_max",
                message: format!("{trips_max} is not 1 to {TRIPS_MAX}"),
            });
        }
        let stops = timetable.stops.len();
        let patterns = patterns(&timetable.trips);
        let mut at_stop = vec![Vec::new(); stops];
        for (pattern, each) in (0_u32..).zip(&patterns) {
            for (at, (stop, _)) in (0_u32..).zip(&each.calls) {
                at_stop[*stop as usize].push((pattern, at));
            }
        }
        let labels = vec![vec![LATE_S; stops]; trips_max + 1];
        Ok(Self {
            timetable,
            patterns,
            at_stop,
            trips_max,
            alighted: labels.clone(),
            arrive: labels.clone(),
            board: labels,
            marked: Vec::new(),
            is_marked: vec![false; stops],
        })
    }

    /// Earliest arrivals when ready at a time: entry `[k][stop]` with at most `k` trips.
    pub fn arrivals(&mut self, from: &Place, ready_s: u32) -> Vec<Vec<Option<u32>>> {
        self.clear();
        self.run(from, ready_s);
        let known = |s: &u32| (*s != LATE_S).then_some(*s);
        self.arrive
            .iter()
            .map(|round| round.iter().map(known).collect())
            .collect()
    }

    /// Journeys to a stop worth taking when ready at a time, by number of trips.
    pub fn options(&mut self, from: &Place, to: u32, ready_s: u32) -> Vec<JourneyOption> {
        self.clear();
        self.run(from, ready_s);
        let mut found: Vec<JourneyOption> = Vec::new();
        for trips in 1..=self.trips_max {
            let arrive_s = self.arrive[trips][to as usize];
            let before = found.last().map_or(LATE_S, |o| o.arrive_s);
            if arrive_s < before {
                found.push(JourneyOption {
                    ready_s,
                    trips,
                    arrive_s,
                });
            }
        }
        found
    }

    /// Journeys to a stop worth taking within a window of times to be ready, by (ready, trips).
    /// From latest to earliest departure, labels are kept: what a later departure reaches as
    /// early is not looked at again.
    ///
    /// # Errors
    /// Where the window ends before it begins.
    pub fn range(
        &mut self,
        from: &Place,
        to: u32,
        (from_s, to_s): (u32, u32),
    ) -> Result<Vec<JourneyOption>, TransitError> {
        if to_s < from_s {
            return Err(TransitError::Option {
                what: "window",
                message: "ends before it begins".into(),
            });
        }
        self.clear();
        let mut found = Vec::new();
        for ready_s in self.times_to_be_ready(from, (from_s, to_s)) {
            let before: Vec<u32> = self.arrive.iter().map(|r| r[to as usize]).collect();
            self.run(from, ready_s);
            let mut best = LATE_S;
            for (trips, before) in before.iter().enumerate().skip(1) {
                let arrive_s = self.arrive[trips][to as usize];
                if arrive_s < *before && arrive_s < best {
                    found.push(JourneyOption {
                        ready_s,
                        trips,
                        arrive_s,
                    });
                }
                best = best.min(arrive_s);
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    /// Times at which a departure from the place is just caught, latest first.
    fn times_to_be_ready(&self, from: &Place, (from_s, to_s): (u32, u32)) -> Vec<u32> {
        let mut leads: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (stop, access_s) in &from.stops {
            leads
                .entry(*stop)
                .or_default()
                .push(access_s + self.buffer_s(*stop));
            for (to, way_s) in self.timetable.foot.from(*stop) {
                leads.entry(*to).or_default().push(access_s + way_s);
            }
        }
        let mut times: Vec<u32> = self
            .timetable
            .connections
            .iter()
            .filter(|c| c.board)
            .flat_map(|c| {
                let leads = leads.get(&c.from).map_or(&[][..], Vec::as_slice);
                leads.iter().filter_map(|lead| c.dep_s.checked_sub(*lead))
            })
            .filter(|t| (from_s..=to_s).contains(t))
            .collect();
        times.sort_unstable_by(|a, b| b.cmp(a));
        times.dedup();
        times
    }

    fn buffer_s(&self, stop: u32) -> u32 {
        let change_s = self.timetable.change_s[stop as usize];
        if change_s < NEVER_S {
            change_s
        } else {
            self.timetable.default_change_s
        }
    }

    fn clear(&mut self) {
        for labels in [&mut self.alighted, &mut self.arrive, &mut self.board] {
            for round in labels {
                round.fill(LATE_S);
            }
        }
    }

    /// One query on top of the labels there are.
    fn run(&mut self, from: &Place, ready_s: u32) {
        for (stop, access_s) in &from.stops {
            let there = ready_s.saturating_add(*access_s);
            self.set(0, *stop, there, there.saturating_add(self.buffer_s(*stop)));
            let timetable = self.timetable;
            for (to, way_s) in timetable.foot.from(*stop) {
                let there = there.saturating_add(*way_s);
                self.set(0, *to, there, there);
            }
        }
        for round in 1..=self.trips_max {
            let mut queue: BTreeMap<u32, u32> = BTreeMap::new();
            for stop in std::mem::take(&mut self.marked) {
                self.is_marked[stop as usize] = false;
                for (pattern, at) in &self.at_stop[stop as usize] {
                    let first = queue.entry(*pattern).or_insert(*at);
                    *first = (*first).min(*at);
                }
            }
            if queue.is_empty() {
                break;
            }
            for (pattern, from_call) in queue {
                self.ride(round, pattern as usize, from_call as usize);
            }
        }
        for stop in std::mem::take(&mut self.marked) {
            self.is_marked[stop as usize] = false;
        }
    }

    /// Lowers being at a stop and ready to board there, for this number of trips and more.
    fn set(&mut self, round: usize, stop: u32, there_s: u32, ready_s: u32) {
        let at = stop as usize;
        for later in round..=self.trips_max {
            if self.arrive[later][at] <= there_s {
                break;
            }
            self.arrive[later][at] = there_s;
        }
        if ready_s < self.board[round][at] {
            for later in round..=self.trips_max {
                self.board[later][at] = self.board[later][at].min(ready_s);
            }
            if !std::mem::replace(&mut self.is_marked[at], true) {
                self.marked.push(stop);
            }
        }
    }

    fn ride(&mut self, round: usize, pattern: usize, from_call: usize) {
        let mut trip: Option<usize> = None;
        for at in from_call..self.patterns[pattern].calls.len() {
            let shape = &self.patterns[pattern];
            let (stop, flags) = shape.calls[at];
            let ready_s = self.board[round - 1][stop as usize];
            let caught = (flags & NO_BOARDING == 0 && ready_s != LATE_S)
                .then(|| match trip {
                    Some(on) if shape.time(on, at).1 < ready_s => None,
                    _ => shape.first_trip(at, ready_s),
                })
                .flatten();
            let arrived = trip.map(|on| shape.time(on, at).0);
            if let (Some(arr_s), 0) = (arrived, flags & NO_ALIGHTING) {
                self.alight(round, stop, arr_s);
            }
            trip = match (trip, caught) {
                (Some(on), Some(other)) => Some(on.min(other)),
                (on, other) => on.or(other),
            };
        }
    }

    fn alight(&mut self, round: usize, stop: u32, arr_s: u32) {
        let at = stop as usize;
        if arr_s >= self.alighted[round][at] {
            return;
        }
        for later in round..=self.trips_max {
            self.alighted[later][at] = self.alighted[later][at].min(arr_s);
        }
        let timetable = self.timetable;
        self.set(
            round,
            stop,
            arr_s,
            arr_s.saturating_add(timetable.change_s[at]),
        );
        for (to, way_s) in timetable.foot.from(stop) {
            let there = arr_s.saturating_add(*way_s);
            self.set(round, *to, there, there);
        }
    }
}

/// Groups trips by stops and flags, and splits groups where one would overtake another.
fn patterns(trips: &[std::sync::Arc<TripRun>]) -> Vec<Pattern> {
    let mut groups: BTreeMap<Vec<(u32, u8)>, Vec<u32>> = BTreeMap::new();
    for (at, trip) in trips.iter().enumerate() {
        let calls = trip
            .calls
            .iter()
            .map(|c| (c.stop, c.flags & (NO_BOARDING | NO_ALIGHTING)))
            .collect();
        groups.entry(calls).or_default().push(index(at));
    }
    let mut made: Vec<Pattern> = Vec::new();
    for (calls, mut members) in groups {
        members.sort_by_key(|at| trips[*at as usize].calls[0].dep_s);
        let first = made.len();
        for at in members {
            let times: Vec<(u32, u32)> = trips[at as usize]
                .calls
                .iter()
                .map(|c| (c.arr_s, c.dep_s))
                .collect();
            let follows = |p: &Pattern| {
                let last = &p.times[p.times.len() - calls.len()..];
                last.iter()
                    .zip(&times)
                    .all(|(a, b)| a.0 <= b.0 && a.1 <= b.1)
            };
            match made[first..].iter_mut().find(|p| follows(p)) {
                Some(pattern) => pattern.times.extend_from_slice(&times),
                None => made.push(Pattern {
                    calls: calls.clone(),
                    times,
                }),
            }
        }
    }
    made
}
