//! Offsets of largest bandwidth along one arterial, exactly.
//!
//! J. D. C. Little, "The synchronization of traffic signals by mixed-integer linear programming",
//! Operations Research 14 (1966), and Little, Kelson and Gartner, "MAXBAND", Transportation Research
//! Record 795 (1981): the two-way bands `b` and `b'` that maximise `w b + w' b'` for given cycle,
//! greens and speeds. They solve a mixed-integer programme; with times in whole seconds no solver
//! is needed. Once the outbound band (start 0, without loss of generality), its width, the start
//! and the width of the inbound band are fixed, each junction alone has a set of offsets at which
//! both bands pass it in green: the intersection of two circular intervals, a word of as many bits
//! as the cycle has seconds. What is left is to go through three numbers, the last by bisection.
//!
//! Junctions whose offsets are already fixed against each other (arterials cross) form a group with
//! one free offset: their sets are turned onto it and intersected.

/// Longest common cycle, s: the bits of a word.
pub const CYCLE_MAX_S: u32 = 128;

/// A green, seen from its own plan: when a vehicle of the band that passed the arterial's first
/// junction at time 0 would have to come by for it to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Green {
    /// Start after the start of the plan, less the travel time from the band's beginning, s.
    pub(super) start_s: i64,
    /// Length, s.
    pub(super) length_s: u32,
}

/// A junction on an arterial. A direction without green (a one-way street) has no band.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gate {
    pub(super) outbound: Option<Green>,
    pub(super) inbound: Option<Green>,
    /// Junctions of the same group keep their offsets against each other.
    pub(super) group: usize,
    /// Offset within the group, s.
    pub(super) offset_s: u32,
}

/// Two-way bands of an arterial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Bands {
    /// Width of the outbound band, s.
    pub outbound_s: u32,
    /// Width of the inbound band, s.
    pub inbound_s: u32,
}

/// The best bands and what each gate's group is to be shifted by, s.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Solution {
    pub(super) bands: Bands,
    /// The shortest greens: no band is wider.
    pub(super) greens: Bands,
    /// By gate; gates of one group have the same.
    pub(super) shift_s: Vec<u32>,
}

/// Seconds of a cycle as bits.
#[derive(Debug, Clone, Copy)]
struct Circle {
    cycle_s: u32,
    full: u128,
}

impl Circle {
    const fn new(cycle_s: u32) -> Self {
        Self {
            cycle_s,
            full: u128::MAX >> (CYCLE_MAX_S - cycle_s),
        }
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // below the cycle
    fn within(self, second: i64) -> u32 {
        second.rem_euclid(i64::from(self.cycle_s)) as u32
    }

    /// The set moved to later seconds.
    const fn turned(self, set: u128, by_s: u32) -> u128 {
        if by_s == 0 {
            return set;
        }
        ((set << by_s) | (set >> (self.cycle_s - by_s))) & self.full
    }

    /// Offsets at which a band of `width_s` that starts at `from_s` passes the green.
    fn fits(self, green: Green, width_s: u32, from_s: u32) -> u128 {
        if green.length_s >= self.cycle_s {
            return self.full;
        }
        let Some(spare_s) = green.length_s.checked_sub(width_s) else {
            return 0;
        };
        // The green begins at the band's start or up to its spare time earlier.
        let set = u128::MAX >> (CYCLE_MAX_S - spare_s - 1);
        let first = i64::from(from_s) - green.start_s - i64::from(spare_s);
        self.turned(set, self.within(first))
    }
}

/// The bands that maximise `weights.0 * outbound + weights.1 * inbound`; among equals the ones whose
/// narrower band is wider, then the first found.
pub(super) fn widest(gates: &[Gate], cycle_s: u32, weights: (f64, f64)) -> Solution {
    let circle = Circle::new(cycle_s.clamp(1, CYCLE_MAX_S));
    let most = |pick: fn(&Gate) -> Option<Green>| {
        let least = gates
            .iter()
            .map(|g| pick(g).map_or(0, |green| green.length_s));
        least.min().unwrap_or(0).min(circle.cycle_s)
    };
    let (out_max, in_max) = (most(|g| g.outbound), most(|g| g.inbound));
    let value = |b: Bands| weights.0 * f64::from(b.outbound_s) + weights.1 * f64::from(b.inbound_s);
    let better = |a: Bands, b: Bands| {
        let narrow = |b: Bands| b.outbound_s.min(b.inbound_s);
        value(a)
            .total_cmp(&value(b))
            .then(narrow(a).cmp(&narrow(b)))
            .is_gt()
    };
    let mut best = (Bands::default(), 0);
    for outbound_s in (0..=out_max).rev() {
        let bands = |inbound_s| Bands {
            outbound_s,
            inbound_s,
        };
        if !better(bands(in_max), best.0) {
            continue;
        }
        let starts = if outbound_s == 0 { 1 } else { circle.cycle_s };
        for from_s in 0..starts {
            let fits = |inbound_s| shifts(gates, circle, bands(inbound_s), from_s).is_some();
            // Bisection: a band that fits still does when it is made narrower from its end.
            let Some(mut low) = fits(0).then_some(0) else {
                break; // the inbound band's start does not matter yet
            };
            let mut high = in_max + 1;
            while high - low > 1 {
                let middle = u32::midpoint(low, high);
                if fits(middle) {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            if better(bands(low), best.0) {
                best = (bands(low), from_s);
            }
        }
    }
    let shift_s = shifts(gates, circle, best.0, best.1);
    Solution {
        bands: best.0,
        greens: Bands {
            outbound_s: out_max,
            inbound_s: in_max,
        },
        shift_s: shift_s.unwrap_or_else(|| vec![0; gates.len()]),
    }
}

/// What each gate's group may be shifted by so that both bands pass: the middle of the longest run
/// of possible seconds. None: they cannot.
fn shifts(gates: &[Gate], circle: Circle, bands: Bands, from_s: u32) -> Option<Vec<u32>> {
    let mut shift_s = vec![0; gates.len()];
    for (k, gate) in gates.iter().enumerate() {
        if let Some(first) = gates[..k].iter().position(|g| g.group == gate.group) {
            shift_s[k] = shift_s[first];
            continue;
        }
        let mut set = circle.full;
        for member in gates[k..].iter().filter(|g| g.group == gate.group) {
            let mut own = circle.full;
            if bands.outbound_s > 0 {
                own &= member
                    .outbound
                    .map_or(0, |g| circle.fits(g, bands.outbound_s, 0));
            }
            if bands.inbound_s > 0 {
                own &= member
                    .inbound
                    .map_or(0, |g| circle.fits(g, bands.inbound_s, from_s));
            }
            let back = circle.within(-i64::from(member.offset_s));
            set &= circle.turned(own, back);
        }
        shift_s[k] = middle(set, circle)?;
    }
    Some(shift_s)
}

/// The middle of the longest circular run of a set, the first of equals; none of an empty set.
fn middle(set: u128, circle: Circle) -> Option<u32> {
    if set == circle.full {
        return Some(0);
    }
    let mut best: Option<(u32, u32)> = None;
    for start in 0..circle.cycle_s {
        let begins = set >> start & 1 == 1
            && circle.turned(set, circle.cycle_s - start) >> (circle.cycle_s - 1) & 1 == 0;
        if begins {
            let from_start = circle.turned(set, circle.cycle_s - start);
            let length = from_start.trailing_ones();
            if best.is_none_or(|(_, longest)| length > longest) {
                best = Some((start, length));
            }
        }
    }
    best.map(|(start, length)| (start + (length - 1) / 2) % circle.cycle_s)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Longest circular run of seconds in which all greens of a direction agree, by trying.
    fn band(gates: &[Gate], offsets: &[u32], cycle: u32, pick: fn(&Gate) -> Option<Green>) -> u32 {
        let green = |second: u32| {
            gates.iter().zip(offsets).all(|(g, o)| {
                pick(g).is_some_and(|green| {
                    let at = i64::from(second) - i64::from(*o) - green.start_s;
                    at.rem_euclid(i64::from(cycle)) < i64::from(green.length_s)
                })
            })
        };
        let seconds: Vec<bool> = (0..2 * cycle).map(|s| green(s % cycle)).collect();
        let longest = seconds
            .chunk_by(|a, b| a == b)
            .filter(|r| r[0])
            .map(<[bool]>::len)
            .max();
        u32::try_from(longest.unwrap_or(0)).unwrap().min(cycle)
    }

    /// The best value over all offsets, by trying all of them.
    fn brute(gates: &[Gate], cycle: u32, weights: (f64, f64)) -> f64 {
        let free: Vec<usize> = {
            let mut groups: Vec<usize> = gates.iter().map(|g| g.group).collect();
            groups.dedup();
            groups
        };
        let count = cycle.pow(u32::try_from(free.len() - 1).unwrap());
        let mut best = 0.0_f64;
        for mut code in 0..count {
            let mut shift = vec![0; free.len()];
            for s in &mut shift[1..] {
                *s = code % cycle;
                code /= cycle;
            }
            let offsets: Vec<u32> = (gates.iter())
                .map(|g| {
                    let at = free.iter().position(|f| *f == g.group).unwrap();
                    (g.offset_s + shift[at]) % cycle
                })
                .collect();
            let value = weights.0 * f64::from(band(gates, &offsets, cycle, |g| g.outbound))
                + weights.1 * f64::from(band(gates, &offsets, cycle, |g| g.inbound));
            best = best.max(value);
        }
        best
    }

    fn value_of(gates: &[Gate], s: &Solution, cycle: u32, weights: (f64, f64)) -> f64 {
        let offsets: Vec<u32> = (gates.iter().zip(&s.shift_s))
            .map(|(g, shift)| (g.offset_s + shift) % cycle)
            .collect();
        weights.0 * f64::from(band(gates, &offsets, cycle, |g| g.outbound))
            + weights.1 * f64::from(band(gates, &offsets, cycle, |g| g.inbound))
    }

    /// Little's classical case: with travel times of half a cycle and equal greens both bands are
    /// as wide as the greens (alternate system); at a quarter they cannot both be.
    #[test]
    fn the_alternate_system_has_full_bands() {
        let gates = |lag: i64| -> Vec<Gate> {
            (0..4)
                .map(|k| Gate {
                    outbound: Some(Green {
                        start_s: -lag * k,
                        length_s: 30,
                    }),
                    inbound: Some(Green {
                        start_s: lag * k,
                        length_s: 30,
                    }),
                    group: usize::try_from(k).unwrap(),
                    offset_s: 0,
                })
                .collect()
        };
        let full = Bands {
            outbound_s: 30,
            inbound_s: 30,
        };
        assert_eq!(widest(&gates(30), 60, (1.0, 1.0)).bands, full);
        let quarter = widest(&gates(15), 60, (1.0, 1.0)).bands;
        assert!(quarter.outbound_s + quarter.inbound_s < 60, "{quarter:?}");
        // All the weight on one direction gives it its whole green.
        assert_eq!(widest(&gates(15), 60, (1.0, 0.0)).bands.outbound_s, 30);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
        #[test]
        fn nothing_is_wider_than_what_is_found(
            cycle in 8_u32..13,
            starts in prop::collection::vec((-40_i64..40, -40_i64..40, 1_u32..10, 1_u32..10), 2..5),
            weight in 0.1_f64..4.0,
            one_way in any::<bool>(),
            joined in any::<bool>(),
        ) {
            let gates: Vec<Gate> = starts.iter().enumerate().map(|(k, s)| Gate {
                outbound: Some(Green { start_s: s.0, length_s: s.2 }),
                inbound: (!one_way).then_some(Green { start_s: s.1, length_s: s.3 }),
                // The first two may already be fixed against each other.
                group: if joined && k == 1 { 0 } else { k },
                offset_s: if joined && k == 1 { 3 } else { 0 },
            }).collect();
            let weights = (1.0, weight);
            let found = widest(&gates, cycle, weights);
            let said = f64::from(found.bands.outbound_s) + weight * f64::from(found.bands.inbound_s);
            let best = brute(&gates, cycle, weights);
            prop_assert!((said - best).abs() < 1e-9, "{said} instead of {best}: {found:?}");
            // And the offsets give what is said.
            let given = value_of(&gates, &found, cycle, weights);
            prop_assert!((given - best).abs() < 1e-9, "{given} instead of {best}: {found:?}");
        }
    }

    #[test]
    fn the_middle_of_what_is_possible_is_taken() {
        let circle = Circle::new(10);
        assert_eq!(middle(0b00_0011_1000, circle), Some(4));
        assert_eq!(middle(0b11_0000_0001, circle), Some(9));
        assert_eq!(
            (middle(0, circle), middle(circle.full, circle)),
            (None, Some(0))
        );
    }
}
