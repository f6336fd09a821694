//! Set covering and p-centre at any size: greedy, with bounds by packing.

use super::exact::{EXACT_CELLS, check_coverable, covering, set_cover_exact};
use super::median::check_radius;
use super::{LocationPlan, Sites};
use crate::RegionError;
use crate::programme::Certificate;

/// Few sites that have every demand within `radius`: exact up to [`EXACT_CELLS`] cells, greedy
/// above (Chvatal 1979) with superfluous sites taken out. The bound is a set of demands no two of
/// which share a covering site: each needs its own.
///
/// # Errors
/// [`RegionError::Infeasible`] with the demand that no site covers.
pub fn set_cover(sites: &Sites, radius: f64) -> Result<LocationPlan, RegionError> {
    check_radius(radius)?;
    check_coverable(sites, radius)?;
    if sites.cost.len() <= EXACT_CELLS {
        return set_cover_exact(sites, radius);
    }
    let open = greedy_cover(sites, radius);
    let certificate = Certificate::new(
        "greedy cover, packing bound",
        open.len() as f64,
        packing(sites, radius) as f64,
        None,
        (open.len() * sites.sites) as u64,
    );
    Ok(sites.plan(open, certificate))
}

/// Opens `p` sites so that the farthest demand is near (Hakimi 1964): the least radius among the
/// costs at which `p` sites cover every demand, by bisection. Exact up to [`EXACT_CELLS`] cells;
/// above, the greedy cover decides, and the bound is the least radius at which fewer than `p + 1`
/// demands can be packed. Demands without weight do not count.
///
/// # Errors
/// `p` of 0 or above the number of sites; [`RegionError::Infeasible`] when no `p` sites reach every
/// demand.
pub fn p_centre(sites: &Sites, p: usize) -> Result<LocationPlan, RegionError> {
    sites.check_p(p)?;
    let exact = sites.cost.len() <= EXACT_CELLS;
    let mut radii: Vec<f64> = sites
        .cost
        .iter()
        .copied()
        .filter(|c| c.is_finite())
        .collect();
    radii.sort_by(f64::total_cmp);
    radii.dedup();
    let mut effort = 0;
    let mut cover = |radius: f64| -> Result<Option<Vec<usize>>, RegionError> {
        effort += 1;
        if check_coverable(sites, radius).is_err() {
            return Ok(None);
        }
        let open = if exact {
            set_cover_exact(sites, radius)?.open
        } else {
            greedy_cover(sites, radius)
        };
        Ok((open.len() <= p).then_some(open))
    };
    let (mut low, mut high, mut best) = (0, radii.len(), None);
    while low < high {
        let middle = low + (high - low) / 2;
        match cover(radii[middle])? {
            Some(open) => {
                high = middle;
                best = Some(open);
            }
            None => low = middle + 1,
        }
    }
    let mut open = best.ok_or_else(|| RegionError::Infeasible {
        problem: "p-centre".to_owned(),
        constraint: format!("every demand within reach of one of {p} sites"),
    })?;
    let radius = farthest(sites, &open);
    for j in 0..sites.sites {
        if open.len() < p && !open.contains(&j) {
            open.push(j);
        }
    }
    let certificate = if exact {
        Certificate::exact("bisection over exact covers", radius, effort)
    } else {
        // Below this radius p + 1 demands need a site each, so no p sites do.
        let first = radii
            .partition_point(|r| check_coverable(sites, *r).is_err() || packing(sites, *r) > p);
        let bound = radii.get(first).copied().unwrap_or(radius).min(radius);
        Certificate::new("bisection over greedy covers", radius, bound, None, effort)
    };
    Ok(sites.plan(open, certificate))
}

fn farthest(sites: &Sites, open: &[usize]) -> f64 {
    (0..sites.demands)
        .filter(|i| sites.weight[*i] > 0.0)
        .map(|i| {
            let row = sites.row(i);
            open.iter().fold(f64::INFINITY, |m, j| m.min(row[*j]))
        })
        .fold(0.0, f64::max)
}

/// Takes the site that covers most demands still uncovered, then drops sites that are not needed.
fn greedy_cover(sites: &Sites, radius: f64) -> Vec<usize> {
    let mut bare: Vec<usize> = (0..sites.demands)
        .filter(|i| sites.weight[*i] > 0.0)
        .collect();
    let mut open = Vec::new();
    while !bare.is_empty() {
        let mut count = vec![0_u32; sites.sites];
        for &i in &bare {
            covering(sites, i, radius).for_each(|j| count[j] += 1);
        }
        let best = (0..sites.sites)
            .reduce(|a, b| if count[b] > count[a] { b } else { a })
            .expect("a problem has sites");
        open.push(best);
        bare.retain(|i| sites.row(*i)[best] > radius);
    }
    for k in (0..open.len()).rev() {
        let needed = (0..sites.demands).any(|i| {
            let row = sites.row(i);
            let covered = |(l, j): (usize, &usize)| l != k && row[*j] <= radius;
            sites.weight[i] > 0.0 && !open.iter().enumerate().any(covered)
        });
        if !needed {
            open.remove(k);
        }
    }
    open
}

/// Number of demands, taken in order of few covering sites, no two of which share one.
fn packing(sites: &Sites, radius: f64) -> usize {
    let mut order: Vec<(usize, usize)> = (0..sites.demands)
        .filter(|i| sites.weight[*i] > 0.0)
        .map(|i| (covering(sites, i, radius).count(), i))
        .collect();
    order.sort_unstable();
    let (mut taken, mut packed) = (vec![false; sites.sites], 0);
    for (_, i) in order {
        if covering(sites, i, radius).all(|j| !taken[j]) {
            packed += 1;
            covering(sites, i, radius).for_each(|j| taken[j] = true);
        }
    }
    packed
}

#[cfg(test)]
mod tests {
    use super::super::exact::tests::plane;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn centre_of_a_line_and_of_pieces() {
        let points: Vec<(f64, f64)> = (0..9).map(|i| (f64::from(i), 0.0)).collect();
        let plan = p_centre(&plane(&points), 3).unwrap();
        assert_eq!(plan.certificate.objective.to_bits(), 1.0_f64.to_bits());
        assert!(plan.certificate.proved);
        let pieces =
            Sites::new(vec![0.0, f64::INFINITY, f64::INFINITY, 0.0], vec![1.0; 2]).unwrap();
        assert!(p_centre(&pieces, 1).is_err());
        assert!(p_centre(&pieces, 3).is_err());
        assert!(p_centre(&pieces, 2).is_ok());
    }

    #[test]
    fn a_large_line_has_a_bound() {
        let points: Vec<(f64, f64)> = (0..60).map(|i| (f64::from(i), 0.0)).collect();
        let sites = plane(&points);
        let cover = set_cover(&sites, 2.0).unwrap().certificate;
        assert!(cover.objective >= 12.0 && cover.bound <= 12.0, "{cover:?}");
        let centre = p_centre(&sites, 12).unwrap().certificate;
        assert!(centre.objective >= 2.0 && centre.bound <= 2.0, "{centre:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn packing_exact_and_greedy_are_in_order(
            points in proptest::collection::vec((0.0..10.0_f64, 0.0..10.0_f64), 4..12),
            radius in 0.5..6.0_f64,
        ) {
            let sites = plane(&points);
            let exact = set_cover_exact(&sites, radius).unwrap().open.len();
            prop_assert!(packing(&sites, radius) <= exact);
            prop_assert!(greedy_cover(&sites, radius).len() >= exact);
        }
    }
}
