//! Many posts, and many kills.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use platform::{Fault, Kind};
use tests::{Chance, Guard, Sandbox, until};

use super::town::Town;
use crate::control::{tally, wait};
use crate::{hook, pier};

/// Chosen once, so that a failure can be had again.
const SEED: u64 = 20_270_309;
const KILLS: usize = 20;
const CONNECTIONS: usize = 4;

fn start(sandbox: &Sandbox, args: &[&str]) -> Guard {
    let mut command = sandbox.command(args);
    Guard::spawn("chorus", command.stdout(Stdio::null()).stderr(Stdio::null())).unwrap()
}

/// A workspace that tells `port` of so many contacts.
fn telling(port: u16, people: usize) -> Sandbox {
    let sandbox = pier::workspace_by(&pier::tools(), 9, "{ at = 2035-03-02T10:00:00 }");
    let channel = format!(
        "[channels.hook]\nkind = \"webhook\"\nurl = \"http://127.0.0.1:{port}\"\nper = \"contact\"\n\
         connections = {CONNECTIONS}\n\n[channels.email]"
    );
    sandbox.edit("chorus.toml", "[channels.email]", &channel).unwrap();
    sandbox.edit("campaigns/letter.toml", "[[steps]]", &format!("{}\n[[steps]]", hook::STEP)).unwrap();
    sandbox.write("templates/note/post.md", "{{message.headline}} {{message.link}}\n").unwrap();
    pier::import(&sandbox, people);
    sandbox
}

#[test]
fn two_thousand_are_told_of_and_every_repeat_has_the_same_id() {
    const PEOPLE: usize = 2_000;
    let (port, heard) = hook::receiver(Duration::from_millis(8));
    let sandbox = telling(port, PEOPLE);
    let mut chance = Chance::seeded(SEED);
    let count = || heard.lock().unwrap().len();
    for kill in 0..KILLS {
        let before = count();
        let first = ["send", "--yes", "letter", "--step", "tell"];
        let worker = start(&sandbox, if kill == 0 { &first } else { &["serve", "--role", "worker"] });
        let most = before + usize::try_from(chance.below(60)).unwrap();
        until("some to be told of", Duration::from_secs(60), || Ok((count() > most).then_some(()))).unwrap();
        sleep(chance.between(Duration::ZERO, Duration::from_millis(10)));
        worker.crash().unwrap();
    }
    assert!(count() < PEOPLE, "the kills came in the middle of it");
    let last = start(&sandbox, &["serve", "--role", "worker"]);
    let run = wait(&sandbox, "the run to end", |run| run["finished_at"].is_i64());
    drop(last);
    let heard = heard.lock().unwrap();
    let distinct = heard.iter().collect::<BTreeSet<_>>().len();
    let repeats = heard.len() - distinct;
    let told = usize::try_from(tally(&run, "repeat")).unwrap();
    assert_eq!((distinct, tally(&run, "sent")), (PEOPLE, 2_000), "nobody is lost, and nobody has two ids");
    assert!(repeats <= told && told <= KILLS * CONNECTIONS, "{repeats} repeats, {told} told of");
}

#[test]
fn three_hundred_text_messages_are_looked_up_and_none_is_sent_twice() {
    const PEOPLE: u64 = 300;
    /// So many are under way to a receiver that has not answered yet.
    const BEGUN: usize = 2;
    let town = Town::with(&[Kind::Twilio], None, &format!("connections = {CONNECTIONS}\n"));
    let mut people = String::from("external_id,phone,consent\n");
    for number in 0..PEOPLE {
        writeln!(people, "m-{number},+8613800{number:06},yes").unwrap();
    }
    town.sandbox.write("people.csv", &people).unwrap();
    town.sandbox.done(&["contacts", "import", "people.csv"]).unwrap();
    for _ in 0..KILLS {
        (0..BEGUN).for_each(|_| town.platform.fault(Kind::Twilio, Fault::Held));
        let worker = town.worker();
        town.until("them to wait", |town| town.platform.held() == BEGUN);
        worker.crash().unwrap();
        town.platform.release();
        town.until("the network to be done with it", |town| town.platform.held() == 0);
    }
    let last = town.worker();
    town.let_end();
    drop(last);
    let received = town.platform.received(Kind::Twilio);
    let numbers: BTreeSet<_> = received.iter().map(|sms| sms.raw["to"].to_string()).collect();
    let run = &town.runs()["twilio"];
    assert_eq!((town.platform.accepted(Kind::Twilio), numbers.len()), (PEOPLE, 300));
    assert_eq!((tally(run, "sent"), tally(run, "uncertain")), (300, 0), "{run:#}");
    assert_eq!(usize::try_from(tally(run, "repeat")).unwrap(), KILLS * BEGUN, "{run:#}");
}
