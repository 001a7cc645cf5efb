//! What is published, what nobody knows of and a person settles, and channels that cannot be used any more.

use campaign::OnUncertain;
use store::{ContactId, Outcome, Planned, PostRef, RunId, RunState, Settlement};

use crate::world::{HOUR, NOW, World, accepted, id};

fn published(id: &str, url: &str) -> Outcome {
    let post = Some(PostRef { id: Some(id.to_owned()), url: Some(url.to_owned()) });
    Outcome::Accepted { answer: "201 created".to_owned(), post }
}

fn unknown() -> Outcome {
    Outcome::Unknown { retry_at: Some(NOW), answer: "the connection broke".to_owned() }
}

/// A run to `people`, who are there, begun, that leaves to a person what nobody knows.
async fn begun(w: &World, step: &str, people: i64) -> (RunId, store::LeaseId) {
    let run = w.run(step, |run| run.on_uncertain = OnUncertain::Hold).await;
    w.plan(run).await;
    let lease = w.lease(NOW).await;
    assert_eq!(w.begin(lease, run, NOW, people).await.len(), usize::try_from(people).unwrap());
    (run, lease)
}

/// Ended: 1 sent, 2 to 4 uncertain.
async fn in_doubt(w: &World, step: &str) -> RunId {
    let (run, lease) = begun(w, step, 4).await;
    let outcomes: Vec<_> =
        (2..=4).map(|n| (id(run, n), unknown())).chain([(id(run, 1), accepted())]).collect();
    w.record(lease, &outcomes, &[], NOW).await;
    w.store.run_finish(NOW).await.unwrap();
    assert_eq!(w.get(run).await.state, RunState::FinishedWithFailures);
    run
}

pub(crate) async fn what_was_published_is_kept(w: &World) {
    w.people(6).await;
    let (run, lease) = begun(w, "post", 6).await;
    let long = format!("https://x.example/{}", "a".repeat(2_000));
    // All are granted and accepted: the quick way.
    let outcomes = [
        (id(run, 1), published("1", "https://x.example/1")),
        (id(run, 2), published("\x1b[2J", "javascript:alert(1)")),
        (id(run, 3), published("3", "https://x.example/\0")),
    ];
    assert_eq!(w.record(lease, &outcomes, &[], NOW).await.recorded, 3);
    // One is not this lease's any more: the long way.
    let outcomes = [
        (id(run, 1), published("stolen", "https://evil.example")),
        (id(run, 4), published("4", "http://x.example/<script>")),
        (id(run, 5), published(&"5".repeat(501), &long)),
        (id(run, 6), accepted()),
    ];
    assert_eq!(w.record(lease, &outcomes, &[], NOW).await.recorded, 3);
    let rows = w.store.delivery_list(run, None, false, id(run, 0), 10).await.unwrap();
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
    let of_one = w.store.delivery_of_contact(ContactId(4), 5).await.unwrap();
    assert_eq!(of_one[0].post_id.as_deref(), Some("4"));
    let explained = w.store.delivery_explain(ContactId(1), "spring").await.unwrap();
    assert_eq!(explained.runs[0].1.as_ref().unwrap().link(), Some("https://x.example/1"));
    w.write("update posts set url = 'javascript:alert(1)'").await;
    let rows = w.store.delivery_list(run, None, false, id(run, 0), 10).await.unwrap();
    assert!(rows.iter().all(|row| row.link().is_none()), "what somebody else wrote is no link");
}

pub(crate) async fn a_second_try_knows_that_it_is_one(w: &World) {
    w.people(2).await;
    let run = w.planned("mail").await;
    let lease = w.lease(NOW).await;
    let first = w.claim(lease, run, NOW, 2).await;
    assert_eq!(first.iter().map(|it| it.repeats).collect::<Vec<_>>(), [0, 0]);
    w.record(lease, &[], &[id(run, 1), id(run, 2)], NOW).await;
    let later = Outcome::Deferred { until: NOW, answer: "429".to_owned(), soft: None };
    w.record(lease, &[(id(run, 1), unknown()), (id(run, 2), later)], &[], NOW).await;
    let again = w.claim(lease, run, NOW, 2).await;
    assert_eq!(again.iter().map(|it| (it.attempts, it.repeats)).collect::<Vec<_>>(), [(1, 1), (1, 0)]);
    // The post that counts is the last one.
    w.record(lease, &[], &[id(run, 1), id(run, 2)], NOW).await;
    w.record(lease, &[(id(run, 1), published("a", "https://x.example/a"))], &[], NOW).await;
    assert_eq!(w.texts("select external_id from posts").await, ["a"]);
}

pub(crate) async fn it_went_out(w: &World) {
    w.people(4).await;
    let run = in_doubt(w, "post").await;
    let settle = async |who: Option<i64>, at| {
        w.store.delivery_settle(run, who.map(ContactId), Settlement::WentOut, at).await.unwrap()
    };
    assert_eq!(settle(Some(1), NOW).await, 0, "it is known what became of that one");
    assert_eq!(settle(Some(1 << 32), NOW).await, 0, "a number beyond 32 bits is nobody's");
    assert_eq!(settle(Some(-1), NOW).await, 0);
    assert_eq!(settle(Some(3), NOW + HOUR).await, 1);
    assert_eq!(settle(Some(3), NOW + HOUR).await, 0, "once");
    assert_eq!(w.states(run).await, ["1 sent", "2 uncertain", "3 sent settled", "4 uncertain"]);
    assert_eq!(w.tallies(run).await, ["sent 1", "sent settled 1", "uncertain 2"]);
    assert_eq!(w.get(run).await.state, RunState::FinishedWithFailures, "two are left");
    assert_eq!(settle(None, NOW + HOUR).await, 2);
    let ended = w.get(run).await;
    assert_eq!((ended.state, ended.finished_at), (RunState::Finished, Some(NOW + HOUR)));
    assert_eq!((ended.figures().sent, ended.figures().tried), (4, 4));
    assert_eq!(w.tallies(run).await, ["sent 1", "sent settled 3"]);
    assert_eq!(w.figures().await, ["post sent 4", "post cost CNY 4 4000"]);
    assert_eq!(w.store.run_retry(run, NOW).await.unwrap(), 0, "nothing is left to be tried again");
    let no_run = w.store.delivery_settle(RunId(i64::from(i32::MAX)), None, Settlement::WentOut, NOW);
    assert_eq!(no_run.await.unwrap(), 0);
}

pub(crate) async fn one_that_failed_keeps_a_run_from_having_gone_well(w: &World) {
    w.people(2).await;
    let (run, lease) = begun(w, "post", 2).await;
    let rejection =
        store::Rejection { reason: "rejected".to_owned(), answer: String::new(), suppress: None, soft: None };
    w.record(lease, &[(id(run, 1), unknown()), (id(run, 2), Outcome::Rejected(rejection))], &[], NOW).await;
    w.store.run_finish(NOW).await.unwrap();
    assert_eq!(w.store.delivery_settle(run, None, Settlement::WentOut, NOW).await.unwrap(), 1);
    assert_eq!(w.get(run).await.state, RunState::FinishedWithFailures);
}

pub(crate) async fn send_it_again(w: &World) {
    w.people(4).await;
    let run = in_doubt(w, "post").await;
    // Long after it expired.
    let late = NOW + 100 * 24 * HOUR;
    let again = async |who: Option<i64>| {
        w.store.delivery_settle(run, who.map(ContactId), Settlement::SendAgain, late).await.unwrap()
    };
    assert_eq!((again(Some(2)).await, again(Some(2)).await), (1, 0));
    let going = w.get(run).await;
    assert_eq!((going.state, going.finished_at), (RunState::Running, None));
    assert!(going.expires_at > late);
    assert_eq!(w.states(run).await, ["1 sent", "2 queued", "3 uncertain", "4 uncertain"]);
    assert_eq!(w.tallies(run).await, ["repeat 1", "sent 1", "uncertain 2"]);
    assert!(w.store.run_pause(run, "by hand").await.unwrap());
    assert_eq!(again(None).await, 2);
    let paused = w.get(run).await;
    assert_eq!((paused.state, paused.note.as_deref()), (RunState::Paused, Some("by hand")));
    assert!(w.store.run_resume(run).await.unwrap());
    let lease = w.lease(late).await;
    let claimed = w.claim(lease, run, late, 10).await;
    assert_eq!(claimed.iter().map(|it| it.repeats).collect::<Vec<_>>(), [1, 1, 1]);
    let ids: Vec<_> = claimed.iter().map(|it| it.id).collect();
    w.record(lease, &[], &ids, late).await;
    let outcomes: Vec<_> = ids.iter().map(|id| (*id, accepted())).collect();
    w.record(lease, &outcomes, &[], late).await;
    assert_eq!(w.store.run_finish(late).await.unwrap(), [run]);
    assert_eq!(w.tallies(run).await, ["repeat 3", "sent 4"]);
    assert_eq!(w.get(run).await.state, RunState::Finished);
}

pub(crate) async fn of_two_who_settle_one_is_heard(w: &World) {
    w.people(4).await;
    let run = in_doubt(w, "post").await;
    let settle = |settlement| {
        let store = w.store.clone();
        tokio::spawn(async move { store.delivery_settle(run, None, settlement, NOW).await.unwrap() })
    };
    let tasks: Vec<_> = (0..8)
        .map(|n| settle(if n % 2 == 0 { Settlement::WentOut } else { Settlement::SendAgain }))
        .collect();
    let mut counts = Vec::new();
    for task in tasks {
        counts.push(task.await.unwrap());
    }
    counts.sort_unstable();
    assert_eq!(counts, [0, 0, 0, 0, 0, 0, 0, 3]);
    let total: i64 = w.get(run).await.tallies.iter().map(|tally| tally.count).sum();
    assert_eq!(total, 4, "four sent, or one sent and three repeats to come");
}

pub(crate) async fn a_feed_is_settled_too_and_a_cancellation_is_left_alone(w: &World) {
    let feed = w.run("post", |run| run.on_uncertain = OnUncertain::Hold).await;
    w.store.run_plan(feed, &Planned::Feed { due_at: NOW }, NOW).await.unwrap();
    let lease = w.lease(NOW).await;
    let begun = w.begin(lease, feed, NOW, 1).await;
    w.record(lease, &[(begun[0], unknown())], &[], NOW).await;
    w.write("update runs set state = 'cancelled'").await;
    assert_eq!(w.store.delivery_settle(feed, None, Settlement::SendAgain, NOW).await.unwrap(), 0);
    while w.store.run_cancel_more(feed, None, NOW).await.unwrap().is_some() {}
    let settled =
        w.store.delivery_settle(feed, Some(ContactId::FEED), Settlement::WentOut, NOW).await.unwrap();
    assert_eq!((settled, w.get(feed).await.state), (1, RunState::Cancelled));
}

pub(crate) async fn a_channel_that_cannot_be_used_pauses_its_runs(w: &World) {
    w.people(2).await;
    let running = w.planned("mail").await;
    let planned = w.run("later", |_| {}).await;
    let other = w.run("post", |run| run.channel = "team".to_owned()).await;
    w.plan(other).await;
    let done = w.planned("done").await;
    w.send_all(done, NOW).await;
    w.store.run_finish(NOW).await.unwrap();
    let note = "the token of \"email\" has expired; put a new one into chorus.toml and let the run go on";
    assert_eq!(w.store.runs_pause_channel("email", note).await.unwrap(), [running, planned]);
    assert_eq!(w.store.runs_pause_channel("email", "again").await.unwrap(), []);
    for (run, state) in [
        (running, RunState::Paused),
        (planned, RunState::Paused),
        (other, RunState::Running),
        (done, RunState::Finished),
    ] {
        assert_eq!(w.get(run).await.state, state, "{run}");
    }
    assert_eq!(w.get(running).await.note.as_deref(), Some(note));
    let lease = w.lease(NOW).await;
    assert_eq!(w.claim(lease, running, NOW, 5).await, []);
    assert!(w.store.run_resume(running).await.unwrap() && w.store.run_resume(planned).await.unwrap());
    assert_eq!(w.get(planned).await.state, RunState::Planned);
    assert_eq!(w.claim(lease, running, NOW, 5).await.len(), 2);
}
