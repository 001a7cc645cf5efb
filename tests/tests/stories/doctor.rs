//! `chorus doctor` on a workspace with a DNS server of the test: with everything right, and with
//! each fault.

use std::fs;

use serde_json::Value;
use tests::{NameServer, Sandbox, SmtpSink, Tools};

use crate::dkim::{configure_signing, keys::Keys};
use crate::fixture;

type Zone = Vec<(String, &'static str, String)>;

/// The public address of the sending machine.
const ADDRESS: &str = "93.184.216.34";

/// A workspace that sends through its own relay and signs with two keys, with a complete DNS zone.
struct DoctorFixture {
    sandbox: Sandbox,
    zone: Zone,
    _sink: SmtpSink,
}

impl DoctorFixture {
    fn new(tools: &Tools, keys: &Keys) -> Self {
        let sink = SmtpSink::start(&tools.smtp_sink, &["-h", "mail.pier.example"]).unwrap();
        let sandbox = fixture::workspace(tools, &sink, "{ at = 2030-01-01T10:00:00 }");
        let here = format!("public_url = \"http://127.0.0.1:{}\"", sandbox.port);
        sandbox.edit("chorus.toml", &here, "public_url = \"https://news.pier.example\"").unwrap();
        configure_signing(&sandbox, keys);
        Self { sandbox, zone: zone(keys), _sink: sink }
    }

    /// Returns the zone without the records at `name`, and with `more` records there.
    fn zone_with(&self, name: &str, more: &[(&'static str, &str)]) -> Zone {
        let mut zone: Zone = self.zone.iter().filter(|(own, ..)| own != name).cloned().collect();
        zone.extend(more.iter().map(|(kind, value)| (name.to_owned(), *kind, (*value).to_owned())));
        zone
    }

    /// Returns the output of `chorus doctor` and its exit code.
    fn doctor(&self, zone: &Zone) -> (Value, Option<i32>) {
        doctor(&self.sandbox, zone)
    }
}

fn doctor(sandbox: &Sandbox, zone: &Zone) -> (Value, Option<i32>) {
    let server = NameServer::start(zone).unwrap();
    let dns = server.address.to_string();
    let ran = sandbox.chorus(&["doctor", "--dns", &dns, "--format", "json"]).unwrap();
    let output = serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
    (output, ran.code)
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

/// Returns the findings that are not `pass`: subject, name of the check, and fix.
fn failed_checks(output: &Value) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let checks = output["checks"].as_array().unwrap();
    let bad = checks.iter().filter(|check| check["verdict"] != "pass");
    bad.map(|check| (text(&check["about"]), text(&check["check"]), text(&check["fix"]))).collect()
}

#[test]
fn a_complete_dns_zone_passes_all_checks() {
    let tools = fixture::tools();
    let keys = Keys::make(&tools);
    let fixture = DoctorFixture::new(&tools, &keys);
    let (output, code) = fixture.doctor(&fixture.zone);
    assert_eq!((failed_checks(&output), code), (vec![], Some(0)), "{output:#}");
    let seen: Vec<_> =
        output["checks"].as_array().unwrap().iter().map(|check| check["check"].clone()).collect();
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
        assert!(seen.contains(&check.into()), "{check} was not looked at: {output:#}");
    }
    // Doctor creates no database; once there is one, it is checked.
    assert!(!fixture.sandbox.path().join("data").exists());
    fixture.sandbox.chorus_ok(&["migrate"]).unwrap();
    let (output, code) = fixture.doctor(&fixture.zone);
    assert_eq!((failed_checks(&output), code), (vec![], Some(0)), "{output:#}");
    assert!(output.to_string().contains("journal_mode wal, synchronous full"), "{output:#}");
}

#[test]
fn each_missing_dns_record_is_reported_with_its_fix() {
    let tools = fixture::tools();
    let keys = Keys::make(&tools);
    let fixture = DoctorFixture::new(&tools, &keys);
    let other = Keys::make(&tools).rsa_record();
    let (mx, spf) = (("MX", "10 mail.pier.example"), ("TXT", "v=spf1 mx -all"));
    let rsa = "rsa._domainkey.pier.example";
    for (zone, expected) in [
        (fixture.zone_with("pier.example", &[mx]), vec![("spf", "v=spf1 include:")]),
        (fixture.zone_with("pier.example", &[mx, spf, spf]), vec![("spf", "Make them one")]),
        (
            fixture.zone_with("pier.example", &[spf]),
            vec![("sender", "pier.example MX 10"), ("bounces", "pier.example MX 10")],
        ),
        (fixture.zone_with(rsa, &[]), vec![("dkim", &*keys.rsa_record())]),
        (fixture.zone_with(rsa, &[("TXT", &other)]), vec![("dkim", &*keys.rsa_record()), ("sample", "dkim")]),
        (fixture.zone_with("ed._domainkey.pier.example", &[]), vec![("dkim", "k=ed25519")]),
        (fixture.zone_with("_dmarc.pier.example", &[]), vec![("dmarc", "_dmarc.pier.example TXT")]),
        (fixture.zone_with("news.pier.example", &[]), vec![("host", "news.pier.example A")]),
        (
            fixture.zone_with(ADDRESS, &[("PTR", "host-34.provider.example")]),
            vec![("reverse_dns", "PTR record")],
        ),
    ] {
        let (output, code) = fixture.doctor(&zone);
        let found = failed_checks(&output);
        assert_eq!(code, Some(3), "{output:#}");
        assert_eq!(found.len(), expected.len(), "{expected:?}: {found:#?}");
        for ((_, check, fix), (wanted, part)) in found.iter().zip(expected) {
            assert!(check == wanted && fix.contains(part), "{wanted}, {part}: {found:#?}");
        }
    }
}

#[test]
fn each_wrong_setting_is_reported_with_its_fix() {
    let tools = fixture::tools();
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
        let fixture = DoctorFixture::new(&tools, &keys);
        fixture.sandbox.edit("chorus.toml", &from, &to).unwrap();
        let (output, ended) = fixture.doctor(&fixture.zone);
        let found = failed_checks(&output);
        assert_eq!(ended, Some(code), "{from} → {to}: {output:#}");
        assert!(
            found.iter().any(|(_, own, fix)| own == check && fix.contains(part)),
            "{from} → {to}: {found:#?}"
        );
    }
}

#[test]
fn the_sample_workspace_reports_missing_variables() {
    let tools = fixture::tools();
    let sandbox = Sandbox::empty(&tools.chorus).unwrap();
    for part in ["campaigns", "audiences", "templates", "images"] {
        fixture::copy(&fixture::repository().join(part), &sandbox.path().join(part));
    }
    fs::copy(fixture::repository().join("chorus.toml"), sandbox.path().join("chorus.toml")).unwrap();
    let zone = vec![("news.harbour.example".to_owned(), "A", ADDRESS.to_owned())];
    let (output, code) = doctor(&sandbox, &zone);
    assert_eq!(code, Some(1), "{output:#}");
    let found = failed_checks(&output);
    let [(_, files, _), channels @ ..] = found.as_slice() else { panic!("{found:#?}") };
    assert_eq!(files, "files");
    // Every network needs a variable that is not set, and has its own finding.
    let settings = fs::read_to_string(fixture::repository().join("chorus.toml")).unwrap();
    assert_eq!(channels.len(), settings.matches("\n[channels.").count() - 1, "{found:#?}");
    assert!(channels.iter().any(|(about, ..)| about == "channel community"), "{found:#?}");

    // The text format has one line for each finding, with the fix below it.
    let server = NameServer::start(&zone).unwrap();
    let ran = sandbox.chorus(&["doctor", "--dns", &server.address.to_string()]).unwrap();
    let text = ran.out;
    for part in ["fail  channel community", "→ Set it where Chorus runs.", "pass  channel email", "11 failed"]
    {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}
