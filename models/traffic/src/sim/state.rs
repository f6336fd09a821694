//! The state of a run: flat tables of plain data, cheap to copy, without pointers.

use super::detour::DetourTally;
use super::halts::{Halt, HaltTally};
use super::parking::{ParkingTally, Seek};
use super::streets::Block;
use crate::ids::NONE;
use crate::network::Network;

/// One running vehicle: one cache line.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, align(64))]
pub(crate) struct Car {
    /// Front bumper from the start of the drivable, m.
    pub(crate) pos: f64,
    /// m/s.
    pub(crate) speed: f64,
    /// Slot of the vehicle in front on the same drivable.
    pub(crate) ahead: u32,
    /// Slot of the vehicle behind on the same drivable.
    pub(crate) behind: u32,
    /// Where it is: an index into the plan's paths.
    pub(crate) cursor: u32,
    /// End of its path.
    pub(crate) path_end: u32,
    pub(crate) template: u32,
    /// The drivable it came from.
    pub(crate) prev: u32,
    /// Slot of the vehicle it gave way to in the last step.
    pub(crate) blocker: u32,
    /// Step in which it entered its lane link; `NONE` on lanes.
    pub(crate) entered_link: u32,
    pub(crate) priority: i32,
    /// Its spawn event (or its number in a local rollout).
    pub(crate) event: u32,
    /// [`STILL`], [`UNMOVED`], [`WAITS`] and, with lane change, [`ASKED`] and [`SHADOW`].
    pub(crate) flags: u32,
    /// While it changes lane: slot of its other half (the shadow, or the vehicle behind a shadow).
    pub(crate) partner: u32,
}

impl Car {
    /// Two bodies, a wish to heed or a lane that ends: with lane change, more than its leader and
    /// its limit counts.
    pub(crate) const fn is_bound(&self) -> bool {
        self.partner != NONE || self.flags & (ASKED | SHADOW) != 0 || self.path_end == self.cursor
    }
}

/// Following alone kept it at speed 0 in the last step, whatever lies ahead of its leader.
pub(crate) const STILL: u32 = 1;
/// Position and speed did not change in the last step.
pub(crate) const UNMOVED: u32 = 2;
/// First on its lane, it stands so near a red light that nothing but green moves it; its leader is
/// not looked for. [`State::show`] takes the flag away.
pub(crate) const WAITS: u32 = 16;
/// Somebody wishes to change in front of it or behind it.
pub(crate) const ASKED: u32 = 4;
/// Not a vehicle but the second body of one that is changing lane.
pub(crate) const SHADOW: u32 = 8;
/// From this bit of the flags on: one more than the step since which it stands (0: it does not),
/// where right of way goes by lists of foes.
pub(crate) const STOOD_BIT: u32 = 8;
/// Steps are told apart up to this many.
pub(crate) const STOOD_STEPS: u32 = (1 << 24) - 1;

/// Signal of a link that may go.
pub(crate) const GREEN: u8 = 1;
/// Signal of a link that may go and gives way to its foes.
pub(crate) const GREEN_YIELD: u8 = 2;

/// Ends of a drivable's list of vehicles and what its first vehicle follows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Track {
    pub(crate) front: u32,
    pub(crate) tail: u32,
    /// The first vehicle's leader on a later drivable.
    pub(crate) leader: u32,
    /// 1 when listed among the occupied.
    pub(crate) listed: u32,
    /// Ends of a chain of neighbours on a lane that are all [`STILL`], or `NONE`: those behind its
    /// head need no look until it moves.
    pub(crate) still_head: u32,
    pub(crate) still_tail: u32,
    /// Gap of the first vehicle to its leader, m.
    pub(crate) gap: f64,
}

pub(crate) const EMPTY: Track = Track {
    front: NONE,
    tail: NONE,
    leader: NONE,
    listed: 0,
    still_head: NONE,
    still_tail: NONE,
    gap: 0.0,
};

impl Track {
    /// A vehicle stands; it joins the chain if it is its neighbour, or begins one.
    #[inline]
    pub(crate) fn note_still(&mut self, slot: u32, car: &Car) {
        if self.still_head == NONE {
            (self.still_head, self.still_tail) = (slot, slot);
        } else if car.ahead == self.still_tail {
            self.still_tail = slot;
        } else if car.behind == self.still_head {
            self.still_head = slot;
        }
    }

    /// The head of the chain, with this vehicle behind it, stands no more; nor do those that joined
    /// before it.
    #[inline]
    pub(crate) fn drop_head(&mut self, head: u32, behind: u32) {
        if head == self.still_tail {
            self.forget_still();
        } else {
            self.still_head = behind;
        }
    }

    pub(crate) fn forget_still(&mut self) {
        (self.still_head, self.still_tail) = (NONE, NONE);
    }
}

/// On which links of a junction somebody can be met at a conflict point, a bit each (see
/// [`crate::network::Seat`]).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Met {
    /// The last vehicle of the lane behind may not have left the link quite.
    pub(crate) leaving: u64,
    /// Somebody is on it.
    pub(crate) inside: u64,
    /// The first vehicle of the lane before will take it, if it may go.
    pub(crate) coming: u64,
    /// It may go.
    pub(crate) green: u64,
}

/// Where somebody is who is met on a link.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Way {
    Leaving,
    Inside,
    Coming,
}

impl Met {
    /// Forgets who is met; what is green stays.
    #[inline]
    pub(crate) const fn clear(&mut self) {
        (self.leaving, self.inside, self.coming) = (0, 0, 0);
    }

    #[inline]
    pub(crate) const fn mark(&mut self, way: Way, bit: u64) {
        match way {
            Way::Leaving => self.leaving |= bit,
            Way::Inside => self.inside |= bit,
            Way::Coming => self.coming |= bit,
        }
    }

    /// Links on which somebody is met now.
    #[inline]
    pub(crate) const fn anybody(&self) -> u64 {
        self.leaving | self.inside | (self.coming & self.green)
    }
}

/// A vehicle between two lanes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Change {
    /// Its slot, and that of its shadow on the lane it goes to.
    pub(crate) slot: u32,
    pub(crate) shadow: u32,
    pub(crate) from: u32,
    pub(crate) to: u32,
    /// How far it has moved aside, m.
    pub(crate) offset_m: f64,
}

/// Waiting queue and counters of a lane.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct LaneBook {
    /// First event still waiting to enter.
    pub(crate) wait_head: u32,
    pub(crate) wait_count: u32,
    pub(crate) entered: u32,
    pub(crate) left: u32,
}

macro_rules! flat_state {
    ($(#[$doc:meta])* pub struct $name:ident { vecs { $($(#[$vd:meta])* $vec:ident: $vt:ty),* $(,)? } plain { $($(#[$pd:meta])* $plain:ident: $pt:ty),* $(,)? } }) => {
        $(#[$doc])*
        #[derive(Debug, PartialEq)]
        pub struct $name { $($(#[$vd])* pub(crate) $vec: Vec<$vt>,)* $($(#[$pd])* pub(crate) $plain: $pt,)* }

        impl $name {
            /// Bytes on the heap.
            pub(crate) const fn heap_b(&self) -> usize {
                0 $(+ super::memory::plain_b(&self.$vec))*
            }
        }

        impl Clone for $name {
            fn clone(&self) -> Self {
                Self { $($vec: self.$vec.clone(),)* $($plain: self.$plain,)* }
            }

            /// Reuses the buffers: no allocation when sizes fit.
            fn clone_from(&mut self, other: &Self) {
                $(self.$vec.clone_from(&other.$vec);)*
                $(self.$plain = other.$plain;)*
            }
        }
    };
}

flat_state! {
    /// Everything that changes during a run. Copy it to look ahead or to go back.
    pub struct State {
        vecs {
            cars: Car,
            free: u32,
            tracks: Track,
            occupied: u32,
            /// Lanes whose first vehicle waited and whose signal has changed since the last step.
            woken: u32,
            lanes: LaneBook,
            waiting_lanes: u32,
            green: u8,
            /// By junction: who can be met at conflict points.
            met: Met,
            phase: u16,
            rest_s: f64,
            // The rest is empty without lane change.
            /// By slot: the last gap to a leader, m.
            gaps: f64,
            changes: Change,
            /// By lane: how many of those that entered came from beside.
            from_beside: u32,
            /// Events created before each shadow of late, which drew from the same stream.
            shadow_marks: u32,
            // The rest is empty where nobody halts and nothing changes.
            /// By event.
            halts: Halt,
            /// By event: the speed wished for in the next step, m/s.
            commands: (u32, f64),
            /// Links that nobody may enter and lanes that nobody may start on, in order.
            closed: u32,
            closed_lanes: u32,
            /// In order.
            blocks: Block,
            /// By drivable, m/s; empty: the network's.
            limits: f64,
            /// By event.
            seeks: Seek,
            /// By car park: places taken, and most ever taken.
            taken: u32,
            taken_max: u32,
            /// Step and car park of those who will drive away, in order.
            leaving: (u32, u32),
        }
        plain {
            changing: bool,
            /// The list of occupied drivables is kept in order, see [`State::order`].
            ordered: bool,
            /// Shadows no longer in `shadow_marks`.
            shadows_before: u32,
            step: u32,
            next_event: u32,
            created: u32,
            running: u32,
            finished: u32,
            finished_time_s: f64,
            /// What was added to the plan during the run, see [`crate::plan::Plan::follow`].
            mark: u64,
            /// How many times of the changes have passed when they were last applied.
            changes_at: u32,
            halt_tally: HaltTally,
            detour_tally: DetourTally,
            parking_tally: ParkingTally,
        }
    }
}

/// The phase at time 0 and the rest of it, s.
fn start(junction: &crate::network::Junction) -> (u16, f64) {
    let first = junction.phases.first().map_or(0.0, |p| p.time_s);
    let cycle: f64 = junction.phases.iter().map(|p| p.time_s).sum();
    if junction.offset_s <= 0.0 || cycle <= 0.0 {
        return (0, first);
    }
    let mut at = (-junction.offset_s).rem_euclid(cycle);
    for (phase, p) in (0..).zip(&junction.phases) {
        if at < p.time_s {
            return (phase, p.time_s - at);
        }
        at -= p.time_s;
    }
    (0, first)
}

impl State {
    pub(crate) fn new(net: &Network) -> Self {
        let lane = LaneBook {
            wait_head: NONE,
            ..LaneBook::default()
        };
        let mut state = Self {
            cars: Vec::new(),
            free: Vec::new(),
            tracks: vec![EMPTY; net.lanes.len() + net.links.len()],
            occupied: Vec::new(),
            woken: Vec::new(),
            lanes: vec![lane; net.lanes.len()],
            waiting_lanes: Vec::new(),
            green: vec![0; net.links.len()],
            met: vec![Met::default(); net.junctions.len()],
            phase: vec![0; net.junctions.len()],
            rest_s: vec![0.0; net.junctions.len()],
            gaps: Vec::new(),
            changes: Vec::new(),
            from_beside: Vec::new(),
            shadow_marks: Vec::new(),
            changing: false,
            ordered: false,
            shadows_before: 0,
            step: 0,
            next_event: 0,
            created: 0,
            running: 0,
            finished: 0,
            finished_time_s: 0.0,
            halts: Vec::new(),
            commands: Vec::new(),
            closed: Vec::new(),
            closed_lanes: Vec::new(),
            blocks: Vec::new(),
            limits: Vec::new(),
            seeks: Vec::new(),
            taken: Vec::new(),
            taken_max: Vec::new(),
            leaving: Vec::new(),
            mark: 0,
            changes_at: NONE,
            halt_tally: HaltTally::default(),
            detour_tally: DetourTally::default(),
            parking_tally: ParkingTally::default(),
        };
        for j in 0..net.junctions.len() {
            let (phase, rest_s) = start(&net.junctions[j]);
            state.show(net, j, phase);
            state.rest_s[j] = rest_s;
        }
        state
    }

    /// Shows a phase that exists (or the first of an unsignalised junction).
    pub(crate) fn show(&mut self, net: &Network, junction: usize, phase: u16) {
        let links = net.junction_links[junction].clone();
        self.green[links.start as usize..links.end as usize].fill(0);
        let mut green = 0;
        if let Some(links) = net.phase_links[junction].get(usize::from(phase)) {
            for link in links {
                if self.closed.binary_search(&link.0).is_ok() {
                    continue;
                }
                self.green[link.ix()] = GREEN;
                green |= net.flat.seats[link.ix()].bit(link.ix());
                let lane = net.flat.link_from[link.ix()];
                let front = self.tracks[lane as usize].front;
                if let Some(car) = self.cars.get_mut(front as usize)
                    && car.flags & WAITS != 0
                {
                    car.flags &= !WAITS;
                    self.woken.push(lane);
                }
            }
            let phases = &net.junctions[junction].phases;
            for road_link in phases
                .get(usize::from(phase))
                .map_or(&[][..], |p| &p.yields)
            {
                for link in &net.junctions[junction].road_links[*road_link as usize].links {
                    if self.closed.binary_search(&link.0).is_ok() {
                        continue;
                    }
                    self.green[link.ix()] = GREEN_YIELD;
                    green |= net.flat.seats[link.ix()].bit(link.ix());
                }
            }
        }
        self.met[junction].green = green;
        self.phase[junction] = phase;
    }

    /// Appends a vehicle at the back of a drivable.
    pub(crate) fn push(&mut self, slot: u32, drivable: u32) {
        let track = &mut self.tracks[drivable as usize];
        let last = track.tail;
        track.tail = slot;
        if last == NONE {
            track.front = slot;
            track.leader = NONE;
            if track.listed == 0 {
                track.listed = 1;
                self.occupied.push(drivable);
            }
        } else {
            self.cars[last as usize].behind = slot;
        }
        let car = &mut self.cars[slot as usize];
        car.ahead = last;
        car.behind = NONE;
        if let Some(lane) = self.lanes.get_mut(drivable as usize) {
            lane.entered += 1;
        }
    }

    /// Takes a vehicle out of its drivable's list.
    pub(crate) fn unlink(&mut self, slot: u32, drivable: u32) {
        let Car { ahead, behind, .. } = self.cars[slot as usize];
        let track = &mut self.tracks[drivable as usize];
        if ahead == NONE {
            track.front = behind;
        } else {
            self.cars[ahead as usize].behind = behind;
        }
        if behind == NONE {
            track.tail = ahead;
        } else {
            let car = &mut self.cars[behind as usize];
            car.ahead = ahead;
            car.flags &= SHADOW;
            if track.still_head == behind {
                track.drop_head(behind, car.behind);
            }
        }
        if let Some(lane) = self.lanes.get_mut(drivable as usize) {
            lane.left += 1;
        }
    }

    /// A slot for a new vehicle.
    pub(crate) fn take_slot(&mut self, car: Car) -> u32 {
        if let Some(slot) = self.free.pop() {
            self.cars[slot as usize] = car;
            slot
        } else {
            self.cars.push(car);
            u32::try_from(self.cars.len() - 1).expect("fewer than 2^32 vehicles run at once")
        }
    }
}
