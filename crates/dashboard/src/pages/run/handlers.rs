//! The HTTP handlers of a run's page.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::Redirect;
use store::{ContactId, DeliveryId, RunId, RunState, Settlement};

use super::{Filter, PAGE_SIZE, RunPage, RunQuery, SEND_AGAIN, WENT_OUT, view};
use crate::components::{self, PageContext};
use crate::error::PageError;
use crate::layout::{Page, Section};
use crate::run_forecast::run_forecast;
use crate::state::Dashboard;
use crate::words;

/// Handles `GET /runs/{id}`: shows the page.
pub(crate) async fn get(
    State(dashboard): State<Arc<Dashboard>>,
    Path(id): Path<i64>,
    Query(query): Query<RunQuery>,
) -> Result<Page, PageError> {
    let context = PageContext::load(&dashboard).await?;
    let filter = Filter::of(&query)?;
    let run = dashboard.store.run_get(RunId(id)).await?.ok_or(PageError::NotFound(words::A_RUN))?;
    let after = DeliveryId(query.after.unwrap_or(0));
    let limit = i64::try_from(PAGE_SIZE + 1).unwrap_or(i64::MAX);
    let mut deliveries = dashboard
        .store
        .delivery_list(run.id, filter.state(), filter == Filter::Repeated, after, limit)
        .await?;
    let page_end = (deliveries.len() > PAGE_SIZE).then(|| deliveries.truncate(PAGE_SIZE));
    let page_end = page_end.and_then(|()| deliveries.last().map(|delivery| delivery.id));
    let forecast = run_forecast(&dashboard.store, context.workspace(), &run, context.times.now).await?;
    let channel = context.workspace().channels.get(run.channel.as_str());
    let in_outbox = channel.is_some_and(|channel| channel.kind.name() == "outbox");
    let live = context.live(components::is_live(&run), query.live.as_deref(), &filter.path(run.id));
    let page = RunPage {
        run,
        forecast,
        filter,
        deliveries,
        page_end,
        has_previous: query.after.is_some(),
        in_outbox,
    };
    let layout = context.layout(Section::Overview, live);
    Ok(layout.page(&words::run_name(id), &view::page(&page, &context)))
}

/// Handles a button of a run: writes the request to the database and shows the run again.
pub(crate) async fn post(
    State(dashboard): State<Arc<Dashboard>>,
    Path((id, action)): Path<(i64, String)>,
) -> Result<Redirect, PageError> {
    let (store, run, now) = (&dashboard.store, RunId(id), dashboard.clock.millis());
    let Some(found) = store.run_get(run).await? else { return Err(PageError::NotFound(words::A_RUN)) };
    // The page shows the result: another person may have acted first.
    match action.as_str() {
        "pause" => drop(store.run_pause(run, words::PAUSED_HERE).await?),
        "resume" if found.state == RunState::Cancelled => drop(store.run_reopen(run, now).await?),
        "resume" => drop(store.run_resume(run).await?),
        "cancel" => drop(store.run_cancel(run, now).await?),
        "retry" => drop(store.run_retry(run, now).await?),
        WENT_OUT => drop(store.delivery_settle(run, None, Settlement::Sent, now).await?),
        SEND_AGAIN => drop(store.delivery_settle(run, None, Settlement::Resend, now).await?),
        _ => return Err(PageError::BadRequest(words::BAD_ACTION)),
    }
    tracing::info!(run = id, action, "a run was changed from its page");
    Ok(Redirect::to(&format!("/runs/{id}")))
}

/// Handles a button of an uncertain delivery: settles it and shows the run again.
pub(crate) async fn settle(
    State(dashboard): State<Arc<Dashboard>>,
    Path((id, contact, action)): Path<(i64, i64, String)>,
) -> Result<Redirect, PageError> {
    let (store, run, now) = (&dashboard.store, RunId(id), dashboard.clock.millis());
    let settlement = match action.as_str() {
        WENT_OUT => Settlement::Sent,
        SEND_AGAIN => Settlement::Resend,
        _ => return Err(PageError::BadRequest(words::BAD_ACTION)),
    };
    if store.run_get(run).await?.is_none() {
        return Err(PageError::NotFound(words::A_RUN));
    }
    let count = store.delivery_settle(run, Some(ContactId(contact)), settlement, now).await?;
    tracing::info!(run = id, action, count, "an uncertain delivery was settled from its page");
    Ok(Redirect::to(&format!("/runs/{id}#deliveries")))
}
