//! Look-up of the step and the contact that a command names.

use campaign::{Campaign, Step};
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

/// Returns the contact with this e-mail address, phone number or external id.
pub(crate) async fn find_contact(app: &App, address: &str) -> anyhow::Result<Contact> {
    let found = app.store.contact_find(address).await?;
    found.ok_or_else(|| {
        user_error(format!(
            "no contact has the address {address:?}; import it first: `chorus contacts import FILE`"
        ))
    })
}
