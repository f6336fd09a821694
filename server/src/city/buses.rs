//! Buses of a GTFS feed on the streets of a city.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use conurb_traffic::Anchor;
use conurb_traffic::buses::{
    self, BusCall, BusLine, BusOptions, BusReport, BusStop, BusTimetable, BusTrip,
};
use conurb_transit::gtfs::{self, Limits};
use conurb_transit::{Date, DayMode, Feed, INTERPOLATED, Timetable, TimetableOptions};

use super::{City, Input, input, name_of, read};
use crate::cli::BusArgs;
use crate::fail::{Failure, io};
use crate::gen_cmd::time_of_day;

/// Begin of the run where nothing is said.
const FROM: &str = "07:00";
/// GTFS `route_type`: bus, trolleybus; and the extended types of coaches, buses, trolleybuses.
const BUSES: [std::ops::RangeInclusive<u16>; 5] = [3..=3, 11..=11, 200..=209, 700..=716, 800..=800];

/// Adds the buses that the arguments name; without any the city stays as it is.
pub(super) fn add(args: &BusArgs, city: &mut City, span_s: u32) -> Result<(), Failure> {
    let (Some(path), Some(date)) = (&args.gtfs, args.date) else {
        return Ok(());
    };
    let from_s = time_of_day(args.from.as_deref().unwrap_or(FROM))?;
    let named = args.anchor.map(|p| Anchor::at_origin(p.0[1], p.0[0]));
    let anchor = named.or_else(|| city.network.anchor()).ok_or_else(|| {
        Failure::plain(
            format!(
                "--gtfs: the network {} does not say where on the globe it lies (or in a projection that \
                 is not read), so stops have no place in it",
                city.name
            ),
            Some("name the place of its origin: --anchor LON,LAT in degrees, as --anchor 120.15,30.25"),
        )
    })?;
    let (feed, mut source) = feed(path)?;
    let (timetable, others) = timetable(&feed, date)?;
    let options = BusOptions::new(anchor, from_s, span_s);
    let found = buses::add(&city.network, &timetable, &options)?;
    let report = &found.report;
    if report.stops.all > 0 && report.stops.found == 0 {
        return Err(Failure::plain(
            format!(
                "none of the {} stops of {} lies on the streets of {}",
                report.stops.all, source.file, city.name
            ),
            Some(
                "check that feed and network are of one city, and the place of its origin (--anchor)",
            ),
        ));
    }
    source.notes = notes(report, others);
    if feed.findings.total() > 0 {
        let total = feed.findings.total();
        source.notes.push(format!(
            "the feed's reader repaired or doubted {total} rows"
        ));
    }
    city.demand = Arc::new(city.demand.and(&found.demand));
    city.inputs.push(source);
    Ok(())
}

/// The feed, and what it was for the report.
fn feed(path: &Path) -> Result<(Feed, Input), Failure> {
    let name = name_of(path);
    if !path.is_dir() {
        let bytes = read(path)?;
        let input = input("buses", &name, &bytes, &[]);
        return Ok((gtfs::read_zip(&name, bytes, Limits::default())?, input));
    }
    let feed = gtfs::read_path(path, Limits::default())?;
    // What is hashed: the tables in the order of their names.
    let entries = std::fs::read_dir(path).map_err(|e| io(path, "cannot read", &e))?;
    let mut files = Vec::new();
    for entry in entries {
        let file = entry.map_err(|e| io(path, "cannot read", &e))?.path();
        if file.extension().is_some_and(|e| e == "txt") {
            files.push(file);
        }
    }
    files.sort();
    let tables = files
        .iter()
        .map(|f| read(f))
        .collect::<Result<Vec<_>, _>>()?;
    Ok((feed, input("buses", &name, &tables.concat(), &[])))
}

/// The buses of a day, and how many trips of it are of other vehicles.
fn timetable(feed: &Feed, date: Date) -> Result<(BusTimetable, usize), Failure> {
    let options = TimetableOptions {
        mode: DayMode::Calendar,
        ..TimetableOptions::default()
    };
    let day = Timetable::of_day(feed, date, options)?;
    let routes: BTreeMap<&str, &conurb_transit::Route> =
        feed.routes.iter().map(|r| (&*r.id, r)).collect();
    let mut lines: BTreeMap<&str, BusLine> = BTreeMap::new();
    let mut others = 0;
    for run in day.trips() {
        let Some(route) = routes.get(&*run.route) else {
            continue;
        };
        if !BUSES.iter().any(|kinds| kinds.contains(&route.kind)) {
            others += 1;
            continue;
        }
        let line = lines.entry(&route.id).or_insert_with(|| BusLine {
            name: if route.short_name.is_empty() {
                route.id.to_string()
            } else {
                route.short_name.to_string()
            },
            trips: Vec::new(),
        });
        let calls = run.calls.iter().map(|call| BusCall {
            stop: call.stop,
            arr_s: call.arr_s,
            dep_s: call.dep_s,
            timed: call.flags & INTERPOLATED == 0,
        });
        line.trips.push(BusTrip {
            id: run.id.to_string(),
            calls: calls.collect(),
        });
    }
    let stops = feed.stops.iter().map(|stop| BusStop {
        id: stop.id.to_string(),
        lat_lon_deg: stop.lat_lon,
    });
    let timetable = BusTimetable {
        stops: stops.collect(),
        lines: lines.into_values().collect(),
    };
    Ok((timetable, others))
}

/// What was matched, and what was not and why, a line each.
fn notes(report: &BusReport, others: usize) -> Vec<String> {
    let distance = report.distance_m.map_or_else(String::new, |(mean, most)| {
        format!(" ({mean:.1} m beside their lane on average, {most:.1} m at most)")
    });
    let mut notes = vec![format!(
        "buses: {} of {} lines and {} of {} trips run ({} of them in part); {} of {} stops matched{distance}",
        report.lines.found,
        report.lines.all,
        report.trips.found,
        report.trips.all,
        report.trips_in_part,
        report.stops.found,
        report.stops.all,
    )];
    if others > 0 {
        notes.push(format!(
            "{others} trips of the day are not of buses: left out"
        ));
    }
    let lost = report.not_matched.features().into_iter();
    notes.extend(lost.map(|f| {
        format!(
            "not matched: {} ({}, first: {})",
            f.feature, f.count, f.first
        )
    }));
    notes
}
