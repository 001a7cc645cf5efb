//! The compilation of a post to a network in one language.

mod card;
mod dialect;
mod write;

use campaign::{Account, ChannelKind, TemplateFile, TemplateRole};
use message::dialect::MarkupDialect;
use message::escape::{self, Escape};
use serde_json::json;

use super::finding::{Findings, Place};
use super::job::{Job, LocalizedMessage, Shared};
use super::link::Target;
use super::mail::{Body, body, report_bad_link, with_body};
use super::placeholder::Placeholder;
use super::split::split;
use super::{evaluate, markdown};
use crate::compiled::{Draft, DraftParts, Image, Variant};
use crate::piece::Pieces;

/// Compiles one language of the step.
pub(super) fn variant(
    job: &Job<'_>,
    mut localized: LocalizedMessage,
    shared: &mut Shared,
    findings: &mut Findings,
) -> Option<Variant> {
    let ChannelKind::Network(account) = &job.channel.kind else { return None };
    let body = body(job, &mut localized, shared, findings)?;
    let link = link(job, &mut localized, shared, findings)?;
    let file = job.file(&TemplateRole::Kind(account.network.kind.to_owned()), &localized.language);
    let mut builder = DraftBuilder { job, account, body, link, localized, shared, findings };
    let draft = match file {
        Some(file) if is_json(file) => builder.build_json(file),
        Some(file) => builder.build_markdown(file),
        None => match job.file(&TemplateRole::Post, &builder.localized.language) {
            Some(file) => builder.build_markdown(file),
            None => {
                let message = format!("the template `{}` has no post", job.template.id);
                findings.error("template-missing", message, job.campaign_place(), "add post.md");
                None
            }
        },
    };
    draft.map(Variant::Post)
}

fn is_json(file: &TemplateFile) -> bool {
    file.path.extension().is_some_and(|extension| extension == "json")
}

/// Registers `message.link` for tracking, and returns its placeholder. The inner value is `None` if
/// there is no link to track, the outer one if the link is refused.
fn link(
    job: &Job<'_>,
    localized: &mut LocalizedMessage,
    shared: &mut Shared,
    findings: &mut Findings,
) -> Option<Option<char>> {
    let Some(written) = localized.text("link").filter(|link| !link.trim().is_empty()).map(str::to_owned)
    else {
        return Some(None);
    };
    match shared.links.target(&written, &localized.placeholders) {
        Ok(Target::Click(position)) => {
            Some(Some(localized.placeholders.insert(Placeholder::Click(position))))
        }
        Ok(Target::Stays) => Some(None),
        Err(bad) => {
            findings.error("bad-link", bad.to_string(), job.place_of(&written), bad.help());
            None
        }
    }
}

/// A builder of a post's draft.
struct DraftBuilder<'a, 'j> {
    job: &'a Job<'j>,
    account: &'a Account,
    body: Body,
    link: Option<char>,
    localized: LocalizedMessage,
    shared: &'a mut Shared,
    findings: &'a mut Findings,
}

impl DraftBuilder<'_, '_> {
    /// Compiles the network's own JSON template, such as `slack.json`, to the body of the request.
    fn build_json(&mut self, file: &TemplateFile) -> Option<Draft> {
        let scope = self.localized.scope.clone().with_text("link", self.link.map(String::from));
        let json = self.job.evaluate_file(
            file,
            evaluate::TextFormat::Json,
            &scope,
            &mut self.localized,
            self.findings,
        )?;
        let body = quoted(&self.localized.placeholders.settle_escape(&self.body.markdown, Escape::Markdown));
        let json = with_body(&json, &body, &mut self.localized.placeholders);
        let body = self.split(&json, Escape::Text, true, file)?;
        let parts = DraftParts { plain: body.clone(), ..self.link_and_picture()? };
        Some(Draft { body: Some(body), parts, ..self.empty_draft() })
    }

    /// Compiles a Markdown template to the parts of the post.
    fn build_markdown(&mut self, file: &TemplateFile) -> Option<Draft> {
        let scope = self.localized.scope.clone();
        let text = self.job.evaluate_file(
            file,
            evaluate::TextFormat::Markdown,
            &scope,
            &mut self.localized,
            self.findings,
        )?;
        let text = with_body(&text, &self.body.markdown, &mut self.localized.placeholders);
        let text = markdown::with_links(&text, &mut self.shared.links, &mut self.localized.placeholders);
        let markdown = report_bad_link(text, file, self.findings)?;
        let dialect = dialect::of(self.account.network.markup);
        let card = if self.account.network.has_card {
            card::card(&markdown)
        } else {
            card::Card { title: None, text: &markdown, action: None }
        };
        let written = self.write(card.text, dialect);
        let plain = self.write(&markdown, MarkupDialect::PLAIN);
        let title = card.title.map(|title| one_line(&title));
        let action = card.action.map(|(label, to)| (one_line(&label), to));
        let body = if self.account.network.kind == "webhook" {
            let json = self.standard_webhook(&markdown, &plain)?;
            Some(self.split(&json, Escape::Text, true, file)?)
        } else {
            None
        };
        let parts = DraftParts {
            title: match title {
                Some(title) => Some(self.split(&title, Escape::Header, false, file)?),
                None => None,
            },
            text: self.split(&written, dialect.escape, false, file)?,
            plain: self.split(&plain, Escape::Text, false, file)?,
            action: match action {
                Some((label, to)) => Some((
                    self.split(&label, Escape::Header, false, file)?,
                    self.split(&to, Escape::Text, false, file)?,
                )),
                None => None,
            },
            ..self.link_and_picture()?
        };
        Some(Draft { body, parts, ..self.empty_draft() })
    }

    fn empty_draft(&self) -> Draft {
        Draft {
            body: None,
            parts: DraftParts::default(),
            to: self.job.is_for_contacts().then(|| self.account.address()),
        }
    }

    /// Returns the parts that do not depend on the template: link, picture and mentions.
    fn link_and_picture(&mut self) -> Option<DraftParts> {
        let place = self.job.campaign_place();
        let placeholders = &self.localized.placeholders;
        let link = self.link.map(|link| split(&link.to_string(), placeholders, Escape::Text, false));
        let alt = self.localized.text("image_alt").map(one_line).unwrap_or_default();
        let alt = split(&alt, placeholders, Escape::Header, false);
        let (Ok(link), Ok(alt)) = (link.transpose(), alt) else {
            unbalanced(place, self.findings);
            return None;
        };
        let image = self.image();
        let mention = self.job.step.message.mention.clone();
        Some(DraftParts { link, image, alt, mention, ..DraftParts::default() })
    }

    fn write(&self, markdown: &str, dialect: MarkupDialect) -> String {
        write::write(markdown, dialect, &self.shared.links, &self.localized.placeholders)
    }

    fn split(&mut self, text: &str, escape: Escape, json: bool, file: &TemplateFile) -> Option<Pieces> {
        let pieces = split(text, &self.localized.placeholders, escape, json);
        pieces.map_err(|_| unbalanced(Place::file(&file.path), self.findings)).ok()
    }

    /// Returns the picture: its URL, or a file if the network accepts uploads.
    fn image(&mut self) -> Option<Image> {
        let image = self.localized.text("image").map(str::trim).filter(|image| !image.is_empty())?.to_owned();
        if image.starts_with("https://") || image.starts_with("http://") {
            return Some(Image::Url(image));
        }
        if !self.account.network.uploads_images {
            let help = "for this network, give the picture an address with https://";
            let message = format!(
                "{} shows pictures by their address, and this one is a file: the post goes without it",
                self.account.network.title
            );
            self.findings.warning("image-not-public", message, self.job.place_of(&image), help);
            return None;
        }
        match self.shared.files.picture(&image) {
            Ok(id) => Some(Image::File(id)),
            Err(bad) => {
                self.findings.error("attachment", bad.to_string(), self.job.place_of(&image), bad.help());
                None
            }
        }
    }

    /// Returns the body of a webhook's request as Standard Webhooks suggests: `type`, `timestamp`
    /// and `data`.
    fn standard_webhook(&mut self, markdown: &str, plain: &str) -> Option<String> {
        let (job, localized) = (self.job, &mut self.localized);
        let html = markdown::to_html(markdown, &self.shared.links, &localized.placeholders);
        let text =
            |name: &str| localized.text(name).map_or_else(|| "null".to_owned(), |text| string(text.trim()));
        let texts =
            ["headline", "call_to_action", "image_alt"].map(|name| format!("\"{name}\":{}", text(name)));
        let texts = texts.join(",");
        let image = localized.text("image").map(str::trim).filter(|image| image.contains("://"));
        let constants = [
            ("campaign", json!(job.campaign.id.as_str())),
            ("step", json!(job.step.id.as_str())),
            ("channel", json!(job.channel.id.as_str())),
            ("language", json!(localized.language)),
            ("facts", json!(localized.message.facts)),
            ("image", json!(image)),
        ];
        let constants = constants.map(|(name, value)| format!("\"{name}\":{value}")).join(",");
        let (date, contact) = (
            localized.placeholders.insert(Placeholder::Date),
            localized.placeholders.insert(Placeholder::Contact),
        );
        let html = localized.placeholders.settle_escape(html.trim(), Escape::Html);
        let source = localized.placeholders.settle_escape(markdown.trim(), Escape::Markdown);
        Some(format!(
            "{{\"type\":\"campaign.post\",\"timestamp\":\"{date}\",\"data\":{{{constants},{texts},\"text\":{},\
             \"markdown\":{},\"html\":{},\"link\":{},\"contact\":{}}}}}",
            string(plain.trim()),
            string(&source),
            string(&html),
            self.link.map_or_else(|| "null".to_owned(), |link| format!("\"{link}\"")),
            if job.is_for_contacts() { contact.to_string() } else { "null".to_owned() },
        ))
    }
}

fn unbalanced(place: Place, findings: &mut Findings) {
    let message = "a block ends where it does not start".to_owned();
    findings.error("template-block", message, place, "start and end it in the same text");
}

fn one_line(text: &str) -> String {
    escape::clean(text.trim(), true).into_owned()
}

fn string(text: &str) -> String {
    format!("\"{}\"", quoted(text))
}

fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    escape::json(text, &mut out);
    out
}
