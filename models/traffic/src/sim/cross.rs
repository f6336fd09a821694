//! Who is near a conflict point and who may pass it.
//!
//! The reference notifies all conflict points in every step. Here the vehicle that would be
//! notified is found when somebody asks: for one point it is the first, in the order of
//! notification, whose body has not passed it, because bodies clear the points from the far end.

use super::lane_change::Wishes;
use super::speed::{TURN_SPEED_M_S, YIELD_M, brake_m, steps_to_reach};
use super::state::{Car, Met, State};
use crate::ids::NONE;
use crate::network::Network;
use crate::plan::{Plan, Tpl};

/// What right of way reads: the old state only.
pub(crate) struct View<'a> {
    pub(crate) net: &'a Network,
    pub(crate) plan: &'a Plan,
    pub(crate) state: &'a State,
    /// Empty without lane change.
    pub(crate) wishes: &'a Wishes,
    pub(crate) dt: f64,
}

/// The asking vehicle at a conflict.
pub(crate) struct Asker<'a> {
    pub(crate) car: &'a Car,
    pub(crate) tpl: &'a Tpl,
    pub(crate) link: usize,
    /// Distance from it to the conflict, m.
    pub(crate) d: f64,
}

impl View<'_> {
    /// The length of a step, s: 1 where `SECOND` is true.
    #[inline(always)]
    pub(crate) const fn dt<const SECOND: bool>(&self) -> f64 {
        if SECOND { 1.0 } else { self.dt }
    }

    #[inline]
    pub(crate) fn car(&self, slot: u32) -> &Car {
        &self.state.cars[slot as usize]
    }

    #[inline]
    pub(crate) fn tpl(&self, car: &Car) -> &Tpl {
        &self.plan.templates[car.template as usize]
    }

    /// The drivable after the vehicle's present one, or `NONE`.
    #[inline]
    pub(crate) fn next(&self, car: &Car) -> u32 {
        let at = car.cursor + 1;
        if at < car.path_end {
            self.plan.paths[at as usize]
        } else {
            NONE
        }
    }

    /// The vehicle notified at distance `c` of `link`, and its distance to that point (negative:
    /// behind its front). `NONE` if nobody is. `met` and `bit` say who can be there.
    pub(crate) fn foe(&self, link: usize, c: f64, met: &Met, bit: u64) -> (u32, f64) {
        let flat = &self.net.flat;
        let drivable = self.net.lanes.len() + link;
        if met.leaving & bit != 0 {
            let last = self.state.tracks[flat.link_to[link] as usize].tail;
            if let Some(car) = self.state.cars.get(last as usize)
                && car.prev as usize == drivable
            {
                let beyond = flat.length_m[drivable] - c;
                if beyond + (car.pos - self.tpl(car).len) < 0.0 {
                    return (last, -(car.pos + beyond));
                }
            }
        }
        let mut slot = if met.inside & bit == 0 {
            NONE
        } else {
            self.state.tracks[drivable].front
        };
        while slot != NONE {
            let car = self.car(slot);
            let passed = car.pos > c && car.pos - c - self.tpl(car).len > 0.0;
            if !passed {
                return (slot, c - car.pos);
            }
            slot = car.behind;
        }
        if met.coming & bit != 0 && self.state.green[link] != 0 {
            let lane = flat.link_from[link] as usize;
            let first = self.state.tracks[lane].front;
            if first != NONE {
                let car = self.car(first);
                if self.next(car) as usize == drivable {
                    return (first, (flat.length_m[lane] - car.pos) + c);
                }
            }
        }
        (NONE, 0.0)
    }

    fn can_yield(car: &Car, tpl: &Tpl, d: f64) -> bool {
        (d > 0.0 && brake_m(tpl, car.speed) < d - YIELD_M) || (d < 0.0 && d + tpl.len < 0.0)
    }

    fn steps(&self, car: &Car, tpl: &Tpl, link: usize, d: f64) -> f64 {
        let turn = self.net.flat.link_rank[link] < 3;
        let target = if turn { TURN_SPEED_M_S } else { tpl.vmax };
        steps_to_reach(tpl, car.speed, d, target, self.dt)
    }

    /// May `asker` pass its conflict with `foe` on `foe_link`, `d2` m from it?
    pub(crate) fn may_pass(&self, asker: &Asker<'_>, foe: u32, foe_link: usize, d2: f64) -> bool {
        if foe == NONE || !Self::can_yield(asker.car, asker.tpl, asker.d) {
            return true;
        }
        let other = self.car(foe);
        let other_tpl = self.tpl(other);
        let goes = Self::can_yield(other, other_tpl, d2)
            && self.goes_first(asker, other, other_tpl, foe_link, d2);
        goes || self.blocked_in_a_circle(foe)
    }

    fn goes_first(
        &self,
        me: &Asker<'_>,
        other: &Car,
        other_tpl: &Tpl,
        foe_link: usize,
        d2: f64,
    ) -> bool {
        let rank = &self.net.flat.link_rank;
        let (mine, theirs) = (rank[me.link], rank[foe_link]);
        if mine > theirs {
            return true;
        }
        if d2 <= 0.0 {
            return d2 + other_tpl.len < 0.0;
        }
        let their_steps = self.steps(other, other_tpl, foe_link, d2);
        let my_steps = self.steps(me.car, me.tpl, me.link, me.d);
        if mine < theirs || their_steps != my_steps {
            return their_steps > my_steps;
        }
        if me.car.entered_link != other.entered_link {
            return me.car.entered_link < other.entered_link;
        }
        if me.d == d2 {
            me.car.priority > other.priority
        } else {
            me.d < d2
        }
    }

    /// Follows last step's blockers from `foe` with a slow and a fast pointer.
    pub(crate) fn blocked_in_a_circle(&self, foe: u32) -> bool {
        let blocker = |slot: u32| self.car(slot).blocker;
        let (mut slow, mut fast) = (foe, foe);
        while fast != NONE && blocker(fast) != NONE {
            slow = blocker(slow);
            fast = blocker(blocker(fast));
            if slow == fast {
                return true;
            }
        }
        false
    }
}
