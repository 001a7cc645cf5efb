//! A worker's own memory of what it was at, in a small file beside the database.
//!
//! The database knows which deliveries were begun; between its commits a worker may send hundreds. The journal
//! knows, for each of them, whether its last bytes were let go and whether its answer came. One write of sixteen
//! bytes into the page cache says each: it survives the end of the process, however it ends, and costs no
//! flush. So whoever takes over after `kill -9` sends again only what was waiting for its final answer.
//!
//! It does not survive the machine: then (the boot is another, or the file is elsewhere) everything begun
//! counts as unknown. The file is locked while its process lives: a free lock is a death certificate.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use store::{DeliveryId, LeaseId, Millis, Trace, Traces};
use tokio::time::Instant;

/// Header, then slots of sixteen bytes: delivery (8, little-endian), try (4), what is known (1), nothing (3).
const HEADER: usize = 256;
const SLOT: usize = 16;
/// Slots are made so many at a time, filled, so that a disk that becomes full later takes none of them away.
const BLOCK: usize = 1024;

/// The journal of one lease, open and locked.
#[derive(Debug, Clone)]
pub(crate) struct Journal(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    file: File,
    slots: Mutex<Slots>,
    /// Milliseconds after `since` until which nobody else can have taken the lease over.
    trusted: AtomicU64,
    since: Instant,
}

#[derive(Debug, Default)]
struct Slots {
    made: usize,
    free: Vec<usize>,
}

/// The place of one try in the journal; given back when dropped, which must be after its outcome is recorded.
#[derive(Debug)]
pub(crate) struct Entry {
    journal: Journal,
    slot: usize,
    delivery: DeliveryId,
    attempt: u32,
}

/// What there is of another worker's journal.
#[derive(Debug)]
pub(crate) enum Found {
    /// Nothing here: it ran on another machine, or left nothing.
    Nothing,
    /// Its process lives.
    Alive(Traces),
    /// Its process is gone.
    Dead(Traces),
}

/// Makes a file of the length of a new journal in `folder`, and removes it again.
pub(crate) fn require_writable(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let path = folder.join(format!("check-{}", std::process::id()));
    let written = fs::write(&path, [0; HEADER + BLOCK * SLOT]);
    remove(&path);
    written
}

impl Journal {
    /// Makes the journal of a lease, and locks it before it gets its name.
    pub(crate) fn create(folder: &Path, lease: LeaseId, acquired_at: Millis) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let path = path(folder, lease);
        let unnamed = path.with_extension("new");
        let mut file = File::options().create(true).truncate(true).read(true).write(true).open(&unnamed)?;
        file.try_lock().map_err(io::Error::from)?;
        file.write_all(&header(lease, acquired_at))?;
        fs::rename(&unnamed, &path)?;
        let inner =
            Inner { path, file, slots: Mutex::default(), trusted: AtomicU64::new(0), since: Instant::now() };
        inner.grow(&mut inner.lock())?;
        Ok(Self(Arc::new(inner)))
    }

    /// A place for a try.
    pub(crate) fn entry(&self, delivery: DeliveryId, attempt: i64) -> io::Result<Entry> {
        let mut slots = self.0.lock();
        if slots.free.is_empty() {
            self.0.grow(&mut slots)?;
        }
        let slot = slots.free.pop().ok_or_else(|| io::Error::other("no slot"))?;
        let attempt = u32::try_from(attempt).unwrap_or(u32::MAX);
        Ok(Entry { journal: self.clone(), slot, delivery, attempt })
    }

    /// The lease is certainly still ours until then.
    pub(crate) fn trust(&self, until: Instant) {
        let after = until.saturating_duration_since(self.0.since).as_millis();
        self.0.trusted.store(u64::try_from(after).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// True while the lease is certainly ours.
    pub(crate) fn is_trusted(&self) -> bool {
        let now = self.0.since.elapsed().as_millis();
        u64::try_from(now).unwrap_or(u64::MAX) < self.0.trusted.load(Ordering::Relaxed)
    }

    /// Removes the file: nothing in it is needed any more.
    pub(crate) fn remove(self) {
        remove(&self.0.path);
    }
}

impl Inner {
    fn lock(&self) -> std::sync::MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn grow(&self, slots: &mut Slots) -> io::Result<()> {
        self.file.write_all_at(&[0; BLOCK * SLOT], offset(slots.made))?;
        slots.free.extend((slots.made..slots.made + BLOCK).rev());
        slots.made += BLOCK;
        Ok(())
    }
}

impl Entry {
    /// Notes that the last bytes go now. False when they may not: the lease may be somebody else's by now, or
    /// the note cannot be written.
    ///
    /// Looks at the lease again after the note: a process that is put to sleep in between may wake up when
    /// somebody else has read the journal without it.
    pub(crate) fn commit(&self) -> bool {
        let is_noted = self.journal.is_trusted() && self.note(Trace::Out).inspect_err(told).is_ok();
        is_noted && self.journal.is_trusted()
    }

    /// Notes the answer.
    pub(crate) fn answered(&self, accepted: bool) {
        let trace = if accepted { Trace::Accepted } else { Trace::Refused };
        // Should it fail, the try counts as unknown after a crash.
        let _ = self.note(trace).inspect_err(told);
    }

    fn note(&self, trace: Trace) -> io::Result<()> {
        let mut bytes = [0; SLOT];
        bytes[..8].copy_from_slice(&self.delivery.0.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.attempt.to_le_bytes());
        bytes[12] = code(trace);
        self.journal.0.file.write_all_at(&bytes, offset(self.slot))
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.journal.0.lock().free.push(self.slot);
    }
}

/// Looks for the journal of another worker's lease.
pub(crate) fn find(folder: &Path, lease: LeaseId, acquired_at: Millis) -> io::Result<Found> {
    let mut file = match File::open(path(folder, lease)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(error),
    };
    let is_dead = file.try_lock().is_ok();
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let Some((found, slots)) = bytes.split_at_checked(HEADER) else { return Ok(Found::Nothing) };
    if found != header(lease, acquired_at) {
        // Of another database, or from before the machine's last start: it proves nothing.
        return Ok(Found::Nothing);
    }
    let traces = traces(slots);
    Ok(if is_dead { Found::Dead(traces) } else { Found::Alive(traces) })
}

/// Forgets the journal of a lease that was taken over.
pub(crate) fn forget(folder: &Path, lease: LeaseId) {
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

/// What the slots tell. A try that comes back uncounted may leave an older note beside its new one: the one
/// that knows more counts.
fn traces(slots: &[u8]) -> Traces {
    let mut traces = Traces::new();
    for slot in slots.chunks_exact(SLOT) {
        let (delivery, rest) = slot.split_at(8);
        let (attempt, rest) = rest.split_at(4);
        let (Ok(delivery), Ok(attempt)) = (delivery.try_into(), attempt.try_into()) else { continue };
        let Some(trace) = rest.first().and_then(|code| known(*code)) else { continue };
        let key = (DeliveryId(i64::from_le_bytes(delivery)), i64::from(u32::from_le_bytes(attempt)));
        let known = traces.entry(key).or_insert(trace);
        *known = trace.max(*known);
    }
    traces
}

const fn code(trace: Trace) -> u8 {
    match trace {
        Trace::Refused => 1,
        Trace::Out => 2,
        Trace::Accepted => 3,
    }
}

const fn known(code: u8) -> Option<Trace> {
    match code {
        1 => Some(Trace::Refused),
        2 => Some(Trace::Out),
        3 => Some(Trace::Accepted),
        _ => None,
    }
}

fn path(folder: &Path, lease: LeaseId) -> PathBuf {
    folder.join(format!("{lease}.journal"))
}

fn offset(slot: usize) -> u64 {
    (HEADER + slot * SLOT) as u64
}

/// Whose journal it is, and of which start of the machine.
fn header(lease: LeaseId, acquired_at: Millis) -> Vec<u8> {
    let boot = boot();
    let mut header =
        format!("chorus journal 1\nlease {lease}\nsince {acquired_at}\nboot {boot}\n").into_bytes();
    header.resize(HEADER, b' ');
    header
}

/// The machine's start, by its own name for it. Where it has none, by a name that no other reader has: then no
/// journal is believed.
fn boot() -> String {
    static BOOT: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    let read = || match fs::read_to_string("/proc/sys/kernel/random/boot_id") {
        Ok(id) => id.trim().chars().take(64).collect(),
        Err(_) => format!("unknown, process {}", std::process::id()),
    };
    BOOT.get_or_init(read).clone()
}

fn told(error: &io::Error) {
    tracing::warn!(%error, "cannot write the journal; nothing is sent until it is possible again");
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn made(folder: &Path) -> Journal {
        let journal = Journal::create(folder, LeaseId(7), Millis::new(1_000)).unwrap();
        journal.trust(Instant::now() + Duration::from_secs(60));
        journal
    }

    fn found(folder: &Path) -> Option<(bool, Traces)> {
        match find(folder, LeaseId(7), Millis::new(1_000)).unwrap() {
            Found::Nothing => None,
            Found::Alive(traces) => Some((true, traces)),
            Found::Dead(traces) => Some((false, traces)),
        }
    }

    #[test]
    fn tells_what_was_out_and_what_was_answered() {
        let folder = tempfile::tempdir().unwrap();
        let journal = made(folder.path());
        let entries: Vec<_> = (1..=4).map(|n| journal.entry(DeliveryId(n), n).unwrap()).collect();
        for entry in &entries[1..] {
            assert!(entry.commit());
        }
        entries[2].answered(true);
        entries[3].answered(false);
        let expected = Traces::from([
            ((DeliveryId(2), 2), Trace::Out),
            ((DeliveryId(3), 3), Trace::Accepted),
            ((DeliveryId(4), 4), Trace::Refused),
        ]);
        assert_eq!(found(folder.path()), Some((true, expected.clone())));
        drop((entries, journal));
        assert_eq!(found(folder.path()), Some((false, expected)));
        forget(folder.path(), LeaseId(7));
        assert_eq!(found(folder.path()), None);
    }

    #[test]
    fn the_note_that_knows_more_counts() {
        let folder = tempfile::tempdir().unwrap();
        let journal = made(folder.path());
        let (one, two) = (journal.entry(DeliveryId(1), 1).unwrap(), journal.entry(DeliveryId(1), 1).unwrap());
        assert!(one.commit() && two.commit());
        two.answered(false);
        assert_eq!(found(folder.path()).unwrap().1[&(DeliveryId(1), 1)], Trace::Out);
    }

    #[test]
    fn nothing_goes_without_trust() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::create(folder.path(), LeaseId(7), Millis::new(1_000)).unwrap();
        let entry = journal.entry(DeliveryId(1), 1).unwrap();
        assert!(!entry.commit());
        journal.trust(Instant::now() + Duration::from_secs(60));
        assert!(entry.commit());
        journal.trust(Instant::now());
        assert!(!entry.commit());
    }

    #[test]
    fn a_journal_of_something_else_proves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let journal = made(folder.path());
        assert!(matches!(find(folder.path(), LeaseId(8), Millis::new(1_000)).unwrap(), Found::Nothing));
        assert!(matches!(find(folder.path(), LeaseId(7), Millis::new(1_001)).unwrap(), Found::Nothing));
        let other = fs::read_to_string(path(folder.path(), LeaseId(7))).unwrap().replace("boot ", "boot x");
        drop(journal);
        fs::write(path(folder.path(), LeaseId(7)), &other).unwrap();
        assert_eq!(found(folder.path()), None);
        for cut in 0..HEADER {
            fs::write(path(folder.path(), LeaseId(7)), &other.as_bytes()[..cut]).unwrap();
            assert_eq!(found(folder.path()), None);
        }
    }

    #[test]
    fn slots_are_used_again_and_more_are_made_when_needed() {
        let folder = tempfile::tempdir().unwrap();
        let journal = made(folder.path());
        for _ in 0..3 {
            let entries: Vec<_> = (0..3_000).map(|n| journal.entry(DeliveryId(n + 1), 1).unwrap()).collect();
            assert!(entries.iter().all(Entry::commit));
        }
        let bytes = fs::metadata(path(folder.path(), LeaseId(7))).unwrap().len();
        assert_eq!(bytes, (HEADER + 3 * BLOCK * SLOT) as u64);
        assert_eq!(found(folder.path()).unwrap().1.len(), 3_000);
    }
}
