//! What a step says to one reader, rendered.

use campaign::Channel;
use jiff::Timestamp;
use measure::Budget;
use message::{LinkStarts, Message, Person, Post, Recipient, SAMPLE_TOKEN};
use template::{Compiled, PlainText, Renderer};

/// Returns what a step says to a reader in one of its languages, with the budgets of its post.
pub(super) fn said(
    channel: &Channel,
    compiled: &Compiled,
    starts: &LinkStarts,
    language: &str,
    reader: Option<&Person>,
) -> Option<(PlainText, Vec<Budget>)> {
    let text = compiled.plain_text(language, starts, reader)?;
    let post = post(compiled, starts, language, reader);
    let budgets = post.map(|post| network::budgets(channel, &post)).unwrap_or_default();
    Some((text, budgets))
}

/// Returns true if the post for a feed says `keyword`; `None` where nothing would be sent.
pub(super) fn says(
    channel: &Channel,
    compiled: &Compiled,
    starts: &LinkStarts,
    language: &str,
    keyword: &str,
) -> Option<bool> {
    network::says(channel, &post(compiled, starts, language, None)?, keyword)
}

fn post(compiled: &Compiled, starts: &LinkStarts, language: &str, reader: Option<&Person>) -> Option<Post> {
    let only = compiled.only(language)?;
    let recipient = Recipient {
        person: reader,
        token: SAMPLE_TOKEN,
        message_id: "sample",
        date: Timestamp::UNIX_EPOCH,
        again: false,
    };
    match Renderer::new(&only, starts).ok()?.render(&recipient).ok()? {
        Message::Post(post) => Some(*post),
        Message::Email(_) => None,
    }
}
