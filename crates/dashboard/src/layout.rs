//! The layout of every page: header, navigation, notices, footer and automatic refresh.

use axum::http::header::REFRESH;
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

use crate::asset::STYLE_VERSION;
use crate::format::Times;
use crate::words;

/// The interval at which a page with changing numbers reloads, in seconds.
const REFRESH_SECONDS: u32 = 4;

/// The entry of the navigation that a page belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    /// `/`, and the pages of campaigns and runs.
    Overview,
    /// `/contacts` and the pages of single contacts.
    Contacts,
    /// `/outbox` and the pages of single messages.
    Outbox,
}

/// The automatic refresh of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AutoRefresh {
    /// The page does not refresh, because its numbers do not change.
    Off,
    /// The page refreshes.
    On {
        /// Path and query of the same page without refresh.
        pause_path: String,
    },
    /// The reader has paused the refresh.
    Paused {
        /// Path and query of the same page with refresh.
        resume_path: String,
    },
}

/// The content of the layout around a page.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    /// The name of the brand.
    pub(crate) brand: String,
    /// The format of times.
    pub(crate) times: Times,
    /// The current entry of the navigation.
    pub(crate) section: Section,
    /// The automatic refresh of the page.
    pub(crate) live: AutoRefresh,
    /// A notice that all sending is stopped.
    pub(crate) stopped: Option<String>,
    /// Notices about single workers.
    pub(crate) worker_notes: Vec<String>,
    /// True if the numbers are simulated.
    pub(crate) simulated: bool,
}

/// A rendered page.
#[derive(Debug)]
pub(crate) struct Page {
    /// The complete HTML document.
    html: Markup,
    refreshes: bool,
}

impl Layout {
    /// Renders the page with the layout around `content`.
    pub(crate) fn page(&self, title: &str, content: &Markup) -> Page {
        let html = document(
            &format!("{title} · {}", self.brand),
            &html! {
                a.skip href="#content" { (words::SKIP) }
                (self.header())
                @if self.simulated {
                    div.simulated role="note" {
                        p { strong { (words::SIMULATED) } " " (words::SIMULATED_MORE) }
                    }
                }
                @if let Some(stopped) = &self.stopped {
                    div.stopped role="status" { p { strong { (crate::inline_code::text(stopped)) } } }
                }
                @for note in &self.worker_notes {
                    div.stopped role="status" { p { strong { (crate::inline_code::text(note)) } } }
                }
                main #content { (content) }
                footer {
                    p { (words::times_in(&self.times.zone_name(), &self.times.minute(self.times.now.into()))) }
                }
            },
        );
        Page { html, refreshes: matches!(self.live, AutoRefresh::On { .. }) }
    }

    fn header(&self) -> Markup {
        let entries = [
            (Section::Overview, "/", words::NAV_OVERVIEW),
            (Section::Contacts, "/contacts", words::NAV_CONTACTS),
            (Section::Outbox, "/outbox", words::NAV_OUTBOX),
        ];
        html! {
            header.top {
                div.brand {
                    a href="/" { (logo()) span { (words::PRODUCT) } }
                    span.whose { (self.brand) }
                }
                nav aria-label=(words::NAV) {
                    @for (section, path, name) in entries {
                        a href=(path) aria-current=[(section == self.section).then_some("page")] { (name) }
                    }
                }
                (self.live())
            }
        }
    }

    fn live(&self) -> Markup {
        html! {
            @match &self.live {
                AutoRefresh::Off => {}
                AutoRefresh::On { pause_path } => {
                    p.live { span.pulse aria-hidden="true" {} (words::LIVE) a href=(pause_path) { (words::LIVE_STOP) } }
                }
                AutoRefresh::Paused { resume_path } => {
                    p.live { (words::LIVE_STOPPED) a href=(resume_path) { (words::LIVE_GO) } }
                }
            }
        }
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        if self.refreshes {
            ([(REFRESH, REFRESH_SECONDS.to_string())], self.html).into_response()
        } else {
            self.html.into_response()
        }
    }
}

#[cfg(test)]
impl Page {
    /// Returns the HTML with one element per line, so that snapshots differ where the page differs.
    pub(crate) fn text(&self) -> String {
        self.html.0.replace(&format!("?v={STYLE_VERSION}"), "").replace("><", ">\n<")
    }
}

/// Renders a page without the layout, for errors.
pub(crate) fn error_page(title: &str, help: &str) -> Markup {
    document(
        title,
        &html! {
            main.bare #content {
                (logo())
                h1 { (title) }
                p.lead { (crate::inline_code::text(help)) }
                p { a.button href="/" { (words::TO_OVERVIEW) } }
            }
        },
    )
}

fn document(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                link rel="icon" href="/icon.svg" type="image/svg+xml";
                link rel="stylesheet" href={ "/style.css?v=" (STYLE_VERSION) };
            }
            body { (body) }
        }
    }
}

/// Renders the logo: three voices in one line.
fn logo() -> Markup {
    html! {
        svg.mark viewBox="0 0 24 24" width="24" height="24" aria-hidden="true" focusable="false" {
            path d="M3 17c3 0 3-10 6-10s3 10 6 10 3-10 6-10" {}
            path.faint d="M3 13c3 0 3-6 6-6s3 6 6 6 3-6 6-6" {}
            circle cx="21" cy="7" r="2" {}
        }
    }
}
