//! Lane change: who wishes to, who gives way to whom, and vehicles with two bodies.
//!
//! A step first lets vehicles wish ([`wish`]); where both gaps are long enough a *shadow* enters
//! the lane beside, a second body of the same vehicle. Both bodies follow their own leaders and run
//! at the lower of their speeds; when the vehicle has moved aside by half the two lanes' widths the
//! first body goes ([`pair`]). The reference's behaviour (CityFlow, commit 81ee0f4), with one thing
//! it leaves to memory addresses fixed: vehicles take their turn in the order of creation.

mod lattice;
mod pair;
mod wish;

pub(crate) use lattice::{Lattice, route_words};
pub(crate) use wish::Wishes;

use std::sync::Arc;

use super::Sim;
use super::state::{Car, State};
use crate::plan::SPARE_DRAWS;

/// Where the marks of shadows are cut back.
const MARKS_MAX: usize = 1 << 12;

impl State {
    /// Shadows so far.
    pub(crate) fn shadows(&self) -> u32 {
        let late = u32::try_from(self.shadow_marks.len()).expect("cut back below 2^32");
        self.shadows_before + late
    }

    /// Forgets marks that no event to come or waiting needs.
    fn cut_marks(&mut self) {
        let waiting = self.waiting_lanes.iter();
        let oldest = waiting
            .map(|lane| self.lanes[*lane as usize].wait_head)
            .min()
            .unwrap_or(self.next_event)
            .min(self.next_event);
        let over = self.shadow_marks.partition_point(|mark| *mark <= oldest);
        self.shadow_marks.drain(..over);
        self.shadows_before += u32::try_from(over).expect("fewer than all marks");
    }
}

impl Sim {
    /// Keeps outputs for the vehicles and shadows of some steps to come.
    fn keep_outputs(&mut self) {
        let at = 3 * self.state.next_event + self.state.shadows() + SPARE_DRAWS;
        if self.plan.output(at).is_none() {
            Arc::make_mut(&mut self.plan).keep_outputs(at);
        }
    }

    /// A new vehicle's way from its first lane, and the priority it drew.
    pub(crate) fn on_lattice(&self, lattice: &Lattice, mut car: Car, lane: u32) -> Car {
        let event = &self.plan.events[car.event as usize];
        car.cursor = match self.demand.flows().get(event.flow as usize) {
            Some(flow) => lattice.start(flow.route, lane),
            None => {
                let pushed = &self.plan.pushes[event.number as usize];
                pushed.words + 2 * self.net.lanes[lane as usize].index
            }
        };
        car.path_end = lattice.end(&self.plan.paths, car.cursor, false);
        let marks = &self.state.shadow_marks;
        let later = marks.partition_point(|mark| *mark <= car.event);
        let drawn_between =
            self.state.shadows_before + u32::try_from(later).expect("marks are cut back");
        let at = event.priority.cast_unsigned() + drawn_between;
        car.priority = self.plan.output(at).unwrap_or(at).cast_signed();
        car
    }
}
