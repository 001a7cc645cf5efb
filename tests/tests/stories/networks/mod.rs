//! Posts to fake networks: their content on arrival, and the outcome of faults.

mod accounts;
mod chat_rooms;
mod feeds;
mod preflight;
mod third_party_checks;

use std::sync::Arc;
use std::time::Duration;

use campaign::{Account, Channel, ChannelId, ChannelKind, Network, Per, Secret};
use channel::{
    Action, Content, DeferralScope, Message, Parts, Picture, PictureFile, PictureSource, Post, RejectReason,
    SendOutcome, Sender, Timeouts,
};
use jiff::Timestamp;
use platform::{Fault, Kind, Platform, Received};
use url::Url;

const NOW: i64 = 1_787_392_800_000;
const LINK: &str = "https://harbour.example/c/1.tok";
const ALT: &str = "A cup by the harbour";
const TEXT: &str = "Renew by 30 April 2027 and get one free month";

/// A sender, and the fake network it posts to.
struct PostFixture {
    kind: Kind,
    platform: Platform,
    sender: Sender,
}

impl PostFixture {
    async fn of(kind: Kind) -> Self {
        Self::with(kind, Duration::from_secs(20)).await
    }

    /// Creates a fixture with a request timeout of 300 ms.
    async fn with_short_timeout(kind: Kind) -> Self {
        Self::with(kind, Duration::from_millis(300)).await
    }

    async fn with(kind: Kind, timeout: Duration) -> Self {
        let platform = Platform::start(Arc::new(|| NOW)).await.unwrap();
        let limits = Timeouts { request: timeout, ..Timeouts::default() };
        let sender = Sender::with_roots(&channel(&platform, kind), Vec::new(), limits).unwrap();
        Self { kind, platform, sender }
    }

    async fn send(&self, post: Post) -> SendOutcome {
        let now = Timestamp::from_millisecond(NOW).unwrap();
        self.sender.session().send(&Message::Post(Box::new(post)), now).await
    }

    /// Sends a post with a fault of the network.
    async fn send_with(&self, fault: Fault, post: Post) -> SendOutcome {
        self.platform.fault(self.kind, fault);
        self.send(post).await
    }

    fn received(&self) -> Vec<Received> {
        self.platform.received(self.kind)
    }

    /// Returns the only post that has arrived; panics if there are more or none.
    fn only_post(&self) -> Received {
        let mut received = self.received();
        let refused: Vec<_> =
            self.platform.requests(self.kind).into_iter().filter_map(|request| request.refused).collect();
        assert_eq!(received.len(), 1, "{}: {refused:?}", self.kind);
        received.remove(0)
    }
}

fn channel(platform: &Platform, kind: Kind) -> Channel {
    let account_data = platform::account(kind);
    let text = |value: Option<&str>| value.map(str::to_owned);
    let secret = |value: Option<&str>| value.map(Secret::new);
    let network = Network::find(kind.name()).unwrap();
    let account = Account {
        base_url: Some(Url::parse(&platform.base_url(kind)).unwrap()),
        url: secret(account_data.url),
        secret: secret(account_data.secret),
        token: secret(account_data.token),
        account: text(account_data.account),
        room: text(account_data.room),
        from: text(account_data.from),
        template_id: text(account_data.template_id),
        address: text(account_data.address),
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

/// Returns a post with all parts, for a network with fields for title and button.
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

/// Returns the same post for a network with text only.
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

/// Returns a post with `text` and nothing else.
fn text_post(text: &str) -> Post {
    post(Parts { text: text.into(), plain: text.into(), ..Parts::default() })
}

fn post(parts: Parts) -> Post {
    Post {
        id: "9d2c5f0e7ab1c3d4e5f60718293a4b5c".into(),
        at: Timestamp::from_millisecond(NOW).unwrap(),
        possible_duplicate: false,
        to: None,
        language: "en".into(),
        content: Content::Parts(Box::new(parts)),
    }
}

/// Returns a picture at a public URL.
fn picture_at_url() -> PictureSource {
    PictureSource::Url("https://harbour.example/spring.png".into())
}

/// Returns a picture that is uploaded as a file.
fn picture_file() -> PictureSource {
    let bytes = b"\x89PNG\r\n\x1a\nand so on".to_vec();
    PictureSource::File(Arc::new(PictureFile { name: "spring.png".into(), media: "image/png".into(), bytes }))
}

/// Checks the outcome of each fault on networks without a lookup of posts. `wait` is the expected
/// wait in seconds when the network asks for seven; `cut` is true if an incomplete answer leaves
/// the outcome uncertain.
async fn check_fault_outcomes(kind: Kind, wait: Option<u64>, cut: bool) {
    let limited =
        PostFixture::of(kind).await.send_with(Fault::RateLimited { seconds: 7 }, text_post(TEXT)).await;
    let SendOutcome::Deferred { retry_after, scope, .. } = limited else { panic!("{kind}: {limited:?}") };
    assert_eq!((retry_after, scope), (wait.map(Duration::from_secs), DeferralScope::Receiver), "{kind}");
    for fault in [Fault::ExpiredToken, Fault::Revoked, Fault::Redirect("http://169.254.169.254/".into())] {
        let outcome = PostFixture::of(kind).await.send_with(fault.clone(), text_post(TEXT)).await;
        assert!(matches!(outcome, SendOutcome::ChannelBlocked { .. }), "{kind} {fault:?}: {outcome:?}");
    }
    let refused =
        PostFixture::of(kind).await.send_with(Fault::RejectText("unfit words".into()), text_post(TEXT)).await;
    let is_refused = matches!(&refused, SendOutcome::Rejected { reason, .. }
        if matches!(reason, RejectReason::Rejected | RejectReason::Policy));
    assert!(is_refused, "{kind}: {refused:?}");
    let busy = PostFixture::of(kind).await.send_with(Fault::ServerError(503), text_post(TEXT)).await;
    assert!(matches!(busy, SendOutcome::Deferred { scope: DeferralScope::Message, .. }), "{kind}: {busy:?}");
    for (fault, arrives) in [
        (Fault::ResetBefore, 0),
        (Fault::NotJson, 0),
        (Fault::AcceptThenReset, 1),
        (Fault::AcceptThenHang, 1),
    ] {
        let fixture = PostFixture::with_short_timeout(kind).await;
        let outcome = fixture.send_with(fault.clone(), text_post(TEXT)).await;
        assert!(matches!(outcome, SendOutcome::Unknown { .. }), "{kind} {fault:?}: {outcome:?}");
        assert_eq!(fixture.received().len(), arrives, "{kind} {fault:?}");
    }
    let half = PostFixture::of(kind).await.send_with(Fault::CutBody, text_post(TEXT)).await;
    let is_whole = !cut && matches!(half, SendOutcome::Accepted { .. });
    assert!(is_whole || matches!(half, SendOutcome::Unknown { .. }), "{kind}: {half:?}");
}

/// Checks that a post which arrived without an answer is not repeated by a second attempt.
async fn check_no_duplicate(kind: Kind) {
    for fault in [Fault::AcceptThenReset, Fault::CutBody, Fault::ServerError(500), Fault::ResetBefore] {
        let fixture = PostFixture::of(kind).await;
        let first = fixture.send_with(fault.clone(), text_post(TEXT)).await;
        assert!(!matches!(first, SendOutcome::Accepted { .. }), "{kind} {fault:?}: {first:?}");
        let second = fixture.send(Post { possible_duplicate: true, ..text_post(TEXT) }).await;
        assert!(matches!(second, SendOutcome::Accepted { id: Some(_), .. }), "{kind} {fault:?}: {second:?}");
        fixture.only_post();
    }
}
