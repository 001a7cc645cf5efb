//! The HTTP client of one account: its origin, and the public addresses that the origin names.

use std::error::Error as _;
use std::sync::OnceLock;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Method, Response};
use rustls::pki_types::CertificateDer;
use url::Url;

use super::Barred;
use crate::network::{Answer, Request};

/// A way out to one origin.
pub(crate) struct Exit {
    origin: Url,
    /// Whether names may lead to this machine: the file says `localhost`.
    local: bool,
    roots: Vec<CertificateDer<'static>>,
    timeout: Duration,
    clients: [OnceLock<Result<Client, String>>; 2],
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) struct Failure {
    /// Whether nothing of the request can have arrived.
    pub(crate) nothing_sent: bool,
    /// In words, without addresses and secrets.
    pub(crate) answer: String,
}

/// The most of an answer that is read.
const MAX_ANSWER: usize = 1 << 20;

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
        Ok(Self { origin, local, roots, timeout, clients: [OnceLock::new(), OnceLock::new()] })
    }

    /// Makes a request and reads the answer.
    pub(crate) async fn call(
        &self,
        address: &str,
        request: &Request,
        now: Timestamp,
    ) -> Result<Answer, Failure> {
        let before = |answer: String| Failure { nothing_sent: true, answer };
        let url = Url::parse(address).map_err(|_| before("the address is none".to_owned()))?;
        let client = self.client(&url).map_err(before)?;
        let (media, body) = request.body.encoded();
        let method = Method::from_bytes(request.method.as_bytes()).unwrap_or_default();
        let mut builder = client.request(method, url);
        if let Some(media) = media {
            builder = builder.header(CONTENT_TYPE, media);
        }
        for (name, value) in &request.headers {
            builder = builder.header(*name, value);
        }
        if request.method != "GET" {
            builder = builder.body(body);
        }
        let response = builder.send().await.map_err(failed)?;
        Ok(read(response, now).await)
    }

    /// The client for an address: the origin's own, or one that goes to public addresses only, on the usual ports.
    fn client(&self, url: &Url) -> Result<&Client, String> {
        let is_origin = url.origin() == self.origin.origin();
        if !is_origin {
            super::check_public(url).map_err(|barred| barred.to_string())?;
            if !matches!(url.port_or_known_default(), Some(80 | 443)) {
                return Err("an answer led to a port that is not 80 or 443".to_owned());
            }
        }
        let make = || {
            let secure = !is_origin || self.origin.scheme() == "https";
            super::client(self.local && is_origin, secure, &self.roots, self.timeout)
        };
        self.clients[usize::from(is_origin)].get_or_init(make).as_ref().map_err(Clone::clone)
    }
}

async fn read(mut response: Response, at: Timestamp) -> Answer {
    let status = response.status().as_u16();
    let text = |value: &reqwest::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = response.headers().iter().map(|(name, value)| (name.as_str().to_owned(), text(value)));
    let mut answer = Answer { status, headers: headers.collect(), body: Vec::new(), cut: false, at };
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                let room = MAX_ANSWER - answer.body.len();
                answer.body.extend_from_slice(&chunk[..chunk.len().min(room)]);
                answer.cut = chunk.len() > room;
            }
            Ok(None) => return answer,
            Err(_) => answer.cut = true,
        }
        if answer.cut {
            return answer;
        }
    }
}

/// What went wrong, without the address, which may be a secret.
fn failed(error: reqwest::Error) -> Failure {
    let nothing_sent = error.is_connect() || error.is_builder();
    let error = error.without_url();
    let mut answer = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        answer = format!("{answer}: {error}");
        cause = error.source();
    }
    Failure { nothing_sent, answer }
}
