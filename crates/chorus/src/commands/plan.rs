//! `chorus plan`: the occurrences of a period with recipients, costs and finish times, the facts
//! that each channel states, and messages that would be too long.

mod matrix;
mod price;
mod print;
mod row;

use std::collections::BTreeMap;
use std::process::ExitCode;

use campaign::{Campaign, Language, Money, Per, SendForecast, Step, Workspace};
use channel::consistency::Matrix;
use channel::{RenderedStep, Survey};
use clap::Args;
use jiff::{SignedDuration, Timestamp};
use schedule::Moment;
use scheduler::{ExpectedOccurrence, ExpectedOutcome};
use source::Diagnostics;
use store::iso8601::Iso8601 as _;
use store::{Millis, PlanCounts, RecipientAddress, RecipientSource};

use crate::setup::{App, Env, variable};
use row::Row;
use terminal::arguments;
use terminal::help;
use terminal::output::{self, Format, user_error};
use terminal::time::When;

/// Show what would run when, with the number of recipients, who is left out and why, and the cost
#[derive(Debug, Args)]
#[command(after_help = help::examples(&[
    ("chorus plan", "the next 30 days"),
    ("chorus plan spring-launch --from +1d --to +14d", "one campaign"),
    ("chorus plan --language zh", "schedules in Chinese"),
]))]
pub(crate) struct Options {
    /// The campaign. Default: all campaigns.
    #[arg(value_parser = arguments::id)]
    campaign: Option<String>,
    /// Start of the period: 2027-03-02, 2027-03-02T10:00, +14d, -7d or now.
    #[arg(long, default_value = "now", allow_hyphen_values = true)]
    from: When,
    /// End of the period, in the same forms as --from.
    #[arg(long, default_value = "+30d", allow_hyphen_values = true)]
    to: When,
    /// The language in which schedules are described: en or zh. Default: that of the terminal
    /// (LC_ALL, LC_MESSAGES, LANG).
    #[arg(long, value_parser = Language::parse)]
    language: Option<Language>,
}

impl Options {
    fn language(&self) -> Option<Language> {
        self.language.clone().or_else(|| {
            let mut set = ["LC_ALL", "LC_MESSAGES", "LANG"].iter().filter_map(|name| variable(name));
            let locale = set.find(|locale| !locale.is_empty())?;
            // The form is `zh_CN.UTF-8@variant`, with the language and region first.
            Language::parse(locale.split(['.', '@']).next()?).ok()
        })
    }
}

pub(crate) async fn run(env: &Env, options: &Options) -> anyhow::Result<ExitCode> {
    let app = env.open().await?;
    let workspace = app.workspace();
    let (zone, now) = (&workspace.brand.timezone, app.clock.now());
    let from = options.from.resolve(zone, now)?;
    let to = options.to.resolve(zone, now)?;
    let campaigns: Vec<&Campaign> = match &options.campaign {
        Some(name) => vec![app.campaign(name)?],
        None => workspace.campaigns.values().collect(),
    };
    if let Some(worker) = app.other_files_in_force().await? {
        output::note(format!(
            "These files are not in force: {worker} plans on the same database with other files. This is what would run \
             with these."
        ));
    }
    if options.campaign.is_none() {
        app.note_broken_files();
    }
    // A forecast begins after its start; the instant that `--from` names is part of the period.
    let after = from.checked_sub(SignedDuration::from_millis(1)).unwrap_or(from);
    let mut plan = Plan { language: options.language(), ..Plan::default() };
    for campaign in campaigns {
        plan.add(&app, campaign, after, to).await?;
    }
    plan.rows.sort_by_key(|row| row.brand_time);
    let mut under_way = app.store.run_live().await?;
    under_way.retain(|run| options.campaign.as_ref().is_none_or(|name| *name == run.campaign));
    let too_long = plan.too_long.errors().count();
    match env.format {
        Format::Json => output::json(&serde_json::json!({
            "from": from.iso8601(),
            "to": to.iso8601(),
            "occurrences": plan.rows,
            "listed_until": plan.truncated.iter().map(|(step, at)| (step, at.iso8601())).collect::<BTreeMap<_, _>>(),
            "under_way": under_way.iter().map(|run| run.id).collect::<Vec<_>>(),
            "matrices": plan.matrices,
            "too_long": plan.too_long.to_json(),
        }))?,
        _ => {
            print::print(workspace, &plan.rows, from, to)?;
            print::print_truncated(&plan.truncated, zone)?;
            print::print_under_way(&under_way, zone)?;
            plan.matrices.iter().try_for_each(|(campaign, matrix)| matrix::print(campaign, matrix))?;
            print::print_too_long(&plan.too_long)?;
        }
    }
    app.store.close().await;
    Ok(if too_long == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// The planned occurrences, with the facts and the length findings of their messages.
#[derive(Default)]
struct Plan {
    /// The language of the schedule descriptions; `None` for English.
    language: Option<Language>,
    rows: Vec<Row>,
    /// The table of facts and channels of each campaign, by campaign id.
    matrices: BTreeMap<String, Matrix>,
    /// Findings about messages that would be too long for a recipient.
    too_long: Diagnostics,
    /// Steps (`CAMPAIGN/STEP`) with more occurrences than are listed, and the last listed one.
    truncated: BTreeMap<String, Timestamp>,
}

impl Plan {
    async fn add(
        &mut self,
        app: &App,
        campaign: &Campaign,
        from: Timestamp,
        to: Timestamp,
    ) -> anyhow::Result<()> {
        let workspace = app.workspace();
        let survey = channel::survey(workspace, campaign, None);
        let now = app.clock.now();
        let expected = scheduler::forecast(&app.store, &app.loaded, campaign, from, to, now).await;
        let expected = expected.map_err(|error| user_error(format!("cannot {error}")))?;
        for step in &campaign.steps {
            let worst_case = scheduler::worst_case(&app.store, &app.loaded, campaign, step, now).await;
            let worst_case = worst_case.map_err(|error| user_error(format!("cannot {error}")))?;
            let of_step: Vec<_> = expected.iter().filter(|expected| expected.step == step.id).collect();
            if let Some(last) = of_step.last().map(|expected| expected.occurrence.instant) {
                let mut next = step.schedule.occurrences(last, to, 1);
                next.retain(|occurrence| step.schedule.within(occurrence, campaign.starts, campaign.ends));
                if !next.is_empty() {
                    self.truncated.insert(format!("{}/{}", campaign.id, step.id), last);
                }
                let counts = count_recipients(app, campaign, step, None).await?;
                let common = StepSummary {
                    estimator: FinishEstimator::of(app, campaign, step, &counts).await?,
                    price: message_price(workspace, step, &survey, &worst_case.texts),
                    schedule: self.describe(step),
                };
                for expected in of_step {
                    let occurrence_counts = match needs_own_counts(campaign, expected) {
                        true => Some(count_occurrence(app, campaign, step, expected).await?),
                        false => None,
                    };
                    let counts = occurrence_counts.as_ref().unwrap_or(&counts);
                    self.rows.push(row(workspace, campaign, step, expected, counts, &common));
                }
            }
            for finding in worst_case.findings {
                let path = workspace.root.join(&finding.file);
                let file = finding.file.clone();
                self.too_long.push(finding);
                self.too_long.add_source(&file, || std::fs::read_to_string(path).unwrap_or_default());
            }
        }
        self.matrices.insert(campaign.id.to_string(), survey.matrix);
        Ok(())
    }

    fn describe(&self, step: &Step) -> String {
        match &self.language {
            Some(language) => step.schedule.describe_in(language.as_str()),
            None => step.schedule.describe(),
        }
    }
}

/// The properties that all occurrences of a step share.
struct StepSummary {
    estimator: FinishEstimator,
    /// The price of one message and its currency code, which is empty for free messages.
    price: (Money, String),
    /// The description of the step's schedule.
    schedule: String,
}

/// Returns the maximum price of one message of a step and its currency code. `longest` are the
/// longest messages for real recipients.
fn message_price(
    workspace: &Workspace,
    step: &Step,
    survey: &Survey,
    longest: &[RenderedStep],
) -> (Money, String) {
    let Some(channel) = workspace.channels.get(&step.channel) else { return (Money::ZERO, String::new()) };
    let samples = survey.texts.iter().filter(|spoken| spoken.step == step.id.as_str());
    price::price(channel, &longest.iter().chain(samples).collect::<Vec<_>>())
}

/// Returns true if the recipients of an occurrence must be counted separately: it follows the
/// contacts' time zones, and an edit or the campaign's end falls within it.
fn needs_own_counts(campaign: &Campaign, expected: &ExpectedOccurrence) -> bool {
    let local = matches!(expected.occurrence.moment, Moment::Local(_));
    local
        && (expected.missed_to.is_some()
            || campaign.ends.is_some_and(|ends| ends < expected.occurrence.until))
}

/// Counts the recipients of a step, or of one of its occurrences if `occurrence` is given with the
/// campaign's end.
async fn count_recipients(
    app: &App,
    campaign: &Campaign,
    step: &Step,
    occurrence: Option<(&ExpectedOccurrence, Option<Millis>)>,
) -> anyhow::Result<PlanCounts> {
    let now = app.clock.now();
    let options = scheduler::ManualSendOptions { anyway: true, ..scheduler::ManualSendOptions::default() };
    let request = scheduler::manual_request(step, &options);
    let recipients = scheduler::manual_recipients(app.workspace(), campaign, step, &options, &request, now);
    let mut recipients = recipients.map_err(|error| user_error(format!("cannot {error}")))?;
    let mut missed_to = None;
    if let (RecipientSource::Audience { moment, .. }, Some((expected, _))) = (&mut recipients, occurrence) {
        *moment = expected.occurrence.moment;
        missed_to = expected.missed_to;
    }
    let ends = occurrence.and_then(|(_, ends)| ends);
    let purpose = scheduler::required_purpose(campaign);
    Ok(app.store.plan_preview(&recipients, missed_to, ends, purpose, now.into()).await?)
}

/// Counts the recipients of one occurrence.
async fn count_occurrence(
    app: &App,
    campaign: &Campaign,
    step: &Step,
    expected: &ExpectedOccurrence,
) -> anyhow::Result<PlanCounts> {
    let ends = campaign.ends.map(Millis::from);
    count_recipients(app, campaign, step, Some((expected, ends))).await
}

/// Estimates when the last message of a step's occurrence would be sent.
#[derive(Default)]
struct FinishEstimator {
    /// Number of messages by the domain of the recipients; one empty domain if it does not matter.
    domains: Vec<(String, u64)>,
    /// Messages sent today by receiver, which count until `midnight`.
    used: BTreeMap<String, u64>,
    midnight: Timestamp,
}

impl FinishEstimator {
    async fn of(app: &App, campaign: &Campaign, step: &Step, counts: &PlanCounts) -> anyhow::Result<Self> {
        let (workspace, now) = (app.workspace(), app.clock.now());
        let Some(channel) = workspace.channels.get(&step.channel) else { return Ok(Self::default()) };
        let mail = scheduler::required_address(channel) == Some(RecipientAddress::Email);
        let domains = if channel.receivers.is_empty() || !mail {
            vec![(String::new(), u64::try_from(counts.reached).unwrap_or(0))]
        } else {
            let (audiences, purpose) = (&workspace.audiences, scheduler::required_purpose(campaign));
            app.store.plan_domains(audiences, &step.audience, purpose, now.into()).await?
        };
        let zone = &workspace.brand.timezone;
        let today = now.to_zoned(zone.clone()).date();
        let used = app.store.allowance_used(channel.id.as_str(), campaign::pace::day_number(today)).await?;
        let midnight = today.tomorrow()?.to_zoned(zone.clone())?.timestamp();
        Ok(Self { domains, used, midnight })
    }

    /// Returns when an occurrence would be finished; `None` if nothing limits the rate or if the
    /// occurrence follows the contacts' time zones.
    fn finish(&self, workspace: &Workspace, step: &Step, expected: &ExpectedOccurrence) -> Option<Timestamp> {
        let channel = workspace.channels.get(&step.channel)?;
        let at = expected.occurrence.instant;
        let unused = BTreeMap::new();
        let used = if at < self.midnight { &self.used } else { &unused };
        let forecast = SendForecast { channel, domains: &self.domains, used, speed: None };
        let is_instant = matches!(expected.occurrence.moment, Moment::Instant(_));
        is_instant.then(|| forecast.finish_time(at, &workspace.brand.timezone)).flatten()
    }
}

fn row(
    workspace: &Workspace,
    campaign: &Campaign,
    step: &Step,
    expected: &ExpectedOccurrence,
    counts: &PlanCounts,
    common: &StepSummary,
) -> Row {
    let StepSummary { estimator, price: (each, currency), schedule } = common;
    let channel = workspace.channels.get(&step.channel);
    let feed = channel.is_some_and(|channel| channel.kind.per() == Per::Feed);
    let at = expected.occurrence.instant;
    let finish = estimator.finish(workspace, step, expected);
    let expires = at.checked_add(step.expires);
    let brand_time = expected.occurrence.moment.due_in(&workspace.brand.timezone);
    let local = match expected.occurrence.moment {
        Moment::Local(wall) => Some(wall.strftime("%a %-d %b %Y %H:%M").to_string()),
        Moment::Instant(_) => None,
    };
    let (kind, reason, because) = match &expected.outcome {
        ExpectedOutcome::Runs => (None, None, None),
        ExpectedOutcome::Not { kind, reason, detail } => {
            let because = dashboard::words::occurrence(*kind, *reason, detail.as_deref());
            (Some(*kind), Some(*reason), Some(because))
        }
    };
    Row {
        campaign: campaign.id.to_string(),
        step: step.id.to_string(),
        channel: step.channel.to_string(),
        finish,
        expires_first: finish.is_some_and(|finish| expires.is_ok_and(|expires| finish > expires)),
        at,
        brand_time,
        local,
        overdue: expected.overdue,
        schedule: schedule.clone(),
        after: expected.follows.then(|| schedule.clone()),
        audience: (!feed).then(|| step.audience.to_string()),
        counts: counts.clone(),
        cost: each.saturating_mul(counts.reached),
        currency: currency.clone(),
        runs: expected.outcome == ExpectedOutcome::Runs,
        kind,
        reason,
        because,
    }
}
