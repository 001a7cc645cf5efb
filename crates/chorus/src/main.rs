//! The `chorus` executable: command line, configuration and start of the services.

mod arguments;
mod color;
mod command_line;
mod commands;
mod demo;
mod demo_environment;
mod disk;
mod embedded;
mod files;
mod help;
mod http_span;
mod logging;
mod lookup;
mod operations;
mod output;
mod progress;
mod server;
mod setup;
mod signals;
mod time;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ColorChoice, Parser, Subcommand};

use crate::output::Format;

/// The heading of the options that every command has.
const GLOBAL: &str = "Global options";

/// One message, every channel, on time, measured.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100)]
#[command(after_help = help::examples(&[
    ("chorus check", "all findings, each with its fix"),
    ("chorus plan", "what runs when, to how many, at what cost"),
    ("chorus serve", "schedules, links and the dashboard"),
]))]
struct Options {
    /// The workspace's folder. Default: this folder or the nearest one above it that has a
    /// chorus.toml.
    #[arg(long, global = true, value_name = "DIR", help_heading = GLOBAL)]
    workspace: Option<PathBuf>,
    /// Format of the output.
    #[arg(long, global = true, value_enum, default_value_t = Format::Text, help_heading = GLOBAL)]
    format: Format,
    /// Colours in the output. `auto`: on a terminal, and as NO_COLOR and CLICOLOR_FORCE say.
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value_t = ColorChoice::Auto,
        help_heading = GLOBAL
    )]
    color: ColorChoice,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(commands::init::Options),
    Demo(commands::demo::Options),
    Check(commands::check::Options),
    Plan(commands::plan::Options),
    Preview(commands::preview::Options),
    Send(commands::send::Options),
    Serve(commands::serve::Options),
    Stop(commands::stop::Options),
    Start(commands::start::Options),
    Runs(commands::runs::Options),
    Audiences(commands::audiences::Options),
    Contacts(commands::contacts::Options),
    Explain(commands::explain::Options),
    Report(commands::report::Options),
    Doctor(commands::doctor::Options),
    Migrate(commands::migrate::Options),
    Schema(commands::schema::Options),
    Completions(commands::completions::Options),
    Man(commands::man::Options),
}

fn main() -> ExitCode {
    let options = command_line::parse(std::env::args_os()).unwrap_or_else(|error| error.exit());
    color::set(options.color);
    let (filter, format) = (setup::variable("CHORUS_LOG"), setup::variable("CHORUS_LOG_FORMAT"));
    logging::start(matches!(options.command, Command::Serve(_)), filter.as_deref(), format);
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
        Command::Init(options) => commands::init::run(&env, &options),
        Command::Demo(options) => commands::demo::run(&env, options).await,
        Command::Check(options) => commands::check::run(&env, &options).await,
        Command::Plan(options) => commands::plan::run(&env, &options).await,
        Command::Preview(options) => commands::preview::run(&env, &options).await,
        Command::Send(options) => commands::send::run(&env, &options).await,
        Command::Serve(options) => commands::serve::run(&env, &options).await,
        Command::Stop(options) => commands::stop::run(&env, &options).await,
        Command::Start(options) => commands::start::run(&env, &options).await,
        Command::Runs(options) => commands::runs::run(&env, &options).await,
        Command::Audiences(options) => commands::audiences::run(&env, &options).await,
        Command::Contacts(options) => commands::contacts::run(&env, &options).await,
        Command::Explain(options) => commands::explain::run(&env, &options).await,
        Command::Report(options) => commands::report::run(&env, &options).await,
        Command::Doctor(options) => commands::doctor::run(&env, &options).await,
        Command::Migrate(options) => commands::migrate::run(&env, &options).await,
        Command::Schema(options) => commands::schema::run(&env, &options),
        Command::Completions(options) => commands::completions::run(&options, &mut command_line::command()),
        Command::Man(options) => commands::man::run(&env, &options, command_line::command()),
    }
}
