//! Measures of secondary cities: dependence on a core, borrowed size, who loses near a core.

use serde::Serialize;

use crate::RegionError;
use crate::flows::{Square, refuse_not_positive, spearman, straight_line};

/// Minutes within which a core can drain a city.
const SIPHON_MIN: f64 = 60.0;

/// `F_i,core` = flow from each city to the core / all its flow. `None` for the core itself and for a
/// city without flow.
pub fn dependence(flows: &Square, core: usize) -> Result<Vec<Option<f64>>, RegionError> {
    flows.refuse_negative("flows")?;
    if core >= flows.n() {
        return Err(RegionError::option(
            "core",
            format!("there is no unit {}", core + 1),
        ));
    }
    Ok((0..flows.n())
        .map(|i| {
            let all: f64 = (0..flows.n())
                .filter(|&j| j != i)
                .map(|j| flows.at(i, j))
                .sum();
            (i != core && all > 0.0).then(|| flows.at(i, core) / all)
        })
        .collect())
}

/// What access to larger cities goes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SizeEffect {
    /// More functions than its size, in a system where access raises them.
    BorrowedSize,
    /// Fewer than its size, in a system where access lowers them.
    AgglomerationShadow,
    /// Neither: the residual and the effect of access do not point the same way.
    None,
}

/// Functions against size (Meijers and Burger 2017).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BorrowedSize {
    /// Elasticity: slope of ln(function) on ln(size).
    pub elasticity: f64,
    /// Share of variance explained.
    pub r2: f64,
    /// Residuals of ln(function), 0.1 = about 10 % above what size explains.
    pub residual: Vec<f64>,
    /// Spearman's rho of residual and access to a larger city.
    pub residual_with_access: f64,
    /// The reading per city. An association over cities, not a cause.
    pub effect: Vec<SizeEffect>,
}

/// Residual of ln(function) on ln(size), and whether it grows with access to a larger city.
///
/// `size`, `function`: above 0 (persons; jobs, headquarters, visitors); `access`: any measure in which
/// more is nearer to a larger city, e.g. its potential. At least four cities.
pub fn borrowed_size(
    size: &[f64],
    function: &[f64],
    access: &[f64],
) -> Result<BorrowedSize, RegionError> {
    RegionError::same_len("functions", size.len(), function.len())?;
    RegionError::same_len("access", size.len(), access.len())?;
    if size.len() < 4 {
        return Err(RegionError::option(
            "borrowed size",
            "four cities are needed",
        ));
    }
    refuse_not_positive("size", size)?;
    refuse_not_positive("function", function)?;
    let ln = |v: &[f64]| -> Vec<f64> { v.iter().map(|x| x.ln()).collect() };
    let (x, y) = (ln(size), ln(function));
    let line = straight_line("ln(function) on ln(size)", &x, &y)?;
    let residual: Vec<f64> = x.iter().zip(&y).map(|(x, y)| y - line.at(*x)).collect();
    let rho = spearman(&residual, access)?;
    let effect = residual
        .iter()
        .map(|r| match (*r > 0.0, rho > 0.0) {
            (true, true) => SizeEffect::BorrowedSize,
            (false, false) => SizeEffect::AgglomerationShadow,
            _ => SizeEffect::None,
        })
        .collect();
    Ok(BorrowedSize {
        elasticity: line.slope,
        r2: line.r2,
        residual,
        residual_with_access: rho,
        effect,
    })
}

/// A city near a core with a falling share.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Siphon {
    /// Position of the city.
    pub city: usize,
    /// Minutes to the core.
    pub minutes: f64,
    /// Its share of the region's population, then.
    pub share_then: f64,
    /// And now.
    pub share_now: f64,
}

/// Siphon watch: cities within `within_min` (60 by default) of the core whose share of the region's
/// population fell; the largest relative loss first.
///
/// `minutes`: to the core, `None` = no connection. The core is left out.
pub fn siphon_watch(
    pop_then: &[f64],
    pop_now: &[f64],
    minutes: &[Option<f64>],
    core: usize,
    within_min: Option<f64>,
) -> Result<Vec<Siphon>, RegionError> {
    RegionError::same_len("population now", pop_then.len(), pop_now.len())?;
    RegionError::same_len("minutes to the core", pop_then.len(), minutes.len())?;
    refuse_not_positive("population then", pop_then)?;
    refuse_not_positive("population now", pop_now)?;
    if core >= pop_then.len() {
        return Err(RegionError::option(
            "core",
            format!("there is no unit {}", core + 1),
        ));
    }
    let within = within_min.unwrap_or(SIPHON_MIN);
    let (then, now): (f64, f64) = (pop_then.iter().sum(), pop_now.iter().sum());
    let mut out: Vec<Siphon> = (0..pop_then.len())
        .filter(|&i| i != core)
        .filter_map(|i| {
            Some(Siphon {
                city: i,
                minutes: minutes[i].filter(|m| *m <= within)?,
                share_then: pop_then[i] / then,
                share_now: pop_now[i] / now,
            })
        })
        .filter(|s| s.share_now < s.share_then)
        .collect();
    let kept = |s: &Siphon| s.share_now / s.share_then;
    out.sort_by(|a, b| kept(a).total_cmp(&kept(b)));
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependence_is_the_part_that_goes_to_the_core() {
        let f = Square::new("f", 3, vec![0., 5., 5., 6., 0., 2., 0., 0., 0.]).unwrap();
        assert_eq!(dependence(&f, 0).unwrap(), [None, Some(0.75), None]);
        assert!(dependence(&f, 3).is_err());
    }

    #[test]
    fn functions_above_size_near_a_core_are_borrowed() {
        let size = [1.0, 2.0, 4.0, 8.0];
        let function = [2.0, 2.0, 8.0, 8.0];
        let near = borrowed_size(&size, &function, &[9.0, 1.0, 8.0, 2.0]).unwrap();
        assert!(near.residual.iter().sum::<f64>().abs() < 1e-12);
        assert!(near.residual_with_access > 0.0);
        assert_eq!(near.effect[0], SizeEffect::BorrowedSize);
        assert_eq!(near.effect[1], SizeEffect::None);
        let far = borrowed_size(&size, &function, &[1.0, 9.0, 2.0, 8.0]).unwrap();
        assert_eq!(far.effect[1], SizeEffect::AgglomerationShadow);
        assert!(borrowed_size(&size, &[0.0, 1.0, 1.0, 1.0], &size).is_err());
        assert!(borrowed_size(&[2.0; 4], &function, &size).is_err());
    }

    #[test]
    fn only_near_cities_with_a_falling_share_are_watched() {
        let minutes = [Some(0.0), Some(30.0), Some(59.0), Some(90.0), None];
        let then = [100.0, 20.0, 20.0, 20.0, 20.0];
        let now = [150.0, 20.0, 40.0, 10.0, 10.0];
        let found = siphon_watch(&then, &now, &minutes, 0, None).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].city, found[0].minutes), (1, 30.0));
        assert!(
            siphon_watch(&then, &now, &minutes, 0, Some(90.0))
                .unwrap()
                .len()
                == 2
        );
        assert!(siphon_watch(&[0.0; 5], &now, &minutes, 0, None).is_err());
    }
}
