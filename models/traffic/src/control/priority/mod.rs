//! Priority of buses and pre-emption for emergency vehicles, around any control.
//!
//! Buses as in the Transit Signal Priority Handbook (TCRP Report 118, 2007, and FTA 2005): **green
//! extension** of the phase that is green, **early green** (red truncation) of the phase that is
//! not, both within limits, then a time of recovery in which no bus is heeded. Emergency vehicles
//! **pre-empt**: their phase is brought up and held until they have passed (MUTCD 2009, section
//! 4D.27). Requests as in NTCIP 1211: a vehicle **checks in** when it is near enough in time and
//! distance and **checks out** at the stop line; it says its class, its lane and its next movement,
//! as an equipped vehicle does. Nothing else of the simulation is read.
//!
//! **Conflicts.** Emergency beats bus, at once. Among requests of one class the one that checked in
//! first is served, the lower vehicle number of equals; others are served too if the same phase
//! serves them, and otherwise wait until it has checked out. Minimum green and clearance of the
//! phase that is left are kept for everybody.

mod requests;

use std::ops::RangeInclusive;

use serde::Serialize;

use super::SecondPlan;
use super::by_signal::BySignal;
use super::lamp::{Lamp, Order, Safety};
use crate::error::TrafficError;
use crate::ids::JunctionIx;
use crate::network::Network;
use crate::sim::Sim;
use crate::vehicle::VehicleClass;
use requests::{Approach, Request};

/// Who has priority, and within what limits.
#[derive(Debug, Clone, PartialEq)]
pub struct PriorityOptions {
    /// Buses are heeded.
    pub bus: bool,
    /// Emergency vehicles are heeded.
    pub emergency: bool,
    /// A bus checks in when its free-flow time to the stop line is at most this, s.
    pub bus_ahead_s: f64,
    /// An emergency vehicle, s.
    pub emergency_ahead_s: f64,
    /// Range of the detection, m before the stop line.
    pub range_m: f64,
    /// Longest extension of a green for a bus, s.
    pub extension_s: u32,
    /// Longest green that was brought up early for a bus, s.
    pub early_green_s: u32,
    /// Longest pre-emption, s: a vehicle that is stuck all the same (the way out is full) lets the
    /// others go on, so that the jam can clear.
    pub pre_emption_s: u32,
    /// After a bus has been served none is for so long, s.
    pub recovery_s: u32,
    /// Shortest green, s.
    pub min_green_s: u32,
    /// Clearance (phase 0) before a changed phase, s.
    pub yellow_s: u32,
    /// Phases that may be brought up.
    pub phases: RangeInclusive<u16>,
}

impl Default for PriorityOptions {
    /// Extension 10 s, early green 20 s, recovery 60 s, detection 15 s ahead for buses (TCRP 118:
    /// 10 to 20 s of change, detection 10 to 20 s ahead) and 30 s for emergency vehicles, 300 m.
    fn default() -> Self {
        Self {
            bus: true,
            emergency: true,
            bus_ahead_s: 15.0,
            emergency_ahead_s: 30.0,
            range_m: 300.0,
            extension_s: 10,
            early_green_s: 20,
            pre_emption_s: 180,
            recovery_s: 60,
            min_green_s: 5,
            yellow_s: 5,
            phases: 1..=4,
        }
    }
}

/// What became of the requests of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Requests {
    /// Check-ins, one a vehicle and signal.
    pub made: u32,
    /// Passed in the green that was there anyway.
    pub in_green: u32,
    /// Passed in an extended green.
    pub extended: u32,
    /// Passed in a green brought up early; of emergency vehicles, pre-empted.
    pub early: u32,
    /// Asked and were not served: limits, recovery, or another request.
    pub refused: u32,
    /// Not checked out when the run ended.
    pub open: u32,
}

/// What priority did in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct PriorityReport {
    /// Of buses.
    pub bus: Requests,
    /// Of emergency vehicles.
    pub emergency: Requests,
}

/// How a request is being served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Extension,
    Early,
    PreEmption,
}

/// The request a signal is serving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Service {
    vehicle: u32,
    way: Way,
    phase: u16,
    /// Seconds beyond what the controller wished; of a green brought up, seconds of green.
    used_s: u32,
}

#[derive(Debug, Clone)]
struct Site {
    junction: JunctionIx,
    approaches: Vec<Approach>,
    /// In order of check-in.
    requests: Vec<Request>,
    service: Option<Service>,
    recovery_s: u32,
    lamp: Lamp,
    order: Order,
}

/// Priority around another control.
pub struct Priority<'a> {
    inner: &'a mut dyn SecondPlan,
    options: PriorityOptions,
    sites: BySignal<Site>,
    report: PriorityReport,
}

impl<'a> Priority<'a> {
    /// Around a control of this network.
    ///
    /// # Errors
    /// Limits that contradict each other.
    pub fn new(
        net: &Network,
        inner: &'a mut dyn SecondPlan,
        options: PriorityOptions,
    ) -> Result<Self, TrafficError> {
        check(&options)?;
        let sites = net.signalised().into_iter().map(|j| Site {
            junction: j,
            approaches: requests::approaches(net, j, &options.phases),
            requests: Vec::new(),
            service: None,
            recovery_s: 0,
            lamp: Lamp::new(0),
            order: Order::Follow,
        });
        Ok(Self {
            inner,
            sites: BySignal::new(net, sites.collect(), |site| site.junction),
            options,
            report: PriorityReport::default(),
        })
    }

    /// What became of the requests so far.
    #[must_use]
    pub fn report(&self) -> PriorityReport {
        let mut report = self.report;
        for request in self.sites.iter().flat_map(|s| &s.requests) {
            report.of(request.class).open += 1;
        }
        report
    }
}

impl PriorityReport {
    const fn of(&mut self, class: VehicleClass) -> &mut Requests {
        match class {
            VehicleClass::Emergency => &mut self.emergency,
            _ => &mut self.bus,
        }
    }
}

impl SecondPlan for Priority<'_> {
    fn begin(&mut self, sim: &mut Sim) -> Result<(), TrafficError> {
        self.inner.begin(sim)?;
        for site in self.sites.iter_mut() {
            site.lamp = Lamp::new(sim.phase(site.junction));
        }
        Ok(())
    }

    fn decide(&mut self, sim: &Sim, time_s: f64) {
        self.inner.decide(sim, time_s);
        for site in self.sites.iter_mut() {
            site.lamp.see(sim.phase(site.junction));
            site.listen(sim, &self.options, &mut self.report);
            site.serve(&self.options);
        }
    }

    fn phase(&mut self, sim: &Sim, junction: JunctionIx, time_s: f64) -> u16 {
        let wish = self.inner.phase(sim, junction, time_s);
        match self.sites.get_mut(junction) {
            Some(site) => site.show(wish, &self.options),
            None => wish,
        }
    }

    fn observe(&mut self, sim: &Sim) {
        self.inner.observe(sim);
    }

    fn insists(&self, junction: JunctionIx) -> bool {
        let service = self.sites.get(junction).and_then(|site| site.service);
        service.is_some_and(|s| s.way == Way::PreEmption) || self.inner.insists(junction)
    }
}

impl Site {
    /// Check-ins and check-outs of the last second.
    fn listen(&mut self, sim: &Sim, o: &PriorityOptions, report: &mut PriorityReport) {
        let near = requests::near(sim, &self.approaches, o);
        let (stay, gone): (Vec<Request>, Vec<Request>) =
            (self.requests.drain(..)).partition(|r| near.iter().any(|n| n.vehicle == r.vehicle));
        self.requests = stay;
        for request in gone {
            let sums = report.of(request.class);
            match request.served {
                Some(Way::Extension) => sums.extended += 1,
                Some(Way::Early | Way::PreEmption) => sums.early += 1,
                None if request.lacked => sums.refused += 1,
                None => sums.in_green += 1,
            }
        }
        for now in near {
            if let Some(known) = self.requests.iter_mut().find(|r| r.vehicle == now.vehicle) {
                known.ahead_s = now.ahead_s;
            } else {
                report.of(now.class).made += 1;
                self.requests.push(now);
            }
        }
        let served = self.service;
        if let Some(service) = served
            && !self.requests.iter().any(|r| r.vehicle == service.vehicle)
        {
            self.end(o);
        }
    }

    /// Whom to serve in the coming second.
    fn serve(&mut self, o: &PriorityOptions) {
        self.recovery_s = self.recovery_s.saturating_sub(1);
        if let Some(s) = self.service
            && s.way == Way::PreEmption
            && s.used_s >= o.pre_emption_s
        {
            let stuck = self.requests.iter_mut().find(|r| r.vehicle == s.vehicle);
            stuck.into_iter().for_each(|r| r.is_spent = true);
            self.end(o);
        }
        let emergency = |r: &&Request| r.class == VehicleClass::Emergency && !r.is_spent;
        let pre_empting = matches!(self.service, Some(s) if s.way == Way::PreEmption);
        if let Some(first) = self.requests.iter().find(emergency)
            && !pre_empting
        {
            let phase = self.best_phase(first, VehicleClass::Emergency);
            self.service = Some(Service {
                vehicle: first.vehicle,
                way: Way::PreEmption,
                phase,
                used_s: 0,
            });
        }
        if let Some(s) = self.service
            && (s.way == Way::Extension && s.used_s >= o.extension_s
                || s.way == Way::Early && s.used_s >= o.early_green_s)
        {
            self.end(o);
        }
        if self.service.is_none() && self.recovery_s == 0 {
            self.service = self.early_green(o);
        }
        self.order = match self.service {
            None => Order::Follow,
            Some(s) if s.way == Way::Extension => Order::Hold,
            Some(s) => Order::Show(s.phase),
        };
    }

    /// Brings up the phase of the first bus that does not have its green.
    fn early_green(&self, o: &PriorityOptions) -> Option<Service> {
        let shown = self.lamp.shown();
        let is_cut_short = shown != 0 && self.lamp.shown_s() < o.min_green_s;
        let lacks = |r: &&Request| !r.is_spent && !r.phases.contains(&shown);
        let first = self.requests.iter().find(lacks)?;
        (!is_cut_short).then(|| Service {
            vehicle: first.vehicle,
            way: Way::Early,
            phase: self.best_phase(first, VehicleClass::Bus),
            used_s: 0,
        })
    }

    /// Of the phases that serve a request: the one shown, or the one that serves most requests of
    /// the class, the first of equals.
    fn best_phase(&self, request: &Request, class: VehicleClass) -> u16 {
        let shown = self.lamp.shown();
        if request.phases.contains(&shown) {
            return shown;
        }
        let serves = |phase: u16| {
            let same = self.requests.iter().filter(|r| r.class == class);
            same.filter(|r| r.phases.contains(&phase)).count()
        };
        let best = request.phases.iter().rev().max_by_key(|p| serves(**p));
        best.copied().unwrap_or(shown)
    }

    fn show(&mut self, wish: u16, o: &PriorityOptions) -> u16 {
        let safety = Safety {
            yellow_s: o.yellow_s,
            min_green_s: o.min_green_s,
        };
        let shown = self.lamp.shown();
        if self.order == Order::Follow && wish != shown && shown != 0 {
            self.extend(o);
        }
        let phase = self.lamp.next(wish, self.order, safety);
        if let Some(s) = &mut self.service {
            let counts = match s.way {
                Way::Extension => wish != phase,
                Way::Early | Way::PreEmption => phase == s.phase,
            };
            s.used_s += u32::from(counts);
        }
        for request in &mut self.requests {
            if !request.phases.contains(&phase) {
                request.lacked = true;
                request.served = None;
            } else if let Some(s) = self.service
                && s.phase == phase
            {
                request.served = Some(s.way);
            }
        }
        phase
    }

    /// The controller wishes to leave a green: a bus that will still make it keeps it.
    fn extend(&mut self, o: &PriorityOptions) {
        if self.service.is_some() || self.recovery_s > 0 {
            return;
        }
        let shown = self.lamp.shown();
        let makes_it =
            |r: &&Request| r.phases.contains(&shown) && r.ahead_s <= f64::from(o.extension_s);
        if let Some(first) = self.requests.iter().find(makes_it) {
            self.service = Some(Service {
                vehicle: first.vehicle,
                way: Way::Extension,
                phase: shown,
                used_s: 0,
            });
            self.order = Order::Hold;
        }
    }

    /// The vehicle served has passed, or has had its share.
    fn end(&mut self, o: &PriorityOptions) {
        if let Some(service) = self.service.take() {
            self.order = Order::Follow;
            // After a pre-emption the controller gets its time back too.
            if service.used_s > 0 {
                self.recovery_s = o.recovery_s;
            }
        }
    }
}

fn check(o: &PriorityOptions) -> Result<(), TrafficError> {
    let wrong = |what: &'static str, message: String| Err(TrafficError::Option { what, message });
    for (what, value) in [
        ("bus_ahead_s", o.bus_ahead_s),
        ("emergency_ahead_s", o.emergency_ahead_s),
        ("range_m", o.range_m),
    ] {
        if !(1.0..=5_000.0).contains(&value) {
            return wrong(what, format!("{value} is not between 1 and 5,000"));
        }
    }
    for (what, value) in [
        ("extension_s", o.extension_s),
        ("early_green_s", o.early_green_s),
        ("pre_emption_s", o.pre_emption_s),
        ("recovery_s", o.recovery_s),
        ("min_green_s", o.min_green_s),
    ] {
        if value > 600 {
            return wrong(what, format!("{value} s is longer than 600 s"));
        }
    }
    if o.early_green_s < o.min_green_s {
        let message = format!(
            "{} s is shorter than the shortest green, {} s",
            o.early_green_s, o.min_green_s
        );
        return wrong("early_green_s", message);
    }
    Ok(())
}
