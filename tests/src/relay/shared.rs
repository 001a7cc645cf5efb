//! The state that the connections of a relay share.

use std::collections::{BTreeMap, HashSet};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::record::ConnectionRecord;
use super::script::{Phase, Script};

/// The state of a relay that all its connections share.
pub(super) struct Shared {
    pub(super) script: Mutex<Arc<Script>>,
    /// Every recipient address that was ever sent in RCPT.
    pub(super) known_recipients: Mutex<HashSet<String>>,
    pub(super) connections: Mutex<Vec<Arc<Mutex<ConnectionRecord>>>>,
    pub(super) hooks: Mutex<Vec<PhaseHook>>,
    pub(super) hook_count: AtomicUsize,
    pub(super) accepted: AtomicUsize,
}

/// The state of a port that all its connections share.
#[derive(Debug)]
pub(super) struct PortState {
    pub(super) port: u16,
    pub(super) shut: AtomicBool,
    /// The open connections by their number.
    pub(super) streams: Mutex<BTreeMap<u64, TcpStream>>,
}

/// A callback that runs when a port has seen a phase a given number of times.
pub(super) struct PhaseHook {
    pub(super) port: u16,
    pub(super) at: Phase,
    pub(super) remaining: u64,
    pub(super) callback: Box<dyn FnOnce() + Send>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("script", &self.script).finish_non_exhaustive()
    }
}

/// Locks a mutex, even a poisoned one: the data behind it is complete at any time.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn script(&self) -> Arc<Script> {
        Arc::clone(&lock(&self.script))
    }

    pub(super) fn run_hook(&self, port: u16, at: Phase) {
        if self.hook_count.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut hooks = lock(&self.hooks);
        let Some(found) = hooks.iter().position(|hook| hook.port == port && hook.at == at) else { return };
        hooks[found].remaining -= 1;
        if hooks[found].remaining == 0 {
            // The callback runs under the lock, so that it has finished when `clear_hooks` returns.
            (hooks.swap_remove(found).callback)();
            self.hook_count.store(hooks.len(), Ordering::Relaxed);
        }
    }

    pub(super) fn count(&self, accepted: bool) {
        self.accepted.fetch_add(usize::from(accepted), Ordering::Relaxed);
    }
}
