//! What a step would send to somebody, without sending it.

use campaign::{Campaign, Step, Workspace};
use jiff::Timestamp;
use measure::Budget;
use message::{Message, Person, Recipient, RenderError, SAMPLE_TOKEN, SenderError};
use network::ShownRequest;
use source::Diagnostic;
use template::Renderer;

/// A message as it would go out.
#[derive(Debug, Clone)]
pub struct Preview {
    /// The language it is in.
    pub language: String,
    /// The languages it could be in.
    pub languages: Vec<String>,
    /// The message, unsigned.
    pub message: Message,
    /// How much of each limit of its network it uses.
    pub budgets: Vec<Budget>,
    /// The requests it would take, without secrets; none for an e-mail.
    pub requests: Result<Vec<ShownRequest>, SenderError>,
}

/// Why there is nothing to show.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PreviewError {
    /// It does not compile.
    #[error("compile the step: `chorus check` says what is wrong")]
    Compile(Vec<Diagnostic>),
    /// It is not in this language.
    #[error("say it in {asked}: it is in {}", known.join(", "))]
    Language {
        /// The tag that was asked for.
        asked: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// It cannot be made for this person.
    #[error(transparent)]
    Render(#[from] RenderError),
}

/// What `step` would send to `person` (`None`: to the channel's own feed) at `now`. `language` is a tag to have it in
/// instead of their own.
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
            .in_language(asked)
            .ok_or_else(|| PreviewError::Language { asked: asked.to_owned(), known: languages.clone() })?,
        None => compiled.language_for(person.and_then(|person| person.language.as_deref())),
    };
    let only = compiled.only(tag).unwrap_or_else(|| compiled.clone());
    let recipient = Recipient { person, token: SAMPLE_TOKEN, message_id: "preview", date: now, again: false };
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
