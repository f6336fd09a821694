//! Scenarios: an ordered list of edits on an immutable base whose hash it keeps. A scenario is a
//! text (TOML or JSON); applying it makes a timetable in memory and rewrites no feed.

mod apply;
mod corridor;
mod diff;
mod lines;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::access::AccessTable;
use crate::error::TransitError;
use crate::measures::Mass;
use crate::profile::Window;
use crate::scan::Place;
use crate::timetable::Timetable;

pub use corridor::{CorridorCity, RunModel, Service, corridor_edits, run_models};
pub use diff::{
    Balance, Change, DiffReport, Evaluation, LineImpact, Measure, Pairs, Question, compare,
    leave_one_out,
};

/// Edits of one scenario.
pub const EDITS_MAX: usize = 1_000;

/// Masses by city code.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MassTable {
    /// Mass by city code, 0 or more.
    pub values: BTreeMap<String, f64>,
    /// What is counted.
    pub unit: String,
    /// Year of the count.
    pub year: u16,
    /// Who counted.
    pub source: String,
}

impl MassTable {
    /// Masses in the order of places; a place without a mass has 0.
    ///
    /// # Errors
    /// As [`Mass::new`].
    pub fn of(&self, places: &[String]) -> Result<Mass, TransitError> {
        let values = places
            .iter()
            .map(|p| self.values.get(p).copied().unwrap_or(0.0))
            .collect();
        Mass::new(values, &self.unit, self.year, &self.source)
    }
}

/// What a scenario is applied to, and what comes of it.
#[derive(Debug, Clone, PartialEq)]
pub struct World {
    /// The timetable of the day.
    pub timetable: Timetable,
    /// Minutes between cities and stops.
    pub access: AccessTable,
    /// Masses of cities.
    pub masses: MassTable,
    /// What was assumed or had no effect, in the order of edits.
    pub notes: Vec<String>,
}

impl World {
    /// A base.
    #[must_use]
    pub const fn new(timetable: Timetable, access: AccessTable, masses: MassTable) -> Self {
        Self {
            timetable,
            access,
            masses,
            notes: Vec::new(),
        }
    }

    /// SHA-256 over stops, changes, ways on foot, trips, access and masses, as hexadecimal digits.
    #[must_use]
    pub fn hash(&self) -> String {
        let mut hash = Sha256::new();
        let mut text = |t: &str| {
            hash.update((t.len() as u64).to_le_bytes());
            hash.update(t);
        };
        for stop in self.timetable.stops() {
            text(&stop.id);
            text(&stop.name);
            text(&format!("{:?}", stop.lat_lon));
        }
        for trip in self.timetable.trips() {
            text(&trip.id);
            text(&trip.route);
        }
        for row in self.access.rows() {
            text(&row.city_code);
            text(&row.stop_id);
            text(&row.minutes.to_string());
        }
        for (city, value) in &self.masses.values {
            text(city);
            text(&value.to_string());
        }
        let mut number = |n: u32| hash.update(n.to_le_bytes());
        (0_u32..)
            .zip(self.timetable.stops())
            .for_each(|(at, _)| number(self.timetable.change_s(at)));
        for (from, to, s) in self.timetable.foot().iter() {
            [from, to, s].into_iter().for_each(&mut number);
        }
        for trip in self.timetable.trips() {
            number(u32::try_from(trip.calls.len()).unwrap_or(u32::MAX));
            for call in &trip.calls {
                [call.stop, call.arr_s, call.dep_s, u32::from(call.flags)]
                    .into_iter()
                    .for_each(&mut number);
            }
        }
        hash.finalize()
            .iter()
            .fold(String::new(), |mut text, byte| {
                let _ = write!(text, "{byte:02x}");
                text
            })
    }

    /// Cities with their stops.
    ///
    /// # Errors
    /// Where access names a stop that is not there.
    pub fn places(&self) -> Result<Vec<Place>, TransitError> {
        self.access.places(&self.timetable)
    }
}

/// Which trips an edit is about: those that fit all that is given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    /// Identifier of the route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// Begin of the trip's name (of its route's where it has none), e.g. `C`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// Identifier of the trip.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trip: Option<String>,
    /// Calls at this stop (identifier or name) ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// ... and later at this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// When the trips of a new line leave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Departures {
    /// From first to last, as `HH:MM`, both included.
    Every {
        /// First departure.
        first: String,
        /// No departure after it.
        last: String,
        /// Between two, min.
        headway_min: f64,
    },
    /// At these times, as `HH:MM`.
    At {
        /// Departures.
        times: Vec<String>,
    },
}

/// A new line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Its name; it becomes a route.
    pub name: String,
    /// Stops in order, by identifier or name.
    pub stations: Vec<String>,
    /// Minutes between them, one fewer.
    pub run_min: Vec<f64>,
    /// Minutes at each stop between the ends.
    #[serde(default)]
    pub dwell_min: f64,
    /// When it leaves, at either end where it runs both ways.
    pub departures: Departures,
    /// Whether it runs back as well.
    #[serde(default)]
    pub both_directions: bool,
    /// Days of the week it runs (`mon` to `sun`); all where empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<String>,
    /// What about it is assumed, e.g. the run minutes; shown with results.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assumed: Option<String>,
}

/// How often, after a change of frequency.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rate {
    /// So many times the trips.
    Factor(f64),
    /// One trip every so many minutes.
    HeadwayMin(f64),
}

/// One edit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Edit {
    /// A new line.
    AddLine {
        /// The line.
        line: Line,
    },
    /// All trips of a route go.
    RemoveLine {
        /// Its identifier.
        route: String,
    },
    /// Trips go.
    RemoveTrips {
        /// Which.
        filter: Filter,
    },
    /// Trips with the same stops are cloned or thinned evenly; the first and last that leave
    /// within the window stay.
    Frequency {
        /// Which.
        filter: Filter,
        /// Departures from the first stop, s after midnight.
        window: Window,
        /// How often.
        rate: Rate,
    },
    /// Running times times a factor (0.9 is faster); first departure and dwell stay.
    Speed {
        /// Which trips; with `from` and `to` only between these stops.
        filter: Filter,
        /// The factor.
        factor: f64,
    },
    /// A new stop, and optionally the city it belongs to.
    AddStation {
        /// Its identifier.
        id: String,
        /// Its name.
        name: String,
        /// Latitude, degrees.
        lat: f64,
        /// Longitude, degrees.
        lon: f64,
        /// Code of its city.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        city: Option<String>,
        /// Minutes between city and stop; needed with `city`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        access_min: Option<f64>,
    },
    /// Trips pass a stop without calling.
    CloseStation {
        /// The stop, by identifier or name.
        stop: String,
    },
    /// Minutes between a city and a stop.
    Access {
        /// Code of the city.
        city: String,
        /// The stop, by identifier.
        stop: String,
        /// Minutes.
        minutes: f64,
    },
    /// Time to change: at one stop, or at all that have the default.
    ChangeTime {
        /// The stop, by identifier or name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stop: Option<String>,
        /// Minutes.
        minutes: f64,
    },
    /// A city's mass, such as persons of a year to come.
    Mass {
        /// Code of the city.
        city: String,
        /// The mass.
        value: f64,
        /// Where it is from, e.g. `projection 2035, statistical office`.
        source: String,
    },
}

impl Edit {
    /// Its kind, as in texts.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::AddLine { .. } => "add_line",
            Self::RemoveLine { .. } => "remove_line",
            Self::RemoveTrips { .. } => "remove_trips",
            Self::Frequency { .. } => "frequency",
            Self::Speed { .. } => "speed",
            Self::AddStation { .. } => "add_station",
            Self::CloseStation { .. } => "close_station",
            Self::Access { .. } => "access",
            Self::ChangeTime { .. } => "change_time",
            Self::Mass { .. } => "mass",
        }
    }
}

/// A scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// Hash of the base it was made for: [`World::hash`].
    pub base: String,
    /// Edits, in order.
    #[serde(default)]
    pub edits: Vec<Edit>,
}

impl Scenario {
    /// A scenario without edits.
    #[must_use]
    pub fn new(name: &str, base: &World) -> Self {
        Self {
            name: name.to_owned(),
            base: base.hash(),
            edits: Vec::new(),
        }
    }

    /// Reads TOML.
    ///
    /// # Errors
    /// Where the text is no scenario, or has more than 1,000 edits.
    pub fn from_toml(name: &str, text: &str) -> Result<Self, TransitError> {
        let read: Self =
            conurb_base::from_toml(text, name).map_err(|e| TransitError::unreadable(name, &e))?;
        read.limited(name)
    }

    /// Reads JSON.
    ///
    /// # Errors
    /// As [`Self::from_toml`].
    pub fn from_json(name: &str, text: &str) -> Result<Self, TransitError> {
        let read: Self =
            serde_json::from_str(text).map_err(|e| TransitError::unreadable(name, &e))?;
        read.limited(name)
    }

    fn limited(self, name: &str) -> Result<Self, TransitError> {
        if self.edits.len() > EDITS_MAX {
            return Err(TransitError::TooLarge {
                at: TransitError::at_file(name),
                what: "edits",
                limit: EDITS_MAX as u64,
            });
        }
        Ok(self)
    }

    /// As TOML.
    ///
    /// # Errors
    /// Where a number cannot be written.
    pub fn to_toml(&self) -> Result<String, TransitError> {
        toml::to_string(self).map_err(|e| TransitError::unreadable(&self.name, &e))
    }

    /// As JSON.
    ///
    /// # Errors
    /// Where a number cannot be written.
    pub fn to_json(&self) -> Result<String, TransitError> {
        serde_json::to_string_pretty(self).map_err(|e| TransitError::unreadable(&self.name, &e))
    }

    /// Takes the last edit back.
    pub fn undo(&mut self) -> Option<Edit> {
        self.edits.pop()
    }

    /// Takes one edit out, from 1; `None` where there is no such edit.
    pub fn drop_edit(&mut self, number: usize) -> Option<Edit> {
        let at = number.checked_sub(1)?;
        (at < self.edits.len()).then(|| self.edits.remove(at))
    }

    /// Another scenario that begins with the first `keep` edits of this one.
    #[must_use]
    pub fn branch(&self, name: &str, keep: usize) -> Self {
        Self {
            name: name.to_owned(),
            base: self.base.clone(),
            edits: self.edits[..keep.min(self.edits.len())].to_vec(),
        }
    }

    /// Applies the edits to the base, which stays as it is.
    ///
    /// # Errors
    /// Where the base is not the one the scenario was made for, or an edit does not fit: it is
    /// named with its number.
    pub fn apply(&self, base: &World) -> Result<World, TransitError> {
        let hash = base.hash();
        if self.base != hash {
            return Err(TransitError::Option {
                what: "base",
                message: format!(
                    "scenario \"{}\" was made for base {:.12}, not {hash:.12}",
                    self.name, self.base
                ),
            });
        }
        apply::apply(base, &self.edits)
    }
}
