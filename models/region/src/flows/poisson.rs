//! Spatial interaction calibrated as a Poisson regression with log link (Flowerdew and Aitkin 1982;
//! the family of Wilson 1971; statistics as in Oshan 2016), by iterated weighted least squares.

use nalgebra::{DMatrix, DVector};
use serde::Serialize;
use statrs::function::{erf::erfc, gamma::ln_gamma};

use super::least_squares::{refuse_dependent, weighted};
use crate::RegionError;

/// Cells of a design matrix (rows times columns): 160 MB.
const CELLS_MAX: usize = 20_000_000;
/// Steps of the iteration; Newton's method needs about ten.
const STEPS_MAX: u32 = 100;
/// Halvings of one step.
const HALVINGS_MAX: u32 = 30;
/// Relative change of every parameter at which it is settled.
const SETTLED: f64 = 1e-11;
const WHAT: &str = "Poisson gravity model";

/// One observed flow.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Flow<'a> {
    /// Key of the origin.
    pub origin: &'a str,
    /// Key of the destination.
    pub destination: &'a str,
    /// The flow, 0 or more (persons, trips, messages).
    pub flow: f64,
    /// Distance or time; above 0 with [`Decay::Power`].
    pub separation: f64,
    /// Mass of the origin (its total outflow, or population), above 0.
    pub origin_mass: f64,
    /// Mass of the destination, above 0.
    pub destination_mass: f64,
}

/// Which totals the model keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Design {
    /// `ln mu = b d` alone, no constant: a reference of other programs' tests, no model.
    Base,
    /// `ln mu = k + a ln O + c ln D + b d`.
    Unconstrained,
    /// A constant for each origin (the first in sort order is the reference), `ln D`, `b d`.
    Production,
    /// A constant for each destination, `ln O`, `b d`.
    Attraction,
    /// Both sets of constants and `b d`.
    Doubly,
}

/// How separation enters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decay {
    /// `b d`.
    Exponential,
    /// `b ln d`.
    Power,
}

/// One parameter.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Term {
    /// `k`, `origin AT12`, `destination AT13`, `ln O`, `ln D`, `d`, `ln d`.
    pub name: String,
    /// The estimate.
    pub value: f64,
    /// Its standard error.
    pub se: f64,
    /// `value / se`.
    pub z: f64,
    /// Two-sided, normal.
    pub p: f64,
}

/// How well it fits.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FitStatistics {
    /// Flows.
    pub n: usize,
    /// Parameters.
    pub k: usize,
    /// Log-likelihood.
    pub llf: f64,
    /// Log-likelihood of the mean alone.
    pub llnull: f64,
    /// `2k - 2 llf`.
    pub aic: f64,
    /// `2 sum(y ln(y/mu) - (y - mu))`.
    pub deviance: f64,
    /// Deviance of the mean alone.
    pub deviance_null: f64,
    /// `1 - deviance / deviance_null`.
    pub d2: f64,
    /// `1 - (n-1)/(n-k) (1 - D2)`; `None` where `n <= k`.
    pub d2_adjusted: Option<f64>,
    /// `1 - llf / llnull`.
    pub pseudo_r2: f64,
    /// `1 - (llf - k) / llnull`.
    pub pseudo_r2_adjusted: f64,
    /// `sqrt(mean((y - mu)^2)) / mean(y)`.
    pub srmse: f64,
    /// `(2/n) sum(min(y, mu) / (y + mu))`, Sorensen.
    pub ssi: f64,
}

/// A calibrated model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GravityFit {
    /// The totals kept.
    pub design: Design,
    /// The decay.
    pub decay: Decay,
    /// Parameters in the order of the formula.
    pub terms: Vec<Term>,
    /// Fitted flows, in the order of the rows.
    pub fitted: Vec<f64>,
    /// Fit.
    pub statistics: FitStatistics,
    /// Steps made.
    pub iterations: u32,
}

/// Calibrates a model on observed flows.
///
/// Flows within a place are left out by the caller. Errors: no rows, a value outside its domain (the
/// row is named), a column that depends on others or a place without any flow where it has its own
/// constant ([`RegionError::Singular`]), [`RegionError::NotConverged`].
pub fn fit_gravity(
    rows: &[Flow<'_>],
    design: Design,
    decay: Decay,
) -> Result<GravityFit, RegionError> {
    check_rows(rows, design, decay)?;
    let columns = columns(rows, design, decay)?;
    let cells = rows.len().saturating_mul(columns.len());
    if cells > CELLS_MAX {
        return Err(RegionError::TooLarge {
            what: "cells of the design matrix (flows times parameters)".to_owned(),
            count: cells as u64,
            limit: CELLS_MAX as u64,
        });
    }
    let names: Vec<String> = columns.iter().map(|c| c.name.clone()).collect();
    let x = DMatrix::from_fn(rows.len(), columns.len(), |i, j| columns[j].value(&rows[i]));
    if rows.len() < columns.len() {
        return Err(RegionError::Singular {
            what: WHAT.to_owned(),
            message: format!("{} flows for {} parameters", rows.len(), columns.len()),
        });
    }
    refuse_dependent(WHAT, &x, &names)?;
    let y = DVector::from_iterator(rows.len(), rows.iter().map(|r| r.flow));
    let close = |(from, to): (&f64, &f64)| (to - from).abs() <= SETTLED * to.abs().max(1e-3);
    let solution = iterate(&x, &y, |from, to| from.iter().zip(to).all(close))?;
    let terms = names
        .into_iter()
        .zip(solution.b.iter().zip(&solution.variance))
        .map(|(name, (&value, variance))| term(name, value, variance.sqrt()))
        .collect();
    let fitted: Vec<f64> = solution.mu.iter().copied().collect();
    Ok(GravityFit {
        design,
        decay,
        terms,
        statistics: statistics(y.as_slice(), &fitted, columns.len()),
        fitted,
        iterations: solution.iterations,
    })
}

fn term(name: String, value: f64, se: f64) -> Term {
    let z = value / se;
    Term {
        name,
        value,
        se,
        z,
        p: erfc(z.abs() / std::f64::consts::SQRT_2),
    }
}

fn check_rows(rows: &[Flow<'_>], design: Design, decay: Decay) -> Result<(), RegionError> {
    let wants_origin = matches!(design, Design::Unconstrained | Design::Attraction);
    let wants_destination = matches!(design, Design::Unconstrained | Design::Production);
    for (i, row) in rows.iter().enumerate() {
        let bad = |what: &str, value: f64, message: &str| {
            Err(RegionError::option(
                &format!(
                    "{what} of row {} ({} to {})",
                    i + 1,
                    row.origin,
                    row.destination
                ),
                format!("{value} {message}"),
            ))
        };
        if !(row.flow >= 0.0 && row.flow.is_finite()) {
            return bad("flow", row.flow, "must be 0 or more");
        }
        let positive = |v: f64| v > 0.0 && v.is_finite();
        if wants_origin && !positive(row.origin_mass) {
            return bad("origin mass", row.origin_mass, "must be above 0");
        }
        if wants_destination && !positive(row.destination_mass) {
            return bad("destination mass", row.destination_mass, "must be above 0");
        }
        let d = row.separation;
        if !d.is_finite() || (decay == Decay::Power && d <= 0.0) {
            return bad(
                "separation",
                d,
                "must be finite, and above 0 for a power law",
            );
        }
    }
    if rows.iter().any(|r| r.flow > 0.0) {
        return Ok(());
    }
    Err(RegionError::Singular {
        what: WHAT.to_owned(),
        message: "column \"flow\" holds no flow above 0".to_owned(),
    })
}

/// One column of the design.
struct Column<'a> {
    name: String,
    kind: Kind<'a>,
}

enum Kind<'a> {
    One,
    Origin(&'a str),
    Destination(&'a str),
    OriginMass,
    DestinationMass,
    Separation,
    LogSeparation,
}

impl Column<'_> {
    fn value(&self, row: &Flow<'_>) -> f64 {
        match self.kind {
            Kind::One => 1.0,
            Kind::Origin(key) => f64::from(row.origin == key),
            Kind::Destination(key) => f64::from(row.destination == key),
            Kind::OriginMass => row.origin_mass.ln(),
            Kind::DestinationMass => row.destination_mass.ln(),
            Kind::Separation => row.separation,
            Kind::LogSeparation => row.separation.ln(),
        }
    }
}

fn columns<'a>(
    rows: &[Flow<'a>],
    design: Design,
    decay: Decay,
) -> Result<Vec<Column<'a>>, RegionError> {
    let mut out = Vec::new();
    let mut add = |name: &str, kind| {
        out.push(Column {
            name: name.to_owned(),
            kind,
        });
    };
    if design != Design::Base {
        add("k", Kind::One);
    }
    if matches!(design, Design::Production | Design::Doubly) {
        for key in constants("origin", rows.iter().map(|r| (r.origin, r.flow)))? {
            add(&format!("origin {key}"), Kind::Origin(key));
        }
    }
    if matches!(design, Design::Attraction | Design::Doubly) {
        for key in constants("destination", rows.iter().map(|r| (r.destination, r.flow)))? {
            add(&format!("destination {key}"), Kind::Destination(key));
        }
    }
    if matches!(design, Design::Unconstrained | Design::Attraction) {
        add("ln O", Kind::OriginMass);
    }
    if matches!(design, Design::Unconstrained | Design::Production) {
        add("ln D", Kind::DestinationMass);
    }
    match decay {
        Decay::Exponential => add("d", Kind::Separation),
        Decay::Power => add("ln d", Kind::LogSeparation),
    }
    Ok(out)
}

/// Places with a constant of their own: all but the first in sort order. A place without any flow
/// would have the constant minus infinity.
fn constants<'a>(
    side: &str,
    flows: impl Iterator<Item = (&'a str, f64)>,
) -> Result<Vec<&'a str>, RegionError> {
    let mut totals = std::collections::BTreeMap::<&str, f64>::new();
    for (key, flow) in flows {
        *totals.entry(key).or_default() += flow;
    }
    if let Some((key, _)) = totals.iter().find(|(_, total)| **total == 0.0) {
        return Err(RegionError::Singular {
            what: WHAT.to_owned(),
            message: format!("column \"{side} {key}\" has no flow at all"),
        });
    }
    Ok(totals.into_keys().skip(1).collect())
}

struct Solution {
    b: DVector<f64>,
    mu: DVector<f64>,
    variance: Vec<f64>,
    iterations: u32,
}

/// Newton's method: each step is a weighted least squares problem, halved while it raises the
/// deviance. It ends when the parameters have `settled` from one step to the next.
fn iterate(
    x: &DMatrix<f64>,
    y: &DVector<f64>,
    settled: impl Fn(&DVector<f64>, &DVector<f64>) -> bool,
) -> Result<Solution, RegionError> {
    let mean = y.mean();
    let mut mu = y.map(|v| v.midpoint(mean));
    let mut eta = mu.map(f64::ln);
    let mut b: Option<DVector<f64>> = None;
    let mut last = f64::INFINITY;
    for step in 1..=STEPS_MAX {
        let z = &eta + (y - &mu).component_div(&mu);
        let (mut next, variance) = weighted(WHAT, x, &z, &mu)?;
        let mut eta_next = x * &next;
        let mut mu_next = eta_next.map(f64::exp);
        let mut dev = deviance(y.as_slice(), mu_next.as_slice());
        if let Some(from) = &b {
            for _ in 0..HALVINGS_MAX {
                if dev <= last * (1.0 + 1e-12) {
                    break;
                }
                next = (&next + from) * 0.5;
                eta_next = x * &next;
                mu_next = eta_next.map(f64::exp);
                dev = deviance(y.as_slice(), mu_next.as_slice());
            }
        }
        if !dev.is_finite() {
            break;
        }
        let done = b.as_ref().is_some_and(|from| settled(from, &next));
        (mu, eta, last) = (mu_next, eta_next, dev);
        if done {
            return Ok(Solution {
                b: next,
                mu,
                variance,
                iterations: step,
            });
        }
        b = Some(next);
    }
    Err(RegionError::NotConverged {
        what: WHAT.to_owned(),
        iterations: STEPS_MAX,
    })
}

fn deviance(y: &[f64], mu: &[f64]) -> f64 {
    let terms = y.iter().zip(mu).map(|(&y, &mu)| {
        let own = if y > 0.0 { y * (y / mu).ln() } else { 0.0 };
        own - (y - mu)
    });
    2.0 * terms.sum::<f64>()
}

fn log_likelihood(y: &[f64], mu: &[f64]) -> f64 {
    y.iter()
        .zip(mu)
        .map(|(&y, &mu)| {
            let own = if y > 0.0 { y * mu.ln() } else { 0.0 };
            own - mu - ln_gamma(y + 1.0)
        })
        .sum()
}

fn statistics(y: &[f64], mu: &[f64], k: usize) -> FitStatistics {
    let n = y.len() as f64;
    let kf = k as f64;
    let mean = y.iter().sum::<f64>() / n;
    let flat = vec![mean; y.len()];
    let (llf, llnull) = (log_likelihood(y, mu), log_likelihood(y, &flat));
    let (dev, deviance_null) = (deviance(y, mu), deviance(y, &flat));
    let d2 = 1.0 - dev / deviance_null;
    let squares: f64 = y.iter().zip(mu).map(|(y, m)| (y - m) * (y - m)).sum();
    let shared: f64 = y.iter().zip(mu).map(|(y, m)| y.min(*m) / (y + m)).sum();
    FitStatistics {
        n: y.len(),
        k,
        llf,
        llnull,
        aic: 2.0 * kf - 2.0 * llf,
        deviance: dev,
        deviance_null,
        d2,
        d2_adjusted: (y.len() > k).then(|| 1.0 - (n - 1.0) / (n - kf) * (1.0 - d2)),
        pseudo_r2: 1.0 - llf / llnull,
        pseudo_r2_adjusted: 1.0 - (llf - kf) / llnull,
        srmse: (squares / n).sqrt() / mean,
        ssi: 2.0 / n * shared,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(origin: &'static str, destination: &'static str, flow: f64, d: f64) -> Flow<'static> {
        Flow {
            origin,
            destination,
            flow,
            separation: d,
            origin_mass: 10.0,
            destination_mass: 20.0 + d,
        }
    }

    #[test]
    fn equal_masses_are_named_as_the_dependent_column() {
        let rows = [
            row("a", "b", 5.0, 1.0),
            row("b", "a", 4.0, 2.0),
            row("a", "c", 2.0, 5.0),
            row("c", "a", 3.0, 4.0),
            row("c", "b", 3.0, 3.0),
        ];
        let error = fit_gravity(&rows, Design::Unconstrained, Decay::Exponential).unwrap_err();
        assert!(
            error.to_string().contains("\"ln O\" is a combination"),
            "{error}"
        );
    }

    /// The published standard errors are those of a program that stops once *any* parameter moves
    /// by less than 1e-6: with its rule ours are equal to every digit shown.
    #[test]
    fn standard_errors_of_austria_where_the_other_program_stops() {
        let data = conurb_testkit::need_shared!("standard_errors_of_austria");
        let path = data.join("region/reference/austria_flows.csv");
        let mut table = csv::Reader::from_path(path).unwrap();
        let at: std::collections::BTreeMap<String, usize> = (table.headers().unwrap().iter())
            .enumerate()
            .map(|(at, name)| (name.trim_start_matches('\u{feff}').to_owned(), at))
            .collect();
        let records: Vec<_> = table.records().map(Result::unwrap).collect();
        let column = |name: &str| -> Vec<f64> {
            let cells = records.iter().map(|r| r[at[name]].parse().unwrap());
            cells.collect()
        };
        let y = DVector::from_vec(column("flow_persons"));
        let d = column("distance_km");
        let (origin, destination) = (
            column("origin_total_outflow"),
            column("destination_total_inflow"),
        );
        let gravity = DMatrix::from_fn(d.len(), 4, |i, j| {
            [1.0, origin[i].ln(), destination[i].ln(), d[i]][j]
        });
        let still = |from: &DVector<f64>, to: &DVector<f64>| {
            from.iter()
                .zip(to)
                .any(|(from, to)| (to - from).abs() < 1e-6)
        };
        let found = iterate(&gravity, &y, still).unwrap();
        let known = [
            (0.075_558_345_1, 5.1e-11),
            (0.005_168_384_40, 5.1e-12),
            (0.004_781_221_41, 5.1e-12),
            (5.184_881_92e-5, 5.1e-14),
        ];
        for (variance, (se, half_digit)) in found.variance.iter().zip(known) {
            let found = variance.sqrt();
            assert!((found - se).abs() <= half_digit, "{found} is not {se}");
        }
    }

    #[test]
    fn a_place_without_flow_and_bad_values_are_named() {
        let rows = [row("a", "b", 5.0, 1.0), row("b", "a", 0.0, 2.0)];
        let error = fit_gravity(&rows, Design::Production, Decay::Exponential).unwrap_err();
        assert!(
            error.to_string().contains("\"origin b\" has no flow"),
            "{error}"
        );
        let zero = [row("a", "b", 5.0, 0.0)];
        let error = fit_gravity(&zero, Design::Base, Decay::Power).unwrap_err();
        assert!(error.to_string().contains("row 1 (a to b)"), "{error}");
        assert!(fit_gravity(&[], Design::Base, Decay::Power).is_err());
    }

    /// With its own constant, an origin's flows sum to what was observed.
    #[test]
    fn production_constants_keep_the_outflows() {
        let rows = [
            row("a", "b", 50.0, 1.0),
            row("a", "c", 20.0, 3.0),
            row("b", "a", 44.0, 2.0),
            row("b", "c", 9.0, 5.0),
            row("c", "a", 30.0, 1.5),
            row("c", "b", 7.0, 6.0),
        ];
        let fit = fit_gravity(&rows, Design::Production, Decay::Exponential).unwrap();
        for (pair, total) in fit.fitted.chunks(2).zip([70.0, 53.0, 37.0]) {
            assert!((pair.iter().sum::<f64>() - total).abs() < 1e-9);
        }
    }
}
