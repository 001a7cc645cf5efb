//! A test case with a run of one step that is sent to a test relay.

use std::collections::BTreeMap;
use std::time::Duration;

use channel::Timeouts;
use store::{DeliveryRow, DeliveryState, Run, RunId, RunState};
use tests::{Phase, RecipientFilter, Relay, RelayAction, RelayListener, Script};

use crate::fixture::{Fixture, MAIL};

pub(crate) const ONCE: &str = "when = { at = 2027-06-01T10:00:00 }\n";
pub(crate) const NOW: &str = "2027-05-01T00:00:00Z";

/// A run of one step that is sent to a test relay.
pub(crate) struct RelayCase {
    pub(crate) fixture: Fixture,
    pub(crate) relay: Relay,
    pub(crate) run: RunId,
    _listener: RelayListener,
}

impl RelayCase {
    pub(crate) async fn new(people: usize, script: Script) -> Self {
        Self::with(people, script, "", MAIL, Timeouts::default()).await
    }

    /// Makes a case with more lines for the campaign, another step and other time-outs.
    pub(crate) async fn with(
        people: usize,
        script: Script,
        campaign: &str,
        step: &str,
        limits: Timeouts,
    ) -> Self {
        let relay = Relay::new(script);
        let listener = relay.listen().unwrap();
        let channel = format!(
            "kind = \"smtp\"\nurl = \"smtp://127.0.0.1:{}?tls=off\"\nfrom = \"news@test.example\"\nconnections = 4\nrate = \"2000/s\"",
            listener.port
        );
        let mut fixture = Fixture::with_campaign(&channel, campaign, &format!("{step}{ONCE}"), NOW).await;
        fixture.limits = limits;
        // At many receivers: the breaker of a single one would open before the refusals stop the
        // run.
        let of = |n: usize| Fixture::person(&format!("p{n}@d{}.example", n % 40));
        let people: Vec<_> = (0..people).map(of).collect();
        fixture.store.contact_upsert(&people, fixture.clock.millis()).await.unwrap();
        let run = fixture.fire("mail").await;
        Self { fixture, relay, run, _listener: listener }
    }

    pub(crate) async fn run(&self) -> Run {
        self.fixture.store.run_get(self.run).await.unwrap().unwrap()
    }

    pub(crate) async fn rows(&self) -> Vec<DeliveryRow> {
        self.fixture.deliveries(self.run).await
    }

    /// Waits until every delivery is in one of these states, and returns their numbers by state and
    /// reason.
    pub(crate) async fn until(&self, states: &[DeliveryState]) -> BTreeMap<String, usize> {
        for _ in 0..600 {
            let rows = self.rows().await;
            if !rows.is_empty() && rows.iter().all(|row| states.contains(&row.state)) {
                return count(&rows);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("never all {states:?}: {:?} {:#?}", count(&self.rows().await), self.run().await);
    }

    pub(crate) async fn paused(&self) -> Run {
        let paused = |runs: &[Run]| runs.iter().any(|run| run.state == RunState::Paused);
        self.fixture.wait("it pauses", paused).await;
        self.run().await
    }

    /// Returns the number of messages that the relay accepted, by recipient.
    pub(crate) fn accepted_counts(&self) -> BTreeMap<String, usize> {
        let mut got = BTreeMap::new();
        for message in self.relay.accepted_messages() {
            *got.entry(message.recipient).or_default() += 1;
        }
        got
    }

    /// Checks that so many recipients received the message once.
    pub(crate) fn all_received_once(&self, people: usize) {
        let got = self.accepted_counts();
        assert_eq!((got.len(), got.values().max()), (people, Some(&1)));
    }

    /// Checks that no address is suppressed.
    pub(crate) async fn nothing_is_suppressed(&self) {
        assert_eq!(self.fixture.store.suppression_list(10).await.unwrap(), []);
    }
}

pub(crate) fn count(rows: &[DeliveryRow]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for row in rows {
        *counts.entry(format!("{} {}", row.state, row.reason.as_deref().unwrap_or(""))).or_default() += 1;
    }
    counts
}

/// Makes a script that answers these recipients with `line` at a phase.
pub(crate) fn answers(at: Phase, recipients: RecipientFilter, line: &str) -> Script {
    Script::default().with(at, recipients, RelayAction::Answer(line.to_owned()))
}

/// Returns short time-outs, for servers that never answer.
pub(crate) fn short_timeouts() -> Timeouts {
    let short = Duration::from_millis(400);
    Timeouts { command: short, data: short, block: short, message: short, ..Timeouts::default() }
}
