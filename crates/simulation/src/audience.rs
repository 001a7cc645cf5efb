//! The simulated audience: polls for sent messages and reacts to them over HTTP, through the real
//! tracked links.
//!
//! It only connects to the demo's own server: the base of the links must be a loopback address, and
//! neither other links nor redirects are followed.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use platform::{Kind, Platform};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use reqwest::header::{CONTENT_TYPE, USER_AGENT};
use reqwest::{Client, RequestBuilder};
use serde_json::json;
use store::{Clock, DeliveryId, Millis, OutboxRow, Store};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;
use tracking::SIMULATED_AT;
use url::{Host, Url};

use super::behavior::{self, Action, TimedAction};
use super::tracked_links::TrackedLinks;

/// Interval between two polls of the outbox and the platform.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// Maximum number of messages in one page of the outbox.
const PAGE_SIZE: i64 = 500;
/// Maximum number of concurrent actions.
const MAX_CONCURRENT_ACTIONS: usize = 16;
/// Maximum number of queued actions; while there are more, new messages get no reaction.
const MAX_QUEUED_ACTIONS: usize = 50_000;
/// Timeout of a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Event name and currency of purchases.
const PURCHASE_EVENT: (&str, &str) = ("purchase", "CNY");

/// The services that the simulated audience uses.
#[derive(Debug, Clone)]
pub struct SimulationContext {
    /// The store with the outbox of e-mails.
    pub store: Store,
    /// Base of the tracked links, `http://127.0.0.1:…`. Its API requires no key.
    pub public_url: Url,
    /// The simulated networks with the posts.
    pub platform: Arc<Platform>,
    /// The demo's clock, whose time the hits state.
    pub clock: Clock,
}

impl SimulationContext {
    /// Returns every post of every network: a unique name, and the text with its links.
    fn posts(&self) -> Vec<(String, String)> {
        let posts = Kind::all().flat_map(|kind| self.platform.received(kind));
        let posts = posts.map(|post| {
            let buttons = post.buttons.into_iter().map(|button| button.url);
            let links: Vec<_> = post.links.into_iter().chain(buttons).collect();
            (format!("{}/{}", post.network, post.id), format!("{} {}", post.text, links.join(" ")))
        });
        posts.collect()
    }
}

/// The identity of a message.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum MessageRef {
    Email(DeliveryId),
    Post(String),
}

/// An action that is queued until it is due.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct QueuedAction {
    at: Instant,
    /// The time `at` by the demo's clock, which runs fast; stated by the hit.
    time: Millis,
    number: u64,
    message: MessageRef,
    action: Action,
}

/// Simulates the audience until `stop` is cancelled. The same `seed` gives the same actions on the
/// same messages.
pub async fn simulate(context: SimulationContext, seed: u64, stop: CancellationToken) {
    let client = match http_client(&context.public_url) {
        Ok(client) => client,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "the demo has no audience");
            return;
        }
    };
    let mut audience = SimulatedAudience::new(context, seed);
    let mut polls = interval(POLL_INTERVAL);
    polls.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut running = JoinSet::new();
    loop {
        let next = audience.next_due().filter(|_| running.len() < MAX_CONCURRENT_ACTIONS);
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            _ = polls.tick() => audience.poll().await,
            () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {
                if let Some(Reverse(due)) = audience.queue.pop() {
                    running.spawn(perform(Arc::clone(&audience.context), client.clone(), due));
                }
            }
            Some(_) = running.join_next(), if !running.is_empty() => {}
        }
    }
    running.shutdown().await;
}

/// Returns the HTTP client of the audience; an error unless `base` is a loopback address.
fn http_client(base: &Url) -> anyhow::Result<Client> {
    ensure!(is_loopback(base), "the simulated audience only visits this machine, not {base}");
    let no_redirects = reqwest::redirect::Policy::none();
    let client = Client::builder().no_proxy().redirect(no_redirects).timeout(REQUEST_TIMEOUT);
    client.build().context("create the simulated audience's HTTP client")
}

/// Returns true for an http URL with a loopback IP address. Names are excluded, because they would
/// have to be resolved.
fn is_loopback(base: &Url) -> bool {
    let loopback = match base.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(_)) | None => false,
    };
    loopback && base.scheme() == "http"
}

struct SimulatedAudience {
    context: Arc<SimulationContext>,
    seed: u64,
    seen: HashSet<MessageRef>,
    queue: BinaryHeap<Reverse<QueuedAction>>,
    /// Number of the last queued action; keeps actions with the same time in order.
    number: u64,
}

impl SimulatedAudience {
    fn new(context: SimulationContext, seed: u64) -> Self {
        let (seen, queue) = (HashSet::new(), BinaryHeap::new());
        Self { context: Arc::new(context), seed, seen, queue, number: 0 }
    }

    fn next_due(&self) -> Option<Instant> {
        self.queue.peek().map(|Reverse(due)| due.at)
    }

    /// Finds new messages and queues the actions on them.
    async fn poll(&mut self) {
        for (name, _) in self.context.posts() {
            self.queue_actions(MessageRef::Post(name), behavior::post_actions);
        }
        if let Err(error) = self.poll_outbox().await {
            tracing::debug!(%error, "the simulated audience could not read the outbox");
        }
    }

    /// Reads the whole outbox, because it is ordered by delivery and a low one may be added late.
    async fn poll_outbox(&mut self) -> Result<(), store::StoreError> {
        let mut before = None;
        loop {
            let page = self.context.store.outbox_page(None, before, PAGE_SIZE).await?;
            before = page.last().map(|row| row.delivery_id);
            let is_last = i64::try_from(page.len()).unwrap_or(i64::MAX) < PAGE_SIZE;
            for row in page {
                self.queue_actions(MessageRef::Email(row.delivery_id), behavior::email_actions);
            }
            if is_last {
                return Ok(());
            }
        }
    }

    fn queue_actions(&mut self, message: MessageRef, actions: impl Fn(&mut StdRng) -> Vec<TimedAction>) {
        if self.seen.contains(&message) {
            return;
        }
        let mut rng = StdRng::seed_from_u64(self.seed ^ message.seed());
        let now = Instant::now();
        if self.queue.len() < MAX_QUEUED_ACTIONS {
            for (delay, action) in actions(&mut rng) {
                self.number += 1;
                let time = self.context.clock.millis_after(delay);
                let (number, message) = (self.number, message.clone());
                self.queue.push(Reverse(QueuedAction { at: now + delay, time, number, message, action }));
            }
        }
        self.seen.insert(message);
    }
}

impl MessageRef {
    /// Returns a hash of the message's id (FNV-1a), so that neighbouring messages get different
    /// actions.
    fn seed(&self) -> u64 {
        let bytes = match self {
            Self::Email(id) => id.0.to_be_bytes().to_vec(),
            Self::Post(id) => id.clone().into_bytes(),
        };
        bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        })
    }
}

/// Performs an action. A failure is only logged: people do not retry.
async fn perform(context: Arc<SimulationContext>, client: Client, queued: QueuedAction) {
    let QueuedAction { message, action, time, .. } = queued;
    let sent = match read(&context, &message).await {
        Ok(Some((links, recipient))) => {
            match request(&context, &client, &links, &message, &recipient, action) {
                Some(request) => {
                    let request = request.header(SIMULATED_AT, time.as_millisecond());
                    request.send().await.map(drop).context("send the request")
                }
                None => Ok(()),
            }
        }
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    if let Err(error) = sent {
        tracing::debug!(%error, "a simulated action failed");
    }
}

/// Returns the links and the recipient of a message; the recipient of a post is empty.
async fn read(
    context: &SimulationContext,
    message: &MessageRef,
) -> anyhow::Result<Option<(TrackedLinks, String)>> {
    match message {
        MessageRef::Email(id) => {
            let row: Option<OutboxRow> = context.store.outbox_get(*id).await?;
            Ok(row.map(|row| (TrackedLinks::find(&row.html, &context.public_url), row.recipient)))
        }
        MessageRef::Post(id) => {
            let post = context.posts().into_iter().find(|(name, _)| name == id);
            Ok(post.map(|(_, text)| (TrackedLinks::find(&text, &context.public_url), String::new())))
        }
    }
}

fn request(
    context: &SimulationContext,
    client: &Client,
    links: &TrackedLinks,
    message: &MessageRef,
    recipient: &str,
    action: Action,
) -> Option<RequestBuilder> {
    let link = |nth: usize| links.clicks.get(nth % links.clicks.len().max(1));
    match action {
        Action::Open { agent } => Some(client.get(links.open.as_deref()?).header(USER_AGENT, agent)),
        Action::Click { agent, nth } => Some(client.get(link(nth)?).header(USER_AGENT, agent)),
        Action::Probe { agent } => Some(client.head(link(0)?).header(USER_AGENT, agent)),
        Action::Unsubscribe => {
            let form = "application/x-www-form-urlencoded";
            let request = client.post(links.unsubscribe.as_deref()?).header(CONTENT_TYPE, form);
            Some(request.body("List-Unsubscribe=One-Click"))
        }
        Action::Purchase { cents } => Some(purchase(context, client, message, recipient, cents)),
    }
}

fn purchase(
    context: &SimulationContext,
    client: &Client,
    message: &MessageRef,
    recipient: &str,
    cents: u32,
) -> RequestBuilder {
    // The recipient is `Name <address>` or the address alone.
    let address = recipient.rsplit('<').next().unwrap_or_default().trim_end_matches('>');
    let body = json!({
        "contact": address,
        "event": PURCHASE_EVENT.0,
        "value": format!("{}.{:02}", cents / 100, cents % 100),
        "currency": PURCHASE_EVENT.1,
        "idempotency_key": format!("demo-{:016x}", message.seed()),
    });
    let url = format!("{}/api/v1/events", context.public_url.as_str().trim_end_matches('/'));
    client.post(url).header(CONTENT_TYPE, "application/json").body(body.to_string())
}

#[cfg(test)]
mod tests;
