//! Texts of the overview.

use super::{CHANNELS, CONVERSIONS, MESSAGES, PEOPLE, PROBLEMS};
use crate::format::{count, number, signed_percent};
use crate::period::Period;

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

pub(crate) const fn severity(severity: source::Severity) -> &'static str {
    match severity {
        source::Severity::Warning => "Worth knowing:",
        source::Severity::Error => "Held back:",
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

pub(crate) fn step_on_channel(step: &str, channel: &str, contact_zone: bool) -> String {
    let zone = if contact_zone { ", in each contact's time zone" } else { "" };
    format!("{step} on {channel}{zone}")
}

pub(crate) fn in_contact_zone(at: &str) -> String {
    format!("{at}, in each contact's time zone")
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

pub(crate) fn more_than_all(whole: &str, base: &str) -> String {
    format!("more than the {whole} {base} in this time")
}

pub(crate) fn no_rate(base: &str) -> String {
    format!("no rate: nothing {base} yet")
}
