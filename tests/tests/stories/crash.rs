//! kill -9 in the middle of a run: nobody is lost, and whoever got two letters is listed.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::Duration;

use tests::{Guard, Sink, until};

use crate::{letters, pier};

const READERS: usize = 2_000;
/// How often it is killed.
const CRASHES: usize = 2;
/// How many deliveries may have been begun and not recorded at a crash: four for each of eight connections.
const WINDOW: usize = 32;

#[test]
fn after_kill_9_everybody_has_a_letter_and_repeats_are_listed() {
    let tools = pier::tools();
    let mail = tempfile::tempdir().unwrap();
    let sink = Sink::dumping(&tools.smtp_sink, &mail.path().join("dump"), &[]).unwrap();
    let sandbox = pier::workspace(&tools, &sink, r#"{ cron = "0 0 29 2 *" }"#);
    // Slow enough to be killed in the middle.
    sandbox.edit("chorus.toml", "connections = 8", "connections = 8\nrate = \"400/s\"").unwrap();
    pier::import(&sandbox, READERS);

    // The first process ran one command; the next serve, and go on with what they find.
    let mut sending =
        Guard::spawn("chorus send", sandbox.command(&["send", "letter"]).stdout(Stdio::null())).unwrap();
    wait_for(&sink, READERS / 3);
    assert_eq!(sending.ended().unwrap(), None, "it ended before it could be killed");
    sending.crash().unwrap();
    let server = sandbox.serve().unwrap();
    wait_for(&sink, READERS * 2 / 3);
    server.crash().unwrap();
    let server = sandbox.serve().unwrap();
    let ended = until("the run to finish", Duration::from_secs(120), || {
        let shown = sandbox.json(&["runs", "show", "1", "--limit", "5000"])?;
        Ok(Some(shown).filter(|shown| shown["run"]["finished_at"].is_i64()))
    })
    .unwrap();
    server.stop().unwrap();

    let letters = letters::received(&sink);
    let expected: BTreeSet<String> = (0..READERS).map(pier::address).collect();
    let lost: Vec<&String> = expected.iter().filter(|address| !letters.contains_key(*address)).collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    let listed: BTreeSet<&str> =
        ended["repeated"].as_array().unwrap().iter().map(|row| row["address"].as_str().unwrap()).collect();
    let mut repeats = 0;
    for (address, copies) in letters.iter().filter(|(_, copies)| copies.len() > 1) {
        repeats += copies.len() - 1;
        assert!(listed.contains(address.as_str()), "{address} got {} and is not listed", copies.len());
        assert!(
            copies.iter().all(|copy| copy.message_id == copies[0].message_id),
            "{address}: another Message-ID"
        );
    }
    assert!(repeats <= CRASHES * WINDOW, "{repeats} repeats after {CRASHES} crashes");
    println!("{CRASHES} crashes, {repeats} repeats, {} listed", listed.len());
    let sent =
        ended["run"]["tallies"].as_array().unwrap().iter().find(|tally| tally["state"] == "sent").unwrap();
    assert_eq!(sent["count"], READERS);
}

fn wait_for(sink: &Sink, letters: usize) {
    until("some letters to arrive", Duration::from_secs(60), || Ok((sink.count()? >= letters).then_some(())))
        .unwrap();
}
