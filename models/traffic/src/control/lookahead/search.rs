//! The search: coordinate descent over junctions, each option valued by rollouts of the part of
//! the network it can reach, in several samples of what is not known.

use rayon::prelude::*;

use super::outlook::Outcome;
use super::schedule;
use super::sites::{BasePolicy, Site, Timing};
use crate::sim::{Due, Feed, Sim, State};

/// Fixed settings of a search.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) base: BasePolicy,
    pub(crate) timing: Timing,
    pub(crate) horizon_s: u32,
    pub(crate) passes: u32,
}

/// A rollout of the whole network.
#[derive(Debug, Clone, Default)]
pub(crate) struct Record {
    pub(crate) cost: f64,
    /// Entries on lanes from junctions, by step.
    entries: Vec<Due>,
    /// Options chosen, by interval and site.
    chosen: Vec<Vec<usize>>,
}

/// When to stop.
pub(crate) trait Budget: Sync {
    /// True when no more work may be started. `rollouts` is the number made so far.
    fn spent(&self, rollouts: u64) -> bool;
}

/// One decision's search.
pub(crate) struct Search<'a> {
    pub(crate) sites: &'a [Site],
    pub(crate) settings: Settings,
    pub(crate) samples: &'a [Sim],
    /// Option each site shows now.
    pub(crate) shown: &'a [usize],
    /// By site and option: whether it may be chosen. Then every option is told of in full; none: all
    /// may be, and only the plan is wanted.
    pub(crate) allowed: Option<&'a [Vec<bool>]>,
    pub(crate) pool: Option<&'a rayon::ThreadPool>,
}

/// What a search found.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) plan: Vec<usize>,
    pub(crate) cost: f64,
    pub(crate) base_cost: f64,
    pub(crate) rollouts: u64,
    pub(crate) complete: bool,
    /// By site and option, mean over the samples; empty where a site was not searched.
    pub(crate) outcomes: Vec<Vec<Outcome>>,
}

impl Search<'_> {
    /// Looks for the best options of the coming interval.
    pub(crate) fn run(&self, budget: &dyn Budget) -> Found {
        let s = &self.settings;
        let base: Vec<usize> = (self.sites.iter().zip(self.shown))
            .enumerate()
            .map(|(k, (site, shown))| {
                let wanted = s.base.choose(&self.samples[0], site, *shown, &s.timing);
                self.admissible(k, wanted)
            })
            .collect();
        let classes = self.sites.iter().map(|s| s.class + 1).max().unwrap_or(0);
        let mut rollouts = 0;
        let mut records = self.record(&base, &mut rollouts);
        let base_cost = mean(&records);
        let mut best = Found {
            plan: base.clone(),
            cost: base_cost,
            base_cost,
            rollouts,
            complete: false,
            outcomes: vec![Vec::new(); self.sites.len()],
        };
        let mut plan = base;
        for pass in 0..s.passes {
            let mut changed = false;
            for class in 0..classes {
                if budget.spent(rollouts) {
                    best.rollouts = rollouts;
                    return best;
                }
                let before = plan.clone();
                let outcomes = &mut best.outcomes;
                self.improve(&mut plan, class, &records, &mut rollouts, budget, outcomes);
                if plan == before {
                    continue;
                }
                changed = true;
                records = self.record(&plan, &mut rollouts);
                let cost = mean(&records);
                if cost < best.cost {
                    best.cost = cost;
                    best.plan.clone_from(&plan);
                }
            }
            if !changed || pass + 1 == s.passes {
                break;
            }
        }
        best.rollouts = rollouts;
        best.complete = true;
        best
    }

    fn may(&self, site: usize, option: usize) -> bool {
        self.allowed.is_none_or(|a| a[site][option])
    }

    /// The option wanted if it may be chosen, else the one shown, else the first that may.
    fn admissible(&self, site: usize, wanted: usize) -> usize {
        let options = 0..self.sites[site].options.len();
        let mut others = [wanted, self.shown[site]].into_iter().chain(options);
        others.find(|o| self.may(site, *o)).unwrap_or(wanted)
    }

    fn each<T: Send, F: Fn(usize) -> T + Sync + Send>(&self, count: usize, work: F) -> Vec<T> {
        match self.pool {
            Some(pool) if count > 1 => {
                pool.install(|| (0..count).into_par_iter().map(&work).collect())
            }
            _ => (0..count).map(work).collect(),
        }
    }

    fn record(&self, plan: &[usize], rollouts: &mut u64) -> Vec<Record> {
        *rollouts += self.samples.len() as u64;
        self.each(self.samples.len(), |k| self.whole(&self.samples[k], plan))
    }

    /// Runs everything ahead under a plan for the first interval and the base policy after it.
    fn whole(&self, from: &Sim, plan: &[usize]) -> Record {
        let s = &self.settings;
        let mut sim = from.clone();
        let mut record = Record::default();
        let mut before = self.shown.to_vec();
        let mut now = plan.to_vec();
        for second in 0..s.horizon_s {
            let within = second % s.timing.interval_s;
            if within == 0 {
                if second > 0 {
                    before.clone_from(&now);
                    for (k, site) in self.sites.iter().enumerate() {
                        now[k] = s.base.choose(&sim, site, before[k], &s.timing);
                    }
                }
                record.chosen.push(now.clone());
            }
            if within == 0 || within == s.timing.yellow_s {
                for (k, site) in self.sites.iter().enumerate() {
                    show(&mut sim, site, before[k], now[k], within, s.timing.yellow_s);
                }
            }
            sim.step_recording(&mut record.entries);
            record.cost += sim.cost();
        }
        record.cost += self.to_go(&sim, 0..self.sites.len(), &now);
        record
    }

    /// Improves the sites of one class, each alone.
    fn improve(
        &self,
        plan: &mut [usize],
        class: usize,
        records: &[Record],
        rollouts: &mut u64,
        budget: &dyn Budget,
        outcomes: &mut [Vec<Outcome>],
    ) {
        let mine: Vec<usize> = (0..self.sites.len())
            .filter(|k| self.sites[*k].class == class && self.sites[*k].options.len() > 1)
            .collect();
        let samples = self.samples.len();
        let before = *rollouts;
        let costs = self.each(mine.len() * samples, |task| {
            let (k, sample) = (mine[task / samples], task % samples);
            let done = before + (task * self.sites[k].options.len()) as u64;
            (!budget.spent(done)).then(|| self.options(k, sample, plan, &records[sample]))
        });
        for (i, k) in mine.iter().enumerate() {
            let mut sum = vec![Outcome::default(); self.sites[*k].options.len()];
            let mut complete = true;
            for outcomes in &costs[i * samples..(i + 1) * samples] {
                match outcomes {
                    Some(outcomes) => {
                        for (sum, outcome) in sum.iter_mut().zip(outcomes) {
                            sum.add(outcome);
                        }
                        *rollouts += sum.len() as u64;
                    }
                    None => complete = false,
                }
            }
            if !complete {
                continue;
            }
            for (o, outcome) in sum.iter().enumerate() {
                if self.may(*k, o) && outcome.cost < sum[plan[*k]].cost - 1e-9 {
                    plan[*k] = o;
                }
            }
            outcomes[*k] = sum.iter().map(|o| o.over(samples)).collect();
        }
    }

    /// Outcome of every option of site `k` in one sample.
    fn options(&self, k: usize, sample: usize, plan: &[usize], record: &Record) -> Vec<Outcome> {
        let site = &self.sites[k];
        let whole = &self.samples[sample];
        let mut sim = Sim::ahead_like(whole);
        sim.take_part(whole, &site.part);
        let start = sim.state().clone();
        let inside = &site.part.inside;
        let entries: Vec<Due> = (record.entries.iter())
            .filter(|e| inside[e.put.drivable as usize] && !inside[e.put.prev as usize])
            .copied()
            .collect();
        let mut plan = plan.to_vec();
        (0..site.options.len())
            .map(|o| {
                plan[k] = o;
                self.local(&mut sim, &start, site, &plan, &entries, record)
            })
            .collect()
    }

    fn local(
        &self,
        sim: &mut Sim,
        start: &State,
        site: &Site,
        plan: &[usize],
        entries: &[Due],
        record: &Record,
    ) -> Outcome {
        let s = &self.settings;
        sim.back_to(start);
        let mut feed = Feed::default();
        let mut before: Vec<usize> = site.live.iter().map(|l| self.shown[*l]).collect();
        let mut now: Vec<usize> = site.live.iter().map(|l| plan[*l]).collect();
        let mut out = Outcome::default();
        for second in 0..s.horizon_s {
            let within = second % s.timing.interval_s;
            let interval = (second / s.timing.interval_s) as usize;
            if within == 0 && second > 0 {
                before.clone_from(&now);
                for (i, l) in site.live.iter().enumerate() {
                    now[i] = s.base.choose(sim, &self.sites[*l], before[i], &s.timing);
                }
            }
            if within == 0 || within == s.timing.yellow_s {
                for (i, l) in site.live.iter().enumerate() {
                    show(
                        sim,
                        &self.sites[*l],
                        before[i],
                        now[i],
                        within,
                        s.timing.yellow_s,
                    );
                }
                for f in &site.fixed {
                    let last = match interval {
                        0 => self.shown[*f],
                        i => record.chosen[i - 1][*f],
                    };
                    let next = record.chosen[interval][*f];
                    show(sim, &self.sites[*f], last, next, within, s.timing.yellow_s);
                }
            }
            sim.step_part(&site.part, entries, &mut feed);
            out.cost += sim.cost_in(&feed);
            if self.allowed.is_some() && interval == 0 {
                out.second(sim, site.junction, second + 1 == s.timing.interval_s);
            }
        }
        out.cost += self.to_go(sim, site.live.iter().copied(), &now);
        out
    }

    /// What it costs from the horizon on to serve the vehicles before these sites' stop lines, by
    /// the plan of the schedule model, whatever the base policy; `now`: the options shown, in the
    /// same order.
    fn to_go(&self, sim: &Sim, sites: impl Iterator<Item = usize>, now: &[usize]) -> f64 {
        let timing = &self.settings.timing;
        let cost =
            |(k, shown): (usize, &usize)| schedule::choose(sim, &self.sites[k], *shown, timing).1;
        sites.zip(now).map(cost).sum()
    }
}

/// Shows a site's phase at the start of an interval or at the end of its yellow.
fn show(sim: &mut Sim, site: &Site, before: usize, now: usize, within: u32, yellow_s: u32) {
    let clearing = within < yellow_s && before != now;
    let phase = if clearing { 0 } else { site.options[now] };
    if sim.phase(site.junction) != phase {
        sim.set_phase(site.junction, phase)
            .expect("options are phases of the junction");
    }
}

#[allow(clippy::cast_precision_loss)] // few samples
fn mean(records: &[Record]) -> f64 {
    records.iter().map(|r| r.cost).sum::<f64>() / records.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::observe::{Level, TurnShares, Watch};
    use super::super::sites::{Choices, sites};
    use super::super::twin::Twin;
    use super::*;
    use crate::citygen::grid::{GridOptions, generate};
    use crate::{Demand, Network, Signals, SimOptions};

    /// A busy 2x2 grid after five minutes of its own programme, as a state to look ahead from.
    fn busy() -> (Arc<Network>, Sim, Vec<usize>) {
        let options = GridOptions {
            columns: 2,
            rows: 2,
            block_x_m: 300.0,
            block_y_m: 300.0,
            load: 0.9,
            straight: 0.2,
            span_s: 600,
            seed: 11,
        };
        let (net, demand) = generate(&options).unwrap();
        let net = Arc::new(Network::from_json(&net, "grid").unwrap());
        let demand = Arc::new(Demand::from_json(&demand, "grid", &net).unwrap());
        let options = SimOptions {
            signals: Signals::Programme,
            ..SimOptions::default()
        };
        let mut sim = Sim::new(Arc::clone(&net), Arc::clone(&demand), options).unwrap();
        let mut watch = Watch::new(&net, Level::Oracle, &demand.templates()[0]);
        for _ in 0..305 {
            sim.step();
            watch.look(&sim);
        }
        let seen = watch.observation(&sim, 60);
        let twin = Twin {
            net: &net,
            seen: &seen,
            templates: demand.templates(),
            horizon_s: 60,
            seed: 0,
            samples: 1,
        };
        let mut ahead = Sim::ahead(Arc::clone(&net), demand.templates(), 1.0);
        ahead.start_ahead(&twin.start(&TurnShares::new(&net, &seen.passed), 0));
        assert_eq!(ahead.running(), sim.running());
        (net, ahead, vec![0; 4])
    }

    fn settings() -> Settings {
        Settings {
            base: BasePolicy::MaxQueue,
            timing: Timing {
                interval_s: 15,
                yellow_s: 5,
                headway_s: 2.7,
                startup_s: 1.9,
            },
            horizon_s: 60,
            passes: 1,
        }
    }

    fn costs(hops: u32) -> (f64, Vec<f64>) {
        let (net, ahead, shown) = busy();
        let sites = sites(&net, &Choices::Range(1..=4), hops);
        let search = Search {
            sites: &sites,
            settings: settings(),
            samples: &[ahead],
            shown: &shown,
            allowed: None,
            pool: None,
        };
        let plan = vec![1; 4];
        let record = search.whole(&search.samples[0], &plan);
        let other: Vec<f64> = (0..4)
            .map(|o| search.whole(&search.samples[0], &[o, 1, 1, 1]).cost - record.cost)
            .collect();
        let local = search.options(0, 0, &plan, &record);
        let more = |o: usize| local[o].cost - local[1].cost - other[o];
        (local[1].cost - record.cost, (0..4).map(more).collect())
    }

    #[test]
    fn a_part_that_is_the_whole_behaves_as_the_whole() {
        let (off, others) = costs(3);
        assert!(off.abs() < 1e-6, "{off}");
        assert!(others.iter().all(|o| o.abs() < 1e-6), "{others:?}");
    }

    /// Without its neighbours a part credits who has gone on to them with all that is left to come
    /// (`docs/traffic/control.md`), so that its differences are others than the whole's.
    #[test]
    fn a_part_with_its_neighbours_tells_nearly_the_whole_difference() {
        let (_, others) = costs(1);
        assert!(others.iter().all(|o| o.abs() < 25.0), "{others:?}");
    }
}
