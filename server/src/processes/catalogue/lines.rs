//! A timetable given by value: all pairs, and each line alone (docs/transit/model.md).

use conurb_base::Problem;
use conurb_transit::measures::Basis;
use conurb_transit::scenario::{LineImpact, MassTable, Measure, Question, World, leave_one_out};
use conurb_transit::{
    AccessTable, Call, Direction, Place, Scan, Timetable, TimetableStop, TransitError, TripRun,
    Window, fastest_s,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::{Process, Run, document};

/// `transit.all-pairs`.
pub(super) const ALL_PAIRS: Process = Process::model::<PairInputs>(
    "transit.all-pairs",
    "Fastest journeys between all stops",
    "Profile connection scan over the whole day (Dibbelt, Pajor, Strasser and Wagner 2018): fastest \
     minutes between every two stops, the time to board included. Can be dismissed while it runs.",
    all_pairs,
);
/// `transit.leave-one-out`.
pub(super) const LEAVE_ONE_OUT: Process = Process::model::<LineInputs>(
    "transit.leave-one-out",
    "What each line does for its region",
    "Takes every line away in turn: change of the weighted mean of weighted average travel time \
     (Gutierrez 2001) over the day, pairs that get slower, pairs that are lost. Can be dismissed \
     while it runs.",
    each_line,
);

/// A timetable of one day.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Day {
    /// Identifiers of stops.
    stops: Vec<String>,
    /// Trips of the day.
    trips: Vec<Trip>,
    /// Time to change and to board, s.
    #[serde(default = "ten_minutes")]
    change_s: u32,
}

const fn ten_minutes() -> u32 {
    600
}

/// A trip.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Trip {
    /// Its line.
    line: String,
    /// [stop by its place from 0, arrival, departure], s after midnight.
    calls: Vec<(u32, u32, u32)>,
}

impl Day {
    fn timetable(self) -> Result<Timetable, TransitError> {
        let count = self.stops.len();
        let stops = (self.stops.iter())
            .map(|id| TimetableStop {
                id: id.as_str().into(),
                name: id.as_str().into(),
                lat_lon: None,
            })
            .collect();
        let trips = (self.trips.iter().enumerate())
            .map(|(at, trip)| TripRun {
                id: at.to_string().into(),
                name: trip.line.as_str().into(),
                route: trip.line.as_str().into(),
                headway_s: None,
                calls: (trip.calls.iter())
                    .map(|(stop, arr_s, dep_s)| Call {
                        stop: *stop,
                        arr_s: *arr_s,
                        dep_s: *dep_s,
                        flags: 0,
                    })
                    .collect(),
            })
            .collect();
        Timetable::from_parts(stops, vec![self.change_s; count], Vec::new(), trips)
    }
}

/// Inputs of `transit.all-pairs`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PairInputs {
    /// The day.
    day: Day,
}

#[derive(Serialize)]
struct Pairs {
    stops: Vec<String>,
    /// One row an origin, one value a destination; nothing where there is no journey.
    fastest_min: Vec<Vec<Option<f64>>>,
}

fn all_pairs(inputs: Value, run: &Run) -> Result<Value, Problem> {
    document(inputs, |i: PairInputs| -> Result<Pairs, TransitError> {
        let day = i.day.timetable()?;
        let scan = Scan::new(&day, Direction::AllToOne);
        let places: Vec<Place> = scan.stops_as_places();
        let found = scan.all_pairs_with(&places, &run.watch())?;
        let minutes = |from: usize, to: usize| {
            let fastest = fastest_s(found.profile(from, to))?;
            Some(f64::from(fastest) / 60.0)
        };
        let n = places.len();
        Ok(Pairs {
            stops: day.stops().iter().map(|s| s.id.to_string()).collect(),
            fastest_min: (0..n)
                .map(|from| (0..n).map(|to| minutes(from, to)).collect())
                .collect(),
        })
    })
}

/// Inputs of `transit.leave-one-out`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LineInputs {
    /// The day.
    day: Day,
    /// Mass of each stop's place; a stop is a place of its own.
    masses: Vec<f64>,
    /// What the masses count, e.g. `persons`.
    unit: String,
    /// Year of the masses.
    year: u16,
    /// Source of the masses; without one nothing is computed.
    source: String,
    /// Lines to take away; all without.
    #[serde(default)]
    lines: Option<Vec<String>>,
}

fn each_line(inputs: Value, run: &Run) -> Result<Value, Problem> {
    document(
        inputs,
        |i: LineInputs| -> Result<Vec<LineImpact>, TransitError> {
            let codes = i.day.stops.clone();
            if codes.len() != i.masses.len() {
                return Err(TransitError::Option {
                    what: "masses",
                    message: format!("{} for {} stops", i.masses.len(), codes.len()),
                });
            }
            let mut lines: Vec<String> = i.day.trips.iter().map(|t| t.line.clone()).collect();
            lines.sort_unstable();
            lines.dedup();
            let timetable = i.day.timetable()?;
            let mut access = AccessTable::default();
            for code in &codes {
                access.set(code, code, 0.0, "the stop is the place")?;
            }
            let masses = MassTable {
                values: codes.iter().cloned().zip(i.masses).collect(),
                unit: i.unit,
                year: i.year,
                source: i.source,
            };
            let question = Question {
                measure: Measure::Watt,
                basis: Basis::Mean(Window::DAY),
                label: "all stops given".into(),
                cities: codes.into_iter().collect(),
            };
            let world = World::new(timetable, access, masses);
            let lines = i.lines.unwrap_or(lines);
            leave_one_out(&world, &question, &lines, &run.watch())
        },
    )
}
