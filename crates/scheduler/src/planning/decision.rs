//! The decision on the occurrences of one step up to now. It is a pure function, so that `chorus
//! plan` and the engine give the same answer.

use campaign::{Campaign, Step};
use jiff::{SignedDuration, Timestamp};
use schedule::{Definition, Moment, ON_TIME_TOLERANCE, Occurrence, ScheduleZone, Trigger};
use store::{Millis, NewOccurrence, OccurrenceKind, OccurrenceReason, ScheduleRow};

use crate::fire::millis;

/// The time in milliseconds below which the absence of a step from the files is ignored.
pub(crate) const MIN_ABSENCE: i64 = 60_000;

/// The time in milliseconds above which a watermark ahead of the clock was set by a clock that was
/// wrong.
const MAX_CLOCK_LEAD: i64 = 60_000;

/// The longest duration of an occurrence in contacts' own time zones: from UTC+14 to UTC−12, and an
/// hour for clock changes.
pub(crate) const MAX_OCCURRENCE_SPAN: SignedDuration = SignedDuration::from_hours(27);

/// The time before an edit for which missed occurrences are listed.
const LISTED_SPAN: SignedDuration = SignedDuration::from_hours(31 * 24);

/// The number of latest missed occurrences that get one row each; those before them share one row.
const MAX_SEPARATE_ROWS: usize = 50;

/// The decision on a step's occurrences.
#[derive(Debug, Default)]
pub(crate) struct Decision {
    /// The occurrences that run, unless another check holds them.
    pub(crate) fire: Vec<Due>,
    /// The rows of the occurrences that do not run.
    pub(crate) rows: Vec<NewOccurrence>,
    /// True if nothing is decided now, because the clock reaches the watermark within a minute.
    pub(crate) wait: bool,
}

/// An occurrence that runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Due {
    pub(crate) occurrence: Occurrence,
    /// The time of an edit in the middle of the occurrence: recipients whose own instant is not
    /// after it are missed.
    pub(crate) missed_to: Option<Millis>,
}

impl Due {
    const fn whole(occurrence: Occurrence) -> Self {
        Self { occurrence, missed_to: None }
    }
}

/// The kind of edit for which everything up to now is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edit {
    /// The step is new.
    New,
    /// The step is back after an absence.
    Back,
    /// The times of the step changed.
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

/// Decides the occurrences of a step that follows no other, from its watermark up to `now`. `row`
/// is its stored schedule. `had_errors` is true if its file could not be used in the meantime.
pub(crate) fn decide(
    campaign: &Campaign,
    step: &Step,
    row: Option<&ScheduleRow>,
    now: Timestamp,
    had_errors: bool,
) -> Decision {
    let at = Millis::from(now);
    let Some(row) = row else { return decide_edited(campaign, step, Edit::New, None, now) };
    if row.planned_through > at.saturating_add(MAX_CLOCK_LEAD) {
        return clock_back(row.planned_through, at);
    }
    if row.planned_through >= at {
        return Decision { wait: true, ..Decision::default() };
    }
    let before = row.definition.as_deref().and_then(|json| serde_json::from_str::<Definition>(json).ok());
    let old = before.as_ref().map(|definition| (definition, row.planned_through));
    if row.gone_since.is_some_and(|since| at.since(since) >= MIN_ABSENCE) {
        return decide_edited(campaign, step, Edit::Back, old, now);
    }
    let definition = Definition::of(&step.schedule, campaign.starts, campaign.ends);
    if before.as_ref().is_some_and(|before| *before != definition) {
        return decide_edited(campaign, step, Edit::Changed, old, now);
    }
    decide_unchanged(campaign, step, row.planned_through, now, had_errors)
}

/// Decides the occurrences of a step with the same times as before, by its `catch_up`.
fn decide_unchanged(
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
    // Only the first occurrence after the campaign's end gets a row: a recurring schedule has them
    // for ever.
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

/// Returns true if an occurrence is the first one after the campaign's end.
fn is_first_after_end(campaign: &Campaign, step: &Step, occurrence: &Occurrence) -> bool {
    let Some(ends) = campaign.ends else { return false };
    let early = ends.saturating_sub(SignedDuration::from_hours(26)).unwrap_or(ends);
    let next = step.schedule.occurrences(early, occurrence.instant, usize::MAX);
    let mut after = next.iter().filter(|other| !step.schedule.within(other, None, campaign.ends));
    after.next().is_none_or(|first| first.instant == occurrence.instant)
}

/// Decides the occurrences of a step after an edit. An edit never makes the past due: everything up
/// to now is decided. An occurrence of both the old and the new times within the last minute is on
/// time and fires. In contacts' own time zones, an occurrence fires for those whose own time is
/// still to come.
fn decide_edited(
    campaign: &Campaign,
    step: &Step,
    edit: Edit,
    old: Option<(&Definition, Millis)>,
    now: Timestamp,
) -> Decision {
    let at = Millis::from(now);
    let schedule = &step.schedule;
    let listed_from = now.saturating_sub(LISTED_SPAN).unwrap_or(Timestamp::MIN);
    let old_due = old.map_or_else(Vec::new, |(definition, from)| {
        definition.occurrences(instant(from).max(listed_from), now, usize::MAX)
    });
    let day_ago = now.saturating_sub(MAX_OCCURRENCE_SPAN).unwrap_or(Timestamp::MIN);
    let mut ours = schedule.occurrences(day_ago, now, usize::MAX);
    ours.retain(|occurrence| schedule.within(occurrence, campaign.starts, campaign.ends));
    let on_time = |occurrence: &Occurrence| {
        edit == Edit::Changed
            && old_due.iter().any(|old| old.instant == occurrence.instant)
            && at.since(occurrence.instant.into()) <= millis(ON_TIME_TOLERANCE)
    };
    let is_still_due = |occurrence: &Occurrence| {
        matches!(schedule.zone, ScheduleZone::Contact { .. }) && occurrence.until > now
    };
    // Occurrences in contacts' own time zones that have not ended: their runs keep their times.
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
    let mut overlapping = Vec::new();
    for occurrence in ours {
        if on_time(&occurrence) {
            fire.push(Due::whole(occurrence));
        } else if is_still_due(&occurrence) && still_going.iter().any(|old| day(old) == day(&occurrence)) {
            overlapping.push(row_of(&occurrence, OccurrenceKind::Skipped, OccurrenceReason::Overlap));
        } else if is_still_due(&occurrence) {
            fire.push(Due { occurrence, missed_to: Some(at) });
        }
    }
    let fires = |instant: Timestamp| fire.iter().any(|due| due.occurrence.instant == instant);
    let missed: Vec<_> = old_due.into_iter().filter(|old| !fires(old.instant)).collect();
    let reason = if edit == Edit::Back { OccurrenceReason::Absent } else { OccurrenceReason::Edited };
    let mut rows = listed(&missed, reason);
    rows.extend(overlapping);
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

/// Decides for a step whose watermark was set by a clock that was ahead: the clock was put back.
fn clock_back(planned_through: Millis, now: Millis) -> Decision {
    let mut row = NewOccurrence::one(now, OccurrenceKind::Clock, OccurrenceReason::ClockBack);
    row.detail = Some(instant(planned_through).to_string());
    Decision { rows: vec![row], ..Decision::default() }
}

/// Makes the rows of missed occurrences: one each for the latest, one together for those before
/// them.
fn listed(missed: &[Occurrence], reason: OccurrenceReason) -> Vec<NewOccurrence> {
    let (older, latest) = missed.split_at(missed.len().saturating_sub(MAX_SEPARATE_ROWS));
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

/// Makes the row of an occurrence that does not run.
pub(crate) fn row_of(
    occurrence: &Occurrence,
    kind: OccurrenceKind,
    reason: OccurrenceReason,
) -> NewOccurrence {
    NewOccurrence::one(Millis::from(occurrence.instant), kind, reason)
}

/// Converts a stored time to a timestamp, at least [`Timestamp::MIN`] and at most
/// [`Timestamp::MAX`].
pub(crate) fn instant(time: Millis) -> Timestamp {
    time.timestamp().unwrap_or(if time < Millis::EPOCH { Timestamp::MIN } else { Timestamp::MAX })
}

/// Returns true if an occurrence is in contacts' own time zones.
pub(crate) const fn is_own_clock(occurrence: &Occurrence) -> bool {
    matches!(occurrence.moment, Moment::Local(_))
}
