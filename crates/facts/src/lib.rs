//! Prices, dates, shares, quantities and forbidden terms in texts, English and Chinese, as values.
//!
//! Its one job is to say which [`values`] a text says and where, and whether a text says a given
//! [fact](Fact): in its own words, or with the same values and names. "¥199", "199 yuan" and "199 元" are one price.
//!
//! Pure: texts in, values with places out. It knows no campaign, no files, no clock; every place is a range of bytes
//! whose ends are between characters; no text makes it panic, and its time grows with the length of the text.
//!
//! ```
//! use facts::{Value, values};
//!
//! let found = values("Now 199 元 until 31 March 2027.");
//! assert_eq!(found.len(), 2);
//! assert!(matches!(found[0].value, Value::Money { micros: 199_000_000, .. }));
//! assert!(found[0].value.agrees(&values("¥199.00")[0].value));
//! ```

mod absolute;
mod calendar;
mod fact;
mod letters;
mod measure;
mod number;
mod reading;
mod scan;
mod value;

#[cfg(test)]
mod tests;

pub use self::absolute::terms as absolute_terms;
pub use self::fact::{Fact, NEAR};
pub use self::letters::is_han;
pub use self::number::ONE;
pub use self::reading::{Reading, Token};
pub use self::scan::{Found, values};
pub use self::value::{Coin, Unit, Value};
