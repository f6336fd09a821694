//! What is added to a plan during a run: vehicles pushed in, ways changed.
//!
//! Everything added has a mark, a hash of it and of what was added before. States carry the mark of the
//! last thing they know of.

use super::{Draws, Plan, flow_clocks};
use crate::demand::Demand;
use crate::ids::{NONE, RoadIx};
use crate::network::Network;

/// What a mark begins with: of a vehicle pushed in, of a way changed.
const PUSHED: u32 = 0;
const SENT: u32 = 1;

/// Something added during a run, after what `before` marks.
#[derive(Debug, Clone)]
pub(super) struct Added {
    before: u64,
    /// Where it begins in the paths.
    words: u32,
    push: Option<Push>,
}

/// A vehicle that the user has pushed in.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Push {
    /// Step of creation.
    pub(crate) step: u32,
    pub(crate) template: u32,
    /// Its route, completed.
    pub(crate) roads: Vec<RoadIx>,
    /// With lane change: first word of its ways in the paths.
    pub(crate) words: u32,
}

impl Plan {
    /// Compiles the demand anew, so that the first step not covered is `step`.
    pub(crate) fn rewind(&mut self, net: &Network, demand: &Demand, step: u32) {
        self.events.clear();
        (self.covered, self.clock) = (0, 0.0);
        self.draws = Draws::new(self.seed, self.draws.kept.is_some());
        self.flows = flow_clocks(demand);
        self.last_in_lane.fill(NONE);
        self.given.fill(0);
        while self.covered < step {
            self.extend_by(net, demand, 1);
        }
    }

    /// Takes a vehicle in that will be created in the first step not covered, after what `since`
    /// marks: its number, and the mark with it.
    pub(crate) fn push(
        &mut self,
        since: u64,
        template: u32,
        roads: Vec<RoadIx>,
        words: &[u32],
    ) -> (u32, u64) {
        let number = u32::try_from(self.pushes.len()).expect("vehicles are fewer than 2^32");
        let own = [self.covered, template, number];
        let route = roads.iter().map(|road| road.0);
        let told: Vec<u32> = own.into_iter().chain(route).collect();
        let (first, mark) = self.add(since, PUSHED, &told, words);
        let push = Push {
            step: own[0],
            template,
            roads,
            words: first,
        };
        self.pushes.push(push.clone());
        if let Some(added) = self.added.get_mut(&mark) {
            added.push = Some(push);
        }
        (number, mark)
    }

    /// Appends to the paths during a run, after what `since` marks: where it begins, and the mark
    /// with it. What was appended there before is found again, so that a run gone back to is the same.
    pub(crate) fn grow(&mut self, since: u64, words: &[u32]) -> (u32, u64) {
        self.add(since, SENT, words, words)
    }

    /// The mark of what is told after `since`, and where the words that belong to it begin.
    fn add(&mut self, since: u64, kind: u32, told: &[u32], words: &[u32]) -> (u32, u64) {
        let mut mark = since;
        for word in [kind].iter().chain(told) {
            mark = (mark ^ u64::from(*word)).wrapping_mul(0x0000_0100_0000_01b3);
            mark ^= mark >> 29;
        }
        // 0 marks that nothing was added.
        mark |= 1 << 63;
        if let Some(known) = self.added.get(&mark) {
            return (known.words, mark);
        }
        let first = u32::try_from(self.paths.len()).expect("paths are limited by the demand");
        self.paths.extend_from_slice(words);
        let added = Added {
            before: since,
            words: first,
            push: None,
        };
        self.added.insert(mark, added);
        (first, mark)
    }

    /// Makes the pushes those that a state with this mark knows of, at the step it is at; false if
    /// it knows of something that was not added here.
    pub(crate) fn follow(&mut self, net: &Network, demand: &Demand, mark: u64, step: u32) -> bool {
        let (mut at, mut pushes) = (mark, Vec::new());
        while at != 0 {
            let Some(added) = self.added.get(&at) else {
                return false;
            };
            pushes.extend(added.push.clone());
            at = added.before;
        }
        pushes.reverse();
        if pushes != self.pushes {
            self.pushes = pushes;
            self.rewind(net, demand, step);
        }
        true
    }
}
