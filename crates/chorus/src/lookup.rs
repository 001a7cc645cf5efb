//! Look-up of the step and the contact that a command names.

use campaign::{Campaign, Purpose, Step, Workspace};
use store::Contact;

use crate::setup::App;
use terminal::output::user_error;

/// Returns the step with this name, or the campaign's first step.
pub(crate) fn find_step<'a>(campaign: &'a Campaign, name: Option<&str>) -> anyhow::Result<&'a Step> {
    let found = match name {
        None => campaign.steps.first(),
        Some(name) => campaign.steps.iter().find(|step| step.id.as_str() == name),
    };
    found.ok_or_else(|| {
        let known: Vec<_> = campaign.steps.iter().map(|step| step.id.as_str()).collect();
        let name = name.unwrap_or_default();
        user_error(format!("{} has no step {name:?}; it has: {}", campaign.id, known.join(", ")))
    })
}

/// Returns the purpose with this name, or the only marketing purpose.
pub(crate) fn find_purpose<'a>(workspace: &'a Workspace, name: Option<&str>) -> anyhow::Result<&'a Purpose> {
    let mut marketing = workspace.purposes.values().filter(|purpose| purpose.is_marketing);
    let found = match name {
        Some(name) => workspace.purposes.values().find(|purpose| purpose.id.as_str() == name),
        None => marketing.next().filter(|_| marketing.next().is_none()),
    };
    found.ok_or_else(|| {
        let known: Vec<_> = workspace.purposes.keys().map(ToString::to_string).collect();
        let known = known.join(", ");
        user_error(match name {
            Some(name) => format!("chorus.toml has no purpose {name:?}; it has: {known}"),
            None => format!("name a purpose with --purpose; chorus.toml has: {known}"),
        })
    })
}

/// Returns the contact with this e-mail address, phone number or external id.
pub(crate) async fn find_contact(app: &App, address: &str) -> anyhow::Result<Contact> {
    let found = app.store.contact_find(address).await?;
    found.ok_or_else(|| {
        user_error(format!(
            "no contact has the address {address:?}; import it first: `chorus contacts import FILE`"
        ))
    })
}
