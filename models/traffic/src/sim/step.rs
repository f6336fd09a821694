//! One step: create, enter, choose speeds, hand over, commit, find leaders, advance signals.

use super::choose::{choose_part, drivable_after};
use super::cross::View;
use super::halts::Told;
use super::lane_change::{Lattice, Wishes};
use super::state::{Car, EMPTY, SHADOW, State, Track, WAITS, Way};
use super::{Finished, Sim};
use crate::ids::NONE;
use crate::network::Network;
use crate::plan::{Plan, Tpl};

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

impl Next {
    /// The vehicle becomes this.
    #[inline]
    pub(crate) fn write(&self, car: &mut Car) {
        car.pos = self.pos;
        car.speed = self.speed;
        car.blocker = self.blocker;
        car.flags = self.flags;
    }
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
    /// Slots of those in `finished`, in order.
    pub(crate) gone: Vec<u32>,
    /// Drivables whose chain of standing vehicles has changed.
    pub(crate) chains: Vec<(u32, Track)>,
    /// With lane change: gaps to leaders, and vehicles whose leader has gone aside.
    pub(crate) gaps: Vec<(u32, f64)>,
    pub(crate) woken: Vec<u32>,
    /// With lane change: bodies of pairs and their places in `next`.
    pub(crate) held: Vec<(u32, u32)>,
    /// What vehicles tell of their halts: event, slot.
    pub(crate) told: Vec<(u32, u32, Told)>,
    pub(crate) wishes: Wishes,
}

impl Scratch {
    /// Empty for the choices of a step.
    pub(crate) fn begin(&mut self) {
        self.next.clear();
        self.movers.clear();
        self.blocked.clear();
        self.chains.clear();
        self.gaps.clear();
        self.held.clear();
        self.told.clear();
    }

    /// Takes over the choices of the part that comes next.
    pub(crate) fn append(&mut self, part: &mut Self) {
        let before = u32::try_from(self.next.len()).expect("fewer than 2^32 vehicles");
        self.next.append(&mut part.next);
        let later = |at: u32| at + before;
        self.blocked.extend(part.blocked.drain(..).map(later));
        let movers = part.movers.drain(..);
        self.movers.extend(movers.map(|m| Mover {
            at: later(m.at),
            ..m
        }));
        let held = part.held.drain(..);
        self.held.extend(held.map(|(slot, at)| (slot, later(at))));
        self.chains.append(&mut part.chains);
        self.gaps.append(&mut part.gaps);
        self.told.append(&mut part.told);
    }

    /// Writes the chains of standing vehicles.
    pub(crate) fn take_chains(&mut self, state: &mut State) {
        for (drivable, track) in self.chains.drain(..) {
            state.tracks[drivable as usize] = track;
        }
    }

    /// The same buffers without content.
    pub(crate) fn emptied(mut self) -> Self {
        self.movers.clear();
        self.forget();
        self
    }

    pub(crate) fn note_gone(&mut self) {
        self.gone.clear();
        self.gone.extend(self.finished.iter().map(|f| f.slot));
        self.gone.sort_unstable();
    }

    /// A vehicle that has left blocks nobody.
    fn unblock(&mut self) {
        if self.finished.is_empty() {
            return;
        }
        self.note_gone();
        for at in &self.blocked {
            let blocker = &mut self.next[*at as usize].blocker;
            if self.gone.binary_search(blocker).is_ok() {
                *blocker = NONE;
            }
        }
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
        self.apply_changes();
        self.wake();
        self.create();
        self.enter();
        self.keep_order();
        if let Some(lattice) = self.lattice.clone() {
            self.change_lanes(&lattice);
        }
        if !self.step_shared() {
            self.step_alone();
        }
        self.state.commands.clear();
        self.serve_halts();
        if self.programme {
            self.advance_signals();
        }
        self.state.step += 1;
    }

    /// What follows entering and wishing, on this thread.
    fn step_alone(&mut self) {
        if let Some(lattice) = self.lattice.clone() {
            self.choose_speeds::<true>();
            self.settle_pairs(&lattice);
        } else {
            self.choose_speeds::<false>();
        }
        self.hand_over();
        self.commit();
        self.find_leaders();
        self.state.order();
    }

    /// Finds the leaders of first vehicles whose light has changed: as they stood after the last step.
    pub(crate) fn wake(&mut self) {
        while let Some(lane) = self.state.woken.pop() {
            if self.state.tracks[lane as usize].front != NONE {
                let lattice = self.lattice.as_deref();
                mark_met(&self.net, &self.plan, &mut self.state, lane);
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
        if self.state.closed_lanes.binary_search(&lane).is_ok() {
            return;
        }
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
        let slot = self.place(car, lane);
        let book = &mut self.state.lanes[lane as usize];
        book.wait_count -= 1;
        book.wait_head = next_head;
        self.begin_halts(head);
        self.redirect_entered(slot, lane);
        self.begin_seek(slot, head);
    }

    /// Puts a new vehicle at the back of a drivable and gives it its leader; its slot.
    pub(crate) fn place(&mut self, car: Car, drivable: u32) -> u32 {
        let slot = self.state.take_slot(car);
        if self.state.changing {
            self.state.gaps.resize(self.state.cars.len(), 0.0);
            self.state.gaps[slot as usize] = 0.0;
        }
        self.state.push(slot, drivable);
        self.state.running += 1;
        if self.state.tracks[drivable as usize].front == slot {
            mark_met(&self.net, &self.plan, &mut self.state, drivable);
            let lattice = self.lattice.as_deref();
            look_ahead(&self.net, &self.plan, lattice, &mut self.state, drivable);
        }
        slot
    }

    /// Every vehicle's next position and speed, from the old state. `CHANGE`: with lane change; those
    /// with a shadow then only get their wanted speed, see [`Sim::settle_pairs`].
    pub(crate) fn choose_speeds<const CHANGE: bool>(&mut self) {
        let wishes = std::mem::take(&mut self.scratch.wishes);
        let (scratch, all) = (&mut self.scratch, &self.state.occupied);
        scratch.begin();
        let view = View {
            net: &self.net,
            plan: &self.plan,
            state: &self.state,
            wishes: &wishes,
            dt: self.dt,
        };
        let lattice = self.lattice.as_deref();
        choose_part::<CHANGE>(&view, scratch, lattice, all);
        scratch.take_chains(&mut self.state);
        scratch.wishes = wishes;
    }

    pub(crate) fn hand_over(&mut self) {
        let (state, scratch) = (&mut self.state, &mut self.scratch);
        scratch.finished.clear();
        for mover in &scratch.movers {
            state.unlink(mover.slot, mover.from);
        }
        for at in 0..self.scratch.movers.len() {
            let mover = self.scratch.movers[at];
            if mover.to == NONE {
                self.book_finished(mover.slot);
            }
        }
        self.scratch.unblock();
        let (state, scratch) = (&mut self.state, &mut self.scratch);
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

    /// A vehicle's trip is over: counts it and frees its slot.
    pub(crate) fn book_finished(&mut self, slot: u32) {
        let state = &mut self.state;
        let event = state.cars[slot as usize].event;
        let now = f64::from(state.step) * self.dt;
        let events = &self.plan.events;
        let entered_s = events
            .get(event as usize)
            .map_or(0.0, |e| f64::from(e.step) * self.dt);
        state.finished_time_s += now - entered_s;
        state.finished += 1;
        state.running -= 1;
        self.scratch.finished.push(Finished {
            slot,
            event,
            entered_s,
            left_s: now,
        });
        // Nothing of the way it left is kept: threads take vehicles out of lists in another order.
        let car = &mut state.cars[slot as usize];
        (car.ahead, car.behind) = (NONE, NONE);
        state.free.push(slot);
        state.forget_aim(event);
    }

    pub(crate) fn commit(&mut self) {
        for next in &self.scratch.next {
            let car = &mut self.state.cars[next.slot as usize];
            next.write(car);
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
            met.clear();
        }
        let mut kept = 0;
        for i in 0..state.occupied.len() {
            let drivable = state.occupied[i];
            if state.tracks[drivable as usize].front == NONE {
                state.tracks[drivable as usize] = EMPTY;
                continue;
            }
            state.occupied[kept] = drivable;
            kept += 1;
            mark_met(net, plan, state, drivable);
            let (leader, gap) = leader_after_step(net, plan, lattice, state, drivable);
            let track = &mut state.tracks[drivable as usize];
            (track.leader, track.gap) = (leader, gap);
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

/// Marks who is [`met_on`] these links.
#[inline(always)]
fn mark_met(net: &Network, plan: &Plan, state: &mut State, drivable: u32) {
    for (link, way) in met_on(net, plan, state, drivable) {
        if link != NONE {
            let seat = net.flat.seats[link as usize];
            state.met[seat.junction as usize].mark(way, seat.bit(link as usize));
        }
    }
}

/// The links on which the vehicles of a drivable can be met at a conflict point: its own, the
/// one its first vehicle will take, the one its last vehicle has not quite left.
/// `NONE` where there is none.
#[inline(always)]
pub(crate) fn met_on(net: &Network, plan: &Plan, state: &State, drivable: u32) -> [(u32, Way); 2] {
    #[allow(clippy::cast_possible_truncation)] // fewer than 2^32 drivables
    let lanes = net.lanes.len() as u32;
    if let Some(link) = drivable.checked_sub(lanes) {
        return [(link, Way::Inside), (NONE, Way::Coming)];
    }
    let mut links = [(NONE, Way::Leaving), (NONE, Way::Coming)];
    let track = &state.tracks[drivable as usize];
    let last = &state.cars[track.tail as usize];
    if let Some(link) = last.prev.checked_sub(lanes)
        && last.prev != NONE
        && last.pos - plan.templates[last.template as usize].len < LEFT_M
    {
        links[0].0 = link;
    }
    let front = &state.cars[track.front as usize];
    // Nobody who waits at red is met; when it turns green, the lane is woken and marked again.
    if front.flags & WAITS == 0 && front.cursor + 1 < front.path_end {
        links[1].0 = plan.paths[front.cursor as usize + 1] - lanes;
    }
    links
}

/// The leader of a drivable's first vehicle after a step, and the gap to it; none where it does not
/// matter.
#[inline(always)]
pub(crate) fn leader_after_step(
    net: &Network,
    plan: &Plan,
    lattice: Option<&Lattice>,
    state: &State,
    drivable: u32,
) -> (u32, f64) {
    let track = &state.tracks[drivable as usize];
    let car = &state.cars[track.front as usize];
    let tpl = &plan.templates[car.template as usize];
    let rest = net.flat.length_m[drivable as usize] - car.pos;
    let idle = car.flags & WAITS != 0 || rest > leader_sight_m(net, car, tpl) + plan.len_max;
    if lattice.is_none() && idle {
        (NONE, track.gap)
    } else {
        leader_of(net, plan, lattice, state, drivable)
    }
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

/// Beyond this a leader cannot slow the vehicle in the next step, m.
#[inline(always)]
fn leader_sight_m(net: &Network, car: &Car, tpl: &Tpl) -> f64 {
    if net.priority.is_some() {
        tpl.sight_m(car.speed)
    } else {
        tpl.far_gap
    }
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
    let sight_m = leader_sight_m(net, car, tpl) + plan.len_max;
    while lattice.is_some() || rest <= sight_m {
        (ahead, at) = drivable_after(net, plan, lattice, (ahead, at), car.path_end);
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
