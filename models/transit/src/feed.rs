//! A feed in memory: stops, routes, services, trips with their calls, transfers. Immutable once
//! read; everything else is made from it.

use std::sync::Arc;

use jiff::civil::Date;

use crate::days::DaySet;
use crate::error::TransitError;
use crate::findings::Findings;

/// A time that is not there.
pub(crate) const NO_TIME: u32 = u32::MAX;

/// A place where vehicles call, or the station that groups such places.
#[derive(Debug, Clone, PartialEq)]
pub struct Stop {
    /// Identifier, unique in the feed.
    pub id: Arc<str>,
    /// Name for people.
    pub name: Arc<str>,
    /// Latitude and longitude, WGS84 degrees, where known.
    pub lat_lon: Option<(f64, f64)>,
    /// The station it belongs to, as an index of stops.
    pub parent: Option<u32>,
    /// GTFS `location_type`: 0 stop, 1 station, 2 entrance, 3 node, 4 boarding area.
    pub kind: u8,
    /// Row in its table, the header being 1.
    pub row: u32,
}

/// A route: what passengers know as a line, or a train number.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// Identifier.
    pub id: Arc<str>,
    /// Short name.
    pub short_name: Arc<str>,
    /// Long name.
    pub long_name: Arc<str>,
    /// GTFS `route_type`, basic or extended.
    pub kind: u16,
    /// Row in its table, the header being 1.
    pub row: u32,
}

/// The days a set of trips runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// Identifier.
    pub id: Arc<str>,
    /// Its days.
    pub days: DaySet,
    /// Row in its table, the header being 1; 0 where only exceptions name it.
    pub row: u32,
}

/// One run of a vehicle.
#[derive(Debug, Clone, PartialEq)]
pub struct Trip {
    /// Identifier.
    pub id: Arc<str>,
    /// `trip_short_name`, such as a train number.
    pub name: Arc<str>,
    /// Index of its route.
    pub route: u32,
    /// Index of its service.
    pub service: u32,
    /// Where its calls begin and end in [`Calls`].
    pub calls: (u32, u32),
    /// For a trip made from a headway (`exact_times=0`): that headway, s.
    pub headway_s: Option<u32>,
    /// Row in its table, the header being 1.
    pub row: u32,
}

/// Calls of all trips, one array per property; those of a trip stand together, in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Calls {
    /// Index of the stop.
    pub stop: Vec<u32>,
    /// Arrival, seconds after midnight of the service day.
    pub arr_s: Vec<u32>,
    /// Departure, the same.
    pub dep_s: Vec<u32>,
    /// Bit 0: no boarding; bit 1: no alighting; bit 2: the time was interpolated.
    pub flags: Vec<u8>,
    /// Row in its table, the header being 1.
    pub row: Vec<u32>,
}

/// Nobody may board here.
pub const NO_BOARDING: u8 = 1;
/// Nobody may alight here.
pub const NO_ALIGHTING: u8 = 2;
/// The time was blank in the feed.
pub const INTERPOLATED: u8 = 4;

impl Calls {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.stop.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.stop.is_empty()
    }

    pub(crate) fn push(&mut self, stop: u32, arr_s: u32, dep_s: u32, flags: u8, row: u32) {
        self.stop.push(stop);
        self.arr_s.push(arr_s);
        self.dep_s.push(dep_s);
        self.flags.push(flags);
        self.row.push(row);
    }
}

/// A way on foot between two stops, or the time to change at one (both ends equal).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transfer {
    /// Index of the stop it begins at.
    pub from: u32,
    /// Index of the stop it ends at.
    pub to: u32,
    /// Least time, s; `None` where the feed leaves it to us.
    pub min_s: Option<u32>,
    /// GTFS `transfer_type` 3: changing here is not possible.
    pub forbidden: bool,
    /// Row in its table, the header being 1.
    pub row: u32,
}

/// A feed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Feed {
    /// What it was read from.
    pub source: String,
    /// Stops and stations.
    pub stops: Vec<Stop>,
    /// Routes.
    pub routes: Vec<Route>,
    /// Services.
    pub services: Vec<Service>,
    /// Trips.
    pub trips: Vec<Trip>,
    /// Their calls.
    pub calls: Calls,
    /// Ways on foot.
    pub transfers: Vec<Transfer>,
    /// Time zone of the first agency, where one is named.
    pub timezone: Option<String>,
    /// First and last day the feed says it is for, where it does.
    pub window: Option<(Date, Date)>,
    /// What the reader repaired, dropped or doubted.
    pub findings: Findings,
}

impl Feed {
    /// The calls of a trip, as a range of [`Calls`].
    #[must_use]
    pub fn calls_of(&self, trip: &Trip) -> std::ops::Range<usize> {
        trip.calls.0 as usize..trip.calls.1 as usize
    }

    /// First and last day with service; `None` where no service has a day.
    #[must_use]
    pub fn span(&self) -> Option<(Date, Date)> {
        let days = || self.services.iter().flat_map(|s| s.days.iter());
        Some((days().min()?, days().max()?))
    }

    /// How many trips run on a day.
    #[must_use]
    pub fn active_trips(&self, date: Date) -> usize {
        let active: Vec<bool> = self
            .services
            .iter()
            .map(|s| s.days.contains(date))
            .collect();
        self.trips
            .iter()
            .filter(|t| active[t.service as usize])
            .count()
    }

    /// The stop with this identifier, or else the only one with this name.
    ///
    /// # Errors
    /// Where none fits (the nearest name is suggested) or several stops share the name.
    pub fn stop(&self, wanted: &str) -> Result<u32, TransitError> {
        find_stop(self.stops.iter().map(|s| (&*s.id, &*s.name)), wanted)
    }
}

/// Looks a stop up by identifier, then by name.
pub(crate) fn find_stop<'a>(
    stops: impl Iterator<Item = (&'a str, &'a str)> + Clone,
    wanted: &str,
) -> Result<u32, TransitError> {
    if let Some(at) = stops.clone().position(|(id, _)| id == wanted) {
        return Ok(index(at));
    }
    let mut named = stops
        .clone()
        .enumerate()
        .filter(|(_, (_, name))| *name == wanted);
    match (named.next(), named.next()) {
        (Some((at, _)), None) => Ok(index(at)),
        (Some((_, (a, _))), Some((_, (b, _)))) => Err(TransitError::UnknownName {
            what: "stop",
            name: wanted.to_owned(),
            hint: format!("; several share this name: say the id, e.g. \"{a}\" or \"{b}\""),
        }),
        _ => Err(TransitError::unknown(
            "stop",
            wanted,
            stops.map(|(_, name)| name),
        )),
    }
}

/// A position as an index: tables are limited far below 2^32.
pub(crate) fn index(at: usize) -> u32 {
    u32::try_from(at).expect("tables are limited below 2^32 rows when they are read")
}
