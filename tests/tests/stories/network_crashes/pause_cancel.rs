//! Pausing and cancelling a run while its post is under way: the post completes as without it, and
//! there is no second one.

use platform::{Fault, Kind};

use super::network_fixture::{NetworkFixture, expected_counts};
use crate::run_control::tally;

const PAUSED: &[Kind] = &[Kind::Webhook, Kind::X, Kind::Slack];
const CANCELLED: &[Kind] = &[Kind::Matrix, Kind::Reddit, Kind::Wecom];
/// The runs of these are cancelled, and their answers are lost.
const UNANSWERED: &[Kind] = &[Kind::Bluesky, Kind::Mastodon, Kind::Telegram];

#[test]
fn pausing_or_cancelling_does_not_change_a_post_under_way() {
    let fixture = NetworkFixture::of(&[PAUSED, CANCELLED, UNANSWERED].concat());
    fixture.inject_fault(&Fault::Held);
    UNANSWERED.iter().for_each(|kind| fixture.platform.fault(*kind, Fault::AcceptThenReset));
    let server = fixture.serve();
    fixture.wait_until_all_held();
    let runs = fixture.runs();
    for kind in &fixture.kinds {
        let verb = if PAUSED.contains(kind) { "pause" } else { "cancel" };
        let run = runs[kind.name()]["id"].as_i64().unwrap().to_string();
        fixture.sandbox.chorus_ok(&["runs", verb, &run]).unwrap();
    }
    fixture.platform.release();
    fixture.wait_for("every answer to be recorded", |fixture| {
        fixture.count("select count(*) from deliveries where state = 'sending'") == 0
    });
    for kind in PAUSED {
        // The run may have finished already: its only post is sent.
        let run = runs[kind.name()]["id"].as_i64().unwrap().to_string();
        fixture.sandbox.chorus(&["runs", "resume", &run]).unwrap();
    }
    fixture.finish_runs();
    server.stop().unwrap();
    assert_eq!(fixture.post_counts(&fixture.kinds), expected_counts(&fixture.kinds, 1));
    for (step, run) in fixture.runs() {
        let kind: Kind = step.parse().unwrap();
        let expected = if UNANSWERED.contains(&kind) { (0, 1) } else { (1, 0) };
        assert_eq!((tally(&run, "sent"), tally(&run, "uncertain")), expected, "{run:#}");
        assert_eq!(run["state"] == "cancelled", !PAUSED.contains(&kind), "{run:#}");
    }
}
