//! Between whoever wishes phases and the street: a signal that may be made to differ, safely.
//!
//! As long as nobody orders otherwise the wish is shown unchanged, whatever it is. Once it has been
//! overruled the signal clears (phase 0) and keeps minimum greens by itself until wish and street
//! agree on a green again.

/// Times that are kept while the wish is overruled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Safety {
    /// Phase 0 before a changed phase, s.
    pub(crate) yellow_s: u32,
    /// Shortest green, s.
    pub(crate) min_green_s: u32,
}

/// What a signal is to do in the coming second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// What is wished.
    Follow,
    /// The present green goes on; in clearance the same as [`Order::Follow`].
    Hold,
    /// This phase, as soon as it can be.
    Show(u16),
}

/// One signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lamp {
    shown: u16,
    /// For how long, s.
    shown_s: u32,
    follows: bool,
}

impl Lamp {
    /// A signal that shows a phase since now.
    pub(crate) const fn new(shown: u16) -> Self {
        Self {
            shown,
            shown_s: 0,
            follows: true,
        }
    }

    /// The phase shown in the last second.
    pub(crate) const fn shown(&self) -> u16 {
        self.shown
    }

    /// For how long, s.
    pub(crate) const fn shown_s(&self) -> u32 {
        self.shown_s
    }

    /// Looks at the street, where somebody with a higher right may have shown something else.
    pub(crate) const fn see(&mut self, street: u16) {
        if street != self.shown {
            *self = Self {
                shown: street,
                shown_s: 1,
                follows: false,
            };
        }
    }

    /// What to show in the coming second.
    pub(crate) fn next(&mut self, wish: u16, order: Order, safety: Safety) -> u16 {
        let phase = match order {
            Order::Hold if self.shown != 0 => {
                self.follows &= wish == self.shown;
                self.shown
            }
            Order::Follow | Order::Hold if self.follows => wish,
            Order::Follow | Order::Hold => {
                let phase = self.towards(wish, safety);
                // Not before its minimum is over: the wish may be about to leave it.
                let has_minimum = self.shown == phase && self.shown_s >= safety.min_green_s;
                self.follows = phase == wish && phase != 0 && has_minimum;
                phase
            }
            Order::Show(phase) => {
                self.follows = false;
                self.towards(phase, safety)
            }
        };
        self.shown_s = if phase == self.shown {
            self.shown_s.saturating_add(1)
        } else {
            1
        };
        self.shown = phase;
        phase
    }

    /// The next step on the safe way to a phase.
    const fn towards(&self, phase: u16, safety: Safety) -> u16 {
        if self.shown == phase {
            return phase;
        }
        if self.shown == 0 {
            return if self.shown_s < safety.yellow_s {
                0
            } else {
                phase
            };
        }
        if self.shown_s < safety.min_green_s {
            return self.shown;
        }
        if safety.yellow_s == 0 { phase } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAFETY: Safety = Safety {
        yellow_s: 2,
        min_green_s: 3,
    };

    fn play(lamp: &mut Lamp, steps: &[(u16, Order)]) -> Vec<u16> {
        (steps.iter())
            .map(|(wish, order)| lamp.next(*wish, *order, SAFETY))
            .collect()
    }

    #[test]
    fn a_wish_that_nobody_overrules_is_shown_as_it_is() {
        // Even without clearance: a programme may know why.
        let wishes = [1, 2, 0, 3, 3, 1];
        let steps = wishes.map(|w| (w, Order::Follow));
        assert_eq!(play(&mut Lamp::new(1), &steps), wishes);
    }

    #[test]
    fn a_green_that_was_held_is_cleared_before_the_wish_comes_back() {
        let mut lamp = Lamp::new(1);
        let hold = play(
            &mut lamp,
            &[(1, Order::Follow), (0, Order::Hold), (0, Order::Hold)],
        );
        assert_eq!(hold, [1, 1, 1]);
        // The wish is at phase 2 by now: it waits for the clearance.
        let back = play(&mut lamp, &[(2, Order::Follow); 4]);
        assert_eq!(back, [0, 0, 2, 2]);
        // Which has to show its minimum, and is followed from then on.
        let on = play(
            &mut lamp,
            &[(0, Order::Follow), (2, Order::Follow), (3, Order::Follow)],
        );
        assert_eq!(on, [2, 2, 3]);
    }

    #[test]
    fn another_phase_waits_for_the_minimum_green_and_for_clearance() {
        let mut lamp = Lamp::new(1);
        let shown = play(&mut lamp, &[(1, Order::Show(2)); 7]);
        // Shown since now: three seconds of minimum, two of clearance.
        assert_eq!(shown, [1, 1, 1, 0, 0, 2, 2]);
        // And the way back keeps its minimum too.
        assert_eq!(play(&mut lamp, &[(1, Order::Follow); 5]), [2, 0, 0, 1, 1]);
    }

    #[test]
    fn a_clearance_that_has_begun_is_finished_once() {
        let mut lamp = Lamp::new(1);
        let steps = [(0, Order::Follow), (0, Order::Show(3)), (0, Order::Show(3))];
        assert_eq!(play(&mut lamp, &steps), [0, 0, 3]);
    }
}
