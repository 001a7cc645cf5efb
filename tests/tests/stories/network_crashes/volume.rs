//! Thousands of messages and many kills: no message is lost, and the network recognizes every
//! repeat.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use platform::{Fault, Kind};
use tests::{Guard, Rng, Sandbox, until};

use super::network_fixture::NetworkFixture;
use crate::run_control::{tally, wait_for_run};
use crate::{fixture, webhook};

/// A fixed seed, so that a failure can be reproduced.
const SEED: u64 = 20_270_309;
const KILLS: usize = 20;
const CONNECTIONS: usize = 4;

fn start(sandbox: &Sandbox, args: &[&str]) -> Guard {
    let mut command = sandbox.command(args);
    Guard::spawn("chorus", command.stdout(Stdio::null()).stderr(Stdio::null())).unwrap()
}

/// Creates a workspace that sends a webhook to `port` for each of `people` contacts.
fn webhook_workspace(port: u16, people: usize) -> Sandbox {
    let sandbox = fixture::workspace_with_port(&fixture::tools(), 9, "{ at = 2035-03-02T10:00:00 }");
    let channel = format!(
        "[channels.hook]\nkind = \"webhook\"\nurl = \"http://127.0.0.1:{port}\"\nper = \"contact\"\n\
         connections = {CONNECTIONS}\n\n[channels.email]"
    );
    sandbox.edit("chorus.toml", "[channels.email]", &channel).unwrap();
    sandbox.edit("campaigns/letter.toml", "[[steps]]", &format!("{}\n[[steps]]", webhook::STEP)).unwrap();
    sandbox.write("templates/note/post.md", "{{message.headline}} {{message.link}}\n").unwrap();
    fixture::import(&sandbox, people);
    sandbox
}

#[test]
fn two_thousand_webhooks_survive_kills_and_every_repeat_has_the_same_id() {
    const PEOPLE: usize = 2_000;
    let (port, received_ids) = webhook::receiver(Duration::from_millis(8));
    let sandbox = webhook_workspace(port, PEOPLE);
    let mut rng = Rng::seeded(SEED);
    let count = || received_ids.lock().unwrap().len();
    for kill in 0..KILLS {
        let before = count();
        let first = ["send", "--yes", "letter", "--step", "tell"];
        let worker = start(&sandbox, if kill == 0 { &first } else { &["serve", "--role", "worker"] });
        let most = before + usize::try_from(rng.below(60)).unwrap();
        until("some requests to arrive", Duration::from_secs(60), || Ok((count() > most).then_some(())))
            .unwrap();
        sleep(rng.duration_between(Duration::ZERO, Duration::from_millis(10)));
        worker.crash().unwrap();
    }
    assert!(count() < PEOPLE, "the kills came in the middle of it");
    let last = start(&sandbox, &["serve", "--role", "worker"]);
    let run = wait_for_run(&sandbox, "the run to end", |run| run["finished_at"].is_string());
    drop(last);
    let received_ids = received_ids.lock().unwrap();
    let distinct = received_ids.iter().collect::<BTreeSet<_>>().len();
    let repeats = received_ids.len() - distinct;
    let reported = usize::try_from(tally(&run, "repeat")).unwrap();
    assert_eq!((distinct, tally(&run, "sent")), (PEOPLE, 2_000), "no contact is lost, and none has two ids");
    assert!(repeats <= reported && reported <= KILLS * CONNECTIONS, "{repeats} repeats, {reported} reported");
}

#[test]
fn three_hundred_text_messages_are_looked_up_and_none_is_sent_twice() {
    const PEOPLE: u64 = 300;
    /// The number of messages under way to a receiver that has not answered yet.
    const IN_FLIGHT: usize = 2;
    let fixture = NetworkFixture::with(&[Kind::Twilio], None, &format!("connections = {CONNECTIONS}\n"));
    let mut people = String::from("external_id,phone,consent\n");
    for number in 0..PEOPLE {
        writeln!(people, "m-{number},+8613800{number:06},yes").unwrap();
    }
    fixture.sandbox.write("people.csv", &people).unwrap();
    fixture.sandbox.chorus_ok(&["contacts", "import", "people.csv"]).unwrap();
    for _ in 0..KILLS {
        (0..IN_FLIGHT).for_each(|_| fixture.platform.fault(Kind::Twilio, Fault::Held));
        let worker = fixture.worker();
        fixture.wait_for("them to wait", |fixture| fixture.platform.held() == IN_FLIGHT);
        worker.crash().unwrap();
        fixture.platform.release();
        fixture.wait_for("the network to finish them", |fixture| fixture.platform.held() == 0);
    }
    let last = fixture.worker();
    fixture.finish_runs();
    drop(last);
    let received = fixture.platform.received(Kind::Twilio);
    let numbers: BTreeSet<_> = received.iter().map(|sms| sms.raw["to"].to_string()).collect();
    let run = &fixture.runs()["twilio"];
    assert_eq!((fixture.platform.accepted(Kind::Twilio), numbers.len()), (PEOPLE, 300));
    assert_eq!((tally(run, "sent"), tally(run, "uncertain")), (300, 0), "{run:#}");
    assert_eq!(usize::try_from(tally(run, "repeat")).unwrap(), KILLS * IN_FLIGHT, "{run:#}");
}
