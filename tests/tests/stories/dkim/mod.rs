//! DKIM signatures verified by two third-party programs: signatures of the brand are valid, and
//! those of changed messages are not.

pub(crate) mod keys;
mod raw;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use campaign::{Dkim, DkimKey, Secret, Workspace};
use channel::{Compiled, DkimSigner, Email, LinkPrefixes, Message, Person, Recipient, Renderer};
use serde_json::json;
use tests::{Sandbox, SmtpSink};

use crate::fixture;
use keys::{Keys, verdicts};

const DOMAIN: &str = "harbour.example";

fn signer(keys: &Keys, rsa: &str) -> DkimSigner {
    let key = |selector: &str, pem: &str| DkimKey {
        selector: selector.to_owned(),
        key: Secret::new(keys.pem(pem)),
    };
    let dkim = Dkim { domain: DOMAIN.to_owned(), rsa: key("rsa", rsa), ed25519: Some(key("ed", "ed25519")) };
    DkimSigner::new(&dkim).unwrap()
}

fn email(raw: Vec<u8>) -> Email {
    let text = String::new;
    Email { envelope_from: text(), envelope_to: text(), subject: text(), html: text(), text: text(), raw }
}

/// Renders this repository's own campaigns for different people, one of them with an attachment.
fn render_campaigns() -> Vec<Email> {
    let folder = tempfile::tempdir().unwrap();
    for part in ["campaigns", "audiences", "templates", "images"] {
        fixture::copy(&fixture::repository().join(part), &folder.path().join(part));
    }
    fs::copy(fixture::repository().join("chorus.toml"), folder.path().join("chorus.toml")).unwrap();
    attach(folder.path());
    let (workspace, _) = Workspace::load(folder.path(), &|_| None).unwrap();
    let mut emails = Vec::new();
    for campaign in workspace.campaigns.values() {
        for step in &campaign.steps {
            let (compiled, _) = channel::compile(&workspace, campaign, step).unwrap();
            let renderer = Renderer::new(&compiled, &starts(&compiled)).unwrap();
            for number in 0..16 {
                let person = person(number);
                let recipient = Recipient {
                    person: Some(&person),
                    token: "tok-1.x",
                    message_id: &format!("{}-{number}", step.id),
                    date: "2026-03-10T10:00:00Z".parse().unwrap(),
                    possible_duplicate: false,
                };
                if let Message::Email(email) = renderer.render(&recipient).unwrap() {
                    emails.push(email);
                }
            }
        }
    }
    emails
}

fn attach(folder: &Path) {
    let file = folder.join("campaigns/weekly-newsletter.toml");
    fs::write(folder.join("images/list.txt"), "a list \t of things\r\n\r\n").unwrap();
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("\n[message]\n"));
    fs::write(file, text.replace("\n[message]\n", "\n[message]\nattachments = [\"images/list.txt\"]\n"))
        .unwrap();
}

fn starts(compiled: &Compiled) -> LinkPrefixes {
    LinkPrefixes {
        click: (0..compiled.links.len()).map(|link| format!("https://t.example/c/{link}.")).collect(),
        open: "https://t.example/o/".to_owned(),
        unsubscribe: "https://t.example/u/".to_owned(),
    }
}

fn person(number: usize) -> Person {
    let languages = ["en", "zh-CN", "de"];
    let attributes = json!({ "first_name": fixture::name(number), "city": "Zürich", "visits": number });
    Person {
        email: Some(fixture::address(number)),
        language: Some(languages[number % languages.len()].to_owned()),
        attributes: attributes.as_object().unwrap().clone(),
        ..Person::default()
    }
}

/// Signs every message, with the signers in turn.
fn signed(signers: &[DkimSigner; 2]) -> Vec<Vec<u8>> {
    let emails = render_campaigns();
    assert!(emails.len() >= 64, "only {} emails", emails.len());
    let messages: Vec<_> = emails.into_iter().chain(raw::messages().into_iter().map(email)).collect();
    assert!(messages.len() >= 200, "only {} messages", messages.len());
    let sign = |(number, email): (usize, Email)| signers[number % 2].sign(email).unwrap().raw;
    messages.into_iter().enumerate().map(sign).collect()
}

/// Writes messages as they arrive: over SMTP the last line always has its end. Without one,
/// verifiers differ on the white space before it.
fn write(folder: &Path, messages: &[(String, Vec<u8>)]) {
    for (name, raw) in messages {
        let end: &[u8] = if raw.ends_with(b"\r\n") { b"" } else { b"\r\n" };
        fs::write(folder.join(format!("{name}.eml")), [raw, end].concat()).unwrap();
    }
}

/// Returns copies of a message, each with a change that a verifier must notice.
fn tampered_copies(raw: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let text = |at: usize| raw.split_at(at);
    let body = raw.windows(4).position(|part| part == b"\r\n\r\n").unwrap() + 4;
    let (header, rest) = text(body - 2);
    let put = |at: usize, added: &[u8]| [text(at).0, added, text(at).1].concat();
    let letter = raw[body..].iter().position(u8::is_ascii_alphanumeric);
    let mut flipped = raw.to_vec();
    match letter {
        Some(at) => flipped[body + at] ^= 1,
        None => flipped.extend_from_slice(b"x\r\n"),
    }
    let date = header.windows(7).position(|part| part == b"\nDate: ").unwrap() + 7;
    let mut postponed = raw.to_vec();
    postponed[date] ^= 1;
    let from = b"From: Mallory <m@evil.example>\r\n";
    let leave = b"List-Unsubscribe: <https://evil.example/>\r\n";
    vec![
        ("body", flipped),
        ("date", postponed),
        ("from-above", put(0, from)),
        ("from-below", [header, from, rest].concat()),
        ("unsubscribe-above", put(0, leave)),
        ("unsubscribe-below", [header, leave, rest].concat()),
    ]
}

#[test]
fn every_signature_is_valid_and_none_after_a_change() {
    let tools = fixture::tools();
    let keys = Keys::make(&tools);
    let signers = [signer(&keys, "rsa_pkcs8"), signer(&keys, "rsa_pkcs1")];
    let whole = signed(&signers);
    let folder = tempfile::tempdir().unwrap();
    let named = whole.iter().enumerate().map(|(number, raw)| (format!("{number:04}-whole"), raw.clone()));
    write(folder.path(), &named.collect::<Vec<_>>());
    let mut changed = 0;
    for (number, raw) in whole.iter().enumerate().step_by(5) {
        let tampered = tampered_copies(raw);
        changed += tampered.len();
        let named = tampered.into_iter().map(|(how, raw)| (format!("{number:04}-{how}"), raw));
        write(folder.path(), &named.collect::<Vec<_>>());
    }
    for (reader, verdicts) in
        ["dkimpy", "mailauth"].iter().zip(verdicts(&tools, folder.path(), DOMAIN, &keys))
    {
        assert_eq!(verdicts.len(), whole.len() + changed, "{reader}");
        let wrong = |(file, verdict): &(String, Vec<bool>)| {
            let holds = file.ends_with("-whole.eml");
            *verdict != [holds, holds]
        };
        let wrong: Vec<_> = verdicts.into_iter().filter(wrong).collect();
        assert!(wrong.is_empty(), "{reader}: {wrong:?}");
    }
}

#[test]
fn a_preview_is_signed_as_the_message_would_be() {
    let tools = fixture::tools();
    let keys = Keys::make(&tools);
    let sink = SmtpSink::start(&tools.smtp_sink, &[]).unwrap();
    let sandbox = fixture::workspace(&tools, &sink, r#"{ at = 2030-01-01T10:00:00 }"#);
    sandbox.write("keys/dkim.pem", keys.pem("rsa_pkcs1")).unwrap();
    let table = "\n[channels.email.dkim]\nselector = \"rsa\"\nkey = \"keys/dkim.pem\"\n\
        ed25519 = { selector = \"ed\", key = \"${DKIM_ED25519}\" }\n";
    sandbox.edit("chorus.toml", "connections = 8\n", &format!("connections = 8\n{table}")).unwrap();

    let open = sandbox.chorus(&["check"]).unwrap();
    assert!(open.code == Some(1) && open.out.contains("chmod 600 keys/dkim.pem"), "{open:?}");
    let private = fs::Permissions::from_mode(0o600);
    fs::set_permissions(sandbox.path().join("keys/dkim.pem"), private).unwrap();

    let preview = ["preview", "letter", "--out", "shown"];
    let unset = sandbox.chorus_ok(&preview).unwrap();
    assert!(unset.err.contains("without its signature") && unset.err.contains("DKIM_ED25519"), "{unset:?}");
    // The key as an environment variable with a single line contains it.
    let pem = keys.pem("ed25519").replace('\n', "\\n");
    let output = sandbox.command(&preview).env("DKIM_ED25519", pem).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let shown = sandbox.path().join("shown");
    for verdicts in verdicts(&tools, &shown, "pier.example", &keys) {
        assert_eq!(verdicts.into_iter().collect::<Vec<_>>(), [("mail.eml".to_owned(), vec![true, true])]);
    }
}

/// Copies the messages in the sink, with CRLF line ends, to `folder`. smtp-sink stores the envelope
/// as additional header fields and lines with local line ends. Returns the number of messages.
fn copy_messages(sink: &SmtpSink, folder: &Path) -> usize {
    let files: Vec<_> = fs::read_dir(sink.folder().unwrap()).unwrap().map(|file| file.unwrap()).collect();
    for (number, file) in files.iter().enumerate() {
        let text = fs::read_to_string(file.path()).unwrap();
        let whole: String = text.lines().map(|line| format!("{line}\r\n")).collect();
        fs::write(folder.join(format!("{number}.eml")), whole).unwrap();
    }
    files.len()
}

#[test]
fn sent_messages_arrive_with_valid_signatures() {
    let tools = fixture::tools();
    let keys = Keys::make(&tools);
    let folder = tempfile::tempdir().unwrap();
    let sink = SmtpSink::start_with_dump(&tools.smtp_sink, &folder.path().join("sink"), &[]).unwrap();
    let sandbox = fixture::workspace(&tools, &sink, r#"{ at = 2030-01-01T10:00:00 }"#);
    configure_signing(&sandbox, &keys);
    fixture::import(&sandbox, 40);
    let run = sandbox.json(&["send", "--yes", "letter"]).unwrap();
    assert_eq!(run["state"], "finished", "{run:#}");
    assert_eq!(copy_messages(&sink, folder.path()), 40);
    for verdicts in verdicts(&tools, folder.path(), "pier.example", &keys) {
        assert_eq!(verdicts.len(), 40);
        assert!(verdicts.values().all(|verdict| *verdict == [true, true]), "{verdicts:?}");
    }
}

/// Configures a workspace to sign with both keys, from files that only their owner may read.
pub(crate) fn configure_signing(sandbox: &Sandbox, keys: &Keys) {
    let dkim = "\n[channels.email.dkim]\nselector = \"rsa\"\nkey = \"keys/rsa.pem\"\n\
        ed25519 = { selector = \"ed\", key = \"keys/ed.pem\" }\n";
    sandbox.edit("chorus.toml", "connections = 8\n", &format!("connections = 8\n{dkim}")).unwrap();
    for (file, key) in [("keys/rsa.pem", "rsa_pkcs8"), ("keys/ed.pem", "ed25519")] {
        sandbox.write(file, keys.pem(key)).unwrap();
        fs::set_permissions(sandbox.path().join(file), fs::Permissions::from_mode(0o600)).unwrap();
    }
}
