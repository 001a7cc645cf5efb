//! Rendering of a step for one reader, to measure and check the text.

use campaign::Channel;
use jiff::Timestamp;
use measure::LengthBudget;
use message::{LinkPrefixes, Message, Person, Post, Recipient, SAMPLE_TOKEN};
use template::{Compiled, PlainText, Renderer};

/// Renders a step in one of its languages as plain text, with the budgets of its post. `None` for
/// `reader` renders it for a feed.
pub(super) fn render_text(
    channel: &Channel,
    compiled: &Compiled,
    prefixes: &LinkPrefixes,
    language: &str,
    reader: Option<&Person>,
) -> Option<(PlainText, Vec<LengthBudget>)> {
    let text = compiled.plain_text(language, prefixes, reader)?;
    let post = sample_post(compiled, prefixes, language, reader);
    let budgets = post.map(|post| network::budgets(channel, &post)).unwrap_or_default();
    Some((text, budgets))
}

/// Returns true if the post for a feed contains `keyword`; `None` if the step has no post.
pub(super) fn contains_keyword(
    channel: &Channel,
    compiled: &Compiled,
    prefixes: &LinkPrefixes,
    language: &str,
    keyword: &str,
) -> Option<bool> {
    network::contains_keyword(channel, &sample_post(compiled, prefixes, language, None)?, keyword)
}

/// Renders the post of a step in one of its languages; `None` for e-mail.
fn sample_post(
    compiled: &Compiled,
    prefixes: &LinkPrefixes,
    language: &str,
    reader: Option<&Person>,
) -> Option<Post> {
    let only = compiled.in_one_language(language)?;
    let recipient = Recipient {
        person: reader,
        token: SAMPLE_TOKEN,
        message_id: "sample",
        date: Timestamp::UNIX_EPOCH,
        possible_duplicate: false,
    };
    match Renderer::new(&only, prefixes).ok()?.render(&recipient).ok()? {
        Message::Post(post) => Some(*post),
        Message::Email(_) => None,
    }
}
