//! Secrets of channels: addresses with passwords, and keys that sign.

use source::Located;
use url::Url;

use crate::secret::Secret;
use crate::workspace::chorus_file::read::Reading;
use crate::workspace::variable;

pub(crate) const SECRET_HELP: &str =
    "Write `${NAME}` and keep the value in the environment: `whsec_` and base64 of 24 to 64 bytes.";

/// The need of a channel's secrets, in a finding.
pub(crate) const CHANNEL_NEED: &str = "what this channel needs";

/// A secret that `fits`; the value is never repeated. `need` says what else it is not.
pub(crate) fn address(
    reading: &Reading<'_>,
    key: &str,
    text: &Located<String>,
    fits: fn(&str) -> bool,
    need: &str,
    help: &str,
) -> Option<Secret> {
    let secret = variable::secret(reading.source, text, reading.env);
    let good = secret.expose().map_or(true, fits);
    if !good {
        reading.source.error("bad-secret", text.span.clone(), format!("`{key}` is not {need}"), help);
    }
    good.then_some(secret)
}

/// True for an http or https address with a host.
pub(crate) fn is_web(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// Base64 of 24 to 64 bytes, as Standard Webhooks 1.0.0 asks of a symmetric key.
pub(crate) fn is_signing_key(text: &str) -> bool {
    let key = text.strip_prefix("whsec_").unwrap_or(text);
    let bare = key.trim_end_matches('=');
    let letters = bare.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/');
    letters && key.len() - bare.len() <= 2 && (24..=64).contains(&(bare.len() * 3 / 4))
}
