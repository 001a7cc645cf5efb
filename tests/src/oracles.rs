//! Checks of produced data by third-party programs: each takes one message or post and reports the
//! reasons for a refusal.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::Tools;

/// Checks Block Kit blocks, an array as Slack's API takes it, with `slack_sdk.models.blocks`, which
/// must also know every key in them.
///
/// # Errors
/// Returns the refusal of Slack's SDK, with the number of the block.
pub fn blocks_are_valid(tools: &Tools, blocks: &Value) -> Result<()> {
    let command = python(tools, &tools.slack_sdk, include_str!("oracles/blocks.py"));
    run_checker(command, blocks).context("Slack's SDK refuses the blocks")
}

/// Checks the signature of a webhook with `standardwebhooks`, which accepts a timestamp within five
/// minutes of its own clock. `secret` may have the prefix `whsec_`; header names are in any case;
/// `body` is exactly as it was sent.
///
/// # Errors
/// Returns the refusal of the verifier.
pub fn standard_webhook_verifies(
    tools: &Tools,
    secret: &str,
    headers: &[(String, String)],
    body: &str,
) -> Result<()> {
    let command = python(tools, &tools.standardwebhooks, include_str!("oracles/webhook.py"));
    let request = json!({ "secret": secret, "headers": headers, "body": body });
    run_checker(command, &request).context("the verifier refuses the webhook")
}

/// Checks a record of `app.bsky.feed.post` with `AppBskyFeedPost.validateRecord` of @atproto/api.
/// Facets must also lie between characters of the text and must not overlap.
///
/// # Errors
/// Returns the refusal of the lexicon.
pub fn post_record_is_valid(tools: &Tools, record: &Value) -> Result<()> {
    let mut command = Command::new(&tools.node);
    command.args(["--eval", include_str!("oracles/record.cjs"), "--"]).arg(&tools.atproto);
    run_checker(command, record).context("@atproto/api refuses the record")
}

fn python(tools: &Tools, packages: &Path, script: &str) -> Command {
    let mut command = Command::new(&tools.python3);
    command.env("PYTHONPATH", packages).args(["-c", script]);
    command
}

/// Runs a checker, which reads JSON from its input and exits with 0 if it accepts the data.
fn run_checker(mut command: Command, input: &Value) -> Result<()> {
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().context("the checker cannot be started")?;
    // A checker that exits early reports the reason on its error stream.
    let _ = child.stdin.take().map(|mut stdin| stdin.write_all(input.to_string().as_bytes()));
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
