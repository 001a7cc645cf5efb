//! The demo's platforms as people see them: posts as cards. Everything in a post is hostile text.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::Value;

use super::platform::Post;

/// Nothing from anywhere, and no scripts.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";

const STYLE: &str = "\
:root{color-scheme:light dark;--ground:#eef1f4;--card:#fff;--ink:#17202a;--soft:#55616d;--line:#d7dde3;--act:#0b57a4}\
@media(prefers-color-scheme:dark){:root{--ground:#0f1419;--card:#182028;--ink:#e9eef3;--soft:#a3b0bc;--line:#2c3742;--act:#8cc4ff}}\
*{box-sizing:border-box}\
body{margin:0;background:var(--ground);color:var(--ink);font:1rem/1.6 system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','Noto Sans CJK SC',sans-serif}\
main{max-width:38rem;margin:0 auto;padding:1.5rem 1rem 4rem}\
h1{font-size:1.375rem;margin:0}\
.soft{color:var(--soft);margin:.25rem 0 1.5rem}\
article{background:var(--card);border:1px solid var(--line);border-radius:.875rem;padding:1.125rem 1.25rem;margin:0 0 1rem;overflow-wrap:anywhere}\
header{display:flex;gap:.75rem;align-items:center;margin:0 0 .75rem}\
.face{flex:none;width:2.5rem;height:2.5rem;border-radius:50%;background:var(--act);color:var(--card);display:grid;place-items:center;font-weight:700}\
h2{font-size:1rem;line-height:1.3;margin:0}\
time{color:var(--soft);font-size:.875rem}\
.text{white-space:pre-wrap;margin:0 0 .75rem}\
.title{font-weight:650;margin:0 0 .5rem}\
a{color:var(--act)}\
a:focus-visible{outline:3px solid var(--act);outline-offset:2px}";

/// The page of posts, newest first.
pub(super) fn page(posts: &[Post]) -> Response {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="refresh" content="5";
                title { "What was posted" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    h1 { "What was posted" }
                    p.soft { "This page plays the social platforms of the demo. Nothing left this machine." }
                    @if posts.is_empty() {
                        article { p.text { "Nothing yet. The first post will stand here." } }
                    }
                    @for post in posts { (card(post)) }
                }
            }
        }
    };
    let headers = [
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, page).into_response()
}

fn card(post: &Post) -> Markup {
    let at = Timestamp::from_millisecond(post.at).unwrap_or(Timestamp::UNIX_EPOCH);
    let face = post.channel.chars().next().unwrap_or('?').to_uppercase().to_string();
    html! {
        article {
            header {
                span.face aria-hidden="true" { (face) }
                div {
                    h2 { (post.channel) }
                    time datetime=(at) { (at.strftime("%Y-%m-%d %H:%M UTC")) }
                }
            }
            (body(&post.data))
        }
    }
}

/// The text as the platforms show it: line breaks kept, the link short and clickable.
fn body(data: &Value) -> Markup {
    let link = said(data, "link").filter(|link| is_web(link));
    let Some(text) = said(data, "text") else { return html! { p.text { (data.to_string()) } } };
    let title = said(data, "headline").filter(|title| !text.contains(title));
    let parts: Vec<&str> = link.map_or_else(|| vec![text], |link| text.split(link).collect());
    html! {
        @if let Some(title) = title { p.title { (title) } }
        p.text {
            @for (nth, part) in parts.iter().enumerate() {
                @if let Some(link) = link.filter(|_| nth > 0) { (anchor(link)) }
                (part)
            }
        }
        @if let Some(link) = link.filter(|_| parts.len() == 1) { p { (anchor(link)) } }
    }
}

fn anchor(link: &str) -> Markup {
    let plain = link.split_once("://").map_or(link, |(_, plain)| plain);
    let short: String = plain.chars().take(28).collect();
    let cut = if short.len() < plain.len() { "…" } else { "" };
    html! { a href=(link) rel="noreferrer nofollow" { (short) (cut) } }
}

/// A field that is a text.
fn said<'a>(data: &'a Value, field: &str) -> Option<&'a str> {
    data.get(field)?.as_str().filter(|text| !text.trim().is_empty())
}

fn is_web(link: &str) -> bool {
    link.starts_with("https://") || link.starts_with("http://")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn post(data: Value) -> Post {
        Post { id: "msg_1".to_owned(), channel: "community".to_owned(), at: 1_800_000_000_000, data }
    }

    #[test]
    fn a_post_is_a_card() {
        let link = "http://127.0.0.1:8080/c/abcdefghijklmnopqrstuvwxyzA.abcdefghijklmnopqrstuvwxyzA";
        let text = format!("Spring Tide\n茶 Choose: {link}\nSoon.");
        let data = json!({ "headline": "Spring Tide", "text": text, "link": link });
        let card = card(&post(data)).into_string();
        assert!(card.contains("<h2>community</h2>") && card.contains("2027-01-15 08:00 UTC"), "{card}");
        let anchor =
            format!("<a href=\"{link}\" rel=\"noreferrer nofollow\">127.0.0.1:8080/c/abcdefghijk…</a>");
        let said = format!("<p class=\"text\">Spring Tide\n茶 Choose: {anchor}\nSoon.</p>");
        assert!(card.contains(&said), "{card}");
        assert_eq!(card.matches("Spring Tide").count(), 1, "{card}");
    }

    #[test]
    fn a_link_that_the_text_does_not_say_stands_below() {
        let data = json!({ "headline": "Spring", "text": "Tea", "link": "https://harbour.example/" });
        let card = card(&post(data)).into_string();
        assert!(card.contains("<p class=\"title\">Spring</p>"), "{card}");
        assert!(card.contains("<p><a href=\"https://harbour.example/\""), "{card}");
    }

    #[test]
    fn hostile_posts_stay_text() {
        for data in [
            json!({ "text": "<script>alert(1)</script>", "link": "javascript:alert(1)" }),
            json!({ "headline": "<img src=x onerror=alert(1)>", "text": "x" }),
            json!("<svg onload=alert(1)>"),
            json!(null),
        ] {
            let card = card(&post(data.clone())).into_string();
            for open in ["<script", "<img", "<svg", "href="] {
                assert!(!card.contains(open), "{data}: {card}");
            }
        }
    }
}
