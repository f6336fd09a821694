//! Prepares the walk: connections in an order in which each comes after all it depends on, and for
//! each the first departure one can change to.

use crate::feed::index;
use crate::timetable::{Connection, NEVER_S, Timetable};

use super::{Direction, Row, Scan};

/// Rows at one time that depend on one another in a circle (zero minutes there and back, with
/// changes that take no time).
#[derive(Debug, Clone)]
pub(super) struct Knot {
    /// First row.
    pub(super) from: u32,
    /// Row after the last.
    pub(super) to: u32,
    /// For each row the same trip's next row inside the knot, counted from its first row, or
    /// `u32::MAX`.
    pub(super) next: Vec<u32>,
    /// For each row whether it is the trip's first inside the knot.
    pub(super) first: Vec<bool>,
}

/// A connection in the direction of the walk.
#[derive(Debug, Clone, Copy)]
struct Leg {
    dep_s: i32,
    arr_s: i32,
    from: u32,
    to: u32,
    trip: u32,
    /// Ascending along the walk's vehicle.
    seq: i32,
    board: bool,
    alight: bool,
}

fn leg(c: &Connection, direction: Direction) -> Leg {
    let s = |time: u32| i32::try_from(time).unwrap_or(i32::MAX / 4);
    match direction {
        Direction::AllToOne => Leg {
            dep_s: s(c.dep_s),
            arr_s: s(c.arr_s),
            from: c.from,
            to: c.to,
            trip: c.trip,
            seq: i32::from(c.seq),
            board: c.board,
            alight: c.alight,
        },
        Direction::OneToAll => Leg {
            dep_s: -s(c.arr_s),
            arr_s: -s(c.dep_s),
            from: c.to,
            to: c.from,
            trip: c.trip,
            seq: -i32::from(c.seq),
            board: c.alight,
            alight: c.board,
        },
    }
}

/// Prepares a timetable for walks in one direction.
pub(super) fn prepare(timetable: &Timetable, direction: Direction) -> Scan {
    let mut legs: Vec<Leg> = timetable
        .connections
        .iter()
        .map(|c| leg(c, direction))
        .collect();
    match direction {
        Direction::AllToOne => legs.reverse(),
        // By decreasing departure, that is, increasing arrival of the day.
        Direction::OneToAll => legs.sort_unstable_by(|a, b| {
            (b.dep_s, b.arr_s, a.trip, b.seq).cmp(&(a.dep_s, a.arr_s, b.trip, a.seq))
        }),
    }
    let foot_back = timetable.foot.reversed();
    let (ways, ways_back) = match direction {
        Direction::AllToOne => ((*timetable.foot).clone(), foot_back),
        Direction::OneToAll => (foot_back, (*timetable.foot).clone()),
    };
    let change_s: &[u32] = &timetable.change_s;
    let instant = |l: &Leg| {
        l.alight && (change_s[l.to as usize] == 0 || ways.from(l.to).iter().any(|(_, s)| *s == 0))
    };
    let mut knots = Vec::new();
    let mut start = 0;
    while start < legs.len() {
        let dep_s = legs[start].dep_s;
        let len = legs[start..]
            .iter()
            .take_while(|l| l.dep_s == dep_s)
            .count();
        let block = &mut legs[start..start + len];
        // A leg that stands still at one stop depends on itself, so one leg can be a knot.
        if block.iter().any(|l| l.arr_s == dep_s && instant(l)) {
            let reached = |l: &Leg| {
                let mut stops = Vec::new();
                if l.alight && l.arr_s == dep_s {
                    if change_s[l.to as usize] == 0 {
                        stops.push(l.to);
                    }
                    stops.extend(ways.from(l.to).iter().filter(|w| w.1 == 0).map(|w| w.0));
                }
                stops
            };
            if let Some(knot) = sort_block(block, start, reached) {
                knots.push(knot);
            }
        }
        start += len;
    }
    let (departures_first, departures) = by_stop(&legs, timetable.stops.len());
    // Where changing is not possible, boarding at the origin still takes its time.
    let buffer_s: Vec<u32> = change_s
        .iter()
        .map(|s| {
            if *s < NEVER_S {
                *s
            } else {
                timetable.default_change_s
            }
        })
        .collect();
    let mut made = Scan {
        direction,
        trips: timetable.trips.len(),
        rows: Vec::with_capacity(legs.len()),
        foot: Vec::new(),
        knots,
        departures,
        departures_first,
        ways,
        ways_back,
        begin_s: buffer_s.clone(),
        end_s: buffer_s,
    };
    // The buffer belongs to the begin of the journey, which is the walk's end backwards.
    match direction {
        Direction::AllToOne => made.end_s.fill(0),
        Direction::OneToAll => made.begin_s.fill(0),
    }
    make_rows(&mut made, &legs, change_s);
    made
}

/// Rows by stop at their begin, latest first.
fn by_stop(legs: &[Leg], stops: usize) -> (Vec<u32>, Vec<(u32, i32)>) {
    let mut first = vec![0_u32; stops + 1];
    for l in legs {
        first[l.from as usize + 1] += 1;
    }
    for at in 0..stops {
        first[at + 1] += first[at];
    }
    let mut free = first.clone();
    let mut departures = vec![(0, 0); legs.len()];
    for (row, l) in (0_u32..).zip(legs) {
        let slot = &mut free[l.from as usize];
        departures[*slot as usize] = (row, l.dep_s);
        *slot += 1;
    }
    (first, departures)
}

fn make_rows(scan: &mut Scan, legs: &[Leg], change_s: &[u32]) {
    let none = index(legs.len());
    // The first departure at or after a time, as the row that stands for it and all later ones.
    let lookup = |scan: &Scan, stop: u32, time_s: i32| {
        let (a, b) = (stop as usize, stop as usize + 1);
        let range = scan.departures_first[a] as usize..scan.departures_first[b] as usize;
        let list = &scan.departures[range];
        let count = list.partition_point(|(_, dep_s)| *dep_s >= time_s);
        count.checked_sub(1).map_or(none, |at| list[at].0)
    };
    let mut last_at_stop = vec![none; change_s.len()];
    for (row, l) in (0_u32..).zip(legs) {
        let mut change = none;
        if l.alight {
            let wait_s = change_s[l.to as usize];
            if wait_s < NEVER_S {
                change = lookup(scan, l.to, l.arr_s + i32::try_from(wait_s).unwrap_or(0));
            }
            for at in 0..scan.ways.from(l.to).len() {
                let (to, way_s) = scan.ways.from(l.to)[at];
                let found = lookup(scan, to, l.arr_s + i32::try_from(way_s).unwrap_or(0));
                if found != none {
                    scan.foot.push(found);
                }
            }
        }
        scan.rows.push(Row {
            trip: l.trip,
            to: l.to,
            arr_s: l.arr_s,
            change,
            next: std::mem::replace(&mut last_at_stop[l.from as usize], row),
            foot_end: index(scan.foot.len()),
            board: l.board,
            alight: l.alight,
        });
    }
}

/// Puts legs of one departure time into an order in which each follows what it depends on: its
/// vehicle's next leg, and all departures it can change to at once. What is left in circles goes
/// to the end and is returned as a knot.
fn sort_block(
    block: &mut [Leg],
    offset: usize,
    reached: impl Fn(&Leg) -> Vec<u32>,
) -> Option<Knot> {
    let len = block.len();
    let mut leaving: std::collections::BTreeMap<u32, Vec<usize>> =
        std::collections::BTreeMap::new();
    let mut of_trip: std::collections::BTreeMap<(u32, i32), usize> =
        std::collections::BTreeMap::new();
    for (at, l) in block.iter().enumerate() {
        leaving.entry(l.from).or_default().push(at);
        of_trip.insert((l.trip, l.seq), at);
    }
    let mut waits_for = vec![0_usize; len];
    let mut needed_by: Vec<Vec<usize>> = vec![Vec::new(); len];
    for (at, l) in block.iter().enumerate() {
        let next = of_trip.get(&(l.trip, l.seq + 1)).copied();
        let mut needs: Vec<usize> = next.into_iter().collect();
        for stop in reached(l) {
            needs.extend(leaving.get(&stop).into_iter().flatten().copied());
        }
        needs.sort_unstable();
        needs.dedup();
        for need in needs {
            waits_for[at] += 1;
            needed_by[need].push(at);
        }
    }
    let mut free: std::collections::BTreeSet<usize> =
        (0..len).filter(|at| waits_for[*at] == 0).collect();
    let mut order = Vec::with_capacity(len);
    while let Some(at) = free.pop_first() {
        order.push(at);
        for then in &needed_by[at] {
            waits_for[*then] -= 1;
            if waits_for[*then] == 0 {
                free.insert(*then);
            }
        }
    }
    let sorted = order.len();
    order.extend((0..len).filter(|at| waits_for[*at] > 0));
    let legs: Vec<Leg> = order.iter().map(|at| block[*at]).collect();
    block.copy_from_slice(&legs);
    (sorted < len).then(|| knot(&block[sorted..], offset + sorted))
}

fn knot(legs: &[Leg], from: usize) -> Knot {
    let place = |trip: u32, seq: i32| legs.iter().position(|l| (l.trip, l.seq) == (trip, seq));
    Knot {
        from: index(from),
        to: index(from + legs.len()),
        next: legs
            .iter()
            .map(|l| place(l.trip, l.seq + 1).map_or(u32::MAX, index))
            .collect(),
        first: legs
            .iter()
            .map(|l| place(l.trip, l.seq - 1).is_none())
            .collect(),
    }
}
