//! Right of way by lists of foes: stop lines, waiting places, gaps in a stream with priority.
//!
//! The second junction model, used where the network has such lists (those of SUMO). Written after
//! the published description of its right-of-way logic (J. Erdmann, D. Krajzewicz, "SUMO's road
//! intersection model", 2013): a vehicle on a link that gives way needs a gap between the times at
//! which vehicles with priority arrive and leave; one that already crosses is in everybody's way.

use super::cross::View;
use super::speed::{brake_m, least, safe, stop};
use super::state::{Car, GREEN_YIELD, STOOD_BIT, STOOD_STEPS};
use crate::ids::NONE;
use crate::network::{Foe, Priority};
use crate::plan::Tpl;

/// From here on a driver who gives way sees the other streams, m before the stop line.
const SIGHT_BEFORE_LINE_M: f64 = 4.5;
/// Kept between leaving a conflict and the next vehicle with priority, s.
const MINOR_GAP_S: f64 = 1.0;
/// Kept before the place of a conflict by those already inside, m.
const BEFORE_CONFLICT_M: f64 = 2.0;
/// Below this a vehicle that gave way in the last step counts as waiting, m/s.
const WAITS_BELOW_M_S: f64 = 0.5;

/// Below this a vehicle stands, m/s.
const STANDS_BELOW_M_S: f64 = 0.1;

/// Waiting time after which a driver who gives way counts on those with priority to brake, s
/// (SUMO's `time-to-impatience`).
const IMPATIENT_S: f64 = 180.0;
/// How much later a vehicle that can stop before the junction arrives if it brakes for another, s.
const BRAKES_S: f64 = 30.0;
/// A standing driver asks for less room behind the junction, m/s.
const ROOM_M_S: f64 = 0.1;

/// A stop ahead and who is to blame.
type Gate = Option<(f64, u32)>;

/// The asking vehicle at one link of its path.
struct Asker<'a> {
    car: &'a Car,
    tpl: &'a Tpl,
    link: usize,
    /// Place of the link in the path.
    at: u32,
    /// Position on the link, m: negative before it.
    x: f64,
}

/// The flags that say since when a vehicle has stood, which does `speed` m/s after this step.
pub(super) const fn stood(car: &Car, speed: f64, step: u32) -> u32 {
    if speed >= STANDS_BELOW_M_S {
        return 0;
    }
    match car.flags >> STOOD_BIT {
        0 => (step % STOOD_STEPS + 1) << STOOD_BIT,
        since => since << STOOD_BIT,
    }
}

fn stood_s(view: &View<'_>, car: &Car) -> f64 {
    match car.flags >> STOOD_BIT {
        0 => 0.0,
        since => f64::from((view.state.step + STOOD_STEPS + 1 - since) % STOOD_STEPS) * view.dt,
    }
}

/// The speed that junctions and limits ahead leave of `wish` m/s, the vehicle given way to, and whether it is a red
/// light at the end of its lane that stops it.
pub(super) fn ahead(
    view: &View<'_>,
    p: &Priority,
    car: &Car,
    tpl: &Tpl,
    wish: f64,
) -> (f64, u32, bool) {
    let lanes = view.net.lanes.len();
    let reach_m = tpl.reach_m(car.speed, wish.max(0.0), view.dt);
    let mut u = wish;
    let mut at = car.cursor;
    let mut before = -car.pos;
    while at < car.path_end && before <= reach_m {
        let drivable = view.plan.paths[at as usize] as usize;
        if at > car.cursor {
            let limit = view.limit_m_s(drivable) * tpl.speed_factor;
            // It never has to be slower than the limit.
            if limit < u {
                u = least(u, slow_to(tpl, car.speed, limit, before, view.dt));
            }
        }
        if drivable >= lanes {
            let asker = Asker {
                car,
                tpl,
                link: drivable - lanes,
                at,
                x: -before,
            };
            let (limit, gate) = link_ahead(view, p, &asker);
            u = least(u, limit);
            if let Some((rest, foe)) = gate {
                let limit = stop(tpl, car.speed, rest, view.dt);
                let light = at == car.cursor + 1 && view.state.green[drivable - lanes] == 0;
                return (least(u, limit), foe, light && limit <= 0.0);
            }
        }
        before += view.net.flat.length_m[drivable];
        at += 1;
    }
    (u, NONE, false)
}

/// The next speed from which `target` is reached within `d` m by usual braking.
fn slow_to(tpl: &Tpl, v: f64, target: f64, d: f64, dt: f64) -> f64 {
    let b = tpl.usual_neg;
    let c = b * dt / 2.0;
    let under = c * c - v * b * dt + 2.0 * b * d + target * target;
    let u = if under > 0.0 { under.sqrt() - c } else { 0.0 };
    if u > target { u } else { target }
}

fn link_ahead(view: &View<'_>, p: &Priority, me: &Asker<'_>) -> (f64, Gate) {
    let mut u = me.tpl.vmax;
    let rest = -me.x;
    let can_stop = |d: f64| d >= 0.0 && brake_m(me.tpl, me.car.speed) <= d;
    let foes = p.foes_of(me.link);
    let green = view.state.green[me.link];
    if rest >= 0.0 && can_stop(rest) {
        let blocked = green == 0 || !foes.is_empty() && no_room(view, me.at, me.car, me.tpl);
        if blocked {
            return (u, Some((rest, NONE)));
        }
    }
    let wait_m = p.wait_m[me.link];
    let minor = green == GREEN_YIELD && p.yields[me.link];
    let to_wait = wait_m - me.x;
    if minor && to_wait > SIGHT_BEFORE_LINE_M {
        let slow = least(me.tpl.usual_neg * view.dt, SIGHT_BEFORE_LINE_M / view.dt);
        let d = to_wait - SIGHT_BEFORE_LINE_M;
        u = least(u, slow_to(me.tpl, me.car.speed, slow, d, view.dt));
    }
    let seat = view.net.flat.seats[me.link];
    let anybody = view.state.met[seat.junction as usize].anybody();
    if !minor && anybody & seat.foes == 0 {
        return (u, None);
    }
    let mut own = None;
    for foe in foes.iter().filter(|f| f.at_m >= me.x) {
        if anybody & seat.bit(foe.link as usize) != 0 {
            let (limit, blocker) = inside(view, p, me, foe);
            u = least(u, limit);
            if blocker != NONE && !waits_in_a_circle(view, blocker) {
                let d = if to_wait >= 0.0 && foe.at_m >= wait_m {
                    to_wait
                } else if rest >= 0.0 {
                    rest
                } else {
                    (foe.at_m - me.x - BEFORE_CONFLICT_M).max(0.0)
                };
                if can_stop(d) || to_wait < 0.0 {
                    return (u, Some((d, blocker)));
                }
            }
        }
        if minor && foe.yields && can_stop(to_wait) {
            let blocker = no_gap(view, p, me, foe, &mut own);
            if blocker != NONE && !waits_in_a_circle(view, blocker) {
                return (u, Some((to_wait, blocker)));
            }
        }
    }
    (u, None)
}

/// Somebody on the foe's link (or half on the lane behind it): the speed behind it where the two
/// merge, or the vehicle that has to pass first where they cross.
fn inside(view: &View<'_>, p: &Priority, me: &Asker<'_>, foe: &Foe) -> (f64, u32) {
    let flat = &view.net.flat;
    let link = foe.link as usize;
    let drivable = view.net.lanes.len() + link;
    let d1 = foe.at_m - me.x;
    let mut u = me.tpl.vmax;
    if !foe.merges {
        let slot = view.state.tracks[flat.link_to[link] as usize].tail;
        if slot != NONE {
            let last = view.car(slot);
            let covers = flat.length_m[drivable] - foe.other_at_m + last.pos - view.tpl(last).len;
            if last.prev as usize == drivable && covers < 0.0 {
                return (u, slot);
            }
        }
    }
    let mut slot = view.state.tracks[drivable].front;
    while slot != NONE {
        let other = view.car(slot);
        let d2 = foe.other_at_m - other.pos;
        if foe.merges {
            if d2 < d1 && !it_waits(p, foe, other) {
                u = least(u, behind(view, me, other, d1 - d2));
            }
        } else if d2 + view.tpl(other).len >= 0.0 && goes_before(p, me, foe, other, d2) {
            return (u, slot);
        }
        slot = other.behind;
    }
    let zips = foe.merges && !foe.yields && !foe.is_yielded_to;
    if zips && view.state.green[link] != 0 {
        let from = flat.link_from[link] as usize;
        let slot = view.state.tracks[from].front;
        if slot != NONE && slot != view.state.tracks[flat.link_from[me.link] as usize].front {
            let other = view.car(slot);
            let d2 = flat.length_m[from] - other.pos + foe.other_at_m;
            let comes = other.speed >= WAITS_BELOW_M_S && view.next(other) as usize == drivable;
            if comes && d2 < d1 {
                u = least(u, behind(view, me, other, d1 - d2));
            }
        }
    }
    (u, NONE)
}

/// Whom a vehicle waits for: the one it gave way to in the last step, or the one it stands behind.
fn waits_for(view: &View<'_>, slot: u32) -> u32 {
    let car = view.car(slot);
    if car.blocker != NONE || car.speed >= STANDS_BELOW_M_S {
        car.blocker
    } else if car.ahead != NONE {
        car.ahead
    } else {
        view.state.tracks[view.plan.paths[car.cursor as usize] as usize].leader
    }
}

/// A ring of vehicles that wait for one another begins at `foe`: a slow and a fast pointer meet.
fn waits_in_a_circle(view: &View<'_>, foe: u32) -> bool {
    let next = |slot: u32| match slot {
        NONE => NONE,
        slot => waits_for(view, slot),
    };
    let (mut slow, mut fast) = (foe, foe);
    while fast != NONE {
        slow = next(slow);
        fast = next(next(fast));
        if slow == fast && slow != NONE {
            return true;
        }
    }
    false
}

/// The speed behind a vehicle that will be in front after the merge, `lead` m ahead by its front.
fn behind(view: &View<'_>, me: &Asker<'_>, other: &Car, lead: f64) -> f64 {
    let (own, leader) = (me.tpl, view.tpl(other));
    let gap = lead - leader.len;
    let u = safe(
        other.speed,
        leader.usual_neg,
        me.car.speed,
        own.usual_neg,
        gap,
        own.min_gap,
        view.dt,
    );
    u.max(0.0)
}

/// A vehicle on the foe's link stands where it gives way.
fn it_waits(p: &Priority, foe: &Foe, other: &Car) -> bool {
    other.pos <= p.wait_m[foe.link as usize] + 0.1 && (foe.is_yielded_to || other.blocker != NONE)
}

/// A vehicle on a crossing link is in the way.
fn goes_before(p: &Priority, me: &Asker<'_>, foe: &Foe, other: &Car, d2: f64) -> bool {
    if d2 <= 0.0 {
        return true;
    }
    if it_waits(p, foe, other) {
        return false;
    }
    if me.x <= p.wait_m[me.link] {
        return true;
    }
    // Both are past their waiting places: first come, first served.
    if me.car.entered_link != other.entered_link {
        return other.entered_link < me.car.entered_link;
    }
    foe.yields || (!foe.is_yielded_to && d2 < foe.at_m - me.x)
}

/// A vehicle with priority that leaves no gap, or `NONE`.
///
/// `own` is the asker's passage, worked out when somebody comes.
fn no_gap(
    view: &View<'_>,
    p: &Priority,
    me: &Asker<'_>,
    foe: &Foe,
    own: &mut Option<Passage>,
) -> u32 {
    let link = foe.link as usize;
    let flat = &view.net.flat;
    let drivable = u32::try_from(view.net.lanes.len() + link).expect("drivables are limited");
    let green = view.state.green[link];
    let impatience = (stood_s(view, me.car) / IMPATIENT_S).min(1.0);
    for place in p.upstream_of(link) {
        let length = flat.length_m[place.drivable as usize];
        let mut slot = view.state.tracks[place.drivable as usize].front;
        while slot != NONE {
            let other = view.car(slot);
            let at = other.cursor + place.hops;
            let comes = at < other.path_end && view.plan.paths[at as usize] == drivable;
            if comes {
                let x = -(length - other.pos + place.beyond_m);
                let tpl = view.tpl(other);
                let stops = green == 0 && brake_m(tpl, other.speed) <= -x;
                let waits = other.speed < WAITS_BELOW_M_S
                    && (other.blocker != NONE
                        || other.ahead != NONE
                        || place.hops > 1
                        || no_room(view, at, other, tpl));
                if !stops && !waits && -x <= planned_m(tpl, other.speed, view.dt) {
                    let minor = green == GREEN_YIELD;
                    let mut theirs = passage(view, link, tpl, other.speed, x, 0.0, minor);
                    theirs.arrive_s +=
                        impatience * braking_s(tpl, other.speed, -x, theirs.arrive_s);
                    let own = own.get_or_insert_with(|| {
                        let wait_m = p.wait_m[me.link];
                        passage(view, me.link, me.tpl, me.car.speed, me.x, wait_m, true)
                    });
                    if overlap(own, &theirs, foe.merges, me.tpl, tpl) {
                        return slot;
                    }
                }
            }
            slot = other.behind;
        }
    }
    NONE
}

/// How much later than `arrive_s` a vehicle gets over `d` m if it brakes all the way.
fn braking_s(tpl: &Tpl, v: f64, d: f64, arrive_s: f64) -> f64 {
    let b = tpl.usual_neg;
    let under = v * v - 2.0 * b * d;
    if under <= 0.0 {
        return BRAKES_S;
    }
    ((v - under.sqrt()) / b - arrive_s).max(0.0)
}

/// How far ahead a driver plans and so announces himself to others, m: SUMO's look-ahead, one step
/// and a stop with the reaction time from the next step's highest speed.
fn planned_m(tpl: &Tpl, v: f64, dt: f64) -> f64 {
    let top = least(tpl.vmax, v + tpl.max_pos * dt);
    top * (dt / 2.0 + tpl.headway_half) + top * top / (2.0 * tpl.usual_neg)
}

/// When and how fast a vehicle goes through a link.
struct Passage {
    arrive_s: f64,
    leave_s: f64,
    arrive_m_s: f64,
    leave_m_s: f64,
    /// Speed at the link if it brakes from now on, m/s.
    braking_m_s: f64,
}

fn passage(
    view: &View<'_>,
    link: usize,
    tpl: &Tpl,
    v: f64,
    x: f64,
    wait_m: f64,
    minor: bool,
) -> Passage {
    let flat = &view.net.flat;
    let drivable = view.net.lanes.len() + link;
    let lane = view.limit_m_s(flat.link_from[link] as usize) * tpl.speed_factor;
    let limit = view.limit_m_s(drivable) * tpl.speed_factor;
    let d = (wait_m - x).max(0.0);
    let (mut arrive_s, mut arrive_m_s) = drive(v, d, tpl.usual_pos, lane.min(tpl.vmax));
    let sight = SIGHT_BEFORE_LINE_M.min(d);
    let slow = tpl.usual_neg * view.dt;
    let slowed = (slow * slow + 2.0 * tpl.usual_pos * sight).sqrt();
    let top = if minor { limit.min(slowed) } else { limit };
    if arrive_m_s > top {
        // The last metres are driven slower: braking from the speed reached to the one allowed.
        arrive_s += (arrive_m_s - top) * (arrive_m_s - top) / (2.0 * tpl.usual_neg * arrive_m_s);
        arrive_m_s = top;
    }
    let length = flat.length_m[drivable] - wait_m.max(x.min(flat.length_m[drivable])).max(0.0);
    let (through_s, leave_m_s) = drive(arrive_m_s, length + tpl.len, tpl.usual_pos, limit);
    Passage {
        arrive_s,
        leave_s: arrive_s + through_s,
        arrive_m_s,
        leave_m_s,
        braking_m_s: (v * v - 2.0 * tpl.usual_neg * d).max(0.0).sqrt(),
    }
}

/// Time and speed after `d` m from speed `v`, accelerating with `a` up to `top`.
fn drive(v: f64, d: f64, a: f64, top: f64) -> (f64, f64) {
    if d <= 0.0 {
        return (0.0, v);
    }
    let top = top.max(v);
    let ramp = (top * top - v * v) / (2.0 * a);
    if ramp >= d {
        let end = (v * v + 2.0 * a * d).sqrt();
        ((end - v) / a, end)
    } else {
        ((top - v) / a + (d - ramp) / top, top)
    }
}

fn overlap(own: &Passage, theirs: &Passage, merges: bool, me: &Tpl, other: &Tpl) -> bool {
    let unsafe_behind = |leader: f64, leader_b: f64, follower: f64, follower_b: f64| {
        leader * leader / leader_b <= follower * follower / follower_b && follower > leader
    };
    if theirs.leave_s < own.arrive_s {
        return merges
            && (own.arrive_s - theirs.leave_s < MINOR_GAP_S
                || unsafe_behind(
                    theirs.leave_m_s,
                    other.usual_neg,
                    own.arrive_m_s,
                    me.usual_neg,
                ));
    }
    if theirs.arrive_s > own.leave_s + MINOR_GAP_S {
        return merges
            && unsafe_behind(
                own.leave_m_s,
                me.usual_neg,
                theirs.braking_m_s,
                other.usual_neg,
            );
    }
    true
}

/// The vehicle would have to stand on the junction of the link at place `at` of its path: the space
/// up to the last standing vehicle behind it, less what those still moving will take, is too short.
///
/// Short roads count together as long as the junctions between them are open.
fn no_room(view: &View<'_>, at: u32, car: &Car, tpl: &Tpl) -> bool {
    let lanes = view.net.lanes.len();
    let need_m = tpl.len + tpl.min_gap - stood_s(view, car) * ROOM_M_S;
    let mut room_m = 0.0;
    for (n, drivable) in view.plan.paths[at as usize..car.path_end as usize]
        .iter()
        .enumerate()
    {
        let drivable = *drivable as usize;
        if drivable < lanes {
            room_m += view.net.flat.length_m[drivable];
        } else if room_m > need_m {
            return false;
        } else if n > 0 && view.state.green[drivable - lanes] == 0 {
            return true;
        }
        let mut slot = view.state.tracks[drivable].tail;
        while slot != NONE {
            let other = view.car(slot);
            let own = view.tpl(other);
            if other.speed < STANDS_BELOW_M_S && drivable < lanes {
                room_m -= view.net.flat.length_m[drivable] - (other.pos - own.len);
                return room_m < need_m;
            }
            room_m -= own.len + own.min_gap;
            slot = other.ahead;
        }
    }
    false
}
