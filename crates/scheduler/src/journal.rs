//! The journal of a worker: a small file beside the database that records the state of each
//! delivery that the worker has begun.
//!
//! The database knows which deliveries were begun; between its commits a worker may send hundreds.
//! The journal records for each of them whether its last bytes were handed over and whether its
//! answer came. Each record is one write of sixteen bytes into the page cache: it survives the end
//! of the process, however that ends, and costs no flush. So the worker that takes over after `kill
//! -9` sends again only what was waiting for its final answer.
//!
//! The journal does not survive the machine: after another boot, or on another machine, everything
//! begun counts as unknown. The file is locked while its process lives; a free lock proves that the
//! process is dead.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use store::{DeliveryId, JournalEntries, JournalEntry, LeaseId, Millis};
use tokio::time::Instant;

/// The length of the header at the start of the file, in bytes. The slots follow it.
const HEADER_SIZE: usize = 256;
/// The length of a slot in bytes: delivery (8, little-endian), attempt (4), entry (1), unused (3).
const SLOT_SIZE: usize = 16;
/// The number of slots that the file grows by. They are written with zeros, so that a disk that
/// becomes full later takes none of them away.
const SLOTS_PER_BLOCK: usize = 1024;

/// The journal of one lease, open and locked.
#[derive(Debug, Clone)]
pub(crate) struct Journal(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    file: File,
    slots: Mutex<SlotTable>,
    /// The time until which no other worker can have taken the lease over, in milliseconds after
    /// `opened_at`.
    trusted_until: AtomicU64,
    opened_at: Instant,
}

#[derive(Debug, Default)]
struct SlotTable {
    /// The number of slots in the file.
    count: usize,
    /// The numbers of the slots that no delivery uses.
    free: Vec<usize>,
}

/// The slot of one attempt of a delivery. Dropping it frees the slot, which must happen after its
/// outcome is recorded in the database.
#[derive(Debug)]
pub(crate) struct JournalSlot {
    journal: Journal,
    slot: usize,
    delivery: DeliveryId,
    attempt: u32,
}

/// The journal of another worker, as it was found on this machine.
#[derive(Debug)]
pub(crate) enum OtherJournal {
    /// There is no journal here: the worker ran on another machine, or removed its journal.
    Missing,
    /// The process of the worker lives.
    Alive(JournalEntries),
    /// The process of the worker is dead.
    Dead(JournalEntries),
}

/// Checks that journals can be written: makes a file of the length of a new journal in `folder`,
/// and removes it again.
pub(crate) fn require_writable(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let path = folder.join(format!("check-{}", std::process::id()));
    let written = fs::write(&path, [0; HEADER_SIZE + SLOTS_PER_BLOCK * SLOT_SIZE]);
    remove(&path);
    written
}

impl Journal {
    /// Creates the journal of a lease, and locks it before it gets its name.
    pub(crate) fn create(folder: &Path, lease: LeaseId, acquired_at: Millis) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let path = path(folder, lease);
        let unnamed = path.with_extension("new");
        let mut file = File::options().create(true).truncate(true).read(true).write(true).open(&unnamed)?;
        file.try_lock().map_err(io::Error::from)?;
        file.write_all(&header(lease, acquired_at))?;
        fs::rename(&unnamed, &path)?;
        let inner = Inner {
            path,
            file,
            slots: Mutex::default(),
            trusted_until: AtomicU64::new(0),
            opened_at: Instant::now(),
        };
        inner.grow(&mut inner.lock())?;
        Ok(Self(Arc::new(inner)))
    }

    /// Takes a free slot for an attempt of a delivery.
    pub(crate) fn acquire_slot(&self, delivery: DeliveryId, attempt: i64) -> io::Result<JournalSlot> {
        let mut slots = self.0.lock();
        if slots.free.is_empty() {
            self.0.grow(&mut slots)?;
        }
        let slot = slots.free.pop().ok_or_else(|| io::Error::other("no slot"))?;
        let attempt = u32::try_from(attempt).unwrap_or(u32::MAX);
        Ok(JournalSlot { journal: self.clone(), slot, delivery, attempt })
    }

    /// Sets the time until which the lease is certainly still this worker's.
    pub(crate) fn trust_until(&self, until: Instant) {
        let after = until.saturating_duration_since(self.0.opened_at).as_millis();
        self.0.trusted_until.store(u64::try_from(after).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Returns true while the lease is certainly this worker's.
    pub(crate) fn is_trusted(&self) -> bool {
        let now = self.0.opened_at.elapsed().as_millis();
        u64::try_from(now).unwrap_or(u64::MAX) < self.0.trusted_until.load(Ordering::Relaxed)
    }

    /// Removes the file, when nothing in it is needed any more.
    pub(crate) fn remove(self) {
        remove(&self.0.path);
    }
}

impl Inner {
    fn lock(&self) -> std::sync::MutexGuard<'_, SlotTable> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn grow(&self, slots: &mut SlotTable) -> io::Result<()> {
        self.file.write_all_at(&[0; SLOTS_PER_BLOCK * SLOT_SIZE], offset(slots.count))?;
        slots.free.extend((slots.count..slots.count + SLOTS_PER_BLOCK).rev());
        slots.count += SLOTS_PER_BLOCK;
        Ok(())
    }
}

impl JournalSlot {
    /// Records that the last bytes are handed over now. Returns false where they must not be:
    /// another worker may have taken the lease over, or the record cannot be written.
    ///
    /// Checks the lease again after the write: a process that is suspended in between may wake up
    /// when another worker has read the journal without the record.
    pub(crate) fn commit(&self) -> bool {
        let is_written = self.journal.is_trusted()
            && self.write(JournalEntry::HandedOver).inspect_err(warn_unwritable).is_ok();
        is_written && self.journal.is_trusted()
    }

    /// Records the answer of the server.
    pub(crate) fn answered(&self, accepted: bool) {
        let entry = if accepted { JournalEntry::Accepted } else { JournalEntry::Refused };
        // Where the write fails, the attempt counts as unknown after a crash.
        let _ = self.write(entry).inspect_err(warn_unwritable);
    }

    fn write(&self, entry: JournalEntry) -> io::Result<()> {
        let mut bytes = [0; SLOT_SIZE];
        bytes[..8].copy_from_slice(&self.delivery.0.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.attempt.to_le_bytes());
        bytes[12] = encode(entry);
        self.journal.0.file.write_all_at(&bytes, offset(self.slot))
    }
}

impl Drop for JournalSlot {
    fn drop(&mut self) {
        self.journal.0.lock().free.push(self.slot);
    }
}

/// Reads the journal of another worker's lease.
pub(crate) fn find(folder: &Path, lease: LeaseId, acquired_at: Millis) -> io::Result<OtherJournal> {
    let mut file = match File::open(path(folder, lease)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(OtherJournal::Missing),
        Err(error) => return Err(error),
    };
    let is_dead = file.try_lock().is_ok();
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let Some((found, slots)) = bytes.split_at_checked(HEADER_SIZE) else { return Ok(OtherJournal::Missing) };
    if found != header(lease, acquired_at) {
        // It belongs to another database, or to an earlier boot: it proves nothing.
        return Ok(OtherJournal::Missing);
    }
    let entries = read_entries(slots);
    Ok(if is_dead { OtherJournal::Dead(entries) } else { OtherJournal::Alive(entries) })
}

/// Removes the journal of a lease that was taken over.
pub(crate) fn remove_journal(folder: &Path, lease: LeaseId) {
    remove(&path(folder, lease));
}

fn remove(path: &Path) {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(path = %path.display(), %error, "cannot remove a journal");
        }
        _ => {}
    }
}

/// Reads the entries from the slots. An attempt that was returned without being counted may leave
/// an older entry beside its new one: the one that is further along counts.
fn read_entries(slots: &[u8]) -> JournalEntries {
    let mut entries = JournalEntries::new();
    for slot in slots.chunks_exact(SLOT_SIZE) {
        let (delivery, rest) = slot.split_at(8);
        let (attempt, rest) = rest.split_at(4);
        let (Ok(delivery), Ok(attempt)) = (delivery.try_into(), attempt.try_into()) else { continue };
        let Some(entry) = rest.first().and_then(|code| decode(*code)) else { continue };
        let key = (DeliveryId(i64::from_le_bytes(delivery)), i64::from(u32::from_le_bytes(attempt)));
        let known = entries.entry(key).or_insert(entry);
        *known = entry.max(*known);
    }
    entries
}

/// Returns the byte that a slot holds for an entry.
const fn encode(entry: JournalEntry) -> u8 {
    match entry {
        JournalEntry::Refused => 1,
        JournalEntry::HandedOver => 2,
        JournalEntry::Accepted => 3,
    }
}

/// Returns the entry for the byte of a slot; `None` for an unused slot.
const fn decode(code: u8) -> Option<JournalEntry> {
    match code {
        1 => Some(JournalEntry::Refused),
        2 => Some(JournalEntry::HandedOver),
        3 => Some(JournalEntry::Accepted),
        _ => None,
    }
}

fn path(folder: &Path, lease: LeaseId) -> PathBuf {
    folder.join(format!("{lease}.journal"))
}

fn offset(slot: usize) -> u64 {
    (HEADER_SIZE + slot * SLOT_SIZE) as u64
}

/// Makes the header of a journal: its lease, and the boot of the machine.
fn header(lease: LeaseId, acquired_at: Millis) -> Vec<u8> {
    let boot = boot();
    let mut header =
        format!("chorus journal 1\nlease {lease}\nsince {acquired_at}\nboot {boot}\n").into_bytes();
    header.resize(HEADER_SIZE, b' ');
    header
}

/// Returns the kernel's id of this boot. Where the system has none, a text that is different in
/// every process: then no journal is believed.
fn boot() -> String {
    static BOOT: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    let read = || match fs::read_to_string("/proc/sys/kernel/random/boot_id") {
        Ok(id) => id.trim().chars().take(64).collect(),
        Err(_) => format!("unknown, process {}", std::process::id()),
    };
    BOOT.get_or_init(read).clone()
}

fn warn_unwritable(error: &io::Error) {
    tracing::warn!(%error, "cannot write the journal; nothing is sent until it is possible again");
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn made(folder: &Path) -> Journal {
        let journal = Journal::create(folder, LeaseId(7), Millis::new(1_000)).unwrap();
        journal.trust_until(Instant::now() + Duration::from_secs(60));
        journal
    }

    fn found(folder: &Path) -> Option<(bool, JournalEntries)> {
        match find(folder, LeaseId(7), Millis::new(1_000)).unwrap() {
            OtherJournal::Missing => None,
            OtherJournal::Alive(entries) => Some((true, entries)),
            OtherJournal::Dead(entries) => Some((false, entries)),
        }
    }

    #[test]
    fn it_records_what_was_handed_over_and_what_was_answered() {
        let folder = tempfile::tempdir().unwrap();
        let journal = made(folder.path());
        let entries: Vec<_> = (1..=4).map(|n| journal.acquire_slot(DeliveryId(n), n).unwrap()).collect();
        for entry in &entries[1..] {
            assert!(entry.commit());
        }
        entries[2].answered(true);
        entries[3].answered(false);
        let expected = JournalEntries::from([
            ((DeliveryId(2), 2), JournalEntry::HandedOver),
            ((DeliveryId(3), 3), JournalEntry::Accepted),
            ((DeliveryId(4), 4), JournalEntry::Refused),
        ]);
        assert_eq!(found(folder.path()), Some((true, expected.clone())));
        drop((entries, journal));
        assert_eq!(found(folder.path()), Some((false, expected)));
        remove_journal(folder.path(), LeaseId(7));
        assert_eq!(found(folder.path()), None);
    }

    #[test]
    fn the_entry_that_is_further_along_counts() {
        let folder = tempfile::tempdir().unwrap();
        let journal = made(folder.path());
        let (one, two) = (
            journal.acquire_slot(DeliveryId(1), 1).unwrap(),
            journal.acquire_slot(DeliveryId(1), 1).unwrap(),
        );
        assert!(one.commit() && two.commit());
        two.answered(false);
        assert_eq!(found(folder.path()).unwrap().1[&(DeliveryId(1), 1)], JournalEntry::HandedOver);
    }

    #[test]
    fn nothing_is_handed_over_while_the_lease_is_not_trusted() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::create(folder.path(), LeaseId(7), Millis::new(1_000)).unwrap();
        let entry = journal.acquire_slot(DeliveryId(1), 1).unwrap();
        assert!(!entry.commit());
        journal.trust_until(Instant::now() + Duration::from_secs(60));
        assert!(entry.commit());
        journal.trust_until(Instant::now());
        assert!(!entry.commit());
    }

    #[test]
    fn a_journal_of_another_lease_or_boot_is_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let journal = made(folder.path());
        assert!(matches!(
            find(folder.path(), LeaseId(8), Millis::new(1_000)).unwrap(),
            OtherJournal::Missing
        ));
        assert!(matches!(
            find(folder.path(), LeaseId(7), Millis::new(1_001)).unwrap(),
            OtherJournal::Missing
        ));
        let other = fs::read_to_string(path(folder.path(), LeaseId(7))).unwrap().replace("boot ", "boot x");
        drop(journal);
        fs::write(path(folder.path(), LeaseId(7)), &other).unwrap();
        assert_eq!(found(folder.path()), None);
        for cut in 0..HEADER_SIZE {
            fs::write(path(folder.path(), LeaseId(7)), &other.as_bytes()[..cut]).unwrap();
            assert_eq!(found(folder.path()), None);
        }
    }

    #[test]
    fn slots_are_reused_and_the_file_grows_when_needed() {
        let folder = tempfile::tempdir().unwrap();
        let journal = made(folder.path());
        for _ in 0..3 {
            let entries: Vec<_> =
                (0..3_000).map(|n| journal.acquire_slot(DeliveryId(n + 1), 1).unwrap()).collect();
            assert!(entries.iter().all(JournalSlot::commit));
        }
        let bytes = fs::metadata(path(folder.path(), LeaseId(7))).unwrap().len();
        assert_eq!(bytes, (HEADER_SIZE + 3 * SLOTS_PER_BLOCK * SLOT_SIZE) as u64);
        assert_eq!(found(folder.path()).unwrap().1.len(), 3_000);
    }
}
