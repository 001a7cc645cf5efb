//! The stage for end-to-end stories and benchmarks: real servers on loopback, a workspace in a temporary
//! folder, and the real `chorus` executable, each of which ends with the value that stands for it.

mod browser;
mod chance;
mod child;
mod crash;
mod gate;
mod http;
mod oracles;
mod proxy;
mod relay;
mod sandbox;
mod scratch;
mod sink;
mod tools;
mod zone;

pub use browser::Browser;
pub use chance::Chance;
pub use child::{Guard, bound, free_port, until};
pub use crash::{Database, Kill, Moment, Progress, Trial, Verdict, When};
pub use gate::{Gate, Hold};
pub use http::{Answer, Http};
pub use oracles::{blocks_are_valid, post_record_is_valid, standard_webhook_verifies};
pub use proxy::Proxy;
pub use relay::{Act, Door, Line, Phase, Place, Received, Relay, Rule, Script, Whom};
pub use sandbox::{Ran, Sandbox, Server};
pub use scratch::Scratch;
pub use sink::Sink;
pub use tools::Tools;
pub use zone::NameServer;
