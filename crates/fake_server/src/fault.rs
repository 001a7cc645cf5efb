//! The faults that a test can inject into a network.

/// A fault that happens once, with the next request that would make a post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The rate limit is reached, in the network's own words.
    RateLimited {
        /// The time to wait, in seconds.
        seconds: u32,
    },
    /// The rate limit is reached for one second, with exactly this `Retry-After`, such as a date, a
    /// float or nonsense.
    RetryAfter(String),
    /// The token has expired, in the network's own words.
    ExpiredToken,
    /// The webhook, token or account was deleted, in the network's own words.
    Revoked,
    /// The network refuses the text for this reason, in its own words.
    RejectText(String),
    /// A proxy in front answers with this status (500, 502, 503 …) and a page of HTML.
    ServerError(u16),
    /// The connection is reset before the body is read; no post is stored.
    ResetBefore,
    /// The request is read, no post is stored, and no response ever comes.
    Hang,
    /// The request waits until [`HttpServer::release`](crate::HttpServer::release) and is handled
    /// then, even if its client has disconnected. Further faults apply after this one.
    Held,
    /// The post is stored, then the connection is reset.
    AcceptThenReset,
    /// The post is stored, and no response ever comes.
    AcceptThenHang,
    /// The post is stored; the response's body ends in the middle, or the connection is reset where
    /// it has none.
    CutBody,
    /// The post is stored; the response's body comes one byte at a time, this many milliseconds
    /// apart.
    SlowBody(u64),
    /// A redirect: 307 with this `Location`; no post is stored.
    Redirect(String),
    /// The post is stored; 64 MiB of blanks follow the response.
    HugeBody,
    /// A proxy answers 200 with a page of HTML; no post is stored.
    NotJson,
}

/// An error that each network words in its own way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VendorError {
    /// The rate limit is reached for this many seconds.
    RateLimited(u32),
    /// The token has expired.
    Expired,
    /// The webhook, token or account was deleted.
    Revoked,
    /// The text is refused for this reason.
    Rejected(String),
}

/// The part of a response that arrives, and its pace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The whole response, without delay.
    Whole,
    /// Nothing: the connection is reset.
    Reset,
    /// Nothing: the connection stays open and silent.
    Hang,
    /// The first half of the body.
    Cut,
    /// One byte at a time, this many milliseconds apart.
    Slow(u64),
    /// The whole response and 64 MiB more.
    Huge,
}

impl Fault {
    /// Returns the ending of the response, for a fault after which the post is stored.
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

    /// Returns the error, for a fault that the network words itself.
    pub fn vendor_error(&self) -> Option<VendorError> {
        match self {
            Self::RateLimited { seconds } => Some(VendorError::RateLimited(*seconds)),
            Self::RetryAfter(_) => Some(VendorError::RateLimited(1)),
            Self::ExpiredToken => Some(VendorError::Expired),
            Self::Revoked => Some(VendorError::Revoked),
            Self::RejectText(reason) => Some(VendorError::Rejected(reason.clone())),
            _ => None,
        }
    }
}
