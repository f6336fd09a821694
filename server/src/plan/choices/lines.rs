//! Which lines under a budget of kilometres.

use conurb_region::links::{Link, LinkProblem, Objective, choose_links, gravity_trips};
use conurb_transit::scenario::{RunModel, run_models};
use serde::{Deserialize, Serialize};

use super::{Base, Choice, Cities, detail, listed, proof, words};
use crate::fail::Failure;
use crate::plan::project::Project;

/// Nodes of the search; deterministic, unlike a limit of time.
const NODES: u64 = 100_000;

/// `[choose.lines]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LineChoice {
    /// Pairs of cities that may be linked.
    pub(crate) candidates: Vec<(String, String)>,
    /// What may be built, km of great circle.
    pub(crate) budget_km: f64,
    /// What counts.
    #[serde(default)]
    pub(crate) objective: Aim,
}

/// What a choice of lines is to achieve.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Aim {
    /// Most access of all.
    #[default]
    Access,
    /// The worst-off city first.
    Worst,
}

/// Computes the recommendation.
pub(super) fn choose(project: &Project, base: &Base, ask: &LineChoice) -> Result<Choice, Failure> {
    let cities = Cities::of(base)?;
    let n = cities.names.len();
    let model = run_model(project)?;
    let links = candidates(&cities, ask, &model)?;
    let trips = gravity_trips(&cities.mass, &cities.distance_km)?;
    let (names, mass) = (cities.names.clone(), cities.mass.clone());
    let minutes = cities.minutes.clone();
    let problem = LinkProblem::new(names, mass, minutes, trips, links, ask.budget_km)?;
    let objective = match ask.objective {
        Aim::Access => Objective::Access,
        Aim::Worst => Objective::Lexicographic,
    };
    let plan = choose_links(&problem, objective, NODES)?;
    let before = access(&cities, &cities.minutes);
    let gain: Vec<f64> = (plan.city_access.iter().zip(&before))
        .map(|(after, before)| 100.0 * (after / before - 1.0))
        .collect();
    let all = |values: &[f64]| -> f64 { cities.mass.iter().zip(values).map(|(m, a)| m * a).sum() };
    let overall = 100.0 * (all(&plan.city_access) / all(&before) - 1.0);
    // More links slow nobody: who loses is who is left behind.
    let behind: Vec<String> = (0..n)
        .filter(|i| gain[*i] < 1e-9)
        .map(|i| cities.names[i].clone())
        .collect();
    let mut best: Vec<usize> = (0..n).collect();
    best.sort_by(|a, b| gain[*b].total_cmp(&gain[*a]).then(a.cmp(b)));
    let best: Vec<String> = (best.iter().take(5))
        .map(|i| format!("{} {:+.1} %", cities.names[*i], gain[*i]))
        .collect();
    let built: Vec<String> = (plan.links.iter())
        .map(|l| problem.links()[*l].name.clone())
        .collect();
    let sure = proof(&plan.certificate);
    Ok(Choice {
        id: "lines",
        title: words(
            format!(
                "在 {:.0} 公里内修建：{}",
                ask.budget_km,
                listed(&built, "、")
            ),
            format!(
                "Build within {:.0} km: {}",
                ask.budget_km,
                listed(&built, ", ")
            ),
        ),
        losers: words(
            format!("没有城市变慢；没有改善的：{}", listed(&behind, "、")),
            format!(
                "no city gets slower; left behind: {}",
                listed(&behind, ", ")
            ),
        ),
        effect: words(
            format!("总可达性 {overall:+.2} %；{}", best.join("、")),
            format!("access of all {overall:+.2} %; {}", best.join(", ")),
        ),
        cost: words(
            format!("{:.0} 公里（大圆）；造价没有来源，不予计算", plan.cost),
            format!(
                "{:.0} km of great circle; money: no source, not computed",
                plan.cost
            ),
        ),
        confidence: words(
            format!(
                "{}；运行时间为假设：{} + {} x 公里",
                sure.zh, model.start_min, model.min_per_km
            ),
            format!(
                "{}; run minutes assumed: {} + {} x km",
                sure.en, model.start_min, model.min_per_km
            ),
        ),
        formula: "max sum_i m_i A_i, A_i = sum_j m_j / t_ij, cost <= B; off rail a third of 250 km/h",
        citation: "He, Botan, Lang, Saffidine, Sikora and Workman 2024, arXiv 2409.02152",
        detail: detail(&plan)?,
    })
}

/// Which model gives the run minutes.
fn run_model(project: &Project) -> Result<RunModel, Failure> {
    let wanted = &project.optimise.run_model;
    let (_, models) = run_models()?;
    let found = models.into_iter().find(|m| m.name == *wanted);
    found.ok_or_else(|| {
        Failure::plain(
            format!("optimise.run_model \"{wanted}\" is not known"),
            None,
        )
    })
}

/// The candidates as links that cost their kilometres.
fn candidates(cities: &Cities, ask: &LineChoice, model: &RunModel) -> Result<Vec<Link>, Failure> {
    let n = cities.names.len();
    let link = |(from, to): &(String, String)| {
        let (a, b) = (cities.at(from)?, cities.at(to)?);
        let km = cities.distance_km[a * n + b];
        Ok(Link {
            name: format!("{from}-{to}"),
            from: a,
            to: b,
            cost: km,
            ride_min: model.start_min + model.min_per_km * km,
        })
    };
    ask.candidates.iter().map(link).collect()
}

/// A_i = sum_j m_j / t_ij over shortest ways, as the model counts it.
fn access(cities: &Cities, minutes: &[f64]) -> Vec<f64> {
    let n = cities.names.len();
    let mut t = minutes.to_vec();
    for k in 0..n {
        for i in 0..n {
            for j in 0..n {
                t[i * n + j] = t[i * n + j].min(t[i * n + k] + t[k * n + j]);
            }
        }
    }
    let of = |i: usize| {
        let others = (0..n).filter(move |j| *j != i);
        others.map(|j| cities.mass[j] / t[i * n + j]).sum()
    };
    (0..n).map(of).collect()
}
