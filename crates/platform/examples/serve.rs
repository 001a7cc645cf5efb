//! Serves every network until the process is ended, and prints the URL: `cargo run -p platform
//! --example serve`.
#![expect(clippy::print_stdout, reason = "it is for people at a terminal")]

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use platform::{Kind, Platform};

#[tokio::main]
async fn main() -> Result<(), platform::StartError> {
    // This example uses the machine's time; the product takes it from `store::Clock`.
    let clock = || i64::try_from(UNIX_EPOCH.elapsed().unwrap_or_default().as_millis()).unwrap_or_default();
    let platform = Platform::start(Arc::new(clock)).await?;
    println!("Posts as people see them: {}\n", platform.page());
    for kind in Kind::all() {
        println!("{}", platform.channel_toml(kind, kind.name()));
    }
    for (name, value) in Platform::variables() {
        println!("export {name}='{value}'");
    }
    std::future::pending().await
}
