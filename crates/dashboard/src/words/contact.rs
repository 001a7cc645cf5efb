//! Words of the pages of contacts.

use store::DeliveryState;

use super::{CONTACTS, reason};
use crate::notation::count;

pub(crate) const A_CONTACT: &str = "contact";
pub(crate) const CONTACTS_QUESTION: &str = "Who do you write to?";
pub(crate) const FIND: &str = "Find somebody";
pub(crate) const FIND_EXAMPLE: &str = "ada@example.org";
pub(crate) const FIND_BUTTON: &str = "Find";
pub(crate) const NOBODY_YET: &str = "Nobody yet";
pub(crate) const LANGUAGE: &str = "Language";
pub(crate) const ZONE: &str = "Time zone";
pub(crate) const CONSENT: &str = "Consent";
pub(crate) const EMAIL: &str = "E-mail";
pub(crate) const PHONE: &str = "Phone";
pub(crate) const EXTERNAL_ID: &str = "Your own key";
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

pub(crate) fn nobody_has(wanted: &str) -> String {
    format!("Nobody here has the e-mail address, phone number or key “{wanted}”. Write it whole.")
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

/// A reason as the end of a story.
pub(crate) fn because(state: DeliveryState, why: &str) -> String {
    let why = reason(why);
    match state {
        DeliveryState::Suppressed | DeliveryState::Failed => format!("because {why}"),
        _ => why.to_owned(),
    }
}
