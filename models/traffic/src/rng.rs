//! MT19937 (Matsumoto and Nishimura 1998), 32 bits: the reference simulator's generator.
//!
//! Own code because the sequence must equal the reference's draw for draw, and the state must be
//! cloned with the schedule; no crate of the workspace offers it.

/// `SplitMix64` (Steele, Lea, Flood 2014).
pub(crate) fn mix(x: u64) -> u64 {
    let mut z = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number from 0 to below 1 of 53 of these bits.
#[allow(clippy::cast_precision_loss)] // 53 bits
pub(crate) fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

const N: usize = 624;
const M: usize = 397;

/// The generator.
#[derive(Debug, Clone)]
pub(crate) struct Mt19937 {
    state: Vec<u32>,
    at: usize,
}

impl Mt19937 {
    pub(crate) fn new(seed: u32) -> Self {
        let mut state = vec![seed; N];
        for i in 1..N {
            let last = state[i - 1];
            let mixed = 1_812_433_253u32.wrapping_mul(last ^ (last >> 30));
            state[i] = mixed.wrapping_add(u32::try_from(i).expect("below 624"));
        }
        Self { state, at: N }
    }

    fn refill(&mut self) {
        for i in 0..N {
            let y = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % N] & 0x7fff_ffff);
            let odd = if y & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[i] = self.state[(i + M) % N] ^ (y >> 1) ^ odd;
        }
        self.at = 0;
    }

    /// The next 32-bit output.
    pub(crate) fn draw(&mut self) -> u32 {
        if self.at == N {
            self.refill();
        }
        let mut y = self.state[self.at];
        self.at += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ten_thousandth_output_is_the_one_the_cpp_standard_names() {
        // ISO C++ [rand.predef]: the 10000th draw of a default-seeded (5489) mt19937.
        let mut rng = Mt19937::new(5489);
        let last = (0..10_000).map(|_| rng.draw()).last();
        assert_eq!(last, Some(4_123_659_995));
    }
}
