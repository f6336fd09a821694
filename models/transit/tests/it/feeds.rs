//! Made feeds: days, blank times, circles of transfers, limits, stopping.

use std::ops::ControlFlow;

use conurb_transit::gtfs::{Limits, read_path, read_path_with};
use conurb_transit::{
    Date, DayMode, Direction, Feed, INTERPOLATED, Scan, Timetable, TimetableOptions, TransitError,
};

const TABLES: [(&str, &str); 5] = [
    (
        "stops.txt",
        "stop_id,stop_name,stop_lat,stop_lon\nA,A,30.0,120.0\nB,B,30.1,120.0\nC,C,30.3,120.0\n",
    ),
    ("routes.txt", "route_id,route_type,route_color\nR,2,0\n"),
    (
        "calendar_dates.txt",
        "service_id,date,exception_type\nW,20240101,1\nW,20240102,1\n",
    ),
    ("trips.txt", "route_id,service_id,trip_id\nR,W,t1\n"),
    (
        "stop_times.txt",
        "trip_id,stop_sequence,stop_id,arrival_time,departure_time\n\
         t1,1,A,23:50:00,23:50:00\nt1,2,B,24:10:00,24:12:00\nt1,3,C,24:40:00,24:40:00\n",
    ),
];

/// A feed of the tables above and others.
fn made(more: &[(&str, &str)], limits: Limits) -> Result<Feed, TransitError> {
    let folder = tempfile::tempdir().unwrap();
    for (file, text) in TABLES.iter().chain(more) {
        std::fs::write(folder.path().join(file), text).unwrap();
    }
    read_path(folder.path(), limits)
}

fn day(feed: &Feed, date: i8, options: TimetableOptions) -> Result<Timetable, TransitError> {
    Timetable::of_day(feed, Date::constant(2024, 1, date), options)
}

#[test]
fn a_calendar_day_has_what_runs_after_midnight() {
    let feed = made(&[], Limits::default()).unwrap();
    let times = |date, mode| {
        let options = TimetableOptions {
            mode,
            ..TimetableOptions::default()
        };
        let made = day(&feed, date, options)?;
        let minutes = made.connections().iter().map(|c| c.dep_s / 60);
        Ok::<_, TransitError>(minutes.collect::<Vec<u32>>())
    };
    assert_eq!(times(1, DayMode::Service).unwrap(), [1430, 1452]);
    assert_eq!(times(1, DayMode::Calendar).unwrap(), [1430, 1452]);
    assert_eq!(times(2, DayMode::Calendar).unwrap(), [12, 1430, 1452]);
    assert_eq!(times(3, DayMode::Calendar).unwrap(), [12]);
    let none = times(3, DayMode::Service).unwrap_err();
    assert!(
        none.to_string().contains("from 20240101 to 20240102"),
        "{none}"
    );
}

#[test]
fn blank_times_are_filled_by_distance_and_told() {
    let blank = "trip_id,stop_sequence,stop_id,arrival_time,departure_time\n\
        t1,1,A,08:00:00,08:00:00\nt1,2,B,,\nt1,3,C,08:30:00,08:30:00\n";
    let feed = made(&[("stop_times.txt", blank)], Limits::default()).unwrap();
    // A third of the way after a third of the time; the bad colour does not matter.
    assert_eq!(feed.calls.arr_s[1], 8 * 3600 + 600);
    assert_eq!(feed.calls.flags[1], INTERPOLATED);
    assert_eq!(feed.findings.kept["R2"][0].value, Some(1.0));
}

#[test]
fn circles_of_transfers_are_completed() {
    let circle = "from_stop_id,to_stop_id,transfer_type,min_transfer_time\n\
        A,B,2,60\nB,C,2,60\nC,A,2,60\n";
    let feed = made(&[("transfers.txt", circle)], Limits::default()).unwrap();
    let ways = |complete_transfers| {
        let options = TimetableOptions {
            complete_transfers,
            ..TimetableOptions::default()
        };
        day(&feed, 1, options)
            .unwrap()
            .foot()
            .iter()
            .collect::<Vec<_>>()
    };
    assert_eq!(ways(false), [(0, 1, 60), (1, 2, 60), (2, 0, 60)]);
    let all = [
        (0, 1, 60),
        (0, 2, 120),
        (1, 0, 120),
        (1, 2, 60),
        (2, 0, 60),
        (2, 1, 120),
    ];
    assert_eq!(ways(true), all);
}

#[test]
fn everything_has_a_limit() {
    let few = Limits {
        stop_times: 2,
        ..Limits::default()
    };
    let many = made(&[], few).unwrap_err();
    assert!(
        matches!(many, TransitError::TooLarge { limit: 2, .. }),
        "{many}"
    );
    let headways = "trip_id,start_time,end_time,headway_secs\nt1,00:00:00,200:00:00,1\n";
    let some = Limits {
        stop_times: 100_000,
        ..Limits::default()
    };
    let endless = made(&[("frequencies.txt", headways)], some).unwrap_err();
    assert!(
        matches!(endless, TransitError::TooLarge { limit: 100_000, .. }),
        "{endless}"
    );
    let bytes = Limits {
        table_bytes: 40,
        ..Limits::default()
    };
    let long = made(&[], bytes).unwrap_err();
    assert!(long.to_string().contains("limit of bytes"), "{long}");
}

#[test]
fn reading_and_scanning_stop_on_request() {
    let mut times = String::from(TABLES[4].1);
    for n in 4..70_000 {
        times.push_str(&format!("t1,{n},A,{0}:00:00,{0}:00:00\n", 25 + n / 10_000));
    }
    let folder = tempfile::tempdir().unwrap();
    for (file, text) in TABLES {
        std::fs::write(folder.path().join(file), text).unwrap();
    }
    std::fs::write(folder.path().join("stop_times.txt"), times).unwrap();
    let stopped = read_path_with(folder.path(), Limits::default(), &mut |p| {
        assert_eq!((p.file, p.rows), ("stop_times.txt", 65_536));
        ControlFlow::Break(())
    });
    assert!(matches!(stopped, Err(TransitError::Stopped { .. })));
    let feed = made(&[], Limits::default()).unwrap();
    let day = day(&feed, 1, TimetableOptions::default()).unwrap();
    let scan = Scan::new(&day, Direction::AllToOne);
    let places = scan.stops_as_places();
    let seen = std::sync::Mutex::new(Vec::new());
    let all = scan.all_pairs_with(&places, &|done, of| {
        seen.lock().unwrap().push((done, of));
        ControlFlow::Continue(())
    });
    assert_eq!(all.unwrap(), scan.all_pairs(&places).unwrap());
    assert_eq!(*seen.lock().unwrap(), [(3, 3)]);
    let stopped = scan.all_pairs_with(&places, &|_, _| ControlFlow::Break(()));
    assert!(matches!(stopped, Err(TransitError::Stopped { .. })));
    let to_two = scan.to_places(&places[1..], |_, p| p).unwrap();
    assert_eq!(to_two[1], scan.profiles(&places[2]).unwrap());
}
