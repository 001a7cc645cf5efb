//! Which address a run needs: an e-mail address, a phone number, an attribute of the contact, or none.

use serde_json::{Value, json};
use store::{
    Address, AddressKind, Consent, ContactId, EventKind, NewContact, Outcome, Planned, Rejection, RunId,
    Suppression, SuppressionReason,
};

use crate::world::{NOW, World, accepted, event, everybody, id, person, to_everybody};

fn telegram() -> Address {
    Address::Attribute("telegram_chat".to_owned())
}

/// Somebody with this in the attribute.
#[allow(clippy::needless_pass_by_value, reason = "json! makes a value")]
fn someone(name: &str, chat: Value) -> NewContact {
    let attributes = json!({ "telegram_chat": chat }).as_object().unwrap().clone();
    NewContact { external_id: Some(name.to_owned()), email: None, attributes, ..person("") }
}

async fn planned(w: &World, step: &str, address: &Address) -> RunId {
    let run = w.run(step, |_| {}).await;
    let audiences = everybody();
    let Planned::Audience { audiences, audience, moment, fallback, catch_up_window, .. } =
        to_everybody(&audiences)
    else {
        unreachable!()
    };
    let address = address.clone();
    let whom =
        Planned::Audience { audiences, audience, address, moment, fallback, catch_up_window, by_hand: None };
    w.store.run_plan(run, &whom, NOW).await.unwrap();
    run
}

async fn suppress(w: &World, kind: AddressKind, address: &str) {
    let (address, source) = (address.to_owned(), "test".to_owned());
    let reason = SuppressionReason::Unsubscribed;
    w.store.suppression_add(&[Suppression { kind, address, reason, source, created_at: NOW }]).await.unwrap();
}

pub(crate) async fn each_channel_finds_whom_it_can_reach(w: &World) {
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
        chats.into_iter().enumerate().map(|(n, chat)| someone(&format!("c{n}"), chat)).collect();
    people.push(NewContact { phone: Some("+8613800138000".to_owned()), ..person("both@x.example") });
    people.push(NewContact { consent: Some(Consent::No), ..someone("no", json!("@no")) });
    people.push(NewContact { email: Some("out@x.example".to_owned()), ..someone("out", json!("@out")) });
    w.store.contact_upsert(&people, NOW).await.unwrap();
    suppress(w, AddressKind::Email, "out@x.example").await;
    let audiences = everybody();
    let whole = audiences.keys().next().unwrap();
    for (step, address) in
        [("mail", Address::Email), ("sms", Address::Phone), ("hook", Address::Anyone), ("chat", telegram())]
    {
        let run = planned(w, step, &address).await;
        let mut expected = Vec::new();
        for contact in w.store.contact_page(ContactId(0), 100).await.unwrap() {
            let stopped = address.suppressed_by(&contact) == Some((AddressKind::Email, "out@x.example"));
            let state = match address.of(&contact) {
                None => "suppressed no_address",
                Some(_) if contact.consent == Consent::No => "suppressed no_consent",
                Some(_) if stopped => "suppressed unsubscribed",
                Some(_) => "queued",
            };
            expected.push(format!("{} {state}", contact.id));
        }
        assert_eq!(w.states(run).await, expected, "{address:?}");
        let queued = expected.iter().filter(|state| state.ends_with("queued")).count();
        let counts = w.store.plan_count(&audiences, whole, &address, NOW).await.unwrap();
        assert_eq!((counts.audience, counts.reached), (14, i64::try_from(queued).unwrap()), "{address:?}");
        let lease = w.lease(NOW).await;
        assert_eq!(w.begin(lease, run, NOW, 100).await.len(), queued, "all of them may begin: {address:?}");
    }
    let chat = w.states(RunId(4)).await;
    let reached: Vec<_> =
        chat.iter().filter(|state| state.ends_with("queued") || state.ends_with("sending")).collect();
    assert_eq!(reached.len(), 8, "texts and numbers, but for who said no: {chat:?}");
}

pub(crate) async fn an_address_may_go_before_the_send(w: &World) {
    w.store.contact_upsert(&[someone("a", json!("@a")), someone("b", json!("@b"))], NOW).await.unwrap();
    let mailed = NewContact { email: Some("c@x.example".to_owned()), ..someone("c", json!("@c")) };
    w.store.contact_upsert(&[mailed], NOW).await.unwrap();
    let (chat, hook) = (planned(w, "chat", &telegram()).await, planned(w, "hook", &Address::Anyone).await);
    w.store.contact_upsert(&[someone("a", json!(""))], NOW).await.unwrap();
    let lease = w.lease(NOW).await;
    let claimed = w.claim(lease, chat, NOW, 10).await;
    let found: Vec<_> =
        claimed.iter().map(|it| telegram().of(it.contact.as_ref().unwrap()).unwrap()).collect();
    assert_eq!(found, ["@b", "@c"]);
    w.store.contact_upsert(&[someone("b", json!(false))], NOW).await.unwrap();
    let granted = w.record(lease, &[], &[id(chat, 2), id(chat, 3)], NOW).await.granted;
    assert_eq!(granted, [id(chat, 3)]);
    assert_eq!(w.states(chat).await, ["1 suppressed no_address", "2 suppressed no_address", "3 sending"]);
    assert_eq!(w.tallies(chat).await, ["suppressed no_address 2"]);
    let ids: Vec<_> = w.claim(lease, hook, NOW, 10).await.iter().map(|claimed| claimed.id).collect();
    suppress(w, AddressKind::Email, "c@x.example").await;
    assert_eq!(w.record(lease, &[], &ids, NOW).await.granted, [id(hook, 1), id(hook, 2)]);
}

pub(crate) async fn followers_need_their_own_address(w: &World) {
    w.store.contact_upsert(&[person("a@x.example"), person("b@x.example")], NOW).await.unwrap();
    let both = NewContact { email: Some("c@x.example".to_owned()), ..someone("c", json!(7)) };
    w.store.contact_upsert(&[both], NOW).await.unwrap();
    let parent = w.planned("mail").await;
    w.send_all(parent, NOW).await;
    let run = w.run("chat", |run| run.parent_id = Some(parent)).await;
    let whom = Planned::Followers { delay: 0, address: telegram(), of: None };
    w.store.run_plan(run, &whom, NOW + 1).await.unwrap();
    assert_eq!(w.states(run).await, ["1 suppressed no_address", "2 suppressed no_address", "3 queued"]);
}

pub(crate) async fn only_mailboxes_and_numbers_are_suppressed(w: &World) {
    let phone = Some("+8613800138000".to_owned());
    let all = NewContact { email: Some("a@x.example".to_owned()), phone, ..someone("a", json!("@a")) };
    w.store.contact_upsert(&[all], NOW).await.unwrap();
    let refused = |soft| {
        Outcome::Rejected(Rejection {
            reason: "bad_address".to_owned(),
            answer: "404 not found".to_owned(),
            suppress: Some(SuppressionReason::Bounced),
            soft,
        })
    };
    let lease = w.lease(NOW).await;
    for (step, address) in [("chat", telegram()), ("hook", Address::Anyone), ("sms", Address::Phone)] {
        let run = planned(w, step, &address).await;
        let begun = w.begin(lease, run, NOW, 1).await;
        let soft = Some(store::SoftBounce::Inactive);
        w.record(lease, &[(begun[0], refused(soft))], &[], NOW).await;
        assert_eq!(w.states(run).await, ["1 failed bad_address"]);
    }
    let rows = w.store.suppression_list(10).await.unwrap();
    assert_eq!(
        rows.iter().map(|row| (row.kind, row.address.as_str())).collect::<Vec<_>>(),
        [(AddressKind::Phone, "+8613800138000")]
    );
    assert_eq!(rows[0].source, "sms 404");
    assert_eq!(w.number("select count(*) from soft_bounces where kind <> 'phone'").await, 0);
    // What came back later is held against what the run needed.
    for run in [1, 2, 3] {
        w.store.event_record(&[event(EventKind::Bounced, id(RunId(run), 1), NOW)], NOW).await.unwrap();
    }
    assert_eq!(w.store.suppression_list(10).await.unwrap().len(), 1, "nothing of the mailbox is known");
    w.store.event_record(&[event(EventKind::Unsubscribed, id(RunId(2), 1), NOW)], NOW).await.unwrap();
    assert!(w.store.suppression_get(AddressKind::Email, "a@x.example").await.unwrap().is_some());
}

pub(crate) async fn a_name_is_never_a_path(w: &World) {
    w.people(1).await;
    let run = w.run("chat", |_| {}).await;
    for name in ["", "$", "$.email", "[0]", "a\"b", "a\\b", "a\0b"] {
        let whom =
            Planned::One { contact: ContactId(1), address: Address::Attribute(name.to_owned()), due_at: NOW };
        let error = w.store.run_plan(run, &whom, NOW).await.unwrap_err().to_string();
        assert!(error.contains("letters, digits"), "{error}");
    }
    let odd = "'; drop table runs; --  微信 openid";
    let attributes = json!({ odd: "o6_bmjrPTlm6_2sgVt7hMZOPfL2M" }).as_object().unwrap().clone();
    w.store.contact_upsert(&[NewContact { attributes, ..person("p1@example.com") }], NOW).await.unwrap();
    let whom =
        Planned::One { contact: ContactId(1), address: Address::Attribute(odd.to_owned()), due_at: NOW };
    assert_eq!(w.store.run_plan(run, &whom, NOW).await.unwrap(), 1);
    let lease = w.lease(NOW).await;
    let begun = w.begin(lease, run, NOW, 1).await;
    w.record(lease, &[(begun[0], accepted())], &[], NOW).await;
    assert_eq!(w.states(run).await, ["1 sent"]);
}
