//! A small workspace on disk, and what it takes to render a message of it.

use campaign::Workspace;
use channel::{Compiled, Email, LinkStarts, Message, Person, Recipient, Renderer, compile};
use jiff::Timestamp;
use serde_json::Value;
use source::Diagnostic;
use tempfile::TempDir;

/// A workspace that passes, to break in one place.
pub(crate) struct House(TempDir);

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

const AUDIENCE: &str = "title = \"Everybody\"\n";

const CAMPAIGN: &str = r#"
title = "Spring"
audience = "everybody"

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

impl House {
    pub(crate) fn new() -> Self {
        let house = Self(tempfile::tempdir().unwrap());
        house
            .file("chorus.toml", CHORUS)
            .file("audiences/everybody.toml", AUDIENCE)
            .file("campaigns/spring.toml", CAMPAIGN)
            .file("templates/letter/email.html", format!("<h1>{{{{message.headline}}}}</h1>{FOOTER}"))
            .file("templates/letter/post.md", POST);
        house
    }

    /// The same, whose e-mail is this HTML and a footer.
    pub(crate) fn html(body: &str) -> Self {
        let house = Self::new();
        house.file("templates/letter/email.html", format!("{body}{FOOTER}"));
        house
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

    /// The campaign with `from` replaced by `to`.
    pub(crate) fn campaign(&self, from: &str, to: &str) -> &Self {
        let text = std::fs::read_to_string(self.0.path().join("campaigns/spring.toml")).unwrap();
        assert!(text.contains(from), "{from}");
        self.file("campaigns/spring.toml", text.replace(from, to))
    }

    /// More in `chorus.toml`.
    pub(crate) fn chorus(&self, more: &str) -> &Self {
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

    /// The step compiled, which must be without findings.
    pub(crate) fn good(&self, step: &str) -> Compiled {
        let (compiled, findings) = self.compile(step).unwrap_or_else(|findings| panic!("{findings:#?}"));
        assert!(findings.is_empty(), "{findings:#?}");
        compiled
    }

    /// The codes of what is wrong with the step.
    pub(crate) fn bad(&self, step: &str) -> Vec<&'static str> {
        let findings = self.compile(step).expect_err("it compiled");
        findings.iter().map(|finding| finding.code).collect()
    }

    /// The e-mail for a contact with these attributes.
    pub(crate) fn mail(&self, attributes: Value) -> Email {
        mail(&self.good("mail"), &person(attributes))
    }

    /// The body of the post for a contact with these attributes, or for the feed.
    pub(crate) fn post(&self, step: &str, person: Option<&Person>) -> String {
        match render(&self.good(step), person) {
            Message::Post(post) => post.said().to_owned(),
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

pub(crate) fn starts(compiled: &Compiled) -> LinkStarts {
    LinkStarts {
        click: (0..compiled.links.len()).map(|i| format!("https://t.example/c/{i}.")).collect(),
        open: "https://t.example/o/".into(),
        unsubscribe: "https://t.example/u/".into(),
    }
}

pub(crate) fn render(compiled: &Compiled, person: Option<&Person>) -> Message {
    let renderer = Renderer::new(compiled, &starts(compiled)).unwrap();
    renderer.render(&recipient(person)).unwrap()
}

pub(crate) fn recipient(person: Option<&Person>) -> Recipient<'_> {
    let date = Timestamp::from_second(1_772_417_100).unwrap();
    Recipient { person, token: "tok-1.x", message_id: "5f2b0c1d", date, again: false }
}
