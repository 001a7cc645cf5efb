//! Extraction of prices, dates, percentages, quantities and forbidden terms from English and
//! Chinese texts.
//!
//! [`values`] returns the values in a text with their positions; a [fact](Fact) can be searched for
//! in a text: verbatim, or by the same values and words. "¥199", "199 yuan" and "199 元" are one
//! price.
//!
//! Invariants:
//! - This crate takes texts and returns values with positions. It depends on no campaign, file or
//!   clock.
//! - Every position is a range of bytes whose ends lie between characters.
//! - No text makes it panic, and its running time is proportional to the length of the text.
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
mod measure;
mod normalized_text;
mod number;
mod scan;
mod tokenized_text;
mod value;

#[cfg(test)]
mod tests;

pub use self::absolute::terms as absolute_terms;
pub use self::fact::{Fact, MIN_CONTEXT};
pub use self::normalized_text::is_han;
pub use self::number::MICROS_PER_ONE;
pub use self::scan::{FoundValue, values};
pub use self::tokenized_text::{Token, TokenizedText};
pub use self::value::{QuantityUnit, StatedCurrency, Value};
