//! Tests of the ledger of consent: what it comes to, what is asked before a message goes out, and
//! what a verification finds.

use std::collections::HashMap;

use store::{
    Basis, Consent, ConsentChange, ConsentKind, ConsentState, ContactId, EntryKind, EventKind, Evidence,
    LedgerReport, Millis,
};

use crate::fixture::{DAY, NOW, StoreFixture, event, id, person};

const ALL: [ConsentKind; 3] = [ConsentKind::Email, ConsentKind::Phone, ConsentKind::Other];

fn by_hand(entry: EntryKind, contact: i64, kinds: &[ConsentKind]) -> ConsentChange {
    ConsentChange { contact: ContactId(contact), entry, kinds: kinds.to_vec() }
}

fn own() -> Evidence {
    Evidence {
        basis: Basis::Consent,
        method: "page".to_owned(),
        actor: "contact".to_owned(),
        ..Evidence::default()
    }
}

async fn change(f: &StoreFixture, entry: EntryKind, kinds: &[ConsentKind], at: Millis) -> Vec<ConsentKind> {
    f.store.consent_change(&by_hand(entry, 1, kinds), &own(), at).await.unwrap().unwrap()
}

async fn stored(f: &StoreFixture, contact: i64) -> String {
    f.store.contact_get(ContactId(contact)).await.unwrap().unwrap().consents.stored()
}

async fn verify(f: &StoreFixture) -> LedgerReport {
    f.store.consent_verify().await.unwrap()
}

/// Returns numbers that look random and are the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

/// The rule that no sequence of changes may break: only a contact's own yes grants what was
/// withdrawn, and an import grants only what is unknown.
pub(crate) async fn no_import_raises_a_consent(f: &StoreFixture) {
    for seed in 0..12 {
        let mut numbers = Numbers(seed);
        let email = format!("p{seed}@example.com");
        let mut imported = person(&email);
        imported.consent = None;
        f.store.contact_upsert(&[imported.clone()], NOW).await.unwrap();
        let contact = f.store.contact_find(&email).await.unwrap().unwrap().id;
        let mut expected: HashMap<ConsentKind, ConsentState> = HashMap::new();
        for step in 0..14 {
            let at = NOW + step;
            match numbers.below(5) {
                0 => {
                    imported.consent = Some(Consent::Yes);
                    f.store.contact_upsert(&[imported.clone()], at).await.unwrap();
                    for kind in [ConsentKind::Email, ConsentKind::Other] {
                        expected.entry(kind).or_insert(ConsentState::Granted);
                    }
                }
                1 => {
                    imported.consent = Some(Consent::No);
                    f.store.contact_upsert(&[imported.clone()], at).await.unwrap();
                    expected.extend(ALL.map(|kind| (kind, ConsentState::Withdrawn)));
                }
                2 => {
                    imported.consent = None;
                    f.store.contact_upsert(&[imported.clone()], at).await.unwrap();
                }
                number => {
                    let entry = if number == 3 { EntryKind::Withdraw } else { EntryKind::Grant };
                    let kind = ALL[numbers.below(3)];
                    let change = by_hand(entry, contact.0, &[kind]);
                    f.store.consent_change(&change, &own(), at).await.unwrap();
                    expected.insert(kind, ConsentState::after(entry));
                }
            }
            let consents = f.store.contact_get(contact).await.unwrap().unwrap().consents;
            let found: HashMap<_, _> = consents.iter().map(|(_, kind, state)| (kind, state)).collect();
            assert_eq!(found, expected, "seed {seed}, step {step}");
        }
    }
    let report = verify(f).await;
    assert_eq!((report.broken_at, report.differs, report.erased), (None, None, 0));
    assert!(report.entries > 30, "{report:?}");
}

pub(crate) async fn a_request_counts_once_it_is_confirmed(f: &StoreFixture) {
    let mut asked = person("a@example.com");
    asked.consent = Some(Consent::Yes);
    let double = Evidence { needs_confirmation: true, ..own() };
    f.store.contact_import(&[asked.clone()], &double, NOW).await.unwrap();
    assert_eq!(stored(f, 1).await, " news:email?  news:other? ");
    f.store.contact_import(&[asked], &double, NOW + 1).await.unwrap();
    assert_eq!(verify(f).await.entries, 1, "the same request is one entry");
    let confirmed = change(f, EntryKind::Confirm, &[ConsentKind::Email], NOW + 2).await;
    assert_eq!(confirmed, [ConsentKind::Email]);
    assert_eq!(stored(f, 1).await, " news:email+  news:other? ");
    let entries = f.store.consent_entries(ContactId(1), 10).await.unwrap();
    let kinds: Vec<_> = entries.iter().map(|entry| (entry.entry, entry.basis)).collect();
    assert_eq!(kinds, [(EntryKind::Confirm, Basis::Consent), (EntryKind::Request, Basis::Consent)]);
}

pub(crate) async fn purposes_are_apart(f: &StoreFixture) {
    f.people(1).await;
    let events = Evidence { purpose: "events".to_owned(), ..own() };
    let withdraw = by_hand(EntryKind::Withdraw, 1, &[]);
    f.store.consent_change(&withdraw, &events, NOW).await.unwrap();
    assert_eq!(stored(f, 1).await, " events:email-  events:phone-  events:other-  news:email+  news:other+ ");
    assert_eq!(f.store.consent_change(&by_hand(EntryKind::Grant, 99, &[]), &own(), NOW).await.unwrap(), None);
    assert_eq!(verify(f).await.differs, None);
}

/// The consent is asked in the plan, in the claim, and at the last moment before sending.
pub(crate) async fn consent_is_asked_until_the_last_moment(f: &StoreFixture) {
    let mut unknown = person("unknown@example.com");
    unknown.consent = None;
    f.people(4).await;
    f.store.contact_upsert(&[unknown], NOW).await.unwrap();
    let run = f.planned("mail").await;
    let states = f.states(run).await;
    assert_eq!(states[4], "5 suppressed no_consent", "unknown is not yes");
    assert_eq!(states[..4], ["1 queued", "2 queued", "3 queued", "4 queued"]);

    let withdraw = |contact| by_hand(EntryKind::Withdraw, contact, &[]);
    f.store.consent_change(&withdraw(1), &own(), NOW).await.unwrap();
    let lease = f.lease(NOW).await;
    let claimed = f.claim(lease, run, NOW, 9).await;
    let contacts: Vec<_> = claimed.iter().map(|claimed| claimed.id.contact().0).collect();
    assert_eq!(contacts, [2, 3, 4], "not who withdrew after the plan");

    f.store.consent_change(&withdraw(2), &own(), NOW).await.unwrap();
    let ids: Vec<_> = claimed.iter().map(|claimed| claimed.id).collect();
    let begun = f.record(lease, &[], &ids, NOW).await.granted;
    assert_eq!(begun, [id(run, 3), id(run, 4)], "not who withdrew after the claim");
}

/// A message that is no marketing needs no consent.
pub(crate) async fn a_run_without_a_purpose_asks_nobody(f: &StoreFixture) {
    let mut refused = person("no@example.com");
    refused.consent = Some(Consent::No);
    let mut unknown = person("unknown@example.com");
    unknown.consent = None;
    f.store.contact_upsert(&[refused, unknown], NOW).await.unwrap();
    let run = f.run("receipt", |run| run.origin.purpose = None).await;
    assert_eq!(f.plan(run).await, 2);
    let lease = f.lease(NOW).await;
    assert_eq!(f.begin(lease, run, NOW, 9).await.len(), 2);
}

pub(crate) async fn an_unsubscription_is_entered_and_may_be_undone(f: &StoreFixture) {
    f.people(2).await;
    let run = f.planned("mail").await;
    f.send_all(run, NOW).await;
    let at = NOW + 1_000;
    let leave =
        [event(EventKind::Unsubscribed, id(run, 1), at), event(EventKind::Complained, id(run, 2), at)];
    f.store.event_record(&leave, at).await.unwrap();
    f.store.event_record(&leave, at + 1).await.unwrap();
    assert_eq!(stored(f, 1).await, " news:email-  news:other+ ");
    let entries = f.store.consent_entries(ContactId(2), 10).await.unwrap();
    let kinds: Vec<_> =
        entries.iter().map(|entry| (entry.entry, entry.basis, entry.actor.as_str())).collect();
    assert_eq!(
        kinds,
        [(EntryKind::Object, Basis::None, "contact"), (EntryKind::Grant, Basis::Unproven, "command")],
        "once"
    );

    assert!(!f.store.consent_undo(ContactId(1), at + DAY, at + DAY).await.unwrap(), "too late");
    assert!(f.store.consent_undo(ContactId(1), at - DAY, at + 2).await.unwrap());
    assert_eq!(stored(f, 1).await, " news:email+  news:other+ ");
    assert_eq!(f.number("select count(*) from suppressions where address = 'p1@example.com'").await, 0);
    assert!(!f.store.consent_undo(ContactId(2), at - DAY, at + 2).await.unwrap(), "a complaint stays");
    assert_eq!(verify(f).await.differs, None);
}

/// Each column of an entry, and its absence, is noticed.
pub(crate) async fn a_changed_ledger_is_found(f: &StoreFixture) {
    f.people(5).await;
    change(f, EntryKind::Withdraw, &[], NOW).await;
    assert_eq!(verify(f).await, LedgerReport { entries: 6, ..LedgerReport::default() });
    for edit in [
        "contact_id = 4",
        "purpose = 'offers'",
        "kinds = 'email'",
        "entry = 'confirm'",
        "basis = 'consent'",
        "method = 'form'",
        "actor = 'another'",
        "addresses = 'q@example.com'",
        "addresses = null",
        "source = 'https://example.com'",
        "text_version = '2'",
        "occurred_at = 1",
        "recorded_at = 1",
        "salt = 'ff'",
        "digest = hash",
        "hash = digest",
    ] {
        let (column, _) = edit.split_once(' ').unwrap();
        let before =
            format!("select coalesce(cast({column} as text), 'NULL') from consent_entries where id = 3");
        let before = f.texts(&before).await.remove(0);
        f.write(&format!("update consent_entries set {edit} where id = 3")).await;
        assert_eq!(verify(f).await.broken_at, Some(3), "{edit}");
        let number = matches!(column, "contact_id" | "occurred_at" | "recorded_at") || before == "NULL";
        let value = if number { before } else { format!("'{before}'") };
        f.write(&format!("update consent_entries set {column} = {value} where id = 3")).await;
        assert_eq!(verify(f).await.broken_at, None, "{edit} is taken back");
    }
    f.write("update contacts set consents = ' news:email+ ' where id = 1").await;
    assert_eq!(verify(f).await.differs, Some(ContactId(1)));
    f.write("update contacts set consents = ' news:email-  news:phone-  news:other- ' where id = 1").await;
    assert_eq!(verify(f).await.differs, None);
    f.write("delete from consent_entries where id = 6").await;
    assert_eq!(verify(f).await.differs, Some(ContactId(1)), "the last entry is missing");
    f.write("delete from consent_entries where id = 2").await;
    assert_eq!(verify(f).await.broken_at, Some(2));
}

/// What erasing does to an entry leaves the chain whole.
pub(crate) async fn an_erased_entry_is_sound(f: &StoreFixture) {
    f.people(3).await;
    f.write(
        "update consent_entries set contact_id = null, addresses = null, source = null, text_version = null, salt = null
         where id = 2",
    )
    .await;
    f.write("update contacts set consents = '' where id = 2").await;
    assert_eq!(verify(f).await, LedgerReport { entries: 3, erased: 1, ..LedgerReport::default() });
}

pub(crate) async fn concurrent_changes_keep_the_chain(f: &StoreFixture) {
    f.people(8).await;
    let tasks: Vec<_> = (1..=8)
        .map(|contact| {
            let store = f.store.clone();
            tokio::spawn(async move {
                for step in 0..10 {
                    let entry = if step % 2 == 0 { EntryKind::Withdraw } else { EntryKind::Grant };
                    store.consent_change(&by_hand(entry, contact, &[]), &own(), NOW + step).await.unwrap();
                    store
                        .contact_upsert(&[person(&format!("n{contact}{step}@example.com"))], NOW)
                        .await
                        .unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(verify(f).await, LedgerReport { entries: 8 + 80 + 80, ..LedgerReport::default() });
}

/// Returns the rows of a database of the first version with people: `yes`, `no`, and more of them
/// than are entered at a time.
fn first_version() -> String {
    "insert into contacts (id, email, phone, consent, attributes, created_at, updated_at)
       values (1, 'yes@example.com', '+4930123', 'yes', '{\"city\":\"Bremen\"}', 1, 2),
              (2, 'no@example.com', null, 'no', '{}', 1, 2),
              (3, null, '+4930124', 'yes', '{}', 1, 2);
     insert into contacts (id, email, consent, created_at, updated_at)
       with recursive n(n) as (select 4 union all select n + 1 from n where n < 4500)
       select n, 'p' || n || '@example.com', case n % 2 when 0 then 'yes' else 'no' end, 1, 2 from n;"
        .to_owned()
}

async fn answers_are_entered(f: &StoreFixture) {
    assert_eq!(stored(f, 1).await, " news:email+  news:phone+  news:other+ ");
    assert_eq!(stored(f, 2).await, " news:email-  news:phone-  news:other- ");
    assert_eq!(stored(f, 3).await, " news:phone+  news:other+ ");
    let entries = f.store.consent_entries(ContactId(1), 10).await.unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(
        (entries[0].basis, entries[0].method.as_str(), entries[0].addresses.as_deref()),
        (Basis::Unproven, "earlier-version", Some("yes@example.com +4930123"))
    );
    assert_eq!(verify(f).await, LedgerReport { entries: 4_500, ..LedgerReport::default() });
    let contact = f.store.contact_get(ContactId(1)).await.unwrap().unwrap();
    assert_eq!(contact.attributes["city"], "Bremen");
    assert_eq!(f.number("select count(*) from contacts where updated_at <> 2").await, 0);

    // The process was killed before the last pieces were entered.
    f.write("delete from consent_entries where id > 3000").await;
    f.write("update contacts set consents = null where id > 3000").await;
    f.store.migrate().await.unwrap();
    assert_eq!(verify(f).await, LedgerReport { entries: 4_500, ..LedgerReport::default() });

    // A new contact has a new number, and a phone may be shared.
    let mut shared = person("other@example.com");
    shared.phone = Some("+4930123".to_owned());
    f.store.contact_upsert(&[shared], NOW).await.unwrap();
    assert_eq!(f.store.contact_find("other@example.com").await.unwrap().unwrap().id, ContactId(4_501));
    assert_eq!(f.store.contact_get(ContactId(1)).await.unwrap().unwrap().phone.as_deref(), Some("+4930123"));
}

#[tokio::test]
async fn answers_in_a_sqlite_database_of_the_first_version_are_entered() {
    answers_are_entered(&StoreFixture::sqlite_of_first_version(&first_version()).await).await;
}

#[tokio::test]
async fn answers_in_a_postgresql_database_of_the_first_version_are_entered() {
    let rows = first_version() + "select setval(pg_get_serial_sequence('contacts', 'id'), 4500);";
    answers_are_entered(&StoreFixture::postgres_of_first_version(&rows).await).await;
}
