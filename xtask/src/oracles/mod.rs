//! `cargo xtask oracles`: tests against the real servers of networks that publish them. Chorus
//! posts to them, is killed while it does, and the posts are read back from the servers.

mod pds;
mod sample_campaign;
mod suite;
mod synapse;
mod trial;

use std::path::PathBuf;

use ::tests::{HttpResponse, ProxyFault};
use anyhow::{Context, Result, ensure};
use serde_json::Value;

pub(crate) use suite::run;

/// The choice of servers, and the executable that posts to them.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// The servers to test with; all of them when none is named.
    #[arg(value_enum)]
    parts: Vec<Part>,
    /// Tests this executable instead of building one.
    #[arg(long, value_name = "PATH")]
    chorus: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Bluesky's own Personal Data Server, with a directory of identities.
    Pds,
    /// Matrix's home server Synapse.
    Synapse,
}

/// A third-party server with an account on it.
trait Oracle {
    /// Returns the port on which it listens.
    fn port(&self) -> u16;

    /// Returns the settings of its channel in `chorus.toml`, without `base_url`.
    fn channel(&self) -> String;

    /// Returns texts that identify the requests of a post with a picture, in their order; the last
    /// one publishes the post.
    fn requests(&self) -> &'static [&'static str];

    /// Returns the faults of a response after which the post is uncertain, so that a person is
    /// asked.
    fn uncertain_faults(&self) -> &'static [ProxyFault];

    /// Returns all posts on the server.
    fn posts(&self) -> Result<Vec<Value>>;

    /// Returns the id of a post that Chorus should report.
    fn post_id(&self, post: &Value) -> Result<String>;

    /// Compares a post without a picture with the campaign; `shop` is the start of tracked links.
    fn check_text(&self, post: &Value, shop: &str) -> Result<()>;

    /// Compares a post with a picture with the campaign and with the `bytes` of the picture.
    fn check_picture(&self, post: &Value, shop: &str, bytes: &[u8]) -> Result<()>;
}

/// Returns the JSON of a response with status 200; fails for any other.
fn ok_json(answer: &HttpResponse, what: &str) -> Result<Value> {
    ensure!(answer.status == 200, "{what} was answered {}: {}", answer.status, answer.text());
    serde_json::from_slice(&answer.body).with_context(|| format!("{what} was answered {}", answer.text()))
}

/// Returns a string in a JSON document by its JSON pointer.
fn json_text<'a>(json: &'a Value, pointer: &str) -> Result<&'a str> {
    json.pointer(pointer).and_then(Value::as_str).with_context(|| format!("no {pointer} in {json}"))
}
