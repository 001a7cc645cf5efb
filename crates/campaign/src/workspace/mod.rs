//! What a folder of files says, as types that cannot be wrong. Made by `load`, which tells all findings at once.

mod audience_file;
mod campaign_file;
mod chorus_file;
mod date_time;
mod definitions;
mod fingerprint;
mod load;
mod mask;
pub(crate) mod message;
mod schema;
mod template_folder;
mod toml_file;
mod value;
mod variable;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

pub use self::campaign_file::campaign::{Budget, Campaign, Goal, Message, OnUncertain, Step, StopAt};
pub use self::chorus_file::settings::{
    AttributeKind, Brand, Channel, ChannelKind, Database, Dkim, DkimKey, Server,
};
pub use self::schema::{SchemaKind, schema};
pub use self::template_folder::template::{Template, TemplateFile, TemplateRole};
use crate::audience::Audience;
use crate::ids::{AudienceId, CampaignId, ChannelId, TemplateId};
pub use crate::network::Per;

/// A whole workspace, read and checked.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// Its folder.
    pub root: PathBuf,
    /// SHA-256 in hexadecimal over names and contents of the files that were read: chorus.toml, campaigns,
    /// audiences and templates, not keys and not the environment. The same files have the same hash in every
    /// process and on every machine; a file that cannot be read counts by its name and the kind of error.
    pub hash: String,
    /// Who speaks.
    pub brand: Brand,
    /// Where rows are kept.
    pub database: Database,
    /// Where pages and links are served.
    pub server: Server,
    /// Declared attributes of contacts; an attribute nobody declares is text.
    pub attributes: BTreeMap<String, AttributeKind>,
    /// The ways out.
    pub channels: BTreeMap<ChannelId, Channel>,
    /// The segments.
    pub audiences: BTreeMap<AudienceId, Audience>,
    /// The campaigns without findings of severity `Error`. One with an error is not here, and does not run.
    pub campaigns: BTreeMap<CampaignId, Campaign>,
    /// The stems of all campaign files, those with errors and those that cannot be read included.
    pub campaign_files: BTreeSet<String>,
    /// Whether `campaigns/` could be listed. Where it could not, `campaigns` and `campaign_files` are empty, and no
    /// campaign's file is known to be gone.
    pub campaigns_listed: bool,
    /// The template folders.
    pub templates: BTreeMap<TemplateId, Template>,
    /// `templates/partials` and `templates/layouts`: name (`partials/button`, without extension) to file.
    pub shared: BTreeMap<String, TemplateFile>,
}
