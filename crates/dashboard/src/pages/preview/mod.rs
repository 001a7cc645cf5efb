//! `/campaigns/{id}/preview`: what will everybody see?

mod handlers;
mod view;

use campaign::{Campaign, Step, Workspace};
use channel::{Person, Preview, PreviewError, Survey};
use jiff::Timestamp;

use crate::words::Tongue;
pub(crate) use handlers::{get, html};

/// Whose eyes it is seen with.
#[derive(Debug, Clone)]
struct Eyes {
    person: Person,
    /// The address by which he is found; none of somebody made up.
    address: Option<String>,
    /// Whether somebody else was asked for, who is not there.
    lost: bool,
}

/// What stands on the page.
struct PreviewPage {
    campaign: Campaign,
    tongue: Tongue,
    eyes: Eyes,
    /// The language that was chosen.
    language: Option<String>,
    /// All that there are.
    languages: Vec<String>,
    survey: Survey,
    cards: Vec<Card>,
}

/// One step.
struct Card {
    step: Step,
    preview: Result<Preview, PreviewError>,
    /// The language that was asked for and is not there.
    not_in: Option<String>,
}

impl PreviewPage {
    fn of(
        workspace: &Workspace,
        campaign: Campaign,
        tongue: Tongue,
        eyes: Eyes,
        language: Option<String>,
        now: Timestamp,
    ) -> Self {
        let survey = channel::survey(workspace, &campaign, Some(&eyes.person));
        let card = |step: &Step| Card::of(workspace, &campaign, step, &eyes.person, language.as_deref(), now);
        let cards: Vec<_> = campaign.steps.iter().map(card).collect();
        let said = cards.iter().filter_map(|card| card.preview.as_ref().ok());
        let mut languages: Vec<_> = said.flat_map(|preview| preview.languages.iter().cloned()).collect();
        languages.sort();
        languages.dedup();
        Self { campaign, tongue, eyes, language, languages, survey, cards }
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
        // Where an attribute says where somebody is, a made-up place will do to look at it.
        if let Some(campaign::Address::Attribute(name)) = channel.map(|channel| channel.kind.address()) {
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
