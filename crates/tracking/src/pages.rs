//! The public HTML pages. They contain no scripts, images, external resources or addresses.

use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};
use store::StoreError;

use crate::error_status;
use crate::page_texts::{ENGLISH as TEXTS, with_brand};

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

/// Content-Security-Policy that allows only the inline style sheet above and forms to this server.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

/// Returns the page with the unsubscribe button; it changes nothing.
pub(crate) fn confirm_unsubscribe(brand: &str, status: StatusCode) -> Response {
    let form = form("unsubscribe", TEXTS.confirm_button, false);
    render(status, brand, TEXTS.confirm_title, TEXTS.confirm_text, &form)
}

/// Returns the page that says that the message was a test copy and that nothing was changed.
pub(crate) fn test_copy(brand: &str) -> Response {
    render(StatusCode::OK, brand, TEXTS.test_copy_title, TEXTS.test_copy_text, &html! {})
}

/// Returns the page that confirms an unsubscription and offers to undo it.
pub(crate) fn unsubscribed(brand: &str) -> Response {
    let undo = html! {
        p.soft { (TEXTS.undo_text) }
        (form("undo", TEXTS.undo_button, true))
    };
    render(StatusCode::OK, brand, TEXTS.unsubscribed_title, TEXTS.unsubscribed_text, &undo)
}

/// Returns the page that confirms that an unsubscription was undone.
pub(crate) fn resubscribed(brand: &str) -> Response {
    render(StatusCode::OK, brand, TEXTS.resubscribed_title, TEXTS.resubscribed_text, &html! {})
}

/// Returns the page (503) for an unavailable database: nothing was changed. It offers to repeat
/// `action`, if there is one.
fn unavailable(brand: &str, action: Option<&str>) -> Response {
    let retry = match action {
        Some("undo") => form("undo", TEXTS.undo_button, false),
        Some(_) => form("unsubscribe", TEXTS.confirm_button, false),
        None => html! {},
    };
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let mut response = render(status, brand, TEXTS.unavailable_title, TEXTS.unavailable_text, &retry);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
    response
}

/// Returns the page for a store error: [`unavailable`] if the database failed, else the page for an
/// invalid link.
pub(crate) fn failed(brand: &str, action: Option<&str>, error: &StoreError) -> Response {
    match error_status::status(error) {
        StatusCode::SERVICE_UNAVAILABLE => unavailable(brand, action),
        status => invalid_link(brand, status),
    }
}

/// Returns the page (404) for a link that is unknown or was not signed by this installation.
pub(crate) fn not_found(brand: &str) -> Response {
    invalid_link(brand, StatusCode::NOT_FOUND)
}

fn invalid_link(brand: &str, status: StatusCode) -> Response {
    render(status, brand, TEXTS.not_found_title, TEXTS.not_found_text, &html! {})
}

/// Returns a form with one button that posts to the page's own URL.
fn form(action: &str, button: &str, quiet: bool) -> Markup {
    html! {
        form method="post" {
            button.quiet[quiet] name="action" value=(action) { (button) }
        }
    }
}

fn render(status: StatusCode, brand: &str, title: &str, text: &str, more: &Markup) -> Response {
    let title = with_brand(title, brand);
    let page = html! {
        (DOCTYPE)
        html lang=(TEXTS.language) {
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

/// Adds the headers of every tracking response: a strict content security policy, no caching, no
/// referrer and no indexing.
pub(crate) async fn add_security_headers(mut response: Response) -> Response {
    insert_if_absent(response.headers_mut(), header::CONTENT_SECURITY_POLICY, POLICY.clone());
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
    ] {
        insert_if_absent(response.headers_mut(), name, HeaderValue::from_static(value));
    }
    response
}

fn insert_if_absent(headers: &mut HeaderMap, name: header::HeaderName, value: HeaderValue) {
    headers.entry(name).or_insert(value);
}
