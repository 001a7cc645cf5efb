//! Names the account that a channel sends through, so that a change of it is noticed.

use campaign::{Channel, ChannelKind};
use message::digest;
use url::Url;

/// So many hexadecimal digits tell two accounts apart.
const DIGITS: usize = 16;

/// The kind of a channel and a hash of what names its account: server and user, or the network's own names. Passwords and
/// tokens are not part of it: they change while the account stays. `None` while a variable of the environment is not set.
#[must_use]
pub fn account(channel: &Channel) -> Option<String> {
    let kind = channel.kind.name();
    let named = match &channel.kind {
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
    let hash = digest(named.as_bytes());
    Some(format!("{kind}:{}", hash.get(..DIGITS).unwrap_or(&hash)))
}
