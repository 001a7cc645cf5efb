//! `chorus runs show`: shows one run with its deliveries.

use campaign::Workspace;
use dashboard::RunForecast;
use scheduler::RepeatBound;
use store::{DeliveryId, DeliveryRow, DeliveryState, Run, TallyState};

use super::change::get;
use super::label::{show_instant, state_name};
use crate::setup::{App, Env};
use terminal::color;
use terminal::output::{self, Format, counted, number};
use terminal::time;

/// Prints one run, with the deliveries in `state`, or the failed ones.
pub(super) async fn show(
    env: &Env,
    app: &App,
    id: i64,
    state: Option<DeliveryState>,
    limit: i64,
) -> anyhow::Result<()> {
    let run = get(app, id).await?;
    let store = &app.store;
    let first = DeliveryId::new(run.id, store::ContactId::FEED);
    let before = DeliveryId(first.0 - 1);
    let repeated = store.delivery_list(run.id, None, true, before, limit).await?;
    let list = async |state| store.delivery_list(run.id, Some(state), false, before, limit).await;
    let listed = list(state.unwrap_or(DeliveryState::Failed)).await?;
    let uncertain = list(DeliveryState::Uncertain).await?;
    let mut posts = list(DeliveryState::Sent).await?;
    posts.retain(|row| row.link().is_some() || row.post_id.is_some());
    let forecast = dashboard::run_forecast(store, app.workspace(), &run, app.clock.now()).await?;
    if env.format == Format::Json {
        return output::json(&serde_json::json!({
            "run": run, "outlook": forecast, "deliveries": listed, "repeated": repeated,
            "uncertain": uncertain, "posts": posts,
            "repeat_bound": repeat_bound(app.workspace(), &run),
        }));
    }
    print_run(app.workspace(), &run)?;
    print_forecast(app.workspace(), &forecast)?;
    if let Some(bound) = repeat_bound(app.workspace(), &run) {
        output::line(format!(
            "  at risk    a worker that is killed repeats at most {}, one per connection; {} if its machine is lost",
            bound.killed, bound.machine_lost
        ))?;
    }
    let title = state.map_or("Failed".to_owned(), |state| format!("{state:?}"));
    print_deliveries(app.workspace(), &title, &listed)?;
    if state != Some(DeliveryState::Uncertain) {
        print_deliveries(app.workspace(), "Uncertain: it is unknown whether they arrived", &uncertain)?;
    }
    if !uncertain.is_empty() {
        output::line(format!(
            "\nFind out whether they arrived, then decide: `chorus runs settle {id} --went-out` counts them as sent, \
             `--send-again` sends them once more; `--contact ADDRESS` is for one of them.",
        ))?;
    }
    print_posts(&posts)?;
    print_deliveries(app.workspace(), "May have been received twice (same Message-ID)", &repeated)
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
            color::paint(row.state, row.state.as_str()),
            row.reason
                .as_deref()
                .map_or_else(String::new, |reason| dashboard::words::reason(reason).to_owned()),
            row.sent_at.or(row.due_at).map_or_else(String::new, |at| time::show_millis(at, zone)),
            row.attempts.to_string(),
            row.answer.clone().unwrap_or_default().chars().take(80).collect(),
        ]
    };
    output::table(&["recipient", "state", "why", "at", "tries#", "answer"], rows.iter().map(row))
}

/// Prints the ids and URLs of published posts.
fn print_posts(posts: &[DeliveryRow]) -> anyhow::Result<()> {
    if posts.is_empty() {
        return Ok(());
    }
    output::line("\nPosted:")?;
    let row = |row: &DeliveryRow| {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        vec![row.address.clone(), text(row.post_id.as_deref()), text(row.link())]
    };
    output::table(&["recipient", "id", "seen at"], posts.iter().map(row))
}

/// Prints the state and counts of a run.
pub(crate) fn print_run(workspace: &Workspace, run: &Run) -> anyhow::Result<()> {
    let zone = &workspace.brand.timezone;
    let (sent, total) = (number(run.tally(DeliveryState::Sent)), number(run.total));
    output::line(format!("Run {} of {}/{} by {}", run.id, run.campaign, run.step, run.channel))?;
    output::line(format!("  fired      {}", show_instant(run, zone)))?;
    output::line(format!("  state      {}", color::paint(run.state, state_name(run.state))))?;
    if let Some(note) = &run.note {
        output::line(format!("  note       {note}"))?;
    }
    output::line(format!("  sent       {sent} of {total}"))?;
    for tally in run.tallies.iter().filter(|tally| tally.state != DeliveryState::Sent.into()) {
        let why = match tally.reason.as_str() {
            "" => String::new(),
            reason => format!(" ({})", dashboard::words::reason(reason)),
        };
        let word = match tally.state {
            TallyState::Repeat => "repeats",
            state => state.as_str(),
        };
        let word = color::paint(tally.state, &format!("{word:<10}"));
        output::line(format!("  {word} {}{why}", number(tally.count)))?;
    }
    for (what, count) in [("bounced", run.feedback.bounced), ("spam", run.feedback.complained)] {
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

/// Returns the maximum number of messages that may be repeated after a worker is killed or its
/// machine is lost.
fn repeat_bound(workspace: &Workspace, run: &Run) -> Option<RepeatBound> {
    workspace.channels.get(run.channel.as_str()).map(RepeatBound::of)
}

/// Maximum number of waiting receivers that are listed.
const MAX_WAITS: usize = 10;

/// Prints the receivers that are waiting and the estimated end of the run.
fn print_forecast(workspace: &Workspace, forecast: &RunForecast) -> anyhow::Result<()> {
    let zone = &workspace.brand.timezone;
    for held in forecast.waits.iter().take(MAX_WAITS) {
        output::line(format!("  waits      {}; next try {}", held.why, time::show_millis(held.until, zone)))?;
    }
    if forecast.waits.len() > MAX_WAITS {
        output::line(format!(
            "             and {}",
            counted(forecast.waits.len() - MAX_WAITS, "more receiver", "more receivers")
        ))?;
    }
    match forecast.finish {
        Some(finish) => output::line(format!("  done       about {}", time::show(finish, zone))),
        None => Ok(()),
    }
}
