//! Look-ahead control: try the options in the twin before one is shown.
//!
//! At every decision an [`Observation`] of the chosen [`Level`] becomes a handful of sampled
//! states; from each the base policy is run ahead to the horizon. Then junctions are taken one
//! after the other: every admissible phase is tried for the first interval, the base policy acting
//! after it, and the best is kept (rollout: Bertsekas 2020, section 2.1; coordinate descent over
//! agents: Bertsekas 2021). Only the surroundings that a choice can reach are simulated again.
//! A plan counts only once the whole network has been run ahead under it, so the result is never
//! worse in the model than the base policy, at whatever moment the search is stopped.

mod loops;
mod observe;
mod outlook;
mod schedule;
mod search;
mod sites;
mod twin;

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use conurb_base::SharedClock;

pub use observe::{Crossing, Level, Observation, SeenVehicle, TurnShares, Watch};
pub use outlook::{JointPlan, OptionOutlook, SiteOutlook};
pub use sites::BasePolicy;

use super::Controller;
use crate::error::TrafficError;
use crate::ids::JunctionIx;
use crate::network::Network;
use crate::protocol::ProtocolOptions;
use crate::sim::Sim;
use crate::vehicle::VehicleTemplate;
use crate::webster::{Discharge, discharge};
use search::{Budget, Found, Search, Settings};
use sites::{Choices, Site, Timing};
use twin::Twin;

/// How far rollouts look, intervals; what comes after is estimated.
const HORIZON_INTERVALS: u32 = 2;
/// Longest horizon, s.
const HORIZON_MAX_S: u32 = 600;
/// Most samples of what is not known.
const SAMPLES_MAX: u32 = 64;

/// How to look ahead.
#[derive(Debug, Clone)]
pub struct LookAheadOptions {
    /// What is known.
    pub level: Level,
    /// Seconds between decisions.
    pub interval_s: u32,
    /// Yellow before a changed phase, s.
    pub yellow_s: u32,
    /// Phases that may be chosen.
    pub phases: RangeInclusive<u16>,
    /// How far to look, s; none: the rule of `docs/traffic/control.md`.
    pub horizon_s: Option<u32>,
    /// Samples of routes and arrivals (one is enough where both are known).
    pub samples: u32,
    /// Most rounds over all junctions.
    pub passes: u32,
    /// Junctions this many roads away react to a choice in the model; farther ones follow the record.
    pub hops: u32,
    /// What acts after the first interval.
    pub base: BasePolicy,
    /// Seed of the samples.
    pub seed: u64,
    /// Threads; the result does not depend on it.
    pub threads: usize,
    /// Most rollouts in one decision (exact to one step of the search); none: no limit.
    pub rollouts_max: Option<u64>,
    /// Most milliseconds in one decision; needs a clock, and gives up repeatability.
    pub deadline: Option<(SharedClock, u32)>,
}

impl Default for LookAheadOptions {
    fn default() -> Self {
        let protocol = ProtocolOptions::default();
        Self {
            level: Level::LaneView,
            interval_s: protocol.interval_s,
            yellow_s: protocol.yellow_s,
            phases: protocol.phases,
            horizon_s: None,
            samples: 4,
            passes: 1,
            hops: 0,
            base: BasePolicy::Schedule,
            seed: 0,
            threads: 1,
            rollouts_max: None,
            deadline: None,
        }
    }
}

/// What the search of one decision did.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Effort {
    /// Time of the decision, s.
    pub time_s: f64,
    /// Expected cost of the base policy over the horizon, vehicle-seconds.
    pub base_cost: f64,
    /// Expected cost of the plan chosen; never above `base_cost`.
    pub cost: f64,
    /// Rollouts made, local ones included.
    pub rollouts: u64,
    /// False when the budget ended the search.
    pub complete: bool,
    /// Wall time from observation to plan, ms; 0 without a clock.
    pub wall_ms: f64,
}

/// Look-ahead control as a [`Controller`].
#[derive(Debug)]
pub struct LookAhead {
    options: LookAheadOptions,
    net: Arc<Network>,
    templates: Vec<VehicleTemplate>,
    sites: Vec<Site>,
    /// Site by junction.
    site_of: Vec<Option<usize>>,
    watch: Watch,
    samples: Vec<Sim>,
    shown: Vec<usize>,
    horizon_s: u32,
    timing: Timing,
    pool: Option<rayon::ThreadPool>,
    clock: Option<SharedClock>,
    efforts: Vec<Effort>,
}

impl LookAhead {
    /// A controller of this network; `templates` are the kinds of vehicles, the first the usual one.
    pub fn new(
        net: &Arc<Network>,
        templates: &[VehicleTemplate],
        options: LookAheadOptions,
    ) -> Result<Self, TrafficError> {
        let choices = Choices::Range(options.phases.clone());
        Self::choosing(net, templates, options, &choices)
    }

    fn choosing(
        net: &Arc<Network>,
        templates: &[VehicleTemplate],
        options: LookAheadOptions,
        choices: &Choices,
    ) -> Result<Self, TrafficError> {
        check(&options, templates)?;
        let sites = sites::sites(net, choices, options.hops);
        let mut site_of = vec![None; net.junctions().len()];
        for (k, site) in sites.iter().enumerate() {
            site_of[site.junction.ix()] = Some(k);
        }
        let horizon_s = options
            .horizon_s
            .unwrap_or_else(|| horizon_s(options.interval_s));
        let pool = (options.threads > 1)
            .then(|| {
                rayon::ThreadPoolBuilder::new()
                    .num_threads(options.threads)
                    .build()
            })
            .transpose()
            .map_err(|e| TrafficError::Option {
                what: "threads",
                message: format!("{} threads cannot be started: {e}", options.threads),
            })?;
        Ok(Self {
            watch: Watch::new(net, options.level, &templates[0]),
            net: Arc::clone(net),
            templates: templates.to_vec(),
            shown: vec![0; sites.len()],
            samples: Vec::new(),
            sites,
            site_of,
            horizon_s,
            timing: timing(&templates[0], &options),
            pool,
            clock: options
                .deadline
                .as_ref()
                .map(|(clock, _)| Arc::clone(clock)),
            efforts: Vec::new(),
            options,
        })
    }

    /// Measures wall time with this clock (the result does not depend on it).
    pub fn time_with(&mut self, clock: SharedClock) {
        self.clock = Some(clock);
    }

    /// The horizon in use, s.
    #[must_use]
    pub const fn horizon_s(&self) -> u32 {
        self.horizon_s
    }

    /// What each decision so far took.
    #[must_use]
    pub fn efforts(&self) -> &[Effort] {
        &self.efforts
    }

    /// Decides from an observation: the phase of every signalised junction, in their order.
    pub fn plan(&mut self, seen: &Observation) -> Vec<u16> {
        let found = self.search(seen, None);
        (self.sites.iter().zip(&found.plan))
            .map(|(site, o)| site.options[*o])
            .collect()
    }

    fn search(&mut self, seen: &Observation, allowed: Option<&[Vec<bool>]>) -> Found {
        let start_ns = self.clock.as_ref().map(|c| c.monotonic_ns());
        for (site, shown) in self.sites.iter().zip(&mut self.shown) {
            let phase = seen.phases[site.junction.ix()];
            *shown = site
                .options
                .iter()
                .position(|o| *o == phase)
                .unwrap_or(*shown);
        }
        for site in &mut self.sites {
            site.expect(&seen.inflow);
        }
        self.sample(seen);
        let search = Search {
            sites: &self.sites,
            settings: Settings {
                base: self.options.base,
                timing: self.timing,
                horizon_s: self.horizon_s,
                passes: self.options.passes,
            },
            samples: &self.samples,
            shown: &self.shown,
            allowed,
            pool: self.pool.as_ref(),
        };
        let budget = Limit {
            rollouts: self.options.rollouts_max,
            deadline: (self.options.deadline.as_ref())
                .map(|(clock, ms)| (clock, clock.monotonic_ns() + u64::from(*ms) * 1_000_000)),
            over: AtomicBool::new(false),
        };
        let found = search.run(&budget);
        #[allow(clippy::cast_precision_loss)] // milliseconds
        let wall_ms = match (&self.clock, start_ns) {
            (Some(clock), Some(start)) => (clock.monotonic_ns() - start) as f64 / 1e6,
            _ => 0.0,
        };
        self.efforts.push(Effort {
            time_s: seen.time_s,
            base_cost: found.base_cost,
            cost: found.cost,
            rollouts: found.rollouts,
            complete: found.complete,
            wall_ms,
        });
        self.shown.clone_from(&found.plan);
        found
    }

    /// Builds the sampled states.
    fn sample(&mut self, seen: &Observation) {
        let shares = TurnShares::new(&self.net, &seen.passed);
        let count = if seen.future.is_some() {
            1
        } else {
            self.options.samples
        };
        let twin = Twin {
            net: &self.net,
            seen,
            templates: &self.templates,
            horizon_s: self.horizon_s,
            seed: self.options.seed,
            samples: count,
        };
        while self.samples.len() < count as usize {
            self.samples
                .push(Sim::ahead(Arc::clone(&self.net), &self.templates, 1.0));
        }
        self.samples.truncate(count as usize);
        for (k, sim) in (0..).zip(&mut self.samples) {
            sim.start_ahead(&twin.start(&shares, k));
        }
    }
}

impl Controller for LookAhead {
    fn observe(&mut self, sim: &Sim) {
        self.watch.look(sim);
    }

    fn decide(&mut self, sim: &Sim, _time_s: f64) {
        let seen = self.watch.observation(sim, self.horizon_s);
        self.plan(&seen);
    }

    fn choose(&mut self, sim: &Sim, junction: JunctionIx, _time_s: f64) -> u16 {
        let site = self.site_of.get(junction.ix()).copied().flatten();
        site.map_or_else(
            || sim.phase(junction),
            |k| self.sites[k].options[self.shown[k]],
        )
    }
}

struct Limit<'a> {
    rollouts: Option<u64>,
    deadline: Option<(&'a SharedClock, u64)>,
    over: AtomicBool,
}

impl Budget for Limit<'_> {
    fn spent(&self, rollouts: u64) -> bool {
        if self.over.load(Ordering::Relaxed) || self.rollouts.is_some_and(|most| rollouts >= most) {
            return true;
        }
        let late =
            (self.deadline.as_ref()).is_some_and(|(clock, end)| clock.monotonic_ns() >= *end);
        if late {
            self.over.store(true, Ordering::Relaxed);
        }
        late
    }
}

fn timing(usual: &VehicleTemplate, options: &LookAheadOptions) -> Timing {
    let Discharge {
        headway_s,
        startup_s,
    } = discharge(usual, usual.max_speed_m_s);
    Timing {
        interval_s: options.interval_s,
        yellow_s: options.yellow_s,
        headway_s,
        startup_s,
    }
}

/// The rule of `docs/traffic/control.md`.
fn horizon_s(interval_s: u32) -> u32 {
    HORIZON_INTERVALS
        .saturating_mul(interval_s)
        .min(HORIZON_MAX_S.max(interval_s))
}

fn check(o: &LookAheadOptions, templates: &[VehicleTemplate]) -> Result<(), TrafficError> {
    let wrong = |what: &'static str, message: String| Err(TrafficError::Option { what, message });
    if templates.is_empty() {
        return wrong(
            "templates",
            "a twin needs at least one kind of vehicle".into(),
        );
    }
    if o.interval_s == 0 || o.yellow_s >= o.interval_s {
        let message = format!(
            "{} s leaves no green after {} s of yellow",
            o.interval_s, o.yellow_s
        );
        return wrong("interval_s", message);
    }
    if o.phases.is_empty() {
        return wrong("phases", "the range of phases is empty".into());
    }
    if let Some(h) = o.horizon_s
        && !(o.interval_s..=HORIZON_MAX_S).contains(&h)
    {
        let message = format!("{h} s is not between the interval and {HORIZON_MAX_S} s");
        return wrong("horizon_s", message);
    }
    if !(1..=SAMPLES_MAX).contains(&o.samples) {
        return wrong(
            "samples",
            format!("{} is not between 1 and {SAMPLES_MAX}", o.samples),
        );
    }
    if !(1..=256).contains(&o.threads) {
        return wrong("threads", format!("{} is not between 1 and 256", o.threads));
    }
    if o.hops > 3 {
        return wrong("hops", format!("{} is more than 3", o.hops));
    }
    Ok(())
}
