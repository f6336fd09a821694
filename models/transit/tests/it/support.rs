//! Feeds and tables of the shared data.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::sync::OnceLock;

use conurb_transit::gtfs::{Limits, read_path};
use conurb_transit::{Date, Feed, Place, Timetable, TimetableOptions};

/// The day of the regression values.
pub(crate) const DAY: Date = Date::constant(2016, 3, 15);

/// The Chinese feed, read once.
pub(crate) fn china(data: &Path) -> &'static Feed {
    static FEED: OnceLock<Feed> = OnceLock::new();
    FEED.get_or_init(|| {
        read_path(&data.join("region/gtfs_cn_hsr_2016.zip"), Limits::default()).unwrap()
    })
}

/// The Tokyo feed, read once.
pub(crate) fn tokyo(data: &Path) -> &'static Feed {
    static FEED: OnceLock<Feed> = OnceLock::new();
    FEED.get_or_init(|| {
        read_path(
            &data.join("region/gtfs_tokyo_weekday.zip"),
            Limits::default(),
        )
        .unwrap()
    })
}

/// The timetable of 2016-03-15.
pub(crate) fn china_day(data: &Path, change_s: u32) -> Timetable {
    let options = TimetableOptions {
        change_s,
        ..TimetableOptions::default()
    };
    Timetable::of_day(china(data), DAY, options).unwrap()
}

/// The timetable of a Tokyo weekday.
pub(crate) fn tokyo_day(data: &Path) -> Timetable {
    let options = TimetableOptions {
        change_s: 0,
        ..TimetableOptions::default()
    };
    Timetable::of_day(tokyo(data), Date::constant(2026, 8, 12), options).unwrap()
}

/// Text of a plain or gzipped file.
pub(crate) fn text(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap();
    let mut text = String::new();
    if path.extension().is_some_and(|e| e == "gz") {
        flate2::read::GzDecoder::new(bytes.as_slice())
            .read_to_string(&mut text)
            .unwrap();
    } else {
        text = String::from_utf8(bytes).unwrap();
    }
    text
}

/// Rows of a CSV file with headers, by column.
pub(crate) fn csv(path: &Path) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let headers = reader.headers().unwrap().clone();
    reader
        .records()
        .map(|record| {
            let record = record.unwrap();
            headers
                .iter()
                .zip(record.iter())
                .map(|(h, c)| (h.trim_start_matches('\u{feff}').to_owned(), c.to_owned()))
                .collect()
        })
        .collect()
}

/// Code of the prefecture by station name.
pub(crate) fn prefecture_of(data: &Path) -> BTreeMap<String, String> {
    serde_json::from_str(&text(
        &data.join("region/reference/station_to_prefecture.json"),
    ))
    .unwrap()
}

/// Prefectures with a station, by code: those of the shared table.
pub(crate) fn prefectures(data: &Path, timetable: &Timetable) -> Vec<Place> {
    let codes = prefecture_of(data);
    let mut places: BTreeMap<String, Place> = BTreeMap::new();
    for (at, stop) in (0..).zip(timetable.stops()) {
        let Some(code) = codes.get(&*stop.name) else {
            continue;
        };
        let place = places.entry(code.clone()).or_insert_with(|| Place {
            name: code.clone(),
            stops: Vec::new(),
        });
        place.stops.push((at, 0));
    }
    places.into_values().collect()
}

/// What the census says of a city.
pub(crate) struct Census {
    /// Its name.
    pub(crate) name: String,
    /// Persons 2010; 0 where not told.
    pub(crate) pop_2010: f64,
}

/// The census by code.
pub(crate) fn cities(data: &Path) -> BTreeMap<String, Census> {
    csv(&data.join("region/census/census_city_2010-2020_v1.csv"))
        .into_iter()
        .map(|row| {
            let census = Census {
                name: row["city"].clone(),
                pop_2010: row["popu_2010"].parse().unwrap_or(0.0),
            };
            (row["city_code"].clone(), census)
        })
        .collect()
}

/// Codes of the 41 cities of the Yangtze Delta.
pub(crate) fn delta(data: &Path) -> std::collections::BTreeSet<String> {
    csv(&data.join("region/reference/clusters.csv"))
        .into_iter()
        .filter(|row| row["lists"].split([';', ' ']).any(|l| l == "yrd41"))
        .map(|row| row["city_code"].clone())
        .collect()
}
