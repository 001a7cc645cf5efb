//! The text limits of each network. A limit set by the instance or the account is an argument.

use super::{LengthBudget, Measure};

/// Bluesky's limits: 300 graphemes and 3,000 bytes (`app.bsky.feed.post`, `text`: `maxGraphemes`,
/// `maxLength`).
#[must_use]
pub fn bluesky(text: &str) -> [LengthBudget; 2] {
    [Measure::Graphemes.budget("text", text, 300), Measure::Bytes.budget("text", text, 3_000)]
}

/// X's limit: 280, weighted (docs.x.com/fundamentals/counting-characters).
#[must_use]
pub fn x(text: &str) -> LengthBudget {
    Measure::Weighted.budget("text", text, 280)
}

/// Mastodon's limit, set by the instance, for content warning and text together
/// (`configuration.statuses.max_characters` and `characters_reserved_per_url`;
/// docs.joinmastodon.org/entities/Instance).
#[must_use]
pub fn mastodon(text: &str, allowed: usize, reserved_per_url: usize) -> LengthBudget {
    Measure::Mastodon { url: reserved_per_url }.budget("text", text, allowed)
}

/// Telegram's limits: 4,096 characters, or 1,024 beside a picture, "after entities parsing": `text`
/// is the text as read, without marks or tags (core.telegram.org/bots/api, sendMessage, sendPhoto).
/// Counted in code units of UTF-16, as the offsets of entities are, which is never less than what
/// the server counts.
#[must_use]
pub fn telegram(text: &str, with_picture: bool) -> LengthBudget {
    if with_picture {
        Measure::Utf16.budget("caption", text, 1_024)
    } else {
        Measure::Utf16.budget("text", text, 4_096)
    }
}

/// LinkedIn's limit: 3,000 of the text as shown, before [escaping](super::linkedin::escaped)
/// (learn.microsoft.com/linkedin, Posts API, `commentary`). The page does not name the unit; the
/// service is written in Java, so code units of UTF-16 are the safe reading.
#[must_use]
pub fn linkedin(text: &str) -> LengthBudget {
    Measure::Utf16.budget("commentary", text, 3_000)
}

/// Limits of a text message: Twilio's maximum (1,600 characters; twilio.com/docs/api/errors/21617),
/// and the number of segments that the campaign pays for.
#[must_use]
pub fn sms(text: &str, segments: usize) -> [LengthBudget; 2] {
    [Measure::Characters.budget("text", text, 1_600), Measure::Segments.budget("text", text, segments)]
}
