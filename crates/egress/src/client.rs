//! The HTTP client of one account: to its origin, and to public addresses that the origin names.
//!
//! It follows no redirect and keeps no cookie. Names are resolved by [`GuardedResolver`], so that
//! every address is checked right before it is dialled. Behind a proxy only the names and literal
//! addresses of URLs are checked: the proxy resolves them.

use std::error::Error as _;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use reqwest::{Method, StatusCode, Url};
use rustls::pki_types::CertificateDer;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use crate::guard::{BlockedAddress, check, check_public};
use crate::proxy::Proxy;
use crate::request::Request;
use crate::resolver::GuardedResolver;
use crate::response::Response;
use crate::tls::{TlsError, tls};

/// Client for one origin.
pub struct Client {
    origin: Url,
    /// Set if names may lead to this machine: the file says `localhost`.
    is_loopback: bool,
    /// Hosts besides the origin that get the account's credentials, reached by https.
    trusted_hosts: &'static [&'static str],
    settings: Settings,
    to_origin: OnceLock<Result<reqwest::Client, ClientError>>,
    to_others: OnceLock<Result<reqwest::Client, ClientError>>,
}

/// Settings of every [`Client`].
#[derive(Debug, Clone)]
pub struct Settings {
    /// Certificate authorities (DER) that are trusted besides the machine's own.
    pub roots: Vec<CertificateDer<'static>>,
    /// The longest time for one request; half of it for the connection. Large bodies get more.
    pub timeout: Duration,
    /// The proxy that requests go through, if there is one.
    pub proxy: Option<Proxy>,
}

/// Reason for which a client cannot be built.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ClientError {
    /// The machine's certificate authorities cannot be read.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The HTTP library refuses the settings.
    #[error("set up HTTP: {0}")]
    Http(#[source] Arc<reqwest::Error>),
}

/// Reason for which a request got no response. No text holds an address or a secret of the request.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The address is no URL.
    #[error("the address is none")]
    BadUrl,
    /// The address may not be reached.
    #[error(transparent)]
    Blocked(#[from] BlockedAddress),
    /// A response named an address on a port that is not for the web.
    #[error("an answer led to a port that is not 80 or 443")]
    ForeignPort,
    /// A header holds characters that no header can hold.
    #[error("its header {0} cannot be sent")]
    BadHeader(&'static str),
    /// The method is none of HTTP.
    #[error("its method cannot be sent")]
    BadMethod,
    /// No client could be built.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// No connection within half of the timeout.
    #[error("no connection in time")]
    ConnectTimeout,
    /// No connection: refused, no such name, TLS failed.
    #[error("no connection: {}", causes(.0))]
    Connect(#[source] reqwest::Error),
    /// The proxy gave no connection, or it cannot be reached.
    #[error("the proxy {proxy} gave no connection ({}): look at it, or at `[server] proxy`, HTTPS_PROXY and NO_PROXY", causes(.error))]
    Proxy {
        /// Its host and port.
        proxy: String,
        /// The library's error.
        #[source]
        error: reqwest::Error,
    },
    /// The proxy wants a user and a password, or others.
    #[error("the proxy {0} wants a user and a password: write them into `[server] proxy` or HTTPS_PROXY")]
    ProxyDenied(String),
    /// The connection was closed before anything of the request was written.
    #[error("the connection was closed: {}", causes(.0))]
    Unsent(#[source] reqwest::Error),
    /// No response in time; the request may have arrived.
    #[error("no answer in time")]
    ResponseTimeout,
    /// The connection broke after something was written; the request may have arrived.
    #[error("{}", causes(.0))]
    Broken(#[source] reqwest::Error),
}

/// The longest time for which an unused connection is kept. Servers close idle ones, often after
/// five seconds, and a request that meets the end of its connection may or may not have arrived.
const MAX_IDLE: Duration = Duration::from_secs(3);
/// The most unused connections that are kept.
const MAX_IDLE_CONNECTIONS: usize = 1_000;
/// Bytes of a body for which a request gets one second more.
const BYTES_PER_EXTRA_SECOND: usize = 128 << 10;
/// The most bytes of a response's body that are read.
const MAX_BODY: usize = 1 << 20;

const AGENT: &str = concat!("chorus/", env!("CARGO_PKG_VERSION"));

impl Client {
    /// Returns a client for the origin of `base`. `own` is set if the file itself names it, so that
    /// an inner address is meant. `trusted_hosts` get the account's credentials, too. Opens nothing.
    ///
    /// # Errors
    /// `base` is no URL, or may not be reached.
    pub fn new(
        base: &str,
        own: bool,
        trusted_hosts: &'static [&'static str],
        settings: Settings,
    ) -> Result<Self, BlockedAddress> {
        let origin = Url::parse(base).map_err(|_| BlockedAddress::Scheme)?;
        let is_loopback = if own { check(&origin)? } else { check_public(&origin)? };
        let (to_origin, to_others) = (OnceLock::new(), OnceLock::new());
        Ok(Self { origin, is_loopback, trusted_hosts, settings, to_origin, to_others })
    }

    /// Sends a request and reads the response, the body up to 1 MiB. `now` dates the response.
    ///
    /// # Errors
    /// See [`RequestError`]; [`RequestError::nothing_sent`] says if the request may have arrived.
    pub async fn send(
        &self,
        address: &str,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response, RequestError> {
        let span =
            tracing::debug_span!("http_request", method = request.method, host = Empty, status = Empty);
        let answered = self.exchange(address, request, now).instrument(span.clone()).await;
        let status = answered.as_ref().ok().map(|response| response.status);
        span.record("status", status);
        telemetry::http_answered(status);
        answered
    }

    async fn exchange(
        &self,
        address: &str,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response, RequestError> {
        let url = Url::parse(address).map_err(|_| RequestError::BadUrl)?;
        Span::current().record("host", url.host_str());
        let is_origin = url.origin() == self.origin.origin();
        if !is_origin {
            check_foreign(&url)?;
        }
        let client = self.client(is_origin)?;
        let proxy = self.proxy_of(&url, is_origin);
        let sent = client.execute(self.encoded(url, request)?).await;
        let response = sent.map_err(|error| RequestError::of(error, proxy))?;
        match proxy {
            // Only a proxy answers this, and it has not passed the request on (RFC 9110 §15.5.8).
            Some(proxy) if response.status() == StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                Err(RequestError::ProxyDenied(proxy.shown()))
            }
            _ => Ok(read(response, now).await),
        }
    }

    /// Returns the host and port of the proxy that requests to the origin go through, if they do.
    #[must_use]
    pub fn proxy_to_origin(&self) -> Option<String> {
        self.proxy_of(&self.origin, true).map(Proxy::shown)
    }

    /// Returns the proxy that requests for `url` go through.
    fn proxy_of(&self, url: &Url, is_origin: bool) -> Option<&Proxy> {
        let proxy = self.settings.proxy.as_ref().filter(|_| !(self.is_loopback && is_origin));
        proxy.filter(|proxy| proxy.takes(url))
    }

    /// Returns the headers with which `request` would be sent to `url`, without those that the HTTP
    /// library adds.
    ///
    /// # Errors
    /// Something of the request cannot be sent.
    pub fn headers_sent(&self, url: &Url, request: &Request) -> Result<Vec<(String, String)>, RequestError> {
        Ok(pairs(self.encoded(url.clone(), request)?.headers()))
    }

    fn client(&self, is_origin: bool) -> Result<&reqwest::Client, ClientError> {
        let slot = if is_origin { &self.to_origin } else { &self.to_others };
        let built = slot.get_or_init(|| self.settings.client(self.is_loopback && is_origin));
        built.as_ref().map_err(Clone::clone)
    }

    /// Returns true if the account's credentials may go to `url`: its own origin, or a host that the
    /// vendor's upload protocol names.
    fn is_trusted(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        let named = url.scheme() == "https" && url.port().is_none() && self.trusted_hosts.contains(&host);
        url.origin() == self.origin.origin() || named
    }

    /// Returns the request as the library sends it, with its credentials only where they may go.
    fn encoded(&self, url: Url, request: &Request) -> Result<reqwest::Request, RequestError> {
        let (media, body) = request.body.encoded();
        let trusted = self.is_trusted(&url);
        let method = Method::from_bytes(request.method.as_bytes()).map_err(|_| RequestError::BadMethod)?;
        let extra = Duration::from_secs((body.len() / BYTES_PER_EXTRA_SECOND) as u64);
        let mut encoded = reqwest::Request::new(method, url);
        *encoded.timeout_mut() = Some(self.settings.timeout + extra);
        if request.method != "GET" || !body.is_empty() {
            *encoded.body_mut() = Some(body.into());
        }
        let headers = encoded.headers_mut();
        let value = |name: &'static str, text: &str| {
            HeaderValue::from_str(text).map_err(|_| RequestError::BadHeader(name))
        };
        if let Some(media) = media {
            headers.insert(CONTENT_TYPE, value("content-type", &media)?);
        }
        let credentials = request.credentials.iter().filter(|_| trusted);
        for (name, text) in request.headers.iter().chain(credentials) {
            let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| RequestError::BadHeader(name))?;
            headers.append(key, value(name, text)?);
        }
        if !headers.contains_key(USER_AGENT) {
            headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        }
        Ok(encoded)
    }
}

impl Settings {
    /// Returns a library client whose names may lead to public addresses, or to this machine.
    fn client(&self, is_loopback: bool) -> Result<reqwest::Client, ClientError> {
        let mut config = tls(&self.roots)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let resolver = GuardedResolver { is_loopback, proxy: self.proxy.as_ref().and_then(Proxy::host) };
        let builder = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .dns_resolver(resolver)
            .tls_backend_preconfigured(config)
            .connect_timeout(self.timeout / 2)
            .pool_idle_timeout(MAX_IDLE)
            .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS);
        let builder = match &self.proxy {
            Some(proxy) if !is_loopback => builder.proxy(proxy.rule()?),
            _ => builder,
        };
        Ok(builder.build()?)
    }
}

impl From<reqwest::Error> for ClientError {
    fn from(error: reqwest::Error) -> Self {
        Self::Http(Arc::new(error.without_url()))
    }
}

impl RequestError {
    /// The error of a request that went through `proxy`.
    fn of(error: reqwest::Error, proxy: Option<&Proxy>) -> Self {
        let error = error.without_url();
        if error.is_connect() {
            return match (blocked(&error), proxy) {
                (Some(blocked), _) => Self::Blocked(blocked),
                (None, Some(proxy)) if causes(&error).contains("proxy authorization required") => {
                    Self::ProxyDenied(proxy.shown())
                }
                (None, Some(proxy)) => Self::Proxy { proxy: proxy.shown(), error },
                (None, None) if error.is_timeout() => Self::ConnectTimeout,
                (None, None) => Self::Connect(error),
            };
        }
        if error.is_timeout() {
            return Self::ResponseTimeout;
        }
        if error.is_builder() || is_canceled(&error) { Self::Unsent(error) } else { Self::Broken(error) }
    }

    /// Returns true if nothing of the request can have arrived.
    #[must_use]
    pub const fn nothing_sent(&self) -> bool {
        !matches!(self, Self::ResponseTimeout | Self::Broken(_))
    }
}

/// Checks an address that a response named: public, and on the usual ports.
fn check_foreign(url: &Url) -> Result<(), RequestError> {
    check_public(url)?;
    match url.port_or_known_default() {
        Some(80 | 443) => Ok(()),
        _ => Err(RequestError::ForeignPort),
    }
}

/// Returns the first cause of an error that is a `T`.
fn find<T: std::error::Error + 'static>(error: &reqwest::Error) -> Option<&T> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

/// Returns the address that the resolver refused, if that is the cause.
fn blocked(error: &reqwest::Error) -> Option<BlockedAddress> {
    find::<BlockedAddress>(error).cloned()
}

/// Returns true if the library gave the request back unsent: hyper's `Canceled`.
fn is_canceled(error: &reqwest::Error) -> bool {
    find::<hyper::Error>(error).is_some_and(hyper::Error::is_canceled)
}

/// Joins the causes of an error below the library's own line, which says nothing.
fn causes(error: &reqwest::Error) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !texts.iter().any(|before| before.contains(&text)) {
            texts.push(text);
        }
        cause = error.source();
    }
    if texts.is_empty() { error.to_string() } else { texts.join(": ") }
}

/// Returns headers as pairs of name, in small letters, and value.
fn pairs(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect()
}

async fn read(mut response: reqwest::Response, at: Timestamp) -> Response {
    let (status, headers) = (response.status().as_u16(), pairs(response.headers()));
    let mut whole = Response { status, headers, body: Vec::new(), cut: false, at };
    loop {
        match response.chunk().await {
            Ok(None) => return whole,
            Err(_) => break,
            Ok(Some(data)) => {
                let room = MAX_BODY - whole.body.len();
                whole.body.extend_from_slice(&data[..data.len().min(room)]);
                if data.len() > room {
                    break;
                }
            }
        }
    }
    whole.cut = true;
    whole
}
