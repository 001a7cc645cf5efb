//! Checks before sending: doctor, length limits, and the previewed requests.

use channel::{CheckVerdict, Dns, Doctor};

use super::*;

/// Networks on which doctor can check the access, with the path of the request.
const ACCESS_REQUESTS: [(Kind, &str); 6] = [
    (Kind::Discord, "/webhooks/"),
    (Kind::Mastodon, "verify_credentials"),
    (Kind::Bluesky, "createSession"),
    (Kind::Telegram, "getMe"),
    (Kind::Matrix, "whoami"),
    (Kind::Ntfy, "/v1/account"),
];

async fn doctor_findings(fixture: &PostFixture) -> Vec<(String, bool)> {
    let dns = Dns::from_server("127.0.0.1:9".parse().unwrap()).unwrap();
    let now = Timestamp::from_millisecond(NOW).unwrap();
    let doctor = Doctor::new(dns, now, Duration::from_secs(30));
    let findings = doctor.examine_channel(&channel(&fixture.platform, fixture.kind), None).await;
    findings
        .into_iter()
        .map(|finding| (finding.found.clone(), finding.verdict == CheckVerdict::Pass))
        .collect()
}

/// Checks that doctor verifies the access to each network with the given request, reports an
/// expired token, and posts nothing.
pub(super) async fn check_doctor_access(requests: &[(Kind, &str)]) {
    for (kind, path) in requests.iter().copied() {
        let fixture = PostFixture::of(kind).await;
        let findings = doctor_findings(&fixture).await;
        assert!(findings.len() == 2 && findings.iter().all(|(_, passes)| *passes), "{kind}: {findings:?}");
        assert!(fixture.platform.requests(kind).iter().any(|request| request.path.contains(path)), "{kind}");
        fixture.platform.fault_on(kind, path, Fault::ExpiredToken);
        let findings = doctor_findings(&fixture).await;
        assert!(findings.iter().any(|(_, passes)| !passes), "{kind}: {findings:?}");
        assert_eq!(fixture.received(), [], "{kind}");
    }
}

#[tokio::test]
async fn doctor_checks_the_access_and_posts_nothing() {
    check_doctor_access(&ACCESS_REQUESTS).await;
}

/// Checks that the longest text within our limit is accepted, and that one more character is
/// refused as too long.
#[tokio::test]
async fn our_limits_are_those_of_the_networks() {
    for kind in [Kind::Discord, Kind::Wecom, Kind::Mastodon, Kind::Bluesky, Kind::Telegram] {
        for letter in ["a", "茶", "👨‍👩‍👧‍👦"] {
            let fixture = PostFixture::of(kind).await;
            let channel = channel(&fixture.platform, kind);
            let fits = |count: usize| {
                let budgets = channel::budgets(&channel, &text_post(&letter.repeat(count)));
                assert!(!budgets.is_empty(), "{kind}");
                budgets.iter().all(measure::LengthBudget::fits)
            };
            let most = (1..5_000).take_while(|count| fits(*count)).count();
            let taken = fixture.send(text_post(&letter.repeat(most))).await;
            assert!(matches!(taken, SendOutcome::Accepted { .. }), "{kind} {letter} {most}: {taken:?}");
            let over = Post { id: "another".into(), ..text_post(&letter.repeat(most + 1)) };
            let refused = fixture.send(over).await;
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
        let fixture = PostFixture::of(kind).await;
        let shown = channel::requests(&channel(&fixture.platform, kind), &card(picture_file()), now).unwrap();
        assert_eq!(shown.len(), requests, "{kind}: {shown:?}");
        assert!(shown.last().unwrap().publishes, "{kind}");
        let account = platform::account(kind);
        for secret in [account.token, account.secret].into_iter().flatten() {
            assert!(!format!("{shown:?}").contains(secret), "{kind}: {secret}");
        }
        assert_eq!(fixture.platform.requests(kind), [], "{kind}");
    }
}
