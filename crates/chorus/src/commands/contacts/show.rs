//! `chorus contacts show`: shows one contact with their attributes, deliveries and events.

use std::process::ExitCode;

use store::{AddressKind, Contact, DeliveryRow, EventRow, Suppression};

use crate::setup::{App, Env};
use terminal::color;
use terminal::output::{self, Format, user_error};
use terminal::time;

/// Maximum number of deliveries and of events that are shown.
const MAX_ROWS: i64 = 100;

pub(super) async fn run(env: &Env, app: &App, address: &str) -> anyhow::Result<ExitCode> {
    let store = &app.store;
    let found = store.contact_find(address).await?;
    let contact = found.ok_or_else(|| user_error(format!("no contact has the address {address:?}")))?;
    let deliveries = store.delivery_of_contact(contact.id, MAX_ROWS).await?;
    let events = store.event_of_contact(contact.id, MAX_ROWS).await?;
    let suppression = match &contact.email {
        Some(email) => store.suppression_get(AddressKind::Email, email).await?,
        None => None,
    };
    if env.format == Format::Json {
        output::json(&serde_json::json!({
            "contact": contact, "suppression": suppression, "deliveries": deliveries, "events": events,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    print_contact(&contact, suppression.as_ref())?;
    print_deliveries(app, &deliveries)?;
    print_events(app, &events)?;
    Ok(ExitCode::SUCCESS)
}

fn print_contact(contact: &Contact, suppression: Option<&Suppression>) -> anyhow::Result<()> {
    let mut facts: Vec<(&str, String)> = Vec::new();
    let known = [
        ("email", &contact.email),
        ("phone", &contact.phone),
        ("external_id", &contact.external_id),
        ("language", &contact.language),
        ("timezone", &contact.timezone),
    ];
    for (name, value) in known {
        if let Some(value) = value {
            facts.push((name, value.clone()));
        }
    }
    let consents = dashboard::words::consents(&contact.consents);
    facts.push(("consent", if consents.is_empty() { "none given".to_owned() } else { consents.join("; ") }));
    for (name, value) in &contact.attributes {
        facts.push((name, value.as_str().map_or_else(|| value.to_string(), str::to_owned)));
    }
    for (name, value) in facts {
        output::line(format!("{name:<14} {value}"))?;
    }
    if let Some(stop) = suppression {
        output::line(format!("{:<14} {:?}, by {}", "not written to", stop.reason, stop.source))?;
    }
    Ok(())
}

fn print_deliveries(app: &App, deliveries: &[DeliveryRow]) -> anyhow::Result<()> {
    if deliveries.is_empty() {
        return output::line("\nNothing was sent to them yet.");
    }
    let zone = &app.workspace().brand.timezone;
    output::line("\nWhat they got:")?;
    let row = |row: &DeliveryRow| {
        vec![
            row.sent_at.or(row.due_at).map_or_else(String::new, |at| time::show_millis(at, zone)),
            format!("{}/{}", row.campaign, row.step),
            row.channel.clone(),
            color::paint(row.state, row.state.as_str()),
            row.reason
                .as_deref()
                .map_or_else(String::new, |reason| dashboard::words::reason(reason).to_owned()),
        ]
    };
    output::table(&["at", "campaign/step", "channel", "state", "why"], deliveries.iter().map(row))
}

fn print_events(app: &App, events: &[EventRow]) -> anyhow::Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    let zone = &app.workspace().brand.timezone;
    output::line("\nWhat they did:")?;
    let row = |event: &EventRow| {
        let about = event.campaign.as_ref().map_or_else(String::new, |campaign| {
            format!("{campaign}/{}", event.step.as_deref().unwrap_or_default())
        });
        let currency = event.currency.as_deref().unwrap_or_default();
        vec![
            time::show_millis(event.occurred_at, zone),
            event.name.clone().unwrap_or_else(|| format!("{:?}", event.kind).to_lowercase()),
            about,
            event.url.clone().unwrap_or_default(),
            event.value_micros.map_or_else(String::new, |value| value.exact(currency)),
            event.actor.clone(),
        ]
    };
    output::table(&["at", "what", "campaign/step", "link", "value#", "who"], events.iter().map(row))
}
