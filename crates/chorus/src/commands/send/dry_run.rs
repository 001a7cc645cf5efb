//! `chorus send --dry-run`: shows what would be sent, without sending or writing anything.

use std::process::ExitCode;

use campaign::{Campaign, Step};
use channel::{Message, RequestPreview};
use serde::Serialize;
use store::Contact;

use crate::commands::preview::{self, PreviewedMessage};
use crate::lookup::find_contact;
use crate::setup::{App, Env};
use terminal::output::{self, Format, counted, number, user_error};

/// Maximum number of deliveries that are shown.
const MAX_SHOWN: usize = 3;

/// The result of a dry run.
#[derive(Debug, Serialize)]
struct DryRun {
    campaign: String,
    step: String,
    channel: String,
    /// Number of deliveries that the run would have.
    deliveries: i64,
    /// Number of contacts in the audience that would be left out.
    left_out: i64,
    /// The first deliveries, at most [`MAX_SHOWN`].
    first: Vec<Delivery>,
}

/// A delivery: an e-mail with its headers and size, or a post with its requests.
#[derive(Debug, Serialize)]
struct Delivery {
    to: String,
    /// Header section of an e-mail, as it is transmitted but with LF line ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<String>,
    /// Size of an e-mail, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<usize>,
    /// Requests that would be sent to a network.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    requests: Vec<RequestPreview>,
}

/// Shows what the step would send now; to the contact `to` only, if given.
pub(super) async fn run(
    env: &Env,
    app: &App,
    campaign: &Campaign,
    step: &Step,
    to: Option<&str>,
) -> anyhow::Result<ExitCode> {
    let dry_run = dry_run(app, campaign, step, to).await?;
    match env.format {
        Format::Json => output::json(&dry_run)?,
        _ => print(&dry_run)?,
    }
    let longest = scheduler::worst_case(&app.store, &app.loaded, campaign, step, app.clock.now()).await?;
    match longest.findings.first() {
        Some(finding) if to.is_none() => {
            Err(user_error(format!("it would not be sent: {}", finding.message)))
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

async fn dry_run(app: &App, campaign: &Campaign, step: &Step, to: Option<&str>) -> anyhow::Result<DryRun> {
    let workspace = app.workspace();
    let channel = workspace.channels.get(&step.channel);
    let channel = channel.ok_or_else(|| user_error(format!("there is no channel {}", step.channel)))?;
    let now = app.clock.millis();
    let (people, deliveries, left_out) = match (scheduler::required_address(channel), to) {
        (None, _) => (vec![None], 1, 0),
        (Some(_), Some(to)) => (vec![Some(find_contact(app, to).await?)], 1, 0),
        (Some(needed), None) => {
            let (audiences, audience) = (&workspace.audiences, &step.audience);
            let purpose = scheduler::required_purpose(campaign);
            let counts = app.store.plan_count(audiences, audience, &needed, purpose, now).await?;
            let limit = i64::try_from(MAX_SHOWN).unwrap_or(i64::MAX);
            let first = app.store.plan_sample(audiences, audience, &needed, purpose, now, limit).await?;
            let people = first.into_iter().map(Some).collect();
            (people, counts.reached, counts.audience - counts.reached)
        }
    };
    let first = people.into_iter().map(|person| delivery(app, campaign, step, person));
    Ok(DryRun {
        campaign: campaign.id.to_string(),
        step: step.id.to_string(),
        channel: step.channel.to_string(),
        deliveries,
        left_out,
        first: first.collect::<anyhow::Result<_>>()?,
    })
}

fn delivery(
    app: &App,
    campaign: &Campaign,
    step: &Step,
    contact: Option<Contact>,
) -> anyhow::Result<Delivery> {
    let person = contact.map(preview::person_of);
    let preview = preview::preview_step(app, campaign, step, person.as_ref(), None)?;
    let mail = match &preview.message {
        Message::Email(email) => {
            let raw = String::from_utf8_lossy(&email.raw);
            let header = raw.split_once("\r\n\r\n").map_or("", |(header, _)| header);
            Some((header.replace("\r\n", "\n"), email.raw.len()))
        }
        Message::Post(_) => None,
    };
    let (headers, bytes) = mail.unzip();
    let (to, requests) = PreviewedMessage::of(app, step, preview, Vec::new()).into_requests()?;
    Ok(Delivery { to, headers, bytes, requests })
}

fn print(dry_run: &DryRun) -> anyhow::Result<()> {
    let (campaign, step, channel) = (&dry_run.campaign, &dry_run.step, &dry_run.channel);
    let left_out = match dry_run.left_out {
        0 => String::new(),
        people => format!(", {} left out", number(people)),
    };
    let messages = counted(dry_run.deliveries, "message", "messages");
    output::line(format!("{campaign}/{step} by {channel}: {messages}{left_out}; nothing is sent"))?;
    for one in &dry_run.first {
        output::line(format!("\n== to {} ==", one.to))?;
        if let (Some(headers), Some(bytes)) = (&one.headers, one.bytes) {
            output::line(headers)?;
            output::line(format!("({})", counted(bytes, "byte", "bytes")))?;
        }
        for request in &one.requests {
            output::line(preview::http_file(std::slice::from_ref(request)).trim_end())?;
        }
    }
    let rest = dry_run.deliveries - i64::try_from(dry_run.first.len()).unwrap_or(i64::MAX);
    if rest > 0 {
        output::line(format!("\n… and {} more", number(rest)))?;
    }
    Ok(())
}
