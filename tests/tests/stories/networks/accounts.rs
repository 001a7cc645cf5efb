//! Posts to accounts (X, LinkedIn, Facebook, Threads, Reddit, Pinterest, WeChat, Weibo, Douyin) and
//! messages to one person at a time (Twilio, Aliyun, WeChat templates).

use super::preflight::check_doctor_access;
use super::*;

const PHONE_NUMBER: &str = "+8613800138000";
const FOLLOWER: &str = "o000000000000000000000000001";

/// The outcome of a post, reduced to what the tests compare.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Outcome {
    /// The whole channel waits; with the number of seconds, if the network gave one.
    ChannelWaits(Option<u64>),
    /// Only this post waits.
    PostWaits,
    /// The channel is stopped.
    ChannelStops,
    /// This post is refused for good.
    Refused,
    /// The outcome is uncertain.
    Uncertain,
    /// The post was accepted.
    Sent,
}

fn reduced(outcome: &SendOutcome) -> Outcome {
    match outcome {
        SendOutcome::Deferred { retry_after, scope: DeferralScope::Receiver, .. } => {
            Outcome::ChannelWaits(retry_after.map(|wait| wait.as_secs()))
        }
        SendOutcome::Deferred { .. } => Outcome::PostWaits,
        SendOutcome::ChannelBlocked { .. } => Outcome::ChannelStops,
        SendOutcome::Rejected { .. } => Outcome::Refused,
        SendOutcome::Unknown { .. } => Outcome::Uncertain,
        SendOutcome::Accepted { .. } => Outcome::Sent,
        other => panic!("{other:?}"),
    }
}

/// Returns a minimal post that a network accepts.
fn minimal_post(kind: Kind) -> Post {
    let own = |json: &str| Content::Json(json.to_owned());
    match kind {
        Kind::Twilio => Post { to: Some(PHONE_NUMBER.into()), ..text_post(TEXT) },
        Kind::AliyunSms => Post {
            to: Some(PHONE_NUMBER.into()),
            content: own(r#"{"name":"Li","price":98}"#),
            ..text_post(TEXT)
        },
        Kind::WechatTemplate => {
            let data = format!(r#"{{"url":"{LINK}","thing1":"Renew by 30 April 2027"}}"#);
            Post { to: Some(FOLLOWER.into()), content: own(&data), ..text_post(TEXT) }
        }
        Kind::Pinterest => card(picture_file()),
        Kind::Douyin => plain(picture_file()),
        Kind::Weibo => text_post(&format!("{TEXT} {LINK}")),
        _ => text_post(TEXT),
    }
}

const FEEDS: [Kind; 9] = [
    Kind::X,
    Kind::Linkedin,
    Kind::Facebook,
    Kind::Threads,
    Kind::Reddit,
    Kind::Pinterest,
    Kind::Wechat,
    Kind::Weibo,
    Kind::Douyin,
];
const PERSONAL: [Kind; 3] = [Kind::Twilio, Kind::AliyunSms, Kind::WechatTemplate];

#[tokio::test]
async fn a_whole_post_arrives_in_every_feed() {
    for kind in FEEDS {
        let picture =
            if matches!(kind, Kind::Threads | Kind::Reddit) { picture_at_url() } else { picture_file() };
        let has_card = matches!(kind, Kind::Linkedin | Kind::Reddit | Kind::Pinterest | Kind::Wechat);
        let fixture = PostFixture::of(kind).await;
        let outcome = fixture.send(if has_card { card(picture) } else { plain(picture) }).await;
        assert!(matches!(outcome, SendOutcome::Accepted { id: Some(_), .. }), "{kind}: {outcome:?}");
        let received = fixture.only_post();
        let all = format!("{received:?}");
        assert!(all.contains(TEXT) && all.contains("Spring Tide"), "{kind}: {received:?}");
        assert!(all.contains(LINK), "{kind}: {received:?}");
        // Weibo and Douyin have no field for the alternative text; WeChat's is in the article,
        // which was drafted before.
        let has_words = !matches!(kind, Kind::Weibo | Kind::Douyin);
        let requests = fixture.platform.requests(kind);
        let drafted = requests.iter().any(|one| one.path.contains("draft/add") && one.body.contains(ALT));
        assert_eq!(all.contains(ALT) || drafted, has_words, "{kind}: {received:?}");
        assert_eq!(received.image.is_some(), kind != Kind::Reddit, "{kind}: {received:?}");
    }
}

#[tokio::test]
async fn a_link_without_a_picture_is_a_card() {
    for kind in [Kind::Linkedin, Kind::Facebook, Kind::Threads] {
        let mut post = if kind == Kind::Linkedin { card(picture_file()) } else { plain(picture_file()) };
        if let Content::Parts(parts) = &mut post.content {
            parts.picture = None;
        }
        let fixture = PostFixture::of(kind).await;
        let outcome = fixture.send(post).await;
        assert_eq!(reduced(&outcome), Outcome::Sent, "{kind}: {outcome:?}");
        assert!(fixture.only_post().links.iter().any(|link| link == LINK), "{kind}");
    }
}

#[tokio::test]
async fn each_person_gets_their_own_message() {
    for kind in PERSONAL {
        let fixture = PostFixture::of(kind).await;
        let outcome = fixture.send(minimal_post(kind)).await;
        assert!(matches!(outcome, SendOutcome::Accepted { id: Some(_), .. }), "{kind}: {outcome:?}");
        let received = fixture.only_post();
        let to = minimal_post(kind).to.unwrap();
        assert!(to.contains(&received.account), "{kind}: {received:?}");
    }
    let stopped = Post { to: Some("+15005550004".into()), ..minimal_post(Kind::Twilio) };
    let outcome = PostFixture::of(Kind::Twilio).await.send(stopped).await;
    let gone = Post { to: Some("oUNFOLLOWED00000000000000000".into()), ..minimal_post(Kind::WechatTemplate) };
    let unfollowed = PostFixture::of(Kind::WechatTemplate).await.send(gone).await;
    for outcome in [outcome, unfollowed] {
        assert!(
            matches!(outcome, SendOutcome::Rejected { reason: RejectReason::BadAddress, .. }),
            "{outcome:?}"
        );
    }
}

/// Returns the expected outcome when each network asks for a wait of seven seconds.
fn rate_limit_outcome(kind: Kind) -> Outcome {
    match kind {
        Kind::Twilio | Kind::X | Kind::Reddit | Kind::Pinterest => Outcome::ChannelWaits(Some(7)),
        // These report the wait in minutes.
        Kind::Facebook | Kind::Threads => Outcome::ChannelWaits(Some(60)),
        // Aliyun's limit is for one number: other messages continue.
        Kind::AliyunSms => Outcome::PostWaits,
        _ => Outcome::ChannelWaits(None),
    }
}

/// Returns each fault with the expected outcome and the number of posts that arrive.
fn fault_outcomes(kind: Kind) -> Vec<(Fault, Outcome, usize)> {
    let knows = matches!(kind, Kind::Wechat | Kind::WechatTemplate);
    let unclear = if knows { Outcome::PostWaits } else { Outcome::Uncertain };
    vec![
        (Fault::RateLimited { seconds: 7 }, rate_limit_outcome(kind), 0),
        (Fault::ExpiredToken, Outcome::ChannelStops, 0),
        (Fault::Revoked, Outcome::ChannelStops, 0),
        (Fault::RejectText("unfit words".into()), Outcome::Refused, 0),
        (Fault::Redirect("http://169.254.169.254/".into()), Outcome::ChannelStops, 0),
        (Fault::ServerError(500), unclear, 0),
        (Fault::ServerError(503), Outcome::PostWaits, 0),
        (Fault::NotJson, unclear, 0),
        (Fault::ResetBefore, Outcome::Uncertain, 0),
        (Fault::AcceptThenReset, Outcome::Uncertain, 1),
        (Fault::CutBody, unclear, 1),
    ]
}

#[tokio::test]
async fn faults_have_the_expected_outcome_with_every_account() {
    for kind in FEEDS.into_iter().chain(PERSONAL) {
        let tries = fault_outcomes(kind).into_iter().map(|(fault, expected, arrives)| {
            tokio::spawn(async move {
                let fixture = PostFixture::of(kind).await;
                let outcome = fixture.send_with(fault.clone(), minimal_post(kind)).await;
                assert_eq!(reduced(&outcome), expected, "{kind} {fault:?}: {outcome:?}");
                assert_eq!(fixture.received().len(), arrives, "{kind} {fault:?}");
            })
        });
        for one in tries.collect::<Vec<_>>() {
            one.await.unwrap();
        }
    }
}

#[tokio::test]
async fn without_an_answer_the_outcome_is_uncertain() {
    let tries = FEEDS.into_iter().chain(PERSONAL).map(|kind| {
        tokio::spawn(async move {
            let fixture = PostFixture::with(kind, Duration::from_secs(3)).await;
            let outcome = fixture.send_with(Fault::AcceptThenHang, minimal_post(kind)).await;
            assert_eq!(reduced(&outcome), Outcome::Uncertain, "{kind}: {outcome:?}");
            assert_eq!(fixture.received().len(), 1, "{kind}");
        })
    });
    for one in tries.collect::<Vec<_>>() {
        one.await.unwrap();
    }
}

#[tokio::test]
async fn a_second_try_finds_the_first() {
    // Douyin has no lookup of posts.
    for kind in FEEDS.into_iter().chain(PERSONAL).filter(|kind| *kind != Kind::Douyin) {
        let faults = [Fault::AcceptThenReset, Fault::CutBody, Fault::ServerError(500), Fault::ResetBefore];
        let tries = faults.map(|fault| {
            tokio::spawn(async move {
                let fixture = PostFixture::of(kind).await;
                let first = fixture.send_with(fault.clone(), minimal_post(kind)).await;
                assert_ne!(reduced(&first), Outcome::Sent, "{kind} {fault:?}: {first:?}");
                let second = fixture.send(Post { possible_duplicate: true, ..minimal_post(kind) }).await;
                assert_eq!(reduced(&second), Outcome::Sent, "{kind} {fault:?}: {second:?}");
                fixture.only_post();
            })
        });
        for one in tries {
            one.await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_wechat_token_is_shared_and_renewed_when_it_expires() {
    let fixture = PostFixture::of(Kind::Wechat).await;
    for id in ["1", "2", "3"] {
        if id == "3" {
            fixture.platform.fault(Kind::Wechat, Fault::ExpiredToken);
        }
        let outcome = fixture.send(Post { id: id.into(), ..text_post(TEXT) }).await;
        assert_eq!(reduced(&outcome), Outcome::Sent, "{id}: {outcome:?}");
    }
    let requests = fixture.platform.requests(Kind::Wechat);
    let tokens = requests.iter().filter(|request| request.path.contains("stable_token")).count();
    assert_eq!((fixture.received().len(), tokens), (3, 2));
}

/// The path of the request by which doctor checks the access to each network.
const ACCESS_REQUESTS: [(Kind, &str); 12] = [
    (Kind::X, "/2/users/me"),
    (Kind::Linkedin, "/rest/posts"),
    (Kind::Facebook, "/v26.0/"),
    (Kind::Threads, "threads_publishing_limit"),
    (Kind::Reddit, "/api/v1/me"),
    (Kind::Pinterest, "/v5/boards/"),
    (Kind::Wechat, "stable_token"),
    (Kind::Weibo, "get_uid"),
    (Kind::Douyin, "video_list"),
    (Kind::Twilio, ".json"),
    (Kind::AliyunSms, "/"),
    (Kind::WechatTemplate, "stable_token"),
];

#[tokio::test]
async fn doctor_checks_the_access_to_every_account_and_posts_nothing() {
    check_doctor_access(&ACCESS_REQUESTS).await;
}

/// Returns a minimal post with the text `words`.
fn minimal_post_saying(kind: Kind, words: &str) -> Post {
    let mut post = minimal_post(kind);
    if let Content::Parts(parts) = &mut post.content {
        parts.text = if kind == Kind::Weibo { format!("{words} {LINK}") } else { words.to_owned() };
        parts.plain = parts.text.clone();
    }
    post
}

#[tokio::test]
async fn our_limits_are_those_of_the_accounts() {
    let family = "👨‍👩‍👧‍👦";
    for (kind, letters) in [
        (Kind::X, &["a", "茶", family][..]),
        // We count an emoji as two characters, to be on the safe side.
        (Kind::Linkedin, &["a", "茶"]),
        (Kind::Threads, &["a", "茶", family]),
        (Kind::Pinterest, &["a", "茶"]),
        (Kind::Wechat, &["a", "茶", family]),
        (Kind::Weibo, &["a", "茶"]),
        (Kind::Douyin, &["a", "茶"]),
        (Kind::Twilio, &["a"]),
    ] {
        for letter in letters {
            let fixture = PostFixture::of(kind).await;
            let channel = channel(&fixture.platform, kind);
            let fits = |count: usize| {
                let budgets = channel::budgets(&channel, &minimal_post_saying(kind, &letter.repeat(count)));
                assert!(!budgets.is_empty(), "{kind}");
                // The number of segments is limited by the brand's settings, not by the network.
                budgets.iter().filter(|one| one.unit != measure::Unit::Segments).all(|one| one.fits())
            };
            let counts: Vec<usize> = (0..4_000).collect();
            let most = counts.partition_point(|count| fits(*count)) - 1;
            let taken = fixture.send(minimal_post_saying(kind, &letter.repeat(most))).await;
            assert_eq!(reduced(&taken), Outcome::Sent, "{kind} {letter} {most}: {taken:?}");
            let over = Post { id: "another".into(), ..minimal_post_saying(kind, &letter.repeat(most + 1)) };
            let refused = fixture.send(over).await;
            assert_eq!(reduced(&refused), Outcome::Refused, "{kind} {letter} {most}: {refused:?}");
        }
    }
}

#[tokio::test]
async fn every_request_to_an_account_is_shown_without_secrets() {
    let now = Timestamp::from_millisecond(NOW).unwrap();
    for (kind, requests) in [
        (Kind::X, 3),
        (Kind::Linkedin, 3),
        (Kind::Facebook, 2),
        (Kind::Threads, 3),
        (Kind::Reddit, 1),
        (Kind::Pinterest, 1),
        (Kind::Wechat, 4),
        (Kind::Weibo, 1),
        (Kind::Douyin, 2),
        (Kind::Twilio, 1),
        (Kind::AliyunSms, 1),
        (Kind::WechatTemplate, 2),
    ] {
        let fixture = PostFixture::of(kind).await;
        let post = match kind {
            _ if PERSONAL.contains(&kind) => minimal_post(kind),
            Kind::Threads => plain(picture_at_url()),
            Kind::Weibo | Kind::X | Kind::Facebook | Kind::Douyin => plain(picture_file()),
            _ => card(picture_file()),
        };
        let shown = channel::requests(&channel(&fixture.platform, kind), &post, now).unwrap();
        assert_eq!(shown.len(), requests, "{kind}: {shown:?}");
        let account = platform::account(kind);
        for secret in account.token.iter().chain(&account.secret) {
            assert!(!format!("{shown:?}").contains(secret), "{kind}: {shown:?}");
        }
        assert_eq!(fixture.platform.requests(kind).len(), 0, "{kind}");
    }
}
