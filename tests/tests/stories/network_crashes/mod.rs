//! SIGKILL at every step of a post: no network gets a post twice without a person's decision, and
//! none is lost unreported.

mod network_fixture;
mod pause_cancel;
mod steps;
mod two_workers;
mod volume;
