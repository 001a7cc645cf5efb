//! The workspace that stories play in: a café that writes one letter, with this repository's own templates.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use tests::{Sandbox, Sink, Tools};

/// The words that every letter of the story carries.
pub(crate) const OFFER: &str = "one free month, 12 € off";
/// What stands at its end, as the law asks.
pub(crate) const ADDRESS: &str = "1 Pier Road, Shanghai";
/// Where its button goes.
pub(crate) const DESTINATION: &str = "https://pier.example/renew";

/// The repository.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The programs that `cargo xtask test` found.
pub(crate) fn tools() -> Tools {
    Tools::from_environment().unwrap()
}

/// A workspace with a campaign `letter` by e-mail to everyone, its step firing as `when` says.
pub(crate) fn workspace(tools: &Tools, sink: &Sink, when: &str) -> Sandbox {
    workspace_by(tools, sink.port, when)
}

/// The same, sending by whatever listens on a port.
pub(crate) fn workspace_by(tools: &Tools, smtp: u16, when: &str) -> Sandbox {
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

/// The address of the `number`th contact.
pub(crate) fn address(number: usize) -> String {
    format!("reader.{number}@example.com")
}

/// The first name of the `number`th contact: what real lists hold, and what a template must not take for code.
pub(crate) fn name(number: usize) -> String {
    let names = ["Ada", "Zoë", "李雷", "Jean-Luc", "O'Neil", "{{brand}}", "<b>Bo</b>", "Đặng"];
    format!("{} {number}", names[number % names.len()])
}

/// `count` contacts as a spreadsheet saves them.
pub(crate) fn contacts(count: usize) -> String {
    let mut csv = String::from("email,first_name,city\r\n");
    for number in 0..count {
        write!(csv, "{},\"{}\",Shanghai\r\n", address(number), name(number)).unwrap();
    }
    csv
}

/// Imports `count` contacts, and says so only if all of them came in.
pub(crate) fn import(sandbox: &Sandbox, count: usize) {
    sandbox.write("readers.csv", &contacts(count)).unwrap();
    sandbox.done(&["contacts", "import", "readers.csv"]).unwrap();
}

/// Copies a folder with all that is in it.
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
