//! Chat rooms: WeCom, DingTalk, Feishu, Discord, Mattermost, Telegram, Teams, Matrix, ntfy.

use super::*;

/// What arrived of a whole post: text, link, picture; its words, where the network has a place for them.
async fn arrives(kind: Kind, post: Post, has_words: bool) -> Received {
    let scene = Scene::of(kind).await;
    let outcome = scene.send(post).await;
    assert!(matches!(outcome, SendOutcome::Accepted { .. }), "{kind}: {outcome:?}");
    let received = scene.only();
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
        let received = arrives(kind, card(by_address()), has_words).await;
        let button = received.buttons.iter().rfind(|button| button.url == LINK);
        let expected = match kind {
            // There it is a link in the text; its title leads there, too.
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
        (Kind::Discord, card(as_file()), true),
        (Kind::Telegram, card(as_file()), false),
        (Kind::Matrix, plain(as_file()), true),
    ] {
        let received = arrives(kind, post, has_words).await;
        assert!(received.image.is_some_and(|image| image.bytes > 0), "{kind}");
    }
}

#[tokio::test]
async fn trouble_ends_as_it_should_in_every_room() {
    for (kind, wait, cut) in [
        (Kind::Discord, Some(7), true),
        (Kind::Mattermost, Some(7), true),
        (Kind::Wecom, Some(60), true),
        (Kind::Dingtalk, Some(7), true),
        (Kind::Feishu, None, true),
        (Kind::Telegram, Some(7), true),
        // 202 says all there is to say, and may come before the connection ends.
        (Kind::Teams, Some(7), false),
        (Kind::Matrix, Some(7), true),
        (Kind::Ntfy, None, true),
    ] {
        ends_as_it_should(kind, wait, cut).await;
    }
}

#[tokio::test]
async fn a_second_try_does_not_post_twice() {
    is_not_doubled(Kind::Matrix).await;
    is_not_doubled(Kind::Ntfy).await;
}

#[tokio::test]
async fn teams_is_not_believed_more_than_it_says() {
    let outcome = Scene::of(Kind::Teams).await.send(saying(TEXT)).await;
    let SendOutcome::Accepted { answer, .. } = outcome else { panic!("{outcome:?}") };
    assert!(answer.contains("does not tell whether it is shown"), "{answer}");
}

#[tokio::test]
async fn a_person_on_telegram_can_block_us_and_a_group_can_move() {
    let scene = Scene::of(Kind::Telegram).await;
    let blocked = scene.send(Post { to: Some("403403".into()), ..saying(TEXT) }).await;
    let is_blocked = matches!(blocked, SendOutcome::Rejected { reason: RejectReason::BadAddress, .. });
    assert!(is_blocked, "{blocked:?}");
    let moved = scene.send(Post { to: Some("400400".into()), ..saying(TEXT) }).await;
    assert!(matches!(moved, SendOutcome::Accepted { .. }), "{moved:?}");
    assert_eq!(scene.only().raw["chat_id"], "-1001234567890");
}
