//! Event counts and sums of money that rates, funnels and series are computed from.

use std::collections::BTreeMap;
use std::iter::Sum;
use std::ops::{Add, AddAssign};

use money::Money;
use serde::Serialize;

/// Event counts of a set of deliveries: those of one step, a channel, an hour, or all. Sums
/// saturate.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// Deliveries accepted by the relay or platform.
    pub sent: i64,
    /// Deliveries that were refused permanently.
    pub failed: i64,
    /// Deliveries skipped, when the run was planned or later.
    pub suppressed: i64,
    /// Deliveries that a delivery report says arrived.
    pub delivered: i64,
    /// Deliveries opened by a person, each once.
    pub opened: i64,
    /// Deliveries clicked by a person, each once.
    pub clicked: i64,
    /// Clicks by people, repeated ones included.
    pub clicks: i64,
    /// Opens and clicks by machines.
    pub machine: i64,
    /// Conversions credited to deliveries.
    pub converted: i64,
    /// Deliveries that led to an unsubscription, each once.
    pub unsubscribed: i64,
    /// Deliveries that bounced after the relay accepted them.
    pub bounced: i64,
    /// Deliveries marked as spam by the recipient.
    pub complained: i64,
    /// Value of the conversions, by currency code.
    pub revenue: BTreeMap<String, Money>,
    /// Cost of sending, by currency code.
    pub cost: BTreeMap<String, Money>,
}

impl Counts {
    /// Returns true if every count is zero and there is no money.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl AddAssign<&Self> for Counts {
    fn add_assign(&mut self, other: &Self) {
        for (mine, theirs) in [
            (&mut self.sent, other.sent),
            (&mut self.failed, other.failed),
            (&mut self.suppressed, other.suppressed),
            (&mut self.delivered, other.delivered),
            (&mut self.opened, other.opened),
            (&mut self.clicked, other.clicked),
            (&mut self.clicks, other.clicks),
            (&mut self.machine, other.machine),
            (&mut self.converted, other.converted),
            (&mut self.unsubscribed, other.unsubscribed),
            (&mut self.bounced, other.bounced),
            (&mut self.complained, other.complained),
        ] {
            *mine = mine.saturating_add(theirs);
        }
        merge(&mut self.revenue, &other.revenue);
        merge(&mut self.cost, &other.cost);
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        *self += &other;
    }
}

impl Add for Counts {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self += &other;
        self
    }
}

impl Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(rows: I) -> Self {
        rows.fold(Self::default(), Add::add)
    }
}

impl<'a> Sum<&'a Self> for Counts {
    fn sum<I: Iterator<Item = &'a Self>>(rows: I) -> Self {
        rows.fold(Self::default(), |mut sum, row| {
            sum += row;
            sum
        })
    }
}

fn merge(mine: &mut BTreeMap<String, Money>, theirs: &BTreeMap<String, Money>) {
    for (currency, amount) in theirs {
        let sum = mine.entry(currency.clone()).or_default();
        *sum = sum.saturating_add(*amount);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn money() -> impl Strategy<Value = BTreeMap<String, Money>> {
        let amount = (-1_000_000_000_i64..1_000_000_000).prop_map(Money::from_millionths);
        proptest::collection::btree_map("(CNY|EUR|USD)", amount, 0..3)
    }

    fn counts() -> impl Strategy<Value = Counts> {
        (proptest::array::uniform12(0_i64..1_000_000_000), money(), money()).prop_map(
            |(
                [sent, failed, suppressed, delivered, opened, clicked, clicks, machine, converted, u, b, c],
                r,
                k,
            )| {
                Counts {
                    sent,
                    failed,
                    suppressed,
                    delivered,
                    opened,
                    clicked,
                    clicks,
                    machine,
                    converted,
                    unsubscribed: u,
                    bounced: b,
                    complained: c,
                    revenue: r,
                    cost: k,
                }
            },
        )
    }

    proptest! {
        #[test]
        fn sums_are_commutative_and_associative(a in counts(), b in counts(), c in counts()) {
            prop_assert_eq!(a.clone() + b.clone(), b.clone() + a.clone());
            prop_assert_eq!((a.clone() + b.clone()) + c.clone(), a + (b + c));
        }

        #[test]
        fn a_sum_includes_every_row(rows in proptest::collection::vec(counts(), 0..6)) {
            let sum: Counts = rows.iter().sum();
            prop_assert_eq!(sum.sent, rows.iter().map(|r| r.sent).sum::<i64>());
            prop_assert_eq!(sum.complained, rows.iter().map(|r| r.complained).sum::<i64>());
            for currency in ["CNY", "EUR", "USD"] {
                let all = |of: fn(&Counts) -> &BTreeMap<String, Money>| {
                    rows.iter().filter_map(|r| of(r).get(currency)).map(|amount| amount.millionths()).sum::<i64>()
                };
                prop_assert_eq!(sum.revenue.get(currency).copied().unwrap_or_default().millionths(), all(|r| &r.revenue));
                prop_assert_eq!(sum.cost.get(currency).copied().unwrap_or_default().millionths(), all(|r| &r.cost));
            }
        }
    }

    #[test]
    fn sums_saturate() {
        let huge = Counts { sent: i64::MAX, ..Counts::default() };
        assert_eq!((huge.clone() + huge).sent, i64::MAX);
    }
}
