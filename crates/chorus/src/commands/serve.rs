//! `chorus serve`: scheduler, tracking, public pages, dashboard.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use scheduler::{Engine, Files};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::commands::runs;
use crate::files::{FilesStatus, Watcher};
use crate::operations::Operations;
use crate::output::{self, Format};
use crate::server::{self, AdminServer, Keys, Listeners, Server, StopSignal};
use crate::setup::{Env, Opened};
use crate::signals::ReloadSignal;

/// Run schedules, links, public pages and the dashboard until told to stop
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// What this process does.
    #[arg(long, value_enum, default_value_t = Role::All)]
    role: Role,
    /// Serve pages, API and metrics here instead of at `admin_listen` in chorus.toml: a second process of a machine
    /// needs a port of its own.
    #[arg(long, value_name = "ADDRESS:PORT")]
    admin_listen: Option<SocketAddr>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Role {
    /// Everything.
    All,
    /// Links, pages and API only.
    Web,
    /// Schedules and sending only.
    Worker,
}

pub(crate) async fn run(env: &Env, options: &Options) -> anyhow::Result<ExitCode> {
    let mut signal = StopSignal::listen()?;
    let reload = ReloadSignal::listen()?;
    let seen = campaign::Workspace::fingerprint(&env.root()?);
    let opened = env.open().await?;
    warn_of_errors(&opened);
    warn_of_stop(&opened).await?;
    require_writable(&opened, options.role).await?;
    let stop = CancellationToken::new();
    let (tell, files) = watch::channel(opened.loaded.clone());
    let worker = match options.role {
        Role::Web => None,
        Role::All | Role::Worker => Some(opened.worker("serve", files.clone(), None)?),
    };
    let (root, clock) = (opened.workspace().root.clone(), opened.clock.clone());
    let status = FilesStatus::read_at(clock.now());
    let watcher = Watcher { root, known: seen, tell, status: status.clone(), clock, reload };
    let watching = tokio::spawn(watcher.watch(stop.clone()));
    let operations = Operations::new(&opened, files.clone(), status, options.role != Role::Web);
    let serving = Serving::start(&opened, options, &files, &operations).await?;
    let engine = worker.map(Engine::start);
    if let Some(engine) = &engine {
        operations.show_worker(engine.status());
    }
    announce(env, &opened, options, &serving)?;
    signal.heard().await;
    output::note("Stopping: what is being sent is finished first. Once more stops at once.");
    signal.then_exit();
    stop.cancel();
    let sending = async {
        if let Some(engine) = engine {
            engine.stop().await;
        }
    };
    tokio::join!(sending, serving.finish());
    let _ = watching.await;
    opened.store.close().await;
    Ok(ExitCode::SUCCESS)
}

/// What this process serves.
enum Serving {
    /// Links, pages and everything else.
    Pages(Server),
    /// The pages of operators.
    Admin(AdminServer),
    /// Nothing.
    Nothing,
}

impl Serving {
    async fn start(
        opened: &Opened,
        options: &Options,
        files: &Files,
        operations: &Arc<Operations>,
    ) -> anyhow::Result<Self> {
        let admin = match options.admin_listen.or(opened.workspace().server.admin_listen) {
            Some(address) => Some(server::bind(address, "admin_listen").await?),
            None => None,
        };
        Ok(match (options.role, admin) {
            (Role::All | Role::Web, admin) => {
                let public = server::bind(opened.workspace().server.listen, "listen").await?;
                let (listeners, keys) = (Listeners { public, admin }, Keys::of(opened, options.admin_listen));
                Self::Pages(Server::start(opened, listeners, files.clone(), keys, false, operations).await?)
            }
            (Role::Worker, Some(admin)) => Self::Admin(AdminServer::start(admin, operations)?),
            (Role::Worker, None) => Self::Nothing,
        })
    }

    async fn finish(self) {
        match self {
            Self::Pages(server) => server.finish().await,
            Self::Admin(server) => server.finish().await,
            Self::Nothing => {}
        }
    }
}

/// Ends what could only retry for ever.
async fn require_writable(opened: &Opened, role: Role) -> anyhow::Result<()> {
    match role {
        Role::Web => Ok(opened.store.require_writable(opened.clock.millis()).await?),
        Role::All | Role::Worker => opened.require_writable().await,
    }
}

fn warn_of_errors(opened: &Opened) {
    let errors = opened.loaded.1.errors().count();
    if errors > 0 {
        output::note(format!(
            "{errors} errors in the files; campaigns that have them do not run: `chorus check`"
        ));
    }
}

async fn warn_of_stop(opened: &Opened) -> anyhow::Result<()> {
    if let Some(stopped) = opened.store.stopped().await? {
        let said = runs::describe(&stopped, &opened.workspace().brand.timezone);
        output::note(format!("{said} Nothing goes out until `chorus start`."));
    }
    Ok(())
}

/// Says where the pages are. In JSON, one line, so that programs can wait for it.
fn announce(env: &Env, opened: &Opened, options: &Options, serving: &Serving) -> anyhow::Result<()> {
    let server = match serving {
        Serving::Pages(server) => server,
        Serving::Admin(server) => {
            return output::line(format!(
                "Working; metrics on http://{}/metrics, no pages (--role worker).",
                server.address
            ));
        }
        Serving::Nothing => return output::line("Working; no pages here (--role worker)."),
    };
    let keys = Keys::of(opened, options.admin_listen);
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
        "Campaigns   {} ready to run; `chorus plan` says when",
        opened.workspace().campaigns.len()
    ))
}
