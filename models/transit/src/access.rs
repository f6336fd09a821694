//! Access and egress: minutes between cities and their stations, and journeys from door to door
//! with each part shown. In many countries stations lie 10 to 20 km out, so this table matters as
//! much as the timetable.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::earliest::{Earliest, Parts};
use crate::error::TransitError;
use crate::feed::find_stop;
use crate::gtfs::Table;
use crate::scan::{AllPairs, Place};
use crate::timetable::Timetable;

/// Straight-line speed of the default rule, km/h.
pub const ACCESS_KM_H: f64 = 30.0;
/// Rows of an access table.
const ROWS_MAX: u64 = 1_000_000;
/// Longest access, min.
const MINUTES_MAX: f64 = 1_440.0;

/// Minutes between a city and one of its stations, the same both ways.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessRow {
    /// Code of the city.
    pub city_code: String,
    /// Identifier of the stop.
    pub stop_id: String,
    /// Minutes.
    pub minutes: f64,
    /// Where the minutes are from, e.g. `30 km/h from the polygon's centroid` or `survey 2024`.
    pub source: String,
}

/// A city whose access follows the default rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CityCentre {
    /// Code of the city.
    pub code: String,
    /// Latitude and longitude, WGS84 degrees.
    pub lat_lon: (f64, f64),
    /// What the centre is, e.g. `population-weighted centre` or `polygon centroid`; it is shown
    /// beside each number made from it.
    pub centre_of: String,
}

/// Access of all cities: the file `access.csv`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(into = "Vec<AccessRow>")]
pub struct AccessTable {
    rows: BTreeMap<(String, String), (f64, String)>,
}

impl AccessTable {
    /// Reads `city_code, stop_id, minutes, source`, columns in any order; `name` stands in
    /// messages.
    ///
    /// # Errors
    /// Where the text is no such table, minutes are not 0 to 1,440, or a pair stands there twice.
    pub fn from_csv(name: &str, bytes: &[u8]) -> Result<Self, TransitError> {
        let mut table = Table::new(name, bytes, ROWS_MAX)?;
        let (city, stop, minutes) = (
            table.need("city_code")?,
            table.need("stop_id")?,
            table.need("minutes")?,
        );
        let source = table.column("source");
        let mut made = Self::default();
        while table.next()? {
            let row = table.row();
            let fail = |message: String| TransitError::Unreadable {
                at: TransitError::at_file(name),
                message: format!("row {row}: {message}"),
            };
            let pair = (table.text(city).into_owned(), table.text(stop).into_owned());
            let value: f64 = table
                .number(minutes)
                .ok_or_else(|| fail("minutes are no number".into()))?;
            if made.rows.contains_key(&pair) {
                return Err(fail(format!("{} and {} stand there twice", pair.0, pair.1)));
            }
            let said = table.text(source).into_owned();
            made.set(&pair.0, &pair.1, value, &said)
                .map_err(|e| fail(e.to_string()))?;
        }
        Ok(made)
    }

    /// The table as CSV, rows by city and stop.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let mut text = String::from("city_code,stop_id,minutes,source\n");
        for row in self.rows() {
            let cells = [
                &row.city_code,
                &row.stop_id,
                &row.minutes.to_string(),
                &row.source,
            ];
            let cells: Vec<_> = cells.iter().map(|c| conurb_base::quoted(c)).collect();
            text.push_str(&cells.join(","));
            text.push('\n');
        }
        text
    }

    /// By the default rule: 60 x great circle between centre and station / `speed_km_h`. `city_of`
    /// gives the code of the city a stop belongs to; stops without coordinates or city are left
    /// out.
    ///
    /// # Errors
    /// Where the speed is not above 0.
    pub fn by_rule(
        timetable: &Timetable,
        cities: &[CityCentre],
        city_of: impl Fn(&str) -> Option<String>,
        speed_km_h: f64,
    ) -> Result<Self, TransitError> {
        if !(speed_km_h > 0.0 && speed_km_h.is_finite()) {
            return Err(TransitError::Option {
                what: "speed_km_h",
                message: format!("{speed_km_h} is not above 0"),
            });
        }
        let by_code: BTreeMap<&str, &CityCentre> =
            cities.iter().map(|c| (c.code.as_str(), c)).collect();
        let mut made = Self::default();
        for stop in timetable.stops() {
            let (Some(place), Some(code)) = (stop.lat_lon, city_of(&stop.id)) else {
                continue;
            };
            let Some(city) = by_code.get(code.as_str()) else {
                continue;
            };
            let km = conurb_geo::great_circle_km(city.lat_lon, place);
            let minutes = (60.0 * km / speed_km_h).min(MINUTES_MAX);
            let source = format!("{speed_km_h} km/h from the {}", city.centre_of);
            made.set(&code, &stop.id, minutes, &source)?;
        }
        Ok(made)
    }

    /// Sets or replaces the minutes between a city and a stop.
    ///
    /// # Errors
    /// Where minutes are not 0 to 1,440.
    pub fn set(
        &mut self,
        city_code: &str,
        stop_id: &str,
        minutes: f64,
        source: &str,
    ) -> Result<(), TransitError> {
        if !(0.0..=MINUTES_MAX).contains(&minutes) {
            return Err(TransitError::Option {
                what: "minutes",
                message: format!("{minutes} between {city_code} and {stop_id} is not 0 to 1,440"),
            });
        }
        self.rows.insert(
            (city_code.to_owned(), stop_id.to_owned()),
            (minutes, source.to_owned()),
        );
        Ok(())
    }

    /// Takes a pair out; whether it was there.
    pub fn remove(&mut self, city_code: &str, stop_id: &str) -> bool {
        let key = (city_code.to_owned(), stop_id.to_owned());
        self.rows.remove(&key).is_some()
    }

    /// All rows, by city and stop.
    pub fn rows(&self) -> impl Iterator<Item = AccessRow> + '_ {
        self.rows
            .iter()
            .map(|((city, stop), (minutes, source))| AccessRow {
                city_code: city.clone(),
                stop_id: stop.clone(),
                minutes: *minutes,
                source: source.clone(),
            })
    }

    /// Cities with their stops, ascending by code: what measures are computed between.
    ///
    /// # Errors
    /// Where a row names a stop that is not in the timetable.
    pub fn places(&self, timetable: &Timetable) -> Result<Vec<Place>, TransitError> {
        let ids: BTreeMap<&str, u32> = (0_u32..)
            .zip(timetable.stops())
            .map(|(at, s)| (&*s.id, at))
            .collect();
        let mut places: Vec<Place> = Vec::new();
        for ((city, stop), (minutes, _)) in &self.rows {
            let at = match ids.get(stop.as_str()) {
                Some(at) => *at,
                // By name, or the error that names the nearest.
                None => find_stop(timetable.stops().iter().map(|s| (&*s.id, &*s.name)), stop)?,
            };
            if places.last().is_none_or(|p| p.name != *city) {
                places.push(Place {
                    name: city.clone(),
                    stops: Vec::new(),
                });
            }
            let access_s = (minutes * 60.0).round() as u32;
            if let Some(place) = places.last_mut() {
                place.stops.push((at, access_s));
            }
        }
        Ok(places)
    }
}

impl From<AccessTable> for Vec<AccessRow> {
    fn from(table: AccessTable) -> Self {
        table.rows().collect()
    }
}

/// The fastest journey of the day between two cities and what it is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DoorToDoor {
    /// Code of the city it begins in.
    pub from: String,
    /// Code of the city it ends in.
    pub to: String,
    /// Latest time to leave the door for it, s after midnight.
    pub ready_s: u32,
    /// Door to door, s: the sum of the parts.
    pub total_s: u32,
    /// Access, wait, ride, change, egress.
    pub parts: Parts,
    /// How many vehicles.
    pub trips: usize,
}

/// The fastest journey of the day for each ordered pair of places that has one, by origin, then
/// destination; of equally fast ones the earliest. Journeys that leave the door before midnight
/// are not looked at. `all` holds the profiles between the same
/// places. On all threads of the pool, the same for any number of them.
///
/// # Errors
/// Where `all` has another number of places, or a place names a stop that is not there.
pub fn door_to_door(
    timetable: &Timetable,
    places: &[Place],
    all: &AllPairs,
) -> Result<Vec<DoorToDoor>, TransitError> {
    if all.len() != places.len() {
        return Err(TransitError::Option {
            what: "profiles",
            message: format!("are of {} places, not {}", all.len(), places.len()),
        });
    }
    let rows: Vec<Vec<DoorToDoor>> = (0..places.len())
        .into_par_iter()
        .map_init(
            || Earliest::new(timetable),
            |engine, from| {
                let mut row = Vec::new();
                for (to, place) in places.iter().enumerate() {
                    let fastest = all
                        .profile(from, to)
                        .iter()
                        .filter_map(|p| Some((p.travel_s(), u32::try_from(p.ready_s).ok()?)))
                        .min();
                    let Some((_, ready_s)) = fastest else {
                        continue;
                    };
                    let Some(journey) = engine.journey(&places[from], place, ready_s)? else {
                        continue;
                    };
                    row.push(DoorToDoor {
                        from: places[from].name.clone(),
                        to: place.name.clone(),
                        ready_s,
                        total_s: journey.arrive_s - journey.ready_s,
                        parts: journey.parts(),
                        trips: journey.trips(),
                    });
                }
                Ok(row)
            },
        )
        .collect::<Result<_, TransitError>>()?;
    Ok(rows.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_comes_back_as_it_went() {
        let text =
            "minutes,stop_id,source,city_code\n12.5,S1,\"survey, 2024\",320100\n0,S2,,310100\n";
        let table = AccessTable::from_csv("access.csv", text.as_bytes()).unwrap();
        assert_eq!(
            table.to_csv(),
            "city_code,stop_id,minutes,source\n310100,S2,0,\n320100,S1,12.5,\"survey, 2024\"\n"
        );
        let again = AccessTable::from_csv("access.csv", table.to_csv().as_bytes()).unwrap();
        assert_eq!(again, table);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_row() {
        for (text, wanted) in [
            ("city_code,stop_id,minutes\na,b,-1\n", "row 2: minutes: -1"),
            (
                "city_code,stop_id,minutes\na,b,x\n",
                "row 2: minutes are no number",
            ),
            (
                "city_code,stop_id,minutes\na,b,1\na,b,2\n",
                "row 3: a and b stand there twice",
            ),
            ("city_code,stop_id\na,b\n", "no column \"minutes\""),
        ] {
            let found = AccessTable::from_csv("access.csv", text.as_bytes());
            let message = found.unwrap_err().to_string();
            assert!(message.contains(wanted), "{message}");
        }
    }
}
