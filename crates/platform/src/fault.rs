//! What can go wrong, on demand.

/// Something that goes wrong once, with the next request that would make a post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Too much; come back in so many seconds. Said as this network says it.
    RateLimited {
        /// How long to wait.
        seconds: u32,
    },
    /// The same with one second, and a `Retry-After` that says exactly this: a date, a float, nonsense.
    RetryAfter(String),
    /// The token has run out, said as this network says it.
    ExpiredToken,
    /// The webhook, token or account is gone for good, said as this network says it.
    Revoked,
    /// The network refuses this text for this reason, said as this network says it.
    RejectText(String),
    /// The server in front is in trouble: 500, 502, 503 …, with a page of HTML.
    ServerError(u16),
    /// The connection is reset before the body is read; nothing is kept.
    ResetBefore,
    /// It is read, nothing is kept, and no answer ever comes.
    Hang,
    /// Nothing happens until [`Platform::release`](crate::Platform::release): then it is taken as if it came just now,
    /// whether or not somebody still waits for the answer. What else is to go wrong with it comes after this.
    Held,
    /// The post is kept, then the connection is reset.
    AcceptThenReset,
    /// The post is kept, and no answer ever comes.
    AcceptThenHang,
    /// The post is kept; the answer's body ends in the middle, or the connection is reset where it has none.
    CutBody,
    /// The post is kept; the answer's body comes a byte at a time, so many milliseconds apart.
    SlowBody(u64),
    /// Sent elsewhere: 307 with this `Location`; nothing is kept.
    Redirect(String),
    /// The post is kept; the answer goes on for 64 MiB of blanks.
    HugeBody,
    /// Something in between answers 200 with a page of HTML; nothing is kept.
    NotJson,
}

/// What a network says of a trouble in its own way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Too much; come back in so many seconds.
    RateLimited(u32),
    /// The token has run out.
    Expired,
    /// Gone for good.
    Revoked,
    /// This text will not do, for this reason.
    Rejected(String),
}

/// How an answer reaches those who asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    /// All of it.
    Whole,
    /// Not at all: the connection is reset.
    Reset,
    /// Not at all: nothing ever comes.
    Hang,
    /// The first half of the body.
    Cut,
    /// A byte at a time, so many milliseconds apart.
    Slow(u64),
    /// Followed by a lot.
    Huge,
}

impl Fault {
    /// What becomes of the answer, where the post is kept.
    pub(crate) fn ending(&self) -> Option<Ending> {
        match self {
            Self::AcceptThenReset => Some(Ending::Reset),
            Self::AcceptThenHang => Some(Ending::Hang),
            Self::CutBody => Some(Ending::Cut),
            Self::SlowBody(pause) => Some(Ending::Slow(*pause)),
            Self::HugeBody => Some(Ending::Huge),
            _ => None,
        }
    }

    /// What the network is to say in its own way.
    pub(crate) fn trouble(&self) -> Option<Trouble> {
        match self {
            Self::RateLimited { seconds } => Some(Trouble::RateLimited(*seconds)),
            Self::RetryAfter(_) => Some(Trouble::RateLimited(1)),
            Self::ExpiredToken => Some(Trouble::Expired),
            Self::Revoked => Some(Trouble::Revoked),
            Self::RejectText(reason) => Some(Trouble::Rejected(reason.clone())),
            _ => None,
        }
    }
}
