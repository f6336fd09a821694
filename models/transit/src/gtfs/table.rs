//! One CSV table of a feed, read row by row: columns by name in any order, byte order mark and
//! blanks taken off, text that is no UTF-8 read as GB18030.

use std::borrow::Cow;
use std::io::Read;

use crate::error::TransitError;

/// A table being read.
pub(crate) struct Table<R> {
    file: String,
    reader: csv::Reader<R>,
    record: csv::ByteRecord,
    headers: Vec<String>,
    rows: u64,
    rows_max: u64,
    /// Whether a text was not UTF-8.
    pub(crate) foreign: bool,
}

/// A column that may be missing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column(Option<usize>);

impl<R: Read> Table<R> {
    /// Reads the headers.
    pub(crate) fn new(file: &str, from: R, rows_max: u64) -> Result<Self, TransitError> {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(1 << 17)
            .from_reader(from);
        let mut record = csv::ByteRecord::new();
        reader
            .read_byte_record(&mut record)
            .map_err(|e| TransitError::unreadable(file, &e))?;
        let mut foreign = false;
        let headers = record
            .iter()
            .map(|h| {
                decode(h, &mut foreign)
                    .trim_start_matches('\u{feff}')
                    .trim()
                    .to_owned()
            })
            .collect();
        Ok(Self {
            file: file.to_owned(),
            reader,
            record,
            headers,
            rows: 0,
            rows_max,
            foreign,
        })
    }

    /// A column, if there.
    pub(crate) fn column(&self, name: &str) -> Column {
        Column(
            self.headers
                .iter()
                .position(|h| h.eq_ignore_ascii_case(name)),
        )
    }

    /// A column that must be there.
    pub(crate) fn need(&self, name: &str) -> Result<Column, TransitError> {
        let column = self.column(name);
        if column.0.is_none() {
            return Err(TransitError::MissingColumn {
                at: TransitError::at_file(&self.file),
                column: name.to_owned(),
            });
        }
        Ok(column)
    }

    /// The next row; `false` at the end.
    pub(crate) fn next(&mut self) -> Result<bool, TransitError> {
        let more = self
            .reader
            .read_byte_record(&mut self.record)
            .map_err(|e| TransitError::unreadable(&self.file, &e))?;
        self.rows += u64::from(more);
        if self.rows > self.rows_max {
            return Err(TransitError::TooLarge {
                at: TransitError::at_file(&self.file),
                what: "rows",
                limit: self.rows_max,
            });
        }
        Ok(more)
    }

    /// The name in messages.
    pub(crate) fn file(&self) -> &str {
        &self.file
    }

    /// Headers, in order: for tables where one name stands twice.
    pub(crate) fn headers(&self) -> &[String] {
        &self.headers
    }

    /// A cell by position.
    pub(crate) fn at(&mut self, column: usize) -> Cow<'_, str> {
        self.text(Column(Some(column)))
    }

    /// Rows read so far.
    pub(crate) const fn rows(&self) -> u64 {
        self.rows
    }

    /// Number of the current row in its table, the header being 1.
    pub(crate) fn row(&self) -> u32 {
        u32::try_from(self.rows + 1).unwrap_or(u32::MAX)
    }

    /// A cell as bytes without blanks around; empty where the column is missing.
    pub(crate) fn bytes(&self, column: Column) -> &[u8] {
        column
            .0
            .and_then(|c| self.record.get(c))
            .unwrap_or_default()
            .trim_ascii()
    }

    /// A cell as text.
    pub(crate) fn text(&mut self, column: Column) -> Cow<'_, str> {
        let mut foreign = self.foreign;
        let bytes = self.bytes(column);
        if std::str::from_utf8(bytes).is_err() {
            foreign = true;
        }
        self.foreign = foreign;
        decode(self.bytes(column), &mut foreign)
    }

    /// A cell as a number; `None` where blank or no number.
    pub(crate) fn number<T: std::str::FromStr>(&self, column: Column) -> Option<T> {
        std::str::from_utf8(self.bytes(column)).ok()?.parse().ok()
    }

    /// Whether the cell holds something.
    pub(crate) fn filled(&self, column: Column) -> bool {
        !self.bytes(column).is_empty()
    }
}

/// UTF-8, else GB18030: its bytes never look like a comma or a quote, so splitting came first.
fn decode<'a>(bytes: &'a [u8], foreign: &mut bool) -> Cow<'a, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => {
            *foreign = true;
            encoding_rs::GB18030.decode_without_bom_handling(bytes).0
        }
    }
}

/// A time of a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clock {
    /// Seconds after midnight of the service day.
    At(u32),
    /// Nothing there.
    Blank,
    /// Not a time.
    Bad,
}

/// Longest time after midnight, hours: ten days.
const HOURS_MAX: u32 = 240;

/// Reads `H:MM:SS` or `HH:MM`, hours of 24 and more allowed.
pub(crate) fn clock(bytes: &[u8]) -> Clock {
    if bytes.is_empty() {
        return Clock::Blank;
    }
    let mut parts = [0_u32; 3];
    let mut part = 0;
    let mut digits = 0;
    for byte in bytes {
        match byte {
            b'0'..=b'9' if digits < 3 => {
                parts[part] = parts[part] * 10 + u32::from(byte - b'0');
                digits += 1;
            }
            b':' if digits > 0 && part < 2 => {
                part += 1;
                digits = 0;
            }
            _ => return Clock::Bad,
        }
    }
    let [hours, minutes, seconds] = parts;
    if part == 0 || digits == 0 || hours > HOURS_MAX || minutes > 59 || seconds > 59 {
        return Clock::Bad;
    }
    Clock::At(hours * 3600 + minutes * 60 + seconds)
}

/// Writes `HH:MM:SS`.
pub(crate) fn clock_text(time_s: u32) -> String {
    format!(
        "{:02}:{:02}:{:02}",
        time_s / 3600,
        time_s / 60 % 60,
        time_s % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_of_all_kinds() {
        assert_eq!(clock(b"7:05:00"), Clock::At(25_500));
        assert_eq!(clock(b"33:12:00"), Clock::At(119_520));
        assert_eq!(clock(b"07:05"), Clock::At(25_500));
        assert_eq!(clock(b""), Clock::Blank);
        for bad in [
            "7",
            "7:",
            ":05",
            "07:60",
            "7:05:00:00",
            "-1:00",
            "999:00:00",
            "7:5x",
        ] {
            assert_eq!(clock(bad.as_bytes()), Clock::Bad, "{bad}");
        }
        assert_eq!(clock_text(119_520), "33:12:00");
    }

    #[test]
    fn marks_blanks_and_foreign_text() {
        let (gb, _, _) = encoding_rs::GB18030.encode("北京南");
        let mut bytes = b"\xef\xbb\xbfstop_id , stop_name\r\n A ,\"".to_vec();
        bytes.extend_from_slice(&gb);
        bytes.extend_from_slice(b"\"\r\n");
        let mut table = Table::new("stops.txt", bytes.as_slice(), 10).unwrap();
        let (id, name) = (table.need("stop_id").unwrap(), table.column("stop_name"));
        assert!(table.next().unwrap());
        assert_eq!(table.text(id), "A");
        assert_eq!(table.text(name), "北京南");
        assert!(table.foreign);
        assert_eq!(table.row(), 2);
        assert!(!table.next().unwrap());
    }

    #[test]
    fn rows_are_limited() {
        let mut table = Table::new("t.txt", b"a\n1\n2\n".as_slice(), 1).unwrap();
        assert!(table.next().unwrap());
        assert!(matches!(table.next(), Err(TransitError::TooLarge { .. })));
    }
}
