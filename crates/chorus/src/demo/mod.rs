//! The world around the demo, all of it on this machine: a place that plays the social platforms, and people
//! who open, click and buy.

mod audience;
mod feed_page;
mod habits;
mod platform;
mod tracked;

pub(crate) use audience::{World, simulate};
pub(crate) use platform::Platform;
