//! `chorus preview`: the exact message per step: `.eml`, HTML, or the HTTP request.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use campaign::{Campaign, Per, Step, Workspace};
use channel::{Compiled, LinkStarts, Message, Person, Recipient, Renderer, Signer};
use clap::Args;
use serde::Serialize;
use store::Contact;

use crate::commands::send::find_step;
use crate::output::{self, Format, wrong};
use crate::setup::{Env, Opened};

/// Show the exact message of each step
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The campaign.
    campaign: String,
    /// One step; all of them when left out.
    #[arg(long)]
    step: Option<String>,
    /// As this contact gets it; a member of the audience when left out.
    #[arg(long, value_name = "ADDRESS")]
    contact: Option<String>,
    /// Write the messages as files into this folder.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// One message as it would go out.
#[derive(Debug, Serialize)]
struct Shown {
    step: String,
    channel: String,
    to: String,
    subject: Option<String>,
    text: String,
    files: Vec<PathBuf>,
}

pub(crate) async fn run(env: &Env, options: &Options) -> anyhow::Result<ExitCode> {
    let opened = env.open().await?;
    let campaign = opened.campaign(&options.campaign)?;
    let steps = match &options.step {
        Some(_) => vec![find_step(campaign, options.step.as_deref())?],
        None => campaign.steps.iter().collect(),
    };
    if let Some(dir) = &options.out {
        std::fs::create_dir_all(dir).with_context(|| format!("make the folder {}", dir.display()))?;
    }
    let mut shown = Vec::new();
    for step in steps {
        let message = message(&opened, campaign, step, options.contact.as_deref()).await?;
        let files = match &options.out {
            Some(dir) => write(dir, step, &message)?,
            None => Vec::new(),
        };
        shown.push(show(step, message, files));
    }
    match env.format {
        Format::Json => output::json(&shown)?,
        _ => print(&shown)?,
    }
    opened.store.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn message(
    opened: &Opened,
    campaign: &Campaign,
    step: &Step,
    address: Option<&str>,
) -> anyhow::Result<Message> {
    let workspace = opened.workspace();
    let compiled = channel::compile(workspace, campaign, step);
    let (compiled, _) =
        compiled.map_err(|_| wrong(format!("{}/{} has errors: `chorus check`", campaign.id, step.id)))?;
    let renderer = Renderer::new(&compiled, &starts(workspace, &compiled))?;
    let person = person(opened, step, address).await?;
    let recipient = Recipient {
        person: person.as_ref(),
        token: "preview",
        message_id: "preview",
        date: opened.clock.now(),
        again: false,
    };
    let message = renderer.render(&recipient).map_err(|error| wrong(format!("cannot {error}")))?;
    signed(opened, step, message)
}

/// The message with its signature, if its channel signs and its keys are at hand.
fn signed(opened: &Opened, step: &Step, message: Message) -> anyhow::Result<Message> {
    let Some(channel) = opened.workspace().channels.get(&step.channel) else { return Ok(message) };
    match (Signer::of(channel), message) {
        (Ok(Some(signer)), Message::Email(email)) => {
            Ok(Message::Email(signer.sign(email).map_err(|error| wrong(format!("cannot {error}")))?))
        }
        (Err(error), message) => {
            output::note(format!("{} is shown without its signature: cannot {error}", step.id));
            Ok(message)
        }
        (Ok(_), message) => Ok(message),
    }
}

/// Links of a preview look like real ones and lead nowhere: nothing is registered for them.
pub(crate) fn starts(workspace: &Workspace, compiled: &Compiled) -> LinkStarts {
    let base = workspace.server.public_url.as_str().trim_end_matches('/');
    LinkStarts {
        click: (0..compiled.links.len()).map(|link| format!("{base}/c/{link}.")).collect(),
        open: format!("{base}/o/"),
        unsubscribe: format!("{base}/u/"),
    }
}

async fn person(opened: &Opened, step: &Step, address: Option<&str>) -> anyhow::Result<Option<Person>> {
    let workspace = opened.workspace();
    let channel = workspace.channels.get(&step.channel);
    if channel.is_some_and(|channel| channel.kind.per() == Per::Feed) {
        return Ok(None);
    }
    if let Some(address) = address {
        let found = opened.store.contact_find(address).await?;
        return found
            .map(of_contact)
            .map(Some)
            .ok_or_else(|| wrong(format!("nobody has the address {address:?}")));
    }
    let now = opened.clock.millis();
    let sample = opened.store.audience_sample(&workspace.audiences, &step.audience, now, 1).await?;
    Ok(Some(sample.into_iter().next().map_or_else(somebody, of_contact)))
}

fn of_contact(contact: Contact) -> Person {
    Person {
        email: contact.email.or_else(|| Some("somebody@example.com".to_owned())),
        phone: contact.phone,
        external_id: contact.external_id,
        language: contact.language,
        timezone: contact.timezone,
        attributes: contact.attributes,
    }
}

/// A stand-in while there are no contacts.
pub(crate) fn somebody() -> Person {
    Person { email: Some("somebody@example.com".to_owned()), ..Person::default() }
}

fn write(dir: &Path, step: &Step, message: &Message) -> anyhow::Result<Vec<PathBuf>> {
    let parts: Vec<(&str, &[u8])> = match message {
        Message::Email(email) => {
            vec![("eml", &email.raw), ("html", email.html.as_bytes()), ("txt", email.text.as_bytes())]
        }
        Message::Post(post) => vec![("txt", post.said().as_bytes())],
    };
    let mut files = Vec::new();
    for (extension, bytes) in parts {
        let path = dir.join(format!("{}.{extension}", step.id));
        std::fs::write(&path, bytes).with_context(|| format!("write {}", path.display()))?;
        files.push(path);
    }
    Ok(files)
}

fn show(step: &Step, message: Message, files: Vec<PathBuf>) -> Shown {
    let (to, subject, text) = match message {
        Message::Email(email) => (email.envelope_to, Some(email.subject), email.text),
        Message::Post(post) => ("its own feed".to_owned(), None, pretty(post.said())),
    };
    Shown { step: step.id.to_string(), channel: step.channel.to_string(), to, subject, text, files }
}

fn pretty(body: &str) -> String {
    let value: Result<serde_json::Value, _> = serde_json::from_str(body);
    value.and_then(|value| serde_json::to_string_pretty(&value)).unwrap_or_else(|_| body.to_owned())
}

fn print(shown: &[Shown]) -> anyhow::Result<()> {
    for (index, one) in shown.iter().enumerate() {
        if index > 0 {
            output::line("")?;
        }
        output::line(format!("== {} by {} to {} ==", one.step, one.channel, one.to))?;
        if let Some(subject) = &one.subject {
            output::line(format!("Subject: {subject}"))?;
        }
        output::line("")?;
        output::line(one.text.trim_end())?;
        for file in &one.files {
            output::note(format!("wrote {}", file.display()));
        }
    }
    Ok(())
}
