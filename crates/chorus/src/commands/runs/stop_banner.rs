//! The banner that `chorus runs` shows while everything is stopped.

use jiff::tz::TimeZone;
use store::{StopReason, Stopped};

use crate::setup::App;
use terminal::color::{self, Tone};
use terminal::time;

/// Returns a sentence that describes a stop: its start and reason.
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

/// Returns the text above the list of runs; `None` if nothing is stopped.
pub(super) async fn stopped_banner(app: &App) -> anyhow::Result<Option<String>> {
    let Some(stopped) = app.store.stopped().await? else { return Ok(None) };
    let description = describe(&stopped, &app.workspace().brand.timezone);
    let description = color::paint(Tone::Warning, &description);
    let next = match stopped.reason {
        StopReason::Stop => "Nothing goes out and nothing is planned; `chorus start` goes on.",
        StopReason::Copy => {
            "Nothing goes out and nothing is planned. `chorus doctor` says what may have gone out since it was \
             copied; `chorus runs reconcile FILE` finds that in a relay's log; `chorus start` goes on."
        }
    };
    Ok(Some(format!("{description}\n{next}\n")))
}
