//! `chorus runs show`: one run, and what became of its recipients.

use campaign::Workspace;
use dashboard::Outlook;
use scheduler::RepeatBound;
use store::{DeliveryId, DeliveryRow, DeliveryState, Run, TallyState};

use super::change::get;
use super::label::{show_instant, state_name};
use crate::output::{self, Format, number};
use crate::setup::{Env, Opened};
use crate::time;

/// Prints one run.
pub(super) async fn show(
    env: &Env,
    opened: &Opened,
    id: i64,
    state: Option<DeliveryState>,
    limit: i64,
) -> anyhow::Result<()> {
    let run = get(opened, id).await?;
    let store = &opened.store;
    let first = DeliveryId::new(run.id, store::ContactId::FEED);
    let before = DeliveryId(first.0 - 1);
    let repeated = store.delivery_list(run.id, None, true, before, limit).await?;
    let list = async |state| store.delivery_list(run.id, Some(state), false, before, limit).await;
    let listed = list(state.unwrap_or(DeliveryState::Failed)).await?;
    let uncertain = list(DeliveryState::Uncertain).await?;
    let mut posts = list(DeliveryState::Sent).await?;
    posts.retain(|row| row.link().is_some() || row.post_id.is_some());
    let outlook = dashboard::outlook(store, opened.workspace(), &run, opened.clock.now()).await?;
    if env.format == Format::Json {
        return output::json(&serde_json::json!({
            "run": run, "outlook": outlook, "deliveries": listed, "repeated": repeated,
            "uncertain": uncertain, "posts": posts,
            "repeat_bound": bound(opened.workspace(), &run),
        }));
    }
    print_run(opened.workspace(), &run)?;
    print_outlook(opened.workspace(), &outlook)?;
    if let Some(bound) = bound(opened.workspace(), &run) {
        output::line(format!(
            "  at risk    a worker that is killed repeats at most {}, one per connection; {} if its machine is lost",
            bound.killed, bound.machine_lost
        ))?;
    }
    let title = state.map_or("Failed".to_owned(), |state| format!("{state:?}"));
    print_deliveries(opened.workspace(), &title, &listed)?;
    if state != Some(DeliveryState::Uncertain) {
        print_deliveries(opened.workspace(), "Uncertain: nobody knows whether it arrived", &uncertain)?;
    }
    if !uncertain.is_empty() {
        output::line(format!(
            "\nLook whether they arrived, then say so: `chorus runs settle {id} --went-out` counts them as sent, \
             `--send-again` sends them once more; `--contact ADDRESS` is for one of them.",
        ))?;
    }
    print_posts(&posts)?;
    print_deliveries(opened.workspace(), "May have been received twice (same Message-ID)", &repeated)
}

fn print_deliveries(workspace: &Workspace, title: &str, rows: &[DeliveryRow]) -> anyhow::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    output::line(format!("\n{title}:"))?;
    let zone = &workspace.brand.timezone;
    let row = |row: &DeliveryRow| {
        vec![
            row.address.clone(),
            row.state.to_string(),
            row.reason
                .as_deref()
                .map_or_else(String::new, |reason| dashboard::words::reason(reason).to_owned()),
            row.sent_at.or(row.due_at).map_or_else(String::new, |at| time::show_millis(at, zone)),
            row.attempts.to_string(),
            row.answer.clone().unwrap_or_default().chars().take(80).collect(),
        ]
    };
    output::table(&["recipient", "state", "why", "at", "tries#", "answer"], rows.iter().map(row).collect())
}

/// Where posts can be seen.
fn print_posts(posts: &[DeliveryRow]) -> anyhow::Result<()> {
    if posts.is_empty() {
        return Ok(());
    }
    output::line("\nPosted:")?;
    let row = |row: &DeliveryRow| {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        vec![row.address.clone(), text(row.post_id.as_deref()), text(row.link())]
    };
    output::table(&["recipient", "id", "seen at"], posts.iter().map(row).collect())
}

/// One run for people.
pub(crate) fn print_run(workspace: &Workspace, run: &Run) -> anyhow::Result<()> {
    let zone = &workspace.brand.timezone;
    let (sent, total) = (number(run.tally(DeliveryState::Sent)), number(run.total));
    output::line(format!("Run {} of {}/{} by {}", run.id, run.campaign, run.step, run.channel))?;
    output::line(format!("  fired      {}", show_instant(run, zone)))?;
    output::line(format!("  state      {}", state_name(run.state)))?;
    if let Some(note) = &run.note {
        output::line(format!("  note       {note}"))?;
    }
    output::line(format!("  sent       {sent} of {total}"))?;
    for tally in run.tallies.iter().filter(|tally| tally.state != DeliveryState::Sent.into()) {
        let why = match tally.reason.as_str() {
            "" => String::new(),
            reason => format!(" ({})", dashboard::words::reason(reason)),
        };
        let state = match tally.state {
            TallyState::Repeat => "repeats",
            state => state.as_str(),
        };
        output::line(format!("  {state:<10} {}{why}", number(tally.count)))?;
    }
    for (what, count) in [("came back", run.came_back.bounced), ("spam", run.came_back.complained)] {
        if count > 0 {
            output::line(format!("  {what:<10} {}", number(count)))?;
        }
    }
    let open = run.total - run.ended();
    if open > 0 {
        output::line(format!("  waiting    {}", number(open)))?;
    }
    Ok(())
}

/// How many a worker may repeat that comes to a bad end.
fn bound(workspace: &Workspace, run: &Run) -> Option<RepeatBound> {
    workspace.channels.get(run.channel.as_str()).map(RepeatBound::of)
}

/// As many receivers that wait are told.
const WAITS: usize = 10;

/// What is to be expected of it.
fn print_outlook(workspace: &Workspace, outlook: &Outlook) -> anyhow::Result<()> {
    let zone = &workspace.brand.timezone;
    for held in outlook.waits.iter().take(WAITS) {
        output::line(format!("  waits      {}; next try {}", held.why, time::show_millis(held.until, zone)))?;
    }
    if outlook.waits.len() > WAITS {
        output::line(format!("             and {} more receivers", outlook.waits.len() - WAITS))?;
    }
    match outlook.finish {
        Some(finish) => output::line(format!("  done       about {}", time::show(finish, zone))),
        None => Ok(()),
    }
}
