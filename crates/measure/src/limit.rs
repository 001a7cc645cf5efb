//! The networks' own limits on text. Where a limit is the instance's or the account's, it is an argument.

use super::{Budget, Measure};

/// Bluesky: 300 graphemes and 3,000 bytes (`app.bsky.feed.post`, `text`: `maxGraphemes`, `maxLength`).
#[must_use]
pub fn bluesky(text: &str) -> [Budget; 2] {
    [Measure::Graphemes.budget("text", text, 300), Measure::Bytes.budget("text", text, 3_000)]
}

/// X: 280, weighted (docs.x.com/fundamentals/counting-characters).
#[must_use]
pub fn x(text: &str) -> Budget {
    Measure::Weighted.budget("text", text, 280)
}

/// Mastodon: what the instance says, content warning and text together
/// (`configuration.statuses.max_characters` and `characters_reserved_per_url`; docs.joinmastodon.org/entities/Instance).
#[must_use]
pub fn mastodon(text: &str, allowed: usize, reserved_per_url: usize) -> Budget {
    Measure::Mastodon { url: reserved_per_url }.budget("text", text, allowed)
}

/// Telegram: 4,096 characters, or 1,024 beside a picture, "after entities parsing": `text` is what is read, without
/// marks or tags (core.telegram.org/bots/api, sendMessage, sendPhoto). They are counted as entities' offsets are, in
/// code units of UTF-16, which is never less than what the server counts.
#[must_use]
pub fn telegram(text: &str, with_picture: bool) -> Budget {
    if with_picture {
        Measure::Utf16.budget("caption", text, 1_024)
    } else {
        Measure::Utf16.budget("text", text, 4_096)
    }
}

/// LinkedIn: 3,000 of what is shown, before [escapes](super::little::escaped)
/// (learn.microsoft.com/linkedin, Posts API, `commentary`). Its page does not say of what; its service is written in
/// Java, so that code units of UTF-16 are the safe reading.
#[must_use]
pub fn linkedin(text: &str) -> Budget {
    Measure::Utf16.budget("commentary", text, 3_000)
}

/// A text message: what Twilio takes at most (1,600 characters; twilio.com/docs/api/errors/21617), and how many
/// segments the campaign wants to pay for.
#[must_use]
pub fn sms(text: &str, segments: usize) -> [Budget; 2] {
    [Measure::Characters.budget("text", text, 1_600), Measure::Segments.budget("text", text, segments)]
}
