//! Chance that can be had again: everything random in a proof follows from a seed that is printed.

use std::time::Duration;

/// A stream of numbers: `SplitMix64` (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// The stream of a seed.
    #[must_use]
    pub const fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number, any of them as likely.
    pub const fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed(self.0)
    }

    /// A number below `end`, which is not 0.
    pub const fn below(&mut self, end: u64) -> u64 {
        self.number() % end
    }

    /// A number from 0 up to, but not, 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are what a double holds")]
    pub fn share(&mut self) -> f64 {
        (self.number() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A duration between two, any of them as likely.
    pub fn between(&mut self, least: Duration, most: Duration) -> Duration {
        least + most.saturating_sub(least).mul_f64(self.share())
    }

    /// A duration between two, any order of magnitude as likely. `least` is not zero.
    pub fn any_magnitude(&mut self, least: Duration, most: Duration) -> Duration {
        least.mul_f64((most.as_secs_f64() / least.as_secs_f64()).powf(self.share()))
    }
}

/// Whether something falls into a share of all, from 0 to 1: always the same for the same text.
#[expect(clippy::cast_precision_loss, reason = "53 bits are what a double holds")]
pub(crate) fn falls_into(text: &str, share: f64) -> bool {
    let seed = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    ((mixed(seed) >> 11) as f64 / (1_u64 << 53) as f64) < share
}

const fn mixed(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_reference() {
        // The first outputs of the reference implementation for seed 1234567 (prng.di.unimi.it/splitmix64.c).
        let mut chance = Chance::seeded(1_234_567);
        assert_eq!(
            [chance.number(), chance.number()],
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]
        );
    }

    #[test]
    fn durations_stay_between_their_ends() {
        let (least, most) = (Duration::from_millis(10), Duration::from_secs(5));
        let mut chance = Chance::seeded(1);
        for _ in 0..1_000 {
            for drawn in [chance.between(least, most), chance.any_magnitude(least, most)] {
                assert!((least..=most).contains(&drawn), "{drawn:?}");
            }
        }
    }

    #[test]
    fn a_share_of_many_is_about_that_share() {
        let hit = (0..10_000).filter(|n| falls_into(&format!("reader.{n}@example.com"), 0.05)).count();
        assert!((400..600).contains(&hit), "{hit}");
        assert!(!falls_into("a", 0.0) && falls_into("a", 1.0));
    }
}
