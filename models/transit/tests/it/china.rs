//! Regression values of the national timetable of 2016-03-15 (two independent programs agree on
//! most of them).

use std::collections::BTreeMap;

use conurb_testkit::need_shared;
use conurb_transit::{
    AllPairs, Date, Direction, Place, Scan, Timetable, Window, WindowStats, arrive_s, fastest_s,
    ready_s,
};

use crate::support::{DAY, china, china_day, csv, prefectures, text};

/// Pairs of stations of the table of fastest journeys: change 600 s, 900 s, direct ride, trains.
const FASTEST: &[(&str, &str, i32, i32, u32, usize)] = &[
    ("北京南", "上海虹桥", 298, 303, 288, 34),
    ("北京", "大连北", 366, 371, 374, 3),
    ("上海虹桥", "杭州东", 55, 60, 45, 108),
    ("上海虹桥", "苏州北", 33, 38, 23, 40),
    ("南京南", "上海虹桥", 77, 82, 67, 102),
    ("上海虹桥", "合肥南", 145, 152, 140, 34),
    ("广州南", "深圳北", 39, 44, 29, 100),
    ("成都东", "重庆北", 98, 103, 88, 46),
    ("武汉", "长沙南", 88, 93, 78, 85),
    ("北京南", "天津", 43, 48, 33, 88),
];

fn all_stops(timetable: &Timetable) -> AllPairs {
    let scan = Scan::new(timetable, Direction::AllToOne);
    scan.all_pairs(&scan.stops_as_places()).unwrap()
}

#[test]
fn the_feed_has_the_known_size() {
    let data = need_shared!("the_feed_has_the_known_size");
    let feed = china(&data);
    assert_eq!(
        [
            feed.stops.len(),
            feed.routes.len(),
            feed.trips.len(),
            feed.calls.len(),
            feed.services.len()
        ],
        [672, 4_402, 4_458, 34_647, 179]
    );
    let mut pairs = std::collections::BTreeSet::new();
    for trip in &feed.trips {
        let stops = &feed.calls.stop[feed.calls_of(trip)];
        pairs.extend(stops.windows(2).map(|p| (p[0], p[1])));
    }
    assert_eq!(pairs.len(), 3_900);
    let active = |month, day| feed.active_trips(Date::constant(2016, month, day));
    assert_eq!(
        [
            active(2, 10),
            active(3, 1),
            active(3, 10),
            active(3, 15),
            active(3, 18),
            active(1, 31)
        ],
        [3_758, 3_814, 3_704, 3_703, 3_770, 4_151]
    );
    assert_eq!(feed.calls.arr_s.iter().max(), Some(&119_520), "33:12:00");
    let late = |times: &[u32]| times.iter().filter(|t| **t >= 86_400).count();
    assert!(late(&feed.calls.arr_s) >= 219);
    assert_eq!(feed.findings.counts.keys().collect::<Vec<_>>(), ["R10"]);
    assert!(feed.findings.kept["R10"][0].message.starts_with("118 "));
    let day = china_day(&data, 600);
    assert_eq!(day.trips().len(), 3_703);
    assert_eq!(day.connections().len(), 25_888);
    assert_eq!(day.served_stops(), 668);
}

#[test]
fn fastest_journeys_and_direct_rides() {
    let data = need_shared!("fastest_journeys_and_direct_rides");
    for (change_s, pick) in [(600, 0), (900, 1)] {
        let day = china_day(&data, change_s);
        let backward = Scan::new(&day, Direction::OneToAll);
        let forward = Scan::new(&day, Direction::AllToOne);
        for (from, to, at_600, at_900, ride, trains) in FASTEST {
            let (a, b) = (day.stop(from).unwrap(), day.stop(to).unwrap());
            let minutes = [at_600, at_900][pick];
            let to_one = forward.profiles(&Place::stop(b)).unwrap();
            assert_eq!(
                fastest_s(to_one.of(a as usize)),
                Some(minutes * 60),
                "{from} {to}"
            );
            let from_one = backward.profiles(&Place::stop(a)).unwrap();
            assert_eq!(
                from_one.of(b as usize),
                to_one.of(a as usize),
                "{from} {to}"
            );
            assert_eq!(day.direct(a, b), (*trains, Some(ride * 60)), "{from} {to}");
        }
    }
}

#[test]
fn all_pairs_of_the_nation() {
    let data = need_shared!("all_pairs_of_the_nation");
    for (change_s, reached, pairs, mean) in [
        (600, 237_902, 1_079_031, 451.447),
        (900, 231_872, 1_036_998, 459.913),
    ] {
        let all = all_stops(&china_day(&data, change_s));
        let mut fastest = Vec::new();
        for to in &all.to {
            fastest.extend((0..to.len()).filter_map(|from| fastest_s(to.of(from))));
        }
        assert_eq!(fastest.len(), reached);
        assert_eq!(all.to.iter().map(|p| p.pairs().len()).sum::<usize>(), pairs);
        let sum: i64 = fastest.iter().map(|s| i64::from(*s)).sum();
        let found = sum as f64 / reached as f64 / 60.0;
        assert!((found - mean).abs() < 5e-4, "{found}");
    }
}

/// Each stop stands twice, so that a journey back to where it began counts as one between two
/// places; the regression values leave these out.
#[test]
fn trains_that_return_to_their_origin() {
    let data = need_shared!("trains_that_return_to_their_origin");
    for (change_s, known) in [(600, 9_851), (900, 9_703)] {
        let day = china_day(&data, change_s);
        let scan = Scan::new(&day, Direction::AllToOne);
        let twice = [scan.stops_as_places(), scan.stops_as_places()].concat();
        let half = twice.len() / 2;
        let back = scan
            .for_each_end(&twice, |to, profiles| {
                if to < half {
                    0
                } else {
                    profiles.of(to - half).len()
                }
            })
            .unwrap();
        assert_eq!(back.iter().sum::<usize>(), known);
        assert_eq!(back.iter().filter(|pairs| **pairs > 0).count(), 662);
    }
}

/// The assumed run minutes of new lines are the least squares of the file they name.
#[test]
fn run_minutes_are_fitted_to_this_day() {
    let data = need_shared!("run_minutes_are_fitted_to_this_day");
    let day = china_day(&data, 600);
    let (_, models) = conurb_transit::scenario::run_models().unwrap();
    for (letter, segments, r2) in [("G", 2_088, 0.892), ("D", 2_171, 0.862)] {
        let mut runs: BTreeMap<(u32, u32), Vec<u32>> = BTreeMap::new();
        for trip in day.trips().iter().filter(|t| t.route.starts_with(letter)) {
            for leg in trip.calls.windows(2) {
                let run_s = leg[1].arr_s - leg[0].dep_s;
                runs.entry((leg[0].stop, leg[1].stop))
                    .or_default()
                    .push(run_s);
            }
        }
        assert_eq!(runs.len(), segments);
        let at = |stop: u32| day.stops()[stop as usize].lat_lon.unwrap();
        let points: Vec<(f64, f64)> = (runs.iter_mut())
            .map(|((from, to), runs)| {
                runs.sort_unstable();
                // Of an even number of runs the upper of the two middle ones.
                let median_min = f64::from(runs[runs.len() / 2]) / 60.0;
                (conurb_geo::great_circle_km(at(*from), at(*to)), median_min)
            })
            .collect();
        let n = points.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / n;
        let (x, y) = (mean(|p| p.0), mean(|p| p.1));
        let xy: f64 = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
        let xx: f64 = points.iter().map(|p| (p.0 - x) * (p.0 - x)).sum();
        let yy: f64 = points.iter().map(|p| (p.1 - y) * (p.1 - y)).sum();
        let model = models.iter().find(|m| m.name == letter).unwrap();
        let slope = xy / xx;
        assert!(
            (slope - model.min_per_km).abs() < 5.1e-6,
            "{letter} {slope}"
        );
        let start = y - slope * x;
        assert!((start - model.start_min).abs() < 5.1e-4, "{letter} {start}");
        let found = xy * xy / (xx * yy);
        assert!((found - r2).abs() < 5.1e-4, "{letter} {found}");
    }
}

#[test]
fn the_shared_matrix_is_the_one_with_900_s() {
    let data = need_shared!("the_shared_matrix_is_the_one_with_900_s");
    let day = china_day(&data, 900);
    let all = all_stops(&day);
    let stops: BTreeMap<&str, usize> = day
        .stops()
        .iter()
        .enumerate()
        .map(|(at, s)| (&*s.name, at))
        .collect();
    let table = text(&data.join("region/reference/cn2016_station_fastest_min.csv.gz"));
    let mut compared = 0;
    for line in table.lines() {
        let cells: Vec<&str> = line.split(',').collect();
        let (from, to) = (stops[cells[0]], stops[cells[1]]);
        let minutes: i32 = cells[2].parse().unwrap();
        if from != to {
            let found = fastest_s(all.profile(from, to));
            assert_eq!(found, Some(minutes * 60), "{line}");
            compared += 1;
        }
    }
    assert_eq!(compared, 231_872, "all reachable pairs and no other");
}

#[test]
fn windows_of_the_day() {
    let data = need_shared!("windows_of_the_day");
    let day = china_day(&data, 600);
    let scan = Scan::new(&day, Direction::AllToOne);
    for (from, to, pairs, inside, covered, mean, percentiles) in [
        (
            "北京南",
            "上海虹桥",
            26,
            25,
            634,
            346.6278,
            [308.740, 348.889, 368.990],
        ),
        (
            "南京南",
            "上海虹桥",
            56,
            42,
            720,
            107.7958,
            [83.571, 104.000, 128.000],
        ),
        (
            "成都东",
            "重庆北",
            32,
            26,
            720,
            124.1222,
            [105.125, 123.240, 136.000],
        ),
        (
            "上海虹桥",
            "合肥南",
            39,
            35,
            720,
            179.8778,
            [156.500, 175.522, 196.714],
        ),
        (
            "北京",
            "大连北",
            8,
            8,
            521,
            459.1411,
            [385.350, 453.500, 516.925],
        ),
    ] {
        let (a, b) = (day.stop(from).unwrap(), day.stop(to).unwrap());
        let profiles = scan.profiles(&Place::stop(b)).unwrap();
        let profile = profiles.of(a as usize);
        assert_eq!(profile.len(), pairs, "{from} {to}");
        let stats = WindowStats::new(profile, Window::DAY).unwrap();
        assert_eq!(stats.journeys, inside, "{from} {to}");
        assert_eq!(stats.covered_s, covered * 60, "{from} {to}");
        assert!(
            (stats.mean_min - mean).abs() < 5e-5,
            "{from} {to} {}",
            stats.mean_min
        );
        for (q, known) in [0.05, 0.5, 0.85].into_iter().zip(percentiles) {
            let found = stats.percentile_min(q);
            assert!((found - known).abs() < 5e-4, "{from} {to} p{q} {found}");
        }
    }
}

#[test]
fn at_most_so_many_trips() {
    let data = need_shared!("at_most_so_many_trips");
    let day = china_day(&data, 600);
    let origin = day.stop("北京南").unwrap();
    let scan = Scan::new(&day, Direction::OneToAll);
    let by_trips = scan.profiles_by_trips(&Place::stop(origin), 8).unwrap();
    let ready = 7 * 3600;
    let reached = |k: usize, within_s: i32| {
        (0..by_trips[k].len())
            .filter_map(|stop| arrive_s(by_trips[k].of(stop), ready))
            .filter(|arrive| arrive - ready <= within_s)
            .count()
    };
    // The origin counts as reached.
    let counts: Vec<usize> = (0..8).map(|k| reached(k, i32::MAX) + 1).collect();
    assert_eq!(counts, [168, 357, 480, 491, 494, 497, 497, 497]);
    assert_eq!(reached(7, 4 * 3600) + 1, 41);
    assert_eq!(reached(7, 6 * 3600) + 1, 97);
    for (from, to, pareto) in [
        (
            "北京南",
            "温州南",
            vec![(1, 16 * 60 + 44), (2, 15 * 60 + 57)],
        ),
        (
            "合肥南",
            "深圳北",
            vec![(1, 19 * 60 + 36), (2, 16 * 60 + 43)],
        ),
        ("厦门北", "西安北", vec![(2, 20 * 60 + 29)]),
    ] {
        let place = Place::stop(day.stop(from).unwrap());
        let by_trips = scan.profiles_by_trips(&place, 8).unwrap();
        let to = day.stop(to).unwrap() as usize;
        let mut found: Vec<(usize, i32)> = Vec::new();
        for (k, profiles) in by_trips.iter().enumerate() {
            if let Some(arrive) = arrive_s(profiles.of(to), ready)
                && found.last().is_none_or(|(_, before)| *before > arrive / 60)
            {
                found.push((k + 1, arrive / 60));
            }
        }
        assert_eq!(found, pareto, "{from}");
    }
}

#[test]
fn there_and_back_in_a_day() {
    let data = need_shared!("there_and_back_in_a_day");
    let day = china_day(&data, 600);
    let origin = Place::stop(day.stop("北京南").unwrap());
    let out = Scan::new(&day, Direction::OneToAll)
        .profiles(&origin)
        .unwrap();
    let back = Scan::new(&day, Direction::AllToOne)
        .profiles(&origin)
        .unwrap();
    let (leave, home) = (7 * 3600, 23 * 3600);
    let stay = |stop: usize| {
        let there = arrive_s(out.of(stop), leave)?;
        Some(ready_s(back.of(stop), home)? - there)
    };
    let at_least = |hours: i32| {
        (0..out.len())
            .filter(|s| stay(*s).is_some_and(|t| t >= hours * 3600))
            .count()
    };
    assert_eq!(
        [at_least(2), at_least(4), at_least(6), at_least(8)],
        [157, 100, 56, 36]
    );
    let others = (0..out.len()).filter(|s| arrive_s(out.of(*s), leave).is_some());
    assert_eq!(others.count(), 496);
    let shanghai = day.stop("上海虹桥").unwrap() as usize;
    assert_eq!(arrive_s(out.of(shanghai), leave), Some((13 * 60 + 9) * 60));
    assert_eq!(ready_s(back.of(shanghai), home), Some((17 * 60 + 4) * 60));
}

#[test]
fn cities_reach_one_another() {
    let data = need_shared!("cities_reach_one_another");
    for (change_s, reached) in [(600, 26_524), (900, 26_149)] {
        let day = china_day(&data, change_s);
        let places = prefectures(&data, &day);
        assert_eq!(places.len(), 206);
        let scan = Scan::new(&day, Direction::AllToOne);
        let all = scan.all_pairs(&places).unwrap();
        let some = all
            .to
            .iter()
            .map(|to| (0..to.len()).filter(|f| !to.of(*f).is_empty()).count());
        assert_eq!(some.sum::<usize>(), reached);
        if change_s == 900 {
            let at: BTreeMap<&str, usize> = places
                .iter()
                .enumerate()
                .map(|(n, p)| (&*p.name, n))
                .collect();
            let file = data.join("region/reference/cn2016_direct_trains_city_od.csv");
            let mut faster_by_change = 0;
            for row in csv(&file) {
                let (from, to) = (at[&*row["from_code"]], at[&*row["to_code"]]);
                let minutes: i32 = row["fastest_min"].parse().unwrap();
                let found = fastest_s(all.profile(from, to)).unwrap();
                assert!(found <= minutes * 60, "{row:?}");
                faster_by_change += usize::from(found < minutes * 60);
            }
            assert_eq!(
                faster_by_change, 0,
                "the table holds the fastest of the day"
            );
        }
    }
    assert_eq!(DAY.to_string(), "2016-03-15");
}
