//! The check of a compiled step by rendering it for made-up contacts.

use campaign::TemplateRole;
use message::{Person, SAMPLE_TOKEN};
use serde_json::{Map, Value, json};
use source::nearest;

use super::finding::{Findings, Place};
use super::html_to_text::html_to_text;
use super::job::Job;
use super::placeholder::Placeholders;
use crate::compiled::{Compiled, Variant, attributes};
use crate::expression::CONTACT_FIELDS;
use crate::piece::Piece;
use crate::render::PieceWriter;

/// The size above which a warning is given, in bytes: Gmail cuts off HTML over 102 KB, and with it
/// the unsubscribe link.
const MAX_HTML_BYTES: usize = 100 * 1024;

/// Checks `compiled` in each of its languages.
pub(super) fn check(job: &Job<'_>, compiled: &Compiled, findings: &mut Findings) {
    let prefixes = compiled.sample_links(job.workspace);
    let unsubscribe = format!("{}{SAMPLE_TOKEN}", prefixes.unsubscribe);
    for (language, variant) in &compiled.variants {
        check_attributes(job, variant, findings);
        for person in sample_contacts(variant, job.is_for_contacts()) {
            let writer =
                PieceWriter::new(person.as_ref(), &prefixes, SAMPLE_TOKEN, jiff::Timestamp::UNIX_EPOCH);
            match variant {
                Variant::Email { subject, html, text } => {
                    let mail = (writer.write(subject), writer.write(html), writer.write(text));
                    match mail {
                        (Ok(subject), Ok(html), Ok(text)) => {
                            check_mail(job, language, [&subject, &html, &text], &unsubscribe, findings);
                        }
                        _ => too_long(job, findings),
                    }
                }
                Variant::Post(draft) => match writer.write(draft.body.as_ref().unwrap_or(&draft.parts.plain))
                {
                    Ok(body) if draft.body.is_some() => check_post(job, language, &body, findings),
                    Ok(_) => {}
                    Err(_) => too_long(job, findings),
                },
            }
        }
    }
}

fn too_long(job: &Job<'_>, findings: &mut Findings) {
    let message = "the message is longer than 2 MiB".to_owned();
    findings.error("template-explodes", message, job.campaign_place(), "shorten it");
}

/// Returns made-up contacts: one without data, some with ordinary data, and one with hostile data.
/// For a feed, returns `None` once.
fn sample_contacts(variant: &Variant, for_contacts: bool) -> Vec<Option<Person>> {
    if !for_contacts {
        return vec![None];
    }
    let names = attributes(variant);
    let with = |value: &Value| Person {
        email: Some("sample@contact.invalid".to_owned()),
        attributes: names.iter().map(|name| (name.clone(), value.clone())).collect::<Map<_, _>>(),
        ..Person::default()
    };
    let hostile = json!("\"'><script>alert(1)</script>{{contact.email}}\r\nBcc: x@y.invalid\0\\\", \"a\": {");
    let address = Some("sample@contact.invalid".to_owned());
    let (without_data, with_hostile_data) = (Person { email: address, ..Person::default() }, with(&hostile));
    if has_one_structure(variant) {
        return vec![Some(without_data), Some(with_hostile_data)];
    }
    vec![
        Some(without_data),
        Some(with(&json!("Ada"))),
        Some(with(&json!(7))),
        Some(with(&json!(["one", { "name": "two" }]))),
        Some(with_hostile_data),
    ]
}

/// Returns true if an e-mail has the same structure for all contacts, and only its values differ.
fn has_one_structure(variant: &Variant) -> bool {
    let Variant::Email { subject, html, text } = variant else { return false };
    let mut pieces = [subject, html, text].into_iter().flatten();
    !pieces.any(|piece| matches!(piece, Piece::If { .. } | Piece::Each { .. }))
}

fn check_mail(
    job: &Job<'_>,
    language: &str,
    [subject, html, text]: [&str; 3],
    unsubscribe: &str,
    findings: &mut Findings,
) {
    if subject.trim().is_empty() {
        let help = "give it a default: {{default contact.first_name \"friend\"}}";
        let message = "the subject is empty for contacts without data".to_owned();
        findings.error("subject-missing", message, job.campaign_place(), help);
    }
    let roles = [TemplateRole::EmailMjml, TemplateRole::EmailHtml, TemplateRole::EmailMarkdown];
    let html_place =
        roles.iter().find_map(|role| job.file(role, language)).map(|file| Place::file(&file.path));
    let html_place = html_place.unwrap_or_else(|| job.campaign_place());
    let text_file = job.file(&TemplateRole::EmailText, language).map(|file| Place::file(&file.path));
    let seen = html_to_text(html, &Placeholders::default());
    check_required_texts(job, "the e-mail", &seen, unsubscribe, &html_place, findings);
    if let Some(place) = text_file {
        check_required_texts(job, "the text of the e-mail", text, unsubscribe, &place, findings);
    }
    if html.len() > MAX_HTML_BYTES {
        let message = format!("the e-mail has {} KB of HTML; Gmail cuts it off at 102", html.len() / 1024);
        findings.warning("email-long", message, html_place, "shorten it, or link to the rest");
    }
}

/// Checks the texts that every e-mail must have for every contact: the postal address and the
/// unsubscribe link.
fn check_required_texts(
    job: &Job<'_>,
    what: &str,
    text: &str,
    unsubscribe: &str,
    place: &Place,
    findings: &mut Findings,
) {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    if !words(text).contains(&words(&job.workspace.brand.address)) {
        let message = format!("{what} does not contain the brand's postal address");
        findings.error("address-missing", message, place.clone(), "put {{brand.address}} at its end");
    }
    if !text.contains(unsubscribe) {
        let message = format!("{what} has no unsubscribe link, at least not for every contact");
        let help = "put {{links.unsubscribe}} at its end: <a href=\"{{links.unsubscribe}}\">Unsubscribe</a>";
        findings.error("unsubscribe-missing", message, place.clone(), help);
    }
}

fn check_post(job: &Job<'_>, language: &str, body: &str, findings: &mut Findings) {
    let kind = TemplateRole::Kind(job.channel.kind.name().to_owned());
    let file = job.file(&kind, language).or_else(|| job.file(&TemplateRole::Post, language));
    let place = file.map_or_else(|| job.campaign_place(), |file| Place::file(&file.path));
    let help =
        "it must be JSON whatever is known of a contact; values outside quotes are written as JSON already";
    match serde_json::from_str::<Value>(body) {
        Ok(Value::Object(_)) => {}
        Ok(_) => findings.error("post-not-json", "the post is not a JSON object".to_owned(), place, help),
        Err(error) => {
            let line = body.lines().nth(error.line().saturating_sub(1)).unwrap_or_default();
            let line: String = line.chars().take(60).collect();
            let message = format!("the post is not JSON for every contact: {error}, in `{line}`");
            findings.error("post-not-json", message, place, help);
        }
    }
}

/// Reports attributes whose name is almost that of a declared attribute or a field.
fn check_attributes(job: &Job<'_>, variant: &Variant, findings: &mut Findings) {
    let declared = &job.workspace.attributes;
    for name in attributes(variant) {
        if declared.contains_key(&name) {
            continue;
        }
        let known = declared.keys().map(String::as_str).chain(CONTACT_FIELDS);
        if let Some(near) =
            nearest(&name, known).filter(|near| near.len().abs_diff(name.len()) < 2 && name.len() > 4)
        {
            let message = format!("nothing declares the attribute `{name}`");
            let place = job.place_of(&format!("contact.{name}"));
            findings.warning("unknown-attribute", message, place, &format!("did you mean `contact.{near}`?"));
        }
    }
}
