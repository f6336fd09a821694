//! Inputs close to good ones: bytes flipped, pieces cut, doubled and swapped, hostile tokens put in.

use rand::{Rng, RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// Longest input made, bytes.
const LEN_MAX: usize = 64 << 10;

/// What parsers stumble over.
const TOKENS: &[&[u8]] = &[
    b"0",
    b"-1",
    b"-0",
    b"1e999",
    b"-1e999",
    b"NaN",
    b"Infinity",
    b"1e-320",
    b"4294967296",
    b"9223372036854775808",
    b"18446744073709551616",
    b"null",
    b"true",
    b"[]",
    b"{}",
    b"\"\"",
    b"[[[[[[[[[[[[[[[[",
    b"{\"a\":{\"a\":{\"a\":",
    b",",
    b":",
    b"\"",
    b"\\u0000",
    b"\\ud800",
    b"\\",
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\xe6\x97",
    b"\r",
    b"\n\n\n",
    b"'",
    b";",
    b"../../..",
    b"99:99:99",
    b"-24:00:00",
    b"2026-13-45T25:61:61Z",
    b"urn:",
    b"<",
    b"/>",
    b"&amp;",
    b"]]>",
];

/// Makes inputs from seeds; the same seed makes the same inputs.
#[derive(Debug)]
pub struct Mutator(Pcg64Mcg);

impl Mutator {
    /// A mutator of this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Pcg64Mcg::seed_from_u64(seed))
    }

    /// An input made of one of `seeds` (never empty) and pieces of another.
    #[must_use]
    pub fn next(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut input = seeds[self.below(seeds.len())].clone();
        let other = &seeds[self.below(seeds.len())];
        for _ in 0..=self.below(4) {
            self.change(&mut input, other);
        }
        input.truncate(LEN_MAX);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>, other: &[u8]) {
        let at = self.below(input.len() + 1);
        match self.below(7) {
            0 if at < input.len() => input[at] ^= 1 << self.below(8),
            1 if at < input.len() => input[at] = self.0.next_u32().to_le_bytes()[0],
            2 => input.truncate(at),
            3 => {
                let end = (at + 1 + self.below(64)).min(input.len());
                input.drain(at.min(end)..end);
            }
            4 => {
                let end = (at + 1 + self.below(256)).min(input.len());
                let piece = input[at.min(end)..end].to_vec();
                for _ in 0..=self.below(3) {
                    insert(input, at, &piece);
                }
            }
            5 if !other.is_empty() => {
                let from = self.below(other.len());
                let to = (from + 1 + self.below(256)).min(other.len());
                insert(input, at, &other[from..to]);
            }
            _ => insert(input, at, TOKENS[self.below(TOKENS.len())]),
        }
    }

    fn below(&mut self, n: usize) -> usize {
        self.0.random_range(0..n)
    }
}

fn insert(input: &mut Vec<u8>, at: usize, piece: &[u8]) {
    let at = at.min(input.len());
    input.splice(at..at, piece.iter().copied());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_inputs_and_others_differ() {
        let seeds = vec![b"{\"a\": 1}".to_vec(), b"[1, 2, 3]".to_vec()];
        let make = |seed| {
            let mut mutator = Mutator::new(seed);
            (0..50).map(|_| mutator.next(&seeds)).collect::<Vec<_>>()
        };
        assert_eq!(make(1), make(1));
        assert_ne!(make(1), make(2));
        assert!(make(1).iter().any(|input| !seeds.contains(input)));
    }
}
