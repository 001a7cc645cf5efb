//! Every word on the pages that is not data, so that another language can stand beside it.

use insight::{Base, StageName};
use store::{Consent, DeliveryState, EventKind, RunKind, RunState, SuppressionReason};

use crate::notation::{count, number, percent, signed_percent};
use crate::period::Period;

/// Where there is nothing to show.
pub(crate) const NONE: &str = "–";

/// The brand of the pages.
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
pub(crate) const LIVE_GO: &str = "Go on";
pub(crate) const NEXT_PAGE: &str = "Next page";
pub(crate) const FIRST_PAGE: &str = "Back to the start";
pub(crate) const READ_NUMBERS: &str = "Read the numbers";
pub(crate) const ALL: &str = "All";
pub(crate) const FEED: &str = "Everybody who follows the channel";

pub(crate) fn times_in(zone: &str, now: &str) -> String {
    format!("Times are in {zone}, where it is now {now}.")
}

// What goes wrong.
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
pub(crate) const STORE_DOWN: &str = "The database does not answer";
pub(crate) const STORE_DOWN_HELP: &str = "Messages that are under way are safe. Check that the database is \
     running, then load this page again; `chorus doctor` tells more.";
pub(crate) const TO_OVERVIEW: &str = "Go to the overview";

pub(crate) fn not_found(what: &str) -> String {
    format!("There is no such {what}")
}

// Nouns with their numbers.
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

// Columns and figures.
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

/// What rates are of.
pub(crate) const fn base(base: Base) -> &'static str {
    match base {
        Base::Delivered => "delivered",
        Base::Sent => "sent",
    }
}

/// A stage of the funnel.
pub(crate) const fn stage(name: StageName) -> &'static str {
    match name {
        StageName::Sent => SENT,
        StageName::Delivered => DELIVERED,
        StageName::Opened => OPENED,
        StageName::Clicked => CLICKED,
        StageName::Converted => CONVERTED,
    }
}

/// A length of time in the middle of a sentence.
pub(crate) const fn period(period: Period) -> &'static str {
    match period {
        Period::Day => "24 hours",
        Period::Week => "7 days",
        Period::Month => "30 days",
        Period::Quarter => "90 days",
    }
}

/// Where a delivery stands.
pub(crate) const fn delivery_state(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::Queued => "Waiting",
        DeliveryState::Sending => "Being sent",
        DeliveryState::Sent => SENT,
        DeliveryState::Deferred => "To be tried again",
        DeliveryState::Failed => FAILED,
        DeliveryState::Uncertain => "Not certain",
        DeliveryState::Suppressed => LEFT_OUT,
        DeliveryState::Cancelled => "Cancelled",
    }
}

/// A state as it stands in tallies, or the text itself where this version does not know it.
pub(crate) fn tally(state: &str) -> &str {
    match state {
        "queued" => "Waiting",
        "sending" => "Being sent",
        "sent" => SENT,
        "deferred" => "To be tried again",
        "failed" => FAILED,
        "uncertain" => "Not certain",
        "suppressed" => LEFT_OUT,
        "cancelled" => "Cancelled",
        "repeat" => "May have come twice",
        other => other,
    }
}

/// Why somebody did not get it, in a marketer's words.
pub(crate) fn reason(reason: &str) -> &str {
    match reason {
        "no_address" => "we have no address for this channel",
        "no_consent" => "they did not agree to be written to",
        "unsubscribed" => "they unsubscribed",
        "bounced" => "the address does not exist: an earlier message came back",
        "complained" => "they called an earlier message spam",
        "manual" => "somebody here blocked the address",
        "too_late" => "it was too late where they are",
        "condition" => "they do not meet the step's condition",
        "expired" => "it could not go out in time",
        "bad_address" => "there is no such address",
        "mailbox_full" => "their mailbox is full",
        "policy" => "the other side refused us, not them: see its answer",
        "too_big" => "the message is too big for the other side",
        "render" => "the message could not be made for them: see the answer",
        "rejected" => "the other side refused it: see its answer",
        other => other,
    }
}

/// Where a run stands.
pub(crate) const fn run_state(state: RunState) -> &'static str {
    match state {
        RunState::Planned => "Planned",
        RunState::Running => "Going out",
        RunState::Paused => "Paused",
        RunState::Finished => "Finished",
        RunState::FinishedWithFailures => "Finished, with failures",
        RunState::Cancelled => "Cancelled",
    }
}

/// Why a run was made.
pub(crate) const fn run_kind(kind: RunKind) -> &'static str {
    match kind {
        RunKind::Scheduled => "by its schedule",
        RunKind::Manual => "by hand",
        RunKind::Test => "as a test, in no report",
    }
}

/// What somebody did.
pub(crate) const fn event(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Delivered => "It arrived",
        EventKind::Opened => "Opened it",
        EventKind::Clicked => "Clicked",
        EventKind::Converted => "Converted",
        EventKind::Bounced => "It came back",
        EventKind::Complained => "Called it spam",
        EventKind::Unsubscribed => "Unsubscribed",
        EventKind::Replied => "Answered",
        EventKind::Custom => "Did",
    }
}

/// What a machine did, and so does not count.
pub(crate) const fn machine_event(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Opened => "A machine fetched its picture",
        EventKind::Clicked => "A machine followed a link",
        _ => "A machine did something with it",
    }
}

pub(crate) const NOT_COUNTED: &str = "not counted";

/// Whether a person agreed.
pub(crate) const fn consent(consent: Consent) -> &'static str {
    match consent {
        Consent::Yes => "Agreed to be written to",
        Consent::No => "Did not agree to be written to",
    }
}

/// Why an address is blocked.
pub(crate) const fn suppression(reason: SuppressionReason) -> &'static str {
    match reason {
        SuppressionReason::Unsubscribed => "They unsubscribed",
        SuppressionReason::Bounced => "The address does not exist: a message came back",
        SuppressionReason::Complained => "They called a message spam",
        SuppressionReason::Manual => "Somebody here blocked it",
    }
}

/// How far away a time is: minutes from now, negative before.
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

// The overview.
pub(crate) const OVERVIEW_QUESTION: &str = "What is going out, and what does it earn?";
pub(crate) const PERIOD: &str = "Period";
pub(crate) const FIGURES: &str = "Figures";
pub(crate) const HUMAN_CLICKS: &str = "Clicks by people";
pub(crate) const CONVERSIONS_TILE: &str = "Conversions";
pub(crate) const REVENUE_TILE: &str = "Revenue against cost";
pub(crate) const GOING_OUT: &str = "Going out now";
pub(crate) const OVER_TIME: &str = "Over time";
pub(crate) const FUNNEL: &str = "How far people get";
pub(crate) const FUNNEL_OF: &str = "Messages to people, as a share of sent";
pub(crate) const STAGE: &str = "Stage";
pub(crate) const BY_CHANNEL: &str = "By campaign and channel";
pub(crate) const RATES_NOTE: &str = "A rate is a share of messages delivered where the other side reports \
     deliveries, else of messages sent. Opens and clicks are first ones by people; mail scanners and other \
     machines are counted apart. The range in brackets holds the true rate 95 times of 100. A post on a feed has no known number of readers, so it has no rates.";
pub(crate) const EVERY_CLICK: &str = "every click";
pub(crate) const NEXT: &str = "What comes next";
pub(crate) const NOTHING_NEXT: &str = "No step is scheduled for the next 30 days. Give a step a `when` in its \
     campaign's file; `chorus plan` shows what it would do.";
pub(crate) const RECENT: &str = "Latest runs";
pub(crate) const RUNS: &str = "Runs";
pub(crate) const RUN: &str = "Run";
pub(crate) const FINDINGS: &str = "What is wrong in the files";
pub(crate) const FINDINGS_MORE: &str =
    "A campaign with an error does not run. `chorus check` shows the lines.";
pub(crate) const NOTHING_YET: &str = "Nothing has gone out in this time";
pub(crate) const WRITE_A_CAMPAIGN: &str = "Write a campaign: a file in campaigns/. `chorus init` makes a \
     workspace with one to start from.";
pub(crate) const IMPORT_CONTACTS: &str = "Bring your contacts: `chorus contacts import contacts.csv`.";
pub(crate) const SEND_A_TEST: &str = "Send yourself a copy: `chorus send CAMPAIGN --to you@example.com`. It \
     then shows in the outbox if the channel is one, and in no figure.";

pub(crate) const fn severity(severity: campaign::Severity) -> &'static str {
    match severity {
        campaign::Severity::Warning => "Worth knowing:",
        campaign::Severity::Error => "Held back:",
    }
}

pub(crate) fn overview_lead(
    period: &str,
    sent: i64,
    channels: usize,
    clicked: i64,
    converted: i64,
) -> String {
    if sent == 0 && clicked == 0 && converted == 0 {
        return format!("Nothing went out in the last {period}.");
    }
    format!(
        "In the last {period}, {} went out on {}. {} clicked, and {} followed.",
        count(sent, MESSAGES),
        count(i64::try_from(channels).unwrap_or(i64::MAX), CHANNELS),
        count(clicked, PEOPLE),
        count(converted, CONVERSIONS)
    )
}

pub(crate) fn held_back(errors: usize) -> String {
    let errors = i64::try_from(errors).unwrap_or(i64::MAX);
    format!("{} in the files: campaigns with an error are held back. See which.", count(errors, PROBLEMS))
}

pub(crate) fn change(now: i64, before: i64, period: &str) -> String {
    if before <= 0 {
        return format!("none in the {period} before");
    }
    #[allow(clippy::cast_precision_loss, reason = "a ratio read to a per cent")]
    let ratio = now as f64 / before as f64 - 1.0;
    format!("{} on the {period} before", signed_percent(ratio))
}

pub(crate) fn failed_and_left_out(failed: i64, left_out: i64) -> String {
    format!("{} failed, {} left out", number(failed), number(left_out))
}

pub(crate) fn against(cost: &str, roi: Option<String>) -> String {
    match roi {
        Some(roi) => format!("against {cost} of cost: a return of {roi}"),
        None => format!("against {cost} of cost"),
    }
}

pub(crate) fn per_conversion(cost: &str) -> String {
    format!("{cost} for each conversion")
}

pub(crate) const fn buckets(period: Period) -> &'static str {
    match period {
        Period::Day | Period::Week => "By the hour",
        Period::Month | Period::Quarter => "By the day",
    }
}

pub(crate) fn step_on_channel(step: &str, channel: &str, own_clock: bool) -> String {
    let clock = if own_clock { ", by each contact's own clock" } else { "" };
    format!("{step} on {channel}{clock}")
}

pub(crate) fn run_name(id: i64) -> String {
    format!("Run {}", number(id))
}

pub(crate) fn of(whole: &str) -> String {
    format!("of {whole}")
}

pub(crate) fn interval(range: &str) -> String {
    format!("(95%: {range})")
}

pub(crate) fn no_rate(base: &str) -> String {
    format!("no rate: nothing {base} yet")
}

// A campaign.
pub(crate) const A_CAMPAIGN: &str = "campaign";
pub(crate) const NO_FILE: &str = "There is no file of this campaign any more, or it has errors; these are the \
     figures of what went out.";
pub(crate) const OWNED_BY: &str = "owned by";
pub(crate) const GOAL: &str = "Goal";
pub(crate) const SPENT: &str = "Spent";
pub(crate) const NO_GOAL: &str = "No goal is set: give the file a [goal] with the event that counts.";
pub(crate) const NO_BUDGET: &str = "No budget is set.";
pub(crate) const STEPS: &str = "Steps";
pub(crate) const STEP_NOT_YET: &str = "Nothing has gone out yet.";
pub(crate) const TRIED: &str = "tried";
pub(crate) const POSTED: &str = "Posted";
pub(crate) const CLICKS_ALL: &str = "Clicks";
pub(crate) const COMPLAINED: &str = "Called spam";
pub(crate) const BOUNCED: &str = "Came back";
pub(crate) const WHAT_IT_SAYS: &str = "What it says";
pub(crate) const FACTS: &str = "Facts";
pub(crate) const FACTS_MORE: &str = "Every channel repeats these unchanged.";
pub(crate) const SEE_MESSAGES: &str = "See the messages themselves";

pub(crate) fn campaign_question(title: &str) -> String {
    format!("How is “{title}” doing?")
}

pub(crate) fn goes_to(audience: &str) -> String {
    format!("To {audience}")
}

pub(crate) fn a_return(roi: &str) -> String {
    format!("a return of {roi} on cost")
}

pub(crate) fn machines(count: i64) -> String {
    format!("{} by machines, not counted", crate::notation::count(count, ACTIONS))
}

pub(crate) fn share_done(part: i64, whole: i64) -> String {
    #[allow(clippy::cast_precision_loss, reason = "a ratio read to a per cent")]
    let share = if whole > 0 { part as f64 / whole as f64 } else { 0.0 };
    format!("({})", percent(share))
}

pub(crate) fn counts_as_goal(event: &str) -> String {
    format!("a conversion is the event “{event}”")
}

pub(crate) fn step_facts(channel: &str, template: &str, audience: &str) -> String {
    format!("On {channel}, as {template}, to {audience}")
}

pub(crate) fn no_runs(campaign: &str) -> String {
    format!(
        "No step has run yet. It runs by itself while `chorus serve` is running; `chorus send {campaign}` \
         runs a step now."
    )
}

/// With a capital letter, as a sentence starts.
pub(crate) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().collect::<String>() + letters.as_str())
}

pub(crate) fn also_in<'a>(languages: impl Iterator<Item = &'a str>) -> String {
    format!("Also in {}.", languages.collect::<Vec<_>>().join(", "))
}

// A run.
pub(crate) const A_RUN: &str = "run";
pub(crate) const RUN_QUESTION: &str = "Did everybody get it?";
pub(crate) const RUN_QUESTION_LIVE: &str = "Is everybody getting it?";
pub(crate) const STARTED: &str = "Started";
pub(crate) const ENDED: &str = "Ended";
pub(crate) const EXPIRES: &str = "Nothing goes out after";
pub(crate) const FOLLOWS: &str = "Follows";
pub(crate) const PAUSE: &str = "Pause";
pub(crate) const RESUME: &str = "Go on";
pub(crate) const CANCEL: &str = "Cancel…";
pub(crate) const CANCEL_MORE: &str = "Messages that have not gone out will not, and a cancelled run cannot go \
     on. To stop for a while, pause it.";
pub(crate) const CANCEL_SURE: &str = "Cancel this run";
pub(crate) const PAUSED_HERE: &str = "Paused from the dashboard.";
pub(crate) const WHAT_BECAME: &str = "What became of it";
pub(crate) const DELIVERIES: &str = "Deliveries";
pub(crate) const NO_DELIVERIES: &str = "There is none in this list. Choose another state above.";
pub(crate) const FILTER: &str = "Which deliveries";
pub(crate) const DUE: &str = "due";

pub(crate) fn run_lead(state: &str, channel: &str, at: &str, kind: &str) -> String {
    format!("{state}. On {channel}, planned for {at}, {kind}.")
}

pub(crate) fn of_deliveries(total: i64) -> String {
    format!("of {} done", count(total, DELIVERY))
}

pub(crate) fn retry(again: i64) -> String {
    format!("Try {} again", count(again, DELIVERY))
}

pub(crate) fn repeats(times: i64) -> String {
    format!("sent {} more, may have come twice", count(times, TIMES))
}

pub(crate) fn tries(attempts: i64) -> String {
    count(attempts, TRIES)
}

pub(crate) fn contact_name(id: i64) -> String {
    format!("Contact {}", number(id))
}

// Contacts.
pub(crate) const A_CONTACT: &str = "contact";
pub(crate) const CONTACTS_QUESTION: &str = "Who do you write to?";
pub(crate) const FIND: &str = "Find somebody";
pub(crate) const FIND_EXAMPLE: &str = "ada@example.org";
pub(crate) const FIND_BUTTON: &str = "Find";
pub(crate) const NOBODY_YET: &str = "Nobody yet";
pub(crate) const LANGUAGE: &str = "Language";
pub(crate) const ZONE: &str = "Time zone";
pub(crate) const CONSENT: &str = "Consent";
pub(crate) const EMAIL: &str = "E-mail";
pub(crate) const PHONE: &str = "Phone";
pub(crate) const EXTERNAL_ID: &str = "Your own key";
pub(crate) const KNOWN_SINCE: &str = "Known since";
pub(crate) const YES: &str = "yes";
pub(crate) const NO: &str = "no";
pub(crate) const TIMELINE: &str = "What happened";
pub(crate) const NOTHING_HAPPENED: &str = "Nothing was sent to them yet, and they did nothing. `chorus explain \
     ADDRESS CAMPAIGN` says why.";
pub(crate) const TIME_UNKNOWN: &str = "Earlier";
pub(crate) const SEE_MESSAGE: &str = "See the message";

pub(crate) fn contacts_lead(total: i64) -> String {
    format!("{} in this workspace.", count(total, CONTACTS))
}

pub(crate) fn nobody_has(wanted: &str) -> String {
    format!("Nobody here has the e-mail address, phone number or key “{wanted}”. Write it whole.")
}

pub(crate) fn contact_question(name: &str) -> String {
    format!("What happened with {name}?")
}

pub(crate) fn blocked(address: &str, why: &str) -> String {
    format!("Nothing more goes to {address}. {why}.")
}

pub(crate) fn on_channel(channel: &str) -> String {
    format!("on {channel}")
}

/// A reason as the end of a story.
pub(crate) fn because(state: DeliveryState, why: &str) -> String {
    let why = reason(why);
    match state {
        DeliveryState::Suppressed | DeliveryState::Failed => format!("because {why}"),
        _ => why.to_owned(),
    }
}

// The outbox.
pub(crate) const A_MESSAGE: &str = "message in the outbox";
pub(crate) const OUTBOX_QUESTION: &str = "What did they get, exactly?";
pub(crate) const OUTBOX_LEAD: &str = "Messages of channels of the kind “outbox”: kept here, word for word, \
     instead of being sent.";
pub(crate) const OUTBOX_EMPTY: &str = "The outbox is empty";
pub(crate) const OUTBOX_CHANNEL: &str = "Only a channel with `kind = \"outbox\"` in chorus.toml keeps its \
     messages here.";
pub(crate) const OUTBOX_SEND: &str = "Then `chorus send CAMPAIGN --to you@example.com` puts one in.";
pub(crate) const TO: &str = "To";
pub(crate) const KEPT: &str = "Kept";
pub(crate) const AS_IT_LOOKS: &str = "As it looks";
pub(crate) const NO_HTML: &str = "This message has no HTML part; its text is below.";
pub(crate) const PREVIEW_NOTE: &str = "Links lead nowhere here, and pictures behind an address are not loaded: \
     looking at a message counts as nothing.";
pub(crate) const AS_TEXT: &str = "As text";
pub(crate) const HEADERS: &str = "Headers";
pub(crate) const SOURCE: &str = "Source";
pub(crate) const SAVE: &str = "Save as a file";
pub(crate) const CUT: &str = "\n… the rest is in the file.";

pub(crate) fn with_count(name: &str, count: i64) -> String {
    format!("{name} {}", number(count))
}
