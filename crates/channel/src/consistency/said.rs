//! What a channel says, and what it should say.

use std::collections::BTreeMap;

use campaign::Market;

/// What the message of a step says in one language, and what its brand never says.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The facts by name.
    pub facts: &'a BTreeMap<String, String>,
    /// The texts of the message: links that stand in them may stand in every channel.
    pub texts: &'a [&'a str],
    /// Where the message leads.
    pub link: Option<&'a str>,
    /// What it asks its reader to do.
    pub call_to_action: Option<&'a str>,
    /// Its picture.
    pub image: Option<&'a str>,
    /// What the picture shows.
    pub image_alt: Option<&'a str>,
    /// Phrases that the brand never says.
    pub never_say: &'a [String],
    /// Where the brand sends.
    pub markets: &'a [Market],
    /// The hosts that links may lead to besides the message's: the brand's site and their sub-domains.
    pub hosts: &'a [&'a str],
    /// The ISO 4217 code in which the brand counts: whether its `¥` is yuan or yen. Either, if not given.
    pub currency: Option<&'a str>,
}

/// What one channel says in one step and one language, rendered as plain text.
#[derive(Debug, Clone, Copy)]
pub struct Said<'a> {
    /// The step.
    pub step: &'a str,
    /// The channel.
    pub channel: &'a str,
    /// The language tag.
    pub language: &'a str,
    /// Its texts, such as subject and text. A part `subject` is one of an e-mail.
    pub parts: &'a [Part<'a>],
    /// Where its links lead, as the message wrote them: before they are made trackable. Without those that
    /// unsubscribe.
    pub links: &'a [&'a str],
}

/// One text of what a channel says.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// What it is: `subject`, `headline`, `text` …
    pub key: &'a str,
    /// What it says.
    pub text: &'a str,
}
