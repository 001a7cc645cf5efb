//! The workspace fixture: a brand with one e-mail campaign, using this repository's own templates.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use tests::{Sandbox, SmtpSink, Tools};

/// The text of a fact that every message contains.
pub(crate) const OFFER: &str = "one free month, 12 € off";
/// The postal address in the footer, which the law requires.
pub(crate) const ADDRESS: &str = "1 Pier Road, Shanghai";
/// The target of the button.
pub(crate) const DESTINATION: &str = "https://pier.example/renew";

/// Returns the root folder of the repository.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Returns the programs that `cargo xtask test` found.
pub(crate) fn tools() -> Tools {
    Tools::from_environment().unwrap()
}

/// Creates a workspace with an e-mail campaign `letter` to everyone; `when` is the schedule of its
/// step.
pub(crate) fn workspace(tools: &Tools, sink: &SmtpSink, when: &str) -> Sandbox {
    workspace_with_port(tools, sink.port, when)
}

/// Like [`workspace`], for an SMTP server at a port of 127.0.0.1.
pub(crate) fn workspace_with_port(tools: &Tools, smtp: u16, when: &str) -> Sandbox {
    let sandbox = Sandbox::empty(&tools.chorus).unwrap();
    copy(&repository().join("templates"), &sandbox.path().join("templates"));
    sandbox.write("chorus.toml", &configuration(sandbox.port, smtp)).unwrap();
    sandbox.write("audiences/everyone.toml", "title = \"Everyone\"\n").unwrap();
    sandbox.write("campaigns/letter.toml", &letter(when)).unwrap();
    sandbox
}

fn configuration(port: u16, smtp: u16) -> String {
    format!(
        r#"
[brand]
name     = "Café am Pier"
url      = "https://pier.example"
address  = "{ADDRESS}"
timezone = "UTC"
language = "en"

[database]
url = "sqlite:data/chorus.db"

[server]
listen     = "127.0.0.1:{port}"
public_url = "http://127.0.0.1:{port}"

[channels.email]
kind        = "smtp"
url         = "smtp://127.0.0.1:{smtp}?tls=off"
from        = "Café am Pier <news@pier.example>"
reply_to    = "Café am Pier <hello@pier.example>"
connections = 8
"#
    )
}

fn letter(when: &str) -> String {
    format!(
        r#"
title     = "The letter"
objective = "Half of them renew"
audience  = "everyone"

[message]
subject        = "Grüße vom Pier: {{{{facts.offer}}}}"
headline       = "It is time to renew"
body           = "Renew this month and get **{{{{facts.offer}}}}**."
call_to_action = "Renew now"
link           = "{DESTINATION}"

[message.facts]
offer = "{OFFER}"

[goal]
event  = "renewed"
window = "7d"

[[steps]]
id       = "mail"
channel  = "email"
template = "newsletter"
when     = {when}
"#
    )
}

/// Returns the address of a contact by number.
pub(crate) fn address(number: usize) -> String {
    format!("reader.{number}@example.com")
}

/// Returns the first name of a contact by number: names as in real lists, and text that a template
/// must not interpret.
pub(crate) fn name(number: usize) -> String {
    let names = ["Ada", "Zoë", "李雷", "Jean-Luc", "O'Neil", "{{brand}}", "<b>Bo</b>", "Đặng"];
    format!("{} {number}", names[number % names.len()])
}

/// Returns a CSV file of `count` contacts as a spreadsheet saves it.
pub(crate) fn contacts(count: usize) -> String {
    let mut csv = String::from("email,first_name,city,consent\r\n");
    for number in 0..count {
        write!(csv, "{},\"{}\",Shanghai,yes\r\n", address(number), name(number)).unwrap();
    }
    csv
}

/// Imports `count` contacts, and fails unless all are accepted.
pub(crate) fn import(sandbox: &Sandbox, count: usize) {
    sandbox.write("readers.csv", &contacts(count)).unwrap();
    sandbox.chorus_ok(&["contacts", "import", "readers.csv"]).unwrap();
}

/// Copies a folder recursively.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
