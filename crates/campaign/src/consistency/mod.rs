//! The words of files about what may be said: rules with their names, silences, markets.

mod market;
mod rule;

pub use self::market::Market;
pub use self::rule::{Rule, Silence};
