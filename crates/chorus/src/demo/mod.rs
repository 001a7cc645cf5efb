//! The people around the demo, all of them on this machine: they open, click and buy.

mod audience;
mod habits;
mod tracked;

pub(crate) use audience::{World, simulate};
