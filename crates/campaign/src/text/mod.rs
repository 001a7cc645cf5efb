//! Addresses, numbers and languages as types that cannot be wrong.

mod email;
mod language;
mod mailbox;
mod phone;
mod phrase;

pub use email::{BadAddress, EmailAddress};
pub use language::{BadLanguage, Language};
pub use mailbox::{BadMailbox, Mailbox};
pub use phone::{BadPhone, Phone};
pub use phrase::{phrase, phrases};
