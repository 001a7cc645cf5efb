//! Feishu's rich texts and cards (open.feishu.cn/document/feishu-cards; structure 1.0 and 2.0).

use fake_server::text::is_web;
use fake_server::{Button, Post, text_field};
use serde_json::Value;

/// A text or card that Feishu refuses.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Flaw {
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

impl From<&'static str> for Flaw {
    fn from(rule: &'static str) -> Self {
        Self::Rule(rule)
    }
}

/// A rich text: paragraphs of pieces, in a language.
pub(crate) fn rich(body: &Value) -> Result<Post, Flaw> {
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
                "img" => return Err(Flaw::Rule("invalid image_key: a robot uploads nothing")),
                other => return Err(Flaw::Piece(other.to_owned())),
            };
            post.text.push_str(words);
        }
    }
    Ok(post)
}

/// A card.
pub(crate) fn card(body: &Value) -> Result<Post, Flaw> {
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

/// A text object.
fn text(object: &Value) -> Result<&str, Flaw> {
    let tag = text_field(object, "tag").unwrap_or_default();
    if !["plain_text", "lark_md"].contains(&tag) {
        return Err(Flaw::TextTag(tag.to_owned()));
    }
    text_field(object, "content").ok_or(Flaw::Rule("text content need"))
}

fn element(post: &mut Post, element: &Value, new: bool) -> Result<(), Flaw> {
    let say = |post: &mut Post, words: &str| {
        if !post.text.is_empty() {
            post.text.push('\n');
        }
        post.text.push_str(words);
    };
    match text_field(element, "tag").unwrap_or_default() {
        "hr" => Ok(()),
        "markdown" => {
            say(post, text_field(element, "content").ok_or("markdown content need")?);
            Ok(())
        }
        "div" => {
            if let Some(object) = element.get("text") {
                say(post, text(object)?);
            }
            let fields = element.get("fields").and_then(Value::as_array).into_iter().flatten();
            for field in fields {
                say(post, text(field.get("text").ok_or("field text need")?)?);
            }
            Ok(())
        }
        "note" if !new => children(post, element, "elements", new),
        "plain_text" | "lark_md" => {
            say(post, text(element)?);
            Ok(())
        }
        "action" if !new => children(post, element, "actions", new),
        "column_set" => children(post, element, "columns", new),
        "column" => children(post, element, "elements", new),
        "button" => button(post, element),
        "img" => Err(Flaw::Rule("invalid img_key: a robot uploads nothing")),
        other => Err(Flaw::Element(other.to_owned())),
    }
}

fn children(post: &mut Post, parent: &Value, name: &str, new: bool) -> Result<(), Flaw> {
    let all = parent.get(name).and_then(Value::as_array).ok_or_else(|| Flaw::Missing(name.to_owned()))?;
    all.iter().try_for_each(|one| element(post, one, new))
}

/// A button: its address in `url`, in `multi_url`, or in an `open_url` behaviour.
fn button(post: &mut Post, button: &Value) -> Result<(), Flaw> {
    let words = text(button.get("text").ok_or("button text need")?)?.to_owned();
    let behaviour = button.pointer("/behaviors/0/default_url").and_then(Value::as_str);
    let many = button.pointer("/multi_url/url").and_then(Value::as_str);
    if let Some(url) = text_field(button, "url").or(many).or(behaviour) {
        if !is_web(url) {
            return Err(Flaw::ButtonUrl(url.to_owned()));
        }
        post.links.push(url.to_owned());
        post.buttons.push(Button { text: words, url: url.to_owned() });
    }
    Ok(())
}
