//! Posts, accounts and answers for the tests of the networks.

use std::sync::Arc;

use campaign::{Account, Per, Secret};
use egress::{Body, Request, Response};
use jiff::Timestamp;
use message::{Action, Content, Parts, Picture, PictureFile, PictureSource, Post};
use url::Url;

use crate::access::Access;
use crate::protocol::Known;
use crate::registry::find;
use crate::verdict::Verdict;

/// 2020-09-13 12:26:40 UTC: what the published signature vectors are dated by.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_second(1_600_000_000).unwrap()
}

/// An account with every key, as far as the network knows it. Its API is at `https://api.test`.
pub(crate) fn access(kind: &str) -> Access {
    let network = campaign::Network::find(kind).unwrap();
    let has = |key: campaign::network::Key| network.has(key);
    use campaign::network::Key;
    let text = |key: Key, value: &str| has(key).then(|| value.to_owned());
    let secret = |key: Key, value: &str| has(key).then(|| Secret::new(value));
    let account = Account {
        base_url: Some(Url::parse("https://api.test").unwrap()),
        url: secret(Key::Url, "https://vendor.example/hook/T1/B2/topsecret?key=k1"),
        secret: secret(Key::Secret, "this is secret").filter(|_| kind != "webhook"),
        token: secret(Key::Token, "token-1"),
        account: text(Key::Account, "account-1"),
        room: text(Key::Room, "room-1"),
        from: text(Key::From, "+15005550006"),
        template_id: text(Key::TemplateId, "template-1"),
        ..Account::new(network, Per::Feed)
    };
    Access::new(&account).unwrap()
}

/// A post with title, text, button, link and a picture that has an address.
pub(crate) fn post() -> Post {
    let url = "https://news.example/c/1.tok".to_owned();
    let parts = Parts {
        title: Some("Spring Tide".into()),
        text: "CNY 98 for 250 g & a cup".into(),
        plain: format!("Spring Tide\n\nCNY 98 for 250 g & a cup\n\nChoose: {url}"),
        action: Some(Action { label: "Choose".into(), url: url.clone() }),
        link: Some(url),
        picture: Some(Picture {
            source: PictureSource::Url("https://harbour.example/spring.png".into()),
            alt: "A white cup".into(),
        }),
        mention: Vec::new(),
    };
    Post {
        id: "5f2b0c1d".into(),
        at: now(),
        again: false,
        to: None,
        language: "en".into(),
        content: Content::Parts(Box::new(parts)),
    }
}

/// The same with the picture as a file of four bytes.
pub(crate) fn post_with_file() -> Post {
    let mut post = post();
    if let Content::Parts(parts) = &mut post.content {
        let file =
            PictureFile { name: "spring.png".into(), media: "image/png".into(), bytes: vec![1, 2, 3, 4] };
        parts.picture =
            Some(Picture { source: PictureSource::File(Arc::new(file)), alt: "A white cup".into() });
    }
    post
}

/// The same that says `text` and nothing else.
pub(crate) fn post_of(text: &str) -> Post {
    let parts = Parts { text: text.into(), plain: text.into(), ..Parts::default() };
    Post { content: Content::Parts(Box::new(parts)), ..post() }
}

/// An answer.
pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Response { status, headers, body: body.as_bytes().to_vec(), cut: false, at: now() }
}

/// What is known after these answers.
pub(crate) fn known(answers: &[(&'static str, &str)]) -> Known {
    let mut known = Known::new(now());
    answers.iter().for_each(|(name, body)| known.put(name, answer(200, &[], body)));
    known
}

/// The next request of a post.
pub(crate) fn next(kind: &str, post: &Post, known: &Known) -> Request {
    find(kind).unwrap().next(&access(kind), post, known).unwrap()
}

/// How much of each limit a post takes.
pub(crate) fn budgets(kind: &str, post: &Post) -> Vec<measure::Budget> {
    find(kind).unwrap().budgets(post, &known(&[]))
}

/// The JSON of a request.
pub(crate) fn json(request: &Request) -> serde_json::Value {
    match &request.body {
        Body::Json(value) => value.clone(),
        Body::JsonText(text) => serde_json::from_str(text).unwrap(),
        other => panic!("not JSON: {other:?}"),
    }
}

/// What the answer to the request called `name` means; `publishes` is whether that is the post itself.
pub(crate) fn verdict(
    kind: &str,
    name: &'static str,
    publishes: bool,
    status: u16,
    headers: &[(&str, &str)],
    body: &str,
) -> Verdict {
    let request = Request { publishes, ..Request::get(name, "/") };
    find(kind).unwrap().verdict(&request, &answer(status, headers, body))
}
