//! Profile connection scan (Dibbelt, Pajor, Strasser, Wagner 2013, 2018) over a whole day, for one
//! or many destinations at once.
//!
//! The textbook keeps a list of (ready, arrival) per stop and searches it at each connection. What
//! that search finds, the first departure one can change to, does not depend on the destination.
//! So it is done once, when the scan is prepared, and a scan is then a walk over connections by
//! decreasing departure with a few minima each; sixteen destinations go side by side in one walk.
//! Backwards the same walk gives one-to-all.

mod order;
mod walk;

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rayon::prelude::*;
use serde::Serialize;

use crate::error::TransitError;
use crate::feed::index;
use crate::profile::{Pair, Profiles};
use crate::timetable::{Foot, NEVER_S, Timetable};

/// Later than all times: no journey.
pub(crate) const NONE_S: i32 = 1 << 29;
/// Stays later than [`NONE_S`] when a (backwards: negative) time is added.
const NO_END_S: i32 = NONE_S + (1 << 24);
/// Destinations side by side: one cache line.
pub(crate) const LANES: usize = 16;
/// Most pairs that [`Scan::all_pairs`] keeps (8 bytes each).
const PAIRS_MAX: usize = 400_000_000;

/// Told how many destinations of how many are done; `Break` stops the scan.
pub type OnScan<'a> = &'a (dyn Fn(usize, usize) -> ControlFlow<()> + Sync);

/// Which end of the journeys is fixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From all stops to one place.
    AllToOne,
    /// From one place to all stops.
    OneToAll,
}

/// A place with the stops it is reached by: a city with its stations, or one stop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Its name.
    pub name: String,
    /// Index of each stop, and seconds between the place and it (access = egress).
    pub stops: Vec<(u32, u32)>,
}

impl Place {
    /// A stop itself.
    #[must_use]
    pub fn stop(stop: u32) -> Self {
        Self {
            name: String::new(),
            stops: vec![(stop, 0)],
        }
    }
}

/// One connection, as the walk needs it; in the order of the walk.
#[derive(Debug, Clone, Copy)]
struct Row {
    /// Trip.
    trip: u32,
    /// Stop at the end.
    to: u32,
    /// Time at the end, s.
    arr_s: i32,
    /// First departure one can change to at that stop, as a row; the row after the last for none.
    change: u32,
    /// Row of the next departure from the stop at the begin.
    next: u32,
    /// End of this row's ways on foot in `foot`.
    foot_end: u32,
    board: bool,
    alight: bool,
}

/// A timetable prepared for walks in one direction.
#[derive(Debug, Clone)]
pub struct Scan {
    direction: Direction,
    trips: usize,
    rows: Vec<Row>,
    /// First departures after ways on foot, as rows.
    foot: Vec<u32>,
    /// Runs of rows at one time that depend on one another in a circle, to be repeated.
    knots: Vec<order::Knot>,
    /// Rows by stop at their begin, latest first, with their time there.
    departures: Vec<(u32, i32)>,
    departures_first: Vec<u32>,
    /// Ways on foot in the direction of the walk, and backwards.
    ways: Foot,
    ways_back: Foot,
    /// Seconds between being ready at a stop and boarding at the begin of a walk.
    begin_s: Vec<u32>,
    /// Seconds between alighting and being there, at the end of a walk.
    end_s: Vec<u32>,
}

/// The departures of places, latest first, and what it takes to end at each stop.
struct Begins {
    first: Vec<u32>,
    /// Row, and latest time to be ready for it.
    rows: Vec<(u32, i32)>,
}

/// Profiles between all places, by destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AllPairs {
    /// For each destination the profiles from all origins; from a place to itself: none.
    pub to: Vec<Profiles>,
}

impl AllPairs {
    /// The profile between two places.
    #[must_use]
    pub fn profile(&self, from: usize, to: usize) -> &[Pair] {
        self.to[to].of(from)
    }

    /// Profiles between some of the places only, with these places.
    #[must_use]
    pub fn only(&self, places: &[Place], keep: impl Fn(&Place) -> bool) -> (Vec<Place>, Self) {
        let kept: Vec<usize> = (0..self.to.len().min(places.len()))
            .filter(|at| keep(&places[*at]))
            .collect();
        let to = kept
            .iter()
            .map(|to| {
                let mut made = Profiles {
                    first: vec![0],
                    pairs: Vec::new(),
                };
                for from in &kept {
                    made.pairs.extend_from_slice(self.profile(*from, *to));
                    made.first.push(index(made.pairs.len()));
                }
                made
            })
            .collect();
        (
            kept.iter().map(|at| places[*at].clone()).collect(),
            Self { to },
        )
    }

    /// How many places there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.to.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.to.is_empty()
    }
}

impl Scan {
    /// Prepares a timetable.
    #[must_use]
    pub fn new(timetable: &Timetable, direction: Direction) -> Self {
        order::prepare(timetable, direction)
    }

    /// Profiles between all stops and a place: to it, or from it. The place's own stops have
    /// none.
    ///
    /// # Errors
    /// Where the place names a stop that is not there.
    pub fn profiles(&self, place: &Place) -> Result<Profiles, TransitError> {
        self.check(std::slice::from_ref(place))?;
        let mut ends = vec![[NO_END_S; 1]; self.begin_s.len()];
        self.ends_of(place, |stop, s| ends[stop][0] = ends[stop][0].min(s));
        let mut best = Vec::new();
        walk::walk::<1, false>(self, &ends, &mut best);
        let own: Vec<u32> = place.stops.iter().map(|s| s.0).collect();
        let mut made = Profiles {
            first: vec![0],
            pairs: Vec::new(),
        };
        let mut begins = Vec::new();
        for stop in 0..index(self.begin_s.len()) {
            if !own.contains(&stop) {
                begins.clear();
                self.begins_of_stop(stop, 0, &mut begins);
                if !self.ways.from(stop).is_empty() {
                    begins.sort_unstable_by_key(|b| std::cmp::Reverse(b.1));
                }
                self.extract(&begins, |row| best[row][0], &mut made.pairs);
            }
            made.first.push(index(made.pairs.len()));
        }
        Ok(made)
    }

    /// Profiles with at most 1, 2, ... `trips_max` trips (at most 16): from all stops to a place,
    /// or from it. Entry `k` allows `k + 1` trips.
    ///
    /// # Errors
    /// Where the place names a stop that is not there, or `trips_max` is not 1 to 16.
    pub fn profiles_by_trips(
        &self,
        place: &Place,
        trips_max: usize,
    ) -> Result<Vec<Profiles>, TransitError> {
        self.check(std::slice::from_ref(place))?;
        if !(1..=LANES).contains(&trips_max) {
            return Err(TransitError::Option {
                what: "trips_max",
                message: format!("{trips_max} is not 1 to {LANES}"),
            });
        }
        let mut ends = vec![[NO_END_S; LANES]; self.begin_s.len()];
        self.ends_of(place, |stop, s| {
            for lane in &mut ends[stop] {
                *lane = (*lane).min(s);
            }
        });
        let mut best = Vec::new();
        walk::walk::<LANES, true>(self, &ends, &mut best);
        let begins = self.begins(&self.stops_as_places());
        let own: Vec<u32> = place.stops.iter().map(|s| s.0).collect();
        let owns = |_, stop: usize| own.contains(&index(stop));
        Ok(self.collect(&begins, owns, &best, trips_max))
    }

    /// Profiles between all places over the whole day; on all threads of the pool, the same for
    /// any number of them.
    ///
    /// # Errors
    /// Where a place names a stop that is not there, or the result would exceed 400 million pairs.
    pub fn all_pairs(&self, places: &[Place]) -> Result<AllPairs, TransitError> {
        self.all_pairs_with(places, &|_, _| ControlFlow::Continue(()))
    }

    /// [`Self::all_pairs`] that tells how many destinations of how many are done, and stops where
    /// `progress` breaks; it is called from all threads of the pool.
    ///
    /// # Errors
    /// As [`Self::all_pairs`]; and where `progress` breaks.
    pub fn all_pairs_with(
        &self,
        places: &[Place],
        progress: OnScan<'_>,
    ) -> Result<AllPairs, TransitError> {
        let kept = AtomicUsize::new(0);
        let keep = |_, profiles: Profiles| {
            let so_far = kept.fetch_add(profiles.pairs.len(), Ordering::Relaxed);
            if so_far > PAIRS_MAX {
                return Err(TransitError::TooLarge {
                    at: TransitError::at_file("all pairs"),
                    what: "pairs",
                    limit: PAIRS_MAX as u64,
                });
            }
            Ok(profiles)
        };
        let to = self.to_each(places, places, |a, b| a == b, keep, progress)?;
        Ok(AllPairs {
            to: to.into_iter().collect::<Result<_, _>>()?,
        })
    }

    /// Calls `each` with every place and the profiles between all places and it, and keeps what
    /// it returns, in the order of places: for results too large to hold at once.
    ///
    /// # Errors
    /// Where a place names a stop that is not there.
    pub fn for_each_end<T: Send>(
        &self,
        places: &[Place],
        each: impl Fn(usize, Profiles) -> T + Sync,
    ) -> Result<Vec<T>, TransitError> {
        let go = |_, _| ControlFlow::Continue(());
        self.to_each(places, places, |a, b| a == b, each, &go)
    }

    /// Calls `each` with every target and the profiles between all stops and it, and keeps what it
    /// returns, in the order of targets. A target's own stops have none.
    ///
    /// # Errors
    /// Where a target names a stop that is not there.
    pub fn to_places<T: Send>(
        &self,
        targets: &[Place],
        each: impl Fn(usize, Profiles) -> T + Sync,
    ) -> Result<Vec<T>, TransitError> {
        let own = |target: usize, stop: usize| {
            let stops = &targets[target].stops;
            stops.iter().any(|(s, _)| *s as usize == stop)
        };
        let go = |_, _| ControlFlow::Continue(());
        self.to_each(&self.stops_as_places(), targets, own, each, &go)
    }

    /// The core: blocks of targets side by side, on all threads of the pool.
    fn to_each<T: Send>(
        &self,
        places: &[Place],
        targets: &[Place],
        own: impl Fn(usize, usize) -> bool + Sync,
        each: impl Fn(usize, Profiles) -> T + Sync,
        progress: OnScan<'_>,
    ) -> Result<Vec<T>, TransitError> {
        self.check(places)?;
        self.check(targets)?;
        let begins = self.begins(places);
        let (done, stopped) = (AtomicUsize::new(0), AtomicBool::new(false));
        let blocks: Vec<Vec<T>> = targets
            .par_chunks(LANES)
            .enumerate()
            .map_init(Vec::new, |best, (block, chunk)| {
                if stopped.load(Ordering::Relaxed) {
                    return Vec::new();
                }
                let mut ends = vec![[NO_END_S; LANES]; self.begin_s.len()];
                for (lane, place) in chunk.iter().enumerate() {
                    self.ends_of(place, |stop, s| {
                        ends[stop][lane] = ends[stop][lane].min(s);
                    });
                }
                walk::walk::<LANES, false>(self, &ends, best);
                let owns = |lane: usize, place: usize| own(block * LANES + lane, place);
                let made = self
                    .collect(&begins, owns, best, chunk.len())
                    .into_iter()
                    .enumerate()
                    .map(|(lane, profiles)| each(block * LANES + lane, profiles))
                    .collect();
                let so_far = done.fetch_add(chunk.len(), Ordering::Relaxed) + chunk.len();
                if progress(so_far, targets.len()).is_break() {
                    stopped.store(true, Ordering::Relaxed);
                }
                made
            })
            .collect();
        if stopped.load(Ordering::Relaxed) {
            return Err(TransitError::Stopped {
                file: "profiles".into(),
            });
        }
        Ok(blocks.into_iter().flatten().collect())
    }

    /// Every stop as a place of its own.
    #[must_use]
    pub fn stops_as_places(&self) -> Vec<Place> {
        (0..index(self.begin_s.len())).map(Place::stop).collect()
    }

    fn check(&self, places: &[Place]) -> Result<(), TransitError> {
        let count = self.begin_s.len();
        for place in places {
            if let Some((stop, _)) = place.stops.iter().find(|(s, _)| *s as usize >= count) {
                return Err(TransitError::Option {
                    what: "place",
                    message: format!("\"{}\" names stop {stop} of {count}", place.name),
                });
            }
        }
        Ok(())
    }

    /// What it takes from alighting at a stop to being at the place.
    fn ends_of(&self, place: &Place, mut set: impl FnMut(usize, i32)) {
        for (stop, access_s) in &place.stops {
            set(
                *stop as usize,
                seconds(self.end_s[*stop as usize], *access_s),
            );
            for (from, way_s) in self.ways_back.from(*stop) {
                set(*from as usize, seconds(*way_s, *access_s));
            }
        }
    }

    /// Departures from a stop and from where one can walk to, with the latest time to be ready.
    fn begins_of_stop(&self, stop: u32, access_s: u32, into: &mut Vec<(u32, i32)>) {
        let departures = |stop: u32| {
            let (a, b) = (stop as usize, stop as usize + 1);
            &self.departures[self.departures_first[a] as usize..self.departures_first[b] as usize]
        };
        let begin_s = seconds(self.begin_s[stop as usize], access_s);
        into.extend(departures(stop).iter().map(|(row, s)| (*row, s - begin_s)));
        for (to, way_s) in self.ways.from(stop) {
            let way_s = seconds(*way_s, access_s);
            into.extend(departures(*to).iter().map(|(row, s)| (*row, s - way_s)));
        }
    }

    fn begins(&self, places: &[Place]) -> Begins {
        let mut made = Begins {
            first: vec![0],
            rows: Vec::with_capacity(self.rows.len()),
        };
        for place in places {
            let start = made.rows.len();
            for (stop, access_s) in &place.stops {
                self.begins_of_stop(*stop, *access_s, &mut made.rows);
            }
            // Stable, so that equal times keep the order of the walk.
            made.rows[start..].sort_by_key(|b| std::cmp::Reverse(b.1));
            made.first.push(index(made.rows.len()));
        }
        made
    }

    /// Profiles of the first `lanes` lanes: a row of `best` is one cache line, so it is read once
    /// for all of them.
    fn collect<const L: usize>(
        &self,
        begins: &Begins,
        own: impl Fn(usize, usize) -> bool,
        best: &[[i32; L]],
        lanes: usize,
    ) -> Vec<Profiles> {
        let empty = Profiles {
            first: vec![0],
            pairs: Vec::new(),
        };
        let mut made = vec![empty; lanes];
        for place in 0..begins.first.len() - 1 {
            let range = begins.first[place] as usize..begins.first[place + 1] as usize;
            // A lane whose own place this is takes nothing: nothing is earlier than this.
            let mut earliest = [i32::MIN; L];
            for (lane, slot) in earliest.iter_mut().enumerate().take(lanes) {
                if !own(lane, place) {
                    *slot = NONE_S;
                }
            }
            for (row, ready) in &begins.rows[range] {
                let arrive = &best[*row as usize];
                if !(0..L).any(|lane| arrive[lane] < earliest[lane]) {
                    continue;
                }
                for (lane, profiles) in made.iter_mut().enumerate() {
                    if arrive[lane] < earliest[lane] {
                        earliest[lane] = arrive[lane];
                        let start = profiles.first[place] as usize;
                        self.append(start, *ready, arrive[lane], &mut profiles.pairs);
                    }
                }
            }
            for profiles in &mut made {
                if self.direction == Direction::AllToOne {
                    let start = profiles.first[place] as usize;
                    profiles.pairs[start..].reverse();
                }
                profiles.first.push(index(profiles.pairs.len()));
            }
        }
        made
    }

    /// Appends the profile that follows from departures, latest first.
    fn extract(&self, begins: &[(u32, i32)], best: impl Fn(usize) -> i32, into: &mut Vec<Pair>) {
        let start = into.len();
        let mut earliest = NONE_S;
        for (row, ready) in begins {
            let arrive = best(*row as usize);
            if arrive >= earliest {
                continue;
            }
            earliest = arrive;
            self.append(start, *ready, arrive, into);
        }
        if self.direction == Direction::AllToOne {
            into[start..].reverse();
        }
    }

    /// Appends a journey to a profile that begins at `start`, latest departure first.
    #[inline]
    fn append(&self, start: usize, ready: i32, arrive: i32, into: &mut Vec<Pair>) {
        let pair = match self.direction {
            Direction::AllToOne => Pair {
                ready_s: ready,
                arrive_s: arrive,
            },
            Direction::OneToAll => Pair {
                ready_s: -arrive,
                arrive_s: -ready,
            },
        };
        match into[start..].last_mut() {
            // The same time to be ready, an earlier arrival (or, backwards, the reverse).
            Some(last)
                if (self.direction == Direction::AllToOne && last.ready_s == pair.ready_s)
                    || (self.direction == Direction::OneToAll
                        && last.arrive_s == pair.arrive_s) =>
            {
                *last = pair;
            }
            _ => into.push(pair),
        }
    }
}

/// Two spans one after the other, s, as the walk counts.
fn seconds(a: u32, b: u32) -> i32 {
    i32::try_from(a.saturating_add(b).min(2 * NEVER_S)).unwrap_or(NONE_S)
}
