//! `/runs/{id}`: did everybody get it?

mod doubt;
mod handlers;
mod view;

use serde::Deserialize;
use store::{DeliveryId, DeliveryRow, DeliveryState, Run, RunId, TallyState};

use crate::error::PageError;
use crate::outlook::Outlook;
use crate::words;
pub(crate) use handlers::{get, post, settle};

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

/// What a person may say of uncertain deliveries, as it stands in addresses.
const WENT_OUT: &str = "went-out";
const SEND_AGAIN: &str = "send-again";

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
    use crate::shell::Section;

    #[test]
    fn a_run_says_who_got_it_and_why_not() {
        let scene = sample::scene(source::Diagnostics::default(), false);
        let mut run = sample::live_run();
        run.tallies.push(sample::tally(DeliveryState::Uncertain, "", 1));
        let page = RunPage {
            run,
            outlook: Outlook {
                finish: Some(scene.times.now + jiff::SignedDuration::from_mins(90)),
                waits: vec![
                    store::Held {
                        receiver: "gmail".into(),
                        until: store::Millis::from(scene.times.now) + 3_600_000,
                        why: "gmail said \"421 4.7.28 <script>slow down</script>\"".into(),
                    },
                    store::Held {
                        receiver: String::new(),
                        until: store::Millis::from(scene.times.now) + 7_200_000,
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
