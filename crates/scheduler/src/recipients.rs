//! The channel of a step, and the address that a contact needs to receive its messages.

use campaign::{Campaign, Channel, Per, Step, Workspace};
use store::RecipientAddress;

use crate::fire_error::{FireError, Missing};

/// Returns the channel of a step.
///
/// # Errors
/// The files do not have it.
pub(crate) fn channel<'a>(workspace: &'a Workspace, step: &Step) -> Result<&'a Channel, FireError> {
    let channel = workspace.channels.get(&step.channel);
    channel.ok_or_else(|| FireError::Missing(Missing::Channel(step.channel.clone())))
}

/// Returns the id of the purpose whose consent each recipient of a campaign must have given; `None`
/// where no consent is needed.
#[must_use]
pub fn required_purpose(campaign: &Campaign) -> Option<&str> {
    campaign.purpose.is_marketing.then(|| campaign.purpose.id.as_str())
}

/// Returns the address that a contact needs for a channel; `None` for a channel that posts to its
/// own feed.
#[must_use]
pub fn required_address(channel: &Channel) -> Option<RecipientAddress> {
    let is_per_contact = channel.kind.per() == Per::Contact;
    is_per_contact.then(|| match channel.kind.address() {
        campaign::ContactAddress::Email => RecipientAddress::Email,
        campaign::ContactAddress::Phone => RecipientAddress::Phone,
        campaign::ContactAddress::Attribute(name) => RecipientAddress::Attribute(name),
        campaign::ContactAddress::NotNeeded => RecipientAddress::Anyone,
    })
}
