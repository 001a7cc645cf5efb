//! Whose servers take a domain's mail, where a channel groups its receivers by that. Nobody waits for the DNS: until
//! it has answered, a domain is a receiver by itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use channel::Dns;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// So many questions at once.
const AT_ONCE: usize = 8;
/// So many may wait to be asked; of more, somebody asks again.
const WAITING: usize = 1_000;
/// So many answers are kept; of more, the DNS is asked again.
const KEPT: usize = 50_000;

/// What is known of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Server {
    /// The name of its first mail server, if it has one.
    Known(Option<String>),
    /// The DNS is being asked.
    Asked,
}

/// What the DNS has answered.
#[derive(Debug, Clone)]
pub(crate) struct Servers {
    known: Arc<Mutex<HashMap<String, Option<String>>>>,
    ask: Option<mpsc::Sender<String>>,
}

impl Servers {
    /// Of a channel that takes each domain for itself: nobody is asked.
    pub(crate) fn not_asked() -> Self {
        Self { known: Arc::default(), ask: None }
    }

    /// Asks `dns`, by a task among `tasks`.
    pub(crate) fn asking(dns: Dns, tasks: &mut JoinSet<()>) -> Self {
        let (ask, questions) = mpsc::channel(WAITING);
        let known = Arc::default();
        tasks.spawn(answer(Arc::new(dns), questions, Arc::clone(&known)));
        Self { known, ask: Some(ask) }
    }

    /// The first mail server of a domain.
    pub(crate) fn of(&self, domain: &str) -> Server {
        let Some(ask) = &self.ask else { return Server::Known(None) };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = known.get(domain) {
            // An empty name is a question under way.
            return if server.as_deref() == Some("") { Server::Asked } else { Server::Known(server.clone()) };
        }
        if known.len() >= KEPT {
            known.clear();
        }
        if ask.try_send(domain.to_owned()).is_ok() {
            known.insert(domain.to_owned(), Some(String::new()));
        }
        Server::Asked
    }
}

async fn answer(
    dns: Arc<Dns>,
    mut questions: mpsc::Receiver<String>,
    known: Arc<Mutex<HashMap<String, Option<String>>>>,
) {
    let mut under_way = JoinSet::new();
    while let Some(domain) = questions.recv().await {
        while under_way.len() >= AT_ONCE {
            under_way.join_next().await;
        }
        let (dns, known) = (Arc::clone(&dns), Arc::clone(&known));
        under_way.spawn(async move {
            let servers = dns.mx(&domain).await.unwrap_or_else(|error| {
                tracing::debug!(%error, "a receiver is taken by its domain");
                Vec::new()
            });
            let first = servers.into_iter().next().filter(|server| server != ".");
            known.lock().unwrap_or_else(PoisonError::into_inner).insert(domain, first);
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use channel::Zone;

    use super::*;

    #[tokio::test]
    async fn nobody_waits_for_the_dns_and_it_is_asked_once() {
        let mx = [
            ("pier.example", vec![(20, "alt.google.com"), (10, "aspmx.l.google.com")]),
            ("none.example", vec![(0, ".")]),
        ];
        let mx = mx.map(|(name, servers)| {
            let servers = servers.into_iter().map(|(preference, server)| (preference, server.to_owned()));
            (name.to_owned(), servers.collect())
        });
        let zone = Zone { mx: mx.into(), silent: vec!["silent.example".to_owned()], ..Zone::default() };
        let mut tasks = JoinSet::new();
        let servers = Servers::asking(Dns::Known(zone), &mut tasks);
        for (domain, server) in
            [("pier.example", Some("aspmx.l.google.com")), ("none.example", None), ("silent.example", None)]
        {
            assert_eq!(servers.of(domain), Server::Asked);
            for _ in 0..1_000 {
                if servers.of(domain) != Server::Asked {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            assert_eq!(servers.of(domain), Server::Known(server.map(str::to_owned)));
        }
        assert_eq!(Servers::not_asked().of("pier.example"), Server::Known(None));
    }
}
