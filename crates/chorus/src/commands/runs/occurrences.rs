//! `chorus runs fire` and `skip`: occurrences that did not run, or shall not.

use campaign::{Campaign, Step, Workspace};
use clap::Args;
use jiff::Timestamp;
use schedule::Moment;
use store::{Millis, NewOccurrence, OccurrenceKind, OccurrenceReason, OccurrenceRow, OccurrenceState};

use crate::named::find_step;
use crate::output::{self, Format, wrong};
use crate::setup::{Env, Opened};
use crate::time;

/// Which occurrence.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// CAMPAIGN/STEP, as `chorus runs` and `chorus plan` write it.
    step: String,
    /// When it was or will be due: 2027-03-02T10:00 by the brand's clock, by the contacts' own where those count.
    #[arg(long, allow_hyphen_values = true)]
    at: String,
}

/// Occurrences of one step are looked for among so many.
const LISTED: i64 = 1_000;

/// Prints the occurrences that wait for a person.
pub(super) fn print(rows: &[OccurrenceRow], workspace: &Workspace) -> anyhow::Result<()> {
    let zone = &workspace.brand.timezone;
    if rows.is_empty() {
        return Ok(());
    }
    output::line("\nDid not run:")?;
    let cells = |row: &OccurrenceRow| {
        vec![
            show_time(row, workspace),
            format!("{}/{}", row.campaign, row.step),
            dashboard::words::occurrence(row.kind, row.reason, row.detail.as_deref()),
        ]
    };
    output::table(&["at", "campaign/step", "why"], rows.iter().map(cells).collect())?;
    let once = rows.iter().find(|row| row.reason == OccurrenceReason::AlreadySent);
    if let Some(row) = once {
        output::line(format!(
            "\nWhat happens once and went out is sent once more by `chorus send {} --step {} --again`.",
            row.campaign, row.step
        ))?;
    }
    let can_run = |row: &&OccurrenceRow| {
        row.kind != OccurrenceKind::Clock && row.reason != OccurrenceReason::AlreadySent
    };
    let example = rows.iter().find(can_run);
    let Some(row) = example else { return Ok(()) };
    let at = row.instant.timestamp().unwrap_or(Timestamp::UNIX_EPOCH);
    let here = at.to_zoned(zone.clone()).datetime();
    let at = dashboard::own_clock_of(workspace, row).unwrap_or(here).strftime("%Y-%m-%dT%H:%M").to_string();
    output::line(format!(
        "\nTo run one now: `chorus runs fire {0}/{1} --at {at}`. To dismiss it: `chorus runs skip {0}/{1} --at {at}`.",
        row.campaign, row.step
    ))
}

/// The time of an occurrence: by the contacts' own clocks where those count.
pub(crate) fn show_time(row: &OccurrenceRow, workspace: &Workspace) -> String {
    dashboard::own_clock_of(workspace, row).map_or_else(
        || dashboard::words::occurrence_time(row, |at| time::show_millis(at, &workspace.brand.timezone)),
        time::show_own_clock,
    )
}

/// Runs an occurrence now.
pub(super) async fn fire(env: &Env, opened: &Opened, options: &Options) -> anyhow::Result<()> {
    let (campaign, step) = find(opened, &options.step)?;
    if let Some(stopped) = opened.store.stopped().await? {
        return Err(wrong(dashboard::words::stopped(&stopped)));
    }
    if campaign.hold {
        return Err(wrong(format!("{} says hold = true: take the line out first", campaign.file.display())));
    }
    let wanted = wanted(opened, &options.at)?;
    let row = match written(opened, campaign.id.as_str(), step.id.as_str(), wanted).await? {
        Some(row) => row,
        None => of_schedule(opened, campaign, step, wanted).await?,
    };
    if let (OccurrenceState::Fired, Some(run)) = (row.state, row.run_id) {
        return Err(wrong(format!("it ran after all: run {run}")));
    }
    let now = opened.clock.now();
    let is_to_come = row.instant > now.into();
    if is_to_come && row.state == OccurrenceState::Dismissed {
        return Err(wrong(format!(
            "{0}/{1} was skipped at that time, and does not run then. `chorus send {0} --step {1}` sends it when you want \
             it",
            campaign.id, step.id
        )));
    }
    if is_to_come && !matches!(step.schedule.zone, schedule::Zone::Contact { .. }) {
        return Err(wrong(format!(
            "{}/{} is to come, and runs by itself then. `chorus send {} --step {}` sends the step now",
            campaign.id, step.id, campaign.id, step.id
        )));
    }
    let fired = scheduler::fire_occurrence(&opened.store, &opened.loaded, campaign, step, &row, now).await;
    let id = fired.map_err(|error| wrong(format!("cannot {error}")))?;
    let id = id.ok_or_else(|| wrong("it ran already; `chorus runs` lists it"))?;
    match env.format {
        Format::Json => output::json(&opened.store.run_get(id).await?),
        _ => output::line(format!(
            "Run {id} of {}/{} is made: `chorus serve` sends it; `chorus runs show {id}` shows how it goes.",
            campaign.id, step.id
        )),
    }
}

/// Dismisses an occurrence, or takes one out that is to come. The step of one that did not run may be gone from the files.
pub(super) async fn skip(env: &Env, opened: &Opened, options: &Options) -> anyhow::Result<()> {
    let (name, step_name) = names(&options.step)?;
    let (now, wanted) = (opened.clock.millis(), wanted(opened, &options.at)?);
    let row = match written(opened, name, step_name, wanted).await? {
        Some(row) => row,
        None => {
            let (campaign, step) = find(opened, &options.step)?;
            of_schedule(opened, campaign, step, wanted).await?
        }
    };
    if !opened.store.occurrence_dismiss(name, step_name, row.instant, now).await? {
        let why =
            row.run_id.map_or_else(|| "it was dismissed before".to_owned(), |run| format!("it is run {run}"));
        return Err(wrong(format!("nothing to skip: {why}")));
    }
    if env.format == Format::Json {
        return output::json(&opened.store.occurrence_get(name, step_name, row.instant).await?);
    }
    let zone = &opened.workspace().brand.timezone;
    let at = time::show_millis(row.instant, zone);
    output::line(format!("{name}/{step_name} at {at} is skipped: it does not run."))
}

fn names(text: &str) -> anyhow::Result<(&str, &str)> {
    text.split_once('/')
        .ok_or_else(|| wrong(format!("{text:?} names no step: write CAMPAIGN/STEP, such as spring/mail")))
}

fn find<'a>(opened: &'a Opened, text: &str) -> anyhow::Result<(&'a Campaign, &'a Step)> {
    let (campaign, step) = names(text)?;
    let campaign = opened.campaign(campaign)?;
    Ok((campaign, find_step(campaign, Some(step))?))
}

/// The time that was asked for.
fn wanted(opened: &Opened, at: &str) -> anyhow::Result<Timestamp> {
    time::parse(at, &opened.workspace().brand.timezone, opened.clock.now())
}

/// The start of the minute of a time.
fn minute(time: impl Into<Millis>) -> Millis {
    time.into().floor(60_000)
}

/// The occurrence of a step at a time, as it was written down.
async fn written(
    opened: &Opened,
    name: &str,
    step_name: &str,
    wanted: Timestamp,
) -> anyhow::Result<Option<OccurrenceRow>> {
    let rows = opened.store.occurrence_list(Some(name), false, LISTED).await?;
    let here = minute(wanted);
    // By the contacts' own clocks it is asked for as these show it.
    let asked = wanted.to_zoned(opened.workspace().brand.timezone.clone()).datetime();
    let is_asked = |row: &OccurrenceRow| {
        dashboard::own_clock_of(opened.workspace(), row).is_some_and(|wall| {
            wall.date() == asked.date() && wall.hour() == asked.hour() && wall.minute() == asked.minute()
        })
    };
    let is_here = |row: &OccurrenceRow| minute(row.instant) == here || is_asked(row);
    let here_rows = rows.into_iter().filter(|row| row.step == step_name && is_here(row));
    // Of two in one minute the one that waits for a person.
    Ok(here_rows.min_by_key(|row| row.state != OccurrenceState::Open))
}

/// The occurrence of a step at a time as its schedule has it.
async fn of_schedule(
    opened: &Opened,
    campaign: &Campaign,
    step: &Step,
    wanted: Timestamp,
) -> anyhow::Result<OccurrenceRow> {
    let zone = &opened.workspace().brand.timezone;
    let now = opened.clock.now();
    let (name, step_name) = (campaign.id.as_str(), step.id.as_str());
    let here = minute(wanted);
    // With contacts' own clocks the key is that time at the first place on Earth.
    let day = jiff::SignedDuration::from_hours(27);
    let (from, to) = (wanted.saturating_sub(day)?, wanted.saturating_add(day)?);
    let found = step.schedule.occurrences(from, to, 10_000).into_iter().find(|occurrence| {
        let local = match occurrence.moment {
            Moment::Local(wall) => {
                Some(minute(wall.to_zoned(zone.clone()).map_or(Timestamp::UNIX_EPOCH, |z| z.timestamp())))
            }
            Moment::Instant(_) => None,
        };
        local.unwrap_or_else(|| minute(occurrence.instant)) == here
    });
    let Some(found) = found else {
        return Err(wrong(format!(
            "{name}/{step_name} has no occurrence at {}; `chorus runs` lists those that did not run, `chorus plan` \
             those to come",
            time::show(wanted, zone)
        )));
    };
    let instant = Millis::from(found.instant);
    let run = opened.store.run_of_step(name, step_name, LISTED).await?;
    if let Some(run) = run.iter().find(|run| run.instant == instant) {
        return Err(wrong(format!("it is run {}; `chorus runs show {0}` shows how it went", run.id)));
    }
    if let Some(row) = opened.store.occurrence_get(name, step_name, instant).await? {
        return Ok(row);
    }
    let NewOccurrence { kind, reason, count, .. } =
        NewOccurrence::one(instant, OccurrenceKind::Missed, OccurrenceReason::Off);
    Ok(OccurrenceRow {
        campaign: name.to_owned(),
        step: step_name.to_owned(),
        instant,
        kind,
        reason,
        detail: None,
        through: None,
        count,
        parent_id: None,
        state: OccurrenceState::Open,
        run_id: None,
        created_at: now.into(),
    })
}
