//! One step: create, enter, choose speeds, hand over, commit, find leaders, advance signals.

use super::cross::{Asker, View};
use super::lane_change::{Lattice, Wishes};
use super::speed::{TURN_SPEED_M_S, YIELD_M, brake_m, follow, least, stop};
use super::state::{ASKED, Car, EMPTY, SHADOW, STILL, State, Track, UNMOVED, WAITS};
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
    chains: Vec<(u32, Track)>,
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
        if tail != NONE {
            let car = &self.state.cars[tail as usize];
            let room =
                templates[car.template as usize].len + templates[event.template as usize].min_gap;
            if car.pos <= room {
                return;
            }
        }
        let car = Car {
            pos: 0.0,
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
            mark_live(&self.net, &self.plan, &mut self.state, drivable);
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
        for drivable in &self.state.occupied {
            choose_on::<CHANGE>(&view, scratch, lattice, *drivable);
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
        state.live.fill(0);
        let mut kept = 0;
        for i in 0..state.occupied.len() {
            let drivable = state.occupied[i];
            if state.tracks[drivable as usize].front == NONE {
                state.tracks[drivable as usize] = EMPTY;
                continue;
            }
            state.occupied[kept] = drivable;
            kept += 1;
            mark_live(net, plan, state, drivable);
            let track = &mut state.tracks[drivable as usize];
            let car = &state.cars[track.front as usize];
            let tpl = &plan.templates[car.template as usize];
            let rest = net.flat.length_m[drivable as usize] - car.pos;
            let idle = car.flags & WAITS != 0 || rest > tpl.far_gap + plan.len_max;
            if lattice.is_none() && idle {
                track.leader = NONE;
            } else {
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

/// [`Sim::choose_speeds`] for one drivable, from the front to the back.
fn choose_on<const CHANGE: bool>(
    view: &View<'_>,
    scratch: &mut Scratch,
    lattice: Option<&Lattice>,
    drivable: u32,
) {
    let (net, cars, dt) = (view.net, &view.state.cars, view.dt);
    let mut track = view.state.tracks[drivable as usize];
    let chain = (track.still_head, track.still_tail);
    let here = Here {
        drivable,
        length: net.flat.length_m[drivable as usize],
        limit: net.flat.limit_m_s[drivable as usize],
        on_lane: (drivable as usize) < net.lanes.len(),
    };
    let mut leader = cars.get(track.leader as usize);
    let (mut gap, mut rear) = (track.gap, 0.0);
    let (mut slot, mut first, mut ahead_unmoved) = (track.front, true, false);
    while slot != NONE {
        let car = &cars[slot as usize];
        let tpl = view.tpl(car);
        let was_unmoved = ahead_unmoved;
        ahead_unmoved = car.flags & UNMOVED != 0;
        if !first && was_unmoved && car.flags & STILL != 0 {
            // Nothing that it depends on has changed since it last chose to stand, and nothing for
            // those behind it in its chain.
            let mut last = car;
            if slot == track.still_head {
                last = &cars[track.still_tail as usize];
            } else {
                track.note_still(slot, car);
            }
            (leader, rear, slot) = (Some(last), last.pos - view.tpl(last).len, last.behind);
            continue;
        }
        if !first {
            gap = rear - car.pos;
        } else if car.flags & WAITS != 0 {
            if CHANGE && leader.is_some() {
                scratch.gaps.push((slot, gap));
            }
            (leader, rear) = (Some(car), car.pos - tpl.len);
            (slot, first) = (car.behind, false);
            continue;
        }
        let mut chosen = choose(view, car, tpl, leader, gap, &here, !first);
        if CHANGE {
            if leader.is_some() {
                scratch.gaps.push((slot, gap));
            }
            if car.flags & ASKED != 0 || here.on_lane && car.path_end == car.cursor {
                chosen.u = scratch.wishes.limit(view, car, slot, &here, chosen.u);
            }
        }
        let hardest = car.speed - tpl.max_neg * dt;
        if hardest > chosen.u {
            chosen.u = hardest;
        }
        #[allow(clippy::cast_possible_truncation)] // fewer than 2^32 vehicles
        let at = scratch.next.len() as u32;
        if chosen.blocker != NONE {
            scratch.blocked.push(at);
        }
        let mut next = Next {
            slot,
            blocker: chosen.blocker,
            pos: car.pos,
            speed: chosen.u,
            flags: car.flags & SHADOW,
        };
        if CHANGE && car.partner != NONE {
            scratch.wishes.hold(slot, at);
        } else {
            (next.pos, next.speed) = motion(car, tpl, chosen.u, dt);
            // Not `&&`: nobody can foretell which way that would branch.
            let stays = (next.pos == car.pos) & (next.speed == car.speed);
            next.flags = chosen.flags | (u32::from(stays) * UNMOVED);
            if next.pos > here.length {
                let mover = drive_on(net, view.plan, lattice, car, (slot, at), drivable, next.pos);
                scratch.movers.push(mover);
            }
        }
        let stands = next.flags & STILL != 0;
        scratch.next.push(next);
        let mut last = car;
        if slot == track.still_head {
            if stands {
                last = &cars[track.still_tail as usize];
                ahead_unmoved = true;
            } else {
                track.drop_head(car.behind);
            }
        } else if stands {
            track.note_still(slot, car);
        }
        (leader, rear) = (Some(last), last.pos - view.tpl(last).len);
        (slot, first) = (last.behind, false);
    }
    if chain != (track.still_head, track.still_tail) {
        scratch.chains.push((drivable, track));
    }
}

/// The stretch a vehicle is on.
pub(crate) struct Here {
    drivable: u32,
    pub(crate) length: f64,
    limit: f64,
    on_lane: bool,
}

struct Chosen {
    /// Speed before the limit of braking, m/s.
    u: f64,
    blocker: u32,
    flags: u32,
}

/// The speed the vehicle wants for the next step. Behind another on a lane nobody gives way to it.
#[inline(always)]
fn choose(
    view: &View<'_>,
    car: &Car,
    tpl: &Tpl,
    leader: Option<&Car>,
    gap: f64,
    here: &Here,
    behind: bool,
) -> Chosen {
    let dt = view.dt;
    let v = car.speed;
    let mut u = least(tpl.vmax, v + tpl.max_pos * dt);
    u = least(u, here.limit);
    if let Some(ahead) = leader {
        u = least(u, follow(tpl, v, view.tpl(ahead), ahead.speed, gap, dt));
    }
    let mut blocker = NONE;
    let mut flags = 0;
    if u <= 0.0 && behind && here.on_lane && car.pos >= tpl.len {
        // The junction cannot make it any slower, and it blocks nobody.
        if v == 0.0 {
            flags = STILL;
        }
    } else if !here.on_lane || here.length - car.pos <= tpl.approach {
        let (limit, foe, red) = junction(view, car, tpl, here);
        u = least(u, limit);
        blocker = foe;
        if red && v == 0.0 && limit <= 0.0 && !behind {
            flags = WAITS;
        }
    }
    Chosen { u, blocker, flags }
}

/// Position (still from the start of the present drivable) and speed after a step towards `u`.
#[inline]
pub(crate) fn motion(car: &Car, tpl: &Tpl, u: f64, dt: f64) -> (f64, f64) {
    let v = car.speed;
    let (distance, speed) = if u < 0.0 {
        (brake_m(tpl, v), 0.0)
    } else {
        ((v + u) * dt / 2.0, u)
    };
    (distance + car.pos, speed)
}

/// The speed the junction allows, the vehicle given way to, and whether it is red.
fn junction(view: &View<'_>, car: &Car, tpl: &Tpl, here: &Here) -> (f64, u32, bool) {
    let dt = view.dt;
    let offset = view.net.lanes.len();
    let mut u = tpl.vmax;
    let (link, x) = if here.on_lane {
        let next = view.next(car);
        if next == NONE {
            return (u, NONE, false);
        }
        let link = next as usize - offset;
        let rest = here.length - car.pos;
        let end = view.net.flat.link_to[link];
        let red = view.state.green[link] == 0;
        if (red || is_full(view, end, tpl)) && brake_m(tpl, car.speed) <= rest {
            return (least(u, stop(tpl, car.speed, rest, dt)), NONE, red);
        }
        if view.net.flat.link_rank[link] < 3 {
            u = least(u, TURN_SPEED_M_S);
        }
        (link, -rest)
    } else {
        (here.drivable as usize - offset, car.pos)
    };
    let crosses = &view.net.crosses
        [view.net.cross_from[link] as usize..view.net.cross_from[link + 1] as usize];
    for cross in crosses {
        if cross.distance_m < x {
            continue;
        }
        let foe_link = cross.other.ix();
        if view.state.live[foe_link] == 0 {
            continue;
        }
        let (foe, d2) = view.foe(foe_link, cross.other_distance_m);
        if foe == NONE {
            continue;
        }
        let asker = Asker {
            car,
            tpl,
            link,
            d: cross.distance_m - x,
        };
        if !view.may_pass(&asker, foe, foe_link, d2) {
            return (
                least(u, stop(tpl, car.speed, cross.distance_m - x - YIELD_M, dt)),
                foe,
                false,
            );
        }
    }
    (u, NONE, false)
}

/// No room on the lane behind the junction, and its last vehicle does not move off.
fn is_full(view: &View<'_>, lane: u32, tpl: &Tpl) -> bool {
    let tail = view.state.tracks[lane as usize].tail;
    if tail == NONE {
        return false;
    }
    let last = view.car(tail);
    !(last.pos > view.tpl(last).len + tpl.len || last.speed >= 2.0)
}

/// Follows the path of a vehicle that has passed the end of its drivable.
pub(crate) fn drive_on(
    net: &Network,
    plan: &Plan,
    lattice: Option<&Lattice>,
    car: &Car,
    (slot, at): (u32, u32),
    from: u32,
    pos: f64,
) -> Mover {
    let (mut pos, mut cursor, mut to) = (pos, car.cursor, from);
    while to != NONE && pos > net.flat.length_m[to as usize] {
        pos -= net.flat.length_m[to as usize];
        (to, cursor) = match lattice {
            Some(lattice) => lattice.next(net, &plan.paths, to, cursor),
            None if cursor + 1 < car.path_end => (plan.paths[cursor as usize + 1], cursor + 1),
            None => (NONE, cursor + 1),
        };
    }
    Mover {
        slot,
        from,
        to,
        cursor,
        at,
        pos,
    }
}

/// Marks the links on which the vehicles of a drivable can be met at a conflict point: its own, the
/// one its first vehicle will take, the one its last vehicle has not quite left.
#[inline(always)]
fn mark_live(net: &Network, plan: &Plan, state: &mut State, drivable: u32) {
    let lanes = net.lanes.len();
    if let Some(link) = (drivable as usize).checked_sub(lanes) {
        state.live[link] = 1;
        return;
    }
    let track = &state.tracks[drivable as usize];
    let last = &state.cars[track.tail as usize];
    if let Some(link) = (last.prev as usize).checked_sub(lanes)
        && last.pos - plan.templates[last.template as usize].len < LEFT_M
        && let Some(live) = state.live.get_mut(link)
    {
        *live = 1;
    }
    let front = &state.cars[track.front as usize];
    if front.cursor + 1 < front.path_end {
        state.live[plan.paths[front.cursor as usize + 1] as usize - lanes] = 1;
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
                if tail != NONE {
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
