//! JSON Schemas of the files, for editors, generated from the types that read them.

use schemars::generate::SchemaSettings;

use crate::workspace::audience_file::format::AudienceFile;
use crate::workspace::campaign_file::format::CampaignFile;
use crate::workspace::chorus_file::format::ChorusFile;

/// A kind of file in a workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SchemaKind {
    /// The settings file `chorus.toml`.
    Chorus,
    /// A campaign file, `campaigns/*.toml`.
    Campaign,
    /// An audience file, `audiences/*.toml`.
    Audience,
}

impl SchemaKind {
    /// All kinds of files, each exactly once.
    pub const ALL: [Self; 3] = [Self::Chorus, Self::Campaign, Self::Audience];

    /// Returns the kind's name on the command line: `chorus`, `campaign`, `audience`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chorus => "chorus",
            Self::Campaign => "campaign",
            Self::Audience => "audience",
        }
    }

    /// Returns the kind with that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Returns the JSON Schema, draft 2020-12, of a kind of file. TOML's dates count as strings.
#[must_use]
pub fn schema(kind: SchemaKind) -> serde_json::Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let schema = match kind {
        SchemaKind::Chorus => generator.into_root_schema_for::<ChorusFile>(),
        SchemaKind::Campaign => generator.into_root_schema_for::<CampaignFile>(),
        SchemaKind::Audience => generator.into_root_schema_for::<AudienceFile>(),
    };
    schema.to_value()
}
