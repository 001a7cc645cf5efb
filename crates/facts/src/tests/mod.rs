//! Tests of the values found in texts.

mod values;
