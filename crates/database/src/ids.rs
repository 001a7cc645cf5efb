//! The numbers of rows.

/// Makes a newtype over a row's number.
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
    /// A contact: 1 to 2³²−1. [`ContactId::FEED`] stands for the channel's own feed.
    ContactId
);
id!(
    /// A run: 1 to 2³¹−1.
    RunId
);
id!(
    /// A delivery: its run and its contact side by side, run × 2³² + contact.
    DeliveryId
);
id!(
    /// A worker's lease.
    LeaseId
);
id!(
    /// A compiled step.
    RevisionId
);
id!(
    /// A registered destination.
    LinkId
);
id!(
    /// The random name of a run, never given twice: see `store::DeliveryName`. 64 bits.
    RunName
);
id!(
    /// The name of a registered destination in signed links, never given twice: random, 2³² to 2⁶³−1. Links
    /// registered before names existed have their row's number.
    LinkName
);

/// [`ID_SPACE`] as a literal, for the texts of statements.
#[macro_export]
macro_rules! id_space {
    () => {
        4_294_967_296
    };
}

/// 2³²: the numbers of contacts and of links are below it, and a run's number times it, plus a contact's, is a
/// delivery's.
pub const ID_SPACE: i64 = id_space!();

/// The number of bits that a contact's number takes in a delivery's.
const CONTACT_BITS: u32 = ID_SPACE.trailing_zeros();

impl ContactId {
    /// The target of a delivery that goes to the channel's own feed.
    pub const FEED: Self = Self(0);

    /// The highest number that a contact can have.
    pub const LAST: Self = Self(ID_SPACE - 1);
}

impl DeliveryId {
    /// The delivery of `run` to `contact`.
    #[must_use]
    pub const fn new(run: RunId, contact: ContactId) -> Self {
        Self((run.0 << CONTACT_BITS) | contact.0)
    }

    /// The run it belongs to.
    #[must_use]
    pub const fn run(self) -> RunId {
        RunId(self.0 >> CONTACT_BITS)
    }

    /// Whom it goes to.
    #[must_use]
    pub const fn contact(self) -> ContactId {
        ContactId(self.0 & ContactId::LAST.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_is_its_run_and_its_contact() {
        for contact in [ContactId::FEED, ContactId(1), ContactId::LAST] {
            let delivery = DeliveryId::new(RunId(7), contact);
            assert_eq!((delivery.run(), delivery.contact()), (RunId(7), contact));
            assert_eq!(delivery.0, 7 * ID_SPACE + contact.0);
        }
        assert_eq!(concat!(id_space!()), ID_SPACE.to_string(), "statements have the same number");
    }
}
