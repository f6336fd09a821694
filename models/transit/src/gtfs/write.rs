//! A feed as GTFS: the tables a reader needs, byte for byte the same for equal feeds.

use std::io::{Cursor, Write};
use std::path::Path;

use crate::days::gtfs_date;
use crate::error::TransitError;
use crate::feed::{Feed, INTERPOLATED, NO_ALIGHTING, NO_BOARDING};
use crate::gtfs::clock_text;

/// Writes the tables into a folder, which is made.
///
/// # Errors
/// Where a file cannot be written.
pub fn write_folder(feed: &Feed, folder: &Path) -> Result<(), TransitError> {
    let name = folder.display().to_string();
    std::fs::create_dir_all(folder).map_err(|e| TransitError::unreadable(&name, &e))?;
    for (file, text) in tables(feed)? {
        std::fs::write(folder.join(file), text).map_err(|e| TransitError::unreadable(file, &e))?;
    }
    Ok(())
}

/// The feed as the bytes of a zip archive.
///
/// # Errors
/// Where the archive cannot be made.
pub fn write_zip(feed: &Feed) -> Result<Vec<u8>, TransitError> {
    let fail = |e: &dyn std::fmt::Display| TransitError::unreadable(&feed.source, e);
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Deflated)
        .last_modified_time(zip::DateTime::default());
    for (file, text) in tables(feed)? {
        archive.start_file(file, options).map_err(|e| fail(&e))?;
        archive.write_all(&text).map_err(|e| fail(&e))?;
    }
    Ok(archive.finish().map_err(|e| fail(&e))?.into_inner())
}

type Row = Vec<String>;

/// All tables, named.
fn tables(feed: &Feed) -> Result<Vec<(&'static str, Vec<u8>)>, TransitError> {
    let zone = feed.timezone.as_deref().unwrap_or("Etc/UTC");
    let agency: Vec<Row> = vec![row([&feed.source, "https://conurb.dev/", zone])];
    Ok(vec![
        (
            "agency.txt",
            csv(
                "agency.txt",
                "agency_name,agency_url,agency_timezone",
                agency.into_iter(),
            )?,
        ),
        (
            "stops.txt",
            csv(
                "stops.txt",
                "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station",
                feed.stops.iter().map(|s| {
                    let degree = |d: Option<f64>| d.map_or_else(String::new, |d| d.to_string());
                    let parent = s.parent.map_or("", |p| &*feed.stops[p as usize].id);
                    row([
                        &*s.id,
                        &*s.name,
                        &degree(s.lat_lon.map(|p| p.0)),
                        &degree(s.lat_lon.map(|p| p.1)),
                        &s.kind.to_string(),
                        parent,
                    ])
                }),
            )?,
        ),
        (
            "routes.txt",
            csv(
                "routes.txt",
                "route_id,route_short_name,route_long_name,route_type",
                feed.routes
                    .iter()
                    .map(|r| row([&*r.id, &*r.short_name, &*r.long_name, &r.kind.to_string()])),
            )?,
        ),
        (
            "calendar_dates.txt",
            csv(
                "calendar_dates.txt",
                "service_id,date,exception_type",
                feed.services
                    .iter()
                    .flat_map(|s| s.days.iter().map(|d| row([&*s.id, &gtfs_date(d), "1"]))),
            )?,
        ),
        (
            "trips.txt",
            csv(
                "trips.txt",
                "route_id,service_id,trip_id,trip_short_name",
                feed.trips.iter().map(|t| {
                    let route = &feed.routes[t.route as usize].id;
                    let service = &feed.services[t.service as usize].id;
                    row([&**route, &**service, &*t.id, &*t.name])
                }),
            )?,
        ),
        ("stop_times.txt", stop_times(feed)?),
        (
            "transfers.txt",
            csv(
                "transfers.txt",
                "from_stop_id,to_stop_id,transfer_type,min_transfer_time",
                feed.transfers.iter().map(|t| {
                    let kind = match (t.forbidden, t.min_s) {
                        (true, _) => "3",
                        (_, Some(_)) => "2",
                        _ => "0",
                    };
                    let min = t.min_s.map_or_else(String::new, |s| s.to_string());
                    let id = |stop: u32| feed.stops[stop as usize].id.clone();
                    row([&*id(t.from), &*id(t.to), kind, &min])
                }),
            )?,
        ),
    ])
}

fn stop_times(feed: &Feed) -> Result<Vec<u8>, TransitError> {
    let rows = feed.trips.iter().flat_map(|trip| {
        feed.calls_of(trip).enumerate().map(move |(n, at)| {
            let calls = &feed.calls;
            let flag = |bit| if calls.flags[at] & bit == 0 { "0" } else { "1" };
            // 0 says that the time is approximate.
            let exact = if calls.flags[at] & INTERPOLATED == 0 {
                "1"
            } else {
                "0"
            };
            row([
                &*trip.id,
                &clock_text(calls.arr_s[at]),
                &clock_text(calls.dep_s[at]),
                &feed.stops[calls.stop[at] as usize].id,
                &(n + 1).to_string(),
                flag(NO_BOARDING),
                flag(NO_ALIGHTING),
                exact,
            ])
        })
    });
    csv(
        "stop_times.txt",
        "trip_id,arrival_time,departure_time,stop_id,stop_sequence,pickup_type,drop_off_type,timepoint",
        rows,
    )
}

fn row<const N: usize>(cells: [&str; N]) -> Row {
    cells.map(str::to_owned).to_vec()
}

fn csv(
    file: &str,
    headers: &str,
    rows: impl Iterator<Item = Row>,
) -> Result<Vec<u8>, TransitError> {
    let fail = |e: &dyn std::fmt::Display| TransitError::unreadable(file, e);
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer
        .write_record(headers.split(','))
        .map_err(|e| fail(&e))?;
    for cells in rows {
        writer.write_record(&cells).map_err(|e| fail(&e))?;
    }
    writer.into_inner().map_err(|e| fail(&e))
}
