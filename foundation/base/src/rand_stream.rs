//! Seeded randomness: one stream per purpose, so that a new consumer does not shift the others.

use rand::SeedableRng;

/// A named generator with a documented stream: PCG XSL RR 128/64 (O'Neill 2014).
pub type Stream = rand_pcg::Pcg64;

/// The seed of the stream for (`seed`, `entity`, `purpose`): FNV-1a over the parts with a
/// separator, finished by SplitMix64. Stable for ever; changing it changes every run.
pub fn stream_seed(seed: u64, entity: &str, purpose: &str) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let mut hash = OFFSET;
    let mut eat = |byte: u8| {
        hash ^= u64::from(byte);
        hash = hash.wrapping_mul(PRIME);
    };
    seed.to_le_bytes().into_iter().for_each(&mut eat);
    entity.bytes().for_each(&mut eat);
    eat(0xff); // a separator no UTF-8 text contains
    purpose.bytes().for_each(&mut eat);
    let mut z = hash.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The random stream for (`seed`, `entity`, `purpose`).
pub fn stream(seed: u64, entity: &str, purpose: &str) -> Stream {
    Stream::seed_from_u64(stream_seed(seed, entity, purpose))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_by_every_part_and_repeat() {
        let a = stream_seed(1, "x", "spawn");
        assert_eq!(a, stream_seed(1, "x", "spawn"));
        assert_ne!(a, stream_seed(2, "x", "spawn"));
        assert_ne!(a, stream_seed(1, "y", "spawn"));
        assert_ne!(a, stream_seed(1, "xs", "pawn"));
    }
}
