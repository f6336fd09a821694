//! Earliest arrival by connection scan, and the journey behind it with each part shown.

use serde::Serialize;

use crate::error::TransitError;
use crate::feed::index;
use crate::scan::Place;
use crate::timetable::{NEVER_S, Timetable};

/// No time yet.
const LATE_S: u32 = u32::MAX;
/// No connection.
const NOBODY: u32 = u32::MAX;

/// A leg of a journey.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Leg {
    /// On a vehicle.
    Ride {
        /// Index of the trip.
        trip: u32,
        /// Index of the stop boarded at.
        from: u32,
        /// Index of the stop alighted at.
        to: u32,
        /// Departure, s.
        dep_s: u32,
        /// Arrival, s.
        arr_s: u32,
    },
    /// On foot between two stops.
    Walk {
        /// Index of the stop left.
        from: u32,
        /// Index of the stop reached.
        to: u32,
        /// How long, s.
        time_s: u32,
    },
}

/// A journey from door to door.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Journey {
    /// When the traveller is ready at the door, s.
    pub ready_s: u32,
    /// Door to first stop, s.
    pub access_s: u32,
    /// Rides and ways on foot.
    pub legs: Vec<Leg>,
    /// Last stop to door, s.
    pub egress_s: u32,
    /// When the traveller is there, s.
    pub arrive_s: u32,
}

/// What a journey's time is made of; the parts add up to the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Parts {
    /// Door to first stop, s.
    pub access_s: u32,
    /// At the first stop until departure, the time to board included, s.
    pub wait_s: u32,
    /// On vehicles, s.
    pub ride_s: u32,
    /// Between vehicles, on foot or waiting, and on foot before the first or after the last, s.
    pub change_s: u32,
    /// Last stop to door, s.
    pub egress_s: u32,
}

impl Journey {
    /// How many vehicles.
    #[must_use]
    pub fn trips(&self) -> usize {
        let ride = |l: &&Leg| matches!(l, Leg::Ride { .. });
        self.legs.iter().filter(ride).count()
    }

    /// Access, wait, ride, change and egress.
    #[must_use]
    pub fn parts(&self) -> Parts {
        let rides = || {
            self.legs.iter().filter_map(|l| match l {
                Leg::Ride { dep_s, arr_s, .. } => Some((*dep_s, *arr_s)),
                Leg::Walk { .. } => None,
            })
        };
        let ride_s = rides().map(|(dep, arr)| arr - dep).sum();
        let lead_s = match self.legs.first() {
            Some(Leg::Walk { time_s, .. }) => *time_s,
            _ => 0,
        };
        let wait_s = rides().next().map_or(0, |(dep, _)| {
            dep.saturating_sub(self.ready_s + self.access_s + lead_s)
        });
        let total_s = self.arrive_s - self.ready_s;
        Parts {
            access_s: self.access_s,
            wait_s,
            ride_s,
            change_s: total_s - self.access_s - wait_s - ride_s - self.egress_s,
            egress_s: self.egress_s,
        }
    }
}

/// Earliest arrivals over one timetable; keeps its memory between queries.
#[derive(Debug, Clone)]
pub struct Earliest<'a> {
    timetable: &'a Timetable,
    /// Runs of connections that take no time, at one time: to be repeated until nothing changes.
    instant: Vec<(u32, u32)>,
    /// Being at a stop, by vehicle or on foot; the way there.
    arrive: Vec<u32>,
    arrive_by: Vec<By>,
    /// Being there by vehicle.
    alighted: Vec<u32>,
    /// Ready to board; the way there.
    board: Vec<u32>,
    board_by: Vec<By>,
    /// The connection at which each trip was boarded.
    entered: Vec<u32>,
}

/// How one came to a stop: by the connections entered and left, or (`NOBODY`) from a door.
#[derive(Debug, Clone, Copy)]
struct By {
    enter: u32,
    exit: u32,
    /// For those from a door: which stop of the place.
    door: u32,
}

const UNREACHED: By = By {
    enter: NOBODY,
    exit: NOBODY,
    door: NOBODY,
};

impl<'a> Earliest<'a> {
    /// Prepares queries.
    #[must_use]
    pub fn new(timetable: &'a Timetable) -> Self {
        let stops = timetable.stops.len();
        let mut instant = Vec::new();
        let mut start = 0;
        for run in timetable
            .connections
            .chunk_by(|a, b| (a.dep_s, a.arr_s) == (b.dep_s, b.arr_s))
        {
            if run.len() > 1 && run[0].dep_s == run[0].arr_s {
                instant.push((index(start), index(start + run.len())));
            }
            start += run.len();
        }
        Self {
            timetable,
            instant,
            arrive: vec![LATE_S; stops],
            arrive_by: vec![UNREACHED; stops],
            alighted: vec![LATE_S; stops],
            board: vec![LATE_S; stops],
            board_by: vec![UNREACHED; stops],
            entered: vec![NOBODY; timetable.trips.len()],
        }
    }

    /// Earliest arrival at a stop when ready at another at a time, s; `None` where there is no
    /// journey that day.
    pub fn at_stop(&mut self, from: u32, to: u32, ready_s: u32) -> Option<u32> {
        self.begin(&[(from, 0)], ready_s);
        self.scan::<false>(ready_s, &[(to, 0)]);
        let found = self.arrive[to as usize];
        (found != LATE_S).then_some(found)
    }

    /// Earliest arrivals at all stops, by index; the origin's own stops are there when ready.
    pub fn at_all(&mut self, from: &Place, ready_s: u32) -> Vec<Option<u32>> {
        self.begin(&from.stops, ready_s);
        self.scan::<false>(ready_s, &[]);
        self.arrive
            .iter()
            .map(|s| (*s != LATE_S).then_some(*s))
            .collect()
    }

    /// The journey that is there first; `None` where there is none that day.
    ///
    /// # Errors
    /// Where a place names a stop that is not there.
    pub fn journey(
        &mut self,
        from: &Place,
        to: &Place,
        ready_s: u32,
    ) -> Result<Option<Journey>, TransitError> {
        let count = self.arrive.len();
        if let Some((stop, _)) = from
            .stops
            .iter()
            .chain(&to.stops)
            .find(|(s, _)| *s as usize >= count)
        {
            return Err(TransitError::Option {
                what: "place",
                message: format!("stop {stop} is not one of {count}"),
            });
        }
        self.begin(&from.stops, ready_s);
        self.scan::<true>(ready_s, &to.stops);
        let last = to
            .stops
            .iter()
            .filter(|(stop, _)| self.arrive[*stop as usize] != LATE_S)
            .min_by_key(|(stop, egress_s)| {
                (self.arrive[*stop as usize].saturating_add(*egress_s), *stop)
            });
        Ok(last.map(|(stop, egress_s)| self.trace(from, (*stop, *egress_s), ready_s)))
    }

    fn begin(&mut self, from: &[(u32, u32)], ready_s: u32) {
        self.arrive.fill(LATE_S);
        self.alighted.fill(LATE_S);
        self.board.fill(LATE_S);
        self.entered.fill(NOBODY);
        for (door, (stop, access_s)) in (0_u32..).zip(from) {
            let by = By {
                enter: NOBODY,
                exit: NOBODY,
                door,
            };
            let there = ready_s.saturating_add(*access_s);
            let change_s = self.timetable.change_s[*stop as usize];
            let change_s = if change_s < NEVER_S {
                change_s
            } else {
                self.timetable.default_change_s
            };
            self.reach(*stop, there, by);
            self.ready(*stop, there.saturating_add(change_s), by);
            for (to, way_s) in self.timetable.foot.from(*stop) {
                self.reach(*to, there.saturating_add(*way_s), by);
                self.ready(*to, there.saturating_add(*way_s), by);
            }
        }
    }

    fn reach(&mut self, stop: u32, time_s: u32, by: By) {
        if time_s < self.arrive[stop as usize] {
            self.arrive[stop as usize] = time_s;
            self.arrive_by[stop as usize] = by;
        }
    }

    fn ready(&mut self, stop: u32, time_s: u32, by: By) {
        if time_s < self.board[stop as usize] {
            self.board[stop as usize] = time_s;
            self.board_by[stop as usize] = by;
        }
    }

    /// Scans until no target can get better; `TRACE` keeps how.
    fn scan<const TRACE: bool>(&mut self, ready_s: u32, to: &[(u32, u32)]) {
        let connections = &self.timetable.connections;
        let start = connections.partition_point(|c| c.dep_s < ready_s);
        let mut instant = self
            .instant
            .partition_point(|(from, _)| (*from as usize) < start);
        let mut bound_s = self.bound(to);
        let mut at = start;
        while at < connections.len() {
            if let Some((from, end)) = self.instant.get(instant)
                && *from as usize == at
            {
                let range = at..*end as usize;
                instant += 1;
                let mut changed = true;
                while changed {
                    changed = false;
                    for each in range.clone() {
                        changed |= self.step::<TRACE, true>(each);
                    }
                }
                at = range.end;
                bound_s = self.bound(to);
                continue;
            }
            if connections[at].dep_s >= bound_s {
                break;
            }
            if self.step::<TRACE, false>(at) && !to.is_empty() {
                bound_s = self.bound(to);
            }
            at += 1;
        }
    }

    /// Nothing that leaves at this time or later helps.
    fn bound(&self, to: &[(u32, u32)]) -> u32 {
        to.iter()
            .map(|(stop, egress_s)| self.arrive[*stop as usize].saturating_add(*egress_s))
            .min()
            .unwrap_or(LATE_S)
    }

    /// One connection; whether somebody got somewhere earlier by it. When steps are repeated
    /// (`AGAIN`), a trip may have been entered further on.
    #[inline]
    fn step<const TRACE: bool, const AGAIN: bool>(&mut self, at: usize) -> bool {
        let c = self.timetable.connections[at];
        let trip = c.trip as usize;
        let entered = self.entered[trip];
        let further_on = |e: u32| AGAIN && self.timetable.connections[e as usize].seq > c.seq;
        if entered == NOBODY || further_on(entered) {
            if !(c.board && self.board[c.from as usize] <= c.dep_s) {
                return false;
            }
            self.entered[trip] = index(at);
        }
        let to = c.to as usize;
        if !c.alight || c.arr_s >= self.alighted[to] {
            return false;
        }
        self.alighted[to] = c.arr_s;
        let by = if TRACE {
            By {
                enter: self.entered[trip],
                exit: index(at),
                door: NOBODY,
            }
        } else {
            UNREACHED
        };
        self.reach(c.to, c.arr_s, by);
        self.ready(
            c.to,
            c.arr_s.saturating_add(self.timetable.change_s[to]),
            by,
        );
        let timetable = self.timetable;
        for (stop, way_s) in timetable.foot.from(c.to) {
            let there = c.arr_s.saturating_add(*way_s);
            self.reach(*stop, there, by);
            self.ready(*stop, there, by);
        }
        true
    }

    fn trace(&self, from: &Place, (last, egress_s): (u32, u32), ready_s: u32) -> Journey {
        let connections = &self.timetable.connections;
        let mut legs = Vec::new();
        let mut stop = last;
        let mut by = self.arrive_by[last as usize];
        while by.enter != NOBODY {
            let (enter, exit) = (
                connections[by.enter as usize],
                connections[by.exit as usize],
            );
            self.walk(exit.to, stop, &mut legs);
            legs.push(Leg::Ride {
                trip: enter.trip,
                from: enter.from,
                to: exit.to,
                dep_s: enter.dep_s,
                arr_s: exit.arr_s,
            });
            stop = enter.from;
            by = self.board_by[stop as usize];
        }
        let (first, access_s) = from.stops[by.door as usize];
        self.walk(first, stop, &mut legs);
        legs.reverse();
        Journey {
            ready_s,
            access_s,
            legs,
            egress_s,
            arrive_s: self.arrive[last as usize].saturating_add(egress_s),
        }
    }

    fn walk(&self, from: u32, to: u32, legs: &mut Vec<Leg>) {
        let way = self.timetable.foot.from(from).iter().find(|w| w.0 == to);
        if let Some((_, time_s)) = way {
            legs.push(Leg::Walk {
                from,
                to,
                time_s: *time_s,
            });
        }
    }
}
