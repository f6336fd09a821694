//! Which redundant industry to move, and who could stand for what.

use std::path::PathBuf;

use conurb_region::allocation::{AllocationLimits, AllocationProblem, AllocationSearch, JobChange};
use conurb_region::industry::{Jobs, relatedness};
use conurb_region::tables::{Columns, Table};
use serde::{Deserialize, Serialize};

use super::{Base, Choice, detail, listed, proof, words};
use crate::fail::Failure;
use crate::plan::project::Project;

/// Changes shown.
const SHOWN: usize = 6;

/// `[choose.industry]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IndustryChoice {
    /// Jobs by city and sector (CSV).
    pub(crate) jobs: PathBuf,
    /// Who counted.
    pub(crate) source: String,
    /// Column of the city's name.
    pub(crate) name_column: String,
    /// Column of what it belongs to.
    pub(crate) group_column: String,
    /// Column of its code.
    pub(crate) code_column: String,
    /// Columns that are no sectors, e.g. populations.
    #[serde(default)]
    pub(crate) other_columns: Vec<String>,
    /// Most jobs that move.
    pub(crate) moved_jobs: u64,
    /// How far a location quotient may change.
    pub(crate) lq_drift: f64,
    /// Seed of the search.
    #[serde(default)]
    pub(crate) seed: u64,
    /// Most moves valued.
    #[serde(default = "million")]
    pub(crate) evaluations: u64,
}

const fn million() -> u64 {
    1_000_000
}

/// Computes the recommendation.
pub(super) fn choose(
    project: &Project,
    base: &Base,
    ask: &IndustryChoice,
) -> Result<Choice, Failure> {
    if ask.source.trim().is_empty() {
        return Err(Failure::plain(
            "choose.industry.source is empty",
            Some("a figure is printed with its source: name who counted"),
        ));
    }
    let other: Vec<&str> = ask.other_columns.iter().map(String::as_str).collect();
    let columns = Columns {
        name: &ask.name_column,
        group: &ask.group_column,
        code: &ask.code_column,
        counts: &other,
    };
    let table = Table::read(&project.path(&ask.jobs), &columns)?;
    let nation = table.sector_totals();
    let codes = base.codes();
    let codes: Vec<&str> = codes.iter().map(String::as_str).collect();
    let jobs = table.jobs_of(&codes)?;
    let density = relatedness(&jobs, &nation)?.density.concat();
    let problem = problem(base, ask, &jobs, (&codes, &nation), density)?;
    let plan = problem.solve(AllocationSearch {
        seed: ask.seed,
        evaluations: ask.evaluations,
        ..AllocationSearch::default()
    })?;
    let shown = |changes: &[JobChange]| -> Vec<String> {
        let shown = changes.iter().take(SHOWN);
        shown
            .map(|c| format!("{} {} {:+}", c.city, c.sector, c.change_jobs))
            .collect()
    };
    let (gain, lose) = (shown(&plan.specialise), shown(&plan.release));
    let after = plan.certificate.objective;
    let change = 100.0 * (after / plan.overlap_before - 1.0);
    let sure = proof(&plan.certificate);
    Ok(Choice {
        id: "industry",
        title: if gain.is_empty() {
            words(
                "现有产业分工：限度之内没有找到更少重叠的方案".to_owned(),
                "Industry as it is: no plan with less overlap was found within the limits"
                    .to_owned(),
            )
        } else {
            words(
                format!("错位发展：{}", listed(&gain, "、")),
                format!("Specialise: {}", listed(&gain, ", ")),
            )
        },
        losers: words(
            format!("减少岗位的城市与行业：{}", listed(&lose, "、")),
            format!("jobs given up: {}", listed(&lose, ", ")),
        ),
        effect: words(
            format!(
                "重叠 {:.3} -> {after:.3}（{change:+.2} %）",
                plan.overlap_before
            ),
            format!(
                "overlap {:.3} -> {after:.3} ({change:+.2} %)",
                plan.overlap_before
            ),
        ),
        cost: words(
            format!(
                "{} 个岗位换行业（{}）；费用没有来源，不予计算",
                plan.moved_jobs, ask.source
            ),
            format!(
                "{} jobs change sector ({}); money: no source, not computed",
                plan.moved_jobs, ask.source
            ),
        ),
        confidence: words(
            format!("{}；区位商变化不超过 {}", sure.zh, ask.lq_drift),
            format!(
                "{}; no location quotient moves by more than {}",
                sure.en, ask.lq_drift
            ),
        ),
        formula: "min sum_{i<j} FK_ij, FK_ij = sum_s min(a_is, a_js); totals of cities and sectors kept",
        citation: "Finger and Kreinin 1979; relatedness density: Hidalgo et al. 2007",
        detail: detail(&plan)?,
    })
}

/// The programme: totals of cities and sectors are kept.
fn problem(
    base: &Base,
    ask: &IndustryChoice,
    jobs: &Jobs,
    (codes, nation): (&[&str], &[f64]),
    density: Vec<f64>,
) -> Result<AllocationProblem, Failure> {
    let (n, sectors) = (jobs.units(), jobs.sectors().len());
    let all: f64 = nation.iter().sum();
    let cells = (0..n).flat_map(|i| (0..sectors).map(move |s| (i, s)));
    // Counts of persons: whole, and far below 2^53.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let counted: Vec<u64> = cells.map(|(i, s)| jobs.at(i, s).round() as u64).collect();
    let limits = AllocationLimits {
        moved_jobs: ask.moved_jobs,
        city_total_share: 0.0,
        sector_total_share: 0.0,
        lq_drift: ask.lq_drift,
        hhi_cap: vec![1.0; n],
    };
    let names: Vec<String> = codes.iter().map(|c| base.name(c).to_owned()).collect();
    let shares = nation.iter().map(|e| e / all).collect();
    let weight = vec![1.0; n * n];
    let known = jobs.sectors().to_vec();
    Ok(AllocationProblem::new(
        names, known, counted, weight, shares, density, limits,
    )?)
}
