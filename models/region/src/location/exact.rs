//! Location programmes solved and proved by the MILP solver; for small problems.

use good_lp::{Expression, Solution, SolverModel, Variable, constraint, variable, variables};

use super::median::check_radius;
use super::{LocationPlan, Sites};
use crate::RegionError;
use crate::programme::{Certificate, all_at_least, at_most, model, name_infeasible, solve};

/// Most cells (demands x sites) of a programme solved exactly.
pub const EXACT_CELLS: usize = 2_500;

/// Least weighted cost with exactly `p` open sites (Hakimi 1964; ReVelle and Swain 1970). With
/// [`Sites::equity`] it is the exact equity problem.
///
/// # Errors
/// `p` of 0 or above the number of sites; more than [`EXACT_CELLS`] cells;
/// [`RegionError::Infeasible`] when no `p` sites reach every demand.
pub fn p_median_exact(sites: &Sites, p: usize) -> Result<LocationPlan, RegionError> {
    let unlimited = vec![f64::INFINITY; sites.sites];
    assign(sites, p, &unlimited, "p-median")
}

/// Least weighted cost with exactly `p` open sites that serve at most `capacity` of weight each; a
/// demand may be divided among sites, so [`LocationPlan::nearest`] is not its assignment.
///
/// # Errors
/// As [`p_median_exact`]; capacities negative. The constraint that cannot be kept is found by
/// relaxing one class at a time.
pub fn capacitated_exact(
    sites: &Sites,
    p: usize,
    capacity: &[f64],
) -> Result<LocationPlan, RegionError> {
    RegionError::same_len("capacities of sites", sites.sites, capacity.len())?;
    all_at_least("capacities of sites", capacity, 0.0)?;
    assign(sites, p, capacity, "capacitated p-median")
}

/// Classes of constraints of an assignment programme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Capacity,
    Number,
    Reach,
}

fn assign(
    sites: &Sites,
    p: usize,
    capacity: &[f64],
    what: &'static str,
) -> Result<LocationPlan, RegionError> {
    sites.check_p(p)?;
    at_most(
        "cells of an exact location programme",
        sites.cost.len(),
        EXACT_CELLS,
    )?;
    if let Some((open, cost)) = try_assign(sites, p, capacity, what, None)? {
        let certificate = Certificate::exact("branch and bound (MILP)", cost, 1);
        return Ok(sites.plan(open, certificate));
    }
    let classes = [
        (Class::Capacity, "the capacities of the sites"),
        (Class::Number, "the number of open sites p"),
        (Class::Reach, "every demand within reach of an open site"),
    ];
    name_infeasible(what, &classes, |class| {
        Ok(try_assign(sites, p, capacity, what, Some(class))?.is_some())
    })
    .map(|never| match never {})
}

/// Solves, without the constraints of `relaxed`.
fn try_assign(
    sites: &Sites,
    p: usize,
    capacity: &[f64],
    what: &str,
    relaxed: Option<Class>,
) -> Result<Option<(Vec<usize>, f64)>, RegionError> {
    let mut vars = variables!();
    let open: Vec<Variable> = vars.add_vector(variable().binary(), sites.sites);
    let (mut objective, mut rows) = (Expression::default(), Vec::new());
    let mut load: Vec<Expression> = vec![Expression::default(); sites.sites];
    let largest =
        (sites.cost.iter()).fold(0.0_f64, |m, c| if c.is_finite() { m.max(*c) } else { m });
    for i in (0..sites.demands).filter(|i| sites.weight[*i] > 0.0) {
        let mut served = Expression::default();
        for (j, &c) in sites.row(i).iter().enumerate() {
            let c = match (c.is_finite(), relaxed == Some(Class::Reach)) {
                (true, _) => c,
                (false, true) => largest,
                (false, false) => continue,
            };
            let x = vars.add(variable().min(0.0).max(1.0));
            served.add_mul(1.0, x);
            objective.add_mul(sites.weight[i] * c, x);
            load[j].add_mul(sites.weight[i], x);
            rows.push(constraint!(x <= open[j]));
        }
        rows.push(constraint!(served == 1.0));
    }
    if relaxed != Some(Class::Number) {
        let number: Expression = open.iter().sum();
        rows.push(constraint!(number == p as f64));
    }
    if relaxed != Some(Class::Capacity) {
        for (j, load) in load
            .into_iter()
            .enumerate()
            .filter(|(j, _)| capacity[*j].is_finite())
        {
            rows.push(constraint!(load <= capacity[j] * open[j]));
        }
    }
    let mut programme = model(vars.minimise(objective.clone()));
    for row in rows {
        programme.add_constraint(row);
    }
    Ok(solve(what, programme)?.map(|s| {
        let sites = (0..open.len())
            .filter(|j| s.value(open[*j]) > 0.5)
            .collect();
        (sites, s.eval(objective))
    }))
}

/// Fewest sites that have every demand within `radius` (Toregas, Swain, ReVelle, Bergman 1971).
///
/// # Errors
/// More than [`EXACT_CELLS`] cells; [`RegionError::Infeasible`] with the demand that no site covers.
pub fn set_cover_exact(sites: &Sites, radius: f64) -> Result<LocationPlan, RegionError> {
    check_radius(radius)?;
    check_coverable(sites, radius)?;
    at_most(
        "cells of an exact location programme",
        sites.cost.len(),
        EXACT_CELLS,
    )?;
    let mut vars = variables!();
    let open: Vec<Variable> = vars.add_vector(variable().binary(), sites.sites);
    let number: Expression = open.iter().sum();
    let mut programme = model(vars.minimise(number.clone()));
    for i in (0..sites.demands).filter(|i| sites.weight[*i] > 0.0) {
        let covered: Expression = covering(sites, i, radius).map(|j| open[j]).sum();
        programme.add_constraint(constraint!(covered >= 1.0));
    }
    let solution = solve("set covering", programme)?.ok_or_else(|| RegionError::Solver {
        what: "set covering".to_owned(),
        message: "no solution of a programme that has one".to_owned(),
    })?;
    let chosen: Vec<usize> = (0..sites.sites)
        .filter(|j| solution.value(open[*j]) > 0.5)
        .collect();
    let certificate = Certificate::exact("branch and bound (MILP)", chosen.len() as f64, 1);
    Ok(sites.plan(chosen, certificate))
}

/// Most weight within `radius` of `p` open sites (Church and ReVelle 1974).
///
/// # Errors
/// As [`p_median_exact`]; a radius negative or not finite.
pub fn max_cover_exact(sites: &Sites, p: usize, radius: f64) -> Result<LocationPlan, RegionError> {
    check_radius(radius)?;
    sites.check_p(p)?;
    at_most(
        "cells of an exact location programme",
        sites.cost.len(),
        EXACT_CELLS,
    )?;
    let mut vars = variables!();
    let open: Vec<Variable> = vars.add_vector(variable().binary(), sites.sites);
    let (mut objective, mut rows) = (Expression::default(), Vec::new());
    for i in (0..sites.demands).filter(|i| sites.weight[*i] > 0.0) {
        let y = vars.add(variable().min(0.0).max(1.0));
        objective.add_mul(sites.weight[i], y);
        let near: Expression = covering(sites, i, radius).map(|j| open[j]).sum();
        rows.push(constraint!(y <= near));
    }
    let number: Expression = open.iter().sum();
    let mut programme = model(vars.maximise(objective.clone()));
    programme.add_constraint(constraint!(number == p as f64));
    for row in rows {
        programme.add_constraint(row);
    }
    let solution = solve("maximal covering", programme)?.ok_or_else(|| RegionError::Solver {
        what: "maximal covering".to_owned(),
        message: "no solution of a programme that has one".to_owned(),
    })?;
    let chosen = (0..sites.sites)
        .filter(|j| solution.value(open[*j]) > 0.5)
        .collect();
    let certificate = Certificate::exact("branch and bound (MILP)", solution.eval(objective), 1);
    Ok(sites.plan(chosen, certificate))
}

/// Sites within `radius` of a demand.
pub(super) fn covering(
    sites: &Sites,
    demand: usize,
    radius: f64,
) -> impl Iterator<Item = usize> + '_ {
    let row = sites.row(demand);
    (0..sites.sites).filter(move |j| row[*j] <= radius)
}

/// Refuses a demand that no site covers.
pub(super) fn check_coverable(sites: &Sites, radius: f64) -> Result<(), RegionError> {
    match (0..sites.demands)
        .find(|i| sites.weight[*i] > 0.0 && covering(sites, *i, radius).next().is_none())
    {
        None => Ok(()),
        Some(i) => Err(RegionError::Infeasible {
            problem: "set covering".to_owned(),
            constraint: format!("demand {} within {radius} of a site", i + 1),
        }),
    }
}

#[cfg(test)]
pub(in crate::location) mod tests {
    use super::*;

    /// Points that are demands and sites, weight 1 + index mod 3, straight distances.
    pub(in crate::location) fn plane(points: &[(f64, f64)]) -> Sites {
        let cost = points
            .iter()
            .flat_map(|a| points.iter().map(move |b| (a.0 - b.0).hypot(a.1 - b.1)))
            .collect();
        let weight = (0..points.len()).map(|i| 1.0 + (i % 3) as f64).collect();
        Sites::new(cost, weight).unwrap()
    }

    fn line(n: u32) -> Sites {
        plane(&(0..n).map(|i| (f64::from(i), 0.0)).collect::<Vec<_>>())
    }

    #[test]
    fn exact_equals_all_choices() {
        let sites = line(7);
        for p in 1..=3_u32 {
            let least = (0..128_usize)
                .filter(|m| m.count_ones() == p)
                .map(|m| (0..7).filter(|j| m >> j & 1 == 1).collect::<Vec<usize>>())
                .map(|open| sites.median_cost(&open))
                .fold(f64::INFINITY, f64::min);
            let found = p_median_exact(&sites, p as usize).unwrap();
            assert!((found.certificate.objective - least).abs() < 1e-9);
            assert!(found.certificate.proved);
        }
    }

    #[test]
    fn equity_moves_the_site_towards_the_far() {
        let points: Vec<(f64, f64)> = [0.0, 0.0, 0.0, 0.0, 5.0, 10.0].map(|x| (x, 0.0)).to_vec();
        let sites = plane(&points);
        let utilitarian = p_median_exact(&sites, 1).unwrap().open[0];
        let equal = p_median_exact(&sites.equity(16.0).unwrap(), 1)
            .unwrap()
            .open[0];
        assert_eq!((points[utilitarian].0, points[equal].0), (0.0, 5.0));
    }

    #[test]
    fn capacities_divide_demands_and_name_themselves() {
        let sites = line(6); // weights 1 2 3 1 2 3, together 12
        let wide = capacitated_exact(&sites, 2, &[12.0; 6]).unwrap();
        let free = p_median_exact(&sites, 2).unwrap();
        assert!((wide.certificate.objective - free.certificate.objective).abs() < 1e-9);
        let tight = capacitated_exact(&sites, 2, &[6.0; 6]).unwrap();
        assert!(tight.certificate.objective >= free.certificate.objective - 1e-9);
        let error = capacitated_exact(&sites, 2, &[1.0; 6])
            .unwrap_err()
            .to_string();
        assert!(error.contains("capacities"), "{error}");
        assert!(capacitated_exact(&sites, 2, &[1.0; 5]).is_err());
    }

    #[test]
    fn covers() {
        let sites = line(7);
        assert_eq!(set_cover_exact(&sites, 1.0).unwrap().open.len(), 3);
        let most = max_cover_exact(&sites, 1, 1.0).unwrap();
        assert!((most.certificate.objective - 6.0).abs() < 1e-9);
        let far = Sites::new(vec![5.0, 9.0], vec![1.0; 1]).unwrap();
        let error = set_cover_exact(&far, 1.0).unwrap_err().to_string();
        assert!(error.contains("demand 1"), "{error}");
        assert!(
            p_median_exact(&line(60), 2)
                .unwrap_err()
                .to_string()
                .contains("more than")
        );
    }
}
