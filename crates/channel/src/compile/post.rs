//! What is posted to an endpoint, in one language: one JSON text with open places.

use campaign::{TemplateFile, TemplateRole};
use serde_json::json;

use super::evaluate::Dialect;
use super::finding::{Findings, Place};
use super::hole::Hole;
use super::link::Target;
use super::mail::{Body, body, linked, with_body};
use super::split::split;
use super::step::{Job, Saying, Shared};
use super::{Variant, markdown, plain};
use crate::piece::{self, Escape};

/// One language of the step.
pub(super) fn variant(
    job: &Job<'_>,
    mut saying: Saying,
    shared: &mut Shared,
    findings: &mut Findings,
) -> Option<Variant> {
    let body = body(job, &mut saying, shared, findings)?;
    let link = link(job, &mut saying, shared, findings)?;
    let kind = TemplateRole::Kind(job.channel.kind.name().to_owned());
    let (json, place) = if let Some(file) = job.file(&kind, &saying.language) {
        (own(job, file, &body, link, &mut saying, findings)?, Place::file(&file.path))
    } else if let Some(file) = job.file(&TemplateRole::Post, &saying.language) {
        (standard(job, file, &body, link, &mut saying, shared, findings)?, Place::file(&file.path))
    } else {
        let message = format!("the template `{}` has no post", job.template.id);
        findings.error("template-missing", message, job.campaign_place(), "add post.md");
        return None;
    };
    let unbalanced = |_| {
        let message = "a block ends where it does not start".to_owned();
        findings.error("template-block", message, place, "start and end it in the same text");
    };
    split(&json, &saying.holes, Escape::Text, true).map_err(unbalanced).ok().map(Variant::Post)
}

/// `message.link`, led through the tracker, as an open place.
fn link(
    job: &Job<'_>,
    saying: &mut Saying,
    shared: &mut Shared,
    findings: &mut Findings,
) -> Option<Option<char>> {
    let Some(written) = saying.text("link").filter(|link| !link.trim().is_empty()).map(str::to_owned) else {
        return Some(None);
    };
    match shared.links.target(&written, &saying.holes) {
        Ok(Target::Click(position)) => Some(Some(saying.holes.put(Hole::Click(position)))),
        Ok(Target::Stays) => Some(None),
        Err(bad) => {
            findings.error("bad-link", bad.to_string(), job.place_of(&written), bad.help());
            None
        }
    }
}

/// The body of the request as `webhook.json` says.
fn own(
    job: &Job<'_>,
    file: &TemplateFile,
    body: &Body,
    link: Option<char>,
    saying: &mut Saying,
    findings: &mut Findings,
) -> Option<String> {
    let scope = saying.scope.clone().with_text("link", link.map(String::from));
    let text = job.written(file, Dialect::Json, &scope, saying, findings)?;
    let body = quoted(&saying.holes.settle(&body.markdown, Escape::Markdown));
    Some(with_body(&text, &body, &mut saying.holes))
}

/// The body of the request as Standard Webhooks suggests: `type`, `timestamp`, `data`.
fn standard(
    job: &Job<'_>,
    file: &TemplateFile,
    body: &Body,
    link: Option<char>,
    saying: &mut Saying,
    shared: &mut Shared,
    findings: &mut Findings,
) -> Option<String> {
    let scope = saying.scope.clone();
    let text = job.written(file, Dialect::Markdown, &scope, saying, findings)?;
    let text = with_body(&text, &body.markdown, &mut saying.holes);
    let markdown = linked(markdown::with_links(&text, &mut shared.links, &mut saying.holes), file, findings)?;
    let html = markdown::to_html(&markdown, &shared.links, &saying.holes);
    let plain = plain::from_html(&html, &saying.holes);
    let text = |name: &str| saying.text(name).map_or_else(|| "null".to_owned(), |text| string(text.trim()));
    let texts = ["headline", "call_to_action", "image_alt"].map(|name| format!("\"{name}\":{}", text(name)));
    let texts = texts.join(",");
    let image = image(job, saying, findings);
    let (date, contact) = (saying.holes.put(Hole::Date), saying.holes.put(Hole::Contact));
    let constants = [
        ("campaign", json!(job.campaign.id.as_str())),
        ("step", json!(job.step.id.as_str())),
        ("channel", json!(job.channel.id.as_str())),
        ("language", json!(saying.language)),
        ("facts", json!(saying.message.facts)),
        ("image", json!(image)),
    ];
    let constants = constants.map(|(name, value)| format!("\"{name}\":{value}")).join(",");
    let html = saying.holes.settle(html.trim(), Escape::Html);
    let source = saying.holes.settle(markdown.trim(), Escape::Markdown);
    Some(format!(
        "{{\"type\":\"campaign.post\",\"timestamp\":\"{date}\",\"data\":{{{constants},{texts},\"text\":{},\
         \"markdown\":{},\"html\":{},\"link\":{},\"contact\":{}}}}}",
        string(plain.trim()),
        string(&source),
        string(&html),
        link.map_or_else(|| "null".to_owned(), |link| format!("\"{link}\"")),
        if job.is_for_contacts() { contact.to_string() } else { "null".to_owned() },
    ))
}

/// The picture's address; a file has none yet.
fn image(job: &Job<'_>, saying: &Saying, findings: &mut Findings) -> Option<String> {
    let image = saying.text("image").map(str::trim).filter(|image| !image.is_empty())?;
    if image.starts_with("https://") || image.starts_with("http://") {
        return Some(image.to_owned());
    }
    let help = "for a post, give the picture an address with https://";
    let message = "the picture is a file, so the post goes without it".to_owned();
    findings.warning("image-not-public", message, job.place_of(image), help);
    None
}

fn string(text: &str) -> String {
    format!("\"{}\"", quoted(text))
}

fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    piece::json(text, &mut out);
    out
}
