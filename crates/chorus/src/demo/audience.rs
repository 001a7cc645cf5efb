//! The simulated audience: watches what was sent and answers it over HTTP, through the real tracked links.
//!
//! It connects to the demo's own server on the loopback address and to nothing else: the base of the links must
//! be a loopback address, links that do not start with it are not followed, and redirects are not either.

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

use crate::output;

use super::habits::{self, Act, Planned};
use super::tracked::Tracked;

/// How often the outbox and the platforms are looked at.
const LOOK: Duration = Duration::from_millis(500);
/// How many messages one look at the outbox reads at once.
const PAGE: i64 = 500;
/// How many people act at the same moment.
const AT_ONCE: usize = 16;
/// How many acts may be ahead; messages beyond that find nobody at home.
const AHEAD: usize = 50_000;
/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the people buy, as campaigns count it, and what they pay in.
const GOAL: (&str, &str) = ("purchase", "CNY");

/// What the audience lives in.
#[derive(Debug, Clone)]
pub(crate) struct World {
    /// Where messages are kept.
    pub(crate) store: Store,
    /// What tracked links start with: `http://127.0.0.1:…`. Its API asks for no key.
    pub(crate) public_url: Url,
    /// Where posts are read.
    pub(crate) platform: Arc<Platform>,
    /// By which its hits say when they happen.
    pub(crate) clock: Clock,
}

impl World {
    /// Every post that any network has taken: a name of its own, and what can be followed in it.
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

/// Which message somebody acts on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Of {
    Mail(DeliveryId),
    Post(String),
}

/// One act to come.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    at: Instant,
    /// The same by the demo's clock, which runs fast: what its hit says.
    time: Millis,
    number: u64,
    of: Of,
    act: Act,
}

/// Lives until it is stopped. The same `seed` does the same to the same messages.
pub(crate) async fn simulate(world: World, seed: u64, stop: CancellationToken) {
    let client = match browser(&world.public_url) {
        Ok(client) => client,
        Err(error) => {
            tracing::error!(error = output::causes(&error), "the demo has no audience");
            return;
        }
    };
    let mut crowd = Crowd::new(world, seed);
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut busy = JoinSet::new();
    loop {
        let next = crowd.next().filter(|_| busy.len() < AT_ONCE);
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            _ = looks.tick() => crowd.look().await,
            () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {
                if let Some(Reverse(due)) = crowd.ahead.pop() {
                    busy.spawn(perform(Arc::clone(&crowd.world), client.clone(), due));
                }
            }
            Some(_) = busy.join_next(), if !busy.is_empty() => {}
        }
    }
    busy.shutdown().await;
}

/// What the people look at things with. Refuses to be made for any other machine than this one.
fn browser(base: &Url) -> anyhow::Result<Client> {
    ensure!(is_loopback(base), "the simulated audience only visits this machine, not {base}");
    let client = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).timeout(PATIENCE);
    client.build().context("make the simulated audience's browser")
}

/// Only an address, so that no name server has a say in it.
fn is_loopback(base: &Url) -> bool {
    let loopback = match base.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(_)) | None => false,
    };
    loopback && base.scheme() == "http"
}

struct Crowd {
    world: Arc<World>,
    seed: u64,
    seen: HashSet<Of>,
    ahead: BinaryHeap<Reverse<Due>>,
    /// Keeps acts of the same instant in order.
    number: u64,
}

impl Crowd {
    fn new(world: World, seed: u64) -> Self {
        let (seen, ahead) = (HashSet::new(), BinaryHeap::new());
        Self { world: Arc::new(world), seed, seen, ahead, number: 0 }
    }

    fn next(&self) -> Option<Instant> {
        self.ahead.peek().map(|Reverse(due)| due.at)
    }

    /// Finds what is new and decides what becomes of it.
    async fn look(&mut self) {
        for (name, _) in self.world.posts() {
            self.meet(Of::Post(name), habits::of_post);
        }
        if let Err(error) = self.look_at_mail().await {
            tracing::debug!(%error, "the simulated audience could not look at its mail");
        }
    }

    /// Reads the whole list: it is ordered by delivery, and a low one may come late.
    async fn look_at_mail(&mut self) -> Result<(), store::StoreError> {
        let mut before = None;
        loop {
            let page = self.world.store.outbox_page(None, before, PAGE).await?;
            before = page.last().map(|row| row.delivery_id);
            let last = i64::try_from(page.len()).unwrap_or(i64::MAX) < PAGE;
            for row in page {
                self.meet(Of::Mail(row.delivery_id), habits::of_mail);
            }
            if last {
                return Ok(());
            }
        }
    }

    fn meet(&mut self, of: Of, habits: impl Fn(&mut StdRng) -> Vec<Planned>) {
        if self.seen.contains(&of) {
            return;
        }
        let mut rng = StdRng::seed_from_u64(self.seed ^ of.seed());
        let now = Instant::now();
        if self.ahead.len() < AHEAD {
            for (after, act) in habits(&mut rng) {
                self.number += 1;
                let time = self.world.clock.millis_after(after);
                let (number, of) = (self.number, of.clone());
                self.ahead.push(Reverse(Due { at: now + after, time, number, of, act }));
            }
        }
        self.seen.insert(of);
    }
}

impl Of {
    /// Spreads what names a message over 64 bits (FNV-1a), so that neighbours do not behave alike.
    fn seed(&self) -> u64 {
        let bytes = match self {
            Self::Mail(id) => id.0.to_be_bytes().to_vec(),
            Self::Post(id) => id.clone().into_bytes(),
        };
        bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        })
    }
}

/// Acts, and does not mind a failure: people do not retry.
async fn perform(world: Arc<World>, client: Client, due: Due) {
    let Due { of, act, time, .. } = due;
    let sent = match read(&world, &of).await {
        Ok(Some((tracked, recipient))) => match request(&world, &client, &tracked, &of, &recipient, act) {
            Some(request) => {
                request.header(SIMULATED_AT, time.as_millisecond()).send().await.map(drop).context("visit")
            }
            None => Ok(()),
        },
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    if let Err(error) = sent {
        tracing::debug!(%error, "somebody simulated gave up");
    }
}

/// The links in a message, and whom it went to.
async fn read(world: &World, of: &Of) -> anyhow::Result<Option<(Tracked, String)>> {
    match of {
        Of::Mail(id) => {
            let row: Option<OutboxRow> = world.store.outbox_get(*id).await?;
            Ok(row.map(|row| (Tracked::find(&row.html, &world.public_url), row.recipient)))
        }
        Of::Post(id) => {
            let post = world.posts().into_iter().find(|(name, _)| name == id);
            Ok(post.map(|(_, text)| (Tracked::find(&text, &world.public_url), String::new())))
        }
    }
}

fn request(
    world: &World,
    client: &Client,
    tracked: &Tracked,
    of: &Of,
    recipient: &str,
    act: Act,
) -> Option<RequestBuilder> {
    let link = |nth: usize| tracked.clicks.get(nth % tracked.clicks.len().max(1));
    match act {
        Act::Open { agent } => Some(client.get(tracked.open.as_deref()?).header(USER_AGENT, agent)),
        Act::Click { agent, nth } => Some(client.get(link(nth)?).header(USER_AGENT, agent)),
        Act::Probe { agent } => Some(client.head(link(0)?).header(USER_AGENT, agent)),
        Act::Leave => {
            let form = "application/x-www-form-urlencoded";
            let request = client.post(tracked.leave.as_deref()?).header(CONTENT_TYPE, form);
            Some(request.body("List-Unsubscribe=One-Click"))
        }
        Act::Buy { cents } => Some(purchase(world, client, of, recipient, cents)),
    }
}

fn purchase(world: &World, client: &Client, of: &Of, recipient: &str, cents: u32) -> RequestBuilder {
    // `Name <address>` or the address alone.
    let address = recipient.rsplit('<').next().unwrap_or_default().trim_end_matches('>');
    let body = json!({
        "contact": address,
        "event": GOAL.0,
        "value": format!("{}.{:02}", cents / 100, cents % 100),
        "currency": GOAL.1,
        "idempotency_key": format!("demo-{:016x}", of.seed()),
    });
    let url = format!("{}/api/v1/events", world.public_url.as_str().trim_end_matches('/'));
    client.post(url).header(CONTENT_TYPE, "application/json").body(body.to_string())
}

#[cfg(test)]
mod tests;
