//! [`Sim::find_leaders`], a part at a time: first worked out, then written.

use rayon::prelude::*;

use super::super::Sim;
use super::super::state::{EMPTY, Met, Way};
use super::super::step::{leader_after_step, met_on};
use super::{Crew, split};
use crate::ids::NONE;

/// What a part has worked out.
#[derive(Debug, Clone)]
pub(super) struct Leaders {
    /// Its occupied drivables, and the leader and gap of the first vehicle of each.
    kept: Vec<u32>,
    found: Vec<(u32, f64)>,
    /// Those that hold nobody any more.
    emptied: Vec<u32>,
    /// Links on which somebody can be met, by the part that owns their junction.
    met: Vec<Vec<(u32, Way)>>,
}

impl Leaders {
    pub(super) fn new(parts: usize) -> Self {
        Self {
            kept: Vec::new(),
            found: Vec::new(),
            emptied: Vec::new(),
            met: vec![Vec::new(); parts],
        }
    }

    /// Merges the part's drivables with those that were empty, both in order; keeps the occupied.
    fn keep(&mut self, sim: &Sim, old: &[u32], fresh: &[u32]) {
        self.kept.clear();
        self.emptied.clear();
        self.met.iter_mut().for_each(Vec::clear);
        let (mut old, mut fresh) = (old.iter().peekable(), fresh.iter().peekable());
        loop {
            let drivable = match (old.peek(), fresh.peek()) {
                (Some(a), Some(b)) if b < a => *fresh.next().expect("peeked"),
                (Some(_), _) => *old.next().expect("peeked"),
                (None, Some(_)) => *fresh.next().expect("peeked"),
                (None, None) => return,
            };
            if sim.state.tracks[drivable as usize].front == NONE {
                self.emptied.push(drivable);
            } else {
                self.kept.push(drivable);
            }
        }
    }
}

impl Sim {
    /// The leaders of all first vehicles, the links where somebody can be met, and the list of
    /// occupied drivables.
    pub(super) fn share_leaders(&mut self, crew: &mut Crew) {
        let (sim, cut) = (&*self, &crew.cut);
        let lattice = sim.lattice.as_deref();
        let parts = crew.inn.par_iter_mut().enumerate();
        parts.with_max_len(1).for_each(|(p, inbox)| {
            let old = &sim.state.occupied[cut.occupied[p]..cut.occupied[p + 1]];
            let leaders = &mut inbox.leaders;
            leaders.keep(sim, old, &inbox.fresh);
            leaders.found.clear();
            for drivable in &leaders.kept {
                for (link, way) in met_on(&sim.net, &sim.plan, &sim.state, *drivable) {
                    if link != NONE {
                        let junction = sim.net.flat.seats[link as usize].junction as usize;
                        leaders.met[junction / cut.junctions].push((link, way));
                    }
                }
                let found = leader_after_step(&sim.net, &sim.plan, lattice, &sim.state, *drivable);
                leaders.found.push(found);
            }
        });
        self.write_leaders(crew);
    }

    fn write_leaders(&mut self, crew: &Crew) {
        let state = &mut self.state;
        let (cut, inn) = (&crew.cut, &crew.inn);
        let seats = &self.net.flat.seats;
        let tracks = split(
            &mut state.tracks,
            cut.drivables[1..].iter().map(|d| *d as usize),
        );
        let junctions = state.met.len();
        let ends = (1..=inn.len()).map(|p| (p * cut.junctions).min(junctions));
        let met = split(&mut state.met, ends);
        let parts = tracks.into_par_iter().zip(met).enumerate();
        parts.with_max_len(1).for_each(|(p, (tracks, met))| {
            let first = cut.drivables[p] as usize;
            met.iter_mut().for_each(Met::clear);
            for inbox in inn {
                for (link, way) in &inbox.leaders.met[p] {
                    let seat = seats[*link as usize];
                    let place = seat.junction as usize - p * cut.junctions;
                    met[place].mark(*way, seat.bit(*link as usize));
                }
            }
            let own = &inn[p].leaders;
            for drivable in &own.emptied {
                tracks[*drivable as usize - first] = EMPTY;
            }
            for (drivable, (leader, gap)) in own.kept.iter().zip(&own.found) {
                let track = &mut tracks[*drivable as usize - first];
                (track.leader, track.gap) = (*leader, *gap);
            }
        });
        state.occupied.clear();
        for inbox in inn {
            state.occupied.extend_from_slice(&inbox.leaders.kept);
        }
    }
}
