//! Mail stored by smtp-sink, parsed by two parsers that are independent of Chorus and of each
//! other.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use mail_parser::{Address, MessageParser, MimeHeaders};
use serde_json::Value;
use tests::{SmtpSink, Tools, until};

/// One message as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReceivedMail {
    /// The recipient of the envelope.
    pub(crate) recipient: String,
    pub(crate) to: String,
    pub(crate) from: String,
    pub(crate) subject: String,
    pub(crate) message_id: String,
    pub(crate) text: String,
    pub(crate) html: String,
    /// The header fields, with names in lower case and values unfolded.
    pub(crate) headers: BTreeMap<String, String>,
}

/// Returns every message in the sink by the envelope's recipient.
pub(crate) fn received(sink: &SmtpSink) -> BTreeMap<String, Vec<ReceivedMail>> {
    let mut letters: BTreeMap<String, Vec<ReceivedMail>> = BTreeMap::new();
    for entry in fs::read_dir(sink.folder().unwrap()).unwrap() {
        let letter = read(&entry.unwrap().path());
        letters.entry(letter.recipient.clone()).or_default().push(letter);
    }
    letters
}

fn read(path: &Path) -> ReceivedMail {
    // The sink writes a file while it receives the message: the message is complete when its last
    // boundary is there.
    let raw = until("a letter to be whole", Duration::from_secs(60), || {
        let raw = fs::read(path)?;
        Ok(raw.trim_ascii_end().ends_with(b"--").then_some(raw))
    })
    .unwrap();
    let message =
        MessageParser::default().parse(&raw).unwrap_or_else(|| panic!("no message: {}", path.display()));
    let header = |name: &str| message.header_raw(name).unwrap_or_default().trim().to_owned();
    assert_eq!(message.parts.len(), 3, "{}: one multipart with two parts", path.display());
    let root = message.root_part().content_type().unwrap();
    assert_eq!((root.ctype(), root.subtype()), ("multipart", Some("alternative")));
    ReceivedMail {
        recipient: header("X-Rcpt-Args").trim_matches(['<', '>']).to_owned(),
        to: mailbox(message.to()),
        from: mailbox(message.from()),
        subject: message.subject().unwrap().to_owned(),
        message_id: message.message_id().unwrap().to_owned(),
        text: message.body_text(0).unwrap().into_owned(),
        html: message.body_html(0).unwrap().into_owned(),
        headers: message
            .headers_raw()
            .map(|(name, value)| (name.to_ascii_lowercase(), unfold(value)))
            .collect(),
    }
}

fn unfold(value: &str) -> String {
    value.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn mailbox(address: Option<&Address>) -> String {
    let one = address.and_then(Address::first).unwrap();
    one.address().unwrap().to_owned()
}

/// Parses the same files with Python's `email` package in strict mode, and compares the results.
pub(crate) fn python_agrees(tools: &Tools, sink: &SmtpSink, letters: &BTreeMap<String, Vec<ReceivedMail>>) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stories/read_mail.py");
    let output = Command::new(&tools.python3).arg(script).arg(sink.folder().unwrap()).output().unwrap();
    assert!(output.status.success(), "Python found: {}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    let mut seen = 0;
    for line in lines.lines() {
        let theirs: Value = serde_json::from_str(line).unwrap();
        let message_id = theirs["message_id"].as_str().unwrap();
        let ours = letters[theirs["recipient"].as_str().unwrap()]
            .iter()
            .find(|letter| format!("<{}>", letter.message_id) == message_id)
            .unwrap_or_else(|| panic!("only Python saw {message_id}"));
        assert_eq!(theirs["subject"], ours.subject.as_str());
        assert_eq!(theirs["to"], ours.to.as_str());
        assert_eq!(theirs["text"].as_str().unwrap().trim_end(), ours.text.replace("\r\n", "\n").trim_end());
        assert_eq!(theirs["html"].as_str().unwrap().trim_end(), ours.html.replace("\r\n", "\n").trim_end());
        seen += 1;
    }
    assert_eq!(seen, letters.values().map(Vec::len).sum::<usize>());
}

impl ReceivedMail {
    /// Returns the paths of the tracked links, on this machine's server.
    pub(crate) fn links(&self) -> Vec<String> {
        let starts = self.html.match_indices("/c/").map(|(start, _)| &self.html[start..]);
        starts.map(|rest| rest.split('"').next().unwrap().replace("&amp;", "&")).collect()
    }

    /// Returns the path of the unsubscribe link in the header.
    pub(crate) fn unsubscribe(&self) -> &str {
        let header = &self.headers["list-unsubscribe"];
        let url = header.split(['<', '>']).find(|part| part.starts_with("http")).unwrap();
        &url[url.find("/u/").unwrap()..]
    }
}
