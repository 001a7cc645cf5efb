//! From `when` as written to a schedule.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use schedule::{
    self, CatchUp, Condition, Cron, CronError, Overlap, Reaction, Schedule, Trigger, Zone, duration,
};
use source::{Field, Located, Scalar, SourceFile, advice};

use crate::ids::StepId;
use crate::workspace::campaign_file::format::{CatchUpFile, OverlapFile, ReactionFile, WhenFile};
use crate::workspace::date_time;
use crate::workspace::date_time::{BadDate, When};
use crate::workspace::value::zone;

const HOUR: Duration = Duration::from_secs(3600);
/// The most dates of one step: one for every day of a year, and some.
const MOST_DATES: usize = 400;

/// An earlier step of the campaign.
#[derive(Debug, Clone)]
pub(crate) struct Earlier {
    pub(crate) id: String,
    /// Whether it goes to contacts, as far as that is known.
    pub(crate) to_contacts: Option<bool>,
}

/// What reading a `when` needs besides it.
pub(crate) struct Around<'a> {
    pub(crate) source: &'a SourceFile,
    /// The brand's zone.
    pub(crate) zone: &'a TimeZone,
    /// The steps above this one.
    pub(crate) earlier: &'a [Earlier],
    /// Whether this step goes to contacts, as far as that is known.
    pub(crate) to_contacts: Option<bool>,
    /// The campaign's `starts`.
    pub(crate) starts: Option<Timestamp>,
}

/// The schedule of a step without a `when`: it goes only by hand.
pub(crate) fn by_hand(zone: &TimeZone) -> Schedule {
    Schedule {
        trigger: Trigger::ByHand,
        zone: Zone::Fixed(zone.clone()),
        catch_up: CatchUp::default(),
        catch_up_window: HOUR,
        overlap: Overlap::default(),
    }
}

/// The schedule; `None` if it has errors.
pub(crate) fn schedule(around: &Around<'_>, when: &Located<WhenFile>) -> Option<Schedule> {
    let source = around.source;
    let zone = zone_of(around, when);
    let trigger = trigger(around, when, zone.as_ref());
    let window = duration_or(source, "catch_up_window", &when.catch_up_window, HOUR);
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
        Field::Bad => None,
        Field::Here(value) => Some(read(value.value)),
    }
}

/// A length of time, or what it is when nothing is said.
pub(crate) fn duration_or(
    source: &SourceFile,
    key: &str,
    field: &Field<String>,
    default: Duration,
) -> Option<Duration> {
    match field {
        Field::Absent => Some(default),
        Field::Bad => None,
        Field::Here(text) => {
            let help = "Write it like `90m`, `36h` or `3d`.";
            source.take("bad-duration", &text.span, duration::parse(text), &format!("`{key}`"), help)
        }
    }
}

fn zone_of(around: &Around<'_>, when: &WhenFile) -> Option<Zone> {
    let name = match &when.timezone {
        Field::Absent => return Some(Zone::Fixed(around.zone.clone())),
        Field::Bad => return None,
        Field::Here(name) => name,
    };
    match name.as_str() {
        "brand" => Some(Zone::Fixed(around.zone.clone())),
        "contact" if around.to_contacts == Some(false) => {
            let help = "Leave `timezone` out for the brand's, or name one such as `Asia/Shanghai`.";
            let message = "this channel speaks to its feed, which is in no contact's time zone";
            around.source.error("feed-without-zone", name.span.clone(), message, help);
            None
        }
        "contact" => Some(Zone::Contact { fallback: around.zone.clone() }),
        _ => zone(around.source, name, &["brand", "contact"]).map(Zone::Fixed),
    }
}

fn trigger(around: &Around<'_>, when: &Located<WhenFile>, zone: Option<&Zone>) -> Option<Trigger> {
    let given = [&when.cron, &when.every, &when.after].map(Field::is_given);
    let given = given.into_iter().chain([when.at.is_given(), when.dates.is_given()]);
    match given.filter(|given| *given).count() {
        1 => {}
        0 => {
            let help = "Add one: cron = \"0 10 * * TUE\", every = \"tuesday 10:00\", at = 2027-03-02T10:05:00, dates = [2027-03-02T10:05:00], or after = \"mail\" with delay = \"3d\". Without `when` a step goes only by `chorus send`.";
            around.source.error("missing-trigger", when.span.clone(), "`when` does not say when", help);
            return None;
        }
        _ => {
            let help =
                "Keep one of `cron`, `every`, `at`, `dates` and `after`; a second time is a second step.";
            around.source.error(
                "too-many-triggers",
                when.span.clone(),
                "`when` says more than one time",
                help,
            );
            return None;
        }
    }
    if !when.after.is_given() {
        refuse_after_keys(around.source, when);
    }
    match when.value {
        _ if when.cron.is_given() => cron(around.source, when.cron.get()?, Cron::parse).map(Trigger::Cron),
        _ if when.every.is_given() => every(around, when.every.get()?, zone).map(Trigger::Cron),
        _ if when.at.is_given() => at(around.source, "at", when.at.get()?, zone).map(Trigger::At),
        _ if when.dates.is_given() => dates(around.source, when.dates.get()?, zone).map(Trigger::Dates),
        _ => after(around, when),
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
    let told = |error: CronError| {
        let place = source.inside(text, error.span.clone());
        source.error("bad-schedule", place, error.to_string(), sentence(&error.fix));
    };
    read(text).map_err(told).ok()
}

/// `every`, with its weeks counted from where the campaign starts.
fn every(around: &Around<'_>, text: &Located<String>, zone: Option<&Zone>) -> Option<Cron> {
    let cron = cron(around.source, text, schedule::every)?;
    if !cron.counts_weeks() {
        return Some(cron);
    }
    let Some(starts) = around.starts else {
        let help = "Add `starts = 2027-03-02` at the head of the campaign.";
        let message = "weeks are counted from the campaign's `starts`, which is not given";
        around.source.error("weeks-without-start", text.span.clone(), message, help);
        return None;
    };
    let (Zone::Fixed(zone) | Zone::Contact { fallback: zone }) = zone?;
    Some(cron.counted_from(zone.to_datetime(starts).date()))
}

/// Wall-clock times in the schedule's zone, in order.
fn dates(
    source: &SourceFile,
    dates: &Located<Vec<Field<Scalar>>>,
    zone: Option<&Zone>,
) -> Option<Vec<DateTime>> {
    if dates.is_empty() || dates.len() > MOST_DATES {
        let message = format!("`dates` has {} dates", dates.len());
        let help =
            format!("Write 1 to {MOST_DATES} of them; without `when` a step goes only by `chorus send`.");
        source.error("bad-dates", dates.span.clone(), message, help);
        return None;
    }
    let mut walls = BTreeSet::new();
    let mut all_good = true;
    for date in dates.iter() {
        let wall = date.get().and_then(|date| at(source, "dates", date, zone));
        let Some(wall) = wall else {
            all_good = false;
            continue;
        };
        if !walls.insert(wall) {
            let message = format!("`dates` says {wall} twice");
            let span = date.span().unwrap_or_else(|| dates.span.clone());
            source.error("bad-dates", span, message, "Take one of them out.");
            all_good = false;
        }
    }
    all_good.then(|| walls.into_iter().collect())
}

/// A fragment with a capital and a full stop.
fn sentence(fragment: &str) -> String {
    let mut letters = fragment.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).chain(std::iter::once('.')).collect()
}

/// A wall-clock time in the schedule's zone.
fn at(source: &SourceFile, key: &str, at: &Located<Scalar>, zone: Option<&Zone>) -> Option<DateTime> {
    let help = "Write a date and time, such as `2027-03-02T10:05:00`.";
    let when = at.as_date().ok_or(BadDate::NotADateTime).and_then(date_time::parse);
    match (source.take("bad-date", &at.span, when, &format!("`{key}`"), help)?, zone?) {
        (When::Local(time), _) => Some(time),
        (When::Instant(instant), Zone::Fixed(zone)) => Some(zone.to_datetime(instant)),
        (When::Instant(_), Zone::Contact { .. }) => {
            let message =
                format!("`{key}` has an offset, and `timezone = \"contact\"` means each contact's own");
            source.error("two-zones", at.span.clone(), message, "Leave the offset or the `timezone` out.");
            None
        }
        (When::Day(_), _) => {
            source.error("bad-date", at.span.clone(), format!("`{key}` has a date, but no time"), help);
            None
        }
    }
}

fn after(around: &Around<'_>, when: &Located<WhenFile>) -> Option<Trigger> {
    let source = around.source;
    let step = when.after.get().and_then(|name| earlier(around, name));
    let delay = source.need(&when.delay, "delay", "delay = \"3d\"", Some(&when.span));
    let help = "Write it like `90m`, `36h` or `3d`.";
    let delay = delay
        .and_then(|text| source.take("bad-duration", &text.span, duration::parse(text), "`delay`", help));
    if when.if_and_unless() {
        let message = "`if` and `unless` cannot stand together";
        source.error("too-many-conditions", when.r#if.span(), message, "Keep one of them.");
    }
    let condition = condition(around, when);
    Some(Trigger::After { step: step?, delay: delay?, condition: condition? })
}

impl WhenFile {
    fn if_and_unless(&self) -> bool {
        self.r#if.is_given() && self.unless.is_given()
    }
}

fn condition(around: &Around<'_>, when: &WhenFile) -> Option<Option<Condition>> {
    let (field, make): (_, fn(Reaction) -> Condition) =
        if when.r#if.is_given() { (&when.r#if, Condition::If) } else { (&when.unless, Condition::Unless) };
    if let (Some(span), Some(false)) = (field.span(), around.to_contacts) {
        let message = "this channel speaks to its feed, and a feed neither opens nor clicks";
        around.source.error(
            "feed-with-condition",
            span,
            message,
            "Leave the condition out, or choose a channel to contacts.",
        );
        return None;
    }
    match field {
        Field::Absent => Some(None),
        Field::Bad => None,
        Field::Here(reaction) => Some(Some(make(match reaction.value {
            ReactionFile::Opened => Reaction::Opened,
            ReactionFile::Clicked => Reaction::Clicked,
            ReactionFile::Converted => Reaction::Converted,
        }))),
    }
}

/// The step that `after` names: one above this one that goes to contacts.
fn earlier(around: &Around<'_>, name: &Located<String>) -> Option<StepId> {
    let source = around.source;
    match around.earlier.iter().find(|step| step.id == name.value) {
        Some(Earlier { to_contacts: Some(false), .. }) => {
            let message = format!("step `{}` speaks to a feed: nobody in particular gets it", name.value);
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
            let help = advice(name, "steps above", around.earlier.iter().map(|step| step.id.as_str()));
            source.error("unknown-step", name.span.clone(), message, help);
            None
        }
    }
}
