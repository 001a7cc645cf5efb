//! The HTTP server: one port, one path prefix per network, and the page of posts at `/`.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Path, Query, Request as Incoming, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::connection::{ResetHandle, ResettableListener};
use crate::fault::Ending;
use crate::kind::Kind;
use crate::network::FakeNetwork;
use crate::request::Request;
use crate::response::{half, huge, response, slow};
use crate::server::{FakeServer, Outcome};
use crate::state::{NetworkState, Received};
use crate::{form, page};

/// The largest request body in bytes: Douyin takes pictures of 20 MB.
const MAX_BODY_BYTES: usize = 24 << 20;
/// The time that open connections have to end after the server was stopped.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(1);

/// A function that returns the time in Unix milliseconds.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// A server for all networks on one port of 127.0.0.1, until it is [finished](HttpServer::finish).
#[derive(Debug)]
pub struct HttpServer {
    shared: Shared,
    task: JoinHandle<()>,
}

/// The error that no port was free to listen on.
#[derive(Debug, thiserror::Error)]
#[error("listen on a free port of 127.0.0.1: {0}")]
pub struct StartError(#[from] io::Error);

/// The state that all handlers share.
#[derive(Clone)]
struct Shared {
    address: SocketAddr,
    server: Arc<FakeServer>,
    clock: Clock,
    stop: CancellationToken,
    /// The number of times that held requests were released.
    released: watch::Sender<u64>,
    /// The number of requests held now.
    held: Arc<AtomicUsize>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Shared").field("address", &self.address).finish_non_exhaustive()
    }
}

impl HttpServer {
    /// Listens on a free port of 127.0.0.1. `networks` returns the server side of each network;
    /// `clock` the time by which signatures, tokens and rate limits are checked.
    ///
    /// # Errors
    /// No port is free to listen on.
    pub async fn start(
        networks: fn(Kind) -> &'static dyn FakeNetwork,
        clock: Clock,
    ) -> Result<Self, StartError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let server = Arc::new(FakeServer::new(networks));
        let (released, held) = (watch::Sender::new(0), Arc::default());
        let shared = Shared { address, server, clock, stop: stop.clone(), released, held };
        let service = router(shared.clone()).into_make_service_with_connect_info::<ResetHandle>();
        let serve =
            axum::serve(ResettableListener(listener), service).with_graceful_shutdown(stop.cancelled_owned());
        let task = tokio::spawn(async move {
            if let Err(error) = serve.await {
                tracing::error!(%error, "the platform ended");
            }
        });
        Ok(Self { shared, task })
    }

    /// Returns the URL of the page of posts: `http://127.0.0.1:PORT/`.
    pub fn page(&self) -> String {
        format!("http://{}/", self.shared.address)
    }

    /// Returns the base of a network's URLs, in place of the vendor's origin:
    /// `http://127.0.0.1:PORT/NAME`.
    pub fn base_url(&self, kind: Kind) -> String {
        format!("http://{}/{kind}", self.shared.address)
    }

    /// Locks the state of a network. Requests to it wait until the guard is dropped.
    pub fn state(&self, kind: Kind) -> MutexGuard<'_, NetworkState> {
        self.shared.server.state(kind)
    }

    /// Enables or disables the vendors' published rate limits, which are disabled at first.
    pub fn set_strict_rates(&self, strict: bool) {
        self.shared.server.set_strict_rates(strict);
    }

    /// Returns the number of requests that wait because of [`Fault::Held`](crate::Fault::Held).
    pub fn held(&self) -> usize {
        self.shared.held.load(Ordering::Acquire)
    }

    /// Lets the held requests continue.
    pub fn release(&self) {
        self.shared.released.send_modify(|times| *times += 1);
    }

    /// Stops listening and ends every open connection, hanging ones after a second.
    pub async fn finish(self) {
        self.shared.stop.cancel();
        let abort = self.task.abort_handle();
        if tokio::time::timeout(SHUTDOWN_GRACE, self.task).await.is_err() {
            abort.abort();
        }
    }
}

fn router(shared: Shared) -> Router {
    Router::new()
        .route("/", get(posts))
        .route("/album/{kind}/{id}", get(upload))
        .fallback(handle)
        .with_state(shared)
}

/// Serves the page of posts, of all networks or of the one in the query.
async fn posts(State(shared): State<Shared>, Query(query): Query<Vec<(String, String)>>) -> Response {
    let wanted = query.iter().find(|(key, _)| key == "network").and_then(|(_, name)| name.parse().ok());
    let mut posts: Vec<Received> = Vec::new();
    let mut counts = Vec::new();
    for kind in Kind::all() {
        let state = shared.server.state(kind);
        counts.push((kind, state.received.len()));
        if wanted.is_none_or(|wanted| wanted == kind) {
            posts.extend(state.received.iter().rev().take(page::MAX_POSTS).cloned());
        }
    }
    posts.sort_by_key(|post| std::cmp::Reverse(post.at));
    posts.truncate(page::MAX_POSTS);
    page::posts(&posts, &counts, wanted)
}

/// Serves an uploaded picture, or 404.
async fn upload(State(shared): State<Shared>, Path((kind, id)): Path<(String, String)>) -> Response {
    let Ok(kind) = kind.parse::<Kind>() else { return StatusCode::NOT_FOUND.into_response() };
    let bytes = shared.server.state(kind).upload(&id).map(|upload| upload.bytes.clone());
    page::picture(bytes)
}

/// Handles a request to a network.
async fn handle(
    State(shared): State<Shared>,
    ConnectInfo(connection): ConnectInfo<ResetHandle>,
    incoming: Incoming,
) -> Response {
    let (parts, body) = incoming.into_parts();
    let Some((kind, mut request)) = shared.request(parts) else {
        return (StatusCode::NOT_FOUND, "no network is served here\n").into_response();
    };
    if shared.server.resets_before(kind, &request) {
        connection.reset();
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    match to_bytes(body, MAX_BODY_BYTES).await {
        Ok(body) => request.body = body,
        Err(_) => return StatusCode::PAYLOAD_TOO_LARGE.into_response(),
    }
    let outcome = if shared.server.is_held(kind, &request) {
        // In a separate task, which goes on even if the client disconnects.
        let Ok(outcome) = tokio::spawn(shared.clone().handle_released(kind, request)).await else {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        };
        outcome
    } else {
        shared.server.handle(kind, &request)
    };
    shared.deliver(outcome, &connection).await
}

impl Shared {
    /// Returns the network and the request to it, with an empty body; `None` if the path names no
    /// network.
    fn request(&self, parts: Parts) -> Option<(Kind, Request)> {
        let (name, rest) = parts.uri.path().strip_prefix('/')?.split_once('/')?;
        let kind = name.parse::<Kind>().ok()?;
        let request = Request {
            path: format!("/{rest}"),
            query: form::urlencoded(parts.uri.query().unwrap_or_default().as_bytes()),
            method: parts.method,
            headers: parts.headers,
            body: Bytes::new(),
            at: (self.clock)(),
            base: format!("http://{}/{kind}", self.address),
        };
        Some((kind, request))
    }

    /// Handles a request once it is released, or the server stops.
    async fn handle_released(self, kind: Kind, request: Request) -> Outcome {
        let mut released = self.released.subscribe();
        self.held.fetch_add(1, Ordering::AcqRel);
        tokio::select! {
            _ = released.changed() => {}
            () = self.stop.cancelled() => {}
        }
        let outcome = self.server.handle(kind, &request);
        self.held.fetch_sub(1, Ordering::AcqRel);
        outcome
    }

    /// Returns the response to a request, changed as the outcome's ending requires.
    async fn deliver(&self, outcome: Outcome, connection: &ResetHandle) -> Response {
        let Outcome { reply, ending } = outcome;
        match ending {
            Ending::Whole => response(&reply, Body::from(reply.body.clone()), false),
            Ending::Reset => {
                connection.reset();
                StatusCode::SERVICE_UNAVAILABLE.into_response()
            }
            Ending::Hang => {
                self.stop.cancelled().await;
                connection.reset();
                StatusCode::SERVICE_UNAVAILABLE.into_response()
            }
            // A response without a body to cut does not arrive at all.
            Ending::Cut if reply.body.len() < 2 => {
                connection.reset();
                StatusCode::SERVICE_UNAVAILABLE.into_response()
            }
            Ending::Slow(_) if reply.body.is_empty() => response(&reply, Body::empty(), false),
            Ending::Cut => response(&reply, half(&reply.body), true),
            Ending::Slow(pause) => response(&reply, slow(reply.body.clone(), pause), true),
            Ending::Huge => response(&reply, huge(reply.body.clone()), false),
        }
    }
}
