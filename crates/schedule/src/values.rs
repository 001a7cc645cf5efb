//! The set of values of a cron field.

/// A set of numbers from 0 to 63, such as the values of a cron field; bit n stands for n.
#[derive(serde::Serialize, serde::Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(transparent)]
pub(crate) struct Values(u64);

impl Values {
    pub(crate) const EMPTY: Self = Self(0);

    /// Returns the set of all values from `low` to `high`, both included.
    pub(crate) fn span((low, high): (i8, i8)) -> Self {
        (low..=high).fold(Self::EMPTY, |mut all, value| {
            all.insert(value);
            all
        })
    }

    pub(crate) fn one(value: i8) -> Self {
        Self::span((value, value))
    }

    /// Adds a value of 0 to 63; every caller has checked it against a field's bounds.
    pub(crate) fn insert(&mut self, value: i8) {
        self.0 |= 1 << value;
    }

    pub(crate) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn has(self, value: i8) -> bool {
        self.0 >> value & 1 == 1
    }

    /// Returns the smallest member that is at least `value`, which may be one above the field's
    /// maximum.
    pub(crate) fn at_or_after(self, value: i8) -> Option<i8> {
        let rest = self.0 & (u64::MAX << value);
        if rest == 0 { None } else { i8::try_from(rest.trailing_zeros()).ok() }
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = i8> {
        (0..64).filter(move |&value| self.has(value))
    }

    pub(crate) const fn len(self) -> u32 {
        self.0.count_ones()
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }
}
