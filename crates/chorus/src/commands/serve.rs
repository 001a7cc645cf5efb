//! `chorus serve`: runs the scheduler, tracking, public pages and the dashboard.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use scheduler::{Engine, Files};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::commands::runs;
use crate::files::{FileWatcher, FilesStatus};
use crate::operations::Operations;
use crate::server::{self, AccessKeys, AdminServer, Listeners, Server, StopSignal};
use crate::setup::{App, Env};
use crate::signals::ReloadSignal;
use terminal::arguments;
use terminal::help;
use terminal::output::{self, Format, counted};

/// Run schedules, links, public pages and the dashboard until stopped
#[derive(Debug, Args)]
#[command(after_help = help::examples(&[
    ("chorus serve", "all in one"),
    ("chorus serve --role worker --admin-listen 127.0.0.1:9091", "only sends"),
]))]
pub(crate) struct Options {
    /// The part that this process runs.
    #[arg(long, value_enum, default_value_t = Role::All)]
    role: Role,
    /// Listen at this address instead of `listen` in chorus.toml, such as 127.0.0.1:8081.
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = arguments::listen_address)]
    listen: Option<SocketAddr>,
    /// Serve pages, API and metrics at this address instead of `admin_listen` in chorus.toml: a
    /// second process on a machine needs its own port.
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = arguments::listen_address)]
    admin_listen: Option<SocketAddr>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Role {
    /// Links, pages, API, schedules and sending.
    All,
    /// Only links, pages and API.
    Web,
    /// Only schedules and sending.
    Worker,
}

pub(crate) async fn run(env: &Env, options: &Options) -> anyhow::Result<ExitCode> {
    let mut signal = StopSignal::listen()?;
    let reload = ReloadSignal::listen()?;
    let fingerprint = campaign::Workspace::fingerprint(&env.root()?);
    let app = env.open().await?;
    warn_about_errors(&app);
    warn_about_stop(&app).await?;
    require_writable(&app, options.role).await?;
    let stop = CancellationToken::new();
    let (updates, files) = watch::channel(app.loaded.clone());
    let worker = match options.role {
        Role::Web => None,
        Role::All | Role::Worker => Some(app.worker("serve", files.clone(), None)?),
    };
    let (root, clock) = (app.workspace().root.clone(), app.clock.clone());
    let status = FilesStatus::read_at(clock.now());
    let watcher = FileWatcher { root, fingerprint, updates, status: status.clone(), clock, reload };
    let watching = tokio::spawn(watcher.watch(stop.clone()));
    let operations = Operations::new(&app, files.clone(), status, options.role != Role::Web);
    let http = HttpServer::start(&app, options, &files, &operations).await?;
    let engine = worker.map(Engine::start);
    if let Some(engine) = &engine {
        operations.set_worker(engine.status());
    }
    announce(env, &app, options, &http)?;
    signal.received().await;
    output::note("Stopping after the messages that are being sent. A second signal stops immediately.");
    signal.exit_on_next();
    stop.cancel();
    let sending = async {
        if let Some(engine) = engine {
            engine.stop().await;
        }
    };
    let shutdown = async {
        tokio::join!(sending, http.finish());
        let _ = watching.await;
        app.store.close().await;
    };
    if tokio::time::timeout(SHUTDOWN_TIMEOUT, shutdown).await.is_err() {
        tracing::warn!("stopped although the database does not answer; the next worker takes over");
    }
    Ok(ExitCode::SUCCESS)
}

/// The longest time from the signal to the end of the process. It is reached only where the
/// database does not answer: the lease and the journal are then left as after a crash.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(9);

/// The HTTP server of this process.
enum HttpServer {
    /// A server of links, pages, API and metrics.
    Full(Server),
    /// A server of metrics and readiness only.
    Admin(AdminServer),
    /// No server: a worker without `admin_listen`.
    None,
}

impl HttpServer {
    async fn start(
        app: &App,
        options: &Options,
        files: &Files,
        operations: &Arc<Operations>,
    ) -> anyhow::Result<Self> {
        let admin = match options.admin_listen.or(app.workspace().server.admin_listen) {
            Some(address) => Some(server::bind(address, "admin_listen").await?),
            None => None,
        };
        Ok(match (options.role, admin) {
            (Role::All | Role::Web, admin) => {
                let public =
                    server::bind(options.listen.unwrap_or(app.workspace().server.listen), "listen").await?;
                let keys = AccessKeys::of(app, options.listen, options.admin_listen);
                let listeners = Listeners { public, admin };
                Self::Full(Server::start(app, listeners, files.clone(), keys, false, operations).await?)
            }
            (Role::Worker, Some(admin)) => Self::Admin(AdminServer::start(admin, operations)?),
            (Role::Worker, None) => Self::None,
        })
    }

    async fn finish(self) {
        match self {
            Self::Full(server) => server.finish().await,
            Self::Admin(server) => server.finish().await,
            Self::None => {}
        }
    }
}

/// Checks that the database, and for a worker the journal, is writable: a process without write
/// access would retry for ever.
async fn require_writable(app: &App, role: Role) -> anyhow::Result<()> {
    match role {
        Role::Web => Ok(app.store.require_writable(app.clock.millis()).await?),
        Role::All | Role::Worker => app.require_writable().await,
    }
}

fn warn_about_errors(app: &App) {
    app.note_settings_errors();
    let errors = app.loaded.1.errors().count();
    if errors > 0 {
        output::note(format!(
            "{} in the files; campaigns with errors do not run: see `chorus check`",
            counted(errors, "error", "errors")
        ));
    }
}

async fn warn_about_stop(app: &App) -> anyhow::Result<()> {
    if let Some(stopped) = app.store.stopped().await? {
        let description = runs::describe(&stopped, &app.workspace().brand.timezone);
        output::note(format!("{description} Nothing goes out until `chorus start`."));
    }
    Ok(())
}

/// Prints the addresses of the pages. In JSON they are one line, so that programs can wait for it.
fn announce(env: &Env, app: &App, options: &Options, http: &HttpServer) -> anyhow::Result<()> {
    let server = match http {
        HttpServer::Full(server) => server,
        HttpServer::Admin(server) => {
            return output::line(format!(
                "Running; metrics on http://{}/metrics, no pages (--role worker).",
                server.address
            ));
        }
        HttpServer::None => return output::line("Running; no pages here (--role worker)."),
    };
    let keys = AccessKeys::of(app, options.listen, options.admin_listen);
    let key = keys.dashboard.map_or_else(String::new, |key| format!("?key={key}"));
    let address = format!("http://{}/{key}", server.pages());
    if env.format == Format::Json {
        return output::line(
            serde_json::json!({
                "listening": server.address, "admin": server.admin, "dashboard": address, "api_key": keys.api,
            })
            .to_string(),
        );
    }
    output::line(format!("Dashboard   {address}"))?;
    if let Some(api) = keys.api {
        output::line(format!("API key     {api}  (Authorization: Bearer …, for POST /api/v1/events)"))?;
    }
    if server.admin.is_some() {
        output::line(format!("Links       http://{}/", server.address))?;
    }
    output::line(format!(
        "Campaigns   {} ready to run; `chorus plan` shows when",
        app.workspace().campaigns.len()
    ))
}
