//! `chorus explain`: the state of a campaign's steps for one contact, with a reason from a closed
//! list.

use std::process::ExitCode;

use campaign::{Campaign, Per, Step};
use clap::Args;
use schedule::Trigger;
use serde::Serialize;
use store::{Contact, DeliveryRow, DeliveryState, Explanation, Millis, RecipientAddress, Run, RunState};

use crate::commands::runs;
use crate::setup::{App, Env};
use terminal::arguments;
use terminal::color::{self, Tone};
use terminal::help;
use terminal::output::{self, Format, user_error};
use terminal::time;

/// Explain why a contact received a campaign, waits for it, or did not receive it
#[derive(Debug, Args)]
#[command(after_help = help::examples(&[
    ("chorus explain daisy_parker@example.com spring-launch", ""),
]))]
pub(crate) struct Options {
    /// E-mail address, phone number or external id.
    address: String,
    /// The id of the campaign.
    #[arg(value_parser = arguments::id)]
    campaign: String,
}

/// The state of one step for one contact.
#[derive(Debug, Serialize)]
struct StepExplanation {
    step: String,
    /// The reason, from a closed list.
    reason: Reason,
    /// The explanation in words.
    because: String,
    run: Option<i64>,
    #[serde(serialize_with = "store::iso8601::serialize")]
    at: Option<Millis>,
    /// URL of the published post.
    post_url: Option<String>,
}

/// The state of a step for a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Reason {
    /// The relay or platform accepted the message.
    Sent,
    /// The message is being sent.
    Sending,
    /// The message is queued until it is due.
    Waiting,
    /// The other side deferred the message, which will be tried again.
    Deferred,
    /// The run is paused.
    Paused,
    /// The message was refused permanently.
    Failed,
    /// It is unknown whether the message was sent; an operator must decide.
    Uncertain,
    /// The contact was left out for the reason in `because`.
    LeftOut,
    /// The run was cancelled before the message was sent.
    Cancelled,
    /// The contact is not in the audience.
    NotInAudience,
    /// The contact joined the audience after the run.
    JoinedLater,
    /// The step goes to a feed, not to contacts.
    NotForPeople,
    /// The step has not run yet.
    NotYetRun,
    /// The step did not run at its time for the reason in `because`.
    DidNotRun,
}

impl From<Reason> for Tone {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Sent => Self::Good,
            Reason::Sending => Self::Active,
            Reason::Deferred | Reason::Paused | Reason::Uncertain | Reason::DidNotRun => Self::Warning,
            Reason::Failed => Self::Bad,
            Reason::LeftOut
            | Reason::Cancelled
            | Reason::NotInAudience
            | Reason::JoinedLater
            | Reason::NotForPeople => Self::Quiet,
            Reason::Waiting | Reason::NotYetRun => Self::Plain,
        }
    }
}

pub(crate) async fn run(env: &Env, options: &Options) -> anyhow::Result<ExitCode> {
    let app = env.open().await?;
    let campaign = app.campaign(&options.campaign)?;
    let found = app.store.contact_find(&options.address).await?;
    let missing = || user_error(format!("no contact has the address {:?}", options.address));
    let contact = found.ok_or_else(missing)?;
    let explanation = app.store.delivery_explain(contact.id, campaign.id.as_str()).await?;
    let mut explanations = Vec::new();
    for step in &campaign.steps {
        explanations.push(explain_step(&app, campaign, step, &contact, &explanation).await?);
    }
    if env.format == Format::Json {
        output::json(&serde_json::json!({
            "contact": contact.id, "campaign": campaign.id, "steps": explanations,
        }))?;
    } else {
        output::line(format!("{} and {}:", options.address, campaign.title))?;
        for row in &explanations {
            output::line(format!("  {:<16} {}", row.step, color::paint_start(row.reason, &row.because)))?;
        }
    }
    app.store.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn explain_step(
    app: &App,
    campaign: &Campaign,
    step: &Step,
    contact: &Contact,
    explanation: &Explanation,
) -> anyhow::Result<StepExplanation> {
    let workspace = app.workspace();
    let latest = explanation.runs.iter().filter(|(run, _)| run.step == step.id.as_str());
    let latest = latest.max_by_key(|(run, delivery)| (delivery.is_some(), run.id));
    let simple = |reason, because: String| StepExplanation {
        step: step.id.to_string(),
        reason,
        because,
        run: latest.map(|(run, _)| run.id.0),
        at: None,
        post_url: None,
    };
    let feed = workspace.channels.get(&step.channel).is_some_and(|channel| channel.kind.per() == Per::Feed);
    if feed {
        return Ok(simple(
            Reason::NotForPeople,
            format!("goes to {}'s own feed, not to people", step.channel),
        ));
    }
    if let Some((run, Some(delivery))) = latest {
        let mut result = explain_delivery(app, run, delivery, channel_wait(app, run).await?.as_deref());
        result.because.push_str(&describe_other_runs(app, run, explanation));
        return Ok(result);
    }
    let now = app.clock.millis();
    let member = app.store.audience_contains(&workspace.audiences, &step.audience, contact.id, now).await?;
    let follows = matches!(step.schedule.trigger, Trigger::After { .. });
    Ok(match (latest, member) {
        (_, false) if !follows => {
            simple(Reason::NotInAudience, format!("they do not belong to the audience {}", step.audience))
        }
        (Some(_), _) if follows => {
            simple(Reason::LeftOut, "the step it follows did not reach them, or has not yet".to_owned())
        }
        (Some((run, _)), _) => {
            let at = time::show_millis(run.instant, &workspace.brand.timezone);
            simple(
                Reason::JoinedLater,
                format!("they were not in the audience when it ran ({at}), but are now"),
            )
        }
        (None, _) => match did_not_run(app, campaign, step).await? {
            Some(why) => simple(Reason::DidNotRun, format!("it did not run ({why})")),
            None => {
                let would = left_out_reason(app, campaign, step, contact).await?;
                let next = next_time(app, campaign, step, contact);
                simple(Reason::NotYetRun, format!("it has not run yet: {next}{would}"))
            }
        },
    })
}

/// Returns text about the step's other runs: those that also sent it to the contact, and those that
/// a later run superseded.
fn describe_other_runs(app: &App, run: &Run, explanation: &Explanation) -> String {
    let zone = &app.workspace().brand.timezone;
    let others = explanation.runs.iter().filter(|(other, _)| other.step == run.step && other.id != run.id);
    let texts = others.filter_map(|(other, delivery)| {
        let delivery = delivery.as_ref()?;
        let at = time::show_millis(other.instant, zone);
        match (delivery.state, delivery.reason.as_deref()) {
            (DeliveryState::Sent, _) => Some(format!("; also sent by run {} of {at}", other.id)),
            (DeliveryState::Suppressed, Some(reason @ "superseded")) => {
                Some(format!("; not by run {} of {at}: {}", other.id, dashboard::words::reason(reason)))
            }
            _ => None,
        }
    });
    texts.collect()
}

/// Maximum number of a campaign's occurrences that are read.
const MAX_OCCURRENCES: i64 = 100;
/// Maximum number of a step's occurrences that are described.
const MAX_DESCRIBED: usize = 3;

/// Returns the latest occurrences of a step that did not run and wait for an operator, each with
/// its reason; `None` if there are none.
async fn did_not_run(app: &App, campaign: &Campaign, step: &Step) -> anyhow::Result<Option<String>> {
    let rows = app.store.occurrence_list(Some(campaign.id.as_str()), true, MAX_OCCURRENCES).await?;
    let of_step = rows.iter().filter(|row| row.step == step.id.as_str()).take(MAX_DESCRIBED);
    let descriptions = of_step.map(|row| {
        let why = dashboard::words::occurrence(row.kind, row.reason, row.detail.as_deref());
        format!("{}: {why}", runs::show_time(row, app.workspace()))
    });
    let descriptions: Vec<_> = descriptions.collect();
    Ok((!descriptions.is_empty()).then(|| descriptions.join("; ")))
}

/// Returns the next time of the step in the contact's time zone, or its schedule in words.
fn next_time(app: &App, campaign: &Campaign, step: &Step, contact: &Contact) -> String {
    let now = app.clock.now();
    let far = jiff::Timestamp::MAX;
    let own = contact.timezone.as_deref().and_then(|name| jiff::tz::TimeZone::get(name).ok());
    let zone = &own.unwrap_or_else(|| app.workspace().brand.timezone.clone());
    let mut due = step.schedule.occurrences(now, far, 1);
    due.retain(|occurrence| step.schedule.within(occurrence, campaign.starts, campaign.ends));
    match due.first() {
        Some(occurrence) => format!("next {}", time::show(occurrence.moment.due_in(zone), zone)),
        None => step.schedule.describe(),
    }
}

async fn left_out_reason(
    app: &App,
    campaign: &Campaign,
    step: &Step,
    contact: &Contact,
) -> anyhow::Result<String> {
    let channel = app.workspace().channels.get(&step.channel);
    let address = channel.and_then(scheduler::required_address).unwrap_or(RecipientAddress::Email);
    if address.of(contact).is_none() {
        return Ok(format!("; they will be left out: {}", reason_text("no_address")));
    }
    if let Some((kind, at)) = address.suppression_key(contact)
        && let Some(stop) = app.store.suppression_get(kind, at).await?
        && address.is_blocked_by(stop.reason)
    {
        let reason = format!("{:?}", stop.reason).to_lowercase();
        return Ok(format!("; they will be left out: {} ({})", reason_text(&reason), stop.source));
    }
    let lacks_consent = scheduler::required_purpose(campaign)
        .is_some_and(|purpose| !contact.consents.is_granted(purpose, address.consent_kind()));
    if lacks_consent {
        return Ok(format!("; they will be left out: {}", reason_text("no_consent")));
    }
    Ok(String::new())
}

fn reason_text(reason: &str) -> &str {
    dashboard::words::reason(reason)
}

/// Returns the reason why the run's whole channel is waiting, and until when.
async fn channel_wait(app: &App, run: &Run) -> anyhow::Result<Option<String>> {
    let held = app.store.allowance_held(&run.channel, app.clock.millis()).await?;
    let zone = &app.workspace().brand.timezone;
    let whole = held.iter().find(|held| held.receiver.is_empty());
    Ok(whole.map(|held| format!("{}; goes on {}", held.why, time::show_millis(held.until, zone))))
}

fn explain_delivery(
    app: &App,
    run: &Run,
    delivery: &DeliveryRow,
    channel_wait: Option<&str>,
) -> StepExplanation {
    let zone = &app.workspace().brand.timezone;
    let at = delivery.sent_at.or(delivery.due_at);
    let when = at.map_or_else(String::new, |at| time::show_millis(at, zone));
    let why = delivery.reason.as_deref().map_or("no reason is known", reason_text).to_owned();
    let answer = delivery.answer.as_deref();
    let answer = answer.map_or_else(String::new, |answer| format!(" (answer: {answer})"));
    let put_off = delivery.reason.as_deref().map(reason_text).or(channel_wait);
    let put_off = put_off.map_or_else(String::new, |why| format!(": {why}"));
    let (reason, because) = match delivery.state {
        DeliveryState::Sent => {
            let details = reactions(delivery) + &describe_settlement_and_link(delivery);
            (Reason::Sent, format!("sent {when}{details}"))
        }
        DeliveryState::Sending => (Reason::Sending, "being sent now".to_owned()),
        DeliveryState::Queued if run.state == RunState::Paused => {
            let note = run.note.as_deref().unwrap_or("by hand");
            (Reason::Paused, format!("waits: the run is paused ({note})"))
        }
        DeliveryState::Queued => (Reason::Waiting, format!("waits until {when}{put_off}")),
        DeliveryState::Deferred => {
            (Reason::Deferred, format!("tried, and will be again at {when}{put_off}{answer}"))
        }
        DeliveryState::Failed => (Reason::Failed, format!("failed: {why}{answer}")),
        DeliveryState::Uncertain => {
            let address = if delivery.address.is_empty() { "ADDRESS" } else { &delivery.address };
            let settle = format!("chorus runs settle {} --contact {address}", run.id);
            let what = format!("`{settle} --went-out` says that it did, `… --send-again` sends it once more");
            (Reason::Uncertain, format!("not certain: {what}{answer}"))
        }
        DeliveryState::Suppressed => (Reason::LeftOut, format!("left out: {why}")),
        DeliveryState::Cancelled => (Reason::Cancelled, "the run was cancelled first".to_owned()),
    };
    let post_url = delivery.link().map(str::to_owned);
    StepExplanation { step: run.step.clone(), reason, because, run: Some(run.id.0), at, post_url }
}

/// Returns text about the post's URL, and about a manual settlement.
fn describe_settlement_and_link(delivery: &DeliveryRow) -> String {
    let settled = delivery.reason.as_deref().map(reason_text).map(|why| format!("; {why}"));
    let link = delivery.link().map(|link| format!("; see {link}"));
    settled.unwrap_or_default() + &link.unwrap_or_default()
}

/// Returns text about the contact's reactions to the message.
fn reactions(delivery: &DeliveryRow) -> String {
    let mut done = Vec::new();
    for (at, what) in [
        (delivery.opened_at, "opened"),
        (delivery.clicked_at, "clicked"),
        (delivery.converted_at, "converted"),
    ] {
        if at.is_some() {
            done.push(what);
        }
    }
    if delivery.repeats > 0 {
        done.push("may have been received twice");
    }
    if done.is_empty() { String::new() } else { format!("; {}", done.join(", ")) }
}
