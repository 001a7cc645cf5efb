//! A reproducible random number generator: everything random in a test follows from a seed that is
//! printed.

use std::time::Duration;

/// The generator `SplitMix64` (Steele, Lea, Flood: Fast splittable pseudorandom number generators,
/// 2014).
#[derive(Debug, Clone)]
pub struct Rng(u64);

impl Rng {
    /// Creates the generator of a seed.
    #[must_use]
    pub const fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns the next number, uniformly distributed over all of `u64`.
    pub const fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// Returns a number in `0..end`; `end` must not be 0.
    pub const fn below(&mut self, end: u64) -> u64 {
        self.next_u64() % end
    }

    /// Returns a number in `0.0..1.0`, uniformly distributed.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are what a double holds")]
    pub fn next_fraction(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Returns a duration between two bounds, uniformly distributed.
    pub fn duration_between(&mut self, least: Duration, most: Duration) -> Duration {
        least + most.saturating_sub(least).mul_f64(self.next_fraction())
    }

    /// Returns a duration between two bounds, every order of magnitude being equally likely.
    /// `least` must not be zero.
    pub fn log_uniform_duration(&mut self, least: Duration, most: Duration) -> Duration {
        least.mul_f64((most.as_secs_f64() / least.as_secs_f64()).powf(self.next_fraction()))
    }
}

/// Returns true if a text belongs to a share (0 to 1) of all texts; the same text always gives the
/// same answer.
#[expect(clippy::cast_precision_loss, reason = "53 bits are what a double holds")]
pub(crate) fn is_in_share(text: &str, share: f64) -> bool {
    let seed = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    ((mix(seed) >> 11) as f64 / (1_u64 << 53) as f64) < share
}

const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_reference_implementation() {
        // The first outputs of the reference implementation for seed 1234567
        // (prng.di.unimi.it/splitmix64.c).
        let mut rng = Rng::seeded(1_234_567);
        assert_eq!([rng.next_u64(), rng.next_u64()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }

    #[test]
    fn durations_stay_within_their_bounds() {
        let (least, most) = (Duration::from_millis(10), Duration::from_secs(5));
        let mut rng = Rng::seeded(1);
        for _ in 0..1_000 {
            for drawn in [rng.duration_between(least, most), rng.log_uniform_duration(least, most)] {
                assert!((least..=most).contains(&drawn), "{drawn:?}");
            }
        }
    }

    #[test]
    fn a_share_of_many_texts_has_about_that_size() {
        let hit = (0..10_000).filter(|n| is_in_share(&format!("reader.{n}@example.com"), 0.05)).count();
        assert!((400..600).contains(&hit), "{hit}");
        assert!(!is_in_share("a", 0.0) && is_in_share("a", 1.0));
    }
}
