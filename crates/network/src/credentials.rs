//! Tests of one rule for all networks: credentials go only to the account's own origin and to the
//! hosts that the network's upload protocol names.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use campaign::network::NETWORKS;
use egress::{Client, Request, Settings};
use message::{Content, Picture, PictureSource, Post};
use url::Url;

use crate::access::Access;
use crate::picture::FETCH;
use crate::protocol::{PriorAnswers, Protocol};
use crate::registry::find;
use crate::sample::{access, answer, post, post_of, post_with_file, prior};

/// Returns the secrets of the sample accounts, and those that servers gave in exchange.
fn secrets() -> [String; 8] {
    let basic = STANDARD.encode("account-1:token-1");
    let plain = ["topsecret", "this is secret", "this%20is%20secret", "token-1", "k1", "session-1"];
    let [a, b, c, d, e, f] = plain.map(str::to_owned);
    [a, b, c, d, e, f, basic, "authorization".to_owned()]
}

fn client(access: &Access) -> Client {
    let settings = Settings { roots: Vec::new(), timeout: Duration::from_secs(1), proxy: None };
    Client::new(&access.base, true, access.network.upload_hosts, settings).unwrap()
}

/// Returns a server's answer to a preparing request, with a session token and with uploads that
/// lead to `elsewhere`.
fn example_answer(network: &dyn Protocol, name: &'static str, elsewhere: &str) -> String {
    let json = network.example_answer(name).to_string();
    let json = json.replace("\"token\"", "\"session-1\"");
    json.replace("https://www.linkedin.com/", elsewhere)
}

/// Returns all requests that sending `post` takes.
fn requests(network: &dyn Protocol, access: &Access, post: &Post, elsewhere: &str) -> Vec<Request> {
    let mut prior: PriorAnswers = prior(&[]);
    let mut requests: Vec<Request> = Vec::new();
    while let Ok(request) = network.next(access, post, &prior) {
        let seen = requests.iter().any(|before| before.name == request.name);
        let (name, last) = (request.name, request.publishes || seen);
        requests.push(request);
        if last {
            break;
        }
        let body = example_answer(network, name, elsewhere);
        prior.put(name, answer(200, &[("content-type", "image/png")], &body));
    }
    requests
}

/// Adds a link to the post's text, as Weibo requires, and a recipient.
fn linked(mut post: Post) -> Post {
    if let Content::Parts(parts) = &mut post.content {
        parts.text.push_str(" https://news.example/c/1.tok");
    }
    Post { to: Some("+8613800138000".to_owned()), ..post }
}

/// Returns posts with every kind of picture, one of them at a host that begins like the network's
/// own.
fn posts() -> [Post; 4] {
    let mut near = post();
    if let Content::Parts(parts) = &mut near.content {
        let source = PictureSource::Url("https://api.test.evil.example/a.png".to_owned());
        parts.picture = Some(Picture { source, alt: "A cup".into() });
    }
    [post(), near, post_with_file(), post_of("Spring")].map(linked)
}

#[test]
fn no_credential_leaves_for_another_host() {
    let (mut foreign, mut own) = (0, 0);
    for kind in NETWORKS.iter().map(|network| network.kind) {
        let (network, access) = (find(kind).unwrap(), access(kind));
        let client = client(&access);
        for post in posts() {
            for request in requests(network, &access, &post, "https://files.evil.example/") {
                let url = Url::parse(&access.absolute_url(&request.target)).unwrap();
                let sent = client.headers_sent(&url, &request).unwrap();
                if url.origin() == Url::parse(&access.base).unwrap().origin() {
                    own += usize::from(!request.credentials.is_empty());
                    let whole = request
                        .credentials
                        .iter()
                        .all(|(name, value)| sent.iter().any(|(other, sent)| other == name && sent == value));
                    assert!(whole, "{kind}: {request:?} loses its credentials");
                    continue;
                }
                foreign += 1;
                let (_, body) = request.body.encoded();
                let all = format!("{url} {sent:?} {}", String::from_utf8_lossy(&body));
                for secret in secrets() {
                    assert!(!all.contains(&secret), "{kind}: {secret} goes to {all}");
                }
            }
        }
    }
    // Eight networks fetch two pictures each, and one receives an upload address for three.
    assert_eq!((foreign, own >= 30), (19, true), "{foreign} {own}");
}

#[test]
fn a_picture_is_fetched_without_credentials() {
    let mut fetched = 0;
    for kind in NETWORKS.iter().map(|network| network.kind) {
        let (network, access) = (find(kind).unwrap(), access(kind));
        for request in requests(network, &access, &linked(post()), "https://files.example/") {
            if request.name == FETCH {
                fetched += 1;
                assert_eq!((&request.headers[..], &request.credentials[..]), (&[][..], &[][..]), "{kind}");
            }
        }
    }
    assert_eq!(fetched, 8);
}

#[test]
fn the_client_drops_credentials_for_other_hosts() {
    let client = client(&access("linkedin"));
    let request = Request::get("upload", "/").bearer("token-1").header("x-other", "1");
    for (url, goes) in [
        ("https://api.test/up", true),
        ("https://www.linkedin.com/dms-uploads/1", true),
        ("http://api.test/up", false),
        ("https://api.test:8443/up", false),
        ("https://www.linkedin.com:8443/", false),
        ("http://www.linkedin.com/", false),
        ("https://www.linkedin.com.evil.example/", false),
        ("https://evillinkedin.com/", false),
        ("https://api.test@evil.example/", false),
        ("https://harbour.example/spring.png", false),
    ] {
        let sent = client.headers_sent(&Url::parse(url).unwrap(), &request).unwrap();
        let has = |name: &str| sent.iter().any(|(other, _)| other == name);
        assert_eq!((has("authorization"), has("x-other")), (goes, true), "{url}");
    }
}

/// The vendor's upload hosts are trusted only for an account at the vendor's origin.
#[test]
fn upload_hosts_are_the_vendors_own() {
    for network in NETWORKS {
        for host in network.upload_hosts {
            let origin = Url::parse(network.origin.unwrap()).unwrap();
            let domain = origin.host_str().unwrap().split_once('.').unwrap().1;
            assert!(host.ends_with(&format!(".{domain}")), "{}: {host}", network.kind);
        }
    }
}
