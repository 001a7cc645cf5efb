//! Setup of the log on the error stream: filter and format.

use std::sync::atomic::{AtomicBool, Ordering};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::color;

/// The filter of `chorus serve` if `CHORUS_LOG` is not set.
const SERVE_FILTER: &str = "info,sqlx=warn";

/// Levels of libraries whose debug events are many and hold the texts that they parse or the state
/// of every connection. They show more only under a filter that names them.
const QUIET_LIBRARIES: &str = "html5ever=warn,markup5ever=warn,selectors=warn,cssparser=warn,\
                               handlebars=warn,mrml=warn,css_inline=warn,h2=warn,hyper=warn,\
                               hyper_util=warn,rustls=warn,hickory_net=warn,hickory_proto=warn,\
                               hickory_resolver=warn,sqlx=warn";

/// The filter of every other command if `CHORUS_LOG` is not set.
const COMMAND_FILTER: &str = "error";

/// True if this process is `chorus serve` and its log is JSON, so that every line on the error
/// stream must be a log event. The error stream of other commands is for people.
static IS_JSON: AtomicBool = AtomicBool::new(false);

/// Starts the log. `filter`, from `CHORUS_LOG`, is a `tracing` filter of events; `format`, from
/// `CHORUS_LOG_FORMAT`, is `text` or `json` (one object a line). If the filter lets debug events
/// through, spans are written when they end, with their duration.
pub fn start(serving: bool, filter: Option<&str>, format: Option<String>) {
    let default = if serving { SERVE_FILTER } else { COMMAND_FILTER };
    let (filter, is_detailed) = parse_filter(filter.unwrap_or(default));
    let spans = if is_detailed { FmtSpan::CLOSE } else { FmtSpan::NONE };
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_span_events(spans)
        .with_writer(std::io::stderr);
    match format.as_deref() {
        Some("json") => {
            IS_JSON.store(serving, Ordering::Relaxed);
            log.json().init();
        }
        _ => log.with_ansi(color::enabled_on(&std::io::stderr())).with_target(false).init(),
    }
    if let Some(other) = format.filter(|format| !matches!(format.as_str(), "" | "text" | "json")) {
        tracing::error!(format = other, "CHORUS_LOG_FORMAT is neither text nor json; the log is text");
    }
}

/// Parses a filter, and returns true with it if it lets debug events through; then the levels of
/// [`QUIET_LIBRARIES`] are added.
fn parse_filter(text: &str) -> (EnvFilter, bool) {
    let filter = EnvFilter::new(text);
    let is_detailed = filter.max_level_hint().is_none_or(|level| level >= LevelFilter::DEBUG);
    if is_detailed { (EnvFilter::new(format!("{QUIET_LIBRARIES},{text}")), true) } else { (filter, false) }
}

/// Returns true if every line on the error stream must be a log event.
pub fn is_json() -> bool {
    IS_JSON.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_debug_filter_does_not_show_debug_events_of_libraries() {
        for (text, parser, is_detailed) in [
            ("error", "error", false),
            ("info,sqlx=warn", "info,sqlx=warn", false),
            ("debug", "html5ever=warn", true),
            ("info,scheduler=debug", "html5ever=warn", true),
            ("debug,html5ever=debug", "html5ever=debug", true),
        ] {
            let (filter, detailed) = parse_filter(text);
            assert_eq!(detailed, is_detailed, "{text}");
            let shown = filter.to_string();
            assert!(
                parser.split(',').all(|part| shown.split(',').any(|other| other == part)),
                "{text}: {shown}"
            );
            assert_eq!(shown.matches("html5ever").count(), usize::from(is_detailed), "{text}: {shown}");
        }
    }
}
