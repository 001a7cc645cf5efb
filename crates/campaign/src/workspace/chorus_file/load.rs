//! `chorus.toml`: read, checked, and what of it can be used.

use std::collections::BTreeMap;
use std::path::Path;

use source::{ConfinedDir, Diagnostic, Diagnostics, SourceFile};

use crate::workspace::chorus_file::format::ChorusFile;
use crate::workspace::chorus_file::{attributes, channel, read, server};
use crate::workspace::definitions::Shelf;
use crate::workspace::mask::mask;
use crate::workspace::toml_file::{LARGEST, read_document};
use crate::workspace::{AttributeKind, Brand, Channel, Database, Server};

/// The name of the file.
pub(crate) const CHORUS_TOML: &str = "chorus.toml";

/// What `chorus.toml` says; parts that cannot be used are `None`.
pub(crate) struct Settings {
    pub(crate) brand: Option<Brand>,
    pub(crate) database: Option<Database>,
    pub(crate) server: Option<Server>,
    pub(crate) attributes: BTreeMap<String, AttributeKind>,
    pub(crate) channels: Shelf<Channel>,
    /// Whether a channel or attribute may stand where the file cannot be read.
    pub(crate) hidden: bool,
}

/// Reads `chorus.toml`.
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
        channels: Shelf::new(),
        hidden: true,
    };
    let text = match dir.read(Path::new(CHORUS_TOML), LARGEST) {
        Ok(text) => text,
        Err(fault) => {
            let help = "Every workspace has one; `chorus init` makes a folder with one that works.";
            findings.push(Diagnostic::error("unreadable", CHORUS_TOML, fault.to_string()).help(help));
            return settings;
        }
    };
    let source = SourceFile::new(CHORUS_TOML, text);
    if let Some(file) = read_document::<ChorusFile>(&source, &is_secret) {
        let reading = read::Reading { source: &source, dir, env };
        settings.brand = read::brand(&reading, &file);
        settings.database = read::database(&reading, &file);
        settings.server = server::server(&reading, &file);
        settings.attributes = attributes::attributes(&source, &file.attributes);
        settings.channels = channel::channels(&reading, &file, settings.brand.as_ref());
        let lost = |given: bool, read: bool| given && !read;
        settings.hidden = source.is_garbled()
            || lost(file.channels.is_given(), file.channels.get().is_some())
            || lost(file.attributes.is_given(), file.attributes.get().is_some());
        need_postal_address(&source, &mut settings, &file);
    }
    refuse_half_read(&source, &mut settings, findings);
    source.hand_over(findings, mask);
    settings
}

/// Where `${NAME}` may stand in `chorus.toml`.
fn is_secret(keys: &[&str]) -> bool {
    matches!(
        keys,
        ["database", "url"]
            | ["channels", _, "url" | "secret" | "token"]
            | ["channels", _, "dkim", "key"]
            | ["channels", _, "dkim", "ed25519", "key"]
    )
}

/// Makes the file unusable where a line of it is no TOML or has a misspelt key: the line may have been a limit of a
/// channel, the database or the address of the admin pages.
fn refuse_half_read(source: &SourceFile, settings: &mut Settings, findings: &mut Diagnostics) {
    if !source.is_garbled() && !source.has("unknown-key") {
        return;
    }
    settings.database = None;
    let message = "a line of this file says nothing, so that a limit, an address or the database may be lost";
    let help = "Correct the errors of this file. Until then nothing starts, and a server that runs keeps the file of before.";
    findings.push(Diagnostic::error("half-read", CHORUS_TOML, message).help(help));
}

/// E-mail without the sender's postal address is against the law in most places: no channel sends it.
fn need_postal_address(source: &SourceFile, settings: &mut Settings, file: &ChorusFile) {
    if settings.brand.as_ref().is_none_or(|brand| !brand.address.is_empty()) {
        return;
    }
    let is_mail = |channel: &Option<Channel>| channel.as_ref().is_some_and(|channel| channel.kind.is_mail());
    let mut silenced = settings.channels.values_mut().filter(|channel| is_mail(channel)).peekable();
    if silenced.peek().is_some() {
        let message = "`address` is missing, and every e-mail must carry the brand's postal address";
        let help = "Add a line such as `address = \"1 Pier Road, Shanghai\"` to [brand].";
        source.error("missing-address", file.brand.span(), message, help);
    }
    silenced.for_each(|channel| *channel = None);
}
