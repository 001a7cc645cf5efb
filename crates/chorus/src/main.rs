//! The `chorus` executable: command line, configuration and start of the services.

mod command_line;
mod commands;
mod demo_environment;
mod embedded;
mod files;
mod http_span;
mod lookup;
mod operations;
mod server;
mod setup;
mod signals;

use std::process::ExitCode;

use terminal::{color, logging, output};

use crate::command_line::{Action, Options};

fn main() -> ExitCode {
    let options = command_line::parse(std::env::args_os()).unwrap_or_else(|error| error.exit());
    color::set(options.color);
    let (filter, format) = (setup::variable("CHORUS_LOG"), setup::variable("CHORUS_LOG_FORMAT"));
    logging::start(matches!(options.command, Action::Serve(_)), filter.as_deref(), format);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return output::fail(&anyhow::Error::from(error).context("start")),
    };
    let result = runtime.block_on(run(options));
    // A blocking task that hangs must not keep the process running.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    result.unwrap_or_else(|error| output::fail(&error))
}

async fn run(options: Options) -> anyhow::Result<ExitCode> {
    let env = setup::Env { workspace: options.workspace, format: options.format };
    match options.command {
        Action::Init(options) => commands::init::run(&env, &options),
        Action::Demo(options) => commands::demo::run(&env, options).await,
        Action::Check(options) => commands::check::run(&env, &options).await,
        Action::Plan(options) => commands::plan::run(&env, &options).await,
        Action::Preview(options) => commands::preview::run(&env, &options).await,
        Action::Send(options) => commands::send::run(&env, &options).await,
        Action::Serve(options) => commands::serve::run(&env, &options).await,
        Action::Stop(options) => commands::stop::run(&env, &options).await,
        Action::Start(options) => commands::start::run(&env, &options).await,
        Action::Runs(options) => commands::runs::run(&env, &options).await,
        Action::Audiences(options) => commands::audiences::run(&env, &options).await,
        Action::Contacts(options) => commands::contacts::run(&env, &options).await,
        Action::Consent(options) => commands::consent::run(&env, &options).await,
        Action::Suppressions(options) => commands::suppressions::run(&env, &options).await,
        Action::Explain(options) => commands::explain::run(&env, &options).await,
        Action::Report(options) => commands::report::run(&env, &options).await,
        Action::Doctor(options) => commands::doctor::run(&env, &options).await,
        Action::Migrate(options) => commands::migrate::run(&env, &options).await,
        Action::Schema(options) => commands::schema::run(&env, &options),
        Action::Completions(options) => commands::completions::run(&options, &mut command_line::command()),
        Action::Man(options) => commands::man::run(&env, &options, command_line::command()),
    }
}
