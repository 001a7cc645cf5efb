//! The page of posts, each shown as a card. All content of a post is untrusted text.

use axum::body::Bytes;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::image::image_type;
use crate::kind::{Family, Kind};
use crate::page_style::STYLE;
use crate::state::{Button, Picture, Received};
use crate::text;

/// The largest number of posts on a page.
pub(crate) const MAX_POSTS: usize = 200;

/// The content security policy: no scripts, and only pictures of this server.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'";

/// Renders the page of posts, newest first. `counts` has the number of posts of each network.
pub(crate) fn posts(posts: &[Received], counts: &[(Kind, usize)], wanted: Option<Kind>) -> Response {
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
                    p.soft { "This page stands in for the networks. Nothing left this machine." }
                    (filters(counts, wanted))
                    @if posts.is_empty() {
                        article { p.text { "Nothing yet. The first post will stand here." } }
                    }
                    div.wall { @for post in posts { (card(post)) } }
                }
            }
        }
    };
    guarded(page.into_response())
}

/// Serves an uploaded picture; 404 if browsers do not show its type.
pub(crate) fn picture(bytes: Option<Bytes>) -> Response {
    let image = bytes.and_then(|bytes| Some((image_type(&bytes)?, bytes)));
    let Some((kind, bytes)) = image else { return guarded(StatusCode::NOT_FOUND.into_response()) };
    guarded(([(header::CONTENT_TYPE, HeaderValue::from_static(kind))], bytes).into_response())
}

fn guarded(mut response: Response) -> Response {
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn filters(counts: &[(Kind, usize)], wanted: Option<Kind>) -> Markup {
    let all: usize = counts.iter().map(|(_, count)| count).sum();
    html! {
        nav aria-label="Networks" {
            a href="/" aria-current=[wanted.is_none().then_some("page")] { "All " span { (all) } }
            @for (kind, count) in counts.iter().filter(|(kind, count)| *count > 0 || wanted == Some(*kind)) {
                a href={ "/?network=" (kind) } aria-current=[(wanted == Some(*kind)).then_some("page")] {
                    (kind.title()) " " span { (count) }
                }
            }
        }
    }
}

fn card(post: &Received) -> Markup {
    let at = Timestamp::from_millisecond(post.at).unwrap_or(Timestamp::UNIX_EPOCH);
    let face = post.network.title().chars().next().unwrap_or('?').to_string();
    let family = match post.network.family() {
        Family::Chat => "chat",
        Family::Social => "social",
        Family::Phone => "phone",
        Family::Article => "article",
        Family::Machine => "machine",
    };
    html! {
        article class={ (family) " " (post.network) } {
            header {
                span.face aria-hidden="true" { (face) }
                div {
                    h2 { (post.network.title()) }
                    p.meta {
                        @if !post.account.is_empty() { (post.account) " · " }
                        time datetime=(at) { (at.strftime("%Y-%m-%d %H:%M UTC")) }
                    }
                }
            }
            @if let Some(title) = post.title.as_deref().filter(|title| !post.text.contains(title)) {
                p.title { (title) }
            }
            @if !post.text.is_empty() { p.text { (linked(&post.text)) } }
            @if let Some(image) = &post.image { (figure(post.network, image)) }
            (buttons_and_links(post))
            p.id { (post.id) }
        }
    }
}

/// Renders the buttons, and the links that are not in the text.
fn buttons_and_links(post: &Received) -> Markup {
    let on_button = |link: &str| post.buttons.iter().any(|button| button.url == link);
    let more: Vec<&String> = post
        .links
        .iter()
        .filter(|link| text::is_web(link) && !post.text.contains(link.as_str()) && !on_button(link))
        .collect();
    html! {
        @for link in more { p { (anchor(link)) } }
        @if !post.buttons.is_empty() { div.acts { @for button in &post.buttons { (button_link(button)) } } }
    }
}

fn button_link(button: &Button) -> Markup {
    html! {
        @if text::is_web(&button.url) { a href=(button.url) rel="noreferrer nofollow" { (button.text) } }
        @else { span { (button.text) } }
    }
}

fn figure(network: Kind, image: &Picture) -> Markup {
    let alt = image.alt.as_deref().unwrap_or_default();
    let host = image.url.as_deref().and_then(|link| url::Url::parse(link).ok());
    let host = host.as_ref().and_then(url::Url::host_str).unwrap_or_default();
    html! {
        figure {
            @if let Some(id) = &image.upload { img src={ "/album/" (network) "/" (id) } alt=(alt); }
            @else { div.gap { "Picture" @if !host.is_empty() { " at " (host) } } }
            figcaption { @if alt.is_empty() { "No alternative text" } @else { (alt) } }
        }
    }
}

/// Renders a text with its links shortened and clickable, and its line breaks kept.
fn linked(whole: &str) -> Markup {
    let mut pieces: Vec<(&str, Option<&str>)> = Vec::new();
    let (mut from, mut at) = (0, 0);
    while let Some(next) = whole[at..].find("http").map(|next| next + at) {
        at = next + 4;
        if let Some(link) = text::link_at(&whole[next..]).filter(|link| text::is_web(link)) {
            pieces.push((&whole[from..next], Some(link)));
            from = next + link.len();
            at = from;
        }
    }
    pieces.push((&whole[from..], None));
    html! { @for (before, link) in pieces { (before) @if let Some(link) = link { (anchor(link)) } } }
}

fn anchor(link: &str) -> Markup {
    let plain = link.split_once("://").map_or(link, |(_, plain)| plain);
    let short: String = plain.chars().take(28).collect();
    let cut = if short.len() < plain.len() { "…" } else { "" };
    html! { a href=(link) rel="noreferrer nofollow" { (short) (cut) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(text: &str) -> Received {
        Received {
            at: 1_800_000_000_000,
            network: Kind::Slack,
            account: "T0001".to_owned(),
            id: "1".to_owned(),
            idempotency: None,
            text: text.to_owned(),
            title: None,
            links: Vec::new(),
            image: None,
            buttons: Vec::new(),
            raw: serde_json::Value::Null,
        }
    }

    #[test]
    fn a_post_is_a_card() {
        let link = "http://127.0.0.1:8080/c/abcdefghijklmnopqrstuvwxyzA.abcdefghijklmnopqrstuvwxyzA";
        let card = card(&post(&format!("春茶上市 {link}，再见\nSoon."))).into_string();
        assert!(card.contains("<h2>Slack</h2>") && card.contains("2027-01-15 08:00 UTC"), "{card}");
        let anchor =
            format!("<a href=\"{link}\" rel=\"noreferrer nofollow\">127.0.0.1:8080/c/abcdefghijk…</a>");
        assert!(card.contains(&format!("<p class=\"text\">春茶上市 {anchor}，再见\nSoon.</p>")), "{card}");
    }

    #[test]
    fn pictures_buttons_and_further_links_stand_below() {
        let mut post = post("Tea");
        post.title = Some("Spring".to_owned());
        post.links = vec!["https://harbour.example/a".to_owned(), "https://harbour.example/b".to_owned()];
        post.buttons = vec![Button { text: "Renew".to_owned(), url: "https://harbour.example/b".to_owned() }];
        post.image = Some(Picture::at("https://img.example/a.png", Some("A cup")));
        let card = card(&post).into_string();
        assert!(card.contains("<p class=\"title\">Spring</p>"), "{card}");
        assert!(card.contains("<figcaption>A cup</figcaption>") && card.contains("at img.example"), "{card}");
        assert_eq!(
            (card.matches("example/a\"").count(), card.matches("example/b\"").count()),
            (1, 1),
            "{card}"
        );
    }

    #[test]
    fn hostile_posts_stay_text() {
        let mut post = post("<script>alert(1)</script> javascript:alert(1) http://\"><img src=x>");
        post.title = Some("<img src=x onerror=alert(1)>".to_owned());
        post.links = vec!["javascript:alert(1)".to_owned()];
        post.buttons = vec![Button { text: "<svg>".to_owned(), url: "data:text/html,x".to_owned() }];
        post.image = Some(Picture::at("javascript:1", Some("\"><script>")));
        let card = card(&post).into_string();
        for open in ["<script", "<img", "<svg", "href="] {
            assert!(!card.contains(open), "{open}: {card}");
        }
        assert_eq!(image_type(b"<svg onload=alert(1)>"), None);
    }
}
