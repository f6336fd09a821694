//! `stop_times.txt` and `frequencies.txt`: calls in order, blank times interpolated, headways
//! expanded.

use super::rows::unknown;
use super::table::{Clock, Column, clock};
use super::{Reader, Rows, clock_text, finding};
use crate::error::TransitError;
use crate::feed::{
    Calls, Feed, INTERPOLATED, NO_ALIGHTING, NO_BOARDING, NO_TIME, Stop, Trip, index,
};
use crate::findings::Severity;

/// Name of the table, in findings.
const FILE: &str = "stop_times.txt";

/// Columns of `stop_times.txt`.
struct Columns {
    trip: Column,
    stop: Column,
    seq: Column,
    arr: Column,
    dep: Column,
    pickup: Column,
    drop_off: Column,
    dist: Column,
}

/// What is needed to order and interpolate, and thrown away after.
#[derive(Default)]
struct Order {
    trip: Vec<u32>,
    seq: Vec<u32>,
    dist: Vec<f32>,
    /// Rows came trip by trip, in ascending sequence.
    broken: bool,
    started: Vec<bool>,
}

impl Reader<'_> {
    pub(super) fn read_stop_times(&mut self) -> Result<(), TransitError> {
        let mut order = Order {
            started: vec![false; self.feed.trips.len()],
            ..Order::default()
        };
        let mut columns = None;
        let (mut last_id, mut last_trip) = (Vec::new(), None);
        let rows_max = self.limits.stop_times;
        let there = self.rows_of(FILE, rows_max, |rows, tables| {
            let Some(columns) = &columns else {
                columns = Some(find_columns(rows)?);
                return Ok(());
            };
            // Rows of one trip mostly stand together.
            let id = rows.bytes(columns.trip);
            if last_trip.is_none() || id != last_id.as_slice() {
                last_trip = tables.trips.get(id).copied();
                last_id.clear();
                last_id.extend_from_slice(id);
            }
            let row = rows.row();
            let stop = tables.stops.get(rows.bytes(columns.stop)).copied();
            let (Some(trip), Some(stop)) = (last_trip, stop) else {
                let (what, column) = match last_trip {
                    None => ("trip_id", columns.trip),
                    Some(_) => ("stop_id", columns.stop),
                };
                let wrong = rows.text(column).into_owned();
                unknown(&mut tables.feed.findings, FILE, row, what, &wrong);
                return Ok(());
            };
            add_call(rows, columns, tables.feed, &mut order, (trip, stop, row));
            Ok(())
        })?;
        if !there {
            return Err(self.missing(FILE));
        }
        put_in_order(&mut self.feed, &mut order);
        finish_trips(&mut self.feed, &order.dist);
        Ok(())
    }

    pub(super) fn read_frequencies(&mut self) -> Result<(), TransitError> {
        let (rows_max, calls_max) = (self.limits.rows, self.limits.stop_times);
        let by_id: rustc_hash::FxHashMap<Box<[u8]>, usize> = self
            .feed
            .trips
            .iter()
            .enumerate()
            .map(|(at, t)| (t.id.as_bytes().into(), at))
            .collect();
        let mut templates: Vec<usize> = Vec::new();
        let mut columns: Option<[Column; 5]> = None;
        self.rows_of("frequencies.txt", rows_max, |rows, tables| {
            let Some([trip, start, end, headway, exact]) = columns else {
                columns = Some([
                    rows.need("trip_id")?,
                    rows.need("start_time")?,
                    rows.need("end_time")?,
                    rows.need("headway_secs")?,
                    rows.column("exact_times"),
                ]);
                return Ok(());
            };
            let row = rows.row();
            let Some(at) = by_id.get(rows.bytes(trip)).copied() else {
                let wrong = rows.text(trip).into_owned();
                unknown(
                    &mut tables.feed.findings,
                    "frequencies.txt",
                    row,
                    "trip_id",
                    &wrong,
                );
                return Ok(());
            };
            let times = (clock(rows.bytes(start)), clock(rows.bytes(end)));
            let headway_s: Option<u32> = rows.number(headway).filter(|h| *h > 0);
            let ((Clock::At(from_s), Clock::At(to_s)), Some(headway_s)) = (times, headway_s) else {
                let id = rows.text(trip).into_owned();
                bad_row(tables.feed, "frequencies.txt", row, &id);
                return Ok(());
            };
            templates.push(at);
            let exact = rows.bytes(exact) == b"1";
            expand(tables.feed, at, (from_s, to_s), headway_s, exact, calls_max)
        })?;
        if !templates.is_empty() {
            let mut at = 0;
            templates.sort_unstable();
            self.feed.trips.retain(|_| {
                at += 1;
                templates.binary_search(&(at - 1)).is_err()
            });
        }
        Ok(())
    }
}

fn find_columns(rows: &Rows<'_>) -> Result<Columns, TransitError> {
    Ok(Columns {
        trip: rows.need("trip_id")?,
        stop: rows.need("stop_id")?,
        seq: rows.need("stop_sequence")?,
        arr: rows.need("arrival_time")?,
        dep: rows.need("departure_time")?,
        pickup: rows.column("pickup_type"),
        drop_off: rows.column("drop_off_type"),
        dist: rows.column("shape_dist_traveled"),
    })
}

fn bad_row(feed: &mut Feed, file: &str, row: u32, subject: &str) {
    feed.findings.add("R3", || {
        finding(
            "R3",
            Severity::Error,
            file,
            Some(row),
            subject,
            "a time or number cannot be read; the value is left out",
            "write times as HH:MM:SS and numbers as plain digits",
        )
    });
}

fn add_call(
    rows: &mut Rows<'_>,
    columns: &Columns,
    feed: &mut Feed,
    order: &mut Order,
    (trip, stop, row): (u32, u32, u32),
) {
    let mut bad = false;
    let mut time = |column| match clock(rows.bytes(column)) {
        Clock::At(time_s) => time_s,
        Clock::Blank => NO_TIME,
        Clock::Bad => {
            bad = true;
            NO_TIME
        }
    };
    let (arr, dep) = (time(columns.arr), time(columns.dep));
    let seq: Option<u32> = rows.number(columns.seq);
    if bad || seq.is_none() {
        let id = rows.text(columns.trip).into_owned();
        bad_row(feed, FILE, row, &id);
    }
    let seq = seq.unwrap_or_else(|| order.seq.last().map_or(0, |s| s.saturating_add(1)));
    if order.trip.last() == Some(&trip) {
        order.broken |= order.seq.last().is_some_and(|last| *last >= seq);
    } else {
        order.broken |= std::mem::replace(&mut order.started[trip as usize], true);
    }
    order.trip.push(trip);
    order.seq.push(seq);
    if rows.filled(columns.dist) || !order.dist.is_empty() {
        order.dist.resize(order.trip.len() - 1, f32::NAN);
        order
            .dist
            .push(rows.number(columns.dist).unwrap_or(f32::NAN));
    }
    let mut flags = 0;
    if rows.bytes(columns.pickup) == b"1" {
        flags |= NO_BOARDING;
    }
    if rows.bytes(columns.drop_off) == b"1" {
        flags |= NO_ALIGHTING;
    }
    // Only one of the two given means both.
    let (arr, dep) = match (arr, dep) {
        (NO_TIME, known) | (known, NO_TIME) => (known, known),
        both => both,
    };
    feed.calls.push(stop, arr, dep, flags, row);
}

/// Brings calls into the order (trip, sequence), one column at a time, and tells the trips where
/// theirs are.
fn put_in_order(feed: &mut Feed, order: &mut Order) {
    if order.broken {
        let mut by: Vec<u32> = (0..index(order.trip.len())).collect();
        by.sort_by_key(|at| (order.trip[*at as usize], order.seq[*at as usize]));
        permute(&mut order.trip, &by);
        permute(&mut feed.calls.stop, &by);
        permute(&mut feed.calls.arr_s, &by);
        permute(&mut feed.calls.dep_s, &by);
        permute(&mut feed.calls.flags, &by);
        permute(&mut feed.calls.row, &by);
        if !order.dist.is_empty() {
            permute(&mut order.dist, &by);
        }
    }
    let mut start = 0;
    for run in order.trip.chunk_by(|a, b| a == b) {
        let end = start + run.len();
        feed.trips[run[0] as usize].calls = (index(start), index(end));
        start = end;
    }
    order.trip = Vec::new();
    order.seq = Vec::new();
}

fn permute<T: Copy>(column: &mut Vec<T>, by: &[u32]) {
    *column = by.iter().map(|at| column[*at as usize]).collect();
}

/// Interpolates blank times and drops trips that cannot be used. `dist` holds
/// `shape_dist_traveled` per call, or nothing.
pub(crate) fn finish_trips(feed: &mut Feed, dist: &[f32]) {
    let Feed {
        trips,
        calls,
        stops,
        findings,
        ..
    } = feed;
    let mut blanks = 0_u64;
    trips.retain(|trip| {
        let range = trip.calls.0 as usize..trip.calls.1 as usize;
        let problem = if range.len() < 2 {
            Some((
                "Q13",
                "the trip has fewer than two calls; left out".to_owned(),
            ))
        } else {
            match fill_blanks(calls, range.clone(), dist, stops) {
                Some(filled) => {
                    blanks += filled;
                    disorder(calls, range.clone()).map(|row| {
                        let message =
                            format!("times run backwards at row {row}; the trip is left out");
                        ("Q8", message)
                    })
                }
                None => Some((
                    "R9",
                    "the first or last call has no time; the trip is left out".to_owned(),
                )),
            }
        };
        if let Some((rule, message)) = &problem {
            findings.add(rule, || {
                let row = calls.row.get(range.start).copied().unwrap_or(trip.row);
                finding(
                    rule,
                    Severity::Error,
                    FILE,
                    Some(row),
                    &trip.id,
                    message.clone(),
                    "correct the trip's rows",
                )
            });
        }
        problem.is_none()
    });
    if blanks > 0 {
        findings.add("R2", || crate::findings::Finding {
            #[allow(clippy::cast_precision_loss)] // far below 2^53
            value: Some(blanks as f64),
            ..finding(
                "R2",
                Severity::Warning,
                FILE,
                None,
                FILE,
                format!(
                    "{blanks} of {} calls have no time; interpolated between timed calls",
                    calls.len()
                ),
                "give the times, at least at larger stops",
            )
        });
    }
}

/// Row of the first call whose times run backwards.
fn disorder(calls: &Calls, range: std::ops::Range<usize>) -> Option<u32> {
    let first = range.start;
    range
        .into_iter()
        .find(|at| {
            calls.dep_s[*at] < calls.arr_s[*at]
                || (*at > first && calls.arr_s[*at] < calls.dep_s[*at - 1])
        })
        .map(|at| calls.row[at])
}

/// Fills blank times; how many, or `None` where the first or last is blank.
fn fill_blanks(
    calls: &mut Calls,
    range: std::ops::Range<usize>,
    dist: &[f32],
    stops: &[Stop],
) -> Option<u64> {
    let blank = |calls: &Calls, at: usize| calls.arr_s[at] == NO_TIME;
    if blank(calls, range.start) || blank(calls, range.end - 1) {
        return None;
    }
    let mut filled = 0;
    let mut along: Vec<f64> = Vec::new();
    let mut before = range.start;
    for at in range.clone() {
        if blank(calls, at) {
            continue;
        }
        if at > before + 1 {
            if along.is_empty() {
                along = positions(calls, range.clone(), dist, stops);
            }
            let (from, to) = (calls.dep_s[before], calls.arr_s[at]);
            let place = |n: usize| along[n - range.start];
            let length = place(at) - place(before);
            for n in before + 1..at {
                #[allow(clippy::cast_precision_loss)] // few calls
                let share = if length > 0.0 {
                    (place(n) - place(before)) / length
                } else {
                    (n - before) as f64 / (at - before) as f64
                };
                let span = f64::from(to.saturating_sub(from));
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                // within the span
                let time_s = from + (span * share.clamp(0.0, 1.0)).round() as u32;
                calls.arr_s[n] = time_s;
                calls.dep_s[n] = time_s;
                calls.flags[n] |= INTERPOLATED;
                filled += 1;
            }
        }
        before = at;
    }
    Some(filled)
}

/// How far along each call is: by `shape_dist_traveled` if all have it and it grows, else by great
/// circles, else by count.
#[allow(clippy::cast_precision_loss)] // few calls
fn positions(
    calls: &Calls,
    range: std::ops::Range<usize>,
    dist: &[f32],
    stops: &[Stop],
) -> Vec<f64> {
    if let Some(dist) = dist.get(range.clone())
        && dist.iter().all(|d| d.is_finite())
        && dist.is_sorted()
        && dist.first() < dist.last()
    {
        return dist.iter().map(|d| f64::from(*d)).collect();
    }
    let places: Option<Vec<(f64, f64)>> = range
        .clone()
        .map(|at| stops[calls.stop[at] as usize].lat_lon)
        .collect();
    match places {
        Some(places) => {
            let mut sum = 0.0;
            let mut along = vec![0.0];
            for pair in places.windows(2) {
                sum += conurb_geo::great_circle_km(pair[0], pair[1]);
                along.push(sum);
            }
            along
        }
        None => (0..range.len()).map(|n| n as f64).collect(),
    }
}

/// Adds the trips of one row of `frequencies.txt`.
fn expand(
    feed: &mut Feed,
    template: usize,
    (from_s, to_s): (u32, u32),
    headway_s: u32,
    exact: bool,
    calls_max: u64,
) -> Result<(), TransitError> {
    let trip = feed.trips[template].clone();
    let range = feed.calls_of(&trip);
    let runs = u64::from(to_s.saturating_sub(from_s).div_ceil(headway_s));
    if feed.calls.len() as u64 + runs * range.len() as u64 > calls_max {
        return Err(TransitError::TooLarge {
            at: TransitError::at_file("frequencies.txt"),
            what: "stop times",
            limit: calls_max,
        });
    }
    let first_s = feed.calls.dep_s[range.start];
    for start_s in (from_s..to_s).step_by(headway_s as usize) {
        let begin = feed.calls.len();
        for at in range.clone() {
            let shifted = |time_s: u32| start_s + time_s.saturating_sub(first_s);
            let (stop, flags, row) = (
                feed.calls.stop[at],
                feed.calls.flags[at],
                feed.calls.row[at],
            );
            let (arr, dep) = (shifted(feed.calls.arr_s[at]), shifted(feed.calls.dep_s[at]));
            feed.calls.push(stop, arr, dep, flags, row);
        }
        feed.trips.push(Trip {
            id: format!("{}@{}", trip.id, clock_text(start_s)).into(),
            calls: (index(begin), index(feed.calls.len())),
            headway_s: (!exact).then_some(headway_s),
            ..trip.clone()
        });
    }
    Ok(())
}
