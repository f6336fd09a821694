//! A vehicle and its shadow: entering the lane beside, running together, parting.

use super::super::Sim;
use super::super::choose::{drive_on, motion};
use super::super::speed::least;
use super::super::state::{ASKED, Change, SHADOW, State};
use super::super::step::Scratch;
use super::wish::Wish;
use super::{Lattice, MARKS_MAX};
use crate::ids::NONE;

/// Least speed aside, m/s, and its share of the speed ahead.
const ASIDE_MIN_M_S: f64 = 1.0;
const ASIDE_SHARE: f64 = 0.2;

impl Sim {
    /// A shadow enters the lane that the vehicle wishes for, before its follower there.
    pub(crate) fn insert_shadow(&mut self, lattice: &Lattice, wish: &Wish) {
        let priority = self.shadow_priority();
        let state = &mut self.state;
        let car = &mut state.cars[wish.slot as usize];
        car.flags &= ASKED;
        let mut shadow = *car;
        shadow.priority = priority;
        shadow.partner = wish.slot;
        shadow.blocker = NONE;
        shadow.flags = SHADOW;
        shadow.cursor = lattice.beside(car.cursor, wish.from, wish.to);
        shadow.path_end = lattice.end(&self.plan.paths, shadow.cursor, false);
        let slot = state.take_slot(shadow);
        state.cars[wish.slot as usize].partner = slot;
        for lane in [wish.from, wish.to] {
            state.tracks[lane as usize].forget_still();
        }
        state.gaps.resize(state.cars.len(), 0.0);
        state.gaps[slot as usize] = state.gaps[wish.slot as usize];
        state.insert(slot, wish.to, wish.follower);
        state.from_beside[wish.to as usize] += 1;
        state.changes.push(Change {
            slot: wish.slot,
            shadow: slot,
            from: wish.from,
            to: wish.to,
            offset_m: 0.0,
        });
        self.scratch.wishes.heed_up_to(state.cars.len());
    }

    /// The next output of the stream that vehicles draw from: three a vehicle, one a shadow. Kept by
    /// [`Sim::keep_outputs`].
    fn shadow_priority(&mut self) -> i32 {
        let state = &mut self.state;
        let at = 3 * state.next_event + state.shadows();
        state.shadow_marks.push(state.next_event);
        if state.shadow_marks.len() > MARKS_MAX {
            state.cut_marks();
        }
        self.plan.output(at).unwrap_or(at).cast_signed()
    }

    /// Vehicle and shadow run at the lower of their speeds; those far enough aside have changed.
    pub(crate) fn settle_pairs(&mut self, lattice: &Lattice) {
        self.scratch.wishes.hold_all(&mut self.scratch.held);
        for (slot, gap) in self.scratch.gaps.drain(..) {
            self.state.gaps[slot as usize] = gap;
        }
        let mut kept = 0;
        for i in 0..self.state.changes.len() {
            let change = self.state.changes[i];
            if let Some(change) = self.settle(lattice, change) {
                self.state.changes[kept] = change;
                kept += 1;
            }
        }
        self.state.changes.truncate(kept);
    }

    /// One pair; what is left of the change.
    fn settle(&mut self, lattice: &Lattice, mut change: Change) -> Option<Change> {
        let Self {
            net,
            plan,
            state,
            scratch,
            dt,
            ..
        } = self;
        let at = scratch.wishes.held(change.slot);
        let bodies = [at as usize, scratch.wishes.held(change.shadow) as usize];
        let [u, shadow_u] = bodies.map(|body| scratch.next[body].speed);
        let car = &state.cars[change.slot as usize];
        let tpl = &plan.templates[car.template as usize];
        let (pos, speed) = motion(car, tpl, least(u, shadow_u), *dt);
        for body in bodies {
            (scratch.next[body].pos, scratch.next[body].speed) = (pos, speed);
        }
        let aside = (ASIDE_SHARE * speed).max(ASIDE_MIN_M_S) * *dt;
        change.offset_m += aside;
        let length = &net.flat.length_m;
        let on = if change.offset_m >= lattice.aside_m(change.from, change.to) {
            state.take_over(change, scratch);
            change.to
        } else if pos > length[change.to as usize] || pos > length[change.from as usize] {
            state.give_up(change, scratch);
            change.from
        } else {
            return Some(change);
        };
        if pos > length[on as usize] {
            let car = &state.cars[change.slot as usize];
            let bodies = (change.slot, at);
            let mover = drive_on(net, plan, Some(lattice), car, bodies, on, pos);
            scratch.movers.push(mover);
        }
        None
    }
}

impl State {
    /// Links a body into a lane before `behind` (at the back when `NONE`).
    fn insert(&mut self, slot: u32, lane: u32, behind: u32) {
        if behind == NONE {
            return self.push(slot, lane);
        }
        let ahead = std::mem::replace(&mut self.cars[behind as usize].ahead, slot);
        let car = &mut self.cars[slot as usize];
        (car.ahead, car.behind) = (ahead, behind);
        match self.cars.get_mut(ahead as usize) {
            Some(leader) => leader.behind = slot,
            None => self.tracks[lane as usize].front = slot,
        }
        self.lanes[lane as usize].entered += 1;
    }

    /// The change is done: the vehicle takes its shadow's place and keeps its slot.
    fn take_over(&mut self, change: Change, scratch: &mut Scratch) {
        let Change { slot, shadow, .. } = change;
        scratch.woken.push(self.cars[slot as usize].behind);
        self.unlink(slot, change.from);
        let mut car = self.cars[shadow as usize];
        (car.partner, car.flags) = (NONE, 0);
        self.cars[slot as usize] = car;
        let track = &mut self.tracks[change.to as usize];
        match car.ahead {
            NONE => track.front = slot,
            ahead => self.cars[ahead as usize].behind = slot,
        }
        match car.behind {
            NONE => track.tail = slot,
            behind => self.cars[behind as usize].ahead = slot,
        }
        self.gaps[slot as usize] = self.gaps[shadow as usize];
        let [mine, its] = [slot, shadow].map(|body| scratch.wishes.held(body) as usize);
        scratch.next[mine].blocker = scratch.next[its].blocker;
        scratch.next[mine].flags = 0;
        if scratch.next[mine].blocker != NONE {
            scratch.blocked.push(scratch.wishes.held(slot));
        }
        scratch.rename_blocker(slot, NONE);
        scratch.rename_blocker(shadow, slot);
        self.free.push(shadow);
    }

    /// The lane has ended before the change: the shadow goes.
    fn give_up(&mut self, change: Change, scratch: &mut Scratch) {
        let Change { slot, shadow, .. } = change;
        scratch.woken.push(self.cars[shadow as usize].behind);
        self.unlink(shadow, change.to);
        let car = &mut self.cars[slot as usize];
        (car.partner, car.flags) = (NONE, 0);
        scratch.rename_blocker(shadow, NONE);
        self.free.push(shadow);
    }
}

impl Scratch {
    /// Those that give way to one body give way to another.
    fn rename_blocker(&mut self, from: u32, to: u32) {
        for at in &self.blocked {
            let blocker = &mut self.next[*at as usize].blocker;
            if *blocker == from {
                *blocker = to;
            }
        }
    }
}
