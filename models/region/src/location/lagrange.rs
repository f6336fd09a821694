//! Lagrangian bound of the p-median (Cornuejols, Fisher, Nemhauser 1977; Beasley 1985).

use super::Sites;

/// A lower bound and what it took.
pub(super) struct Bound {
    pub(super) value: f64,
    pub(super) steps: u64,
}

/// Relaxes "every demand is served once" with multipliers u_i:
/// `L(u) = sum u_i + sum of the p smallest rho_j`, `rho_j = sum_i min(0, w_i d_ij - u_i)`.
/// Any `u` gives a bound; a subgradient with halving steps makes it large.
pub(super) fn lagrangian_bound(sites: &Sites, p: usize, upper: f64, steps: u32) -> Bound {
    let served: Vec<usize> = (0..sites.demands)
        .filter(|i| sites.weight[*i] > 0.0)
        .collect();
    let whole = (sites.cost.iter().filter(|c| c.is_finite()))
        .chain(&sites.weight)
        .all(|v| v.fract() == 0.0 && *v < 1e9);
    // The start: each demand pays its way to the second-nearest site.
    let mut u: Vec<f64> = served.iter().map(|i| start(sites, *i)).collect();
    let (mut best, mut scale, mut idle, mut done) = (0.0_f64, 2.0, 0, 0);
    while done < u64::from(steps) {
        done += 1;
        let (value, served_by) = relaxed(sites, p, &served, &u);
        if value > best + 1e-9 * upper.abs() {
            best = value;
            idle = 0;
        } else {
            idle += 1;
        }
        if idle >= 20 {
            (scale, idle) = (scale / 2.0, 0);
        }
        let closed = if whole {
            best > upper - 1.0 + 1e-6
        } else {
            best >= upper
        };
        let norm: f64 = served_by.iter().map(|g| (1.0 - g) * (1.0 - g)).sum();
        if closed || norm == 0.0 || scale < 1e-6 {
            break;
        }
        let step = scale * (upper - value).max(1e-9 * upper.abs()) / norm;
        for (u, g) in u.iter_mut().zip(&served_by) {
            *u = (*u + step * (1.0 - g)).max(0.0);
        }
    }
    // 1e-6 keeps a bound that is whole but for rounding from being lifted to the next number.
    let value = if whole { (best - 1e-6).ceil() } else { best };
    Bound { value, steps: done }
}

fn start(sites: &Sites, demand: usize) -> f64 {
    let (mut first, mut second) = (f64::INFINITY, f64::INFINITY);
    for &c in sites.row(demand) {
        if c < first {
            (first, second) = (c, first);
        } else if c < second {
            second = c;
        }
    }
    let way = if second.is_finite() { second } else { first };
    sites.weight[demand] * way
}

/// L(u), and how often each demand is served in the relaxed solution.
fn relaxed(sites: &Sites, p: usize, served: &[usize], u: &[f64]) -> (f64, Vec<f64>) {
    let mut rho: Vec<(f64, usize)> = (0..sites.sites).map(|j| (0.0, j)).collect();
    for (&i, ui) in served.iter().zip(u) {
        let w = sites.weight[i];
        for (r, c) in rho.iter_mut().zip(sites.row(i)) {
            r.0 += (w * c - ui).min(0.0);
        }
    }
    rho.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let open = &rho[..p];
    let value = u.iter().sum::<f64>() + open.iter().map(|(r, _)| r).sum::<f64>();
    let served_by = served
        .iter()
        .zip(u)
        .map(|(&i, ui)| {
            let row = sites.row(i);
            let w = sites.weight[i];
            open.iter().filter(|(_, j)| w * row[*j] < *ui).count() as f64
        })
        .collect();
    (value, served_by)
}
