//! `chorus plan`: what would run when, to how many, who is left out and why, at what cost; what each
//! channel says of the facts, and what would be too long for somebody.

mod matrix;
mod price;
mod print;
mod row;

use std::collections::BTreeMap;
use std::process::ExitCode;

use campaign::{Campaign, Language, Load, Money, Per, Step, Workspace};
use channel::consistency::Matrix;
use channel::{Spoken, Survey};
use clap::Args;
use jiff::Timestamp;
use schedule::Moment;
use scheduler::{Expected, Fate};
use source::Diagnostics;
use store::{Address, Millis, PlanCounts, Planned};

use crate::output::{self, Format, wrong};
use crate::setup::{Env, Opened, variable};
use crate::time;
use row::Row;

/// Show what would run when, to how many, who is left out and why, and what it would cost
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// One campaign; all of them when left out.
    campaign: Option<String>,
    /// From when: 2027-03-02, 2027-03-02T10:00, +14d, -7d or now.
    #[arg(long, default_value = "now", allow_hyphen_values = true)]
    from: String,
    /// Until when.
    #[arg(long, default_value = "+30d", allow_hyphen_values = true)]
    to: String,
    /// The language in which schedules are described: en or zh. That of the terminal (LC_ALL, LC_MESSAGES, LANG) when
    /// left out.
    #[arg(long, value_parser = Language::parse)]
    language: Option<Language>,
}

impl Options {
    fn language(&self) -> Option<Language> {
        self.language.clone().or_else(|| {
            let mut set = ["LC_ALL", "LC_MESSAGES", "LANG"].iter().filter_map(|name| variable(name));
            let locale = set.find(|locale| !locale.is_empty())?;
            // `zh_CN.UTF-8@variant`: the language and the region stand first.
            Language::parse(locale.split(['.', '@']).next()?).ok()
        })
    }
}

pub(crate) async fn run(env: &Env, options: &Options) -> anyhow::Result<ExitCode> {
    let opened = env.open().await?;
    let workspace = opened.workspace();
    let (zone, now) = (&workspace.brand.timezone, opened.clock.now());
    let from = time::parse(&options.from, zone, now)?;
    let to = time::parse(&options.to, zone, now)?;
    let campaigns: Vec<&Campaign> = match &options.campaign {
        Some(name) => vec![opened.campaign(name)?],
        None => workspace.campaigns.values().collect(),
    };
    if let Some(worker) = opened.other_files_in_force().await? {
        output::note(format!(
            "These files are not in force: {worker} plans by others on the same database. This is what would run by these."
        ));
    }
    if options.campaign.is_none() {
        opened.note_broken_files();
    }
    let mut outlook = Outlook { language: options.language(), ..Outlook::default() };
    for campaign in campaigns {
        outlook.add(&opened, campaign, from, to).await?;
    }
    outlook.rows.sort_by_key(|row| row.here);
    let mut under_way = opened.store.run_live().await?;
    under_way.retain(|run| options.campaign.as_ref().is_none_or(|name| *name == run.campaign));
    let too_long = outlook.too_long.errors().count();
    match env.format {
        Format::Json => output::json(&serde_json::json!({
            "from": from,
            "to": to,
            "occurrences": outlook.rows,
            "listed_until": outlook.cut_short,
            "under_way": under_way.iter().map(|run| run.id).collect::<Vec<_>>(),
            "matrices": outlook.matrices,
            "too_long": outlook.too_long.to_json(),
        }))?,
        _ => {
            print::print(workspace, &outlook.rows, from, to)?;
            print::print_cut_short(&outlook.cut_short, zone)?;
            print::print_under_way(&under_way, zone)?;
            outlook.matrices.iter().try_for_each(|(campaign, matrix)| matrix::print(campaign, matrix))?;
            print::print_too_long(&outlook.too_long)?;
        }
    }
    opened.store.close().await;
    Ok(if too_long == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// What is to come, and what it will say.
#[derive(Default)]
struct Outlook {
    /// The language of the descriptions; English where none is known.
    language: Option<Language>,
    rows: Vec<Row>,
    /// Fact × channel, by campaign.
    matrices: BTreeMap<String, Matrix>,
    /// What does not fit for somebody.
    too_long: Diagnostics,
    /// `CAMPAIGN/STEP` with more occurrences than are listed, and the last one that is.
    cut_short: BTreeMap<String, Timestamp>,
}

impl Outlook {
    async fn add(
        &mut self,
        opened: &Opened,
        campaign: &Campaign,
        from: Timestamp,
        to: Timestamp,
    ) -> anyhow::Result<()> {
        let workspace = opened.workspace();
        let survey = channel::survey(workspace, campaign, None);
        let now = opened.clock.now();
        let expected = scheduler::forecast(&opened.store, &opened.loaded, campaign, from, to, now).await;
        let expected = expected.map_err(|error| wrong(format!("cannot {error}")))?;
        for step in &campaign.steps {
            let longest = scheduler::longest(&opened.store, &opened.loaded, campaign, step, now).await;
            let longest = longest.map_err(|error| wrong(format!("cannot {error}")))?;
            let of_step: Vec<_> = expected.iter().filter(|expected| expected.step == step.id).collect();
            if let Some(last) = of_step.last().map(|expected| expected.occurrence.instant) {
                let mut next = step.schedule.occurrences(last, to, 1);
                next.retain(|occurrence| step.schedule.within(occurrence, campaign.starts, campaign.ends));
                if !next.is_empty() {
                    self.cut_short.insert(format!("{}/{}", campaign.id, step.id), last);
                }
                let counts = counts(opened, campaign, step, None).await?;
                let common = StepOutlook {
                    pace: Pace::of(opened, step, &counts).await?,
                    price: of_step_price(workspace, step, &survey, &longest.spoken),
                    schedule: self.describe(step),
                };
                for expected in of_step {
                    let own = match by_own_clock(campaign, expected) {
                        true => Some(counts_of(opened, campaign, step, expected).await?),
                        false => None,
                    };
                    let counts = own.as_ref().unwrap_or(&counts);
                    self.rows.push(row(workspace, campaign, step, expected, counts, &common));
                }
            }
            for finding in longest.findings {
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

/// The figures and words that all occurrences of a step share.
struct StepOutlook {
    pace: Pace,
    /// The price of one message, and its currency.
    price: (Money, String),
    /// The description of the step's schedule.
    schedule: String,
}

/// What one message of a step costs: for whoever makes it longest, or for somebody ordinary.
fn of_step_price(workspace: &Workspace, step: &Step, survey: &Survey, longest: &[Spoken]) -> (Money, String) {
    let Some(channel) = workspace.channels.get(&step.channel) else { return (Money::ZERO, String::new()) };
    let ordinary = survey.spoken.iter().filter(|spoken| spoken.step == step.id.as_str());
    price::price(channel, &longest.iter().chain(ordinary).collect::<Vec<_>>())
}

/// Whether the people of an occurrence have to be counted for it alone: an edit or the campaign's end lies in the middle
/// of it.
fn by_own_clock(campaign: &Campaign, expected: &Expected) -> bool {
    let local = matches!(expected.occurrence.moment, Moment::Local(_));
    local
        && (expected.missed_to.is_some()
            || campaign.ends.is_some_and(|ends| ends < expected.occurrence.until))
}

/// Whom a step reaches, whenever it runs.
async fn counts(
    opened: &Opened,
    campaign: &Campaign,
    step: &Step,
    moment: Option<(&Expected, Option<Millis>)>,
) -> anyhow::Result<PlanCounts> {
    let now = opened.clock.now();
    let ask = scheduler::HandSend { anyway: true, ..scheduler::HandSend::default() };
    let asked = scheduler::asked(step, &ask);
    let whom = scheduler::whom_by_hand(opened.workspace(), campaign, step, &ask, &asked, now);
    let mut whom = whom.map_err(|error| wrong(format!("cannot {error}")))?;
    let mut missed_to = None;
    if let (Planned::Audience { moment: at, .. }, Some((expected, _))) = (&mut whom, moment) {
        *at = expected.occurrence.moment;
        missed_to = expected.missed_to;
    }
    let ends = moment.and_then(|(_, ends)| ends);
    Ok(opened.store.plan_preview(&whom, missed_to, ends, now.into()).await?)
}

/// Whom one occurrence reaches.
async fn counts_of(
    opened: &Opened,
    campaign: &Campaign,
    step: &Step,
    expected: &Expected,
) -> anyhow::Result<PlanCounts> {
    let ends = campaign.ends.map(Millis::from);
    counts(opened, campaign, step, Some((expected, ends))).await
}

/// What tells when a step would be out.
#[derive(Default)]
struct Pace {
    /// How many messages go to each domain.
    domains: Vec<(String, u64)>,
    /// What today's allowance has come to, by receiver, and until when that counts.
    used: BTreeMap<String, u64>,
    midnight: Timestamp,
}

impl Pace {
    async fn of(opened: &Opened, step: &Step, counts: &PlanCounts) -> anyhow::Result<Self> {
        let (workspace, now) = (opened.workspace(), opened.clock.now());
        let Some(channel) = workspace.channels.get(&step.channel) else { return Ok(Self::default()) };
        let mail = scheduler::address(channel) == Some(Address::Email);
        let domains = if channel.receivers.is_empty() || !mail {
            vec![(String::new(), u64::try_from(counts.reached).unwrap_or(0))]
        } else {
            opened.store.plan_domains(&workspace.audiences, &step.audience, now.into()).await?
        };
        let zone = &workspace.brand.timezone;
        let today = now.to_zoned(zone.clone()).date();
        let used =
            opened.store.allowance_used(channel.id.as_str(), campaign::pace::day_number(today)).await?;
        let midnight = today.tomorrow()?.to_zoned(zone.clone())?.timestamp();
        Ok(Self { domains, used, midnight })
    }

    /// When an occurrence would be out; not known of one that goes round the Earth with the day.
    fn finish(&self, workspace: &Workspace, step: &Step, expected: &Expected) -> Option<Timestamp> {
        let channel = workspace.channels.get(&step.channel)?;
        let at = expected.occurrence.instant;
        let fresh = BTreeMap::new();
        let used = if at < self.midnight { &self.used } else { &fresh };
        let load = Load { channel, domains: &self.domains, used, speed: None };
        let bounded = matches!(expected.occurrence.moment, Moment::Instant(_));
        bounded.then(|| load.finish(at, &workspace.brand.timezone)).flatten()
    }
}

fn row(
    workspace: &Workspace,
    campaign: &Campaign,
    step: &Step,
    expected: &Expected,
    counts: &PlanCounts,
    common: &StepOutlook,
) -> Row {
    let StepOutlook { pace, price: (each, currency), schedule } = common;
    let channel = workspace.channels.get(&step.channel);
    let feed = channel.is_some_and(|channel| channel.kind.per() == Per::Feed);
    let at = expected.occurrence.instant;
    let finish = pace.finish(workspace, step, expected);
    let expires = at.checked_add(step.expires);
    let here = expected.occurrence.moment.due_in(&workspace.brand.timezone);
    let local = match expected.occurrence.moment {
        Moment::Local(wall) => Some(wall.strftime("%a %-d %b %Y %H:%M").to_string()),
        Moment::Instant(_) => None,
    };
    let (kind, reason, because) = match &expected.fate {
        Fate::Runs => (None, None, None),
        Fate::Not { kind, reason, detail } => {
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
        here,
        local,
        overdue: expected.overdue,
        schedule: schedule.clone(),
        after: expected.follows.then(|| schedule.clone()),
        audience: (!feed).then(|| step.audience.to_string()),
        counts: counts.clone(),
        cost_micros: each.saturating_mul(counts.reached),
        currency: currency.clone(),
        runs: expected.fate == Fate::Runs,
        kind,
        reason,
        because,
    }
}
