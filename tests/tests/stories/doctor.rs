//! `chorus doctor` on a workspace whose DNS is a zone of ours: right, and with each thing wrong.

use std::fs;

use serde_json::Value;
use tests::{NameServer, Sandbox, Sink, Tools};

use crate::pier;
use crate::signed::{keys::Keys, signing};

type Zone = Vec<(String, &'static str, String)>;

/// Where the world sees the café's machine.
const ADDRESS: &str = "93.184.216.34";

/// A café that sends by a relay of its own and signs with two keys, with everything in the DNS that it needs.
struct Cafe {
    sandbox: Sandbox,
    zone: Zone,
    _sink: Sink,
}

impl Cafe {
    fn open(tools: &Tools, keys: &Keys) -> Self {
        let sink = Sink::start(&tools.smtp_sink, &["-h", "mail.pier.example"]).unwrap();
        let sandbox = pier::workspace(tools, &sink, "{ at = 2030-01-01T10:00:00 }");
        let here = format!("public_url = \"http://127.0.0.1:{}\"", sandbox.port);
        sandbox.edit("chorus.toml", &here, "public_url = \"https://news.pier.example\"").unwrap();
        signing(&sandbox, keys);
        Self { sandbox, zone: zone(keys), _sink: sink }
    }

    /// The same zone without the records at `name`, and with `more`.
    fn zone_but(&self, name: &str, more: &[(&'static str, &str)]) -> Zone {
        let mut zone: Zone = self.zone.iter().filter(|(own, ..)| own != name).cloned().collect();
        zone.extend(more.iter().map(|(kind, value)| (name.to_owned(), *kind, (*value).to_owned())));
        zone
    }

    /// What doctor says, and its exit code.
    fn doctor(&self, zone: &Zone) -> (Value, Option<i32>) {
        doctor(&self.sandbox, zone)
    }
}

fn doctor(sandbox: &Sandbox, zone: &Zone) -> (Value, Option<i32>) {
    let server = NameServer::start(zone).unwrap();
    let dns = server.address.to_string();
    let ran = sandbox.chorus(&["doctor", "--dns", &dns, "--format", "json"]).unwrap();
    let said = serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
    (said, ran.code)
}

fn zone(keys: &Keys) -> Zone {
    let record = |name: &str, kind, value: &str| (name.to_owned(), kind, value.to_owned());
    vec![
        record("pier.example", "TXT", "v=spf1 mx -all"),
        record("pier.example", "MX", "10 mail.pier.example"),
        record("_dmarc.pier.example", "TXT", "v=DMARC1; p=quarantine"),
        record("rsa._domainkey.pier.example", "TXT", &keys.rsa_record()),
        record("ed._domainkey.pier.example", "TXT", &keys.ed25519_record()),
        record("mail.pier.example", "A", ADDRESS),
        record("news.pier.example", "A", ADDRESS),
        record(ADDRESS, "PTR", "mail.pier.example"),
    ]
}

/// The verdicts that are not `pass`: what about, which check, and the fix.
fn faults(said: &Value) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let checks = said["checks"].as_array().unwrap();
    let bad = checks.iter().filter(|check| check["verdict"] != "pass");
    bad.map(|check| (text(&check["about"]), text(&check["check"]), text(&check["fix"]))).collect()
}

#[test]
fn all_is_well_where_the_dns_says_what_it_must() {
    let tools = pier::tools();
    let keys = Keys::make(&tools);
    let cafe = Cafe::open(&tools, &keys);
    let (said, code) = cafe.doctor(&cafe.zone);
    assert_eq!((faults(&said), code), (vec![], Some(0)), "{said:#}");
    let seen: Vec<_> =
        said["checks"].as_array().unwrap().iter().map(|check| check["check"].clone()).collect();
    for check in [
        "files",
        "opens",
        "room",
        "address",
        "host",
        "relay",
        "tls",
        "login",
        "extensions",
        "reverse_dns",
        "spf",
        "dkim",
        "sample",
        "dmarc",
        "alignment",
        "sender",
        "bounces",
    ] {
        assert!(seen.contains(&check.into()), "{check} was not looked at: {said:#}");
    }
    // Looking makes nothing; once the database is there it is looked into.
    assert!(!cafe.sandbox.path().join("data").exists());
    cafe.sandbox.done(&["migrate"]).unwrap();
    let (said, code) = cafe.doctor(&cafe.zone);
    assert_eq!((faults(&said), code), (vec![], Some(0)), "{said:#}");
    assert!(said.to_string().contains("journal_mode wal, synchronous full"), "{said:#}");
}

#[test]
fn each_thing_that_the_dns_lacks_is_told_with_its_fix() {
    let tools = pier::tools();
    let keys = Keys::make(&tools);
    let cafe = Cafe::open(&tools, &keys);
    let other = Keys::make(&tools).rsa_record();
    let (mx, spf) = (("MX", "10 mail.pier.example"), ("TXT", "v=spf1 mx -all"));
    let rsa = "rsa._domainkey.pier.example";
    for (zone, expected) in [
        (cafe.zone_but("pier.example", &[mx]), vec![("spf", "v=spf1 include:")]),
        (cafe.zone_but("pier.example", &[mx, spf, spf]), vec![("spf", "Make them one")]),
        (
            cafe.zone_but("pier.example", &[spf]),
            vec![("sender", "pier.example MX 10"), ("bounces", "pier.example MX 10")],
        ),
        (cafe.zone_but(rsa, &[]), vec![("dkim", &*keys.rsa_record())]),
        (cafe.zone_but(rsa, &[("TXT", &other)]), vec![("dkim", &*keys.rsa_record()), ("sample", "dkim")]),
        (cafe.zone_but("ed._domainkey.pier.example", &[]), vec![("dkim", "k=ed25519")]),
        (cafe.zone_but("_dmarc.pier.example", &[]), vec![("dmarc", "_dmarc.pier.example TXT")]),
        (cafe.zone_but("news.pier.example", &[]), vec![("host", "news.pier.example A")]),
        (cafe.zone_but(ADDRESS, &[("PTR", "host-34.provider.example")]), vec![("reverse_dns", "PTR record")]),
    ] {
        let (said, code) = cafe.doctor(&zone);
        let found = faults(&said);
        assert_eq!(code, Some(3), "{said:#}");
        assert_eq!(found.len(), expected.len(), "{expected:?}: {found:#?}");
        for ((_, check, fix), (wanted, part)) in found.iter().zip(expected) {
            assert!(check == wanted && fix.contains(part), "{wanted}, {part}: {found:#?}");
        }
    }
}

#[test]
fn each_thing_that_is_wrong_here_is_told_with_its_fix() {
    let tools = pier::tools();
    let keys = Keys::make(&tools);
    let webhook = |url: &str| format!("\n[channels.team]\nkind = \"webhook\"\nurl = \"{url}\"\n");
    let relay = |from: &str, to: &str| (from.to_owned(), to.to_owned());
    let brand = "[brand]";
    for ((from, to), code, check, part) in [
        (relay("https://news", "http://news"), 1, "address", "https://"),
        (relay("https://news.pier.example", "https://localhost"), 1, "address", "public_url"),
        (relay("keys/rsa.pem", "keys/none.pem"), 1, "files", "chorus check"),
        (relay("smtp://127.0.0.1", "smtp://u:${NOBODY_SET_THIS}@127.0.0.1"), 1, "relay", "Set it"),
        (relay("smtp://127.0.0.1", "smtp://u:p@127.0.0.1"), 3, "relay", "password"),
        (relay("?tls=off", ""), 3, "relay", "server"),
        (relay(brand, &format!("{}{brand}", webhook("https://gone.example/x"))), 3, "address", "the name"),
        (
            relay(brand, &format!("{}{brand}", webhook("http://169.254.169.254/x"))),
            1,
            "address",
            "may be reached",
        ),
    ] {
        let cafe = Cafe::open(&tools, &keys);
        cafe.sandbox.edit("chorus.toml", &from, &to).unwrap();
        let (said, ended) = cafe.doctor(&cafe.zone);
        let found = faults(&said);
        assert_eq!(ended, Some(code), "{from} → {to}: {said:#}");
        assert!(
            found.iter().any(|(_, own, fix)| own == check && fix.contains(part)),
            "{from} → {to}: {found:#?}"
        );
    }
}

#[test]
fn the_sample_workspace_says_what_it_lacks_to_go_out() {
    let tools = pier::tools();
    let sandbox = Sandbox::empty(&tools.chorus).unwrap();
    for part in ["campaigns", "audiences", "templates", "images"] {
        pier::copy(&pier::repository().join(part), &sandbox.path().join(part));
    }
    fs::copy(pier::repository().join("chorus.toml"), sandbox.path().join("chorus.toml")).unwrap();
    let zone = vec![("news.harbour.example".to_owned(), "A", ADDRESS.to_owned())];
    let (said, code) = doctor(&sandbox, &zone);
    assert_eq!(code, Some(1), "{said:#}");
    let found = faults(&said);
    let [(_, files, _), channels @ ..] = found.as_slice() else { panic!("{found:#?}") };
    assert_eq!(files, "files");
    // Every network needs something of the environment, and is told by itself.
    let settings = fs::read_to_string(pier::repository().join("chorus.toml")).unwrap();
    assert_eq!(channels.len(), settings.matches("\n[channels.").count() - 1, "{found:#?}");
    assert!(channels.iter().any(|(about, ..)| about == "channel community"), "{found:#?}");

    // For people: a line for each, the fix below it.
    let server = NameServer::start(&zone).unwrap();
    let ran = sandbox.chorus(&["doctor", "--dns", &server.address.to_string()]).unwrap();
    let text = ran.out;
    for part in ["fail  channel community", "→ Set it where Chorus runs.", "pass  channel email", "11 failed"]
    {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}
