//! The lookup of the mail servers by which a channel groups its receivers.

use campaign::Channel;
use channel::Dns;
use tokio::task::JoinSet;

use crate::pacing::Servers;

/// Starts the lookup of mail servers, for a channel that groups its receivers by them.
pub(super) fn servers(channel: &Channel, tasks: &mut JoinSet<()>) -> Servers {
    if !channel.receivers.by_server() {
        return Servers::not_asked();
    }
    match Dns::of_machine() {
        Ok(dns) => Servers::asking(dns, tasks),
        Err(error) => {
            tracing::warn!(%error, "receivers are taken by their domains");
            Servers::not_asked()
        }
    }
}
