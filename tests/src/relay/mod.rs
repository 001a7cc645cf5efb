//! A scripted SMTP server for tests and benchmarks. It accepts messages as fast as a real server,
//! follows a script of delays and refusals, and records how far each message came: what was sent,
//! how often and when is counted here, independently of the sender.

mod parse;
mod record;
mod script;
mod session;
mod shared;
#[cfg(test)]
mod tests;

use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::child::until;
use crate::rng::Rng;
pub use record::{ConnectionRecord, MessageIndex, MessageRecord};
pub use script::{Phase, RecipientFilter, RelayAction, Rule, Script};
use session::Session;
use shared::{PhaseHook, PortState, Shared, lock};

/// A running relay. Clients connect to its [`RelayListener`]s.
#[derive(Debug, Clone)]
pub struct Relay {
    shared: Arc<Shared>,
}

/// A listening port of a relay, which identifies the process that connects to it. Dropping it
/// closes its connections.
#[derive(Debug)]
pub struct RelayListener {
    /// The port number on 127.0.0.1.
    pub port: u16,
    port_state: Arc<PortState>,
    listening: Option<JoinHandle<()>>,
}

impl Relay {
    /// Creates a relay that follows a script.
    #[must_use]
    pub fn new(script: Script) -> Self {
        let shared = Shared {
            script: Mutex::new(Arc::new(script)),
            known_recipients: Mutex::default(),
            connections: Mutex::default(),
            hooks: Mutex::default(),
            hook_count: AtomicUsize::new(0),
            accepted: AtomicUsize::new(0),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Replaces the script, with effect from the next command on.
    pub fn set_script(&self, script: Script) {
        *lock(&self.shared.script) = Arc::new(script);
    }

    /// Returns the messages that the relay has accepted so far, on all connections.
    #[must_use]
    pub fn accepted_messages(&self) -> Vec<MessageRecord> {
        let connections = lock(&self.shared.connections);
        let messages = connections.iter().flat_map(|connection| lock(connection).messages.clone());
        messages.filter(|message| message.accepted).collect()
    }

    /// Opens a port on 127.0.0.1.
    ///
    /// # Errors
    /// Fails when the system has no free port.
    pub fn listen(&self) -> Result<RelayListener> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("cannot listen")?;
        let port = listener.local_addr()?.port();
        let port_state =
            Arc::new(PortState { port, shut: AtomicBool::new(false), streams: Mutex::default() });
        let (shared, own) = (Arc::clone(&self.shared), Arc::clone(&port_state));
        let listening = thread::Builder::new().spawn(move || accept_connections(&listener, &shared, &own))?;
        Ok(RelayListener { port, port_state, listening: Some(listening) })
    }

    /// Returns the number of messages accepted since the start or the last [`Relay::reset`].
    #[must_use]
    pub fn accepted_count(&self) -> usize {
        self.shared.accepted.load(Ordering::Relaxed)
    }

    /// Returns all connections since the start or the last [`Relay::reset`].
    #[must_use]
    pub fn connections(&self) -> Vec<ConnectionRecord> {
        lock(&self.shared.connections).iter().map(|connection| lock(connection).clone()).collect()
    }

    /// Removes the records of connections that have ended, and counts accepted messages from 0
    /// again.
    pub fn reset(&self) {
        lock(&self.shared.connections).retain(|connection| lock(connection).closed.is_none());
        self.shared.accepted.store(0, Ordering::Relaxed);
    }

    /// Returns the messages on a port whose outcome the client did not know when it was killed:
    /// their final dot has arrived, and nothing shows that the answer was read. There is at most
    /// one for each connection. Call this once the port is idle, since the system may still buffer
    /// sent data.
    #[must_use]
    pub fn unconfirmed(&self, port: u16, killed_at: Instant) -> Vec<MessageIndex> {
        let connections = lock(&self.shared.connections);
        let of_port = connections.iter().enumerate().filter_map(|(number, connection)| {
            let connection = lock(connection);
            let message = (connection.port == port).then(|| connection.unconfirmed(killed_at))??;
            Some(MessageIndex { connection: number, message })
        });
        of_port.collect()
    }

    /// Calls a function when a port sees a phase for the `nth` time from now. It runs in the
    /// connection's own thread before anything is answered.
    pub fn on_phase(&self, port: u16, at: Phase, nth: u64, callback: impl FnOnce() + Send + 'static) {
        lock(&self.shared.hooks).push(PhaseHook {
            port,
            at,
            remaining: nth.max(1),
            callback: Box::new(callback),
        });
        self.shared.hook_count.fetch_add(1, Ordering::Relaxed);
    }

    /// Removes the callbacks of a port. None of them runs after this returns.
    pub fn clear_hooks(&self, port: u16) {
        let mut hooks = lock(&self.shared.hooks);
        hooks.retain(|hook| hook.port != port);
        self.shared.hook_count.store(hooks.len(), Ordering::Relaxed);
    }
}

impl PortState {
    fn is_shut(&self) -> bool {
        self.shut.load(Ordering::Relaxed)
    }

    fn shut(&self) {
        self.shut.store(true, Ordering::Relaxed);
        for stream in lock(&self.streams).values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn accept_connections(listener: &TcpListener, shared: &Arc<Shared>, port_state: &Arc<PortState>) {
    for (number, stream) in (0_u64..).zip(listener.incoming()) {
        if port_state.is_shut() {
            break;
        }
        let Ok(stream) = stream else { continue };
        let _ = stream.set_nodelay(true);
        let Ok(copy) = stream.try_clone() else { continue };
        lock(&port_state.streams).insert(number, copy);
        let rng = Rng::seeded(shared.script().seed ^ (u64::from(port_state.port) << 32 | number));
        let session = Session::new(stream, Arc::clone(shared), Arc::clone(port_state), rng);
        let port_state = Arc::clone(port_state);
        let spawned = thread::Builder::new().stack_size(256 * 1024).spawn(move || {
            session.run();
            lock(&port_state.streams).remove(&number);
        });
        drop(spawned);
    }
}

impl RelayListener {
    /// Returns the number of open connections.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        lock(&self.port_state.streams).len()
    }

    /// Waits until everything that was sent to the port has been read and every connection has
    /// ended.
    ///
    /// # Errors
    /// Fails after ten seconds, when a client still holds a connection.
    pub fn wait_until_idle(&self) -> Result<()> {
        until("connections to end", Duration::from_secs(10), || {
            Ok((self.open_connections() == 0).then_some(()))
        })
    }
}

impl Drop for RelayListener {
    fn drop(&mut self) {
        self.port_state.shut();
        // One more connection wakes up the listening thread.
        let _ = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], self.port)));
        if let Some(listening) = self.listening.take() {
            let _ = listening.join();
        }
        // A client may have connected meanwhile.
        self.port_state.shut();
    }
}
