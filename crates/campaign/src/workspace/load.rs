//! Loads a workspace: reads every file, collects every finding, and keeps what can be used.

use std::path::Path;

use jiff::tz::TimeZone;
use source::{ConfinedDir, Diagnostic, Diagnostics};

use crate::workspace::chorus_file::load::CHORUS_TOML;
use crate::workspace::definitions::{Definitions, Registry};
use crate::workspace::toml_file::toml_files;
use crate::workspace::{Workspace, audience_file, campaign_file, chorus_file, template_folder};

impl Workspace {
    /// Loads the workspace in `root`. `env` reads an environment variable, for secrets.
    ///
    /// # Errors
    /// The findings, if the folder cannot be opened or `chorus.toml` has errors that keep
    /// everything from running. Otherwise the workspace comes with its findings, and campaigns with
    /// errors are left out of it.
    pub fn load(
        root: &Path,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(Self, Diagnostics), Diagnostics> {
        let mut findings = Diagnostics::new();
        let dir = match ConfinedDir::new(root) {
            Ok(dir) => dir,
            Err(error) => {
                let message = format!("the workspace {} cannot be opened: {}", root.display(), error.kind());
                findings.push(
                    Diagnostic::error("unreadable", CHORUS_TOML, message)
                        .help("Name a folder with a chorus.toml."),
                );
                return Err(findings);
            }
        };
        let settings = chorus_file::load::settings(&dir, env, &mut findings);
        let mut reader =
            template_folder::read::TemplateReader { dir: &dir, findings: &mut findings, has_errors: false };
        let (templates, shared) = reader.templates();
        let campaigns = toml_files(&dir, "campaigns", &mut findings);
        let campaigns_listed = campaigns.is_some();
        let campaigns = campaigns.unwrap_or_default();
        let audiences = toml_files(&dir, "audiences", &mut findings).unwrap_or_default();
        let mut definitions = Definitions {
            zone: settings.brand.as_ref().map_or(TimeZone::UTC, |brand| brand.timezone.clone()),
            never_say: settings.brand.as_ref().map(|brand| brand.never_say.clone()).unwrap_or_default(),
            attributes: settings.attributes,
            channels: settings.channels,
            purposes: settings.purposes,
            settings_incomplete: settings.incomplete,
            audiences: Registry::new(),
            templates,
            campaigns: campaigns.iter().map(|file| file.stem.clone()).collect(),
            dir,
        };
        definitions.audiences = audience_file::load::read(&definitions, audiences, &mut findings);
        let campaigns = campaign_file::load::read(&definitions, &campaigns, &mut findings);
        let (Some(brand), Some(database), Some(server)) =
            (settings.brand, settings.database, settings.server)
        else {
            return Err(findings);
        };
        let workspace = Self {
            root: definitions.dir.root().to_owned(),
            hash: definitions.dir.hash(),
            brand,
            database,
            server,
            attributes: definitions.attributes,
            purposes: usable(definitions.purposes).map(|purpose| (purpose.id.clone(), purpose)).collect(),
            channels: usable(definitions.channels).map(|channel| (channel.id.clone(), channel)).collect(),
            audiences: usable(definitions.audiences)
                .map(|audience| (audience.id.clone(), audience))
                .collect(),
            campaigns: campaigns.into_iter().map(|campaign| (campaign.id.clone(), campaign)).collect(),
            campaign_files: definitions.campaigns,
            campaigns_listed,
            templates: usable(definitions.templates)
                .map(|template| (template.id.clone(), template))
                .collect(),
            shared,
        };
        Ok((workspace, findings))
    }
}

fn usable<T>(registry: Registry<T>) -> impl Iterator<Item = T> {
    registry.into_values().flatten()
}
