//! Tests of the measures, against the networks' own vectors and properties that hold for every
//! text.

mod facets;
mod lengths;
mod linkedin;
mod mastodon;
mod properties;
mod sms;
