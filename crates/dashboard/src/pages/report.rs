//! `/api/v1/report`: the figures of the overview for programs.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use insight::{Counts, Figures, Funnel, Point};
use serde::Serialize;

use super::overview::{Asked, Earned, Row};
use crate::error::PageError;
use crate::parts::Scene;
use crate::period::{Period, Span};
use crate::state::Dashboard;

/// What a program gets. Times are UTC milliseconds, money is millionths of a unit.
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
    series: Vec<Point>,
}

/// Answers with the figures of `?period=day|week|month|quarter`.
pub(crate) async fn get(
    State(dashboard): State<Arc<Dashboard>>,
    Query(asked): Query<Asked>,
) -> Result<Json<Report>, PageError> {
    let scene = Scene::of(&dashboard).await?;
    let earned = Earned::read(&dashboard.store, &scene, asked.period()?).await?;
    Ok(Json(Report {
        period: earned.period,
        span: earned.span,
        simulated: dashboard.simulated,
        all: earned.all,
        people: earned.people,
        before: earned.before,
        funnel: earned.funnel,
        rows: earned.rows,
        series: earned.series.points().to_vec(),
    }))
}
