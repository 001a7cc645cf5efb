//! Detection of changed files: an edit is noticed soon, and an idle large workspace costs little.

use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use campaign::Workspace;

#[cfg(target_os = "linux")]
use super::inotify::FolderWatches;

/// Minimum time between two checks without an event.
const MIN_CHECK_INTERVAL: Duration = Duration::from_secs(2);
/// Maximum time between two checks.
const MAX_CHECK_INTERVAL: Duration = Duration::from_secs(60);
/// Ratio of the interval between checks without events to the duration of a check: they use at most
/// 0.2 % of a processor.
const COST_RATIO: u32 = 500;

/// The time without a change after which files are read, so that no half-written file is read.
const QUIET_PERIOD: Duration = Duration::from_millis(100);
/// Maximum number of quiet periods to wait for; files that change all the time are read
/// nevertheless.
const MAX_QUIET_PERIODS: usize = 10;

/// Detects changes of the files of a workspace.
///
/// Events of the kernel report edits on this machine immediately. They do not report edits made on
/// another machine to a network file system, nor edits of a file outside the workspace that a
/// symbolic link points to; and events may not be available at all. Therefore all files are also
/// checked every two seconds. If there are events and a check would take more than 0.2 % of a
/// processor, they are checked less often, at least once a minute.
#[derive(Debug)]
pub(super) struct ChangeDetector {
    root: PathBuf,
    /// Fingerprint of the files at the last check.
    fingerprint: u64,
    #[cfg(target_os = "linux")]
    watches: Option<FolderWatches>,
    checked_at: Instant,
    interval: Duration,
}

impl ChangeDetector {
    /// Creates a detector. `fingerprint` is that of the files as they were read.
    pub(super) fn new(root: PathBuf, fingerprint: u64) -> Self {
        Self {
            #[cfg(target_os = "linux")]
            watches: FolderWatches::of(&root),
            root,
            fingerprint,
            checked_at: Instant::now(),
            interval: Duration::ZERO,
        }
    }

    /// Returns true if it is time for a [check](Self::check). Costs one system call.
    pub(super) fn is_check_due(&mut self) -> bool {
        self.has_events() || self.checked_at.elapsed() >= self.interval
    }

    /// Checks every file. Returns true if any changed, after waiting until the files change no
    /// more. Blocks.
    pub(super) fn check(&mut self) -> bool {
        let started = Instant::now();
        let mut current = self.take_fingerprint();
        let cost = started.elapsed();
        let changed = current != self.fingerprint;
        for _ in 0..if changed { MAX_QUIET_PERIODS } else { 0 } {
            sleep(QUIET_PERIOD);
            let before = std::mem::replace(&mut current, self.take_fingerprint());
            if before == current {
                break;
            }
        }
        self.fingerprint = current;
        self.checked_at = Instant::now();
        self.interval = if self.is_watching() {
            (cost * COST_RATIO).clamp(MIN_CHECK_INTERVAL, MAX_CHECK_INTERVAL)
        } else {
            MIN_CHECK_INTERVAL
        };
        changed
    }

    /// Returns the fingerprint of the files. Renews the watches first, so that later changes cause
    /// events.
    fn take_fingerprint(&mut self) -> u64 {
        self.renew_watches();
        Workspace::fingerprint(&self.root)
    }

    #[cfg(target_os = "linux")]
    fn has_events(&self) -> bool {
        self.watches.as_ref().is_some_and(FolderWatches::has_changes)
    }

    /// Watches all folders, including new ones.
    #[cfg(target_os = "linux")]
    fn renew_watches(&mut self) {
        self.watches = FolderWatches::of(&self.root);
    }

    #[cfg(target_os = "linux")]
    fn is_watching(&self) -> bool {
        self.watches.is_some()
    }

    #[cfg(not(target_os = "linux"))]
    fn has_events(&self) -> bool {
        false
    }

    #[cfg(not(target_os = "linux"))]
    fn renew_watches(&mut self) {}

    #[cfg(not(target_os = "linux"))]
    fn is_watching(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// Returns a workspace with a detector that has checked it once without a change.
    fn workspace() -> (tempfile::TempDir, ChangeDetector) {
        let folder = tempfile::tempdir().unwrap();
        for path in ["campaigns", "audiences", "templates/letter", "data"] {
            fs::create_dir_all(folder.path().join(path)).unwrap();
        }
        fs::write(folder.path().join("chorus.toml"), "a").unwrap();
        fs::write(folder.path().join("campaigns/spring.toml"), "one").unwrap();
        let fingerprint = Workspace::fingerprint(folder.path());
        let mut detector = ChangeDetector::new(folder.path().to_owned(), fingerprint);
        assert!(detector.is_check_due() && !detector.check() && !detector.is_check_due());
        (folder, detector)
    }

    /// Returns true if an edit is noticed by an event, before a check is due without one.
    fn notices(edit: impl Fn(&Path)) -> bool {
        let (folder, mut detector) = workspace();
        edit(folder.path());
        let noticed = detector.is_check_due() && detector.check();
        assert!(!detector.check(), "a second check finds no change");
        noticed
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn every_way_to_save_a_file_is_noticed_immediately() {
        let spring = |root: &Path| root.join("campaigns/spring.toml");
        assert!(notices(|root| fs::write(spring(root), "two").unwrap()), "truncate and write, the same size");
        assert!(notices(|root| {
            fs::write(root.join("campaigns/.spring.toml.swp"), "not saved").unwrap();
            fs::write(root.join("campaigns/4913"), "").unwrap();
            fs::remove_file(root.join("campaigns/4913")).unwrap();
            fs::rename(spring(root), root.join("campaigns/spring.toml~")).unwrap();
            fs::write(spring(root), "two").unwrap();
        }));
        assert!(notices(|root| {
            fs::write(root.join("new.toml"), "two").unwrap();
            fs::rename(root.join("new.toml"), spring(root)).unwrap();
        }));
        assert!(notices(|root| fs::remove_file(spring(root)).unwrap()));
        assert!(notices(|root| fs::write(root.join("chorus.toml"), "b").unwrap()));
        assert!(notices(|root| fs::write(root.join("templates/letter/email.md"), "").unwrap()));
        assert!(notices(|root| fs::rename(root.join("templates"), root.join("old")).unwrap()));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn new_folders_are_watched() {
        let (folder, mut detector) = workspace();
        for path in ["keys", "templates/reminder", "templates/reminder/deep"] {
            fs::create_dir(folder.path().join(path)).unwrap();
            assert!(detector.is_check_due() && detector.check(), "{path}");
            fs::write(folder.path().join(path).join("file.md"), "").unwrap();
            assert!(detector.is_check_due() && detector.check(), "a file in {path}");
        }
    }

    #[test]
    fn files_outside_the_workspace_are_ignored() {
        assert!(!notices(|root| fs::write(root.join("notes.txt"), "x").unwrap()));
        assert!(!notices(|root| fs::write(root.join("data/chorus.db"), "x").unwrap()));
        assert!(!notices(|root| fs::write(root.join("campaigns/.spring.toml.swp"), "x").unwrap()));
    }

    #[test]
    fn changes_without_an_event_are_noticed_by_the_next_check() {
        let (folder, mut detector) = workspace();
        fs::write(folder.path().join("elsewhere.md"), "x").unwrap();
        std::os::unix::fs::symlink("../../elsewhere.md", folder.path().join("templates/letter/post.md"))
            .unwrap();
        assert!(detector.check());
        fs::write(folder.path().join("elsewhere.md"), "more").unwrap();
        assert!(detector.interval <= MIN_CHECK_INTERVAL);
        assert!(detector.check());
    }
}
