//! Leaving, arriving and writing vehicles: [`Sim::hand_over`] and [`Sim::commit`] with messages.

use rayon::prelude::*;

use super::super::Sim;
use super::super::state::{Car, SHADOW};
use super::super::step::{Mover, Next, Scratch};
use super::{Crew, Cut, Rows, rows};
use crate::ids::NONE;

/// In place of a slot: leave the neighbour as it is.
const KEEP: u32 = NONE - 1;

/// A vehicle's neighbours have changed.
#[derive(Debug, Clone, Copy)]
struct Relink {
    slot: u32,
    ahead: u32,
    behind: u32,
}

/// A vehicle stands at the back of another drivable.
#[derive(Debug, Clone, Copy)]
struct Arrived {
    slot: u32,
    ahead: u32,
    behind: u32,
    prev: u32,
    cursor: u32,
    entered_link: u32,
    pos: f64,
}

/// What a part tells others when vehicles leave it. All lists by receiver.
#[derive(Debug, Clone)]
pub(super) struct Outbox {
    /// To owners of slots: places of their vehicles in the part's next states, from and to.
    runs: Vec<Vec<(u32, u32)>>,
    /// To owners of slots.
    relinks: Vec<Vec<Relink>>,
    /// To owners of drivables.
    movers: Vec<Vec<Mover>>,
    /// Those whose trip is over.
    over: Vec<u32>,
}

/// What a part works out and tells others when vehicles arrive.
#[derive(Debug, Clone)]
pub(super) struct Inbox {
    /// Those that come, in the order of appending.
    movers: Vec<Mover>,
    /// Drivables that were empty.
    pub(super) fresh: Vec<u32>,
    relinks: Vec<Vec<Relink>>,
    arrived: Vec<Vec<Arrived>>,
    pub(super) leaders: super::ahead::Leaders,
}

impl Outbox {
    pub(super) fn new(parts: usize) -> Self {
        Self {
            runs: vec![Vec::new(); parts],
            relinks: vec![Vec::new(); parts],
            movers: vec![Vec::new(); parts],
            over: Vec::new(),
        }
    }

    pub(super) fn begin(&mut self) {
        self.runs.iter_mut().for_each(Vec::clear);
        self.relinks.iter_mut().for_each(Vec::clear);
        self.movers.iter_mut().for_each(Vec::clear);
        self.over.clear();
    }

    /// Notes which owner of slots reads which of the next states.
    pub(super) fn sort_runs(&mut self, cut: &Cut, next: &[Next]) {
        let mut from = 0;
        while let Some(first) = next.get(from) {
            let owner = first.slot / cut.slots;
            let own = owner * cut.slots..(owner + 1).saturating_mul(cut.slots);
            let count = next[from..].iter().take_while(|n| own.contains(&n.slot));
            let to = from + count.count();
            let place = |n: usize| u32::try_from(n).expect("fewer than 2^32 vehicles");
            self.runs[owner as usize].push((place(from), place(to)));
            from = to;
        }
    }

    /// Takes the movers of one drivable, from the front, out of its list.
    fn unlink(&mut self, cut: &Cut, cars: &[Car], rows: &mut Rows<'_>, movers: &[Mover]) {
        let track = rows.track(movers[0].from);
        let mut at = 0;
        while at < movers.len() {
            let ahead = cars[movers[at].slot as usize].ahead;
            let mut behind = cars[movers[at].slot as usize].behind;
            at += 1;
            while movers.get(at).is_some_and(|next| next.slot == behind) {
                behind = cars[behind as usize].behind;
                at += 1;
            }
            if ahead == NONE {
                track.front = behind;
            } else {
                self.relink(cut, ahead, KEEP, behind);
            }
            if behind == NONE {
                track.tail = ahead;
            } else {
                self.relink(cut, behind, ahead, KEEP);
                if track.still_head == behind {
                    track.drop_head(behind, cars[behind as usize].behind);
                }
            }
        }
        if let Some(lane) = rows.lane(movers[0].from) {
            lane.left += u32::try_from(movers.len()).expect("fewer than 2^32 vehicles");
        }
    }

    fn relink(&mut self, cut: &Cut, slot: u32, ahead: u32, behind: u32) {
        self.relinks[(slot / cut.slots) as usize].push(Relink {
            slot,
            ahead,
            behind,
        });
    }

    fn send(&mut self, cut: &Cut, movers: &[Mover]) {
        for mover in movers {
            if mover.to == NONE {
                self.over.push(mover.slot);
            } else {
                self.movers[cut.of(mover.to)].push(*mover);
            }
        }
    }
}

impl Inbox {
    pub(super) fn new(parts: usize) -> Self {
        Self {
            movers: Vec::new(),
            fresh: Vec::new(),
            relinks: vec![Vec::new(); parts],
            arrived: vec![Vec::new(); parts],
            leaders: super::ahead::Leaders::new(parts),
        }
    }

    /// Takes what others have sent to `part`.
    fn collect(&mut self, part: usize, out: &[Outbox]) {
        self.movers.clear();
        self.fresh.clear();
        self.relinks.iter_mut().for_each(Vec::clear);
        self.arrived.iter_mut().for_each(Vec::clear);
        for sender in out {
            self.movers.extend_from_slice(&sender.movers[part]);
        }
        // Farthest first, then by where they come from: senders come in that order.
        self.movers
            .sort_by(|a, b| a.to.cmp(&b.to).then(b.pos.total_cmp(&a.pos)));
    }

    /// Appends those that come to one drivable.
    fn append(&mut self, cut: &Cut, rows: &mut Rows<'_>, movers: &[Mover], entered_link: u32) {
        let to = movers[0].to;
        let track = rows.track(to);
        let mut ahead = track.tail;
        if ahead == NONE {
            track.front = movers[0].slot;
            track.leader = NONE;
            if track.listed == 0 {
                track.listed = 1;
                self.fresh.push(to);
            }
        } else {
            self.relinks[(ahead / cut.slots) as usize].push(Relink {
                slot: ahead,
                ahead: KEEP,
                behind: movers[0].slot,
            });
        }
        for (n, mover) in movers.iter().enumerate() {
            self.arrived[(mover.slot / cut.slots) as usize].push(Arrived {
                slot: mover.slot,
                ahead,
                behind: movers.get(n + 1).map_or(NONE, |next| next.slot),
                prev: mover.from,
                cursor: mover.cursor,
                entered_link,
                pos: mover.pos,
            });
            ahead = mover.slot;
        }
        track.tail = ahead;
        if let Some(lane) = rows.lane(to) {
            lane.entered += u32::try_from(movers.len()).expect("fewer than 2^32 vehicles");
        }
    }
}

/// Groups of movers of one drivable.
fn groups<'a>(
    movers: &'a [Mover],
    of: impl Fn(&Mover) -> u32 + 'a,
) -> impl Iterator<Item = &'a [Mover]> {
    movers.chunk_by(move |a, b| of(a) == of(b))
}

impl Sim {
    /// Takes those that leave out of their lists and sends them on.
    pub(super) fn leave(&mut self, crew: &mut Crew) {
        let state = &mut self.state;
        let (cars, cut) = (&state.cars, &crew.cut);
        let rows = rows(cut, &mut state.tracks, &mut state.lanes);
        let parts = crew.chosen.par_iter_mut().zip(&mut crew.out).zip(rows);
        parts
            .with_max_len(1)
            .for_each(|((scratch, out), mut rows)| {
                for (drivable, track) in scratch.chains.drain(..) {
                    *rows.track(drivable) = track;
                }
                for group in groups(&scratch.movers, |m| m.from) {
                    out.unlink(cut, cars, &mut rows, group);
                    out.send(cut, group);
                }
            });
    }

    /// Books the trips that are over.
    pub(super) fn finish(&mut self, crew: &mut Crew) {
        self.scratch.finished.clear();
        for out in &crew.out {
            for slot in &out.over {
                self.book_finished(*slot);
            }
        }
    }

    /// Appends those that come to the drivables of each part.
    pub(super) fn arrive(&mut self, crew: &mut Crew) {
        let state = &mut self.state;
        let (cut, out, step) = (&crew.cut, &crew.out, state.step);
        let lanes = u32::try_from(state.lanes.len()).expect("limited");
        let rows = rows(cut, &mut state.tracks, &mut state.lanes);
        let parts = crew.inn.par_iter_mut().zip(rows).enumerate();
        parts.with_max_len(1).for_each(|(p, (inbox, mut rows))| {
            inbox.collect(p, out);
            let movers = std::mem::take(&mut inbox.movers);
            for group in groups(&movers, |m| m.to) {
                let entered_link = if group[0].to >= lanes { step } else { NONE };
                inbox.append(cut, &mut rows, group, entered_link);
            }
            inbox.movers = movers;
        });
    }

    /// Writes everything that has changed into the vehicles.
    pub(super) fn write_cars(&mut self, crew: &mut Crew) {
        self.scratch.note_gone();
        let gone = &self.scratch.gone;
        let (out, inn, chosen) = (&crew.out, &crew.inn, &crew.chosen);
        let slots = crew.cut.slots as usize;
        let parts = self.state.cars.par_chunks_mut(slots).enumerate();
        parts.with_max_len(1).for_each(|(owner, cars)| {
            let mut own = Own {
                first: owner * slots,
                cars,
            };
            for (out, scratch) in out.iter().zip(chosen) {
                own.relink(&out.relinks[owner]);
                own.choose(&out.runs[owner], scratch, gone);
            }
            for inbox in inn {
                own.arrive(&inbox.arrived[owner]);
            }
            for inbox in inn {
                own.relink(&inbox.relinks[owner]);
            }
        });
    }
}

/// The slots of one owner.
struct Own<'a> {
    first: usize,
    cars: &'a mut [Car],
}

impl Own<'_> {
    fn car(&mut self, slot: u32) -> &mut Car {
        &mut self.cars[slot as usize - self.first]
    }

    fn relink(&mut self, relinks: &[Relink]) {
        for to in relinks {
            let car = self.car(to.slot);
            if to.ahead != KEEP {
                car.ahead = to.ahead;
                car.flags &= SHADOW;
            }
            if to.behind != KEEP {
                car.behind = to.behind;
            }
        }
    }

    /// The next states; a vehicle that has left (`gone`, in order) blocks nobody.
    fn choose(&mut self, runs: &[(u32, u32)], scratch: &Scratch, gone: &[u32]) {
        for (from, to) in runs {
            for next in &scratch.next[*from as usize..*to as usize] {
                let car = self.car(next.slot);
                next.write(car);
                if next.blocker != NONE && gone.binary_search(&next.blocker).is_ok() {
                    car.blocker = NONE;
                }
            }
        }
    }

    fn arrive(&mut self, arrived: &[Arrived]) {
        for to in arrived {
            let car = self.car(to.slot);
            (car.ahead, car.behind, car.prev) = (to.ahead, to.behind, to.prev);
            (car.cursor, car.entered_link) = (to.cursor, to.entered_link);
            (car.pos, car.flags) = (to.pos, 0);
        }
    }
}
