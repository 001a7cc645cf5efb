//! Posts to the feeds of Mastodon and Bluesky.

use super::*;

#[tokio::test]
async fn a_whole_post_arrives_with_the_words_of_its_picture() {
    for (kind, post) in [(Kind::Mastodon, plain(picture_file())), (Kind::Bluesky, card(picture_file()))] {
        let fixture = PostFixture::of(kind).await;
        let outcome = fixture.send(post).await;
        assert!(
            matches!(outcome, SendOutcome::Accepted { id: Some(_), url: Some(_), .. }),
            "{kind}: {outcome:?}"
        );
        let received = fixture.only_post();
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
    let fixture = PostFixture::of(Kind::Bluesky).await;
    let mut post = card(picture_file());
    if let Content::Parts(parts) = &mut post.content {
        parts.picture = None;
    }
    let outcome = fixture.send(post).await;
    assert!(matches!(outcome, SendOutcome::Accepted { .. }), "{outcome:?}");
    let received = fixture.only_post();
    assert_eq!(received.title.as_deref(), Some("Spring Tide"), "{received:?}");
}

#[tokio::test]
async fn a_session_is_kept_and_renewed_when_it_expires() {
    let fixture = PostFixture::of(Kind::Bluesky).await;
    for id in ["1", "2", "3"] {
        if id == "3" {
            fixture.platform.fault(Kind::Bluesky, Fault::ExpiredToken);
        }
        let outcome = fixture.send(Post { id: id.into(), ..text_post(TEXT) }).await;
        assert!(matches!(outcome, SendOutcome::Accepted { .. }), "{id}: {outcome:?}");
    }
    let requests = fixture.platform.requests(Kind::Bluesky);
    let sessions = requests.iter().filter(|request| request.path.contains("createSession")).count();
    assert_eq!((fixture.received().len(), sessions), (3, 2));
}

#[tokio::test]
async fn faults_have_the_expected_outcome_in_every_feed() {
    check_fault_outcomes(Kind::Mastodon, Some(7), true).await;
    check_fault_outcomes(Kind::Bluesky, Some(7), true).await;
}

#[tokio::test]
async fn a_second_try_does_not_post_twice() {
    check_no_duplicate(Kind::Mastodon).await;
    check_no_duplicate(Kind::Bluesky).await;
}
