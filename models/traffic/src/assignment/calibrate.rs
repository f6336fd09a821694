//! A prior matrix fitted to counts, with routes and times of passage from the twin.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::counts::{Counts, FitSummary, GEH_GOOD, Tally, geh};
use super::fit::{FitMethod, Problem};
use super::od::OdMatrix;
use super::route::{AssignMethod, Assignment, Watched, assign_watched};
use super::table::place;
use crate::error::TrafficError;
use crate::network::Network;
use crate::vehicle::VehicleTemplate;

/// Most rounds.
const ROUNDS_MAX: u32 = 100;
/// From this cosine on two counts are passed by the same vehicles.
const SAME: f64 = 0.999;
/// Remarks of one kind that are written out.
const NOTES_MAX: usize = 10;

/// How to fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CalibrationOptions {
    /// The estimate.
    pub method: FitMethod,
    /// Fits, each with the routes and times of the run before it, 1 to 100.
    pub rounds: u32,
    /// How trips get their routes.
    pub assign: AssignMethod,
    /// What drives.
    pub vehicle: VehicleTemplate,
    /// Seed of trips and twin.
    pub seed: u32,
}

/// A run with the matrix of a round; round 0 is the prior.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CalibrationRound {
    /// From 0.
    pub round: u32,
    /// Vehicles of the matrix.
    pub vehicles: f64,
    /// Counts against this run.
    #[serde(flatten)]
    pub fit: FitSummary,
    /// How far the run is from equilibrium.
    pub relative_gap: f64,
    /// Sum of squared differences over the variance of the counts: what rounds are chosen by.
    pub misfit: f64,
}

/// A fitted matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// The matrix.
    pub od: OdMatrix,
    /// Its trips and routes.
    pub assignment: Assignment,
    /// All rounds.
    pub rounds: Vec<CalibrationRound>,
    /// The round that was taken: the one with the smallest misfit.
    pub best: usize,
    /// Vehicles at each count with the prior.
    pub before: Vec<f64>,
    /// Vehicles at each count with the matrix found.
    pub after: Vec<f64>,
    /// Counts that cannot be explained or contradict each other.
    pub notes: Vec<String>,
}

/// Fits the matrix to the counts. `watch` is told each run and its seconds, as in [`super::assign`].
///
/// # Errors
/// Where a pair has no way, no count can be explained by the matrix, or options are out of range.
pub fn calibrate(
    net: &Arc<Network>,
    prior: &OdMatrix,
    counts: &Counts,
    options: &CalibrationOptions,
    watch: &mut dyn FnMut(u32, i64, i64),
) -> Result<Calibration, TrafficError> {
    check(options)?;
    let lanes = counts.lanes(net);
    let prior_vehicles: Vec<f64> = prior.cells().iter().map(|c| c.vehicles).collect();
    let counted: Vec<f64> = counts.all().iter().map(|c| c.vehicles).collect();
    let mut run = |od: &OdMatrix, round: u32| -> Result<(Watched, Tally), TrafficError> {
        let vehicle = (&options.vehicle, options.seed);
        let mut tick = |_, second, span| watch(round, second, span);
        let watched = assign_watched(net, od, options.assign, vehicle, &lanes, &mut tick)?;
        let trips = &watched.assignment.trips.trips;
        let tally = Tally::new(net, counts, trips, &watched.passings);
        Ok((watched, tally))
    };
    let (watched, mut tally) = run(prior, 0)?;
    let notes = doubts(net, counts, &tally)?;
    let mut rounds = vec![describe(0, prior, counts, &watched, &tally)];
    let before = tally.vehicles.clone();
    let mut found = (prior.clone(), watched.assignment, before.clone());
    let mut best = 0;
    for round in 1..=options.rounds {
        let problem = Problem {
            prior: &prior_vehicles,
            counts: &counted,
            rows: &tally.rows,
        };
        let od = prior.with_vehicles(&problem.solve(options.method));
        if od.total_vehicles() < 0.5 {
            break;
        }
        let (watched, now) = run(&od, round)?;
        tally = now;
        rounds.push(describe(round, &od, counts, &watched, &tally));
        if rounds[round as usize].misfit < rounds[best].misfit {
            best = round as usize;
            found = (od, watched.assignment, tally.vehicles.clone());
        }
    }
    let (od, assignment, after) = found;
    Ok(Calibration {
        od,
        assignment,
        rounds,
        best,
        before,
        after,
        notes,
    })
}

fn check(options: &CalibrationOptions) -> Result<(), TrafficError> {
    if !(1..=ROUNDS_MAX).contains(&options.rounds) {
        return Err(TrafficError::Option {
            what: "rounds",
            message: format!("{} is not 1 to {ROUNDS_MAX}", options.rounds),
        });
    }
    match options.method {
        FitMethod::LeastSquares { prior_cv } if !(0.001..=100.0).contains(&prior_cv) => {
            Err(TrafficError::Option {
                what: "prior_cv",
                message: format!("{prior_cv} is not 0.001 to 100"),
            })
        }
        _ => Ok(()),
    }
}

fn describe(
    round: u32,
    od: &OdMatrix,
    counts: &Counts,
    watched: &Watched,
    tally: &Tally,
) -> CalibrationRound {
    let misfit = counts
        .all()
        .iter()
        .zip(&tally.vehicles)
        .map(|(c, model)| (model - c.vehicles).powi(2) / c.vehicles.max(1.0));
    let assignment = &watched.assignment;
    CalibrationRound {
        round,
        vehicles: od.total_vehicles(),
        fit: counts.compare(&tally.vehicles),
        relative_gap: assignment.rounds[assignment.best].relative_gap,
        misfit: misfit.sum(),
    }
}

/// Counts that no trip of the prior can explain, and pairs that the same vehicles pass but that differ.
fn doubts(net: &Network, counts: &Counts, tally: &Tally) -> Result<Vec<String>, TrafficError> {
    let id = |n: usize| net.roads[counts.all()[n].road.ix()].id.as_str();
    let empty = |n: &usize| tally.rows[*n].is_empty() && counts.all()[*n].vehicles > 0.0;
    let unexplained: Vec<usize> = (0..counts.all().len()).filter(empty).collect();
    if unexplained.len() == counts.all().len() {
        let first = &counts.all()[0];
        return Err(TrafficError::Table {
            at: place(&counts.file, Some(first.line), Some("road")),
            message: format!(
                "no count can be explained: no vehicle of the matrix passes road \"{}\" or another counted one in its interval",
                id(0)
            ),
            remedy: "Check that matrix and counts are of the same network and the same seconds, or add pairs that lead there.",
        });
    }
    let mut notes: Vec<String> = unexplained
        .iter()
        .map(|n| {
            let c = &counts.all()[*n];
            format!(
                "{}:{}: road \"{}\" counts {} from {} to {} s, but no vehicle of the matrix passes it then: nothing can be fitted to it",
                counts.file, c.line, id(*n), c.vehicles, c.interval.start_s, c.interval.end_s
            )
        })
        .collect();
    shorten(&mut notes, "counts that no vehicle passes");
    let mut conflicts = Vec::new();
    let mut alike: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (n, row) in tally.rows.iter().enumerate().filter(|(_, r)| !r.is_empty()) {
        let cells: Vec<u32> = row.iter().map(|(cell, _)| *cell).collect();
        let interval = counts.all()[n].interval;
        alike.entry((interval, cells)).or_default().push(n);
    }
    for pair in alike.values().flat_map(|all| all.windows(2)) {
        let (a, b) = (&counts.all()[pair[0]], &counts.all()[pair[1]]);
        let hours = a.interval.hours();
        let apart = geh(a.vehicles / hours, b.vehicles / hours);
        if apart >= GEH_GOOD && cosine(&tally.rows[pair[0]], &tally.rows[pair[1]]) > SAME {
            conflicts.push(format!(
                "{}: line {} (road \"{}\") counts {}, line {} (road \"{}\") {}, but in the twin the same vehicles pass both: they contradict each other (GEH {apart:.1}) and cannot both be met",
                counts.file, a.line, id(pair[0]), a.vehicles, b.line, id(pair[1]), b.vehicles
            ));
        }
    }
    shorten(&mut conflicts, "counts that contradict each other");
    notes.append(&mut conflicts);
    Ok(notes)
}

fn shorten(notes: &mut Vec<String>, what: &str) {
    if notes.len() > NOTES_MAX {
        let more = notes.len() - NOTES_MAX;
        notes.truncate(NOTES_MAX);
        notes.push(format!("and {more} more {what}"));
    }
}

/// Of two rows with the same cells.
fn cosine(a: &[(u32, f64)], b: &[(u32, f64)]) -> f64 {
    let dot: f64 = a.iter().zip(b).map(|(x, y)| x.1 * y.1).sum();
    let norm = |row: &[(u32, f64)]| row.iter().map(|x| x.1 * x.1).sum::<f64>().sqrt();
    dot / (norm(a) * norm(b)).max(f64::MIN_POSITIVE)
}
