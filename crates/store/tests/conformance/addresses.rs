//! Tests of the address that a run needs: an e-mail address, a phone number, an attribute of the
//! contact, or none.

use serde_json::{Value, json};
use store::{
    AddressKind, Consent, ContactId, EventKind, NewContact, Outcome, RecipientAddress, RecipientSource,
    Rejection, RunId, Suppression, SuppressionReason,
};

use crate::fixture::{NOW, StoreFixture, accepted, all_contacts, event, id, person, to_all_contacts};

fn telegram() -> RecipientAddress {
    RecipientAddress::Attribute("telegram_chat".to_owned())
}

/// A contact with this value in the attribute, and no e-mail address.
#[allow(clippy::needless_pass_by_value, reason = "json! makes a value")]
fn contact_with_chat(name: &str, chat: Value) -> NewContact {
    let attributes = json!({ "telegram_chat": chat }).as_object().unwrap().clone();
    NewContact { external_id: Some(name.to_owned()), email: None, attributes, ..person("") }
}

async fn planned(f: &StoreFixture, step: &str, address: &RecipientAddress) -> RunId {
    let run = f.run(step, |_| {}).await;
    let audiences = all_contacts();
    let RecipientSource::Audience { audiences, audience, moment, fallback, catch_up_window, .. } =
        to_all_contacts(&audiences)
    else {
        unreachable!()
    };
    let address = address.clone();
    let recipients = RecipientSource::Audience {
        audiences,
        audience,
        address,
        moment,
        fallback,
        catch_up_window,
        by_hand: None,
    };
    f.store.run_plan(run, &recipients, NOW).await.unwrap();
    run
}

async fn suppress(f: &StoreFixture, kind: AddressKind, address: &str) {
    let (address, source) = (address.to_owned(), "test".to_owned());
    let reason = SuppressionReason::Unsubscribed;
    f.store.suppression_add(&[Suppression { kind, address, reason, source, created_at: NOW }]).await.unwrap();
}

pub(crate) async fn each_channel_reaches_contacts_with_its_address(f: &StoreFixture) {
    let chats = [
        json!("@ada"),
        json!(42),
        json!(-1.5),
        json!(true),
        json!(""),
        json!("  "),
        json!("true"),
        json!("null"),
        json!("{}"),
        json!("\u{1f468}\u{200d}\u{1f469} \" ' \\ ; --"),
        json!("  7 "),
    ];
    let mut people: Vec<_> =
        chats.into_iter().enumerate().map(|(n, chat)| contact_with_chat(&format!("c{n}"), chat)).collect();
    people.push(NewContact { phone: Some("+8613800138000".to_owned()), ..person("both@x.example") });
    people.push(NewContact { consent: Some(Consent::No), ..contact_with_chat("no", json!("@no")) });
    people.push(NewContact {
        email: Some("out@x.example".to_owned()),
        ..contact_with_chat("out", json!("@out"))
    });
    f.store.contact_upsert(&people, NOW).await.unwrap();
    suppress(f, AddressKind::Email, "out@x.example").await;
    let audiences = all_contacts();
    let whole = audiences.keys().next().unwrap();
    for (step, address) in [
        ("mail", RecipientAddress::Email),
        ("sms", RecipientAddress::Phone),
        ("hook", RecipientAddress::Anyone),
        ("chat", telegram()),
    ] {
        let run = planned(f, step, &address).await;
        let mut expected = Vec::new();
        for contact in f.store.contact_page(ContactId(0), 100).await.unwrap() {
            let stopped = address.suppression_key(&contact) == Some((AddressKind::Email, "out@x.example"));
            let state = match address.of(&contact) {
                None => "suppressed no_address",
                Some(_) if !contact.consents.is_granted("news", address.consent_kind()) => {
                    "suppressed no_consent"
                }
                Some(_) if stopped => "suppressed unsubscribed",
                Some(_) => "queued",
            };
            expected.push(format!("{} {state}", contact.id));
        }
        assert_eq!(f.states(run).await, expected, "{address:?}");
        let queued = expected.iter().filter(|state| state.ends_with("queued")).count();
        let counts = f.store.plan_count(&audiences, whole, &address, Some("news"), NOW).await.unwrap();
        assert_eq!((counts.audience, counts.reached), (14, i64::try_from(queued).unwrap()), "{address:?}");
        let lease = f.lease(NOW).await;
        assert_eq!(f.begin(lease, run, NOW, 100).await.len(), queued, "all of them may begin: {address:?}");
    }
    let chat = f.states(RunId(4)).await;
    let reached: Vec<_> =
        chat.iter().filter(|state| state.ends_with("queued") || state.ends_with("sending")).collect();
    assert_eq!(reached.len(), 8, "texts and numbers, without the refusal: {chat:?}");
}

pub(crate) async fn an_address_may_go_before_the_send(f: &StoreFixture) {
    f.store
        .contact_upsert(&[contact_with_chat("a", json!("@a")), contact_with_chat("b", json!("@b"))], NOW)
        .await
        .unwrap();
    let mailed = NewContact { email: Some("c@x.example".to_owned()), ..contact_with_chat("c", json!("@c")) };
    f.store.contact_upsert(&[mailed], NOW).await.unwrap();
    let (chat, hook) =
        (planned(f, "chat", &telegram()).await, planned(f, "hook", &RecipientAddress::Anyone).await);
    f.store.contact_upsert(&[contact_with_chat("a", json!(""))], NOW).await.unwrap();
    let lease = f.lease(NOW).await;
    let claimed = f.claim(lease, chat, NOW, 10).await;
    let found: Vec<_> =
        claimed.iter().map(|it| telegram().of(it.contact.as_ref().unwrap()).unwrap()).collect();
    assert_eq!(found, ["@b", "@c"]);
    f.store.contact_upsert(&[contact_with_chat("b", json!(false))], NOW).await.unwrap();
    let granted = f.record(lease, &[], &[id(chat, 2), id(chat, 3)], NOW).await.granted;
    assert_eq!(granted, [id(chat, 3)]);
    assert_eq!(f.states(chat).await, ["1 suppressed no_address", "2 suppressed no_address", "3 sending"]);
    assert_eq!(f.tallies(chat).await, ["suppressed no_address 2"]);
    let ids: Vec<_> = f.claim(lease, hook, NOW, 10).await.iter().map(|claimed| claimed.id).collect();
    suppress(f, AddressKind::Email, "c@x.example").await;
    assert_eq!(f.record(lease, &[], &ids, NOW).await.granted, [id(hook, 1), id(hook, 2)]);
}

pub(crate) async fn followers_need_their_own_address(f: &StoreFixture) {
    f.store.contact_upsert(&[person("a@x.example"), person("b@x.example")], NOW).await.unwrap();
    let both = NewContact { email: Some("c@x.example".to_owned()), ..contact_with_chat("c", json!(7)) };
    f.store.contact_upsert(&[both], NOW).await.unwrap();
    let parent = f.planned("mail").await;
    f.send_all(parent, NOW).await;
    let run = f.run("chat", |run| run.parent_id = Some(parent)).await;
    let recipients = RecipientSource::Followers { delay: 0, address: telegram(), audience: None };
    f.store.run_plan(run, &recipients, NOW + 1).await.unwrap();
    assert_eq!(f.states(run).await, ["1 suppressed no_address", "2 suppressed no_address", "3 queued"]);
}

pub(crate) async fn only_mailboxes_and_numbers_are_suppressed(f: &StoreFixture) {
    let phone = Some("+8613800138000".to_owned());
    let all =
        NewContact { email: Some("a@x.example".to_owned()), phone, ..contact_with_chat("a", json!("@a")) };
    f.store.contact_upsert(&[all], NOW).await.unwrap();
    let refused = |soft| {
        Outcome::Rejected(Rejection {
            reason: "bad_address".to_owned(),
            answer: "404 not found".to_owned(),
            suppress: Some(SuppressionReason::Bounced),
            soft,
        })
    };
    let lease = f.lease(NOW).await;
    for (step, address) in
        [("chat", telegram()), ("hook", RecipientAddress::Anyone), ("sms", RecipientAddress::Phone)]
    {
        let run = planned(f, step, &address).await;
        let begun = f.begin(lease, run, NOW, 1).await;
        let soft = Some(store::SoftBounce::Inactive);
        f.record(lease, &[(begun[0], refused(soft))], &[], NOW).await;
        assert_eq!(f.states(run).await, ["1 failed bad_address"]);
    }
    let rows = f.store.suppression_list(10).await.unwrap();
    assert_eq!(
        rows.iter().map(|row| (row.kind, row.address.as_str())).collect::<Vec<_>>(),
        [(AddressKind::Phone, "+8613800138000")]
    );
    assert_eq!(rows[0].source, "sms 404");
    assert_eq!(f.number("select count(*) from soft_bounces where kind <> 'phone'").await, 0);
    // A later bounce suppresses the address that the run needed.
    for run in [1, 2, 3] {
        f.store.event_record(&[event(EventKind::Bounced, id(RunId(run), 1), NOW)], NOW).await.unwrap();
    }
    assert_eq!(f.store.suppression_list(10).await.unwrap().len(), 1, "the mailbox is not suppressed");
    f.store.event_record(&[event(EventKind::Unsubscribed, id(RunId(2), 1), NOW)], NOW).await.unwrap();
    assert!(f.store.suppression_get(AddressKind::Email, "a@x.example").await.unwrap().is_some());
}

pub(crate) async fn a_name_is_never_a_path(f: &StoreFixture) {
    f.people(1).await;
    let run = f.run("chat", |_| {}).await;
    for name in ["", "$", "$.email", "[0]", "a\"b", "a\\b", "a\0b"] {
        let recipients = RecipientSource::One {
            contact: ContactId(1),
            address: RecipientAddress::Attribute(name.to_owned()),
            due_at: NOW,
        };
        let error = f.store.run_plan(run, &recipients, NOW).await.unwrap_err().to_string();
        assert!(error.contains("letters, digits"), "{error}");
    }
    let odd = "'; drop table runs; --  微信 openid";
    let attributes = json!({ odd: "o6_bmjrPTlm6_2sgVt7hMZOPfL2M" }).as_object().unwrap().clone();
    f.store.contact_upsert(&[NewContact { attributes, ..person("p1@example.com") }], NOW).await.unwrap();
    let recipients = RecipientSource::One {
        contact: ContactId(1),
        address: RecipientAddress::Attribute(odd.to_owned()),
        due_at: NOW,
    };
    assert_eq!(f.store.run_plan(run, &recipients, NOW).await.unwrap(), 1);
    let lease = f.lease(NOW).await;
    let begun = f.begin(lease, run, NOW, 1).await;
    f.record(lease, &[(begun[0], accepted())], &[], NOW).await;
    assert_eq!(f.states(run).await, ["1 sent"]);
}
