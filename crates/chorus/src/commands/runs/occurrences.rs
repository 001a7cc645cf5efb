//! `chorus runs fire` and `skip`: runs or dismisses occurrences that did not run, and skips future
//! ones.

use campaign::{Campaign, Step, Workspace};
use clap::Args;
use jiff::Timestamp;
use schedule::Moment;
use store::{Millis, NewOccurrence, OccurrenceKind, OccurrenceReason, OccurrenceRow, OccurrenceState};

use crate::lookup::find_step;
use crate::setup::{App, Env};
use terminal::arguments::StepName;
use terminal::color;
use terminal::output::{self, Format, user_error};
use terminal::time::{self, When};

/// Options that select an occurrence.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// The step as CAMPAIGN/STEP, as in the output of `chorus runs` and `chorus plan`.
    step: StepName,
    /// The time at which it was or will be due, such as 2027-03-02T10:00, in the brand's time zone,
    /// or in that of the contacts if the schedule follows it.
    #[arg(long, allow_hyphen_values = true)]
    at: When,
}

/// Maximum number of rows that are read to find an occurrence or run.
const MAX_ROWS: i64 = 1_000;

/// Prints the occurrences that did not run and wait for an operator.
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
            color::paint_start(
                row.kind,
                &dashboard::words::occurrence(row.kind, row.reason, row.detail.as_deref()),
            ),
        ]
    };
    output::table(&["at", "campaign/step", "why"], rows.iter().map(cells))?;
    let once = rows.iter().find(|row| row.reason == OccurrenceReason::AlreadySent);
    if let Some(row) = once {
        output::line(format!(
            "\nA step with `at` that was sent is sent again by `chorus send {} --step {} --again`.",
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
    let at = dashboard::occurrence_local_time(workspace, row).unwrap_or(here);
    let at = at.strftime("%Y-%m-%dT%H:%M").to_string();
    output::line(format!(
        "\nTo run one now: `chorus runs fire {0}/{1} --at {at}`. To dismiss it: `chorus runs skip {0}/{1} --at {at}`.",
        row.campaign, row.step
    ))
}

/// Formats the time of an occurrence, as local time if it follows the contacts' time zones.
pub(crate) fn show_time(row: &OccurrenceRow, workspace: &Workspace) -> String {
    dashboard::occurrence_local_time(workspace, row).map_or_else(
        || dashboard::words::occurrence_time(row, |at| time::show_millis(at, &workspace.brand.timezone)),
        time::show_contact_time,
    )
}

/// Runs `chorus runs fire`: creates the run of an occurrence.
pub(super) async fn fire(env: &Env, app: &App, options: &Options) -> anyhow::Result<()> {
    let (campaign, step) = find(app, &options.step)?;
    if let Some(stopped) = app.store.stopped().await? {
        return Err(user_error(dashboard::words::stopped(&stopped)));
    }
    if campaign.hold {
        let file = campaign.file.display();
        return Err(user_error(format!("{file} says hold = true: remove the line first")));
    }
    let at = time_of(app, &options.at)?;
    let row = match find_stored(app, campaign.id.as_str(), step.id.as_str(), at).await? {
        Some(row) => row,
        None => find_scheduled(app, campaign, step, at).await?,
    };
    if let (OccurrenceState::Fired, Some(run)) = (row.state, row.run_id) {
        return Err(user_error(format!("it has run already: run {run}")));
    }
    let now = app.clock.now();
    let is_future = row.instant > now.into();
    if is_future && row.state == OccurrenceState::Dismissed {
        return Err(user_error(format!(
            "{0}/{1} was skipped at that time, and does not run then. `chorus send {0} --step {1}` sends it when you want \
             it",
            campaign.id, step.id
        )));
    }
    if is_future && !matches!(step.schedule.zone, schedule::ScheduleZone::Contact { .. }) {
        return Err(user_error(format!(
            "{}/{} is not due yet and runs by itself then. `chorus send {} --step {}` sends the step now",
            campaign.id, step.id, campaign.id, step.id
        )));
    }
    let fired = scheduler::fire_occurrence(&app.store, &app.loaded, campaign, step, &row, now).await;
    let id = fired.map_err(|error| user_error(format!("cannot {error}")))?;
    let id = id.ok_or_else(|| user_error("it ran already; `chorus runs` lists it"))?;
    match env.format {
        Format::Json => output::json(&app.store.run_get(id).await?),
        _ => output::line(format!(
            "Run {id} of {}/{} is created: `chorus serve` sends it; `chorus runs show {id}` shows how it goes.",
            campaign.id, step.id
        )),
    }
}

/// Runs `chorus runs skip`: dismisses an occurrence, or skips a future one. The step of an
/// occurrence that did not run need not be in the files any more.
pub(super) async fn skip(env: &Env, app: &App, options: &Options) -> anyhow::Result<()> {
    let (name, step_name) = (options.step.campaign.as_str(), options.step.step.as_str());
    let (now, at) = (app.clock.millis(), time_of(app, &options.at)?);
    let row = match find_stored(app, name, step_name, at).await? {
        Some(row) => row,
        None => {
            let (campaign, step) = find(app, &options.step)?;
            find_scheduled(app, campaign, step, at).await?
        }
    };
    if !app.store.occurrence_dismiss(name, step_name, row.instant, now).await? {
        let why =
            row.run_id.map_or_else(|| "it was dismissed before".to_owned(), |run| format!("it is run {run}"));
        return Err(user_error(format!("nothing to skip: {why}")));
    }
    if env.format == Format::Json {
        return output::json(&app.store.occurrence_get(name, step_name, row.instant).await?);
    }
    let zone = &app.workspace().brand.timezone;
    let at = time::show_millis(row.instant, zone);
    output::line(format!("{name}/{step_name} at {at} is skipped: it does not run."))
}

fn find<'a>(app: &'a App, name: &StepName) -> anyhow::Result<(&'a Campaign, &'a Step)> {
    let campaign = app.campaign(&name.campaign)?;
    Ok((campaign, find_step(campaign, Some(&name.step))?))
}

/// Returns the time given by `--at`.
fn time_of(app: &App, at: &When) -> anyhow::Result<Timestamp> {
    at.resolve(&app.workspace().brand.timezone, app.clock.now())
}

/// Returns the start of the minute that contains a time.
fn minute(time: impl Into<Millis>) -> Millis {
    time.into().floor(60_000)
}

/// Returns the occurrence of a step at a time from the database.
async fn find_stored(
    app: &App,
    name: &str,
    step_name: &str,
    requested_at: Timestamp,
) -> anyhow::Result<Option<OccurrenceRow>> {
    let rows = app.store.occurrence_list(Some(name), false, MAX_ROWS).await?;
    let requested = minute(requested_at);
    // An occurrence in the contacts' time zones is selected by its local time.
    let local_time = requested_at.to_zoned(app.workspace().brand.timezone.clone()).datetime();
    let has_local_time = |row: &OccurrenceRow| {
        dashboard::occurrence_local_time(app.workspace(), row).is_some_and(|wall| {
            wall.date() == local_time.date()
                && wall.hour() == local_time.hour()
                && wall.minute() == local_time.minute()
        })
    };
    let is_requested = |row: &OccurrenceRow| minute(row.instant) == requested || has_local_time(row);
    let matching = rows.into_iter().filter(|row| row.step == step_name && is_requested(row));
    // Of two occurrences in one minute, the open one is preferred.
    Ok(matching.min_by_key(|row| row.state != OccurrenceState::Open))
}

/// Returns the occurrence of a step at a time from its schedule.
async fn find_scheduled(
    app: &App,
    campaign: &Campaign,
    step: &Step,
    requested_at: Timestamp,
) -> anyhow::Result<OccurrenceRow> {
    let zone = &app.workspace().brand.timezone;
    let now = app.clock.now();
    let (name, step_name) = (campaign.id.as_str(), step.id.as_str());
    let requested = minute(requested_at);
    // The key of an occurrence in the contacts' time zones is its local time in the first time
    // zone.
    let day = jiff::SignedDuration::from_hours(27);
    let (from, to) = (requested_at.saturating_sub(day)?, requested_at.saturating_add(day)?);
    let found = step.schedule.occurrences(from, to, 10_000).into_iter().find(|occurrence| {
        let local = match occurrence.moment {
            Moment::Local(wall) => {
                Some(minute(wall.to_zoned(zone.clone()).map_or(Timestamp::UNIX_EPOCH, |z| z.timestamp())))
            }
            Moment::Instant(_) => None,
        };
        local.unwrap_or_else(|| minute(occurrence.instant)) == requested
    });
    let Some(found) = found else {
        return Err(user_error(format!(
            "{name}/{step_name} has no occurrence at {}; `chorus runs` lists those that did not run, `chorus plan` \
             those to come",
            time::show(requested_at, zone)
        )));
    };
    let instant = Millis::from(found.instant);
    let run = app.store.run_of_step(name, step_name, MAX_ROWS).await?;
    if let Some(run) = run.iter().find(|run| run.instant == instant) {
        return Err(user_error(format!("it is run {}; `chorus runs show {0}` shows how it went", run.id)));
    }
    if let Some(row) = app.store.occurrence_get(name, step_name, instant).await? {
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
