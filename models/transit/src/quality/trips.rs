//! Rules on trips: implied speed (Q1), legs that take no time (Q9), loops (Q10), duplicates (Q11).

use std::hash::Hasher;

use rustc_hash::{FxHashMap, FxHasher};

use super::{FastestLeg, QualityOptions, QualityReport, Rule};
use crate::feed::{Feed, Trip};
use crate::findings::{Findings, Severity};

const CALLS: &str = "stop_times.txt";

const SPEED: Rule = Rule {
    id: "Q1",
    severity: Severity::Error,
    file: CALLS,
    remedy: "correct the coordinates of one of the two stops, or the times; a stop of the same \
             name elsewhere is the usual cause",
};
const ZERO: Rule = Rule {
    id: "Q9",
    severity: Severity::Note,
    file: CALLS,
    remedy: "give times to the second where stops are closer than a minute",
};
const LOOP: Rule = Rule {
    id: "Q10",
    severity: Severity::Note,
    file: CALLS,
    remedy: "none needed for ring lines; else check the stops of the trip",
};
const DUPLICATE: Rule = Rule {
    id: "Q11",
    severity: Severity::Warning,
    file: "trips.txt",
    remedy: "remove one of the two trips: it doubles frequency",
};

/// Implied speed between calls, km/h: up to a minute of rounding is granted at each end.
pub(super) fn implied_km_h(km: f64, run_s: u32) -> f64 {
    km / (f64::from(run_s.max(60)) + 60.0) * 3_600.0
}

/// Q1. How many legs of each stop were too fast.
pub(super) fn speeds(
    feed: &Feed,
    options: &QualityOptions<'_>,
    report: &mut QualityReport,
) -> Vec<u32> {
    let mut speeding = vec![0_u32; feed.stops.len()];
    // Trips run along the same legs over and over.
    let mut lengths: FxHashMap<(u32, u32), Option<f64>> = FxHashMap::default();
    let mut fastest = (0.0, usize::MAX, 0);
    let calls = &feed.calls;
    for (trip_at, trip) in feed.trips.iter().enumerate() {
        let limit = options.limits.of(feed.routes[trip.route as usize].kind);
        let range = feed.calls_of(trip);
        for at in range.start + 1..range.end {
            let (a, b) = (calls.stop[at - 1], calls.stop[at]);
            let km = *lengths.entry((a, b)).or_insert_with(|| {
                let place = |stop: u32| feed.stops[stop as usize].lat_lon;
                Some(conurb_geo::great_circle_km(place(a)?, place(b)?))
            });
            let Some(km) = km else { continue };
            let run_s = calls.arr_s[at].saturating_sub(calls.dep_s[at - 1]);
            let km_h = implied_km_h(km, run_s);
            if km_h > fastest.0 {
                fastest = (km_h, at, trip_at);
            }
            if km_h > limit {
                speeding[a as usize] += 1;
                speeding[b as usize] += 1;
                report.findings.add(SPEED.id, || {
                    let name = |stop: u32| &feed.stops[stop as usize].name;
                    let message = format!(
                        "{km:.1} km from {} to {} in {run_s} s is {km_h:.1} km/h, limit {limit}",
                        name(a),
                        name(b)
                    );
                    SPEED.finding(calls.row[at], &trip.id, Some(km_h), message)
                });
            }
        }
    }
    if fastest.1 != usize::MAX {
        let name = |at: usize| feed.stops[calls.stop[at] as usize].name.to_string();
        report.facts.fastest = Some(FastestLeg {
            km_h: fastest.0,
            from: name(fastest.1 - 1),
            to: name(fastest.1),
            trip: feed.trips[fastest.2].id.to_string(),
            row: calls.row[fastest.1],
        });
    }
    speeding
}

/// Q9.
pub(super) fn zero_legs(feed: &Feed, findings: &mut Findings) {
    let calls = &feed.calls;
    for trip in &feed.trips {
        let range = feed.calls_of(trip);
        for at in range.start + 1..range.end {
            if calls.arr_s[at] == calls.dep_s[at - 1] {
                findings.add(ZERO.id, || {
                    let message = "arrives when it left the stop before".to_owned();
                    ZERO.finding(calls.row[at], &trip.id, Some(0.0), message)
                });
            }
        }
    }
}

/// Q10.
pub(super) fn loops(feed: &Feed, findings: &mut Findings) {
    let mut last_trip = vec![usize::MAX; feed.stops.len()];
    for (trip_at, trip) in feed.trips.iter().enumerate() {
        for at in feed.calls_of(trip) {
            let stop = feed.calls.stop[at] as usize;
            if std::mem::replace(&mut last_trip[stop], trip_at) == trip_at {
                findings.add(LOOP.id, || {
                    let message = format!("calls again at {}", feed.stops[stop].name);
                    LOOP.finding(feed.calls.row[at], &trip.id, None, message)
                });
                break;
            }
        }
    }
}

/// Q11: the same service, stops and times.
pub(super) fn duplicates(feed: &Feed, findings: &mut Findings) {
    let calls = &feed.calls;
    let same = |a: &Trip, b: &Trip| {
        let (a_at, b_at) = (feed.calls_of(a), feed.calls_of(b));
        a.service == b.service
            && calls.stop[a_at.clone()] == calls.stop[b_at.clone()]
            && calls.arr_s[a_at.clone()] == calls.arr_s[b_at.clone()]
            && calls.dep_s[a_at] == calls.dep_s[b_at]
    };
    let mut seen: FxHashMap<u64, Vec<u32>> = FxHashMap::default();
    for (at, trip) in (0_u32..).zip(&feed.trips) {
        let range = feed.calls_of(trip);
        // Few trips share service, ends and times without being equal.
        let mut hash = FxHasher::default();
        hash.write_u32(trip.service);
        hash.write_usize(range.len());
        let middle = usize::midpoint(range.start, range.end);
        for call in [range.start, middle, range.end - 1] {
            hash.write_u32(calls.stop[call]);
            hash.write_u32(calls.arr_s[call]);
        }
        let alike = seen.entry(hash.finish()).or_default();
        let first = alike
            .iter()
            .find(|other| same(trip, &feed.trips[**other as usize]));
        if let Some(first) = first {
            findings.add(DUPLICATE.id, || {
                let other = &feed.trips[*first as usize].id;
                let message = format!("has the days, stops and times of trip {other}");
                DUPLICATE.finding(trip.row, &trip.id, None, message)
            });
        } else {
            alike.push(at);
        }
    }
}
