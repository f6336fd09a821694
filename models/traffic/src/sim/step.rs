//! One step: create, enter, choose speeds, hand over, commit, find leaders, advance signals.

use super::cross::{Asker, View};
use super::speed::{TURN_SPEED_M_S, YIELD_M, brake_m, follow, least, stop};
use super::state::{Car, EMPTY, STILL, State, UNMOVED};
use super::{Finished, Sim, priority};
use crate::ids::NONE;
use crate::network::Network;
use crate::plan::{Plan, Tpl};

/// What a vehicle will be after the step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Next {
    pub(crate) pos: f64,
    pub(crate) speed: f64,
    pub(crate) blocker: u32,
}

/// A vehicle that leaves its drivable.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mover {
    pub(crate) slot: u32,
    pub(crate) from: u32,
    /// Where it goes, `NONE` when its trip is over.
    pub(crate) to: u32,
    pub(crate) cursor: u32,
    pub(crate) pos: f64,
}

/// Buffers of a step; hold nothing between steps but [`Scratch::next`], which equals the state.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scratch {
    pub(crate) next: Vec<Next>,
    pub(crate) movers: Vec<Mover>,
    pub(crate) blocked: Vec<u32>,
    pub(crate) finished: Vec<Finished>,
}

impl Scratch {
    /// The same buffers without content.
    pub(crate) fn emptied(mut self) -> Self {
        self.next.clear();
        self.movers.clear();
        self.blocked.clear();
        self.finished.clear();
        self
    }

    /// Makes the buffers agree with a state that came from elsewhere.
    pub(crate) fn rebuild(&mut self, state: &State) {
        self.next.clear();
        self.next.extend(state.cars.iter().map(|car| Next {
            pos: car.pos,
            speed: car.speed,
            blocker: car.blocker,
        }));
        self.finished.clear();
    }
}

impl Sim {
    /// Advances the simulation by one step.
    pub fn step(&mut self) {
        self.create();
        self.enter();
        self.choose_speeds();
        self.hand_over();
        self.commit();
        self.find_leaders();
        if self.programme {
            self.advance_signals();
        }
        self.state.step += 1;
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
        };
        let next_head = event.next_in_lane;
        self.place(car, lane);
        let book = &mut self.state.lanes[lane as usize];
        book.wait_count -= 1;
        book.wait_head = next_head;
    }

    /// Puts a new vehicle at the back of a drivable and gives it its leader.
    pub(crate) fn place(&mut self, car: Car, drivable: u32) {
        let slot = self.state.take_slot(car);
        let rest = Next {
            pos: car.pos,
            speed: car.speed,
            blocker: NONE,
        };
        if self.scratch.next.len() < self.state.cars.len() {
            self.scratch.next.resize(self.state.cars.len(), rest);
        }
        self.scratch.next[slot as usize] = rest;
        self.state.push(slot, drivable);
        self.state.running += 1;
        if self.state.tracks[drivable as usize].front == slot {
            look_ahead(&self.net, &self.plan, &mut self.state, drivable);
        }
    }

    pub(crate) fn choose_speeds(&mut self) {
        self.scratch.movers.clear();
        self.scratch.blocked.clear();
        let lanes = self.net.lanes.len();
        let Self {
            net,
            plan,
            state,
            scratch,
            dt,
            ..
        } = self;
        let dt = *dt;
        for i in 0..state.occupied.len() {
            let drivable = state.occupied[i];
            let track = state.tracks[drivable as usize];
            let length = net.flat.length_m[drivable as usize];
            let limit = net.flat.limit_m_s[drivable as usize];
            let mut leader = track.leader;
            let mut gap = track.gap;
            let mut ahead_unmoved = false;
            let mut slot = track.front;
            let mut first = true;
            while slot != NONE {
                let car = state.cars[slot as usize];
                if !first {
                    let before = &state.cars[leader as usize];
                    gap = before.pos - plan.templates[before.template as usize].len - car.pos;
                }
                let was_unmoved = car.flags & UNMOVED != 0;
                if !(first || car.flags & STILL == 0 || !ahead_unmoved) {
                    // Nothing that it depends on has changed since it last chose to stand.
                    leader = slot;
                    ahead_unmoved = was_unmoved;
                    slot = car.behind;
                    continue;
                }
                let view = View {
                    net,
                    plan,
                    state,
                    dt,
                };
                let on_lane = (drivable as usize) < lanes;
                let here = Here {
                    drivable,
                    length,
                    limit,
                    on_lane,
                    shelter: on_lane && !first,
                };
                let chosen = choose(&view, &car, leader, gap, &here);
                let next = &mut scratch.next[slot as usize];
                *next = chosen.next;
                if chosen.next.blocker != NONE {
                    scratch.blocked.push(slot);
                }
                let mut flags = chosen.flags;
                if next.pos == car.pos && next.speed == car.speed {
                    flags |= UNMOVED;
                }
                if net.priority.is_some() {
                    flags |= priority::stood(&car, next.speed);
                }
                state.cars[slot as usize].flags = flags;
                if next.pos > length {
                    scratch
                        .movers
                        .push(drive_on(net, plan, &car, slot, drivable, next.pos));
                }
                first = false;
                leader = slot;
                ahead_unmoved = was_unmoved;
                slot = car.behind;
            }
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
            for slot in &scratch.blocked {
                let blocker = scratch.next[*slot as usize].blocker;
                if scratch.finished.iter().any(|f| f.slot == blocker) {
                    scratch.next[*slot as usize].blocker = NONE;
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
            car.entered_link = if mover.to >= lanes { state.step } else { NONE };
            car.flags = 0;
            scratch.next[mover.slot as usize].pos = mover.pos;
        }
    }

    pub(crate) fn commit(&mut self) {
        for (car, next) in self.state.cars.iter_mut().zip(&self.scratch.next) {
            car.pos = next.pos;
            car.speed = next.speed;
            car.blocker = next.blocker;
        }
    }

    pub(crate) fn find_leaders(&mut self) {
        let Self {
            net, plan, state, ..
        } = self;
        let mut kept = 0;
        for i in 0..state.occupied.len() {
            let drivable = state.occupied[i];
            if state.tracks[drivable as usize].front == NONE {
                state.tracks[drivable as usize] = EMPTY;
                continue;
            }
            state.occupied[kept] = drivable;
            kept += 1;
            look_ahead(net, plan, state, drivable);
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

/// The stretch a vehicle is on.
struct Here {
    drivable: u32,
    length: f64,
    limit: f64,
    on_lane: bool,
    /// Behind another vehicle on a lane: nobody gives way to it.
    shelter: bool,
}

struct Chosen {
    next: Next,
    flags: u32,
}

/// The vehicle's next position (still from the start of its present drivable) and speed.
#[inline]
fn choose(view: &View<'_>, car: &Car, leader: u32, gap: f64, here: &Here) -> Chosen {
    let dt = view.dt;
    let tpl = view.tpl(car);
    let v = car.speed;
    let mut u = least(tpl.vmax, v + tpl.max_pos * dt);
    u = least(u, here.limit * tpl.speed_factor);
    if leader != NONE {
        let ahead = view.car(leader);
        u = least(u, follow(tpl, v, view.tpl(ahead), ahead.speed, gap, dt));
    }
    let mut blocker = NONE;
    let mut flags = 0;
    if u <= 0.0 && here.shelter && car.pos >= tpl.len {
        // The junction cannot make it any slower, and it blocks nobody.
        if v == 0.0 {
            flags = STILL;
        }
    } else if !here.on_lane || here.length - car.pos <= tpl.approach {
        let (limit, foe) = match &view.net.priority {
            Some(priority) => priority::ahead(view, priority, car, tpl),
            None => junction(view, car, tpl, here),
        };
        u = least(u, limit);
        blocker = foe;
    }
    if tpl.dawdle > 0.0 && u > 0.0 {
        u -= tpl.dawdle * dt * least(1.0, u / (tpl.max_pos * dt));
    }
    let hardest = v - tpl.max_neg * dt;
    if hardest > u {
        u = hardest;
    }
    let (distance, speed) = if u < 0.0 {
        (brake_m(tpl, v), 0.0)
    } else {
        ((v + u) * dt / 2.0, u)
    };
    Chosen {
        next: Next {
            pos: distance + car.pos,
            speed,
            blocker,
        },
        flags,
    }
}

/// The speed the junction allows, and the vehicle given way to.
fn junction(view: &View<'_>, car: &Car, tpl: &Tpl, here: &Here) -> (f64, u32) {
    let dt = view.dt;
    let offset = view.net.lanes.len();
    let mut u = tpl.vmax;
    let (link, x) = if here.on_lane {
        let next = view.next(car);
        if next == NONE {
            return (u, NONE);
        }
        let link = next as usize - offset;
        let rest = here.length - car.pos;
        let end = view.net.flat.link_to[link];
        if (view.state.green[link] == 0 || is_full(view, end, tpl))
            && brake_m(tpl, car.speed) <= rest
        {
            return (least(u, stop(tpl, car.speed, rest, dt)), NONE);
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
            );
        }
    }
    (u, NONE)
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
fn drive_on(net: &Network, plan: &Plan, car: &Car, slot: u32, from: u32, pos: f64) -> Mover {
    let (mut pos, mut cursor, mut to) = (pos, car.cursor, from);
    while to != NONE && pos > net.flat.length_m[to as usize] {
        pos -= net.flat.length_m[to as usize];
        cursor += 1;
        to = if cursor < car.path_end {
            plan.paths[cursor as usize]
        } else {
            NONE
        };
    }
    Mover {
        slot,
        from,
        to,
        cursor,
        pos,
    }
}

/// True where lists of foes rule and the vehicle has left the way of those that turn off elsewhere.
///
/// Those that turn off to the same road are on one line with it until the end.
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
fn look_ahead(net: &Network, plan: &Plan, state: &mut State, drivable: u32) {
    let track = state.tracks[drivable as usize];
    let car = &state.cars[track.front as usize];
    let tpl = &plan.templates[car.template as usize];
    let mut rest = net.flat.length_m[drivable as usize] - car.pos;
    let (mut leader, mut gap) = (NONE, track.gap);
    let mut at = car.cursor + 1;
    // Beyond `far_gap` no leader matters: skip the search.
    while rest <= tpl.far_gap + plan.len_max && at < car.path_end {
        let ahead = plan.paths[at as usize];
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
                if tail != NONE && !(*d != ahead && is_clear(net, plan, state, (*d, ahead), tail)) {
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
        at += 1;
    }
    let track = &mut state.tracks[drivable as usize];
    track.leader = leader;
    track.gap = gap;
}
