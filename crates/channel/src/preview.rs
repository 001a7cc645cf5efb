//! The preview of a step: its message for one contact or a feed, and the requests that would send
//! it.

use campaign::{Campaign, Step, Workspace};
use jiff::Timestamp;
use measure::LengthBudget;
use message::{Message, Person, Recipient, RenderError, SAMPLE_TOKEN, SenderError};
use network::RequestPreview;
use source::Diagnostic;
use template::Renderer;

/// A message as it would be sent.
#[derive(Debug, Clone)]
pub struct Preview {
    /// The language tag of the message.
    pub language: String,
    /// The language tags that the step is available in.
    pub languages: Vec<String>,
    /// The message without a DKIM signature.
    pub message: Message,
    /// The measured length and the limit, for each limit of the network; none for an e-mail.
    pub budgets: Vec<LengthBudget>,
    /// The requests that would send the message, with secrets hidden; none for an e-mail.
    pub requests: Result<Vec<RequestPreview>, SenderError>,
}

/// An error while a preview is made.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PreviewError {
    /// The step does not compile.
    #[error("compile the step: `chorus check` says what is wrong")]
    Compile(Vec<Diagnostic>),
    /// The step is not available in this language.
    #[error("say it in {asked}: it is in {}", known.join(", "))]
    Language {
        /// The requested language tag.
        asked: String,
        /// The available language tags.
        known: Vec<String>,
    },
    /// The message cannot be rendered for this contact.
    #[error(transparent)]
    Render(#[from] RenderError),
}

/// Returns what `step` would send at `now` to the contact `person`, or to the channel's feed if it
/// is `None`. `language` overrides the contact's language.
///
/// # Errors
/// See [`PreviewError`].
pub fn preview(
    workspace: &Workspace,
    campaign: &Campaign,
    step: &Step,
    person: Option<&Person>,
    language: Option<&str>,
    now: Timestamp,
) -> Result<Preview, PreviewError> {
    let (compiled, _) = template::compile(workspace, campaign, step).map_err(PreviewError::Compile)?;
    let languages: Vec<_> = compiled.languages().map(str::to_owned).collect();
    let tag = match language {
        Some(asked) => compiled
            .find_language(asked)
            .ok_or_else(|| PreviewError::Language { asked: asked.to_owned(), known: languages.clone() })?,
        None => compiled.language_for(person.and_then(|person| person.language.as_deref())),
    };
    let only = compiled.in_one_language(tag).unwrap_or_else(|| compiled.clone());
    let recipient = Recipient {
        person,
        token: SAMPLE_TOKEN,
        message_id: "preview",
        date: now,
        possible_duplicate: false,
    };
    let message = Renderer::new(&only, &compiled.sample_links(workspace))?.render(&recipient)?;
    let channel = workspace.channels.get(&step.channel);
    let (budgets, requests) = match (&message, channel) {
        (Message::Post(post), Some(channel)) => {
            (network::budgets(channel, post), network::requests(channel, post, now))
        }
        _ => (Vec::new(), Ok(Vec::new())),
    };
    Ok(Preview { language: tag.to_owned(), languages, message, budgets, requests })
}
