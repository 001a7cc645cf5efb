//! The ids of rows: a newtype over `i64` for each table.

/// Makes a newtype for the id of a row.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, sqlx::Type)]
        #[serde(transparent)]
        #[sqlx(transparent)]
        pub struct $name(pub i64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// The id of a contact: 1 to 2³²−1. [`ContactId::FEED`], 0, stands for the channel's own feed.
    ContactId
);
id!(
    /// The id of a run: 1 to 2³¹−1.
    RunId
);
id!(
    /// The id of a delivery, made of its run and its contact: run × 2³² + contact.
    DeliveryId
);
id!(
    /// The id of a worker's lease.
    LeaseId
);
id!(
    /// The id of a revision: one compiled version of a step.
    RevisionId
);
id!(
    /// The id of a link: a registered destination of clicks.
    LinkId
);
id!(
    /// The random 64-bit name of a run, never given twice: see `store::DeliveryName`.
    RunName
);
id!(
    /// The name of a link in signed URLs, never given twice: random, 2³² to 2⁶³−1. Links that were
    /// registered before names existed have the id of their row.
    LinkName
);

/// [`ID_SPACE`] as a literal, for the texts of statements.
#[macro_export]
macro_rules! id_space {
    () => {
        4_294_967_296
    };
}

/// 2³², the bound below which the ids of contacts and of links are. The id of a run times it, plus
/// the id of a contact, is the id of a delivery.
pub const ID_SPACE: i64 = id_space!();

/// The number of bits of a contact's id within a delivery's.
const CONTACT_BITS: u32 = ID_SPACE.trailing_zeros();

impl ContactId {
    /// The contact of a delivery that goes to the channel's own feed.
    pub const FEED: Self = Self(0);

    /// The highest id that a contact can have.
    pub const MAX: Self = Self(ID_SPACE - 1);
}

impl DeliveryId {
    /// Makes the id of the delivery of `run` to `contact`.
    #[must_use]
    pub const fn new(run: RunId, contact: ContactId) -> Self {
        Self((run.0 << CONTACT_BITS) | contact.0)
    }

    /// Returns the run of the delivery.
    #[must_use]
    pub const fn run(self) -> RunId {
        RunId(self.0 >> CONTACT_BITS)
    }

    /// Returns the contact that the delivery goes to, or [`ContactId::FEED`].
    #[must_use]
    pub const fn contact(self) -> ContactId {
        ContactId(self.0 & ContactId::MAX.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_id_is_made_of_its_run_and_its_contact() {
        for contact in [ContactId::FEED, ContactId(1), ContactId::MAX] {
            let delivery = DeliveryId::new(RunId(7), contact);
            assert_eq!((delivery.run(), delivery.contact()), (RunId(7), contact));
            assert_eq!(delivery.0, 7 * ID_SPACE + contact.0);
        }
        assert_eq!(concat!(id_space!()), ID_SPACE.to_string(), "statements have the same number");
    }
}
