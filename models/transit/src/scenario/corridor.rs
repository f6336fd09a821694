//! Builds the edits of a corridor: a line for each leg between neighbouring cities that has no
//! direct train yet. Run minutes follow a straight-line model that is data, and assumed.

use serde::{Deserialize, Serialize};

use super::{Departures, Edit, Line, World};
use crate::error::TransitError;

/// Run minutes between two stops: `start_min + min_per_km x great-circle km`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunModel {
    /// Its name, e.g. `G`.
    pub name: String,
    /// Minutes to start and stop.
    pub start_min: f64,
    /// Minutes per km of great circle.
    pub min_per_km: f64,
    /// Minutes at stops in between.
    pub dwell_min: f64,
    /// What it was fitted to.
    pub source: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RunModels {
    version: String,
    model: Vec<RunModel>,
}

impl RunModel {
    /// Minutes over a distance.
    #[must_use]
    pub fn minutes(&self, km: f64) -> f64 {
        self.start_min + self.min_per_km * km
    }
}

/// The models that ship: G and D trains of the timetable of 2016-03-15, with the file's version.
///
/// # Errors
/// Where the file is damaged.
pub fn run_models() -> Result<(String, Vec<RunModel>), TransitError> {
    const FILE: &str = "run-minutes-2016.toml";
    let text = include_str!("../../data/run-minutes-2016.toml");
    let read: RunModels =
        conurb_base::from_toml(text, FILE).map_err(|e| TransitError::unreadable(FILE, &e))?;
    Ok((read.version, read.model))
}

/// A city of a corridor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CorridorCity {
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Latitude and longitude, degrees: where a station is made if it has none.
    pub lat_lon: (f64, f64),
    /// Minutes to a station that is made.
    pub access_min: f64,
}

/// How a new leg is served.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// First departure, `HH:MM`.
    pub first: String,
    /// No departure after it, `HH:MM`.
    pub last: String,
    /// Between two, min.
    pub headway_min: f64,
}

/// Edits that complete a corridor: stations for cities without one, and a line there and back for
/// every leg between neighbours of the list that no direct train serves both ways. Legs that meet
/// in a city meet at one stop of it: that with the most calls. Each line carries the model as
/// assumed.
///
/// # Errors
/// Where there are fewer than two cities, a coordinate is not finite, or access names unknown
/// stops.
pub fn corridor_edits(
    world: &World,
    corridor: &str,
    cities: &[CorridorCity],
    model: &RunModel,
    service: &Service,
) -> Result<Vec<Edit>, TransitError> {
    let wrong = |message: String| TransitError::Option {
        what: "corridor",
        message,
    };
    if cities.len() < 2 {
        return Err(wrong("a corridor has at least two cities".into()));
    }
    if let Some(city) = cities
        .iter()
        .find(|c| !(c.lat_lon.0.is_finite() && c.lat_lon.1.is_finite()))
    {
        return Err(wrong(format!("{} has no coordinates", city.name)));
    }
    let day = &world.timetable;
    let places = world.places()?;
    let mut calls = vec![0_u32; day.stops().len()];
    for trip in day.trips() {
        for call in &trip.calls {
            calls[call.stop as usize] += 1;
        }
    }
    let stops_of = |code: &str| -> Vec<u32> {
        let place = places.iter().find(|p| p.name == code);
        let stops = place.into_iter().flat_map(|p| p.stops.iter().map(|s| s.0));
        stops.filter(|s| calls[*s as usize] > 0).collect()
    };
    let mut edits = Vec::new();
    // Of each city: its stops, and the one new legs use (identifier, coordinates).
    let mut ends: Vec<(Vec<u32>, String, (f64, f64))> = Vec::new();
    for city in cities {
        let stops = stops_of(&city.code);
        let busiest = stops
            .iter()
            .copied()
            .max_by_key(|s| (calls[*s as usize], std::cmp::Reverse(*s)));
        if let Some(stop) = busiest {
            let stop = &day.stops()[stop as usize];
            let place = stop.lat_lon.unwrap_or(city.lat_lon);
            ends.push((stops, stop.id.to_string(), place));
            continue;
        }
        let id = format!("{corridor} {}", city.code);
        if ends.iter().all(|e| e.1 != id) {
            edits.push(Edit::AddStation {
                id: id.clone(),
                name: city.name.clone(),
                lat: city.lat_lon.0,
                lon: city.lat_lon.1,
                city: Some(city.code.clone()),
                access_min: Some(city.access_min),
            });
        }
        ends.push((stops, id, city.lat_lon));
    }
    for (leg, pair) in ends.windows(2).enumerate() {
        let direct = |a: &[u32], b: &[u32]| {
            a.iter()
                .any(|from| b.iter().any(|to| day.direct(*from, *to).0 > 0))
        };
        if direct(&pair[0].0, &pair[1].0) && direct(&pair[1].0, &pair[0].0) {
            continue;
        }
        let km = conurb_geo::great_circle_km(pair[0].2, pair[1].2);
        edits.push(Edit::AddLine {
            line: Line {
                name: format!("{corridor} {}-{}", cities[leg].name, cities[leg + 1].name),
                stations: vec![pair[0].1.clone(), pair[1].1.clone()],
                run_min: vec![model.minutes(km)],
                dwell_min: model.dwell_min,
                departures: Departures::Every {
                    first: service.first.clone(),
                    last: service.last.clone(),
                    headway_min: service.headway_min,
                },
                both_directions: true,
                days: Vec::new(),
                assumed: Some(format!(
                    "{} + {} x {km:.1} km of great circle ({})",
                    model.start_min, model.min_per_km, model.source
                )),
            },
        });
    }
    Ok(edits)
}
