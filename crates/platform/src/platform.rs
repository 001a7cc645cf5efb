//! The server: where it listens, what tests and the demo ask of it, how answers go out.

use std::fmt::{self, Write as _};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Path, Query, Request as Incoming, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use futures_util::stream;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::answer::Reply;
use crate::ask::Ask;
use crate::fault::Ending;
use crate::room::{Received, Request};
use crate::wire::{Knife, Wires};
use crate::world::{Outcome, World};
use crate::{Fault, Kind, account, form, page};

/// The largest request: Douyin takes pictures of 20 MB.
const LARGEST: usize = 24 << 20;
/// How long an answer's first half has to get out before the connection is cut.
const HALF: Duration = Duration::from_millis(20);

/// Unix milliseconds.
type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// All networks on one port of 127.0.0.1, until they are [finished](Platform::finish).
#[derive(Debug)]
pub struct Platform {
    stage: Stage,
    task: JoinHandle<()>,
}

/// There is no port to listen on.
#[derive(Debug, thiserror::Error)]
#[error("listen on a free port of 127.0.0.1: {0}")]
pub struct StartError(#[from] io::Error);

/// What requests are answered with.
#[derive(Clone)]
struct Stage {
    address: SocketAddr,
    world: Arc<World>,
    clock: Clock,
    stop: CancellationToken,
    /// How often those that are held were let go on.
    released: watch::Sender<u64>,
    /// How many are held.
    held: Arc<AtomicUsize>,
}

impl fmt::Debug for Stage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Stage").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Platform {
    /// Listens on a free port of 127.0.0.1. `clock` says the time in Unix milliseconds: signatures, tokens and
    /// ceilings are judged by it.
    ///
    /// # Errors
    /// There is no port to listen on.
    pub async fn start(clock: Arc<dyn Fn() -> i64 + Send + Sync>) -> Result<Self, StartError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let (world, released, held) = (Arc::new(World::new()), watch::Sender::new(0), Arc::default());
        let stage = Stage { address, world, clock, stop: stop.clone(), released, held };
        let service = router(stage.clone()).into_make_service_with_connect_info::<Knife>();
        let serve = axum::serve(Wires(listener), service).with_graceful_shutdown(stop.cancelled_owned());
        let task = tokio::spawn(async move {
            if let Err(error) = serve.await {
                tracing::error!(%error, "the platform ended");
            }
        });
        Ok(Self { stage, task })
    }

    /// What stands in place of the vendor's origin: `http://127.0.0.1:PORT/NAME`.
    pub fn base_url(&self, kind: Kind) -> String {
        format!("http://{}/{kind}", self.stage.address)
    }

    /// The whole address to post to, where the network's account is an address.
    pub fn hook(&self, kind: Kind) -> Option<String> {
        let (_, path) = account(kind).url?.split_once("://")?.1.split_once('/')?;
        Some(format!("{}/{path}", self.base_url(kind)))
    }

    /// Where people look at the posts.
    pub fn page(&self) -> String {
        format!("http://{}/", self.stage.address)
    }

    /// The posts that `kind` has taken, oldest first: the last thousand.
    pub fn received(&self, kind: Kind) -> Vec<Received> {
        self.stage.world.room(kind).received.iter().cloned().collect()
    }

    /// How many posts `kind` has ever taken.
    pub fn accepted(&self, kind: Kind) -> u64 {
        self.stage.world.room(kind).accepted
    }

    /// The requests that `kind` was asked, taken or refused, oldest first: the last thousand.
    pub fn requests(&self, kind: Kind) -> Vec<Request> {
        self.stage.world.room(kind).requests.iter().cloned().collect()
    }

    /// Lets something go wrong with the next request that would make a post. Several wait in turn.
    pub fn fault(&self, kind: Kind, fault: Fault) {
        self.stage.world.room(kind).faults.push_back((None, fault));
    }

    /// Lets something go wrong with the next request whose path (below the network's prefix) has `part`.
    pub fn fault_on(&self, kind: Kind, part: &str, fault: Fault) {
        self.stage.world.room(kind).faults.push_back((Some(part.to_owned()), fault));
    }

    /// How many requests wait because of [`Fault::Held`].
    pub fn held(&self) -> usize {
        self.stage.held.load(Ordering::Acquire)
    }

    /// Lets them go on.
    pub fn release(&self) {
        self.stage.released.send_modify(|times| *times += 1);
    }

    /// Whether the vendors' published ceilings are enforced, with their own answers. They are not at first.
    pub fn set_strict_rates(&self, strict: bool) {
        self.stage.world.set_strict(strict);
    }

    /// One more host that links may lead to on `kind`, where the network asks for registered ones (Weibo).
    /// 127.0.0.1, localhost and harbour.example with all below it are registered.
    pub fn add_safe_host(&self, kind: Kind, host: &str) {
        self.stage.world.room(kind).safe_hosts.push(host.to_owned());
    }

    /// A complete `[channels.NAME]` table for `chorus.toml`; its secrets are `${…}` of [variables](Self::variables).
    pub fn channel_toml(&self, kind: Kind, name: &str) -> String {
        let mut table =
            format!("[channels.{name}]\nkind = \"{kind}\"\nbase_url = \"{}\"\n", self.base_url(kind));
        for (key, value, hidden) in account(kind).keys() {
            let value = if hidden { format!("${{{}}}", variable(kind, key)) } else { value.to_owned() };
            // Writing to a String cannot fail.
            let _ = writeln!(table, "{key} = \"{value}\"");
        }
        table
    }

    /// Name and value of every environment variable that [`channel_toml`](Self::channel_toml) names, for all
    /// networks.
    pub fn variables() -> Vec<(String, String)> {
        let of = |kind: Kind| {
            let hidden = account(kind).keys().into_iter().filter(|(.., hidden)| *hidden);
            hidden.map(move |(key, value, _)| (variable(kind, key), value.to_owned()))
        };
        Kind::all().flat_map(of).collect()
    }

    /// Stops listening; answers that hang end, too.
    pub async fn finish(self) {
        self.stage.stop.cancel();
        let abort = self.task.abort_handle();
        if tokio::time::timeout(Duration::from_secs(1), self.task).await.is_err() {
            abort.abort();
        }
    }
}

fn variable(kind: Kind, key: &str) -> String {
    format!("PLATFORM_{kind}_{key}").to_ascii_uppercase()
}

fn router(stage: Stage) -> Router {
    Router::new()
        .route("/", get(cards))
        .route("/album/{kind}/{id}", get(album))
        .fallback(play)
        .with_state(stage)
}

async fn cards(State(stage): State<Stage>, Query(query): Query<Vec<(String, String)>>) -> Response {
    let wanted = query.iter().find(|(key, _)| key == "network").and_then(|(_, name)| name.parse().ok());
    let mut posts: Vec<Received> = Vec::new();
    let mut counts = Vec::new();
    for kind in Kind::all() {
        let room = stage.world.room(kind);
        counts.push((kind, room.received.len()));
        if wanted.is_none_or(|wanted| wanted == kind) {
            posts.extend(room.received.iter().rev().take(page::MOST).cloned());
        }
    }
    posts.sort_by_key(|post| std::cmp::Reverse(post.at));
    posts.truncate(page::MOST);
    page::cards(&posts, &counts, wanted)
}

async fn album(State(stage): State<Stage>, Path((kind, id)): Path<(String, String)>) -> Response {
    let Ok(kind) = kind.parse::<Kind>() else { return StatusCode::NOT_FOUND.into_response() };
    let picture = stage.world.room(kind).uploaded(&id).map(|upload| upload.bytes.clone());
    page::picture(picture)
}

async fn play(
    State(stage): State<Stage>,
    ConnectInfo(knife): ConnectInfo<Knife>,
    request: Incoming,
) -> Response {
    let (parts, body) = request.into_parts();
    let Some((kind, mut ask)) = stage.ask(parts) else {
        return (StatusCode::NOT_FOUND, "no network is played here\n").into_response();
    };
    if stage.world.resets_before(kind, &ask) {
        knife.cut();
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    match to_bytes(body, LARGEST).await {
        Ok(body) => ask.body = body,
        Err(_) => return StatusCode::PAYLOAD_TOO_LARGE.into_response(),
    }
    let outcome = if stage.world.is_held(kind, &ask) {
        // In a task of its own: it is not over when those who asked are gone.
        let Ok(outcome) = tokio::spawn(stage.clone().late(kind, ask)).await else {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        };
        outcome
    } else {
        stage.world.answer(kind, &ask)
    };
    stage.sent(outcome, &knife).await
}

impl Stage {
    /// The network that is asked, and what, its body still empty.
    fn ask(&self, parts: Parts) -> Option<(Kind, Ask)> {
        let (name, rest) = parts.uri.path().strip_prefix('/')?.split_once('/')?;
        let kind = name.parse::<Kind>().ok()?;
        let ask = Ask {
            path: format!("/{rest}"),
            query: form::urlencoded(parts.uri.query().unwrap_or_default().as_bytes()),
            method: parts.method,
            headers: parts.headers,
            body: Bytes::new(),
            at: (self.clock)(),
            base: format!("http://{}/{kind}", self.address),
        };
        Some((kind, ask))
    }

    /// The answer to a request that waits until it is released.
    async fn late(self, kind: Kind, ask: Ask) -> Outcome {
        let mut released = self.released.subscribe();
        self.held.fetch_add(1, Ordering::AcqRel);
        tokio::select! {
            _ = released.changed() => {}
            () = self.stop.cancelled() => {}
        }
        let outcome = self.world.answer(kind, &ask);
        self.held.fetch_sub(1, Ordering::AcqRel);
        outcome
    }

    async fn sent(&self, outcome: Outcome, knife: &Knife) -> Response {
        let Outcome { reply, ending } = outcome;
        match ending {
            Ending::Whole => response(&reply, Body::from(reply.body.clone()), false),
            Ending::Reset => {
                knife.cut();
                StatusCode::SERVICE_UNAVAILABLE.into_response()
            }
            Ending::Hang => {
                self.stop.cancelled().await;
                knife.cut();
                StatusCode::SERVICE_UNAVAILABLE.into_response()
            }
            // Where there is no body to cut, the answer does not come.
            Ending::Cut if reply.body.len() < 2 => {
                knife.cut();
                StatusCode::SERVICE_UNAVAILABLE.into_response()
            }
            Ending::Slow(_) if reply.body.is_empty() => response(&reply, Body::empty(), false),
            Ending::Cut => response(&reply, half(&reply.body), true),
            Ending::Slow(pause) => response(&reply, slow(reply.body.clone(), pause), true),
            Ending::Huge => response(&reply, huge(reply.body.clone()), false),
        }
    }
}

/// A reply with this body; with the length of the reply's own where `measured`.
fn response(reply: &Reply, body: Body, measured: bool) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in &reply.headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    if measured {
        response.headers_mut().insert("content-length", HeaderValue::from(reply.body.len()));
    }
    response
}

/// The first half, then an error, upon which the connection is closed.
fn half(body: &Bytes) -> Body {
    let first = body.slice(..body.len() / 2);
    Body::from_stream(stream::unfold(Some(first), |first| async move {
        if let Some(first) = first {
            return Some((Ok(first), None));
        }
        tokio::time::sleep(HALF).await;
        Some((Err(io::Error::from(io::ErrorKind::ConnectionReset)), None))
    }))
}

fn slow(body: Bytes, pause: u64) -> Body {
    Body::from_stream(stream::unfold(body, move |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(pause)).await;
        Some((Ok::<_, io::Error>(rest.split_to(1)), rest))
    }))
}

fn huge(body: Bytes) -> Body {
    Body::from_stream(stream::unfold((body, 1024_u32), |(body, left)| async move {
        let left = left.checked_sub(1)?;
        Some((Ok::<_, io::Error>(body), (Bytes::from_static(&[b' '; 64 << 10]), left)))
    }))
}
