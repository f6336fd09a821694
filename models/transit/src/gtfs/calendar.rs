//! `calendar.txt` and `calendar_dates.txt`: which service runs on which day.

use std::ops::ControlFlow;

use super::table::Column;
use super::{Ids, Reader, Rows, finding, shared};
use crate::days::{DaySet, SPAN_DAYS_MAX, parse_date};
use crate::error::TransitError;
use crate::feed::{Feed, Service, index};
use crate::findings::Severity;

/// Columns of `calendar.txt`.
struct Weekly {
    id: Column,
    weekdays: [Column; 7],
    start: Column,
    end: Column,
}

impl Weekly {
    fn new(rows: &Rows<'_>) -> Result<Self, TransitError> {
        let day = |name| rows.need(name);
        Ok(Self {
            id: rows.need("service_id")?,
            weekdays: [
                day("monday")?,
                day("tuesday")?,
                day("wednesday")?,
                day("thursday")?,
                day("friday")?,
                day("saturday")?,
                day("sunday")?,
            ],
            start: rows.need("start_date")?,
            end: rows.need("end_date")?,
        })
    }
}

/// Columns of `calendar_dates.txt`.
struct Exceptions {
    id: Column,
    date: Column,
    kind: Column,
}

impl Reader<'_> {
    pub(super) fn read_calendar(&mut self) -> Result<(), TransitError> {
        let rows_max = self.limits.rows;
        let mut columns = None;
        let weekly = self.rows_of("calendar.txt", rows_max, |rows, tables| {
            let Some(columns) = &columns else {
                columns = Some(Weekly::new(rows)?);
                return Ok(());
            };
            weekly_row(rows, columns, tables.feed, tables.services);
            Ok(())
        })?;
        let mut columns = None;
        let mut outside = 0_u64;
        let exceptions = self.rows_of("calendar_dates.txt", rows_max, |rows, tables| {
            let Some(columns) = &columns else {
                columns = Some(Exceptions {
                    id: rows.need("service_id")?,
                    date: rows.need("date")?,
                    kind: rows.need("exception_type")?,
                });
                return Ok(());
            };
            if exception_row(rows, columns, tables.feed, tables.services).is_break() {
                outside += 1;
            }
            Ok(())
        })?;
        if outside > 0 {
            self.feed.findings.add("R10", || {
                finding(
                    "R10",
                    Severity::Warning,
                    "calendar_dates.txt",
                    None,
                    "calendar_dates.txt",
                    format!("{outside} exceptions lie outside the window of feed_info.txt; kept"),
                    "widen the window, or remove the exceptions",
                )
            });
        }
        if weekly || exceptions {
            Ok(())
        } else {
            Err(self.missing("calendar.txt or calendar_dates.txt"))
        }
    }
}

fn weekly_row(rows: &mut Rows<'_>, columns: &Weekly, feed: &mut Feed, services: &mut Ids) {
    let row = rows.row();
    let id = rows.text(columns.id).into_owned();
    let dates = (
        parse_date(&rows.text(columns.start)),
        parse_date(&rows.text(columns.end)),
    );
    let at = service(feed, services, &id, row);
    let (Some(start), Some(end)) = dates else {
        feed.findings.add("R3", || {
            finding(
                "R3",
                Severity::Error,
                "calendar.txt",
                Some(row),
                &id,
                "start_date or end_date is no date (YYYYMMDD); the week is left out",
                "correct the date",
            )
        });
        return;
    };
    let on: Vec<bool> = columns
        .weekdays
        .iter()
        .map(|c| rows.bytes(*c) == b"1")
        .collect();
    for date in start.series(jiff::Span::new().days(1)).take(SPAN_DAYS_MAX) {
        if date > end {
            break;
        }
        let weekday = usize::try_from(date.weekday().to_monday_zero_offset()).unwrap_or(0);
        if on[weekday] {
            feed.services[at].days.insert(date);
        }
    }
}

/// `Break` where the exception lies outside the feed's window.
fn exception_row(
    rows: &mut Rows<'_>,
    columns: &Exceptions,
    feed: &mut Feed,
    services: &mut Ids,
) -> ControlFlow<()> {
    let row = rows.row();
    let date = parse_date(&rows.text(columns.date));
    let kind: Option<u8> = rows.number(columns.kind);
    let id = rows.text(columns.id).into_owned();
    let (Some(date), Some(kind @ (1 | 2))) = (date, kind) else {
        feed.findings.add("R3", || {
            finding(
                "R3",
                Severity::Error,
                "calendar_dates.txt",
                Some(row),
                &id,
                "date or exception_type (1 or 2) cannot be read; left out",
                "correct the row",
            )
        });
        return ControlFlow::Continue(());
    };
    let at = service(feed, services, &id, 0);
    let days = &mut feed.services[at].days;
    if kind == 2 {
        days.remove(date);
    } else if !days.insert(date) {
        feed.findings.add("R3", || {
            finding(
                "R3",
                Severity::Error,
                "calendar_dates.txt",
                Some(row),
                &id,
                "the date lies decades from the service's other days; left out",
                "correct the date",
            )
        });
    }
    match feed.window {
        Some((first, last)) if date < first || date > last => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    }
}

/// The position of a service, made where it is new.
fn service(feed: &mut Feed, services: &mut Ids, id: &str, row: u32) -> usize {
    if let Some(at) = services.get(id.as_bytes()) {
        return *at as usize;
    }
    let at = feed.services.len();
    feed.services.push(Service {
        id: shared(id),
        days: DaySet::new(),
        row,
    });
    services.insert(id.as_bytes().into(), index(at));
    at
}
