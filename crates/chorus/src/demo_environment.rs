//! The environment of `chorus demo`: the sample workspace in a temporary folder, all services, a
//! clock that runs fast, and a simulated audience.

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
use crate::embedded;
use crate::files::FilesStatus;
use crate::operations::Operations;
use crate::server::{AccessKeys, Listeners, Server};
use crate::setup::{self, App};
use simulation::{SimulationContext, simulate};

/// A running demo with all its services.
pub(crate) struct DemoEnvironment {
    server: Server,
    engine: Engine,
    platform: Arc<Platform>,
    audience: JoinHandle<()>,
    stop: CancellationToken,
    app: App,
    /// Sender of the loaded files; kept so that the receivers of the engine and the pages stay
    /// open.
    _files: watch::Sender<Loaded>,
    _folder: TempDir,
}

/// Seed of the simulated audience, which behaves alike in every demo.
const SEED: u64 = 20_270_302;

impl DemoEnvironment {
    /// Starts all services. `speed` is the number of simulated seconds that pass in a real one;
    /// `port` defaults to 8080 or any free one.
    pub(crate) async fn start(speed: u32, port: Option<u16>) -> anyhow::Result<Self> {
        let folder = TempDir::with_prefix("chorus-demo-").context("make a temporary folder")?;
        embedded::write_sample(folder.path())?;
        std::fs::write(folder.path().join("chorus.toml"), embedded::CHORUS_TOML)?;
        let listener = listen(port).await?;
        let address = listener.local_addr()?;
        let (mut workspace, findings) = load_sample(folder.path())?;
        let start = start_time(&workspace, speed);
        let clock = Clock::scaled(start, speed);
        let time = clock.clone();
        let platform = Arc::new(Platform::start(Arc::new(move || time.millis().as_millisecond())).await?);
        connect_channels(&mut workspace, &platform)?;
        workspace.server.listen = address;
        workspace.server.public_url = Url::parse(&format!("http://{address}"))?;
        let app = setup::open(Arc::new((workspace, findings)), clock).await?;
        // The steps are registered with the start time of the clock, however long the start takes.
        scheduler::register_steps(&app.store, &app.loaded, start).await?;
        import(&app).await?;
        let (updates, files) = watch::channel(app.loaded.clone());
        let status = FilesStatus::read_at(app.clock.now());
        let operations = Operations::new(&app, files.clone(), status, true);
        let listeners = Listeners { public: listener, admin: None };
        let server =
            Server::start(&app, listeners, files.clone(), AccessKeys::default(), true, &operations).await?;
        let engine = Engine::start(app.worker("demo", files, None)?);
        operations.set_worker(engine.status());
        let stop = CancellationToken::new();
        let audience = tokio::spawn(simulate(simulation_context(&app, &platform), SEED, stop.clone()));
        Ok(Self { server, engine, platform, audience, stop, app, _files: updates, _folder: folder })
    }

    /// Returns the URL of the dashboard.
    pub(crate) fn dashboard(&self) -> String {
        format!("http://{}/", self.server.address)
    }

    /// Returns the URL of the page on which the simulated networks show their posts.
    pub(crate) fn platform_page(&self) -> String {
        self.platform.page()
    }

    /// Stops all services, in order.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        let _ = self.audience.await;
        self.engine.stop().await;
        self.server.finish().await;
        if let Some(platform) = Arc::into_inner(self.platform) {
            platform.finish().await;
        }
        self.app.store.close().await;
    }
}

fn simulation_context(app: &App, platform: &Arc<Platform>) -> SimulationContext {
    SimulationContext {
        store: app.store.clone(),
        public_url: app.workspace().server.public_url.clone(),
        platform: Arc::clone(platform),
        clock: app.clock.clone(),
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

/// Loads the sample workspace, with the URLs and secrets of its channels taken from the simulated
/// networks.
fn load_sample(root: &Path) -> anyhow::Result<(Workspace, source::Diagnostics)> {
    let to_error =
        |findings: source::Diagnostics| anyhow::anyhow!("read the sample:\n{}", findings.to_text(false));
    let webhook = platform::account(Kind::Webhook);
    let env = |name: &str| if name.ends_with("_URL") { webhook.url } else { webhook.secret };
    Workspace::load(root, &|name| env(name).map(str::to_owned)).map_err(to_error)
}

/// Connects every channel to its simulated network, with the account that exists there.
fn connect_channels(workspace: &mut Workspace, platform: &Platform) -> anyhow::Result<()> {
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

/// Returns the simulated start time: three real seconds before the first step with `at` is due in
/// the brand's time zone, so that a message goes out soon after the start.
fn start_time(workspace: &Workspace, speed: u32) -> Timestamp {
    let steps = workspace.campaigns.values().flat_map(|campaign| &campaign.steps);
    let once = steps.filter(|step| matches!(step.schedule.trigger, Trigger::At(_)));
    let due = once.flat_map(|step| step.schedule.occurrences(Timestamp::UNIX_EPOCH, Timestamp::MAX, 1));
    let first = due.map(|occurrence| occurrence.moment.due_in(&workspace.brand.timezone)).min();
    let first = first.unwrap_or_else(|| Clock::System.now());
    first.checked_sub(SignedDuration::from_secs(3 * i64::from(speed))).unwrap_or(first)
}

async fn import(app: &App) -> anyhow::Result<()> {
    contacts::import_from(app, embedded::CONTACTS.as_bytes()).await
}
