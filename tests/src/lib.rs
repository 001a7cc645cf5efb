//! Fixtures for end-to-end tests and benchmarks: real servers on loopback, a workspace in a
//! temporary folder, and the real `chorus` executable. Dropping a fixture's value stops its process
//! and removes its files.

mod browser;
mod child;
mod crash;
mod fault_proxy;
mod http;
mod latency_proxy;
mod name_server;
mod oracles;
mod relay;
mod rng;
mod sandbox;
mod scratch_database;
mod smtp_sink;
mod tools;

pub use browser::Browser;
pub use child::{Guard, child_command, free_port, until};
pub use crash::{CrashTrial, Kill, KillPoint, KillTiming, Progress, TestDatabase, TrialReport};
pub use fault_proxy::{FaultProxy, ProxyFault};
pub use http::{HttpClient, HttpResponse};
pub use latency_proxy::LatencyProxy;
pub use name_server::NameServer;
pub use oracles::{blocks_are_valid, post_record_is_valid, standard_webhook_verifies};
pub use relay::{
    ConnectionRecord, MessageIndex, MessageRecord, Phase, RecipientFilter, Relay, RelayAction, RelayListener,
    Rule, Script,
};
pub use rng::Rng;
pub use sandbox::{CommandOutput, Sandbox, Server};
pub use scratch_database::ScratchDatabase;
pub use smtp_sink::SmtpSink;
pub use tools::Tools;
