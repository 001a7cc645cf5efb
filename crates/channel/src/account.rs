//! The fingerprint of the account that a channel sends through, by which a change of account is
//! detected.

use campaign::{Channel, ChannelKind};
use message::digest;
use url::Url;

/// The length of the hash in a fingerprint, in hexadecimal digits.
const DIGITS: usize = 16;

/// Returns the kind of a channel and a hash of its account's identity: server and user, or the
/// network's own identifiers. Passwords and tokens are not part of it, as they change while the
/// account stays. `None` if an environment variable is not set.
#[must_use]
pub fn account(channel: &Channel) -> Option<String> {
    let kind = channel.kind.name();
    let identity = match &channel.kind {
        ChannelKind::Outbox { .. } => String::new(),
        ChannelKind::Smtp { url, .. } => {
            let url = Url::parse(url.expose().ok()?).ok()?;
            format!("{}|{}", url.host_str().unwrap_or_default(), url.username())
        }
        ChannelKind::Network(account) => {
            let url = account.url.as_ref().map(|url| url.expose()).transpose().ok()?;
            let base = account.base_url.as_ref().map(Url::as_str);
            let parts =
                [base, url, account.account.as_deref(), account.room.as_deref(), account.from.as_deref()];
            parts.map(Option::unwrap_or_default).join("|")
        }
    };
    let hash = digest(identity.as_bytes());
    Some(format!("{kind}:{}", hash.get(..DIGITS).unwrap_or(&hash)))
}
