//! An account's settings and resolved secrets, as requests need them.

use campaign::{Account, Network, Secret};
use message::SenderError;
use url::Url;

/// The settings and secrets of an account. Its `Debug` shows only the network.
#[derive(Clone)]
pub struct Access {
    /// The network's row in the table of networks.
    pub network: &'static Network,
    /// Scheme, host and path of the API, without a trailing slash.
    pub base: String,
    /// True if chorus.toml names the base itself, rather than the vendor.
    pub has_configured_base: bool,
    /// Path and query of the account's `url`, below `base`; empty if it has none.
    pub(crate) webhook_path: String,
    pub(crate) secret: Option<String>,
    pub(crate) token: String,
    pub(crate) account: String,
    pub(crate) room: String,
    pub(crate) from: String,
    pub(crate) template_id: String,
    /// The keyword that every post must contain; empty if none is required.
    pub(crate) keyword: String,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("network", &self.network.kind).finish_non_exhaustive()
    }
}

impl Access {
    /// Resolves the settings of an account.
    ///
    /// # Errors
    /// A secret is missing, or a URL is invalid.
    pub(crate) fn new(account: &Account) -> Result<Self, SenderError> {
        let exposed = |secret: &Option<Secret>| match secret {
            None => Ok(None),
            Some(secret) => secret
                .expose()
                .map(|text| Some(text.to_owned()))
                .map_err(|error| SenderError(error.to_string())),
        };
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let url = match exposed(&account.url)? {
            None => None,
            Some(url) => Some(
                Url::parse(&url).map_err(|error| SenderError(format!("its url is not a URL: {error}")))?,
            ),
        };
        let configured = account.base_url.as_ref().map(|base| base.as_str().trim_end_matches('/').to_owned());
        let vendor = || account.network.origin.map(str::to_owned);
        let origin = || url.as_ref().map(|url| url[..url::Position::BeforePath].to_owned());
        let base = configured.clone().or_else(origin).or_else(vendor);
        Ok(Self {
            network: account.network,
            base: base.ok_or_else(|| SenderError("it needs a base_url".to_owned()))?,
            has_configured_base: configured.is_some() || account.network.kind == "webhook",
            webhook_path: url
                .as_ref()
                .map(|url| url[url::Position::BeforePath..].to_owned())
                .unwrap_or_default(),
            secret: exposed(&account.secret)?,
            token: exposed(&account.token)?.unwrap_or_default(),
            account: text(&account.account),
            room: text(&account.room),
            from: text(&account.from),
            template_id: text(&account.template_id),
            keyword: text(&account.keyword),
        })
    }

    /// Returns `target` as an absolute URL.
    pub(crate) fn absolute_url(&self, target: &str) -> String {
        if target.starts_with('/') || target.is_empty() {
            format!("{}{target}", self.base)
        } else {
            target.to_owned()
        }
    }

    /// Returns `text` with its secrets masked.
    #[must_use]
    pub fn masked(&self, text: &str) -> String {
        let mut text = text.to_owned();
        let secrets = self.secret.iter().chain([&self.token]).filter(|secret| secret.len() > 3);
        for secret in secrets {
            text = text.replace(secret.as_str(), MASK);
        }
        if !self.webhook_path.is_empty() && self.network.kind != "webhook" {
            let path = self.webhook_path.split('?').next().unwrap_or_default();
            let keep = path.rfind('/').map_or(0, |at| at + 1);
            let (shown, hidden) = self.webhook_path.split_at(keep.min(self.webhook_path.len()));
            if !hidden.is_empty() {
                text = text.replace(&self.webhook_path, &format!("{shown}{MASK}"));
            }
        }
        text
    }
}

const MASK: &str = "••••";
