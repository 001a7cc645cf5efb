//! Consent: the ledger of what people agreed to and withdrew, and what it comes to for a contact.

mod ledger;
mod standing;
mod take_over;

use database::{ContactId, Millis, enum_names};

pub use ledger::change_in;
pub use ledger::{ConsentEntry, LedgerReport};
pub(crate) use ledger::{Ledger, NewEntry, changed_kinds};
pub use standing::{ConsentState, Consents};

/// The purpose of databases and workspaces that name none.
pub const DEFAULT_PURPOSE: &str = "news";

/// A kind of address that a consent covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentKind {
    /// E-mail.
    Email,
    /// Text messages and calls.
    Phone,
    /// Addresses on networks, and receivers that identify contacts by themselves.
    Other,
}

enum_names!(ConsentKind, {
    Email => "email",
    Phone => "phone",
    Other => "other",
});

/// The kind of an entry in the ledger of consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// The contact agreed.
    Grant,
    /// The contact agreed and has to confirm it: the purpose asks for a double opt-in.
    Request,
    /// The contact agreed, and confirmed it from their own address.
    Confirm,
    /// The contact withdrew a consent, or refused one.
    Withdraw,
    /// The contact complained or objected.
    Object,
}

enum_names!(EntryKind, {
    Grant => "grant",
    Request => "request",
    Confirm => "confirm",
    Withdraw => "withdraw",
    Object => "object",
});

/// The legal basis of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Consent: a freely given, informed yes (GDPR, article 6 (1) a; PIPL, article 13).
    Consent,
    /// Soft opt-in: told at a purchase, with a way to refuse (Directive 2002/58/EC, article 13
    /// (2)).
    SoftOptIn,
    /// Contract: needed for what the contact ordered (GDPR, article 6 (1) b).
    Contract,
    /// Unproven: a yes without evidence, such as one that an earlier version of Chorus stored.
    #[default]
    Unproven,
    /// None: the entry withdraws or objects.
    None,
}

enum_names!(Basis, {
    Consent => "consent",
    SoftOptIn => "soft_opt_in",
    Contract => "contract",
    Unproven => "unproven",
    None => "none",
});

/// The evidence of consents that are entered together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The id of the purpose.
    pub purpose: String,
    /// True if a yes counts only once the contact confirms it: grants are entered as requests.
    pub needs_confirmation: bool,
    /// The legal basis of the grants.
    pub basis: Basis,
    /// The way in which the answer arrived, such as `import`, `command` or `unsubscribe-page`.
    pub method: String,
    /// The command, person or page that made the entry.
    pub actor: String,
    /// The place where the answer was given, such as a form's URL or a file's name.
    pub source: Option<String>,
    /// The version of the text that the contact agreed to.
    pub text_version: Option<String>,
    /// The time at which the answer was given; `None` for the time of the entry.
    pub given_at: Option<Millis>,
}

impl Default for Evidence {
    fn default() -> Self {
        Self {
            purpose: DEFAULT_PURPOSE.to_owned(),
            needs_confirmation: false,
            basis: Basis::Unproven,
            method: "import".to_owned(),
            actor: "command".to_owned(),
            source: None,
            text_version: None,
            given_at: None,
        }
    }
}

impl Evidence {
    /// Returns the entry by which an answer is entered: a grant that has to be confirmed is a
    /// request.
    pub(crate) fn entry(&self, answer: EntryKind) -> EntryKind {
        if answer == EntryKind::Grant && self.needs_confirmation { EntryKind::Request } else { answer }
    }
}

/// SQL condition: contact `c` has not consented to what run `r` is for, on the kind of address it
/// needs. `r.purpose` is null where no consent is needed.
#[macro_export]
macro_rules! lacks_consent {
    () => {
        "(r.purpose is not null
          and replace(c.consents, ' ' || r.purpose || ':' || case r.address when 'email' then 'email'
                when 'phone' then 'phone' else 'other' end || '+ ', '') is not distinct from c.consents)"
    };
}

/// A change of one contact's consent, made by a person and not by an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentChange {
    /// The id of the contact.
    pub contact: ContactId,
    /// The kind of the entry.
    pub entry: EntryKind,
    /// The kinds of address that it covers; empty for all.
    pub kinds: Vec<ConsentKind>,
}
