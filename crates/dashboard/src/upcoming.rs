//! When things go out: what comes next, and the time of a run as its campaign's file says it.

use std::collections::BTreeSet;

use campaign::{Campaign, CampaignId, Step, Workspace};
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};
use schedule::{Moment, Trigger, Zone};
use store::{Millis, OccurrenceRow, OccurrenceState, Run, RunKind, StepKey, Store, StoreError};

use crate::notation::Times;
use crate::parts::{self, Scene};
use crate::words;

/// How far ahead a page looks.
const AHEAD: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The first place where it is any time of day.
const FIRST: i8 = 14;

/// One firing to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Upcoming {
    /// Of this campaign.
    campaign: String,
    /// What it is called.
    title: String,
    /// Of this step.
    step: String,
    /// By this channel.
    channel: String,
    /// When it starts.
    at: Millis,
    /// The time where each contact is, if that is what counts.
    local: Option<DateTime>,
}

/// What was decided of occurrences to come.
#[derive(Debug, Default)]
pub(crate) struct Decided {
    /// Steps that happen once, and did.
    over: BTreeSet<StepKey>,
    /// Occurrences that a person took out.
    dismissed: BTreeSet<(StepKey, Millis)>,
}

/// So many occurrences that did not run are read.
const READ: i64 = 1_000;

impl Decided {
    /// Reads it.
    pub(crate) async fn read(store: &Store) -> Result<Self, StoreError> {
        let rows = store.occurrence_list(None, false, READ).await?;
        let dismissed = rows.into_iter().filter(|row| row.state == OccurrenceState::Dismissed);
        let dismissed = dismissed.map(|row| ((row.campaign, row.step), row.instant)).collect();
        Ok(Self { over: store.one_shots().await?, dismissed })
    }

    /// The first `count` of those that will run, as things are now.
    pub(crate) fn keep(&self, scene: &Scene, mut upcoming: Vec<Upcoming>, count: usize) -> Vec<Upcoming> {
        upcoming.retain(|next| {
            let campaign = scene.workspace().campaigns.get(next.campaign.as_str());
            let step = campaign.and_then(|c| c.steps.iter().find(|step| step.id.as_str() == next.step));
            let once = step.is_some_and(|step| matches!(step.schedule.trigger, Trigger::At(_)));
            let key = (next.campaign.clone(), next.step.clone());
            scene.stopped.is_none()
                && campaign.is_some_and(|campaign| !campaign.hold)
                && !(once && self.over.contains(&key))
                && !self.dismissed.contains(&(key, next.at))
        });
        upcoming.truncate(count);
        upcoming
    }
}

impl Scene {
    /// The next firings of one campaign's steps, or of all, soonest first; at most `each` of one step. Steps
    /// that follow another step follow those of `runs`.
    pub(crate) fn upcoming(
        &self,
        only: Option<&CampaignId>,
        runs: &[Run],
        each: usize,
        all: usize,
    ) -> Vec<Upcoming> {
        let campaigns = self.workspace().campaigns.values();
        let campaigns = campaigns.filter(|campaign| only.is_none_or(|only| *only == campaign.id));
        let steps = campaigns.flat_map(|campaign| campaign.steps.iter().map(move |step| (campaign, step)));
        let mut found: Vec<Upcoming> =
            steps.flat_map(|(campaign, step)| self.firings(campaign, step, runs, each)).collect();
        found.sort_by_key(|upcoming| upcoming.at);
        found.truncate(all);
        found
    }

    fn firings(&self, campaign: &Campaign, step: &Step, runs: &[Run], each: usize) -> Vec<Upcoming> {
        let one = |at: Timestamp, local: Option<DateTime>| Upcoming {
            campaign: campaign.id.to_string(),
            title: campaign.title.clone(),
            step: step.id.to_string(),
            channel: step.channel.to_string(),
            at: at.into(),
            local,
        };
        let until = self.times.now.checked_add(AHEAD).unwrap_or(Timestamp::MAX);
        if let Trigger::After { step: parent, delay, .. } = &step.schedule.trigger {
            let parents = runs.iter().filter(|run| {
                run.campaign == campaign.id.as_str()
                    && run.step == parent.as_str()
                    && run.kind != RunKind::Test
            });
            let parents = parents.filter(|run| runs.iter().all(|other| other.parent_id != Some(run.id)));
            let starts = parents.filter_map(|run| run.instant.timestamp().ok());
            let firings = starts.map(|start| schedule::after(start, *delay).instant);
            let ahead = firings.filter(|at| (self.times.now..=until).contains(at));
            return ahead.map(|at| one(at, None)).take(each).collect();
        }
        let mut occurrences = step.schedule.occurrences(self.times.now, until, each);
        occurrences.retain(|occurrence| step.schedule.within(occurrence, campaign.starts, campaign.ends));
        let firing = |occurrence: schedule::Occurrence| match occurrence.moment {
            Moment::Instant(_) => one(occurrence.instant, None),
            Moment::Local(at) => one(occurrence.instant, Some(at)),
        };
        occurrences.into_iter().map(firing).collect()
    }

    /// When a run goes out, in words. The key of a run by contacts' own clocks is the time at the first place
    /// on Earth; people know the time on the clocks.
    pub(crate) fn run_time(&self, run: &Run) -> String {
        match self.local_time(run) {
            Some(at) => words::own_clock(&self.times.civil(at)),
            None => self.times.minute(run.instant),
        }
    }

    fn local_time(&self, run: &Run) -> Option<DateTime> {
        if run.trigger.is_some() {
            return own_clock(run);
        }
        // A run made before it was kept asks the files.
        let campaign = self.workspace().campaigns.get(run.campaign.as_str())?;
        let step = campaign.steps.iter().find(|step| step.id.as_str() == run.step)?;
        let local = matches!(step.schedule.zone, Zone::Contact { .. })
            && !matches!(step.schedule.trigger, Trigger::After { .. })
            && run.kind == RunKind::Scheduled;
        let first = TimeZone::fixed(Offset::constant(FIRST));
        let at = run.instant.timestamp().ok()?;
        local.then(|| at.to_zoned(first).datetime())
    }
}

/// The time on the contacts' own clocks at which a run goes out, where those count: its key is that time at the first
/// place on Earth.
#[must_use]
pub fn own_clock(run: &Run) -> Option<DateTime> {
    (run.own_clock == 1).then(|| first_clock(run.instant)).flatten()
}

/// The same of an occurrence that did not run, by its step in the files.
#[must_use]
pub fn own_clock_of(workspace: &Workspace, row: &OccurrenceRow) -> Option<DateTime> {
    let campaign = workspace.campaigns.get(row.campaign.as_str())?;
    let step = campaign.steps.iter().find(|step| step.id.as_str() == row.step)?;
    let by_itself = !matches!(step.schedule.trigger, Trigger::After { .. });
    let own = by_itself && matches!(step.schedule.zone, Zone::Contact { .. }) && row.count == 1;
    own.then(|| first_clock(row.instant)).flatten()
}

/// The clock at an instant at the first place on Earth.
fn first_clock(instant: Millis) -> Option<DateTime> {
    let at = instant.timestamp().ok()?;
    Some(at.to_zoned(TimeZone::fixed(Offset::constant(FIRST))).datetime())
}

/// A list of firings to come, or what to do when there are none.
pub(crate) fn list(upcoming: &[Upcoming], times: &Times, named: bool) -> Markup {
    html! {
        @if upcoming.is_empty() {
            p.empty { (parts::text(words::NOTHING_NEXT)) }
        } @else {
            ol.upcoming {
                @for next in upcoming {
                    li {
                        @match next.local {
                            Some(at) => { time datetime=(at) { (times.civil(at)) } }
                            None => { (parts::time(times, next.at)) }
                        }
                        span.distance { (times.distance(next.at)) }
                        span.what {
                            @if named { a href={ "/campaigns/" (next.campaign) } { (next.title) } " " }
                            span.quiet { (words::step_on_channel(&next.step, &next.channel, next.local.is_some())) }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn a_run_by_own_clocks_shows_the_time_on_the_clocks() {
        let scene = sample::scene(source::Diagnostics::default(), false);
        let instant = "2027-03-03T20:00:00Z".parse::<Timestamp>().unwrap().into();
        let run = Run { instant, ..sample::live_run() };
        assert_eq!(scene.run_time(&run), words::own_clock("Thu 4 Mar, 10:00"));
        let by_hand = Run { kind: RunKind::Manual, ..run };
        assert_eq!(scene.run_time(&by_hand), "Thu 4 Mar, 04:00");
    }

    #[test]
    fn a_step_that_follows_is_expected_after_its_parent_until_it_has_run() {
        let scene = sample::scene(source::Diagnostics::default(), false);
        let parent = sample::live_run();
        let steps = |runs: &[Run]| -> Vec<String> {
            scene.upcoming(None, runs, 1, 9).into_iter().map(|next| next.step).collect()
        };
        assert_eq!(steps(&[]), ["mail", "post", "letter"]);
        assert_eq!(steps(std::slice::from_ref(&parent)), ["mail", "post", "reminder", "letter"]);
        let child = Run {
            id: store::RunId(13),
            step: "reminder".into(),
            parent_id: Some(parent.id),
            ..parent.clone()
        };
        assert_eq!(steps(&[child, parent]), ["mail", "post", "letter"]);
    }
}
