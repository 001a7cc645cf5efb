//! `chorus preview`: shows the exact message of each step, as text, `.eml`, HTML or HTTP requests.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use campaign::{Campaign, Language, Per, Step};
use channel::{DkimSigner, Message, Person, Preview, PreviewError, RequestPreview};
use clap::Args;
use measure::LengthBudget;
use serde::Serialize;
use store::Contact;

use crate::lookup::find_step;
use crate::setup::{App, Env};
use terminal::arguments;
use terminal::disk;
use terminal::help;
use terminal::output::{self, Format, user_error};

/// Show the exact message of each step
#[derive(Debug, Args)]
#[command(after_help = help::examples(&[
    ("chorus preview weekly-newsletter", "each text"),
    ("chorus preview spring-launch --step mail --language zh-CN", "in Chinese"),
    ("chorus preview spring-launch --out preview", "as files"),
]))]
pub(crate) struct Options {
    /// The id of the campaign.
    #[arg(value_parser = arguments::id)]
    campaign: String,
    /// The step. Default: all steps.
    #[arg(long)]
    step: Option<String>,
    /// Show the message for this contact. Default: a member of the audience.
    #[arg(long, value_name = "ADDRESS")]
    contact: Option<String>,
    /// Show the message in this language, such as zh-CN. Default: that of the contact, or of the
    /// brand.
    #[arg(long, value_name = "TAG", value_parser = Language::parse)]
    language: Option<Language>,
    /// Write the messages and their HTTP requests as files to this folder.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// A message as it would be sent.
#[derive(Debug, Serialize)]
pub(crate) struct PreviewedMessage {
    step: String,
    channel: String,
    /// The kind of the channel, such as `smtp` or `mastodon`.
    kind: String,
    to: String,
    language: String,
    subject: Option<String>,
    /// The text as people read it.
    text: String,
    /// The title of a post, if its network has titles.
    title: Option<String>,
    /// The button of a post.
    button: Option<Button>,
    /// The picture of a post.
    picture: Option<Picture>,
    /// The use of each length limit.
    budgets: Vec<LengthBudget>,
    /// The requests that would be sent to the network.
    requests: Vec<RequestPreview>,
    /// The reason why the requests cannot be created.
    #[serde(rename = "trouble", skip_serializing_if = "Option::is_none")]
    request_error: Option<String>,
    files: Vec<PathBuf>,
}

#[derive(Debug, Serialize)]
struct Button {
    label: String,
    url: String,
}

#[derive(Debug, Serialize)]
struct Picture {
    /// The URL or the file name of the picture.
    from: String,
    alt: String,
}

pub(crate) async fn run(env: &Env, options: &Options) -> anyhow::Result<ExitCode> {
    let app = env.open().await?;
    let campaign = app.campaign(&options.campaign)?;
    let steps = match &options.step {
        Some(_) => vec![find_step(campaign, options.step.as_deref())?],
        None => campaign.steps.iter().collect(),
    };
    if let Some(dir) = &options.out {
        disk::create_folder(dir)?;
    }
    let mut shown = Vec::new();
    for step in steps {
        let person = person(&app, campaign, step, options.contact.as_deref()).await?;
        let preview = preview_step(
            &app,
            campaign,
            step,
            person.as_ref(),
            options.language.as_ref().map(Language::as_str),
        )?;
        let files = match &options.out {
            Some(dir) => write(dir, step, &preview)?,
            None => Vec::new(),
        };
        shown.push(PreviewedMessage::of(&app, step, preview, files));
    }
    match env.format {
        Format::Json => output::json(&shown)?,
        _ => print(&shown)?,
    }
    app.store.close().await;
    Ok(ExitCode::SUCCESS)
}

/// Returns the message of a step for `person`, signed if it is an e-mail of a signing channel.
pub(crate) fn preview_step(
    app: &App,
    campaign: &Campaign,
    step: &Step,
    person: Option<&Person>,
    language: Option<&str>,
) -> anyhow::Result<Preview> {
    let now = app.clock.now();
    let preview = channel::preview(app.workspace(), campaign, step, person, language, now);
    let preview = preview.map_err(|error| match error {
        PreviewError::Compile(_) => {
            user_error(format!("{}/{} has errors: `chorus check`", campaign.id, step.id))
        }
        error => user_error(format!("{}/{}: cannot {error}", campaign.id, step.id)),
    })?;
    let message = signed(app, step, preview.message)?;
    Ok(Preview { message, ..preview })
}

/// Returns the message with its DKIM signature, if the channel signs and its keys can be read.
fn signed(app: &App, step: &Step, message: Message) -> anyhow::Result<Message> {
    let Some(channel) = app.workspace().channels.get(&step.channel) else { return Ok(message) };
    match (DkimSigner::of(channel), message) {
        (Ok(Some(signer)), Message::Email(email)) => {
            Ok(Message::Email(signer.sign(email).map_err(|error| user_error(format!("cannot {error}")))?))
        }
        (Err(error), message) => {
            output::note(format!("{} is shown without its signature: cannot {error}", step.id));
            Ok(message)
        }
        (Ok(_), message) => Ok(message),
    }
}

async fn person(
    app: &App,
    campaign: &Campaign,
    step: &Step,
    address: Option<&str>,
) -> anyhow::Result<Option<Person>> {
    let workspace = app.workspace();
    let channel = workspace.channels.get(&step.channel);
    if channel.is_some_and(|channel| channel.kind.per() == Per::Feed) {
        return Ok(None);
    }
    if let Some(address) = address {
        let found = app.store.contact_find(address).await?;
        return found
            .map(person_of)
            .map(Some)
            .ok_or_else(|| user_error(format!("no contact has the address {address:?}")));
    }
    let now = app.clock.millis();
    let Some(needed) = channel.and_then(scheduler::required_address) else { return Ok(None) };
    let (audiences, purpose) = (&workspace.audiences, scheduler::required_purpose(campaign));
    let reached = &app.store.plan_sample(audiences, &step.audience, &needed, purpose, now, 1).await?;
    let sample = match reached.first() {
        Some(contact) => vec![contact.clone()],
        None => app.store.audience_sample(&workspace.audiences, &step.audience, now, 1).await?,
    };
    Ok(Some(sample.into_iter().next().map_or_else(sample_person, person_of)))
}

pub(crate) fn person_of(contact: Contact) -> Person {
    Person {
        email: contact.email.or_else(|| Some("someone@example.com".to_owned())),
        phone: contact.phone,
        external_id: contact.external_id,
        language: contact.language,
        timezone: contact.timezone,
        attributes: contact.attributes,
    }
}

/// Returns a made-up person, for previews without contacts.
pub(crate) fn sample_person() -> Person {
    Person {
        email: Some("someone@example.com".to_owned()),
        phone: Some("+8613800138000".to_owned()),
        ..Person::default()
    }
}

fn write(dir: &Path, step: &Step, preview: &Preview) -> anyhow::Result<Vec<PathBuf>> {
    let requests = preview.requests.as_deref().map(http_file).unwrap_or_default();
    let parts: Vec<(&str, &[u8])> = match &preview.message {
        Message::Email(email) => {
            vec![("eml", &email.raw), ("html", email.html.as_bytes()), ("txt", email.text.as_bytes())]
        }
        Message::Post(post) => vec![("txt", post.text().as_bytes()), ("http", requests.as_bytes())],
    };
    let mut files = Vec::new();
    for (extension, bytes) in parts {
        let path = dir.join(format!("{}.{extension}", step.id));
        std::fs::write(&path, bytes).with_context(|| format!("write {}", path.display()))?;
        files.push(path);
    }
    Ok(files)
}

/// Formats requests as an `.http` file: one after the other, separated by `###`.
pub(crate) fn http_file(requests: &[RequestPreview]) -> String {
    let texts = requests.iter().map(|request| {
        let headers: String =
            request.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
        format!("{} {}\n{headers}\n{}\n", request.method, request.url, request.body)
    });
    texts.collect::<Vec<_>>().join("\n###\n")
}

impl PreviewedMessage {
    pub(crate) fn of(app: &App, step: &Step, preview: Preview, files: Vec<PathBuf>) -> Self {
        let kind = app.workspace().channels.get(&step.channel).map(|channel| channel.kind.name());
        let (requests, request_error) = match preview.requests {
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
            request_error,
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
                    app.workspace().channels.get(&step.channel).is_some_and(|c| c.kind.per() == Per::Feed);
                if !is_feed {
                    shown.to = post.to.unwrap_or_else(|| "a contact".to_owned());
                }
            }
        }
        shown
    }

    /// Returns the recipient and the requests that would be sent to the network.
    ///
    /// # Errors
    /// Returns an error if the requests cannot be created.
    pub(crate) fn into_requests(self) -> anyhow::Result<(String, Vec<RequestPreview>)> {
        match self.request_error {
            Some(error) => Err(user_error(format!("{}: {error}", self.step))),
            None => Ok((self.to, self.requests)),
        }
    }
}

fn print(shown: &[PreviewedMessage]) -> anyhow::Result<()> {
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
        print_content(one)?;
        for budget in &one.budgets {
            output::line(budget_line(budget))?;
        }
        if let Some(error) = &one.request_error {
            output::line(format!("\nThe request: {error}"))?;
        }
        for request in &one.requests {
            output::line(format!(
                "\n--- {}{}",
                request.name,
                if request.publishes { ", which publishes" } else { "" }
            ))?;
            output::line(http_file(std::slice::from_ref(request)).trim_end())?;
        }
        for file in &one.files {
            output::note(format!("wrote {}", file.display()));
        }
    }
    Ok(())
}

fn print_content(one: &PreviewedMessage) -> anyhow::Result<()> {
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

/// Width of a bar, in characters.
const BAR_WIDTH: usize = 20;

/// Formats the use of a limit: `text 2,140 of 3,000 characters [##############------]`.
fn budget_line(budget: &LengthBudget) -> String {
    let number = |n: usize| output::number(i64::try_from(n).unwrap_or(i64::MAX));
    let full = (budget.measured.saturating_mul(BAR_WIDTH) / budget.allowed.max(1)).min(BAR_WIDTH);
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
        "-".repeat(BAR_WIDTH - full),
    )
}

#[cfg(test)]
mod tests {
    use measure::Measure;

    use super::*;

    #[test]
    fn a_limit_is_a_bar_with_numbers() {
        let line = |text: &str| budget_line(&Measure::Characters.budget("text", text, 1_600));
        assert_eq!(line(&"a".repeat(1_200)), "text 1,200 of 1,600 characters [###############-----]");
        assert_eq!(
            line(&"a".repeat(1_603)),
            "text 1,603 of 1,600 characters [####################] 3 too many"
        );
        let none = LengthBudget::of_things("blocks", measure::Unit::Blocks, 0, 0);
        assert_eq!(budget_line(&none), "blocks 0 of 0 blocks [--------------------]");
    }

    #[test]
    fn several_requests_are_written_to_one_file() {
        let request = |name: &str| RequestPreview {
            name: name.into(),
            method: "POST".into(),
            url: "https://api.test/x".into(),
            headers: vec![("content-type".into(), "application/json".into())],
            body: "{}".into(),
            publishes: name == "post",
        };
        let one = "POST https://api.test/x\ncontent-type: application/json\n\n{}\n";
        assert_eq!(http_file(&[request("upload"), request("post")]), format!("{one}\n###\n{one}"));
    }
}
