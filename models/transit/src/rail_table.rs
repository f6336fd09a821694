//! Station-time tables in the manner of 12306: one row per call of a train, clock times without a
//! day, cells of the train filled only on its first row. Made into a feed like any other.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;
use rustc_hash::FxHashMap;

use crate::days::{DaySet, parse_date};
use crate::error::TransitError;
use crate::feed::{Feed, Route, Service, Stop, Trip, index};
use crate::findings::Severity;
use crate::gtfs::{Clock, Limits, Table, clock, finding};

/// Seconds of a day.
const DAY_S: u32 = 86_400;

/// How to read a table.
#[derive(Debug, Clone, PartialEq)]
pub struct RailTableOptions {
    /// First and last day that `ALL` stands for.
    pub window: (Date, Date),
    /// Coordinates by station name, where known.
    pub lat_lon: BTreeMap<String, (f64, f64)>,
    /// What may be read.
    pub limits: Limits,
}

/// Positions of columns, in the order 车次, 站序, 站名, 到站时间, 出发时间, 是否开通, 运行日期.
#[derive(Debug, Clone, Copy)]
struct Columns {
    train: usize,
    order: Option<usize>,
    station: usize,
    arrive: usize,
    depart: usize,
    open: Option<usize>,
    days: Option<usize>,
}

/// Reads a station-time table as CSV: 车次 (train), 站名 (station), 到站时间 and 出发时间 (the last
/// column of this name: the first is the train's own departure), optionally 是否开通 (a train
/// marked 否, 0, N or 停 is left out) and 运行日期 (`ALL`, or ISO dates apart by blanks or `;`).
///
/// A blank train cell continues the train above; `----` is no time; a time earlier than the one
/// before is on the next day; a number such as `D40/D41` changes on the way and is one trip.
///
/// # Errors
/// Where a column is missing or a limit is exceeded.
pub fn read_rail_table(
    name: &str,
    bytes: &[u8],
    options: &RailTableOptions,
) -> Result<Feed, TransitError> {
    let mut table = Table::new(name, bytes, options.limits.stop_times)?;
    let columns = find_columns(&table)?;
    let mut reader = Reader {
        name,
        options,
        feed: Feed {
            source: name.to_owned(),
            timezone: Some("Asia/Shanghai".into()),
            window: Some(options.window),
            ..Feed::default()
        },
        stops: FxHashMap::default(),
        services: BTreeMap::new(),
        train: None,
    };
    while table.next()? {
        let number = table.at(columns.train).into_owned();
        // The same number may follow itself with other days: its order begins anew.
        let anew = columns.order.is_some_and(|c| table.at(c) == "1");
        let other = reader.train.as_ref().is_none_or(|t| t.number != number);
        if !number.is_empty() && (other || anew) {
            let open = columns
                .open
                .map_or_else(String::new, |c| table.at(c).into_owned());
            let days = columns
                .days
                .map_or_else(String::new, |c| table.at(c).into_owned());
            reader.begin(number, &open, &days, table.row());
        }
        let station = table.at(columns.station).into_owned();
        let times = (
            clock(table.at(columns.arrive).as_bytes()),
            clock(table.at(columns.depart).as_bytes()),
        );
        reader.call(&station, times, table.row());
    }
    reader.end();
    Ok(reader.feed)
}

fn find_columns<R: std::io::Read>(table: &Table<R>) -> Result<Columns, TransitError> {
    let last = |name: &str| table.headers().iter().rposition(|h| h == name);
    let need = |name: &str| {
        last(name).ok_or_else(|| TransitError::MissingColumn {
            at: TransitError::at_file(table.file()),
            column: name.to_owned(),
        })
    };
    Ok(Columns {
        train: need("车次")?,
        order: last("站序"),
        station: need("站名")?,
        arrive: need("到站时间")?,
        depart: need("出发时间")?,
        open: last("是否开通"),
        days: last("运行日期"),
    })
}

/// The train being read.
struct Train {
    number: String,
    row: u32,
    open: bool,
    service: u32,
    /// Where its calls begin.
    first_call: usize,
    /// The last time, s after midnight of its first day.
    last_s: u32,
    /// Why it cannot be used.
    problem: Option<(&'static str, String)>,
}

struct Reader<'a> {
    name: &'a str,
    options: &'a RailTableOptions,
    feed: Feed,
    stops: FxHashMap<String, u32>,
    /// Services by their days as written.
    services: BTreeMap<String, u32>,
    train: Option<Train>,
}

impl Reader<'_> {
    fn begin(&mut self, number: String, open: &str, days: &str, row: u32) {
        self.end();
        let service = match self.services.get(days) {
            Some(at) => *at,
            None => self.service(days, row),
        };
        let closed = ["否", "0", "N", "n", "no", "false"].contains(&open) || open.contains('停');
        self.train = Some(Train {
            number,
            row,
            open: !closed,
            service,
            first_call: self.feed.calls.len(),
            last_s: 0,
            problem: None,
        });
    }

    /// A new service: `ALL` or nothing is every day of the window.
    fn service(&mut self, days: &str, row: u32) -> u32 {
        let mut set = DaySet::new();
        if days.is_empty() || days.eq_ignore_ascii_case("ALL") {
            let (mut day, last) = self.options.window;
            while day <= last && set.insert(day) {
                match day.tomorrow() {
                    Ok(next) => day = next,
                    Err(_) => break,
                }
            }
        } else {
            for text in days.split([';', ' ', '|', ',']).filter(|t| !t.is_empty()) {
                let known = parse_date(text).is_some_and(|date| set.insert(date));
                if !known {
                    self.feed.findings.add("R3", || {
                        finding(
                            "R3",
                            Severity::Error,
                            self.name,
                            Some(row),
                            text,
                            "is no date; the day is left out",
                            "write ALL, or dates as YYYY-MM-DD",
                        )
                    });
                }
            }
        }
        let at = index(self.feed.services.len());
        self.feed.services.push(Service {
            id: format!("s{at}").into(),
            days: set,
            row,
        });
        self.services.insert(days.to_owned(), at);
        at
    }

    fn stop(&mut self, station: &str, row: u32) -> u32 {
        if let Some(at) = self.stops.get(station) {
            return *at;
        }
        let at = index(self.feed.stops.len());
        self.feed.stops.push(Stop {
            id: station.into(),
            name: station.into(),
            lat_lon: self.options.lat_lon.get(station).copied(),
            parent: None,
            kind: 0,
            row,
        });
        self.stops.insert(station.to_owned(), at);
        at
    }

    fn call(&mut self, station: &str, (arrive, depart): (Clock, Clock), row: u32) {
        if self.train.is_none() {
            if !station.is_empty() {
                let message = "a call stands before any train; left out";
                self.say("R3", row, station, message.into());
            }
            return;
        }
        if station.is_empty() {
            return;
        }
        let stop = self.stop(station, row);
        let Some(train) = &mut self.train else { return };
        let first = self.feed.calls.len() == train.first_call;
        // `----` and other texts are no time; both missing cannot be placed.
        let (arr, dep) = match (arrive, depart) {
            (Clock::At(a), Clock::At(d)) => (a, d),
            (Clock::At(one), _) | (_, Clock::At(one)) => (one, one),
            _ => {
                let message = format!("row {row}: {station} has no time; the train is left out");
                train.problem.get_or_insert(("R9", message));
                return;
            }
        };
        // Clock times carry no day.
        let arr_s = if first { arr } else { later(arr, train.last_s) };
        let dep_s = later(dep, arr_s);
        train.last_s = dep_s;
        self.feed.calls.push(stop, arr_s, dep_s, 0, row);
    }

    fn end(&mut self) {
        let Some(train) = self.train.take() else {
            return;
        };
        let end = self.feed.calls.len();
        let mut problem = train.problem;
        if end - train.first_call < 2 {
            problem.get_or_insert(("Q13", "has fewer than two calls; left out".into()));
        }
        if train.last_s > 10 * DAY_S {
            problem.get_or_insert(("Q8", "runs for more than ten days; left out".into()));
        }
        if let Some((rule, message)) = problem {
            self.say(rule, train.row, &train.number, message);
        } else if train.open {
            let id: Arc<str> = train.number.as_str().into();
            let route = index(self.feed.routes.len());
            self.feed.routes.push(Route {
                id: id.clone(),
                short_name: id.clone(),
                long_name: "".into(),
                kind: 2,
                row: train.row,
            });
            // The same number may run on other days with other times.
            let known = self.feed.trips.iter().rev().take(8).any(|t| t.name == id);
            let trip_id = if known {
                format!("{id} row {}", train.row).into()
            } else {
                id.clone()
            };
            self.feed.trips.push(Trip {
                id: trip_id,
                name: id,
                route,
                service: train.service,
                calls: (index(train.first_call), index(end)),
                headway_s: None,
                row: train.row,
            });
            return;
        }
        let calls = &mut self.feed.calls;
        calls.stop.truncate(train.first_call);
        calls.arr_s.truncate(train.first_call);
        calls.dep_s.truncate(train.first_call);
        calls.flags.truncate(train.first_call);
        calls.row.truncate(train.first_call);
    }

    fn say(&mut self, rule: &'static str, row: u32, subject: &str, message: String) {
        self.feed.findings.add(rule, || {
            finding(
                rule,
                Severity::Error,
                self.name,
                Some(row),
                subject,
                message,
                "correct the rows of the train",
            )
        });
    }
}

/// A clock time at or after another time, on whichever day.
fn later(clock_s: u32, after_s: u32) -> u32 {
    let days = after_s / DAY_S;
    let same_day = days * DAY_S + clock_s % DAY_S;
    if same_day < after_s {
        same_day + DAY_S
    } else {
        same_day
    }
}

/// Station names by telegraph code, from a sheet whose headers may be swapped: the column whose
/// cells are three capital letters holds the codes.
///
/// # Errors
/// Where a header is missing, or no column or both hold codes.
pub fn read_stations(name: &str, bytes: &[u8]) -> Result<BTreeMap<String, String>, TransitError> {
    let mut table = Table::new(name, bytes, 1_000_000)?;
    let (a, b) = (table.need("电报码")?, table.need("站名")?);
    let mut rows: Vec<(String, String)> = Vec::new();
    while table.next()? {
        rows.push((table.text(a).into_owned(), table.text(b).into_owned()));
    }
    let is_code = |t: &str| t.len() == 3 && t.bytes().all(|c| c.is_ascii_uppercase());
    let codes = |pick: fn(&(String, String)) -> &String| {
        2 * rows.iter().filter(|r| is_code(pick(r))).count() > rows.len()
    };
    let swapped = match (codes(|r| &r.0), codes(|r| &r.1)) {
        (true, false) => false,
        (false, true) => true,
        _ => {
            return Err(TransitError::Unreadable {
                at: TransitError::at_file(name),
                message: "one of 电报码 and 站名 must hold codes of three capital letters".into(),
            });
        }
    };
    Ok(rows
        .into_iter()
        .map(|(a, b)| if swapped { (b, a) } else { (a, b) })
        .filter(|(code, _)| is_code(code))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "车次,起点,终点,出发时间,到达时间,类别,服务,站序,站名,到站时间,出发时间,停留时间,是否开通,运行日期,其他\n";

    fn read(rows: &str) -> Feed {
        let options = RailTableOptions {
            window: (Date::constant(2016, 3, 14), Date::constant(2016, 3, 16)),
            lat_lon: BTreeMap::from([("甲".to_owned(), (30.0, 120.0))]),
            limits: Limits::default(),
        };
        read_rail_table("table.csv", format!("{HEAD}{rows}").as_bytes(), &options).unwrap()
    }

    #[test]
    fn trains_are_filled_forward_and_run_past_midnight() {
        let feed = read(
            "D40/D41,甲,丙,22:50,01:10,动车,,1,甲,----,22:50,----,是,ALL,\n\
             ,,,,,,,2,乙,23:58,00:03,5,,,\n\
             ,,,,,,,3,丙,01:10,----,----,,,\n\
             G2,丙,甲,08:00,09:00,高铁,,1,丙,----,08:00,----,是,2016-03-15;2016-03-17,\n\
             G2,,,,,,,2,甲,09:00,----,----,,,\n\
             G2,丙,甲,08:30,09:30,高铁,,1,丙,----,08:30,----,是,2016-03-16,\n\
             ,,,,,,,2,甲,09:30,----,----,,,\n\
             G3,丙,甲,08:00,09:00,高铁,,1,丙,----,08:00,----,否,ALL,\n\
             ,,,,,,,2,甲,09:00,----,----,,,\n",
        );
        assert_eq!(
            (feed.trips.len(), feed.stops.len(), feed.calls.len()),
            (3, 3, 7)
        );
        let minutes = |times: &[u32]| times.iter().map(|t| t / 60).collect::<Vec<_>>();
        assert_eq!(minutes(&feed.calls.arr_s[..3]), [1370, 1438, 1510]);
        assert_eq!(minutes(&feed.calls.dep_s[..3]), [1370, 1443, 1510]);
        assert_eq!(&*feed.trips[0].name, "D40/D41");
        assert_eq!(feed.stops[0].lat_lon, Some((30.0, 120.0)));
        let active = |day| feed.active_trips(Date::constant(2016, 3, day));
        assert_eq!([14, 15, 16, 17].map(active), [1, 2, 2, 1]);
        assert_eq!(feed.findings.total(), 0, "{:?}", feed.findings);
    }

    #[test]
    fn trains_that_cannot_be_used_are_told() {
        let feed = read(
            "G1,,,,,,,1,甲,----,----,----,是,soon,\n,,,,,,,2,乙,09:00,----,----,,,\n\
             G2,,,,,,,1,甲,----,08:00,----,是,ALL,\n",
        );
        assert!(feed.trips.is_empty() && feed.calls.is_empty());
        let counts = |rule| feed.findings.count(rule);
        assert_eq!([counts("R9"), counts("Q13"), counts("R3")], [1, 1, 1]);
        assert_eq!(feed.findings.kept["Q13"][0].row, Some(4));
        let missing = read_rail_table(
            "t.csv",
            "车次,站名\n".as_bytes(),
            &RailTableOptions {
                window: (Date::constant(2016, 3, 14), Date::constant(2016, 3, 16)),
                lat_lon: BTreeMap::new(),
                limits: Limits::default(),
            },
        );
        assert!(missing.unwrap_err().to_string().contains("到站时间"));
    }

    #[test]
    fn swapped_headers_are_seen_by_content() {
        let known = BTreeMap::from([("VNP".to_owned(), "北京南".to_owned())]);
        for text in ["电报码,站名\nVNP,北京南\n", "电报码,站名\n北京南,VNP\n"] {
            assert_eq!(read_stations("s.csv", text.as_bytes()).unwrap(), known);
        }
        assert!(read_stations("s.csv", "电报码,站名\n北京,天津\n".as_bytes()).is_err());
    }
}
