//! A table of a GMNS folder: header, rows, every error with file and line.

use std::ops::RangeInclusive;

use conurb_base::At;

use crate::error::TrafficError;
use crate::file::FILE_BYTES_MAX;

/// Most rows of a table.
const ROWS_MAX: usize = 8_000_000;

/// A table in memory.
pub(super) struct Table {
    folder: String,
    name: &'static str,
    header: Vec<String>,
    records: Vec<(u64, csv::StringRecord)>,
}

/// A row.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    table: &'a Table,
    line: u64,
    record: &'a csv::StringRecord,
}

pub(super) fn place(folder: &str, name: &str, line: u64, column: &str) -> Box<At> {
    Box::new(At {
        file: Some(format!("{folder}/{name}")),
        line: usize::try_from(line).ok().filter(|n| *n > 0),
        column: None,
        path: (!column.is_empty()).then(|| column.to_owned()),
    })
}

impl Table {
    pub(super) fn read(
        bytes: &[u8],
        folder: &str,
        name: &'static str,
    ) -> Result<Self, TrafficError> {
        let too_large = |what, found, limit| TrafficError::TooLarge {
            at: place(folder, name, 1, ""),
            what,
            found,
            limit,
        };
        if bytes.len() > FILE_BYTES_MAX {
            return Err(too_large("file size in bytes", bytes.len(), FILE_BYTES_MAX));
        }
        let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .trim(csv::Trim::All)
            .from_reader(bytes);
        let wrong = |error: &csv::Error| TrafficError::Syntax {
            at: place(
                folder,
                name,
                error.position().map_or(1, csv::Position::line),
                "",
            ),
            message: format!("the table cannot be read: {error}"),
        };
        let header = reader.headers().map_err(|e| wrong(&e))?;
        let header: Vec<String> = header.iter().map(str::to_ascii_lowercase).collect();
        if header.iter().all(String::is_empty) {
            return Err(TrafficError::Syntax {
                at: place(folder, name, 1, ""),
                message: "the table has no header".into(),
            });
        }
        let mut records = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|e| wrong(&e))?;
            let line = record.position().map_or(0, csv::Position::line);
            records.push((line, record));
            if records.len() > ROWS_MAX {
                return Err(too_large("number of rows", records.len(), ROWS_MAX));
            }
        }
        Ok(Self {
            folder: folder.to_owned(),
            name,
            header,
            records,
        })
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.records.iter().map(|(line, record)| Row {
            table: self,
            line: *line,
            record,
        })
    }
}

impl<'a> Row<'a> {
    pub(super) fn at(&self, column: &str) -> Box<At> {
        place(&self.table.folder, self.table.name, self.line, column)
    }

    /// `folder/link.csv:12`.
    pub(super) fn here(&self) -> String {
        format!("{}/{}:{}", self.table.folder, self.table.name, self.line)
    }

    pub(super) fn line(&self) -> u32 {
        u32::try_from(self.line).unwrap_or(u32::MAX)
    }

    /// The text of a column; empty where column or value is missing.
    pub(super) fn text(&self, column: &str) -> &'a str {
        let at = self.table.header.iter().position(|h| h == column);
        let text = at.and_then(|k| self.record.get(k)).unwrap_or("");
        if text == "NaN" { "" } else { text }
    }

    pub(super) fn needed(&self, column: &'static str) -> Result<&'a str, TrafficError> {
        let text = self.text(column);
        if !text.is_empty() {
            return Ok(text);
        }
        Err(TrafficError::Syntax {
            at: self.at(column),
            message: if self.table.header.iter().any(|h| h == column) {
                "the value is missing".into()
            } else {
                format!("the table has no column `{column}`")
            },
        })
    }

    pub(super) fn wrong(&self, column: &'static str, why: &str) -> TrafficError {
        let text: String = self.text(column).chars().take(80).collect();
        TrafficError::Syntax {
            at: self.at(column),
            message: format!("\"{text}\" {why}"),
        }
    }

    pub(super) fn number_if(&self, column: &'static str) -> Result<Option<f64>, TrafficError> {
        let text = self.text(column);
        if text.is_empty() {
            return Ok(None);
        }
        let value: f64 = text
            .parse()
            .map_err(|_| self.wrong(column, "is no number"))?;
        self.within(
            column,
            value,
            -1e9..=1e9,
            "it has to be finite and within 1e9",
        )?;
        Ok(Some(value))
    }

    pub(super) fn number(&self, column: &'static str) -> Result<f64, TrafficError> {
        self.needed(column)?;
        Ok(self.number_if(column)?.unwrap_or(0.0))
    }

    /// A whole number within bounds, or none.
    pub(super) fn count_if(
        &self,
        column: &'static str,
        range: RangeInclusive<u8>,
    ) -> Result<Option<u8>, TrafficError> {
        let Some(value) = self.number_if(column)? else {
            return Ok(None);
        };
        let bounds = f64::from(*range.start())..=f64::from(*range.end());
        self.within(
            column,
            value,
            bounds,
            "it has to be a whole number of at most 16",
        )?;
        if value.fract() != 0.0 {
            return Err(self.wrong(column, "is no whole number"));
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // within the range
        Ok(Some(value as u8))
    }

    pub(super) fn within(
        &self,
        column: &'static str,
        value: f64,
        range: RangeInclusive<f64>,
        rule: &'static str,
    ) -> Result<(), TrafficError> {
        if range.contains(&value) {
            return Ok(());
        }
        Err(TrafficError::BadNumber {
            at: self.at(column),
            what: column,
            value,
            rule,
        })
    }

    /// `true` and `false` as programs write them, or none.
    pub(super) fn flag(&self, column: &'static str) -> Result<Option<bool>, TrafficError> {
        Ok(match self.text(column).to_ascii_lowercase().as_str() {
            "" => None,
            "true" | "1" | "t" | "yes" => Some(true),
            "false" | "0" | "f" | "no" => Some(false),
            _ => return Err(self.wrong(column, "is neither true nor false")),
        })
    }
}
