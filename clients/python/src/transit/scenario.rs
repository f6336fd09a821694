//! Scenarios: a base, edits on it, and what they change.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use conurb_transit::scenario::{
    CorridorCity, Evaluation, MassTable, Question, Scenario, Service, compare, corridor_edits,
    leave_one_out, run_models,
};
use conurb_transit::{Direction, Scan};
use pyo3::prelude::*;

use super::profiles::Profiles;
use super::timetable::{AccessTuple, Timetable, access, access_rows};
use crate::buffers::{argument, object};
use crate::errors::{call, raise};

/// A base, or what a scenario made of it.
#[pyclass(module = "conurb._conurb", frozen)]
pub(crate) struct World(conurb_transit::scenario::World);

#[pymethods]
impl World {
    #[new]
    fn new(
        timetable: &Timetable,
        rows: Vec<AccessTuple>,
        masses: BTreeMap<String, f64>,
        unit: String,
        year: u16,
        source: String,
    ) -> PyResult<Self> {
        let masses = MassTable {
            values: masses,
            unit,
            year,
            source,
        };
        let base = conurb_transit::scenario::World::new(timetable.0.clone(), access(rows)?, masses);
        Ok(Self(base))
    }

    /// SHA-256 of all that it holds.
    fn hash(&self) -> String {
        self.0.hash()
    }

    /// What was assumed or had no effect.
    fn notes(&self) -> Vec<String> {
        self.0.notes.clone()
    }

    /// Rows of access.
    fn access(&self) -> Vec<AccessTuple> {
        access_rows(&self.0.access)
    }

    /// Its timetable.
    fn timetable(&self) -> Timetable {
        Timetable(self.0.timetable.clone())
    }

    /// Identifiers of the routes that run, ascending.
    fn routes(&self) -> Vec<String> {
        let all: std::collections::BTreeSet<&str> =
            self.0.timetable.trips().iter().map(|t| &*t.route).collect();
        all.into_iter().map(str::to_owned).collect()
    }

    /// Profiles between its places.
    fn profiles(&self, py: Python<'_>) -> PyResult<Profiles> {
        let places = self.0.places().map_err(|e| raise(&e))?;
        let all =
            py.detach(|| Scan::new(&self.0.timetable, Direction::AllToOne).all_pairs(&places));
        let all = all.map_err(|e| raise(&e))?;
        Ok(Profiles { places, all })
    }

    /// Applies a scenario given as JSON.
    fn apply(&self, py: Python<'_>, name: &str, json: &str) -> PyResult<Self> {
        let scenario = Scenario::from_json(name, json).map_err(|e| raise(&e))?;
        py.detach(|| scenario.apply(&self.0))
            .map(Self)
            .map_err(|e| raise(&e))
    }

    /// Edits that complete a corridor.
    fn corridor_edits<'py>(
        &self,
        py: Python<'py>,
        corridor: &str,
        cities: &Bound<'py, PyAny>,
        service: &Bound<'py, PyAny>,
        model: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        let cities: Vec<CorridorCity> = argument("cities", cities)?;
        let service: Service = argument("service", service)?;
        let (_, models) = run_models().map_err(|e| raise(&e))?;
        let model = models.iter().find(|m| m.name == model).ok_or_else(|| {
            let names: Vec<&str> = models.iter().map(|m| m.name.as_str()).collect();
            call(
                format!("model: there is no \"{model}\""),
                &format!("choose one of {}", names.join(", ")),
            )
        })?;
        let edits = corridor_edits(&self.0, corridor, &cities, model, &service);
        object(py, &edits.map_err(|e| raise(&e))?)
    }
}

/// Compares two states.
#[pyfunction]
pub(crate) fn scenario_compare<'py>(
    py: Python<'py>,
    before: &World,
    after: &World,
    question: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let question: Question = argument("question", question)?;
    let report = py.detach(|| {
        let was = Evaluation::new(&before.0, question.basis)?;
        let is = Evaluation::new(&after.0, question.basis)?;
        compare((&before.0, &was), (&after.0, &is), &question)
    });
    object(py, &report.map_err(|e| raise(&e))?)
}

/// The effect of every route of a list.
#[pyfunction]
pub(crate) fn scenario_leave_one_out<'py>(
    py: Python<'py>,
    world: &World,
    question: &Bound<'py, PyAny>,
    routes: Vec<String>,
) -> PyResult<Bound<'py, PyAny>> {
    let question: Question = argument("question", question)?;
    let go = |_, _| ControlFlow::Continue(());
    let impacts = py.detach(|| leave_one_out(&world.0, &question, &routes, &go));
    object(py, &impacts.map_err(|e| raise(&e))?)
}

/// A scenario from TOML to JSON, or back.
#[pyfunction]
pub(crate) fn scenario_convert(name: &str, text: &str, to_toml: bool) -> PyResult<String> {
    if to_toml {
        Scenario::from_json(name, text).and_then(|s| s.to_toml())
    } else {
        Scenario::from_toml(name, text).and_then(|s| s.to_json())
    }
    .map_err(|e| raise(&e))
}
