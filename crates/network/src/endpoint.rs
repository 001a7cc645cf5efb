//! The engine of all networks: makes a protocol's requests one after the other through the guarded
//! client, and returns the outcome of the post.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use campaign::Account;
use egress::{Client, Request, RequestError, Response, Settings};
use jiff::Timestamp;
use message::{DeferralScope, Handover, Post, RejectReason, SendOutcome, SenderError};
use tokio::time::Instant;

use crate::access::Access;
use crate::keyword;
use crate::protocol::{LOOK_UP, PriorAnswers, Protocol};
use crate::registry::find;
use crate::verdict::{Verdict, outcome};

/// An account that posts are sent to, shared by its [`Poster`]s.
pub struct Endpoint {
    network: &'static dyn Protocol,
    access: Access,
    client: Client,
    /// Answers that serve many posts, such as sessions and tokens, with their expiry.
    cached: Mutex<BTreeMap<&'static str, (Instant, Response)>>,
    /// Held by the poster that renews a cached answer.
    renewal: tokio::sync::Mutex<()>,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint").field("access", &self.access).finish_non_exhaustive()
    }
}

/// The most requests that one post may take, including repeated status requests.
const MAX_REQUESTS: usize = 60;
/// The longest time that one post may take: an upload, and processing by the network.
const MAX_POST_DURATION: Duration = Duration::from_secs(180);
/// The longest pause between two status requests.
const MAX_POLL_INTERVAL: Duration = Duration::from_secs(10);

/// The outcome of a post that has ended.
type FinalOutcome = SendOutcome;

impl Endpoint {
    /// Opens an account.
    ///
    /// # Errors
    /// A secret is missing, or a URL or setting cannot be used.
    pub fn new(account: &Account, settings: Settings) -> Result<Self, SenderError> {
        let access = Access::new(account)?;
        let kind = account.network.kind;
        let network = find(kind).ok_or_else(|| SenderError(format!("there is no protocol for {kind}")))?;
        // For another origin than the vendor's, the vendor's upload hosts must not receive the
        // credentials.
        let hosts = if access.has_configured_base { &[] } else { account.network.upload_hosts };
        let client = Client::new(&access.base, access.has_configured_base, hosts, settings)
            .map_err(|blocked| SenderError(blocked.to_string()))?;
        network.check_settings(&access).map_err(|error| SenderError(error.to_string()))?;
        Ok(Self { network, access, client, cached: Mutex::default(), renewal: tokio::sync::Mutex::default() })
    }

    /// Returns the account's settings.
    #[must_use]
    pub const fn access(&self) -> &Access {
        &self.access
    }

    /// Returns the host and port of the proxy through which the network is reached, if any.
    #[must_use]
    pub fn proxy(&self) -> Option<String> {
        self.client.proxy_to_origin()
    }

    /// Tests the credentials without posting; `None` if the network has no request for that.
    pub async fn check_access(&self, now: Timestamp) -> Option<Result<(Verdict, Response), RequestError>> {
        let request = self.network.access_check(&self.access, now)?;
        Some(self.exchange(&request, now).await)
    }

    /// Returns every limit with the amount that a post uses, by the limits that the instance
    /// reported lately.
    pub fn budgets(&self, post: &Post) -> Vec<measure::LengthBudget> {
        self.network.budgets(post, &self.prior_answers(post.at).0)
    }

    /// Makes one request and returns its answer with the meaning.
    async fn exchange(&self, request: &Request, now: Timestamp) -> Result<(Verdict, Response), RequestError> {
        let answer = self.client.send(&self.access.absolute_url(&request.target), request, now).await?;
        Ok((self.network.verdict(request, &answer), answer))
    }

    fn cached(&self, name: &str) -> Option<Response> {
        let cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        cached.get(name).filter(|(until, _)| Instant::now() < *until).map(|(_, answer)| answer.clone())
    }

    fn prior_answers(&self, now: Timestamp) -> (PriorAnswers, bool) {
        let mut prior = PriorAnswers::new(now);
        let cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        let valid = cached.iter().filter(|(_, (until, _))| Instant::now() < *until);
        valid.for_each(|(name, (_, answer))| prior.put(name, answer.clone()));
        let has_cached = !prior.is_empty();
        (prior, has_cached)
    }

    fn cache(&self, name: &'static str, lifetime: Duration, answer: &Response) {
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        cached.insert(name, (Instant::now() + lifetime, answer.clone()));
    }

    fn clear_cache(&self) {
        self.cached.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Sends posts to an endpoint, one at a time.
#[derive(Debug)]
pub struct Poster(pub Arc<Endpoint>);

/// One attempt to send a post.
struct PostAttempt<'a> {
    endpoint: &'a Endpoint,
    post: &'a Post,
    prior: PriorAnswers,
    /// True if the answers may come from the cache and be outdated.
    may_be_stale: bool,
    deadline: Instant,
    /// The number of requests that may still be made.
    requests_left: usize,
}

impl Poster {
    /// Sends one post and returns its outcome.
    pub async fn send(&self, post: &Post, now: Timestamp, handover: &mut Handover<'_>) -> SendOutcome {
        let (prior, may_be_stale) = self.0.prior_answers(now);
        let deadline = Instant::now() + MAX_POST_DURATION;
        let mut attempt = PostAttempt {
            endpoint: &self.0,
            post,
            prior,
            may_be_stale,
            deadline,
            requests_left: MAX_REQUESTS,
        };
        if post.possible_duplicate
            && let Some(outcome) = attempt.look_up().await
        {
            return outcome;
        }
        attempt.run(handover).await
    }
}

impl PostAttempt<'_> {
    /// Searches for a post that may have been published already.
    async fn look_up(&mut self) -> Option<SendOutcome> {
        let network = self.endpoint.network;
        while let Some(request) = network.look_up(&self.endpoint.access, self.post, &self.prior) {
            let is_last = request.name == LOOK_UP;
            match self.prepare(&request).await {
                Err(ended) => return Some(ended),
                Ok(None) => {}
                Ok(Some(answer)) if is_last => {
                    let found = network.find_post(&self.endpoint.access, self.post, &answer);
                    return found.map(|verdict| match self.final_outcome(verdict, &answer) {
                        SendOutcome::Unknown { answer } => SendOutcome::Doubtful { answer },
                        ended => ended,
                    });
                }
                Ok(Some(answer)) => self.prior.put(request.name, answer),
            }
        }
        None
    }

    /// Makes request after request until the outcome is known.
    async fn run(&mut self, handover: &mut Handover<'_>) -> SendOutcome {
        let network = self.endpoint.network;
        let mut committed = false;
        loop {
            let request = match network.next(&self.endpoint.access, self.post, &self.prior) {
                Ok(request) => request,
                Err(error) => {
                    let (reason, answer) = (RejectReason::Rejected, error.to_string());
                    return SendOutcome::Rejected { reason, answer };
                }
            };
            if request.publishes {
                if let Some(answer) = keyword::missing_keyword_error(&self.endpoint.access, &request.body) {
                    return SendOutcome::ChannelBlocked { answer };
                }
                if !committed && !(handover.commit)() {
                    return SendOutcome::Withheld;
                }
                committed = true;
                match self.publish(&request).await {
                    Some(outcome) => return outcome,
                    None => continue,
                }
            }
            match self.prepare(&request).await {
                Ok(Some(answer)) => self.prior.put(request.name, answer),
                Ok(None) => {}
                Err(ended) => return ended,
            }
        }
    }

    /// Makes the request that publishes. Returns `None` if access was denied and the attempt starts
    /// again with fresh answers.
    async fn publish(&mut self, request: &Request) -> Option<SendOutcome> {
        self.requests_left = self.requests_left.saturating_sub(1);
        match self.endpoint.exchange(request, self.prior.now()).await {
            Err(error) if error.nothing_sent() => Some(SendOutcome::Down { answer: error.to_string() }),
            Err(error) => Some(SendOutcome::Unknown { answer: error.to_string() }),
            Ok((Verdict::AuthExpired, _)) if self.clear_stale_answers() => None,
            Ok((Verdict::Ready, answer)) if self.requests_left > 0 => {
                self.prior.put(request.name, answer);
                None
            }
            Ok((verdict, answer)) => Some(self.final_outcome(verdict, &answer)),
        }
    }

    /// Makes a request that may be repeated any number of times. Returns `None` if the attempt
    /// starts again with fresh answers.
    async fn prepare(&mut self, request: &Request) -> Result<Option<Response>, FinalOutcome> {
        let endpoint = self.endpoint;
        self.requests_left = self.requests_left.saturating_sub(1);
        let _renewal = match request.cache_for {
            Some(_) => {
                let renewal = endpoint.renewal.lock().await;
                if let Some(answer) = endpoint.cached(request.name).filter(|_| self.requests_left > 0) {
                    return Ok(Some(answer));
                }
                Some(renewal)
            }
            None => None,
        };
        loop {
            if self.requests_left == 0 || Instant::now() > self.deadline {
                let answer = format!("{} takes too long", endpoint.access.network.title);
                return Err(SendOutcome::Deferred {
                    retry_after: None,
                    scope: DeferralScope::Message,
                    answer,
                });
            }
            match endpoint.exchange(request, self.prior.now()).await {
                Err(error) => return Err(SendOutcome::Down { answer: error.to_string() }),
                Ok((Verdict::Ready, answer)) => {
                    if let Some(lifetime) = request.cache_for {
                        endpoint.cache(request.name, lifetime, &answer);
                    }
                    return Ok(Some(answer));
                }
                Ok((Verdict::Wait(wait), _)) => {
                    self.requests_left = self.requests_left.saturating_sub(1);
                    tokio::time::sleep(wait.min(MAX_POLL_INTERVAL)).await;
                }
                Ok((Verdict::AuthExpired, _))
                    if request.cache_for.is_none() && self.clear_stale_answers() =>
                {
                    return Ok(None);
                }
                // Nothing was published, so another attempt is safe.
                Ok((Verdict::Unknown, answer)) => return Err(self.final_outcome(Verdict::Retryable, &answer)),
                Ok((verdict, answer)) => return Err(self.final_outcome(verdict, &answer)),
            }
        }
    }

    /// Clears the cached answers, once per attempt, if they may be the reason for denied access.
    /// Returns true if it did.
    fn clear_stale_answers(&mut self) -> bool {
        let cleared = std::mem::take(&mut self.may_be_stale);
        if cleared {
            self.endpoint.clear_cache();
            self.prior = PriorAnswers::new(self.prior.now());
        }
        cleared
    }

    fn final_outcome(&self, verdict: Verdict, answer: &Response) -> SendOutcome {
        let outcome = outcome(verdict, answer, self.endpoint.access.network.title);
        match (outcome, self.endpoint.access.network.acceptance_caveat) {
            (SendOutcome::Accepted { answer, id, url }, Some(caveat)) => {
                SendOutcome::Accepted { answer: format!("{answer}; {caveat}"), id, url }
            }
            (outcome, _) => outcome,
        }
    }
}
