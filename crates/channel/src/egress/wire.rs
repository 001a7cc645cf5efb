//! One HTTP/1.1 connection, driven by whoever uses it: no task of its own, so that a request costs no hops.

use std::error::Error as _;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use hyper::{Method, Response};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use url::{Position, Url};

use super::exit::Failure;
use crate::network::{Answer, Request};

/// What bytes travel on.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// An open connection.
pub(super) struct Wire {
    sender: SendRequest<Full<Bytes>>,
    /// Does the reading and writing; gone when the connection has ended.
    connection: Option<Pin<Box<dyn Future<Output = hyper::Result<()>> + Send + Sync>>>,
    used: Instant,
}

/// A request as bytes, to be written as often as it takes to find a connection that is open.
pub(super) struct Written {
    request: hyper::Request<Full<Bytes>>,
    length: usize,
}

/// The most of an answer that is read.
const MAX_ANSWER: usize = 1 << 20;

const AGENT: &str = concat!("chorus/", env!("CARGO_PKG_VERSION"));

impl Written {
    /// The request with its credentials only if the place it goes to is `trusted` with them.
    ///
    /// # Errors
    /// Something of the request cannot stand where it should, in words that do not repeat it.
    pub(super) fn new(url: &Url, request: &Request, trusted: bool) -> Result<Self, String> {
        let (media, body) = request.body.encoded();
        let length = body.len();
        let method = Method::from_bytes(request.method.as_bytes()).map_err(|error| error.to_string())?;
        let host = &url[Position::BeforeHost..Position::AfterPort];
        let mut builder = hyper::Request::builder()
            .method(method)
            .uri(&url[Position::BeforePath..Position::AfterQuery])
            .header(HOST, host);
        if let Some(media) = media {
            builder = builder.header(CONTENT_TYPE, media);
        }
        let credentials = request.credentials.iter().filter(|_| trusted);
        for (name, value) in request.headers.iter().chain(credentials) {
            let value =
                HeaderValue::from_str(value).map_err(|_| format!("its header {name} cannot be sent"))?;
            builder = builder.header(*name, value);
        }
        if !request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("user-agent")) {
            builder = builder.header(USER_AGENT, AGENT);
        }
        let request = builder.body(Full::new(Bytes::from(body))).map_err(|error| error.to_string())?;
        Ok(Self { request, length })
    }

    /// The headers it is sent with.
    #[cfg(test)]
    pub(super) fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.request.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes()))
    }

    /// How many bytes its body has.
    pub(super) const fn length(&self) -> usize {
        self.length
    }
}

impl Wire {
    pub(super) async fn open(stream: Box<dyn Stream + Sync>) -> Result<Self, Failure> {
        let opened = http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = opened.map_err(|error| Failure::before(words(&error)))?;
        Ok(Self { sender, connection: Some(Box::pin(connection)), used: Instant::now() })
    }

    /// How long ago it was last used.
    pub(super) fn age(&self) -> Duration {
        self.used.elapsed()
    }

    /// Whether it can be used again.
    pub(super) fn is_open(&self) -> bool {
        self.connection.is_some() && !self.sender.is_closed()
    }

    /// Sends a request and reads the answer.
    pub(super) async fn call(&mut self, written: &Written, now: Timestamp) -> Result<Answer, Failure> {
        let Self { sender, connection, used } = self;
        let ready = drive(connection, sender.ready()).await;
        ready.map_err(|error| Failure::before(words(&error)))?;
        let sent = drive(connection, sender.try_send_request(written.request.clone())).await;
        let response = sent.map_err(|mut error| {
            let nothing_sent = error.take_message().is_some();
            Failure { nothing_sent, answer: words(error.error()) }
        })?;
        let answer = drive(connection, read(response, now)).await;
        *used = Instant::now();
        Ok(answer)
    }
}

/// Waits for `work` while the connection does its reading and writing.
async fn drive<T>(
    connection: &mut Option<Pin<Box<dyn Future<Output = hyper::Result<()>> + Send + Sync>>>,
    work: impl Future<Output = T>,
) -> T {
    let mut work = pin!(work);
    poll_fn(|context| {
        if let Poll::Ready(done) = work.as_mut().poll(context) {
            return Poll::Ready(done);
        }
        if let Some(running) = connection
            && running.as_mut().poll(context).is_ready()
        {
            *connection = None;
        }
        // What the connection just read or noticed.
        work.as_mut().poll(context)
    })
    .await
}

async fn read(response: Response<Incoming>, at: Timestamp) -> Answer {
    let (head, mut body) = response.into_parts();
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value)));
    let status = head.status.as_u16();
    let mut answer = Answer { status, headers: headers.collect(), body: Vec::new(), cut: false, at };
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            answer.cut = true;
            break;
        };
        let Some(data) = frame.data_ref() else { continue };
        let room = MAX_ANSWER - answer.body.len();
        answer.body.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() > room {
            answer.cut = true;
            break;
        }
    }
    answer
}

/// What went wrong, and why.
fn words(error: &hyper::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}
