//! Previews of the requests that a post would take, with their secrets redacted; nothing is sent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use campaign::{Account, Channel, ChannelKind, Secret};
use egress::{Body, Part, Request, Response, segment};
use jiff::Timestamp;
use measure::LengthBudget;
use message::{Post, SenderError};
use serde::Serialize;
use serde_json::Value;
use url::form_urlencoded;

use crate::access::Access;
use crate::keyword;
use crate::protocol::{PriorAnswers, Protocol};
use crate::registry::find;

/// A request as it would be made, with its secrets redacted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RequestPreview {
    /// The purpose of the request in one word: `session`, `upload`, `post`.
    pub name: String,
    /// The HTTP method: `GET`, `POST` or `PUT`.
    pub method: String,
    /// The absolute URL with its query.
    pub url: String,
    /// The headers as name and value, in order.
    pub headers: Vec<(String, String)>,
    /// The body: JSON over several lines, a form with one field per line, files as their media type
    /// and size. Empty if there is none.
    pub body: String,
    /// True if the post may be published once this request is sent; the requests before it only
    /// prepare.
    pub publishes: bool,
}

/// Replacement for a secret.
const MASK: &str = "••••";

/// A limit above the number of requests that any network needs before the one that publishes.
const MAX_REQUESTS: usize = 20;

/// Names of headers, fields and parameters whose values are secrets or signatures.
const SECRET_NAMES: [&str; 14] = [
    "authorization",
    "access-token",
    "access_token",
    "accessjwt",
    "token",
    "secret",
    "appsecret",
    "client_secret",
    "password",
    "sig",
    "sign",
    "signature",
    "webhook-signature",
    "x-signature",
];

/// Returns the requests that sending `post` by `channel` at `now` would take, up to the one that
/// publishes it. The answers to earlier requests are samples. Empty for channels that send mail. A
/// secret whose environment variable is not set is shown as `${NAME}`.
///
/// # Errors
/// The channel's URL is invalid, or the post cannot be made for this network.
pub fn requests(channel: &Channel, post: &Post, now: Timestamp) -> Result<Vec<RequestPreview>, SenderError> {
    let ChannelKind::Network(account) = &channel.kind else { return Ok(Vec::new()) };
    let kind = account.network.kind;
    let network = find(kind).ok_or_else(|| SenderError(format!("there is no protocol for {kind}")))?;
    let (account, missing) = with_placeholders(account);
    let access = Access::new(&account)?;
    preview_requests(network, &access, &Redactor::new(&access, &missing), post, now)
}

/// Returns true if the request that publishes the post contains `keyword`, in the same case; `None`
/// if nothing would be sent.
#[must_use]
pub fn contains_keyword(channel: &Channel, post: &Post, keyword: &str) -> Option<bool> {
    let requests = requests(channel, post, Timestamp::UNIX_EPOCH).ok()?;
    let last = requests.last().filter(|request| request.publishes)?;
    Some(keyword::body_contains(keyword, &Body::JsonText(last.body.clone())))
}

/// Returns every limit of the channel's network with the amount that the post uses. Empty for
/// channels that send mail, and for a custom body that the network's file cannot read.
#[must_use]
pub fn budgets(channel: &Channel, post: &Post) -> Vec<LengthBudget> {
    find(channel.kind.name())
        .map(|network| network.budgets(post, &PriorAnswers::new(post.at)))
        .unwrap_or_default()
}

fn preview_requests(
    network: &dyn Protocol,
    access: &Access,
    redactor: &Redactor,
    post: &Post,
    now: Timestamp,
) -> Result<Vec<RequestPreview>, SenderError> {
    let mut prior = PriorAnswers::new(now);
    let mut shown: Vec<RequestPreview> = Vec::new();
    while shown.len() < MAX_REQUESTS {
        let request = network
            .next(access, post, &prior)
            .map_err(|error| SenderError(redactor.redact(&error.to_string())))?;
        // A request that repeats learned nothing from the sample answer; later ones cannot be
        // shown.
        if shown.iter().any(|before| before.name == request.name) {
            break;
        }
        shown.push(redactor.request(access, &request));
        if request.publishes {
            break;
        }
        let body = network.example_answer(request.name).to_string().into_bytes();
        prior.put(
            request.name,
            Response { status: 200, headers: Vec::new(), body, truncated: false, at: now },
        );
    }
    Ok(shown)
}

/// Returns the account with a placeholder for each secret that is not set, and the pairs of
/// placeholder and text to show for it.
fn with_placeholders(account: &Account) -> (Account, Vec<(String, String)>) {
    let mut account = account.clone();
    let mut missing = Vec::new();
    let values = [
        "https://stand-in.invalid/url".to_owned(),
        // A webhook's secret is 24 to 64 bytes in Base64.
        format!("whsec_{}", STANDARD.encode(format!("{:-<32}", "stand-in"))),
        "stand-in-token".to_owned(),
    ];
    let slots = [&mut account.url, &mut account.secret, &mut account.token];
    for (slot, value) in slots.into_iter().zip(values) {
        if let Some(Err(unset)) = slot.as_ref().map(Secret::expose) {
            missing.push((value.clone(), format!("${{{}}}", unset.0)));
            *slot = Some(Secret::new(value));
        }
    }
    (account, missing)
}

/// Replaces secrets in requests by text that may be shown.
struct Redactor {
    /// Each secret with its replacement, in every encoding in which a request may contain it;
    /// longest first.
    pairs: Vec<(String, String)>,
    /// The path of a secret URL without its last part, and the whole path and query.
    hook: Option<(String, String)>,
}

impl Redactor {
    fn new(access: &Access, missing: &[(String, String)]) -> Self {
        let secrets =
            access.secret.iter().flat_map(|secret| secret.split_whitespace()).chain([&*access.token]);
        let set = secrets.filter(|value| !missing.iter().any(|(placeholder, _)| placeholder == value));
        let set = set.filter(|value| value.len() > 3).map(|value| (value.to_owned(), MASK.to_owned()));
        let mut pairs: Vec<_> =
            set.chain(missing.iter().cloned()).flat_map(|(value, shown)| encodings(&value, &shown)).collect();
        pairs.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
        pairs.dedup();
        let path = access.webhook_path.split('?').next().unwrap_or_default();
        let keep = path.rfind('/').map_or(0, |at| at + 1);
        let is_placeholder = missing.iter().any(|(value, _)| value.ends_with(&access.webhook_path));
        let hook = (access.webhook_path.len() > keep && !is_placeholder)
            .then(|| (access.webhook_path[..keep].to_owned(), access.webhook_path.clone()));
        Self { pairs, hook }
    }

    /// Returns `text` with its secrets redacted.
    fn redact(&self, text: &str) -> String {
        let text = match &self.hook {
            Some((shown, hook)) => text.replace(hook, &format!("{shown}{MASK}")),
            None => text.to_owned(),
        };
        self.pairs.iter().fold(text, |text, (value, shown)| text.replace(value, shown))
    }

    /// Redacts a value whose name says that it is secret, except for a placeholder of
    /// its variable.
    fn redact_secret(&self, value: &str) -> String {
        let seen = self.redact(value);
        if seen.starts_with("${") { seen } else { MASK.to_owned() }
    }

    fn redact_named(&self, name: &str, value: &str) -> String {
        if !is_secret_name(name) {
            return self.redact(value);
        }
        match value.split_once(' ').filter(|_| name.eq_ignore_ascii_case("authorization")) {
            Some((scheme, rest)) => format!("{scheme} {}", self.redact_secret(rest)),
            None => self.redact_secret(value),
        }
    }

    fn request(&self, access: &Access, request: &Request) -> RequestPreview {
        let (media, _) = request.body.encoded();
        let media = media.map(|media| ("content-type".to_owned(), media));
        let headers = request.headers.iter().chain(&request.credentials);
        let headers = headers.map(|(name, value)| ((*name).to_owned(), self.redact_named(name, value)));
        RequestPreview {
            name: request.name.to_owned(),
            method: request.method.to_owned(),
            url: self.url(&access.absolute_url(&request.target)),
            headers: media.into_iter().chain(headers).collect(),
            body: self.body(&request.body),
            publishes: request.publishes,
        }
    }

    fn url(&self, url: &str) -> String {
        let mut url = without_user(&self.redact(url));
        // The protocol has changed the secret URL: cut everything after its last part that may be
        // shown.
        if let Some((shown, hook)) = &self.hook
            && !url.contains(MASK)
            && let path = hook.split('?').next().unwrap_or_default()
            && let Some(at) = url.find(path)
        {
            url.truncate(at + shown.len());
            url.push_str(MASK);
        }
        let Some((before, query)) = url.split_once('?') else { return url };
        let parameters = query.split('&').map(|pair| match pair.split_once('=') {
            Some((name, value)) if is_secret_name(name) => format!("{name}={}", self.redact_secret(value)),
            _ => pair.to_owned(),
        });
        format!("{before}?{}", parameters.collect::<Vec<_>>().join("&"))
    }

    fn body(&self, body: &Body) -> String {
        match body {
            Body::Empty => String::new(),
            Body::Json(value) => self.json(value.clone()),
            Body::JsonText(text) => {
                serde_json::from_str(text).map_or_else(|_| self.redact(text), |value| self.json(value))
            }
            Body::Form(fields) => {
                let fields =
                    fields.iter().map(|(name, value)| format!("{name}={}", self.redact_named(name, value)));
                fields.collect::<Vec<_>>().join("\n")
            }
            Body::Multipart(parts) => parts.iter().map(|part| self.part(part)).collect::<Vec<_>>().join("\n"),
            Body::Bytes(media, bytes) => format!("({media}, {} bytes)", bytes.len()),
        }
    }

    fn part(&self, part: &Part) -> String {
        let shown = match &part.file {
            Some((name, media)) => format!("{name} ({media}, {} bytes)", part.bytes.len()),
            None => self.redact_named(part.name, &String::from_utf8_lossy(&part.bytes)),
        };
        format!("{}: {shown}", part.name)
    }

    fn json(&self, mut value: Value) -> String {
        self.redact_json(&mut value);
        self.redact(&serde_json::to_string_pretty(&value).unwrap_or_default())
    }

    fn redact_json(&self, value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.redact_json(item)),
            Value::Object(members) => {
                for (name, member) in members {
                    match member {
                        Value::String(text) if is_secret_name(name) => *text = self.redact_secret(text),
                        member => self.redact_json(member),
                    }
                }
            }
            _ => {}
        }
    }
}

fn is_secret_name(name: &str) -> bool {
    SECRET_NAMES.iter().any(|hidden| hidden.eq_ignore_ascii_case(name))
}

/// Returns a value as it is, in JSON, in a path and in a form, each with its replacement.
fn encodings(value: &str, shown: &str) -> Vec<(String, String)> {
    let json = Value::from(value).to_string();
    let form = form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>();
    let mut all = vec![json.trim_matches('"').to_owned(), segment(value), form, value.to_owned()];
    all.sort();
    all.dedup();
    all.into_iter().map(|encoding| (encoding, shown.to_owned())).collect()
}

/// Masks the user name and password of a URL.
fn without_user(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match host.rfind('@') {
        Some(at) => format!("{scheme}://{MASK}{}", &rest[at..]),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{access, now, post, post_of, post_with_file};
    use campaign::Per;
    use message::Content;

    fn channel(account: Account) -> Channel {
        Channel {
            id: campaign::ChannelId::parse("c").unwrap(),
            language: None,
            kind: ChannelKind::Network(Box::new(account)),
            rate: None,
            connections: 1,
            daily: campaign::DailyLimit::default(),
            receivers: campaign::Receivers::default(),
            cost: None,
        }
    }

    #[test]
    fn no_network_shows_a_secret() {
        let basic = STANDARD.encode("account-1:token-1");
        let secrets = ["topsecret", "this is secret", "this%20is", "this+is", "token-1", "k1", &basic];
        let mut published = 0;
        for network in campaign::network::NETWORKS {
            let Some(protocol) = find(network.kind) else { continue };
            let access = access(network.kind);
            let to = Some("+8613800138000".to_owned());
            let own = Content::Json("{\"a\":1}".to_owned());
            let own = Post { content: own, to: to.clone(), ..post() };
            for post in [Post { to, ..post() }, post_with_file(), post_of("short"), own] {
                let Ok(shown) =
                    preview_requests(protocol, &access, &Redactor::new(&access, &[]), &post, now())
                else {
                    continue;
                };
                published += usize::from(shown.last().is_some_and(|last| last.publishes));
                let json = serde_json::to_string(&shown).unwrap();
                for secret in secrets {
                    assert!(!json.contains(secret), "{}: {secret} in {json}", network.kind);
                }
            }
        }
        assert!(published > 3, "{published}");
    }

    #[test]
    fn a_request_is_shown_as_it_would_be_made() {
        let access = access("slack");
        let shown =
            preview_requests(find("slack").unwrap(), &access, &Redactor::new(&access, &[]), &post(), now());
        insta::assert_json_snapshot!(shown.unwrap());
    }

    #[test]
    fn an_unset_variable_is_shown_by_name() {
        let network = |kind| campaign::Network::find(kind).unwrap();
        let hook = Account {
            url: Some(Secret::missing("HOOK_URL")),
            secret: Some(Secret::missing("HOOK_SECRET")),
            ..Account::new(network("webhook"), Per::Feed)
        };
        let own = Post { content: Content::Json("{\"type\":\"x\"}".to_owned()), ..post() };
        let shown = requests(&channel(hook), &own, now()).unwrap();
        assert_eq!(shown[0].url, "${HOOK_URL}");
        assert!(!serde_json::to_string(&shown).unwrap().contains("stand-in"), "{shown:?}");
        let twilio = Account {
            token: Some(Secret::missing("SMS_TOKEN")),
            account: Some("AC1".into()),
            from: Some("+1".into()),
            ..Account::new(network("twilio"), Per::Contact)
        };
        let to = Post { to: Some("+8613800138000".to_owned()), ..post_of("Hello & goodbye") };
        let shown = requests(&channel(twilio), &to, now()).unwrap();
        assert_eq!(shown[0].headers[1], ("authorization".to_owned(), "Basic ••••".to_owned()));
        assert_eq!(shown[0].body, "To=+8613800138000\nFrom=+1\nBody=Hello & goodbye");
        assert_eq!(without_user("https://me:pw@host/a@b"), "https://••••@host/a@b");
    }
}
