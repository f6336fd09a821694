//! Measures of the Yangtze Delta 2016 against the shared tables, access by rule, direct trains.

use std::collections::BTreeMap;
use std::path::Path;

use conurb_testkit::need_shared;
use conurb_transit::measures::{
    Ask, Basis, Mass, Own, Targets, TimeMatrix, contour, day_trip, equity, inside_and_out,
    potential, service_between, watt, weighted_mean,
};
use conurb_transit::{
    ACCESS_KM_H, AccessTable, AllPairs, CityCentre, Direction, Place, Scan, Timetable, Window,
    door_to_door,
};

use crate::support::{china_day, cities, csv, prefectures};

/// Times between prefectures with a station.
fn nation(day: &Timetable, places: &[Place]) -> AllPairs {
    Scan::new(day, Direction::AllToOne)
        .all_pairs(places)
        .unwrap()
}

fn persons(data: &Path, places: &[Place]) -> Mass {
    let census = cities(data);
    let values = places.iter().map(|p| census[&p.name].pop_2010).collect();
    Mass::new(values, "persons", 2010, "census").unwrap()
}

fn delta(data: &Path, places: &[Place]) -> Targets {
    let members = crate::support::delta(data);
    let at = places
        .iter()
        .enumerate()
        .filter(|(_, p)| members.contains(&p.name))
        .map(|(at, _)| at);
    Targets::new("Delta cities with a station", at).unwrap()
}

/// Agrees as far as the table's digits go.
fn same(found: f64, shown: &str, what: &str) {
    let digits = shown.split_once('.').map_or(0, |(_, d)| d.len());
    let half = 0.5 * 10_f64.powi(-i32::try_from(digits).unwrap());
    let known: f64 = shown.parse().unwrap();
    assert!(
        (found - known).abs() <= half * 1.000_001,
        "{what}: {found} {shown}"
    );
}

#[test]
fn both_tables_of_the_delta() {
    let data = need_shared!("both_tables_of_the_delta");
    for (change_s, file) in [
        (900, "yrd_accessibility_2016.csv"),
        (600, "yrd_accessibility_2016_change600.csv"),
    ] {
        let day = china_day(&data, change_s);
        let places = prefectures(&data, &day);
        let census = cities(&data);
        let all = nation(&day, &places);
        let times = TimeMatrix::from_profiles(&places, &all, Basis::Fastest).unwrap();
        let mass = persons(&data, &places);
        let to = delta(&data, &places);
        assert_eq!(to.members.len(), 30);
        let own = Own::Minutes(vec![0.0; places.len()]);
        let ask = Ask {
            times: &times,
            mass: &mass,
            to: &to,
            own: &Own::Out,
        };
        let with_own = Ask { own: &own, ..ask };
        let from = &to.members;
        let mean = watt(&ask, from).unwrap();
        let day_reach = [60.0, 120.0, 180.0].map(|limit| contour(&with_own, from, limit).unwrap());
        let gravity = potential(&ask, from, 1.0).unwrap();
        let rows = csv(&data.join("region/reference").join(file));
        assert_eq!(rows.len(), 30);
        for row in rows {
            let at = (0..30)
                .find(|n| census[&places[from[*n]].name].name == row["city"])
                .unwrap();
            let name = &row["city"];
            assert_eq!(mean[at].reached.to_string(), row["reach"], "{name}");
            same(mean[at].value.unwrap(), &row["WATT_min"], name);
            for (found, column) in day_reach.iter().zip(["DA60_M", "DA120_M", "DA180_M"]) {
                same(found[at].value.unwrap() / 1e6, &row[column], name);
            }
            same(gravity[at].value.unwrap() / 1e4, &row["potential"], name);
        }
        if change_s == 600 {
            let overall = weighted_mean(&mean, &mass.values).unwrap();
            same(overall, "129.9862", "mean of the 30");
            let balance = equity(&mean, &mass.values).unwrap();
            assert_eq!(balance.places, 30);
            assert!(balance.gini > 0.0 && balance.gini < 0.3, "{balance:?}");
            let nation = Targets::new("all", 0..places.len()).unwrap();
            let wide = Ask { to: &nation, ..ask };
            let split = inside_and_out(&wide, &to).unwrap();
            assert_eq!(split[3].intra.value, mean[3].value);
            let outside = split[3].inter.as_ref().unwrap();
            assert_eq!(outside.reached + outside.lost.len(), 206 - 30);
        }
    }
}

#[test]
fn direct_trains_between_prefectures() {
    let data = need_shared!("direct_trains_between_prefectures");
    let day = china_day(&data, 900);
    let places = prefectures(&data, &day);
    let found = service_between(&day, &places).unwrap();
    assert_eq!(found.len(), 9_208);
    assert_eq!(found.iter().map(|r| r.direct_trips).sum::<u32>(), 80_958);
    let linked: std::collections::BTreeSet<usize> =
        found.iter().flat_map(|r| [r.from, r.to]).collect();
    assert_eq!(linked.len(), 205);
    let by_pair: BTreeMap<(&str, &str), u32> = found
        .iter()
        .map(|r| {
            let pair = (&*places[r.from].name, &*places[r.to].name);
            (pair, r.direct_trips)
        })
        .collect();
    for row in csv(&data.join("region/reference/cn2016_direct_trains_city_od.csv")) {
        let trains: u32 = row["direct_trains_per_day_20160315"].parse().unwrap();
        let pair = (&*row["from_code"], &*row["to_code"]);
        assert_eq!(by_pair[&pair], trains, "{row:?}");
    }
    assert!(
        found
            .iter()
            .all(|r| r.departures_s.len() == r.direct_trips as usize)
    );
}

#[test]
fn day_trips_from_the_capital() {
    let data = need_shared!("day_trips_from_the_capital");
    let day = china_day(&data, 600);
    let scan = Scan::new(&day, Direction::AllToOne);
    let places = scan.stops_as_places();
    let all = scan.all_pairs(&places).unwrap();
    let one = Mass::new(vec![1.0; places.len()], "stops", 2016, "count").unwrap();
    let to = Targets::new("all stops", 0..places.len()).unwrap();
    let origin = [day.stop("北京南").unwrap() as usize];
    for (hours, stops) in [(2.0, 157.0), (4.0, 100.0), (6.0, 56.0), (8.0, 36.0)] {
        let trip = day_trip(&all, &one, &to, &origin, (7 * 3600, 23 * 3600), hours).unwrap();
        assert_eq!(trip.reach[0].value, Some(stops), "{hours} h");
    }
}

#[test]
fn access_by_rule_and_its_parts() {
    let data = need_shared!("access_by_rule_and_its_parts");
    let day = china_day(&data, 600);
    let places = prefectures(&data, &day);
    let members = crate::support::delta(&data);
    let mut city_of: BTreeMap<String, String> = BTreeMap::new();
    let mut centres = Vec::new();
    for place in places.iter().filter(|p| members.contains(&p.name)) {
        // The mean of the stations stands for a centre here.
        let points: Vec<(f64, f64)> = place
            .stops
            .iter()
            .filter_map(|(s, _)| day.stops()[*s as usize].lat_lon)
            .collect();
        let n = points.len() as f64;
        let mean = |pick: fn(&(f64, f64)) -> f64| points.iter().map(pick).sum::<f64>() / n;
        centres.push(CityCentre {
            code: place.name.clone(),
            lat_lon: (mean(|p| p.0), mean(|p| p.1)),
            centre_of: "mean of the stations".into(),
        });
        for (stop, _) in &place.stops {
            city_of.insert(
                day.stops()[*stop as usize].id.to_string(),
                place.name.clone(),
            );
        }
    }
    let rule = |stop: &str| city_of.get(stop).cloned();
    let mut table = AccessTable::by_rule(&day, &centres, rule, ACCESS_KM_H).unwrap();
    let made = table.places(&day).unwrap();
    assert_eq!(made.len(), 30);
    let all = nation(&day, &made);
    let doors = door_to_door(&day, &made, &all).unwrap();
    let times = TimeMatrix::from_profiles(&made, &all, Basis::Fastest).unwrap();
    assert_eq!(doors.len(), times.reachable_pairs());
    for door in &doors {
        let parts = door.parts;
        let sum = parts.access_s + parts.wait_s + parts.ride_s + parts.change_s + parts.egress_s;
        assert_eq!(sum, door.total_s, "{door:?}");
        let (from, to) = (
            times.place(&door.from).unwrap(),
            times.place(&door.to).unwrap(),
        );
        assert_eq!(times.get(from, to), Some(f64::from(door.total_s) / 60.0));
        assert!(parts.wait_s >= 600 && parts.ride_s > 0, "{door:?}");
    }
    // Ten minutes more at every station of one city are ten minutes more on all its journeys.
    let rows: Vec<_> = table.rows().filter(|r| r.city_code == "310100").collect();
    for row in rows {
        let more = row.minutes + 10.0;
        table.set("310100", &row.stop_id, more, "test").unwrap();
    }
    let later = table.places(&day).unwrap();
    let after = TimeMatrix::from_profiles(&later, &nation(&day, &later), Basis::Fastest).unwrap();
    let shanghai = times.place("310100").unwrap();
    for other in (0..30).filter(|o| *o != shanghai) {
        let change = after.get(shanghai, other).unwrap() - times.get(shanghai, other).unwrap();
        assert!((change - 10.0).abs() < 1e-9, "{change}");
    }
    // Means over a window say how much of it they cover.
    let mean = TimeMatrix::from_profiles(&made, &all, Basis::Mean(Window::DAY)).unwrap();
    for to in (0..30).filter(|to| *to != shanghai) {
        assert!(mean.get(shanghai, to) >= times.get(shanghai, to));
        assert!(mean.covered(shanghai, to) > 0.5 && mean.covered(shanghai, to) <= 1.0);
    }
}
