//! Where test copies go: to any address that neither complained nor bounced.

use campaign::{EmailAddress, Phone, Step};
use scheduler::TestCopy;
use store::{Address, AddressKind, SuppressionReason};

use crate::named::find_contact;
use crate::output::wrong;
use crate::setup::Opened;

/// As many test copies are sent at once.
const MOST: usize = 20;

/// The word for the addresses of `[brand] seeds`.
const SEEDS: &str = "seeds";

/// The copies that were asked for.
pub(super) async fn copies(
    opened: &Opened,
    step: &Step,
    to: &[String],
    contact: Option<&str>,
) -> anyhow::Result<Vec<TestCopy>> {
    let workspace = opened.workspace();
    let channel = workspace.channels.get(&step.channel);
    let Some(address) = channel.and_then(scheduler::address) else {
        return Err(wrong(format!(
            "{} posts to {}'s own feed, for everybody to see: `chorus preview` shows the post, `send` without \
             --to posts it",
            step.id, step.channel
        )));
    };
    let to = expand(opened, to)?;
    if to.len() > MOST {
        return Err(wrong(format!("at most {MOST} test copies go out at once; these are {}", to.len())));
    }
    let shown = match contact {
        Some(contact) => Some(find_contact(opened, contact).await?.id),
        None => None,
    };
    let mut copies = Vec::new();
    for text in to {
        copies.push(copy(opened, &address, &text, shown).await?);
    }
    Ok(copies)
}

fn expand(opened: &Opened, to: &[String]) -> anyhow::Result<Vec<String>> {
    let seeds = &opened.workspace().brand.seeds;
    let mut expanded = Vec::new();
    for text in to {
        if text != SEEDS {
            expanded.push(text.clone());
        } else if seeds.is_empty() {
            return Err(wrong(
                "[brand] in chorus.toml has no seeds; add a line such as `seeds = [\"you@example.com\"]`",
            ));
        } else {
            expanded.extend(seeds.iter().map(ToString::to_string));
        }
    }
    Ok(expanded)
}

async fn copy(
    opened: &Opened,
    address: &Address,
    text: &str,
    shown: Option<store::ContactId>,
) -> anyhow::Result<TestCopy> {
    let (kind, known) = match address {
        Address::Email => {
            let parsed = EmailAddress::parse(text);
            (AddressKind::Email, parsed.map_err(|error| wrong(format!("{text:?}: {error}")))?.to_string())
        }
        Address::Phone => {
            let parsed = Phone::parse(text);
            (AddressKind::Phone, parsed.map_err(|error| wrong(format!("{text:?}: {error}")))?.to_string())
        }
        // Where people are found on a network, only their contact says.
        Address::Attribute(_) | Address::Anyone => {
            let contact = find_contact(opened, text).await?;
            return Ok(TestCopy { contact: Some(contact.id), address: None });
        }
    };
    if let Some(suppression) = opened.store.suppression_get(kind, &known).await?
        && matches!(suppression.reason, SuppressionReason::Complained | SuppressionReason::Bounced)
    {
        let why = dashboard::words::reason(suppression.reason.as_str());
        return Err(wrong(format!("no test copy goes to {known}: {why}; use another address")));
    }
    let contact = match shown {
        Some(contact) => Some(contact),
        None => opened.store.contact_find(&known).await?.map(|contact| contact.id),
    };
    Ok(TestCopy { contact, address: Some(known) })
}
