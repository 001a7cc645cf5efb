//! The step and the contact that a command names.

use campaign::{Campaign, Step};
use store::Contact;

use crate::output::wrong;
use crate::setup::Opened;

/// The named step, or the campaign's first.
pub(crate) fn find_step<'a>(campaign: &'a Campaign, name: Option<&str>) -> anyhow::Result<&'a Step> {
    let found = match name {
        None => campaign.steps.first(),
        Some(name) => campaign.steps.iter().find(|step| step.id.as_str() == name),
    };
    found.ok_or_else(|| {
        let known: Vec<_> = campaign.steps.iter().map(|step| step.id.as_str()).collect();
        let name = name.unwrap_or_default();
        wrong(format!("{} has no step {name:?}; it has: {}", campaign.id, known.join(", ")))
    })
}

/// The contact with this address.
pub(crate) async fn find_contact(opened: &Opened, address: &str) -> anyhow::Result<Contact> {
    let found = opened.store.contact_find(address).await?;
    found.ok_or_else(|| {
        wrong(format!(
            "no contact has the address {address:?}; import it first: `chorus contacts import FILE`"
        ))
    })
}
