//! `chorus demo`: the sample workspace with all services and a simulated audience, in one process.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use crate::demo_environment::DemoEnvironment;
use crate::server::StopSignal;
use crate::setup::Env;
use terminal::arguments;
use terminal::help;
use terminal::output::{self, Format, counted};

/// Show everything running, with made-up people, in one process and without configuration
#[derive(Debug, Args)]
#[command(after_help = help::examples(&[
    ("chorus demo", "until Ctrl-C"),
    ("chorus demo --speed 3600 --seconds 60", "an hour a second, for a minute"),
]))]
pub(crate) struct Options {
    /// Stop after this many seconds instead of at Ctrl-C.
    #[arg(long, value_name = "SECONDS", value_parser = arguments::seconds)]
    seconds: Option<u64>,
    /// Number of simulated seconds that pass in a real one.
    #[arg(long, default_value_t = 1_800, value_parser = arguments::speed)]
    speed: u32,
    /// Listen on this port of 127.0.0.1. Default: 8080, or any free one.
    #[arg(long, value_parser = arguments::port)]
    port: Option<u16>,
}

pub(crate) async fn run(env: &Env, options: Options) -> anyhow::Result<ExitCode> {
    let mut signal = StopSignal::listen()?;
    let demo = DemoEnvironment::start(options.speed, options.port).await?;
    announce(env, &demo, options.speed)?;
    let end = async {
        match options.seconds {
            Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = end => {}
        () = signal.received() => {}
    }
    signal.exit_on_next();
    demo.stop().await;
    Ok(ExitCode::SUCCESS)
}

fn announce(env: &Env, demo: &DemoEnvironment, speed: u32) -> anyhow::Result<()> {
    let (dashboard, platform) = (demo.dashboard(), demo.platform_page());
    if env.format == Format::Json {
        let value = serde_json::json!({ "dashboard": dashboard, "platform": platform, "simulated": true });
        return output::line(value.to_string());
    }
    output::line(format!("Dashboard   {dashboard}"))?;
    output::line(format!("Networks    {platform}  (simulated networks: the posts as people see them)"))?;
    output::line("")?;
    output::line(format!(
        "The people, their actions and the time are simulated: one real second is {} in the demo. The messages,\n\
         links and figures are real output of Chorus. Nothing leaves this machine. Ctrl-C ends the demo.",
        span(speed)
    ))
}

fn span(seconds: u32) -> String {
    if seconds.is_multiple_of(60) {
        counted(seconds / 60, "minute", "minutes")
    } else {
        counted(seconds, "second", "seconds")
    }
}
