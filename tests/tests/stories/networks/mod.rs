//! Posts from our side to the platform that plays the other: what arrives, and what becomes of what does not.

mod accounts;
mod before;
mod feeds;
mod judged;
mod rooms;

use std::sync::Arc;
use std::time::Duration;

use campaign::{Account, Channel, ChannelId, ChannelKind, Network, Per, Secret};
use channel::{
    Action, Content, Limits, Message, Parts, Picture, PictureFile, PictureSource, Post, RejectReason, Scope,
    SendOutcome, Sender,
};
use jiff::Timestamp;
use platform::{Fault, Kind, Platform, Received};
use url::Url;

const NOW: i64 = 1_787_392_800_000;
const LINK: &str = "https://harbour.example/c/1.tok";
const ALT: &str = "A cup by the harbour";
const TEXT: &str = "Renew by 30 April 2027 and get one free month";

/// Our side and the other.
struct Scene {
    kind: Kind,
    platform: Platform,
    sender: Sender,
}

impl Scene {
    async fn of(kind: Kind) -> Self {
        Self::with(kind, Duration::from_secs(20)).await
    }

    /// One that does not wait long for an answer.
    async fn hasty(kind: Kind) -> Self {
        Self::with(kind, Duration::from_millis(300)).await
    }

    async fn with(kind: Kind, patience: Duration) -> Self {
        let platform = Platform::start(Arc::new(|| NOW)).await.unwrap();
        let limits = Limits { request: patience, ..Limits::default() };
        let sender = Sender::with(&channel(&platform, kind), Vec::new(), limits).unwrap();
        Self { kind, platform, sender }
    }

    async fn send(&self, post: Post) -> SendOutcome {
        let now = Timestamp::from_millisecond(NOW).unwrap();
        self.sender.session().send(&Message::Post(Box::new(post)), now).await
    }

    /// Sends a post, with something going wrong.
    async fn send_with(&self, fault: Fault, post: Post) -> SendOutcome {
        self.platform.fault(self.kind, fault);
        self.send(post).await
    }

    fn received(&self) -> Vec<Received> {
        self.platform.received(self.kind)
    }

    /// The one post that has arrived.
    fn only(&self) -> Received {
        let mut received = self.received();
        let refused: Vec<_> =
            self.platform.requests(self.kind).into_iter().filter_map(|request| request.refused).collect();
        assert_eq!(received.len(), 1, "{}: {refused:?}", self.kind);
        received.remove(0)
    }
}

fn channel(platform: &Platform, kind: Kind) -> Channel {
    let said = platform::account(kind);
    let text = |value: Option<&str>| value.map(str::to_owned);
    let secret = |value: Option<&str>| value.map(Secret::new);
    let network = Network::find(kind.name()).unwrap();
    let account = Account {
        base_url: Some(Url::parse(&platform.base_url(kind)).unwrap()),
        url: secret(said.url),
        secret: secret(said.secret),
        token: secret(said.token),
        account: text(said.account),
        room: text(said.room),
        from: text(said.from),
        template_id: text(said.template_id),
        address: text(said.address),
        ..Account::new(network, Per::Feed)
    };
    Channel {
        language: None,
        id: ChannelId::parse("launch").unwrap(),
        kind: ChannelKind::Network(Box::new(account)),
        rate: None,
        connections: 1,
        daily: Default::default(),
        receivers: Default::default(),
        cost: None,
    }
}

/// A post with everything, as a network with places for title and button gets it.
fn card(picture: PictureSource) -> Post {
    post(Parts {
        title: Some("Spring Tide".into()),
        text: TEXT.into(),
        plain: format!("Spring Tide\n\n{TEXT}\n\nRenew now: {LINK}"),
        action: Some(Action { label: "Renew now".into(), url: LINK.into() }),
        link: Some(LINK.into()),
        picture: Some(Picture { source: picture, alt: ALT.into() }),
        ..Parts::default()
    })
}

/// The same, as a network gets it that has text only.
fn plain(picture: PictureSource) -> Post {
    let all = format!("Spring Tide\n\n{TEXT}\n\nRenew now: {LINK}");
    post(Parts {
        text: all.clone(),
        plain: all,
        link: Some(LINK.into()),
        picture: Some(Picture { source: picture, alt: ALT.into() }),
        ..Parts::default()
    })
}

/// One that says `text` and nothing else.
fn saying(text: &str) -> Post {
    post(Parts { text: text.into(), plain: text.into(), ..Parts::default() })
}

fn post(parts: Parts) -> Post {
    Post {
        id: "9d2c5f0e7ab1c3d4e5f60718293a4b5c".into(),
        at: Timestamp::from_millisecond(NOW).unwrap(),
        again: false,
        to: None,
        language: "en".into(),
        content: Content::Parts(Box::new(parts)),
    }
}

/// A picture that everybody can reach.
fn by_address() -> PictureSource {
    PictureSource::Url("https://harbour.example/spring.png".into())
}

/// A picture that is uploaded.
fn as_file() -> PictureSource {
    let bytes = b"\x89PNG\r\n\x1a\nand so on".to_vec();
    PictureSource::File(Arc::new(PictureFile { name: "spring.png".into(), media: "image/png".into(), bytes }))
}

/// What each trouble comes to on networks of which nothing can be known afterwards. `wait` is how long the network
/// makes everybody wait when it is asked for seven seconds; `cut` whether half an answer says nothing.
async fn ends_as_it_should(kind: Kind, wait: Option<u64>, cut: bool) {
    let limited = Scene::of(kind).await.send_with(Fault::RateLimited { seconds: 7 }, saying(TEXT)).await;
    let SendOutcome::Deferred { retry_after, scope, .. } = limited else { panic!("{kind}: {limited:?}") };
    assert_eq!((retry_after, scope), (wait.map(Duration::from_secs), Scope::Group), "{kind}");
    for fault in [Fault::ExpiredToken, Fault::Revoked, Fault::Redirect("http://169.254.169.254/".into())] {
        let outcome = Scene::of(kind).await.send_with(fault.clone(), saying(TEXT)).await;
        assert!(matches!(outcome, SendOutcome::Barred { .. }), "{kind} {fault:?}: {outcome:?}");
    }
    let refused =
        Scene::of(kind).await.send_with(Fault::RejectText("unfit words".into()), saying(TEXT)).await;
    let is_refused = matches!(&refused, SendOutcome::Rejected { reason, .. }
        if matches!(reason, RejectReason::Rejected | RejectReason::Policy));
    assert!(is_refused, "{kind}: {refused:?}");
    let busy = Scene::of(kind).await.send_with(Fault::ServerError(503), saying(TEXT)).await;
    assert!(matches!(busy, SendOutcome::Deferred { scope: Scope::Message, .. }), "{kind}: {busy:?}");
    for (fault, arrives) in [
        (Fault::ResetBefore, 0),
        (Fault::NotJson, 0),
        (Fault::AcceptThenReset, 1),
        (Fault::AcceptThenHang, 1),
    ] {
        let scene = Scene::hasty(kind).await;
        let outcome = scene.send_with(fault.clone(), saying(TEXT)).await;
        assert!(matches!(outcome, SendOutcome::Unknown { .. }), "{kind} {fault:?}: {outcome:?}");
        assert_eq!(scene.received().len(), arrives, "{kind} {fault:?}");
    }
    let half = Scene::of(kind).await.send_with(Fault::CutBody, saying(TEXT)).await;
    let is_whole = !cut && matches!(half, SendOutcome::Accepted { .. });
    assert!(is_whole || matches!(half, SendOutcome::Unknown { .. }), "{kind}: {half:?}");
}

/// A post that arrived without an answer is not made again by a second try.
async fn is_not_doubled(kind: Kind) {
    for fault in [Fault::AcceptThenReset, Fault::CutBody, Fault::ServerError(500), Fault::ResetBefore] {
        let scene = Scene::of(kind).await;
        let first = scene.send_with(fault.clone(), saying(TEXT)).await;
        assert!(!matches!(first, SendOutcome::Accepted { .. }), "{kind} {fault:?}: {first:?}");
        let second = scene.send(Post { again: true, ..saying(TEXT) }).await;
        assert!(matches!(second, SendOutcome::Accepted { id: Some(_), .. }), "{kind} {fault:?}: {second:?}");
        scene.only();
    }
}
