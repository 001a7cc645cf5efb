//! Whether every channel says the same: facts compared as values, claims that are no facts, and what must not
//! be said. Pure: texts in, findings with places out.

mod market;
mod rule;

pub use self::market::Market;
pub use self::rule::{Rule, Silence};
