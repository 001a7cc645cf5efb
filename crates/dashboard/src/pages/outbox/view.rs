//! The views of the outbox pages.

use maud::{Markup, html};
use store::{ContactId, OutboxRow};

use super::Outbox;
use crate::components::{self, PageContext};
use crate::words;

/// Renders the content of `main` of the list.
pub(super) fn list(outbox: &Outbox, context: &PageContext) -> Markup {
    html! {
        div.headline {
            h1 { (words::OUTBOX_QUESTION) }
            p.lead { (words::OUTBOX_LEAD) }
            (filters(outbox, context))
        }
        @if outbox.messages.is_empty() {
            section.empty { h2 { (words::OUTBOX_EMPTY) } ol { li { (components::text(words::OUTBOX_CHANNEL)) } li { (components::text(words::OUTBOX_SEND)) } } }
        } @else {
            section aria-label=(words::NAV_OUTBOX) {
                ol.mailbox {
                    @for message in &outbox.messages {
                        li {
                            a href={ "/outbox/" (message.delivery_id) } {
                                span.to { (message.recipient) }
                                span.subject { (message.subject) }
                                span.from { (context.title_of(&message.campaign)) " / " (message.step) }
                                (components::time(&context.times, message.created_at))
                            }
                        }
                    }
                }
                p.pages {
                    @let path = address(outbox.campaign.as_deref(), None);
                    @if outbox.has_previous { a href=(path) { (words::FIRST_PAGE) } }
                    @if let Some(last) = outbox.page_end {
                        a href=(address(outbox.campaign.as_deref(), Some(last.0))) { (words::NEXT_PAGE) }
                    }
                }
            }
        }
    }
}

/// Returns the address of the list with its parameters.
fn address(campaign: Option<&str>, before: Option<i64>) -> String {
    let before = before.map(|id| id.to_string());
    let pairs = [("campaign", campaign), ("before", before.as_deref())];
    let pairs = pairs.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    if query.is_empty() { "/outbox".to_owned() } else { format!("/outbox?{query}") }
}

fn filters(outbox: &Outbox, context: &PageContext) -> Markup {
    let chosen = outbox.campaign.as_deref();
    html! {
        nav.periods aria-label=(words::CAMPAIGN) {
            a href="/outbox" aria-current=[chosen.is_none().then_some("true")] { (words::ALL) }
            @for campaign in context.workspace().campaigns.values() {
                @let id = campaign.id.as_str();
                a href=(address(Some(id), None)) aria-current=[(chosen == Some(id)).then_some("true")] { (campaign.title) }
            }
        }
    }
}

/// Renders the content of `main` of a message's page.
pub(super) fn page(message: &OutboxRow, context: &PageContext) -> Markup {
    let contact = message.delivery_id.contact();
    html! {
        div.headline {
            p.crumb { a href="/outbox" { (words::NAV_OUTBOX) } " / " a href={ "/campaigns/" (message.campaign) } { (context.title_of(&message.campaign)) } " / " (message.step) }
            h1 { (message.subject) }
        }
        dl.envelope {
            div { dt { (words::TO) } dd {
                @if contact == ContactId::FEED { (message.recipient) }
                @else { a href={ "/contacts/" (contact) } { (message.recipient) } }
            } }
            div { dt { (words::STORED_AT) } dd { (components::time(&context.times, message.created_at)) } }
            div { dt { (words::RUN) } dd { a href={ "/runs/" (message.delivery_id.run()) } { (words::run_name(message.delivery_id.run().0)) } } }
            div { dt { (words::CHANNEL) } dd { (message.channel) } }
        }
        section.letter aria-label=(words::AS_IT_LOOKS) {
            @if message.html.is_empty() { p.empty { (words::NO_HTML) } }
            @else { iframe src={ "/outbox/" (message.delivery_id) "/html" } title=(words::AS_IT_LOOKS) sandbox="" {} }
        }
        p.note { (words::PREVIEW_NOTE) }
        details {
            summary { (words::AS_TEXT) }
            pre.text { (message.text) }
        }
        details {
            summary { (words::HEADERS) }
            (headers(&message.raw))
        }
        details {
            summary { (words::SOURCE) }
            pre.source { (source(&message.raw)) }
        }
        p.more { a href={ "/outbox/" (message.delivery_id) "/message.eml" } { (words::SAVE) } }
    }
}

/// Renders the header fields of the source, unfolded (RFC 5322 §2.2.3) and otherwise as sent.
fn headers(raw: &[u8]) -> Markup {
    let text = String::from_utf8_lossy(raw);
    let head = text.split("\r\n\r\n").next().unwrap_or_default();
    let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
    html! {
        dl.headers {
            @for (name, value) in unfolded.lines().filter_map(|line| line.split_once(':')) {
                div { dt { (name) } dd { (value.trim()) } }
            }
        }
    }
}

/// Returns the first 64 KiB of the source. The rest is in the file.
fn source(raw: &[u8]) -> String {
    const MAX_SOURCE_BYTES: usize = 64 << 10;
    let shown = raw.get(..MAX_SOURCE_BYTES).unwrap_or(raw);
    let mut text = String::from_utf8_lossy(shown).into_owned();
    if raw.len() > MAX_SOURCE_BYTES {
        text.push_str(words::CUT);
    }
    text
}
