//! `/campaigns/{id}/preview`: what will everyone see?

mod handlers;
mod view;

use campaign::{Campaign, Step, Workspace};
use channel::{Person, Preview, PreviewError, Survey};
use jiff::Timestamp;

use crate::words::PageLanguage;
pub(crate) use handlers::{get, html};

/// The contact that the messages are rendered for.
#[derive(Debug, Clone)]
struct PreviewReader {
    person: Person,
    /// The address of the contact; `None` for a made-up one.
    address: Option<String>,
    /// True if another contact was requested and not found.
    not_found: bool,
}

/// The data of the page.
struct PreviewPage {
    campaign: Campaign,
    page_language: PageLanguage,
    reader: PreviewReader,
    /// The chosen language of the messages.
    language: Option<String>,
    /// All languages of the campaign's messages.
    languages: Vec<String>,
    survey: Survey,
    cards: Vec<Card>,
}

/// The preview of one step.
struct Card {
    step: Step,
    preview: Result<Preview, PreviewError>,
    /// The requested language, if the step does not exist in it.
    not_in: Option<String>,
}

impl PreviewPage {
    fn of(
        workspace: &Workspace,
        campaign: Campaign,
        page_language: PageLanguage,
        reader: PreviewReader,
        language: Option<String>,
        now: Timestamp,
    ) -> Self {
        let survey = channel::survey(workspace, &campaign, Some(&reader.person));
        let card =
            |step: &Step| Card::of(workspace, &campaign, step, &reader.person, language.as_deref(), now);
        let cards: Vec<_> = campaign.steps.iter().map(card).collect();
        let previews = cards.iter().filter_map(|card| card.preview.as_ref().ok());
        let mut languages: Vec<_> = previews.flat_map(|preview| preview.languages.iter().cloned()).collect();
        languages.sort();
        languages.dedup();
        Self { campaign, page_language, reader, language, languages, survey, cards }
    }
}

impl Card {
    fn of(
        workspace: &Workspace,
        campaign: &Campaign,
        step: &Step,
        person: &Person,
        language: Option<&str>,
        now: Timestamp,
    ) -> Self {
        let channel = workspace.channels.get(&step.channel);
        let is_feed = channel.is_some_and(|channel| channel.kind.per() == campaign::Per::Feed);
        let mut reader = person.clone();
        // If an attribute holds the address, a made-up value is enough for a preview.
        if let Some(campaign::ContactAddress::Attribute(name)) = channel.map(|channel| channel.kind.address())
        {
            reader.attributes.entry(name).or_insert_with(|| "0".into());
        }
        let reader = (!is_feed).then_some(&reader);
        let show = |language| channel::preview(workspace, campaign, step, reader, language, now);
        let (preview, not_in) = match show(language) {
            Err(PreviewError::Language { asked, .. }) => (show(None), Some(asked)),
            shown => (shown, None),
        };
        Self { step: step.clone(), preview, not_in }
    }
}
