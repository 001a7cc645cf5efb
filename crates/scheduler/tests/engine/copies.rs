//! Tests of test copies: they go to the given address, and every message has names that are never
//! given twice.

use std::collections::BTreeMap;

use store::{
    ContactId, DeliveryId, DeliveryName, Millis, NewRun, RecipientAddress, RecipientSource, RunId, RunKind,
    RunOrigin,
};

use crate::fixture::{Fixture, MAIL, tally};
use crate::relay_case::{NOW, ONCE};

const OWNER: &str = "owner@elsewhere.example";

/// Makes a test copy of `run`, to [`OWNER`].
async fn test_copy(
    fixture: &Fixture,
    run: RunId,
    instant: Millis,
    recipients: &RecipientSource<'_>,
) -> RunId {
    let like = fixture.store.run_get(run).await.unwrap().unwrap();
    let copy = NewRun {
        campaign: like.campaign,
        step: like.step,
        channel: like.channel,
        instant,
        kind: RunKind::Test,
        revision_id: like.revision_id.unwrap(),
        parent_id: None,
        condition: None,
        on_uncertain: campaign::OnUncertain::Resend,
        look_after: 0,
        cost_micros: campaign::Money::ZERO,
        currency: String::new(),
        expires_at: Millis::MAX,
        origin: RunOrigin { to_address: Some(OWNER.to_owned()), ..RunOrigin::default() },
    };
    let id = fixture.store.run_insert(&copy, fixture.clock.millis()).await.unwrap().unwrap();
    assert_eq!(fixture.store.run_plan(id, recipients, fixture.clock.millis()).await.unwrap(), 1);
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_copy_goes_to_the_given_address() {
    let fixture = Fixture::new(&format!("{MAIL}{ONCE}"), NOW).await;
    fixture.contacts(1, None).await;
    let real = fixture.fire("mail").await;
    let due_at = fixture.clock.millis();
    let one = RecipientSource::One { contact: ContactId(1), address: RecipientAddress::Email, due_at };
    let of_contact = test_copy(&fixture, real, Millis::new(1), &one).await;
    let of_stranger = test_copy(&fixture, real, Millis::new(2), &RecipientSource::Feed { due_at }).await;
    let engine = fixture.engine();
    let runs = fixture.ended(3).await;
    engine.stop().await;
    assert!(runs.iter().all(|run| tally(run, "sent") == 1), "{runs:#?}");
    let expected = [(OWNER.to_owned(), 2), ("p0@example.com".to_owned(), 1)];
    assert_eq!(fixture.outbox_counts().await, BTreeMap::from(expected));
    for (run, contact, address) in
        [(real, 1, "p0@example.com"), (of_contact, 1, OWNER), (of_stranger, 0, OWNER)]
    {
        let id = DeliveryId::new(run, ContactId(contact));
        let kept = fixture.store.outbox_get(id).await.unwrap().unwrap();
        assert_eq!(kept.recipient, address);
        assert_eq!(fixture.deliveries(run).await[0].address, address);
        let name = fixture.store.run_get(run).await.unwrap().unwrap().name;
        assert!(name.is_some());
        let name = DeliveryName::new(name, id);
        let raw = String::from_utf8(kept.raw).unwrap();
        assert!(raw.contains(&format!("Message-ID: <{}@", fixture.signer().message_id(name))), "{raw}");
        let (leave, token) = (fixture.signer().prefixes(&[]).unsubscribe, fixture.signer().token(name));
        assert!(raw.replace("\r\n ", "").contains(&format!("{leave}{token}")), "{raw}");
    }
}
