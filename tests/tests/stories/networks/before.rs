//! Before anything is sent: the doctor, the limits, the requests that are shown.

use channel::{Dns, Doctor, Verdict};

use super::*;

/// Networks that can be asked who we are, and where.
const ASKED: [(Kind, &str); 6] = [
    (Kind::Discord, "/webhooks/"),
    (Kind::Mastodon, "verify_credentials"),
    (Kind::Bluesky, "createSession"),
    (Kind::Telegram, "getMe"),
    (Kind::Matrix, "whoami"),
    (Kind::Ntfy, "/v1/account"),
];

async fn examined(scene: &Scene) -> Vec<(String, bool)> {
    let dns = Dns::at("127.0.0.1:9".parse().unwrap()).unwrap();
    let now = Timestamp::from_millisecond(NOW).unwrap();
    let doctor = Doctor::new(dns, now, Duration::from_secs(30));
    let findings = doctor.channel(&channel(&scene.platform, scene.kind), None).await;
    findings.into_iter().map(|finding| (finding.found.clone(), finding.verdict == Verdict::Pass)).collect()
}

/// Each network is asked there who we are, and says so when we may not in; nothing is posted.
pub(super) async fn lets_the_doctor_in(asked: &[(Kind, &str)]) {
    for (kind, path) in asked.iter().copied() {
        let scene = Scene::of(kind).await;
        let findings = examined(&scene).await;
        assert!(findings.len() == 2 && findings.iter().all(|(_, passes)| *passes), "{kind}: {findings:?}");
        assert!(scene.platform.requests(kind).iter().any(|request| request.path.contains(path)), "{kind}");
        scene.platform.fault_on(kind, path, Fault::ExpiredToken);
        let findings = examined(&scene).await;
        assert!(findings.iter().any(|(_, passes)| !passes), "{kind}: {findings:?}");
        assert_eq!(scene.received(), [], "{kind}");
    }
}

#[tokio::test]
async fn the_doctor_is_let_in_and_posts_nothing() {
    lets_the_doctor_in(&ASKED).await;
}

/// What fits by our measure is taken, and what is one over by it is refused as too long.
#[tokio::test]
async fn our_limits_are_theirs() {
    for kind in [Kind::Discord, Kind::Wecom, Kind::Mastodon, Kind::Bluesky, Kind::Telegram] {
        for letter in ["a", "茶", "👨‍👩‍👧‍👦"] {
            let scene = Scene::of(kind).await;
            let channel = channel(&scene.platform, kind);
            let fits = |count: usize| {
                let budgets = channel::budgets(&channel, &saying(&letter.repeat(count)));
                assert!(!budgets.is_empty(), "{kind}");
                budgets.iter().all(measure::Budget::fits)
            };
            let most = (1..5_000).take_while(|count| fits(*count)).count();
            let taken = scene.send(saying(&letter.repeat(most))).await;
            assert!(matches!(taken, SendOutcome::Accepted { .. }), "{kind} {letter} {most}: {taken:?}");
            let over = Post { id: "another".into(), ..saying(&letter.repeat(most + 1)) };
            let refused = scene.send(over).await;
            let is_refused = matches!(refused, SendOutcome::Rejected { reason: RejectReason::TooBig, .. });
            assert!(is_refused, "{kind} {letter} {most}: {refused:?}");
        }
    }
}

#[tokio::test]
async fn every_request_of_a_post_is_shown_without_secrets() {
    let now = Timestamp::from_millisecond(NOW).unwrap();
    for (kind, requests) in [
        (Kind::Discord, 1),
        (Kind::Mattermost, 1),
        (Kind::Wecom, 1),
        (Kind::Dingtalk, 1),
        (Kind::Feishu, 1),
        (Kind::Mastodon, 3),
        (Kind::Bluesky, 3),
        (Kind::Telegram, 1),
        (Kind::Teams, 1),
        (Kind::Matrix, 2),
        (Kind::Ntfy, 1),
    ] {
        let scene = Scene::of(kind).await;
        let shown = channel::requests(&channel(&scene.platform, kind), &card(as_file()), now).unwrap();
        assert_eq!(shown.len(), requests, "{kind}: {shown:?}");
        assert!(shown.last().unwrap().publishes, "{kind}");
        let said = platform::account(kind);
        for secret in [said.token, said.secret].into_iter().flatten() {
            assert!(!format!("{shown:?}").contains(secret), "{kind}: {secret}");
        }
        assert_eq!(scene.platform.requests(kind), [], "{kind}");
    }
}
