//! Sets the stage for the demo: the sample workspace in a temporary folder, everything started, a clock that
//! runs fast, and made-up people around it.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use campaign::{ChannelKind, Secret, Workspace};
use jiff::{SignedDuration, Timestamp};
use platform::{Kind, Platform};
use schedule::Trigger;
use scheduler::{Engine, Loaded};
use store::Clock;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::commands::contacts;
use crate::demo::{World, simulate};
use crate::embedded;
use crate::files::FilesStatus;
use crate::operations::Operations;
use crate::server::{Keys, Listeners, Server};
use crate::setup::{self, Opened};

/// A demo at work.
pub(crate) struct Stage {
    server: Server,
    engine: Engine,
    platform: Arc<Platform>,
    people: JoinHandle<()>,
    stop: CancellationToken,
    opened: Opened,
    /// Keeps the engine's and the pages' reading of the files alive.
    _files: watch::Sender<Loaded>,
    _folder: TempDir,
}

/// The made-up people do the same in every demo.
const SEED: u64 = 20_270_302;

impl Stage {
    /// Starts everything. `speed` is how many simulated seconds pass in a real one.
    pub(crate) async fn set(speed: u32, port: Option<u16>) -> anyhow::Result<Self> {
        let folder = TempDir::with_prefix("chorus-demo-").context("make a temporary folder")?;
        embedded::write_sample(folder.path())?;
        std::fs::write(folder.path().join("chorus.toml"), embedded::CHORUS_TOML)?;
        let listener = listen(port).await?;
        let address = listener.local_addr()?;
        let (mut workspace, findings) = read(folder.path())?;
        let start = beginning(&workspace, speed);
        let clock = Clock::scaled(start, speed);
        let time = clock.clone();
        let platform = Arc::new(Platform::start(Arc::new(move || time.millis().as_millisecond())).await?);
        play(&mut workspace, &platform)?;
        workspace.server.listen = address;
        workspace.server.public_url = Url::parse(&format!("http://{address}"))?;
        let opened = setup::open(Arc::new((workspace, findings)), clock).await?;
        // However slow the machine is, what the clock shows first is when the steps are first seen.
        scheduler::see(&opened.store, &opened.loaded, start).await?;
        import(&opened).await?;
        let (tell, files) = watch::channel(opened.loaded.clone());
        let status = FilesStatus::read_at(opened.clock.now());
        let operations = Operations::new(&opened, files.clone(), status, true);
        let listeners = Listeners { public: listener, admin: None };
        let server =
            Server::start(&opened, listeners, files.clone(), Keys::default(), true, &operations).await?;
        let engine = Engine::start(opened.worker("demo", files, None)?);
        operations.show_worker(engine.status());
        let stop = CancellationToken::new();
        let people = tokio::spawn(simulate(world(&opened, &platform), SEED, stop.clone()));
        Ok(Self { server, engine, platform, people, stop, opened, _files: tell, _folder: folder })
    }

    /// Where the dashboard is.
    pub(crate) fn dashboard(&self) -> String {
        format!("http://{}/", self.server.address)
    }

    /// Where the stand-in for the platforms shows what it got.
    pub(crate) fn community(&self) -> String {
        self.platform.page()
    }

    /// Ends everything, in order.
    pub(crate) async fn clear(self) {
        self.stop.cancel();
        let _ = self.people.await;
        self.engine.stop().await;
        self.server.finish().await;
        if let Some(platform) = Arc::into_inner(self.platform) {
            platform.finish().await;
        }
        self.opened.store.close().await;
    }
}

fn world(opened: &Opened, platform: &Arc<Platform>) -> World {
    World {
        store: opened.store.clone(),
        public_url: opened.workspace().server.public_url.clone(),
        platform: Arc::clone(platform),
        clock: opened.clock.clone(),
    }
}

async fn listen(port: Option<u16>) -> anyhow::Result<TcpListener> {
    let on = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    match port {
        Some(port) => on(port).await.with_context(|| format!("listen on port {port}")),
        None => match on(8080).await {
            Ok(listener) => Ok(listener),
            Err(_) => on(0).await.context("listen"),
        },
    }
}

/// The sample workspace. What its channels need besides, the platform knows.
fn read(root: &Path) -> anyhow::Result<(Workspace, source::Diagnostics)> {
    let told =
        |findings: source::Diagnostics| anyhow::anyhow!("read the sample:\n{}", findings.to_text(false));
    let webhook = platform::account(Kind::Webhook);
    let env = |name: &str| if name.ends_with("_URL") { webhook.url } else { webhook.secret };
    Workspace::load(root, &|name| env(name).map(str::to_owned)).map_err(told)
}

/// Points every channel to the platform that plays its network, with the account that is known there.
fn play(workspace: &mut Workspace, platform: &Platform) -> anyhow::Result<()> {
    platform.add_safe_host(Kind::Weibo, "127.0.0.1");
    for channel in workspace.channels.values_mut() {
        let ChannelKind::Network(account) = &mut channel.kind else { continue };
        let kind: Kind = account.network.kind.parse()?;
        let known = platform::account(kind);
        let text = |value: Option<&str>| value.map(str::to_owned);
        account.base_url = Some(Url::parse(&platform.base_url(kind))?);
        account.url = known.url.map(Secret::new);
        account.secret = known.secret.map(Secret::new);
        account.token = known.token.map(Secret::new);
        account.account = text(known.account);
        account.room = text(known.room);
        account.from = text(known.from);
        account.template_id = text(known.template_id);
    }
    Ok(())
}

/// When the demo begins: three real seconds before the first step that happens once falls due where the brand is,
/// so that something happens as soon as everything has started.
fn beginning(workspace: &Workspace, speed: u32) -> Timestamp {
    let steps = workspace.campaigns.values().flat_map(|campaign| &campaign.steps);
    let once = steps.filter(|step| matches!(step.schedule.trigger, Trigger::At(_)));
    let due = once.flat_map(|step| step.schedule.occurrences(Timestamp::UNIX_EPOCH, Timestamp::MAX, 1));
    let first = due.map(|occurrence| occurrence.moment.due_in(&workspace.brand.timezone)).min();
    let first = first.unwrap_or_else(|| Clock::System.now());
    first.checked_sub(SignedDuration::from_secs(3 * i64::from(speed))).unwrap_or(first)
}

async fn import(opened: &Opened) -> anyhow::Result<()> {
    let attributes = &opened.workspace().attributes;
    let now = opened.clock.millis();
    contacts::import_from(&opened.store, attributes, embedded::CONTACTS.as_bytes(), now).await
}
