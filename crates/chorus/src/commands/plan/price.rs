//! The price of one message, which may depend on its text.

use campaign::{Channel, Money};
use channel::RenderedStep;
use measure::Unit;

/// Price of a post on X in US dollars (docs.x.com, getting-started/pricing, August 2026).
const X_POST: Money = Money::from_millionths(15_000);
/// Price of a post on X that contains a URL, in US dollars (same source).
const X_POST_WITH_LINK: Money = Money::from_millionths(200_000);

/// Returns the maximum price of one message of a step and its currency code. SMS are priced by
/// segment. For X, its list price is used if the channel sets none.
pub(super) fn price(channel: &Channel, messages: &[&RenderedStep]) -> (Money, String) {
    let segments = messages.iter().flat_map(|spoken| &spoken.budgets);
    let segments =
        segments.filter(|budget| budget.unit == Unit::Segments).map(|budget| budget.measured).max();
    let parts = i64::try_from(segments.unwrap_or(1).max(1)).unwrap_or(i64::MAX);
    match &channel.cost {
        Some(cost) => (cost.per_message.saturating_mul(parts), cost.currency.to_string()),
        None if channel.kind.name() == "x" && messages.iter().any(|spoken| spoken.text.contains("://")) => {
            (X_POST_WITH_LINK, "USD".to_owned())
        }
        None if channel.kind.name() == "x" => (X_POST, "USD".to_owned()),
        None => (Money::ZERO, String::new()),
    }
}
