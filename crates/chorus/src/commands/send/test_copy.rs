//! The recipients of test copies: any address that neither complained nor bounced.

use campaign::{EmailAddress, Phone, Step};
use scheduler::TestCopy;
use store::{AddressKind, RecipientAddress, SuppressionReason};

use crate::lookup::find_contact;
use crate::setup::App;
use terminal::output::user_error;

/// Maximum number of test copies of one command.
const MAX_TEST_COPIES: usize = 20;

/// The value of `--to` that stands for the addresses of `[brand] seeds`.
const SEEDS: &str = "seeds";

/// Returns the test copies for the values of `--to`, filled with the values of `contact` if given.
pub(super) async fn copies(
    app: &App,
    step: &Step,
    to: &[String],
    contact: Option<&str>,
) -> anyhow::Result<Vec<TestCopy>> {
    let workspace = app.workspace();
    let channel = workspace.channels.get(&step.channel);
    let Some(address) = channel.and_then(scheduler::required_address) else {
        return Err(user_error(format!(
            "{} posts to {}'s own feed, which is public: `chorus preview` shows the post, `send` without \
             --to posts it",
            step.id, step.channel
        )));
    };
    let to = expand(app, to)?;
    if to.len() > MAX_TEST_COPIES {
        let count = to.len();
        return Err(user_error(format!(
            "at most {MAX_TEST_COPIES} test copies can be sent at once; these are {count}"
        )));
    }
    let shown = match contact {
        Some(contact) => Some(find_contact(app, contact).await?.id),
        None => None,
    };
    let mut copies = Vec::new();
    for text in to {
        copies.push(copy(app, &address, &text, shown).await?);
    }
    Ok(copies)
}

fn expand(app: &App, to: &[String]) -> anyhow::Result<Vec<String>> {
    let seeds = &app.workspace().brand.seeds;
    let mut expanded = Vec::new();
    for text in to {
        if text != SEEDS {
            expanded.push(text.clone());
        } else if seeds.is_empty() {
            return Err(user_error(
                "[brand] in chorus.toml has no seeds; add a line such as `seeds = [\"you@example.com\"]`",
            ));
        } else {
            expanded.extend(seeds.iter().map(ToString::to_string));
        }
    }
    Ok(expanded)
}

async fn copy(
    app: &App,
    address: &RecipientAddress,
    text: &str,
    shown: Option<store::ContactId>,
) -> anyhow::Result<TestCopy> {
    let (kind, known) = match address {
        RecipientAddress::Email => {
            let parsed = EmailAddress::parse(text);
            (
                AddressKind::Email,
                parsed.map_err(|error| user_error(format!("{text:?}: {error}")))?.to_string(),
            )
        }
        RecipientAddress::Phone => {
            let parsed = Phone::parse(text);
            (
                AddressKind::Phone,
                parsed.map_err(|error| user_error(format!("{text:?}: {error}")))?.to_string(),
            )
        }
        // An account on a network is an attribute of the contact.
        RecipientAddress::Attribute(_) | RecipientAddress::Anyone => {
            let contact = find_contact(app, text).await?;
            return Ok(TestCopy { contact: Some(contact.id), address: None });
        }
    };
    if let Some(suppression) = app.store.suppression_get(kind, &known).await?
        && matches!(suppression.reason, SuppressionReason::Complained | SuppressionReason::Bounced)
    {
        let why = dashboard::words::reason(suppression.reason.as_str());
        return Err(user_error(format!("no test copy goes to {known}: {why}; use another address")));
    }
    let contact = match shown {
        Some(contact) => Some(contact),
        None => app.store.contact_find(&known).await?.map(|contact| contact.id),
    };
    Ok(TestCopy { contact, address: Some(known) })
}
