//! The compiled form of a step, which is stored with a revision of its campaign.

use std::collections::{BTreeMap, BTreeSet};

use campaign::{ContactAddress, Workspace};
use message::{LinkPrefixes, Person, digest};
use serde_json::json;

use crate::expression::{CONTACT_FIELDS, Expression};
use crate::language;
use crate::piece::{Piece, Pieces};

/// A compiled step: in each language, constants are filled in, MJML is converted to HTML, CSS is
/// inlined and links are collected. It serializes to JSON, so that a run sends the same messages on
/// every machine and after every edit of the files.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Compiled {
    /// The URLs of the tracked links by position, http or https, with the UTM parameters that they
    /// lacked.
    pub links: Vec<String>,
    /// The version of this format; other versions are refused.
    pub(crate) version: u32,
    /// The language tag for contacts whose own language is not among the variants.
    pub(crate) language: String,
    /// The texts by language tag.
    pub(crate) variants: BTreeMap<String, Variant>,
    /// The headers that all e-mails of the step share; `None` for posts.
    pub(crate) envelope: Option<Envelope>,
    /// The pictures and attachments.
    pub(crate) files: Vec<File>,
}

/// The version of the format of [`Compiled`] that this crate writes and reads.
pub(crate) const VERSION: u32 = 2;

/// The texts of a step in one language.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Variant {
    /// The texts of an e-mail.
    Email { subject: Pieces, html: Pieces, text: Pieces },
    /// The texts and parts of a post.
    Post(Draft),
}

/// A post whose texts may depend on the contact.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Draft {
    /// The whole JSON body of the request, from the network's own template or for a webhook.
    #[serde(rename = "own")]
    pub(crate) body: Option<Pieces>,
    /// The parts from which the network's adapter builds the post.
    pub(crate) parts: DraftParts,
    /// The kind of address that a contact is reached at; `None` for a feed.
    pub(crate) to: Option<ContactAddress>,
}

/// The parts of a post, compiled; the rendered form is [`message::Parts`].
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct DraftParts {
    pub(crate) title: Option<Pieces>,
    pub(crate) text: Pieces,
    pub(crate) plain: Pieces,
    /// The button's label and URL.
    pub(crate) action: Option<(Pieces, Pieces)>,
    pub(crate) link: Option<Pieces>,
    pub(crate) image: Option<Image>,
    pub(crate) alt: Pieces,
    /// The people that the post mentions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) mention: Vec<String>,
}

/// The source of a picture.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Image {
    /// The URL of the picture.
    Url(String),
    /// The `id` of a file in [`Compiled::files`].
    File(String),
}

/// The header values that all e-mails of a step share.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Envelope {
    /// The value of `From`.
    pub(crate) from: Sender,
    /// The value of `Reply-To`.
    pub(crate) reply_to: Option<Sender>,
    /// The value of `List-ID` (RFC 2919).
    pub(crate) list_id: String,
    /// The value of Google's `Feedback-ID`: campaign, step, `chorus` and the sender's identifier.
    pub(crate) feedback_id: String,
}

/// An e-mail address with an optional display name.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Sender {
    pub(crate) name: Option<String>,
    pub(crate) address: String,
}

/// A file that is part of every message.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct File {
    /// The file name that the recipient sees.
    pub(crate) name: String,
    /// The media type, such as `image/png`.
    pub(crate) media: String,
    /// The content id by which the HTML refers to a picture; `None` for an attachment.
    pub(crate) id: Option<String>,
    /// The content in Base64, in lines of 76 characters that end with CR LF.
    pub(crate) body: String,
}

impl Compiled {
    /// Iterates over the BCP 47 tags of the languages that the step is available in, sorted.
    pub fn languages(&self) -> impl Iterator<Item = &str> + Clone {
        self.variants.keys().map(String::as_str)
    }

    /// Returns the language tag of the variant for a contact with the language `tag`: the same
    /// language, else the same language of another country, else the default one.
    #[must_use]
    pub fn language_for(&self, tag: Option<&str>) -> &str {
        language::choose_for_contact(&self.languages(), tag, &self.language)
            .and_then(|position| self.languages().nth(position))
            .unwrap_or(&self.language)
    }

    /// Returns the tag of the available language that matches `tag`, if there is one.
    #[must_use]
    pub fn find_language(&self, tag: &str) -> Option<&str> {
        language::find_match(&self.languages(), tag).and_then(|position| self.languages().nth(position))
    }

    /// Returns the step with one of its languages only, which every contact and a feed then get.
    #[must_use]
    pub fn in_one_language(&self, language: &str) -> Option<Self> {
        let (tag, variant) = self.variants.get_key_value(language)?;
        Some(Self {
            links: self.links.clone(),
            version: self.version,
            language: tag.clone(),
            variants: BTreeMap::from([(tag.clone(), variant.clone())]),
            envelope: self.envelope.clone(),
            files: self.files.clone(),
        })
    }

    /// Returns the fields and attributes of a contact that the step reads, in any of its languages.
    #[must_use]
    pub fn contact_fields(&self) -> BTreeSet<String> {
        self.variants.values().flat_map(fields_of).collect()
    }

    /// Returns made-up tracking links of the same length as real ones: see
    /// [`LinkPrefixes::sample`].
    #[must_use]
    pub fn sample_links(&self, workspace: &Workspace) -> LinkPrefixes {
        LinkPrefixes::sample(&workspace.server.public_url, self.links.len())
    }

    /// Returns the SHA-256 of the JSON form in hexadecimal. Compiling the same step again gives the
    /// same hash.
    #[must_use]
    pub fn hash(&self) -> String {
        digest(&serde_json::to_vec(self).unwrap_or_default())
    }

    /// Returns a made-up contact with a short value for every attribute that the step reads.
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

/// Returns the names of the contact attributes that a variant reads.
pub(crate) fn attributes(variant: &Variant) -> BTreeSet<String> {
    let mut names = fields_of(variant);
    names.retain(|name| !CONTACT_FIELDS.contains(&name.as_str()));
    names
}

/// Returns the names of the contact fields and attributes that a variant reads.
fn fields_of(variant: &Variant) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    match variant {
        Variant::Email { subject, html, text } => {
            for pieces in [subject, html, text] {
                collect_from_pieces(pieces, &mut names);
            }
        }
        Variant::Post(draft) => {
            let parts = &draft.parts;
            let texts =
                [draft.body.as_ref(), parts.title.as_ref(), parts.action.as_ref().map(|(label, _)| label)];
            texts
                .into_iter()
                .flatten()
                .chain([&parts.text, &parts.alt])
                .for_each(|text| collect_from_pieces(text, &mut names));
        }
    }
    names
}

fn collect_from_pieces(pieces: &Pieces, names: &mut BTreeSet<String>) {
    for piece in pieces {
        match piece {
            Piece::Value { of, .. } => collect_from_expression(of, names),
            Piece::If { test: of, then: inside, otherwise }
            | Piece::Each { over: of, body: inside, otherwise } => {
                collect_from_expression(of, names);
                collect_from_pieces(inside, names);
                collect_from_pieces(otherwise, names);
            }
            _ => {}
        }
    }
}

fn collect_from_expression(expression: &Expression, names: &mut BTreeSet<String>) {
    match expression {
        Expression::Contact(path) => names.extend(path.first().cloned()),
        Expression::Call(_, values) => values.iter().for_each(|value| collect_from_expression(value, names)),
        _ => {}
    }
}
