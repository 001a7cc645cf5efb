//! The channel of a step, and what a contact must have to get what it says.

use campaign::{Channel, Per, Step, Workspace};
use store::Address;

use crate::fire_error::{FireError, Missing};

/// The channel of a step.
pub(crate) fn channel<'a>(workspace: &'a Workspace, step: &Step) -> Result<&'a Channel, FireError> {
    let channel = workspace.channels.get(&step.channel);
    channel.ok_or_else(|| FireError::Missing(Missing::Channel(step.channel.clone())))
}

/// What a contact must have to get what the channel says; `None` for a channel that speaks to its own feed.
#[must_use]
pub fn address(channel: &Channel) -> Option<Address> {
    let speaks_to_contacts = channel.kind.per() == Per::Contact;
    speaks_to_contacts.then(|| match channel.kind.address() {
        campaign::Address::Email => Address::Email,
        campaign::Address::Phone => Address::Phone,
        campaign::Address::Attribute(name) => Address::Attribute(name),
        campaign::Address::Anywhere => Address::Anyone,
    })
}
