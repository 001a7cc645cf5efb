//! Reads `when` into a schedule.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use schedule::{
    self, CatchUp, Condition, Cron, CronError, Overlap, Reaction, Schedule, ScheduleZone, Trigger, duration,
};
use source::{Field, Located, Scalar, SourceFile, suggestion};

use crate::ids::StepId;
use crate::workspace::campaign_file::format::{CatchUpFile, OverlapFile, ReactionFile, WhenFile};
use crate::workspace::date_time;
use crate::workspace::date_time::{BadDate, DateOrTime};
use crate::workspace::value::zone;

const DEFAULT_CATCH_UP_WINDOW: Duration = Duration::from_secs(3600);
/// Maximum number of dates of one step: one for every day of a year, and some more.
const MAX_DATES: usize = 400;

/// A step above the one being read.
#[derive(Debug, Clone)]
pub(crate) struct EarlierStep {
    pub(crate) id: String,
    /// True if it goes to contacts, false if to a feed; `None` if the channel has errors.
    pub(crate) to_contacts: Option<bool>,
}

/// The context for reading a `when`.
pub(crate) struct StepContext<'a> {
    pub(crate) source: &'a SourceFile,
    /// The brand's time zone.
    pub(crate) zone: &'a TimeZone,
    /// The steps above this one, in the order of the file.
    pub(crate) earlier: &'a [EarlierStep],
    /// True if this step goes to contacts, false if to a feed; `None` if the channel has errors.
    pub(crate) to_contacts: Option<bool>,
    /// The campaign's `starts`, if given.
    pub(crate) starts: Option<Timestamp>,
}

/// Returns the schedule of a step without a `when`, which is sent only by hand.
pub(crate) fn manual_schedule(zone: &TimeZone) -> Schedule {
    Schedule {
        trigger: Trigger::ByHand,
        zone: ScheduleZone::Fixed(zone.clone()),
        catch_up: CatchUp::default(),
        catch_up_window: DEFAULT_CATCH_UP_WINDOW,
        overlap: Overlap::default(),
    }
}

/// Reads the schedule; `None` if it has errors.
pub(crate) fn schedule(context: &StepContext<'_>, when: &Located<WhenFile>) -> Option<Schedule> {
    let source = context.source;
    let zone = zone_of(context, when);
    let trigger = trigger(context, when, zone.as_ref());
    let window = &when.catch_up_window;
    let window = duration_or_default(source, "catch_up_window", window, DEFAULT_CATCH_UP_WINDOW);
    let catch_up = or_default(&when.catch_up, |catch_up| match catch_up {
        CatchUpFile::Latest => CatchUp::Latest,
        CatchUpFile::Skip => CatchUp::Skip,
        CatchUpFile::All => CatchUp::All,
    });
    let overlap = or_default(&when.overlap, |overlap| match overlap {
        OverlapFile::Skip => Overlap::Skip,
        OverlapFile::Queue => Overlap::Queue,
        OverlapFile::Allow => Overlap::Allow,
    });
    Some(Schedule {
        trigger: trigger?,
        zone: zone?,
        catch_up: catch_up?,
        catch_up_window: window?,
        overlap: overlap?,
    })
}

fn or_default<T: Copy, U: Default>(field: &Field<T>, read: impl Fn(T) -> U) -> Option<U> {
    match field {
        Field::Absent => Some(U::default()),
        Field::Invalid => None,
        Field::Present(value) => Some(read(value.value)),
    }
}

/// Reads a duration; `default` if it is not given.
pub(crate) fn duration_or_default(
    source: &SourceFile,
    key: &str,
    field: &Field<String>,
    default: Duration,
) -> Option<Duration> {
    match field {
        Field::Absent => Some(default),
        Field::Invalid => None,
        Field::Present(text) => {
            let help = "Write it like `90m`, `36h` or `3d`.";
            source.ok_or_report("bad-duration", &text.span, duration::parse(text), &format!("`{key}`"), help)
        }
    }
}

fn zone_of(context: &StepContext<'_>, when: &WhenFile) -> Option<ScheduleZone> {
    let name = match &when.timezone {
        Field::Absent => return Some(ScheduleZone::Fixed(context.zone.clone())),
        Field::Invalid => return None,
        Field::Present(name) => name,
    };
    match name.as_str() {
        "brand" => Some(ScheduleZone::Fixed(context.zone.clone())),
        "contact" if context.to_contacts == Some(false) => {
            let help = "Leave `timezone` out for the brand's, or name one such as `Asia/Shanghai`.";
            let message = "this channel posts to its feed, which is in no contact's time zone";
            context.source.error("feed-without-zone", name.span.clone(), message, help);
            None
        }
        "contact" => Some(ScheduleZone::Contact { fallback: context.zone.clone() }),
        _ => zone(context.source, name, &["brand", "contact"]).map(ScheduleZone::Fixed),
    }
}

fn trigger(
    context: &StepContext<'_>,
    when: &Located<WhenFile>,
    zone: Option<&ScheduleZone>,
) -> Option<Trigger> {
    let given = [&when.cron, &when.every, &when.after].map(Field::is_given);
    let given = given.into_iter().chain([when.at.is_given(), when.dates.is_given()]);
    match given.filter(|given| *given).count() {
        1 => {}
        0 => {
            let help = "Add one: cron = \"0 10 * * TUE\", every = \"tuesday 10:00\", at = 2027-03-02T10:05:00, dates = [2027-03-02T10:05:00], or after = \"mail\" with delay = \"3d\". Without `when` a step goes only by `chorus send`.";
            context.source.error("missing-trigger", when.span.clone(), "`when` has no time", help);
            return None;
        }
        _ => {
            let help =
                "Keep one of `cron`, `every`, `at`, `dates` and `after`; a second time is a second step.";
            context.source.error(
                "too-many-triggers",
                when.span.clone(),
                "`when` has more than one time",
                help,
            );
            return None;
        }
    }
    if !when.after.is_given() {
        refuse_after_keys(context.source, when);
    }
    match when.value {
        _ if when.cron.is_given() => cron(context.source, when.cron.get()?, Cron::parse).map(Trigger::Cron),
        _ if when.every.is_given() => every(context, when.every.get()?).map(Trigger::Cron),
        _ if when.at.is_given() => {
            wall_clock_time(context.source, "at", when.at.get()?, zone).map(Trigger::At)
        }
        _ if when.dates.is_given() => dates(context.source, when.dates.get()?, zone).map(Trigger::Dates),
        _ => after(context, when),
    }
}

fn refuse_after_keys(source: &SourceFile, when: &WhenFile) {
    let keys = [
        ("delay", when.delay.is_given(), when.delay.span()),
        ("unless", when.unless.is_given(), when.unless.span()),
        ("if", when.r#if.is_given(), when.r#if.span()),
    ];
    for (key, _, span) in keys.into_iter().filter(|(_, given, _)| *given) {
        let message = format!("`{key}` has a meaning only beside `after`");
        source.error(
            "useless-key",
            span,
            message,
            "Leave it out, or say `after = \"…\"` in place of a time.",
        );
    }
}

fn cron(
    source: &SourceFile,
    text: &Located<String>,
    read: fn(&str) -> Result<Cron, CronError>,
) -> Option<Cron> {
    let report = |error: CronError| {
        let place = source.span_within(text, error.span.clone());
        source.error("bad-schedule", place, error.to_string(), sentence(&error.fix));
    };
    read(text).map_err(report).ok()
}

/// Reads `every`, with its weeks counted from the day of the campaign's `starts` in the brand's
/// time zone, in which `starts` is written.
fn every(context: &StepContext<'_>, text: &Located<String>) -> Option<Cron> {
    let cron = cron(context.source, text, schedule::every)?;
    if !cron.counts_weeks() {
        return Some(cron);
    }
    let Some(starts) = context.starts else {
        let help = "Add `starts = 2027-03-02` at the head of the campaign.";
        let message = "weeks are counted from the campaign's `starts`, which is not given";
        context.source.error("weeks-without-start", text.span.clone(), message, help);
        return None;
    };
    Some(cron.counted_from(context.zone.to_datetime(starts).date()))
}

/// Reads wall-clock times in the schedule's zone, sorted.
fn dates(
    source: &SourceFile,
    dates: &Located<Vec<Field<Scalar>>>,
    zone: Option<&ScheduleZone>,
) -> Option<Vec<DateTime>> {
    if dates.is_empty() || dates.len() > MAX_DATES {
        let message = format!("`dates` has {} dates", dates.len());
        let help =
            format!("Write 1 to {MAX_DATES} of them; without `when` a step goes only by `chorus send`.");
        source.error("bad-dates", dates.span.clone(), message, help);
        return None;
    }
    let mut times = BTreeSet::new();
    let mut all_valid = true;
    for date in dates.iter() {
        let time = date.get().and_then(|date| wall_clock_time(source, "dates", date, zone));
        let Some(time) = time else {
            all_valid = false;
            continue;
        };
        if !times.insert(time) {
            let message = format!("`dates` has {time} twice");
            let span = date.span().unwrap_or_else(|| dates.span.clone());
            source.error("bad-dates", span, message, "Take one of them out.");
            all_valid = false;
        }
    }
    all_valid.then(|| times.into_iter().collect())
}

/// Makes a sentence of a fragment: adds a capital letter and a full stop.
fn sentence(fragment: &str) -> String {
    let mut letters = fragment.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).chain(std::iter::once('.')).collect()
}

/// Reads a wall-clock time in the schedule's zone.
fn wall_clock_time(
    source: &SourceFile,
    key: &str,
    at: &Located<Scalar>,
    zone: Option<&ScheduleZone>,
) -> Option<DateTime> {
    let help = "Write a date and time, such as `2027-03-02T10:05:00`.";
    let when = at.as_date().ok_or(BadDate::NotADateTime).and_then(date_time::parse);
    match (source.ok_or_report("bad-date", &at.span, when, &format!("`{key}`"), help)?, zone?) {
        (DateOrTime::Local(time), _) => Some(time),
        (DateOrTime::Instant(instant), ScheduleZone::Fixed(zone)) => Some(zone.to_datetime(instant)),
        (DateOrTime::Instant(_), ScheduleZone::Contact { .. }) => {
            let message =
                format!("`{key}` has an offset, and `timezone = \"contact\"` means each contact's own");
            source.error("two-zones", at.span.clone(), message, "Leave the offset or the `timezone` out.");
            None
        }
        (DateOrTime::Day(_), _) => {
            source.error("bad-date", at.span.clone(), format!("`{key}` has a date, but no time"), help);
            None
        }
    }
}

fn after(context: &StepContext<'_>, when: &Located<WhenFile>) -> Option<Trigger> {
    let source = context.source;
    let step = when.after.get().and_then(|name| find_earlier_step(context, name));
    let delay = source.require(&when.delay, "delay", "delay = \"3d\"", Some(&when.span));
    let help = "Write it like `90m`, `36h` or `3d`.";
    let delay = delay.and_then(|text| {
        source.ok_or_report("bad-duration", &text.span, duration::parse(text), "`delay`", help)
    });
    if when.if_and_unless() {
        let message = "`if` and `unless` cannot stand together";
        source.error("too-many-conditions", when.r#if.span(), message, "Keep one of them.");
    }
    let condition = condition(context, when);
    Some(Trigger::After { step: step?, delay: delay?, condition: condition? })
}

impl WhenFile {
    fn if_and_unless(&self) -> bool {
        self.r#if.is_given() && self.unless.is_given()
    }
}

fn condition(context: &StepContext<'_>, when: &WhenFile) -> Option<Option<Condition>> {
    let (field, make): (_, fn(Reaction) -> Condition) =
        if when.r#if.is_given() { (&when.r#if, Condition::If) } else { (&when.unless, Condition::Unless) };
    if let (Some(span), Some(false)) = (field.span(), context.to_contacts) {
        let message = "this channel posts to its feed, and a feed neither opens nor clicks";
        context.source.error(
            "feed-with-condition",
            span,
            message,
            "Leave the condition out, or choose a channel to contacts.",
        );
        return None;
    }
    match field {
        Field::Absent => Some(None),
        Field::Invalid => None,
        Field::Present(reaction) => Some(Some(make(match reaction.value {
            ReactionFile::Opened => Reaction::Opened,
            ReactionFile::Clicked => Reaction::Clicked,
            ReactionFile::Converted => Reaction::Converted,
        }))),
    }
}

/// Returns the step that `after` names, which must be above this one and go to contacts.
fn find_earlier_step(context: &StepContext<'_>, name: &Located<String>) -> Option<StepId> {
    let source = context.source;
    match context.earlier.iter().find(|step| step.id == name.value) {
        Some(EarlierStep { to_contacts: Some(false), .. }) => {
            let message = format!("step `{}` posts to a feed: no particular contact gets it", name.value);
            source.error(
                "after-feed",
                name.span.clone(),
                message,
                "Name a step that goes to contacts, or use `at`.",
            );
            None
        }
        Some(step) => StepId::parse(&step.id).ok(),
        None => {
            let shown: String = name.chars().take(64).collect();
            let message = format!("there is no step `{shown}` above this one");
            let help = suggestion(name, "steps above", context.earlier.iter().map(|step| step.id.as_str()));
            source.error("unknown-step", name.span.clone(), message, help);
            None
        }
    }
}
