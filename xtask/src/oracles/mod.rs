//! `cargo xtask oracles`: the networks whose servers can be had are not played but run. Chorus posts to them, is
//! killed while it does, and what arrived is read back from them.

mod pds;
mod suite;
mod synapse;
mod trial;
mod words;

use std::path::PathBuf;

use ::tests::{Answer, Hold};
use anyhow::{Context, Result, ensure};
use serde_json::Value;

pub(crate) use suite::run;

/// Which of them, and what posts to them.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Only these; all of them when none is named.
    #[arg(value_enum)]
    parts: Vec<Part>,
    /// Tries this executable instead of building one.
    #[arg(long, value_name = "PATH")]
    chorus: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Bluesky's own Personal Data Server, with a directory of identities.
    Pds,
    /// Matrix's Synapse.
    Synapse,
}

/// A server that is not ours, with an account on it.
trait Oracle {
    /// The port it listens on.
    fn port(&self) -> u16;

    /// Its channel in `chorus.toml`, without `base_url`.
    fn channel(&self) -> String;

    /// Words by which the requests of a post with a picture are known, in their order; the last publishes.
    fn requests(&self) -> &'static [&'static str];

    /// What may befall an answer so that nobody knows whether the post was made: a person is asked.
    fn doubts(&self) -> &'static [Hold];

    /// Everything posted so far.
    fn posts(&self) -> Result<Vec<Value>>;

    /// What Chorus should say that a post is called there.
    fn name(&self, post: &Value) -> Result<String>;

    /// Holds a post without a picture against what the campaign says; `shop` is where tracked links begin.
    fn check_text(&self, post: &Value, shop: &str) -> Result<()>;

    /// Holds a post with a picture against it, and against the `bytes` of the picture.
    fn check_picture(&self, post: &Value, shop: &str, bytes: &[u8]) -> Result<()>;
}

/// The JSON of a good answer.
fn good(answer: &Answer, what: &str) -> Result<Value> {
    ensure!(answer.status == 200, "{what} was answered {}: {}", answer.status, answer.text());
    serde_json::from_slice(&answer.body).with_context(|| format!("{what} was answered {}", answer.text()))
}

/// A text in it.
fn text<'a>(json: &'a Value, pointer: &str) -> Result<&'a str> {
    json.pointer(pointer).and_then(Value::as_str).with_context(|| format!("no {pointer} in {json}"))
}
