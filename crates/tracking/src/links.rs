//! Where links go: every registered destination, in memory, so that a redirect never waits for the database.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use axum::http::HeaderValue;
use store::{LinkId, LinkName, LinkRow, Store, StoreError};
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

/// How often a link that is not known may be looked up, whatever is asked.
const PAUSE: Duration = Duration::from_secs(1);

/// How many rows below the last one are read again: PostgreSQL hands out numbers before it commits their rows,
/// so that a lower one may appear after a higher one.
const OVERLAP: i64 = 1_000;

/// The registered destinations.
#[derive(Debug)]
pub(crate) struct Links {
    store: Store,
    known: RwLock<Known>,
    /// When the last look-up began. Held while one is under way, so that there is one at a time; whoever is
    /// dropped while waiting for it leaves nothing behind.
    looked: Mutex<Instant>,
    pause: Duration,
}

#[derive(Debug, Default)]
struct Known {
    targets: HashMap<LinkName, Target>,
    /// The highest row read.
    last: i64,
}

/// A registered destination.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// The row.
    pub(crate) id: LinkId,
    /// The address, as a `Location`.
    pub(crate) location: HeaderValue,
}

impl Links {
    /// Reads all that there are.
    pub(crate) async fn load(store: Store) -> Result<Self, StoreError> {
        Self::with_pause(store, PAUSE).await
    }

    async fn with_pause(store: Store, pause: Duration) -> Result<Self, StoreError> {
        let known = RwLock::default();
        let links = Self { store, known, looked: Mutex::new(Instant::now()), pause };
        links.read().await?;
        Ok(links)
    }

    /// The destination of a link. One that is not known may have been registered since the last look
    /// and is looked for, at most once in [`PAUSE`] for everybody together.
    ///
    /// # Errors
    /// It is not known, and the database does not answer.
    pub(crate) async fn target(&self, name: LinkName) -> Result<Option<Target>, StoreError> {
        if let Some(target) = self.known(name) {
            return Ok(Some(target));
        }
        self.look(Instant::now()).await?;
        Ok(self.known(name))
    }

    fn known(&self, name: LinkName) -> Option<Target> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).targets.get(&name).cloned()
    }

    /// Sees to it that a look-up that began after `arrived` has ended.
    async fn look(&self, arrived: Instant) -> Result<(), StoreError> {
        let mut looked = self.looked.lock().await;
        if *looked > arrived {
            return Ok(());
        }
        tokio::time::sleep_until(*looked + self.pause).await;
        *looked = Instant::now();
        self.read().await
    }

    async fn read(&self) -> Result<(), StoreError> {
        let last = self.known.read().unwrap_or_else(PoisonError::into_inner).last;
        let rows = self.store.link_after(LinkId(last.saturating_sub(OVERLAP).max(0))).await?;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        for row in rows {
            known.last = known.last.max(row.id.0);
            if let Some(location) = location(&row) {
                known.targets.insert(row.name, Target { id: row.id, location });
            }
        }
        Ok(())
    }
}

/// The row as a `Location`: http or https only, whoever wrote it.
fn location(row: &LinkRow) -> Option<HeaderValue> {
    let url = Url::parse(&row.url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let target = url.and_then(|url| HeaderValue::from_str(url.as_str()).ok());
    if target.is_none() {
        tracing::warn!(link = row.id.0, "a registered link is no http or https address: it goes nowhere");
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
