//! What the values of texts are, in the reader's order.

mod values;
