//! The workspace: a folder of files, read into types whose values are always valid. `load` makes it
//! and reports all findings at once.

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

pub use self::campaign_file::campaign::{Budget, Campaign, CampaignMessage, Goal, OnUncertain, Step, StopAt};
pub use self::chorus_file::settings::{
    AttributeKind, Brand, Channel, ChannelKind, DatabaseSettings, Dkim, DkimKey, OptIn, Purpose, Server,
};
pub use self::schema::{SchemaKind, schema};
pub use self::template_folder::template::{Template, TemplateFile, TemplateRole};
use crate::audience::Audience;
use crate::ids::{AudienceId, CampaignId, ChannelId, PurposeId, TemplateId};
pub use crate::network::Per;

/// A complete workspace, read and checked.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// Absolute path of the workspace's folder.
    pub root: PathBuf,
    /// SHA-256 in hexadecimal over names and contents of the files that were read: chorus.toml,
    /// campaigns, audiences and templates, not keys and not the environment. The same files have
    /// the same hash in every process and on every machine; a file that cannot be read counts by
    /// its name and the kind of error.
    pub hash: String,
    /// The brand that sends.
    pub brand: Brand,
    /// The database that stores the rows.
    pub database: DatabaseSettings,
    /// The addresses of pages and links.
    pub server: Server,
    /// Declared attributes of contacts; an undeclared attribute is a text.
    pub attributes: BTreeMap<String, AttributeKind>,
    /// The purposes without errors, by id.
    pub purposes: BTreeMap<PurposeId, Purpose>,
    /// The channels without errors, by id.
    pub channels: BTreeMap<ChannelId, Channel>,
    /// The audiences without errors, by id.
    pub audiences: BTreeMap<AudienceId, Audience>,
    /// The campaigns without errors, by id. A campaign with an error is not here, and does not run.
    pub campaigns: BTreeMap<CampaignId, Campaign>,
    /// The stems of the names of all campaign files, those with errors and unreadable ones
    /// included.
    pub campaign_files: BTreeSet<String>,
    /// True if `campaigns/` could be listed. If not, `campaigns` and `campaign_files` are empty,
    /// and no campaign's file is known to be deleted.
    pub campaigns_listed: bool,
    /// The templates without errors, by id.
    pub templates: BTreeMap<TemplateId, Template>,
    /// The files of `templates/partials` and `templates/layouts`, by name without extension, such
    /// as `partials/button`.
    pub shared: BTreeMap<String, TemplateFile>,
}
