//! A value that costs something to get, kept for some seconds.

use std::time::{Duration, Instant};

use tokio::sync::Mutex;

/// The time for which a value is kept.
pub(super) const KEPT_FOR: Duration = Duration::from_secs(5);

/// The last value, and when it was got.
#[derive(Debug)]
pub(super) struct Cached<T>(Mutex<Option<(Instant, T)>>);

impl<T: Clone> Cached<T> {
    /// Nothing yet.
    pub(super) fn empty() -> Self {
        Self(Mutex::new(None))
    }

    /// The value, got anew by `fresh` if it is older than [`KEPT_FOR`]. However many ask at once, it is got once: the
    /// others wait for it.
    pub(super) async fn get(&self, fresh: impl Future<Output = T>) -> T {
        let mut kept = self.0.lock().await;
        if let Some((_, value)) = kept.as_ref().filter(|(since, _)| since.elapsed() < KEPT_FOR) {
            return value.clone();
        }
        let value = fresh.await;
        *kept = Some((Instant::now(), value.clone()));
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_value_is_got_once_however_many_ask() {
        let cached = Cached::empty();
        let (first, second) = tokio::join!(cached.get(async { 1 }), cached.get(async { 2 }));
        assert_eq!((first, second), (1, 1));
    }
}
