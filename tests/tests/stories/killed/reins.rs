//! A run is paused or cancelled while its post is under way: the post ends as it would have, and there is no other.

use platform::{Fault, Kind};

use super::town::{Town, each};
use crate::control::tally;

const PAUSED: &[Kind] = &[Kind::Webhook, Kind::X, Kind::Slack];
const CANCELLED: &[Kind] = &[Kind::Matrix, Kind::Reddit, Kind::Wecom];
/// Their answers do not come, either.
const LEFT_OPEN: &[Kind] = &[Kind::Bluesky, Kind::Mastodon, Kind::Telegram];

#[test]
fn a_post_under_way_ends_as_it_would_have() {
    let town = Town::of(&[PAUSED, CANCELLED, LEFT_OPEN].concat());
    town.fault(&Fault::Held);
    LEFT_OPEN.iter().for_each(|kind| town.platform.fault(*kind, Fault::AcceptThenReset));
    let server = town.serve();
    town.until_all_are_held();
    let runs = town.runs();
    for kind in &town.kinds {
        let verb = if PAUSED.contains(kind) { "pause" } else { "cancel" };
        let run = runs[kind.name()]["id"].as_i64().unwrap().to_string();
        town.sandbox.done(&["runs", verb, &run]).unwrap();
    }
    town.platform.release();
    town.until("every answer to be recorded", |town| {
        town.number("select count(*) from deliveries where state = 'sending'") == 0
    });
    for kind in PAUSED {
        // It may have ended by itself: its only post is out.
        let run = runs[kind.name()]["id"].as_i64().unwrap().to_string();
        town.sandbox.chorus(&["runs", "resume", &run]).unwrap();
    }
    town.let_end();
    server.stop().unwrap();
    assert_eq!(town.posts(&town.kinds), each(&town.kinds, 1));
    for (step, run) in town.runs() {
        let kind: Kind = step.parse().unwrap();
        let expected = if LEFT_OPEN.contains(&kind) { (0, 1) } else { (1, 0) };
        assert_eq!((tally(&run, "sent"), tally(&run, "uncertain")), expected, "{run:#}");
        assert_eq!(run["state"] == "cancelled", !PAUSED.contains(&kind), "{run:#}");
    }
}
