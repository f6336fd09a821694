//! Vehicles that halt on their way: buses at stops, and those that turn into a car park.
//!
//! A halt stands on the lane that the vehicle's path takes: who follows waits behind it, as at a stop
//! without a bay. The dwell begins when the vehicle stands within [`NEAR_M`] of the place, for it may
//! stand behind another; it ends after the dwell time and not before the timetable says.

use super::choose::drivable_after;
use super::cross::View;
use super::lane_change::Lattice;
use super::speed::stop;
use super::state::{Car, State};
use super::{Sim, WAITING_BELOW_M_S};
use crate::ids::NONE;
use crate::plan::Tpl;

/// A vehicle that stands so near before the place has arrived; one so far beyond has missed it, m.
const NEAR_M: f64 = 6.0;

/// In [`Halt::until`]: the vehicle leaves the road.
pub(crate) const LEAVES: u32 = NONE - 1;

/// What a vehicle is on its way to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aim {
    /// This entry of a list of stops.
    Stop { list: u32, at: u32 },
    /// A car park.
    Park { place: u32 },
}

/// The next halt of a running vehicle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Halt {
    /// The vehicle.
    pub(crate) event: u32,
    pub(crate) aim: Aim,
    /// Cursors on the lanes of its road: from, and first beyond.
    pub(crate) path_at: u32,
    pub(crate) path_to: u32,
    /// From the start of the lane, m.
    pub(crate) position_m: f64,
    /// First step in which it goes on; `NONE` while it has not arrived.
    pub(crate) until: u32,
}

/// What a vehicle tells of its halt in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    Arrived,
    Missed,
}

/// What has become of the halts of a run.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize)]
pub struct HaltTally {
    /// Halts made.
    pub served: u32,
    /// Halts passed without stopping, or beyond a way that was cut or changed.
    pub missed: u32,
    /// Halts with a timetable that were made.
    pub timed: u32,
    /// Sum over those of how much later than the timetable the vehicle went on, s (never negative:
    /// early vehicles wait).
    pub late_s: f64,
}

impl View<'_> {
    /// The halt that a vehicle drives to or is at.
    fn halt(&self, car: &Car) -> Option<&Halt> {
        let halts = &self.state.halts;
        let at = halts.binary_search_by_key(&car.event, |h| h.event).ok()?;
        halts.get(at)
    }

    /// What the halt ahead leaves of speed (m/s), what the vehicle tells, and whether it leaves the road.
    pub(crate) fn halting(
        &self,
        lattice: Option<&Lattice>,
        car: &Car,
        tpl: &Tpl,
        drivable: u32,
    ) -> (f64, Option<Told>, bool) {
        let Some(halt) = self.halt(car) else {
            return (f64::INFINITY, None, false);
        };
        if halt.until != NONE {
            return (0.0, None, halt.until == LEAVES);
        }
        let reach_m = tpl.reach_m(car.speed, car.speed + tpl.max_pos * self.dt, self.dt);
        match self.rest_m(lattice, car, drivable, halt, reach_m) {
            Rest::Far => (f64::INFINITY, None, false),
            Rest::Behind => (f64::INFINITY, Some(Told::Missed), false),
            Rest::M(rest) if rest < -NEAR_M => (f64::INFINITY, Some(Told::Missed), false),
            Rest::M(rest) if car.speed < WAITING_BELOW_M_S && rest <= NEAR_M => {
                (0.0, Some(Told::Arrived), false)
            }
            Rest::M(rest) if rest <= 0.0 => (0.0, None, false),
            Rest::M(rest) => (stop(tpl, car.speed, rest, self.dt), None, false),
        }
    }

    /// How far it is to the halt, as long as that is within `reach_m`.
    fn rest_m(
        &self,
        lattice: Option<&Lattice>,
        car: &Car,
        drivable: u32,
        halt: &Halt,
        reach_m: f64,
    ) -> Rest {
        if car.cursor >= halt.path_to {
            return Rest::Behind;
        }
        let (mut rest, mut on, mut cursor) = (-car.pos, drivable, car.cursor);
        while cursor < halt.path_at {
            rest += self.net.flat.length_m[on as usize];
            if rest > reach_m {
                return Rest::Far;
            }
            let here = (on, cursor);
            (on, cursor) = drivable_after(self.net, self.plan, lattice, here, car.path_end);
            if on == NONE {
                // The way ends before: with lane change on this lane only, else for good.
                let may_change = lattice.is_some();
                return if may_change { Rest::Far } else { Rest::Behind };
            }
        }
        let rest = rest + halt.position_m;
        if rest > reach_m {
            Rest::Far
        } else {
            Rest::M(rest)
        }
    }
}

/// The way to a halt.
enum Rest {
    Far,
    Behind,
    M(f64),
}

impl State {
    /// Takes a vehicle's halt away.
    pub(crate) fn drop_halt(&mut self, event: u32) {
        if let Ok(at) = self.halts.binary_search_by_key(&event, |h| h.event) {
            self.halts.remove(at);
        }
    }

    /// Forgets where a vehicle is on its way to: a stop, a car park.
    pub(crate) fn forget_aim(&mut self, event: u32) {
        self.drop_halt(event);
        if let Ok(at) = self.seeks.binary_search_by_key(&event, |s| s.event) {
            self.seeks.remove(at);
        }
    }

    /// Whether a vehicle is on its way to a stop.
    pub(crate) fn halts_at_stop(&self, event: u32) -> bool {
        let at = self.halts.binary_search_by_key(&event, |h| h.event);
        at.is_ok_and(|at| matches!(self.halts[at].aim, Aim::Stop { .. }))
    }

    /// A vehicle's halt is now on the lane with these cursors.
    pub(crate) fn move_halt(&mut self, event: u32, (path_at, path_to): (u32, u32)) {
        if let Ok(at) = self.halts.binary_search_by_key(&event, |h| h.event) {
            let halt = &mut self.halts[at];
            (halt.path_at, halt.path_to) = (path_at, path_to);
        }
    }

    /// Gives a vehicle a halt in place of the one it has.
    pub(crate) fn set_halt(&mut self, halt: Halt) {
        match self.halts.binary_search_by_key(&halt.event, |h| h.event) {
            Ok(at) => self.halts[at] = halt,
            Err(at) => self.halts.insert(at, halt),
        }
    }
}

impl Sim {
    /// A vehicle that has just entered drives to the first halt of its flow.
    pub(crate) fn begin_halts(&mut self, event: u32) {
        let flow = self.plan.events[event as usize].flow;
        let flow = self.demand.flows().get(flow as usize);
        if let Some(list) = flow.and_then(|f| f.stops) {
            self.aim_at(event, list, 0);
        }
    }

    /// Sets the vehicle's next halt: the first of its list from `at` on that its path reaches.
    fn aim_at(&mut self, event: u32, list: u32, at: u32) {
        let stops = &self.demand.stop_lists()[list as usize];
        for at in at..u32::try_from(stops.len()).expect("halts are limited") {
            let stop = &stops[at as usize];
            if let Some((path_at, path_to)) = self.road_cursors(event, stop.road_at) {
                return self.state.set_halt(Halt {
                    event,
                    aim: Aim::Stop { list, at },
                    path_at,
                    path_to,
                    position_m: stop.position_m,
                    until: NONE,
                });
            }
            self.state.halt_tally.missed += 1;
        }
        self.state.drop_halt(event);
    }

    /// The cursors that a vehicle has on a road of its route; none where its path ends before.
    fn road_cursors(&self, event: u32, road_at: u32) -> Option<(u32, u32)> {
        let event = &self.plan.events[event as usize];
        if let Some(lattice) = &self.lattice {
            let flow = self.demand.flows().get(event.flow as usize)?;
            return Some(lattice.road_words(&self.net, &self.demand, flow.route, road_at));
        }
        let at = event.path + 2 * road_at;
        (at < event.path_end).then_some((at, at + 1))
    }

    /// Takes in what vehicles told in this step, and lets those go on whose time has come.
    pub(crate) fn serve_halts(&mut self) {
        if !self.state.leaving.is_empty() {
            self.free_places();
        }
        if self.state.halts.is_empty() {
            return;
        }
        let next = self.state.step + 1;
        let mut told = std::mem::take(&mut self.scratch.told);
        for (event, slot, what) in told.drain(..) {
            let found = (self.state.halts).binary_search_by_key(&event, |h| h.event);
            let Ok(at) = found else { continue };
            let halt = self.state.halts[at];
            match (what, halt.aim) {
                (Told::Arrived, Aim::Stop { list, at: nth }) => {
                    self.state.halts[at].until = self.goes_on(event, list, nth);
                }
                (Told::Missed, Aim::Stop { list, at: nth }) => {
                    self.state.halt_tally.missed += 1;
                    self.aim_at(event, list, nth + 1);
                }
                (_, Aim::Park { place }) => self.arrive_at_park((event, slot), place, what),
            }
        }
        self.scratch.told = told;
        let mut at = 0;
        while let Some(halt) = self.state.halts.get(at).copied() {
            if halt.until <= next
                && let Aim::Stop { list, at: nth } = halt.aim
            {
                self.state.halt_tally.served += 1;
                self.aim_at(halt.event, list, nth + 1);
            }
            // Its place holds the next one where it had no further halt.
            at += usize::from(
                self.state
                    .halts
                    .get(at)
                    .is_some_and(|h| h.event == halt.event),
            );
        }
    }

    /// The first step in which a vehicle that arrives in this one goes on.
    fn goes_on(&mut self, event: u32, list: u32, nth: u32) -> u32 {
        let stop = self.demand.stop_lists()[list as usize][nth as usize];
        let created_s = f64::from(self.plan.events[event as usize].step) * self.dt;
        let now_s = f64::from(self.state.step) * self.dt;
        let mut goes_s = now_s + stop.dwell_s;
        if let Some(until_s) = stop.until_s {
            let due_s = created_s + until_s;
            goes_s = goes_s.max(due_s);
            self.state.halt_tally.timed += 1;
            self.state.halt_tally.late_s += goes_s - due_s;
        }
        let steps = (goes_s / self.dt).ceil();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped
        let step = steps.clamp(0.0, f64::from(LEAVES - 1)) as u32;
        step.max(self.state.step + 1)
    }

    /// What has become of halts so far.
    #[must_use]
    pub const fn halt_tally(&self) -> HaltTally {
        self.state.halt_tally
    }
}
