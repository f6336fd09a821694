//! Who wishes to change lane, whom it asks, and how those give way.

use super::super::Sim;
use super::super::choose::Here;
use super::super::cross::View;
use super::super::speed::{brake_m, least, safe};
use super::super::state::{ASKED, Car, SHADOW, State};
use super::Lattice;
use crate::ids::NONE;
use crate::plan::{Plan, Tpl};

/// No wish before this time, s (the reference's pause between changes; a vehicle that has changed
/// is a new one to it, so that the pause acts at the start only).
const PAUSE_S: f64 = 3.0;
/// No wish this near to the end of the lane, m.
const END_M: f64 = 30.0;

/// A vehicle that wishes to go to the lane beside, or is on its way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wish {
    /// Number in order of creation: the order of turns.
    pub(crate) event: u32,
    pub(crate) slot: u32,
    pub(crate) from: u32,
    pub(crate) to: u32,
    /// Its neighbours on the lane it wishes for, or `NONE`, and the gaps to them, m.
    leader: u32,
    pub(crate) follower: u32,
    gap_ahead_m: f64,
    gap_behind_m: f64,
}

/// The wishes of a step and who was asked by whom.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wishes {
    pub(crate) all: Vec<Wish>,
    /// By slot: the wish a vehicle heeds.
    heeds: Vec<u32>,
    asked: Vec<u32>,
    /// By slot of a body of a pair: its place in the step's next states.
    held: Vec<u32>,
}

impl Wishes {
    pub(crate) fn clear(&mut self) {
        self.all.clear();
        self.asked.clear();
        self.heeds.clear();
    }

    /// Forgets the last step's.
    pub(crate) fn begin(&mut self, slots: usize) {
        for slot in self.asked.drain(..) {
            self.heeds[slot as usize] = NONE;
        }
        self.all.clear();
        self.heed_up_to(slots);
    }

    /// Makes room for new bodies.
    pub(crate) fn heed_up_to(&mut self, slots: usize) {
        self.heeds.resize(slots, NONE);
        self.held.resize(slots, NONE);
    }

    /// One body of a pair has chosen its speed.
    fn hold(&mut self, slot: u32, at: u32) {
        self.held[slot as usize] = at;
    }

    /// Bodies of pairs have chosen their speeds.
    pub(crate) fn hold_all(&mut self, held: &mut Vec<(u32, u32)>) {
        for (slot, at) in held.drain(..) {
            self.hold(slot, at);
        }
    }

    /// Where its next state stands.
    pub(crate) fn held(&self, slot: u32) -> u32 {
        self.held[slot as usize]
    }

    /// Whether a vehicle heeds another's wish.
    pub(crate) fn heeded_by(&self, slot: u32) -> bool {
        self.heeds
            .get(slot as usize)
            .is_some_and(|wish| *wish != NONE)
    }

    /// A vehicle hears of a wish; it heeds that of the highest priority, and if it is not a shadow
    /// only one above its own.
    fn ask(&mut self, state: &mut State, slot: u32, wish: u32) {
        if slot == NONE {
            return;
        }
        let source = |w: u32| state.cars[self.all[w as usize].slot as usize].priority;
        let car = &state.cars[slot as usize];
        let is_shadow = car.flags & SHADOW != 0;
        if car.partner != NONE && !is_shadow {
            return;
        }
        let priority = source(wish);
        let heard = self.heeds[slot as usize];
        if (heard == NONE || source(heard) < priority) && (is_shadow || car.priority < priority) {
            if heard == NONE {
                self.asked.push(slot);
            }
            self.heeds[slot as usize] = wish;
            state.cars[slot as usize].flags |= ASKED;
        }
    }

    /// The speed of a vehicle that was asked, or stands on a lane that does not serve its route.
    pub(crate) fn limit(&self, view: &View<'_>, car: &Car, slot: u32, here: &Here, u: f64) -> f64 {
        let own = view.tpl(car);
        let mut u = u;
        let heard = self.heeds.get(slot as usize).copied().unwrap_or(NONE);
        if let Some(wish) = self.all.get(heard as usize)
            && wish.leader != slot
        {
            let source = view.car(wish.slot);
            let behind = if wish.follower == NONE {
                0.0
            } else {
                let follower = view.car(wish.follower);
                brake_m(view.tpl(follower), follower.speed)
            };
            let gap = wish.gap_behind_m - behind;
            let hardest = view.tpl(source).max_neg;
            let yields = safe(
                source.speed,
                hardest,
                car.speed,
                own.max_neg,
                gap,
                0.0,
                view.dt,
            );
            // Too fast to give way: it goes first.
            if yields >= 0.0 {
                u = least(u, yields);
            }
        }
        if car.path_end == car.cursor {
            let rest = here.length - car.pos;
            let end = safe(0.0, 1.0, car.speed, own.max_neg, rest, own.min_gap, view.dt);
            u = least(u, end);
        }
        u
    }
}

/// Walks a lane from the front along positions that fall.
struct Beside {
    lane: u32,
    last: u32,
    at: u32,
}

impl Beside {
    fn new(state: &State, lane: Option<u32>) -> Self {
        let lane = lane.unwrap_or(NONE);
        let track = state.tracks.get(lane as usize);
        Self {
            lane,
            last: NONE,
            at: track.map_or(NONE, |t| t.front),
        }
    }

    /// The nearest vehicle at or ahead of `pos`.
    fn ahead_of(&mut self, state: &State, pos: f64) -> u32 {
        while self.at != NONE && state.cars[self.at as usize].pos >= pos {
            self.last = self.at;
            self.at = state.cars[self.at as usize].behind;
        }
        self.last
    }
}

impl Sim {
    /// Lets vehicles wish, ask and go: step 3 of a step.
    pub(crate) fn change_lanes(&mut self, lattice: &Lattice) {
        self.keep_outputs();
        self.scratch.wishes.begin(self.state.cars.len());
        self.collect_wishes(lattice);
        for change in &self.state.changes {
            let event = self.state.cars[change.slot as usize].event;
            let wish = Wish {
                event,
                slot: change.slot,
                from: change.from,
                to: change.to,
                leader: NONE,
                follower: NONE,
                gap_ahead_m: 0.0,
                gap_behind_m: 0.0,
            };
            self.scratch.wishes.all.push(wish);
        }
        self.scratch.wishes.all.sort_by_key(|wish| wish.event);
        let mut any = false;
        for w in 0..self.scratch.wishes.all.len() {
            any |= self.take_turn(lattice, w);
        }
        if any {
            self.find_leaders();
        }
    }

    fn collect_wishes(&mut self, lattice: &Lattice) {
        if f64::from(self.state.step) * self.dt < PAUSE_S {
            return;
        }
        let lanes = self.net.lanes.len();
        for i in 0..self.state.occupied.len() {
            let lane = self.state.occupied[i];
            if (lane as usize) < lanes {
                self.wishes_of_lane(lattice, lane);
            }
        }
    }

    fn wishes_of_lane(&mut self, lattice: &Lattice, lane: u32) {
        let (outer, inner) = (lattice.outer(lane), lattice.inner(lane));
        if outer.is_none() && inner.is_none() {
            return;
        }
        let state = &self.state;
        let track = &state.tracks[lane as usize];
        let length = self.net.flat.length_m[lane as usize];
        let mut outer = Beside::new(state, outer);
        let mut inner = Beside::new(state, inner);
        let (mut slot, mut ahead) = (track.front, NONE);
        while slot != NONE {
            let car = &state.cars[slot as usize];
            let tpl = &self.plan.templates[car.template as usize];
            let gap = if ahead != NONE {
                let leader = &state.cars[ahead as usize];
                leader.pos - self.plan.templates[leader.template as usize].len - car.pos
            } else if track.leader != NONE {
                track.gap
            } else {
                state.gaps[slot as usize]
            };
            if car.partner == NONE
                && gap >= 1.5 * tpl.len
                && gap <= 2.0 * tpl.len + 4.0 * self.dt * tpl.vmax
                && length - car.pos >= END_M
            {
                let to = better(&self.plan, lattice, state, &self.net.flat.length_m)
                    .lane(car, lane, gap, &mut outer, &mut inner);
                if to != NONE {
                    self.scratch.wishes.all.push(Wish {
                        event: car.event,
                        slot,
                        from: lane,
                        to,
                        leader: NONE,
                        follower: NONE,
                        gap_ahead_m: 0.0,
                        gap_behind_m: 0.0,
                    });
                }
            }
            ahead = slot;
            slot = car.behind;
        }
    }

    /// A vehicle looks for its neighbours, asks them, and goes if it may; true if it did.
    fn take_turn(&mut self, lattice: &Lattice, w: usize) -> bool {
        self.find_neighbours(w);
        let Wish {
            leader, follower, ..
        } = self.scratch.wishes.all[w];
        let wish = u32::try_from(w).expect("fewer wishes than vehicles");
        self.scratch.wishes.ask(&mut self.state, leader, wish);
        self.scratch.wishes.ask(&mut self.state, follower, wish);
        let wish = self.scratch.wishes.all[w];
        let car = &self.state.cars[wish.slot as usize];
        if car.partner != NONE || self.scratch.wishes.heeded_by(wish.slot) {
            return false;
        }
        let brake = |slot: u32| {
            let car = &self.state.cars[slot as usize];
            brake_m(&self.plan.templates[car.template as usize], car.speed)
        };
        let behind = if follower == NONE {
            0.0
        } else {
            brake(follower)
        };
        let goes = wish.gap_ahead_m >= brake(wish.slot) && wish.gap_behind_m >= behind;
        if goes {
            self.insert_shadow(lattice, &wish);
        }
        goes
    }

    fn find_neighbours(&mut self, w: usize) {
        let wish = &mut self.scratch.wishes.all[w];
        let state = &self.state;
        let len = |car: &Car| self.plan.templates[car.template as usize].len;
        let car = &state.cars[wish.slot as usize];
        let mut beside = Beside::new(state, Some(wish.to));
        wish.leader = beside.ahead_of(state, car.pos);
        wish.follower = beside.at;
        wish.gap_behind_m = f64::INFINITY;
        if wish.follower != NONE {
            wish.gap_behind_m = car.pos - state.cars[wish.follower as usize].pos - len(car);
        }
        if wish.leader != NONE {
            let leader = &state.cars[wish.leader as usize];
            wish.gap_ahead_m = leader.pos - car.pos - len(leader);
            return;
        }
        // Nobody ahead on the lane: a body on its links may still reach back onto it.
        let flat = &self.net.flat;
        let rest = flat.length_m[wish.from as usize] - car.pos;
        wish.gap_ahead_m = rest;
        let mut nearest = f64::INFINITY;
        let links = flat.lane_links_from[wish.to as usize] as usize
            ..flat.lane_links_from[wish.to as usize + 1] as usize;
        for link in &flat.lane_links[links] {
            let tail = state.tracks[*link as usize].tail;
            if tail == NONE {
                continue;
            }
            let last = &state.cars[tail as usize];
            if last.pos + rest < nearest {
                nearest = last.pos + rest;
                if nearest < len(last) {
                    wish.leader = tail;
                    wish.gap_ahead_m = rest - (len(last) - nearest);
                }
            }
        }
    }
}

/// What the choice between the lanes beside reads.
struct Better<'a> {
    plan: &'a Plan,
    lattice: &'a Lattice,
    state: &'a State,
    length_m: &'a [f64],
}

fn better<'a>(
    plan: &'a Plan,
    lattice: &'a Lattice,
    state: &'a State,
    length_m: &'a [f64],
) -> Better<'a> {
    Better {
        plan,
        lattice,
        state,
        length_m,
    }
}

impl Better<'_> {
    fn tpl(&self, car: &Car) -> &Tpl {
        &self.plan.templates[car.template as usize]
    }

    /// The lane beside with a gap longer by a vehicle than the present one; `NONE` if none has.
    fn lane(&self, car: &Car, lane: u32, gap: f64, outer: &mut Beside, inner: &mut Beside) -> u32 {
        let enough = gap + self.tpl(car).len;
        let (mut to, mut outer_gap) = (NONE, 0.0);
        if let Some(estimate) = self.estimate(car, lane, outer) {
            outer_gap = estimate;
            if estimate > enough {
                to = outer.lane;
            }
        }
        if let Some(estimate) = self.estimate(car, lane, inner)
            && estimate > enough
            && estimate > outer_gap
        {
            to = inner.lane;
        }
        to
    }

    /// The gap it would have on a lane beside that serves its route, m.
    fn estimate(&self, car: &Car, lane: u32, beside: &mut Beside) -> Option<f64> {
        let to = beside.lane;
        if to == NONE {
            return None;
        }
        let cursor = self.lattice.beside(car.cursor, lane, to);
        if !self.lattice.serves(&self.plan.paths, cursor) {
            return None;
        }
        let ahead = beside.ahead_of(self.state, car.pos);
        Some(match self.state.cars.get(ahead as usize) {
            None => self.length_m[to as usize] - car.pos,
            Some(leader) => leader.pos - car.pos - self.tpl(leader).len,
        })
    }
}
