//! The small tables: agency, feed_info, stops, routes, trips, transfers, pathways.

use std::collections::BinaryHeap;

use rustc_hash::FxHashMap;

use super::table::Column;
use super::{Ids, Reader, Rows, finding, shared};
use crate::days::parse_date;
use crate::error::TransitError;
use crate::feed::{Route, Stop, Transfer, Trip, index};
use crate::findings::{Findings, Severity};

impl Reader<'_> {
    pub(super) fn read_agency(&mut self) -> Result<(), TransitError> {
        let rows_max = self.limits.rows;
        let mut columns = None;
        let there = self.rows_of("agency.txt", rows_max, |rows, tables| {
            let Some((zone, url)) = columns else {
                columns = Some((rows.column("agency_timezone"), rows.column("agency_url")));
                return Ok(());
            };
            if tables.feed.timezone.is_none() && rows.filled(zone) {
                tables.feed.timezone = Some(rows.text(zone).into_owned());
            }
            let row = rows.row();
            if rows.filled(url) && !rows.bytes(url).starts_with(b"http") {
                decoration(&mut tables.feed.findings, "agency.txt", row, "agency_url");
            }
            Ok(())
        })?;
        if !there {
            self.feed.findings.add("R8", || {
                finding(
                    "R8",
                    Severity::Warning,
                    "agency.txt",
                    None,
                    "agency.txt",
                    "there is no agency.txt; the time zone is unknown",
                    "add the table",
                )
            });
        }
        Ok(())
    }

    pub(super) fn read_feed_info(&mut self) -> Result<(), TransitError> {
        let rows_max = self.limits.rows;
        let mut columns = None;
        self.rows_of("feed_info.txt", rows_max, |rows, tables| {
            let Some((start, end)) = columns else {
                columns = Some((rows.column("feed_start_date"), rows.column("feed_end_date")));
                return Ok(());
            };
            let (first, last) = (parse_date(&rows.text(start)), parse_date(&rows.text(end)));
            tables.feed.window = first.zip(last);
            Ok(())
        })?;
        Ok(())
    }

    pub(super) fn read_stops(&mut self) -> Result<(), TransitError> {
        let rows_max = self.limits.rows;
        let mut columns: Option<[Column; 6]> = None;
        let mut parents: Vec<(u32, Box<[u8]>)> = Vec::new();
        let there = self.rows_of("stops.txt", rows_max, |rows, tables| {
            let Some([id, name, lat, lon, parent, kind]) = columns else {
                columns = Some([
                    rows.need("stop_id")?,
                    rows.column("stop_name"),
                    rows.column("stop_lat"),
                    rows.column("stop_lon"),
                    rows.column("parent_station"),
                    rows.column("location_type"),
                ]);
                return Ok(());
            };
            let row = rows.row();
            let at = index(tables.feed.stops.len());
            if !first_of_id(
                rows,
                id,
                tables.stops,
                at,
                "stops.txt",
                &mut tables.feed.findings,
            ) {
                return Ok(());
            }
            let lat_lon = rows
                .number::<f64>(lat)
                .zip(rows.number::<f64>(lon))
                .filter(|(a, o)| a.abs() <= 90.0 && o.abs() <= 180.0 && (*a != 0.0 || *o != 0.0));
            let kind = rows.number(kind).unwrap_or(0);
            let stop_id = shared(&rows.text(id));
            if lat_lon.is_none() && kind < 3 {
                tables.feed.findings.add("R7", || {
                    finding(
                        "R7",
                        Severity::Warning,
                        "stops.txt",
                        Some(row),
                        &stop_id,
                        "no usable coordinates; distances and maps leave this stop out",
                        "add stop_lat and stop_lon in WGS84 degrees",
                    )
                });
            }
            if rows.filled(parent) {
                parents.push((at, rows.bytes(parent).into()));
            }
            tables.feed.stops.push(Stop {
                name: shared(&rows.text(name)),
                id: stop_id,
                lat_lon,
                parent: None,
                kind,
                row,
            });
            Ok(())
        })?;
        if !there {
            return Err(self.missing("stops.txt"));
        }
        for (stop, parent) in parents {
            match self.stops.get(&parent) {
                Some(at) if *at != stop => self.feed.stops[stop as usize].parent = Some(*at),
                _ => {
                    let row = self.feed.stops[stop as usize].row;
                    let id = String::from_utf8_lossy(&parent).into_owned();
                    unknown(
                        &mut self.feed.findings,
                        "stops.txt",
                        row,
                        "parent_station",
                        &id,
                    );
                }
            }
        }
        Ok(())
    }

    pub(super) fn read_routes(&mut self) -> Result<(), TransitError> {
        let rows_max = self.limits.rows;
        let mut columns: Option<[Column; 6]> = None;
        let there = self.rows_of("routes.txt", rows_max, |rows, tables| {
            let Some([id, short, long, kind, colour, text_colour]) = columns else {
                columns = Some([
                    rows.need("route_id")?,
                    rows.column("route_short_name"),
                    rows.column("route_long_name"),
                    rows.column("route_type"),
                    rows.column("route_color"),
                    rows.column("route_text_color"),
                ]);
                return Ok(());
            };
            let row = rows.row();
            let at = index(tables.feed.routes.len());
            if !first_of_id(
                rows,
                id,
                tables.routes,
                at,
                "routes.txt",
                &mut tables.feed.findings,
            ) {
                return Ok(());
            }
            for (column, name) in [(colour, "route_color"), (text_colour, "route_text_color")] {
                let bytes = rows.bytes(column);
                let fine = bytes.len() == 6 && bytes.iter().all(u8::is_ascii_hexdigit);
                if !bytes.is_empty() && !fine {
                    decoration(&mut tables.feed.findings, "routes.txt", row, name);
                }
            }
            tables.feed.routes.push(Route {
                id: shared(&rows.text(id)),
                short_name: shared(&rows.text(short)),
                long_name: shared(&rows.text(long)),
                kind: rows.number(kind).unwrap_or(2),
                row,
            });
            Ok(())
        })?;
        if there {
            Ok(())
        } else {
            Err(self.missing("routes.txt"))
        }
    }

    pub(super) fn read_trips(&mut self) -> Result<(), TransitError> {
        let rows_max = self.limits.rows;
        let mut columns: Option<[Column; 4]> = None;
        let there = self.rows_of("trips.txt", rows_max, |rows, tables| {
            let Some([id, route, service, name]) = columns else {
                columns = Some([
                    rows.need("trip_id")?,
                    rows.need("route_id")?,
                    rows.need("service_id")?,
                    rows.column("trip_short_name"),
                ]);
                return Ok(());
            };
            let row = rows.row();
            let findings = &mut tables.feed.findings;
            let known = (
                tables.routes.get(rows.bytes(route)).copied(),
                tables.services.get(rows.bytes(service)).copied(),
            );
            let (Some(route_at), Some(service_at)) = known else {
                let (what, column) = match known.0 {
                    None => ("route_id", route),
                    Some(_) => ("service_id", service),
                };
                let wrong = rows.text(column).into_owned();
                unknown(findings, "trips.txt", row, what, &wrong);
                return Ok(());
            };
            let at = index(tables.feed.trips.len());
            if first_of_id(rows, id, tables.trips, at, "trips.txt", findings) {
                tables.feed.trips.push(Trip {
                    id: shared(&rows.text(id)),
                    name: shared(&rows.text(name)),
                    route: route_at,
                    service: service_at,
                    calls: (0, 0),
                    headway_s: None,
                    row,
                });
            }
            Ok(())
        })?;
        if there {
            Ok(())
        } else {
            Err(self.missing("trips.txt"))
        }
    }

    pub(super) fn read_transfers(&mut self) -> Result<(), TransitError> {
        let rows_max = self.limits.rows;
        let mut columns: Option<[Column; 6]> = None;
        self.rows_of("transfers.txt", rows_max, |rows, tables| {
            let Some([from, to, kind, min, from_trip, to_trip]) = columns else {
                columns = Some([
                    rows.need("from_stop_id")?,
                    rows.need("to_stop_id")?,
                    rows.column("transfer_type"),
                    rows.column("min_transfer_time"),
                    rows.column("from_trip_id"),
                    rows.column("to_trip_id"),
                ]);
                return Ok(());
            };
            let row = rows.row();
            let kind: u8 = rows.number(kind).unwrap_or(0);
            if kind > 3 || rows.filled(from_trip) || rows.filled(to_trip) {
                tables.feed.findings.add("R11", || {
                    finding(
                        "R11",
                        Severity::Note,
                        "transfers.txt",
                        Some(row),
                        "transfers.txt",
                        "a transfer between two trips is not read: both ends change as usual",
                        "nothing to do",
                    )
                });
                return Ok(());
            }
            let ends = (
                tables.stops.get(rows.bytes(from)),
                tables.stops.get(rows.bytes(to)),
            );
            let (Some(from_at), Some(to_at)) = ends else {
                let wrong = if ends.0.is_none() { from } else { to };
                let id = rows.text(wrong).into_owned();
                unknown(
                    &mut tables.feed.findings,
                    "transfers.txt",
                    row,
                    "stop_id",
                    &id,
                );
                return Ok(());
            };
            tables.feed.transfers.push(Transfer {
                from: *from_at,
                to: *to_at,
                min_s: rows.number(min),
                forbidden: kind == 3,
                row,
            });
            Ok(())
        })?;
        Ok(())
    }

    /// Ways inside stations; they become transfers where `transfers.txt` says nothing.
    pub(super) fn read_pathways(&mut self) -> Result<(), TransitError> {
        let rows_max = self.limits.rows;
        let mut columns: Option<[Column; 5]> = None;
        let mut ways: FxHashMap<u32, Vec<(u32, u32)>> = FxHashMap::default();
        self.rows_of("pathways.txt", rows_max, |rows, tables| {
            let Some([from, to, both, time, length]) = columns else {
                columns = Some([
                    rows.need("from_stop_id")?,
                    rows.need("to_stop_id")?,
                    rows.column("is_bidirectional"),
                    rows.column("traversal_time"),
                    rows.column("length"),
                ]);
                return Ok(());
            };
            let ends = (
                tables.stops.get(rows.bytes(from)),
                tables.stops.get(rows.bytes(to)),
            );
            let (Some(from_at), Some(to_at)) = ends else {
                let row = rows.row();
                unknown(
                    &mut tables.feed.findings,
                    "pathways.txt",
                    row,
                    "stop_id",
                    "",
                );
                return Ok(());
            };
            // 1.2 m/s where only the length is given.
            let time_s = rows.number::<u32>(time).or_else(|| {
                let metres = rows.number::<f64>(length)?;
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped
                Some((metres / 1.2).ceil().clamp(0.0, 7200.0) as u32)
            });
            let time_s = time_s.unwrap_or(60);
            ways.entry(*from_at).or_default().push((*to_at, time_s));
            if rows.bytes(both) == b"1" {
                ways.entry(*to_at).or_default().push((*from_at, time_s));
            }
            Ok(())
        })?;
        if !ways.is_empty() {
            self.add_pathways(&ways);
        }
        Ok(())
    }

    /// Shortest ways between the platforms of a station.
    fn add_pathways(&mut self, ways: &FxHashMap<u32, Vec<(u32, u32)>>) {
        let said: rustc_hash::FxHashSet<(u32, u32)> =
            self.feed.transfers.iter().map(|t| (t.from, t.to)).collect();
        for from in 0..index(self.feed.stops.len()) {
            if self.feed.stops[from as usize].kind != 0 || !ways.contains_key(&from) {
                continue;
            }
            let mut reached: FxHashMap<u32, u32> = FxHashMap::default();
            let mut queue = BinaryHeap::from([(std::cmp::Reverse(0_u32), from)]);
            while let Some((std::cmp::Reverse(time_s), at)) = queue.pop() {
                if reached.contains_key(&at) || time_s > 7200 {
                    continue;
                }
                reached.insert(at, time_s);
                for (to, way_s) in ways.get(&at).into_iter().flatten() {
                    queue.push((std::cmp::Reverse(time_s.saturating_add(*way_s)), *to));
                }
            }
            let mut ends: Vec<(u32, u32)> = reached
                .into_iter()
                .filter(|(to, _)| {
                    *to != from
                        && self.feed.stops[*to as usize].kind == 0
                        && !said.contains(&(from, *to))
                })
                .collect();
            ends.sort_unstable();
            self.feed
                .transfers
                .extend(ends.into_iter().map(|(to, time_s)| Transfer {
                    from,
                    to,
                    min_s: Some(time_s),
                    forbidden: false,
                    row: 0,
                }));
        }
    }
}

/// Remembers an identifier; `false`, with a finding, where it was there before.
fn first_of_id(
    rows: &mut Rows<'_>,
    id: Column,
    ids: &mut Ids,
    at: u32,
    file: &str,
    findings: &mut Findings,
) -> bool {
    let row = rows.row();
    let key: Box<[u8]> = rows.bytes(id).into();
    let (rule, message) = match ids.entry(key) {
        std::collections::hash_map::Entry::Vacant(free) if !free.key().is_empty() => {
            free.insert(at);
            return true;
        }
        std::collections::hash_map::Entry::Vacant(_) => ("R3", "the identifier is blank"),
        std::collections::hash_map::Entry::Occupied(_) => {
            ("R6", "the identifier was used before; this row is left out")
        }
    };
    let text = rows.text(id).into_owned();
    findings.add(rule, || {
        finding(
            rule,
            Severity::Error,
            file,
            Some(row),
            &text,
            message,
            "give each row an identifier of its own",
        )
    });
    false
}

fn decoration(findings: &mut Findings, file: &str, row: u32, column: &str) {
    findings.add("R4", || {
        finding(
            "R4",
            Severity::Note,
            file,
            Some(row),
            column,
            format!("{column} is not valid; it is ignored"),
            "a colour is six hexadecimal digits, an address begins with http",
        )
    });
}

/// A reference that leads nowhere.
pub(super) fn unknown(findings: &mut Findings, file: &str, row: u32, what: &str, id: &str) {
    findings.add("R1", || {
        finding(
            "R1",
            Severity::Error,
            file,
            Some(row),
            id,
            format!("{what} \"{id}\" is not in the feed; the row is left out"),
            "add what it names, or correct it",
        )
    });
}
