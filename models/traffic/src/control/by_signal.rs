//! What a control keeps for each of its signals.

use crate::ids::JunctionIx;
use crate::network::Network;

/// Things by junction, for some of a network's junctions.
#[derive(Debug, Clone)]
pub(crate) struct BySignal<T> {
    all: Vec<T>,
    /// Place in `all`, by junction.
    at: Vec<Option<usize>>,
}

impl<T> BySignal<T> {
    /// For a network; `junction` says whose each is.
    pub(crate) fn new(net: &Network, all: Vec<T>, junction: impl Fn(&T) -> JunctionIx) -> Self {
        let mut at = vec![None; net.junctions().len()];
        for (place, item) in all.iter().enumerate() {
            at[junction(item).ix()] = Some(place);
        }
        Self { all, at }
    }

    pub(crate) fn get(&self, junction: JunctionIx) -> Option<&T> {
        let place = self.at.get(junction.ix()).copied().flatten();
        place.map(|place| &self.all[place])
    }

    pub(crate) fn get_mut(&mut self, junction: JunctionIx) -> Option<&mut T> {
        let place = self.at.get(junction.ix()).copied().flatten();
        place.map(|place| &mut self.all[place])
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, T> {
        self.all.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> std::slice::IterMut<'_, T> {
        self.all.iter_mut()
    }
}
