//! What programs that are not ours think of what we send: each takes one thing and says what is wrong with it.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::Tools;

/// Whether a message may have these blocks, an array as Slack takes it: by `slack_sdk.models.blocks`, which must also
/// know every key in them.
///
/// # Errors
/// Says what Slack's SDK refuses, with the number of the block.
pub fn blocks_are_valid(tools: &Tools, blocks: &Value) -> Result<()> {
    let command = python(tools, &tools.slack_sdk, include_str!("oracles/blocks.py"));
    judged(command, blocks).context("Slack's SDK refuses the blocks")
}

/// Whether a webhook is signed as Standard Webhooks wants it: by `standardwebhooks`, which holds the time against its
/// own clock, five minutes either way. `secret` with or without `whsec_`; `headers` in letters of any case; `body` as
/// it was sent.
///
/// # Errors
/// Says what the verifier refuses.
pub fn standard_webhook_verifies(
    tools: &Tools,
    secret: &str,
    headers: &[(String, String)],
    body: &str,
) -> Result<()> {
    let command = python(tools, &tools.standardwebhooks, include_str!("oracles/webhook.py"));
    let request = json!({ "secret": secret, "headers": headers, "body": body });
    judged(command, &request).context("the verifier refuses the webhook")
}

/// Whether Bluesky takes a record of `app.bsky.feed.post`: by `AppBskyFeedPost.validateRecord` of @atproto/api, and
/// facets that lie between characters of the text and not over each other.
///
/// # Errors
/// Says what the lexicon refuses.
pub fn post_record_is_valid(tools: &Tools, record: &Value) -> Result<()> {
    let mut command = Command::new(&tools.node);
    command.args(["--eval", include_str!("oracles/record.cjs"), "--"]).arg(&tools.atproto);
    judged(command, record).context("@atproto/api refuses the record")
}

fn python(tools: &Tools, packages: &Path, script: &str) -> Command {
    let mut command = Command::new(&tools.python3);
    command.env("PYTHONPATH", packages).args(["-c", script]);
    command
}

/// Runs a judge, which reads JSON and ends well if it agrees with it.
fn judged(mut command: Command, input: &Value) -> Result<()> {
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().context("the judge cannot be started")?;
    // One that ends early says why on its error stream.
    let _ = child.stdin.take().map(|mut stdin| stdin.write_all(input.to_string().as_bytes()));
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
