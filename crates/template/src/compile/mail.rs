//! The compilation of an e-mail in one language: subject, HTML and text.

use campaign::{ChannelKind, Mailbox, TemplateFile, TemplateRole};
use message::digest;
use message::escape::{self, Escape};

use super::evaluate::TextFormat;
use super::finding::{Findings, Place};
use super::html_to_text::html_to_text;
use super::inspect::{BadHtml, inspect};
use super::job::{Job, LocalizedMessage, Shared};
use super::link::BadTarget;
use super::placeholder::{Placeholder, Placeholders};
use super::split::split;
use super::{markdown, mjml};
use crate::compiled::{Envelope, Sender, Variant};
use crate::piece::Pieces;

/// Returns the header values that all e-mails of the step share; `None` if the step sends posts.
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

/// Returns a stable identifier of a domain with 5 to 15 characters, as Google requires for the last
/// part of a Feedback-ID.
fn sender_id(domain: &str) -> String {
    let mut id: String = domain.chars().filter(char::is_ascii_alphanumeric).take(15).collect();
    if id.len() < 5 {
        id.push_str(&digest(domain.as_bytes())[..5]);
    }
    id
}

/// Compiles one language of the step.
pub(super) fn variant(
    job: &Job<'_>,
    mut localized: LocalizedMessage,
    shared: &mut Shared,
    findings: &mut Findings,
) -> Option<Variant> {
    check_message(job, &localized, findings);
    let file = html_file(job, &localized.language, findings)?;
    let body = body(job, &mut localized, shared, findings)?;
    let html = html(job, file, &body, &mut localized, shared, findings)?;
    let text = text(job, &html, &body, &mut localized, shared, findings)?;
    let subject = localized.text("subject").unwrap_or_default().to_owned();
    let place = || Place::file(&file.path);
    Some(Variant::Email {
        subject: pieces(&subject, &localized.placeholders, Escape::Header, job.campaign_place(), findings)?,
        html: pieces(&html, &localized.placeholders, Escape::Html, place(), findings)?,
        text: pieces(&text, &localized.placeholders, Escape::Text, place(), findings)?,
    })
}

fn check_message(job: &Job<'_>, localized: &LocalizedMessage, findings: &mut Findings) {
    if localized.text("subject").unwrap_or_default().trim().is_empty() {
        let message = format!("step `{}` sends an e-mail without a subject", job.step.id);
        findings.error("subject-missing", message, job.campaign_place(), "write `subject` in [message]");
    }
    let is_set = |name| localized.text(name).is_some_and(|text| !text.trim().is_empty());
    if is_set("image") && !is_set("image_alt") {
        let place = job.place_of(localized.text("image").unwrap_or_default());
        let help = "write `image_alt` in [message]: many people never see pictures";
        findings.error(
            "image-alt-missing",
            "the message's picture has no description".to_owned(),
            place,
            help,
        );
    }
}

fn html_file<'a>(job: &Job<'a>, language: &str, findings: &mut Findings) -> Option<&'a TemplateFile> {
    let roles = [TemplateRole::EmailMjml, TemplateRole::EmailHtml, TemplateRole::EmailMarkdown];
    // A file in exactly this language, of whatever kind, has priority over one for all languages.
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

/// The text `message.body` in the formats of templates.
pub(super) struct Body {
    pub(super) markdown: String,
    pub(super) html: String,
    plain: String,
}

/// Converts the body to all formats, with its links rewritten for tracking. `None` if a link in it
/// is refused, which has been reported.
pub(super) fn body(
    job: &Job<'_>,
    localized: &mut LocalizedMessage,
    shared: &mut Shared,
    findings: &mut Findings,
) -> Option<Body> {
    let written = localized.text("body").unwrap_or_default().to_owned();
    let markdown = match markdown::with_links(&written, &mut shared.links, &mut localized.placeholders) {
        Ok(markdown) => markdown,
        Err(bad) => {
            findings.error("bad-link", bad.to_string(), job.campaign_place(), bad.help());
            return None;
        }
    };
    let html = markdown::to_html(&markdown, &shared.links, &localized.placeholders);
    let plain = html_to_text(&html, &localized.placeholders).trim_end().to_owned();
    Some(Body { markdown, html, plain })
}

/// Replaces the placeholder of the body in `text` by `body`.
pub(super) fn with_body(text: &str, body: &str, placeholders: &mut Placeholders) -> String {
    text.replace(placeholders.insert(Placeholder::Body), body)
}

fn html(
    job: &Job<'_>,
    file: &TemplateFile,
    body: &Body,
    localized: &mut LocalizedMessage,
    shared: &mut Shared,
    findings: &mut Findings,
) -> Option<String> {
    let scope = localized.scope.clone();
    let page = if file.role == TemplateRole::EmailMarkdown {
        let text = job.evaluate_file(file, TextFormat::Markdown, &scope, localized, findings)?;
        let text = with_body(&text, &body.markdown, &mut localized.placeholders);
        let text = report_bad_link(
            markdown::with_links(&text, &mut shared.links, &mut localized.placeholders),
            file,
            findings,
        )?;
        page(&markdown::to_html(&text, &shared.links, &localized.placeholders), localized)
    } else {
        let text = job.evaluate_file(file, TextFormat::Html, &scope, localized, findings)?;
        with_body(&text, &body.html, &mut localized.placeholders)
    };
    let protected = mjml::protect_blocks(&page, &localized.placeholders).map_err(|depth| {
        let message = format!("more than {} elements are in one another", depth - 1);
        findings.error(
            "template-too-deep",
            message,
            Place::file(&file.path),
            "close elements where they end",
        );
    });
    let html = if file.role == TemplateRole::EmailMjml {
        from_mjml(job, file, &protected.ok()?, &localized.language, findings)?
    } else {
        protected.ok()?
    };
    let styled = inline_styles(&html, file, findings)?;
    match inspect(&styled, &mut shared.links, &mut shared.files, &mut localized.placeholders) {
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
        // mrml writes `und` for an undetermined language, unless the template declares one.
        Ok(html) => Some(html.replace("lang=\"und\"", &format!("lang=\"{language}\""))),
        Err(bad) => {
            let place =
                bad.near.as_deref().map_or_else(|| Place::file(&file.path), |near| job.place_of(near));
            findings.error("mjml", bad.message, place, bad.help);
            None
        }
    }
}

/// Copies the styles of `style` elements to `style` attributes, for mail programs that ignore the
/// elements. Loads no external style sheets.
fn inline_styles(html: &str, file: &TemplateFile, findings: &mut Findings) -> Option<String> {
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

/// Returns the HTML page of an e-mail that is written in Markdown.
fn page(content: &str, localized: &LocalizedMessage) -> String {
    let escaped = |text: Option<&str>| {
        let mut out = String::new();
        escape::html(text.unwrap_or_default(), &mut out);
        out
    };
    let (language, title) = (escaped(Some(&localized.language)), escaped(localized.text("subject")));
    let preheader = escaped(localized.text("preheader"));
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
    localized: &mut LocalizedMessage,
    shared: &mut Shared,
    findings: &mut Findings,
) -> Option<String> {
    let Some(file) = job.file(&TemplateRole::EmailText, &localized.language) else {
        return Some(html_to_text(html, &localized.placeholders));
    };
    let scope = localized.scope.clone();
    let text = job.evaluate_file(file, TextFormat::Plain, &scope, localized, findings)?;
    let text = with_body(&text, &body.plain, &mut localized.placeholders);
    report_bad_link(shared.links.track_urls(&text, &mut localized.placeholders, |_| false), file, findings)
}

/// Returns the text, or reports the bad link in it.
pub(super) fn report_bad_link(
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
    placeholders: &Placeholders,
    escape: Escape,
    place: Place,
    findings: &mut Findings,
) -> Option<Pieces> {
    let unbalanced = |_| {
        let message = "a block starts inside an element or comment and ends outside".to_owned();
        findings.error("template-block", message, place, "start and end it in the same element");
    };
    split(text, placeholders, escape, false).map_err(unbalanced).ok()
}
