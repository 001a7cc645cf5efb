//! An account with its secrets at hand.

use campaign::{Account, Network, Secret};
use message::SenderError;
use url::Url;

/// What a request needs to know of an account. Never shown: `Debug` says only which network.
#[derive(Clone)]
pub struct Access {
    /// The network.
    pub network: &'static Network,
    /// Scheme, host and path of the API, without a slash at the end.
    pub base: String,
    /// Whether the file says so itself.
    pub is_own_base: bool,
    /// Path and query of `url`, below `base`; empty where there is none.
    pub(crate) hook: String,
    pub(crate) secret: Option<String>,
    pub(crate) token: String,
    pub(crate) account: String,
    pub(crate) room: String,
    pub(crate) from: String,
    pub(crate) template_id: String,
    /// The word that every post must say; empty where none must.
    pub(crate) keyword: String,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("network", &self.network.kind).finish_non_exhaustive()
    }
}

impl Access {
    /// # Errors
    /// A secret is missing, or an address is of no use.
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
            Some(url) => {
                Some(Url::parse(&url).map_err(|error| SenderError(format!("its url is not one: {error}")))?)
            }
        };
        let own = account.base_url.as_ref().map(|base| base.as_str().trim_end_matches('/').to_owned());
        let vendor = || account.network.origin.map(str::to_owned);
        let origin = || url.as_ref().map(|url| url[..url::Position::BeforePath].to_owned());
        let base = own.clone().or_else(origin).or_else(vendor);
        Ok(Self {
            network: account.network,
            base: base.ok_or_else(|| SenderError("it needs a base_url".to_owned()))?,
            is_own_base: own.is_some() || account.network.kind == "webhook",
            hook: url.as_ref().map(|url| url[url::Position::BeforePath..].to_owned()).unwrap_or_default(),
            secret: exposed(&account.secret)?,
            token: exposed(&account.token)?.unwrap_or_default(),
            account: text(&account.account),
            room: text(&account.room),
            from: text(&account.from),
            template_id: text(&account.template_id),
            keyword: text(&account.keyword),
        })
    }

    /// `target` as a whole address.
    pub(crate) fn address(&self, target: &str) -> String {
        if target.starts_with('/') || target.is_empty() {
            format!("{}{target}", self.base)
        } else {
            target.to_owned()
        }
    }

    /// `text` without anything secret in it.
    #[must_use]
    pub fn masked(&self, text: &str) -> String {
        let mut text = text.to_owned();
        let secrets = self.secret.iter().chain([&self.token]).filter(|secret| secret.len() > 3);
        for secret in secrets {
            text = text.replace(secret.as_str(), MASK);
        }
        if !self.hook.is_empty() && self.network.kind != "webhook" {
            let path = self.hook.split('?').next().unwrap_or_default();
            let keep = path.rfind('/').map_or(0, |at| at + 1);
            let (shown, hidden) = self.hook.split_at(keep.min(self.hook.len()));
            if !hidden.is_empty() {
                text = text.replace(&self.hook, &format!("{shown}{MASK}"));
            }
        }
        text
    }
}

const MASK: &str = "••••";
