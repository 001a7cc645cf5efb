//! The requests that a post would take, for people to look at: nothing is sent, and no secret is in them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use campaign::{Account, Channel, ChannelKind, Secret};
use egress::{Body, Part, Request, Response, segment};
use jiff::Timestamp;
use measure::Budget;
use message::{Post, SenderError};
use serde::Serialize;
use serde_json::Value;
use url::form_urlencoded;

use crate::access::Access;
use crate::keyword;
use crate::protocol::{Known, Protocol};
use crate::registry::find;

/// A request as it would be made, its secrets hidden.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownRequest {
    /// What it is for, in a word: `session`, `upload`, `post`.
    pub name: String,
    /// `GET`, `POST`, `PUT`.
    pub method: String,
    /// The whole address.
    pub url: String,
    /// Name and value, in order.
    pub headers: Vec<(String, String)>,
    /// JSON over several lines, a form's fields one a line, files as their kind and size; empty if there is nothing.
    pub body: String,
    /// Whether the post may be out once it is sent; the requests before it only prepare.
    pub publishes: bool,
}

/// What stands where a secret would.
const MASK: &str = "••••";

/// More requests than any network needs before the one that publishes.
const MOST: usize = 20;

/// Names of headers, fields and parameters whose values let somebody in, or are signed with what does.
const HIDDEN: [&str; 14] = [
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

/// The requests that sending `post` by `channel` at `now` would take, up to the one that publishes it. What would be
/// answered before is made up. None for channels that send mail. A secret whose environment variable is not set is
/// shown as `${NAME}`.
///
/// # Errors
/// The channel's address is of no use, or the post cannot be made for this network.
pub fn requests(channel: &Channel, post: &Post, now: Timestamp) -> Result<Vec<ShownRequest>, SenderError> {
    let ChannelKind::Network(account) = &channel.kind else { return Ok(Vec::new()) };
    let kind = account.network.kind;
    let network = find(kind).ok_or_else(|| SenderError(format!("nobody speaks {kind}")))?;
    let (account, missing) = with_stand_ins(account);
    let access = Access::new(&account)?;
    walk(network, &access, &Veil::new(&access, &missing), post, now)
}

/// Returns true if the post says `keyword`, letter for letter, in the request that publishes it; `None` where nothing would
/// be sent.
#[must_use]
pub fn says(channel: &Channel, post: &Post, keyword: &str) -> Option<bool> {
    let requests = requests(channel, post, Timestamp::UNIX_EPOCH).ok()?;
    let last = requests.last().filter(|request| request.publishes)?;
    Some(keyword::is_said(keyword, &Body::JsonText(last.body.clone())))
}

/// How much of each limit of its network a post uses; none of what sends mail, and none of a body written by hand
/// that the network's file cannot read.
#[must_use]
pub fn budgets(channel: &Channel, post: &Post) -> Vec<Budget> {
    find(channel.kind.name()).map(|network| network.budgets(post, &Known::new(post.at))).unwrap_or_default()
}

fn walk(
    network: &dyn Protocol,
    access: &Access,
    veil: &Veil,
    post: &Post,
    now: Timestamp,
) -> Result<Vec<ShownRequest>, SenderError> {
    let mut known = Known::new(now);
    let mut shown: Vec<ShownRequest> = Vec::new();
    while shown.len() < MOST {
        let request =
            network.next(access, post, &known).map_err(|error| SenderError(veil.text(&error.to_string())))?;
        // Asked twice, the example taught it nothing: what comes after cannot be shown.
        if shown.iter().any(|before| before.name == request.name) {
            break;
        }
        shown.push(veil.request(access, &request));
        if request.publishes {
            break;
        }
        let body = network.example(request.name).to_string().into_bytes();
        known.put(request.name, Response { status: 200, headers: Vec::new(), body, cut: false, at: now });
    }
    Ok(shown)
}

/// The account with something in place of each secret that is not known, and what to show for it.
fn with_stand_ins(account: &Account) -> (Account, Vec<(String, String)>) {
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

/// What must not be seen, and what is shown for it.
struct Veil {
    /// In every spelling in which it may stand in a request; longest first.
    pairs: Vec<(String, String)>,
    /// The path of a secret address, without its last part, and the whole of it.
    hook: Option<(String, String)>,
}

impl Veil {
    fn new(access: &Access, missing: &[(String, String)]) -> Self {
        let own = access.secret.iter().flat_map(|secret| secret.split_whitespace()).chain([&*access.token]);
        let known = own.filter(|value| !missing.iter().any(|(stand_in, _)| stand_in == value));
        let known = known.filter(|value| value.len() > 3).map(|value| (value.to_owned(), MASK.to_owned()));
        let mut pairs: Vec<_> = known
            .chain(missing.iter().cloned())
            .flat_map(|(value, shown)| spellings(&value, &shown))
            .collect();
        pairs.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
        pairs.dedup();
        let path = access.hook.split('?').next().unwrap_or_default();
        let keep = path.rfind('/').map_or(0, |at| at + 1);
        let stands_in = missing.iter().any(|(value, _)| value.ends_with(&access.hook));
        let hook = (access.hook.len() > keep && !stands_in)
            .then(|| (access.hook[..keep].to_owned(), access.hook.clone()));
        Self { pairs, hook }
    }

    /// `text` without anything secret in it.
    fn text(&self, text: &str) -> String {
        let text = match &self.hook {
            Some((shown, hook)) => text.replace(hook, &format!("{shown}{MASK}")),
            None => text.to_owned(),
        };
        self.pairs.iter().fold(text, |text, (value, shown)| text.replace(value, shown))
    }

    /// A value that is secret by its name, except for the variable that it comes from.
    fn hidden(&self, value: &str) -> String {
        let seen = self.text(value);
        if seen.starts_with("${") { seen } else { MASK.to_owned() }
    }

    fn named(&self, name: &str, value: &str) -> String {
        if !is_hidden(name) {
            return self.text(value);
        }
        match value.split_once(' ').filter(|_| name.eq_ignore_ascii_case("authorization")) {
            Some((scheme, rest)) => format!("{scheme} {}", self.hidden(rest)),
            None => self.hidden(value),
        }
    }

    fn request(&self, access: &Access, request: &Request) -> ShownRequest {
        let (media, _) = request.body.encoded();
        let media = media.map(|media| ("content-type".to_owned(), media));
        let headers = request.headers.iter().chain(&request.credentials);
        let headers = headers.map(|(name, value)| ((*name).to_owned(), self.named(name, value)));
        ShownRequest {
            name: request.name.to_owned(),
            method: request.method.to_owned(),
            url: self.url(&access.address(&request.target)),
            headers: media.into_iter().chain(headers).collect(),
            body: self.body(&request.body),
            publishes: request.publishes,
        }
    }

    fn url(&self, url: &str) -> String {
        let mut url = without_user(&self.text(url));
        // Whoever took the secret address apart: nothing after its last part that may be shown.
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
            Some((name, value)) if is_hidden(name) => format!("{name}={}", self.hidden(value)),
            _ => pair.to_owned(),
        });
        format!("{before}?{}", parameters.collect::<Vec<_>>().join("&"))
    }

    fn body(&self, body: &Body) -> String {
        match body {
            Body::Empty => String::new(),
            Body::Json(value) => self.json(value.clone()),
            Body::JsonText(text) => {
                serde_json::from_str(text).map_or_else(|_| self.text(text), |value| self.json(value))
            }
            Body::Form(fields) => {
                let fields = fields.iter().map(|(name, value)| format!("{name}={}", self.named(name, value)));
                fields.collect::<Vec<_>>().join("\n")
            }
            Body::Multipart(parts) => parts.iter().map(|part| self.part(part)).collect::<Vec<_>>().join("\n"),
            Body::Bytes(media, bytes) => format!("({media}, {} bytes)", bytes.len()),
        }
    }

    fn part(&self, part: &Part) -> String {
        let said = match &part.file {
            Some((name, media)) => format!("{name} ({media}, {} bytes)", part.bytes.len()),
            None => self.named(part.name, &String::from_utf8_lossy(&part.bytes)),
        };
        format!("{}: {said}", part.name)
    }

    fn json(&self, mut value: Value) -> String {
        self.walk(&mut value);
        self.text(&serde_json::to_string_pretty(&value).unwrap_or_default())
    }

    fn walk(&self, value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.walk(item)),
            Value::Object(members) => {
                for (name, member) in members {
                    match member {
                        Value::String(text) if is_hidden(name) => *text = self.hidden(text),
                        member => self.walk(member),
                    }
                }
            }
            _ => {}
        }
    }
}

fn is_hidden(name: &str) -> bool {
    HIDDEN.iter().any(|hidden| hidden.eq_ignore_ascii_case(name))
}

/// A value as it is, in JSON, in a path, in a form.
fn spellings(value: &str, shown: &str) -> Vec<(String, String)> {
    let json = Value::from(value).to_string();
    let form = form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>();
    let mut all = vec![json.trim_matches('"').to_owned(), segment(value), form, value.to_owned()];
    all.sort();
    all.dedup();
    all.into_iter().map(|spelling| (spelling, shown.to_owned())).collect()
}

/// Whoever is named before the host of an address is not shown.
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
            daily: campaign::Daily::default(),
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
            let Some(speaker) = find(network.kind) else { continue };
            let access = access(network.kind);
            let to = Some("+8613800138000".to_owned());
            let own = Content::Own("{\"a\":1}".to_owned());
            let own = Post { content: own, to: to.clone(), ..post() };
            for post in [Post { to, ..post() }, post_with_file(), post_of("short"), own] {
                let Ok(shown) = walk(speaker, &access, &Veil::new(&access, &[]), &post, now()) else {
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
        let shown = walk(find("slack").unwrap(), &access, &Veil::new(&access, &[]), &post(), now());
        insta::assert_json_snapshot!(shown.unwrap());
    }

    #[test]
    fn what_is_not_set_is_named() {
        let network = |kind| campaign::Network::find(kind).unwrap();
        let hook = Account {
            url: Some(Secret::missing("HOOK_URL")),
            secret: Some(Secret::missing("HOOK_SECRET")),
            ..Account::new(network("webhook"), Per::Feed)
        };
        let own = Post { content: Content::Own("{\"type\":\"x\"}".to_owned()), ..post() };
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
