//! The HTTP handlers of a run's page.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::Redirect;
use store::{ContactId, DeliveryId, RunId, RunState, Settlement};

use super::{Asked, Filter, PAGE, RunPage, SEND_AGAIN, WENT_OUT, view};
use crate::error::PageError;
use crate::outlook::outlook;
use crate::parts::{self, Scene};
use crate::shell::{Page, Section};
use crate::state::Dashboard;
use crate::words;

/// Shows the page.
pub(crate) async fn get(
    State(dashboard): State<Arc<Dashboard>>,
    Path(id): Path<i64>,
    Query(asked): Query<Asked>,
) -> Result<Page, PageError> {
    let scene = Scene::of(&dashboard).await?;
    let filter = Filter::of(&asked)?;
    let run = dashboard.store.run_get(RunId(id)).await?.ok_or(PageError::NotFound(words::A_RUN))?;
    let after = DeliveryId(asked.after.unwrap_or(0));
    let limit = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
    let mut deliveries = dashboard
        .store
        .delivery_list(run.id, filter.state(), filter == Filter::Repeated, after, limit)
        .await?;
    let more = (deliveries.len() > PAGE).then(|| deliveries.truncate(PAGE));
    let more = more.and_then(|()| deliveries.last().map(|delivery| delivery.id));
    let outlook = outlook(&dashboard.store, scene.workspace(), &run, scene.times.now).await?;
    let channel = scene.workspace().channels.get(run.channel.as_str());
    let in_outbox = channel.is_some_and(|channel| channel.kind.name() == "outbox");
    let live = scene.live(parts::is_live(&run), asked.live.as_deref(), &filter.path(run.id));
    let page = RunPage { run, outlook, filter, deliveries, more, later: asked.after.is_some(), in_outbox };
    let shell = scene.shell(Section::Overview, live);
    Ok(shell.page(&words::run_name(id), &view::page(&page, &scene)))
}

/// Writes what somebody wants of a run, and shows the run again.
pub(crate) async fn post(
    State(dashboard): State<Arc<Dashboard>>,
    Path((id, action)): Path<(i64, String)>,
) -> Result<Redirect, PageError> {
    let (store, run, now) = (&dashboard.store, RunId(id), dashboard.clock.millis());
    let Some(found) = store.run_get(run).await? else { return Err(PageError::NotFound(words::A_RUN)) };
    // Whether it changed anything shows on the page: somebody else may have been faster.
    match action.as_str() {
        "pause" => drop(store.run_pause(run, words::PAUSED_HERE).await?),
        "resume" if found.state == RunState::Cancelled => drop(store.run_reopen(run, now).await?),
        "resume" => drop(store.run_resume(run).await?),
        "cancel" => drop(store.run_cancel(run, now).await?),
        "retry" => drop(store.run_retry(run, now).await?),
        WENT_OUT => drop(store.delivery_settle(run, None, Settlement::WentOut, now).await?),
        SEND_AGAIN => drop(store.delivery_settle(run, None, Settlement::SendAgain, now).await?),
        _ => return Err(PageError::BadRequest(words::BAD_ACTION)),
    }
    tracing::info!(run = id, action, "a run was changed from its page");
    Ok(Redirect::to(&format!("/runs/{id}")))
}

/// Writes what somebody says of one uncertain delivery, and shows the run again.
pub(crate) async fn settle(
    State(dashboard): State<Arc<Dashboard>>,
    Path((id, contact, action)): Path<(i64, i64, String)>,
) -> Result<Redirect, PageError> {
    let (store, run, now) = (&dashboard.store, RunId(id), dashboard.clock.millis());
    let settlement = match action.as_str() {
        WENT_OUT => Settlement::WentOut,
        SEND_AGAIN => Settlement::SendAgain,
        _ => return Err(PageError::BadRequest(words::BAD_ACTION)),
    };
    if store.run_get(run).await?.is_none() {
        return Err(PageError::NotFound(words::A_RUN));
    }
    let count = store.delivery_settle(run, Some(ContactId(contact)), settlement, now).await?;
    tracing::info!(run = id, action, count, "an uncertain delivery was settled from its page");
    Ok(Redirect::to(&format!("/runs/{id}#deliveries")))
}
