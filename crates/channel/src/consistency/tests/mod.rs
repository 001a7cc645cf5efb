//! What the module promises, in tables: one row, one case.

mod facts;
mod law;
mod links;
mod random;
mod sample;
