//! GTFS Schedule (gtfs.org, revision of 2025) in and out. The reader is tolerant: it repairs or
//! drops what it must, says so in [`Feed::findings`](crate::Feed), and fails only where nothing
//! useful is left.

mod calendar;
mod rows;
mod source;
mod table;
mod times;
mod write;

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::error::TransitError;
use crate::feed::Feed;
use crate::findings::{Finding, Severity};

pub(crate) use source::Source;
pub(crate) use table::{Clock, Table, clock, clock_text};
pub use write::{write_folder, write_zip};

/// What a reader may take in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Stops, routes, trips, transfers, service days: rows of each such table.
    pub rows: u64,
    /// Stop times, before and after headways are expanded.
    pub stop_times: u64,
    /// Bytes of one unpacked table.
    pub table_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rows: 5_000_000,
            stop_times: 20_000_000,
            table_bytes: 4 << 30,
        }
    }
}

/// How far a reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The table.
    pub file: &'a str,
    /// Rows of it read so far.
    pub rows: u64,
}

/// Told every 65,536 rows; `Break` stops the reader.
pub type OnProgress<'a> = &'a mut dyn FnMut(&Progress<'_>) -> ControlFlow<()>;

/// Rows between two calls of the progress callback.
const PROGRESS_ROWS: u64 = 1 << 16;

/// Reads a feed from a zip archive or a folder.
///
/// # Errors
/// Where the path cannot be read, a needed table or column is missing, or a limit is exceeded.
pub fn read_path(path: &Path, limits: Limits) -> Result<Feed, TransitError> {
    read_path_with(path, limits, &mut |_| ControlFlow::Continue(()))
}

/// [`read_path`] that tells how far it is.
///
/// # Errors
/// As [`read_path`]; and where the callback breaks.
pub fn read_path_with(
    path: &Path,
    limits: Limits,
    progress: OnProgress<'_>,
) -> Result<Feed, TransitError> {
    let name = path.file_name().map_or_else(
        || path.display().to_string(),
        |n| n.to_string_lossy().into_owned(),
    );
    Reader::new(&name, Source::open(path)?, limits, progress).read()
}

/// Reads a feed from the bytes of a zip archive; `name` stands in messages.
///
/// # Errors
/// As [`read_path`].
pub fn read_zip(name: &str, bytes: Vec<u8>, limits: Limits) -> Result<Feed, TransitError> {
    let source = Source::from_bytes(name, bytes)?;
    Reader::new(name, source, limits, &mut |_| ControlFlow::Continue(())).read()
}

/// Identifier to index.
pub(crate) type Ids = FxHashMap<Box<[u8]>, u32>;

/// A feed being read.
pub(crate) struct Reader<'a> {
    source: Source,
    limits: Limits,
    progress: OnProgress<'a>,
    feed: Feed,
    stops: Ids,
    routes: Ids,
    services: Ids,
    trips: Ids,
}

impl<'a> Reader<'a> {
    fn new(name: &str, source: Source, limits: Limits, progress: OnProgress<'a>) -> Self {
        Self {
            source,
            limits,
            progress,
            feed: Feed {
                source: name.to_owned(),
                ..Feed::default()
            },
            stops: Ids::default(),
            routes: Ids::default(),
            services: Ids::default(),
            trips: Ids::default(),
        }
    }

    fn read(mut self) -> Result<Feed, TransitError> {
        self.read_agency()?;
        self.read_feed_info()?;
        self.read_stops()?;
        self.read_routes()?;
        self.read_calendar()?;
        self.read_trips()?;
        self.read_stop_times()?;
        self.read_frequencies()?;
        self.read_transfers()?;
        self.read_pathways()?;
        Ok(self.feed)
    }

    /// Calls `row` for each row of a table; `false` where the table is not there.
    fn rows_of(
        &mut self,
        file: &'static str,
        rows_max: u64,
        mut row: impl FnMut(&mut Rows<'_>, &mut Tables<'_>) -> Result<(), TransitError>,
    ) -> Result<bool, TransitError> {
        let Some(from) = self.source.table(file, self.limits.table_bytes)? else {
            return Ok(false);
        };
        let mut table = Table::new(file, from, rows_max)?;
        let mut tables = Tables {
            feed: &mut self.feed,
            stops: &mut self.stops,
            routes: &mut self.routes,
            services: &mut self.services,
            trips: &mut self.trips,
        };
        // The first call finds the columns, before any row is read.
        row(&mut table, &mut tables)?;
        while table.next()? {
            row(&mut table, &mut tables)?;
            let rows = table.rows();
            if rows.is_multiple_of(PROGRESS_ROWS)
                && (self.progress)(&Progress { file, rows }).is_break()
            {
                return Err(TransitError::Stopped {
                    file: file.to_owned(),
                });
            }
        }
        if table.foreign {
            self.feed.findings.add("R5", || {
                finding(
                    "R5",
                    Severity::Warning,
                    file,
                    None,
                    file,
                    "text is no UTF-8; read as GB18030",
                    "save the table as UTF-8",
                )
            });
        }
        Ok(true)
    }

    fn missing(&self, table: &str) -> TransitError {
        TransitError::MissingTable {
            at: TransitError::at_file(&self.feed.source),
            missing: table.to_owned(),
        }
    }
}

/// A table of a feed being read.
pub(crate) type Rows<'a> = Table<Box<dyn std::io::Read + 'a>>;

/// What rows are read into.
pub(crate) struct Tables<'a> {
    feed: &'a mut Feed,
    stops: &'a mut Ids,
    routes: &'a mut Ids,
    services: &'a mut Ids,
    trips: &'a mut Ids,
}

/// A finding of the reader.
pub(crate) fn finding(
    rule: &str,
    severity: Severity,
    file: &str,
    row: Option<u32>,
    subject: &str,
    message: impl Into<String>,
    remedy: &str,
) -> Finding {
    Finding {
        rule: rule.to_owned(),
        severity,
        file: file.to_owned(),
        row: row.map(u64::from),
        subject: subject.to_owned(),
        value: None,
        message: message.into(),
        remedy: remedy.to_owned(),
    }
}

/// Text kept once: most are unique, so a plain shared string.
pub(crate) fn shared(text: &str) -> Arc<str> {
    Arc::from(text)
}
