//! `conurb plan` and `conurb cluster`: define -> analyse -> optimise over one project file.

mod analyse;
mod args;
mod base;
mod choices;
mod cluster;
mod define;
mod html;
mod map;
mod optimise;
mod project;
mod report;
mod table;
mod write;

pub(crate) use args::{ClusterArgs, PlanArgs};
pub(crate) use cluster::run as run_cluster;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::fail::Failure;
use crate::out::{Lang, say, tell, watched};
use analyse::Analysed;
use args::{PlanCommand, StepArgs};
use base::Base;
use define::Defined;
use optimise::Optimised;
use project::Project;

/// Runs `conurb plan`.
pub(crate) fn run(args: &PlanArgs, lang: Lang) -> Result<(), Failure> {
    match &args.what {
        PlanCommand::Init(init) => project::init(init),
        PlanCommand::Define(step) => step_of(step, lang, |project, base| {
            let found = define::define(project, base)?;
            write::defined(project, base, &found)?;
            let text = table::defined(&found, lang);
            Ok((found, text))
        }),
        PlanCommand::Analyse(step) => step_of(step, lang, |project, base| {
            let found = analyse::analyse(project, base)?;
            write::analysed(project, base, &found)?;
            let text = table::analysed(project, &found, lang);
            Ok((found, text))
        }),
        PlanCommand::Optimise(step) => step_of(step, lang, |project, base| {
            let found = optimise::optimise(project, base, &bar(step.quiet))?;
            write::optimised(project, base, &found)?;
            let text = table::optimised(&found, lang);
            Ok((found, text))
        }),
        PlanCommand::Compare(compare) => step_of(&compare.step, lang, |project, base| {
            let found = optimise::compare_file(project, base, &compare.scenario)?;
            write::json(project, "compare.json", &found)?;
            let text = table::compared(base, &found, lang);
            Ok((found, text))
        }),
        PlanCommand::Report(step) => step_of(step, lang, |project, base| {
            let whole = Whole {
                defined: define::define(project, base)?,
                analysed: analyse::analyse(project, base)?,
                optimised: optimise::optimise(project, base, &bar(step.quiet))?,
            };
            write::defined(project, base, &whole.defined)?;
            write::analysed(project, base, &whole.analysed)?;
            write::optimised(project, base, &whole.optimised)?;
            let file = report::write(project, base, &whole)?;
            Ok((whole, format!("report: {}", file.display())))
        }),
    }
}

/// Everything a report is made of.
#[derive(Debug, Serialize)]
pub(crate) struct Whole {
    /// Who belongs.
    pub(crate) defined: Defined,
    /// What ties and separates.
    pub(crate) analysed: Analysed,
    /// What corridors change.
    pub(crate) optimised: Optimised,
}

/// Reads the project, runs a step, prints its result.
fn step_of<T: Serialize>(
    step: &StepArgs,
    lang: Lang,
    run: impl FnOnce(&Project, &Base) -> Result<(T, String), Failure>,
) -> Result<(), Failure> {
    let project = Project::load(&step.project)?;
    let base = Base::load(&project, step.quiet)?;
    let (found, text) = run(&project, &base)?;
    if step.json {
        say(&write::to_json(&found)?);
        return Ok(());
    }
    if !step.quiet {
        for note in base.notes.iter().chain(&base.world.notes) {
            tell(&format!("note: {note}"));
        }
    }
    say(&text);
    if !step.quiet {
        let words = lang.pick("结果写入", "results in");
        tell(&format!("{words} {}", project.out().display()));
    }
    Ok(())
}

/// A bar over corridors; hidden when nobody watches.
fn bar(quiet: bool) -> ProgressBar {
    if quiet || !watched() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:32} {pos}/{len}  {msg}  {elapsed} + {eta}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(1).with_style(style)
}
