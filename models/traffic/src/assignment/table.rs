//! CSV tables of demand: cells by the name of their column, every error with line and column.

use conurb_base::{At, nearest};

use crate::error::TrafficError;
use crate::file::FILE_BYTES_MAX;
use crate::ids::RoadIx;
use crate::network::Network;

/// Most rows of a table.
const ROWS_MAX: usize = 5_000_000;
/// Longest cell, bytes.
const CELL_MAX: usize = 1_000;
/// Latest end of an interval, s: a week.
const TIME_MAX_S: i64 = 604_800;
/// Most vehicles in one cell.
pub(super) const VEHICLES_MAX: f64 = 1e6;

/// A table under way, one row at a time.
pub(crate) struct Table<'a> {
    file: &'a str,
    reader: csv::Reader<&'a [u8]>,
    row: csv::StringRecord,
    /// By column asked for: its place.
    places: Vec<Option<usize>>,
    names: &'static [&'static str],
    rows: usize,
}

impl<'a> Table<'a> {
    /// Opens a table that has to have the first `needed` of these columns and may have the others.
    pub(crate) fn open(
        bytes: &'a [u8],
        file: &'a str,
        names: &'static [&'static str],
        needed: usize,
    ) -> Result<Self, TrafficError> {
        if bytes.len() > FILE_BYTES_MAX {
            return Err(TrafficError::TooLarge {
                at: place(file, None, None),
                what: "file size in bytes",
                found: bytes.len(),
                limit: FILE_BYTES_MAX,
            });
        }
        // A spreadsheet writes a byte order mark in front.
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .comment(Some(b'#'))
            .from_reader(bytes);
        let head = reader.headers().map_err(|e| unreadable(file, &e))?.clone();
        let find = |name: &str| head.iter().position(|h| h == name);
        if let Some(missing) = names[..needed].iter().find(|n| find(n).is_none()) {
            let near = nearest(missing, head.iter());
            let near = near.map(|n| format!(" (there is \"{n}\")"));
            let odd = ['\t', ';']
                .iter()
                .find(|c| head.iter().any(|h| h.contains(**c)));
            let odd = odd.map(|c| format!(" (its first line is separated by {c:?})"));
            let near = odd.or(near).unwrap_or_default();
            return Err(TrafficError::Table {
                at: place(file, Some(1), None),
                message: format!("the table has no column \"{missing}\"{near}"),
                remedy: "Name the columns in the first line, separated by commas.",
            });
        }
        let places = names.iter().map(|n| find(n)).collect();
        Ok(Self {
            file,
            reader,
            row: csv::StringRecord::new(),
            places,
            names,
            rows: 0,
        })
    }

    /// Goes to the next row; false after the last.
    pub(crate) fn next(&mut self) -> Result<bool, TrafficError> {
        let more = self.reader.read_record(&mut self.row);
        let more = more.map_err(|e| unreadable(self.file, &e))?;
        self.rows += usize::from(more);
        if self.rows > ROWS_MAX {
            return Err(TrafficError::TooLarge {
                at: self.at(""),
                what: "number of rows",
                found: self.rows,
                limit: ROWS_MAX,
            });
        }
        Ok(more)
    }

    /// The line of the row.
    pub(super) fn line(&self) -> usize {
        let line = self.row.position().map_or(1, csv::Position::line);
        usize::try_from(line).unwrap_or(usize::MAX)
    }

    /// The place of a column in the row.
    pub(crate) fn at(&self, column: &str) -> Box<At> {
        place(self.file, Some(self.line()), Some(column))
    }

    /// A refusal of the row.
    pub(crate) fn refuse(
        &self,
        column: &str,
        message: String,
        remedy: &'static str,
    ) -> TrafficError {
        TrafficError::Table {
            at: self.at(column),
            message,
            remedy,
        }
    }

    /// A cell; none where the column or the text is missing.
    pub(crate) fn maybe(&self, column: usize) -> Result<Option<&str>, TrafficError> {
        let cell = self.places[column].and_then(|p| self.row.get(p));
        let cell = cell.filter(|c| !c.is_empty());
        match cell {
            Some(cell) if cell.len() > CELL_MAX => Err(TrafficError::TooLarge {
                at: self.at(self.names[column]),
                what: "length of a cell in bytes",
                found: cell.len(),
                limit: CELL_MAX,
            }),
            cell => Ok(cell),
        }
    }

    /// A cell that has to be there.
    pub(crate) fn text(&self, column: usize) -> Result<&str, TrafficError> {
        self.maybe(column)?.ok_or_else(|| {
            let name = self.names[column];
            self.refuse(name, format!("the cell \"{name}\" is empty"), "Fill it in.")
        })
    }

    /// A number from 0 to `most`.
    pub(crate) fn number(&self, column: usize, most: f64) -> Result<f64, TrafficError> {
        let (name, text) = (self.names[column], self.text(column)?);
        match text.parse::<f64>() {
            Ok(value) if (0.0..=most).contains(&value) => Ok(value),
            Ok(_) => Err(self.refuse(
                name,
                format!("{name} is {text}, it has to be 0 to {most}"),
                if name == "share" {
                    "Write shares as parts of 1, not in per cent."
                } else {
                    "Correct the number, or split the row."
                },
            )),
            Err(_) => Err(self.refuse(
                name,
                format!("{name} is \"{text}\", which is no number"),
                "Write a number with a decimal point and no unit.",
            )),
        }
    }

    /// First and last second of an interval in two columns, the end not included.
    pub(super) fn interval(&self, columns: (usize, usize)) -> Result<Interval, TrafficError> {
        let second = |column: usize| {
            let (name, text) = (self.names[column], self.text(column)?);
            match text.parse::<i64>() {
                Ok(s) if (0..=TIME_MAX_S).contains(&s) => Ok(s),
                _ => Err(self.refuse(
                    name,
                    format!("{name} is \"{text}\", not a whole second from 0 to {TIME_MAX_S}"),
                    "Write seconds since the start of the run.",
                )),
            }
        };
        let (start_s, end_s) = (second(columns.0)?, second(columns.1)?);
        if end_s <= start_s {
            return Err(self.refuse(
                self.names[columns.1],
                format!("the interval ends at {end_s} s, not after it starts ({start_s} s)"),
                "Let end_s lie after start_s; the end itself does not belong to the interval.",
            ));
        }
        Ok(Interval { start_s, end_s })
    }

    /// A road of the network.
    pub(super) fn road(&self, net: &Network, column: usize) -> Result<RoadIx, TrafficError> {
        let id = self.text(column)?;
        net.known_road(id, || self.at(self.names[column]))
    }
}

/// An interval of time, the end not included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct Interval {
    /// First second.
    pub start_s: i64,
    /// The second after the last.
    pub end_s: i64,
}

impl Interval {
    /// Length, h.
    #[must_use]
    pub fn hours(&self) -> f64 {
        self.seconds() / 3600.0
    }

    /// Length, s.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // a week at most
    pub const fn seconds(&self) -> f64 {
        (self.end_s - self.start_s) as f64
    }

    /// Whether a second lies in it.
    #[must_use]
    pub const fn holds(&self, time_s: i64) -> bool {
        self.start_s <= time_s && time_s < self.end_s
    }

    /// Whether two share a second.
    pub(super) const fn meets(&self, other: &Self) -> bool {
        self.start_s < other.end_s && other.start_s < self.end_s
    }
}

/// A place in a table.
pub(super) fn place(file: &str, line: Option<usize>, column: Option<&str>) -> Box<At> {
    Box::new(At {
        file: Some(file.to_owned()),
        line,
        column: None,
        path: column.filter(|c| !c.is_empty()).map(str::to_owned),
    })
}

fn unreadable(file: &str, error: &csv::Error) -> TrafficError {
    let line = error.position().map(csv::Position::line);
    let line = line.and_then(|l| usize::try_from(l).ok()).unwrap_or(1);
    let message = match error.kind() {
        csv::ErrorKind::Utf8 { .. } => "the row is not UTF-8".to_owned(),
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => format!("the row has {len} cells, the first line {expected_len}"),
        _ => error.to_string(),
    };
    TrafficError::Table {
        at: place(file, Some(line), None),
        message,
        remedy: "Save the table as CSV in UTF-8, separated by commas, with as many cells in every row.",
    }
}
