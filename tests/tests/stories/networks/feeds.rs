//! Feeds: Mastodon, Bluesky.

use super::*;

#[tokio::test]
async fn a_whole_post_arrives_with_the_words_of_its_picture() {
    for (kind, post) in [(Kind::Mastodon, plain(as_file())), (Kind::Bluesky, card(as_file()))] {
        let scene = Scene::of(kind).await;
        let outcome = scene.send(post).await;
        assert!(
            matches!(outcome, SendOutcome::Accepted { id: Some(_), url: Some(_), .. }),
            "{kind}: {outcome:?}"
        );
        let received = scene.only();
        assert!(
            received.text.contains(TEXT) && received.text.contains("Spring Tide"),
            "{kind}: {received:?}"
        );
        assert!(received.links.iter().any(|link| link == LINK), "{kind}: {received:?}");
        let image = received.image.unwrap();
        assert!(image.bytes > 0, "{kind}");
        assert_eq!(image.alt.as_deref(), Some(ALT), "{kind}");
    }
}

#[tokio::test]
async fn without_a_picture_bluesky_gets_a_card() {
    let scene = Scene::of(Kind::Bluesky).await;
    let mut post = card(as_file());
    if let Content::Parts(parts) = &mut post.content {
        parts.picture = None;
    }
    let outcome = scene.send(post).await;
    assert!(matches!(outcome, SendOutcome::Accepted { .. }), "{outcome:?}");
    let received = scene.only();
    assert_eq!(received.title.as_deref(), Some("Spring Tide"), "{received:?}");
}

#[tokio::test]
async fn a_session_is_kept_and_renewed_when_it_has_run_out() {
    let scene = Scene::of(Kind::Bluesky).await;
    for id in ["1", "2", "3"] {
        if id == "3" {
            scene.platform.fault(Kind::Bluesky, Fault::ExpiredToken);
        }
        let outcome = scene.send(Post { id: id.into(), ..saying(TEXT) }).await;
        assert!(matches!(outcome, SendOutcome::Accepted { .. }), "{id}: {outcome:?}");
    }
    let requests = scene.platform.requests(Kind::Bluesky);
    let sessions = requests.iter().filter(|request| request.path.contains("createSession")).count();
    assert_eq!((scene.received().len(), sessions), (3, 2));
}

#[tokio::test]
async fn trouble_ends_as_it_should_in_every_feed() {
    ends_as_it_should(Kind::Mastodon, Some(7), true).await;
    ends_as_it_should(Kind::Bluesky, Some(7), true).await;
}

#[tokio::test]
async fn a_second_try_does_not_post_twice() {
    is_not_doubled(Kind::Mastodon).await;
    is_not_doubled(Kind::Bluesky).await;
}
