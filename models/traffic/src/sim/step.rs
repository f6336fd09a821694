//! One step: create, enter, choose speeds, hand over, commit, find leaders, advance signals.

use super::choose::choose_all;
use super::cross::View;
use super::lane_change::{Lattice, Wishes};
use super::state::{Car, EMPTY, Met, SHADOW, State, Track, WAITS};
use super::{Finished, Sim};
use crate::ids::NONE;
use crate::network::Network;
use crate::plan::Plan;

/// A body this far beyond the end of a link is met on it no more (0 but for rounding), m.
const LEFT_M: f64 = 0.1;

/// What a vehicle will be after the step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Next {
    pub(crate) slot: u32,
    pub(crate) blocker: u32,
    pub(crate) pos: f64,
    pub(crate) speed: f64,
    pub(crate) flags: u32,
}

/// A vehicle that leaves its drivable.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mover {
    pub(crate) slot: u32,
    pub(crate) from: u32,
    /// Where it goes, `NONE` when its trip is over.
    pub(crate) to: u32,
    pub(crate) cursor: u32,
    /// Its place in [`Scratch::next`].
    pub(crate) at: u32,
    pub(crate) pos: f64,
}

/// Buffers of a step; hold nothing that a later step needs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scratch {
    /// What changes: those that stand asleep are not in it.
    pub(crate) next: Vec<Next>,
    pub(crate) movers: Vec<Mover>,
    /// Places in `next` of those with a blocker.
    pub(crate) blocked: Vec<u32>,
    pub(crate) finished: Vec<Finished>,
    /// Drivables whose chain of standing vehicles has changed.
    pub(crate) chains: Vec<(u32, Track)>,
    /// With lane change: gaps to leaders, and vehicles whose leader has gone aside.
    pub(crate) gaps: Vec<(u32, f64)>,
    pub(crate) woken: Vec<u32>,
    pub(crate) wishes: Wishes,
}

impl Scratch {
    /// The same buffers without content.
    pub(crate) fn emptied(mut self) -> Self {
        self.movers.clear();
        self.forget();
        self
    }

    /// Forgets what was of another state.
    pub(crate) fn forget(&mut self) {
        self.next.clear();
        self.blocked.clear();
        self.finished.clear();
        self.wishes.clear();
    }
}

impl Sim {
    /// Advances the simulation by one step.
    pub fn step(&mut self) {
        self.wake();
        self.create();
        self.enter();
        if let Some(lattice) = self.lattice.clone() {
            self.change_lanes(&lattice);
            self.choose_speeds::<true>();
            self.settle_pairs(&lattice);
        } else {
            self.choose_speeds::<false>();
        }
        self.hand_over();
        self.commit();
        self.find_leaders();
        if self.programme {
            self.advance_signals();
        }
        self.state.step += 1;
    }

    /// Finds the leaders of first vehicles whose light has changed: as they stood after the last step.
    pub(crate) fn wake(&mut self) {
        while let Some(lane) = self.state.woken.pop() {
            if self.state.tracks[lane as usize].front != NONE {
                let lattice = self.lattice.as_deref();
                mark_ends(&self.net, &self.plan, &mut self.state, lane);
                look_ahead(&self.net, &self.plan, lattice, &mut self.state, lane);
            }
        }
    }

    fn create(&mut self) {
        if self.state.step >= self.plan.covered {
            std::sync::Arc::make_mut(&mut self.plan).extend(&self.net, &self.demand);
        }
        let state = &mut self.state;
        while let Some(event) = self.plan.events.get(state.next_event as usize) {
            if event.step > state.step {
                break;
            }
            let lane = &mut state.lanes[event.lane as usize];
            if lane.wait_count == 0 {
                lane.wait_head = state.next_event;
                if let Err(at) = state.waiting_lanes.binary_search(&event.lane) {
                    state.waiting_lanes.insert(at, event.lane);
                }
            }
            lane.wait_count += 1;
            state.next_event += 1;
            state.created += 1;
        }
    }

    pub(crate) fn enter(&mut self) {
        let mut at = 0;
        while at < self.state.waiting_lanes.len() {
            let lane = self.state.waiting_lanes[at];
            self.enter_one(lane);
            if self.state.lanes[lane as usize].wait_count == 0 {
                self.state.waiting_lanes.remove(at);
            } else {
                at += 1;
            }
        }
    }

    fn enter_one(&mut self, lane: u32) {
        let head = self.state.lanes[lane as usize].wait_head;
        let event = &self.plan.events[head as usize];
        let templates = &self.plan.templates;
        let tail = self.state.tracks[lane as usize].tail;
        // Where lists of foes rule, vehicles start with their rear at the beginning of the lane.
        let pos = match self.net.priority {
            Some(_) => templates[event.template as usize]
                .len
                .min(self.net.flat.length_m[lane as usize]),
            None => 0.0,
        };
        if tail != NONE {
            let car = &self.state.cars[tail as usize];
            let room =
                templates[car.template as usize].len + templates[event.template as usize].min_gap;
            if car.pos <= room + pos {
                return;
            }
        }
        let car = Car {
            pos,
            speed: 0.0,
            ahead: NONE,
            behind: NONE,
            cursor: event.path,
            path_end: event.path_end,
            template: event.template,
            prev: NONE,
            blocker: NONE,
            entered_link: NONE,
            priority: event.priority,
            event: head,
            flags: 0,
            partner: NONE,
        };
        let next_head = event.next_in_lane;
        let car = match &self.lattice {
            Some(lattice) => self.on_lattice(lattice, car, lane),
            None => car,
        };
        self.place(car, lane);
        let book = &mut self.state.lanes[lane as usize];
        book.wait_count -= 1;
        book.wait_head = next_head;
    }

    /// Puts a new vehicle at the back of a drivable and gives it its leader.
    pub(crate) fn place(&mut self, car: Car, drivable: u32) {
        let slot = self.state.take_slot(car);
        if self.state.changing {
            self.state.gaps.resize(self.state.cars.len(), 0.0);
            self.state.gaps[slot as usize] = 0.0;
        }
        self.state.push(slot, drivable);
        self.state.running += 1;
        if self.state.tracks[drivable as usize].front == slot {
            mark_ends(&self.net, &self.plan, &mut self.state, drivable);
            let lattice = self.lattice.as_deref();
            look_ahead(&self.net, &self.plan, lattice, &mut self.state, drivable);
        }
    }

    /// Every vehicle's next position and speed, from the old state. `CHANGE`: with lane change; those
    /// with a shadow then only get their wanted speed, see [`Sim::settle_pairs`].
    pub(crate) fn choose_speeds<const CHANGE: bool>(&mut self) {
        let scratch = &mut self.scratch;
        scratch.next.clear();
        scratch.movers.clear();
        scratch.blocked.clear();
        let view = View {
            net: &self.net,
            plan: &self.plan,
            state: &self.state,
            dt: self.dt,
        };
        let lattice = self.lattice.as_deref();
        if self.net.priority.is_none() && !self.plan.own_drivers {
            if self.dt.to_bits() == 1.0_f64.to_bits() {
                choose_all::<CHANGE, false, true>(&view, scratch, lattice);
            } else {
                choose_all::<CHANGE, false, false>(&view, scratch, lattice);
            }
        } else {
            choose_all::<CHANGE, true, false>(&view, scratch, lattice);
        }
        for (drivable, track) in self.scratch.chains.drain(..) {
            self.state.tracks[drivable as usize] = track;
        }
    }

    pub(crate) fn hand_over(&mut self) {
        let (state, scratch) = (&mut self.state, &mut self.scratch);
        scratch.finished.clear();
        for mover in &scratch.movers {
            state.unlink(mover.slot, mover.from);
        }
        let now = f64::from(state.step) * self.dt;
        let mut any_finished = false;
        for mover in scratch.movers.iter().filter(|m| m.to == NONE) {
            any_finished = true;
            let car = &state.cars[mover.slot as usize];
            let event = car.event;
            let entered_s = self
                .plan
                .events
                .get(event as usize)
                .map_or(0.0, |e| f64::from(e.step) * self.dt);
            state.finished_time_s += now - entered_s;
            state.finished += 1;
            state.running -= 1;
            scratch.finished.push(Finished {
                slot: mover.slot,
                event,
                entered_s,
                left_s: now,
            });
            state.free.push(mover.slot);
        }
        if any_finished {
            // A vehicle that has left blocks nobody.
            for at in &scratch.blocked {
                let blocker = &mut scratch.next[*at as usize].blocker;
                if scratch.finished.iter().any(|f| f.slot == *blocker) {
                    *blocker = NONE;
                }
            }
        }
        scratch.movers.retain(|m| m.to != NONE);
        scratch.movers.sort_by(|a, b| b.pos.total_cmp(&a.pos));
        let lanes = u32::try_from(self.net.lanes.len()).expect("limited");
        for mover in &scratch.movers {
            state.push(mover.slot, mover.to);
            let car = &mut state.cars[mover.slot as usize];
            car.prev = mover.from;
            car.cursor = mover.cursor;
            if let Some(lattice) = &self.lattice {
                car.path_end = lattice.end(&self.plan.paths, mover.cursor, mover.to >= lanes);
            }
            car.entered_link = if mover.to >= lanes { state.step } else { NONE };
            let next = &mut scratch.next[mover.at as usize];
            (next.pos, next.flags) = (mover.pos, 0);
        }
    }

    pub(crate) fn commit(&mut self) {
        for next in &self.scratch.next {
            let car = &mut self.state.cars[next.slot as usize];
            car.pos = next.pos;
            car.speed = next.speed;
            car.blocker = next.blocker;
            car.flags = next.flags;
        }
        for slot in self.scratch.woken.drain(..) {
            if let Some(car) = self.state.cars.get_mut(slot as usize) {
                car.flags &= SHADOW;
            }
        }
    }

    pub(crate) fn find_leaders(&mut self) {
        let Self {
            net,
            plan,
            state,
            lattice,
            ..
        } = self;
        let lattice = lattice.as_deref();
        for met in &mut state.met {
            (met.leaving, met.inside, met.coming) = (0, 0, 0);
        }
        let mut kept = 0;
        for i in 0..state.occupied.len() {
            let drivable = state.occupied[i];
            let track = &mut state.tracks[drivable as usize];
            if track.front == NONE {
                *track = EMPTY;
                continue;
            }
            state.occupied[kept] = drivable;
            kept += 1;
            let (front, tail) = (track.front, track.tail);
            let car = &state.cars[front as usize];
            let tpl = &plan.templates[car.template as usize];
            let rest = net.flat.length_m[drivable as usize] - car.pos;
            let idle = car.flags & WAITS != 0 || rest > tpl.far_gap + plan.len_max;
            let looks = lattice.is_some() || !idle;
            if !looks {
                track.leader = NONE;
            }
            let ends = (car, &state.cars[tail as usize]);
            mark_met(net, plan, &mut state.met, drivable, ends);
            if looks {
                look_ahead(net, plan, lattice, state, drivable);
            }
        }
        state.occupied.truncate(kept);
    }

    fn advance_signals(&mut self) {
        for j in 0..self.net.junctions.len() {
            let phases = &self.net.junctions[j].phases;
            if phases.len() < 2 {
                continue;
            }
            self.state.rest_s[j] -= self.dt;
            let mut turns = 0;
            while self.state.rest_s[j] <= 0.0 && turns < 1_000 {
                turns += 1;
                let next = (usize::from(self.state.phase[j]) + 1) % phases.len();
                self.state.rest_s[j] += phases[next].time_s;
                let next = u16::try_from(next).expect("phases are limited");
                self.state.show(&self.net, j, next);
            }
        }
    }
}

/// Marks the links on which the vehicles of a drivable can be met at a conflict point: its own, the
/// one its first vehicle will take, the one its last vehicle has not quite left.
///
/// `ends`: its first and its last vehicle.
#[inline(always)]
fn mark_met(net: &Network, plan: &Plan, met: &mut [Met], drivable: u32, ends: (&Car, &Car)) {
    let lanes = net.lanes.len();
    if let Some(link) = (drivable as usize).checked_sub(lanes) {
        let seat = &net.flat.seats[link];
        met[seat.junction as usize].inside |= seat.bit(link);
        return;
    }
    let (front, last) = ends;
    if last.pos - plan.templates[last.template as usize].len < LEFT_M
        && last.prev != NONE
        && let Some(link) = (last.prev as usize).checked_sub(lanes)
    {
        let seat = &net.flat.seats[link];
        met[seat.junction as usize].leaving |= seat.bit(link);
    }
    // Nobody who waits at red is met; when it turns green, the lane is woken and marked again.
    if front.flags & WAITS == 0 && front.cursor + 1 < front.path_end {
        let link = plan.paths[front.cursor as usize + 1] as usize - lanes;
        let seat = &net.flat.seats[link];
        met[seat.junction as usize].coming |= seat.bit(link);
    }
}

/// [`mark_met`] for a drivable that is not empty.
fn mark_ends(net: &Network, plan: &Plan, state: &mut State, drivable: u32) {
    let track = &state.tracks[drivable as usize];
    let ends = [track.front, track.tail].map(|slot| &state.cars[slot as usize]);
    mark_met(net, plan, &mut state.met, drivable, (ends[0], ends[1]));
}

/// True where lists of foes rule and the vehicle has left the way of those that turn off elsewhere.
///
/// Those that turn off to the same road are on one line with it until the end.
#[inline(never)] // kept out of the way of networks without such lists
fn is_clear(net: &Network, plan: &Plan, state: &State, links: (u32, u32), slot: u32) -> bool {
    net.priority.as_ref().is_some_and(|p| {
        let link = |drivable: u32| drivable as usize - net.lanes.len();
        let (theirs, own) = (link(links.0), link(links.1));
        let car = &state.cars[slot as usize];
        let rear_m = car.pos - plan.templates[car.template as usize].len;
        net.links[theirs].road_link != net.links[own].road_link && rear_m > p.clear_m[theirs]
    })
}

/// Finds the leader of a drivable's first vehicle on the drivables ahead of it.
fn look_ahead(
    net: &Network,
    plan: &Plan,
    lattice: Option<&Lattice>,
    state: &mut State,
    drivable: u32,
) {
    let (leader, gap) = leader_of(net, plan, lattice, state, drivable);
    let track = &mut state.tracks[drivable as usize];
    (track.leader, track.gap) = (leader, gap);
}

/// The leader of a drivable's first vehicle and the gap to it (the last one where there is none).
fn leader_of(
    net: &Network,
    plan: &Plan,
    lattice: Option<&Lattice>,
    state: &State,
    drivable: u32,
) -> (u32, f64) {
    let track = &state.tracks[drivable as usize];
    let car = &state.cars[track.front as usize];
    let tpl = &plan.templates[car.template as usize];
    let mut rest = net.flat.length_m[drivable as usize] - car.pos;
    let (mut leader, mut gap) = (NONE, track.gap);
    let (mut at, mut ahead) = (car.cursor, drivable);
    // Beyond `far_gap` no leader matters to speeds: skip the search. To lane change any gap does.
    while lattice.is_some() || rest <= tpl.far_gap + plan.len_max {
        (ahead, at) = match lattice {
            Some(lattice) => lattice.next(net, &plan.paths, ahead, at),
            None if at + 1 < car.path_end => (plan.paths[at as usize + 1], at + 1),
            None => break,
        };
        if ahead == NONE {
            break;
        }
        let behind_m = |slot: u32| {
            let other = &state.cars[slot as usize];
            rest + other.pos - plan.templates[other.template as usize].len
        };
        if let Some(link) = (ahead as usize).checked_sub(net.lanes.len()) {
            let lane = net.flat.link_from[link] as usize;
            let (a, b) = (
                net.flat.lane_links_from[lane],
                net.flat.lane_links_from[lane + 1],
            );
            for d in &net.flat.lane_links[a as usize..b as usize] {
                let tail = state.tracks[*d as usize].tail;
                if tail != NONE
                    && !(net.priority.is_some() && is_clear(net, plan, state, (*d, ahead), tail))
                {
                    let candidate = behind_m(tail);
                    if leader == NONE || candidate < gap {
                        (leader, gap) = (tail, candidate);
                    }
                }
            }
        } else {
            let tail = state.tracks[ahead as usize].tail;
            if tail != NONE {
                (leader, gap) = (tail, behind_m(tail));
            }
        }
        if leader != NONE {
            break;
        }
        rest += net.flat.length_m[ahead as usize];
        if rest > tpl.approach {
            break;
        }
    }
    (leader, gap)
}
