//! Figures computed from counts: rates with their base, and earnings.

use std::collections::BTreeMap;

use money::Money;
use serde::Serialize;

use crate::counts::Counts;
use crate::proportion::Proportion;

/// The denominator of rates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Base {
    /// The deliveries that a delivery report says arrived.
    Delivered,
    /// The deliveries that the relay or platform accepted, if delivery reports exist for less than
    /// half of them.
    Sent,
}

/// Rates of deliveries to people, each with its numerator and denominator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Rates {
    /// The denominator of `open`, `click`, `conversion`, `unsubscribe` and `complaint`.
    pub base: Base,
    /// Accepted deliveries, of those sent or failed.
    pub acceptance: Proportion,
    /// Permanently refused deliveries, of those sent or failed.
    pub failure: Proportion,
    /// Delivered messages, of those sent or failed; `None` if [`Self::base`] is [`Base::Sent`].
    pub delivery: Option<Proportion>,
    /// Deliveries that bounced after acceptance, of those sent.
    pub bounce: Proportion,
    /// Deliveries opened by a person, of the base.
    pub open: Proportion,
    /// Deliveries clicked by a person, of the base.
    pub click: Proportion,
    /// Deliveries clicked, of those opened.
    pub click_to_open: Proportion,
    /// Conversions credited, of the base. It has no value as a rate if there are more conversions
    /// than deliveries.
    pub conversion: Proportion,
    /// Deliveries that led to an unsubscription, of the base.
    pub unsubscribe: Proportion,
    /// Deliveries marked as spam, of the base. Gmail and Yahoo require less than 0.1 %, and act at
    /// 0.3 %.
    pub complaint: Proportion,
}

/// An amount of money with its currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Amount {
    /// The amount in `currency`.
    pub amount: Money,
    /// ISO 4217 code of the currency.
    pub currency: String,
}

/// Revenue and cost in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Earnings {
    /// Value of the credited conversions.
    pub revenue: Money,
    /// Cost of the deliveries sent.
    pub cost: Money,
    /// Revenue minus cost; negative for a loss.
    pub profit: Money,
    /// Return on investment: `profit / cost`, so that 0 is break-even and 1 means revenue of twice
    /// the cost. `None` without cost, and if there are amounts in other currencies, which cannot be
    /// compared.
    pub roi: Option<f64>,
}

/// Rates and earnings computed from counts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// The counts that the figures are computed from.
    pub counts: Counts,
    /// Rates; `None` for posts on a feed, whose number of readers is unknown.
    pub rates: Option<Rates>,
    /// Earnings by currency code, for every currency with revenue or cost.
    pub money: BTreeMap<String, Earnings>,
    /// Cost over conversions, rounded to the nearest millionth. `None` without conversions or cost,
    /// or with costs in several currencies.
    pub cost_per_conversion: Option<Amount>,
}

impl Figures {
    /// Computes the figures of messages to people.
    #[must_use]
    pub fn of(counts: &Counts) -> Self {
        Self { rates: Some(Rates::of(counts)), ..Self::of_feed(counts) }
    }

    /// Computes the figures of posts on a feed: one post has many readers, so there are no rates.
    #[must_use]
    pub fn of_feed(counts: &Counts) -> Self {
        Self {
            counts: counts.clone(),
            rates: None,
            money: money(counts),
            cost_per_conversion: cost_per_conversion(counts),
        }
    }
}

impl Rates {
    fn of(counts: &Counts) -> Self {
        let finished = counts.sent.saturating_add(counts.failed);
        let base = Base::of(counts);
        let of_base = |part| Proportion::new(part, base.count(counts));
        Self {
            base,
            acceptance: Proportion::new(counts.sent, finished),
            failure: Proportion::new(counts.failed, finished),
            delivery: (base == Base::Delivered).then(|| Proportion::new(counts.delivered, finished)),
            bounce: Proportion::new(counts.bounced, counts.sent),
            open: of_base(counts.opened),
            click: of_base(counts.clicked),
            click_to_open: Proportion::new(counts.clicked, counts.opened),
            conversion: of_base(counts.converted),
            unsubscribe: of_base(counts.unsubscribed),
            complaint: of_base(counts.complained),
        }
    }
}

impl Base {
    /// Returns the base of the rates of `counts`: [`Base::Delivered`] if reports of delivery or
    /// bounce exist for at least half of the sent messages, so that a few stray reports do not turn
    /// 400 opens of 10,000 into 400 of 3.
    #[must_use]
    pub fn of(counts: &Counts) -> Self {
        let reported = counts.delivered.saturating_add(counts.bounced);
        if counts.delivered > 0 && reported >= counts.sent / 2 { Self::Delivered } else { Self::Sent }
    }

    /// Returns the number of deliveries in this base.
    #[must_use]
    pub const fn count(self, counts: &Counts) -> i64 {
        match self {
            Self::Delivered => counts.delivered,
            Self::Sent => counts.sent,
        }
    }
}

fn money(counts: &Counts) -> BTreeMap<String, Earnings> {
    let mut money: BTreeMap<String, Earnings> = BTreeMap::new();
    let none = Earnings { revenue: Money::ZERO, cost: Money::ZERO, profit: Money::ZERO, roi: None };
    for (currency, revenue) in counts.revenue.iter().filter(|(_, amount)| !amount.is_zero()) {
        money.entry(currency.clone()).or_insert(none).revenue = *revenue;
    }
    for (currency, cost) in counts.cost.iter().filter(|(_, amount)| !amount.is_zero()) {
        money.entry(currency.clone()).or_insert(none).cost = *cost;
    }
    let comparable = money.len() == 1;
    for row in money.values_mut() {
        row.profit = row.revenue.saturating_sub(row.cost);
        row.roi = (comparable && row.cost > Money::ZERO).then(|| ratio(row.profit, row.cost));
    }
    money
}

fn cost_per_conversion(counts: &Counts) -> Option<Amount> {
    let mut costs = counts.cost.iter().filter(|(_, amount)| **amount > Money::ZERO);
    let (currency, cost) = costs.next()?;
    if costs.next().is_some() || counts.converted <= 0 {
        return None;
    }
    let micros = cost.millionths().saturating_add(counts.converted / 2) / counts.converted;
    Some(Amount { amount: Money::from_millionths(micros), currency: currency.clone() })
}

#[allow(clippy::cast_precision_loss, reason = "a ratio of money is read to three digits")]
fn ratio(part: Money, whole: Money) -> f64 {
    part.millionths() as f64 / whole.millionths() as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn amounts(rows: &[(&str, i64)]) -> BTreeMap<String, Money> {
        rows.iter().map(|(currency, amount)| ((*currency).to_owned(), Money::from(*amount))).collect()
    }

    #[test]
    fn each_rate_has_its_numerator_and_denominator() {
        let counts = Counts {
            sent: 950,
            failed: 50,
            opened: 400,
            clicked: 100,
            clicks: 130,
            converted: 19,
            unsubscribed: 2,
            complained: 1,
            ..Counts::default()
        };
        let rates = Figures::of(&counts).rates.unwrap();
        assert_eq!(rates.base, Base::Sent);
        assert_eq!(rates.acceptance, Proportion::new(950, 1_000));
        assert_eq!(rates.failure, Proportion::new(50, 1_000));
        assert_eq!(rates.delivery, None);
        assert_eq!(rates.open, Proportion::new(400, 950));
        assert_eq!(rates.click, Proportion::new(100, 950));
        assert_eq!(rates.click_to_open, Proportion::new(100, 400));
        assert_eq!(rates.conversion, Proportion::new(19, 950));
        assert_eq!(rates.unsubscribe, Proportion::new(2, 950));
        assert_eq!(rates.complaint, Proportion::new(1, 950));
    }

    #[test]
    fn delivery_reports_become_the_base_once_they_cover_half() {
        let mut counts = Counts { sent: 1_000, failed: 20, delivered: 3, opened: 400, ..Counts::default() };
        assert_eq!(Figures::of(&counts).rates.unwrap().open, Proportion::new(400, 1_000));
        counts.delivered = 480;
        counts.bounced = 20;
        let rates = Figures::of(&counts).rates.unwrap();
        assert_eq!((rates.base, rates.open), (Base::Delivered, Proportion::new(400, 480)));
        assert_eq!(rates.delivery, Some(Proportion::new(480, 1_020)));
        assert_eq!(rates.bounce, Proportion::new(20, 1_000));
    }

    #[test]
    fn a_feed_has_counts_and_no_rates() {
        let figures = Figures::of_feed(&Counts { sent: 1, clicks: 57, clicked: 57, ..Counts::default() });
        assert_eq!(figures.rates, None);
        assert_eq!(figures.counts.clicks, 57);
    }

    #[test]
    fn return_on_investment_is_profit_over_cost() {
        let counts = Counts {
            converted: 3,
            revenue: amounts(&[("CNY", 300_000_000)]),
            cost: amounts(&[("CNY", 100_000_000)]),
            ..Counts::default()
        };
        let figures = Figures::of(&counts);
        let money = figures.money["CNY"];
        assert_eq!((money.profit, money.roi), (Money::from(200_000_000), Some(2.0)));
        assert_eq!(
            figures.cost_per_conversion,
            Some(Amount { amount: Money::from(33_333_333), currency: "CNY".into() })
        );
    }

    #[test]
    fn two_currencies_have_no_return_on_investment() {
        let counts = Counts {
            converted: 1,
            revenue: amounts(&[("USD", 5_000_000)]),
            cost: amounts(&[("CNY", 1_000_000)]),
            ..Counts::default()
        };
        let figures = Figures::of(&counts);
        assert_eq!(figures.money["CNY"].roi, None);
        assert_eq!(figures.money["CNY"].profit, Money::from(-1_000_000));
        assert_eq!(figures.money["USD"].roi, None);
        assert_eq!(figures.cost_per_conversion.unwrap().currency, "CNY");
    }

    #[test]
    fn cost_without_revenue_is_lost_and_revenue_without_cost_has_no_return() {
        let spent = Counts { cost: amounts(&[("CNY", 7)]), ..Counts::default() };
        assert_eq!(Figures::of(&spent).money["CNY"].roi, Some(-1.0));
        assert_eq!(Figures::of(&spent).cost_per_conversion, None);
        let free =
            Counts { revenue: amounts(&[("CNY", 7)]), cost: amounts(&[("EUR", 0)]), ..Counts::default() };
        assert_eq!(Figures::of(&free).money["CNY"].roi, None);
        assert_eq!(Figures::of(&free).money.len(), 1);
    }

    proptest! {
        #[test]
        fn no_counts_make_it_panic(numbers in proptest::array::uniform8(any::<i64>())) {
            let [sent, failed, delivered, bounced, opened, converted, revenue, cost] = numbers;
            let counts = Counts {
                sent, failed, delivered, bounced, opened, converted,
                revenue: amounts(&[("CNY", revenue)]),
                cost: amounts(&[("CNY", cost)]),
                ..Counts::default()
            };
            let figures = Figures::of(&counts);
            prop_assert_eq!(figures.counts, counts);
        }
    }
}
