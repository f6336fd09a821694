//! Functional urban areas from cities and the flows towards them, break points and hinterlands, and
//! the comparison of any delineation with an official list.
//!
//! Sources: Dijkstra, Poelman and Veneri 2019 (the EU-OECD definition of a functional urban area);
//! Reilly 1931 and Converse 1949 (break point). Only counted commuters make a functional urban area;
//! whatever stands in for them is a *proxy*, and the type of the result says so.

use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;

use conurb_geo::great_circle_km;
use serde::{Serialize, Serializer};

use crate::RegionError;

/// Flows are counted commuters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commuters;

/// Flows are a proxy for commuters: migration shares, radiation flows, travel times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proxy;

/// What flows are: [`Commuters`] or [`Proxy`].
pub trait Basis {
    /// The word every result carries.
    const WORD: &'static str;
}

impl Basis for Commuters {
    const WORD: &'static str = "commuters";
}

impl Basis for Proxy {
    const WORD: &'static str = "proxy";
}

/// Ties from units to units.
#[derive(Debug, Clone, PartialEq)]
pub struct Flows<B> {
    units: usize,
    ties: Ties,
    label: String,
    basis: PhantomData<B>,
}

#[derive(Debug, Clone, PartialEq)]
enum Ties {
    /// Persons by origin and destination, and the working residents of each origin.
    Counts(BTreeMap<(usize, usize), f64>, Vec<f64>),
    /// Minutes, row by row, and the limit.
    Minutes(Vec<f64>, f64),
}

impl Flows<Commuters> {
    /// Counted commuters (from, to, persons) and the employed residents of each unit.
    ///
    /// # Errors
    /// [`RegionError::Option`] for units that are not there, negative flows, or more commuters than
    /// residents.
    pub fn commuters(
        flows: &[(usize, usize, f64)],
        residents: &[f64],
    ) -> Result<Self, RegionError> {
        Self::shares("commuters".to_owned(), flows, residents)
    }
}

impl Flows<Proxy> {
    /// Flows that stand in for commuters, e.g. `migration 2015-2020` or `radiation model`.
    ///
    /// # Errors
    /// As [`Flows::commuters`].
    pub fn proxy(
        what: &str,
        flows: &[(usize, usize, f64)],
        residents: &[f64],
    ) -> Result<Self, RegionError> {
        Self::shares(format!("proxy: {what}"), flows, residents)
    }

    /// Travel times that stand in for commuters: a unit belongs to the nearest city within the
    /// limit. `minutes` is a square matrix, row by row; `NaN` = not reached.
    ///
    /// # Errors
    /// [`RegionError::Shape`], [`RegionError::Option`] for a limit that is not positive.
    pub fn within_minutes(
        units: usize,
        minutes: Vec<f64>,
        limit_min: f64,
    ) -> Result<Self, RegionError> {
        RegionError::same_len("travel times", units * units, minutes.len())?;
        if !(limit_min.is_finite() && limit_min > 0.0) {
            return Err(RegionError::option("limit of minutes", "must be positive"));
        }
        Ok(Self {
            units,
            ties: Ties::Minutes(minutes, limit_min),
            label: format!("proxy: at most {limit_min} minutes"),
            basis: PhantomData,
        })
    }
}

impl<B: Basis> Flows<B> {
    fn shares(
        label: String,
        flows: &[(usize, usize, f64)],
        residents: &[f64],
    ) -> Result<Self, RegionError> {
        let mut table = BTreeMap::new();
        let mut out = vec![0.0; residents.len()];
        for &(from, to, persons) in flows {
            if from.max(to) >= residents.len() || !(persons.is_finite() && persons >= 0.0) {
                return Err(RegionError::option(
                    "flows",
                    format!("{from} to {to}: {persons} persons cannot be"),
                ));
            }
            out[from] += persons;
            *table.entry((from, to)).or_insert(0.0) += persons;
        }
        if let Some(unit) = (0..out.len()).find(|&u| out[u] > residents[u] * (1.0 + 1e-9)) {
            return Err(RegionError::option(
                "flows",
                format!(
                    "{} leave unit {unit} of {} residents",
                    out[unit], residents[unit]
                ),
            ));
        }
        Ok(Self {
            units: residents.len(),
            ties: Ties::Counts(table, residents.to_vec()),
            label,
            basis: PhantomData,
        })
    }

    /// Share of the workers of some units who work in a city; `None` without workers or counts.
    fn share(&self, of: &[usize], city: &[usize]) -> Option<f64> {
        let Ties::Counts(table, residents) = &self.ties else {
            return None;
        };
        let workers: f64 = of.iter().map(|&u| residents[u]).sum();
        let commuters: f64 = of
            .iter()
            .flat_map(|&u| city.iter().filter_map(move |&c| table.get(&(u, c))))
            .sum();
        (workers > 0.0).then(|| commuters / workers)
    }

    /// How strongly a unit is tied to a city, if the tie makes it part of the zone.
    fn tie(&self, unit: usize, city: &[usize], share_min: f64) -> Option<f64> {
        match &self.ties {
            Ties::Counts(..) => self.share(&[unit], city).filter(|s| *s >= share_min),
            Ties::Minutes(minutes, limit) => city
                .iter()
                .map(|&c| minutes[unit * self.units + c])
                .filter(|m| m <= limit)
                .min_by(f64::total_cmp)
                .map(|m| -m),
        }
    }
}

/// A unit (municipality, county) of a delineation.
#[derive(Debug, Clone, PartialEq)]
pub struct AreaUnit {
    /// Name or code.
    pub name: String,
    /// Persons.
    pub pop_persons: f64,
    /// Persons in each urban centre, by the centre's number.
    pub in_centres: BTreeMap<u32, f64>,
}

/// Thresholds of the definition.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct AreaRules {
    /// Share of a unit's population in one urban centre that makes it part of the city (at least).
    pub city_share_min: f64,
    /// Share of workers that joins two cities (more than).
    pub join_share_above: f64,
    /// Share of workers that makes a unit part of the commuting zone (at least).
    pub zone_share_min: f64,
}

impl Default for AreaRules {
    fn default() -> Self {
        Self {
            city_share_min: 0.5,
            join_share_above: 0.15,
            zone_share_min: 0.15,
        }
    }
}

/// One functional urban area; units by index.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Area {
    /// Urban centres of its city.
    pub centres: Vec<u32>,
    /// Units of the city.
    pub city: Vec<usize>,
    /// Units of the commuting zone, enclaves included.
    pub zone: Vec<usize>,
    /// Persons in city and zone.
    pub pop_persons: f64,
}

/// All functional urban areas; `B` says whether they rest on commuters or on a proxy.
#[derive(Debug, Clone, PartialEq)]
pub struct Areas<B> {
    /// The areas, by lowest urban centre.
    pub areas: Vec<Area>,
    /// Units within reach that were left out because they do not touch their area.
    pub exclaves: Vec<usize>,
    /// Units added because one area surrounds them.
    pub enclaves: Vec<usize>,
    /// The flow, e.g. `proxy: at most 60 minutes`.
    pub flow: String,
    basis: PhantomData<B>,
}

impl<B: Basis> Serialize for Areas<B> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Plain<'a> {
            basis: &'static str,
            flow: &'a str,
            areas: &'a [Area],
            exclaves: &'a [usize],
            enclaves: &'a [usize],
        }
        Plain {
            basis: B::WORD,
            flow: &self.flow,
            areas: &self.areas,
            exclaves: &self.exclaves,
            enclaves: &self.enclaves,
        }
        .serialize(serializer)
    }
}

/// Delineates functional urban areas. `neighbours` lists the units that border each unit.
///
/// # Errors
/// [`RegionError::Shape`] for lists of other lengths; [`RegionError::Option`] for neighbours that
/// are not there, shares outside 0..=1, and units without population in a centre's city.
pub fn functional_areas<B: Basis>(
    units: &[AreaUnit],
    flows: &Flows<B>,
    neighbours: &[Vec<usize>],
    rules: &AreaRules,
) -> Result<Areas<B>, RegionError> {
    check(units, flows.units, neighbours, rules)?;
    let cities = joined(cities(units, rules), flows, rules);
    let mut owner: Vec<Option<usize>> = vec![None; units.len()];
    for (a, (_, city)) in cities.iter().enumerate() {
        city.iter().for_each(|&u| owner[u] = Some(a));
    }
    let in_city = owner.clone();
    for unit in (0..units.len()).filter(|&u| in_city[u].is_none()) {
        let mut best: Option<(f64, usize)> = None;
        for (a, (_, city)) in cities.iter().enumerate() {
            if let Some(tie) = flows.tie(unit, city, rules.zone_share_min)
                && best.is_none_or(|(known, _)| tie > known)
            {
                best = Some((tie, a));
            }
        }
        owner[unit] = best.map(|(_, a)| a);
    }
    let exclaves = drop_exclaves(&mut owner, &in_city, neighbours);
    let enclaves = add_enclaves(&mut owner, neighbours);
    let areas = cities
        .into_iter()
        .enumerate()
        .map(|(a, (centres, city))| {
            let all: Vec<usize> = (0..units.len()).filter(|&u| owner[u] == Some(a)).collect();
            Area {
                centres,
                pop_persons: all.iter().map(|&u| units[u].pop_persons).sum(),
                zone: all.into_iter().filter(|&u| in_city[u].is_none()).collect(),
                city,
            }
        })
        .collect();
    Ok(Areas {
        areas,
        exclaves,
        enclaves,
        flow: flows.label.clone(),
        basis: PhantomData,
    })
}

fn check(
    units: &[AreaUnit],
    flow_units: usize,
    neighbours: &[Vec<usize>],
    rules: &AreaRules,
) -> Result<(), RegionError> {
    RegionError::same_len("units of the flows", units.len(), flow_units)?;
    RegionError::same_len("neighbours of units", units.len(), neighbours.len())?;
    if neighbours.iter().flatten().any(|&u| u >= units.len()) {
        return Err(RegionError::option(
            "neighbours",
            "name a unit that is not there",
        ));
    }
    for share in [
        rules.city_share_min,
        rules.join_share_above,
        rules.zone_share_min,
    ] {
        if share.is_nan() || share <= 0.0 || share > 1.0 {
            return Err(RegionError::option(
                "share",
                format!("{share} lies outside 0 to 1"),
            ));
        }
    }
    let empty = |u: &&AreaUnit| u.pop_persons.is_nan() || u.pop_persons <= 0.0;
    units.iter().find(empty).map_or(Ok(()), |u| {
        Err(RegionError::option(
            "population",
            format!("of {} is not positive", u.name),
        ))
    })
}

/// Centres of a city and its units.
type City = (Vec<u32>, Vec<usize>);

/// The city of each urban centre: the units with enough of their population in it.
fn cities(units: &[AreaUnit], rules: &AreaRules) -> Vec<City> {
    let mut cities: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (u, unit) in units.iter().enumerate() {
        let most = unit
            .in_centres
            .iter()
            .fold(None, |best: Option<(u32, f64)>, (&c, &p)| {
                if best.is_none_or(|(_, known)| p > known) {
                    Some((c, p))
                } else {
                    best
                }
            });
        if let Some((centre, persons)) = most
            && persons >= rules.city_share_min * unit.pop_persons
        {
            cities.entry(centre).or_default().push(u);
        }
    }
    cities
        .into_iter()
        .map(|(c, units)| (vec![c], units))
        .collect()
}

/// Joins cities of which one sends more than the threshold to the other.
fn joined<B: Basis>(cities: Vec<City>, flows: &Flows<B>, rules: &AreaRules) -> Vec<City> {
    let mut group: Vec<usize> = (0..cities.len()).collect();
    let tied = |from: &City, to: &City| {
        let share = flows.share(&from.1, &to.1);
        share.is_some_and(|s| s > rules.join_share_above)
    };
    for a in 0..cities.len() {
        for b in 0..cities.len() {
            if a != b && tied(&cities[a], &cities[b]) {
                let (x, y) = (group[a].min(group[b]), group[a].max(group[b]));
                group.iter_mut().filter(|g| **g == y).for_each(|g| *g = x);
            }
        }
    }
    let mut joined: BTreeMap<usize, City> = BTreeMap::new();
    for (city, g) in cities.into_iter().zip(group) {
        let entry = joined.entry(g).or_default();
        entry.0.extend(city.0);
        entry.1.extend(city.1);
    }
    joined
        .into_values()
        .map(|(c, mut u)| {
            u.sort_unstable();
            (c, u)
        })
        .collect()
}

/// Takes units out of a zone that no chain of bordering units of it joins to the city.
fn drop_exclaves(
    owner: &mut [Option<usize>],
    in_city: &[Option<usize>],
    neighbours: &[Vec<usize>],
) -> Vec<usize> {
    let mut reached: Vec<bool> = in_city.iter().map(Option::is_some).collect();
    let mut front: Vec<usize> = (0..owner.len()).filter(|&u| reached[u]).collect();
    while let Some(unit) = front.pop() {
        for &near in &neighbours[unit] {
            if owner[near] == owner[unit] && !reached[near] {
                reached[near] = true;
                front.push(near);
            }
        }
    }
    let out: Vec<usize> = (0..owner.len())
        .filter(|&u| owner[u].is_some() && !reached[u])
        .collect();
    out.iter().for_each(|&u| owner[u] = None);
    out
}

/// Adds groups of free units whose every neighbour belongs to one area.
fn add_enclaves(owner: &mut [Option<usize>], neighbours: &[Vec<usize>]) -> Vec<usize> {
    let mut seen = vec![false; owner.len()];
    let mut added = Vec::new();
    for start in 0..owner.len() {
        if seen[start] || owner[start].is_some() {
            continue;
        }
        let mut group = vec![start];
        seen[start] = true;
        let mut around = BTreeSet::new();
        let mut done = 0;
        while done < group.len() {
            for &near in &neighbours[group[done]] {
                match owner[near] {
                    Some(area) => {
                        around.insert(area);
                    }
                    None if !seen[near] => {
                        seen[near] = true;
                        group.push(near);
                    }
                    None => {}
                }
            }
            done += 1;
        }
        if around.len() == 1 {
            let area = around.first().copied();
            group.iter().for_each(|&u| owner[u] = area);
            added.extend(group);
        }
    }
    added.sort_unstable();
    added
}

/// Distance of the break point from A on the way to B: d / (1 + sqrt(M_B / M_A)), in units of d.
///
/// # Errors
/// [`RegionError::Option`] for a distance or mass that is not positive.
pub fn break_point(distance: f64, mass_a: f64, mass_b: f64) -> Result<f64, RegionError> {
    for (what, value) in [("distance", distance), ("mass", mass_a), ("mass", mass_b)] {
        if !(value.is_finite() && value > 0.0) {
            return Err(RegionError::option(
                what,
                format!("{value} is not positive"),
            ));
        }
    }
    Ok(distance / (1.0 + (mass_b / mass_a).sqrt()))
}

/// The centre each point belongs to: that of the least great circle over the square root of mass,
/// the first of equals, so that borders pass through the break points. Positions are (latitude,
/// longitude) in degrees.
///
/// # Errors
/// [`RegionError::Option`] without centres or with a mass that is not positive.
pub fn hinterlands(
    points: &[(f64, f64)],
    centres: &[((f64, f64), f64)],
) -> Result<Vec<usize>, RegionError> {
    if centres.is_empty() {
        return Err(RegionError::option("centres", "there are none"));
    }
    if let Some(i) = centres
        .iter()
        .position(|(_, m)| !(m.is_finite() && *m > 0.0))
    {
        return Err(RegionError::option(
            "mass",
            format!("of centre {i} is not positive"),
        ));
    }
    let pull = |point: (f64, f64), (place, mass): ((f64, f64), f64)| {
        great_circle_km(point, place) / mass.sqrt()
    };
    Ok(points
        .iter()
        .map(|&p| {
            (1..centres.len()).fold(0, |best, c| {
                if pull(p, centres[c]) < pull(p, centres[best]) {
                    c
                } else {
                    best
                }
            })
        })
        .collect())
}

/// A delineation beside an official list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Members of both over members of either.
    pub jaccard: f64,
    /// The delineation, sorted.
    pub found: Vec<String>,
    /// The official list, sorted.
    pub official: Vec<String>,
    /// In the delineation only.
    pub only_found: Vec<String>,
    /// In the official list only.
    pub only_official: Vec<String>,
}

/// Compares two lists of names or codes; both are returned.
///
/// # Errors
/// [`RegionError::Option`] when both are empty.
pub fn compare(found: &[&str], official: &[&str]) -> Result<Comparison, RegionError> {
    let (found, official): (BTreeSet<&str>, BTreeSet<&str>) = (
        found.iter().copied().collect(),
        official.iter().copied().collect(),
    );
    let either = found.union(&official).count();
    if either == 0 {
        return Err(RegionError::option("lists", "are both empty"));
    }
    let list = |names: Vec<&&str>| names.into_iter().map(|n| (*n).to_owned()).collect();
    Ok(Comparison {
        jaccard: found.intersection(&official).count() as f64 / either as f64,
        found: list(found.iter().collect()),
        official: list(official.iter().collect()),
        only_found: list(found.difference(&official).collect()),
        only_official: list(official.difference(&found).collect()),
    })
}
