//! A run of one step against a relay of our own.

use std::collections::BTreeMap;
use std::time::Duration;

use channel::Limits;
use store::{DeliveryRow, DeliveryState, Run, RunId, RunState};
use tests::{Act, Door, Phase, Relay, Script, Whom};

use crate::world::{MAIL, World};

pub(crate) const ONCE: &str = "when = { at = 2027-06-01T10:00:00 }\n";
pub(crate) const NOW: &str = "2027-05-01T00:00:00Z";

/// A run of one step that goes out through a relay of our own.
pub(crate) struct Case {
    pub(crate) world: World,
    pub(crate) relay: Relay,
    pub(crate) run: RunId,
    _door: Door,
}

impl Case {
    pub(crate) async fn new(people: usize, script: Script) -> Self {
        Self::with(people, script, "", MAIL, Limits::default()).await
    }

    /// With more lines for the campaign, another step and other limits.
    pub(crate) async fn with(
        people: usize,
        script: Script,
        campaign: &str,
        step: &str,
        limits: Limits,
    ) -> Self {
        let relay = Relay::new(script);
        let door = relay.open().unwrap();
        let channel = format!(
            "kind = \"smtp\"\nurl = \"smtp://127.0.0.1:{}?tls=off\"\nfrom = \"news@test.example\"\nconnections = 4\nrate = \"2000/s\"",
            door.port
        );
        let mut world = World::with_campaign(&channel, campaign, &format!("{step}{ONCE}"), NOW).await;
        world.limits = limits;
        // At many receivers: one alone that refuses us is left alone before it stops a run.
        let of = |n: usize| World::person(&format!("p{n}@d{}.example", n % 40));
        let people: Vec<_> = (0..people).map(of).collect();
        world.store.contact_upsert(&people, world.clock.millis()).await.unwrap();
        let run = world.fire("mail").await;
        Self { world, relay, run, _door: door }
    }

    pub(crate) async fn run(&self) -> Run {
        self.world.store.run_get(self.run).await.unwrap().unwrap()
    }

    pub(crate) async fn rows(&self) -> Vec<DeliveryRow> {
        self.world.deliveries(self.run).await
    }

    /// Waits until every delivery is in one of these states; says how many of each.
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
        self.world.wait("it pauses", paused).await;
        self.run().await
    }

    /// How often the relay took a message for each recipient.
    pub(crate) fn got(&self) -> BTreeMap<String, usize> {
        let mut got = BTreeMap::new();
        for message in self.relay.taken() {
            *got.entry(message.recipient).or_default() += 1;
        }
        got
    }

    /// Everybody got it, once.
    pub(crate) fn everybody_once(&self, people: usize) {
        let got = self.got();
        assert_eq!((got.len(), got.values().max()), (people, Some(&1)));
    }

    /// Nobody may not be written to any more.
    pub(crate) async fn nobody_is_suppressed(&self) {
        assert_eq!(self.world.store.suppression_list(10).await.unwrap(), []);
    }
}

pub(crate) fn count(rows: &[DeliveryRow]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for row in rows {
        *counts.entry(format!("{} {}", row.state, row.reason.as_deref().unwrap_or(""))).or_default() += 1;
    }
    counts
}

pub(crate) fn answers(at: Phase, whom: Whom, line: &str) -> Script {
    Script::default().with(at, whom, Act::Answer(line.to_owned()))
}

/// For servers that never answer.
pub(crate) fn hasty() -> Limits {
    let short = Duration::from_millis(400);
    Limits { command: short, data: short, block: short, message: short, ..Limits::default() }
}
