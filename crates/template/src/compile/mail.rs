//! The e-mail of a step in one language: subject, HTML and text.

use campaign::{ChannelKind, Mailbox, TemplateFile, TemplateRole};
use message::digest;
use message::escape::{self, Escape};

use super::evaluate::Dialect;
use super::finding::{Findings, Place};
use super::hole::{Hole, Holes};
use super::inspect::{BadHtml, inspect};
use super::job::{Job, Saying, Shared};
use super::link::BadTarget;
use super::split::split;
use super::{markdown, mjml, plain};
use crate::compiled::{Envelope, Sender, Variant};
use crate::piece::Pieces;

/// What every e-mail of the step has in common; `None` if it sends none.
pub(super) fn envelope(job: &Job<'_>) -> Option<Envelope> {
    let (ChannelKind::Outbox { from, reply_to } | ChannelKind::Smtp { from, reply_to, .. }) =
        &job.channel.kind
    else {
        return None;
    };
    let sender = |mailbox: &Mailbox| Sender {
        name: mailbox.name.as_deref().map(|name| escape::clean(name, true).into_owned()),
        address: mailbox.address.as_str().to_owned(),
    };
    let (campaign, step, domain) = (&job.campaign.id, &job.step.id, from.address.domain());
    Some(Envelope {
        from: sender(from),
        reply_to: reply_to.as_ref().map(sender),
        list_id: format!("<{campaign}.{domain}>"),
        feedback_id: format!("{campaign}:{step}:chorus:{}", sender_id(domain)),
    })
}

/// 5 to 15 characters that stay the same for a domain, as Google asks of the last part of a Feedback-ID.
fn sender_id(domain: &str) -> String {
    let mut id: String = domain.chars().filter(char::is_ascii_alphanumeric).take(15).collect();
    if id.len() < 5 {
        id.push_str(&digest(domain.as_bytes())[..5]);
    }
    id
}

/// One language of the step.
pub(super) fn variant(
    job: &Job<'_>,
    mut saying: Saying,
    shared: &mut Shared,
    findings: &mut Findings,
) -> Option<Variant> {
    check_message(job, &saying, findings);
    let file = html_file(job, &saying.language, findings)?;
    let body = body(job, &mut saying, shared, findings)?;
    let html = html(job, file, &body, &mut saying, shared, findings)?;
    let text = text(job, &html, &body, &mut saying, shared, findings)?;
    let subject = saying.text("subject").unwrap_or_default().to_owned();
    let place = || Place::file(&file.path);
    Some(Variant::Email {
        subject: pieces(&subject, &saying.holes, Escape::Header, job.campaign_place(), findings)?,
        html: pieces(&html, &saying.holes, Escape::Html, place(), findings)?,
        text: pieces(&text, &saying.holes, Escape::Text, place(), findings)?,
    })
}

fn check_message(job: &Job<'_>, saying: &Saying, findings: &mut Findings) {
    if saying.text("subject").unwrap_or_default().trim().is_empty() {
        let message = format!("step `{}` sends an e-mail without a subject", job.step.id);
        findings.error("subject-missing", message, job.campaign_place(), "write `subject` in [message]");
    }
    let said = |name| saying.text(name).is_some_and(|text| !text.trim().is_empty());
    if said("image") && !said("image_alt") {
        let place = job.place_of(saying.text("image").unwrap_or_default());
        let help = "write `image_alt` in [message]: many people never see pictures";
        findings.error("image-alt-missing", "the message's picture has no words".to_owned(), place, help);
    }
}

fn html_file<'a>(job: &Job<'a>, language: &str, findings: &mut Findings) -> Option<&'a TemplateFile> {
    let roles = [TemplateRole::EmailMjml, TemplateRole::EmailHtml, TemplateRole::EmailMarkdown];
    // A file in just this language, of whatever kind, comes before one for all.
    let exact = |file: &&TemplateFile| file.language.as_ref().is_some_and(|tag| tag.as_str() == language);
    let own = roles.iter().find_map(|role| job.file(role, language).filter(exact));
    let file = own.or_else(|| roles.iter().find_map(|role| job.file(role, language)));
    if file.is_none() {
        let message = format!("the template `{}` has no e-mail", job.template.id);
        findings.error(
            "template-missing",
            message,
            job.campaign_place(),
            "add email.mjml, email.html or email.md",
        );
    }
    file
}

/// `message.body` in the languages that templates are in.
pub(super) struct Body {
    pub(super) markdown: String,
    pub(super) html: String,
    plain: String,
}

/// Makes the body, its links led through the tracker. `None` if a link in it is bad, which has been said.
pub(super) fn body(
    job: &Job<'_>,
    saying: &mut Saying,
    shared: &mut Shared,
    findings: &mut Findings,
) -> Option<Body> {
    let written = saying.text("body").unwrap_or_default().to_owned();
    let markdown = match markdown::with_links(&written, &mut shared.links, &mut saying.holes) {
        Ok(markdown) => markdown,
        Err(bad) => {
            findings.error("bad-link", bad.to_string(), job.campaign_place(), bad.help());
            return None;
        }
    };
    let html = markdown::to_html(&markdown, &shared.links, &saying.holes);
    let plain = plain::from_html(&html, &saying.holes).trim_end().to_owned();
    Some(Body { markdown, html, plain })
}

/// `text` with the body where it is named.
pub(super) fn with_body(text: &str, body: &str, holes: &mut Holes) -> String {
    text.replace(holes.put(Hole::Body), body)
}

fn html(
    job: &Job<'_>,
    file: &TemplateFile,
    body: &Body,
    saying: &mut Saying,
    shared: &mut Shared,
    findings: &mut Findings,
) -> Option<String> {
    let scope = saying.scope.clone();
    let page = if file.role == TemplateRole::EmailMarkdown {
        let text = job.written(file, Dialect::Markdown, &scope, saying, findings)?;
        let text = with_body(&text, &body.markdown, &mut saying.holes);
        let text = linked(markdown::with_links(&text, &mut shared.links, &mut saying.holes), file, findings)?;
        page(&markdown::to_html(&text, &shared.links, &saying.holes), saying)
    } else {
        let text = job.written(file, Dialect::Html, &scope, saying, findings)?;
        with_body(&text, &body.html, &mut saying.holes)
    };
    let fenced = mjml::fence(&page, &saying.holes).map_err(|depth| {
        let message = format!("more than {} elements are in one another", depth - 1);
        findings.error(
            "template-too-deep",
            message,
            Place::file(&file.path),
            "close elements where they end",
        );
    });
    let html = if file.role == TemplateRole::EmailMjml {
        from_mjml(job, file, &fenced.ok()?, &saying.language, findings)?
    } else {
        fenced.ok()?
    };
    let styled = styled(&html, file, findings)?;
    match inspect(&styled, &mut shared.links, &mut shared.files, &mut saying.holes) {
        Ok(html) => Some(html),
        Err(bad) => {
            for BadHtml { code, message, near, help } in bad {
                findings.error(code, message, job.place_of(&near), &help);
            }
            None
        }
    }
}

fn from_mjml(
    job: &Job<'_>,
    file: &TemplateFile,
    text: &str,
    language: &str,
    findings: &mut Findings,
) -> Option<String> {
    match mjml::to_html(text) {
        // Undetermined, says mrml, unless the template names a language.
        Ok(html) => Some(html.replace("lang=\"und\"", &format!("lang=\"{language}\""))),
        Err(bad) => {
            let place =
                bad.near.as_deref().map_or_else(|| Place::file(&file.path), |near| job.place_of(near));
            findings.error("mjml", bad.message, place, bad.help);
            None
        }
    }
}

/// The styles of `style` elements also as attributes, for the mail programs that read no others. Reads nothing
/// from anywhere.
fn styled(html: &str, file: &TemplateFile, findings: &mut Findings) -> Option<String> {
    let inliner =
        css_inline::CSSInliner::options().load_remote_stylesheets(false).keep_style_tags(true).build();
    match inliner.inline(html) {
        Ok(html) => Some(html),
        Err(error) => {
            let message = format!("the styles cannot be read: {error}");
            findings.error("css", message, Place::file(&file.path), "correct the CSS in <style>");
            None
        }
    }
}

/// The page around an e-mail written in Markdown.
fn page(content: &str, saying: &Saying) -> String {
    let escaped = |text: Option<&str>| {
        let mut out = String::new();
        escape::html(text.unwrap_or_default(), &mut out);
        out
    };
    let (language, title) = (escaped(Some(&saying.language)), escaped(saying.text("subject")));
    let preheader = escaped(saying.text("preheader"));
    let hidden =
        "display:none;max-height:0;max-width:0;overflow:hidden;opacity:0;font-size:1px;line-height:1px";
    format!(
        "<!doctype html><html lang=\"{language}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>{title}</title><style>\
         .page{{max-width:600px;margin:0 auto;padding:24px;font:16px/1.6 -apple-system,'Segoe UI',Helvetica,Arial,\
         sans-serif;color:#1f2328}}.page a{{color:#0b57d0}}.page img{{max-width:100%;height:auto}}\
         .page h1,.page h2,.page h3{{line-height:1.25}}.page blockquote{{margin:0;padding-left:16px;\
         border-left:3px solid #d0d7de}}.page hr{{border:0;border-top:1px solid #d0d7de}}</style></head>\
         <body style=\"margin:0\"><div style=\"{hidden}\">{preheader}</div><div class=\"page\">{content}</div></body></html>"
    )
}

fn text(
    job: &Job<'_>,
    html: &str,
    body: &Body,
    saying: &mut Saying,
    shared: &mut Shared,
    findings: &mut Findings,
) -> Option<String> {
    let Some(file) = job.file(&TemplateRole::EmailText, &saying.language) else {
        return Some(plain::from_html(html, &saying.holes));
    };
    let scope = saying.scope.clone();
    let text = job.written(file, Dialect::Plain, &scope, saying, findings)?;
    let text = with_body(&text, &body.plain, &mut saying.holes);
    linked(shared.links.in_text(&text, &mut saying.holes, |_| false), file, findings)
}

/// The text, or the finding about a link in it.
pub(super) fn linked(
    result: Result<String, BadTarget>,
    file: &TemplateFile,
    findings: &mut Findings,
) -> Option<String> {
    result
        .map_err(|bad| findings.error("bad-link", bad.to_string(), Place::file(&file.path), bad.help()))
        .ok()
}

fn pieces(
    text: &str,
    holes: &Holes,
    escape: Escape,
    place: Place,
    findings: &mut Findings,
) -> Option<Pieces> {
    let unbalanced = |_| {
        let message = "a block starts inside an element or comment and ends outside".to_owned();
        findings.error("template-block", message, place, "start and end it in the same element");
    };
    split(text, holes, escape, false).map_err(unbalanced).ok()
}
