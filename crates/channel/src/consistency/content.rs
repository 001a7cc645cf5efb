//! The input of the consistency check: a channel's texts, and the message that they must agree
//! with.

use std::collections::BTreeMap;

use campaign::Market;

/// The message of a step in one language, and the rules of its brand.
#[derive(Debug, Clone, Copy)]
pub struct ExpectedContent<'a> {
    /// The texts of the facts by name.
    pub facts: &'a BTreeMap<String, String>,
    /// The texts of the message. A link in one of them is allowed in every channel.
    pub texts: &'a [&'a str],
    /// The URL that the message links to.
    pub link: Option<&'a str>,
    /// The call to action, which every channel must repeat.
    pub call_to_action: Option<&'a str>,
    /// The path or URL of the message's picture.
    pub image: Option<&'a str>,
    /// The description of the picture.
    pub image_alt: Option<&'a str>,
    /// Phrases that the brand never uses.
    pub never_say: &'a [String],
    /// The markets that the brand sends to; empty if they are not declared.
    pub markets: &'a [Market],
    /// Hosts that links are allowed to, sub-domains included, besides the message's own.
    pub hosts: &'a [&'a str],
    /// The ISO 4217 code of the brand's currency, which decides if `¥` means yuan or yen. Without
    /// it, `¥` matches both.
    pub currency: Option<&'a str>,
}

/// The rendered texts of one step in one channel and language.
#[derive(Debug, Clone, Copy)]
pub struct ChannelContent<'a> {
    /// The identifier of the step.
    pub step: &'a str,
    /// The identifier of the channel.
    pub channel: &'a str,
    /// The BCP 47 language tag.
    pub language: &'a str,
    /// The texts, such as subject and body. A part with the key `subject` is an e-mail's.
    pub parts: &'a [ContentPart<'a>],
    /// The URLs of the links before they are rewritten for tracking, without unsubscribe links.
    pub links: &'a [&'a str],
}

/// One text of a channel's message.
#[derive(Debug, Clone, Copy)]
pub struct ContentPart<'a> {
    /// The name of the part: `subject`, `headline`, `text` …
    pub key: &'a str,
    /// The rendered plain text.
    pub text: &'a str,
}
