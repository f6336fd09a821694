//! Jobs under change: totals, shares, overlap and what the limits allow.

use super::AllocationProblem;

/// A change of a cell: city, sector, jobs.
pub(super) type Change = (usize, usize, i64);

/// Jobs with their totals.
#[derive(Debug, Clone)]
pub(super) struct State<'a> {
    problem: &'a AllocationProblem,
    pub(super) jobs: Vec<u64>,
    city: Vec<u64>,
    sector: Vec<u64>,
    city_before: Vec<u64>,
    sector_before: Vec<u64>,
    /// Sum of absolute changes of cells.
    changed: u64,
}

impl<'a> State<'a> {
    pub(super) fn new(problem: &'a AllocationProblem) -> Self {
        let s = problem.sectors.len();
        let city: Vec<u64> = problem
            .jobs
            .chunks_exact(s)
            .map(|r| r.iter().sum())
            .collect();
        let sector: Vec<u64> = (0..s)
            .map(|t| problem.jobs.iter().skip(t).step_by(s).sum())
            .collect();
        Self {
            problem,
            jobs: problem.jobs.clone(),
            city_before: city.clone(),
            sector_before: sector.clone(),
            city,
            sector,
            changed: 0,
        }
    }

    fn sectors(&self) -> usize {
        self.sector.len()
    }

    fn share(&self, i: usize, t: usize) -> f64 {
        self.jobs[i * self.sectors() + t] as f64 / self.city[i] as f64
    }

    pub(super) fn hhi(&self, i: usize) -> f64 {
        (0..self.sectors()).map(|t| self.share(i, t).powi(2)).sum()
    }

    /// Finger-Kreinin similarity of two cities.
    pub(super) fn similarity(&self, i: usize, j: usize) -> f64 {
        (0..self.sectors())
            .map(|t| self.share(i, t).min(self.share(j, t)))
            .sum()
    }

    pub(super) fn overlap(&self) -> f64 {
        let n = self.city.len();
        let mut sum = 0.0;
        for i in 0..n {
            for j in i + 1..n {
                sum += self.problem.weight[i * n + j] * self.similarity(i, j);
            }
        }
        sum
    }

    /// The part of the overlap that changes of `cities` in `sectors` can change.
    fn part(&self, cities: &[usize], sectors: &[usize]) -> f64 {
        let n = self.city.len();
        let mut sum = 0.0;
        for (k, &i) in cities.iter().enumerate() {
            for j in (0..n).filter(|j| !cities[..=k].contains(j)) {
                let w = self.problem.weight[i.min(j) * n + i.max(j)];
                if w > 0.0 {
                    let shared = |t: &usize| self.share(i, *t).min(self.share(j, *t));
                    sum += w * sectors.iter().map(shared).sum::<f64>();
                }
            }
        }
        sum
    }

    /// Jobs moved so far, rounded up.
    pub(super) fn moved(&self) -> u64 {
        self.changed.div_ceil(2)
    }

    /// By how much `changes` would lower the overlap; none when a limit forbids them. The state is
    /// left as it was.
    pub(super) fn gain(&mut self, changes: &[Change]) -> Option<f64> {
        let mut cities: Vec<usize> = changes.iter().map(|c| c.0).collect();
        cities.sort_unstable();
        cities.dedup();
        let totals_kept = cities.iter().all(|i| {
            changes
                .iter()
                .filter(|c| c.0 == *i)
                .map(|c| c.2)
                .sum::<i64>()
                == 0
        });
        let mut sectors: Vec<usize> = if totals_kept {
            changes.iter().map(|c| c.1).collect()
        } else {
            (0..self.sectors()).collect()
        };
        sectors.sort_unstable();
        sectors.dedup();
        if !self.enough(changes) {
            return None;
        }
        let before = self.part(&cities, &sectors);
        self.apply(changes);
        let gain = self
            .keeps_limits(&cities, &sectors)
            .then(|| before - self.part(&cities, &sectors));
        let back: Vec<Change> = changes.iter().map(|(i, t, d)| (*i, *t, -d)).collect();
        self.apply(&back);
        gain
    }

    /// Whether every cell has the jobs it gives; cells of `changes` are distinct.
    fn enough(&self, changes: &[Change]) -> bool {
        changes
            .iter()
            .all(|(i, t, d)| self.jobs[i * self.sectors() + t].checked_add_signed(*d).is_some())
            // A city keeps at least one job, so that it has shares.
            && changes.iter().all(|(i, _, _)| {
                let all: i64 = changes.iter().filter(|c| c.0 == *i).map(|c| c.2).sum();
                self.city[*i].checked_add_signed(all).is_some_and(|c| c > 0)
            })
    }

    pub(super) fn apply(&mut self, changes: &[Change]) {
        for &(i, t, d) in changes {
            let cell = i * self.sectors() + t;
            let before = self.problem.jobs[cell];
            self.changed -= self.jobs[cell].abs_diff(before);
            self.jobs[cell] = self.jobs[cell].wrapping_add_signed(d);
            self.changed += self.jobs[cell].abs_diff(before);
            self.city[i] = self.city[i].wrapping_add_signed(d);
            self.sector[t] = self.sector[t].wrapping_add_signed(d);
        }
    }

    fn keeps_limits(&self, cities: &[usize], sectors: &[usize]) -> bool {
        let limits = &self.problem.limits;
        let near = |now: u64, before: u64, share: f64| {
            now.abs_diff(before) as f64 <= share * before as f64 * (1.0 + 1e-12)
        };
        if self.moved() > limits.moved_jobs {
            return false;
        }
        let city_ok =
            |i: &usize| near(self.city[*i], self.city_before[*i], limits.city_total_share);
        let sector_ok = |t: &usize| {
            near(
                self.sector[*t],
                self.sector_before[*t],
                limits.sector_total_share,
            )
        };
        if !cities.iter().all(city_ok) || !sectors.iter().all(sector_ok) {
            return false;
        }
        cities.iter().all(|&i| {
            let drift_ok = |&t: &usize| {
                let before =
                    self.problem.jobs[i * self.sectors() + t] as f64 / self.city_before[i] as f64;
                (self.share(i, t) - before).abs() / self.problem.reference_share[t]
                    <= limits.lq_drift + 1e-12
            };
            sectors.iter().all(drift_ok) && self.hhi(i) <= limits.hhi_cap[i] + 1e-12
        })
    }

    /// Total of a city.
    pub(super) fn city_jobs(&self, i: usize) -> u64 {
        self.city[i]
    }
}
