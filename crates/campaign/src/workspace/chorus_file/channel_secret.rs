//! Reads the secrets of channels: addresses with passwords, and signing keys.

use source::Located;
use url::Url;

use crate::secret::Secret;
use crate::workspace::chorus_file::read::ReadContext;
use crate::workspace::variable;

pub(crate) const SECRET_HELP: &str =
    "Write `${NAME}` and keep the value in the environment: `whsec_` and base64 of 24 to 64 bytes.";

/// The `need` of a channel's secrets, for the message of a finding.
pub(crate) const CHANNEL_NEED: &str = "what this channel needs";

/// Reads a secret that `fits`, or reports that it is not `need`. The finding never repeats the
/// value.
pub(crate) fn read_secret(
    context: &ReadContext<'_>,
    key: &str,
    text: &Located<String>,
    fits: fn(&str) -> bool,
    need: &str,
    help: &str,
) -> Option<Secret> {
    let secret = variable::fill_secret(context.source, text, context.env);
    let is_valid = secret.expose().map_or(true, fits);
    if !is_valid {
        context.source.error("bad-secret", text.span.clone(), format!("`{key}` is not {need}"), help);
    }
    is_valid.then_some(secret)
}

/// Returns true for an http or https address with a host.
pub(crate) fn is_web(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// Returns true for keys separated by white space, each base64 of 24 to 64 bytes, which Standard
/// Webhooks 1.0.0 requires of a symmetric key. Each of several keys signs, so that a key can be
/// changed without an interruption.
pub(crate) fn is_signing_key(text: &str) -> bool {
    let mut keys = text.split_whitespace().peekable();
    keys.peek().is_some() && keys.all(is_one_key)
}

fn is_one_key(text: &str) -> bool {
    let key = text.strip_prefix("whsec_").unwrap_or(text);
    let bare = key.trim_end_matches('=');
    let letters = bare.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/');
    letters && key.len() - bare.len() <= 2 && (24..=64).contains(&(bare.len() * 3 / 4))
}
