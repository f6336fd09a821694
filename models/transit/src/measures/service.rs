//! Service between places: direct trains a day, share of journeys without change, schedule
//! waiting time.

use rustc_hash::FxHashMap;
use serde::Serialize;

use super::reach::positive;
use crate::error::TransitError;
use crate::feed::{NO_ALIGHTING, NO_BOARDING};
use crate::profile::Window;
use crate::scan::Place;
use crate::timetable::Timetable;

/// Direct service in one direction.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ServiceRow {
    /// Index of the place of origin.
    pub from: usize,
    /// Index of the destination.
    pub to: usize,
    /// Trips that can be boarded at the one and left at the other, each counted once.
    pub direct_trips: u32,
    /// The fastest of them, s, from departure to arrival.
    pub ride_s: u32,
    /// Departures from the origin, ascending, s: the last of a trip before it reaches the
    /// destination for the first time. Those made from a headway are marked in `headway_based`.
    pub departures_s: Vec<u32>,
    /// Trips made from a headway without exact times: their wait is half the headway, not that of
    /// the gaps.
    pub headway_based: u32,
}

/// Direct service between places, of pairs that have any, by origin and destination. Calls in a
/// row within one place count as one: a train that stops twice in a city is boarded at the last
/// of these and left at the first.
///
/// # Errors
/// Where a place names a stop that is not there, or two places share a stop.
pub fn service_between(
    timetable: &Timetable,
    places: &[Place],
) -> Result<Vec<ServiceRow>, TransitError> {
    let mut place_of = vec![usize::MAX; timetable.stops().len()];
    for (at, place) in places.iter().enumerate() {
        for (stop, _) in &place.stops {
            match place_of.get_mut(*stop as usize) {
                Some(slot) if *slot == usize::MAX => *slot = at,
                _ => {
                    return Err(TransitError::Option {
                        what: "place",
                        message: format!(
                            "\"{}\" names stop {stop}, which is unknown or another place's",
                            place.name
                        ),
                    });
                }
            }
        }
    }
    let mut rows: FxHashMap<(usize, usize), ServiceRow> = FxHashMap::default();
    // Of this trip: places passed, with the latest boarding there.
    let mut boarded: Vec<(usize, u32)> = Vec::new();
    let mut served: Vec<(usize, usize)> = Vec::new();
    for trip in timetable.trips() {
        boarded.clear();
        served.clear();
        for call in &trip.calls {
            let here = place_of[call.stop as usize];
            if here == usize::MAX {
                continue;
            }
            if call.flags & NO_ALIGHTING == 0 {
                for (from, dep_s) in boarded.iter().filter(|b| b.0 != here) {
                    let ride_s = call.arr_s - dep_s;
                    let row = rows.entry((*from, here)).or_insert_with(|| ServiceRow {
                        from: *from,
                        to: here,
                        direct_trips: 0,
                        ride_s,
                        departures_s: Vec::new(),
                        headway_based: 0,
                    });
                    row.ride_s = row.ride_s.min(ride_s);
                    if !served.contains(&(*from, here)) {
                        served.push((*from, here));
                        row.direct_trips += 1;
                        row.departures_s.push(*dep_s);
                        row.headway_based += u32::from(trip.headway_s.is_some());
                    }
                }
            }
            if call.flags & NO_BOARDING == 0 {
                match boarded.iter_mut().find(|b| b.0 == here) {
                    Some(slot) => slot.1 = call.dep_s,
                    None => boarded.push((here, call.dep_s)),
                }
            }
        }
    }
    let mut rows: Vec<ServiceRow> = rows.into_values().collect();
    rows.sort_unstable_by_key(|r| (r.from, r.to));
    for row in &mut rows {
        row.departures_s.sort_unstable();
    }
    Ok(rows)
}

/// Whether the time after the last departure of a window counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tail {
    /// As a gap that ends with the window.
    In,
    /// Left out of the sum; the length of the window stays.
    Out,
}

/// Schedule waiting time: W = (1 / 2H) sum of squared gaps between departures in a window of
/// length H, the first gap from the begin of the window, min. `None` where nothing departs within
/// the window.
///
/// # Errors
/// Where the window ends before it begins.
pub fn schedule_wait_min(
    departures_s: &[u32],
    window: Window,
    tail: Tail,
) -> Result<Option<f64>, TransitError> {
    let length_s = f64::from(window.to_s) - f64::from(window.from_s);
    positive("window", length_s)?;
    let mut within: Vec<f64> = departures_s
        .iter()
        .map(|d| f64::from(*d))
        .filter(|d| *d >= f64::from(window.from_s) && *d <= f64::from(window.to_s))
        .collect();
    within.sort_by(f64::total_cmp);
    if within.is_empty() {
        return Ok(None);
    }
    if tail == Tail::In {
        within.push(f64::from(window.to_s));
    }
    let mut before = f64::from(window.from_s);
    let mut squares = 0.0;
    for at in within {
        squares += (at - before) * (at - before);
        before = at;
    }
    Ok(Some(squares / (2.0 * length_s) / 60.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_of_even_and_uneven_departures() {
        let window = Window {
            from_s: 0,
            to_s: 3600,
        };
        let wait = |departures: &[u32], tail| schedule_wait_min(departures, window, tail).unwrap();
        // Every 20 minutes: half of it.
        assert_eq!(wait(&[1200, 2400, 3600], Tail::In), Some(10.0));
        // All at once at the end: half of the window.
        assert_eq!(wait(&[3600, 3600], Tail::Out), Some(30.0));
        // At 10 and 40 min: (100 + 900) / 120, and 400 more with the tail.
        assert_eq!(wait(&[2400, 600], Tail::Out), Some(1000.0 / 120.0));
        assert_eq!(wait(&[2400, 600], Tail::In), Some(1400.0 / 120.0));
        assert_eq!(wait(&[4000], Tail::In), None, "none, not a number");
        let empty = Window { from_s: 5, to_s: 5 };
        assert!(schedule_wait_min(&[5], empty, Tail::In).is_err());
    }
}
