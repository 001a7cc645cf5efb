//! Tests of published posts, of settling uncertain deliveries, and of channels that cannot be used
//! any more.

use campaign::OnUncertain;
use store::{ContactId, Outcome, PostRef, RecipientSource, RunId, RunState, Settlement};

use crate::fixture::{HOUR, NOW, StoreFixture, accepted, id};

fn published(id: &str, url: &str) -> Outcome {
    let post = Some(PostRef { id: Some(id.to_owned()), url: Some(url.to_owned()) });
    Outcome::Accepted { answer: "201 created".to_owned(), post }
}

fn unknown() -> Outcome {
    Outcome::Unknown { retry_at: Some(NOW), answer: "the connection broke".to_owned() }
}

/// A begun run to `people` existing contacts; unknown outcomes are held for a person.
async fn begun(f: &StoreFixture, step: &str, people: i64) -> (RunId, store::LeaseId) {
    let run = f.run(step, |run| run.on_uncertain = OnUncertain::Hold).await;
    f.plan(run).await;
    let lease = f.lease(NOW).await;
    assert_eq!(f.begin(lease, run, NOW, people).await.len(), usize::try_from(people).unwrap());
    (run, lease)
}

/// An ended run: delivery 1 is sent, 2 to 4 are uncertain.
async fn in_doubt(f: &StoreFixture, step: &str) -> RunId {
    let (run, lease) = begun(f, step, 4).await;
    let outcomes: Vec<_> =
        (2..=4).map(|n| (id(run, n), unknown())).chain([(id(run, 1), accepted())]).collect();
    f.record(lease, &outcomes, &[], NOW).await;
    f.store.run_finish(NOW).await.unwrap();
    assert_eq!(f.get(run).await.state, RunState::FinishedWithFailures);
    run
}

pub(crate) async fn published_posts_are_stored(f: &StoreFixture) {
    f.people(6).await;
    let (run, lease) = begun(f, "post", 6).await;
    let long = format!("https://x.example/{}", "a".repeat(2_000));
    // All are granted and accepted: the fast path.
    let outcomes = [
        (id(run, 1), published("1", "https://x.example/1")),
        (id(run, 2), published("\x1b[2J", "javascript:alert(1)")),
        (id(run, 3), published("3", "https://x.example/\0")),
    ];
    assert_eq!(f.record(lease, &outcomes, &[], NOW).await.recorded, 3);
    // One does not belong to this lease any more: the slow path.
    let outcomes = [
        (id(run, 1), published("stolen", "https://evil.example")),
        (id(run, 4), published("4", "http://x.example/<script>")),
        (id(run, 5), published(&"5".repeat(501), &long)),
        (id(run, 6), accepted()),
    ];
    assert_eq!(f.record(lease, &outcomes, &[], NOW).await.recorded, 3);
    let rows = f.store.delivery_list(run, None, false, id(run, 0), 10).await.unwrap();
    let found: Vec<_> = rows.iter().map(|row| (row.post_id.as_deref(), row.link())).collect();
    assert_eq!(
        found,
        [
            (Some("1"), Some("https://x.example/1")),
            (None, None),
            (Some("3"), None),
            (Some("4"), Some("http://x.example/<script>")),
            (None, None),
            (None, None),
        ]
    );
    let of_one = f.store.delivery_of_contact(ContactId(4), 5).await.unwrap();
    assert_eq!(of_one[0].post_id.as_deref(), Some("4"));
    let explained = f.store.delivery_explain(ContactId(1), "spring").await.unwrap();
    assert_eq!(explained.runs[0].1.as_ref().unwrap().link(), Some("https://x.example/1"));
    f.write("update posts set url = 'javascript:alert(1)'").await;
    let rows = f.store.delivery_list(run, None, false, id(run, 0), 10).await.unwrap();
    assert!(rows.iter().all(|row| row.link().is_none()), "a script address is no link");
}

pub(crate) async fn a_second_try_has_a_repeat_count(f: &StoreFixture) {
    f.people(2).await;
    let run = f.planned("mail").await;
    let lease = f.lease(NOW).await;
    let first = f.claim(lease, run, NOW, 2).await;
    assert_eq!(first.iter().map(|it| it.repeats).collect::<Vec<_>>(), [0, 0]);
    f.record(lease, &[], &[id(run, 1), id(run, 2)], NOW).await;
    let later = Outcome::Deferred { until: NOW, answer: "429".to_owned(), soft: None };
    f.record(lease, &[(id(run, 1), unknown()), (id(run, 2), later)], &[], NOW).await;
    let again = f.claim(lease, run, NOW, 2).await;
    assert_eq!(again.iter().map(|it| (it.attempts, it.repeats)).collect::<Vec<_>>(), [(1, 1), (1, 0)]);
    // The last post is the one that counts.
    f.record(lease, &[], &[id(run, 1), id(run, 2)], NOW).await;
    f.record(lease, &[(id(run, 1), published("a", "https://x.example/a"))], &[], NOW).await;
    assert_eq!(f.texts("select external_id from posts").await, ["a"]);
}

pub(crate) async fn uncertain_deliveries_are_settled_as_sent(f: &StoreFixture) {
    f.people(4).await;
    let run = in_doubt(f, "post").await;
    let settle = async |who: Option<i64>, at| {
        f.store.delivery_settle(run, who.map(ContactId), Settlement::Sent, at).await.unwrap()
    };
    assert_eq!(settle(Some(1), NOW).await, 0, "its outcome is known");
    assert_eq!(settle(Some(1 << 32), NOW).await, 0, "no contact has an id beyond 32 bits");
    assert_eq!(settle(Some(-1), NOW).await, 0);
    assert_eq!(settle(Some(3), NOW + HOUR).await, 1);
    assert_eq!(settle(Some(3), NOW + HOUR).await, 0, "once");
    assert_eq!(f.states(run).await, ["1 sent", "2 uncertain", "3 sent settled", "4 uncertain"]);
    assert_eq!(f.tallies(run).await, ["sent 1", "sent settled 1", "uncertain 2"]);
    assert_eq!(f.get(run).await.state, RunState::FinishedWithFailures, "two are left");
    assert_eq!(settle(None, NOW + HOUR).await, 2);
    let ended = f.get(run).await;
    assert_eq!((ended.state, ended.finished_at), (RunState::Finished, Some(NOW + HOUR)));
    assert_eq!((ended.figures().sent, ended.figures().tried), (4, 4));
    assert_eq!(f.tallies(run).await, ["sent 1", "sent settled 3"]);
    assert_eq!(f.figures().await, ["post sent 4", "post cost CNY 4 4000"]);
    assert_eq!(f.store.run_retry(run, NOW).await.unwrap(), 0, "nothing is left to be tried again");
    let no_run = f.store.delivery_settle(RunId(i64::from(i32::MAX)), None, Settlement::Sent, NOW);
    assert_eq!(no_run.await.unwrap(), 0);
}

pub(crate) async fn a_failed_delivery_keeps_the_state_of_its_run(f: &StoreFixture) {
    f.people(2).await;
    let (run, lease) = begun(f, "post", 2).await;
    let rejection =
        store::Rejection { reason: "rejected".to_owned(), answer: String::new(), suppress: None, soft: None };
    f.record(lease, &[(id(run, 1), unknown()), (id(run, 2), Outcome::Rejected(rejection))], &[], NOW).await;
    f.store.run_finish(NOW).await.unwrap();
    assert_eq!(f.store.delivery_settle(run, None, Settlement::Sent, NOW).await.unwrap(), 1);
    assert_eq!(f.get(run).await.state, RunState::FinishedWithFailures);
}

pub(crate) async fn uncertain_deliveries_are_sent_again(f: &StoreFixture) {
    f.people(4).await;
    let run = in_doubt(f, "post").await;
    // A time long after it expired.
    let late = NOW + 100 * 24 * HOUR;
    let again = async |who: Option<i64>| {
        f.store.delivery_settle(run, who.map(ContactId), Settlement::Resend, late).await.unwrap()
    };
    assert_eq!((again(Some(2)).await, again(Some(2)).await), (1, 0));
    let going = f.get(run).await;
    assert_eq!((going.state, going.finished_at), (RunState::Running, None));
    assert!(going.expires_at > late);
    assert_eq!(f.states(run).await, ["1 sent", "2 queued", "3 uncertain", "4 uncertain"]);
    assert_eq!(f.tallies(run).await, ["repeat 1", "sent 1", "uncertain 2"]);
    assert!(f.store.run_pause(run, "by hand").await.unwrap());
    assert_eq!(again(None).await, 2);
    let paused = f.get(run).await;
    assert_eq!((paused.state, paused.note.as_deref()), (RunState::Paused, Some("by hand")));
    assert!(f.store.run_resume(run).await.unwrap());
    let lease = f.lease(late).await;
    let claimed = f.claim(lease, run, late, 10).await;
    assert_eq!(claimed.iter().map(|it| it.repeats).collect::<Vec<_>>(), [1, 1, 1]);
    let ids: Vec<_> = claimed.iter().map(|it| it.id).collect();
    f.record(lease, &[], &ids, late).await;
    let outcomes: Vec<_> = ids.iter().map(|id| (*id, accepted())).collect();
    f.record(lease, &outcomes, &[], late).await;
    assert_eq!(f.store.run_finish(late).await.unwrap(), [run]);
    assert_eq!(f.tallies(run).await, ["repeat 3", "sent 4"]);
    assert_eq!(f.get(run).await.state, RunState::Finished);
}

pub(crate) async fn concurrent_settlements_count_once(f: &StoreFixture) {
    f.people(4).await;
    let run = in_doubt(f, "post").await;
    let settle = |settlement| {
        let store = f.store.clone();
        tokio::spawn(async move { store.delivery_settle(run, None, settlement, NOW).await.unwrap() })
    };
    let tasks: Vec<_> =
        (0..8).map(|n| settle(if n % 2 == 0 { Settlement::Sent } else { Settlement::Resend })).collect();
    let mut counts = Vec::new();
    for task in tasks {
        counts.push(task.await.unwrap());
    }
    counts.sort_unstable();
    assert_eq!(counts, [0, 0, 0, 0, 0, 0, 0, 3]);
    let total: i64 = f.get(run).await.tallies.iter().map(|tally| tally.count).sum();
    assert_eq!(total, 4, "four sent, or one sent and three repeats to come");
}

pub(crate) async fn a_feed_is_settled_too_and_a_cancellation_is_left_alone(f: &StoreFixture) {
    let feed = f.run("post", |run| run.on_uncertain = OnUncertain::Hold).await;
    f.store.run_plan(feed, &RecipientSource::Feed { due_at: NOW }, NOW).await.unwrap();
    let lease = f.lease(NOW).await;
    let begun = f.begin(lease, feed, NOW, 1).await;
    f.record(lease, &[(begun[0], unknown())], &[], NOW).await;
    f.write("update runs set state = 'cancelled'").await;
    assert_eq!(f.store.delivery_settle(feed, None, Settlement::Resend, NOW).await.unwrap(), 0);
    while f.store.run_cancel_more(feed, None, NOW).await.unwrap().is_some() {}
    let settled = f.store.delivery_settle(feed, Some(ContactId::FEED), Settlement::Sent, NOW).await.unwrap();
    assert_eq!((settled, f.get(feed).await.state), (1, RunState::Cancelled));
}

pub(crate) async fn a_channel_that_cannot_be_used_pauses_its_runs(f: &StoreFixture) {
    f.people(2).await;
    let running = f.planned("mail").await;
    let planned = f.run("later", |_| {}).await;
    let other = f.run("post", |run| run.channel = "team".to_owned()).await;
    f.plan(other).await;
    let done = f.planned("done").await;
    f.send_all(done, NOW).await;
    f.store.run_finish(NOW).await.unwrap();
    let note = "the token of \"email\" has expired; put a new one into chorus.toml and let the run go on";
    assert_eq!(f.store.runs_pause_channel("email", note).await.unwrap(), [running, planned]);
    assert_eq!(f.store.runs_pause_channel("email", "again").await.unwrap(), []);
    for (run, state) in [
        (running, RunState::Paused),
        (planned, RunState::Paused),
        (other, RunState::Running),
        (done, RunState::Finished),
    ] {
        assert_eq!(f.get(run).await.state, state, "{run}");
    }
    assert_eq!(f.get(running).await.note.as_deref(), Some(note));
    let lease = f.lease(NOW).await;
    assert_eq!(f.claim(lease, running, NOW, 5).await, []);
    assert!(f.store.run_resume(running).await.unwrap() && f.store.run_resume(planned).await.unwrap());
    assert_eq!(f.get(planned).await.state, RunState::Planned);
    assert_eq!(f.claim(lease, running, NOW, 5).await.len(), 2);
}
