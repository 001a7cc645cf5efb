//! The frame around every page.

use axum::http::header::REFRESH;
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

use crate::asset::STYLE_VERSION;
use crate::notation::Times;
use crate::words;

/// Seconds between two looks at a page whose numbers move.
const REFRESH_SECONDS: u32 = 4;

/// Which entry of the navigation a page belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    /// `/`, campaigns, runs.
    Overview,
    /// `/contacts`
    Contacts,
    /// `/outbox`
    Outbox,
}

/// Whether a page loads itself again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Live {
    /// Its numbers do not move.
    Still,
    /// It does; `stop` is the address of the same page standing still.
    Moving {
        /// Path and query.
        stop: String,
    },
    /// It would, but was asked not to; `go` is the address of the moving page.
    Stopped {
        /// Path and query.
        go: String,
    },
}

/// What every page shows around its own content.
#[derive(Debug, Clone)]
pub(crate) struct Shell {
    /// Whose pages these are.
    pub(crate) brand: String,
    /// How times are written.
    pub(crate) times: Times,
    /// Where in the navigation.
    pub(crate) section: Section,
    /// Whether it loads itself again.
    pub(crate) live: Live,
    /// That everything stands still, in words.
    pub(crate) stopped: Option<String>,
    /// Notes about single workers, in words.
    pub(crate) noted: Vec<String>,
    /// Whether the numbers are simulated.
    pub(crate) simulated: bool,
}

/// A page: its title and what stands in `main`.
#[derive(Debug)]
pub(crate) struct Page {
    /// Whole HTML.
    html: Markup,
    moving: bool,
}

impl Shell {
    /// Puts the frame around `content`.
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
                @for note in &self.noted {
                    div.stopped role="status" { p { strong { (crate::inline_code::text(note)) } } }
                }
                main #content { (content) }
                footer {
                    p { (words::times_in(&self.times.zone_name(), &self.times.minute(self.times.now.into()))) }
                }
            },
        );
        Page { html, moving: matches!(self.live, Live::Moving { .. }) }
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
                    a href="/" { (mark()) span { (words::PRODUCT) } }
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
                Live::Still => {}
                Live::Moving { stop } => {
                    p.live { span.pulse aria-hidden="true" {} (words::LIVE) a href=(stop) { (words::LIVE_STOP) } }
                }
                Live::Stopped { go } => {
                    p.live { (words::LIVE_STOPPED) a href=(go) { (words::LIVE_GO) } }
                }
            }
        }
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        if self.moving {
            ([(REFRESH, REFRESH_SECONDS.to_string())], self.html).into_response()
        } else {
            self.html.into_response()
        }
    }
}

#[cfg(test)]
impl Page {
    /// The HTML, an element a line, so that a change shows where it is.
    pub(crate) fn text(&self) -> String {
        self.html.0.replace(&format!("?v={STYLE_VERSION}"), "").replace("><", ">\n<")
    }
}

/// A page without a workspace around it: something went wrong.
pub(crate) fn bare(title: &str, help: &str) -> Markup {
    document(
        title,
        &html! {
            main.bare #content {
                (mark())
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

/// Three voices, one line: the sign of the house.
fn mark() -> Markup {
    html! {
        svg.mark viewBox="0 0 24 24" width="24" height="24" aria-hidden="true" focusable="false" {
            path d="M3 17c3 0 3-10 6-10s3 10 6 10 3-10 6-10" {}
            path.faint d="M3 13c3 0 3-6 6-6s3 6 6 6 3-6 6-6" {}
            circle cx="21" cy="7" r="2" {}
        }
    }
}
