//! `/api/v1/report`: the figures of the overview for programs.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use insight::{Counts, Figures, Funnel, Point};
use serde::Serialize;
use store::Millis;

use super::overview::{OverviewQuery, PeriodFigures, Row};
use crate::components::PageContext;
use crate::error::PageError;
use crate::period::{Period, Span};
use crate::state::Dashboard;

/// The JSON report. Times are ISO 8601 texts in UTC, money is decimal texts by currency code.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    period: Period,
    span: Span,
    simulated: bool,
    all: Figures,
    people: Figures,
    before: Counts,
    funnel: Funnel,
    rows: Vec<Row>,
    series: Vec<Bucket>,
}

/// The counts of an hour or day.
#[derive(Debug, Serialize)]
struct Bucket {
    #[serde(serialize_with = "store::iso8601::serialize")]
    start: Millis,
    counts: Counts,
}

/// Handles `GET /api/v1/report?period=day|week|month|quarter`: the figures as JSON.
pub(crate) async fn get(
    State(dashboard): State<Arc<Dashboard>>,
    Query(query): Query<OverviewQuery>,
) -> Result<Json<Report>, PageError> {
    let context = PageContext::load(&dashboard).await?;
    let period_figures = PeriodFigures::read(&dashboard.store, &context, query.period()?).await?;
    Ok(Json(Report {
        period: period_figures.period,
        span: period_figures.span,
        simulated: dashboard.simulated,
        all: period_figures.all,
        people: period_figures.people,
        before: period_figures.before,
        funnel: period_figures.funnel,
        rows: period_figures.rows,
        series: period_figures.series.points().iter().map(Bucket::from).collect(),
    }))
}

impl From<&Point> for Bucket {
    fn from(point: &Point) -> Self {
        Self { start: Millis::new(point.start), counts: point.counts.clone() }
    }
}
