//! The figures of the overview: read once, summed here.

use insight::{Counts, Figures, Funnel, Series};
use serde::Serialize;
use store::{RollupFilter, RollupRow, Store, StoreError};

use crate::parts::Scene;
use crate::period::{HOUR, Period, Span};
use crate::rollup::{counts_of, grouped};

/// What went out and came back in a period.
pub(crate) struct Earned {
    /// Which period; chosen by what there is when nobody asked for one.
    pub(crate) period: Period,
    /// From when to when.
    pub(crate) span: Span,
    /// Everything, on all channels.
    pub(crate) all: Figures,
    /// Messages to people: what rates can be of.
    pub(crate) people: Figures,
    /// Everything in the period before it, as long.
    pub(crate) before: Counts,
    /// By campaign and channel.
    pub(crate) rows: Vec<Row>,
    /// How far people got.
    pub(crate) funnel: Funnel,
    /// Everything over time.
    pub(crate) series: Series,
}

/// One campaign on one channel.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Row {
    /// The campaign.
    pub(crate) campaign: String,
    /// What it is called.
    pub(crate) title: String,
    /// The channel.
    pub(crate) channel: String,
    /// What it came to.
    pub(crate) figures: Figures,
}

impl Earned {
    /// Reads the figures of `wanted`, or of the shortest period that holds everything of the last 30 days.
    pub(crate) async fn read(
        store: &Store,
        scene: &Scene,
        wanted: Option<Period>,
    ) -> Result<Self, StoreError> {
        let widest = wanted.unwrap_or(Period::Month).span(&scene.times);
        let rows = store.rollup_read(&filter(widest, true)).await?;
        let period = wanted.unwrap_or_else(|| shortest(&rows, scene));
        let before = store.rollup_read(&filter(period.span(&scene.times).previous(), false)).await?;
        Ok(Self::of(rows, &before, scene, period))
    }

    /// The figures of rows by the hour, and of the period before.
    pub(crate) fn of(mut rows: Vec<RollupRow>, before: &[RollupRow], scene: &Scene, period: Period) -> Self {
        let span = period.span(&scene.times);
        rows.retain(|row| (span.from..span.to).contains(&row.hour));
        let people = counts_of(rows.iter().filter(|row| !scene.is_feed(&row.channel)));
        let mut series = period.buckets(&scene.times);
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
            rows: by_channel(&rows, scene),
            series,
        }
    }
}

fn by_channel(rows: &[RollupRow], scene: &Scene) -> Vec<Row> {
    let groups = grouped(rows, |row| (&row.campaign, &row.channel));
    let rows = groups.into_iter().map(|((campaign, channel), counts)| Row {
        title: scene.title_of(campaign),
        campaign: campaign.clone(),
        channel: channel.clone(),
        figures: scene.figures(channel, &counts),
    });
    rows.collect()
}

fn filter(span: Span, by_hour: bool) -> RollupFilter {
    RollupFilter { campaign: None, from: Some(span.from), to: Some(span.to), by_hour }
}

/// The shortest period that holds all rows; a day when there are none.
fn shortest(rows: &[RollupRow], scene: &Scene) -> Period {
    let Some(first) = rows.iter().map(|row| row.hour).min() else { return Period::Day };
    let holds = |period: &Period| period.span(&scene.times).from < first + HOUR;
    [Period::Day, Period::Week].into_iter().find(holds).unwrap_or(Period::Month)
}
