//! The timetable of one day: trips with their calls, changes, ways on foot, and all connections in
//! the order of departure. Compact and immutable; a scenario makes a new one that shares what did
//! not change.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;
use serde::Serialize;

use crate::days::gtfs_date;
use crate::error::TransitError;
use crate::feed::{Feed, NO_ALIGHTING, NO_BOARDING, find_stop, index};

/// Seconds of a day.
pub(crate) const DAY_S: u32 = 86_400;
/// A change that is not possible; so long that no journey makes it.
pub(crate) const NEVER_S: u32 = 1 << 27;
/// Ways on foot that completing may make.
const WAYS_MAX: usize = 5_000_000;
/// Calls of one trip.
const CALLS_MAX: usize = 60_000;

/// Which trips belong to a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DayMode {
    /// Those of the service day, to their last call after midnight.
    #[default]
    Service,
    /// Those of the service day, and what of the day before runs after midnight.
    Calendar,
}

/// How a feed becomes a timetable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimetableOptions {
    /// Time to change at a stop, and to board at the origin, where the feed says nothing, s.
    pub change_s: u32,
    /// Which trips belong to the day.
    pub mode: DayMode,
    /// Adds the ways on foot that follow from others (a to b, b to c), so that changes over
    /// several ways are found.
    pub complete_transfers: bool,
}

impl Default for TimetableOptions {
    fn default() -> Self {
        Self {
            change_s: 600,
            mode: DayMode::Service,
            complete_transfers: false,
        }
    }
}

/// A stop of a timetable; its index is that of the feed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TimetableStop {
    /// Identifier.
    pub id: Arc<str>,
    /// Name for people.
    pub name: Arc<str>,
    /// Latitude and longitude, WGS84 degrees, where known.
    pub lat_lon: Option<(f64, f64)>,
}

/// A call of a trip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Call {
    /// Index of the stop.
    pub stop: u32,
    /// Arrival, s after midnight.
    pub arr_s: u32,
    /// Departure, s after midnight.
    pub dep_s: u32,
    /// [`NO_BOARDING`], [`NO_ALIGHTING`].
    pub flags: u8,
}

/// One run of a vehicle on the day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TripRun {
    /// Identifier.
    pub id: Arc<str>,
    /// Name, such as a train number.
    pub name: Arc<str>,
    /// Identifier of the route.
    pub route: Arc<str>,
    /// For a trip made from a headway: that headway, s.
    pub headway_s: Option<u32>,
    /// Its calls, at least two.
    pub calls: Box<[Call]>,
}

/// A vehicle from one call to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Connection {
    /// Departure, s.
    pub dep_s: u32,
    /// Arrival, s.
    pub arr_s: u32,
    /// Index of the stop it leaves.
    pub from: u32,
    /// Index of the stop it reaches.
    pub to: u32,
    /// Index of the trip.
    pub trip: u32,
    /// Which call of the trip it leaves, from 0.
    pub seq: u16,
    /// Whether passengers may board at `from`.
    pub board: bool,
    /// Whether passengers may alight at `to`.
    pub alight: bool,
}

/// Ways on foot, by the stop they begin at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Foot {
    first: Vec<u32>,
    ways: Vec<(u32, u32)>,
}

impl Foot {
    /// From ways (from, to, s), of which the shortest of each pair counts.
    pub(crate) fn new(stops: usize, mut ways: Vec<(u32, u32, u32)>) -> Self {
        ways.retain(|(from, to, _)| from != to);
        ways.sort_unstable();
        ways.dedup_by_key(|(from, to, _)| (*from, *to));
        let mut first = vec![0_u32; stops + 1];
        for (from, _, _) in &ways {
            first[*from as usize + 1] += 1;
        }
        for at in 0..stops {
            first[at + 1] += first[at];
        }
        Self {
            first,
            ways: ways.into_iter().map(|(_, to, s)| (to, s)).collect(),
        }
    }

    /// Ways from a stop: (to, s).
    #[must_use]
    pub fn from(&self, stop: u32) -> &[(u32, u32)] {
        let at = stop as usize;
        match (self.first.get(at), self.first.get(at + 1)) {
            (Some(a), Some(b)) => &self.ways[*a as usize..*b as usize],
            _ => &[],
        }
    }

    /// All ways as (from, to, s).
    pub fn iter(&self) -> impl Iterator<Item = (u32, u32, u32)> + '_ {
        (0..index(self.first.len().saturating_sub(1)))
            .flat_map(|from| self.from(from).iter().map(move |(to, s)| (from, *to, *s)))
    }

    /// The same ways backwards.
    pub(crate) fn reversed(&self) -> Self {
        let ways = self.iter().map(|(from, to, s)| (to, from, s)).collect();
        Self::new(self.first.len().saturating_sub(1), ways)
    }

    /// With all ways that follow from others (Floyd-Warshall within each connected group).
    fn completed(&self) -> Result<Self, TransitError> {
        let stops = self.first.len().saturating_sub(1);
        let mut shortest: BTreeMap<(u32, u32), u32> =
            self.iter().map(|(from, to, s)| ((from, to), s)).collect();
        loop {
            let mut better: Vec<((u32, u32), u32)> = Vec::new();
            for ((from, via), first_s) in &shortest {
                for ((_, to), then_s) in shortest.range((*via, 0)..=(*via, u32::MAX)) {
                    let sum = first_s.saturating_add(*then_s);
                    if from != to && shortest.get(&(*from, *to)).is_none_or(|s| *s > sum) {
                        better.push(((*from, *to), sum));
                    }
                }
            }
            if better.is_empty() {
                break;
            }
            for (pair, s) in better {
                let slot = shortest.entry(pair).or_insert(s);
                *slot = (*slot).min(s);
            }
            if shortest.len() > WAYS_MAX {
                return Err(TransitError::TooLarge {
                    at: TransitError::at_file("transfers.txt"),
                    what: "ways that follow from others",
                    limit: WAYS_MAX as u64,
                });
            }
        }
        let ways = shortest.into_iter().map(|((a, b), s)| (a, b, s)).collect();
        Ok(Self::new(stops, ways))
    }
}

/// The timetable of one day.
#[derive(Debug, Clone, PartialEq)]
pub struct Timetable {
    /// The day; `None` for a timetable that was made, not read.
    pub date: Option<Date>,
    /// Time to change where nothing else is said, s.
    pub default_change_s: u32,
    pub(crate) stops: Arc<Vec<TimetableStop>>,
    pub(crate) change_s: Arc<Vec<u32>>,
    pub(crate) foot: Arc<Foot>,
    pub(crate) trips: Vec<Arc<TripRun>>,
    pub(crate) connections: Vec<Connection>,
}

impl Timetable {
    /// The timetable of a day of a feed.
    ///
    /// # Errors
    /// Where no trip runs that day, a trip has more than 60,000 calls, or completing transfers would
    /// make more than 5 million ways.
    pub fn of_day(
        feed: &Feed,
        date: Date,
        options: TimetableOptions,
    ) -> Result<Self, TransitError> {
        let mut trips = trips_of(feed, date, 0);
        if options.mode == DayMode::Calendar
            && let Ok(before) = date.yesterday()
        {
            trips.extend(trips_of(feed, before, DAY_S));
        }
        if trips.is_empty() {
            let day = |d: Option<Date>| d.map_or_else(|| "never".to_owned(), gtfs_date);
            let span = feed.span();
            return Err(TransitError::NoService {
                day: gtfs_date(date),
                first: day(span.map(|s| s.0)),
                last: day(span.map(|s| s.1)),
            });
        }
        let stops = feed
            .stops
            .iter()
            .map(|s| TimetableStop {
                id: s.id.clone(),
                name: s.name.clone(),
                lat_lon: s.lat_lon,
            })
            .collect();
        let (change_s, foot) = changes(feed, options);
        let foot = if options.complete_transfers {
            foot.completed()?
        } else {
            foot
        };
        let mut made = Self {
            date: Some(date),
            default_change_s: options.change_s,
            stops: Arc::new(stops),
            change_s: Arc::new(change_s),
            foot: Arc::new(foot),
            trips: Vec::new(),
            connections: Vec::new(),
        };
        made.set_trips(trips)?;
        Ok(made)
    }

    /// A timetable from its parts. `foot` holds ways (from, to, s).
    ///
    /// # Errors
    /// Where a call, change or way names a stop that is not there, times run backwards, or a trip
    /// has fewer than two calls or more than 60,000.
    pub fn from_parts(
        stops: Vec<TimetableStop>,
        change_s: Vec<u32>,
        foot: Vec<(u32, u32, u32)>,
        trips: Vec<TripRun>,
    ) -> Result<Self, TransitError> {
        let count = stops.len();
        let known = |stop: u32| (stop as usize) < count;
        let fine = change_s.len() == count
            && foot.iter().all(|(a, b, _)| known(*a) && known(*b))
            && trips.iter().all(|t| t.calls.iter().all(|c| known(c.stop)));
        if !fine {
            return Err(TransitError::Option {
                what: "timetable",
                message: "changes, ways and calls must name stops of the list".into(),
            });
        }
        let mut made = Self {
            date: None,
            default_change_s: change_s.iter().copied().min().unwrap_or(0),
            stops: Arc::new(stops),
            foot: Arc::new(Foot::new(count, foot)),
            change_s: Arc::new(change_s),
            trips: Vec::new(),
            connections: Vec::new(),
        };
        made.set_trips(trips.into_iter().map(Arc::new).collect())?;
        Ok(made)
    }

    /// Takes these trips and sorts their connections anew.
    pub(crate) fn set_trips(&mut self, trips: Vec<Arc<TripRun>>) -> Result<(), TransitError> {
        let mut connections = Vec::with_capacity(trips.iter().map(|t| t.calls.len()).sum());
        for (at, trip) in trips.iter().enumerate() {
            check_trip(trip)?;
            let trip_at = index(at);
            for (seq, pair) in (0_u16..).zip(trip.calls.windows(2)) {
                connections.push(Connection {
                    dep_s: pair[0].dep_s,
                    arr_s: pair[1].arr_s,
                    from: pair[0].stop,
                    to: pair[1].stop,
                    trip: trip_at,
                    seq,
                    board: pair[0].flags & NO_BOARDING == 0,
                    alight: pair[1].flags & NO_ALIGHTING == 0,
                });
            }
        }
        connections.sort_unstable_by_key(|c| (c.dep_s, c.arr_s, c.trip, c.seq));
        self.trips = trips;
        self.connections = connections;
        Ok(())
    }

    /// Stops, by index.
    #[must_use]
    pub fn stops(&self) -> &[TimetableStop] {
        &self.stops
    }

    /// Trips, by index.
    #[must_use]
    pub fn trips(&self) -> &[Arc<TripRun>] {
        &self.trips
    }

    /// Connections by (departure, arrival, trip, call).
    #[must_use]
    pub fn connections(&self) -> &[Connection] {
        &self.connections
    }

    /// Ways on foot.
    #[must_use]
    pub fn foot(&self) -> &Foot {
        &self.foot
    }

    /// Time to change at a stop, s.
    #[must_use]
    pub fn change_s(&self, stop: u32) -> u32 {
        self.change_s[stop as usize]
    }

    /// How many stops are called at.
    #[must_use]
    pub fn served_stops(&self) -> usize {
        let mut served = vec![false; self.stops.len()];
        for c in &self.connections {
            served[c.from as usize] = true;
            served[c.to as usize] = true;
        }
        served.into_iter().filter(|s| *s).count()
    }

    /// The stop with this identifier, or else the only one with this name.
    ///
    /// # Errors
    /// Where none fits (the nearest name is suggested) or several stops share the name.
    pub fn stop(&self, wanted: &str) -> Result<u32, TransitError> {
        find_stop(self.stops.iter().map(|s| (&*s.id, &*s.name)), wanted)
    }

    /// Trips that call at both stops in this order, and the fastest ride, s.
    #[must_use]
    pub fn direct(&self, from: u32, to: u32) -> (usize, Option<u32>) {
        let rides: Vec<u32> = self
            .trips
            .iter()
            .filter_map(|trip| best_ride(&trip.calls, from, to))
            .collect();
        (rides.len(), rides.iter().min().copied())
    }
}

/// The fastest ride within a trip, s.
fn best_ride(calls: &[Call], from: u32, to: u32) -> Option<u32> {
    let mut boarded = None;
    let mut best: Option<u32> = None;
    for call in calls {
        if call.stop == to
            && call.flags & NO_ALIGHTING == 0
            && let Some(dep_s) = boarded
        {
            let ride_s: u32 = call.arr_s - dep_s;
            best = Some(best.map_or(ride_s, |b| b.min(ride_s)));
        }
        if call.stop == from && call.flags & NO_BOARDING == 0 {
            boarded = Some(call.dep_s);
        }
    }
    best
}

fn check_trip(trip: &TripRun) -> Result<(), TransitError> {
    let problem = if trip.calls.len() < 2 {
        "has fewer than two calls"
    } else if trip.calls.len() > CALLS_MAX {
        "has more than 60,000 calls"
    } else if trip.calls.iter().any(|c| c.dep_s < c.arr_s)
        || trip.calls.windows(2).any(|p| p[1].arr_s < p[0].dep_s)
    {
        "has times that run backwards"
    } else if trip.calls.iter().any(|c| c.dep_s >= NEVER_S) {
        "has times beyond all days"
    } else {
        return Ok(());
    };
    Err(TransitError::Option {
        what: "timetable",
        message: format!("trip \"{}\" {problem}", trip.id),
    })
}

/// Trips active on a date; those parts at `after_s` or later, times counted from there.
fn trips_of(feed: &Feed, date: Date, after_s: u32) -> Vec<Arc<TripRun>> {
    let active: Vec<bool> = feed
        .services
        .iter()
        .map(|s| s.days.contains(date))
        .collect();
    feed.trips
        .iter()
        .filter(|t| active[t.service as usize])
        .filter_map(|trip| {
            let calls: Box<[Call]> = feed
                .calls_of(trip)
                .filter(|at| feed.calls.dep_s[*at] >= after_s)
                .map(|at| Call {
                    stop: feed.calls.stop[at],
                    arr_s: feed.calls.arr_s[at].saturating_sub(after_s),
                    dep_s: feed.calls.dep_s[at] - after_s,
                    flags: feed.calls.flags[at],
                })
                .collect();
            (calls.len() >= 2).then(|| {
                let run = TripRun {
                    id: if after_s == 0 {
                        trip.id.clone()
                    } else {
                        format!("{} (the day before)", trip.id).into()
                    },
                    name: trip.name.clone(),
                    route: feed.routes[trip.route as usize].id.clone(),
                    headway_s: trip.headway_s,
                    calls,
                };
                Arc::new(run)
            })
        })
        .collect()
}

/// Time to change at each stop, and ways on foot: of the feed, and between the stops of a station.
fn changes(feed: &Feed, options: TimetableOptions) -> (Vec<u32>, Foot) {
    let count = feed.stops.len();
    let mut change_s = vec![options.change_s; count];
    let mut members: Vec<Vec<u32>> = vec![Vec::new(); count];
    for (at, stop) in (0_u32..).zip(&feed.stops) {
        if let Some(parent) = stop.parent
            && stop.kind == 0
        {
            members[parent as usize].push(at);
        }
    }
    // A station stands for its stops.
    let stands_for = |stop: u32| {
        let inside = &members[stop as usize];
        if inside.is_empty() {
            vec![stop]
        } else {
            inside.clone()
        }
    };
    let mut ways: BTreeMap<(u32, u32), u32> = BTreeMap::new();
    for inside in &members {
        for from in inside {
            for to in inside.iter().filter(|to| *to != from) {
                ways.insert((*from, *to), options.change_s);
            }
        }
    }
    // What names stops outweighs what names stations: the more special rows come last.
    let mut rows: Vec<_> = feed.transfers.iter().collect();
    let general = |stop: u32| usize::from(!members[stop as usize].is_empty());
    rows.sort_by_key(|t| std::cmp::Reverse(general(t.from) + general(t.to)));
    for row in rows {
        let time_s = if row.forbidden {
            NEVER_S
        } else {
            row.min_s.unwrap_or(options.change_s).min(NEVER_S)
        };
        for from in stands_for(row.from) {
            for to in stands_for(row.to) {
                if from == to {
                    change_s[from as usize] = time_s;
                } else {
                    ways.insert((from, to), time_s);
                }
            }
        }
    }
    let ways = ways
        .into_iter()
        .filter(|(_, s)| *s < NEVER_S)
        .map(|((a, b), s)| (a, b, s))
        .collect();
    (change_s, Foot::new(count, ways))
}
