//! The banner above the list of runs while everything is stopped.

use jiff::tz::TimeZone;
use store::{StopReason, Stopped};

use crate::setup::Opened;
use crate::time;

/// One sentence about a stop.
pub(crate) fn describe(stopped: &Stopped, zone: &TimeZone) -> String {
    let since = time::show_millis(stopped.since, zone);
    match stopped.reason {
        StopReason::Stop => format!("Everything has been stopped since {since}: {}.", stopped.detail),
        StopReason::Copy => {
            format!(
                "Everything has been stopped since {since}, because this database is a copy: {}.",
                stopped.detail
            )
        }
    }
}

/// Returns the text that stands above the list of runs while everything is stopped.
pub(super) async fn stopped_banner(opened: &Opened) -> anyhow::Result<Option<String>> {
    let Some(stopped) = opened.store.stopped().await? else { return Ok(None) };
    let said = describe(&stopped, &opened.workspace().brand.timezone);
    let next = match stopped.reason {
        StopReason::Stop => "Nothing goes out and nothing is planned; `chorus start` goes on.",
        StopReason::Copy => {
            "Nothing goes out and nothing is planned. `chorus doctor` says what may have gone out since it was \
             copied; `chorus runs reconcile FILE` finds that in a relay's log; `chorus start` goes on."
        }
    };
    Ok(Some(format!("{said}\n{next}\n")))
}
