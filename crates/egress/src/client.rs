//! The HTTP client of one account: to its origin, and to the public addresses that the origin names. No redirects,
//! no proxy; every address is looked at after it was resolved, right before it is connected to.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use rustls::ClientConfig;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use super::Barred;
use super::wire::{Wire, Written};
use crate::network::{Answer, Request};

/// A way out to one origin.
pub(crate) struct Exit {
    origin: Url,
    /// Whether names may lead to this machine: the file says `localhost`.
    local: bool,
    /// Hosts besides the origin that the account's credentials are for, reached by https.
    trusted_hosts: &'static [&'static str],
    roots: Vec<CertificateDer<'static>>,
    timeout: Duration,
    tls: OnceLock<Result<Arc<ClientConfig>, String>>,
    /// Open connections to the origin that nobody uses, the last used at the end.
    idle: Mutex<Vec<Wire>>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) struct Failure {
    /// Whether nothing of the request can have arrived.
    pub(crate) nothing_sent: bool,
    /// In words, without addresses and secrets.
    pub(crate) answer: String,
}

/// How long a connection may wait for its next use. Servers close idle ones, often after five seconds, and a request
/// that meets the end of its connection may or may not have arrived.
const FRESH: Duration = Duration::from_secs(3);
/// How many connections are kept.
const KEPT: usize = 1_000;
/// What a request may have before it gets more time: a second for every so many bytes.
const SLOWEST: usize = 128 << 10;

impl Exit {
    /// A way out to where `base` is; `own` when the file itself says so, and an inner address is meant.
    ///
    /// # Errors
    /// It may not be gone to.
    pub(crate) fn new(
        base: &str,
        own: bool,
        roots: Vec<CertificateDer<'static>>,
        timeout: Duration,
    ) -> Result<Self, Barred> {
        let origin = Url::parse(base).map_err(|_| Barred::Scheme)?;
        let local = if own { super::check(&origin)? } else { super::check_public(&origin)? };
        let (tls, idle) = (OnceLock::new(), Mutex::default());
        Ok(Self { origin, local, trusted_hosts: &[], roots, timeout, tls, idle })
    }

    /// The same, with hosts besides the origin that get the account's credentials too.
    pub(crate) fn trusting(self, hosts: &'static [&'static str]) -> Self {
        Self { trusted_hosts: hosts, ..self }
    }

    /// Returns true if the account's credentials may go to `url`: its own origin, or a host that the vendor's upload
    /// protocol names. Everywhere else requests go without them.
    fn is_trusted(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        let named = url.scheme() == "https" && url.port().is_none() && self.trusted_hosts.contains(&host);
        url.origin() == self.origin.origin() || named
    }

    /// Makes a request and reads the answer.
    pub(crate) async fn call(
        &self,
        address: &str,
        request: &Request,
        now: Timestamp,
    ) -> Result<Answer, Failure> {
        let url = Url::parse(address).map_err(|_| Failure::before("the address is none"))?;
        let is_origin = url.origin() == self.origin.origin();
        if !is_origin {
            self.check_foreign(&url)?;
        }
        let written = Written::new(&url, request, self.is_trusted(&url)).map_err(Failure::before)?;
        let patience = self.timeout + Duration::from_secs((written.length() / SLOWEST) as u64);
        let until = Instant::now() + patience;
        if let Some(mut wire) = self.fresh().filter(|_| is_origin) {
            match timeout_at(until, wire.call(&written, now)).await {
                Err(_) => return Err(late(false)),
                // It was closed before anything was written: as if it had never been.
                Ok(Err(failure)) if failure.nothing_sent => {}
                Ok(answered) => return self.answered(wire, answered, is_origin),
            }
        }
        let connecting = timeout_at(until, timeout(self.timeout / 2, self.connect(&url, is_origin)));
        let mut wire = match connecting.await {
            Ok(Ok(wire)) => wire?,
            Ok(Err(_)) | Err(_) => return Err(late(true)),
        };
        match timeout_at(until, wire.call(&written, now)).await {
            Err(_) => Err(late(false)),
            Ok(answered) => self.answered(wire, answered, is_origin),
        }
    }

    /// The headers that a request would be sent with.
    #[cfg(test)]
    pub(crate) fn headers_sent(&self, url: &Url, request: &Request) -> Vec<(String, String)> {
        let written = Written::new(url, request, self.is_trusted(url)).unwrap();
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        written.headers().map(|(name, value)| (name.to_owned(), text(value))).collect()
    }

    fn answered(
        &self,
        wire: Wire,
        answered: Result<Answer, Failure>,
        is_origin: bool,
    ) -> Result<Answer, Failure> {
        if is_origin && answered.as_ref().is_ok_and(|answer| !answer.cut) && wire.is_open() {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            if idle.len() < KEPT {
                idle.push(wire);
            }
        }
        answered
    }

    /// A connection that was used a moment ago.
    fn fresh(&self) -> Option<Wire> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let wire = idle.pop()?;
        if wire.age() < FRESH {
            return Some(wire);
        }
        // The others are older.
        idle.clear();
        None
    }

    /// An address that an answer named: public, and on the usual ports.
    fn check_foreign(&self, url: &Url) -> Result<(), Failure> {
        super::check_public(url).map_err(|barred| Failure::before(barred.to_string()))?;
        match url.port_or_known_default() {
            Some(80 | 443) => Ok(()),
            _ => Err(Failure::before("an answer led to a port that is not 80 or 443")),
        }
    }

    async fn connect(&self, url: &Url, is_origin: bool) -> Result<Wire, Failure> {
        let port = url.port_or_known_default().unwrap_or(443);
        let stream = self.stream(url, port, self.local && is_origin).await?;
        let _ = stream.set_nodelay(true);
        if url.scheme() == "http" {
            return Wire::open(Box::new(stream)).await;
        }
        let tls = self.tls.get_or_init(|| super::tls(&self.roots));
        let tls = tls.as_ref().map_err(|error| Failure::before(error.clone()))?;
        let name = match url.host() {
            Some(Host::Domain(name)) => {
                ServerName::try_from(name.to_owned()).map_err(|error| Failure::before(error.to_string()))?
            }
            Some(Host::Ipv4(address)) => ServerName::IpAddress(std::net::IpAddr::V4(address).into()),
            Some(Host::Ipv6(address)) => ServerName::IpAddress(std::net::IpAddr::V6(address).into()),
            None => return Err(Failure::before("the address names no host")),
        };
        let stream = TlsConnector::from(Arc::clone(tls)).connect(name, stream).await;
        Wire::open(Box::new(stream.map_err(|error| Failure::before(format!("TLS: {error}")))?)).await
    }

    async fn stream(&self, url: &Url, port: u16, local: bool) -> Result<TcpStream, Failure> {
        let failed = |error: std::io::Error| Failure::before(format!("no connection: {error}"));
        let name = match url.host() {
            // Literals went through `check`.
            Some(Host::Ipv4(address)) => {
                return TcpStream::connect((address, port)).await.map_err(failed);
            }
            Some(Host::Ipv6(address)) => {
                return TcpStream::connect((address, port)).await.map_err(failed);
            }
            Some(Host::Domain(name)) => name,
            None => return Err(Failure::before("the address names no host")),
        };
        let found = tokio::net::lookup_host((name, port)).await;
        let found: Vec<_> = found.map_err(failed)?.collect();
        let good =
            super::allowed(name, &found, local).map_err(|barred| Failure::before(barred.to_string()))?;
        TcpStream::connect(&*good).await.map_err(failed)
    }
}

impl Failure {
    /// Nothing was sent.
    pub(super) fn before(answer: impl Into<String>) -> Self {
        Self { nothing_sent: true, answer: answer.into() }
    }
}

fn late(nothing_sent: bool) -> Failure {
    let what = if nothing_sent { "no connection in time" } else { "no answer in time" };
    Failure { nothing_sent, answer: what.to_owned() }
}
