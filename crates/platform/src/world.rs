//! All networks behind one door: which one is asked, what is to go wrong, what is kept.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::answer::Reply;
use crate::ask::Ask;
use crate::fault::{Ending, Trouble};
use crate::network::{self, Network};
use crate::pace;
use crate::room::{Request, Room};
use crate::{Fault, Kind};

/// Every network's room.
#[derive(Debug)]
pub(crate) struct World {
    rooms: Vec<Mutex<Room>>,
    strict: Mutex<bool>,
}

/// What becomes of a request.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// What is answered.
    pub(crate) reply: Reply,
    /// How it gets there.
    pub(crate) ending: Ending,
}

impl World {
    /// Nobody has posted.
    pub(crate) fn new() -> Self {
        let rooms = Kind::all().map(|kind| Mutex::new(Room::new(kind))).collect();
        Self { rooms, strict: Mutex::new(false) }
    }

    /// A network's room.
    pub(crate) fn room(&self, kind: Kind) -> MutexGuard<'_, Room> {
        self.rooms[kind as usize].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether published ceilings are enforced.
    pub(crate) fn set_strict(&self, strict: bool) {
        *self.strict.lock().unwrap_or_else(PoisonError::into_inner) = strict;
    }

    /// Whether the connection is to be reset before the body is read.
    pub(crate) fn resets_before(&self, kind: Kind, head: &Ask) -> bool {
        let resets = self.has_next(kind, head, &Fault::ResetBefore);
        if resets {
            self.room(kind).requests.push(Request::of(head, None, Some(Fault::ResetBefore)));
        }
        resets
    }

    /// Whether the request is to wait until it is released.
    pub(crate) fn is_held(&self, kind: Kind, ask: &Ask) -> bool {
        self.has_next(kind, ask, &Fault::Held)
    }

    /// Whether this is what goes wrong next with such a request; it is then over.
    fn has_next(&self, kind: Kind, ask: &Ask, fault: &Fault) -> bool {
        let mut room = self.room(kind);
        let publishes = network::of(kind).publishes(ask);
        let due = room.faults.iter().position(|(part, _)| applies(part.as_deref(), publishes, ask));
        due.filter(|at| room.faults[*at].1 == *fault).and_then(|at| room.faults.remove(at)).is_some()
    }

    /// Answers a request.
    pub(crate) fn answer(&self, kind: Kind, ask: &Ask) -> Outcome {
        let strict = *self.strict.lock().unwrap_or_else(PoisonError::into_inner);
        let network = network::of(kind);
        let mut room = self.room(kind);
        let publishes = network.publishes(ask);
        let due = room.faults.iter().position(|(part, _)| applies(part.as_deref(), publishes, ask));
        let fault = due.and_then(|at| room.faults.remove(at)).map(|(_, fault)| fault);
        let ceilings = if publishes { network.ceilings() } else { network.other_ceilings(ask) };
        let ceilings = if strict { ceilings } else { &[] };
        let over = pace::over(&mut room, ceilings, &network.paced_by(ask), ask.at);
        let outcome = outcome(network, &mut room, ask, fault.as_ref(), over);
        let silent = matches!(outcome.ending, Ending::Reset | Ending::Hang);
        room.requests.push(Request::of(ask, (!silent).then_some(&outcome.reply), fault));
        outcome
    }
}

/// Whether a fault is for this request: its path has the part, or it would make a post.
fn applies(part: Option<&str>, publishes: bool, ask: &Ask) -> bool {
    part.map_or(publishes, |part| ask.path.contains(part))
}

fn outcome(
    network: &dyn Network,
    room: &mut Room,
    ask: &Ask,
    fault: Option<&Fault>,
    over: Option<u32>,
) -> Outcome {
    let whole = |reply| Outcome { reply, ending: Ending::Whole };
    if let Some(fault) = fault {
        if let Some(trouble) = fault.trouble() {
            let reply = network.trouble(&trouble, ask);
            let reply = match fault {
                Fault::RetryAfter(wait) => reply.with("retry-after", wait),
                _ => reply,
            };
            return whole(reply.because(format!("{fault:?}, as was wanted")));
        }
        if let Some(reply) = in_front(fault) {
            return whole(reply.because(format!("{fault:?}, as was wanted")));
        }
        match fault {
            Fault::ResetBefore => return Outcome { reply: Reply::empty(503), ending: Ending::Reset },
            Fault::Hang => return Outcome { reply: Reply::empty(503), ending: Ending::Hang },
            _ => {}
        }
    }
    if let Some(seconds) = over {
        let reply = network.trouble(&Trouble::RateLimited(seconds), ask);
        return whole(reply.because(format!("more than the published ceiling; wait {seconds} s")));
    }
    let reply = network.play(room, ask).unwrap_or_else(|refusal| refusal);
    Outcome { reply, ending: fault.and_then(Fault::ending).unwrap_or(Ending::Whole) }
}

/// What something in front of the network says.
fn in_front(fault: &Fault) -> Option<Reply> {
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
