//! The confirmation of `chorus send`: the summary before sending, and the texts of refusals.

use std::io::{BufRead, IsTerminal, Write};

use campaign::{Campaign, Step};
use schedule::Trigger;
use scheduler::{ManualSendOptions, Refusal};
use store::{DeliveryState, PlanCounts, RecipientSource, Run, RunState};

use super::error::cannot;
use crate::setup::App;
use terminal::output::{self, number};
use terminal::time;

/// Returns the text of a refusal: why the step is not sent, and what to do.
pub(super) fn refusal_text(app: &App, campaign: &Campaign, step: &Step, refusal: &Refusal) -> String {
    let zone = &app.workspace().brand.timezone;
    let name = format!("{}/{}", campaign.id, step.id);
    match refusal {
        Refusal::Stopped(stopped) => dashboard::words::stopped(stopped),
        Refusal::Held => format!("{} says hold = true: remove the line first", campaign.file.display()),
        Refusal::Ended(ends) => format!(
            "{} ended on {}: change `ends` in {} first",
            campaign.id,
            time::show(*ends, zone),
            campaign.file.display()
        ),
        Refusal::Open(open) => {
            let runs: Vec<_> = open.iter().map(|run| describe_open_run(run, zone)).collect();
            format!("{name} is on its way already: {}. Nothing was sent.", runs.join("; "))
        }
        Refusal::SameText(other) => format!(
            "{name} has the same text as {other}, which is no longer in the files and reached these people. \
             Nothing was sent. `was` in its file makes it the same step; `--again` sends it to all of them once more."
        ),
        Refusal::AlreadySent(run) => format!(
            "{name} went out {} (run {}, {} sent), and says the same. Nothing was sent. `--missing` sends it to those who \
             have not got it, `--again` to all of them once more.",
            time::show_millis(run.started_at.unwrap_or(run.instant), zone),
            run.id,
            number(run.tally(DeliveryState::Sent))
        ),
    }
}

fn describe_open_run(run: &Run, zone: &jiff::tz::TimeZone) -> String {
    let state = dashboard::words::run_state(run.state).to_lowercase();
    let at = time::show_millis(run.instant, zone);
    let note = run.note.as_ref().map_or_else(String::new, |note| format!(", {note}"));
    let next = match run.state {
        RunState::Paused => format!("`chorus runs resume {}` goes on", run.id),
        _ => "a `chorus serve` goes on with it".to_owned(),
    };
    format!(
        "run {0} of {at} ({state}{note}: {1} of {2} sent; `chorus runs show {0}`, {next}, `chorus runs cancel {0}` ends \
         it)",
        run.id,
        number(run.tally(DeliveryState::Sent)),
        number(run.total)
    )
}

/// The outcome of asking for confirmation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Confirmation {
    Yes,
    No,
    /// The question was not asked, because there are no recipients.
    NoRecipients,
}

/// Prints the number of messages, when the step was last sent and the consequences of sending it,
/// and asks for confirmation unless `yes`.
pub(super) async fn confirm(
    app: &App,
    campaign: &Campaign,
    step: &Step,
    request: &ManualSendOptions,
    yes: bool,
) -> anyhow::Result<Confirmation> {
    let (lines, reached) = summary(app, campaign, step, request).await?;
    for line in lines {
        output::note(line);
    }
    if reached == 0 {
        output::note(match request.missing {
            true => "Nothing was sent: all who may get it have it.",
            false => "Nothing was sent: there are no recipients.",
        });
        return Ok(Confirmation::NoRecipients);
    }
    if yes {
        return Ok(Confirmation::Yes);
    }
    if !std::io::stdin().is_terminal() {
        output::note("Nothing was sent: confirmation needs a terminal. Use --yes to send without asking.");
        return Ok(Confirmation::No);
    }
    let mut answer = String::new();
    write!(std::io::stderr(), "Send it now? [y/N] ")?;
    std::io::stderr().flush()?;
    std::io::stdin().lock().read_line(&mut answer)?;
    let is_yes = matches!(answer.trim().to_lowercase().as_str(), "y" | "yes");
    if is_yes {
        return Ok(Confirmation::Yes);
    }
    output::note("Nothing was sent.");
    Ok(Confirmation::No)
}

async fn summary(
    app: &App,
    campaign: &Campaign,
    step: &Step,
    request: &ManualSendOptions,
) -> anyhow::Result<(Vec<String>, i64)> {
    let now = app.clock.now();
    let zone = &app.workspace().brand.timezone;
    let step_request = scheduler::manual_request(step, request);
    let recipients =
        scheduler::manual_recipients(app.workspace(), campaign, step, request, &step_request, now);
    let recipients = recipients.map_err(cannot)?;
    let purpose = scheduler::required_purpose(campaign);
    let counts = app.store.plan_preview(&recipients, None, None, purpose, now.into()).await?;
    let mut lines = vec![match recipients {
        RecipientSource::Feed { .. } => format!("{}/{}: one post by {}.", campaign.id, step.id, step.channel),
        _ => format!("{}/{}: {} by {}.", campaign.id, step.id, people(&counts), step.channel),
    }];
    let last = app.store.run_of_step(campaign.id.as_str(), step.id.as_str(), 1).await?;
    lines.push(match last.first() {
        None => "It has not gone out before.".to_owned(),
        Some(run) => format!(
            "It last went out {} (run {}): {} of {} sent. Nothing of it is open.",
            time::show_millis(run.started_at.unwrap_or(run.instant), zone),
            run.id,
            number(run.tally(DeliveryState::Sent)),
            number(run.ended())
        ),
    });
    if counts.reached > 0
        && let Trigger::At(_) = step.schedule.trigger
        && let Some(at) = step.schedule.occurrences(now, jiff::Timestamp::MAX, 1).first()
    {
        lines.push(format!(
            "It happens once: sent now, it does not go out again at its time, {}.",
            time::show(at.moment.due_in(zone), zone)
        ));
    }
    if let Trigger::After { step: parent, condition, .. } = &step.schedule.trigger {
        let has_condition = condition.is_some() && !request.anyway;
        let condition = if has_condition { ", its condition applies" } else { "" };
        lines.push(format!(
            "It follows {parent} by its schedule; sent by hand it goes to all of {}{condition}, and takes the place of the \
             one that would follow the latest {parent} of each.",
            step.audience
        ));
    }
    Ok((lines, counts.reached))
}

fn people(counts: &PlanCounts) -> String {
    let left_out: Vec<_> = counts
        .left_out
        .iter()
        .map(|(reason, count)| format!("{} because {}", number(*count), dashboard::words::reason(reason)))
        .collect();
    let left_out =
        if left_out.is_empty() { String::new() } else { format!(" (left out: {})", left_out.join(", ")) };
    let noun = if counts.reached == 1 { "message" } else { "messages" };
    format!("{} {noun}{left_out}", number(counts.reached))
}
