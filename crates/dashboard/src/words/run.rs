//! Texts of the run page.

use super::{DELIVERY, TIMES, TRIES};
use crate::format::{count, number};

pub(crate) const A_RUN: &str = "run";
pub(crate) const RUN_QUESTION: &str = "Did everyone get it?";
pub(crate) const RUN_QUESTION_LIVE: &str = "Is everyone getting it?";
pub(crate) const STARTED: &str = "Started";
pub(crate) const ENDED: &str = "Ended";
pub(crate) const EXPECTED_FINISH: &str = "Expected to finish";
pub(crate) const EXPIRES: &str = "Nothing goes out after";
pub(crate) const FOLLOWS: &str = "Follows";
pub(crate) const BOUNCED_LATER: &str = "Bounced later";
pub(crate) const MARKED_AS_SPAM: &str = "Marked as spam";
pub(crate) const PAUSE: &str = "Pause";
pub(crate) const RESUME_CANCELLED: &str = "Resume, for those who have not received it";
pub(crate) const RESUME: &str = "Resume";
pub(crate) const CANCEL: &str = "Cancel…";
pub(crate) const CANCEL_MORE: &str = "Messages that have not gone out will not. It can be resumed later, for those \
     who have not received it. To stop for a while, pause it.";
pub(crate) const CANCEL_SURE: &str = "Cancel this run";
pub(crate) const PAUSED_HERE: &str = "Paused from the dashboard.";
pub(crate) const RESULTS: &str = "Results";
pub(crate) const DELIVERIES: &str = "Deliveries";
pub(crate) const NO_DELIVERIES: &str = "There is none in this list. Choose another state above.";
pub(crate) const FILTER: &str = "Which deliveries";
pub(crate) const DUE: &str = "due";
pub(crate) const SEE_POST: &str = "See the post";
pub(crate) const UNCERTAIN_WHY: &str = "The connection broke, or Chorus was stopped, after the message was handed over and \
     before the answer came. Look where it should have arrived, then say what you found. Nothing happens until you do.";
pub(crate) const WENT_OUT: &str = "It went out";
pub(crate) const WENT_OUT_MEANS: &str = "It counts as sent, and nothing more is sent.";
pub(crate) const SEND_AGAIN: &str = "Send again";
pub(crate) const SEND_AGAIN_MEANS: &str = "It is sent once more. If it did arrive, it will be there twice.";
pub(crate) const ALL_WENT_OUT: &str = "All went out…";
pub(crate) const SEND_ALL_AGAIN: &str = "Send all again…";

pub(crate) fn run_lead(state: &str, channel: &str, at: &str, kind: &str) -> String {
    format!("{state}. On {channel}, planned for {at}, {kind}.")
}

/// Returns the notice about a receiver on hold; the time of the next attempt follows it.
pub(crate) fn waits(why: &str) -> String {
    format!("Some wait: {why}. Next try")
}

pub(crate) fn more_wait(receivers: usize) -> String {
    match receivers {
        1 => "And 1 more receiver waits.".to_owned(),
        _ => format!("And {receivers} more receivers wait."),
    }
}

pub(crate) fn of_deliveries(total: i64) -> String {
    format!("of {} done", count(total, DELIVERY))
}

/// Returns the button to send deliveries again, with the number that may have arrived.
pub(crate) fn retry(again: i64, uncertain: i64) -> String {
    let may_have_arrived =
        if uncertain > 0 { format!(" ({} may have arrived)", number(uncertain)) } else { String::new() };
    format!("Try {} again{may_have_arrived}", count(again, DELIVERY))
}

/// Returns the heading of the section on uncertain deliveries.
pub(crate) fn uncertain_question(uncertain: i64) -> String {
    format!("Did {} arrive?", count(uncertain, DELIVERY))
}

pub(crate) fn all_went_out_sure(uncertain: i64) -> String {
    format!("Count {} as sent", count(uncertain, DELIVERY))
}

pub(crate) fn send_all_again_sure(uncertain: i64) -> String {
    format!("Send {} again", count(uncertain, DELIVERY))
}

pub(crate) fn repeats(times: i64) -> String {
    format!("sent {} more, may have been received twice", count(times, TIMES))
}

pub(crate) fn tries(attempts: i64) -> String {
    count(attempts, TRIES)
}

pub(crate) fn contact_name(id: i64) -> String {
    format!("Contact {}", number(id))
}

pub(crate) fn with_count(name: &str, count: i64) -> String {
    format!("{name} {}", number(count))
}
