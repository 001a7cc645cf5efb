//! The figures of the overview, summed from rollup rows.

use insight::{Counts, Figures, Funnel, Series};
use serde::Serialize;
use store::{RollupFilter, RollupRow, Store, StoreError};

use crate::components::PageContext;
use crate::period::{HOUR, Period, Span};
use crate::rollup::{counts_of, grouped};

/// The figures of all campaigns in a period.
pub(crate) struct PeriodFigures {
    /// The period: the requested one, or the shortest that holds all recent rows.
    pub(crate) period: Period,
    /// The start and end of the period.
    pub(crate) span: Span,
    /// The sums over all channels.
    pub(crate) all: Figures,
    /// The sums over messages to people, without feeds; the base of rates.
    pub(crate) people: Figures,
    /// The sums over all channels in the preceding period of the same length.
    pub(crate) before: Counts,
    /// The figures by campaign and channel.
    pub(crate) rows: Vec<Row>,
    /// The conversion funnel of messages to people.
    pub(crate) funnel: Funnel,
    /// The sums over all channels by hour or day.
    pub(crate) series: Series,
}

/// The figures of one campaign on one channel.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Row {
    /// The id of the campaign.
    pub(crate) campaign: String,
    /// The title of the campaign.
    pub(crate) title: String,
    /// The id of the channel.
    pub(crate) channel: String,
    /// The figures in the period.
    pub(crate) figures: Figures,
}

impl PeriodFigures {
    /// Reads the figures of `wanted`, or of the shortest period that holds all rows of the last 30
    /// days.
    pub(crate) async fn read(
        store: &Store,
        context: &PageContext,
        wanted: Option<Period>,
    ) -> Result<Self, StoreError> {
        let widest = wanted.unwrap_or(Period::Month).span(&context.times);
        let rows = store.rollup_read(&filter(widest, true)).await?;
        let period = wanted.unwrap_or_else(|| shortest(&rows, context));
        let before = store.rollup_read(&filter(period.span(&context.times).previous(), false)).await?;
        Ok(Self::of(rows, &before, context, period))
    }

    /// Sums hourly rows of the period, and rows of the preceding period.
    pub(crate) fn of(
        mut rows: Vec<RollupRow>,
        before: &[RollupRow],
        context: &PageContext,
        period: Period,
    ) -> Self {
        let span = period.span(&context.times);
        rows.retain(|row| (span.from..span.to).contains(&row.hour));
        let people = counts_of(rows.iter().filter(|row| !context.is_feed(&row.channel)));
        let mut series = period.buckets(&context.times);
        for (hour, counts) in grouped(&rows, |row| row.hour) {
            series.add(hour.as_millisecond(), &counts);
        }
        Self {
            period,
            span,
            all: Figures::of_feed(&counts_of(&rows)),
            funnel: Funnel::of(&people),
            people: Figures::of(&people),
            before: counts_of(before),
            rows: by_channel(&rows, context),
            series,
        }
    }
}

fn by_channel(rows: &[RollupRow], context: &PageContext) -> Vec<Row> {
    let groups = grouped(rows, |row| (&row.campaign, &row.channel));
    let rows = groups.into_iter().map(|((campaign, channel), counts)| Row {
        title: context.title_of(campaign),
        campaign: campaign.clone(),
        channel: channel.clone(),
        figures: context.figures(channel, &counts),
    });
    rows.collect()
}

fn filter(span: Span, by_hour: bool) -> RollupFilter {
    RollupFilter { campaign: None, from: Some(span.from), to: Some(span.to), by_hour }
}

/// Returns the shortest period that holds all rows; a day if there are none.
fn shortest(rows: &[RollupRow], context: &PageContext) -> Period {
    let Some(first) = rows.iter().map(|row| row.hour).min() else { return Period::Day };
    let holds = |period: &Period| period.span(&context.times).from < first + HOUR;
    [Period::Day, Period::Week].into_iter().find(holds).unwrap_or(Period::Month)
}
