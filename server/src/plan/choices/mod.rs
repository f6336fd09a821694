//! Optional decisions of a plan: lines under a budget, places of services, industry, shares of a
//! joint cost. Each becomes a recommendation that names its losers first.

mod industry;
mod lines;
mod services;
mod sharing;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::base::Base;
use super::project::Project;
use crate::fail::Failure;

pub(crate) use industry::IndustryChoice;
pub(crate) use lines::LineChoice;
pub(crate) use services::ServiceChoice;
pub(crate) use sharing::SharingChoice;

/// A text in both languages of the report.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Words {
    /// Chinese.
    pub(crate) zh: String,
    /// English.
    pub(crate) en: String,
}

/// Both languages of one text.
fn words(zh: impl Into<String>, en: impl Into<String>) -> Words {
    Words {
        zh: zh.into(),
        en: en.into(),
    }
}

/// A recommendation.
#[derive(Debug, Serialize)]
pub(crate) struct Choice {
    /// `lines`, `services`, `industry` or `sharing`.
    pub(crate) id: &'static str,
    /// What is recommended.
    pub(crate) title: Words,
    /// Who loses by it.
    pub(crate) losers: Words,
    /// What it changes.
    pub(crate) effect: Words,
    /// What it costs.
    pub(crate) cost: Words,
    /// How sure that is.
    pub(crate) confidence: Words,
    /// The formula.
    pub(crate) formula: &'static str,
    /// Whose it is.
    pub(crate) citation: &'static str,
    /// The model's own result.
    pub(crate) detail: Value,
}

/// What `[choose]` of a project file may ask for; nothing by default.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Choose {
    /// Which lines under a budget.
    #[serde(default)]
    pub(crate) lines: Option<LineChoice>,
    /// Where to place shared services.
    #[serde(default)]
    pub(crate) services: Option<ServiceChoice>,
    /// Which redundant industry to move.
    #[serde(default)]
    pub(crate) industry: Option<IndustryChoice>,
    /// How to share the cost of cleaning a river.
    #[serde(default)]
    pub(crate) sharing: Option<SharingChoice>,
}

/// Computes what is asked for.
pub(crate) fn choose(project: &Project, base: &Base) -> Result<Vec<Choice>, Failure> {
    let asked = &project.choose;
    let mut made = Vec::new();
    if let Some(ask) = &asked.lines {
        made.push(lines::choose(project, base, ask)?);
    }
    if let Some(ask) = &asked.services {
        made.push(services::choose(base, ask)?);
    }
    if let Some(ask) = &asked.industry {
        made.push(industry::choose(project, base, ask)?);
    }
    if let Some(ask) = &asked.sharing {
        made.push(sharing::choose(ask)?);
    }
    Ok(made)
}

/// The cluster's cities with a centre and a mass.
struct Cities {
    names: Vec<String>,
    mass: Vec<f64>,
    /// Great circles between centres, km.
    distance_km: Vec<f64>,
    /// The quicker of today's fastest journey and the road, min.
    minutes: Vec<f64>,
}

/// Speed of rail where a model needs one, km/h; off it a third (He et al. 2024).
const RAIL_KM_H: f64 = 250.0;

impl Cities {
    fn of(base: &Base) -> Result<Self, Failure> {
        let times = &base.evaluation()?.times;
        let (mut codes, mut centres) = (Vec::new(), Vec::new());
        for code in base.codes() {
            if let Some(centre) = base.centre(&code) {
                centres.push(centre);
                codes.push(code);
            }
        }
        let n = codes.len();
        let mut distance_km = vec![0.0; n * n];
        for cell in (0..n * n).filter(|c| c / n != c % n) {
            distance_km[cell] = conurb_geo::great_circle_km(centres[cell / n], centres[cell % n]);
        }
        let mut minutes = conurb_region::links::off_network_min(&distance_km, RAIL_KM_H)?;
        let at: Vec<Option<usize>> = codes.iter().map(|c| times.place(c).ok()).collect();
        for cell in 0..n * n {
            let ride = at[cell / n]
                .zip(at[cell % n])
                .and_then(|(a, b)| times.get(a, b));
            if let Some(ride) = ride {
                minutes[cell] = minutes[cell].min(ride);
            }
        }
        let masses = &base.world.masses.values;
        Ok(Self {
            names: codes.iter().map(|c| base.name(c).to_owned()).collect(),
            mass: (codes.iter())
                .map(|c| masses.get(c).copied().unwrap_or(0.0))
                .collect(),
            distance_km,
            minutes,
        })
    }

    /// The place of a city by its Chinese name.
    fn at(&self, name: &str) -> Result<usize, Failure> {
        let found = self.names.iter().position(|n| n == name);
        found.ok_or_else(|| {
            let known = conurb_base::nearest(name, self.names.iter().map(String::as_str));
            let remedy = known.map_or_else(
                || "write a city of the cluster by its Chinese name".to_owned(),
                |known| format!("did you mean \"{known}\"?"),
            );
            let what = format!("\"{name}\" is no city of the cluster with a boundary");
            Failure::plain(what, Some(&remedy))
        })
    }
}

/// How a plan is known to be good, in both languages.
fn proof(certificate: &conurb_region::Certificate) -> Words {
    let gap = 100.0 * certificate.gap;
    if certificate.proved {
        words(
            format!("已证明最优（{}）", certificate.method),
            format!("proved best ({})", certificate.method),
        )
    } else {
        words(
            format!("距界不超过 {gap:.2} %（{}）", certificate.method),
            format!("within {gap:.2} % of the bound ({})", certificate.method),
        )
    }
}

/// The model's own result for the JSON file.
fn detail(found: &impl Serialize) -> Result<Value, Failure> {
    serde_json::to_value(found)
        .map_err(|e| Failure::plain(format!("a result cannot be written as JSON: {e}"), None))
}

/// A list, or a dash.
fn listed(items: &[String], separator: &str) -> String {
    if items.is_empty() {
        "-".to_owned()
    } else {
        items.join(separator)
    }
}
