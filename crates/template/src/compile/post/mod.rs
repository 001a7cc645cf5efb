//! What is posted to a network, in one language: its parts, each a text with open places.

mod card;
mod dialect;
mod write;

use campaign::{Account, ChannelKind, TemplateFile, TemplateRole};
use message::dialect::Dialect;
use message::escape::{self, Escape};
use serde_json::json;

use super::finding::{Findings, Place};
use super::hole::Hole;
use super::job::{Job, Saying, Shared};
use super::link::Target;
use super::mail::{Body, body, linked, with_body};
use super::split::split;
use super::{evaluate, markdown};
use crate::compiled::{Draft, DraftParts, Image, Variant};
use crate::piece::Pieces;

/// One language of the step.
pub(super) fn variant(
    job: &Job<'_>,
    mut saying: Saying,
    shared: &mut Shared,
    findings: &mut Findings,
) -> Option<Variant> {
    let ChannelKind::Network(account) = &job.channel.kind else { return None };
    let body = body(job, &mut saying, shared, findings)?;
    let link = link(job, &mut saying, shared, findings)?;
    let own = job.file(&TemplateRole::Kind(account.network.kind.to_owned()), &saying.language);
    let mut drafting = Drafting { job, account, body, link, saying, shared, findings };
    let draft = match own {
        Some(file) if is_json(file) => drafting.own(file),
        Some(file) => drafting.parts(file),
        None => match job.file(&TemplateRole::Post, &drafting.saying.language) {
            Some(file) => drafting.parts(file),
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

/// A post being made.
struct Drafting<'a, 'j> {
    job: &'a Job<'j>,
    account: &'a Account,
    body: Body,
    link: Option<char>,
    saying: Saying,
    shared: &'a mut Shared,
    findings: &'a mut Findings,
}

impl Drafting<'_, '_> {
    /// The body of the request as the network's own file says, such as `slack.json`.
    fn own(&mut self, file: &TemplateFile) -> Option<Draft> {
        let scope = self.saying.scope.clone().with_text("link", self.link.map(String::from));
        let json =
            self.job.written(file, evaluate::Dialect::Json, &scope, &mut self.saying, self.findings)?;
        let body = quoted(&self.saying.holes.settle(&self.body.markdown, Escape::Markdown));
        let json = with_body(&json, &body, &mut self.saying.holes);
        let own = self.split(&json, Escape::Text, true, file)?;
        let parts = DraftParts { plain: own.clone(), ..self.bare()? };
        Some(Draft { own: Some(own), parts, ..self.empty() })
    }

    /// The parts of the post that a Markdown file says.
    fn parts(&mut self, file: &TemplateFile) -> Option<Draft> {
        let scope = self.saying.scope.clone();
        let text =
            self.job.written(file, evaluate::Dialect::Markdown, &scope, &mut self.saying, self.findings)?;
        let text = with_body(&text, &self.body.markdown, &mut self.saying.holes);
        let text = markdown::with_links(&text, &mut self.shared.links, &mut self.saying.holes);
        let markdown = linked(text, file, self.findings)?;
        let dialect = dialect::of(self.account.network.markup);
        let card = if self.account.network.has_card {
            card::card(&markdown)
        } else {
            card::Card { title: None, text: &markdown, action: None }
        };
        let written = self.write(card.text, dialect);
        let plain = self.write(&markdown, Dialect::PLAIN);
        let title = card.title.map(|title| one_line(&title));
        let action = card.action.map(|(label, to)| (one_line(&label), to));
        let own = if self.account.network.kind == "webhook" {
            let json = self.standard(&markdown, &plain)?;
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
            ..self.bare()?
        };
        Some(Draft { own, parts, ..self.empty() })
    }

    fn empty(&self) -> Draft {
        Draft {
            own: None,
            parts: DraftParts::default(),
            to: self.job.is_for_contacts().then(|| self.account.address()),
        }
    }

    /// Link and picture: what is the same whatever the texts are.
    fn bare(&mut self) -> Option<DraftParts> {
        let place = self.job.campaign_place();
        let holes = &self.saying.holes;
        let link = self.link.map(|link| split(&link.to_string(), holes, Escape::Text, false));
        let alt = self.saying.text("image_alt").map(one_line).unwrap_or_default();
        let alt = split(&alt, holes, Escape::Header, false);
        let (Ok(link), Ok(alt)) = (link.transpose(), alt) else {
            unbalanced(place, self.findings);
            return None;
        };
        let image = self.image();
        let mention = self.job.step.message.mention.clone();
        Some(DraftParts { link, image, alt, mention, ..DraftParts::default() })
    }

    fn write(&self, markdown: &str, dialect: Dialect) -> String {
        write::write(markdown, dialect, &self.shared.links, &self.saying.holes)
    }

    fn split(&mut self, text: &str, escape: Escape, json: bool, file: &TemplateFile) -> Option<Pieces> {
        let pieces = split(text, &self.saying.holes, escape, json);
        pieces.map_err(|_| unbalanced(Place::file(&file.path), self.findings)).ok()
    }

    /// The picture: by its address, or as a file where the network takes one.
    fn image(&mut self) -> Option<Image> {
        let image = self.saying.text("image").map(str::trim).filter(|image| !image.is_empty())?.to_owned();
        if image.starts_with("https://") || image.starts_with("http://") {
            return Some(Image::Url(image));
        }
        if !self.account.network.takes_files {
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

    /// The body of a webhook's request as Standard Webhooks suggests: `type`, `timestamp`, `data`.
    fn standard(&mut self, markdown: &str, plain: &str) -> Option<String> {
        let (job, saying) = (self.job, &mut self.saying);
        let html = markdown::to_html(markdown, &self.shared.links, &saying.holes);
        let text =
            |name: &str| saying.text(name).map_or_else(|| "null".to_owned(), |text| string(text.trim()));
        let texts =
            ["headline", "call_to_action", "image_alt"].map(|name| format!("\"{name}\":{}", text(name)));
        let texts = texts.join(",");
        let image = saying.text("image").map(str::trim).filter(|image| image.contains("://"));
        let constants = [
            ("campaign", json!(job.campaign.id.as_str())),
            ("step", json!(job.step.id.as_str())),
            ("channel", json!(job.channel.id.as_str())),
            ("language", json!(saying.language)),
            ("facts", json!(saying.message.facts)),
            ("image", json!(image)),
        ];
        let constants = constants.map(|(name, value)| format!("\"{name}\":{value}")).join(",");
        let (date, contact) = (saying.holes.put(Hole::Date), saying.holes.put(Hole::Contact));
        let html = saying.holes.settle(html.trim(), Escape::Html);
        let source = saying.holes.settle(markdown.trim(), Escape::Markdown);
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
