//! Feishu's rich texts and cards (open.feishu.cn/document/feishu-cards; structure 1.0 and 2.0).

use fake_server::text::is_web;
use fake_server::{Button, Post, text_field};
use serde_json::Value;

/// The reason for which Feishu refuses a text or card.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CardError {
    #[error("{0}")]
    Rule(&'static str),
    #[error("{0} need")]
    Missing(String),
    #[error("tag {0:?} not support")]
    Piece(String),
    #[error("text tag {0:?} not support")]
    TextTag(String),
    #[error("not support tag: {0}")]
    Element(String),
    #[error("button url {0:?} is invalid")]
    ButtonUrl(String),
}

impl From<&'static str> for CardError {
    fn from(rule: &'static str) -> Self {
        Self::Rule(rule)
    }
}

/// Reads rich text: paragraphs of pieces, in a language.
pub(crate) fn rich_text(body: &Value) -> Result<Post, CardError> {
    let languages = body.pointer("/content/post").and_then(Value::as_object).filter(|all| !all.is_empty());
    let first = languages.and_then(|all| all.values().next()).ok_or("post need")?;
    let lines = first.get("content").and_then(Value::as_array).ok_or("post content need")?;
    let mut post = Post { title: text_field(first, "title").map(str::to_owned), ..Post::default() };
    for line in lines {
        if !post.text.is_empty() {
            post.text.push('\n');
        }
        for piece in line.as_array().ok_or("a paragraph is no list")? {
            let words = match text_field(piece, "tag").unwrap_or_default() {
                "text" => text_field(piece, "text").ok_or("text need")?,
                "a" => {
                    let href = text_field(piece, "href").filter(|href| is_web(href)).ok_or("href need")?;
                    post.links.push(href.to_owned());
                    text_field(piece, "text").ok_or("text need")?
                }
                "at" => text_field(piece, "user_name").unwrap_or("@"),
                "img" => return Err(CardError::Rule("invalid image_key: a robot uploads nothing")),
                other => return Err(CardError::Piece(other.to_owned())),
            };
            post.text.push_str(words);
        }
    }
    Ok(post)
}

/// Reads a card of either structure.
pub(crate) fn card(body: &Value) -> Result<Post, CardError> {
    let card = body.get("card").filter(|card| card.is_object()).ok_or("card need")?;
    let new = text_field(card, "schema") == Some("2.0");
    let elements = if new { card.pointer("/body/elements") } else { card.get("elements") };
    let mut post = Post::default();
    if let Some(header) = card.get("header") {
        let title = header.get("title").ok_or("header title need")?;
        post.title = Some(text(title)?.to_owned());
    }
    for element in elements.and_then(Value::as_array).ok_or("elements need")? {
        self::element(&mut post, element, new)?;
    }
    Ok(post)
}

/// Returns the content of a text object.
fn text(object: &Value) -> Result<&str, CardError> {
    let tag = text_field(object, "tag").unwrap_or_default();
    if !["plain_text", "lark_md"].contains(&tag) {
        return Err(CardError::TextTag(tag.to_owned()));
    }
    text_field(object, "content").ok_or(CardError::Rule("text content need"))
}

fn element(post: &mut Post, element: &Value, new: bool) -> Result<(), CardError> {
    let push_text = |post: &mut Post, words: &str| {
        if !post.text.is_empty() {
            post.text.push('\n');
        }
        post.text.push_str(words);
    };
    match text_field(element, "tag").unwrap_or_default() {
        "hr" => Ok(()),
        "markdown" => {
            push_text(post, text_field(element, "content").ok_or("markdown content need")?);
            Ok(())
        }
        "div" => {
            if let Some(object) = element.get("text") {
                push_text(post, text(object)?);
            }
            let fields = element.get("fields").and_then(Value::as_array).into_iter().flatten();
            for field in fields {
                push_text(post, text(field.get("text").ok_or("field text need")?)?);
            }
            Ok(())
        }
        "note" if !new => children(post, element, "elements", new),
        "plain_text" | "lark_md" => {
            push_text(post, text(element)?);
            Ok(())
        }
        "action" if !new => children(post, element, "actions", new),
        "column_set" => children(post, element, "columns", new),
        "column" => children(post, element, "elements", new),
        "button" => button(post, element),
        "img" => Err(CardError::Rule("invalid img_key: a robot uploads nothing")),
        other => Err(CardError::Element(other.to_owned())),
    }
}

fn children(post: &mut Post, parent: &Value, name: &str, new: bool) -> Result<(), CardError> {
    let all =
        parent.get(name).and_then(Value::as_array).ok_or_else(|| CardError::Missing(name.to_owned()))?;
    all.iter().try_for_each(|one| element(post, one, new))
}

/// Reads a button: its URL is in `url`, in `multi_url`, or in an `open_url` behaviour.
fn button(post: &mut Post, button: &Value) -> Result<(), CardError> {
    let words = text(button.get("text").ok_or("button text need")?)?.to_owned();
    let behaviour = button.pointer("/behaviors/0/default_url").and_then(Value::as_str);
    let many = button.pointer("/multi_url/url").and_then(Value::as_str);
    if let Some(url) = text_field(button, "url").or(many).or(behaviour) {
        if !is_web(url) {
            return Err(CardError::ButtonUrl(url.to_owned()));
        }
        post.links.push(url.to_owned());
        post.buttons.push(Button { text: words, url: url.to_owned() });
    }
    Ok(())
}
