//! The state that the connections of a relay share.

use std::collections::{BTreeMap, HashSet};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::record::Line;
use super::script::{Phase, Script};

/// The state of a relay, for all its connections.
pub(super) struct Shared {
    pub(super) script: Mutex<Arc<Script>>,
    /// Every recipient that was ever named.
    pub(super) heard: Mutex<HashSet<String>>,
    pub(super) lines: Mutex<Vec<Arc<Mutex<Line>>>>,
    pub(super) traps: Mutex<Vec<Trap>>,
    pub(super) armed: AtomicUsize,
    pub(super) accepted: AtomicUsize,
}

/// The state of a port, for all its connections.
#[derive(Debug)]
pub(super) struct Gate {
    pub(super) port: u16,
    pub(super) shut: AtomicBool,
    /// Connections that are open.
    pub(super) streams: Mutex<BTreeMap<u64, TcpStream>>,
}

/// A callback for the time when a port has seen a phase this many times.
pub(super) struct Trap {
    pub(super) port: u16,
    pub(super) at: Phase,
    pub(super) left: u64,
    pub(super) spring: Box<dyn FnOnce() + Send>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("script", &self.script).finish_non_exhaustive()
    }
}

/// Locks a mutex, a poisoned one too: the counters behind it are complete at any time.
pub(super) fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn script(&self) -> Arc<Script> {
        Arc::clone(&held(&self.script))
    }

    pub(super) fn spring(&self, port: u16, at: Phase) {
        if self.armed.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut traps = held(&self.traps);
        let Some(found) = traps.iter().position(|trap| trap.port == port && trap.at == at) else { return };
        traps[found].left -= 1;
        if traps[found].left == 0 {
            // Under the lock, so that whoever disarms knows that it is over.
            (traps.swap_remove(found).spring)();
            self.armed.store(traps.len(), Ordering::Relaxed);
        }
    }

    pub(super) fn count(&self, accepted: bool) {
        self.accepted.fetch_add(usize::from(accepted), Ordering::Relaxed);
    }
}
