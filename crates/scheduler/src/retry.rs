//! The retry backoff of a delivery: the wait before a message is tried again.

use std::time::Duration;

use store::DeliveryId;

/// The wait after the first attempt.
const FIRST_RETRY_DELAY: Duration = Duration::from_secs(5 * 60);
/// The longest wait, before the random spread.
const MAX_RETRY_DELAY: Duration = Duration::from_secs(4 * 60 * 60);

/// Returns the wait after `attempts` attempts: five minutes, doubled each time, at most four hours,
/// plus or minus a fifth, so that deliveries that were deferred together are not tried again
/// together. RFC 5321 §4.5.4.1 recommends half an hour; the first retry is earlier, as with
/// Postfix, because greylisting servers accept after five minutes.
///
/// The same delivery and attempt give the same wait.
#[must_use]
pub fn retry_delay(delivery: DeliveryId, attempts: i64) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(0).min(10);
    let wait = FIRST_RETRY_DELAY.saturating_mul(1 << doublings).min(MAX_RETRY_DELAY);
    wait.mul_f64(0.8 + 0.4 * spread(delivery, attempts))
}

/// Returns a pseudo-random number in `0.0..1.0` that depends only on its arguments (SplitMix64).
#[expect(clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "bits, not amounts")]
fn spread(delivery: DeliveryId, attempts: i64) -> f64 {
    let mut z = (delivery.0 as u64).wrapping_add((attempts as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_five_minutes_then_doubles_up_to_four_hours() {
        let within = |attempts, middle: u64| {
            for id in 1..200 {
                let wait = retry_delay(DeliveryId(id), attempts).as_secs_f64();
                let middle = Duration::from_secs(middle).as_secs_f64();
                assert!(wait >= middle * 0.8 && wait <= middle * 1.2, "{attempts}: {wait}");
            }
        };
        within(1, 300);
        within(2, 600);
        within(3, 1200);
        within(7, 14400);
        within(1000, 14400);
    }

    #[test]
    fn deliveries_deferred_together_are_tried_again_at_different_times() {
        let waits: std::collections::BTreeSet<_> =
            (1..1000).map(|id| retry_delay(DeliveryId(id), 1).as_secs()).collect();
        assert!(waits.len() > 100, "{}", waits.len());
    }
}
