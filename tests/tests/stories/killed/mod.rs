//! kill -9 at every step of a post: no network gets it twice by itself, and none is lost without a word.

mod many;
mod reins;
mod steps;
mod town;
mod twice;
