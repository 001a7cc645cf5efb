//! Output of a plan as tables.

use std::collections::BTreeMap;

use campaign::Workspace;
use jiff::Timestamp;
use source::Diagnostics;
use store::Run;

use super::row::Row;
use crate::commands::runs;
use terminal::color::{self, Tone};
use terminal::output::{self, number};
use terminal::time;

/// Prints the occurrences that run, who is left out of them, and the occurrences that do not run.
pub(super) fn print(
    workspace: &Workspace,
    rows: &[Row],
    from: Timestamp,
    to: Timestamp,
) -> anyhow::Result<()> {
    let zone = &workspace.brand.timezone;
    let name = zone.iana_name().unwrap_or("UTC");
    let span = format!("{} to {} ({name})", time::show(from, zone), time::show(to, zone));
    let (run, rest): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| row.runs);
    if run.is_empty() {
        output::line(format!("Nothing runs from {span}."))?;
        return print_not_running(workspace, &rest);
    }
    output::line(format!("What runs from {span}:\n"))?;
    let cells = |row: &&Row| {
        vec![
            when(row, zone),
            format!("{}/{}", row.campaign, row.step),
            row.channel.clone(),
            row.audience.clone().unwrap_or_else(|| "its own feed".to_owned()),
            format!("{}{}", if row.after.is_some() { "at most " } else { "" }, number(row.counts.reached)),
            number(row.counts.audience - row.counts.reached),
            row.finish.map_or_else(String::new, |finish| {
                let finish = time::show(finish, zone);
                match row.expires_first {
                    true => color::paint(Tone::Warning, &format!("about {finish}, but expires before")),
                    false => format!("about {finish}"),
                }
            }),
            if row.cost.is_zero() { String::new() } else { row.cost.exact(&row.currency) },
        ]
    };
    let headings =
        ["when", "campaign/step", "channel", "audience", "messages#", "left out#", "done", "cost#"];
    output::table(&headings, run.iter().map(cells))?;
    print_left_out(&run)?;
    print_schedules(&run)?;
    print_not_running(workspace, &rest)
}

/// Prints the schedule of each step in words, in the order of their first occurrence.
fn print_schedules(rows: &[&Row]) -> anyhow::Result<()> {
    let mut printed = std::collections::BTreeSet::new();
    output::line("\nSchedules:")?;
    for row in rows {
        let step = format!("{}/{}", row.campaign, row.step);
        if !printed.contains(&step) {
            output::line(format!("  {step}: {}", row.schedule))?;
            printed.insert(step);
        }
    }
    Ok(())
}

fn when(row: &Row, zone: &jiff::tz::TimeZone) -> String {
    match (&row.local, &row.after) {
        (Some(local), _) => format!("{local} (each contact's time)"),
        (None, Some(_)) => format!("{} or later", time::show(row.brand_time, zone)),
        (None, None) if row.overdue && row.runs => {
            format!("at once (was due {})", time::show(row.brand_time, zone))
        }
        (None, None) => time::show(row.brand_time, zone),
    }
}

/// Prints which steps have more occurrences than are listed.
pub(super) fn print_truncated(
    truncated: &BTreeMap<String, Timestamp>,
    zone: &jiff::tz::TimeZone,
) -> anyhow::Result<()> {
    for (step, last) in truncated {
        output::line(format!(
            "\n{step} has more occurrences than are listed: the last one here is {}. `--from` and `--to` show others.",
            time::show(*last, zone)
        ))?;
    }
    Ok(())
}

/// Prints the open runs, which keep the texts and times with which they were created.
pub(super) fn print_under_way(runs: &[Run], zone: &jiff::tz::TimeZone) -> anyhow::Result<()> {
    if runs.is_empty() {
        return Ok(());
    }
    output::line("\nUnder way, with the texts and times of their creation:\n")?;
    let cells = |run: &Run| {
        let waiting = run.total - run.ended();
        vec![
            run.id.to_string(),
            format!("{}/{}", run.campaign, run.step),
            runs::show_instant(run, zone),
            color::paint(run.state, &dashboard::words::run_state(run.state).to_lowercase()),
            number(waiting.max(0)),
        ]
    };
    output::table(&["run", "campaign/step", "at", "state", "waiting#"], runs.iter().map(cells))
}

/// Prints the occurrences that do not run, with the reason.
fn print_not_running(workspace: &Workspace, rows: &[&Row]) -> anyhow::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let zone = &workspace.brand.timezone;
    output::line("\nWhat does not run, and why:\n")?;
    let cells = |row: &&Row| {
        vec![
            when(row, zone),
            format!("{}/{}", row.campaign, row.step),
            color::paint_start(
                row.kind.map_or(Tone::Plain, Tone::from),
                row.because.as_deref().unwrap_or_default(),
            ),
        ]
    };
    output::table(&["when", "campaign/step", "why"], rows.iter().map(cells))
}

/// Prints how many contacts are left out and why, once for each audience.
fn print_left_out(rows: &[&Row]) -> anyhow::Result<()> {
    let mut printed = std::collections::BTreeSet::new();
    for row in rows {
        let Some(audience) = &row.audience else { continue };
        if row.counts.left_out.is_empty() || !printed.insert(audience) {
            continue;
        }
        if printed.len() == 1 {
            output::line("\nWho is left out, and why:")?;
        }
        let why = row.counts.left_out.iter();
        let why: Vec<_> = why
            .map(|(reason, count)| format!("{} because {}", number(*count), dashboard::words::reason(reason)))
            .collect();
        output::line(format!("  {audience}: {}", why.join(", ")))?;
    }
    Ok(())
}

/// Prints the findings about messages that are too long for a recipient.
pub(super) fn print_too_long(findings: &Diagnostics) -> anyhow::Result<()> {
    let text = findings.to_text(color::enabled());
    if text.is_empty() {
        return Ok(());
    }
    output::line("\nToo long for at least one recipient, so that it will not be sent:\n")?;
    output::line(text.trim_end())
}
