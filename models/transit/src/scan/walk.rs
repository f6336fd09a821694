//! The walk itself: minima over lanes, by decreasing departure.

use super::{NONE_S, Row, Scan};

/// Earliest arrivals of `L` destinations, or at one destination with 1..=L trips.
type Lanes<const L: usize> = [i32; L];

fn min_into<const L: usize>(into: &mut Lanes<L>, other: &Lanes<L>) {
    for lane in 0..L {
        into[lane] = into[lane].min(other[lane]);
    }
}

/// What a change offers: everything one more trip away, where lanes count trips.
fn change_into<const L: usize, const BY_TRIPS: bool>(into: &mut Lanes<L>, other: &Lanes<L>) {
    if BY_TRIPS {
        for lane in 1..L {
            into[lane] = into[lane].min(other[lane - 1]);
        }
    } else {
        min_into(into, other);
    }
}

/// After the walk `best[row][lane]` is the earliest arrival of those who board this departure or a
/// later one at its stop. `ends[stop]` is the time from alighting there to being at the
/// destination, or `NO_END_S`.
pub(super) fn walk<const L: usize, const BY_TRIPS: bool>(
    scan: &Scan,
    ends: &[Lanes<L>],
    best: &mut Vec<Lanes<L>>,
) {
    // Every row is written before it is read; the one after the last stands for "no departure".
    best.resize(scan.rows.len() + 1, [NONE_S; L]);
    best[scan.rows.len()] = [NONE_S; L];
    let mut seated = vec![[NONE_S; L]; scan.trips];
    let mut foot_from = 0;
    let mut knots = scan.knots.iter().peekable();
    let mut at = 0;
    while at < scan.rows.len() {
        if let Some(knot) = knots.next_if(|k| k.from as usize == at) {
            repeat::<L, BY_TRIPS>(scan, knot, ends, best, &mut seated, foot_from);
            at = knot.to as usize;
            foot_from = scan.rows[at - 1].foot_end as usize;
            continue;
        }
        let row = &scan.rows[at];
        let mut here = seated[row.trip as usize];
        alight::<L, BY_TRIPS>(
            row,
            &scan.foot[foot_from..row.foot_end as usize],
            ends,
            best,
            &mut here,
        );
        foot_from = row.foot_end as usize;
        seated[row.trip as usize] = here;
        let mut board = best[row.next as usize];
        if row.board {
            min_into(&mut board, &here);
        }
        best[at] = board;
        at += 1;
    }
}

/// What alighting at the end of a row offers.
#[inline(always)]
fn alight<const L: usize, const BY_TRIPS: bool>(
    row: &Row,
    foot: &[u32],
    ends: &[Lanes<L>],
    best: &[Lanes<L>],
    here: &mut Lanes<L>,
) {
    if !row.alight {
        return;
    }
    let end = &ends[row.to as usize];
    for lane in 0..L {
        here[lane] = here[lane].min(end[lane] + row.arr_s);
    }
    change_into::<L, BY_TRIPS>(here, &best[row.change as usize]);
    for way in foot {
        change_into::<L, BY_TRIPS>(here, &best[*way as usize]);
    }
}

/// Rows at one time that depend on one another in a circle: until nothing changes. Values only
/// fall and each is one of finitely many, so it ends; normally after two rounds.
fn repeat<const L: usize, const BY_TRIPS: bool>(
    scan: &Scan,
    knot: &super::order::Knot,
    ends: &[Lanes<L>],
    best: &mut [Lanes<L>],
    seated: &mut [Lanes<L>],
    foot_from: usize,
) {
    let range = knot.from as usize..knot.to as usize;
    let mut here = vec![[NONE_S; L]; range.len()];
    for at in range.clone() {
        best[at] = [NONE_S; L];
    }
    loop {
        let mut changed = false;
        let mut foot_at = foot_from;
        for (local, at) in range.clone().enumerate() {
            let row = &scan.rows[at];
            let mut value = match knot.next[local] {
                u32::MAX => seated[row.trip as usize],
                next => here[next as usize],
            };
            let foot = &scan.foot[foot_at..row.foot_end as usize];
            foot_at = row.foot_end as usize;
            alight::<L, BY_TRIPS>(row, foot, ends, best, &mut value);
            let mut board = best[row.next as usize];
            if row.board {
                min_into(&mut board, &value);
            }
            changed |= value != here[local] || board != best[at];
            here[local] = value;
            best[at] = board;
        }
        if !changed {
            break;
        }
    }
    // The first call of each trip in the knot comes last.
    for (local, at) in range.enumerate() {
        if knot.first[local] {
            seated[scan.rows[at].trip as usize] = here[local];
        }
    }
}
