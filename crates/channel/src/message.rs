//! What goes out.

/// One message for one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// By `smtp` or kept by `outbox`.
    Email(Email),
    /// By `webhook`.
    Post(Post),
}

/// An e-mail, complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    /// Where bounces go: the address of the channel's `from`.
    pub envelope_from: String,
    /// Whom it goes to.
    pub envelope_to: String,
    /// The subject, decoded.
    pub subject: String,
    /// The HTML part, decoded.
    pub html: String,
    /// The text part, decoded.
    pub text: String,
    /// The bytes of RFC 5322, lines ended by CR LF, not dot-stuffed.
    pub raw: Vec<u8>,
}

/// A request to an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    /// The same on every try of a delivery: `webhook-id`.
    pub id: String,
    /// JSON: `{"type": "campaign.post", "timestamp", "data": {…}}`.
    pub body: String,
}
