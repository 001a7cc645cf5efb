//! What the ledger comes to for one contact, and its text in `contacts.consents`.

use std::collections::BTreeMap;

use database::RowError;

use super::{ConsentKind, EntryKind};

/// The state of one consent: the latest entry of its purpose and kind of address counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentState {
    /// Messages may be sent.
    Granted,
    /// The contact agreed and has not confirmed it.
    Pending,
    /// The contact withdrew their consent, or refused.
    Withdrawn,
}

impl ConsentState {
    /// Returns the state after an entry.
    #[must_use]
    pub fn after(entry: EntryKind) -> Self {
        match entry {
            EntryKind::Request => Self::Pending,
            EntryKind::Grant | EntryKind::Confirm => Self::Granted,
            EntryKind::Withdraw | EntryKind::Object => Self::Withdrawn,
        }
    }

    fn sign(self) -> char {
        match self {
            Self::Granted => '+',
            Self::Pending => '?',
            Self::Withdrawn => '-',
        }
    }

    fn of_sign(sign: char) -> Option<Self> {
        [Self::Granted, Self::Pending, Self::Withdrawn].into_iter().find(|state| state.sign() == sign)
    }
}

/// The consents of a contact by purpose and kind of address. A pair without a state is unknown,
/// and unknown is not yes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Consents(BTreeMap<(String, ConsentKind), ConsentState>);

impl Consents {
    /// Returns the state of one consent, if the contact has an entry for it.
    #[must_use]
    pub fn state(&self, purpose: &str, kind: ConsentKind) -> Option<ConsentState> {
        self.0.get(&(purpose.to_owned(), kind)).copied()
    }

    /// Returns true if messages for the purpose may be sent to addresses of this kind.
    #[must_use]
    pub fn is_granted(&self, purpose: &str, kind: ConsentKind) -> bool {
        self.state(purpose, kind) == Some(ConsentState::Granted)
    }

    /// Returns all consents, by purpose and kind of address.
    pub fn iter(&self) -> impl Iterator<Item = (&str, ConsentKind, ConsentState)> {
        self.0.iter().map(|((purpose, kind), state)| (purpose.as_str(), *kind, *state))
    }

    /// Sets the state of one consent.
    pub(crate) fn set(&mut self, purpose: &str, kind: ConsentKind, state: ConsentState) {
        self.0.insert((purpose.to_owned(), kind), state);
    }

    /// Returns the text of `contacts.consents`: ` news:email+ news:phone- `, empty for none.
    #[must_use]
    pub fn stored(&self) -> String {
        let mut text = String::new();
        for (purpose, kind, state) in self.iter() {
            text.push_str(&format!(" {purpose}:{kind}{} ", state.sign()));
        }
        text
    }
}

impl TryFrom<String> for Consents {
    type Error = RowError;

    fn try_from(stored: String) -> Result<Self, Self::Error> {
        let unknown =
            |name: &str| RowError::UnknownName { kind: "Consents", name: name.chars().take(100).collect() };
        let item = |item: &str| {
            let sign = item.chars().next_back()?;
            let (purpose, kind) = item[..item.len() - sign.len_utf8()].split_once(':')?;
            let kind = ConsentKind::try_from(kind.to_owned()).ok()?;
            Some(((purpose.to_owned(), kind), ConsentState::of_sign(sign)?))
        };
        let items = stored.split_ascii_whitespace().map(|text| item(text).ok_or_else(|| unknown(text)));
        items.collect::<Result<_, _>>().map(Self)
    }
}

impl serde::Serialize for Consents {
    /// Writes `{"news": {"email": "granted"}}`.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut purposes: BTreeMap<&str, BTreeMap<&str, ConsentState>> = BTreeMap::new();
        for (purpose, kind, state) in self.iter() {
            purposes.entry(purpose).or_default().insert(kind.as_str(), state);
        }
        purposes.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_read_back() {
        let mut consents = Consents::default();
        assert_eq!(consents.stored(), "");
        consents.set("news", ConsentKind::Phone, ConsentState::Withdrawn);
        consents.set("news", ConsentKind::Email, ConsentState::Granted);
        consents.set("events", ConsentKind::Other, ConsentState::Pending);
        assert_eq!(consents.stored(), " events:other?  news:email+  news:phone- ");
        assert_eq!(Consents::try_from(consents.stored()).unwrap(), consents);
        assert!(consents.is_granted("news", ConsentKind::Email));
        assert!(!consents.is_granted("events", ConsentKind::Other), "not confirmed");
        assert!(!consents.is_granted("news", ConsentKind::Other), "unknown is not yes");
    }

    #[test]
    fn a_text_of_a_later_version_is_an_error() {
        for text in ["news:fax+", "news:email", "news+", "é"] {
            assert!(Consents::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
