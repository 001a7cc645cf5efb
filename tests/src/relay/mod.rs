//! A mail server of our own: takes messages as fast as a real one, behaves as it is told, and remembers of each
//! message how far it came. What was sent, how often and when is counted here, not at the sender.

mod record;
mod script;
mod shared;
mod talk;
#[cfg(test)]
mod tests;
mod wire;

use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::chance::Chance;
use crate::child::until;
pub use record::{Line, Place, Received};
pub use script::{Act, Phase, Rule, Script, Whom};
use shared::{Gate, Shared, Trap, held};
use talk::Talk;

/// A running relay. It is entered through [`Door`]s, and gone when the last of them is.
#[derive(Debug, Clone)]
pub struct Relay {
    shared: Arc<Shared>,
}

/// A port of a relay: who comes through it can be told from all others. Dropping it ends its connections.
#[derive(Debug)]
pub struct Door {
    /// On 127.0.0.1.
    pub port: u16,
    gate: Arc<Gate>,
    listening: Option<JoinHandle<()>>,
}

impl Relay {
    /// A relay that behaves as the script says.
    #[must_use]
    pub fn new(script: Script) -> Self {
        let shared = Shared {
            script: Mutex::new(Arc::new(script)),
            heard: Mutex::default(),
            lines: Mutex::default(),
            traps: Mutex::default(),
            armed: AtomicUsize::new(0),
            accepted: AtomicUsize::new(0),
        };
        Self { shared: Arc::new(shared) }
    }

    /// From now on it behaves so.
    pub fn behave(&self, script: Script) {
        *held(&self.shared.script) = Arc::new(script);
    }

    /// The messages it has taken upon itself so far, on all connections.
    #[must_use]
    pub fn taken(&self) -> Vec<Received> {
        let lines = held(&self.shared.lines);
        let messages = lines.iter().flat_map(|line| held(line).messages.clone());
        messages.filter(|message| message.accepted).collect()
    }

    /// Opens a port.
    ///
    /// # Errors
    /// When the system has none to give.
    pub fn open(&self) -> Result<Door> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("cannot listen")?;
        let port = listener.local_addr()?.port();
        let gate = Arc::new(Gate { port, shut: AtomicBool::new(false), streams: Mutex::default() });
        let (shared, own) = (Arc::clone(&self.shared), Arc::clone(&gate));
        let listening = thread::Builder::new().spawn(move || welcome(&listener, &shared, &own))?;
        Ok(Door { port, gate, listening: Some(listening) })
    }

    /// How many messages it has taken upon itself so far.
    #[must_use]
    pub fn accepted(&self) -> usize {
        self.shared.accepted.load(Ordering::Relaxed)
    }

    /// Everything since it began or was last told to forget.
    #[must_use]
    pub fn lines(&self) -> Vec<Line> {
        held(&self.shared.lines).iter().map(|line| held(line).clone()).collect()
    }

    /// Forgets what came over connections that have ended, and begins to count anew.
    pub fn forget(&self) {
        held(&self.shared.lines).retain(|line| held(line).closed.is_none());
        self.shared.accepted.store(0, Ordering::Relaxed);
    }

    /// The messages that came through a port and were waiting for a final answer, as far as their client could
    /// know when it was struck: their end is here, and nothing shows that the answer was read. At most one for
    /// each connection. To be asked once the port is quiet, as the system may still hold what was sent.
    #[must_use]
    pub fn awaiting(&self, port: u16, struck: Instant) -> Vec<Place> {
        let lines = held(&self.shared.lines);
        let of_port = lines.iter().enumerate().filter_map(|(number, line)| {
            let line = held(line);
            let message = (line.port == port).then(|| line.awaiting(struck))??;
            Some(Place { line: number, message })
        });
        of_port.collect()
    }

    /// Does something, at once and in the connection's own thread, when a port sees a phase for the `nth` time
    /// from now. Nothing is answered meanwhile.
    pub fn arm(&self, port: u16, at: Phase, nth: u64, spring: impl FnOnce() + Send + 'static) {
        held(&self.shared.traps).push(Trap { port, at, left: nth.max(1), spring: Box::new(spring) });
        self.shared.armed.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes the traps of a port away. After this none of them springs.
    pub fn disarm(&self, port: u16) {
        let mut traps = held(&self.shared.traps);
        traps.retain(|trap| trap.port != port);
        self.shared.armed.store(traps.len(), Ordering::Relaxed);
    }
}

impl Gate {
    fn is_shut(&self) -> bool {
        self.shut.load(Ordering::Relaxed)
    }

    fn shut(&self) {
        self.shut.store(true, Ordering::Relaxed);
        for stream in held(&self.streams).values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn welcome(listener: &TcpListener, shared: &Arc<Shared>, gate: &Arc<Gate>) {
    for (number, stream) in (0_u64..).zip(listener.incoming()) {
        if gate.is_shut() {
            break;
        }
        let Ok(stream) = stream else { continue };
        let _ = stream.set_nodelay(true);
        let Ok(copy) = stream.try_clone() else { continue };
        held(&gate.streams).insert(number, copy);
        let chance = Chance::seeded(shared.script().seed ^ (u64::from(gate.port) << 32 | number));
        let talk = Talk::new(stream, Arc::clone(shared), Arc::clone(gate), chance);
        let gate = Arc::clone(gate);
        let spawned = thread::Builder::new().stack_size(256 * 1024).spawn(move || {
            talk.run();
            held(&gate.streams).remove(&number);
        });
        drop(spawned);
    }
}

impl Door {
    /// How many connections are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        held(&self.gate.streams).len()
    }

    /// Waits until everything that was sent through it has been read and every connection has ended.
    ///
    /// # Errors
    /// When that takes more than ten seconds: somebody still holds a connection.
    pub fn quiet(&self) -> Result<()> {
        until("connections to end", Duration::from_secs(10), || Ok((self.connections() == 0).then_some(())))
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.gate.shut();
        // The listening thread wakes up for one more connection.
        let _ = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], self.port)));
        if let Some(listening) = self.listening.take() {
            let _ = listening.join();
        }
        // Somebody may have come in between.
        self.gate.shut();
    }
}
