//! Accounts: X, LinkedIn, Facebook, Threads, Reddit, Pinterest, WeChat, Weibo, Douyin; and those that reach one person
//! at a time: Twilio, Aliyun, WeChat's templates.

use super::before::lets_the_doctor_in;
use super::*;

const TO: &str = "+8613800138000";
const FOLLOWER: &str = "o000000000000000000000000001";

/// What happens to a post in a trouble.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    /// Everybody waits, so many seconds if it was said.
    AllWait(Option<u64>),
    /// This one waits.
    Waits,
    /// The channel stops.
    Barred,
    /// This one never.
    Refused,
    /// Nobody knows.
    Unknown,
    /// It is there.
    Sent,
}

fn end(outcome: &SendOutcome) -> End {
    match outcome {
        SendOutcome::Deferred { retry_after, scope: Scope::Group, .. } => {
            End::AllWait(retry_after.map(|wait| wait.as_secs()))
        }
        SendOutcome::Deferred { .. } => End::Waits,
        SendOutcome::Barred { .. } => End::Barred,
        SendOutcome::Rejected { .. } => End::Refused,
        SendOutcome::Unknown { .. } => End::Unknown,
        SendOutcome::Accepted { .. } => End::Sent,
        other => panic!("{other:?}"),
    }
}

/// The least that a network takes.
fn least(kind: Kind) -> Post {
    let own = |json: &str| Content::Own(json.to_owned());
    match kind {
        Kind::Twilio => Post { to: Some(TO.into()), ..saying(TEXT) },
        Kind::AliyunSms => {
            Post { to: Some(TO.into()), content: own(r#"{"name":"Li","price":98}"#), ..saying(TEXT) }
        }
        Kind::WechatTemplate => {
            let data = format!(r#"{{"url":"{LINK}","thing1":"Renew by 30 April 2027"}}"#);
            Post { to: Some(FOLLOWER.into()), content: own(&data), ..saying(TEXT) }
        }
        Kind::Pinterest => card(as_file()),
        Kind::Douyin => plain(as_file()),
        Kind::Weibo => saying(&format!("{TEXT} {LINK}")),
        _ => saying(TEXT),
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
        let picture = if matches!(kind, Kind::Threads | Kind::Reddit) { by_address() } else { as_file() };
        let has_card = matches!(kind, Kind::Linkedin | Kind::Reddit | Kind::Pinterest | Kind::Wechat);
        let scene = Scene::of(kind).await;
        let outcome = scene.send(if has_card { card(picture) } else { plain(picture) }).await;
        assert!(matches!(outcome, SendOutcome::Accepted { id: Some(_), .. }), "{kind}: {outcome:?}");
        let received = scene.only();
        let all = format!("{received:?}");
        assert!(all.contains(TEXT) && all.contains("Spring Tide"), "{kind}: {received:?}");
        assert!(all.contains(LINK), "{kind}: {received:?}");
        // Weibo and Douyin have no place for them; WeChat's are in the article, which went before.
        let has_words = !matches!(kind, Kind::Weibo | Kind::Douyin);
        let requests = scene.platform.requests(kind);
        let drafted = requests.iter().any(|one| one.path.contains("draft/add") && one.body.contains(ALT));
        assert_eq!(all.contains(ALT) || drafted, has_words, "{kind}: {received:?}");
        assert_eq!(received.image.is_some(), kind != Kind::Reddit, "{kind}: {received:?}");
    }
}

#[tokio::test]
async fn a_link_without_a_picture_is_a_card() {
    for kind in [Kind::Linkedin, Kind::Facebook, Kind::Threads] {
        let mut post = if kind == Kind::Linkedin { card(as_file()) } else { plain(as_file()) };
        if let Content::Parts(parts) = &mut post.content {
            parts.picture = None;
        }
        let scene = Scene::of(kind).await;
        let outcome = scene.send(post).await;
        assert_eq!(end(&outcome), End::Sent, "{kind}: {outcome:?}");
        assert!(scene.only().links.iter().any(|link| link == LINK), "{kind}");
    }
}

#[tokio::test]
async fn each_person_gets_his_own() {
    for kind in PERSONAL {
        let scene = Scene::of(kind).await;
        let outcome = scene.send(least(kind)).await;
        assert!(matches!(outcome, SendOutcome::Accepted { id: Some(_), .. }), "{kind}: {outcome:?}");
        let received = scene.only();
        let to = least(kind).to.unwrap();
        assert!(to.contains(&received.account), "{kind}: {received:?}");
    }
    let stopped = Post { to: Some("+15005550004".into()), ..least(Kind::Twilio) };
    let outcome = Scene::of(Kind::Twilio).await.send(stopped).await;
    let gone = Post { to: Some("oUNFOLLOWED00000000000000000".into()), ..least(Kind::WechatTemplate) };
    let unfollowed = Scene::of(Kind::WechatTemplate).await.send(gone).await;
    for outcome in [outcome, unfollowed] {
        assert!(
            matches!(outcome, SendOutcome::Rejected { reason: RejectReason::BadAddress, .. }),
            "{outcome:?}"
        );
    }
}

/// How long each network makes everybody wait when it is asked for seven seconds.
fn limited(kind: Kind) -> End {
    match kind {
        Kind::Twilio | Kind::X | Kind::Reddit | Kind::Pinterest => End::AllWait(Some(7)),
        // In minutes.
        Kind::Facebook | Kind::Threads => End::AllWait(Some(60)),
        // So many to one number: others may go on.
        Kind::AliyunSms => End::Waits,
        _ => End::AllWait(None),
    }
}

/// Each trouble, what it comes to, and how many posts have arrived.
fn troubles(kind: Kind) -> Vec<(Fault, End, usize)> {
    let knows = matches!(kind, Kind::Wechat | Kind::WechatTemplate);
    let unclear = if knows { End::Waits } else { End::Unknown };
    vec![
        (Fault::RateLimited { seconds: 7 }, limited(kind), 0),
        (Fault::ExpiredToken, End::Barred, 0),
        (Fault::Revoked, End::Barred, 0),
        (Fault::RejectText("unfit words".into()), End::Refused, 0),
        (Fault::Redirect("http://169.254.169.254/".into()), End::Barred, 0),
        (Fault::ServerError(500), unclear, 0),
        (Fault::ServerError(503), End::Waits, 0),
        (Fault::NotJson, unclear, 0),
        (Fault::ResetBefore, End::Unknown, 0),
        (Fault::AcceptThenReset, End::Unknown, 1),
        (Fault::CutBody, unclear, 1),
    ]
}

#[tokio::test]
async fn trouble_ends_as_it_should_with_every_account() {
    for kind in FEEDS.into_iter().chain(PERSONAL) {
        let tries = troubles(kind).into_iter().map(|(fault, expected, arrives)| {
            tokio::spawn(async move {
                let scene = Scene::of(kind).await;
                let outcome = scene.send_with(fault.clone(), least(kind)).await;
                assert_eq!(end(&outcome), expected, "{kind} {fault:?}: {outcome:?}");
                assert_eq!(scene.received().len(), arrives, "{kind} {fault:?}");
            })
        });
        for one in tries.collect::<Vec<_>>() {
            one.await.unwrap();
        }
    }
}

#[tokio::test]
async fn without_an_answer_nobody_knows() {
    let tries = FEEDS.into_iter().chain(PERSONAL).map(|kind| {
        tokio::spawn(async move {
            let scene = Scene::with(kind, Duration::from_secs(3)).await;
            let outcome = scene.send_with(Fault::AcceptThenHang, least(kind)).await;
            assert_eq!(end(&outcome), End::Unknown, "{kind}: {outcome:?}");
            assert_eq!(scene.received().len(), 1, "{kind}");
        })
    });
    for one in tries.collect::<Vec<_>>() {
        one.await.unwrap();
    }
}

#[tokio::test]
async fn a_second_try_finds_the_first() {
    // Nobody can look for a post on Douyin.
    for kind in FEEDS.into_iter().chain(PERSONAL).filter(|kind| *kind != Kind::Douyin) {
        let faults = [Fault::AcceptThenReset, Fault::CutBody, Fault::ServerError(500), Fault::ResetBefore];
        let tries = faults.map(|fault| {
            tokio::spawn(async move {
                let scene = Scene::of(kind).await;
                let first = scene.send_with(fault.clone(), least(kind)).await;
                assert_ne!(end(&first), End::Sent, "{kind} {fault:?}: {first:?}");
                let second = scene.send(Post { again: true, ..least(kind) }).await;
                assert_eq!(end(&second), End::Sent, "{kind} {fault:?}: {second:?}");
                scene.only();
            })
        });
        for one in tries {
            one.await.unwrap();
        }
    }
}

#[tokio::test]
async fn wechat_gives_the_same_token_to_all_and_a_new_one_when_it_has_run_out() {
    let scene = Scene::of(Kind::Wechat).await;
    for id in ["1", "2", "3"] {
        if id == "3" {
            scene.platform.fault(Kind::Wechat, Fault::ExpiredToken);
        }
        let outcome = scene.send(Post { id: id.into(), ..saying(TEXT) }).await;
        assert_eq!(end(&outcome), End::Sent, "{id}: {outcome:?}");
    }
    let requests = scene.platform.requests(Kind::Wechat);
    let tokens = requests.iter().filter(|request| request.path.contains("stable_token")).count();
    assert_eq!((scene.received().len(), tokens), (3, 2));
}

/// Where each is asked who we are.
const ASKED: [(Kind, &str); 12] = [
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
async fn the_doctor_is_let_in_everywhere_and_posts_nothing() {
    lets_the_doctor_in(&ASKED).await;
}

/// The least that a network takes, saying `words`.
fn sized(kind: Kind, words: &str) -> Post {
    let mut post = least(kind);
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
        // We count an emoji as two, to be on the safe side.
        (Kind::Linkedin, &["a", "茶"]),
        (Kind::Threads, &["a", "茶", family]),
        (Kind::Pinterest, &["a", "茶"]),
        (Kind::Wechat, &["a", "茶", family]),
        (Kind::Weibo, &["a", "茶"]),
        (Kind::Douyin, &["a", "茶"]),
        (Kind::Twilio, &["a"]),
    ] {
        for letter in letters {
            let scene = Scene::of(kind).await;
            let channel = channel(&scene.platform, kind);
            let fits = |count: usize| {
                let budgets = channel::budgets(&channel, &sized(kind, &letter.repeat(count)));
                assert!(!budgets.is_empty(), "{kind}");
                // How many segments there may be is the brand's wish, and no limit of the network.
                budgets.iter().filter(|one| one.unit != measure::Unit::Segments).all(|one| one.fits())
            };
            let counts: Vec<usize> = (0..4_000).collect();
            let most = counts.partition_point(|count| fits(*count)) - 1;
            let taken = scene.send(sized(kind, &letter.repeat(most))).await;
            assert_eq!(end(&taken), End::Sent, "{kind} {letter} {most}: {taken:?}");
            let over = Post { id: "another".into(), ..sized(kind, &letter.repeat(most + 1)) };
            let refused = scene.send(over).await;
            assert_eq!(end(&refused), End::Refused, "{kind} {letter} {most}: {refused:?}");
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
        let scene = Scene::of(kind).await;
        let post = match kind {
            _ if PERSONAL.contains(&kind) => least(kind),
            Kind::Threads => plain(by_address()),
            Kind::Weibo | Kind::X | Kind::Facebook | Kind::Douyin => plain(as_file()),
            _ => card(as_file()),
        };
        let shown = channel::requests(&channel(&scene.platform, kind), &post, now).unwrap();
        assert_eq!(shown.len(), requests, "{kind}: {shown:?}");
        let account = platform::account(kind);
        for secret in account.token.iter().chain(&account.secret) {
            assert!(!format!("{shown:?}").contains(secret), "{kind}: {shown:?}");
        }
        assert_eq!(scene.platform.requests(kind).len(), 0, "{kind}");
    }
}
