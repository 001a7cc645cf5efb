//! The lookup of the mail servers (MX) of domains, where a channel groups its receivers by them. No
//! message waits for the DNS: until it has answered, a domain is its own receiver.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use channel::Dns;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// The number of queries that run at the same time.
const MAX_CONCURRENT_QUERIES: usize = 8;
/// The number of domains that can wait for their query; further ones are queued when they are
/// needed again.
const MAX_QUEUED_QUERIES: usize = 1_000;
/// The number of domains at which the cache is emptied, so that the DNS is queried again.
const MAX_CACHED_DOMAINS: usize = 50_000;

/// The state of the lookup of one domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MxState {
    /// The DNS has answered; the name of the first mail server, if there is one.
    Known(Option<String>),
    /// The DNS has not answered yet.
    Pending,
}

/// The lookup of mail servers, with a cache of the answers. A clone shares the cache.
#[derive(Debug, Clone)]
pub(crate) struct MxLookup {
    cache: Arc<Mutex<HashMap<String, Option<String>>>>,
    queries: Option<mpsc::Sender<String>>,
}

impl MxLookup {
    /// Makes a lookup that queries nothing, for a channel that treats each domain as a receiver.
    pub(crate) fn disabled() -> Self {
        Self { cache: Arc::default(), queries: None }
    }

    /// Makes a lookup that queries `dns` in a task of `tasks`.
    pub(crate) fn start(dns: Dns, tasks: &mut JoinSet<()>) -> Self {
        let (queries, queue) = mpsc::channel(MAX_QUEUED_QUERIES);
        let cache = Arc::default();
        tasks.spawn(run_queries(Arc::new(dns), queue, Arc::clone(&cache)));
        Self { cache, queries: Some(queries) }
    }

    /// Returns the first mail server of a domain, and queues a query where it is not known.
    pub(crate) fn of(&self, domain: &str) -> MxState {
        let Some(queries) = &self.queries else { return MxState::Known(None) };
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = cache.get(domain) {
            // An empty name marks a query under way.
            return if server.as_deref() == Some("") {
                MxState::Pending
            } else {
                MxState::Known(server.clone())
            };
        }
        if cache.len() >= MAX_CACHED_DOMAINS {
            cache.clear();
        }
        if queries.try_send(domain.to_owned()).is_ok() {
            cache.insert(domain.to_owned(), Some(String::new()));
        }
        MxState::Pending
    }
}

/// Runs the queued queries and puts their answers into the cache.
async fn run_queries(
    dns: Arc<Dns>,
    mut queue: mpsc::Receiver<String>,
    cache: Arc<Mutex<HashMap<String, Option<String>>>>,
) {
    let mut under_way = JoinSet::new();
    while let Some(domain) = queue.recv().await {
        while under_way.len() >= MAX_CONCURRENT_QUERIES {
            under_way.join_next().await;
        }
        let (dns, cache) = (Arc::clone(&dns), Arc::clone(&cache));
        under_way.spawn(async move {
            let servers = dns.mx(&domain).await.unwrap_or_else(|error| {
                tracing::debug!(%error, "no mail server found: the domain is its own receiver");
                Vec::new()
            });
            let first = servers.into_iter().next().filter(|server| server != ".");
            cache.lock().unwrap_or_else(PoisonError::into_inner).insert(domain, first);
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use channel::Zone;

    use super::*;

    #[tokio::test]
    async fn a_lookup_does_not_wait_for_the_dns_and_queries_it_once() {
        let mx = [
            ("pier.example", vec![(20, "alt.google.com"), (10, "aspmx.l.google.com")]),
            ("none.example", vec![(0, ".")]),
        ];
        let mx = mx.map(|(name, servers)| {
            let servers = servers.into_iter().map(|(preference, server)| (preference, server.to_owned()));
            (name.to_owned(), servers.collect())
        });
        let zone = Zone { mx: mx.into(), unresponsive: vec!["silent.example".to_owned()], ..Zone::default() };
        let mut tasks = JoinSet::new();
        let servers = MxLookup::start(Dns::Fixed(zone), &mut tasks);
        for (domain, server) in
            [("pier.example", Some("aspmx.l.google.com")), ("none.example", None), ("silent.example", None)]
        {
            assert_eq!(servers.of(domain), MxState::Pending);
            for _ in 0..1_000 {
                if servers.of(domain) != MxState::Pending {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            assert_eq!(servers.of(domain), MxState::Known(server.map(str::to_owned)));
        }
        assert_eq!(MxLookup::disabled().of("pier.example"), MxState::Known(None));
    }
}
