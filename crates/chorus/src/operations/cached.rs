//! A cache for one value that is expensive to compute.

use std::time::{Duration, Instant};

use tokio::sync::Mutex;

/// The time for which a value is cached.
pub(super) const CACHE_DURATION: Duration = Duration::from_secs(5);

/// The last value with the time at which it was computed.
#[derive(Debug)]
pub(super) struct Cached<T>(Mutex<Option<(Instant, T)>>);

impl<T: Clone> Cached<T> {
    /// Creates an empty cache.
    pub(super) fn empty() -> Self {
        Self(Mutex::new(None))
    }

    /// Returns the cached value, or that of `compute` if it is missing or older than
    /// [`CACHE_DURATION`]. Concurrent callers wait for one computation.
    pub(super) async fn get(&self, compute: impl Future<Output = T>) -> T {
        let mut cached = self.0.lock().await;
        if let Some((_, value)) = cached.as_ref().filter(|(since, _)| since.elapsed() < CACHE_DURATION) {
            return value.clone();
        }
        let value = compute.await;
        *cached = Some((Instant::now(), value.clone()));
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn concurrent_callers_share_one_computation() {
        let cached = Cached::empty();
        let (first, second) = tokio::join!(cached.get(async { 1 }), cached.get(async { 2 }));
        assert_eq!((first, second), (1, 1));
    }
}
