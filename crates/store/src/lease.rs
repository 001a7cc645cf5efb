//! Leases: a worker's claim, and what becomes of it when the worker is gone.

use crate::{LeaseId, Millis, Store, StoreError};

/// What was found in the hands of workers that are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TakenOver {
    /// Claimed but not begun: queued again.
    pub released: u64,
    /// Begun without a recorded answer, to be sent again: counted as `repeat`.
    pub resent: u64,
    /// Begun without a recorded answer, left `uncertain` for a person.
    pub held: u64,
}

impl Store {
    /// A lease for a worker until `expires_at`. Its number is its epoch: never given twice.
    pub async fn lease_open(
        &self,
        _worker: &str,
        _now: Millis,
        _expires_at: Millis,
    ) -> Result<LeaseId, StoreError> {
        todo!()
    }

    /// Keeps a lease alive. False when it had expired and was taken over: the worker must stop.
    pub async fn lease_renew(&self, _id: LeaseId, _expires_at: Millis) -> Result<bool, StoreError> {
        todo!()
    }

    /// Takes over what expired leases held, and deletes them. Writes an `unknown` attempt for each begun one.
    pub async fn lease_sweep(&self, _now: Millis) -> Result<TakenOver, StoreError> {
        todo!()
    }

    /// Gives everything unbegun back and ends the lease.
    pub async fn lease_close(&self, _id: LeaseId, _now: Millis) -> Result<(), StoreError> {
        todo!()
    }
}
