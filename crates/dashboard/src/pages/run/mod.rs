//! `/runs/{id}`: did everybody get it?

mod doubt;
mod view;

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::Redirect;
use serde::Deserialize;
use store::{
    ContactId, DeliveryId, DeliveryRow, DeliveryState, Run, RunId, RunState, Settlement, TallyState,
};

use crate::error::PageError;
use crate::parts::{self, Scene};
use crate::shell::{Page, Section};
use crate::words;
use crate::{Dashboard, Outlook, outlook};

/// Deliveries on one page.
pub(crate) const PAGE: usize = 50;

/// What the address says.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    state: Option<String>,
    repeated: Option<String>,
    after: Option<i64>,
    live: Option<String>,
}

/// Which deliveries are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filter {
    /// Every one.
    All,
    /// Those in one state.
    State(DeliveryState),
    /// Those that may have come twice.
    Repeated,
}

/// What stands on the page.
pub(crate) struct RunPage {
    run: Run,
    outlook: Outlook,
    filter: Filter,
    deliveries: Vec<DeliveryRow>,
    /// The last delivery shown, if there are more after it.
    more: Option<DeliveryId>,
    /// Whether this is not the first page.
    later: bool,
    in_outbox: bool,
}

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
    let (store, run, now) = (&dashboard.store, RunId(id), dashboard.clock.now().as_millisecond());
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

/// What a person may say of uncertain deliveries, as it stands in addresses.
const WENT_OUT: &str = "went-out";
const SEND_AGAIN: &str = "send-again";

/// Writes what somebody says of one uncertain delivery, and shows the run again.
pub(crate) async fn settle(
    State(dashboard): State<Arc<Dashboard>>,
    Path((id, contact, action)): Path<(i64, i64, String)>,
) -> Result<Redirect, PageError> {
    let (store, run, now) = (&dashboard.store, RunId(id), dashboard.clock.now().as_millisecond());
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

impl Filter {
    fn of(asked: &Asked) -> Result<Self, PageError> {
        match asked.state.as_deref().filter(|state| !state.is_empty()) {
            _ if asked.repeated.is_some() => Ok(Self::Repeated),
            None => Ok(Self::All),
            Some(name) => {
                let found = DeliveryState::ALL.iter().copied().find(|state| state.as_str() == name);
                found.map(Self::State).ok_or(PageError::BadRequest(words::BAD_STATE))
            }
        }
    }

    /// The filter that lists the deliveries that a tally counts.
    const fn of_tally(state: TallyState) -> Self {
        match state {
            TallyState::Ended(state) => Self::State(state),
            TallyState::Repeat => Self::Repeated,
            TallyState::Bounced | TallyState::Complained => Self::All,
        }
    }

    const fn state(self) -> Option<DeliveryState> {
        match self {
            Self::State(state) => Some(state),
            Self::All | Self::Repeated => None,
        }
    }

    /// The address of the run with this filter.
    fn path(self, run: RunId) -> String {
        match self {
            Self::All => format!("/runs/{run}"),
            Self::State(state) => format!("/runs/{run}?state={state}"),
            Self::Repeated => format!("/runs/{run}?repeated=1"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn a_run_says_who_got_it_and_why_not() {
        let scene = sample::scene(campaign::Diagnostics::default(), false);
        let mut run = sample::live_run();
        run.tallies.push(sample::tally(DeliveryState::Uncertain, "", 1));
        let page = RunPage {
            run,
            outlook: Outlook {
                finish: Some(scene.times.now + jiff::SignedDuration::from_mins(90)),
                waits: vec![
                    store::Held {
                        receiver: "gmail".into(),
                        until: scene.times.now.as_millisecond() + 3_600_000,
                        why: "gmail said \"421 4.7.28 <script>slow down</script>\"".into(),
                    },
                    store::Held {
                        receiver: String::new(),
                        until: scene.times.now.as_millisecond() + 7_200_000,
                        why: "email has had its 50000 messages of today".into(),
                    },
                ],
            },
            filter: Filter::All,
            deliveries: sample::deliveries(),
            more: Some(DeliveryId(51)),
            later: false,
            in_outbox: true,
        };
        let shell = scene.shell(Section::Overview, scene.live(true, Some("off"), "/runs/12"));
        let html = shell.page("Run 12", &view::page(&page, &scene)).text();
        assert!(!html.contains("<script"), "hostile text is text");
        assert!(!html.contains("javascript:"), "only addresses of the web are links");
        insta::assert_snapshot!(html);
    }

    #[test]
    fn every_state_can_be_asked_for() {
        for state in DeliveryState::ALL.iter().copied() {
            let name = state.as_str();
            let asked = Asked { state: Some(name.into()), ..Asked::default() };
            assert_eq!(Filter::of(&asked).unwrap(), Filter::State(state));
            assert_eq!(serde_json::to_value(state).unwrap(), name);
        }
        assert!(Filter::of(&Asked { state: Some("lost".into()), ..Asked::default() }).is_err());
        assert_eq!(
            Filter::of(&Asked { repeated: Some("1".into()), ..Asked::default() }).unwrap(),
            Filter::Repeated
        );
    }
}
