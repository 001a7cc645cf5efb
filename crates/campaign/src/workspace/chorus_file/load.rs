//! Loads `chorus.toml`: reads and checks it, and keeps the parts that can be used.

use std::collections::BTreeMap;
use std::path::Path;

use source::{ConfinedDir, Diagnostic, Diagnostics, SourceFile};

use crate::workspace::chorus_file::format::ChorusFile;
use crate::workspace::chorus_file::{attributes, channel, purposes, read, server};
use crate::workspace::definitions::Registry;
use crate::workspace::mask::mask;
use crate::workspace::toml_file::{MAX_FILE_MIB, read_document};
use crate::workspace::{AttributeKind, Brand, Channel, DatabaseSettings, Purpose, Server};

/// Name of the settings file in the workspace.
pub(crate) const CHORUS_TOML: &str = "chorus.toml";

/// The contents of `chorus.toml`; parts that cannot be used are `None`.
pub(crate) struct Settings {
    pub(crate) brand: Option<Brand>,
    pub(crate) database: Option<DatabaseSettings>,
    pub(crate) server: Option<Server>,
    pub(crate) attributes: BTreeMap<String, AttributeKind>,
    pub(crate) channels: Registry<Channel>,
    pub(crate) purposes: Registry<Purpose>,
    /// True if the file could not be read completely, so that a channel or attribute may only seem
    /// to be missing.
    pub(crate) incomplete: bool,
}

/// Reads `chorus.toml` in `dir` and adds its findings to `findings`.
pub(crate) fn settings(
    dir: &ConfinedDir,
    env: &dyn Fn(&str) -> Option<String>,
    findings: &mut Diagnostics,
) -> Settings {
    let mut settings = Settings {
        brand: None,
        database: None,
        server: None,
        attributes: BTreeMap::new(),
        channels: Registry::new(),
        purposes: Registry::new(),
        incomplete: true,
    };
    let text = match dir.read(Path::new(CHORUS_TOML), MAX_FILE_MIB) {
        Ok(text) => text,
        Err(error) => {
            let help = "Every workspace has one; `chorus init` makes a folder with one that works.";
            findings.push(Diagnostic::error("unreadable", CHORUS_TOML, error.to_string()).help(help));
            return settings;
        }
    };
    let source = SourceFile::new(CHORUS_TOML, text);
    if let Some(file) = read_document::<ChorusFile>(&source, &is_secret) {
        let context = read::ReadContext { source: &source, dir, env };
        settings.brand = read::brand(&context, &file);
        settings.database = read::database(&context, &file);
        settings.server = server::server(&context, &file);
        settings.attributes = attributes::attributes(&source, &file.attributes);
        settings.channels = channel::channels(&context, &file, settings.brand.as_ref());
        settings.purposes = purposes::purposes(&source, &file.purposes, &settings.channels);
        let is_lost = |given: bool, read: bool| given && !read;
        settings.incomplete = source.has_syntax_errors()
            || is_lost(file.channels.is_given(), file.channels.get().is_some())
            || is_lost(file.purposes.is_given(), file.purposes.get().is_some())
            || is_lost(file.attributes.is_given(), file.attributes.get().is_some());
        require_postal_address(&source, &mut settings, &file);
    }
    refuse_half_read(&source, &mut settings, findings);
    source.report_into(findings, mask);
    settings
}

/// Returns true for the paths of keys in `chorus.toml` at which `${NAME}` is allowed.
fn is_secret(keys: &[&str]) -> bool {
    matches!(
        keys,
        ["database", "url"]
            | ["server", "proxy"]
            | ["channels", _, "url" | "secret" | "token"]
            | ["channels", _, "dkim", "key"]
            | ["channels", _, "dkim", "ed25519", "key"]
    )
}

/// Makes the file unusable if a line of it is not TOML or has a misspelt key: the line may have
/// been a limit of a channel, the database or the address of the admin pages.
fn refuse_half_read(source: &SourceFile, settings: &mut Settings, findings: &mut Diagnostics) {
    if !source.has_syntax_errors() && !source.has_code("unknown-key") {
        return;
    }
    settings.database = None;
    let message =
        "a line of this file cannot be read, so that a limit, an address or the database may be lost";
    let help = "Correct the errors of this file. Until then nothing starts, and a running server keeps the previous file.";
    findings.push(Diagnostic::error("half-read", CHORUS_TOML, message).help(help));
}

/// Makes all mail channels unusable if the brand has no postal address: e-mail without it is
/// illegal in most places.
fn require_postal_address(source: &SourceFile, settings: &mut Settings, file: &ChorusFile) {
    if settings.brand.as_ref().is_none_or(|brand| !brand.address.is_empty()) {
        return;
    }
    let is_mail = |channel: &Option<Channel>| channel.as_ref().is_some_and(|channel| channel.kind.is_mail());
    let mut mail_channels = settings.channels.values_mut().filter(|channel| is_mail(channel)).peekable();
    if mail_channels.peek().is_some() {
        let message = "`address` is missing, and every e-mail must carry the brand's postal address";
        let help = "Add a line such as `address = \"1 Pier Road, Shanghai\"` to [brand].";
        source.error("missing-address", file.brand.span(), message, help);
    }
    mail_channels.for_each(|channel| *channel = None);
}
