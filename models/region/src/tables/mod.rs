//! Reader of employment and population tables by place (CSV), with the checks that published
//! tables need: group rows and doubled parts (Q6), headers (Q7), codes (Q15).

mod headers;

use std::path::Path;

use serde::Serialize;

pub use headers::{HeaderDoubt, Section, doubtful_headers, gbt4754, unknown_sectors};

use crate::RegionError;
use crate::error::hint;
use crate::industry::Jobs;
use crate::joins::{closes, prefecture_code};

/// Rows of a table.
const ROWS_MAX: usize = 100_000;
/// Rows that may follow a row as its parts.
const PARTS_MAX: usize = 60;

/// Which columns hold what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns<'a> {
    /// Name of the place.
    pub name: &'a str,
    /// Its province or group.
    pub group: &'a str,
    /// Its code; a row without one is a heading or a part.
    pub code: &'a str,
    /// Counts that are not sectors, e.g. persons and urban persons.
    pub counts: &'a [&'a str],
}

/// One place.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Unit {
    /// Its name.
    pub name: String,
    /// Province or group.
    pub group: String,
    /// Code in one form ([`prefecture_code`]); empty where the table has none.
    pub code: String,
    /// The counts, in the order asked for.
    pub counts: Vec<f64>,
}

/// A row that was left out, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Line of the file.
    pub line: usize,
    /// Name of the place.
    pub name: String,
    /// `the sum of the 4 rows below`, `part of 三沙市`, `repeats line 7`.
    pub why: String,
}

/// A table, with what was done to it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Table {
    /// Places, in order.
    pub units: Vec<Unit>,
    /// All further columns, in order.
    pub sectors: Vec<String>,
    /// Jobs, places x sectors, row by row.
    pub jobs: Vec<f64>,
    /// Blank cells that were read as 0.
    pub blanks_as_zero: usize,
    /// Rows left out.
    pub left_out: Vec<LeftOut>,
}

impl Table {
    /// Reads a file and leaves out group rows, doubled parts and repeated rows.
    pub fn read(path: &Path, columns: &Columns<'_>) -> Result<Self, RegionError> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|e| RegionError::unreadable(&file, &e))?;
        Self::parse(&text, &file, columns)
    }

    /// The same from a text; `file` is its name in messages.
    pub fn parse(text: &str, file: &str, columns: &Columns<'_>) -> Result<Self, RegionError> {
        let mut table = parse_rows(text, file, columns)?;
        table.clean(file)?;
        Ok(table.table)
    }

    /// Sum of one count over all places.
    #[must_use]
    pub fn total(&self, count: usize) -> f64 {
        self.units.iter().map(|u| u.counts[count]).sum()
    }

    /// Refuses a table whose places do not sum to a declared total (Q6).
    pub fn check_total(&self, what: &str, count: usize, declared: f64) -> Result<(), RegionError> {
        let parts: Vec<f64> = self.units.iter().map(|u| u.counts[count]).collect();
        closes(what, declared, &parts)
    }

    /// The jobs of the places with the given codes, in that order; a code that no place has is an
    /// error with the nearest one.
    pub fn jobs_of(&self, codes: &[&str]) -> Result<Jobs, RegionError> {
        let known: Vec<&str> = self
            .units
            .iter()
            .map(|u| u.code.as_str())
            .filter(|c| !c.is_empty())
            .collect();
        let at: Vec<usize> = crate::joins::join("codes with the table of jobs", codes, &known)?
            .left()?
            .into_iter()
            .filter_map(|k| self.units.iter().position(|u| u.code == known[k]))
            .collect();
        self.pick(&at)
    }

    /// The jobs of all places that have any, and the names of those that have none: they have no
    /// structure to compare.
    pub fn all_jobs(&self) -> Result<(Jobs, Vec<String>), RegionError> {
        let width = self.sectors.len();
        let has_jobs = |i: &usize| {
            self.jobs[i * width..(i + 1) * width]
                .iter()
                .any(|e| *e > 0.0)
        };
        let (some, none): (Vec<usize>, Vec<usize>) = (0..self.units.len()).partition(has_jobs);
        let names = none.iter().map(|&i| self.units[i].name.clone()).collect();
        Ok((self.pick(&some)?, names))
    }

    fn pick(&self, at: &[usize]) -> Result<Jobs, RegionError> {
        let width = self.sectors.len();
        Jobs::new(
            at.iter().map(|&i| self.units[i].name.clone()).collect(),
            self.sectors.clone(),
            at.iter()
                .flat_map(|&i| &self.jobs[i * width..(i + 1) * width])
                .copied()
                .collect(),
        )
    }

    /// Jobs of every sector over all places.
    #[must_use]
    pub fn sector_totals(&self) -> Vec<f64> {
        let width = self.sectors.len();
        (0..width)
            .map(|s| self.jobs.iter().skip(s).step_by(width).sum())
            .collect()
    }
}

/// A table with the line of every place.
struct Parsed {
    table: Table,
    lines: Vec<usize>,
}

fn parse_rows(text: &str, file: &str, columns: &Columns<'_>) -> Result<Parsed, RegionError> {
    let text = text.trim_start_matches('\u{feff}');
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let headers: Vec<String> = reader
        .headers()
        .map_err(|e| RegionError::unreadable(file, &e))?
        .iter()
        .map(|h| h.trim().to_owned())
        .collect();
    if let Some((i, twice)) = headers
        .iter()
        .enumerate()
        .find(|(i, h)| headers[..*i].contains(h))
    {
        return Err(RegionError::BadValue {
            at: RegionError::place(file, 1),
            what: "header".to_owned(),
            value: twice.clone(),
            message: format!("stands twice, again as column {}", i + 1),
        });
    }
    let find = |name: &str| {
        headers
            .iter()
            .position(|h| h == name)
            .ok_or_else(|| RegionError::MissingColumn {
                at: RegionError::place(file, 1),
                column: name.to_owned(),
                hint: hint(name, headers.iter().map(String::as_str)),
            })
    };
    let (name, group, code) = (
        find(columns.name)?,
        find(columns.group)?,
        find(columns.code)?,
    );
    let counts = columns
        .counts
        .iter()
        .map(|c| find(c))
        .collect::<Result<Vec<_>, _>>()?;
    let sectors: Vec<usize> = (0..headers.len())
        .filter(|i| ![name, group, code].contains(i) && !counts.contains(i))
        .collect();
    let mut parsed = Parsed {
        table: Table {
            units: Vec::new(),
            sectors: sectors.iter().map(|&s| headers[s].clone()).collect(),
            jobs: Vec::new(),
            blanks_as_zero: 0,
            left_out: Vec::new(),
        },
        lines: Vec::new(),
    };
    for record in reader.records() {
        let record = record.map_err(|e| RegionError::unreadable(file, &e))?;
        let line = record
            .position()
            .map_or(0, |p| usize::try_from(p.line()).unwrap_or(0));
        if parsed.lines.len() == ROWS_MAX {
            return Err(RegionError::TooLarge {
                what: format!("rows of {file}"),
                count: ROWS_MAX as u64 + 1,
                limit: ROWS_MAX as u64,
            });
        }
        let mut blanks = 0;
        let mut number =
            |column: usize| count(&record[column], file, line, &headers[column], &mut blanks);
        let unit_counts = counts
            .iter()
            .map(|&c| number(c))
            .collect::<Result<_, _>>()?;
        for &s in &sectors {
            parsed.table.jobs.push(number(s)?);
        }
        parsed.table.blanks_as_zero += blanks;
        parsed.table.units.push(Unit {
            name: record[name].trim().to_owned(),
            group: record[group].trim().to_owned(),
            code: code_cell(&record[code], file, line, columns.code)?,
            counts: unit_counts,
        });
        parsed.lines.push(line);
    }
    Ok(parsed)
}

fn code_cell(cell: &str, file: &str, line: usize, column: &str) -> Result<String, RegionError> {
    if cell.trim().is_empty() {
        return Ok(String::new());
    }
    prefecture_code(cell).map_err(|_| RegionError::BadValue {
        at: RegionError::place(file, line),
        what: column.to_owned(),
        value: cell.to_owned(),
        message: "is not a code of six digits".to_owned(),
    })
}

fn count(
    cell: &str,
    file: &str,
    line: usize,
    column: &str,
    blanks: &mut usize,
) -> Result<f64, RegionError> {
    let cell = cell.trim();
    if cell.is_empty() {
        *blanks += 1;
        return Ok(0.0);
    }
    match cell.parse::<f64>() {
        Ok(v) if v.is_finite() && v >= 0.0 => Ok(v),
        _ => Err(RegionError::BadValue {
            at: RegionError::place(file, line),
            what: column.to_owned(),
            value: cell.to_owned(),
            message: "is no count (a number, 0 or more)".to_owned(),
        }),
    }
}

impl Parsed {
    fn row(&self, i: usize) -> impl Iterator<Item = f64> {
        let width = self.table.sectors.len();
        let jobs = &self.table.jobs[i * width..(i + 1) * width];
        self.table.units[i].counts.iter().chain(jobs).copied()
    }

    /// Leaves out repeated rows, and the sum or the parts where a row is the sum of those below.
    fn clean(&mut self, file: &str) -> Result<(), RegionError> {
        let n = self.table.units.len();
        let mut why: Vec<Option<String>> = vec![None; n];
        self.find_repeated(file, &mut why)?;
        for i in 0..n {
            if why[i].is_some() {
                continue;
            }
            let Some(parts) = self.parts_below(i) else {
                continue;
            };
            let has_code = |k: usize| !self.table.units[k].code.is_empty();
            // Whoever has a code is the unit; the other side counts it a second time.
            if !has_code(i) {
                why[i] = Some(format!("the sum of the {parts} rows below"));
            } else if (i + 1..=i + parts).all(|k| !has_code(k)) {
                for part in &mut why[i + 1..=i + parts] {
                    *part = Some(format!("part of {}", self.table.units[i].name));
                }
            }
        }
        let width = self.table.sectors.len();
        let mut kept = 0;
        for (i, why) in why.into_iter().enumerate() {
            match why {
                Some(why) => self.table.left_out.push(LeftOut {
                    line: self.lines[i],
                    name: self.table.units[i].name.clone(),
                    why,
                }),
                None => {
                    self.table.units.swap(kept, i);
                    self.table
                        .jobs
                        .copy_within(i * width..(i + 1) * width, kept * width);
                    kept += 1;
                }
            }
        }
        self.table.units.truncate(kept);
        self.table.jobs.truncate(kept * width);
        Ok(())
    }

    /// How many of the rows below, of the same group, sum to row `i` in every column (two at least).
    fn parts_below(&self, i: usize) -> Option<usize> {
        let whole: Vec<f64> = self.row(i).collect();
        if whole.iter().all(|v| *v == 0.0) {
            return None;
        }
        let mut sum = vec![0.0; whole.len()];
        let group = &self.table.units[i].group;
        for (parts, k) in (i + 1..self.table.units.len()).take(PARTS_MAX).enumerate() {
            if self.table.units[k].group != *group {
                return None;
            }
            for (s, v) in sum.iter_mut().zip(self.row(k)) {
                *s += v;
            }
            if sum.iter().zip(&whole).any(|(s, w)| *s > w * (1.0 + 1e-9)) {
                return None;
            }
            if parts > 0 && equal(&sum, &whole) {
                return Some(parts + 1);
            }
        }
        None
    }

    /// Rows with the same name and group: left out when they are equal, refused when they are not.
    fn find_repeated(&self, file: &str, why: &mut [Option<String>]) -> Result<(), RegionError> {
        let mut first = std::collections::BTreeMap::new();
        for (i, unit) in self.table.units.iter().enumerate() {
            let key = (unit.group.as_str(), unit.name.as_str());
            let Some(&before) = first.get(&key) else {
                first.insert(key, i);
                continue;
            };
            if !self.row(i).eq(self.row(before)) {
                return Err(RegionError::BadValue {
                    at: RegionError::place(file, self.lines[i]),
                    what: "place".to_owned(),
                    value: unit.name.clone(),
                    message: format!(
                        "stands on line {} too, with other numbers",
                        self.lines[before]
                    ),
                });
            }
            why[i] = Some(format!("repeats line {}", self.lines[before]));
        }
        Ok(())
    }
}

fn equal(a: &[f64], b: &[f64]) -> bool {
    a.iter()
        .zip(b)
        .all(|(a, b)| (a - b).abs() <= 1e-9 * b.abs().max(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: Columns<'_> = Columns {
        name: "city",
        group: "province",
        code: "code",
        counts: &["persons"],
    };
    const HEAD: &str = "\u{feff}city,province,code,persons,farm,make\n";

    fn parse(rows: &str) -> Result<Table, RegionError> {
        Table::parse(&format!("{HEAD}{rows}"), "jobs.csv", &COLUMNS)
    }

    #[test]
    fn sums_parts_repeats_and_blanks_are_seen() {
        let t = parse(
            "A,P,420100.0,10,1,2\nDirect,P,,30,3,4\nB,P,429004,10,1,1\nC,P,429005,20,2,3\n\
             Sea,Q,460300,5,,\nIsle,Q,,2,,\nReef,Q,,3,,\nA,P,420100,10,1,2\n",
        )
        .unwrap();
        let names: Vec<&str> = t.units.iter().map(|u| u.name.as_str()).collect();
        assert_eq!(names, ["A", "B", "C", "Sea"]);
        assert_eq!(t.jobs, [1., 2., 1., 1., 2., 3., 0., 0.]);
        assert_eq!(t.blanks_as_zero, 6);
        let why: Vec<&str> = t.left_out.iter().map(|l| l.why.as_str()).collect();
        assert_eq!(
            why,
            [
                "the sum of the 2 rows below",
                "part of Sea",
                "part of Sea",
                "repeats line 2"
            ]
        );
        assert!(t.check_total("persons", 0, 45.0).is_ok());
        assert!(matches!(
            t.check_total("persons", 0, 50.0),
            Err(RegionError::DoesNotAddUp { .. })
        ));
    }

    #[test]
    fn bad_cells_columns_and_codes_are_placed() {
        let line = |rows: &str| parse(rows).unwrap_err().to_string();
        assert!(line("A,P,420100,many,1,2\n").starts_with("jobs.csv:2: persons \"many\""));
        assert!(line("A,P,42,1,1,2\n").contains("six digits"));
        assert!(line("A,P,420100,1,-1,2\n").contains("-1"));
        assert!(line("A,P,420100,1,1,2\nA,P,420100,1,1,3\n").contains("other numbers"));
        assert!(line("A,P,420100,1\n").contains("jobs.csv"));
        let renamed = Columns {
            counts: &["person"],
            ..COLUMNS
        };
        let error = Table::parse(HEAD, "jobs.csv", &renamed)
            .unwrap_err()
            .to_string();
        assert!(error.contains("did you mean \"persons\"?"), "{error}");
        let twice = Table::parse("city,province,code,persons,a,a\n", "jobs.csv", &COLUMNS);
        assert!(twice.unwrap_err().to_string().contains("stands twice"));
    }

    #[test]
    fn a_code_that_no_place_has_is_named() {
        let t = parse("A,P,420100,10,1,2\n").unwrap();
        let error = t.jobs_of(&["420101"]).unwrap_err().to_string();
        assert!(error.contains("nearest: \"420100\""), "{error}");
    }
}
