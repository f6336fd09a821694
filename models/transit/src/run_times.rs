//! Networks of run times without clock times: stops in order, minutes between them, an assumed
//! headway. Travel is ride, plus at each boarding the time to change and half the headway. Its
//! times are of a kind of their own and never compared with those of a timetable.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use serde::Serialize;

use crate::error::TransitError;
use crate::gtfs::Table;
use crate::measures::{TimeKind, TimeMatrix};

/// A line: stops in order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunLine {
    /// Its name.
    pub name: String,
    /// Indices of stops.
    pub stops: Vec<usize>,
    /// Minutes from the stop before, one per stop after the first.
    pub run_min: Vec<f64>,
    /// Assumed minutes between two vehicles.
    pub headway_min: f64,
}

/// A network of run times; lines run both ways.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunTimeNetwork {
    /// Names of stops, ascending.
    pub stops: Vec<String>,
    /// Lines, ascending by name.
    pub lines: Vec<RunLine>,
}

impl RunTimeNetwork {
    /// Reads `line,seq,stop,minutes,headway_min`: minutes from the stop before (blank at the
    /// first), the headway on the first row of a line.
    ///
    /// # Errors
    /// Where a column is missing, a number is not above 0, or a line has one stop.
    pub fn from_csv(name: &str, bytes: &[u8]) -> Result<Self, TransitError> {
        let mut table = Table::new(name, bytes, 1_000_000)?;
        let (line, seq, stop) = (table.need("line")?, table.need("seq")?, table.need("stop")?);
        let (minutes, headway) = (table.need("minutes")?, table.need("headway_min")?);
        // By line and sequence: stop, minutes, headway, row.
        type Rows = BTreeMap<u32, (String, Option<f64>, Option<f64>, u32)>;
        let mut lines: BTreeMap<String, Rows> = BTreeMap::new();
        let fail = |row: u32, message: &str| TransitError::Unreadable {
            at: TransitError::at_file(name),
            message: format!("row {row}: {message}"),
        };
        while table.next()? {
            let row = table.row();
            let order = table
                .number(seq)
                .ok_or_else(|| fail(row, "seq is no number"))?;
            let cell = (
                table.text(stop).into_owned(),
                table.number(minutes),
                table.number(headway),
                row,
            );
            let rows = lines.entry(table.text(line).into_owned()).or_default();
            if rows.insert(order, cell).is_some() {
                return Err(fail(row, "the line has this seq already"));
            }
        }
        let mut names: Vec<String> = lines.values().flatten().map(|r| r.1.0.clone()).collect();
        names.sort_unstable();
        names.dedup();
        let fine = |v: Option<f64>| v.filter(|v| v.is_finite() && *v > 0.0);
        let mut made = Vec::new();
        for (line, rows) in lines {
            let first = rows.values().next().map_or(0, |r| r.3);
            if rows.len() < 2 {
                return Err(fail(first, "the line has one stop"));
            }
            let headway_min = rows.values().find_map(|r| fine(r.2));
            let mut run_min = Vec::new();
            let mut stops = Vec::new();
            for (at, (stop, minutes, _, row)) in rows.into_values().enumerate() {
                let found = names.binary_search(&stop);
                stops.push(found.expect("names hold every stop of the rows"));
                if at > 0 {
                    let run = fine(minutes);
                    run_min.push(run.ok_or_else(|| fail(row, "minutes are not above 0"))?);
                }
            }
            made.push(RunLine {
                name: line,
                stops,
                run_min,
                headway_min: headway_min
                    .ok_or_else(|| fail(first, "the line has no headway_min above 0"))?,
            });
        }
        Ok(Self {
            stops: names,
            lines: made,
        })
    }

    /// Minutes between all stops: boarding costs `board_min` plus half the headway, each time.
    ///
    /// # Errors
    /// Where `board_min` is negative or there are more than 20,000 stops.
    pub fn matrix(&self, board_min: f64) -> Result<TimeMatrix, TransitError> {
        if !(board_min.is_finite() && board_min >= 0.0) {
            return Err(TransitError::Option {
                what: "board_min",
                message: format!("{board_min} is not 0 or more"),
            });
        }
        let n = self.stops.len();
        // Nodes: stops, then each line's calls twice, one per direction.
        let mut ways: Vec<Vec<(usize, u64)>> = vec![Vec::new(); n];
        for line in &self.lines {
            let board = millis(board_min + line.headway_min / 2.0);
            for back in [false, true] {
                let first = ways.len();
                let calls = line.stops.len();
                for at in 0..calls {
                    let (stop, run) = if back {
                        let run = (at + 1 < calls).then(|| line.run_min[calls - 2 - at]);
                        (line.stops[calls - 1 - at], run)
                    } else {
                        (line.stops[at], line.run_min.get(at).copied())
                    };
                    let mut here = vec![(stop, 0)];
                    if let Some(run) = run {
                        here.push((first + at + 1, millis(run)));
                        ways[stop].push((first + at, board));
                    }
                    ways.push(here);
                }
            }
        }
        let mut minutes = Vec::with_capacity(n * n);
        for from in 0..n {
            let found = shortest(&ways, from);
            minutes.extend(found[..n].iter().map(|m| m.map(|m| m as f64 / 60_000.0)));
        }
        TimeMatrix::new(self.stops.clone(), TimeKind::RunTimes, minutes)
    }
}

/// Milliseconds, so that sums are exact in any order.
fn millis(minutes: f64) -> u64 {
    (minutes * 60_000.0).round() as u64
}

/// Dijkstra from one node.
fn shortest(ways: &[Vec<(usize, u64)>], from: usize) -> Vec<Option<u64>> {
    let mut best: Vec<Option<u64>> = vec![None; ways.len()];
    let mut queue = BinaryHeap::from([Reverse((0_u64, from))]);
    while let Some(Reverse((time, at))) = queue.pop() {
        if best[at].is_some() {
            continue;
        }
        best[at] = Some(time);
        for (to, step) in &ways[at] {
            if best[*to].is_none() {
                queue.push(Reverse((time + step, *to)));
            }
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boarding_waits_half_a_headway_each_time() {
        let text = "line,seq,stop,minutes,headway_min\n\
            1,1,A,,10\n1,2,B,7,\n1,3,C,8.5,\n2,1,B,,20\n2,2,D,4,\n3,1,X,,60\n3,2,Y,1,\n";
        let net = RunTimeNetwork::from_csv("lines.csv", text.as_bytes()).unwrap();
        let times = net.matrix(2.0).unwrap();
        assert_eq!(times.kind, TimeKind::RunTimes);
        let at =
            |from: &str, to: &str| times.get(times.place(from).unwrap(), times.place(to).unwrap());
        assert_eq!(
            at("A", "C"),
            Some(2.0 + 5.0 + 15.5),
            "through B without boarding again"
        );
        assert_eq!(at("C", "A"), at("A", "C"));
        assert_eq!(at("A", "D"), Some(2.0 + 5.0 + 7.0 + 2.0 + 10.0 + 4.0));
        assert_eq!(at("A", "X"), None);
        assert_eq!(at("A", "A"), None);
    }

    #[test]
    fn what_is_missing_is_named() {
        for (rows, wanted) in [
            ("1,1,A,,10\n", "row 2: the line has one stop"),
            ("1,1,A,,\n1,2,B,3,\n", "row 2: the line has no headway"),
            ("1,1,A,,10\n1,2,B,,\n", "row 3: minutes are not above 0"),
            ("1,1,A,,10\n1,1,B,3,\n", "row 3: the line has this seq"),
        ] {
            let text = format!("line,seq,stop,minutes,headway_min\n{rows}");
            let found = RunTimeNetwork::from_csv("l.csv", text.as_bytes()).unwrap_err();
            assert!(found.to_string().contains(wanted), "{found}");
        }
    }
}
