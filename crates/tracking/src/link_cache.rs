//! In-memory cache of all registered link destinations, so that a redirect to a known link does not
//! wait for the database.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use axum::http::HeaderValue;
use store::{LinkId, LinkName, LinkRow, Store, StoreError};
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

/// Minimum time between two database look-ups of unknown links, for all requests together.
const LOOKUP_INTERVAL: Duration = Duration::from_secs(1);

/// Number of rows below the last one that are read again: PostgreSQL assigns ids before it commits
/// their rows, so that a row with a lower id may appear after one with a higher id.
const REREAD_ROWS: i64 = 1_000;

/// The cache of registered destinations.
#[derive(Debug)]
pub(crate) struct LinkCache {
    store: Store,
    cached: RwLock<CachedLinks>,
    /// Start of the last look-up. Locked during a look-up, so that there is one at a time; a
    /// request that is dropped while it waits for the lock has no effect.
    last_lookup: Mutex<Instant>,
    interval: Duration,
}

#[derive(Debug, Default)]
struct CachedLinks {
    targets: HashMap<LinkName, Target>,
    /// The highest id read.
    last_id: i64,
}

/// A registered link and its destination.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// The id of the registered link.
    pub(crate) id: LinkId,
    /// The destination, as the value of a `Location` header.
    pub(crate) location: HeaderValue,
}

impl LinkCache {
    /// Creates the cache with all registered links.
    pub(crate) async fn load(store: Store) -> Result<Self, StoreError> {
        Self::with_interval(store, LOOKUP_INTERVAL).await
    }

    async fn with_interval(store: Store, interval: Duration) -> Result<Self, StoreError> {
        let cached = RwLock::default();
        let links = Self { store, cached, last_lookup: Mutex::new(Instant::now()), interval };
        links.read().await?;
        Ok(links)
    }

    /// Returns the destination of a link; `None` if it is not registered or is no web address. A
    /// link that is not in the cache may have been registered since the last look-up, so new rows
    /// are read, at most once in [`LOOKUP_INTERVAL`] for all requests together.
    ///
    /// # Errors
    /// Returns the store's error if the link is not in the cache and the database cannot be read.
    pub(crate) async fn target(&self, name: LinkName) -> Result<Option<Target>, StoreError> {
        if let Some(target) = self.cached(name) {
            return Ok(Some(target));
        }
        self.refresh(Instant::now()).await?;
        Ok(self.cached(name))
    }

    fn cached(&self, name: LinkName) -> Option<Target> {
        self.cached.read().unwrap_or_else(PoisonError::into_inner).targets.get(&name).cloned()
    }

    /// Reads new rows, unless another look-up that started after `arrived` has done so.
    async fn refresh(&self, arrived: Instant) -> Result<(), StoreError> {
        let mut last_lookup = self.last_lookup.lock().await;
        if *last_lookup > arrived {
            return Ok(());
        }
        tokio::time::sleep_until(*last_lookup + self.interval).await;
        *last_lookup = Instant::now();
        self.read().await
    }

    async fn read(&self) -> Result<(), StoreError> {
        let last_id = self.cached.read().unwrap_or_else(PoisonError::into_inner).last_id;
        let rows = self.store.link_after(LinkId(last_id.saturating_sub(REREAD_ROWS).max(0))).await?;
        let mut cached = self.cached.write().unwrap_or_else(PoisonError::into_inner);
        for row in rows {
            cached.last_id = cached.last_id.max(row.id.0);
            if let Some(location) = location(&row) {
                cached.targets.insert(row.name, Target { id: row.id, location });
            }
        }
        Ok(())
    }
}

/// Returns the row's URL as the value of a `Location` header; `None` unless it is http or https.
fn location(row: &LinkRow) -> Option<HeaderValue> {
    let url = Url::parse(&row.url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let target = url.and_then(|url| HeaderValue::from_str(url.as_str()).ok());
    if target.is_none() {
        tracing::warn!(link = row.id.0, "a registered link is no http or https address and is not followed");
    }
    target
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_addresses_become_a_location() {
        for (url, expected) in [
            ("https://harbour.example/renew?a=1&b=2", Some("https://harbour.example/renew?a=1&b=2")),
            ("http://harbour.example", Some("http://harbour.example/")),
            ("https://harbour.example/茶", Some("https://harbour.example/%E8%8C%B6")),
            (
                "https://harbour.example/\r\nSet-Cookie: x=1",
                Some("https://harbour.example/Set-Cookie:%20x=1"),
            ),
            ("javascript:alert(1)", None),
            ("data:text/html,x", None),
            ("//evil.example", None),
            ("", None),
        ] {
            let row = LinkRow { id: LinkId(1), name: LinkName(1), url: url.to_owned() };
            assert_eq!(location(&row).as_ref().map(|v| v.to_str().unwrap()), expected, "{url}");
        }
    }
}
