//! Applies edits in memory: trips that do not change are shared with the base.

use std::sync::Arc;

use super::{Edit, Filter, World, lines};
use crate::error::TransitError;
use crate::feed::find_stop;
use crate::timetable::{Call, Foot, TimetableStop, TripRun};

/// Why an edit does not fit.
pub(super) type Misfit = String;

/// Applies edits in order; connections are sorted once at the end.
pub(super) fn apply(base: &World, edits: &[Edit]) -> Result<World, TransitError> {
    let mut world = base.clone();
    let mut trips = std::mem::take(&mut world.timetable.trips);
    for (number, edit) in (1..).zip(edits) {
        let fail = |message: String| TransitError::Edit {
            number,
            kind: edit.kind(),
            message,
        };
        one(&mut world, &mut trips, edit).map_err(fail)?;
    }
    world.timetable.set_trips(trips)?;
    Ok(world)
}

type Trips = Vec<Arc<TripRun>>;

fn one(world: &mut World, trips: &mut Trips, edit: &Edit) -> Result<(), Misfit> {
    match edit {
        Edit::AddLine { line } => lines::add(world, trips, line),
        Edit::RemoveLine { route } => {
            let filter = Filter {
                route: Some(route.clone()),
                ..Filter::default()
            };
            remove(world, trips, &filter)
        }
        Edit::RemoveTrips { filter } => remove(world, trips, filter),
        Edit::Frequency {
            filter,
            window,
            rate,
        } => lines::frequency(world, trips, filter, *window, *rate),
        Edit::Speed { filter, factor } => speed(world, trips, filter, *factor),
        Edit::AddStation { .. } => add_station(world, edit),
        Edit::CloseStation { stop } => close(world, trips, stop),
        Edit::Access {
            city,
            stop,
            minutes,
        } => {
            let at = stop_at(world, stop)?;
            let id = world.timetable.stops[at as usize].id.clone();
            let set = world.access.set(city, &id, *minutes, "scenario");
            set.map_err(|e| e.to_string())
        }
        Edit::ChangeTime { stop, minutes } => change_time(world, stop.as_deref(), *minutes),
        Edit::Mass {
            city,
            value,
            source,
        } => {
            if !(value.is_finite() && *value >= 0.0) || source.trim().is_empty() {
                return Err("a mass is 0 or more and has a source".into());
            }
            world.masses.values.insert(city.clone(), *value);
            world.notes.push(format!("mass of {city}: {source}"));
            Ok(())
        }
    }
}

pub(super) fn stop_at(world: &World, name: &str) -> Result<u32, Misfit> {
    let stops = world.timetable.stops.iter().map(|s| (&*s.id, &*s.name));
    find_stop(stops, name).map_err(|e| e.to_string())
}

/// A filter with its stops looked up.
pub(super) struct Fits<'a> {
    filter: &'a Filter,
    from: Option<u32>,
    to: Option<u32>,
}

impl<'a> Fits<'a> {
    pub(super) fn new(world: &World, filter: &'a Filter) -> Result<Self, Misfit> {
        if *filter == Filter::default() {
            return Err("the filter is empty: name a route, prefix, trip or stop".into());
        }
        let at = |name: &Option<String>| name.as_deref().map(|n| stop_at(world, n)).transpose();
        Ok(Self {
            filter,
            from: at(&filter.from)?,
            to: at(&filter.to)?,
        })
    }

    pub(super) fn fits(&self, trip: &TripRun) -> bool {
        let f = self.filter;
        let name = if trip.name.is_empty() {
            &trip.route
        } else {
            &trip.name
        };
        f.route.as_deref().is_none_or(|r| *trip.route == *r)
            && f.trip.as_deref().is_none_or(|t| *trip.id == *t)
            && f.prefix.as_deref().is_none_or(|p| name.starts_with(p))
            && self.section(&trip.calls).is_some()
    }

    /// From which call to which the edit reaches.
    fn section(&self, calls: &[Call]) -> Option<(usize, usize)> {
        let first = match self.from {
            Some(stop) => calls.iter().position(|c| c.stop == stop)?,
            None => 0,
        };
        let last = match self.to {
            Some(stop) => calls.iter().rposition(|c| c.stop == stop)?,
            None => calls.len() - 1,
        };
        (first <= last && (first < last || self.from.is_none() || self.to.is_none()))
            .then_some((first, last))
    }
}

const NOTHING: &str = "no trip fits the filter";

fn remove(world: &World, trips: &mut Trips, filter: &Filter) -> Result<(), Misfit> {
    let fits = Fits::new(world, filter)?;
    let before = trips.len();
    trips.retain(|t| !fits.fits(t));
    if trips.len() == before {
        return Err(NOTHING.into());
    }
    Ok(())
}

fn speed(world: &World, trips: &mut Trips, filter: &Filter, factor: f64) -> Result<(), Misfit> {
    if !(0.05..=20.0).contains(&factor) {
        return Err(format!("factor {factor} is not 0.05 to 20"));
    }
    let fits = Fits::new(world, filter)?;
    let mut changed = 0;
    for trip in trips.iter_mut().filter(|t| fits.fits(t)) {
        let Some((first, last)) = fits.section(&trip.calls) else {
            continue;
        };
        changed += 1;
        let old = trip.calls.clone();
        let new = Arc::make_mut(trip);
        for at in 1..old.len() {
            let run_s = old[at].arr_s - old[at - 1].dep_s;
            let run_s = if at > first && at <= last {
                (f64::from(run_s) * factor).round() as u32
            } else {
                run_s
            };
            // A time at the end of the numbers is refused with the trip, as beyond all days.
            let dwell_s = old[at].dep_s - old[at].arr_s;
            new.calls[at].arr_s = new.calls[at - 1].dep_s.saturating_add(run_s);
            new.calls[at].dep_s = new.calls[at].arr_s.saturating_add(dwell_s);
        }
    }
    if changed == 0 {
        return Err(NOTHING.into());
    }
    Ok(())
}

fn add_station(world: &mut World, edit: &Edit) -> Result<(), Misfit> {
    let Edit::AddStation {
        id,
        name,
        lat,
        lon,
        city,
        access_min,
    } = edit
    else {
        return Ok(());
    };
    if !((-90.0..=90.0).contains(lat) && (-180.0..=180.0).contains(lon)) {
        return Err(format!("{lat}, {lon} is no place in degrees"));
    }
    if world.timetable.stops.iter().any(|s| *s.id == **id) {
        return Err(format!("there is a stop \"{id}\" already"));
    }
    let day = &mut world.timetable;
    Arc::make_mut(&mut day.stops).push(TimetableStop {
        id: id.as_str().into(),
        name: name.as_str().into(),
        lat_lon: Some((*lat, *lon)),
    });
    Arc::make_mut(&mut day.change_s).push(day.default_change_s);
    day.foot = Arc::new(Foot::new(day.stops.len(), day.foot.iter().collect()));
    match (city, access_min) {
        (Some(city), Some(minutes)) => {
            let set = world.access.set(city, id, *minutes, "scenario");
            set.map_err(|e| e.to_string())
        }
        (None, None) => Ok(()),
        _ => Err("city and access_min belong together".into()),
    }
}

fn close(world: &World, trips: &mut Trips, stop: &str) -> Result<(), Misfit> {
    let at = stop_at(world, stop)?;
    let mut changed = false;
    for trip in trips.iter_mut() {
        if trip.calls.iter().any(|c| c.stop == at) {
            changed = true;
            let left = trip.calls.iter().filter(|c| c.stop != at).copied();
            let left = left.collect();
            Arc::make_mut(trip).calls = left;
        }
    }
    if !changed {
        return Err(format!("no trip calls at \"{stop}\""));
    }
    trips.retain(|t| t.calls.len() > 1);
    Ok(())
}

fn change_time(world: &mut World, stop: Option<&str>, minutes: f64) -> Result<(), Misfit> {
    if !(0.0..=600.0).contains(&minutes) {
        return Err(format!("{minutes} minutes are not 0 to 600"));
    }
    let new_s = (minutes * 60.0).round() as u32;
    match stop {
        Some(stop) => {
            let at = stop_at(world, stop)? as usize;
            Arc::make_mut(&mut world.timetable.change_s)[at] = new_s;
        }
        None => {
            let old_s = std::mem::replace(&mut world.timetable.default_change_s, new_s);
            let all = Arc::make_mut(&mut world.timetable.change_s);
            for slot in all.iter_mut().filter(|s| **s == old_s) {
                *slot = new_s;
            }
        }
    }
    Ok(())
}

/// Whether so many trips more are allowed.
pub(super) fn room(trips: &Trips, more: usize) -> Result<(), Misfit> {
    const TRIPS_MAX: usize = 2_000_000;
    let all = trips.len().saturating_add(more);
    if all > TRIPS_MAX {
        return Err(format!("{all} trips are more than {TRIPS_MAX}"));
    }
    Ok(())
}
