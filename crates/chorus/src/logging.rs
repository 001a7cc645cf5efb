//! The log: which events are written to the error stream, and how.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::FmtSpan;

/// What `chorus serve` logs unless `CHORUS_LOG` says otherwise.
const SERVING: &str = "info,sqlx=warn";

/// Levels of the libraries that log, while somebody debugs, every text that they parse and every connection that they
/// keep: much, and with contents. Only a filter that names one of them shows more.
const QUIET: &str = "html5ever=warn,markup5ever=warn,selectors=warn,cssparser=warn,handlebars=warn,mrml=warn,\
                     css_inline=warn,h2=warn,hyper=warn,hyper_util=warn,rustls=warn,hickory_net=warn,hickory_proto=warn,\
                     hickory_resolver=warn,sqlx=warn";

/// What every other command logs.
const ELSE: &str = "error";

/// True while this process serves and its log is JSON: nothing else may stand between its lines. The error stream of
/// other commands is read by people.
static IS_JSON: AtomicBool = AtomicBool::new(false);

/// Starts the log. `filter`, from `CHORUS_LOG`, says which events are written, as `tracing` filters do; `format`, from
/// `CHORUS_LOG_FORMAT`, is `text` or `json`: one object a line. Spans are written when they end, with how long they took, where the filter lets
/// debug events through.
pub(crate) fn start(serving: bool, filter: Option<&str>, format: Option<String>) {
    let default = if serving { SERVING } else { ELSE };
    let (filter, is_detailed) = filter_of(filter.unwrap_or(default));
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
        _ => log.with_ansi(std::io::stderr().is_terminal()).with_target(false).init(),
    }
    if let Some(other) = format.filter(|format| !matches!(format.as_str(), "" | "text" | "json")) {
        tracing::error!(format = other, "CHORUS_LOG_FORMAT is neither text nor json; the log is text");
    }
}

/// Returns the filter that `text` asks for, and true if it lets debug events through: then all but those of
/// [`QUIET`].
fn filter_of(text: &str) -> (EnvFilter, bool) {
    let filter = EnvFilter::new(text);
    let is_detailed = filter.max_level_hint().is_none_or(|level| level >= LevelFilter::DEBUG);
    if is_detailed { (EnvFilter::new(format!("{QUIET},{text}")), true) } else { (filter, false) }
}

/// Returns true if what is written to the error stream has to be a log event.
pub(crate) fn is_json() -> bool {
    IS_JSON.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debugging_leaves_the_texts_that_libraries_parse_out() {
        for (text, parser, is_detailed) in [
            ("error", "error", false),
            ("info,sqlx=warn", "info,sqlx=warn", false),
            ("debug", "html5ever=warn", true),
            ("info,scheduler=debug", "html5ever=warn", true),
            ("debug,html5ever=debug", "html5ever=debug", true),
        ] {
            let (filter, detailed) = filter_of(text);
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
