//! The timetable of a day, and the access of places to its stops.

use std::collections::{BTreeMap, BTreeSet};

use conurb_transit::{AccessTable, CityCentre, Direction, Scan};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::profiles::Profiles;
use crate::buffers::{float_column, object};
use crate::errors::{call, raise};

/// A row of access: place, stop, minutes, source.
pub(crate) type AccessTuple = (String, String, f64, String);

/// A timetable in memory.
#[pyclass(module = "conurb._conurb", frozen)]
pub(crate) struct Timetable(pub(crate) conurb_transit::Timetable);

/// Columns of stops: texts as lists, positions as floats.
pub(crate) fn stop_columns<'py, 'a>(
    py: Python<'py>,
    count: usize,
    stops: impl Iterator<Item = (&'a str, &'a str, Option<(f64, f64)>)>,
) -> PyResult<Bound<'py, PyDict>> {
    let mut ids = Vec::with_capacity(count);
    let mut names = Vec::with_capacity(count);
    let mut places = Vec::with_capacity(count);
    for (id, name, lat_lon) in stops {
        ids.push(id);
        names.push(name);
        places.push(lat_lon);
    }
    let columns = PyDict::new(py);
    columns.set_item("stop_id", ids)?;
    columns.set_item("name", names)?;
    columns.set_item(
        "lat",
        float_column(py, places.iter().map(|p| Some(p.as_ref()?.0))),
    )?;
    columns.set_item(
        "lon",
        float_column(py, places.iter().map(|p| Some(p.as_ref()?.1))),
    )?;
    Ok(columns)
}

/// Access from rows; a pair that stands there twice is refused.
pub(crate) fn access(rows: Vec<AccessTuple>) -> PyResult<AccessTable> {
    let mut seen = BTreeSet::new();
    let mut table = AccessTable::default();
    for (place, stop, minutes, source) in rows {
        table
            .set(&place, &stop, minutes, &source)
            .map_err(|e| raise(&e))?;
        let text = format!("access: \"{place}\" and \"{stop}\" stand there twice");
        if !seen.insert((place, stop)) {
            return Err(call(text, "keep one row a pair"));
        }
    }
    Ok(table)
}

/// Rows from access.
pub(crate) fn access_rows(table: &AccessTable) -> Vec<AccessTuple> {
    table
        .rows()
        .map(|r| (r.city_code, r.stop_id, r.minutes, r.source))
        .collect()
}

#[pymethods]
impl Timetable {
    /// What there is.
    fn sizes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let sizes = PyDict::new(py);
        for (name, size) in [
            ("stops", self.0.stops().len()),
            ("served_stops", self.0.served_stops()),
            ("trips", self.0.trips().len()),
            ("connections", self.0.connections().len()),
        ] {
            sizes.set_item(name, size)?;
        }
        Ok(sizes)
    }

    /// Columns of the stops.
    fn stops<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let stops = self.0.stops();
        stop_columns(
            py,
            stops.len(),
            stops.iter().map(|s| (&*s.id, &*s.name, s.lat_lon)),
        )
    }

    /// Access by great circle at a speed: rows (place, stop, minutes, source).
    fn access_by_rule(
        &self,
        centres: Vec<(String, f64, f64, String)>,
        city_of: BTreeMap<String, String>,
        speed_km_h: f64,
    ) -> PyResult<Vec<AccessTuple>> {
        let cities: Vec<CityCentre> = centres
            .into_iter()
            .map(|(code, lat, lon, centre_of)| CityCentre {
                code,
                lat_lon: (lat, lon),
                centre_of,
            })
            .collect();
        let of = |stop: &str| city_of.get(stop).cloned();
        AccessTable::by_rule(&self.0, &cities, of, speed_km_h)
            .map(|table| access_rows(&table))
            .map_err(|e| raise(&e))
    }

    /// Profiles between places, the whole day.
    fn profiles(&self, py: Python<'_>, rows: Vec<AccessTuple>) -> PyResult<Profiles> {
        let places = access(rows)?.places(&self.0).map_err(|e| raise(&e))?;
        let all = py.detach(|| Scan::new(&self.0, Direction::AllToOne).all_pairs(&places));
        let all = all.map_err(|e| raise(&e))?;
        Ok(Profiles { places, all })
    }

    /// The fastest journey of the day between places and its parts.
    fn door_to_door<'py>(
        &self,
        py: Python<'py>,
        profiles: &Profiles,
    ) -> PyResult<Bound<'py, PyAny>> {
        let rows =
            py.detach(|| conurb_transit::door_to_door(&self.0, &profiles.places, &profiles.all));
        object(py, &rows.map_err(|e| raise(&e))?)
    }
}
