//! All networks of one server: which fault applies, which limit is reached, and what the reply is.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::fault::{Ending, Fault, VendorError};
use crate::kind::Kind;
use crate::network::FakeNetwork;
use crate::rate_limit;
use crate::reply::Reply;
use crate::request::Request;
use crate::state::{LoggedRequest, NetworkState};

/// The networks and their states, without HTTP.
#[derive(Debug)]
pub(crate) struct FakeServer {
    networks: fn(Kind) -> &'static dyn FakeNetwork,
    /// The states of the networks, in the order of [`Kind`].
    states: Vec<Mutex<NetworkState>>,
    strict_rates: AtomicBool,
}

/// The result of a request.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The complete reply, with its body.
    pub(crate) reply: Reply,
    /// The part of it that arrives, and its pace.
    pub(crate) ending: Ending,
}

impl FakeServer {
    /// Returns a server without posts.
    pub(crate) fn new(networks: fn(Kind) -> &'static dyn FakeNetwork) -> Self {
        let states = Kind::all().map(|kind| Mutex::new(NetworkState::new(kind))).collect();
        Self { networks, states, strict_rates: AtomicBool::new(false) }
    }

    /// Locks the state of a network.
    pub(crate) fn state(&self, kind: Kind) -> MutexGuard<'_, NetworkState> {
        self.states[kind as usize].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enables or disables the published rate limits.
    pub(crate) fn set_strict_rates(&self, strict: bool) {
        self.strict_rates.store(strict, Ordering::Release);
    }

    /// Returns true if the connection is to be reset before the body is read.
    pub(crate) fn resets_before(&self, kind: Kind, head: &Request) -> bool {
        let resets = self.takes_fault(kind, head, &Fault::ResetBefore);
        if resets {
            let logged = LoggedRequest::new(head, None, Some(Fault::ResetBefore));
            self.state(kind).requests.push(logged);
        }
        resets
    }

    /// Returns true if the request is to wait until it is released.
    pub(crate) fn is_held(&self, kind: Kind, request: &Request) -> bool {
        self.takes_fault(kind, request, &Fault::Held)
    }

    /// Removes the next fault for this request and returns true, if that is `fault`.
    fn takes_fault(&self, kind: Kind, request: &Request, fault: &Fault) -> bool {
        let mut state = self.state(kind);
        let publishes = (self.networks)(kind).publishes(request);
        let due = due_fault(&state, publishes, request);
        due.filter(|at| state.faults[*at].1 == *fault).and_then(|at| state.faults.remove(at)).is_some()
    }

    /// Handles a request and logs it.
    pub(crate) fn handle(&self, kind: Kind, request: &Request) -> Outcome {
        let strict = self.strict_rates.load(Ordering::Acquire);
        let network = (self.networks)(kind);
        let mut state = self.state(kind);
        let publishes = network.publishes(request);
        let due = due_fault(&state, publishes, request);
        let fault = due.and_then(|at| state.faults.remove(at)).map(|(_, fault)| fault);
        let limits = if publishes { network.rate_limits() } else { network.other_rate_limits(request) };
        let limits = if strict { limits } else { &[] };
        let key = network.rate_limit_key(request);
        let wait = rate_limit::wait_seconds(&mut state, limits, &key, request.at);
        let outcome = outcome(network, &mut state, request, fault.as_ref(), wait);
        let silent = matches!(outcome.ending, Ending::Reset | Ending::Hang);
        let logged = LoggedRequest::new(request, (!silent).then_some(&outcome.reply), fault);
        state.requests.push(logged);
        outcome
    }
}

/// Returns the position of the first fault for this request: its path contains the fault's part, or
/// it creates a post.
fn due_fault(state: &NetworkState, publishes: bool, request: &Request) -> Option<usize> {
    let applies = |part: Option<&str>| part.map_or(publishes, |part| request.path.contains(part));
    state.faults.iter().position(|(part, _)| applies(part.as_deref()))
}

fn outcome(
    network: &dyn FakeNetwork,
    state: &mut NetworkState,
    request: &Request,
    fault: Option<&Fault>,
    wait: Option<u32>,
) -> Outcome {
    let whole = |reply| Outcome { reply, ending: Ending::Whole };
    if let Some(fault) = fault {
        if let Some(error) = fault.vendor_error() {
            let reply = network.error_reply(&error, request);
            let reply = match fault {
                Fault::RetryAfter(wait) => reply.with("retry-after", wait),
                _ => reply,
            };
            return whole(reply.with_reason(format!("{fault:?}, as was wanted")));
        }
        if let Some(reply) = proxy_reply(fault) {
            return whole(reply.with_reason(format!("{fault:?}, as was wanted")));
        }
        match fault {
            Fault::ResetBefore => return Outcome { reply: Reply::empty(503), ending: Ending::Reset },
            Fault::Hang => return Outcome { reply: Reply::empty(503), ending: Ending::Hang },
            _ => {}
        }
    }
    if let Some(seconds) = wait {
        let reply = network.error_reply(&VendorError::RateLimited(seconds), request);
        return whole(reply.with_reason(format!("more than the published ceiling; wait {seconds} s")));
    }
    let reply = network.handle(state, request).unwrap_or_else(|refusal| refusal);
    Outcome { reply, ending: fault.and_then(Fault::ending).unwrap_or(Ending::Whole) }
}

/// Returns the reply of a proxy in front of the network.
fn proxy_reply(fault: &Fault) -> Option<Reply> {
    let page = |status: u16, title: &str| {
        let body = format!(
            "<!DOCTYPE html>\n<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n"
        );
        Reply::html(status, body)
    };
    match fault {
        Fault::ServerError(status) => Some(page(*status, &format!("{status} Server Error"))),
        Fault::NotJson => Some(page(200, "Please sign in to the network")),
        Fault::Redirect(to) => Some(Reply::empty(307).with("location", to)),
        _ => None,
    }
}
