//! `chorus preview`: the exact message per step: `.eml`, HTML, or the HTTP requests.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use campaign::{Campaign, Per, Step};
use channel::{Message, Person, Preview, PreviewError, ShownRequest, Signer};
use clap::Args;
use measure::Budget;
use serde::Serialize;
use store::Contact;

use crate::named::find_step;
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
    /// In this language, such as zh-CN; in the contact's own, or the brand's, when left out.
    #[arg(long, value_name = "TAG")]
    language: Option<String>,
    /// Write the messages as files into this folder: what goes out, and the requests that take it there.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// One message as it would go out.
#[derive(Debug, Serialize)]
pub(crate) struct Shown {
    step: String,
    channel: String,
    /// The channel's kind.
    kind: String,
    to: String,
    language: String,
    subject: Option<String>,
    /// What people read.
    text: String,
    /// The title of a post that has a place for one.
    title: Option<String>,
    /// Its button.
    button: Option<Button>,
    /// Its picture.
    picture: Option<Picture>,
    /// How much of each limit it uses.
    budgets: Vec<Budget>,
    /// What would be asked of the network.
    requests: Vec<ShownRequest>,
    /// Why its requests cannot be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<String>,
    files: Vec<PathBuf>,
}

#[derive(Debug, Serialize)]
struct Button {
    label: String,
    url: String,
}

#[derive(Debug, Serialize)]
struct Picture {
    /// Its address, or its file's name.
    from: String,
    alt: String,
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
        let person = person(&opened, step, options.contact.as_deref()).await?;
        let preview = of_step(&opened, campaign, step, person.as_ref(), options.language.as_deref())?;
        let files = match &options.out {
            Some(dir) => write(dir, step, &preview)?,
            None => Vec::new(),
        };
        shown.push(Shown::of(&opened, step, preview, files));
    }
    match env.format {
        Format::Json => output::json(&shown)?,
        _ => print(&shown)?,
    }
    opened.store.close().await;
    Ok(ExitCode::SUCCESS)
}

/// What a step would send to somebody, signed if it is mail.
pub(crate) fn of_step(
    opened: &Opened,
    campaign: &Campaign,
    step: &Step,
    person: Option<&Person>,
    language: Option<&str>,
) -> anyhow::Result<Preview> {
    let now = opened.clock.now();
    let preview = channel::preview(opened.workspace(), campaign, step, person, language, now);
    let preview = preview.map_err(|error| match error {
        PreviewError::Compile(_) => wrong(format!("{}/{} has errors: `chorus check`", campaign.id, step.id)),
        error => wrong(format!("{}/{}: cannot {error}", campaign.id, step.id)),
    })?;
    let message = signed(opened, step, preview.message)?;
    Ok(Preview { message, ..preview })
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
    let Some(needed) = channel.and_then(scheduler::address) else { return Ok(None) };
    let reached = &opened.store.plan_sample(&workspace.audiences, &step.audience, &needed, now, 1).await?;
    let sample = match reached.first() {
        Some(contact) => vec![contact.clone()],
        None => opened.store.audience_sample(&workspace.audiences, &step.audience, now, 1).await?,
    };
    Ok(Some(sample.into_iter().next().map_or_else(somebody, of_contact)))
}

pub(crate) fn of_contact(contact: Contact) -> Person {
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
    Person {
        email: Some("somebody@example.com".to_owned()),
        phone: Some("+8613800138000".to_owned()),
        ..Person::default()
    }
}

fn write(dir: &Path, step: &Step, preview: &Preview) -> anyhow::Result<Vec<PathBuf>> {
    let requests = preview.requests.as_deref().map(http).unwrap_or_default();
    let parts: Vec<(&str, &[u8])> = match &preview.message {
        Message::Email(email) => {
            vec![("eml", &email.raw), ("html", email.html.as_bytes()), ("txt", email.text.as_bytes())]
        }
        Message::Post(post) => vec![("txt", post.said().as_bytes()), ("http", requests.as_bytes())],
    };
    let mut files = Vec::new();
    for (extension, bytes) in parts {
        let path = dir.join(format!("{}.{extension}", step.id));
        std::fs::write(&path, bytes).with_context(|| format!("write {}", path.display()))?;
        files.push(path);
    }
    Ok(files)
}

/// Requests as files with the ending `http` have them: one after the other, `###` between.
pub(crate) fn http(requests: &[ShownRequest]) -> String {
    let texts = requests.iter().map(|request| {
        let headers: String =
            request.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
        format!("{} {}\n{headers}\n{}\n", request.method, request.url, request.body)
    });
    texts.collect::<Vec<_>>().join("\n###\n")
}

impl Shown {
    pub(crate) fn of(opened: &Opened, step: &Step, preview: Preview, files: Vec<PathBuf>) -> Self {
        let kind = opened.workspace().channels.get(&step.channel).map(|channel| channel.kind.name());
        let (requests, trouble) = match preview.requests {
            Ok(requests) => (requests, None),
            Err(error) => (Vec::new(), Some(format!("cannot {error}"))),
        };
        let mut shown = Self {
            step: step.id.to_string(),
            channel: step.channel.to_string(),
            kind: kind.unwrap_or_default().to_owned(),
            to: "its own feed".to_owned(),
            language: preview.language,
            subject: None,
            text: String::new(),
            title: None,
            button: None,
            picture: None,
            budgets: preview.budgets,
            requests,
            trouble,
            files,
        };
        match preview.message {
            Message::Email(email) => {
                (shown.to, shown.subject, shown.text) = (email.envelope_to, Some(email.subject), email.text);
            }
            Message::Post(post) => {
                shown.text = post.body().into_owned();
                if let Some(parts) = post.parts() {
                    shown.title.clone_from(&parts.title);
                    let button = parts.action.as_ref();
                    shown.button = button.map(|it| Button { label: it.label.clone(), url: it.url.clone() });
                    shown.picture = parts.picture.as_ref().map(|it| Picture {
                        from: it.url().or(it.file().map(|file| &*file.name)).unwrap_or_default().to_owned(),
                        alt: it.alt.clone(),
                    });
                }
                let is_feed =
                    opened.workspace().channels.get(&step.channel).is_some_and(|c| c.kind.per() == Per::Feed);
                if !is_feed {
                    shown.to = post.to.unwrap_or_else(|| "a contact".to_owned());
                }
            }
        }
        shown
    }

    /// Whom it goes to, and what would be asked of the network.
    ///
    /// # Errors
    /// The requests cannot be made.
    pub(crate) fn asked(self) -> anyhow::Result<(String, Vec<ShownRequest>)> {
        match self.trouble {
            Some(trouble) => Err(wrong(format!("{}: {trouble}", self.step))),
            None => Ok((self.to, self.requests)),
        }
    }
}

fn print(shown: &[Shown]) -> anyhow::Result<()> {
    for (index, one) in shown.iter().enumerate() {
        if index > 0 {
            output::line("")?;
        }
        let network = campaign::Network::find(&one.kind).map(|network| format!(" ({})", network.title));
        let network = network.unwrap_or_default();
        let (step, channel, to, language) = (&one.step, &one.channel, &one.to, &one.language);
        output::line(format!("== {step} by {channel}{network} to {to}, in {language} =="))?;
        if let Some(subject) = &one.subject {
            output::line(format!("Subject: {subject}"))?;
        }
        output::line("")?;
        print_said(one)?;
        for budget in &one.budgets {
            output::line(budget_line(budget))?;
        }
        if let Some(trouble) = &one.trouble {
            output::line(format!("\nThe request: {trouble}"))?;
        }
        for request in &one.requests {
            output::line(format!(
                "\n--- {}{}",
                request.name,
                if request.publishes { ", which publishes" } else { "" }
            ))?;
            output::line(http(std::slice::from_ref(request)).trim_end())?;
        }
        for file in &one.files {
            output::note(format!("wrote {}", file.display()));
        }
    }
    Ok(())
}

fn print_said(one: &Shown) -> anyhow::Result<()> {
    if let Some(title) = &one.title {
        output::line(format!("{title}\n"))?;
    }
    output::line(one.text.trim_end())?;
    if let Some(Button { label, url }) = &one.button {
        output::line(format!("\n[ {label} ]  {url}"))?;
    }
    if let Some(Picture { from, alt }) = &one.picture {
        output::line(format!("\n(picture {from}: {alt})"))?;
    }
    if !one.budgets.is_empty() {
        output::line("")?;
    }
    Ok(())
}

/// How many signs a whole bar has.
const BAR: usize = 20;

/// `text 2,140 of 3,000 characters [##############------]`
fn budget_line(budget: &Budget) -> String {
    let number = |n: usize| output::number(i64::try_from(n).unwrap_or(i64::MAX));
    let full = (budget.measured.saturating_mul(BAR) / budget.allowed.max(1)).min(BAR);
    let over = if budget.fits() {
        String::new()
    } else {
        format!(" {} too many", number(budget.measured - budget.allowed))
    };
    format!(
        "{} {} of {} {} [{}{}]{over}",
        budget.what,
        number(budget.measured),
        number(budget.allowed),
        budget.unit.words(),
        "#".repeat(full),
        "-".repeat(BAR - full),
    )
}

#[cfg(test)]
mod tests {
    use measure::Measure;

    use super::*;

    #[test]
    fn a_limit_is_a_bar_with_its_numbers_beside_it() {
        let line = |text: &str| budget_line(&Measure::Characters.budget("text", text, 1_600));
        assert_eq!(line(&"a".repeat(1_200)), "text 1,200 of 1,600 characters [###############-----]");
        assert_eq!(
            line(&"a".repeat(1_603)),
            "text 1,603 of 1,600 characters [####################] 3 too many"
        );
        let none = Budget::of_things("blocks", measure::Unit::Blocks, 0, 0);
        assert_eq!(budget_line(&none), "blocks 0 of 0 blocks [--------------------]");
    }

    #[test]
    fn several_requests_are_one_file() {
        let request = |name: &str| ShownRequest {
            name: name.into(),
            method: "POST".into(),
            url: "https://api.test/x".into(),
            headers: vec![("content-type".into(), "application/json".into())],
            body: "{}".into(),
            publishes: name == "post",
        };
        let one = "POST https://api.test/x\ncontent-type: application/json\n\n{}\n";
        assert_eq!(http(&[request("upload"), request("post")]), format!("{one}\n###\n{one}"));
    }
}
