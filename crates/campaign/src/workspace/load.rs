//! Reading a workspace: every file, every finding, and only then what can be used.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use serde::de::DeserializeOwned;

use super::audience_set::{self, Draft};
use super::chorus_file::ChorusFile;
use super::known::{Known, Shelf};
use super::mask::mask;
use super::message_check::is_mail;
use super::{Brand, Channel, Database, Server, Workspace};
use super::{audience_read, campaign_set, channel_read, chorus_read, template_files, variable};
use crate::audience::Audience;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::file::{Jail, Sheet, reader};
use crate::ids::{AudienceId, BadName};

/// The largest TOML file, in MiB.
const LARGEST: u64 = 1;

const CHORUS_TOML: &str = "chorus.toml";

/// What `chorus.toml` says; parts that cannot be used are `None`.
struct Settings {
    brand: Option<Brand>,
    database: Option<Database>,
    server: Option<Server>,
    attributes: BTreeMap<String, super::AttributeKind>,
    channels: Shelf<Channel>,
    /// Whether a channel or attribute may stand where the file cannot be read.
    hidden: bool,
}

impl Workspace {
    /// Reads the workspace in `root`. `env` reads an environment variable, for secrets.
    ///
    /// # Errors
    /// The findings, when `chorus.toml` itself is so wrong that nothing could run; otherwise the workspace
    /// comes with its findings, and campaigns that have errors are left out of it.
    pub fn load(
        root: &Path,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(Self, Diagnostics), Diagnostics> {
        let mut findings = Diagnostics::new();
        let jail = match Jail::new(root) {
            Ok(jail) => jail,
            Err(error) => {
                let message = format!("the workspace {} cannot be opened: {}", root.display(), error.kind());
                findings.push(
                    Diagnostic::error("unreadable", CHORUS_TOML, message)
                        .help("Name a folder with a chorus.toml."),
                );
                return Err(findings);
            }
        };
        let settings = settings(&jail, env, &mut findings);
        let mut reading = template_files::Reading { jail: &jail, findings: &mut findings, broken: false };
        let (templates, shared) = reading.templates();
        let campaigns = toml_files(&jail, "campaigns", &mut findings);
        let campaigns_listed = campaigns.is_some();
        let campaigns = campaigns.unwrap_or_default();
        let audiences = toml_files(&jail, "audiences", &mut findings).unwrap_or_default();
        let mut known = Known {
            zone: settings.brand.as_ref().map_or(TimeZone::UTC, |brand| brand.timezone.clone()),
            never_say: settings.brand.as_ref().map(|brand| brand.never_say.clone()).unwrap_or_default(),
            attributes: settings.attributes,
            channels: settings.channels,
            hidden: settings.hidden,
            audiences: Shelf::new(),
            templates,
            campaigns: campaigns.iter().map(|file| file.stem.clone()).collect(),
            jail,
        };
        known.audiences = read_audiences(&known, audiences, &mut findings);
        let campaigns = campaign_set::read(&known, &campaigns, &mut findings);
        let (Some(brand), Some(database), Some(server)) =
            (settings.brand, settings.database, settings.server)
        else {
            return Err(findings);
        };
        let workspace = Self {
            root: known.jail.root().to_owned(),
            hash: known.jail.hash(),
            brand,
            database,
            server,
            attributes: known.attributes,
            channels: usable(known.channels).map(|channel| (channel.id.clone(), channel)).collect(),
            audiences: usable(known.audiences).map(|audience| (audience.id.clone(), audience)).collect(),
            campaigns: campaigns.into_iter().map(|campaign| (campaign.id.clone(), campaign)).collect(),
            campaign_files: known.campaigns,
            campaigns_listed,
            templates: usable(known.templates).map(|template| (template.id.clone(), template)).collect(),
            shared,
        };
        Ok((workspace, findings))
    }
}

fn usable<T>(shelf: Shelf<T>) -> impl Iterator<Item = T> {
    shelf.into_values().flatten()
}

/// Reads `chorus.toml`.
fn settings(jail: &Jail, env: &dyn Fn(&str) -> Option<String>, findings: &mut Diagnostics) -> Settings {
    let mut settings = Settings {
        brand: None,
        database: None,
        server: None,
        attributes: BTreeMap::new(),
        channels: Shelf::new(),
        hidden: true,
    };
    let text = match jail.read(Path::new(CHORUS_TOML), LARGEST) {
        Ok(text) => text,
        Err(fault) => {
            let help = "Every workspace has one; `chorus init` makes a folder with one that works.";
            findings.push(Diagnostic::error("unreadable", CHORUS_TOML, fault.to_string()).help(help));
            return settings;
        }
    };
    let sheet = Sheet::new(CHORUS_TOML, text);
    if let Some(file) = read_document::<ChorusFile>(&sheet, &is_secret) {
        let reading = chorus_read::Reading { sheet: &sheet, jail, env };
        settings.brand = chorus_read::brand(&reading, &file);
        settings.database = chorus_read::database(&reading, &file);
        settings.server = chorus_read::server(&reading, &file);
        settings.attributes = chorus_read::attributes(&sheet, &file.attributes);
        settings.channels = channel_read::channels(&reading, &file, settings.brand.as_ref());
        let lost = |given: bool, read: bool| given && !read;
        settings.hidden = sheet.is_garbled()
            || lost(file.channels.is_given(), file.channels.get().is_some())
            || lost(file.attributes.is_given(), file.attributes.get().is_some());
        need_postal_address(&sheet, &mut settings, &file);
    }
    sheet.hand_over(findings, mask);
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

/// E-mail without the sender's postal address is against the law in most places: no channel sends it.
fn need_postal_address(sheet: &Sheet, settings: &mut Settings, file: &ChorusFile) {
    if settings.brand.as_ref().is_none_or(|brand| !brand.address.is_empty()) {
        return;
    }
    let is_mail = |channel: &Option<Channel>| channel.as_ref().is_some_and(|channel| is_mail(&channel.kind));
    let mut silenced = settings.channels.values_mut().filter(|channel| is_mail(channel)).peekable();
    if silenced.peek().is_some() {
        let message = "`address` is missing, and every e-mail must carry the brand's postal address";
        let help = "Add a line such as `address = \"1 Pier Road, Shanghai\"` to [brand].";
        sheet.error("missing-address", file.brand.span(), message, help);
    }
    silenced.for_each(|channel| *channel = None);
}

/// The document as a `T`, with `${NAME}` refused where it cannot stand.
pub(super) fn read_document<T: DeserializeOwned>(
    sheet: &Sheet,
    is_secret: &dyn Fn(&[&str]) -> bool,
) -> Option<T> {
    let document = reader::document(sheet);
    variable::refuse(sheet, document.get_ref(), is_secret);
    reader::read(sheet, document)
}

/// One TOML file of a folder.
pub(super) struct TomlFile {
    pub(super) path: PathBuf,
    pub(super) stem: String,
}

/// The TOML files of a folder; whatever else could be taken for one is reported. `None` if the folder cannot be
/// listed.
fn toml_files(jail: &Jail, folder: &str, findings: &mut Diagnostics) -> Option<Vec<TomlFile>> {
    let listed = jail.list(Path::new(folder)).map_err(|fault| {
        let finding = Diagnostic::error("unreadable", folder, fault.to_string());
        findings.push(finding.help(fault.help()));
    });
    let entries = listed.ok()?;
    let mut files = Vec::new();
    for entry in entries {
        match entry.name.strip_suffix(".toml") {
            Some(stem) if !entry.is_folder => {
                files.push(TomlFile { stem: stem.to_owned(), path: entry.path });
            }
            None if !entry.is_folder => {}
            _ => {
                let message = format!("nothing reads folders in {folder}");
                let help = format!("Move its files to {folder}/.");
                findings.push(Diagnostic::warning("not-read", &entry.path, message).help(help));
            }
        }
    }
    Some(files)
}

/// A file on the desk with its name; what cannot be read is told.
pub(super) fn open<Id>(
    jail: &Jail,
    file: &TomlFile,
    parse: fn(&str) -> Result<Id, BadName>,
    findings: &mut Diagnostics,
) -> Option<(Sheet, Option<Id>)> {
    let text = match jail.read(&file.path, LARGEST) {
        Ok(text) => text,
        Err(fault) => {
            let help = "It must be a UTF-8 text inside the workspace, of at most 1 MiB.";
            findings.push(Diagnostic::error("unreadable", &file.path, fault.to_string()).help(help));
            return None;
        }
    };
    let sheet = Sheet::new(&file.path, text);
    let help = "Call the file something like `spring-renewal.toml`.";
    let id = parse(&file.stem)
        .map_err(|fault| sheet.error("bad-name", None, format!("this file's name: {fault}"), help))
        .ok();
    Some((sheet, id))
}

fn read_audiences(known: &Known, files: Vec<TomlFile>, findings: &mut Diagnostics) -> Shelf<Audience> {
    let mut drafts = BTreeMap::new();
    let mut unreadable = BTreeSet::new();
    for file in files {
        match open(&known.jail, &file, AudienceId::parse, findings) {
            Some((sheet, id)) => {
                drafts.insert(file.stem, draft(known, sheet, id));
            }
            None => {
                unreadable.insert(file.stem);
            }
        }
    }
    let shelf = audience_set::settle(&mut drafts, unreadable);
    drafts.into_values().for_each(|draft| draft.sheet.hand_over(findings, |text| text));
    shelf
}

fn draft(known: &Known, sheet: Sheet, id: Option<AudienceId>) -> Draft {
    let mut reading = audience_read::Reading {
        sheet: &sheet,
        attributes: (!known.hidden).then_some(&known.attributes),
        campaigns: &known.campaigns,
        mentions: Vec::new(),
        count: 0,
    };
    let file = read_document(&sheet, &|_| false);
    // A file with a bad name is read all the same, so that everything wrong with it is told.
    let stand_in = id.is_none().then(|| AudienceId::parse("unnamed").ok()).flatten();
    let audience = file.zip(id.or(stand_in)).and_then(|(file, id)| reading.audience(id, &file));
    let mentions = reading.mentions;
    Draft { sheet, audience, mentions }
}
