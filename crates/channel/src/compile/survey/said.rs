//! What a step says to one reader, rendered.

use super::super::hole::Holes;
use super::super::{Compiled, Variant, plain};
use crate::network::{self, Body};
use crate::render::{Fill, LinkStarts, Person, Recipient, Renderer, SAMPLE_TOKEN};
use crate::{Message, Post};
use measure::Budget;

/// What a step says to a reader: subject, text, budgets.
pub(super) fn said(
    channel: &campaign::Channel,
    compiled: &Compiled,
    starts: &LinkStarts,
    (language, variant): (&str, &Variant),
    reader: Option<&Person>,
) -> Option<(Option<String>, String, Vec<Budget>)> {
    match variant {
        Variant::Email { subject, html, .. } => {
            let fill = Fill::new(reader, starts, SAMPLE_TOKEN, jiff::Timestamp::UNIX_EPOCH);
            let subject = fill.write(subject).ok()?;
            let html = fill.write(html).ok()?;
            Some((Some(subject), plain::from_html(&html, &Holes::default()), Vec::new()))
        }
        Variant::Post(draft) => {
            let fill = Fill::new(reader, starts, SAMPLE_TOKEN, jiff::Timestamp::UNIX_EPOCH);
            let text = fill.write(&draft.parts.plain).ok()?;
            let text =
                if draft.own.is_some() && text.trim_start().starts_with('{') { strings(&text) } else { text };
            let post = post(compiled, starts, language, reader);
            let network = network::find(channel.kind.name());
            let budgets = network.zip(post).map(|(network, post)| network.budgets(&post)).unwrap_or_default();
            Some((None, text, budgets))
        }
    }
}

/// Returns true if the post for a feed says `keyword`; `None` where nothing would be sent.
pub(super) fn says(
    channel: &campaign::Channel,
    compiled: &Compiled,
    starts: &LinkStarts,
    language: &str,
    keyword: &str,
) -> Option<bool> {
    let post = post(compiled, starts, language, None)?;
    let requests = network::requests(channel, &post, jiff::Timestamp::UNIX_EPOCH).ok()?;
    let last = requests.last().filter(|request| request.publishes)?;
    Some(network::keyword::is_said(keyword, &Body::JsonText(last.body.clone())))
}

fn post(compiled: &Compiled, starts: &LinkStarts, language: &str, reader: Option<&Person>) -> Option<Post> {
    let only = compiled.only(language)?;
    let recipient = Recipient {
        person: reader,
        token: SAMPLE_TOKEN,
        message_id: "sample",
        date: jiff::Timestamp::UNIX_EPOCH,
        again: false,
    };
    match Renderer::new(&only, starts).ok()?.render(&recipient).ok()? {
        Message::Post(post) => Some(*post),
        Message::Email(_) => None,
    }
}

/// All texts of a JSON document.
fn strings(json: &str) -> String {
    fn walk(value: &serde_json::Value, out: &mut Vec<String>) {
        match value {
            serde_json::Value::String(text) => out.push(text.clone()),
            serde_json::Value::Array(items) => items.iter().for_each(|item| walk(item, out)),
            serde_json::Value::Object(map) => map.values().for_each(|item| walk(item, out)),
            _ => {}
        }
    }
    let mut out = Vec::new();
    walk(&serde_json::from_str(json).unwrap_or_default(), &mut out);
    out.join("\n")
}
