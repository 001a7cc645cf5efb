//! Markdown of posts as networks display it: rendered by the programs that networks use or publish,
//! every text reads as it was written.

mod corpus;

use std::fmt::Write as _;

use campaign::Workspace;
use channel::{Compiled, LinkPrefixes, Message, Recipient, Renderer};
use serde_json::{Value, json};

use crate::{fixture, node};

const KINDS: [&str; 7] = ["discord", "mattermost", "dingtalk", "ntfy", "reddit", "teams", "feishu"];
/// An invisible character that separates markup where a renderer knows no escape.
const WORD_JOINER: char = '\u{2060}';

fn configuration() -> String {
    let mut text = r#"
[brand]
name     = "Pier"
url      = "https://pier.example"
address  = "1 Pier Road, Shanghai"
timezone = "UTC"
language = "en"

[database]
url = "sqlite:data/chorus.db"

[server]
listen     = "127.0.0.1:1"
public_url = "https://news.pier.example"
"#
    .to_owned();
    for kind in KINDS {
        let keys = match kind {
            "ntfy" => "room = \"pier\"",
            "reddit" => "account = \"pier\"\ntoken = \"${TOKEN}\"\nroom = \"pier\"",
            _ => "url = \"${HOOK}\"",
        };
        write!(text, "\n[channels.{kind}]\nkind = \"{kind}\"\n{keys}\n").unwrap();
    }
    text
}

/// Returns a campaign file that posts a text on every channel.
fn campaign(text: &str) -> String {
    let mut file = format!(
        "title = \"Spring\"\naudience = \"everyone\"\n\n[message]\nbody = \"x\"\n\n[message.facts]\ntext = {}\n",
        Value::from(text)
    );
    for kind in KINDS {
        write!(
            file,
            "\n[[steps]]\nid = \"{kind}\"\nchannel = \"{kind}\"\ntemplate = \"said\"\nwhen = {{ at = 2030-01-01T10:00:00 }}\n"
        )
        .unwrap();
    }
    file
}

/// Returns the text of a compiled post as it is sent.
fn post_text(compiled: &Compiled) -> String {
    let starts = LinkPrefixes {
        click: compiled.links.iter().map(|_| "https://t.example/c/1.".to_owned()).collect(),
        open: "https://t.example/o/".to_owned(),
        unsubscribe: "https://t.example/u/".to_owned(),
    };
    let recipient = Recipient {
        person: None,
        token: "tok",
        message_id: "1",
        date: "2030-01-01T10:00:00Z".parse().unwrap(),
        possible_duplicate: false,
    };
    match Renderer::new(compiled, &starts).unwrap().render(&recipient).unwrap() {
        Message::Post(post) => post.parts().unwrap().text.clone(),
        Message::Email(_) => panic!("a network gets posts"),
    }
}

/// Returns each text with the kind of each channel and what it sends, where `template` contains the
/// text as the fact `text`.
fn sent_texts(template: &str, texts: &[String]) -> Vec<(String, &'static str, String)> {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("chorus.toml", &configuration());
    write("audiences/everyone.toml", "title = \"Everyone\"\n");
    write("templates/said/post.md", template);
    for (number, text) in texts.iter().enumerate() {
        write(&format!("campaigns/c{number:04}.toml"), &campaign(text));
    }
    let secret = |_: &str| Some("https://hook.example/services/secret".to_owned());
    let (workspace, findings) = Workspace::load(folder.path(), &secret).unwrap();
    assert_eq!(workspace.campaigns.len(), texts.len(), "{findings:?}");
    let mut sent = Vec::new();
    for (campaign, text) in workspace.campaigns.values().zip(texts) {
        for step in &campaign.steps {
            let kind = KINDS.into_iter().find(|kind| step.id.as_str() == *kind).unwrap();
            let (compiled, _) = channel::compile(&workspace, campaign, step)
                .unwrap_or_else(|findings| panic!("{text:?}: {findings:?}"));
            sent.push((text.clone(), kind, post_text(&compiled)));
        }
    }
    sent
}

/// Renders each sent text with the renderers of its channel: the displayed texts, and any markup.
fn render(sent: &[(String, &'static str, String)]) -> Vec<Vec<Value>> {
    let tools = fixture::tools();
    let questions: Vec<_> =
        sent.iter().map(|(_, kind, text)| json!({ "kind": kind, "text": text })).collect();
    let packages =
        [&tools.marked, &tools.snuownd, &tools.discord_markdown, &tools.markdown_it, &tools.commonmark];
    let shown = node::run_script(&tools, "markdown_rendering/renderers.cjs", &packages, questions);
    shown.into_iter().map(|readers| readers.as_array().unwrap().clone()).collect()
}

/// Removes joiners and normalizes white space, which readers do not see.
fn normalized(text: &str) -> String {
    let text: String = text.chars().filter(|c| *c != WORD_JOINER).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Replaces the addresses in a text by the tracked links that are displayed.
fn tracked(text: &str) -> String {
    let text = text.replace("https://alive.example/a.png", "https://alive.example");
    text.replace("https://alive.example", "https://t.example/c/1.tok")
}

/// Returns the differences between the written and the displayed texts. `expected` maps a text to
/// what should be displayed.
fn differences(template: &str, texts: &[String], expected: impl Fn(&str) -> String) -> Vec<String> {
    let sent = sent_texts(template, texts);
    assert_eq!(sent.len(), texts.len() * KINDS.len());
    let shown = render(&sent);
    let mut differences = Vec::new();
    for ((text, kind, out), readers) in sent.iter().zip(shown) {
        let phone = if *kind == "teams" { 1 } else { usize::MAX };
        for (number, reader) in readers.iter().enumerate() {
            // On phones a backslash before a backtick is displayed, which keeps it from being code
            // elsewhere.
            if number == phone && text.matches('`').count() > 1 {
                continue;
            }
            let read = normalized(reader["text"].as_str().unwrap());
            if read != normalized(&expected(&tracked(text))) || reader["alive"] != json!([]) {
                differences.push(format!("{kind} {number}: {text:?} went as {out:?} and is read {reader}"));
            }
        }
    }
    differences
}

fn assert_no_differences(differences: &[String]) {
    let some: Vec<_> = differences.iter().take(40).collect();
    assert!(differences.is_empty(), "{} differences: {some:#?}", differences.len());
}

#[test]
fn a_text_is_displayed_as_it_was_written() {
    let texts = corpus::texts(20_261_130, 240);
    assert!(texts.len() >= 300, "{}", texts.len());
    assert_no_differences(&differences("{{facts.text}}\n", &texts, str::to_owned));
}

#[test]
fn a_text_within_a_line_is_displayed_as_it_was_written() {
    let texts = corpus::texts(7, 200);
    assert_no_differences(&differences("Tea: {{facts.text}} today\n", &texts, |text| {
        format!("Tea: {text} today")
    }));
}

#[test]
fn code_is_displayed_as_it_was_written() {
    // A backtick would end a code span, and an address becomes a link: neither can be in code.
    let is_code = |text: &String| !text.contains('`') && !text.contains("https://");
    let texts: Vec<_> = corpus::texts(11, 240).into_iter().filter(is_code).collect();
    assert!(texts.len() >= 200, "{}", texts.len());
    let expected = |text: &str| format!("Your code: {text} today");
    assert_no_differences(&differences("Your code: `{{facts.text}}` today\n", &texts, expected));
}
