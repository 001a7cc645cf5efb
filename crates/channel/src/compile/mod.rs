//! A step of a campaign as texts in which only the contact is still open: done once per revision.

mod evaluate;
mod files;
mod finding;
mod hole;
mod inspect;
mod link;
mod longest;
mod mail;
mod markdown;
mod markup;
mod mjml;
mod plain;
mod post;
mod proof;
mod scope;
mod split;
mod stack;
mod step;
mod survey;
mod syntax;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use campaign::{Address, Campaign, Diagnostic, Severity, Step, Workspace};

use crate::piece::Pieces;
use crate::render::LinkStarts;
pub(crate) use files::{File, digest};
pub use longest::{Longest, longest};
use step::Cache;
pub(crate) use step::primary;
pub use survey::{Spoken, Survey, Surveyed, survey, survey_all};

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

/// The parts of a post: see [`crate::Parts`].
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

/// Compiles one step and renders it for made-up contacts, so that what is wrong is found before anything runs.
///
/// # Errors
/// The findings, of which at least one is an error.
pub fn compile(
    workspace: &Workspace,
    campaign: &Campaign,
    step: &Step,
) -> Result<(Compiled, Vec<Diagnostic>), Vec<Diagnostic>> {
    let work = || compile_here(workspace, campaign, step, &Cache::default());
    stack::with_large(work).unwrap_or_else(|| Err(vec![uncompilable(campaign, step)]))
}

/// The same in a thread whose stack is large enough, with what other steps have parsed.
fn compile_here(
    workspace: &Workspace,
    campaign: &Campaign,
    step: &Step,
    cache: &Cache,
) -> Result<(Compiled, Vec<Diagnostic>), Vec<Diagnostic>> {
    tracing::debug!(campaign = %campaign.id, step = %step.id, "step compiled");
    let work = AssertUnwindSafe(|| step::compile(workspace, campaign, step, cache));
    catch_unwind(work).unwrap_or_else(|_| Err(vec![uncompilable(campaign, step)]))
}

/// The finding about a step at which the compiler itself failed.
fn uncompilable(campaign: &Campaign, step: &Step) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        code: "template-failed",
        message: format!("the templates of step `{}` cannot be compiled", step.id),
        file: campaign.file.clone(),
        span: None,
        help: Some("simplify them until it can, and report what could not".to_owned()),
    }
}

impl Compiled {
    /// The languages it is in, as BCP 47 tags.
    pub fn languages(&self) -> impl Iterator<Item = &str> {
        self.variants.keys().map(String::as_str)
    }

    /// The language that somebody who reads `tag` gets it in: this one, the same of another country, or the one of
    /// those whose own it is not in.
    #[must_use]
    pub fn language_for(&self, tag: Option<&str>) -> &str {
        tag.and_then(|tag| self.in_language(tag))
            .or_else(|| self.in_language(&self.language))
            .or_else(|| self.languages().next())
            .unwrap_or(&self.language)
    }

    /// The tag among its languages that is meant by this one.
    #[must_use]
    pub fn in_language(&self, tag: &str) -> Option<&str> {
        let tag = tag.replace('_', "-");
        let exact = |wanted: &str| self.languages().find(|known| known.eq_ignore_ascii_case(wanted));
        let alike = || self.languages().find(|known| primary(known).eq_ignore_ascii_case(primary(&tag)));
        exact(&tag).or_else(|| exact(primary(&tag))).or_else(alike)
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
    pub fn reads(&self) -> std::collections::BTreeSet<String> {
        self.variants.values().flat_map(proof::fields).collect()
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
}
