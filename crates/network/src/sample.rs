//! Sample posts, accounts and answers for the tests of the networks.

use std::sync::Arc;

use campaign::{Account, Per, Secret};
use egress::{Body, Request, Response};
use jiff::Timestamp;
use message::{Action, Content, Parts, Picture, PictureFile, PictureSource, Post};
use url::Url;

use crate::access::Access;
use crate::protocol::PriorAnswers;
use crate::registry::find;
use crate::verdict::Verdict;

/// Returns 2020-09-13 12:26:40 UTC, the time of the published signature vectors.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_second(1_600_000_000).unwrap()
}

/// Returns an account with every setting that the network knows. Its API is at `https://api.test`.
pub(crate) fn access(kind: &str) -> Access {
    let network = campaign::Network::find(kind).unwrap();
    let has = |key: campaign::network::ChannelKey| network.has(key);
    use campaign::network::ChannelKey;
    let text = |key: ChannelKey, value: &str| has(key).then(|| value.to_owned());
    let secret = |key: ChannelKey, value: &str| has(key).then(|| Secret::new(value));
    let account = Account {
        base_url: Some(Url::parse("https://api.test").unwrap()),
        url: secret(ChannelKey::Url, "https://vendor.example/hook/T1/B2/topsecret?key=k1"),
        secret: secret(ChannelKey::Secret, "this is secret").filter(|_| kind != "webhook"),
        token: secret(ChannelKey::Token, "token-1"),
        account: text(ChannelKey::Account, "account-1"),
        room: text(ChannelKey::Room, "room-1"),
        from: text(ChannelKey::From, "+15005550006"),
        template_id: text(ChannelKey::TemplateId, "template-1"),
        ..Account::new(network, Per::Feed)
    };
    Access::new(&account).unwrap()
}

/// Returns a post with title, text, button, link and a picture given by URL.
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
        possible_duplicate: false,
        to: None,
        language: "en".into(),
        content: Content::Parts(Box::new(parts)),
    }
}

/// Returns the sample post with its picture as a file of four bytes.
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

/// Returns the sample post with nothing but `text` as its content.
pub(crate) fn post_of(text: &str) -> Post {
    let parts = Parts { text: text.into(), plain: text.into(), ..Parts::default() };
    Post { content: Content::Parts(Box::new(parts)), ..post() }
}

/// Returns an answer received at [`now`].
pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Response { status, headers, body: body.as_bytes().to_vec(), truncated: false, at: now() }
}

/// Returns the state after these successful answers.
pub(crate) fn prior(answers: &[(&'static str, &str)]) -> PriorAnswers {
    let mut prior = PriorAnswers::new(now());
    answers.iter().for_each(|(name, body)| prior.put(name, answer(200, &[], body)));
    prior
}

/// Returns the next request of a post on the network `kind`.
pub(crate) fn next(kind: &str, post: &Post, prior: &PriorAnswers) -> Request {
    find(kind).unwrap().next(&access(kind), post, prior).unwrap()
}

/// Returns the limits of the network `kind` with the amount that `post` uses.
pub(crate) fn budgets(kind: &str, post: &Post) -> Vec<measure::LengthBudget> {
    find(kind).unwrap().budgets(post, &prior(&[]))
}

/// Returns the JSON body of a request.
pub(crate) fn json(request: &Request) -> serde_json::Value {
    match &request.body {
        Body::Json(value) => value.clone(),
        Body::JsonText(text) => serde_json::from_str(text).unwrap(),
        other => panic!("not JSON: {other:?}"),
    }
}

/// Returns the meaning of an answer to the request `name`; `publishes` is true for the post itself.
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
