//! What those who wait ask of the signals, whatever controls them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::demand::{Arrivals, WalkDemand};
use super::{Crossing, CrossingOptions};
use crate::control::SecondPlan;
use crate::control::by_signal::BySignal;
use crate::control::lamp::{Lamp, Order, Safety};
use crate::error::TrafficError;
use crate::ids::JunctionIx;
use crate::network::Network;
use crate::sim::Sim;

/// Who crossed, and how long they waited.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Served {
    /// Came to the crossing.
    pub arrived: u32,
    /// Started to cross.
    pub served: u32,
    /// Mean time from arrival to start (HCM pedestrian delay) of those served, s; 0 without any.
    pub mean_delay_s: f64,
    /// Longest, those still waiting included, s.
    pub max_delay_s: f64,
    /// Sum behind the mean, s.
    #[serde(skip)]
    sum_s: f64,
}

/// One crossing of a report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ServedCrossing {
    /// Which.
    #[serde(flatten)]
    pub crossing: Crossing,
    /// People on foot.
    pub pedestrians: Served,
    /// Cyclists.
    pub bicycles: Served,
}

/// All crossings of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ServedReport {
    /// People on foot, all crossings.
    pub pedestrians: Served,
    /// Cyclists, all crossings.
    pub bicycles: Served,
    /// Crossings with demand that no phase serves; their demand is left out.
    pub unserved_crossings: u32,
    /// By crossing.
    pub crossings: Vec<ServedCrossing>,
}

/// A kind of people at a crossing.
#[derive(Debug, Clone)]
struct Queue {
    arrivals: Arrivals,
    /// When those who wait came, s.
    waiting_s: Vec<f64>,
    served: Served,
}

impl Queue {
    fn new(per_h: f64, seed: u32, number: usize) -> Self {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        Self {
            arrivals: Arrivals::new(per_h, seed, number),
            waiting_s: Vec::new(),
            served: Served::default(),
        }
    }

    fn arrive(&mut self, time_s: f64) {
        while let Some(at_s) = self.arrivals.before(time_s) {
            self.waiting_s.push(at_s);
            self.served.arrived += 1;
        }
    }

    fn go(&mut self, time_s: f64) {
        for at_s in self.waiting_s.drain(..) {
            let delay_s = time_s - at_s;
            self.served.served += 1;
            self.served.sum_s += delay_s;
            self.served.max_delay_s = self.served.max_delay_s.max(delay_s);
        }
    }

    /// The measures so far.
    fn now(&self, time_s: f64) -> Served {
        let oldest_s = self.waiting_s.first().map_or(0.0, |at_s| time_s - at_s);
        let mut served = self.served;
        served.max_delay_s = served.max_delay_s.max(oldest_s);
        served.mean_delay_s = served.sum_s / f64::from(served.served.max(1));
        served
    }
}

impl Served {
    fn add(&mut self, other: &Self) {
        self.arrived += other.arrived;
        self.served += other.served;
        self.sum_s += other.sum_s;
        self.max_delay_s = self.max_delay_s.max(other.max_delay_s);
        self.mean_delay_s = self.sum_s / f64::from(self.served.max(1));
    }
}

#[derive(Debug, Clone)]
struct Walk {
    /// Place in the list of crossings.
    crossing: usize,
    phases: Vec<u16>,
    pedestrian_s: u32,
    bicycle_s: u32,
    on_foot: Queue,
    cycling: Queue,
    /// For how long the walk signal still shows, s.
    walk_left_s: u32,
}

impl Walk {
    /// When the first of those who wait came, s.
    fn oldest_s(&self) -> Option<f64> {
        let first = |q: &Queue| q.waiting_s.first().copied();
        let both = [first(&self.on_foot), first(&self.cycling)];
        both.into_iter().flatten().min_by(f64::total_cmp)
    }

    /// What the green has to last from now on for those who wait, s.
    fn needs_s(&self) -> u32 {
        match (
            self.on_foot.waiting_s.is_empty(),
            self.cycling.waiting_s.is_empty(),
        ) {
            (false, _) => self.pedestrian_s,
            (true, false) => self.bicycle_s,
            (true, true) => 0,
        }
    }
}

#[derive(Debug, Clone)]
struct Site {
    junction: JunctionIx,
    walks: Vec<Walk>,
    lamp: Lamp,
    /// The present green may not end for so long, s.
    hold_s: u32,
}

/// Pedestrians and cyclists around another control: their minimum greens hold its phases, and who
/// has waited longest gets a phase of its own in the end. Outermost of all: nobody cuts their time.
pub struct Crossings<'a> {
    inner: &'a mut dyn SecondPlan,
    options: CrossingOptions,
    all: Vec<Crossing>,
    sites: BySignal<Site>,
    unserved_crossings: u32,
}

impl<'a> Crossings<'a> {
    /// Around a control of this network; `all` and `demand` are by crossing.
    ///
    /// # Errors
    /// Times outside their range, or a demand of another number of crossings.
    pub fn new(
        net: &Network,
        inner: &'a mut dyn SecondPlan,
        all: &[Crossing],
        demand: &WalkDemand,
        options: CrossingOptions,
    ) -> Result<Self, TrafficError> {
        options.check()?;
        if demand.ped_h.len() != all.len() {
            return Err(TrafficError::StateMismatch {
                what: "set of crossings",
                found: demand.ped_h.len(),
                expected: all.len(),
            });
        }
        let mut walks: BTreeMap<JunctionIx, Vec<Walk>> = BTreeMap::new();
        let mut unserved_crossings = 0;
        for (k, crossing) in all.iter().enumerate() {
            let rates = (demand.ped_h[k], demand.bike_h[k]);
            if crossing.phases.is_empty() {
                unserved_crossings += u32::from(rates.0 + rates.1 > 0.0);
                continue;
            }
            walks.entry(crossing.junction).or_default().push(Walk {
                crossing: k,
                phases: crossing.phases.clone(),
                pedestrian_s: options.pedestrian_green_s(crossing.length_m),
                bicycle_s: options.bicycle_green_s(crossing.length_m),
                on_foot: Queue::new(rates.0, options.seed, 2 * k),
                cycling: Queue::new(rates.1, options.seed, 2 * k + 1),
                walk_left_s: 0,
            });
        }
        let sites = walks.into_iter().map(|(junction, walks)| Site {
            junction,
            walks,
            lamp: Lamp::new(0),
            hold_s: 0,
        });
        Ok(Self {
            inner,
            options,
            all: all.to_vec(),
            sites: BySignal::new(net, sites.collect(), |site| site.junction),
            unserved_crossings,
        })
    }

    /// Who crossed so far, at a time.
    #[must_use]
    pub fn report(&self, time_s: f64) -> ServedReport {
        let mut report = ServedReport {
            pedestrians: Served::default(),
            bicycles: Served::default(),
            unserved_crossings: self.unserved_crossings,
            crossings: Vec::new(),
        };
        for walk in self.sites.iter().flat_map(|s| &s.walks) {
            let (on_foot, cycling) = (walk.on_foot.now(time_s), walk.cycling.now(time_s));
            report.pedestrians.add(&on_foot);
            report.bicycles.add(&cycling);
            report.crossings.push(ServedCrossing {
                crossing: self.all[walk.crossing].clone(),
                pedestrians: on_foot,
                bicycles: cycling,
            });
        }
        report
    }
}

impl SecondPlan for Crossings<'_> {
    fn begin(&mut self, sim: &mut Sim) -> Result<(), TrafficError> {
        self.inner.begin(sim)?;
        for site in self.sites.iter_mut() {
            site.lamp = Lamp::new(sim.phase(site.junction));
        }
        Ok(())
    }

    fn decide(&mut self, sim: &Sim, time_s: f64) {
        self.inner.decide(sim, time_s);
        for walk in self.sites.iter_mut().flat_map(|s| &mut s.walks) {
            walk.on_foot.arrive(time_s);
            walk.cycling.arrive(time_s);
        }
    }

    fn phase(&mut self, sim: &Sim, junction: JunctionIx, time_s: f64) -> u16 {
        let wish = self.inner.phase(sim, junction, time_s);
        let insists = self.inner.insists(junction);
        match self.sites.get_mut(junction) {
            Some(site) => site.show(wish, insists, time_s, &self.options),
            None => wish,
        }
    }

    fn observe(&mut self, sim: &Sim) {
        self.inner.observe(sim);
    }

    fn insists(&self, junction: JunctionIx) -> bool {
        self.inner.insists(junction)
    }
}

impl Site {
    fn show(&mut self, wish: u16, insists: bool, time_s: f64, o: &CrossingOptions) -> u16 {
        let safety = Safety {
            yellow_s: o.yellow_s,
            min_green_s: o.min_green_s,
        };
        let overdue = if insists {
            None
        } else {
            self.overdue(wish, time_s, o)
        };
        let order = match overdue {
            _ if self.hold_s > 0 => Order::Hold,
            Some(phase) => Order::Show(phase),
            None => Order::Follow,
        };
        let before = self.lamp.shown();
        let phase = self.lamp.next(wish, order, safety);
        if phase != before {
            self.hold_s = 0;
            for walk in &mut self.walks {
                walk.walk_left_s = 0;
            }
        }
        // A walk begins with the green, or within one that would go on anyway and that nobody at
        // another crossing waits to see ended.
        let goes_on = wish == phase && !self.walks.iter().any(|w| waits_for_other(w, phase));
        let may_begin = self.lamp.shown_s() <= 1 || goes_on || order == Order::Show(phase);
        for walk in &mut self.walks {
            if !walk.phases.contains(&phase) {
                continue;
            }
            if walk.walk_left_s == 0 && may_begin && walk.needs_s() > 0 {
                self.hold_s = self.hold_s.max(walk.needs_s());
                let on_foot = !walk.on_foot.waiting_s.is_empty();
                walk.walk_left_s = if on_foot { o.walk_s } else { 1 };
            }
            if walk.walk_left_s > 0 {
                walk.on_foot.go(time_s);
                walk.cycling.go(time_s);
                walk.walk_left_s -= 1;
            }
        }
        self.hold_s = self.hold_s.saturating_sub(1);
        phase
    }

    /// The phase for whoever has waited longest, once somebody would otherwise wait longer than
    /// allowed.
    fn overdue(&self, wish: u16, time_s: f64, o: &CrossingOptions) -> Option<u16> {
        let least_s = o.min_green_s.saturating_sub(self.lamp.shown_s());
        let stays_s = if self.lamp.shown() == 0 {
            0
        } else {
            self.hold_s.max(least_s)
        };
        let late = |w: &Walk| {
            let first_s = self.detour_s(w, wish, o).max(self.turn_s(w, o));
            let left_s = f64::from(stays_s + o.yellow_s + 1 + first_s);
            let wait_s = w.oldest_s().map(|at_s| time_s - at_s);
            wait_s.is_some_and(|wait_s| wait_s + left_s >= f64::from(o.max_wait_s))
        };
        if !self.walks.iter().any(late) {
            return None;
        }
        let key = |w: &Walk| w.oldest_s().unwrap_or(f64::INFINITY);
        let walk = (self.walks.iter()).min_by(|a, b| key(a).total_cmp(&key(b)))?;
        let shown = self.lamp.shown();
        if walk.phases.contains(&shown) {
            return Some(shown);
        }
        let serves = |phase: u16| {
            let waiting = self.walks.iter().filter(|w| w.oldest_s().is_some());
            waiting.filter(|w| w.phases.contains(&phase)).count()
        };
        walk.phases
            .iter()
            .rev()
            .max_by_key(|p| serves(**p))
            .copied()
    }

    /// What those at other crossings need who have waited longer and are served first, s.
    fn turn_s(&self, walk: &Walk, o: &CrossingOptions) -> u32 {
        let before = |w: &&Walk| {
            w.oldest_s() < walk.oldest_s() && !w.phases.iter().any(|p| walk.phases.contains(p))
        };
        let waiting = self.walks.iter().filter(|w| w.oldest_s().is_some());
        // A pedestrian may yet join a cyclist.
        let needs = waiting.filter(before).map(|w| w.pedestrian_s + o.yellow_s);
        needs.max().unwrap_or(0)
    }

    /// What it would take longer if the control had its wish first: a green for others, s.
    fn detour_s(&self, walk: &Walk, wish: u16, o: &CrossingOptions) -> u32 {
        if wish == self.lamp.shown() && wish != 0 || walk.phases.contains(&wish) {
            return 0;
        }
        // In clearance nobody knows what comes: what takes longest.
        let comes = |w: &&Walk| {
            (wish == 0 || w.phases.contains(&wish))
                && w.crossing != walk.crossing
                && w.oldest_s().is_some()
        };
        let others = self.walks.iter().filter(comes);
        let longest_s = others.map(|w| w.pedestrian_s).max().unwrap_or(0);
        longest_s.max(o.min_green_s) + o.yellow_s
    }
}

fn waits_for_other(walk: &Walk, phase: u16) -> bool {
    !walk.phases.contains(&phase) && walk.oldest_s().is_some()
}
