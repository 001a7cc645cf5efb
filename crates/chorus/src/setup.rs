//! Loading of what commands work with: the workspace, its database, the link signer and the proxy.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use campaign::Workspace;
use channel::Proxy;
use scheduler::{Files, Loaded};
use source::{Diagnostic, Diagnostics, Severity};
use store::{Clock, RunId, Store};
use tracking::LinkSigner;

use terminal::output::{self, Format, user_error};

/// The global options of the command line, which every command receives.
#[derive(Debug)]
pub(crate) struct Env {
    /// The folder given by `--workspace`.
    pub(crate) workspace: Option<PathBuf>,
    /// The output format given by `--format`.
    pub(crate) format: Format,
}

/// The loaded workspace with its open database, link signer and clock.
#[derive(Debug, Clone)]
pub(crate) struct App {
    pub(crate) loaded: Loaded,
    pub(crate) store: Store,
    pub(crate) signer: LinkSigner,
    pub(crate) clock: Clock,
}

/// Returns an environment variable; `None` if it is not set or is not UTF-8.
#[expect(clippy::disallowed_methods, reason = "chorus reads the environment")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl Env {
    /// Returns the workspace's folder: that of `--workspace`, or the nearest one at or above the
    /// current folder that has a chorus.toml.
    pub(crate) fn root(&self) -> anyhow::Result<PathBuf> {
        if let Some(dir) = &self.workspace {
            let found = dir.join("chorus.toml").is_file();
            let missing = || {
                user_error(format!("there is no chorus.toml in {}; `chorus init` creates one", dir.display()))
            };
            return if found { Ok(dir.clone()) } else { Err(missing()) };
        }
        let here = std::env::current_dir().context("find the current folder")?;
        let found = here.ancestors().find(|folder| folder.join("chorus.toml").is_file());
        found.map(Path::to_owned).ok_or_else(|| {
            user_error(
                "there is no chorus.toml here or in a folder above; `chorus init DIR` creates a workspace",
            )
        })
    }

    /// Loads the workspace and its findings. Campaigns with errors are not included.
    pub(crate) fn load(&self) -> anyhow::Result<Loaded> {
        load(&self.root()?)
    }

    /// Loads the workspace and opens its database, migrated to this version.
    pub(crate) async fn open(&self) -> anyhow::Result<App> {
        let loaded = self.load()?;
        open(loaded, Clock::System).await
    }

    /// Does the same as [`Env::open`] for a command about one campaign, and caches the compiled
    /// steps of that campaign.
    pub(crate) async fn open_for(&self, campaign: &str) -> anyhow::Result<App> {
        let read = read(&self.root()?, Some(campaign));
        let loaded = read.map_err(|findings| unusable_workspace(&findings))?;
        open(loaded, Clock::System).await
    }
}

/// Loads the workspace in `root` and compiles every step.
pub(crate) fn load(root: &Path) -> anyhow::Result<Loaded> {
    read(root, None).map_err(|findings| unusable_workspace(&findings))
}

/// Returns the error for a workspace that cannot be loaded: the findings about chorus.toml, which
/// keep everything from running.
fn unusable_workspace(findings: &Diagnostics) -> anyhow::Error {
    user_error(settings_errors(findings).unwrap_or_else(|| findings.to_text(false)))
}

/// Returns the text of the findings about chorus.toml; `None` if none of them is an error.
pub(crate) fn settings_errors(findings: &Diagnostics) -> Option<String> {
    let of_settings = findings.of_file(Path::new(CHORUS_TOML));
    of_settings.is_fatal().then(|| of_settings.to_text(false).trim_end().to_owned())
}

/// Loads the workspace in `root` and compiles every step. The compiled steps of the campaign
/// `cached_campaign` are cached.
///
/// # Errors
/// Returns the findings if chorus.toml cannot be used.
pub(crate) fn read(root: &Path, cached_campaign: Option<&str>) -> Result<Loaded, Diagnostics> {
    let (mut workspace, mut findings) = Workspace::load(root, &variable)?;
    let mut compiled = Vec::new();
    let mut broken = Vec::new();
    for surveyed in channel::survey_all(&workspace, cached_campaign) {
        compiled.extend(surveyed.compiled);
        if surveyed.findings.iter().any(|finding| finding.severity == Severity::Error) {
            broken.push(surveyed.campaign.clone());
        }
        add_findings(&mut findings, &workspace, surveyed.findings);
    }
    for id in broken {
        workspace.campaigns.remove(&id);
    }
    let loaded = Arc::new((workspace, findings));
    for (step, compiled) in compiled {
        scheduler::cache_compiled(&loaded, cached_campaign.unwrap_or_default(), step.as_str(), compiled);
    }
    Ok(loaded)
}

/// Adds the findings of a campaign, with the texts of the files that they refer to.
fn add_findings(findings: &mut Diagnostics, workspace: &Workspace, found: Vec<Diagnostic>) {
    for finding in found {
        let file = finding.file.clone();
        findings.push(finding);
        // The text of chorus.toml may hold secrets; the loader adds it with these masked.
        if file != Path::new(CHORUS_TOML) {
            let path = workspace.root.join(&file);
            findings.add_source(&file, || std::fs::read_to_string(path).unwrap_or_default());
        }
    }
}

/// Opens and migrates the database of a loaded workspace. If the database turns out to be a copy,
/// everything is stopped and a note says so.
pub(crate) async fn open(loaded: Loaded, clock: Clock) -> anyhow::Result<App> {
    let workspace = &loaded.0;
    let url =
        workspace.database.url.expose().map_err(|missing| user_error(format!("{missing}: set it first")))?;
    let store = Store::open(url).await?;
    store.migrate().await?;
    if let Some(stopped) = store.identity_open(&random_key(), clock.millis()).await? {
        output::note(format!(
            "Everything is stopped now, because this database is a copy: {}. `chorus doctor` says what may have gone out \
             since, `chorus start` goes on.",
            stopped.detail
        ));
    }
    // A command without a server finds the history of a renamed step, too.
    scheduler::apply_renames(&store, &loaded, clock.now()).await?;
    let signer = signer(&store, workspace).await?;
    Ok(App { loaded, store, signer, clock })
}

/// Returns the proxy for outgoing HTTP requests: `[server] proxy`, or HTTPS_PROXY of the
/// environment except for the hosts in NO_PROXY.
pub(crate) fn proxy(workspace: &Workspace) -> anyhow::Result<Option<Proxy>> {
    if let Some(proxy) = &workspace.server.proxy {
        let url = proxy.expose().map_err(|missing| user_error(format!("{missing}: set it first")))?;
        return Ok(Some(url.parse().map_err(|error| user_error(format!("[server] proxy: {error}")))?));
    }
    let either = |name: &str| variable(name).or_else(|| variable(&name.to_ascii_lowercase()));
    let Some(url) = either("HTTPS_PROXY").filter(|url| !url.trim().is_empty()) else { return Ok(None) };
    let proxy: Proxy =
        url.parse().map_err(|error| user_error(format!("the environment's HTTPS_PROXY: {error}")))?;
    Ok(Some(proxy.except(either("NO_PROXY").as_deref())))
}

async fn signer(store: &Store, workspace: &Workspace) -> anyhow::Result<LinkSigner> {
    let key = store.setting_init("signing_key", &random_key()).await?;
    Ok(LinkSigner::new(key.as_bytes(), &workspace.server.public_url))
}

/// Returns 256 random bits from the operating system, in hexadecimal.
#[expect(clippy::disallowed_methods, reason = "the only use of the operating system's randomness")]
pub(crate) fn random_key() -> String {
    let bits: [u8; 32] = rand::random();
    hex::encode(bits)
}

/// Name of the settings file in a workspace.
const CHORUS_TOML: &str = "chorus.toml";

/// Maximum number of broken files that a note names.
const MAX_NAMED_FILES: usize = 5;

impl App {
    /// Returns the loaded workspace.
    pub(crate) fn workspace(&self) -> &Workspace {
        &self.loaded.0
    }

    /// Prints the findings about chorus.toml if one is an error, and a note about the other files
    /// with errors, whose contents are not in the workspace.
    pub(crate) fn note_broken_files(&self) {
        self.note_settings_errors();
        let files = self.loaded.1.errors().map(|finding| &finding.file);
        let files = files.filter(|file| *file != Path::new(CHORUS_TOML));
        let broken: BTreeSet<_> = files.map(|file| file.display().to_string()).collect();
        let noun = match broken.len() {
            0 => return,
            1 => "file has an error and is",
            _ => "files have errors and are",
        };
        let named: Vec<_> = broken.iter().take(MAX_NAMED_FILES).map(String::as_str).collect();
        let more = if broken.len() > MAX_NAMED_FILES { " and others" } else { "" };
        output::note(format!(
            "{} {noun} left out: {}{more}. `chorus check` says what is wrong.",
            broken.len(),
            named.join(", ")
        ));
    }

    /// Prints the findings about chorus.toml if one is an error, and the campaigns waiting for it.
    pub(crate) fn note_settings_errors(&self) {
        let Some(text) = settings_errors(&self.loaded.1) else { return };
        output::note(text);
        let waiting: Vec<_> = waiting_campaigns(&self.loaded).into_iter().take(MAX_NAMED_FILES).collect();
        if !waiting.is_empty() {
            output::note(format!("Until chorus.toml is right, these cannot run: {}.", waiting.join(", ")));
        }
    }

    /// Returns the name of a worker that plans on the same database with other files, if there is
    /// one.
    pub(crate) async fn other_files_in_force(&self) -> anyhow::Result<Option<String>> {
        Ok(self.store.files_other_planner(&self.workspace().hash, self.clock.millis()).await?)
    }

    /// Returns the context of a worker of this workspace. Its name in the database is `role` with
    /// the process id. With `only`, it sends only that run.
    ///
    /// # Errors
    /// Returns an error if the configured proxy is not a valid URL of a proxy.
    pub(crate) fn worker(
        &self,
        role: &str,
        files: Files,
        only: Option<RunId>,
    ) -> anyhow::Result<scheduler::Context> {
        Ok(scheduler::Context {
            store: self.store.clone(),
            files,
            signer: self.signer.clone(),
            clock: self.clock.clone(),
            worker: format!("{role}-{}", std::process::id()),
            journal: self.journal(),
            limits: channel::Timeouts::default(),
            proxy: proxy(self.workspace())?,
            only,
            files_before: Arc::default(),
        })
    }

    /// Checks that the database and the journal folder are writable. A worker without write access
    /// would retry for ever.
    pub(crate) async fn require_writable(&self) -> anyhow::Result<()> {
        Ok(scheduler::require_writable(&self.store, &self.journal(), self.clock.millis()).await?)
    }

    /// Returns the folder of the journals.
    fn journal(&self) -> PathBuf {
        self.workspace().root.join("data/journal")
    }

    /// Returns the campaign with this name, which has no errors.
    pub(crate) fn campaign(&self, name: &str) -> anyhow::Result<&campaign::Campaign> {
        find_campaign(&self.loaded, name)
    }

    /// Returns the audience with this name, which has no errors.
    pub(crate) fn audience(&self, name: &str) -> anyhow::Result<&campaign::Audience> {
        find(&self.loaded, &self.workspace().audiences, ("audience", "audiences"), name)
    }
}

/// Returns the names of the campaigns without errors of their own that cannot run because of an
/// error in chorus.toml.
fn waiting_campaigns(loaded: &Loaded) -> Vec<&str> {
    let (workspace, findings) = &**loaded;
    let has_errors = |name: &str| {
        let file = Path::new("campaigns").join(format!("{name}.toml"));
        findings.errors().any(|finding| finding.file == file)
    };
    let left_out = workspace.campaign_files.iter().map(String::as_str);
    left_out.filter(|name| !workspace.campaigns.contains_key(*name) && !has_errors(name)).collect()
}

/// Returns the campaign with this name; the error says whether it does not exist or has errors.
pub(crate) fn find_campaign<'a>(loaded: &'a Loaded, name: &str) -> anyhow::Result<&'a campaign::Campaign> {
    find(loaded, &loaded.0.campaigns, ("campaign", "campaigns"), name)
}

/// Returns the entry named `name`; the error says whether its file does not exist or has errors.
/// The kind of entry is given as a noun and as the name of its folder.
fn find<'a, K: Ord + Borrow<str>, T>(
    loaded: &Loaded,
    known: &'a BTreeMap<K, T>,
    (kind, folder): (&str, &str),
    name: &str,
) -> anyhow::Result<&'a T> {
    if let Some(found) = known.get(name) {
        return Ok(found);
    }
    let file = PathBuf::from(folder).join(format!("{name}.toml"));
    if loaded.0.root.join(&file).is_file() {
        let has_errors = loaded.1.errors().any(|finding| finding.file == file);
        if let Some(text) = settings_errors(&loaded.1).filter(|_| !has_errors) {
            let file = file.display();
            return Err(user_error(format!("{text}\n\n{file} cannot be used until chorus.toml is right")));
        }
        return Err(user_error(format!("{} has errors; `chorus check` shows them", file.display())));
    }
    let known: Vec<&str> = known.keys().map(Borrow::borrow).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    Err(user_error(format!("there is no {kind} {name:?}; there are: {known}")))
}
