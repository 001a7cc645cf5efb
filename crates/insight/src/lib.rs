//! Statistics of deliveries: rates with their base and interval, money, funnels and time series, as
//! pure functions over plain numbers.
//!
//! Start with [`Counts`], the counted events; [`Figures::of`] computes rates and earnings from
//! them.
//!
//! Invariants:
//! - This crate reads no clock, no file and no database.
//! - A rate keeps its numerator and denominator. It has a value only if they form a proportion, and
//!   its interval contains the value and lies within 0 and 1.
//! - Amounts in different currencies are neither added nor compared.
//! - A post on a feed has no rates, because its number of readers is unknown.
//!
//! ```
//! use insight::{Base, Counts, Figures};
//!
//! let counts = Counts { sent: 950, failed: 50, opened: 380, ..Counts::default() };
//! let rates = Figures::of(&counts).rates.expect("messages to people have rates");
//! assert_eq!(rates.acceptance.value(), Some(0.95));
//! assert_eq!((rates.base, rates.open.denominator), (Base::Sent, 950));
//! let interval = rates.open.interval().expect("380 of 950 is a proportion");
//! assert!(interval.low < 0.4 && 0.4 < interval.high);
//! assert_eq!(Figures::of_feed(&counts).rates, None);
//! ```
//!
//! # Definitions
//! Vendors disagree about every rate, so each figure here carries its numerator and its
//! denominator.
//!
//! | figure | numerator | denominator |
//! |---|---|---|
//! | acceptance | sent | sent + failed |
//! | failure | failed | sent + failed |
//! | delivery | delivered | sent + failed; only where delivery reports exist |
//! | bounce | bounced after acceptance | sent |
//! | open, click, unsubscribe, complaint | people who did it | the [`Base`] |
//! | click-to-open | people who clicked | people who opened |
//! | conversion | conversions credited | the [`Base`] |
//!
//! The base is the delivered messages if delivery reports exist for at least half of the sent ones,
//! else the sent messages: SparkPost divides by accepted, Braze by deliveries (their metrics
//! documentation), and `sent` is the closest figure that a relay's answer alone can give. Opens and
//! clicks are the first ones by people: machines are counted separately, and the unsubscribe link
//! is not a click. A click counts as an open, as with SparkPost's "confirmed opens". A post on a
//! feed has no known number of readers, so [`Figures::of_feed`] returns counts without rates.

mod counts;
mod figures;
mod funnel;
mod proportion;
mod series;

pub use counts::Counts;
pub use figures::{Amount, Base, Earnings, Figures, Rates};
pub use funnel::{Funnel, Stage, StageName};
pub use proportion::{Interval, Proportion};
pub use series::{MAX_BUCKETS, Point, Series};
