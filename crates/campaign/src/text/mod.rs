//! E-mail addresses, phone numbers and languages as types whose values are always valid.

mod email;
mod language;
mod mailbox;
mod phone;
mod phrase;

pub use email::{BadAddress, EmailAddress};
pub use language::{BadLanguage, Language};
pub use mailbox::{BadMailbox, Mailbox};
pub use phone::{BadPhone, Phone};
pub use phrase::{find_phrase, find_phrases};
