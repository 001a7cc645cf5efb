//! The length check: renders a step with the longest values in its audience, and compares the text
//! with the limits of its network before anything is sent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use campaign::{Campaign, Channel, Per, Step};
use channel::{Compiled, Person, WorstCase};
use jiff::Timestamp;
use serde_json::Value;
use store::{LengthUnit, Millis, RecipientAddress, Store};

use crate::Loaded;
use crate::compiled::{compiled, run_blocking};
use crate::fire_error::{FireError, TooLong};
use crate::recipients::{required_address, required_purpose};

/// Renders a step for its worst-case readers: one who has the longest value of each attribute among
/// the recipients, in characters, and one who has the longest in bytes. Empty for feeds, which have
/// one text for all readers, for e-mail, and for networks without limits.
///
/// # Errors
/// The step does not compile, or the database refuses.
pub async fn worst_case(
    store: &Store,
    loaded: &Loaded,
    campaign: &Campaign,
    step: &Step,
    now: Timestamp,
) -> Result<WorstCase, FireError> {
    let Some(channel) = loaded.0.channels.get(&step.channel) else { return Ok(WorstCase::default()) };
    let speaks = matches!(channel.kind, campaign::ChannelKind::Network(_));
    let Some(needed) = required_address(channel).filter(|_| speaks && channel.kind.per() == Per::Contact)
    else {
        return Ok(WorstCase::default());
    };
    let step_text =
        WorstCaseInput { loaded: Arc::clone(loaded), campaign: campaign.clone(), step: step.clone() };
    let compiled = compiled(loaded, campaign, step).await?;
    let first = reader(channel, &BTreeMap::new());
    if step_text
        .render(&compiled, std::slice::from_ref(&first))
        .texts
        .iter()
        .all(|said| said.budgets.is_empty())
    {
        return Ok(WorstCase::default());
    }
    let fields: BTreeSet<String> = compiled.contact_fields();
    let mut known = Vec::new();
    for length in [LengthUnit::Characters, LengthUnit::Bytes].into_iter().filter(|_| !fields.is_empty()) {
        let names: Vec<_> = fields.iter().map(String::as_str).collect();
        let (audiences, at) = (&loaded.0.audiences, Millis::from(now));
        let (audience, purpose) = (&step.audience, required_purpose(campaign));
        let longest =
            store.plan_longest_values(audiences, audience, &needed, purpose, (&names, length), at).await?;
        known.push(longest);
    }
    let help = known.first().map(in_the_audience).unwrap_or_default();
    let mut readers: Vec<_> = known.iter().map(|known| reader(channel, known)).collect();
    readers.dedup();
    if readers.is_empty() {
        readers.push(first);
    }
    let mut longest = run_blocking(move || step_text.render(&compiled, &readers)).await?;
    for finding in &mut longest.findings {
        let rest = finding.help.take().unwrap_or_default();
        finding.help = Some(format!("{help}{rest}"));
    }
    Ok(longest)
}

/// Checks that the worst case is within the limits of the network. The error names what is too
/// long, and quotes no contact's data.
///
/// # Errors
/// [`FireError::TooLong`], and those of [`worst_case`].
pub(crate) async fn check_length(
    store: &Store,
    loaded: &Loaded,
    campaign: &Campaign,
    step: &Step,
    now: Timestamp,
) -> Result<(), FireError> {
    let longest = worst_case(store, loaded, campaign, step, now).await?;
    match longest.findings.into_iter().next() {
        None => Ok(()),
        Some(finding) => Err(FireError::TooLong(TooLong(finding))),
    }
}

/// The input for rendering a step on a blocking thread.
struct WorstCaseInput {
    loaded: Loaded,
    campaign: Campaign,
    step: Step,
}

impl WorstCaseInput {
    /// Renders the step for these readers.
    fn render(&self, compiled: &Compiled, readers: &[Person]) -> WorstCase {
        channel::worst_case(&self.loaded.0, &self.campaign, &self.step, compiled, readers)
    }
}

/// Makes a reader with these attributes, and with an address for the channel.
fn reader(channel: &Channel, known: &BTreeMap<String, String>) -> Person {
    let mut attributes: serde_json::Map<_, _> =
        known.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
    if let Some(RecipientAddress::Attribute(name)) = required_address(channel) {
        attributes.entry(name).or_insert_with(|| Value::from("0"));
    }
    let field = |name: &str| known.get(name).cloned();
    Person {
        email: field("email").or_else(|| Some("customer@example.com".to_owned())),
        phone: field("phone").or_else(|| Some("+8613800138000".to_owned())),
        external_id: field("external_id"),
        language: None,
        timezone: field("timezone"),
        attributes,
    }
}

/// Writes the lengths of the longest values, without the values.
fn in_the_audience(known: &BTreeMap<String, String>) -> String {
    if known.is_empty() {
        return String::new();
    }
    let lengths = known.iter().map(|(name, value)| format!("{name} has up to {}", value.chars().count()));
    format!("In this audience {} characters. ", lengths.collect::<Vec<_>>().join(", "))
}
