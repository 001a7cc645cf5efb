//! How the pages of contacts look.

use maud::{Markup, html};
use serde_json::Value;
use store::{Contact, DeliveryRow, DeliveryState, EventKind, EventRow, Millis};

use super::timeline::What;
use super::{ContactList, ContactPage};
use crate::parts::{self, Scene};
use crate::words;

/// What stands in `main` of the list.
pub(super) fn list(list: &ContactList) -> Markup {
    html! {
        div.headline {
            h1 { (words::CONTACTS_QUESTION) }
            p.lead { (words::contacts_lead(list.total)) }
            form.search method="get" action="/contacts" role="search" {
                label for="q" { (words::FIND) }
                input #q name="q" type="search" autocomplete="off" placeholder=(words::FIND_EXAMPLE) value=[list.missed.as_deref()];
                button.main type="submit" { (words::FIND_BUTTON) }
            }
            @if let Some(missed) = &list.missed { p.notice role="status" { (words::nobody_has(missed)) } }
        }
        @if list.contacts.is_empty() {
            section.empty { h2 { (words::NOBODY_YET) } ol { li { (parts::text(words::IMPORT_CONTACTS)) } } }
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
                    @if list.later { a href="/contacts" { (words::FIRST_PAGE) } }
                    @if let Some(last) = list.more { a href={ "/contacts?after=" (last) } { (words::NEXT_PAGE) } }
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
            td { (words::agreed(contact.consent)) }
        }
    }
}

/// How a contact is called: by the address that is known.
pub(super) fn name(contact: &Contact) -> String {
    let known = contact.email.as_ref().or(contact.phone.as_ref()).or(contact.external_id.as_ref());
    known.cloned().unwrap_or_else(|| words::contact_name(contact.id.0))
}

/// What stands in `main` of one contact.
pub(super) fn page(page: &ContactPage, scene: &Scene) -> Markup {
    html! {
        div.headline {
            h1 { (words::contact_question(&name(&page.contact))) }
            @for blocked in &page.suppressions {
                p.notice role="status" {
                    (words::blocked(&blocked.address, words::suppression(blocked.reason)))
                    " " span.quiet { (parts::time(&scene.times, blocked.created_at)) ", " (blocked.source) }
                }
            }
        }
        div.person {
            (timeline(page, scene))
            (facts(&page.contact, scene))
        }
    }
}

fn facts(contact: &Contact, scene: &Scene) -> Markup {
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
                div { dt { (words::CONSENT) } dd { (words::consent(contact.consent)) } }
                div { dt { (words::KNOWN_SINCE) } dd { (parts::time(&scene.times, contact.created_at)) } }
                @for (name, value) in &contact.attributes { div { dt { (name) } dd { (written(value)) } } }
            }
        }
    }
}

/// An attribute as people write it.
fn written(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(yes) => (if *yes { words::YES } else { words::NO }).to_owned(),
        Value::Null => words::NONE.to_owned(),
        other => other.to_string(),
    }
}

fn timeline(page: &ContactPage, scene: &Scene) -> Markup {
    html! {
        section.timeline {
            h2 { (words::TIMELINE) }
            @if page.timeline.is_empty() { p.empty { (parts::text(words::NOTHING_HAPPENED)) } }
            ol {
                @for entry in &page.timeline {
                    li.(class(&entry.what)) {
                        p.when { @match entry.at { Some(at) => { (at_second(scene, at)) } None => { (words::TIME_UNKNOWN) } } }
                        div {
                            @match &entry.what {
                                What::Delivery(delivery) => { (delivered(delivery, scene)) }
                                What::Event(event) => { (happened(event, scene)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn at_second(scene: &Scene, at: Millis) -> Markup {
    html! { time datetime=(scene.times.machine(at)) { (scene.times.second(at)) } }
}

/// How an entry is marked on the line.
fn class(what: &What) -> &'static str {
    match what {
        What::Delivery(delivery) => match delivery.state {
            DeliveryState::Sent => "out",
            DeliveryState::Failed | DeliveryState::Uncertain => "bad",
            _ => "held",
        },
        What::Event(event) if event.actor != "human" => "machine",
        What::Event(event) => match event.kind {
            EventKind::Converted => "won",
            EventKind::Bounced | EventKind::Complained | EventKind::Unsubscribed => "bad",
            _ => "did",
        },
    }
}

fn delivered(delivery: &DeliveryRow, scene: &Scene) -> Markup {
    html! {
        p { strong { (words::delivery_state(delivery.state)) } " " (of_campaign(&delivery.campaign, &delivery.step, scene)) }
        @if let Some(reason) = &delivery.reason { p { (words::sentence(words::because(delivery.state, reason).as_str())) } }
        @if delivery.repeats > 0 { p { (words::sentence(&words::repeats(delivery.repeats))) } }
        p.quiet {
            a href={ "/runs/" (delivery.run_id) } { (words::run_name(delivery.run_id.0)) }
            " " (words::on_channel(&delivery.channel))
            @if delivery.state == DeliveryState::Sent && kept(delivery, scene) {
                " · " a href={ "/outbox/" (delivery.id) } { (words::SEE_MESSAGE) }
            }
            @if let Some(answer) = &delivery.answer { " · " (answer) }
        }
    }
}

/// Whether the outbox has the message.
fn kept(delivery: &DeliveryRow, scene: &Scene) -> bool {
    let channel = scene.workspace().channels.get(delivery.channel.as_str());
    channel.is_some_and(|channel| channel.kind.name() == "outbox")
}

fn happened(event: &EventRow, scene: &Scene) -> Markup {
    let human = event.actor == "human";
    let what = if human { words::event(event.kind) } else { words::machine_event(event.kind) };
    html! {
        p {
            strong { (what) @if let Some(name) = &event.name { " “" (name) "”" } }
            @if let (Some(campaign), Some(step)) = (&event.campaign, &event.step) { " " (of_campaign(campaign, step, scene)) }
            @if let (Some(value), Some(currency)) = (event.value_micros, &event.currency) {
                " " (parts::money(value, currency))
            }
        }
        @if let Some(url) = &event.url { p.quiet { (url) } }
        @if !human { p.quiet { (words::NOT_COUNTED) ": " (event.actor) } }
    }
}

fn of_campaign(campaign: &str, step: &str, scene: &Scene) -> Markup {
    html! { a href={ "/campaigns/" (campaign) } { (scene.title_of(campaign)) } " " span.quiet { (step) } }
}
