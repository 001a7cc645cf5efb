//! `chorus send --dry-run`: what would go out, without sending it and without writing it down.

use std::process::ExitCode;

use campaign::{Campaign, Step};
use channel::{Message, ShownRequest};
use serde::Serialize;
use store::Contact;

use crate::commands::preview::{self, Shown};
use crate::named::find_contact;
use crate::output::{self, Format, number, wrong};
use crate::setup::{Env, Opened};

/// How many deliveries are shown.
const SHOWN: usize = 3;

/// What a run would come to.
#[derive(Debug, Serialize)]
struct Dry {
    campaign: String,
    step: String,
    channel: String,
    /// How many deliveries there would be.
    deliveries: i64,
    /// How many of the audience would be left out.
    left_out: i64,
    /// The first few.
    first: Vec<Delivery>,
}

/// One of them: a mail with its headers and size, or a post with its requests.
#[derive(Debug, Serialize)]
struct Delivery {
    to: String,
    /// The header of a mail, as it is on the wire.
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<String>,
    /// The size of a mail, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<usize>,
    /// What would be asked of a network.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    requests: Vec<ShownRequest>,
}

/// Shows what the step would send now.
pub(super) async fn run(
    env: &Env,
    opened: &Opened,
    campaign: &Campaign,
    step: &Step,
    to: Option<&str>,
) -> anyhow::Result<ExitCode> {
    let dry = dry(opened, campaign, step, to).await?;
    match env.format {
        Format::Json => output::json(&dry)?,
        _ => print(&dry)?,
    }
    let longest =
        scheduler::longest(&opened.store, &opened.loaded, campaign, step, opened.clock.now()).await?;
    match longest.findings.first() {
        Some(finding) if to.is_none() => Err(wrong(format!("it would not be sent: {}", finding.message))),
        _ => Ok(ExitCode::SUCCESS),
    }
}

async fn dry(opened: &Opened, campaign: &Campaign, step: &Step, to: Option<&str>) -> anyhow::Result<Dry> {
    let workspace = opened.workspace();
    let channel = workspace.channels.get(&step.channel);
    let channel = channel.ok_or_else(|| wrong(format!("there is no channel {}", step.channel)))?;
    let now = opened.clock.millis();
    let (people, deliveries, left_out) = match (scheduler::address(channel), to) {
        (None, _) => (vec![None], 1, 0),
        (Some(_), Some(to)) => (vec![Some(find_contact(opened, to).await?)], 1, 0),
        (Some(needed), None) => {
            let (audiences, audience) = (&workspace.audiences, &step.audience);
            let counts = opened.store.plan_count(audiences, audience, &needed, now).await?;
            let limit = i64::try_from(SHOWN).unwrap_or(i64::MAX);
            let first = opened.store.plan_sample(audiences, audience, &needed, now, limit).await?;
            let people = first.into_iter().map(Some).collect();
            (people, counts.reached, counts.audience - counts.reached)
        }
    };
    let first = people.into_iter().map(|person| delivery(opened, campaign, step, person));
    Ok(Dry {
        campaign: campaign.id.to_string(),
        step: step.id.to_string(),
        channel: step.channel.to_string(),
        deliveries,
        left_out,
        first: first.collect::<anyhow::Result<_>>()?,
    })
}

fn delivery(
    opened: &Opened,
    campaign: &Campaign,
    step: &Step,
    contact: Option<Contact>,
) -> anyhow::Result<Delivery> {
    let person = contact.map(preview::of_contact);
    let preview = preview::of_step(opened, campaign, step, person.as_ref(), None)?;
    let mail = match &preview.message {
        Message::Email(email) => {
            let raw = String::from_utf8_lossy(&email.raw);
            let header = raw.split_once("\r\n\r\n").map_or("", |(header, _)| header);
            Some((header.replace("\r\n", "\n"), email.raw.len()))
        }
        Message::Post(_) => None,
    };
    let (headers, bytes) = mail.unzip();
    let (to, requests) = Shown::of(opened, step, preview, Vec::new()).asked()?;
    Ok(Delivery { to, headers, bytes, requests })
}

fn print(dry: &Dry) -> anyhow::Result<()> {
    let (campaign, step, channel) = (&dry.campaign, &dry.step, &dry.channel);
    let left_out = match dry.left_out {
        0 => String::new(),
        people => format!(", {} left out", number(people)),
    };
    let messages = if dry.deliveries == 1 { "message" } else { "messages" };
    let count = number(dry.deliveries);
    output::line(format!("{campaign}/{step} by {channel}: {count} {messages}{left_out}; nothing is sent"))?;
    for one in &dry.first {
        output::line(format!("\n== to {} ==", one.to))?;
        if let (Some(headers), Some(bytes)) = (&one.headers, one.bytes) {
            output::line(headers)?;
            output::line(format!("({} bytes)", number(i64::try_from(bytes).unwrap_or(i64::MAX))))?;
        }
        for request in &one.requests {
            output::line(preview::http(std::slice::from_ref(request)).trim_end())?;
        }
    }
    let rest = dry.deliveries - i64::try_from(dry.first.len()).unwrap_or(i64::MAX);
    if rest > 0 {
        output::line(format!("\n… and {} more", number(rest)))?;
    }
    Ok(())
}
