//! A binary heap whose order among equals is that of the C++ standard library of GCC.
//!
//! The reference simulator joins anchors by Dijkstra's algorithm over `std::priority_queue`, and on a
//! grid most shortest ways have equals: which one is taken follows from how its heap moves entries.
//! Standard: `push_heap` moves up while the parent is worse; `pop_heap` moves the hole down to a leaf
//! along the better children (the left one of equals), then the last entry up from there.

/// A heap of items with `worse(a, b)`: true where `b` is to come out before `a`.
#[derive(Debug)]
pub(crate) struct Heap<T> {
    items: Vec<T>,
    worse: fn(&T, &T) -> bool,
}

impl<T> Heap<T> {
    pub(crate) const fn new(worse: fn(&T, &T) -> bool) -> Self {
        Self {
            items: Vec::new(),
            worse,
        }
    }

    pub(crate) fn clear(&mut self) {
        self.items.clear();
    }

    pub(crate) fn push(&mut self, item: T) {
        self.items.push(item);
        self.up(self.items.len() - 1);
    }

    pub(crate) fn pop(&mut self) -> Option<T> {
        let last = self.items.pop()?;
        if self.items.is_empty() {
            return Some(last);
        }
        let best = std::mem::replace(&mut self.items[0], last);
        let leaf = self.down();
        self.up(leaf);
        Some(best)
    }

    /// Moves an item up to its place.
    fn up(&mut self, mut at: usize) {
        while at > 0 {
            let parent = (at - 1) / 2;
            if !(self.worse)(&self.items[parent], &self.items[at]) {
                break;
            }
            self.items.swap(parent, at);
            at = parent;
        }
    }

    /// Moves the first item down to a leaf, whatever it is worth.
    fn down(&mut self) -> usize {
        let mut at = 0;
        loop {
            let (left, right) = (2 * at + 1, 2 * at + 2);
            let better = if right < self.items.len() {
                if (self.worse)(&self.items[right], &self.items[left]) {
                    left
                } else {
                    right
                }
            } else if left < self.items.len() {
                left
            } else {
                return at;
            };
            self.items.swap(at, better);
            at = better;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_come_out_as_from_the_c_plus_plus_heap() {
        // std::priority_queue with the first member alone compared (greatest number is worst), libstdc++ 12:
        // pushed 1a 0b 1c 0d 1e 0f 0g, popped one by one.
        let mut heap: Heap<(u32, char)> = Heap::new(|a, b| a.0 > b.0);
        for item in [
            (1, 'a'),
            (0, 'b'),
            (1, 'c'),
            (0, 'd'),
            (1, 'e'),
            (0, 'f'),
            (0, 'g'),
        ] {
            heap.push(item);
        }
        let out: String = std::iter::from_fn(|| heap.pop())
            .map(|(_, name)| name)
            .collect();
        assert_eq!(out, "bfgdcae");
    }

    #[test]
    fn the_best_always_comes_first() {
        let mut heap: Heap<u32> = Heap::new(|a, b| a > b);
        let mut x = 12345_u32;
        let mut all = Vec::new();
        for _ in 0..500 {
            x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            heap.push(x >> 20);
            all.push(x >> 20);
        }
        all.sort_unstable();
        let out: Vec<u32> = std::iter::from_fn(|| heap.pop()).collect();
        assert_eq!(out, all);
        heap.push(1);
        heap.clear();
        assert_eq!(heap.pop(), None);
    }
}
