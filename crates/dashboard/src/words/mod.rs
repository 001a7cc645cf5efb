//! All texts of the pages, in one place for translation. The names of states and reasons are
//! public, because the commands show the same ones.

use insight::{Base, StageName};

mod campaign;
mod contact;
mod occurrence;
mod outbox;
mod overview;
mod preview;
mod run;
mod states;

pub(crate) use self::occurrence::worker_note;
pub(crate) use self::occurrence::{AN_OCCURRENCE, DID_NOT_RUN, DISMISS, RUN_NOW, WHAT_TO_DO};
pub use self::occurrence::{occurrence, occurrence_time, stopped};
pub(crate) use self::states::{NOT_COUNTED, agreed, event, machine_event, suppression};
pub use self::states::{consents, delivery_state, reason, run_kind, run_state, tally};
pub(crate) use self::{campaign::*, contact::*, outbox::*, overview::*, preview::*, run::*};
use crate::digits::number;
use crate::period::Period;

/// The text for a missing value.
pub(crate) const NONE: &str = "–";

/// The name of the product in the header.
pub(crate) const PRODUCT: &str = "Chorus";
pub(crate) const SKIP: &str = "Skip to the content";
pub(crate) const NAV: &str = "Pages";
pub(crate) const NAV_OVERVIEW: &str = "Overview";
pub(crate) const NAV_CONTACTS: &str = "Contacts";
pub(crate) const NAV_OUTBOX: &str = "Outbox";
pub(crate) const SIMULATED: &str = "Simulated";
pub(crate) const SIMULATED_MORE: &str =
    "This is the demo: the audience is made up, the clock runs fast, and nothing leaves this computer.";
pub(crate) const LIVE: &str = "Live";
pub(crate) const LIVE_STOP: &str = "Pause updates";
pub(crate) const LIVE_STOPPED: &str = "Updates are paused";
pub(crate) const LIVE_GO: &str = "Resume updates";
pub(crate) const NEXT_PAGE: &str = "Next page";
pub(crate) const FIRST_PAGE: &str = "Back to the start";
pub(crate) const READ_NUMBERS: &str = "Read the numbers";
pub(crate) const ALL: &str = "All";
pub(crate) const FEED: &str = "All followers of the channel";

pub(crate) fn times_in(zone: &str, now: &str) -> String {
    format!("Times are in {zone}, where it is now {now}.")
}

// Errors and their help texts.
pub(crate) const A_PAGE: &str = "page";
pub(crate) const NOT_FOUND_HELP: &str = "It may have been removed, or the address was mistyped. Start again \
     from the overview.";
pub(crate) const BAD_REQUEST_HELP: &str = "Go back and follow a link instead of typing the address.";
pub(crate) const BAD_PERIOD: &str = "A period is `day`, `week`, `month` or `quarter`";
pub(crate) const BAD_STATE: &str = "A delivery has no such state";
pub(crate) const BAD_ACTION: &str = "A run can be paused, resumed, cancelled or retried";
pub(crate) const LOCKED: &str = "This page needs its key";
pub(crate) const LOCKED_HELP: &str = "Open the link that `chorus serve` printed when it started; the browser \
     remembers the key for 30 days. If you have just opened that link, follow the one below.";
pub(crate) const FOREIGN_ORIGIN: &str = "Nothing was done";
pub(crate) const FOREIGN_ORIGIN_HELP: &str = "The request did not come from one of these pages. Open the run \
     here and press the button again.";
pub(crate) const FOREIGN_HOST: &str = "This address is not for this page";
pub(crate) const FOREIGN_HOST_HELP: &str = "Without a key, the pages answer only on this computer. Open \
     `http://127.0.0.1` or `http://localhost` with the port that Chorus printed when it started.";
pub(crate) const UNUSABLE: &str = "This request cannot be answered";
pub(crate) const PANICKED: &str = "This page could not be shown";
pub(crate) const PANICKED_HELP: &str = "This is a bug in Chorus. Everything besides the pages goes on; the log has \
    details.";
pub(crate) const STORE_DOWN: &str = "The database does not answer";
pub(crate) const STORE_DOWN_HELP: &str = "Messages that are under way are safe. Check that the database is \
     running, then load this page again; `chorus doctor` shows more.";
pub(crate) const TO_OVERVIEW: &str = "Go to the overview";

pub(crate) fn not_found(what: &str) -> String {
    format!("There is no such {what}")
}

// Nouns in singular and plural.
pub(crate) const MESSAGES: (&str, &str) = ("message", "messages");
pub(crate) const PEOPLE: (&str, &str) = ("person", "people");
pub(crate) const CONVERSIONS: (&str, &str) = ("conversion", "conversions");
pub(crate) const CHANNELS: (&str, &str) = ("channel", "channels");
pub(crate) const CONTACTS: (&str, &str) = ("contact", "contacts");
pub(crate) const PROBLEMS: (&str, &str) = ("finding", "findings");
pub(crate) const ACTIONS: (&str, &str) = ("open or click", "opens and clicks");
pub(crate) const DELIVERY: (&str, &str) = ("delivery", "deliveries");
pub(crate) const TIMES: (&str, &str) = ("time", "times");
pub(crate) const TRIES: (&str, &str) = ("try", "tries");

// Names of columns and figures.
pub(crate) const CAMPAIGN: &str = "Campaign";
pub(crate) const CHANNEL: &str = "Channel";
pub(crate) const STEP: &str = "Step";
pub(crate) const SENT: &str = "Sent";
pub(crate) const FAILED: &str = "Failed";
pub(crate) const LEFT_OUT: &str = "Left out";
pub(crate) const DELIVERED: &str = "Delivered";
pub(crate) const OPENED: &str = "Opened";
pub(crate) const CLICKED: &str = "Clicked";
pub(crate) const CONVERTED: &str = "Converted";
pub(crate) const UNSUBSCRIBED: &str = "Unsubscribed";
pub(crate) const REVENUE: &str = "Revenue";
pub(crate) const COST: &str = "Cost";
pub(crate) const RETURN: &str = "Return";
pub(crate) const WHEN: &str = "When";
pub(crate) const STATE: &str = "State";
pub(crate) const PROGRESS: &str = "Progress";
pub(crate) const HOW_MANY: &str = "How many";
pub(crate) const WHY: &str = "Why";
pub(crate) const WHO: &str = "Who";
pub(crate) const OF_PREVIOUS: &str = "Of the stage before";
pub(crate) const OF_FIRST: &str = "Of all sent";
pub(crate) const ANSWER: &str = "Answer";

/// Returns the base of a rate, as in "3% of 100 delivered".
pub(crate) const fn base(base: Base) -> &'static str {
    match base {
        Base::Delivered => "delivered",
        Base::Sent => "sent",
    }
}

/// Returns the name of a stage of the funnel.
pub(crate) const fn stage(name: StageName) -> &'static str {
    match name {
        StageName::Sent => SENT,
        StageName::Delivered => DELIVERED,
        StageName::Opened => OPENED,
        StageName::Clicked => CLICKED,
        StageName::Converted => CONVERTED,
    }
}

/// Returns the length of a period, for use inside a sentence.
pub(crate) const fn period(period: Period) -> &'static str {
    match period {
        Period::Day => "24 hours",
        Period::Week => "7 days",
        Period::Month => "30 days",
        Period::Quarter => "90 days",
    }
}

/// Returns the distance of a time in `minutes` from now, negative in the past: `in 3 hours`, `2
/// days ago`.
pub(crate) fn distance(minutes: i64) -> String {
    let away = minutes.unsigned_abs();
    let (value, (one, many)) = match away {
        0 => return if minutes < 0 { "just now".into() } else { "now".into() },
        1..60 => (away, ("minute", "minutes")),
        60..2_880 => (away / 60, ("hour", "hours")),
        _ => (away / 1_440, ("day", "days")),
    };
    let value = i64::try_from(value).unwrap_or(i64::MAX);
    let noun = if value == 1 { one } else { many };
    if minutes < 0 { format!("{} {noun} ago", number(value)) } else { format!("in {} {noun}", number(value)) }
}
