//! The vocabulary of consistency checks: rules with their stable names, silenced rules, markets.

mod market;
mod rule;

pub use self::market::Market;
pub use self::rule::{ConsistencyRule, SilencedRule};
