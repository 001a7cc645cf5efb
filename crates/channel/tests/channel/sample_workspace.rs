//! A small workspace on disk, and functions to compile and render its messages.

use campaign::Workspace;
use channel::{Compiled, Email, LinkPrefixes, Message, Person, Recipient, Renderer, compile};
use jiff::Timestamp;
use serde_json::Value;
use source::Diagnostic;
use tempfile::TempDir;

/// A valid workspace, which tests change in one place.
pub(crate) struct SampleWorkspace(TempDir);

const CHORUS: &str = r#"
[brand]
name = "Harbour & Sons"
url = "https://harbour.example"
address = "1 Pier Road, Shanghai"
timezone = "Asia/Shanghai"
language = "en"

[database]
url = "sqlite:data/chorus.db"

[server]
listen = "127.0.0.1:0"
public_url = "https://news.harbour.example"

[attributes]
first_name = "text"
points = "number"

[channels.email]
kind = "outbox"
from = "Härbour <news@harbour.example>"
reply_to = "hello@harbour.example"

[channels.feed]
kind = "webhook"
url = "http://127.0.0.1:9/hook"

[channels.each]
kind = "webhook"
url = "http://127.0.0.1:9/hook"
per = "contact"
"#;

const AUDIENCE: &str = "title = \"Readers\"\n";

const CAMPAIGN: &str = r#"
title = "Spring"
audience = "readers"

[message]
subject = 'Hello {{default contact.first_name "you"}}'
headline = "Half price & more"
body = "Until **{{facts.deadline}}**, see [the shop](https://harbour.example/shop)."
call_to_action = "Go"
link = "https://harbour.example/renew?a=1"

[message.facts]
deadline = "30 April"

[[steps]]
id = "mail"
channel = "email"
template = "letter"
when = { at = 2027-03-02T10:00:00 }

[[steps]]
id = "post"
channel = "feed"
template = "letter"
when = { at = 2027-03-02T10:00:00 }

[[steps]]
id = "each"
channel = "each"
template = "letter"
when = { at = 2027-03-02T10:00:00 }
"#;

pub(crate) const FOOTER: &str = "<p>{{brand.address}} <a href=\"{{links.unsubscribe}}\">Unsubscribe</a></p>";

const POST: &str =
    "**{{message.headline}}**\n\n{{message.body}}\n\n[{{message.call_to_action}}]({{message.link}})\n";

impl SampleWorkspace {
    pub(crate) fn new() -> Self {
        let sample = Self(tempfile::tempdir().unwrap());
        sample
            .file("chorus.toml", CHORUS)
            .file("audiences/readers.toml", AUDIENCE)
            .file("campaigns/spring.toml", CAMPAIGN)
            .file("templates/letter/email.html", format!("<h1>{{{{message.headline}}}}</h1>{FOOTER}"))
            .file("templates/letter/post.md", POST);
        sample
    }

    /// Returns a workspace whose e-mail is this HTML with a footer.
    pub(crate) fn with_html(body: &str) -> Self {
        let sample = Self::new();
        sample.file("templates/letter/email.html", format!("{body}{FOOTER}"));
        sample
    }

    pub(crate) fn file(&self, path: &str, text: impl AsRef<[u8]>) -> &Self {
        let path = self.0.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    pub(crate) fn remove(&self, path: &str) -> &Self {
        std::fs::remove_file(self.0.path().join(path)).unwrap();
        self
    }

    /// Replaces `from` by `to` in the campaign.
    pub(crate) fn edit_campaign(&self, from: &str, to: &str) -> &Self {
        let text = std::fs::read_to_string(self.0.path().join("campaigns/spring.toml")).unwrap();
        assert!(text.contains(from), "{from}");
        self.file("campaigns/spring.toml", text.replace(from, to))
    }

    /// Appends a text to `chorus.toml`.
    pub(crate) fn append_settings(&self, more: &str) -> &Self {
        self.file("chorus.toml", format!("{CHORUS}{more}"))
    }

    pub(crate) fn load(&self) -> Workspace {
        let (workspace, findings) = Workspace::load(self.0.path(), &|_| None).unwrap();
        assert!(!workspace.campaigns.is_empty(), "{findings:?}");
        workspace
    }

    pub(crate) fn compile(&self, step: &str) -> Result<(Compiled, Vec<Diagnostic>), Vec<Diagnostic>> {
        let workspace = self.load();
        let campaign = workspace.campaigns.values().next().unwrap();
        compile(&workspace, campaign, campaign.steps.iter().find(|s| s.id.as_str() == step).unwrap())
    }

    /// Compiles the step, which must have no findings.
    pub(crate) fn compile_clean(&self, step: &str) -> Compiled {
        let (compiled, findings) = self.compile(step).unwrap_or_else(|findings| panic!("{findings:#?}"));
        assert!(findings.is_empty(), "{findings:#?}");
        compiled
    }

    /// Returns the codes of the errors of the step, which must not compile.
    pub(crate) fn error_codes(&self, step: &str) -> Vec<&'static str> {
        let findings = self.compile(step).expect_err("it compiled");
        findings.iter().map(|finding| finding.code).collect()
    }

    /// Renders the e-mail for a contact with these attributes.
    pub(crate) fn mail(&self, attributes: Value) -> Email {
        mail(&self.compile_clean("mail"), &person(attributes))
    }

    /// Renders the body of the post for a contact, or for the feed.
    pub(crate) fn post(&self, step: &str, person: Option<&Person>) -> String {
        match render(&self.compile_clean(step), person) {
            Message::Post(post) => post.text().to_owned(),
            Message::Email(_) => panic!("an e-mail"),
        }
    }
}

pub(crate) fn person(attributes: Value) -> Person {
    let Value::Object(attributes) = attributes else { panic!("{attributes}") };
    Person { email: Some("ada@contact.example".into()), attributes, ..Person::default() }
}

pub(crate) fn mail(compiled: &Compiled, person: &Person) -> Email {
    match render(compiled, Some(person)) {
        Message::Email(email) => email,
        Message::Post(_) => panic!("a post"),
    }
}

pub(crate) fn link_prefixes(compiled: &Compiled) -> LinkPrefixes {
    LinkPrefixes {
        click: (0..compiled.links.len()).map(|i| format!("https://t.example/c/{i}.")).collect(),
        open: "https://t.example/o/".into(),
        unsubscribe: "https://t.example/u/".into(),
    }
}

pub(crate) fn render(compiled: &Compiled, person: Option<&Person>) -> Message {
    let renderer = Renderer::new(compiled, &link_prefixes(compiled)).unwrap();
    renderer.render(&recipient(person)).unwrap()
}

pub(crate) fn recipient(person: Option<&Person>) -> Recipient<'_> {
    let date = Timestamp::from_second(1_772_417_100).unwrap();
    Recipient { person, token: "tok-1.x", message_id: "5f2b0c1d", date, possible_duplicate: false }
}
