//! Test copies go where they are told to, and every message carries names that are never given twice.

use std::collections::BTreeMap;

use store::{Address, ContactId, DeliveryId, DeliveryName, Millis, NewRun, Origin, Planned, RunId, RunKind};

use crate::case::{NOW, ONCE};
use crate::world::{MAIL, World, tally};

const OWNER: &str = "owner@elsewhere.example";

/// A test copy of what `run` says, to [`OWNER`].
async fn test_copy(world: &World, run: RunId, instant: Millis, whom: &Planned<'_>) -> RunId {
    let like = world.store.run_get(run).await.unwrap().unwrap();
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
        origin: Origin { to_address: Some(OWNER.to_owned()), ..Origin::default() },
    };
    let id = world.store.run_insert(&copy, world.clock.millis()).await.unwrap().unwrap();
    assert_eq!(world.store.run_plan(id, whom, world.clock.millis()).await.unwrap(), 1);
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_copy_goes_to_the_address_it_is_for() {
    let world = World::new(&format!("{MAIL}{ONCE}"), NOW).await;
    world.contacts(1, None).await;
    let real = world.fire("mail").await;
    let due_at = world.clock.millis();
    let one = Planned::One { contact: ContactId(1), address: Address::Email, due_at };
    let of_contact = test_copy(&world, real, Millis::new(1), &one).await;
    let of_stranger = test_copy(&world, real, Millis::new(2), &Planned::Feed { due_at }).await;
    let engine = world.engine();
    let runs = world.ended(3).await;
    engine.stop().await;
    assert!(runs.iter().all(|run| tally(run, "sent") == 1), "{runs:#?}");
    let expected = [(OWNER.to_owned(), 2), ("p0@example.com".to_owned(), 1)];
    assert_eq!(world.kept().await, BTreeMap::from(expected));
    for (run, contact, address) in
        [(real, 1, "p0@example.com"), (of_contact, 1, OWNER), (of_stranger, 0, OWNER)]
    {
        let id = DeliveryId::new(run, ContactId(contact));
        let kept = world.store.outbox_get(id).await.unwrap().unwrap();
        assert_eq!(kept.recipient, address);
        assert_eq!(world.deliveries(run).await[0].address, address);
        let name = world.store.run_get(run).await.unwrap().unwrap().name;
        assert!(name.is_some());
        let name = DeliveryName::new(name, id);
        let raw = String::from_utf8(kept.raw).unwrap();
        assert!(raw.contains(&format!("Message-ID: <{}@", world.signer().message_id(name))), "{raw}");
        let (leave, token) = (world.signer().starts(&[]).unsubscribe, world.signer().token(name));
        assert!(raw.replace("\r\n ", "").contains(&format!("{leave}{token}")), "{raw}");
    }
}
