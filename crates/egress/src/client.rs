//! The HTTP client of one account, for its origin and for public addresses in the origin's
//! responses.
//!
//! It follows no redirects and stores no cookies. Names are resolved by [`GuardedResolver`], which
//! checks every address right before the connection is opened. With a proxy, which resolves names
//! itself, only the names and literal addresses in URLs are checked.

use std::error::Error as _;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use reqwest::{Method, StatusCode, Url};
use rustls::pki_types::CertificateDer;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use crate::proxy::Proxy;
use crate::request::Request;
use crate::resolver::GuardedResolver;
use crate::response::Response;
use crate::ssrf_guard::{BlockedAddress, check_configured_url, check_public_url};
use crate::tls::{TlsError, tls};

/// An HTTP client for one origin.
pub struct Client {
    origin: Url,
    /// Set if the origin's host is `localhost`, which must resolve to a loopback address.
    is_loopback: bool,
    /// Hosts besides the origin that get the account's credentials, over HTTPS only.
    trusted_hosts: &'static [&'static str],
    settings: Settings,
    to_origin: OnceLock<Result<reqwest::Client, ClientError>>,
    to_others: OnceLock<Result<reqwest::Client, ClientError>>,
}

/// Settings that all [`Client`]s share.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Certificate authorities (DER) that are trusted in addition to the machine's own.
    pub roots: Vec<CertificateDer<'static>>,
    /// The timeout of a request; half of it is the timeout for connecting. A request gets one
    /// second more for each 128 KiB of its body.
    pub timeout: Duration,
    /// The proxy for requests to other machines, if there is one.
    pub proxy: Option<Proxy>,
}

/// An error while a client is built.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ClientError {
    /// The machine's certificate authorities cannot be read.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The HTTP library refuses the settings.
    #[error("set up HTTP: {0}")]
    Http(#[source] Arc<reqwest::Error>),
}

/// An error of a request that got no response. Its text holds no URL and no secret of the request.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The address is not a URL.
    #[error("the address is not a URL")]
    BadUrl,
    /// The address is refused.
    #[error(transparent)]
    Blocked(#[from] BlockedAddress),
    /// The address, which a response named, has another port than 80 or 443.
    #[error("an answer led to a port that is not 80 or 443")]
    ForeignPort,
    /// The header of this name holds characters that are not allowed in a header.
    #[error("its header {0} cannot be sent")]
    BadHeader(&'static str),
    /// The method is not a valid HTTP method.
    #[error("its method cannot be sent")]
    BadMethod,
    /// The client could not be built.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// No connection was opened within half of the timeout.
    #[error("no connection in time")]
    ConnectTimeout,
    /// Connecting failed: refused, the name does not exist, or the TLS handshake failed.
    #[error("no connection: {}", causes(.0))]
    Connect(#[source] reqwest::Error),
    /// The proxy cannot be reached, or it opened no connection.
    #[error("the proxy {proxy} gave no connection ({}): look at it, or at `[server] proxy`, HTTPS_PROXY and NO_PROXY", causes(.error))]
    Proxy {
        /// The proxy's host and port.
        proxy: String,
        /// The HTTP library's error.
        #[source]
        error: reqwest::Error,
    },
    /// The proxy requires a user and a password, or refuses the given ones. Holds the proxy's host
    /// and port.
    #[error("the proxy {0} wants a user and a password: write them into `[server] proxy` or HTTPS_PROXY")]
    ProxyDenied(String),
    /// The connection was closed before any part of the request was written.
    #[error("the connection was closed: {}", causes(.0))]
    Unsent(#[source] reqwest::Error),
    /// The response did not come within the timeout; the request may have arrived.
    #[error("no answer in time")]
    ResponseTimeout,
    /// The connection broke after a part of the request was written; the request may have arrived.
    #[error("{}", causes(.0))]
    Broken(#[source] reqwest::Error),
}

/// The time after which an idle connection is closed. Servers close theirs, often after five
/// seconds, and a request on a connection that the server is closing may or may not have arrived.
const IDLE_TIMEOUT: Duration = Duration::from_secs(3);
/// The maximum number of idle connections to a host.
const MAX_IDLE_CONNECTIONS: usize = 1_000;
/// The number of bytes of a body that extend a request's timeout by one second.
const BYTES_PER_EXTRA_SECOND: usize = 128 << 10;
/// The maximum size of a response's body, in bytes; the rest is not read.
const MAX_BODY: usize = 1 << 20;

/// The value of the `User-Agent` header, unless a request has its own.
const AGENT: &str = concat!("chorus/", env!("CARGO_PKG_VERSION"));

impl Client {
    /// Returns a client for the origin of `base`. Opens no connection. `is_configured` is set if a
    /// configuration file holds `base`, which may then be an internal address. `trusted_hosts` get
    /// the account's credentials, too.
    ///
    /// # Errors
    /// `base` is not a URL, or its address is refused.
    pub fn new(
        base: &str,
        is_configured: bool,
        trusted_hosts: &'static [&'static str],
        settings: Settings,
    ) -> Result<Self, BlockedAddress> {
        let origin = Url::parse(base).map_err(|_| BlockedAddress::Scheme)?;
        let is_loopback =
            if is_configured { check_configured_url(&origin)? } else { check_public_url(&origin)? };
        let (to_origin, to_others) = (OnceLock::new(), OnceLock::new());
        Ok(Self { origin, is_loopback, trusted_hosts, settings, to_origin, to_others })
    }

    /// Sends a request to the URL `address` and reads the response, with at most 1 MiB of its body.
    /// The response's time is `now`.
    ///
    /// # Errors
    /// See [`RequestError`]; [`RequestError::nothing_sent`] distinguishes the errors after which
    /// the request may have arrived.
    pub async fn send(
        &self,
        address: &str,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response, RequestError> {
        let span =
            tracing::debug_span!("http_request", method = request.method, host = Empty, status = Empty);
        let result = self.exchange(address, request, now).instrument(span.clone()).await;
        let status = result.as_ref().ok().map(|response| response.status);
        span.record("status", status);
        telemetry::record_http_response(status);
        result
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
        let response = sent.map_err(|error| RequestError::from_library(error, proxy))?;
        match proxy {
            // Only a proxy answers with this status, and has not forwarded the request (RFC 9110
            // §15.5.8).
            Some(proxy) if response.status() == StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                Err(RequestError::ProxyDenied(proxy.host_and_port()))
            }
            _ => Ok(read_response(response, now).await),
        }
    }

    /// Returns the host and port of the proxy for requests to the origin, if they go through one.
    #[must_use]
    pub fn proxy_to_origin(&self) -> Option<String> {
        self.proxy_of(&self.origin, true).map(Proxy::host_and_port)
    }

    /// Returns the proxy for requests to `url`, if they go through one.
    fn proxy_of(&self, url: &Url, is_origin: bool) -> Option<&Proxy> {
        let proxy = self.settings.proxy.as_ref().filter(|_| !(self.is_loopback && is_origin));
        proxy.filter(|proxy| proxy.applies_to(url))
    }

    /// Returns the headers, as names and values, of `request` when it is sent to `url`, without
    /// those that the HTTP library adds.
    ///
    /// # Errors
    /// The method or a header is invalid.
    pub fn headers_sent(&self, url: &Url, request: &Request) -> Result<Vec<(String, String)>, RequestError> {
        Ok(header_pairs(self.encoded(url.clone(), request)?.headers()))
    }

    fn client(&self, is_origin: bool) -> Result<&reqwest::Client, ClientError> {
        let slot = if is_origin { &self.to_origin } else { &self.to_others };
        let built = slot.get_or_init(|| self.settings.client(self.is_loopback && is_origin));
        built.as_ref().map_err(Clone::clone)
    }

    /// Returns true if the account's credentials may be sent to `url`: to its own origin, or to one
    /// of the `trusted_hosts`.
    fn is_trusted(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        let named = url.scheme() == "https" && url.port().is_none() && self.trusted_hosts.contains(&host);
        url.origin() == self.origin.origin() || named
    }

    /// Returns the request for the HTTP library, with credentials only if `url` is trusted.
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
    /// Returns a client of the HTTP library whose names must resolve to public addresses, or to
    /// loopback addresses if `is_loopback` is set.
    fn client(&self, is_loopback: bool) -> Result<reqwest::Client, ClientError> {
        let mut config = tls(&self.roots)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let resolver = GuardedResolver { is_loopback, proxy: self.proxy.as_ref().and_then(Proxy::host_name) };
        let builder = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .dns_resolver(resolver)
            .tls_backend_preconfigured(config)
            .connect_timeout(self.timeout / 2)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS);
        let builder = match &self.proxy {
            Some(proxy) if !is_loopback => builder.proxy(proxy.to_library()?),
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
    /// Converts the HTTP library's error of a request that went through `proxy`, if there is one.
    fn from_library(error: reqwest::Error, proxy: Option<&Proxy>) -> Self {
        let error = error.without_url();
        if error.is_connect() {
            return match (blocked(&error), proxy) {
                (Some(blocked), _) => Self::Blocked(blocked),
                (None, Some(proxy)) if causes(&error).contains("proxy authorization required") => {
                    Self::ProxyDenied(proxy.host_and_port())
                }
                (None, Some(proxy)) => Self::Proxy { proxy: proxy.host_and_port(), error },
                (None, None) if error.is_timeout() => Self::ConnectTimeout,
                (None, None) => Self::Connect(error),
            };
        }
        if error.is_timeout() {
            return Self::ResponseTimeout;
        }
        if error.is_builder() || is_canceled(&error) { Self::Unsent(error) } else { Self::Broken(error) }
    }

    /// Returns true if no part of the request can have arrived.
    #[must_use]
    pub const fn nothing_sent(&self) -> bool {
        !matches!(self, Self::ResponseTimeout | Self::Broken(_))
    }
}

/// Checks a URL from a response: its address must be public, and its port 80 or 443.
fn check_foreign(url: &Url) -> Result<(), RequestError> {
    check_public_url(url)?;
    match url.port_or_known_default() {
        Some(80 | 443) => Ok(()),
        _ => Err(RequestError::ForeignPort),
    }
}

/// Returns the first error of type `T` in the chain of causes.
fn find_cause<T: std::error::Error + 'static>(error: &reqwest::Error) -> Option<&T> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

/// Returns the resolver's refusal, if it is the cause.
fn blocked(error: &reqwest::Error) -> Option<BlockedAddress> {
    find_cause::<BlockedAddress>(error).cloned()
}

/// Returns true if the cause is hyper's `Canceled`: the request was not sent.
fn is_canceled(error: &reqwest::Error) -> bool {
    find_cause::<hyper::Error>(error).is_some_and(hyper::Error::is_canceled)
}

/// Joins the texts of an error's causes. The text of the error itself, which has no detail, is left
/// out unless there are no causes.
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

/// Returns headers as pairs of a lowercase name and a value.
fn header_pairs(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect()
}

/// Reads a response with at most [`MAX_BODY`] bytes of its body.
async fn read_response(mut response: reqwest::Response, at: Timestamp) -> Response {
    let (status, headers) = (response.status().as_u16(), header_pairs(response.headers()));
    let mut whole = Response { status, headers, body: Vec::new(), truncated: false, at };
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
    whole.truncated = true;
    whole
}
