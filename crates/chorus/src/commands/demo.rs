//! `chorus demo`: the embedded default, everything running, nothing outside this process.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use crate::output::{self, Format};
use crate::server::StopSignal;
use crate::setup::Env;
use crate::stage::Stage;

/// Show everything running, with made-up people, in one process and without configuration
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Stop after so many seconds instead of at Ctrl-C.
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<u64>,
    /// How many simulated seconds pass in a real one.
    #[arg(long, default_value_t = 1_800, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    speed: u32,
    /// Listen on this port of 127.0.0.1; 8080, or any free one, when left out.
    #[arg(long)]
    port: Option<u16>,
}

pub(crate) async fn run(env: &Env, options: Options) -> anyhow::Result<ExitCode> {
    let mut signal = StopSignal::listen()?;
    let stage = Stage::set(options.speed, options.port).await?;
    announce(env, &stage, options.speed)?;
    let end = async {
        match options.seconds {
            Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = end => {}
        () = signal.heard() => {}
    }
    signal.then_exit();
    stage.clear().await;
    Ok(ExitCode::SUCCESS)
}

fn announce(env: &Env, stage: &Stage, speed: u32) -> anyhow::Result<()> {
    let (dashboard, platform) = (stage.dashboard(), stage.community());
    if env.format == Format::Json {
        let value = serde_json::json!({ "dashboard": dashboard, "platform": platform, "simulated": true });
        return output::line(value.to_string());
    }
    output::line(format!("Dashboard   {dashboard}"))?;
    output::line(format!("Networks    {platform}  (local stand-ins: what was posted, as people see it)"))?;
    output::line("")?;
    output::line(format!(
        "The people, what they do and the time are simulated: a second here is {} there. The messages, the\n\
         links and the figures are made by the real thing. Nothing leaves this machine. Ctrl-C ends it.",
        span(speed)
    ))
}

fn span(seconds: u32) -> String {
    if seconds.is_multiple_of(60) {
        format!("{} minutes", seconds / 60)
    } else {
        format!("{seconds} seconds")
    }
}
