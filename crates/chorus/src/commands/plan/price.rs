//! What one message costs, where that depends on what it says.

use campaign::{Channel, Money};
use channel::Spoken;
use measure::Unit;

/// What a post on X costs, in US dollars: 0.015, or 0.200 with an address in it (docs.x.com,
/// getting-started/pricing, August 2026).
const X_POST: Money = Money::from_millionths(15_000);
const X_POST_WITH_LINK: Money = Money::from_millionths(200_000);

/// What one message of a step costs at most, and in which currency. A text message is paid for by its segments; X
/// has a price of its own, which counts where the channel says none.
pub(super) fn price(channel: &Channel, said: &[&Spoken]) -> (Money, String) {
    let segments = said.iter().flat_map(|spoken| &spoken.budgets);
    let segments =
        segments.filter(|budget| budget.unit == Unit::Segments).map(|budget| budget.measured).max();
    let parts = i64::try_from(segments.unwrap_or(1).max(1)).unwrap_or(i64::MAX);
    match &channel.cost {
        Some(cost) => (cost.per_message.saturating_mul(parts), cost.currency.to_string()),
        None if channel.kind.name() == "x" && said.iter().any(|spoken| spoken.text.contains("://")) => {
            (X_POST_WITH_LINK, "USD".to_owned())
        }
        None if channel.kind.name() == "x" => (X_POST, "USD".to_owned()),
        None => (Money::ZERO, String::new()),
    }
}
