//! Timetables of trains and buses: readers, quality, routing over whole days, accessibility and
//! scenarios in memory. Numbers in, numbers out: no network, no clock.
//!
//! Times are seconds after midnight of the service day; a night train's may exceed 86,400.
//! Model, formats, measures and validity: `docs/transit/`.

mod access;
mod days;
mod earliest;
mod error;
mod feed;
mod findings;
pub mod gtfs;
pub mod measures;
mod profile;
pub mod quality;
mod rail_table;
mod raptor;
mod run_times;
mod scan;
pub mod scenario;
mod timetable;

pub use access::{ACCESS_KM_H, AccessRow, AccessTable, CityCentre, DoorToDoor, door_to_door};
pub use days::DaySet;
pub use earliest::{Earliest, Journey, Leg, Parts};
pub use error::TransitError;
pub use feed::{
    Calls, Feed, INTERPOLATED, NO_ALIGHTING, NO_BOARDING, Route, Service, Stop, Transfer, Trip,
};
pub use findings::{Finding, Findings, Severity};
pub use jiff::civil::Date;
pub use profile::{Pair, Profiles, Window, WindowStats, arrive_s, fastest_s, ready_s};
pub use rail_table::{RailTableOptions, read_rail_table, read_stations};
pub use raptor::{JourneyOption, Raptor, TRIPS_MAX};
pub use run_times::{RunLine, RunTimeNetwork};
pub use scan::{AllPairs, Direction, OnScan, Place, Scan};
pub use timetable::{
    Call, Connection, DayMode, Foot, Timetable, TimetableOptions, TimetableStop, TripRun,
};
