//! chorus.
fn main() {}
