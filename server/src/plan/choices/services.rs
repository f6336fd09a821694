//! Where to place shared services.

use conurb_region::location::{MedianOptions, Sites, max_cover, p_centre, p_median};
use serde::{Deserialize, Serialize};

use super::{Base, Choice, Cities, detail, listed, proof, words};
use crate::fail::Failure;

/// `[choose.services]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServiceChoice {
    /// What is placed, e.g. `children's hospital`.
    pub(crate) what: String,
    /// How many.
    pub(crate) sites: usize,
    /// What counts.
    #[serde(default)]
    pub(crate) aim: Aim,
    /// How far is near enough, min; for `cover`.
    #[serde(default = "hour")]
    pub(crate) within_min: f64,
    /// Seed of random starts.
    #[serde(default)]
    pub(crate) seed: u64,
}

const fn hour() -> f64 {
    60.0
}

/// What a choice of places is to achieve.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Aim {
    /// Least minutes of a person on average.
    #[default]
    Median,
    /// Least minutes of the city served worst.
    Centre,
    /// Most people near enough.
    Cover,
}

/// Computes the recommendation.
pub(super) fn choose(base: &Base, ask: &ServiceChoice) -> Result<Choice, Failure> {
    let cities = Cities::of(base)?;
    let n = cities.names.len();
    let mut minutes = cities.minutes.clone();
    (0..n).for_each(|i| minutes[i * n + i] = 0.0);
    let sites = Sites::new(minutes.clone(), cities.mass.clone())?;
    let options = MedianOptions {
        seed: ask.seed,
        ..MedianOptions::default()
    };
    let (plan, formula, citation) = match ask.aim {
        Aim::Median => (
            p_median(&sites, ask.sites, options)?,
            "min sum_i m_i min_{j open} t_ij, p open",
            "Hakimi 1964; Teitz and Bart 1968",
        ),
        Aim::Centre => (
            p_centre(&sites, ask.sites)?,
            "min max_i min_{j open} t_ij, p open",
            "Hakimi 1964",
        ),
        Aim::Cover => (
            max_cover(&sites, ask.sites, ask.within_min, options)?,
            "max sum_i m_i [min_{j open} t_ij <= r], p open",
            "Church and ReVelle 1974",
        ),
    };
    let to_nearest = |i: usize| {
        let reach = plan.open.iter().map(|j| minutes[i * n + j]);
        reach.fold(f64::INFINITY, f64::min)
    };
    let far: Vec<f64> = (0..n).map(to_nearest).collect();
    let persons: f64 = cities.mass.iter().sum();
    let mean = cities
        .mass
        .iter()
        .zip(&far)
        .map(|(m, t)| m * t)
        .sum::<f64>()
        / persons;
    let near = (cities.mass.iter().zip(&far)).filter(|(_, t)| **t <= ask.within_min);
    let covered = 100.0 * near.map(|(m, _)| m).sum::<f64>() / persons;
    let mut worst: Vec<usize> = (0..n).filter(|i| far[*i] > ask.within_min).collect();
    worst.sort_by(|a, b| far[*b].total_cmp(&far[*a]).then(a.cmp(b)));
    let worst: Vec<String> = (worst.iter().take(8))
        .map(|i| format!("{} {:.0} min", cities.names[*i], far[*i]))
        .collect();
    let open: Vec<String> = plan.open.iter().map(|i| cities.names[*i].clone()).collect();
    let within = ask.within_min;
    let sure = proof(&plan.certificate);
    Ok(Choice {
        id: "services",
        title: words(
            format!("{}：设在 {}", ask.what, listed(&open, "、")),
            format!("{}: place in {}", ask.what, listed(&open, ", ")),
        ),
        losers: words(
            format!("超过 {within:.0} 分钟的城市：{}", listed(&worst, "、")),
            format!("farther than {within:.0} min: {}", listed(&worst, ", ")),
        ),
        effect: words(
            format!("人均 {mean:.1} 分钟；{covered:.1} % 的人口在 {within:.0} 分钟内"),
            format!("{mean:.1} min a person; {covered:.1} % of people within {within:.0} min"),
        ),
        cost: words(
            format!("{} 处；造价没有来源，不予计算", open.len()),
            format!("{} places; money: no source, not computed", open.len()),
        ),
        confidence: words(
            format!("{}；时刻表当日最快，无车时按道路估计", sure.zh),
            format!(
                "{}; fastest journey of the day, the road where that is quicker",
                sure.en
            ),
        ),
        formula,
        citation,
        detail: detail(&plan)?,
    })
}
