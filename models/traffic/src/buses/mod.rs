//! Buses of a timetable on a street network.
//!
//! Stops are given by longitude and latitude, trips by the stops they call at. [`add`] finds the roads
//! that each sequence of stops is driven over ([`matching`], on the kerbs of [`kerbs`]) and makes each trip
//! a vehicle that halts at its stops ([`trips`]). What does not fit is counted with its reason. The method
//! and its limits: `docs/traffic/buses.md`.
//!
//! **Invariant** Equal network, timetable and options give equal flows.

mod kerbs;
mod matching;
#[cfg(test)]
mod tests;
mod trips;

use std::collections::{BTreeMap, BTreeSet};

use crate::anchor::Anchor;
use crate::demand::Demand;
use crate::error::TrafficError;
use crate::network::Network;
use crate::sumo::{self, Unmodelled};
use matching::{Matcher, Pattern};

/// A place where buses call.
#[derive(Debug, Clone, PartialEq)]
pub struct BusStop {
    /// Identifier, for messages.
    pub id: String,
    /// Latitude and longitude, WGS 84 degrees, where known.
    pub lat_lon_deg: Option<(f64, f64)>,
}

/// A call of a trip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BusCall {
    /// Index into [`BusTimetable::stops`].
    pub stop: u32,
    /// Arrival, s after midnight of the service day.
    pub arr_s: u32,
    /// Departure, the same.
    pub dep_s: u32,
    /// The timetable names these times; else they were made from those around.
    pub timed: bool,
}

/// One run of a bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusTrip {
    /// Identifier, for messages.
    pub id: String,
    /// Its calls in order.
    pub calls: Vec<BusCall>,
}

/// A line with its trips of the day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusLine {
    /// Name, for messages.
    pub name: String,
    /// Trips.
    pub trips: Vec<BusTrip>,
}

/// The buses of a day.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BusTimetable {
    /// Stops.
    pub stops: Vec<BusStop>,
    /// Lines.
    pub lines: Vec<BusLine>,
}

/// How to put buses on the streets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BusOptions {
    /// Where on the globe the network lies.
    pub anchor: Anchor,
    /// Time of day at which the run begins, s after midnight of the service day.
    pub from_s: u32,
    /// Length of the run, s: later trips are left out.
    pub span_s: u32,
    /// A stop belongs to roads up to this distance, m.
    pub radius_m: f64,
    /// Halt where the timetable gives none, s. The Transit Capacity and Quality of Service Manual (TCRP
    /// Report 165, 2013, ch. 6) takes 15 s at a typical stop, 30 s at a major one, 60 s downtown.
    pub dwell_s: f64,
}

impl BusOptions {
    /// The usual radius (50 m) and halt (15 s).
    #[must_use]
    pub const fn new(anchor: Anchor, from_s: u32, span_s: u32) -> Self {
        Self {
            anchor,
            from_s,
            span_s,
            radius_m: 50.0,
            dwell_s: 15.0,
        }
    }
}

/// How many there are, and how many of them are on the streets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// All.
    pub all: usize,
    /// Those on the streets.
    pub found: usize,
}

/// What became of a timetable.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BusReport {
    /// Lines with a trip in the time of the run; those of which one runs.
    pub lines: Share,
    /// Trips in the time of the run; those that run, whole or in part.
    pub trips: Share,
    /// Of those that run, trips that run in part: the rest lies outside or is not matched.
    pub trips_in_part: usize,
    /// Stops at which these trips call; those matched to a road.
    pub stops: Share,
    /// Mean and largest distance of the matched stops from their lane, m; that of the first pattern that
    /// calls there counts.
    pub distance_m: Option<(f64, f64)>,
    /// What is not matched and why.
    pub not_matched: Unmodelled,
}

/// Buses as a demand of their own.
#[derive(Debug)]
pub struct Buses {
    /// One flow a vehicle, by departure; add it to another demand with [`Demand::and`].
    pub demand: Demand,
    /// `line trip` of each flow; a trip that leaves the network and comes back has several.
    pub ids: Vec<String>,
    /// What was matched and what was not.
    pub report: BusReport,
}

/// Puts the buses of a timetable on the streets.
///
/// # Errors
/// Where a call names a stop that is not there, or an option is outside its domain.
pub fn add(
    net: &Network,
    timetable: &BusTimetable,
    options: &BusOptions,
) -> Result<Buses, TrafficError> {
    check(timetable, options)?;
    let limits = net.lanes.iter().map(|l| l.max_speed_m_s);
    let bus = sumo::bus(limits.fold(1.0, f64::max));
    let mut patterns: BTreeMap<Vec<u32>, (usize, Pattern)> = BTreeMap::new();
    for (n, line) in timetable.lines.iter().enumerate() {
        for trip in line.trips.iter().filter(|t| trips::in_time(t, options)) {
            patterns
                .entry(stops_of(trip))
                .or_insert_with(|| (n, Pattern::default()));
        }
    }
    let mut matcher = Matcher::new(net, timetable, options, bus.length_m);
    let keys: Vec<&Vec<u32>> = patterns.keys().collect();
    matcher.prepare(&keys);
    let found: Vec<Pattern> = keys.iter().map(|stops| matcher.pattern(stops)).collect();
    for ((_, slot), pattern) in patterns.values_mut().zip(found) {
        *slot = pattern;
    }
    let mut report = report_of(timetable, &matcher, &patterns);
    let mut maker = trips::Maker::new(net, options, &mut report);
    for line in &timetable.lines {
        let trips = line.trips.iter().filter(|t| trips::in_time(t, options));
        let mut one = false;
        let mut any = false;
        for trip in trips {
            any = true;
            one |= maker.trip(line, trip, &patterns[&stops_of(trip)].1);
        }
        maker.line(any, one);
    }
    let (demand, ids) = maker.finish(bus);
    Ok(Buses {
        demand,
        ids,
        report,
    })
}

/// What was matched of the stops, and what was not.
fn report_of(
    timetable: &BusTimetable,
    matcher: &Matcher<'_>,
    patterns: &BTreeMap<Vec<u32>, (usize, Pattern)>,
) -> BusReport {
    let mut report = BusReport::default();
    let mut called: BTreeMap<u32, Option<f64>> = BTreeMap::new();
    for (stops, (line, pattern)) in patterns {
        let line = &timetable.lines[*line].name;
        pattern.tell(stops, &mut called, |what, stop| {
            let stop = &timetable.stops[stop as usize].id;
            report
                .not_matched
                .add_at(what, || format!("stop {stop} of line {line}"));
        });
    }
    let lost = called.iter().filter(|(_, d)| d.is_none());
    for (stop, _) in lost {
        let id = &timetable.stops[*stop as usize].id;
        let what = matcher.why_not(*stop);
        report.not_matched.add_at(what, || format!("stop {id}"));
    }
    let distances: Vec<f64> = called.values().copied().flatten().collect();
    report.stops = Share {
        all: called.len(),
        found: distances.len(),
    };
    if !distances.is_empty() {
        #[allow(clippy::cast_precision_loss)] // stops
        let mean = distances.iter().sum::<f64>() / distances.len() as f64;
        report.distance_m = Some((mean, distances.iter().copied().fold(0.0, f64::max)));
    }
    report
}

fn stops_of(trip: &BusTrip) -> Vec<u32> {
    trip.calls.iter().map(|c| c.stop).collect()
}

fn check(timetable: &BusTimetable, options: &BusOptions) -> Result<(), TrafficError> {
    let wrong = |what, message: String| Err(TrafficError::Option { what, message });
    if !(options.radius_m > 0.0 && options.radius_m <= 1_000.0) {
        let message = format!("{} m is not above 0 and at most 1,000 m", options.radius_m);
        return wrong("search radius of bus stops", message);
    }
    if !(0.0..=3_600.0).contains(&options.dwell_s) {
        let message = format!("{} s is not between 0 and 3,600 s", options.dwell_s);
        return wrong("halt of buses", message);
    }
    let count = timetable.stops.len();
    let calls = (timetable.lines.iter().flat_map(|l| &l.trips)).flat_map(|t| &t.calls);
    let absent: BTreeSet<u32> = calls
        .map(|c| c.stop)
        .filter(|s| *s as usize >= count)
        .collect();
    match absent.first() {
        Some(stop) => wrong(
            "stop of a trip",
            format!("stop {stop} is none of the {count} of the timetable (from 0)"),
        ),
        None => Ok(()),
    }
}
