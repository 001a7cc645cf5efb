//! What becomes of the occurrences of one step up to now: pure, so that a plan and the engine give the same answer.

use campaign::{Campaign, Step};
use jiff::{SignedDuration, Timestamp};
use schedule::{Definition, GRACE, Moment, Occurrence, Trigger, Zone};
use store::{Millis, NewOccurrence, OccurrenceKind, OccurrenceReason, ScheduleRow};

use crate::fire::millis;

/// A step that is absent for less than this is taken to have been there all the time.
pub(crate) const ABSENCE: i64 = 60_000;

/// A watermark that is so far ahead of the clock was set by a clock that was wrong.
const AHEAD: i64 = 60_000;

/// An occurrence by contacts' own clocks lasts for this long at most: from UTC+14 to UTC−12, and an hour that clocks may
/// have moved.
pub(crate) const LONGEST: SignedDuration = SignedDuration::from_hours(27);

/// How far back occurrences are listed that an edit left behind.
const LISTED: SignedDuration = SignedDuration::from_hours(31 * 24);

/// So many occurrences of one decision have rows of their own; those before them share one.
const OWN_ROWS: usize = 50;

/// What is decided of a step's occurrences.
#[derive(Debug, Default)]
pub(crate) struct Decision {
    /// The occurrences that run, unless something else holds them.
    pub(crate) fire: Vec<Due>,
    /// The occurrences that do not.
    pub(crate) rows: Vec<NewOccurrence>,
    /// Nothing is decided now: the clock will reach the watermark within a minute.
    pub(crate) wait: bool,
}

/// An occurrence that runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Due {
    pub(crate) occurrence: Occurrence,
    /// An edit in the middle of it: recipients whose own instant is not after it are missed.
    pub(crate) missed_to: Option<Millis>,
}

impl Due {
    const fn whole(occurrence: Occurrence) -> Self {
        Self { occurrence, missed_to: None }
    }
}

/// What makes everything up to now decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edit {
    /// The step was not there before.
    New,
    /// The step was absent for a while.
    Back,
    /// Its times are others.
    Changed,
}

impl Edit {
    const fn reason(self) -> OccurrenceReason {
        match self {
            Self::New => OccurrenceReason::Added,
            Self::Back => OccurrenceReason::Absent,
            Self::Changed => OccurrenceReason::Edited,
        }
    }
}

/// Decides the occurrences of a step that fires by itself, from where they were decided before up to `now`. `row` is
/// what is kept of its schedule. `had_errors`: its file could not be used in the meantime.
pub(crate) fn decide(
    campaign: &Campaign,
    step: &Step,
    row: Option<&ScheduleRow>,
    now: Timestamp,
    had_errors: bool,
) -> Decision {
    let at = Millis::from(now);
    let Some(row) = row else { return edited(campaign, step, Edit::New, None, now) };
    if row.planned_through > at.saturating_add(AHEAD) {
        return clock_back(row.planned_through, at);
    }
    if row.planned_through >= at {
        return Decision { wait: true, ..Decision::default() };
    }
    let before = row.definition.as_deref().and_then(|json| serde_json::from_str::<Definition>(json).ok());
    let old = before.as_ref().map(|definition| (definition, row.planned_through));
    if row.gone_since.is_some_and(|since| at.since(since) >= ABSENCE) {
        return edited(campaign, step, Edit::Back, old, now);
    }
    let definition = Definition::of(&step.schedule, campaign.starts, campaign.ends);
    if before.as_ref().is_some_and(|before| *before != definition) {
        return edited(campaign, step, Edit::Changed, old, now);
    }
    caught_up(campaign, step, row.planned_through, now, had_errors)
}

/// The same times as before: what fell due since is judged by `catch_up`.
fn caught_up(
    campaign: &Campaign,
    step: &Step,
    planned_through: Millis,
    now: Timestamp,
    had_errors: bool,
) -> Decision {
    let (mut fire, mut missed) = step.schedule.due(instant(planned_through), now);
    let reason = if had_errors { OccurrenceReason::FileError } else { OccurrenceReason::Off };
    let mut rows = Vec::new();
    let after_end = |occurrence: &Occurrence| {
        step.schedule.within(occurrence, campaign.starts, None)
            && !step.schedule.within(occurrence, None, campaign.ends)
    };
    // The first occurrence after the end is told; a schedule that recurs has them for ever.
    let ended = missed.iter().chain(&fire).find(|occurrence| after_end(occurrence));
    if let Some(occurrence) = ended.filter(|occurrence| is_first_after_end(campaign, step, occurrence)) {
        rows.push(row_of(occurrence, OccurrenceKind::Ended, OccurrenceReason::Ends));
    }
    let within = |occurrence: &Occurrence| step.schedule.within(occurrence, campaign.starts, campaign.ends);
    fire.retain(within);
    missed.retain(within);
    rows.extend(listed(&missed, reason));
    Decision { fire: fire.into_iter().map(Due::whole).collect(), rows, wait: false }
}

fn is_first_after_end(campaign: &Campaign, step: &Step, occurrence: &Occurrence) -> bool {
    let Some(ends) = campaign.ends else { return false };
    let early = ends.saturating_sub(SignedDuration::from_hours(26)).unwrap_or(ends);
    let next = step.schedule.occurrences(early, occurrence.instant, usize::MAX);
    let mut after = next.iter().filter(|other| !step.schedule.within(other, None, campaign.ends));
    after.next().is_none_or(|first| first.instant == occurrence.instant)
}

/// An edit never makes the past due: everything up to now is decided. What the old and the new times have in common
/// within the last minute is on time and fires; where each contact's own clock counts, those fire whose own time is
/// still to come.
fn edited(
    campaign: &Campaign,
    step: &Step,
    edit: Edit,
    old: Option<(&Definition, Millis)>,
    now: Timestamp,
) -> Decision {
    let at = Millis::from(now);
    let schedule = &step.schedule;
    let listed_from = now.saturating_sub(LISTED).unwrap_or(Timestamp::MIN);
    let old_due = old.map_or_else(Vec::new, |(definition, from)| {
        definition.occurrences(instant(from).max(listed_from), now, usize::MAX)
    });
    let day_ago = now.saturating_sub(LONGEST).unwrap_or(Timestamp::MIN);
    let mut ours = schedule.occurrences(day_ago, now, usize::MAX);
    ours.retain(|occurrence| schedule.within(occurrence, campaign.starts, campaign.ends));
    let on_time = |occurrence: &Occurrence| {
        edit == Edit::Changed
            && old_due.iter().any(|old| old.instant == occurrence.instant)
            && at.since(occurrence.instant.into()) <= millis(GRACE)
    };
    let goes_on =
        |occurrence: &Occurrence| matches!(schedule.zone, Zone::Contact { .. }) && occurrence.until > now;
    // Occurrences by contacts' own clocks that are still going: their runs keep their times.
    let still_going: Vec<Occurrence> = old.map_or_else(Vec::new, |(definition, from)| {
        let mut planned = definition.occurrences(day_ago, instant(from).min(now), usize::MAX);
        planned.retain(|occurrence| is_own_clock(occurrence) && occurrence.until > now);
        planned
    });
    let day = |occurrence: &Occurrence| match occurrence.moment {
        Moment::Local(wall) => Some(wall.date()),
        Moment::Instant(_) => None,
    };
    let mut fire = Vec::new();
    let mut twice = Vec::new();
    for occurrence in ours {
        if on_time(&occurrence) {
            fire.push(Due::whole(occurrence));
        } else if goes_on(&occurrence) && still_going.iter().any(|old| day(old) == day(&occurrence)) {
            twice.push(row_of(&occurrence, OccurrenceKind::Skipped, OccurrenceReason::Overlap));
        } else if goes_on(&occurrence) {
            fire.push(Due { occurrence, missed_to: Some(at) });
        }
    }
    let fires = |instant: Timestamp| fire.iter().any(|due| due.occurrence.instant == instant);
    let missed: Vec<_> = old_due.into_iter().filter(|old| !fires(old.instant)).collect();
    let reason = if edit == Edit::Back { OccurrenceReason::Absent } else { OccurrenceReason::Edited };
    let mut rows = listed(&missed, reason);
    rows.extend(twice);
    if matches!(schedule.trigger, Trigger::At(_)) {
        let passed = schedule.occurrences(listed_from, now, 1);
        let passed = passed.iter().filter(|occurrence| {
            !fires(occurrence.instant)
                && schedule.within(occurrence, campaign.starts, campaign.ends)
                && rows.iter().all(|row| row.instant != Millis::from(occurrence.instant))
        });
        let passed: Vec<_> =
            passed.map(|occurrence| row_of(occurrence, OccurrenceKind::Missed, edit.reason())).collect();
        rows.extend(passed);
    }
    Decision { fire, rows, wait: false }
}

fn clock_back(planned_through: Millis, now: Millis) -> Decision {
    let mut row = NewOccurrence::one(now, OccurrenceKind::Clock, OccurrenceReason::ClockBack);
    row.detail = Some(instant(planned_through).to_string());
    Decision { rows: vec![row], ..Decision::default() }
}

/// The latest have a row each, those before them one together.
fn listed(missed: &[Occurrence], reason: OccurrenceReason) -> Vec<NewOccurrence> {
    let (older, latest) = missed.split_at(missed.len().saturating_sub(OWN_ROWS));
    let mut rows = Vec::new();
    if let (Some(first), Some(last)) = (older.first(), older.last()) {
        let mut row = row_of(first, OccurrenceKind::Missed, reason);
        row.through = Some(Millis::from(last.instant));
        row.count = i64::try_from(older.len()).unwrap_or(i64::MAX);
        rows.push(row);
    }
    rows.extend(latest.iter().map(|occurrence| row_of(occurrence, OccurrenceKind::Missed, reason)));
    rows
}

pub(crate) fn row_of(
    occurrence: &Occurrence,
    kind: OccurrenceKind,
    reason: OccurrenceReason,
) -> NewOccurrence {
    NewOccurrence::one(Millis::from(occurrence.instant), kind, reason)
}

pub(crate) fn instant(time: Millis) -> Timestamp {
    time.timestamp().unwrap_or(if time < Millis::EPOCH { Timestamp::MIN } else { Timestamp::MAX })
}

/// True where each contact's own clock decides when they fall due.
pub(crate) const fn is_own_clock(occurrence: &Occurrence) -> bool {
    matches!(occurrence.moment, Moment::Local(_))
}
