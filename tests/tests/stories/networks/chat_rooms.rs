//! Posts to chat rooms: WeCom, DingTalk, Feishu, Discord, Mattermost, Telegram, Teams, Matrix,
//! ntfy.

use super::*;

/// Sends a post and checks its text, link and picture on arrival, and the alternative text where
/// the network has a field for it.
async fn check_arrival(kind: Kind, post: Post, has_words: bool) -> Received {
    let fixture = PostFixture::of(kind).await;
    let outcome = fixture.send(post).await;
    assert!(matches!(outcome, SendOutcome::Accepted { .. }), "{kind}: {outcome:?}");
    let received = fixture.only_post();
    let raw = received.raw.to_string();
    assert!(received.text.contains(TEXT), "{kind}: {received:?}");
    assert!(raw.contains("Spring Tide") || received.text.contains("Spring Tide"), "{kind}: {received:?}");
    let mut links = received.links.iter().chain(received.buttons.iter().map(|button| &button.url));
    assert!(links.any(|link| link == LINK), "{kind}: {received:?}");
    let alt = received.image.as_ref().and_then(|image| image.alt.as_deref());
    assert_eq!(
        raw.contains(ALT) || alt.is_some_and(|alt| alt.contains(ALT)),
        has_words,
        "{kind}: {received:?}"
    );
    received
}

#[tokio::test]
async fn a_whole_post_arrives_in_every_room() {
    for (kind, has_words) in [
        (Kind::Discord, true),
        (Kind::Mattermost, true),
        (Kind::Wecom, true),
        (Kind::Dingtalk, true),
        (Kind::Feishu, true),
        (Kind::Telegram, false),
        (Kind::Teams, true),
        (Kind::Ntfy, false),
    ] {
        let received = check_arrival(kind, card(picture_at_url()), has_words).await;
        let button = received.buttons.iter().rfind(|button| button.url == LINK);
        let expected = match kind {
            // On Mattermost the button is a link in the text; its title is a link to the same
            // target.
            Kind::Mattermost => Some("Spring Tide"),
            Kind::Wecom => None,
            _ => Some("Renew now"),
        };
        assert_eq!(button.map(|button| button.text.as_str()), expected, "{kind}: {received:?}");
    }
}

#[tokio::test]
async fn a_picture_goes_as_a_file_where_there_is_an_upload() {
    for (kind, post, has_words) in [
        (Kind::Discord, card(picture_file()), true),
        (Kind::Telegram, card(picture_file()), false),
        (Kind::Matrix, plain(picture_file()), true),
    ] {
        let received = check_arrival(kind, post, has_words).await;
        assert!(received.image.is_some_and(|image| image.bytes > 0), "{kind}");
    }
}

#[tokio::test]
async fn faults_have_the_expected_outcome_in_every_room() {
    for (kind, wait, cut) in [
        (Kind::Discord, Some(7), true),
        (Kind::Mattermost, Some(7), true),
        (Kind::Wecom, Some(60), true),
        (Kind::Dingtalk, Some(7), true),
        (Kind::Feishu, None, true),
        (Kind::Telegram, Some(7), true),
        // Status 202 is the complete answer, and may arrive before the connection ends.
        (Kind::Teams, Some(7), false),
        (Kind::Matrix, Some(7), true),
        (Kind::Ntfy, None, true),
    ] {
        check_fault_outcomes(kind, wait, cut).await;
    }
}

#[tokio::test]
async fn a_second_try_does_not_post_twice() {
    check_no_duplicate(Kind::Matrix).await;
    check_no_duplicate(Kind::Ntfy).await;
}

#[tokio::test]
async fn an_answer_of_teams_is_not_reported_as_proof_of_display() {
    let outcome = PostFixture::of(Kind::Teams).await.send(text_post(TEXT)).await;
    let SendOutcome::Accepted { answer, .. } = outcome else { panic!("{outcome:?}") };
    assert!(answer.contains("does not report whether it is shown"), "{answer}");
}

#[tokio::test]
async fn a_person_on_telegram_can_block_us_and_a_group_can_move() {
    let fixture = PostFixture::of(Kind::Telegram).await;
    let blocked = fixture.send(Post { to: Some("403403".into()), ..text_post(TEXT) }).await;
    let is_blocked = matches!(blocked, SendOutcome::Rejected { reason: RejectReason::BadAddress, .. });
    assert!(is_blocked, "{blocked:?}");
    let moved = fixture.send(Post { to: Some("400400".into()), ..text_post(TEXT) }).await;
    assert!(matches!(moved, SendOutcome::Accepted { .. }), "{moved:?}");
    assert_eq!(fixture.only_post().raw["chat_id"], "-1001234567890");
}
