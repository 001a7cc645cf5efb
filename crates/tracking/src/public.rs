//! The state that all handlers of public paths share.

use store::{Clock, Store};

use crate::Signer;
use crate::goals::Goals;
use crate::links::Links;
use crate::writer::Intake;

/// The header in which a hit of the demo says when it happens, in UTC milliseconds: its people do in minutes what others
/// do in days. Nobody else is asked.
pub const SIMULATED_AT: &str = "chorus-simulated-at";

/// What the handlers share.
#[derive(Debug)]
pub(crate) struct Public {
    pub store: Store,
    pub signer: Signer,
    pub clock: Clock,
    pub goals: Goals,
    pub api_key: Option<String>,
    pub brand: String,
    pub links: Links,
    pub intake: Intake,
    /// True if hits say themselves when they happen.
    pub is_simulated: bool,
}
