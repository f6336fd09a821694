//! The quality report: known answers of both shared feeds, and made feeds that trip each rule.

use std::collections::BTreeMap;

use conurb_testkit::need_shared;
use conurb_transit::gtfs::{Limits, read_path};
use conurb_transit::quality::{
    QualityOptions, QualityReport, Repaired, SpeedLimits, examine, repair_stop,
};
use conurb_transit::{Date, Feed, Severity};

use crate::support::{DAY, china, prefecture_of, tokyo};

#[test]
fn the_chinese_feed() {
    let data = need_shared!("quality_of_the_chinese_feed");
    let feed = china(&data);
    let units = prefecture_of(&data);
    let options = QualityOptions {
        date: Some(DAY),
        unit_of: Some(&units),
        ..QualityOptions::default()
    };
    let report = examine(feed, &options).unwrap();
    let counts = |rule| report.findings.count(rule);
    let rules = [
        "Q1", "Q2", "Q3", "Q8", "Q9", "Q10", "Q11", "Q12", "Q13", "Q14",
    ];
    assert_eq!(rules.map(counts), [0, 0, 0, 0, 0, 4, 0, 0, 4, 0]);
    let fastest = report.facts.fastest.as_ref().unwrap();
    assert!((fastest.km_h - 271.2).abs() < 0.05, "{fastest:?}");
    assert_eq!((&*fastest.from, &*fastest.to), ("武汉", "郑州东"));
    assert_eq!(report.facts.served_stops, Some(668));
    assert_eq!(report.facts.active_trips, Some(3_703));
    assert_eq!(
        report.worst(),
        Some(Severity::Warning),
        "the days outside the window"
    );
}

#[test]
fn the_tokyo_feed() {
    let data = need_shared!("quality_of_the_tokyo_feed");
    let options = QualityOptions {
        date: Some(Date::constant(2026, 8, 12)),
        ..QualityOptions::default()
    };
    let report = examine(tokyo(&data), &options).unwrap();
    let counts = |rule| report.findings.count(rule);
    let rules = ["Q1", "Q8", "Q9", "Q10", "Q12", "Q14"];
    assert_eq!(rules.map(counts), [0, 0, 4_740, 495, 335, 0]);
    let fastest = report.facts.fastest.as_ref().unwrap();
    assert!((fastest.km_h - 111.4).abs() < 0.05, "{fastest:?}");
    assert_eq!(
        report.findings.kept["Q9"].len(),
        100,
        "kept are few, counted all"
    );
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["findings"]["counts"]["Q9"], 4_740);
    assert!(json["findings"]["kept"]["Q10"][0]["row"].as_u64() > Some(1));
}

const STOPS: &str = "stop_id,stop_name,stop_lat,stop_lon\n\
    A,Alpha,30.0,120.0\nB,Beta,30.5,120.0\nC,Gamma,31.0,120.0\nD,Delta,31.0,120.0\n";
const ROUTES: &str = "route_id,route_short_name,route_type\nR,R,2\n";
const CALENDAR: &str = "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n\
    W,1,1,1,1,1,1,1,20240101,20240107\n";
const TRIPS: &str = "route_id,service_id,trip_id\nR,W,t1\n";
const TIMES: &str = "trip_id,stop_sequence,stop_id,arrival_time,departure_time\n\
    t1,1,A,08:00:00,08:00:00\nt1,2,B,08:20:00,08:21:00\nt1,3,C,08:40:00,08:40:00\n";

/// A feed of the tables above, some replaced.
fn made(replaced: &[(&str, &str)]) -> Feed {
    let folder = tempfile::tempdir().unwrap();
    let mut tables: BTreeMap<&str, &str> = BTreeMap::from([
        ("stops.txt", STOPS),
        ("routes.txt", ROUTES),
        ("calendar.txt", CALENDAR),
        ("trips.txt", TRIPS),
        ("stop_times.txt", TIMES),
    ]);
    tables.extend(replaced.iter().copied());
    for (file, text) in tables {
        std::fs::write(folder.path().join(file), text).unwrap();
    }
    read_path(folder.path(), Limits::default()).unwrap()
}

fn found(feed: &Feed, options: &QualityOptions<'_>, rule: &str) -> (u64, Option<u64>, String) {
    let report: QualityReport = examine(feed, options).unwrap();
    let first = report.findings.kept.get(rule).map(|k| &k[0]);
    let row = first.and_then(|f| f.row);
    let text = first.map_or_else(String::new, |f| {
        assert!(!f.remedy.is_empty());
        format!("{}: {}", f.file, f.message)
    });
    (report.findings.count(rule), row, text)
}

#[test]
fn each_rule_is_tripped_by_a_feed_made_for_it() {
    let plain = QualityOptions::default();
    let times = |text: &str| {
        made(&[(
            "stop_times.txt",
            &format!("trip_id,stop_sequence,stop_id,arrival_time,departure_time\n{text}"),
        )])
    };
    // Q1: 55.6 km in nine minutes; a bus may not even do it in twenty.
    let fast = times("t1,1,A,08:00:00,08:00:00\nt1,2,B,08:08:00,08:08:00\n");
    let (count, row, text) = found(&fast, &plain, "Q1");
    assert_eq!((count, row), (1, Some(3)), "{text}");
    assert!(
        text.contains("Alpha to Beta in 480 s is 370.7 km/h, limit 340"),
        "{text}"
    );
    assert_eq!(found(&made(&[]), &plain, "Q1").0, 0);
    let bus = made(&[(
        "routes.txt",
        "route_id,route_short_name,route_type\nR,R,3\n",
    )]);
    assert_eq!(found(&bus, &plain, "Q1").0, 2);
    let lenient = QualityOptions {
        limits: SpeedLimits {
            bus_km_h: 400.0,
            ..SpeedLimits::default()
        },
        severity: BTreeMap::from([("Q12".to_owned(), Severity::Error)]),
        ..QualityOptions::default()
    };
    assert_eq!(found(&bus, &lenient, "Q1").0, 0);
    assert_eq!(
        examine(&bus, &lenient).unwrap().worst(),
        Some(Severity::Error)
    );
    // Q2: a second source, 3 km and 300 km off.
    let second = BTreeMap::from([
        ("Alpha".to_owned(), (30.027, 120.0)),
        ("B".to_owned(), (30.5, 123.2)),
        ("C".to_owned(), (31.0, 120.0)),
    ]);
    let options = QualityOptions {
        second_source: Some(&second),
        ..QualityOptions::default()
    };
    let report = examine(&made(&[]), &options).unwrap();
    let severities: Vec<Severity> = report.findings.kept["Q2"]
        .iter()
        .map(|f| f.severity)
        .collect();
    assert_eq!(severities, [Severity::Warning, Severity::Error]);
    // Q8: times run backwards, within a call and between two.
    for backwards in [
        "t1,1,A,08:00:00,08:00:00\nt1,2,B,08:20:00,08:19:00\nt1,3,C,08:40:00,08:40:00\n",
        "t1,1,A,08:00:00,08:00:00\nt1,2,B,07:20:00,08:21:00\nt1,3,C,08:40:00,08:40:00\n",
    ] {
        assert_eq!(found(&times(backwards), &plain, "Q8").0, 1);
        assert!(times(backwards).trips.is_empty(), "the trip is dropped");
    }
    // Q9, Q10: no time, and back at the first stop.
    let ring = times(
        "t1,1,A,08:00:00,08:00:00\nt1,2,B,08:20:00,08:20:00\nt1,3,C,08:20:00,08:21:00\nt1,4,A,09:20:00,09:21:00\n",
    );
    assert_eq!(
        (found(&ring, &plain, "Q9").0, found(&ring, &plain, "Q9").1),
        (1, Some(4))
    );
    assert_eq!(
        (found(&ring, &plain, "Q10").0, found(&ring, &plain, "Q10").1),
        (1, Some(5))
    );
    // Q11: the same trip twice; another minute is another trip.
    let twice = |minute: &str| {
        let trips = format!("{TRIPS}R,W,t2\n");
        let times = format!(
            "{TIMES}t2,1,A,08:00:00,08:00:00\nt2,2,B,08:{minute}:00,08:21:00\nt2,3,C,08:40:00,08:40:00\n"
        );
        made(&[("trips.txt", &trips), ("stop_times.txt", &times)])
    };
    assert_eq!(found(&twice("20"), &plain, "Q11").0, 1);
    assert_eq!(found(&twice("19"), &plain, "Q11").0, 0);
    // Q12: Gamma and Delta. Q13: Delta is not served; a service without days.
    assert_eq!(found(&made(&[]), &plain, "Q12").0, 1);
    let dated = QualityOptions {
        date: Some(Date::constant(2024, 1, 3)),
        ..QualityOptions::default()
    };
    let (count, row, text) = found(&made(&[]), &dated, "Q13");
    assert_eq!((count, row), (1, Some(5)), "{text}");
    let never = CALENDAR.to_owned() + "N,0,0,0,0,0,0,0,20240101,20240107\n";
    assert_eq!(
        found(&made(&[("calendar.txt", &never)]), &plain, "Q13").0,
        1
    );
    let short = times("t1,1,A,08:00:00,08:00:00\n");
    assert_eq!(found(&short, &plain, "Q13").0, 1, "a trip with one call");
}

#[test]
fn footpaths_must_follow_from_one_another() {
    let plain = QualityOptions::default();
    let ways = |rows: &str| {
        let text = format!("from_stop_id,to_stop_id,transfer_type,min_transfer_time\n{rows}");
        made(&[("transfers.txt", &text)])
    };
    let closed = ways("A,B,2,60\nB,A,2,60\nB,C,2,60\nC,B,2,60\nA,C,2,120\nC,A,2,120\n");
    assert_eq!(found(&closed, &plain, "Q14").0, 0);
    assert_eq!(
        found(&ways("A,B,2,60\n"), &plain, "Q14").0,
        1,
        "no way back"
    );
    let (count, _, text) = found(&ways("A,B,2,60\nB,A,2,90\n"), &plain, "Q14");
    assert_eq!(count, 2, "{text}");
    assert!(text.contains("takes 60 s, and 90 s back"), "{text}");
    // Open: A to C and C to A are missing. Longer than over B: both again.
    assert_eq!(
        found(
            &ways("A,B,2,60\nB,A,2,60\nB,C,2,60\nC,B,2,60\n"),
            &plain,
            "Q14"
        )
        .0,
        2
    );
    let long = ways("A,B,2,60\nB,A,2,60\nB,C,2,60\nC,B,2,60\nA,C,2,200\nC,A,2,200\n");
    assert_eq!(found(&long, &plain, "Q14").0, 2);
}

#[test]
fn a_homonym_is_found_and_repaired() {
    let data = need_shared!("a_homonym_is_found_and_repaired");
    let mut feed = china(&data).clone();
    let units = prefecture_of(&data);
    // 青堆 of the source lay hundreds of km away: put it where another 青堆 could be.
    let at = feed.stop("青堆").unwrap() as usize;
    let right = feed.stops[at].lat_lon.unwrap();
    feed.stops[at].lat_lon = Some((38.9, 115.4));
    let mut elsewhere = units.clone();
    elsewhere.insert("青堆".to_owned(), "130600".to_owned());
    let options = QualityOptions {
        unit_of: Some(&elsewhere),
        ..QualityOptions::default()
    };
    let report = examine(&feed, &options).unwrap();
    assert!(report.findings.count("Q1") > 0);
    let subjects: Vec<&str> = report.findings.kept["Q3"]
        .iter()
        .map(|f| f.subject.as_str())
        .collect();
    assert_eq!(subjects, [&*feed.stops[at].id]);
    let limits = SpeedLimits::default();
    let stop = u32::try_from(at).unwrap();
    let repair = repair_stop(&feed, stop, &[(38.9, 115.4), right], &limits)
        .unwrap()
        .unwrap();
    assert_eq!((repair.by, repair.lat_lon), (Repaired::Candidate(1), right));
    let approximate = repair_stop(&feed, stop, &[], &limits).unwrap().unwrap();
    assert_eq!(approximate.by, Repaired::Approximate);
    let off_km = conurb_geo::great_circle_km(approximate.lat_lon, right);
    assert!(off_km < 25.0, "{off_km}");
}
