//! What every step stands on: the timetable of a day, cities with people and boundaries, and which
//! stations are whose.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

use conurb_region::facts::{self, ClusterCity};
use conurb_region::polygons::{CensusFile, UnitIndex, read_census};
use conurb_transit::gtfs::{Limits, read_path_with};
use conurb_transit::measures::Basis;
use conurb_transit::scenario::{Evaluation, MassTable, World};
use conurb_transit::{ACCESS_KM_H, AccessTable, CityCentre, Timetable, TimetableOptions};
use indicatif::{ProgressBar, ProgressStyle};

use super::project::Project;
use crate::fail::{Failure, io};
use crate::out::watched;

/// Everything read.
pub(crate) struct Base {
    /// Timetable, access and masses.
    pub(crate) world: World,
    /// The census file.
    pub(crate) census: CensusFile,
    /// Place of each code in it.
    pub(crate) unit_of: BTreeMap<String, usize>,
    /// Members of the cluster, in the order of the list.
    pub(crate) members: Vec<ClusterCity>,
    /// What the reader noticed.
    pub(crate) notes: Vec<String>,
    /// Times of the base, computed when first asked for.
    evaluation: OnceCell<Evaluation>,
}

/// What every step measures: the fastest journey of the day.
pub(crate) const BASIS: Basis = Basis::Fastest;

impl Base {
    /// Reads feed and census.
    pub(crate) fn load(project: &Project, quiet: bool) -> Result<Self, Failure> {
        let members = facts::members(&project.define.cluster)?;
        let file = project.path(&project.define.census);
        let bytes = std::fs::read(&file).map_err(|e| io(&file, "cannot read", &e))?;
        let census = read_census(&bytes, &file.display().to_string())?;
        let unit_of: BTreeMap<String, usize> = (census.units.iter().enumerate())
            .map(|(at, unit)| (unit.code.clone(), at))
            .collect();
        let codes: Vec<&str> = members.iter().map(|m| m.code.as_str()).collect();
        let known: Vec<&str> = unit_of.keys().map(String::as_str).collect();
        all_known(&codes, &known)?;
        let mut notes: Vec<String> = (census.refused.iter())
            .map(|e| format!("boundary left out: {e}"))
            .collect();
        let timetable = timetable(project, quiet)?;
        let access = access(project, &timetable, &census)?;
        let masses = masses(project, &census);
        let without = (census.units.iter())
            .filter(|u| !masses.values.contains_key(&u.code))
            .count();
        if without > 0 {
            notes.push(format!(
                "{without} units have no population in {}: they count 0",
                project.define.population_year
            ));
        }
        Ok(Self {
            world: World::new(timetable, access, masses),
            census,
            unit_of,
            members,
            notes,
            evaluation: OnceCell::new(),
        })
    }

    /// Times of the base between all cities: one computation for all steps.
    pub(crate) fn evaluation(&self) -> Result<&Evaluation, Failure> {
        if let Some(known) = self.evaluation.get() {
            return Ok(known);
        }
        let found = Evaluation::new(&self.world, BASIS)?;
        Ok(self.evaluation.get_or_init(|| found))
    }

    /// Name of a city for people, by its code.
    pub(crate) fn name<'a>(&'a self, code: &'a str) -> &'a str {
        self.unit_of
            .get(code)
            .map_or(code, |at| short(&self.census.units[*at].name))
    }

    /// The centre of a city: its polygon's centroid, (latitude, longitude).
    pub(crate) fn centre(&self, code: &str) -> Option<(f64, f64)> {
        let unit = &self.census.units[*self.unit_of.get(code)?];
        unit.boundary.as_ref().map(|b| b.centroid())
    }

    /// The code of the city with this Chinese name, without its suffix.
    pub(crate) fn code_of(&self, name: &str) -> Option<&str> {
        self.census
            .units
            .iter()
            .find(|u| short(&u.name) == name || u.name == name)
            .map(|u| u.code.as_str())
    }

    /// Codes of the members.
    pub(crate) fn codes(&self) -> Vec<String> {
        self.members.iter().map(|m| m.code.clone()).collect()
    }
}

/// A name without the word for its kind of unit.
fn short(name: &str) -> &str {
    ["市", "地区", "盟"]
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix))
        .unwrap_or(name)
}

/// Refuses members that the census does not know.
fn all_known(codes: &[&str], known: &[&str]) -> Result<(), Failure> {
    let missing: Vec<String> = (codes.iter())
        .filter(|code| known.binary_search(code).is_err())
        .map(|code| {
            conurb_base::nearest(code, known.iter().copied())
                .map_or_else(|| (*code).to_owned(), |k| format!("{code} (nearest: {k})"))
        })
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failure::input(&conurb_region::RegionError::Unjoined {
        what: "cities of the cluster with the census".to_owned(),
        count: missing.len(),
        names: missing.join(", "),
    }))
}

fn timetable(project: &Project, quiet: bool) -> Result<Timetable, Failure> {
    let bar = if quiet || !watched() {
        ProgressBar::hidden()
    } else {
        let style = ProgressStyle::with_template("{spinner} {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        ProgressBar::new_spinner().with_style(style)
    };
    let mut tell = |p: &conurb_transit::gtfs::Progress<'_>| {
        bar.set_message(format!("{}: {} rows", p.file, p.rows));
        bar.tick();
        ControlFlow::Continue(())
    };
    let file = project.path(&project.analyse.feed);
    let feed = read_path_with(&file, Limits::default(), &mut tell)?;
    bar.finish_and_clear();
    let options = TimetableOptions {
        change_s: project.analyse.change_s,
        ..TimetableOptions::default()
    };
    Ok(Timetable::of_day(&feed, project.date()?, options)?)
}

/// Which station is whose: by boundary, or as a file says.
fn access(
    project: &Project,
    timetable: &Timetable,
    census: &CensusFile,
) -> Result<AccessTable, Failure> {
    let how = project.analyse.access.as_str();
    if !matches!(how, "none" | "rule") {
        let file = project.path(how.as_ref());
        let bytes = std::fs::read(&file).map_err(|e| io(&file, "cannot read", &e))?;
        return Ok(AccessTable::from_csv(&file.display().to_string(), &bytes)?);
    }
    let bounded = (census.units.iter().enumerate())
        .filter_map(|(at, unit)| unit.boundary.as_ref().map(|b| (at, b)));
    let index = UnitIndex::new(bounded);
    let city: BTreeMap<&str, usize> = (timetable.stops().iter())
        .filter_map(|stop| Some((&*stop.id, index.find(stop.lat_lon?)?)))
        .collect();
    if how == "rule" {
        let centres: Vec<CityCentre> = (census.units.iter())
            .filter_map(|unit| {
                Some(CityCentre {
                    code: unit.code.clone(),
                    lat_lon: unit.boundary.as_ref()?.centroid(),
                    centre_of: "polygon centroid".to_owned(),
                })
            })
            .collect();
        let of = |stop: &str| city.get(stop).map(|at| census.units[*at].code.clone());
        return Ok(AccessTable::by_rule(timetable, &centres, of, ACCESS_KM_H)?);
    }
    let mut table = AccessTable::default();
    for (stop, at) in city {
        table.set(&census.units[at].code, stop, 0.0, "not counted")?;
    }
    Ok(table)
}

fn masses(project: &Project, census: &CensusFile) -> MassTable {
    let year = project.define.population_year;
    let values = (census.units.iter())
        .filter_map(|unit| {
            let persons = match year {
                2010 => unit.pop_2010_persons,
                _ => unit.pop_2020_persons,
            };
            Some((unit.code.clone(), persons?))
        })
        .collect();
    MassTable {
        values,
        unit: "persons".to_owned(),
        year,
        source: project.define.census_source.clone(),
    }
}
