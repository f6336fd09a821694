//! One step on several threads, to the same bytes as on one.
//!
//! The occupied drivables, in order of their numbers, are cut into parts. Every phase reads what the
//! phases before it left and writes either its own part of the tables or messages to the owner of
//! another part; owners take messages in the order of the parts. So nothing depends on which thread
//! does what, and no table is written by two at once: parts of tables are `split_at_mut`.
//!
//! Phases: choose speeds; take the leaving out of their lists and write to where they go
//! ([`exchange`]); append the arriving; write vehicles; find leaders ([`ahead`]); write them. Creation,
//! entering, lane change and signals are small or rare and stay on one thread.

mod ahead;
mod exchange;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use rayon::prelude::*;

use super::Sim;
use super::choose::choose_part;
use super::cross::View;
use super::lane_change::Lattice;
use super::state::{LaneBook, State, Track};
use super::step::Scratch;
use crate::error::TrafficError;
use exchange::{Inbox, Outbox};

/// Most threads of one run.
const THREADS_MAX: usize = 256;
/// Parts for each thread: a thread that is done early takes over what others have not begun.
const PARTS_PER_THREAD: usize = 4;
/// From this many occupied drivables on (some 25,000 vehicles) several threads are sooner done than one.
pub(crate) const SHARE_FROM: usize = 8_192;
/// The threads of a run and their buffers; holds nothing that a later step needs.
#[derive(Debug, Clone)]
pub(crate) struct Crew {
    pool: Arc<rayon::ThreadPool>,
    threads: usize,
    cut: Cut,
    chosen: Vec<Scratch>,
    out: Vec<Outbox>,
    inn: Vec<Inbox>,
}

/// How the tables are cut in this step.
#[derive(Debug, Clone, Default)]
struct Cut {
    /// First drivable of each part, and the number of drivables.
    drivables: Vec<u32>,
    /// First place in the list of occupied of each part, and its length.
    occupied: Vec<usize>,
    /// Slots of a part; the last one has fewer.
    slots: u32,
    /// Junctions of a part, likewise.
    junctions: usize,
}

impl Cut {
    fn set(&mut self, state: &State, parts: usize) {
        let n = state.occupied.len();
        self.occupied.clear();
        self.occupied.extend((0..=parts).map(|p| p * n / parts));
        let ends = u32::try_from(state.tracks.len()).expect("drivables are limited");
        self.drivables.clear();
        let first = |p: usize| state.occupied.get(self.occupied[p]).copied();
        let firsts = (0..parts).map(|p| if p == 0 { 0 } else { first(p).unwrap_or(ends) });
        self.drivables.extend(firsts);
        self.drivables.push(ends);
        self.junctions = state.met.len().div_ceil(parts).max(1);
        let slots = state.cars.len().div_ceil(parts).max(1);
        self.slots = u32::try_from(slots).expect("fewer than 2^32 vehicles run at once");
    }

    /// The part a drivable belongs to.
    fn of(&self, drivable: u32) -> usize {
        self.drivables.partition_point(|first| *first <= drivable) - 1
    }
}

/// A part's own rows of the tables by drivable.
struct Rows<'a> {
    /// Its first drivable.
    first: u32,
    tracks: &'a mut [Track],
    /// Of its lanes; empty for a part of links alone.
    lanes: &'a mut [LaneBook],
}

impl Rows<'_> {
    fn track(&mut self, drivable: u32) -> &mut Track {
        &mut self.tracks[(drivable - self.first) as usize]
    }

    fn lane(&mut self, drivable: u32) -> Option<&mut LaneBook> {
        self.lanes.get_mut((drivable - self.first) as usize)
    }
}

/// Cuts a table at these places, given from its start.
fn split<T>(table: &mut [T], cuts: impl Iterator<Item = usize>) -> Vec<&mut [T]> {
    let mut rest = table;
    let (mut parts, mut from) = (Vec::new(), 0);
    for cut in cuts {
        let (part, after) = rest.split_at_mut(cut - from);
        parts.push(part);
        (rest, from) = (after, cut);
    }
    parts
}

fn rows<'a>(cut: &Cut, tracks: &'a mut [Track], lanes: &'a mut [LaneBook]) -> Vec<Rows<'a>> {
    let count = lanes.len();
    let ends = || cut.drivables[1..].iter().map(|d| *d as usize);
    let tracks = split(tracks, ends());
    let lanes = split(lanes, ends().map(|end| end.min(count)));
    let each = cut.drivables.iter().zip(tracks).zip(lanes);
    each.map(|((first, tracks), lanes)| Rows {
        first: *first,
        tracks,
        lanes,
    })
    .collect()
}

impl Sim {
    /// Runs steps on this many threads, 1 (the default) to 256. Results are the same bytes whatever
    /// the number. Worth it for large cities: with 300,000 vehicles two threads are 1.7 to 1.8 times one, with
    /// 10,000 they would be slower than one: states of few occupied drivables take one thread.
    ///
    /// # Errors
    /// A number out of range, or threads that cannot be started.
    pub fn set_threads(&mut self, threads: usize) -> Result<(), TrafficError> {
        let wrong = |message: String| TrafficError::Option {
            what: "threads",
            message,
        };
        if !(1..=THREADS_MAX).contains(&threads) {
            return Err(wrong(format!(
                "{threads} is not between 1 and {THREADS_MAX}"
            )));
        }
        self.crew = None;
        if threads > 1 {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .thread_name(|n| format!("traffic-{n}"))
                .build()
                .map_err(|e| wrong(format!("{threads} threads cannot be started: {e}")))?;
            let parts = threads * PARTS_PER_THREAD;
            self.crew = Some(Crew {
                pool: Arc::new(pool),
                threads,
                cut: Cut::default(),
                chosen: vec![Scratch::default(); parts],
                out: (0..parts).map(|_| Outbox::new(parts)).collect(),
                inn: (0..parts).map(|_| Inbox::new(parts)).collect(),
            });
        }
        Ok(())
    }

    /// Shares steps from this many occupied drivables on.
    #[cfg(test)]
    pub(crate) const fn share_from(&mut self, drivables: usize) {
        self.share_from = drivables;
    }

    /// Threads that steps run on.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.crew.as_ref().map_or(1, |crew| crew.threads)
    }

    /// What follows entering, on the threads of the crew; false where one thread has to do it.
    pub(crate) fn step_shared(&mut self) -> bool {
        if !self.state.ordered || self.state.occupied.len() < self.share_from {
            return false;
        }
        let Some(mut crew) = self.crew.take() else {
            return false;
        };
        let pool = Arc::clone(&crew.pool);
        pool.install(|| {
            crew.cut.set(&self.state, crew.chosen.len());
            if let Some(lattice) = self.lattice.clone() {
                self.share_choice::<true>(&mut crew, Some(&lattice));
                self.gather(&mut crew);
                self.settle_pairs(&lattice);
                self.hand_over();
                self.commit();
                self.state.order();
                crew.cut.set(&self.state, crew.chosen.len());
                for inbox in &mut crew.inn {
                    inbox.fresh.clear();
                }
            } else {
                self.share_choice::<false>(&mut crew, None);
                self.scratch.told.clear();
                for part in &mut crew.chosen {
                    self.scratch.told.append(&mut part.told);
                }
                self.leave(&mut crew);
                self.finish(&mut crew);
                self.arrive(&mut crew);
                self.write_cars(&mut crew);
            }
            self.share_leaders(&mut crew);
        });
        self.crew = Some(crew);
        true
    }

    /// [`Sim::choose_speeds`], a part at a time.
    fn share_choice<const CHANGE: bool>(&self, crew: &mut Crew, lattice: Option<&Lattice>) {
        let view = View {
            net: &self.net,
            plan: &self.plan,
            state: &self.state,
            wishes: &self.scratch.wishes,
            dt: self.dt,
        };
        let cut = &crew.cut;
        let parts = crew.chosen.par_iter_mut().zip(&mut crew.out).enumerate();
        parts.with_max_len(1).for_each(|(p, (scratch, out))| {
            scratch.begin();
            out.begin();
            let part = &self.state.occupied[cut.occupied[p]..cut.occupied[p + 1]];
            choose_part::<CHANGE>(&view, scratch, lattice, part);
            if !CHANGE {
                out.sort_runs(cut, &scratch.next);
            }
        });
    }

    /// Puts the parts' choices together where the rest of the step is one thread's.
    fn gather(&mut self, crew: &mut Crew) {
        self.scratch.begin();
        for part in &mut crew.chosen {
            self.scratch.append(part);
        }
        self.scratch.take_chains(&mut self.state);
    }
}
