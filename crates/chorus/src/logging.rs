//! The log: which events are written to the error stream, and how.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::FmtSpan;

/// What `chorus serve` logs unless `CHORUS_LOG` says otherwise.
const SERVING: &str = "info,sqlx=warn";

/// What libraries log of every text that they parse and every connection that they keep: much, and with contents. Only
/// a filter that names one of them shows more.
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
pub(crate) fn start(serving: bool, filter: Option<String>, format: Option<String>) {
    let default = if serving { SERVING } else { ELSE };
    let filter = filter.map_or_else(|| default.to_owned(), |filter| format!("{QUIET},{filter}"));
    let filter = EnvFilter::new(filter);
    let is_detailed = filter.max_level_hint().is_none_or(|level| level >= LevelFilter::DEBUG);
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

/// Returns true if what is written to the error stream has to be a log event.
pub(crate) fn is_json() -> bool {
    IS_JSON.load(Ordering::Relaxed)
}
