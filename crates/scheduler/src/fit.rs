//! Whether what a step says fits its network for everybody in its audience, before anything is scheduled.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use campaign::{Campaign, Channel, Per, Step};
use channel::{Compiled, Longest, Person};
use jiff::Timestamp;
use serde_json::Value;
use store::{Address, Length, Millis, Store};

use crate::Loaded;
use crate::compiled::{compiled, off};
use crate::fire_error::{FireError, TooLong};
use crate::recipients::address;

/// What a step comes to for the readers who make it longest: somebody made up who has the longest value of each
/// attribute that anybody has who would get it, in characters, and somebody else in bytes. Empty for feeds, which
/// say the same to everybody, for e-mail, and for networks without limits.
///
/// # Errors
/// The step does not compile, or the database refuses.
pub async fn longest(
    store: &Store,
    loaded: &Loaded,
    campaign: &Campaign,
    step: &Step,
    now: Timestamp,
) -> Result<Longest, FireError> {
    let Some(channel) = loaded.0.channels.get(&step.channel) else { return Ok(Longest::default()) };
    let speaks = matches!(channel.kind, campaign::ChannelKind::Network(_));
    let Some(needed) = address(channel).filter(|_| speaks && channel.kind.per() == Per::Contact) else {
        return Ok(Longest::default());
    };
    let work = Work { loaded: Arc::clone(loaded), campaign: campaign.clone(), step: step.clone() };
    let compiled = compiled(loaded, campaign, step).await?;
    let first = reader(channel, &BTreeMap::new());
    if work.said(&compiled, std::slice::from_ref(&first)).spoken.iter().all(|said| said.budgets.is_empty()) {
        return Ok(Longest::default());
    }
    let fields: BTreeSet<String> = compiled.reads();
    let mut known = Vec::new();
    for length in [Length::Characters, Length::Bytes].into_iter().filter(|_| !fields.is_empty()) {
        let names: Vec<_> = fields.iter().map(String::as_str).collect();
        let (audiences, at) = (&loaded.0.audiences, Millis::from(now));
        known.push(store.plan_longest(audiences, &step.audience, &needed, &names, length, at).await?);
    }
    let help = known.first().map(in_the_audience).unwrap_or_default();
    let mut readers: Vec<_> = known.iter().map(|known| reader(channel, known)).collect();
    readers.dedup();
    if readers.is_empty() {
        readers.push(first);
    }
    let mut longest = off(move || work.said(&compiled, &readers)).await?;
    for finding in &mut longest.findings {
        let rest = finding.help.take().unwrap_or_default();
        finding.help = Some(format!("{help}{rest}"));
    }
    Ok(longest)
}

/// The same as an error, if anything does not fit. It tells what is too long, and no words of anybody's.
///
/// # Errors
/// [`FireError::TooLong`], and those of [`longest`].
pub(crate) async fn require_fit(
    store: &Store,
    loaded: &Loaded,
    campaign: &Campaign,
    step: &Step,
    now: Timestamp,
) -> Result<(), FireError> {
    let longest = longest(store, loaded, campaign, step, now).await?;
    match longest.findings.into_iter().next() {
        None => Ok(()),
        Some(finding) => Err(FireError::TooLong(TooLong(finding))),
    }
}

/// What it takes to say a step.
struct Work {
    loaded: Loaded,
    campaign: Campaign,
    step: Step,
}

impl Work {
    fn said(&self, compiled: &Compiled, readers: &[Person]) -> Longest {
        channel::longest(&self.loaded.0, &self.campaign, &self.step, compiled, readers)
    }
}

/// Somebody of whom this is known, and who can be reached.
fn reader(channel: &Channel, known: &BTreeMap<String, String>) -> Person {
    let mut attributes: serde_json::Map<_, _> =
        known.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
    if let Some(Address::Attribute(name)) = address(channel) {
        attributes.entry(name).or_insert_with(|| Value::from("0"));
    }
    let field = |name: &str| known.get(name).cloned();
    Person {
        email: field("email").or_else(|| Some("somebody@example.com".to_owned())),
        phone: field("phone").or_else(|| Some("+8613800138000".to_owned())),
        external_id: field("external_id"),
        language: None,
        timezone: field("timezone"),
        attributes,
    }
}

/// How long the longest values are: not what they say.
fn in_the_audience(known: &BTreeMap<String, String>) -> String {
    if known.is_empty() {
        return String::new();
    }
    let lengths = known.iter().map(|(name, value)| format!("{name} has up to {}", value.chars().count()));
    format!("In this audience {} characters. ", lengths.collect::<Vec<_>>().join(", "))
}
