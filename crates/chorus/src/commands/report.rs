//! `chorus report`: counts, rates and earnings of each campaign, step and channel.

use std::collections::BTreeMap;
use std::process::ExitCode;

use campaign::Per;
use clap::Args;
use insight::{Base, Counts, Figures, Proportion};
use money::Money;
use serde::Serialize;
use store::{Millis, RollupFilter, RollupRow};

use crate::setup::{App, Env};
use terminal::arguments;
use terminal::help;
use terminal::output::{self, Format, number};
use terminal::time::When;

/// Show the counts, rates and earnings of each campaign, step and channel
#[derive(Debug, Args)]
#[command(after_help = help::examples(&[
    ("chorus report", "all campaigns"),
    ("chorus report weekly-newsletter --from -7d", "one, the last seven days"),
    ("chorus report --format csv", "for a spreadsheet"),
]))]
pub(crate) struct Options {
    /// The campaign. Default: all campaigns.
    #[arg(value_parser = arguments::id)]
    campaign: Option<String>,
    /// Start of the period: 2027-03-02, 2027-03-02T10:00, -7d or now.
    #[arg(long, allow_hyphen_values = true)]
    from: Option<When>,
    /// End of the period, exclusive, in the same forms as --from.
    #[arg(long, allow_hyphen_values = true)]
    to: Option<When>,
}

/// The figures of one step.
#[derive(Debug, Serialize)]
struct Row {
    campaign: String,
    step: String,
    channel: String,
    #[serde(flatten)]
    figures: Figures,
}

pub(crate) async fn run(env: &Env, options: &Options) -> anyhow::Result<ExitCode> {
    let app = env.open().await?;
    let (zone, now) = (&app.workspace().brand.timezone, app.clock.now());
    let read = |when: &Option<When>| -> anyhow::Result<Option<Millis>> {
        when.as_ref().map(|when| Ok(when.resolve(zone, now)?.into())).transpose()
    };
    let filter = RollupFilter {
        campaign: options.campaign.clone(),
        from: read(&options.from)?,
        to: read(&options.to)?,
        by_hour: false,
    };
    let rows = app.store.rollup_read(&filter).await?;
    if let (true, Some(name)) = (rows.is_empty(), &options.campaign) {
        app.campaign(name)?;
    }
    let steps = by_step(&app, &rows);
    match env.format {
        Format::Json => output::json(&json(&steps))?,
        Format::Csv => print_csv(&steps)?,
        Format::Text => print(&steps)?,
    }
    app.store.close().await;
    Ok(ExitCode::SUCCESS)
}

fn json(steps: &[Row]) -> serde_json::Value {
    let mut total = Counts::default();
    for row in steps {
        total += row.figures.counts.clone();
    }
    serde_json::json!({ "steps": steps, "total": Figures::of(&total) })
}

/// Sums rollups by campaign, step and channel.
fn by_step(app: &App, rows: &[RollupRow]) -> Vec<Row> {
    let sums = dashboard::grouped(rows, |row| (row.campaign.clone(), row.step.clone(), row.channel.clone()));
    let feeds = |channel: &str| {
        let channel = app.workspace().channels.get(channel);
        channel.is_some_and(|channel| channel.kind.per() == Per::Feed)
    };
    let row = |((campaign, step, channel), counts): ((String, String, String), Counts)| {
        let figures = if feeds(&channel) { Figures::of_feed(&counts) } else { Figures::of(&counts) };
        Row { campaign, step, channel, figures }
    };
    sums.into_iter().map(row).collect()
}

fn print(steps: &[Row]) -> anyhow::Result<()> {
    if steps.is_empty() {
        return output::line("Nothing was sent yet. `chorus plan` shows what runs next.");
    }
    let headings = [
        "campaign/step",
        "channel",
        "sent#",
        "delivered#",
        "failed#",
        "opened#",
        "clicked#",
        "converted#",
        "unsubscribed#",
        "revenue#",
        "cost#",
    ];
    output::table(&headings, steps.iter().map(cells))?;
    output::line(format!("\n{}", legend(steps)))
}

fn cells(row: &Row) -> Vec<String> {
    let counts = &row.figures.counts;
    let rates = row.figures.rates.as_ref();
    let rate = |count: i64, rate: Option<Proportion>| match rate.and_then(Proportion::value) {
        Some(value) => format!("{} ({:.1} %)", number(count), value * 100.0),
        None => number(count),
    };
    vec![
        format!("{}/{}", row.campaign, row.step),
        row.channel.clone(),
        number(counts.sent),
        if counts.delivered == 0 { "-".to_owned() } else { number(counts.delivered) },
        rate(counts.failed, rates.map(|rates| rates.failure)),
        rate(counts.opened, rates.map(|rates| rates.open)),
        rate(counts.clicked, rates.map(|rates| rates.click)),
        rate(counts.converted, rates.map(|rates| rates.conversion)),
        rate(counts.unsubscribed, rates.map(|rates| rates.unsubscribe)),
        amounts(&counts.revenue),
        amounts(&counts.cost),
    ]
}

fn amounts(amounts: &BTreeMap<String, Money>) -> String {
    amounts.iter().map(|(currency, amount)| amount.exact(currency)).collect::<Vec<_>>().join(" + ")
}

/// Returns the explanation of the percentages and of what is not counted.
fn legend(steps: &[Row]) -> String {
    let delivered =
        steps.iter().any(|row| row.figures.rates.as_ref().is_some_and(|rates| rates.base == Base::Delivered));
    let base = if delivered { "delivered, where the relay reports it, else of sent" } else { "sent" };
    let machine: i64 = steps.iter().map(|row| row.figures.counts.machine).sum();
    format!(
        "Opens, clicks, conversions and unsubscriptions in % of {base}; failures in % of sent and failed.\n\
         Each person counts once for a message; {} opens and clicks by machines are left out.",
        number(machine)
    )
}

fn print_csv(steps: &[Row]) -> anyhow::Result<()> {
    let mut writer = csv::Writer::from_writer(std::io::stdout());
    writer.write_record([
        "campaign",
        "step",
        "channel",
        "sent",
        "delivered",
        "failed",
        "suppressed",
        "opened",
        "clicked",
        "clicks",
        "machine",
        "converted",
        "unsubscribed",
        "bounced",
        "complained",
        "revenue",
        "cost",
    ])?;
    for Row { campaign, step, channel, figures } in steps {
        let c = &figures.counts;
        let counts = [
            c.sent,
            c.delivered,
            c.failed,
            c.suppressed,
            c.opened,
            c.clicked,
            c.clicks,
            c.machine,
            c.converted,
            c.unsubscribed,
            c.bounced,
            c.complained,
        ];
        let mut record = vec![campaign.clone(), step.clone(), channel.clone()];
        record.extend(counts.iter().map(ToString::to_string));
        record.extend([amounts(&c.revenue), amounts(&c.cost)]);
        writer.write_record(&record)?;
    }
    writer.flush()?;
    Ok(())
}
