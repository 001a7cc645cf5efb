//! Starts the lookup of the mail servers by which a channel groups its receivers.

use campaign::Channel;
use channel::Dns;
use tokio::task::JoinSet;

use crate::pacing::MxLookup;

/// Starts the lookup of mail servers where a channel groups its receivers by them; else a disabled
/// one.
pub(super) fn start(channel: &Channel, tasks: &mut JoinSet<()>) -> MxLookup {
    if !channel.receivers.groups_by_mx() {
        return MxLookup::disabled();
    }
    match Dns::from_system() {
        Ok(dns) => MxLookup::start(dns, tasks),
        Err(error) => {
            tracing::warn!(%error, "no DNS: each domain is its own receiver");
            MxLookup::disabled()
        }
    }
}
