//! The one engine of all networks: makes the requests that a network asks for, one after the other, over the
//! guarded way out, and says what became of the post.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use campaign::Account;
use egress::{Client, Request, RequestError, Response, Settings};
use jiff::Timestamp;
use message::{Handover, Post, RejectReason, Scope, SendOutcome, SenderError};
use tokio::time::Instant;

use crate::access::Access;
use crate::keyword;
use crate::protocol::{Known, LOOK_UP, Protocol};
use crate::registry::find;
use crate::verdict::{Verdict, outcome};

/// An account that posts go to; shared by its lines.
pub struct Endpoint {
    network: &'static dyn Protocol,
    access: Access,
    client: Client,
    /// Answers that serve many posts, with when they run out: sessions, tokens.
    kept: Mutex<BTreeMap<&'static str, (Instant, Response)>>,
    /// Held by the one line that gets a new one.
    renewal: tokio::sync::Mutex<()>,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint").field("access", &self.access).finish_non_exhaustive()
    }
}

/// The most requests that one post may take, waiting included.
const MOST: usize = 60;
/// The longest that one post may take: an upload, and a network that looks at it before it is shown.
const LONGEST: Duration = Duration::from_secs(180);
/// The longest that is waited between two looks.
const LOOK: Duration = Duration::from_secs(10);

/// Why a post has ended.
type Ended = SendOutcome;

impl Endpoint {
    /// # Errors
    /// A secret is missing, or an address is of no use.
    pub fn new(account: &Account, settings: Settings) -> Result<Self, SenderError> {
        let access = Access::new(account)?;
        let kind = account.network.kind;
        let network = find(kind).ok_or_else(|| SenderError(format!("nobody speaks {kind}")))?;
        // Where a file names another origin, the vendor's hosts are nobody that its credentials are for.
        let hosts = if access.is_own_base { &[] } else { account.network.upload_hosts };
        let client = Client::new(&access.base, access.is_own_base, hosts, settings)
            .map_err(|blocked| SenderError(blocked.to_string()))?;
        network.ready(&access).map_err(|error| SenderError(error.to_string()))?;
        Ok(Self { network, access, client, kept: Mutex::default(), renewal: tokio::sync::Mutex::default() })
    }

    /// Returns the account.
    #[must_use]
    pub const fn access(&self) -> &Access {
        &self.access
    }

    /// Returns the host and port of the proxy that the network is reached through, if it is.
    #[must_use]
    pub fn proxy(&self) -> Option<String> {
        self.client.proxy_to_origin()
    }

    /// Asks the network whether the account can be used, without posting; `None` where it cannot be asked.
    pub async fn examine(&self, now: Timestamp) -> Option<Result<(Verdict, Response), RequestError>> {
        let request = self.network.examine(&self.access, now)?;
        Some(self.ask(&request, now).await)
    }

    /// How much of each limit a post takes, by what the place has told of its own limits lately.
    pub fn budgets(&self, post: &Post) -> Vec<measure::Budget> {
        self.network.budgets(post, &self.known(post.at).0)
    }

    /// Makes one request, whatever it is for, and says what its answer means.
    async fn ask(&self, request: &Request, now: Timestamp) -> Result<(Verdict, Response), RequestError> {
        let answer = self.client.send(&self.access.address(&request.target), request, now).await?;
        Ok((self.network.verdict(request, &answer), answer))
    }

    fn kept(&self, name: &str) -> Option<Response> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(name).filter(|(until, _)| Instant::now() < *until).map(|(_, answer)| answer.clone())
    }

    fn known(&self, now: Timestamp) -> (Known, bool) {
        let mut known = Known::new(now);
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let good = kept.iter().filter(|(_, (until, _))| Instant::now() < *until);
        good.for_each(|(name, (_, answer))| known.put(name, answer.clone()));
        let some = !known.is_empty();
        (known, some)
    }

    fn keep(&self, name: &'static str, until: Duration, answer: &Response) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(name, (Instant::now() + until, answer.clone()));
    }

    fn forget(&self) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// One line of work.
#[derive(Debug)]
pub struct Line(pub Arc<Endpoint>);

/// A post under way.
struct Way<'a> {
    endpoint: &'a Endpoint,
    post: &'a Post,
    known: Known,
    /// Whether what is known may have been kept too long.
    stale: bool,
    until: Instant,
    /// How many requests are left.
    left: usize,
}

impl Line {
    /// Sends one post.
    pub async fn send(&self, post: &Post, now: Timestamp, handover: &mut Handover<'_>) -> SendOutcome {
        let (known, stale) = self.0.known(now);
        let until = Instant::now() + LONGEST;
        let mut way = Way { endpoint: &self.0, post, known, stale, until, left: MOST };
        if post.again
            && let Some(outcome) = way.look_up().await
        {
            return outcome;
        }
        way.go(handover).await
    }
}

impl Way<'_> {
    /// Looks for a post that may be there already.
    async fn look_up(&mut self) -> Option<SendOutcome> {
        let network = self.endpoint.network;
        while let Some(request) = network.look_up(&self.endpoint.access, self.post, &self.known) {
            let is_last = request.name == LOOK_UP;
            match self.prepare(&request).await {
                Err(ended) => return Some(ended),
                Ok(None) => {}
                Ok(Some(answer)) if is_last => {
                    let found = network.found(&self.endpoint.access, self.post, &answer);
                    return found.map(|verdict| match self.ended(verdict, &answer) {
                        SendOutcome::Unknown { answer } => SendOutcome::Doubtful { answer },
                        ended => ended,
                    });
                }
                Ok(Some(answer)) => self.known.put(request.name, answer),
            }
        }
        None
    }

    /// Request after request, until the post has ended.
    async fn go(&mut self, handover: &mut Handover<'_>) -> SendOutcome {
        let network = self.endpoint.network;
        let mut begun = false;
        loop {
            let request = match network.next(&self.endpoint.access, self.post, &self.known) {
                Ok(request) => request,
                Err(error) => {
                    let (reason, answer) = (RejectReason::Rejected, error.to_string());
                    return SendOutcome::Rejected { reason, answer };
                }
            };
            if request.publishes {
                if let Some(answer) = keyword::missing(&self.endpoint.access, &request.body) {
                    return SendOutcome::Barred { answer };
                }
                if !begun && !(handover.commit)() {
                    return SendOutcome::Withheld;
                }
                begun = true;
                match self.publish(&request).await {
                    Some(outcome) => return outcome,
                    None => continue,
                }
            }
            match self.prepare(&request).await {
                Ok(Some(answer)) => self.known.put(request.name, answer),
                Ok(None) => {}
                Err(ended) => return ended,
            }
        }
    }

    /// The request after which the post may be out. None if it was not let in and everything begins anew.
    async fn publish(&mut self, request: &Request) -> Option<SendOutcome> {
        self.left = self.left.saturating_sub(1);
        match self.endpoint.ask(request, self.known.now()).await {
            Err(error) if error.nothing_sent() => Some(SendOutcome::Down { answer: error.to_string() }),
            Err(error) => Some(SendOutcome::Unknown { answer: error.to_string() }),
            Ok((Verdict::AuthExpired, _)) if self.renew() => None,
            Ok((Verdict::Ready, answer)) if self.left > 0 => {
                self.known.put(request.name, answer);
                None
            }
            Ok((verdict, answer)) => Some(self.ended(verdict, &answer)),
        }
    }

    /// A request that may be made any number of times. None if everything begins anew.
    async fn prepare(&mut self, request: &Request) -> Result<Option<Response>, Ended> {
        let endpoint = self.endpoint;
        self.left = self.left.saturating_sub(1);
        let _turn = match request.keep {
            Some(_) => {
                let turn = endpoint.renewal.lock().await;
                if let Some(answer) = endpoint.kept(request.name).filter(|_| self.left > 0) {
                    return Ok(Some(answer));
                }
                Some(turn)
            }
            None => None,
        };
        loop {
            if self.left == 0 || Instant::now() > self.until {
                let answer = format!("{} takes too long", endpoint.access.network.title);
                return Err(SendOutcome::Deferred { retry_after: None, scope: Scope::Message, answer });
            }
            match endpoint.ask(request, self.known.now()).await {
                Err(error) => return Err(SendOutcome::Down { answer: error.to_string() }),
                Ok((Verdict::Ready, answer)) => {
                    if let Some(keep) = request.keep {
                        endpoint.keep(request.name, keep, &answer);
                    }
                    return Ok(Some(answer));
                }
                Ok((Verdict::Wait(wait), _)) => {
                    self.left = self.left.saturating_sub(1);
                    tokio::time::sleep(wait.min(LOOK)).await;
                }
                Ok((Verdict::AuthExpired, _)) if request.keep.is_none() && self.renew() => return Ok(None),
                // Nothing is out: it can be tried again.
                Ok((Verdict::Unknown, answer)) => return Err(self.ended(Verdict::Retryable, &answer)),
                Ok((verdict, answer)) => return Err(self.ended(verdict, &answer)),
            }
        }
    }

    /// Forgets what was kept, if that may be why we were not let in: once.
    fn renew(&mut self) -> bool {
        let renews = std::mem::take(&mut self.stale);
        if renews {
            self.endpoint.forget();
            self.known = Known::new(self.known.now());
        }
        renews
    }

    fn ended(&self, verdict: Verdict, answer: &Response) -> SendOutcome {
        let outcome = outcome(verdict, answer, self.endpoint.access.network.title);
        match (outcome, self.endpoint.access.network.reservation) {
            (SendOutcome::Accepted { answer, id, url }, Some(reservation)) => {
                SendOutcome::Accepted { answer: format!("{answer}; {reservation}"), id, url }
            }
            (outcome, _) => outcome,
        }
    }
}
