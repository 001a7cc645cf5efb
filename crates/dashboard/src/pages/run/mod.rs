//! `/runs/{id}`: did everyone get it?

mod handlers;
mod uncertain;
mod view;

use serde::Deserialize;
use store::{DeliveryId, DeliveryRow, DeliveryState, Run, RunId, TallyState};

use crate::error::PageError;
use crate::run_forecast::RunForecast;
use crate::words;
pub(crate) use handlers::{get, post, settle};

/// The number of deliveries on one page.
pub(crate) const PAGE_SIZE: usize = 50;

/// The query parameters of the page.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct RunQuery {
    state: Option<String>,
    repeated: Option<String>,
    after: Option<i64>,
    live: Option<String>,
}

/// The filter of the listed deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filter {
    /// All deliveries of the run.
    All,
    /// Deliveries in one state.
    State(DeliveryState),
    /// Deliveries that may have arrived twice.
    Repeated,
}

/// The data of the page.
pub(crate) struct RunPage {
    run: Run,
    forecast: RunForecast,
    filter: Filter,
    deliveries: Vec<DeliveryRow>,
    /// The last delivery shown, if there are more after it.
    page_end: Option<DeliveryId>,
    /// True if this is not the first page.
    has_previous: bool,
    in_outbox: bool,
}

// The answers about uncertain deliveries, as actions in addresses.
const WENT_OUT: &str = "went-out";
const SEND_AGAIN: &str = "send-again";

impl Filter {
    fn of(query: &RunQuery) -> Result<Self, PageError> {
        match query.state.as_deref().filter(|state| !state.is_empty()) {
            _ if query.repeated.is_some() => Ok(Self::Repeated),
            None => Ok(Self::All),
            Some(name) => {
                let found = DeliveryState::ALL.iter().copied().find(|state| state.as_str() == name);
                found.map(Self::State).ok_or(PageError::BadRequest(words::BAD_STATE))
            }
        }
    }

    /// Returns the filter for the deliveries that a tally counts.
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

    /// Returns the address of the run's page with this filter.
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
    use crate::layout::Section;
    use crate::sample;

    #[test]
    fn a_run_says_who_got_it_and_why_not() {
        let context = sample::context(source::Diagnostics::default(), false);
        let mut run = sample::live_run();
        run.tallies.push(sample::tally(DeliveryState::Uncertain, "", 1));
        let page = RunPage {
            run,
            forecast: RunForecast {
                finish: Some(context.times.now + jiff::SignedDuration::from_mins(90)),
                waits: vec![
                    store::ReceiverHold {
                        receiver: "gmail".into(),
                        until: store::Millis::from(context.times.now) + 3_600_000,
                        why: "gmail said \"421 4.7.28 <script>slow down</script>\"".into(),
                    },
                    store::ReceiverHold {
                        receiver: String::new(),
                        until: store::Millis::from(context.times.now) + 7_200_000,
                        why: "email has had its 50000 messages of today".into(),
                    },
                ],
            },
            filter: Filter::All,
            deliveries: sample::deliveries(),
            page_end: Some(DeliveryId(51)),
            has_previous: false,
            in_outbox: true,
        };
        let layout = context.layout(Section::Overview, context.live(true, Some("off"), "/runs/12"));
        let html = layout.page("Run 12", &view::page(&page, &context)).text();
        assert!(!html.contains("<script"), "hostile text is text");
        assert!(!html.contains("javascript:"), "only addresses of the web are links");
        insta::assert_snapshot!(html);
    }

    #[test]
    fn every_state_is_a_filter() {
        for state in DeliveryState::ALL.iter().copied() {
            let name = state.as_str();
            let query = RunQuery { state: Some(name.into()), ..RunQuery::default() };
            assert_eq!(Filter::of(&query).unwrap(), Filter::State(state));
            assert_eq!(serde_json::to_value(state).unwrap(), name);
        }
        assert!(Filter::of(&RunQuery { state: Some("lost".into()), ..RunQuery::default() }).is_err());
        assert_eq!(
            Filter::of(&RunQuery { repeated: Some("1".into()), ..RunQuery::default() }).unwrap(),
            Filter::Repeated
        );
    }
}
