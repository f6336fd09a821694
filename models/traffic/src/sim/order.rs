//! Order in memory: where many drivables are occupied, their list is kept in order and vehicles are
//! now and then moved so that neighbours on the road are neighbours in the table.
//!
//! A vehicle is one cache line. After some minutes the slots of a lane's vehicles are scattered over
//! tens of megabytes, and every one of them is waited for. Slots have no meaning between steps, so
//! nothing that is told depends on it; when it happens depends on the state alone.

use super::Sim;
use super::state::{Car, State};
use crate::ids::NONE;

/// From this many occupied drivables on. Below it everything is near anyway.
const LARGE: usize = 512;
/// Steps between two moves.
const EVERY_STEPS: u32 = 32;

impl Sim {
    /// Decides whether order is kept in this step, and puts things in order.
    pub(crate) fn keep_order(&mut self) {
        let state = &mut self.state;
        state.ordered = state.occupied.len() >= LARGE;
        state.order();
        if state.ordered && state.step.is_multiple_of(EVERY_STEPS) {
            state.move_together();
            self.scratch.wishes.clear();
        }
    }
}

impl State {
    /// The occupied drivables in order of their numbers, where they are kept so.
    pub(crate) fn order(&mut self) {
        if self.ordered {
            // Nearly in order already: this sort sees that.
            self.occupied.sort();
        }
    }

    /// Gives vehicles new slots: one after the other as they drive.
    fn move_together(&mut self) {
        let mut slot_of = vec![NONE; self.cars.len()];
        let mut old_of = Vec::with_capacity(self.cars.len());
        for drivable in &self.occupied {
            let mut slot = self.tracks[*drivable as usize].front;
            while slot != NONE {
                slot_of[slot as usize] =
                    u32::try_from(old_of.len()).expect("fewer than 2^32 vehicles run at once");
                old_of.push(slot);
                slot = self.cars[slot as usize].behind;
            }
        }
        let new = |slot: u32| slot_of.get(slot as usize).copied().unwrap_or(NONE);
        let moved = |slot: &u32| {
            let car = self.cars[*slot as usize];
            Car {
                ahead: new(car.ahead),
                behind: new(car.behind),
                blocker: new(car.blocker),
                partner: new(car.partner),
                ..car
            }
        };
        self.cars = old_of.iter().map(moved).collect();
        for drivable in &self.occupied {
            let track = &mut self.tracks[*drivable as usize];
            (track.front, track.tail) = (new(track.front), new(track.tail));
            track.leader = new(track.leader);
            track.still_head = new(track.still_head);
            track.still_tail = new(track.still_tail);
        }
        for change in &mut self.changes {
            (change.slot, change.shadow) = (new(change.slot), new(change.shadow));
        }
        if self.changing {
            self.gaps = old_of.iter().map(|old| self.gaps[*old as usize]).collect();
        }
        self.free.clear();
    }
}
