//! What `chorus send` says before it sends, and why it does not.

use std::io::{BufRead, IsTerminal, Write};

use campaign::{Campaign, Step};
use schedule::Trigger;
use scheduler::{HandSend, Refusal};
use store::{DeliveryState, PlanCounts, Planned, Run, RunState};

use super::error::cannot;
use crate::output::{self, number};
use crate::setup::Opened;
use crate::time;

/// Why the step is not sent, and what to do.
pub(super) fn refusal(opened: &Opened, campaign: &Campaign, step: &Step, refusal: &Refusal) -> String {
    let zone = &opened.workspace().brand.timezone;
    let name = format!("{}/{}", campaign.id, step.id);
    match refusal {
        Refusal::Stopped(stopped) => dashboard::words::stopped(stopped),
        Refusal::Held => format!("{} says hold = true: take the line out first", campaign.file.display()),
        Refusal::Ended(ends) => format!(
            "{} ended on {}: change `ends` in {} first",
            campaign.id,
            time::show(*ends, zone),
            campaign.file.display()
        ),
        Refusal::Open(open) => {
            let runs: Vec<_> = open.iter().map(|run| open_run(run, zone)).collect();
            format!("{name} is on its way already: {}. Nothing was sent.", runs.join("; "))
        }
        Refusal::SameText(other) => format!(
            "{name} says the same as {other}, which is gone from the files and reached these people. Nothing was sent. \
             `was` in its file makes it the same step; `--again` sends it to everybody once more."
        ),
        Refusal::WentOut(run) => format!(
            "{name} went out {} (run {}, {} sent), and says the same. Nothing was sent. `--missing` sends it to those who \
             have not got it, `--again` to everybody once more.",
            time::show_millis(run.started_at.unwrap_or(run.instant), zone),
            run.id,
            number(run.tally(DeliveryState::Sent))
        ),
    }
}

fn open_run(run: &Run, zone: &jiff::tz::TimeZone) -> String {
    let state = dashboard::words::run_state(run.state).to_lowercase();
    let at = time::show_millis(run.instant, zone);
    let note = run.note.as_ref().map_or_else(String::new, |note| format!(", {note}"));
    let goes_on = match run.state {
        RunState::Paused => format!("`chorus runs resume {}` goes on", run.id),
        _ => "a `chorus serve` goes on with it".to_owned(),
    };
    format!(
        "run {0} of {at} ({state}{note}: {1} of {2} sent; `chorus runs show {0}`, {goes_on}, `chorus runs cancel {0}` ends \
         it)",
        run.id,
        number(run.tally(DeliveryState::Sent)),
        number(run.total)
    )
}

/// The answer of whoever was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Agreed {
    Yes,
    No,
    /// Nobody has to be asked: everybody has got it, or nobody would get it.
    NobodyIsLeft,
}

/// Says to how many, when it last went out and what follows from sending it, and asks.
pub(super) async fn agreed(
    opened: &Opened,
    campaign: &Campaign,
    step: &Step,
    ask: &HandSend,
    yes: bool,
) -> anyhow::Result<Agreed> {
    let (lines, reached) = summary(opened, campaign, step, ask).await?;
    for line in lines {
        output::note(line);
    }
    if reached == 0 {
        output::note(match ask.missing {
            true => "Nothing was sent: everybody who may get it has it.",
            false => "Nothing was sent: nobody would get it.",
        });
        return Ok(Agreed::NobodyIsLeft);
    }
    if yes {
        return Ok(Agreed::Yes);
    }
    if !std::io::stdin().is_terminal() {
        output::note("Nothing was sent: nobody is there to ask. Say --yes to send it.");
        return Ok(Agreed::No);
    }
    let mut answer = String::new();
    write!(std::io::stderr(), "Send it now? [y/N] ")?;
    std::io::stderr().flush()?;
    std::io::stdin().lock().read_line(&mut answer)?;
    let agreed = matches!(answer.trim().to_lowercase().as_str(), "y" | "yes");
    if agreed {
        return Ok(Agreed::Yes);
    }
    output::note("Nothing was sent.");
    Ok(Agreed::No)
}

async fn summary(
    opened: &Opened,
    campaign: &Campaign,
    step: &Step,
    ask: &HandSend,
) -> anyhow::Result<(Vec<String>, i64)> {
    let now = opened.clock.now();
    let zone = &opened.workspace().brand.timezone;
    let asked = scheduler::asked(step, ask);
    let whom =
        scheduler::whom_by_hand(opened.workspace(), campaign, step, ask, &asked, now).map_err(cannot)?;
    let counts = opened.store.plan_preview(&whom, None, None, now.into()).await?;
    let mut lines = vec![match whom {
        Planned::Feed { .. } => format!("{}/{}: one post by {}.", campaign.id, step.id, step.channel),
        _ => format!("{}/{}: {} by {}.", campaign.id, step.id, people(&counts), step.channel),
    }];
    let last = opened.store.run_of_step(campaign.id.as_str(), step.id.as_str(), 1).await?;
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
        let has_condition = condition.is_some() && !ask.anyway;
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
