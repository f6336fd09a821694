//! The choice of speed: what a vehicle wants behind its leader, under its limit, before a junction.
//!
//! `BEYOND` compiles in what the CityFlow form has no member for: lists of foes, wished speeds over
//! the limit, dawdling. A run without them does not pay for them. `SECOND` compiles in the usual step.

use super::cross::{Asker, View};
use super::lane_change::Lattice;
use super::priority;
use super::speed::{TURN_SPEED_M_S, YIELD_M, brake_m, follow, least, safe, stop};
use super::state::{ASKED, Car, SHADOW, STILL, UNMOVED, WAITS};
use super::step::{Mover, Next, Scratch};
use crate::ids::NONE;
use crate::network::Network;
use crate::plan::{Plan, Tpl};

/// [`super::Sim::choose_speeds`] for these drivables.
pub(super) fn choose_part<const CHANGE: bool>(
    view: &View<'_>,
    scratch: &mut Scratch,
    lattice: Option<&Lattice>,
    drivables: &[u32],
) {
    let beyond = view.net.priority.is_some() || view.plan.own_drivers || view.is_watched();
    match (beyond, view.dt.to_bits() == 1.0_f64.to_bits()) {
        (true, _) => choose_all::<CHANGE, true, false>(view, scratch, lattice, drivables),
        (false, true) => choose_all::<CHANGE, false, true>(view, scratch, lattice, drivables),
        (false, false) => choose_all::<CHANGE, false, false>(view, scratch, lattice, drivables),
    }
}

/// [`choose_part`]. A function of its own for each set of constants, so that the loop of one does not take the other's registers.
#[inline(never)]
fn choose_all<const CHANGE: bool, const BEYOND: bool, const SECOND: bool>(
    view: &View<'_>,
    scratch: &mut Scratch,
    lattice: Option<&Lattice>,
    drivables: &[u32],
) {
    for drivable in drivables {
        choose_on::<CHANGE, BEYOND, SECOND>(view, scratch, lattice, *drivable);
    }
}

/// A vehicle that chooses.
struct Chooser<'a> {
    slot: u32,
    car: &'a Car,
    tpl: &'a Tpl,
    /// Itself without a leader: then the gap is infinite.
    leader: &'a Car,
    gap: f64,
    /// Not the first of its drivable.
    behind: bool,
}

/// The choice for one drivable, from the front to the back.
///
/// Vehicles with nobody and no junction near are done here, others by [`choose_one`].
#[inline(always)]
fn choose_on<const CHANGE: bool, const BEYOND: bool, const SECOND: bool>(
    view: &View<'_>,
    scratch: &mut Scratch,
    lattice: Option<&Lattice>,
    drivable: u32,
) {
    let (net, cars) = (view.net, view.state.cars.as_slice());
    let templates = view.plan.templates.as_slice();
    let dt = view.dt::<SECOND>();
    let mut track = view.state.tracks[drivable as usize];
    let (head, tail) = (track.still_head, track.still_tail);
    let length = net.flat.length_m[drivable as usize];
    let on_lane = (drivable as usize) < net.lanes.len();
    let here = Here {
        drivable,
        length,
        limit: view.limit_m_s(drivable as usize),
        on_lane,
    };
    // Nobody is free on a link, nor where more than leader, limit and junction count.
    let free_to = if on_lane && !(BEYOND && view.is_ordered()) {
        length
    } else {
        0.0
    };
    let (mut slot, mut behind) = (track.front, false);
    let mut car = &cars[slot as usize];
    let mut tpl = &templates[car.template as usize];
    let (mut leader, mut gap) = match cars.get(track.leader as usize) {
        Some(leader) => (leader, track.gap),
        None => (car, f64::INFINITY),
    };
    let mut waits = car.flags & WAITS != 0;
    if CHANGE && track.leader != NONE {
        scratch.gaps.push((slot, gap));
    }
    loop {
        let (mut last, mut last_tpl) = (car, tpl);
        if is_free::<CHANGE, BEYOND>(net, car, tpl, gap, free_to, dt) {
            let next = drive_freely::<BEYOND>(slot, car, tpl, here.limit, dt);
            scratch.next.push(next);
        } else if !waits {
            let me = Chooser {
                slot,
                car,
                tpl,
                leader,
                gap,
                behind,
            };
            let stands = choose_one::<CHANGE, BEYOND, SECOND>(view, scratch, lattice, &here, &me);
            if slot == head {
                // Those behind it in the chain see it move in the next step.
                last = &cars[tail as usize];
                last_tpl = &templates[last.template as usize];
                if !stands {
                    track.drop_head(slot, car.behind);
                }
            } else if stands {
                track.note_still(slot, car);
            }
        }
        // The next that does not sleep.
        loop {
            if last.behind == NONE {
                if (head, tail) != (track.still_head, track.still_tail) {
                    scratch.chains.push((drivable, track));
                }
                return;
            }
            slot = last.behind;
            car = &cars[slot as usize];
            if last.flags & UNMOVED == 0 || car.flags & STILL == 0 {
                break;
            }
            // Nothing that it depends on has changed since it last chose to stand (nor has it moved
            // then), and nothing for those behind it in its chain.
            if slot == head {
                last = &cars[tail as usize];
            } else {
                track.note_still(slot, car);
                last = car;
            }
            last_tpl = &templates[last.template as usize];
        }
        gap = last.pos - last_tpl.len - car.pos;
        tpl = &templates[car.template as usize];
        (leader, behind, waits) = (last, true, false);
        if CHANGE {
            scratch.gaps.push((slot, gap));
        }
    }
}

/// How far a junction matters to a vehicle that wishes to go at `wish` m/s, m.
#[inline(always)]
fn approach_m<const BEYOND: bool>(net: &Network, car: &Car, tpl: &Tpl, wish: f64, dt: f64) -> f64 {
    if BEYOND && net.priority.is_some() {
        tpl.reach_m(car.speed, wish, dt)
    } else {
        tpl.approach
    }
}

/// Nobody and no junction near.
#[inline(always)]
fn is_free<const CHANGE: bool, const BEYOND: bool>(
    net: &Network,
    car: &Car,
    tpl: &Tpl,
    gap: f64,
    free_to: f64,
    dt: f64,
) -> bool {
    let (leader_m, junction_m) = if BEYOND && net.priority.is_some() {
        let top = car.speed + tpl.max_pos * dt;
        (tpl.sight_m(car.speed), tpl.reach_m(car.speed, top, dt))
    } else {
        (tpl.far_gap, tpl.approach)
    };
    // Not `&&`: nobody can foretell which way that would branch.
    let far = (gap >= leader_m) & (free_to - car.pos > junction_m);
    far && !(CHANGE && car.is_bound()) && !(BEYOND && tpl.halts)
}

/// What [`choose_one`] would come to for a vehicle that is free.
#[inline(always)]
fn drive_freely<const BEYOND: bool>(slot: u32, car: &Car, tpl: &Tpl, limit: f64, dt: f64) -> Next {
    let v = car.speed;
    let limit = if BEYOND {
        limit * tpl.speed_factor
    } else {
        limit
    };
    let mut u = least(least(tpl.vmax, v + tpl.max_pos * dt), limit);
    if BEYOND {
        u -= dawdling(tpl, u, dt);
    }
    let hardest = v - tpl.max_neg * dt;
    if hardest > u {
        u = hardest;
    }
    Next {
        slot,
        blocker: NONE,
        pos: (v + u) * dt / 2.0 + car.pos,
        speed: u,
        flags: 0,
    }
}

/// The choice of one vehicle; whether it stands asleep.
#[inline(always)]
fn choose_one<const CHANGE: bool, const BEYOND: bool, const SECOND: bool>(
    view: &View<'_>,
    scratch: &mut Scratch,
    lattice: Option<&Lattice>,
    here: &Here,
    me: &Chooser<'_>,
) -> bool {
    let (net, dt) = (view.net, view.dt::<SECOND>());
    let (slot, car, tpl) = (me.slot, me.car, me.tpl);
    let mut chosen = choose::<BEYOND>(view, me, here, dt);
    let mut leaves = false;
    if BEYOND && tpl.halts {
        let (limit, told, over) = view.halting(lattice, car, tpl, here.drivable);
        (chosen.u, leaves) = (least(chosen.u, limit), over);
        // A vehicle between two lanes has two bodies, and tells once.
        let told = told.filter(|_| car.flags & SHADOW == 0);
        scratch
            .told
            .extend(told.map(|told| (car.event, slot, told)));
    }
    if BEYOND && !view.state.blocks.is_empty() {
        chosen.u = least(chosen.u, view.before_block(car, tpl));
    }
    if CHANGE && (car.flags & ASKED != 0 || here.on_lane && car.path_end == car.cursor) {
        chosen.u = view.wishes.limit(view, car, slot, here, chosen.u);
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
        scratch.held.push((slot, at));
    } else {
        (next.pos, next.speed) = motion(car, tpl, chosen.u, dt);
        // Not `&&`: nobody can foretell which way that would branch.
        let stays = (next.pos == car.pos) & (next.speed == car.speed);
        next.flags = chosen.flags | (u32::from(stays) * UNMOVED);
        if BEYOND && net.priority.is_some() {
            next.flags |= priority::stood(car, next.speed, view.state.step);
        }
        if leaves {
            scratch.movers.push(Mover {
                slot,
                from: here.drivable,
                to: NONE,
                cursor: car.cursor,
                at,
                pos: next.pos,
            });
        } else if next.pos > here.length {
            let (plan, on) = (view.plan, here.drivable);
            let mover = drive_on(net, plan, lattice, car, (slot, at), on, next.pos);
            scratch.movers.push(mover);
        }
    }
    let stands = next.flags & STILL != 0;
    scratch.next.push(next);
    stands
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
fn choose<const BEYOND: bool>(view: &View<'_>, me: &Chooser<'_>, here: &Here, dt: f64) -> Chosen {
    let (car, tpl, behind) = (me.car, me.tpl, me.behind);
    let v = car.speed;
    let mut u = least(tpl.vmax, v + tpl.max_pos * dt);
    u = if BEYOND {
        least(u, here.limit * tpl.speed_factor)
    } else {
        least(u, here.limit)
    };
    let lists = BEYOND && view.net.priority.is_some();
    let command = if BEYOND { view.command(car) } else { None };
    if let Some(wished) = command {
        u = least(u, commanded(view, me, wished, dt));
    } else if !lists || me.gap < tpl.sight_m(v) {
        let ahead = me.leader;
        u = least(u, follow(tpl, v, view.tpl(ahead), ahead.speed, me.gap, dt));
    }
    let mut blocker = NONE;
    let mut flags = 0;
    if u <= 0.0 && behind && here.on_lane && car.pos >= tpl.len {
        // The junction cannot make it any slower, and it blocks nobody.
        if v == 0.0 && command.is_none() {
            flags = STILL;
        }
    } else if !here.on_lane
        || here.length - car.pos <= approach_m::<BEYOND>(view.net, car, tpl, u, dt)
    {
        let (limit, foe, red) = match &view.net.priority {
            Some(foes) if BEYOND => priority::ahead(view, foes, car, tpl, u),
            _ => junction(view, car, tpl, here),
        };
        u = least(u, limit);
        blocker = foe;
        if red && v == 0.0 && limit <= 0.0 && !behind {
            flags = WAITS;
        }
    }
    if BEYOND {
        u -= dawdling(tpl, u, dt);
    }
    Chosen { u, blocker, flags }
}

/// The speed of a vehicle told to drive at `wished` m/s: it is kept from running into its leader, and
/// from nothing else that following would heed (the reference's form).
fn commanded(view: &View<'_>, me: &Chooser<'_>, wished: f64, dt: f64) -> f64 {
    if me.gap.is_infinite() {
        return wished;
    }
    let (tpl, leader) = (me.tpl, me.leader);
    let leader_neg = view.tpl(leader).max_neg;
    let safe = safe(
        leader.speed,
        leader_neg,
        me.car.speed,
        tpl.max_neg,
        me.gap,
        0.0,
        dt,
    );
    least(wished, safe)
}

/// What a driver who dawdles stays below `u` m/s, m/s.
#[inline]
fn dawdling(tpl: &Tpl, u: f64, dt: f64) -> f64 {
    if tpl.dawdle > 0.0 && u > 0.0 {
        tpl.dawdle * dt * least(1.0, u / (tpl.max_pos * dt))
    } else {
        0.0
    }
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
    let seat = view.net.flat.seats[link];
    let met = &view.state.met[seat.junction as usize];
    let anybody = met.anybody() & seat.foes;
    if anybody == 0 {
        return (u, NONE, false);
    }
    let crosses = &view.net.crosses
        [view.net.cross_from[link] as usize..view.net.cross_from[link + 1] as usize];
    for cross in crosses {
        let foe_link = cross.other.ix();
        let bit = seat.bit(foe_link);
        // Not `||`: nobody can foretell which way that would branch.
        if (cross.distance_m < x) | (anybody & bit == 0) {
            continue;
        }
        let (foe, d2) = view.foe(foe_link, cross.other_distance_m, met, bit);
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

/// The drivable after one of a path, and its cursor; `NONE` where the path ends.
#[inline(always)]
pub(crate) fn drivable_after(
    net: &Network,
    plan: &Plan,
    lattice: Option<&Lattice>,
    (on, cursor): (u32, u32),
    path_end: u32,
) -> (u32, u32) {
    match lattice {
        Some(lattice) => lattice.next(net, &plan.paths, on, cursor),
        None if cursor + 1 < path_end => (plan.paths[cursor as usize + 1], cursor + 1),
        None => (NONE, cursor + 1),
    }
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
        (to, cursor) = drivable_after(net, plan, lattice, (to, cursor), car.path_end);
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
