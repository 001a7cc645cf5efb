//! The stop rules of a run: it pauses itself when too many recipients mark it as spam, too many
//! addresses bounce, or receivers refuse the sender, and says so. A person decides how it goes on.

use std::collections::{HashMap, HashSet, VecDeque};

use campaign::{StopAt, Workspace};
use store::{Run, RunFigures, RunId, RunState, Store, StoreError};

/// The number of messages from which on the shares of complaints and bounces are compared with
/// their limits.
const MIN_TRIED: i64 = 100;
/// The number of complaints below which they count as chance.
const MIN_COMPLAINTS: i64 = 3;
/// The number of latest answers of which the share of refusals is taken.
const REFUSAL_WINDOW: i64 = 50;
/// The number of refusals among them below which a run goes on.
const MIN_REFUSALS: i64 = 20;

/// The stop rules, with the earlier figures of the live runs.
#[derive(Debug, Default)]
pub(crate) struct StopRules {
    /// The figures of each run at earlier checks: the first from [`REFUSAL_WINDOW`] answers ago, or
    /// from the start of the run.
    samples: HashMap<RunId, VecDeque<RunFigures>>,
    /// The runs that have had their warning.
    warned: HashSet<RunId>,
}

/// A stop rule that a run breaches, with the figures that breach it and the limit as a share.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Breach {
    Complaints { of: RunFigures, limit: f64 },
    Bounces { of: RunFigures, limit: f64 },
    Refusals { of: RunFigures },
    TooBig { of: RunFigures },
}

impl StopRules {
    /// Pauses those of the live runs that breach a rule, and removes them from the list. The runs
    /// come with their tallies, so that only a stop costs a statement.
    pub(crate) async fn check(
        &mut self,
        store: &Store,
        workspace: &Workspace,
        live: &mut Vec<Run>,
    ) -> Result<(), StoreError> {
        self.samples.retain(|id, _| live.iter().any(|run| run.id == *id));
        self.warned.retain(|id| live.iter().any(|run| run.id == *id));
        let mut stopped = HashSet::new();
        for run in live.iter().filter(|run| matches!(run.state, RunState::Planned | RunState::Running)) {
            let stop_at =
                workspace.campaigns.get(run.campaign.as_str()).map(|it| it.stop_at).unwrap_or_default();
            if let Some(breach) = self.breach(run, &stop_at) {
                let note = breach.note(run, &store.run_answer(run.id, breach.reason()).await?);
                if store.run_stop(run.id, &note, &run.figures()).await? {
                    tracing::error!(run = run.id.0, note, "a run stopped itself");
                }
                self.samples.remove(&run.id);
                stopped.insert(run.id);
            } else if let Some(note) = self.warning(run, &stop_at) {
                tracing::warn!(run = run.id.0, note, "a run may have to stop");
                if run.note.is_none() {
                    store.run_note(run.id, &note).await?;
                }
            }
        }
        live.retain(|run| !stopped.contains(&run.id));
        Ok(())
    }

    /// Returns the rule that a run breaches, if any.
    fn breach(&mut self, run: &Run, stop_at: &StopAt) -> Option<Breach> {
        let of = since(run);
        let recent = self.recent(run.id, of);
        let exceeds = |part: i64, whole: i64, limit: f64| limit < 1.0 && share(part, whole) >= limit;
        if of.sent >= MIN_TRIED
            && of.complained >= MIN_COMPLAINTS
            && exceeds(of.complained, of.sent, stop_at.complaints)
        {
            Some(Breach::Complaints { of, limit: stop_at.complaints })
        } else if of.tried >= MIN_TRIED && exceeds(of.bounced, of.tried, stop_at.bounces) {
            Some(Breach::Bounces { of, limit: stop_at.bounces })
        } else if recent.refused >= MIN_REFUSALS
            && exceeds(recent.refused, recent.tried.max(REFUSAL_WINDOW), stop_at.refusals)
        {
            Some(Breach::Refusals { of: recent })
        } else if recent.too_big >= MIN_REFUSALS
            && exceeds(recent.too_big, recent.tried.max(REFUSAL_WINDOW), stop_at.refusals)
        {
            Some(Breach::TooBig { of: recent })
        } else {
            None
        }
    }

    /// Returns the figures of the latest answers: at least [`REFUSAL_WINDOW`] of them, or all.
    fn recent(&mut self, run: RunId, now: RunFigures) -> RunFigures {
        let samples = self.samples.entry(run).or_default();
        // A retry removes answers from the figures.
        if samples.back().is_some_and(|last| now.tried < last.tried) {
            samples.clear();
            samples.push_back(now);
        }
        if samples.is_empty() {
            samples.push_back(RunFigures::default());
        }
        if samples.back().is_some_and(|last| now.tried > last.tried) {
            samples.push_back(now);
        }
        while samples.get(1).is_some_and(|older| now.tried - older.tried >= REFUSAL_WINDOW) {
            samples.pop_front();
        }
        samples.front().map_or(now, |first| now - *first)
    }

    /// Returns a warning, once per run, when its complaints reach a third of the limit.
    fn warning(&mut self, run: &Run, stop_at: &StopAt) -> Option<String> {
        let of = since(run);
        let is_much = of.sent >= MIN_TRIED
            && of.complained >= 2
            && share(of.complained, of.sent) >= stop_at.complaints / 3.0;
        if !is_much || stop_at.complaints >= 1.0 || !self.warned.insert(run.id) {
            return None;
        }
        Some(format!(
            "{} of {} marked it as spam ({}); at {} it stops itself",
            of.complained,
            of.sent,
            percent(share(of.complained, of.sent)),
            percent(stop_at.complaints)
        ))
    }
}

/// Returns the figures of a run since it last stopped itself.
fn since(run: &Run) -> RunFigures {
    run.figures() - run.stopped.unwrap_or_default()
}

impl Breach {
    /// Returns the reason of the deliveries whose answer is quoted in the note; empty where none
    /// is.
    fn reason(&self) -> &'static str {
        match self {
            Self::Complaints { .. } => "",
            Self::Bounces { .. } => "bad_address",
            Self::Refusals { .. } => "policy",
            Self::TooBig { .. } => "too_big",
        }
    }

    /// Returns the note for the run's page: the figures, the limit, an answer, and what to do.
    fn note(&self, run: &Run, answer: &str) -> String {
        let (figure, advice) = match self {
            Self::Complaints { of, limit } => (
                format!(
                    "{} of {} marked it as spam: {}, and the limit is {}",
                    of.complained,
                    of.sent,
                    percent(share(of.complained, of.sent)),
                    percent(*limit)
                ),
                "Find out whether these people subscribed to it; receivers soon refuse all mail of a sender with so \
                 many complaints.",
            ),
            Self::Bounces { of, limit } => (
                format!(
                    "{} of {} addresses do not exist: {}, and the limit is {}",
                    of.bounced,
                    of.tried,
                    percent(share(of.bounced, of.tried)),
                    percent(*limit)
                ),
                "Find out where the list comes from and how old it is.",
            ),
            Self::Refusals { of } => (
                format!("{} of the last {} answers refuse us", of.refused, of.tried),
                "Ask `chorus doctor` about SPF, DKIM and DMARC, and the receiver about our reputation.",
            ),
            Self::TooBig { of } => (
                format!("{} of the last {} answers say that the message is too big", of.too_big, of.tried),
                "Make pictures and attachments smaller, cancel this run and send it again; or have the server's \
                 limit raised.",
            ),
        };
        let answer: String = answer.chars().take(200).collect();
        let answer = if answer.is_empty() { String::new() } else { format!(" An answer: {answer}.") };
        let id = run.id;
        format!(
            "It stopped itself: {figure}.{answer} {advice} `chorus runs resume {id}` goes on, `chorus runs cancel {id}` ends it."
        )
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share of people")]
fn share(part: i64, whole: i64) -> f64 {
    if whole <= 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Writes a share as a percentage with at most two decimals: `0.3 %`.
fn percent(share: f64) -> String {
    let text = format!("{:.2}", share * 100.0);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
#[path = "stop_rules_tests.rs"]
mod tests;
