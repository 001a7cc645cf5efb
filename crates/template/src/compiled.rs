//! A compiled step, as it is kept with a revision.

use std::collections::{BTreeMap, BTreeSet};

use campaign::{Address, Workspace};
use message::{LinkStarts, Person, digest};
use serde_json::json;

use crate::expression::{CONTACT_FIELDS, Expression};
use crate::language;
use crate::piece::{Piece, Pieces};

/// A step, compiled: constants filled in, MJML turned to HTML, CSS inlined, links found, per language.
/// Serialises to JSON, so that a run says the same on every machine and after every edit of the files.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Compiled {
    /// The destinations in it, by position: http or https, UTM parameters added unless there were some.
    pub links: Vec<String>,
    /// The shape of all this: what another version wrote is not read.
    pub(crate) version: u32,
    /// The language of those whose own is not among the variants.
    pub(crate) language: String,
    /// What is said, by language.
    pub(crate) variants: BTreeMap<String, Variant>,
    /// What every e-mail has in common; `None` for posts.
    pub(crate) envelope: Option<Envelope>,
    /// Pictures and attachments.
    pub(crate) files: Vec<File>,
}

/// The shape of [`Compiled`] that this version writes and reads.
pub(crate) const VERSION: u32 = 2;

/// What is said in one language.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Variant {
    /// By e-mail.
    Email { subject: Pieces, html: Pieces, text: Pieces },
    /// To a network.
    Post(Draft),
}

/// A post, its texts open.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Draft {
    /// The whole body of the request, JSON: what a template of the network's own says, and what a webhook gets.
    pub(crate) own: Option<Pieces>,
    /// What the network puts together.
    pub(crate) parts: DraftParts,
    /// Where a contact is reached; `None` for a feed.
    pub(crate) to: Option<Address>,
}

/// The parts of a post: see [`message::Parts`].
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct DraftParts {
    pub(crate) title: Option<Pieces>,
    pub(crate) text: Pieces,
    pub(crate) plain: Pieces,
    /// Label and destination.
    pub(crate) action: Option<(Pieces, Pieces)>,
    pub(crate) link: Option<Pieces>,
    pub(crate) image: Option<Image>,
    pub(crate) alt: Pieces,
    /// The people it calls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) mention: Vec<String>,
}

/// Where a picture comes from.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Image {
    /// Its address.
    Url(String),
    /// The id of one of [`Compiled::files`].
    File(String),
}

/// What every e-mail of a step has in common.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Envelope {
    /// The sender.
    pub(crate) from: Sender,
    /// Where answers go.
    pub(crate) reply_to: Option<Sender>,
    /// `List-ID`, RFC 2919.
    pub(crate) list_id: String,
    /// `Feedback-ID`, Google's: campaign, step, we, the sender.
    pub(crate) feedback_id: String,
}

/// A name with an address.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Sender {
    pub(crate) name: Option<String>,
    pub(crate) address: String,
}

/// A file that goes with every message.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct File {
    /// What the recipient sees.
    pub(crate) name: String,
    /// Its media type.
    pub(crate) media: String,
    /// By what the HTML names it; `None` for an attachment.
    pub(crate) id: Option<String>,
    /// Base64 in lines of 76, ended by CR LF.
    pub(crate) body: String,
}

impl Compiled {
    /// The languages it is in, as BCP 47 tags.
    pub fn languages(&self) -> impl Iterator<Item = &str> + Clone {
        self.variants.keys().map(String::as_str)
    }

    /// The language that somebody who reads `tag` gets it in: this one, the same of another country, or the one of
    /// those whose own it is not in.
    #[must_use]
    pub fn language_for(&self, tag: Option<&str>) -> &str {
        language::for_contact(&self.languages(), tag, &self.language)
            .and_then(|position| self.languages().nth(position))
            .unwrap_or(&self.language)
    }

    /// The tag among its languages that is meant by this one.
    #[must_use]
    pub fn in_language(&self, tag: &str) -> Option<&str> {
        language::meant(&self.languages(), tag).and_then(|position| self.languages().nth(position))
    }

    /// The same in one of its languages alone: then everybody gets it in that, and so does a feed.
    #[must_use]
    pub fn only(&self, language: &str) -> Option<Self> {
        let (tag, said) = self.variants.get_key_value(language)?;
        Some(Self {
            links: self.links.clone(),
            version: self.version,
            language: tag.clone(),
            variants: BTreeMap::from([(tag.clone(), said.clone())]),
            envelope: self.envelope.clone(),
            files: self.files.clone(),
        })
    }

    /// The fields and attributes of a contact that it reads, in any language.
    #[must_use]
    pub fn reads(&self) -> BTreeSet<String> {
        self.variants.values().flat_map(fields).collect()
    }

    /// Links as long as real ones that lead nowhere: see [`LinkStarts::sample`].
    #[must_use]
    pub fn sample_links(&self, workspace: &Workspace) -> LinkStarts {
        LinkStarts::sample(&workspace.server.public_url, self.links.len())
    }

    /// SHA-256 of its JSON, in hexadecimal: the same step compiled twice has the same.
    #[must_use]
    pub fn hash(&self) -> String {
        digest(&serde_json::to_vec(self).unwrap_or_default())
    }

    /// Returns a made-up reader of whom everything is known that it reads, in few letters.
    #[must_use]
    pub fn sample_reader(&self) -> Person {
        let names = self.variants.values().flat_map(attributes);
        Person {
            email: Some("sample@contact.invalid".to_owned()),
            phone: Some("+8613800138000".to_owned()),
            attributes: names.map(|name| (name, json!("Ada"))).collect(),
            ..Person::default()
        }
    }
}

/// The attributes of contacts that a variant reads.
pub(crate) fn attributes(variant: &Variant) -> BTreeSet<String> {
    let mut names = fields(variant);
    names.retain(|name| !CONTACT_FIELDS.contains(&name.as_str()));
    names
}

/// What of a contact a variant reads, attributes and fields.
fn fields(variant: &Variant) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    match variant {
        Variant::Email { subject, html, text } => {
            for pieces in [subject, html, text] {
                read(pieces, &mut names);
            }
        }
        Variant::Post(draft) => {
            let parts = &draft.parts;
            let texts =
                [draft.own.as_ref(), parts.title.as_ref(), parts.action.as_ref().map(|(label, _)| label)];
            texts
                .into_iter()
                .flatten()
                .chain([&parts.text, &parts.alt])
                .for_each(|text| read(text, &mut names));
        }
    }
    names
}

fn read(pieces: &Pieces, names: &mut BTreeSet<String>) {
    for piece in pieces {
        match piece {
            Piece::Value { of, .. } => named(of, names),
            Piece::If { test: of, then: inside, otherwise }
            | Piece::Each { over: of, body: inside, otherwise } => {
                named(of, names);
                read(inside, names);
                read(otherwise, names);
            }
            _ => {}
        }
    }
}

fn named(expression: &Expression, names: &mut BTreeSet<String>) {
    match expression {
        Expression::Contact(path) => names.extend(path.first().cloned()),
        Expression::Call(_, values) => values.iter().for_each(|value| named(value, names)),
        _ => {}
    }
}
