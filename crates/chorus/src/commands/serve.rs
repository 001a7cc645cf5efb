//! `chorus serve`: scheduler, tracking, public pages, dashboard.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use scheduler::Engine;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::commands::runs;
use crate::output::{self, Format};
use crate::server::{self, Keys, Server, StopSignal};
use crate::setup::{Env, Opened};

/// Run schedules, links, public pages and the dashboard until told to stop
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// What this process does.
    #[arg(long, value_enum, default_value_t = Role::All)]
    role: Role,
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
    let seen = campaign::Workspace::fingerprint(&env.root()?);
    let opened = env.open().await?;
    warn_of_errors(&opened);
    warn_of_stop(&opened).await?;
    let stop = CancellationToken::new();
    let (tell, files) = watch::channel(opened.loaded.clone());
    let watching =
        tokio::spawn(crate::files::watch(opened.workspace().root.clone(), seen, tell, stop.clone()));
    let server = match options.role {
        Role::Worker => None,
        Role::All | Role::Web => {
            let listener = server::bind(opened.workspace().server.listen).await?;
            Some(Server::start(&opened, listener, files.clone(), Keys::of(&opened), false).await?)
        }
    };
    let engine = (options.role != Role::Web).then(|| Engine::start(opened.worker("serve", files, None)));
    announce(env, &opened, server.as_ref())?;
    signal.heard().await;
    output::note("Stopping: what is being sent is finished first. Once more stops at once.");
    signal.then_exit();
    stop.cancel();
    let sending = async {
        if let Some(engine) = engine {
            engine.stop().await;
        }
    };
    let serving = async {
        if let Some(server) = server {
            server.finish().await;
        }
    };
    tokio::join!(sending, serving);
    let _ = watching.await;
    opened.store.close().await;
    Ok(ExitCode::SUCCESS)
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
fn announce(env: &Env, opened: &Opened, server: Option<&Server>) -> anyhow::Result<()> {
    let Some(server) = server else { return output::line("Working; no pages here (--role worker).") };
    let keys = Keys::of(opened);
    let key = keys.dashboard.map_or_else(String::new, |key| format!("?key={key}"));
    let address = format!("http://{}/{key}", server.address);
    if env.format == Format::Json {
        return output::line(
            serde_json::json!({ "listening": server.address, "dashboard": address, "api_key": keys.api })
                .to_string(),
        );
    }
    output::line(format!("Dashboard   {address}"))?;
    if let Some(api) = keys.api {
        output::line(format!("API key     {api}  (Authorization: Bearer …, for POST /api/v1/events)"))?;
    }
    output::line(format!(
        "Campaigns   {} ready to run; `chorus plan` says when",
        opened.workspace().campaigns.len()
    ))
}
