//! `chorus explain`: why this person got it, waits, or did not; one of a closed list of reasons.

use std::process::ExitCode;

use campaign::{Campaign, Per, Step};
use clap::Args;
use schedule::Trigger;
use serde::Serialize;
use store::{Address, Consent, Contact, DeliveryRow, DeliveryState, Explanation, Millis, Run, RunState};

use crate::commands::runs;
use crate::output::{self, Format, wrong};
use crate::setup::{Env, Opened};
use crate::time;

/// Say why this person got a campaign, waits for it, or did not get it
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// E-mail address, phone number or external id.
    address: String,
    /// The campaign.
    campaign: String,
}

/// What is true of one person and one step.
#[derive(Debug, Serialize)]
struct Answer {
    step: String,
    /// One of the closed list below.
    reason: Reason,
    /// In words.
    because: String,
    run: Option<i64>,
    at: Option<Millis>,
    /// Where the post can be seen.
    post_url: Option<String>,
}

/// The closed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Reason {
    /// It was accepted for them.
    Sent,
    /// It is being sent now.
    Sending,
    /// It waits until it is due.
    Waiting,
    /// It was put off by the other side and is tried again.
    Deferred,
    /// Somebody paused the run.
    Paused,
    /// It was refused for good.
    Failed,
    /// A crash left no answer, and a person must decide.
    Uncertain,
    /// They were left out: see the words.
    LeftOut,
    /// The run was ended first.
    Cancelled,
    /// They are not in the audience.
    NotInAudience,
    /// They were not in the audience when it ran, but are now.
    JoinedLater,
    /// The step goes to a feed, not to people.
    NotForPeople,
    /// The step has not run yet.
    NotYetRun,
    /// It did not run at its time: see the words.
    DidNotRun,
}

pub(crate) async fn run(env: &Env, options: &Options) -> anyhow::Result<ExitCode> {
    let opened = env.open().await?;
    let campaign = opened.campaign(&options.campaign)?;
    let found = opened.store.contact_find(&options.address).await?;
    let contact = found.ok_or_else(|| wrong(format!("nobody has the address {:?}", options.address)))?;
    let explanation = opened.store.delivery_explain(contact.id, campaign.id.as_str()).await?;
    let mut answers = Vec::new();
    for step in &campaign.steps {
        answers.push(answer(&opened, campaign, step, &contact, &explanation).await?);
    }
    if env.format == Format::Json {
        output::json(&serde_json::json!({
            "contact": contact.id, "campaign": campaign.id, "steps": answers,
        }))?;
    } else {
        output::line(format!("{} and {}:", options.address, campaign.title))?;
        for answer in &answers {
            output::line(format!("  {:<16} {}", answer.step, answer.because))?;
        }
    }
    opened.store.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn answer(
    opened: &Opened,
    campaign: &Campaign,
    step: &Step,
    contact: &Contact,
    explanation: &Explanation,
) -> anyhow::Result<Answer> {
    let workspace = opened.workspace();
    let latest = explanation.runs.iter().filter(|(run, _)| run.step == step.id.as_str());
    let latest = latest.max_by_key(|(run, delivery)| (delivery.is_some(), run.id));
    let simple = |reason, because: String| Answer {
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
        let mut answer = of_delivery(opened, run, delivery, channel_waits(opened, run).await?.as_deref());
        answer.because.push_str(&of_other_runs(opened, run, explanation));
        return Ok(answer);
    }
    let now = opened.clock.millis();
    let member =
        opened.store.audience_contains(&workspace.audiences, &step.audience, contact.id, now).await?;
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
        (None, _) => match did_not_run(opened, campaign, step).await? {
            Some(why) => simple(Reason::DidNotRun, format!("it did not run ({why})")),
            None => {
                let would = would_be_left_out(opened, step, contact).await?;
                let next = next(opened, campaign, step, contact);
                simple(Reason::NotYetRun, format!("it has not run yet: {next}{would}"))
            }
        },
    })
}

/// Repeats by other runs of the step, and older ones that were superseded.
fn of_other_runs(opened: &Opened, run: &Run, explanation: &Explanation) -> String {
    let zone = &opened.workspace().brand.timezone;
    let others = explanation.runs.iter().filter(|(other, _)| other.step == run.step && other.id != run.id);
    let told = others.filter_map(|(other, delivery)| {
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
    told.collect()
}

/// So many occurrences of a campaign are looked through.
const LISTED: i64 = 100;
/// So many of a step are told.
const TOLD: usize = 3;

/// The latest occurrences of a step that wait for a person, each with its reason; `None` where all ran.
async fn did_not_run(opened: &Opened, campaign: &Campaign, step: &Step) -> anyhow::Result<Option<String>> {
    let rows = opened.store.occurrence_list(Some(campaign.id.as_str()), true, LISTED).await?;
    let of_step = rows.iter().filter(|row| row.step == step.id.as_str()).take(TOLD);
    let told = of_step.map(|row| {
        let why = dashboard::words::occurrence(row.kind, row.reason, row.detail.as_deref());
        format!("{}: {why}", runs::show_time(row, opened.workspace()))
    });
    let told: Vec<_> = told.collect();
    Ok((!told.is_empty()).then(|| told.join("; ")))
}

/// When they would get it, on their own clock.
fn next(opened: &Opened, campaign: &Campaign, step: &Step, contact: &Contact) -> String {
    let now = opened.clock.now();
    let far = jiff::Timestamp::MAX;
    let own = contact.timezone.as_deref().and_then(|name| jiff::tz::TimeZone::get(name).ok());
    let zone = &own.unwrap_or_else(|| opened.workspace().brand.timezone.clone());
    let mut due = step.schedule.occurrences(now, far, 1);
    due.retain(|occurrence| step.schedule.within(occurrence, campaign.starts, campaign.ends));
    match due.first() {
        Some(occurrence) => format!("next {}", time::show(occurrence.moment.due_in(zone), zone)),
        None => step.schedule.describe(),
    }
}

async fn would_be_left_out(opened: &Opened, step: &Step, contact: &Contact) -> anyhow::Result<String> {
    let channel = opened.workspace().channels.get(&step.channel);
    let address = channel.and_then(scheduler::address).unwrap_or(Address::Email);
    if address.of(contact).is_none() {
        return Ok(format!("; they will be left out: {}", word("no_address")));
    }
    if contact.consent == Consent::No {
        return Ok(format!("; they will be left out: {}", word("no_consent")));
    }
    let Some((kind, at)) = address.suppressed_by(contact) else { return Ok(String::new()) };
    let stop = opened.store.suppression_get(kind, at).await?;
    Ok(stop.filter(|stop| address.heeds(stop.reason)).map_or_else(String::new, |stop| {
        let reason = format!("{:?}", stop.reason).to_lowercase();
        format!("; they will be left out: {} ({})", word(&reason), stop.source)
    }))
}

fn word(reason: &str) -> &str {
    dashboard::words::reason(reason)
}

/// Why the whole channel of a run sends nothing for now, and until when.
async fn channel_waits(opened: &Opened, run: &Run) -> anyhow::Result<Option<String>> {
    let held = opened.store.allowance_held(&run.channel, opened.clock.millis()).await?;
    let zone = &opened.workspace().brand.timezone;
    let whole = held.iter().find(|held| held.receiver.is_empty());
    Ok(whole.map(|held| format!("{}; goes on {}", held.why, time::show_millis(held.until, zone))))
}

fn of_delivery(opened: &Opened, run: &Run, delivery: &DeliveryRow, waits: Option<&str>) -> Answer {
    let zone = &opened.workspace().brand.timezone;
    let at = delivery.sent_at.or(delivery.due_at);
    let when = at.map_or_else(String::new, |at| time::show_millis(at, zone));
    let why =
        delivery.reason.as_deref().map_or_else(|| "no reason is known".to_owned(), |r| word(r).to_owned());
    let said = delivery.answer.as_deref().map_or_else(String::new, |answer| format!(" (answer: {answer})"));
    let put_off = delivery.reason.as_deref().map(word).or(waits);
    let put_off = put_off.map_or_else(String::new, |why| format!(": {why}"));
    let (reason, because) = match delivery.state {
        DeliveryState::Sent => {
            (Reason::Sent, format!("sent {when}{}{}", reactions(delivery), seen(delivery)))
        }
        DeliveryState::Sending => (Reason::Sending, "being sent now".to_owned()),
        DeliveryState::Queued if run.state == RunState::Paused => {
            let note = run.note.as_deref().unwrap_or("by hand");
            (Reason::Paused, format!("waits: the run is paused ({note})"))
        }
        DeliveryState::Queued => (Reason::Waiting, format!("waits until {when}{put_off}")),
        DeliveryState::Deferred => {
            (Reason::Deferred, format!("tried, and will be again at {when}{put_off}{said}"))
        }
        DeliveryState::Failed => (Reason::Failed, format!("failed: {why}{said}")),
        DeliveryState::Uncertain => {
            let who = if delivery.address.is_empty() { "ADDRESS" } else { &delivery.address };
            let settle = format!("chorus runs settle {} --contact {who}", run.id);
            let what = format!("`{settle} --went-out` says that it did, `… --send-again` sends it once more");
            (Reason::Uncertain, format!("not certain: {what}{said}"))
        }
        DeliveryState::Suppressed => (Reason::LeftOut, format!("left out: {why}")),
        DeliveryState::Cancelled => (Reason::Cancelled, "the run was cancelled first".to_owned()),
    };
    let post_url = delivery.link().map(str::to_owned);
    Answer { step: run.step.clone(), reason, because, run: Some(run.id.0), at, post_url }
}

/// Where the post can be seen, and that a person said that it is there.
fn seen(delivery: &DeliveryRow) -> String {
    let settled = delivery.reason.as_deref().map(word).map(|why| format!("; {why}"));
    let link = delivery.link().map(|link| format!("; see {link}"));
    settled.unwrap_or_default() + &link.unwrap_or_default()
}

/// What they did with it.
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
        done.push("may have come twice");
    }
    if done.is_empty() { String::new() } else { format!("; {}", done.join(", ")) }
}
