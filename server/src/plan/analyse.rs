//! Analyse: reach, balance, position in the network, secondary cities.

use conurb_region::flows::Square;
use conurb_region::network::{TieCentrality, tie_centrality};
use conurb_region::secondary::{
    Better, Column, Scorecard, Siphon, dependence, scorecard, siphon_watch,
};
use conurb_transit::measures::{
    Ask, Equity, Mass, Own, Targets, TimeMatrix, contour, equity, potential, service_between, watt,
    weighted_mean,
};
use serde::Serialize;

use super::base::Base;
use super::define::core;
use super::project::Project;
use crate::fail::Failure;

/// What the step found.
#[derive(Debug, Serialize)]
pub(crate) struct Analysed {
    /// The destinations every figure is over.
    pub(crate) destinations: String,
    /// The same in Chinese.
    pub(crate) destinations_zh: String,
    /// Served cities, the shortest weighted average travel time first.
    pub(crate) cities: Vec<CityReach>,
    /// Cities of the cluster where no train calls.
    pub(crate) unserved: Vec<String>,
    /// Population-weighted mean of WATT, min.
    pub(crate) watt_mean_min: Option<f64>,
    /// How evenly potential is shared.
    pub(crate) potential_equity: Equity,
    /// Centralities of served cities, in the order of their codes.
    pub(crate) position: TieCentrality,
    /// Their names.
    pub(crate) position_cities: Vec<String>,
    /// Secondary cities: columns with source and rank.
    pub(crate) secondary: Scorecard,
    /// Cities near the core with a falling share.
    pub(crate) siphon: Vec<SiphonRow>,
}

/// Reach of a city.
#[derive(Debug, Serialize)]
pub(crate) struct CityReach {
    /// Code.
    pub(crate) code: String,
    /// Name.
    pub(crate) name: String,
    /// Destinations reached.
    pub(crate) reached: usize,
    /// Destinations without a journey.
    pub(crate) lost: Vec<String>,
    /// Weighted average travel time, min.
    pub(crate) watt_min: Option<f64>,
    /// Persons within each limit, own included.
    pub(crate) within_persons: Vec<Option<f64>>,
    /// Economic potential, persons per minute.
    pub(crate) potential_persons_min: Option<f64>,
}

/// A row of the siphon watch.
#[derive(Debug, Serialize)]
pub(crate) struct SiphonRow {
    /// City.
    pub(crate) name: String,
    /// The finding.
    #[serde(flatten)]
    pub(crate) found: Siphon,
}

/// Computes the step.
pub(crate) fn analyse(project: &Project, base: &Base) -> Result<Analysed, Failure> {
    let evaluation = base.evaluation()?;
    let codes = base.codes();
    let served: Vec<String> = (evaluation.times.places.iter())
        .filter(|p| codes.contains(p))
        .cloned()
        .collect();
    let unserved = (codes.iter())
        .filter(|c| !served.contains(c))
        .map(|c| base.name(c).to_owned())
        .collect();
    let times = evaluation.times.on(&served)?;
    let mass = base.world.masses.of(&served)?;
    let label = format!(
        "the {} of {} cities of {} with a train on {}",
        served.len(),
        codes.len(),
        project.define.cluster,
        project.analyse.day
    );
    let to = Targets::new(&label, 0..served.len())?;
    let ask = Ask {
        times: &times,
        mass: &mass,
        to: &to,
        own: &Own::Out,
    };
    let all: Vec<usize> = (0..served.len()).collect();
    let found_watt = watt(&ask, &all)?;
    let found_potential = potential(&ask, &all, 1.0)?;
    let ties = ties(base, &served)?;
    let (secondary, siphon) = secondary(project, base, &served, &times, &mass, &ties)?;
    let mut analysed = Analysed {
        destinations_zh: format!(
            "{} 的 {} 个城市中 {} 有列车的 {} 个",
            project.define.cluster,
            codes.len(),
            project.analyse.day,
            served.len()
        ),
        destinations: label,
        cities: Vec::new(),
        unserved,
        watt_mean_min: weighted_mean(&found_watt, &mass.values),
        potential_equity: equity(&found_potential, &mass.values)?,
        position: tie_centrality(&ties)?,
        position_cities: served.iter().map(|c| base.name(c).to_owned()).collect(),
        secondary,
        siphon,
    };
    // Daily accessibility counts a city's own people as within reach.
    let own_in = Own::Minutes(vec![0.0; served.len()]);
    let with_own = Ask {
        own: &own_in,
        ..ask
    };
    let contours = (project.analyse.contours_min.iter())
        .map(|limit| contour(&with_own, &all, *limit))
        .collect::<Result<Vec<_>, _>>()?;
    for at in all {
        analysed.cities.push(CityReach {
            code: served[at].clone(),
            name: base.name(&served[at]).to_owned(),
            reached: found_watt[at].reached,
            lost: (found_watt[at].lost.iter())
                .map(|l| base.name(&served[*l]).to_owned())
                .collect(),
            watt_min: found_watt[at].value,
            within_persons: contours.iter().map(|c| c[at].value).collect(),
            potential_persons_min: found_potential[at].value,
        });
    }
    let key = |c: &CityReach| c.watt_min.unwrap_or(f64::INFINITY);
    (analysed.cities).sort_by(|a, b| key(a).total_cmp(&key(b)).then(a.code.cmp(&b.code)));
    Ok(analysed)
}

/// Direct trains between served cities, the mean of both directions.
fn ties(base: &Base, served: &[String]) -> Result<Square, Failure> {
    let places = base.world.places()?;
    let at = |place: usize| served.iter().position(|s| *s == places[place].name);
    let n = served.len();
    let mut trains = vec![0.0; n * n];
    for row in service_between(&base.world.timetable, &places)? {
        if let (Some(i), Some(j)) = (at(row.from), at(row.to)) {
            trains[i * n + j] += f64::from(row.direct_trips) / 2.0;
            trains[j * n + i] += f64::from(row.direct_trips) / 2.0;
        }
    }
    Ok(Square::new("direct trains", n, trains)?)
}

/// The scorecard of all served cities but the core, and the siphon watch.
fn secondary(
    project: &Project,
    base: &Base,
    served: &[String],
    times: &TimeMatrix,
    mass: &Mass,
    ties: &Square,
) -> Result<(Scorecard, Vec<SiphonRow>), Failure> {
    let core_code = core(base);
    let core = served.iter().position(|s| *s == core_code).ok_or_else(|| {
        let city = base.name(&core_code);
        Failure::plain(
            format!("no train calls at {city}, the largest city of the cluster"),
            Some("choose another day, feed or cluster"),
        )
    })?;
    let n = served.len();
    let others: Vec<usize> = (0..n).filter(|i| *i != core).collect();
    let all: Vec<usize> = (0..n).collect();
    let to = Targets::new("all served cities", 0..n)?;
    let ask = Ask {
        times,
        mass,
        to: &to,
        own: &Own::Out,
    };
    let watts = watt(&ask, &all)?;
    let unit = |i: usize| &base.census.units[base.unit_of[&served[i]]];
    let change = |i: usize| {
        let (then, now) = (unit(i).pop_2010_persons?, unit(i).pop_2020_persons?);
        (then > 0.0).then(|| 100.0 * (now / then - 1.0))
    };
    let on_core = dependence(ties, core)?;
    let position = tie_centrality(ties)?;
    let feed = format!("{}, {}", project.analyse.feed_label, project.analyse.day);
    let census = format!("{}, 2010 and 2020", project.define.census_source);
    let column = |name: &str, unit: &str, source: &str, better, values: Vec<Option<f64>>| Column {
        name: name.to_owned(),
        unit: unit.to_owned(),
        source: source.to_owned(),
        better,
        weight: 1.0,
        values,
    };
    let per = |f: &dyn Fn(usize) -> Option<f64>| others.iter().map(|i| f(*i)).collect::<Vec<_>>();
    let name = base.name(&core_code);
    let columns = vec![
        column("WATT", "min", &feed, Better::Low, per(&|i| watts[i].value)),
        column(
            &format!("minutes to {name}"),
            "min",
            &feed,
            Better::Low,
            per(&|i| times.get(i, core)),
        ),
        column(
            &format!("dependence on {name}"),
            "share of direct trains",
            &feed,
            Better::Low,
            per(&|i| on_core[i]),
        ),
        column(
            "alternative power",
            "1",
            &feed,
            Better::High,
            per(&|i| Some(position.alternative_power[i])),
        ),
        column(
            "population change 2010-2020",
            "%",
            &census,
            Better::High,
            per(&change),
        ),
    ];
    let names: Vec<String> = (others.iter())
        .map(|i| base.name(&served[*i]).to_owned())
        .collect();
    let card = scorecard(&names, columns)?;
    let siphon = siphon(base, served, times, core)?;
    Ok((card, siphon))
}

fn siphon(
    base: &Base,
    served: &[String],
    times: &TimeMatrix,
    core: usize,
) -> Result<Vec<SiphonRow>, Failure> {
    let unit = |i: usize| &base.census.units[base.unit_of[&served[i]]];
    let counted: Vec<usize> = (0..served.len())
        .filter(|i| unit(*i).pop_2010_persons.is_some() && unit(*i).pop_2020_persons.is_some())
        .collect();
    let Some(core_at) = counted.iter().position(|i| *i == core) else {
        return Ok(Vec::new());
    };
    let then: Vec<f64> = counted
        .iter()
        .filter_map(|i| unit(*i).pop_2010_persons)
        .collect();
    let now: Vec<f64> = counted
        .iter()
        .filter_map(|i| unit(*i).pop_2020_persons)
        .collect();
    let minutes: Vec<Option<f64>> = counted.iter().map(|i| times.get(*i, core)).collect();
    Ok(siphon_watch(&then, &now, &minutes, core_at, None)?
        .into_iter()
        .map(|found| SiphonRow {
            name: base.name(&served[counted[found.city]]).to_owned(),
            found,
        })
        .collect())
}
