//! The public pages: no scripts, no pictures, nothing from elsewhere, nobody's address.

use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};
use store::StoreError;

use crate::failure;
use crate::words::{ENGLISH as WORDS, with_brand};

const STYLE: &str = "\
:root{color-scheme:light dark;--ground:#f4f2ee;--card:#fff;--ink:#1c1b19;--soft:#5b5852;--line:#dedad2;--act:#0b5c66;--on-act:#fff}\
@media(prefers-color-scheme:dark){:root{--ground:#151412;--card:#201f1c;--ink:#f1eee8;--soft:#b3aea4;--line:#3a3833;--act:#7fd3dd;--on-act:#062a2f}}\
*{box-sizing:border-box}\
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1.25rem;background:var(--ground);color:var(--ink);\
font:1.0625rem/1.6 system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',sans-serif}\
main{width:100%;max-width:30rem;background:var(--card);border:1px solid var(--line);border-radius:1rem;padding:2rem 1.75rem;overflow-wrap:anywhere}\
.brand{margin:0 0 1.25rem;color:var(--soft);font-size:.9375rem;letter-spacing:.02em}\
h1{margin:0 0 .75rem;font-size:1.5rem;line-height:1.25}\
p{margin:0 0 1.25rem}\
form{margin:0}\
.soft{color:var(--soft);margin-bottom:.75rem}\
button{font:inherit;font-weight:600;padding:.75rem 1.25rem;min-height:2.75rem;border-radius:.625rem;border:2px solid var(--act);\
background:var(--act);color:var(--on-act);cursor:pointer}\
button.quiet{background:transparent;color:var(--act)}\
button:focus-visible{outline:3px solid var(--ink);outline-offset:3px}\
@media(max-width:24rem){main{padding:1.5rem 1.25rem}button{width:100%}}";

/// Allows the one style above and forms to ourselves, and nothing else.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

/// `GET /u/…`: asks, and changes nothing.
pub(crate) fn ask(brand: &str, status: StatusCode) -> Response {
    let form = form("unsubscribe", WORDS.ask_button, false);
    answer(status, brand, WORDS.ask_title, WORDS.ask_text, &form)
}

/// Says that the message was a test copy and that nothing was changed.
pub(crate) fn test_copy(brand: &str) -> Response {
    answer(StatusCode::OK, brand, WORDS.test_title, WORDS.test_text, &html! {})
}

/// They are out.
pub(crate) fn done(brand: &str) -> Response {
    let undo = html! {
        p.soft { (WORDS.undo_text) }
        (form("undo", WORDS.undo_button, true))
    };
    answer(StatusCode::OK, brand, WORDS.done_title, WORDS.done_text, &undo)
}

/// They stay.
pub(crate) fn back(brand: &str) -> Response {
    answer(StatusCode::OK, brand, WORDS.back_title, WORDS.back_text, &html! {})
}

/// The database does not answer: nothing was done. `action` is offered again, if there is one.
fn busy(brand: &str, action: Option<&str>) -> Response {
    let again = match action {
        Some("undo") => form("undo", WORDS.undo_button, false),
        Some(_) => form("unsubscribe", WORDS.ask_button, false),
        None => html! {},
    };
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let mut response = answer(status, brand, WORDS.busy_title, WORDS.busy_text, &again);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
    response
}

/// The answer to a failed use of the store: [`busy`] where the database failed, else the link cannot be ours.
pub(crate) fn failed(brand: &str, action: Option<&str>, error: &StoreError) -> Response {
    match failure::status(error) {
        StatusCode::SERVICE_UNAVAILABLE => busy(brand, action),
        status => nowhere(brand, status),
    }
}

/// No such link, or not one of ours.
pub(crate) fn lost(brand: &str) -> Response {
    nowhere(brand, StatusCode::NOT_FOUND)
}

fn nowhere(brand: &str, status: StatusCode) -> Response {
    answer(status, brand, WORDS.lost_title, WORDS.lost_text, &html! {})
}

/// A button that posts to the page's own address.
fn form(action: &str, button: &str, quiet: bool) -> Markup {
    html! {
        form method="post" {
            button.quiet[quiet] name="action" value=(action) { (button) }
        }
    }
}

fn answer(status: StatusCode, brand: &str, title: &str, text: &str, more: &Markup) -> Response {
    let title = with_brand(title, brand);
    let page = html! {
        (DOCTYPE)
        html lang=(WORDS.language) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    p.brand { (brand) }
                    h1 { (title) }
                    p { (with_brand(text, brand)) }
                    (more)
                }
            }
        }
    };
    (status, page).into_response()
}

/// Puts what every answer of the public paths carries.
pub(crate) async fn harden(mut response: Response) -> Response {
    put(response.headers_mut(), header::CONTENT_SECURITY_POLICY, POLICY.clone());
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
    ] {
        put(response.headers_mut(), name, HeaderValue::from_static(value));
    }
    response
}

fn put(headers: &mut HeaderMap, name: header::HeaderName, value: HeaderValue) {
    headers.entry(name).or_insert(value);
}
