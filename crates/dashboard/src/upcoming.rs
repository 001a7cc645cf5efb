//! Upcoming occurrences of campaign steps, and the time of a run as its campaign's file states it.

use std::collections::BTreeSet;

use campaign::{Campaign, CampaignId, Step, Workspace};
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};
use schedule::{Moment, ScheduleZone, Trigger};
use store::{Millis, OccurrenceRow, OccurrenceState, Run, RunKind, StepKey, Store, StoreError};

use crate::components::{self, PageContext};
use crate::format::Times;
use crate::words;

/// The time ahead for which upcoming occurrences are listed: 30 days.
const LOOKAHEAD: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The UTC offset, in hours, at which any time of day occurs first.
const EARLIEST_UTC_OFFSET: i8 = 14;

/// One upcoming occurrence of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Upcoming {
    /// The id of the campaign.
    campaign: String,
    /// The title of the campaign.
    title: String,
    /// The id of the step.
    step: String,
    /// The id of the channel.
    channel: String,
    /// The start of the run.
    at: Millis,
    /// The wall-clock time, if each contact's own zone counts.
    local: Option<DateTime>,
}

/// Upcoming occurrences that will not run, because they have happened or were dismissed.
#[derive(Debug, Default)]
pub(crate) struct SettledOccurrences {
    /// One-shot steps that have run.
    over: BTreeSet<StepKey>,
    /// Occurrences that a person dismissed.
    dismissed: BTreeSet<(StepKey, Millis)>,
}

/// The maximum number of occurrences that are read.
const MAX_OCCURRENCES: i64 = 1_000;

impl SettledOccurrences {
    /// Reads the settled occurrences of all campaigns.
    pub(crate) async fn read(store: &Store) -> Result<Self, StoreError> {
        let rows = store.occurrence_list(None, false, MAX_OCCURRENCES).await?;
        let dismissed = rows.into_iter().filter(|row| row.state == OccurrenceState::Dismissed);
        let dismissed = dismissed.map(|row| ((row.campaign, row.step), row.instant)).collect();
        Ok(Self { over: store.one_shots().await?, dismissed })
    }

    /// Returns the first `count` occurrences that will run in the current state.
    pub(crate) fn remaining(
        &self,
        context: &PageContext,
        mut upcoming: Vec<Upcoming>,
        count: usize,
    ) -> Vec<Upcoming> {
        upcoming.retain(|next| {
            let campaign = context.workspace().campaigns.get(next.campaign.as_str());
            let step = campaign.and_then(|c| c.steps.iter().find(|step| step.id.as_str() == next.step));
            let once = step.is_some_and(|step| matches!(step.schedule.trigger, Trigger::At(_)));
            let key = (next.campaign.clone(), next.step.clone());
            context.stopped.is_none()
                && campaign.is_some_and(|campaign| !campaign.hold)
                && !(once && self.over.contains(&key))
                && !self.dismissed.contains(&(key, next.at))
        });
        upcoming.truncate(count);
        upcoming
    }
}

impl PageContext {
    /// Returns the upcoming occurrences of one campaign or of all, soonest first: at most `each` of
    /// one step and `all` in total. Steps that follow another step are expected after the runs in
    /// `runs`.
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
            steps.flat_map(|(campaign, step)| self.step_occurrences(campaign, step, runs, each)).collect();
        found.sort_by_key(|upcoming| upcoming.at);
        found.truncate(all);
        found
    }

    fn step_occurrences(&self, campaign: &Campaign, step: &Step, runs: &[Run], each: usize) -> Vec<Upcoming> {
        let one = |at: Timestamp, local: Option<DateTime>| Upcoming {
            campaign: campaign.id.to_string(),
            title: campaign.title.clone(),
            step: step.id.to_string(),
            channel: step.channel.to_string(),
            at: at.into(),
            local,
        };
        let until = self.times.now.checked_add(LOOKAHEAD).unwrap_or(Timestamp::MAX);
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

    /// Returns the time of a run as text. For a run in contacts' own zones this is the wall-clock
    /// time, because its key is the instant at which that time occurs first on Earth.
    pub(crate) fn run_time(&self, run: &Run) -> String {
        match self.local_time(run) {
            Some(at) => words::in_contact_zone(&self.times.civil(at)),
            None => self.times.minute(run.instant),
        }
    }

    fn local_time(&self, run: &Run) -> Option<DateTime> {
        if run.trigger.is_some() {
            return contact_local_time(run);
        }
        // A run made before this was recorded takes it from the files.
        let campaign = self.workspace().campaigns.get(run.campaign.as_str())?;
        let step = campaign.steps.iter().find(|step| step.id.as_str() == run.step)?;
        let local = matches!(step.schedule.zone, ScheduleZone::Contact { .. })
            && !matches!(step.schedule.trigger, Trigger::After { .. })
            && run.kind == RunKind::Scheduled;
        let first = TimeZone::fixed(Offset::constant(EARLIEST_UTC_OFFSET));
        let at = run.instant.timestamp().ok()?;
        local.then(|| at.to_zoned(first).datetime())
    }
}

/// Returns the wall-clock time of a run in contacts' own zones; `None` for other runs. Its key is
/// the instant at which that time occurs first on Earth (UTC+14).
#[must_use]
pub fn contact_local_time(run: &Run) -> Option<DateTime> {
    (run.own_clock == 1).then(|| earliest_local_time(run.instant)).flatten()
}

/// Returns the wall-clock time of an occurrence that did not run, if its step in the files follows
/// contacts' own zones.
#[must_use]
pub fn occurrence_local_time(workspace: &Workspace, row: &OccurrenceRow) -> Option<DateTime> {
    let campaign = workspace.campaigns.get(row.campaign.as_str())?;
    let step = campaign.steps.iter().find(|step| step.id.as_str() == row.step)?;
    let by_itself = !matches!(step.schedule.trigger, Trigger::After { .. });
    let own = by_itself && matches!(step.schedule.zone, ScheduleZone::Contact { .. }) && row.count == 1;
    own.then(|| earliest_local_time(row.instant)).flatten()
}

/// Returns the wall-clock time at an instant where days begin first (UTC+14).
fn earliest_local_time(instant: Millis) -> Option<DateTime> {
    let at = instant.timestamp().ok()?;
    Some(at.to_zoned(TimeZone::fixed(Offset::constant(EARLIEST_UTC_OFFSET))).datetime())
}

/// Renders a list of upcoming occurrences, or a hint if there are none.
pub(crate) fn list(upcoming: &[Upcoming], times: &Times, named: bool) -> Markup {
    html! {
        @if upcoming.is_empty() {
            p.empty { (components::text(words::NOTHING_NEXT)) }
        } @else {
            ol.upcoming {
                @for next in upcoming {
                    li {
                        @match next.local {
                            Some(at) => { time datetime=(at) { (times.civil(at)) } }
                            None => { (components::time(times, next.at)) }
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
    fn a_run_in_contact_zones_shows_the_wall_clock_time() {
        let context = sample::context(source::Diagnostics::default(), false);
        let instant = "2027-03-03T20:00:00Z".parse::<Timestamp>().unwrap().into();
        let run = Run { instant, ..sample::live_run() };
        assert_eq!(context.run_time(&run), words::in_contact_zone("Thu 4 Mar, 10:00"));
        let by_hand = Run { kind: RunKind::Manual, ..run };
        assert_eq!(context.run_time(&by_hand), "Thu 4 Mar, 04:00");
    }

    #[test]
    fn a_step_that_follows_is_expected_after_its_parent_until_it_has_run() {
        let context = sample::context(source::Diagnostics::default(), false);
        let parent = sample::live_run();
        let steps = |runs: &[Run]| -> Vec<String> {
            context.upcoming(None, runs, 1, 9).into_iter().map(|next| next.step).collect()
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
