//! From the command line and the environment to a workspace, a database and a signer.

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
use tracking::Signer;

use crate::output::{self, Format, wrong};

/// What every command gets.
#[derive(Debug)]
pub(crate) struct Env {
    /// `--workspace`.
    pub(crate) workspace: Option<PathBuf>,
    /// `--format`.
    pub(crate) format: Format,
}

/// Everything that is opened together.
#[derive(Debug, Clone)]
pub(crate) struct Opened {
    pub(crate) loaded: Loaded,
    pub(crate) store: Store,
    pub(crate) signer: Signer,
    pub(crate) clock: Clock,
}

/// A variable of the environment, if it is set and is text.
#[expect(clippy::disallowed_methods, reason = "chorus reads the environment")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl Env {
    /// The workspace's folder.
    pub(crate) fn root(&self) -> anyhow::Result<PathBuf> {
        if let Some(dir) = &self.workspace {
            let found = dir.join("chorus.toml").is_file();
            let lost =
                || wrong(format!("there is no chorus.toml in {}; `chorus init` makes one", dir.display()));
            return if found { Ok(dir.clone()) } else { Err(lost()) };
        }
        let here = std::env::current_dir().context("find the current folder")?;
        let found = here.ancestors().find(|folder| folder.join("chorus.toml").is_file());
        found.map(Path::to_owned).ok_or_else(|| {
            wrong("there is no chorus.toml here or in a folder above; `chorus init DIR` makes a workspace")
        })
    }

    /// The workspace with everything that is wrong with it; campaigns with errors are not in it.
    pub(crate) fn load(&self) -> anyhow::Result<Loaded> {
        load(&self.root()?)
    }

    /// The workspace and its database, brought to this version.
    pub(crate) async fn open(&self) -> anyhow::Result<Opened> {
        let loaded = self.load()?;
        open(loaded, Clock::System).await
    }

    /// The same, for a command about one campaign: the steps of that are not compiled again.
    pub(crate) async fn open_for(&self, campaign: &str) -> anyhow::Result<Opened> {
        let read = read(&self.root()?, Some(campaign));
        let loaded = read.map_err(|findings| wrong(findings.to_text(false)))?;
        open(loaded, Clock::System).await
    }
}

/// Reads the workspace in `root` and compiles every step.
pub(crate) fn load(root: &Path) -> anyhow::Result<Loaded> {
    read(root, None).map_err(|findings| wrong(findings.to_text(false)))
}

/// Reads the workspace in `root` and compiles every step; the findings alone when chorus.toml is of no use. The compiled
/// steps of the campaign `kept` are kept.
pub(crate) fn read(root: &Path, kept: Option<&str>) -> Result<Loaded, Diagnostics> {
    let (mut workspace, mut findings) = Workspace::load(root, &variable)?;
    let mut compiled = Vec::new();
    let mut broken = Vec::new();
    for surveyed in channel::survey_all(&workspace, kept) {
        compiled.extend(surveyed.compiled);
        if surveyed.findings.iter().any(|finding| finding.severity == Severity::Error) {
            broken.push(surveyed.campaign.clone());
        }
        add(&mut findings, &workspace, surveyed.findings);
    }
    for id in broken {
        workspace.campaigns.remove(&id);
    }
    let loaded = Arc::new((workspace, findings));
    for (step, compiled) in compiled {
        scheduler::keep_compiled(&loaded, kept.unwrap_or_default(), step.as_str(), compiled);
    }
    Ok(loaded)
}

/// Adds what is wrong with a campaign, with the texts in which it stands.
fn add(findings: &mut Diagnostics, workspace: &Workspace, found: Vec<Diagnostic>) {
    for finding in found {
        let file = finding.file.clone();
        findings.push(finding);
        // The text of chorus.toml may hold secrets; the reader of the files shows it masked.
        if file != Path::new("chorus.toml") {
            let path = workspace.root.join(&file);
            findings.add_source(&file, || std::fs::read_to_string(path).unwrap_or_default());
        }
    }
}

/// Opens a loaded workspace's database.
pub(crate) async fn open(loaded: Loaded, clock: Clock) -> anyhow::Result<Opened> {
    let workspace = &loaded.0;
    let url = workspace.database.url.expose().map_err(|missing| wrong(format!("{missing}: set it first")))?;
    let store = Store::open(url).await?;
    store.migrate().await?;
    if let Some(stopped) = store.identity_open(&fresh_key(), clock.millis()).await? {
        output::note(format!(
            "Everything is stopped now, because this database is a copy: {}. `chorus doctor` says what may have gone out \
             since, `chorus start` goes on.",
            stopped.detail
        ));
    }
    let signer = signer(&store, workspace).await?;
    Ok(Opened { loaded, store, signer, clock })
}

/// Returns the proxy that posts go through: `[server] proxy`, or what the environment names, but for the hosts in its
/// NO_PROXY.
pub(crate) fn proxy(workspace: &Workspace) -> anyhow::Result<Option<Proxy>> {
    if let Some(proxy) = &workspace.server.proxy {
        let url = proxy.expose().map_err(|missing| wrong(format!("{missing}: set it first")))?;
        return Ok(Some(url.parse().map_err(|error| wrong(format!("[server] proxy: {error}")))?));
    }
    let either = |name: &str| variable(name).or_else(|| variable(&name.to_ascii_lowercase()));
    let Some(url) = either("HTTPS_PROXY").filter(|url| !url.trim().is_empty()) else { return Ok(None) };
    let proxy: Proxy =
        url.parse().map_err(|error| wrong(format!("the environment's HTTPS_PROXY: {error}")))?;
    Ok(Some(proxy.except(either("NO_PROXY").as_deref())))
}

async fn signer(store: &Store, workspace: &Workspace) -> anyhow::Result<Signer> {
    let key = store.setting_init("signing_key", &fresh_key()).await?;
    Ok(Signer::new(key.as_bytes(), &workspace.server.public_url))
}

/// 256 bits from the operating system, in hexadecimal.
#[expect(clippy::disallowed_methods, reason = "the one place where chance comes from outside")]
pub(crate) fn fresh_key() -> String {
    let bits: [u8; 32] = rand::random();
    hex::encode(bits)
}

/// The number of files that a note names.
const NAMED: usize = 5;

impl Opened {
    /// The workspace.
    pub(crate) fn workspace(&self) -> &Workspace {
        &self.loaded.0
    }

    /// Notes the files with errors: what they define is not in the workspace.
    pub(crate) fn note_broken_files(&self) {
        let broken: BTreeSet<_> =
            self.loaded.1.errors().map(|finding| finding.file.display().to_string()).collect();
        let noun = match broken.len() {
            0 => return,
            1 => "file has an error and is",
            _ => "files have errors and are",
        };
        let named: Vec<_> = broken.iter().take(NAMED).map(String::as_str).collect();
        let more = if broken.len() > NAMED { " and others" } else { "" };
        output::note(format!(
            "{} {noun} left out: {}{more}. `chorus check` says what is wrong.",
            broken.len(),
            named.join(", ")
        ));
    }

    /// The worker that plans by other files on the same database, if one does.
    pub(crate) async fn other_files_in_force(&self) -> anyhow::Result<Option<String>> {
        Ok(self.store.files_of_others(&self.workspace().hash, self.clock.millis()).await?)
    }

    /// What a worker of this workspace works with; `role` is its name in the database, with the process's number.
    ///
    /// # Errors
    /// The proxy that posts go through is not named as one.
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
            limits: channel::Limits::default(),
            proxy: proxy(self.workspace())?,
            only,
            files_before: Arc::default(),
        })
    }

    /// Writes once where a worker writes when it begins: one that cannot would try again for ever.
    pub(crate) async fn require_writable(&self) -> anyhow::Result<()> {
        Ok(scheduler::require_writable(&self.store, &self.journal(), self.clock.millis()).await?)
    }

    /// The folder of the journals.
    fn journal(&self) -> PathBuf {
        self.workspace().root.join("data/journal")
    }

    /// A campaign that may run.
    pub(crate) fn campaign(&self, name: &str) -> anyhow::Result<&campaign::Campaign> {
        find_campaign(&self.loaded, name)
    }

    /// An audience without errors.
    pub(crate) fn audience(&self, name: &str) -> anyhow::Result<&campaign::Audience> {
        find(self.workspace(), &self.workspace().audiences, ("audience", "audiences"), name)
    }
}

/// A campaign that may run; an error says whether it is not there or has errors.
pub(crate) fn find_campaign<'a>(loaded: &'a Loaded, name: &str) -> anyhow::Result<&'a campaign::Campaign> {
    let workspace = &loaded.0;
    find(workspace, &workspace.campaigns, ("campaign", "campaigns"), name)
}

/// One of the files of a kind, which is given as a word and as its folder; an error says whether the file is not there
/// or has errors.
fn find<'a, K: Ord + Borrow<str>, T>(
    workspace: &Workspace,
    known: &'a BTreeMap<K, T>,
    (kind, folder): (&str, &str),
    name: &str,
) -> anyhow::Result<&'a T> {
    if let Some(found) = known.get(name) {
        return Ok(found);
    }
    let file = PathBuf::from(folder).join(format!("{name}.toml"));
    if workspace.root.join(&file).is_file() {
        return Err(wrong(format!("{} has errors; `chorus check` shows them", file.display())));
    }
    let known: Vec<&str> = known.keys().map(Borrow::borrow).collect();
    Err(wrong(format!("there is no {kind} {name:?}; there are: {}", known.join(", "))))
}
