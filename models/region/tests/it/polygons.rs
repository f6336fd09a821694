//! Census boundaries: reading, refusals with a place, areas, and the unit of every station.

use std::collections::BTreeMap;
use std::io::Read;

use conurb_base::Coded;
use conurb_geo::raster::Raster;
use conurb_region::polygons::{Boundary, UnitIndex, read_census};
use conurb_testkit::need_shared;

use crate::support::{json, near};

#[test]
fn the_census_reads_and_every_station_finds_its_prefecture() {
    let data = need_shared!("the_census_reads_and_every_station_finds_its_prefecture");
    let region = data.join("region");
    let bytes = std::fs::read(region.join("census/census_city_2010-2020_v1.csv")).unwrap();
    let census = read_census(&bytes, "census.csv").unwrap();
    assert_eq!(census.units.len(), 369);
    for error in &census.refused {
        println!("refused: {error}");
    }
    assert_eq!(
        census
            .units
            .iter()
            .filter(|u| u.pop_2020_persons.is_none())
            .count(),
        10
    );
    let persons: f64 = census.units.iter().filter_map(|u| u.pop_2020_persons).sum();
    println!("persons {persons}, refused {}", census.refused.len());

    let index = UnitIndex::new(
        census
            .units
            .iter()
            .enumerate()
            .filter_map(|(i, u)| Some((i, u.boundary.as_ref()?))),
    );
    let file = std::fs::File::open(region.join("gtfs_cn_hsr_2016.zip")).unwrap();
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
    let expected = json(&region.join("reference/station_to_prefecture.json"));
    let mut wrong = BTreeMap::new();
    let mut with_station = std::collections::BTreeSet::new();
    let mut seen = 0;
    for record in reader.records() {
        let r = record.unwrap();
        let place = (r[lat].parse().unwrap(), r[lon].parse().unwrap());
        let found = index.find(place).map(|i| census.units[i].code.as_str());
        let known = expected[&r[name]].as_str();
        seen += 1;
        with_station.extend(index.find(place));
        if found != known {
            wrong.insert(r[name].to_owned(), (found, known));
        }
    }
    assert_eq!(seen, 672);
    assert!(wrong.is_empty(), "{wrong:?}");
    assert_eq!(with_station.len(), 206);
    type Persons = fn(&conurb_region::polygons::CensusUnit) -> Option<f64>;
    let covered = |of: Persons| {
        let all: f64 = census.units.iter().filter_map(of).sum();
        let part: f64 = (with_station.iter())
            .filter_map(|i| of(&census.units[*i]))
            .sum();
        format!("{:.2}", 100.0 * part / all)
    };
    assert_eq!(covered(|u| u.pop_2010_persons), "70.17");
    assert_eq!(covered(|u| u.pop_2020_persons), "71.91");

    let beijing = census.units[0].boundary.as_ref().unwrap();
    let area = beijing.area_km2();
    println!("Beijing {area:.0} km2, centroid {:?}", beijing.centroid());
    // The municipality has 16,410 km2 (statistical yearbook).
    near(area, 16_410.0, 0.01);
    let grid = Raster::read(&region.join("popgrid_beijing/bj_ppp_2020_1000m_UNadj.tif")).unwrap();
    let centre = beijing.population_centre(&grid).unwrap().unwrap();
    println!("centre of population {centre:?}");
    // People live in the plain in the south, the mountains in the north pull the plain centroid.
    assert!(centre.0 < beijing.centroid().0 && beijing.contains(centre));
}

fn message(wkt: &str) -> String {
    let error = Boundary::from_wkt(wkt, "unit 7").unwrap_err();
    assert_eq!(error.code(), "CNB-REGION-0013");
    error.to_string()
}

#[test]
fn wrong_rings_are_refused_with_their_place() {
    let text = message("POLYGON((0 0, 2 2, 2 0, 0 2, 0 0))");
    assert!(
        text.contains("unit 7") && text.contains("crosses itself at 1 1"),
        "{text}"
    );
    let text = message("POLYGON((0 0, 1 0, 1 1, 0 1))");
    assert!(
        text.contains("not closed: it starts at 0 0 and ends at 0 1"),
        "{text}"
    );
    // A spike, and a hole that leaves its polygon.
    assert!(message("POLYGON((0 0, 4 0, 4 4, 4 6, 4 4, 0 4, 0 0))").contains("spike"));
    let text = message("POLYGON((0 0, 4 0, 4 4, 0 4, 0 0), (1 1, 5 1, 5 2, 1 2, 1 1))");
    assert!(text.contains("crosses itself at 4"), "{text}");
    assert!(message("POLYGON((0 0, 1 1, 0 0))").contains("fewer than three"));
    assert!(message("POLYGON((0 0, 200 0, 1 1, 0 0))").contains("200 0"));
    assert!(message("POINT(1 1)").contains("no polygon"));
    assert!(message("POLYGON EMPTY").contains("without rings"));
    assert!(message("nonsense").contains("no WKT"));
}

#[test]
fn holes_parts_and_areas() {
    let unit = "MULTIPOLYGON(((0 0, 4 0, 4 4, 0 4, 0 0), (1 1, 2 1, 2 2, 1 2, 1 1)), ((4 4, 5 4, 5 5, 4 5, 4 4)))";
    let boundary = Boundary::from_wkt(unit, "unit").unwrap();
    assert!(boundary.contains((3.0, 3.0)) && boundary.contains((4.5, 4.5)));
    assert!(!boundary.contains((1.5, 1.5)) && !boundary.contains((9.0, 9.0)));
    let index = UnitIndex::new([(7, &boundary)]);
    assert_eq!(index.find((0.0, 0.0)), Some(7));
    assert_eq!(index.find((1.5, 1.5)), None);
    // One degree at the equator: R^2 (pi / 180) sin(1 degree).
    let square = Boundary::from_wkt("POLYGON((0 0, 1 0, 1 1, 0 1, 0 0))", "square").unwrap();
    let degree = 1.0_f64.to_radians();
    near(
        square.area_km2(),
        6371.0088_f64.powi(2) * degree * degree.sin(),
        1e-4,
    );
    assert_eq!(square.centroid(), (0.5, 0.5));
}

#[test]
fn a_bad_boundary_or_number_names_its_row() {
    let head =
        "city,city_code,province,popu_2020,popu_2010,popu_urban_2020,popu_urban_2010,coord\n";
    let good = "A,1,P,5,4,3,2,\"POLYGON((0 0, 1 0, 1 1, 0 0))\"\n";
    let bad = "B,2,P,,4,NA,2,\"POLYGON((0 0, 2 2, 2 0, 0 2, 0 0))\"\n";
    let read = read_census(format!("{head}{good}{bad}").as_bytes(), "c.csv").unwrap();
    assert_eq!((read.units.len(), read.refused.len()), (2, 1));
    assert!(read.refused[0].to_string().contains("c.csv, line 3"));
    assert_eq!(read.units[1].pop_2020_persons, None);
    let many = good.replace(",5,", ",many,");
    let error = read_census(format!("{head}{many}").as_bytes(), "c.csv").unwrap_err();
    assert_eq!(error.code(), "CNB-REGION-0003");
    let error = read_census(b"city,city_code\n", "c.csv").unwrap_err();
    assert_eq!(error.code(), "CNB-REGION-0002");
}
