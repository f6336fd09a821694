//! Running ahead for a controller: a state placed from an observation, a rollout of the whole
//! network that records who enters each lane, and rollouts of a part of it fed from that record.
//!
//! A part behaves exactly as it would inside the whole as long as nothing outside it would have
//! reacted: vehicles that leave it are gone, those that enter it come as recorded.

use std::sync::Arc;

use super::Sim;
use super::state::{Car, EMPTY, LaneBook, State};
use crate::ids::NONE;
use crate::network::Network;
use crate::plan::{Event, Plan};
use crate::vehicle::VehicleTemplate;

/// A vehicle on a drivable. Its path is `paths[cursor..path_end]`, the drivable first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Put {
    pub(crate) drivable: u32,
    pub(crate) position_m: f64,
    pub(crate) speed_m_s: f64,
    pub(crate) template: u32,
    pub(crate) cursor: u32,
    pub(crate) path_end: u32,
    /// The drivable it came from, or `NONE`.
    pub(crate) prev: u32,
}

/// A vehicle that will ask to enter the network: `put.drivable` is its first lane.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Due {
    pub(crate) step: u32,
    pub(crate) put: Put,
}

/// A state to start from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Start {
    /// Drivables of all paths.
    pub(crate) paths: Vec<u32>,
    /// Vehicles inside, those of one drivable from the front to the back.
    pub(crate) puts: Vec<Put>,
    /// Vehicles to come, by step.
    pub(crate) due: Vec<Due>,
    /// Phase by junction.
    pub(crate) phases: Vec<u16>,
}

/// A part of a network.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    /// By drivable: whether it belongs to the part.
    pub(crate) inside: Vec<bool>,
}

/// Entries into a part during a rollout, and those that found no room yet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Feed {
    next: usize,
    held: Vec<Put>,
}

impl Sim {
    /// An empty simulation for running ahead; vehicles name these templates by place.
    pub(crate) fn ahead(net: Arc<Network>, templates: &[VehicleTemplate], step_s: f64) -> Self {
        let mut plan = Plan::empty(&net, step_s);
        plan.set_templates(templates);
        let mut sim = Self::local(net, &[]).expect("no vehicle is placed, so none is wrong");
        sim.plan = Arc::new(plan);
        sim.dt = step_s;
        sim
    }

    /// Starts at step 0 from a state that the caller has checked: drivables exist and are joined.
    pub(crate) fn start_ahead(&mut self, start: &Start) {
        let plan = Arc::make_mut(&mut self.plan);
        plan.clear_demand();
        plan.paths.extend_from_slice(&start.paths);
        let mut last = vec![NONE; self.net.lanes.len()];
        for (i, due) in (0..).zip(&start.due) {
            let lane = due.put.drivable as usize;
            if let Some(before) = plan.events.get_mut(last[lane] as usize) {
                before.next_in_lane = i;
            }
            last[lane] = i;
            plan.events.push(Event {
                step: due.step,
                flow: NONE,
                number: i,
                priority: i.cast_signed(),
                lane: due.put.drivable,
                path: due.put.cursor,
                path_end: due.put.path_end,
                template: due.put.template,
                next_in_lane: NONE,
            });
        }
        self.state = State::new(&self.net);
        self.scratch = std::mem::take(&mut self.scratch).emptied();
        for (j, phase) in start.phases.iter().enumerate() {
            self.state.show(&self.net, j, *phase);
        }
        for put in &start.puts {
            self.put(put);
        }
        self.find_leaders();
    }

    fn put(&mut self, put: &Put) {
        let on_link = put.drivable as usize >= self.net.lanes.len();
        let number = self.state.created;
        let car = Car {
            pos: put.position_m,
            speed: put.speed_m_s,
            ahead: NONE,
            behind: NONE,
            cursor: put.cursor,
            path_end: put.path_end,
            template: put.template,
            prev: put.prev,
            blocker: NONE,
            entered_link: if on_link { 0 } else { NONE },
            priority: number.cast_signed(),
            event: NONE,
            flags: 0,
            partner: NONE,
        };
        self.state.created += 1;
        self.place(car, put.drivable);
    }

    /// What is known of the future at level L2: vehicles waiting outside (due at once) and those to
    /// come within `steps`, with their paths appended to `paths`.
    pub(crate) fn upcoming(&self, steps: u32, paths: &mut Vec<u32>) -> Vec<Due> {
        let mut all = Vec::new();
        let mut take = |event: &Event, step: u32| {
            let cursor = u32::try_from(paths.len()).expect("paths are limited by the demand");
            paths.extend_from_slice(&self.plan.paths[event.path as usize..event.path_end as usize]);
            let put = Put {
                drivable: event.lane,
                position_m: 0.0,
                speed_m_s: 0.0,
                template: event.template,
                cursor,
                path_end: u32::try_from(paths.len()).expect("paths are limited by the demand"),
                prev: NONE,
            };
            all.push(Due { step, put });
        };
        for lane in &self.state.waiting_lanes {
            let mut at = self.state.lanes[*lane as usize].wait_head;
            for _ in 0..self.state.lanes[*lane as usize].wait_count {
                let event = &self.plan.events[at as usize];
                take(event, 0);
                at = event.next_in_lane;
            }
        }
        let (now, first) = (self.state.step, self.state.next_event as usize);
        for event in self.plan.events[first..]
            .iter()
            .take_while(|e| e.step < now + steps)
        {
            take(event, event.step - now);
        }
        all
    }

    /// Vehicles a lane has let go since the start of this run.
    pub(crate) fn left(&self, lane: u32) -> u32 {
        self.state.lanes[lane as usize].left
    }

    /// A vehicle comes in at the start of a lane; false if there is no room.
    pub(crate) fn let_in_at(&mut self, mut put: Put) -> bool {
        let came = self.let_in(&mut put);
        if came {
            self.find_leaders();
        }
        came
    }

    /// Moves the first vehicle of a lane onto the next drivable of its path (out of the network if
    /// there is none); false on an empty lane.
    pub(crate) fn advance_first(&mut self, lane: u32) -> bool {
        let slot = self.state.tracks[lane as usize].front;
        if slot == NONE {
            return false;
        }
        self.state.unlink(slot, lane);
        let car = self.state.cars[slot as usize];
        let at = car.cursor + 1;
        if at < car.path_end {
            let to = self.plan.paths[at as usize];
            self.state.push(slot, to);
            let car = &mut self.state.cars[slot as usize];
            (car.cursor, car.prev, car.pos, car.flags) = (at, lane, 0.0, 0);
            car.entered_link = self.state.step;
        } else {
            self.state.running -= 1;
            self.state.finished += 1;
            self.state.free.push(slot);
        }
        for car in &mut self.state.cars {
            if car.blocker == slot {
                car.blocker = NONE;
            }
        }
        self.find_leaders();
        true
    }

    /// One step of the whole; appends every entry on a lane from a junction.
    pub(crate) fn step_recording(&mut self, entries: &mut Vec<Due>) {
        self.step();
        let step = self.state.step - 1;
        let lanes = self.net.lanes.len();
        for mover in self
            .scratch
            .movers
            .iter()
            .filter(|m| (m.to as usize) < lanes)
        {
            let car = &self.state.cars[mover.slot as usize];
            entries.push(Due {
                step,
                put: Put {
                    drivable: mover.to,
                    position_m: car.pos,
                    speed_m_s: car.speed,
                    template: car.template,
                    cursor: car.cursor,
                    path_end: car.path_end,
                    prev: car.prev,
                },
            });
        }
    }

    /// An empty simulation of the same network, demand and step.
    pub(crate) fn ahead_like(other: &Self) -> Self {
        let mut sim = Self::local(Arc::clone(&other.net), &[])
            .expect("no vehicle is placed, so none is wrong");
        sim.plan = Arc::clone(&other.plan);
        sim.dt = other.dt;
        sim
    }

    /// Becomes the part of `whole`: same time, same phases, only the vehicles inside it.
    pub(crate) fn take_part(&mut self, whole: &Self, part: &Part) {
        self.plan = Arc::clone(&whole.plan);
        let (from, to) = (&whole.state, &mut self.state);
        for d in to.occupied.drain(..) {
            to.tracks[d as usize] = EMPTY;
        }
        to.cars.clear();
        to.free.clear();
        to.green.clone_from(&from.green);
        to.met.clone_from(&from.met);
        to.phase.clone_from(&from.phase);
        (to.step, to.next_event, to.running) = (from.step, from.next_event, 0);
        let blank = LaneBook {
            wait_head: NONE,
            ..LaneBook::default()
        };
        to.lanes.fill(blank);
        to.waiting_lanes.clear();
        for lane in &from.waiting_lanes {
            if part.inside[*lane as usize] {
                to.waiting_lanes.push(*lane);
                to.lanes[*lane as usize] = from.lanes[*lane as usize];
            }
        }
        let mut slot_of = vec![NONE; from.cars.len()];
        for d in from.occupied.iter().filter(|d| part.inside[**d as usize]) {
            let mut slot = from.tracks[*d as usize].front;
            while slot != NONE {
                let car = from.cars[slot as usize];
                slot_of[slot as usize] = to.take_slot(car);
                to.push(slot_of[slot as usize], *d);
                to.running += 1;
                slot = car.behind;
            }
        }
        for car in &mut to.cars {
            if car.blocker != NONE {
                car.blocker = slot_of[car.blocker as usize];
            }
        }
        self.scratch.forget();
        self.find_leaders();
    }

    /// Goes back to a state of the same part, whatever the plan behind it.
    pub(crate) fn back_to(&mut self, state: &State) {
        self.state.clone_from(state);
        self.scratch.forget();
    }

    /// One step of a part; `entries` (by step) come in from outside where `part` has their lane.
    pub(crate) fn step_part(&mut self, part: &Part, entries: &[Due], feed: &mut Feed) {
        self.wake();
        self.create_in(part);
        self.enter();
        self.choose_speeds::<false>();
        for mover in &mut self.scratch.movers {
            if mover.to != NONE && !part.inside[mover.to as usize] {
                mover.to = NONE;
            }
        }
        self.hand_over();
        self.commit();
        let step = self.state.step;
        let mut held = std::mem::take(&mut feed.held);
        while let Some(due) = entries.get(feed.next).filter(|e| e.step <= step) {
            held.push(due.put);
            feed.next += 1;
        }
        held.retain_mut(|put| !self.let_in(put));
        feed.held = held;
        self.find_leaders();
        self.state.step += 1;
    }

    /// Places a vehicle that comes from outside if its lane has room.
    fn let_in(&mut self, put: &mut Put) -> bool {
        let tail = self.state.tracks[put.drivable as usize].tail;
        if tail != NONE {
            let last = &self.state.cars[tail as usize];
            let own = &self.plan.templates[put.template as usize];
            let room = last.pos - self.plan.templates[last.template as usize].len - own.min_gap;
            if room < 0.0 {
                // It waits behind the lane and starts from rest.
                (put.position_m, put.speed_m_s) = (0.0, 0.0);
                return false;
            }
            put.position_m = put.position_m.min(room);
        }
        self.put(put);
        true
    }

    fn create_in(&mut self, part: &Part) {
        let state = &mut self.state;
        while let Some(event) = self.plan.events.get(state.next_event as usize) {
            if event.step > state.step {
                break;
            }
            if part.inside[event.lane as usize] {
                let lane = &mut state.lanes[event.lane as usize];
                if lane.wait_count == 0 {
                    lane.wait_head = state.next_event;
                    if let Err(at) = state.waiting_lanes.binary_search(&event.lane) {
                        state.waiting_lanes.insert(at, event.lane);
                    }
                }
                lane.wait_count += 1;
            }
            state.next_event += 1;
        }
    }

    /// Cost of this second in a part: as [`Sim::cost`], with those held outside it.
    pub(crate) fn cost_in(&self, feed: &Feed) -> f64 {
        let waiting: u32 = (self.state.waiting_lanes.iter())
            .map(|l| self.state.lanes[*l as usize].wait_count)
            .sum();
        let held = u32::try_from(feed.held.len()).unwrap_or(u32::MAX);
        let mut sum = f64::from(waiting) + f64::from(held);
        for d in &self.state.occupied {
            let limit = self.net.flat.limit_m_s[*d as usize];
            let mut slot = self.state.tracks[*d as usize].front;
            while slot != NONE {
                let car = &self.state.cars[slot as usize];
                let free = self.plan.templates[car.template as usize].vmax.min(limit);
                sum += 1.0 - car.speed / free;
                slot = car.behind;
            }
        }
        sum
    }
}
