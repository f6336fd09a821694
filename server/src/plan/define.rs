//! Define: who belongs to the region, by list and by ties.

use std::collections::BTreeMap;

use conurb_region::community::{Graph, Method, SearchOptions, search};
use conurb_region::facts::{Indicator, Share, Source};
use conurb_region::size::{SizeDistribution, size_distribution};
use conurb_region::urban_area::{Comparison, compare};
use conurb_transit::measures::{ServiceRow, service_between};
use serde::Serialize;

use super::base::Base;
use super::project::Project;
use crate::fail::Failure;

/// What the step found.
#[derive(Debug, Serialize)]
pub(crate) struct Defined {
    /// The list.
    pub(crate) cluster: String,
    /// Its cities.
    pub(crate) cities: Vec<City>,
    /// Their share of all people in the census.
    pub(crate) share: Share,
    /// Sizes of the cities.
    pub(crate) sizes: SizeDistribution,
    /// Communities of direct trains among the cities, by name, the largest first.
    pub(crate) communities: Vec<Vec<String>>,
    /// Modularity of these communities, and of the provinces taken as communities.
    pub(crate) modularity: f64,
    /// Of the provinces.
    pub(crate) modularity_provinces: f64,
    /// The community of the largest city in the whole country's trains, beside the list.
    pub(crate) functional: Comparison,
}

/// A city of the cluster.
#[derive(Debug, Serialize)]
pub(crate) struct City {
    /// Code.
    pub(crate) code: String,
    /// Name.
    pub(crate) name_zh: String,
    /// Name.
    pub(crate) name_en: String,
    /// Province.
    pub(crate) province_zh: String,
    /// People.
    pub(crate) pop_2010_persons: Option<f64>,
    /// People.
    pub(crate) pop_2020_persons: Option<f64>,
    /// Whether a train calls that day.
    pub(crate) served: bool,
}

/// Computes the step.
pub(crate) fn define(project: &Project, base: &Base) -> Result<Defined, Failure> {
    let places = base.world.places()?;
    let service = service_between(&base.world.timetable, &places)?;
    let served: Vec<&str> = places.iter().map(|p| p.name.as_str()).collect();
    let cities = cities(base, &served);
    let sizes: Vec<f64> = cities.iter().filter_map(|c| people(project, c)).collect();
    let codes = base.codes();
    let within = graph(&codes, &served, &service)?;
    let found = search(&within, &options(project))?;
    let provinces: Vec<usize> = numbered(cities.iter().map(|c| c.province_zh.as_str()));
    Ok(Defined {
        cluster: project.define.cluster.clone(),
        share: share(project, base, &codes)?,
        sizes: size_distribution(&sizes)?,
        communities: named(base, &codes, &found.members()),
        modularity: found.modularity,
        modularity_provinces: within.modularity(&provinces, project.define.resolution)?,
        functional: functional(project, base, &served, &service)?,
        cities,
    })
}

/// A city's people in the year of the project.
pub(crate) fn people(project: &Project, city: &City) -> Option<f64> {
    match project.define.population_year {
        2010 => city.pop_2010_persons,
        _ => city.pop_2020_persons,
    }
}

fn cities(base: &Base, served: &[&str]) -> Vec<City> {
    (base.members.iter())
        .map(|m| {
            let unit = &base.census.units[base.unit_of[&m.code]];
            City {
                code: m.code.clone(),
                name_zh: m.name_zh.clone(),
                name_en: m.name_en.clone(),
                province_zh: m.province_zh.clone(),
                pop_2010_persons: unit.pop_2010_persons,
                pop_2020_persons: unit.pop_2020_persons,
                served: served.contains(&m.code.as_str()),
            }
        })
        .collect()
}

fn share(project: &Project, base: &Base, codes: &[String]) -> Result<Share, Failure> {
    let masses = &base.world.masses;
    let indicator = Indicator {
        what: format!("population {}, {}", masses.year, masses.unit),
        values: masses.values.clone(),
        declared_total: None,
        source: Some(Source {
            name: project.define.census_source.clone(),
            year: masses.year,
        }),
    };
    let codes: Vec<&str> = codes.iter().map(String::as_str).collect();
    Ok(indicator.share(&codes)?)
}

const fn options(project: &Project) -> SearchOptions {
    SearchOptions {
        method: Method::Leiden,
        resolution: project.define.resolution,
        seed: project.define.seed,
        runs: 20,
    }
}

/// Direct trains between these cities as a graph: the mean of both directions.
fn graph(codes: &[String], served: &[&str], service: &[ServiceRow]) -> Result<Graph, Failure> {
    let at: BTreeMap<&str, usize> = (codes.iter().enumerate())
        .map(|(i, code)| (code.as_str(), i))
        .collect();
    let flows: Vec<(usize, usize, f64)> = (service.iter())
        .filter_map(|row| {
            let (from, to) = (at.get(served[row.from])?, at.get(served[row.to])?);
            Some((*from, *to, f64::from(row.direct_trips)))
        })
        .collect();
    Ok(Graph::from_flows(codes.len(), &flows)?)
}

/// The community of the cluster's largest city among all served cities, against the list.
fn functional(
    project: &Project,
    base: &Base,
    served: &[&str],
    service: &[ServiceRow],
) -> Result<Comparison, Failure> {
    let all: Vec<String> = served.iter().map(|s| (*s).to_owned()).collect();
    let found = search(&graph(&all, served, service)?, &options(project))?;
    let core = core(base);
    let community = (all.iter())
        .position(|code| *code == core)
        .map(|at| found.community[at]);
    let names: Vec<&str> = (all.iter().zip(&found.community))
        .filter(|(_, c)| Some(**c) == community)
        .map(|(code, _)| base.name(code))
        .collect();
    let official: Vec<&str> = base.members.iter().map(|m| base.name(&m.code)).collect();
    Ok(compare(&names, &official)?)
}

/// The largest city of the cluster.
pub(crate) fn core(base: &Base) -> String {
    let persons = |code: &str| base.world.masses.values.get(code).copied().unwrap_or(0.0);
    let largest = (base.members.iter()).max_by(|a, b| {
        persons(&a.code)
            .total_cmp(&persons(&b.code))
            .then(b.code.cmp(&a.code))
    });
    largest.map_or_else(String::new, |m| m.code.clone())
}

fn named(base: &Base, codes: &[String], groups: &[Vec<usize>]) -> Vec<Vec<String>> {
    let mut named: Vec<Vec<String>> = (groups.iter())
        .map(|group| {
            (group.iter())
                .map(|at| base.name(&codes[*at]).to_owned())
                .collect()
        })
        .collect();
    named.sort_by_key(|group: &Vec<String>| std::cmp::Reverse(group.len()));
    named
}

/// Numbers from 0 for texts, equal ones the same.
fn numbered<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<usize> {
    let mut seen: Vec<&str> = Vec::new();
    texts
        .map(|text| {
            seen.iter().position(|s| *s == text).unwrap_or_else(|| {
                seen.push(text);
                seen.len() - 1
            })
        })
        .collect()
}
