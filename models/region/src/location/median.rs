//! p-median by greedy and interchange, with a Lagrangian bound.

use rand::prelude::*;

use conurb_base::stream;

use super::lagrange::lagrangian_bound;
use super::{LocationPlan, Sites};
use crate::RegionError;
use crate::programme::Certificate;

/// How much to search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MedianOptions {
    /// Starts of the interchange: the greedy one, then random ones.
    pub starts: u32,
    /// Steps of the subgradient for the bound.
    pub bound_steps: u32,
    /// Seed of the random starts.
    pub seed: u64,
}

impl Default for MedianOptions {
    fn default() -> Self {
        Self {
            starts: 10,
            bound_steps: 600,
            seed: 1,
        }
    }
}

/// Opens `p` sites so that the weighted cost from each demand to its nearest is small: greedy, then
/// vertex interchange (Teitz and Bart 1968) with the fast swap of Whitaker (1983) and Resende and
/// Werneck (2003), from several starts. The bound is Lagrangian; when all costs and weights are
/// whole numbers it is rounded up.
///
/// # Errors
/// `p` of 0 or above the number of sites; no sites that reach every demand.
pub fn p_median(
    sites: &Sites,
    p: usize,
    options: MedianOptions,
) -> Result<LocationPlan, RegionError> {
    sites.check_p(p)?;
    if options.starts == 0 || options.starts > 10_000 || options.bound_steps > 1_000_000 {
        return Err(RegionError::option(
            "search",
            "starts lie in 1..=10000, steps of the bound in 0..=1000000",
        ));
    }
    let (mut best, mut least, mut effort) = (Vec::new(), f64::INFINITY, 0);
    for start in 0..options.starts {
        let mut open = if start == 0 {
            greedy(sites, p)
        } else {
            random_start(sites, p, options.seed, start)
        };
        effort += interchange(sites, &mut open);
        let cost = sites.median_cost(&open);
        if cost < least || best.is_empty() {
            (best, least) = (open, cost);
        }
    }
    if least.is_infinite() {
        return Err(RegionError::Infeasible {
            problem: "p-median".to_owned(),
            constraint: format!("every demand is served by one of {p} sites (none found)"),
        });
    }
    let bound = lagrangian_bound(sites, p, least, options.bound_steps);
    let certificate = Certificate::new(
        "greedy and interchange, Lagrangian bound",
        least,
        bound.value.min(least),
        (options.starts > 1).then_some(options.seed),
        effort + bound.steps,
    );
    Ok(sites.plan(best, certificate))
}

/// Opens `p` sites so that as much weight as possible lies within `radius`: the p-median of costs
/// 0 within and 1 beyond (Church and ReVelle 1974 with the uncovered weight minimised). The
/// certificate counts covered weight; the bound lies above it.
///
/// # Errors
/// As [`p_median`]; a radius negative or not finite.
pub fn max_cover(
    sites: &Sites,
    p: usize,
    radius: f64,
    options: MedianOptions,
) -> Result<LocationPlan, RegionError> {
    check_radius(radius)?;
    let covered = sites.map(|c| f64::from(c > radius));
    let mut plan = p_median(&covered, p, options)?;
    let all: f64 = sites.weight.iter().sum();
    let c = &plan.certificate;
    let certificate = Certificate::new(
        c.method,
        all - c.objective,
        all - c.bound,
        c.seed,
        c.effort_iterations,
    );
    plan = sites.plan(plan.open, certificate);
    Ok(plan)
}

pub(super) fn check_radius(radius: f64) -> Result<(), RegionError> {
    if radius.is_finite() && radius >= 0.0 {
        return Ok(());
    }
    Err(RegionError::option(
        "radius",
        format!("{radius} is no finite number of at least 0"),
    ))
}

/// Adds, `p` times, the site that lowers the cost most; the smaller index on a tie.
fn greedy(sites: &Sites, p: usize) -> Vec<usize> {
    let mut nearest = vec![f64::INFINITY; sites.demands];
    let mut open = Vec::with_capacity(p);
    for _ in 0..p {
        let mut best: Option<(usize, (usize, f64))> = None;
        let mut score = vec![(0_usize, 0.0_f64); sites.sites];
        for i in (0..sites.demands).filter(|i| sites.weight[*i] > 0.0) {
            for (j, c) in sites.row(i).iter().enumerate() {
                let d = c.min(nearest[i]);
                // Demands not reached yet come first, then the cost of the others.
                if d.is_infinite() {
                    score[j].0 += 1;
                } else {
                    score[j].1 += sites.weight[i] * d;
                }
            }
        }
        for (j, s) in score.into_iter().enumerate() {
            if !open.contains(&j) && best.is_none_or(|(_, b)| s < b) {
                best = Some((j, s));
            }
        }
        let (j, _) = best.expect("p is at most the number of sites");
        open.push(j);
        for (i, d) in nearest.iter_mut().enumerate() {
            *d = d.min(sites.row(i)[j]);
        }
    }
    open
}

fn random_start(sites: &Sites, p: usize, seed: u64, start: u32) -> Vec<usize> {
    let mut rng = stream(seed, &format!("start {start}"), "p-median");
    let mut all: Vec<usize> = (0..sites.sites).collect();
    for k in 0..p {
        let other = rng.random_range(k as u64..sites.sites as u64) as usize;
        all.swap(k, other);
    }
    all.truncate(p);
    all
}

/// The two nearest open sites of a demand, as positions in `open`, with their costs.
#[derive(Clone, Copy)]
struct Near {
    first: usize,
    d1: f64,
    d2: f64,
}

/// Swaps the pair that lowers the cost most until none does; gives the number of pairs valued.
///
/// For every site to open, gain and loss per site to close are collected in one pass over the
/// demands: a demand nearer to the new site gains `d1 - d`; otherwise closing its nearest costs it
/// `min(d, d2) - d1`.
fn interchange(sites: &Sites, open: &mut [usize]) -> u64 {
    let p = open.len();
    let (mut is_open, mut valued) = (vec![false; sites.sites], 0);
    open.iter().for_each(|j| is_open[*j] = true);
    // Costs fall at every swap, so no set comes twice; the limit only guards against rounding.
    for _ in 0..100 * sites.sites {
        let near: Vec<Near> = (0..sites.demands)
            .map(|i| nearest_two(sites, open, i))
            .collect();
        let unreachable = near.iter().any(|n| n.d1.is_infinite());
        let mut best: Option<(f64, usize, usize)> = None;
        let mut loss = vec![0.0; p];
        for new in (0..sites.sites).filter(|j| !is_open[*j]) {
            valued += p as u64;
            if unreachable {
                // Differences of infinities say nothing: value the swaps directly.
                for out in 0..p {
                    let gain = reach_gain(sites, open, new, out);
                    keep(&mut best, gain, new, out);
                }
                continue;
            }
            loss.fill(0.0);
            let mut gain = 0.0;
            for (i, n) in near
                .iter()
                .enumerate()
                .filter(|(i, _)| sites.weight[*i] > 0.0)
            {
                let d = sites.cost[i * sites.sites + new];
                if d < n.d1 {
                    gain += sites.weight[i] * (n.d1 - d);
                } else {
                    loss[n.first] += sites.weight[i] * (d.min(n.d2) - n.d1);
                }
            }
            for (out, l) in loss.iter().enumerate() {
                keep(&mut best, gain - l, new, out);
            }
        }
        let Some((_, new, out)) = best else {
            return valued;
        };
        is_open[open[out]] = false;
        is_open[new] = true;
        open[out] = new;
    }
    valued
}

fn keep(best: &mut Option<(f64, usize, usize)>, gain: f64, new: usize, out: usize) {
    if gain > 1e-9 && best.is_none_or(|(g, _, _)| gain > g) {
        *best = Some((gain, new, out));
    }
}

/// How many more demands are reached when `new` takes the place of `open[out]`.
fn reach_gain(sites: &Sites, open: &[usize], new: usize, out: usize) -> f64 {
    let mut gain = 0.0;
    for i in (0..sites.demands).filter(|i| sites.weight[*i] > 0.0) {
        let row = sites.row(i);
        let before = open.iter().any(|j| row[*j].is_finite());
        let after = row[new].is_finite()
            || (open.iter().enumerate()).any(|(k, j)| k != out && row[*j].is_finite());
        gain += f64::from(after) - f64::from(before);
    }
    gain
}

fn nearest_two(sites: &Sites, open: &[usize], demand: usize) -> Near {
    let row = sites.row(demand);
    let mut near = Near {
        first: 0,
        d1: f64::INFINITY,
        d2: f64::INFINITY,
    };
    for (k, j) in open.iter().enumerate() {
        let d = row[*j];
        if d < near.d1 {
            near = Near {
                first: k,
                d1: d,
                d2: near.d1,
            };
        } else if d < near.d2 {
            near.d2 = d;
        }
    }
    near
}

#[cfg(test)]
mod tests {
    use super::super::exact::tests::plane;
    use super::super::exact::{max_cover_exact, p_median_exact};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn refuses() {
        let sites = plane(&[(0.0, 0.0), (1.0, 0.0)]);
        let p3 = p_median(&sites, 3, MedianOptions::default()).unwrap_err();
        assert!(p3.to_string().contains("p is 3"), "{p3}");
        assert!(Sites::new(vec![1.0; 4], vec![0.0; 2]).is_err());
        assert!(Sites::new(vec![1.0; 5], vec![1.0; 2]).is_err());
        let cut = Sites::new(vec![0.0, f64::INFINITY, f64::INFINITY, 0.0], vec![1.0; 2]).unwrap();
        let one = p_median(&cut, 1, MedianOptions::default()).unwrap_err();
        assert!(one.to_string().contains("every demand"), "{one}");
        assert!(p_median(&cut, 2, MedianOptions::default()).is_ok());
        let island = Sites::new(vec![0.0, 1.0, f64::INFINITY, f64::INFINITY], vec![1.0; 2]);
        assert!(island.unwrap_err().to_string().contains("demand 2"));
        assert!(sites.equity(f64::INFINITY).is_err());
        assert!(max_cover(&sites, 1, f64::NAN, MedianOptions::default()).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn bound_exact_and_heuristic_are_in_order(
            points in proptest::collection::vec((0.0..10.0_f64, 0.0..10.0_f64), 6..11),
            p in 1..4_usize, radius in 1.0..5.0_f64,
        ) {
            let sites = plane(&points);
            let exact = p_median_exact(&sites, p).unwrap().certificate.objective;
            let c = p_median(&sites, p, MedianOptions::default()).unwrap().certificate;
            prop_assert!(c.bound <= exact + 1e-6, "{} {exact}", c.bound);
            prop_assert!(c.objective >= exact - 1e-6);
            prop_assert!((c.objective - exact).abs() < 1e-6, "{} {exact}", c.objective);
            let exact = max_cover_exact(&sites, p, radius).unwrap().certificate.objective;
            let c = max_cover(&sites, p, radius, MedianOptions::default()).unwrap().certificate;
            prop_assert!(c.bound >= exact - 1e-6 && c.objective <= exact + 1e-6);
        }
    }
}
