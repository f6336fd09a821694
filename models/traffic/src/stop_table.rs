//! Lists of halts, each kept once.

use std::collections::HashMap;

use crate::demand::Stop;

/// Lists of halts by number.
#[derive(Debug, Default)]
pub(crate) struct StopTable {
    lists: Vec<Vec<Stop>>,
    numbers: HashMap<Vec<[u64; 4]>, u32>,
}

impl StopTable {
    /// The number of a list, a new one where it is not known; none of an empty one.
    pub(crate) fn number(&mut self, list: Vec<Stop>) -> Option<u32> {
        if list.is_empty() {
            return None;
        }
        let next = u32::try_from(self.lists.len()).expect("flows are limited");
        let number = *self
            .numbers
            .entry(list.iter().map(bits).collect())
            .or_insert(next);
        if number == next {
            self.lists.push(list);
        }
        Some(number)
    }

    /// All lists by number.
    pub(crate) fn into_lists(self) -> Vec<Vec<Stop>> {
        self.lists
    }
}

/// The bits of a halt, to find equal ones.
fn bits(stop: &Stop) -> [u64; 4] {
    [
        u64::from(stop.road_at),
        stop.position_m.to_bits(),
        stop.dwell_s.to_bits(),
        // Times are not negative: this is none of them.
        stop.until_s.map_or(u64::MAX, f64::to_bits),
    ]
}
