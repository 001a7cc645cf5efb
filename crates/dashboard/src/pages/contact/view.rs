//! The views of the contact pages.

use maud::{Markup, html};
use serde_json::Value;
use store::{Contact, DeliveryRow, DeliveryState, EventKind, EventRow, Millis};

use super::timeline::EntryKind;
use super::{ContactList, ContactPage};
use crate::components::{self, PageContext};
use crate::words;

/// Renders the content of `main` of the list.
pub(super) fn list(list: &ContactList) -> Markup {
    html! {
        div.headline {
            h1 { (words::CONTACTS_QUESTION) }
            p.lead { (words::contacts_lead(list.total)) }
            form.search method="get" action="/contacts" role="search" {
                label for="q" { (words::FIND) }
                input #q name="q" type="search" autocomplete="off" placeholder=(words::FIND_EXAMPLE) value=[list.not_found.as_deref()];
                button.main type="submit" { (words::FIND_BUTTON) }
            }
            @if let Some(not_found) = &list.not_found { p.notice role="status" { (words::no_contact_has(not_found)) } }
        }
        @if list.contacts.is_empty() {
            section.empty { h2 { (words::NO_CONTACTS_YET) } ol { li { (components::text(words::IMPORT_CONTACTS)) } } }
        } @else {
            section aria-label=(words::NAV_CONTACTS) {
                div.scroll tabindex="0" role="region" aria-label=(words::NAV_CONTACTS) {
                    table {
                        thead { tr {
                            th scope="col" { (words::WHO) }
                            th scope="col" { (words::LANGUAGE) }
                            th scope="col" { (words::ZONE) }
                            th scope="col" { (words::CONSENT) }
                        } }
                        tbody { @for contact in &list.contacts { (contact_row(contact)) } }
                    }
                }
                p.pages {
                    @if list.has_previous { a href="/contacts" { (words::FIRST_PAGE) } }
                    @if let Some(last) = list.page_end { a href={ "/contacts?after=" (last) } { (words::NEXT_PAGE) } }
                }
            }
        }
    }
}

fn contact_row(contact: &Contact) -> Markup {
    let or_none = |text: &Option<String>| html! { @match text { Some(text) => { (text) } None => { span.quiet { (words::NONE) } } } };
    html! {
        tr {
            th scope="row" { a href={ "/contacts/" (contact.id) } { (name(contact)) } }
            td { (or_none(&contact.language)) }
            td { (or_none(&contact.timezone)) }
            td { (words::agreed(&contact.consents)) }
        }
    }
}

/// Returns the display name of a contact: the first known of e-mail address, phone number and
/// external id, or its number.
pub(super) fn name(contact: &Contact) -> String {
    let known = contact.email.as_ref().or(contact.phone.as_ref()).or(contact.external_id.as_ref());
    known.cloned().unwrap_or_else(|| words::contact_name(contact.id.0))
}

/// Renders the content of `main` of a contact's page.
pub(super) fn page(page: &ContactPage, context: &PageContext) -> Markup {
    html! {
        div.headline {
            h1 { (words::contact_question(&name(&page.contact))) }
            @for blocked in &page.suppressions {
                p.notice role="status" {
                    (words::blocked(&blocked.address, words::suppression(blocked.reason)))
                    " " span.quiet { (components::time(&context.times, blocked.created_at)) ", " (blocked.source) }
                }
            }
        }
        div.person {
            (timeline(page, context))
            (facts(&page.contact, context))
        }
    }
}

fn facts(contact: &Contact, context: &PageContext) -> Markup {
    let known = [
        (words::EMAIL, &contact.email),
        (words::PHONE, &contact.phone),
        (words::EXTERNAL_ID, &contact.external_id),
        (words::LANGUAGE, &contact.language),
        (words::ZONE, &contact.timezone),
    ];
    html! {
        aside.facts-card {
            h2 { (words::WHO) }
            dl.facts {
                @for (name, value) in known {
                    @if let Some(value) = value { div { dt { (name) } dd { (value) } } }
                }
                div {
                    dt { (words::CONSENT) }
                    @for consent in words::consents(&contact.consents) { dd { (consent) } }
                    @if contact.consents.iter().next().is_none() { dd { (words::NO_CONSENT_YET) } }
                }
                div { dt { (words::KNOWN_SINCE) } dd { (components::time(&context.times, contact.created_at)) } }
                @for (name, value) in &contact.attributes { div { dt { (name) } dd { (written(value)) } } }
            }
        }
    }
}

/// Returns the value of an attribute as text.
fn written(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(yes) => (if *yes { words::YES } else { words::NO }).to_owned(),
        Value::Null => words::NONE.to_owned(),
        other => other.to_string(),
    }
}

fn timeline(page: &ContactPage, context: &PageContext) -> Markup {
    html! {
        section.timeline {
            h2 { (words::TIMELINE) }
            @if page.timeline.is_empty() { p.empty { (components::text(words::NOTHING_HAPPENED)) } }
            ol {
                @for entry in &page.timeline {
                    li.(class(&entry.kind)) {
                        p.when { @match entry.at { Some(at) => { (at_second(context, at)) } None => { (words::TIME_UNKNOWN) } } }
                        div {
                            @match &entry.kind {
                                EntryKind::Delivery(delivery) => { (delivered(delivery, context)) }
                                EntryKind::Event(event) => { (happened(event, context)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn at_second(context: &PageContext, at: Millis) -> Markup {
    html! { time datetime=(context.times.machine(at)) { (context.times.second(at)) } }
}

/// Returns the CSS class that marks an entry on the timeline.
fn class(kind: &EntryKind) -> &'static str {
    match kind {
        EntryKind::Delivery(delivery) => match delivery.state {
            DeliveryState::Sent => "out",
            DeliveryState::Failed | DeliveryState::Uncertain => "bad",
            _ => "held",
        },
        EntryKind::Event(event) if event.actor != "human" => "machine",
        EntryKind::Event(event) => match event.kind {
            EventKind::Converted => "won",
            EventKind::Bounced | EventKind::Complained | EventKind::Unsubscribed => "bad",
            _ => "did",
        },
    }
}

fn delivered(delivery: &DeliveryRow, context: &PageContext) -> Markup {
    html! {
        p { strong { (words::delivery_state(delivery.state)) } " " (of_campaign(&delivery.campaign, &delivery.step, context)) }
        @if let Some(reason) = &delivery.reason { p { (words::sentence(words::because(delivery.state, reason).as_str())) } }
        @if delivery.repeats > 0 { p { (words::sentence(&words::repeats(delivery.repeats))) } }
        p.quiet {
            a href={ "/runs/" (delivery.run_id) } { (words::run_name(delivery.run_id.0)) }
            " " (words::on_channel(&delivery.channel))
            @if delivery.state == DeliveryState::Sent && is_in_outbox(delivery, context) {
                " · " a href={ "/outbox/" (delivery.id) } { (words::SEE_MESSAGE) }
            }
            @if let Some(answer) = &delivery.answer { " · " (answer) }
        }
    }
}

/// Returns true if the message is in the outbox.
fn is_in_outbox(delivery: &DeliveryRow, context: &PageContext) -> bool {
    let channel = context.workspace().channels.get(delivery.channel.as_str());
    channel.is_some_and(|channel| channel.kind.name() == "outbox")
}

fn happened(event: &EventRow, context: &PageContext) -> Markup {
    let human = event.actor == "human";
    let what = if human { words::event(event.kind) } else { words::machine_event(event.kind) };
    html! {
        p {
            strong { (what) @if let Some(name) = &event.name { " “" (name) "”" } }
            @if let (Some(campaign), Some(step)) = (&event.campaign, &event.step) { " " (of_campaign(campaign, step, context)) }
            @if let (Some(value), Some(currency)) = (event.value_micros, &event.currency) {
                " " (components::money(value, currency))
            }
        }
        @if let Some(url) = &event.url { p.quiet { (url) } }
        @if !human { p.quiet { (words::NOT_COUNTED) ": " (event.actor) } }
    }
}

fn of_campaign(campaign: &str, step: &str, context: &PageContext) -> Markup {
    html! { a href={ "/campaigns/" (campaign) } { (context.title_of(campaign)) } " " span.quiet { (step) } }
}
