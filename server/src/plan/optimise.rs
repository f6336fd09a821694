//! Optimise: what each corridor of the national plan, or a scenario of edits, changes.

use std::path::Path;

use conurb_region::facts::{self, Corridor, PartKind};
use conurb_transit::scenario::{
    Change, CorridorCity, DiffReport, Edit, Evaluation, Measure, Question, RunModel, Scenario,
    compare, corridor_edits, run_models,
};
use indicatif::ProgressBar;
use serde::Serialize;

use super::base::{BASIS, Base};
use super::choices::{Choice, choose};
use super::define::core;
use super::project::Project;
use crate::fail::{Failure, io};

/// What the step found.
#[derive(Debug, Serialize)]
pub(crate) struct Optimised {
    /// The measure, and over which cities.
    pub(crate) question: Question,
    /// One corridor each, the greatest gain of secondary cities first.
    pub(crate) corridors: Vec<CorridorEffect>,
    /// What is assumed about every new leg.
    pub(crate) run_model: RunModel,
    /// What else was decided: lines, services, industry, shares.
    pub(crate) choices: Vec<Choice>,
}

/// What one corridor changes.
#[derive(Debug, Serialize)]
pub(crate) struct CorridorEffect {
    /// `V1` to `V8`, `H1` to `H8`.
    pub(crate) id: String,
    /// Name.
    pub(crate) name_zh: String,
    /// Name.
    pub(crate) name_en: String,
    /// Legs that no direct train served both ways.
    pub(crate) new_legs: usize,
    /// Their great circles together, km.
    pub(crate) new_km: f64,
    /// Cities of the plan that the census has no boundary of: left out.
    pub(crate) left_out: Vec<String>,
    /// Mean WATT of the cluster's cities before and after, min.
    pub(crate) mean_before_min: Option<f64>,
    /// After.
    pub(crate) mean_after_min: Option<f64>,
    /// Mean change of the secondary cities that had a value before, min.
    pub(crate) secondary_change_min: Option<f64>,
    /// Secondary cities connected for the first time.
    pub(crate) connected: Vec<String>,
    /// Losers, winners and pairs.
    pub(crate) report: DiffReport,
}

/// Computes the step.
pub(crate) fn optimise(
    project: &Project,
    base: &Base,
    bar: &ProgressBar,
) -> Result<Optimised, Failure> {
    let question = question(project, base);
    let (_, models) = run_models()?;
    let model = (models.iter())
        .find(|m| m.name == project.optimise.run_model)
        .ok_or_else(|| {
            let known: Vec<&str> = models.iter().map(|m| m.name.as_str()).collect();
            Failure::plain(
                format!(
                    "optimise.run_model \"{}\" is not known",
                    project.optimise.run_model
                ),
                Some(&format!("choose one of {}", known.join(", "))),
            )
        })?;
    let chosen = chosen(project)?;
    bar.set_length(chosen.len() as u64 + 1);
    let before = base.evaluation()?;
    bar.inc(1);
    let mut corridors = Vec::with_capacity(chosen.len());
    for corridor in &chosen {
        bar.set_message(corridor.id.clone());
        corridors.push(effect(project, base, before, &question, model, corridor)?);
        bar.inc(1);
    }
    let gain = |c: &CorridorEffect| {
        let change = c.secondary_change_min.unwrap_or(0.0);
        (std::cmp::Reverse(c.connected.len()), change)
    };
    corridors.sort_by(|a, b| {
        let (a, b) = ((gain(a), &a.id), (gain(b), &b.id));
        a.0.0
            .cmp(&b.0.0)
            .then(a.0.1.total_cmp(&b.0.1))
            .then(a.1.cmp(b.1))
    });
    Ok(Optimised {
        question,
        corridors,
        run_model: model.clone(),
        choices: choose(project, base)?,
    })
}

/// Compares a scenario of the user's with the base.
pub(crate) fn compare_file(
    project: &Project,
    base: &Base,
    file: &Path,
) -> Result<DiffReport, Failure> {
    let text = std::fs::read_to_string(file).map_err(|e| io(file, "cannot read", &e))?;
    let name = file.display().to_string();
    let has = |key: &str| text.lines().any(|l| l.trim_start().starts_with(key));
    let mut head = String::new();
    if !has("name") {
        head.push_str("name = \"scenario\"\n");
    }
    if !has("base") {
        head.push_str(&format!("base = \"{}\"\n", base.world.hash()));
    }
    let text = head + &text;
    let scenario = Scenario::from_toml(&name, &text)?;
    let question = question(project, base);
    let before = base.evaluation()?;
    let world = scenario.apply(&base.world)?;
    let after = Evaluation::new(&world, question.basis)?;
    Ok(compare((&base.world, before), (&world, &after), &question)?)
}

fn question(project: &Project, base: &Base) -> Question {
    Question {
        measure: Measure::Watt,
        basis: BASIS,
        label: format!(
            "{} cities of {}",
            base.members.len(),
            project.define.cluster
        ),
        cities: base.codes(),
    }
}

fn chosen(project: &Project) -> Result<Vec<Corridor>, Failure> {
    let all = facts::corridors();
    let wanted = &project.optimise.corridors;
    if wanted.iter().any(|w| w == "all") {
        return Ok(all);
    }
    let known = |id: &str| all.iter().find(|c| c.id == *id).cloned();
    (wanted.iter())
        .map(|id| {
            known(id).ok_or_else(|| {
                Failure::plain(
                    format!("optimise.corridors names \"{id}\""),
                    Some("write V1 to V8, H1 to H8, or all"),
                )
            })
        })
        .collect()
}

fn effect(
    project: &Project,
    base: &Base,
    before: &Evaluation,
    question: &Question,
    model: &RunModel,
    corridor: &Corridor,
) -> Result<CorridorEffect, Failure> {
    let (mut edits, mut left_out): (Vec<Edit>, Vec<String>) = (Vec::new(), Vec::new());
    for part in &corridor.parts {
        // Where an alternative end or way joins is not stated in the plan.
        if matches!(
            part.kind,
            PartKind::AlternativeEnd | PartKind::AlternativeVia
        ) {
            continue;
        }
        let cities = cities(project, base, &part.cities_zh, &mut left_out);
        if cities.len() < 2 {
            continue;
        }
        let service = &project.optimise.service;
        for edit in corridor_edits(&base.world, &corridor.id, &cities, model, service)? {
            if !edits.contains(&edit) {
                edits.push(edit);
            }
        }
    }
    let new_legs = (edits.iter())
        .filter(|e| matches!(e, Edit::AddLine { .. }))
        .count();
    let new_km = (edits.iter())
        .map(|e| leg_km(e, model))
        .fold(0.0, |a, b| a + b);
    let mut scenario = Scenario::new(&corridor.id, &base.world);
    scenario.edits = edits;
    let world = scenario.apply(&base.world)?;
    let after = Evaluation::new(&world, question.basis)?;
    let report = compare((&base.world, before), (&world, &after), question)?;
    let core = core(base);
    let secondary = |c: &&Change| c.city != core;
    let changes = || {
        (report.losers.iter())
            .chain(&report.winners)
            .chain(&report.unchanged)
            .filter(secondary)
    };
    let moved: Vec<f64> = changes().filter_map(|c| c.change).collect();
    #[allow(clippy::cast_precision_loss)] // dozens
    let secondary_change_min =
        (!moved.is_empty()).then(|| moved.iter().sum::<f64>() / moved.len() as f64);
    let connected = changes()
        .filter(|c| c.before.is_none() && c.after.is_some())
        .map(|c| base.name(&c.city).to_owned())
        .collect();
    left_out.sort_unstable();
    left_out.dedup();
    Ok(CorridorEffect {
        id: corridor.id.clone(),
        name_zh: corridor.name_zh.clone(),
        name_en: corridor.name_en.clone(),
        new_legs,
        new_km,
        left_out,
        mean_before_min: report.before.mean,
        mean_after_min: report.after.mean,
        secondary_change_min,
        connected,
        report,
    })
}

/// The cities of a part that have a boundary, in order.
fn cities(
    project: &Project,
    base: &Base,
    names: &[String],
    left_out: &mut Vec<String>,
) -> Vec<CorridorCity> {
    let mut found = Vec::new();
    for name in names {
        let code = base.code_of(name);
        let Some((code, lat_lon)) = code.and_then(|c| Some((c, base.centre(c)?))) else {
            left_out.push(name.clone());
            continue;
        };
        found.push(CorridorCity {
            code: code.to_owned(),
            name: name.clone(),
            lat_lon,
            access_min: project.optimise.access_min,
        });
    }
    found
}

/// Great circle of a new leg, from its run minutes.
fn leg_km(edit: &Edit, model: &RunModel) -> f64 {
    match edit {
        Edit::AddLine { line } => (line.run_min.iter())
            .map(|min| (min - model.start_min) / model.min_per_km)
            .sum(),
        _ => 0.0,
    }
}
