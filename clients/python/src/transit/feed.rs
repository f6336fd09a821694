//! Feeds: read, look at, examine, write.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use conurb_transit::gtfs::{Limits, read_path, write_folder, write_zip};
use conurb_transit::quality::{QualityOptions, SpeedLimits, examine};
use conurb_transit::{DayMode, RailTableOptions, TimetableOptions};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::timetable::Timetable;
use crate::buffers::{argument, object};
use crate::config::read_data;
use crate::errors::{call, raise};

/// A feed in memory.
#[pyclass(module = "conurb._conurb", frozen)]
pub(crate) struct Feed(conurb_transit::Feed);

/// A date as `YYYY-MM-DD`.
fn date(text: &str) -> PyResult<conurb_transit::Date> {
    text.parse().map_err(|e| {
        call(
            format!("day \"{text}\": {e}"),
            "write it as YYYY-MM-DD, or give a datetime.date",
        )
    })
}

/// Reads GTFS from a zip archive or a folder.
#[pyfunction]
pub(crate) fn read_gtfs(py: Python<'_>, path: PathBuf) -> PyResult<Feed> {
    let read = py.detach(|| read_path(&path, Limits::default()));
    read.map(Feed).map_err(|e| raise(&e))
}

/// Reads a station-time table (CSV in the manner of 12306).
#[pyfunction]
pub(crate) fn read_rail_table(
    py: Python<'_>,
    path: PathBuf,
    first: &str,
    last: &str,
    lat_lon: BTreeMap<String, (f64, f64)>,
) -> PyResult<Feed> {
    let options = RailTableOptions {
        window: (date(first)?, date(last)?),
        lat_lon,
        limits: Limits::default(),
    };
    let (bytes, name) = (read_data(&path)?, path.display().to_string());
    let read = py.detach(|| conurb_transit::read_rail_table(&name, &bytes, &options));
    read.map(Feed).map_err(|e| raise(&e))
}

#[pymethods]
impl Feed {
    /// What there is of each table.
    fn sizes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let sizes = PyDict::new(py);
        for (name, size) in [
            ("stops", self.0.stops.len()),
            ("routes", self.0.routes.len()),
            ("trips", self.0.trips.len()),
            ("calls", self.0.calls.len()),
            ("services", self.0.services.len()),
            ("transfers", self.0.transfers.len()),
        ] {
            sizes.set_item(name, size)?;
        }
        sizes.set_item("source", &self.0.source)?;
        let span = self.0.span();
        sizes.set_item("first_day", span.map(|s| s.0.to_string()))?;
        sizes.set_item("last_day", span.map(|s| s.1.to_string()))?;
        Ok(sizes)
    }

    /// Columns of the stops.
    fn stops<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let stops = &self.0.stops;
        super::timetable::stop_columns(
            py,
            stops.len(),
            stops.iter().map(|s| (&*s.id, &*s.name, s.lat_lon)),
        )
    }

    /// The quality report.
    fn quality<'py>(
        &self,
        py: Python<'py>,
        day: Option<&str>,
        limits_km_h: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let limits: SpeedLimits = argument("limits_km_h", limits_km_h)?;
        let options = QualityOptions {
            limits,
            date: day.map(date).transpose()?,
            ..QualityOptions::default()
        };
        let report = py.detach(|| examine(&self.0, &options));
        object(py, &report.map_err(|e| raise(&e))?)
    }

    /// The timetable of a day.
    fn timetable(
        &self,
        py: Python<'_>,
        day: &str,
        change_s: u32,
        calendar: bool,
        complete_transfers: bool,
    ) -> PyResult<Timetable> {
        let options = TimetableOptions {
            change_s,
            mode: if calendar {
                DayMode::Calendar
            } else {
                DayMode::Service
            },
            complete_transfers,
        };
        let day = date(day)?;
        py.detach(|| conurb_transit::Timetable::of_day(&self.0, day, options))
            .map(Timetable)
            .map_err(|e| raise(&e))
    }

    /// Writes GTFS: a zip archive where the name ends in `.zip`, else a folder.
    fn write_gtfs(&self, path: PathBuf) -> PyResult<()> {
        if path.extension().is_some_and(|e| e == "zip") {
            let bytes = write_zip(&self.0).map_err(|e| raise(&e))?;
            return std::fs::write(&path, bytes).map_err(|e| {
                call(
                    format!("cannot write {}: {e}", path.display()),
                    "check that the folder exists and may be written",
                )
            });
        }
        write_folder(&self.0, Path::new(&path)).map_err(|e| raise(&e))
    }
}
