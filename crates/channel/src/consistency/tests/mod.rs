//! Tests of the consistency check, mostly as tables with one case in each row.

mod facts;
mod law;
mod links;
mod random;
mod sample;
