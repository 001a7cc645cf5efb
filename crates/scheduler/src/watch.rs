//! A run's own brake: it pauses when too many call it spam, too many are not there, or the other side refuses us,
//! and says so. A person decides how it goes on.

use std::collections::{HashMap, HashSet, VecDeque};

use campaign::{StopAt, Workspace};
use store::{Figures, Run, RunId, RunState, Store, StoreError};

/// Complaints and bounces are judged when so many were tried; fewer complaints are chance.
const TRIED: i64 = 100;
const COMPLAINTS: i64 = 3;
/// Refusals are judged over so many answers, from so many of them on.
const WINDOW: i64 = 50;
const REFUSALS: i64 = 20;

/// What is remembered of the live runs.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// What each had come to at earlier looks: the first of them [`WINDOW`] answers ago, or at the start.
    seen: HashMap<RunId, VecDeque<Figures>>,
    warned: HashSet<RunId>,
}

/// What is wrong with a run.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Wrong {
    Complaints { of: Figures, limit: f64 },
    Bounces { of: Figures, limit: f64 },
    Refusals { of: Figures },
    TooBig { of: Figures },
}

impl Watch {
    /// Pauses those of the live runs that went wrong, and takes them out of the list. Their tallies are with
    /// them: it costs a statement only when one is stopped.
    pub(crate) async fn look(
        &mut self,
        store: &Store,
        workspace: &Workspace,
        live: &mut Vec<Run>,
    ) -> Result<(), StoreError> {
        self.seen.retain(|id, _| live.iter().any(|run| run.id == *id));
        self.warned.retain(|id| live.iter().any(|run| run.id == *id));
        let mut stopped = HashSet::new();
        for run in live.iter().filter(|run| matches!(run.state, RunState::Planned | RunState::Running)) {
            let stop_at =
                workspace.campaigns.get(run.campaign.as_str()).map(|it| it.stop_at).unwrap_or_default();
            if let Some(wrong) = self.judge(run, &stop_at) {
                let note = wrong.note(run, &store.run_answer(run.id, wrong.reason()).await?);
                if store.run_stop(run.id, &note, &run.figures()).await? {
                    tracing::error!(run = run.id.0, note, "a run stopped itself");
                }
                self.seen.remove(&run.id);
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

    fn judge(&mut self, run: &Run, stop_at: &StopAt) -> Option<Wrong> {
        let of = since(run);
        let recent = self.recent(run.id, of);
        let exceeds = |part: i64, whole: i64, limit: f64| limit < 1.0 && share(part, whole) >= limit;
        if of.sent >= TRIED
            && of.complained >= COMPLAINTS
            && exceeds(of.complained, of.sent, stop_at.complaints)
        {
            Some(Wrong::Complaints { of, limit: stop_at.complaints })
        } else if of.tried >= TRIED && exceeds(of.bounced, of.tried, stop_at.bounces) {
            Some(Wrong::Bounces { of, limit: stop_at.bounces })
        } else if recent.refused >= REFUSALS
            && exceeds(recent.refused, recent.tried.max(WINDOW), stop_at.refusals)
        {
            Some(Wrong::Refusals { of: recent })
        } else if recent.too_big >= REFUSALS
            && exceeds(recent.too_big, recent.tried.max(WINDOW), stop_at.refusals)
        {
            Some(Wrong::TooBig { of: recent })
        } else {
            None
        }
    }

    /// What the last answers were: at least [`WINDOW`] of them, or all.
    fn recent(&mut self, run: RunId, now: Figures) -> Figures {
        let seen = self.seen.entry(run).or_default();
        // A retry takes answers away.
        if seen.back().is_some_and(|last| now.tried < last.tried) {
            seen.clear();
            seen.push_back(now);
        }
        if seen.is_empty() {
            seen.push_back(Figures::default());
        }
        if seen.back().is_some_and(|last| now.tried > last.tried) {
            seen.push_back(now);
        }
        while seen.get(1).is_some_and(|older| now.tried - older.tried >= WINDOW) {
            seen.pop_front();
        }
        seen.front().map_or(now, |first| now - *first)
    }

    /// Once, at a third of what stops it.
    fn warning(&mut self, run: &Run, stop_at: &StopAt) -> Option<String> {
        let of = since(run);
        let is_much = of.sent >= TRIED
            && of.complained >= 2
            && share(of.complained, of.sent) >= stop_at.complaints / 3.0;
        if !is_much || stop_at.complaints >= 1.0 || !self.warned.insert(run.id) {
            return None;
        }
        Some(format!(
            "{} of {} called it spam ({}); at {} it stops itself",
            of.complained,
            of.sent,
            percent(share(of.complained, of.sent)),
            percent(stop_at.complaints)
        ))
    }
}

/// What a run came to since it last stopped itself.
fn since(run: &Run) -> Figures {
    run.figures() - run.stopped.unwrap_or_default()
}

impl Wrong {
    /// The reason of deliveries whose answer says more.
    fn reason(&self) -> &'static str {
        match self {
            Self::Complaints { .. } => "",
            Self::Bounces { .. } => "bad_address",
            Self::Refusals { .. } => "policy",
            Self::TooBig { .. } => "too_big",
        }
    }

    /// What happened, and what to do about it.
    fn note(&self, run: &Run, answer: &str) -> String {
        let (figure, advice) = match self {
            Self::Complaints { of, limit } => (
                format!(
                    "{} of {} called it spam: {}, and the limit is {}",
                    of.complained,
                    of.sent,
                    percent(share(of.complained, of.sent)),
                    percent(*limit)
                ),
                "Find out whether these people asked for it; receivers soon refuse all mail of a sender with so \
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
                "Make pictures and attachments smaller, cancel this run and send it anew; or have the server's \
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

fn percent(share: f64) -> String {
    let text = format!("{:.2}", share * 100.0);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
