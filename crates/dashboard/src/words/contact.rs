//! Texts of the contact pages.

use store::DeliveryState;

use super::{CONTACTS, reason};
use crate::format::count;

pub(crate) const A_CONTACT: &str = "contact";
pub(crate) const CONTACTS_QUESTION: &str = "Who do you write to?";
pub(crate) const FIND: &str = "Find a contact";
pub(crate) const FIND_EXAMPLE: &str = "ada@example.org";
pub(crate) const FIND_BUTTON: &str = "Find";
pub(crate) const NO_CONTACTS_YET: &str = "No contacts yet";
pub(crate) const LANGUAGE: &str = "Language";
pub(crate) const ZONE: &str = "Time zone";
pub(crate) const CONSENT: &str = "Consent";
pub(crate) const NO_CONSENT_YET: &str = "None given: nothing that needs consent goes to them.";
pub(crate) const EMAIL: &str = "E-mail";
pub(crate) const PHONE: &str = "Phone";
pub(crate) const EXTERNAL_ID: &str = "Your ID";
pub(crate) const KNOWN_SINCE: &str = "Known since";
pub(crate) const YES: &str = "yes";
pub(crate) const NO: &str = "no";
pub(crate) const TIMELINE: &str = "What happened";
pub(crate) const NOTHING_HAPPENED: &str = "Nothing was sent to them yet, and they did nothing. `chorus explain \
     ADDRESS CAMPAIGN` says why.";
pub(crate) const TIME_UNKNOWN: &str = "Earlier";
pub(crate) const SEE_MESSAGE: &str = "See the message";

pub(crate) fn contacts_lead(total: i64) -> String {
    format!("{} in this workspace.", count(total, CONTACTS))
}

pub(crate) fn no_contact_has(wanted: &str) -> String {
    format!("No contact has the e-mail address, phone number or ID “{wanted}”. Enter the full address.")
}

pub(crate) fn contact_question(name: &str) -> String {
    format!("What happened with {name}?")
}

pub(crate) fn blocked(address: &str, why: &str) -> String {
    format!("Nothing more goes to {address}. {why}.")
}

pub(crate) fn on_channel(channel: &str) -> String {
    format!("on {channel}")
}

/// Returns the reason for a delivery's state, as a clause with "because" if it was not sent.
pub(crate) fn because(state: DeliveryState, why: &str) -> String {
    let why = reason(why);
    match state {
        DeliveryState::Suppressed | DeliveryState::Failed => format!("because {why}"),
        _ => why.to_owned(),
    }
}
