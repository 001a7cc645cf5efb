//! When to look at the files, so that an edit is noticed soon and a large workspace costs little while nothing
//! happens.

use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use campaign::Workspace;

#[cfg(target_os = "linux")]
use super::events::Events;

/// The shortest time between two looks for which there is no event.
const SHORTEST: Duration = Duration::from_secs(2);
/// The longest.
const LONGEST: Duration = Duration::from_secs(60);
/// The share of a processor that looks without events may take, as its reciprocal: 0.2 %.
const COST: u32 = 500;

/// The time for which nothing may change before files are read, so that none is read half-written.
const SETTLED_FOR: Duration = Duration::from_millis(100);
/// How often that is waited for; whoever writes all the time is read all the same.
const MAX_WAITS: usize = 10;

/// The looks at the files of a workspace.
///
/// The kernel's events tell at once of edits on this machine. They do not tell of edits on another machine of a
/// network's file system, nor of edits of a file outside that a link leads to; and there may be no events at all.
/// Therefore every file is also looked at in turn: every two seconds, or less often where a look takes so long
/// that it would cost more than 0.2 % of a processor, unless it has to stand in for events.
#[derive(Debug)]
pub(super) struct Changes {
    root: PathBuf,
    known: u64,
    #[cfg(target_os = "linux")]
    events: Option<Events>,
    looked: Instant,
    interval: Duration,
}

impl Changes {
    /// `known` is the fingerprint of the files as they were read.
    pub(super) fn new(root: PathBuf, known: u64) -> Self {
        Self {
            #[cfg(target_os = "linux")]
            events: Events::of(&root),
            root,
            known,
            looked: Instant::now(),
            interval: Duration::ZERO,
        }
    }

    /// Whether it is time for a [look](Self::look). Costs one system call.
    pub(super) fn is_look_due(&mut self) -> bool {
        self.has_events() || self.looked.elapsed() >= self.interval
    }

    /// Looks at every file, and waits until nothing changes any more if something did. Gives whether the files
    /// are to be read. Blocks.
    pub(super) fn look(&mut self) -> bool {
        let started = Instant::now();
        let mut seen = self.fingerprint();
        let cost = started.elapsed();
        let changed = seen != self.known;
        for _ in 0..if changed { MAX_WAITS } else { 0 } {
            sleep(SETTLED_FOR);
            let before = std::mem::replace(&mut seen, self.fingerprint());
            if before == seen {
                break;
            }
        }
        self.known = seen;
        self.looked = Instant::now();
        self.interval = if self.is_watching() { (cost * COST).clamp(SHORTEST, LONGEST) } else { SHORTEST };
        changed
    }

    /// Watches first, so that what happens after the look makes an event.
    fn fingerprint(&mut self) -> u64 {
        self.watch_again();
        Workspace::fingerprint(&self.root)
    }

    #[cfg(target_os = "linux")]
    fn has_events(&self) -> bool {
        self.events.as_ref().is_some_and(Events::any)
    }

    /// New folders have to be watched, too.
    #[cfg(target_os = "linux")]
    fn watch_again(&mut self) {
        self.events = Events::of(&self.root);
    }

    #[cfg(target_os = "linux")]
    fn is_watching(&self) -> bool {
        self.events.is_some()
    }

    #[cfg(not(target_os = "linux"))]
    fn has_events(&self) -> bool {
        false
    }

    #[cfg(not(target_os = "linux"))]
    fn watch_again(&mut self) {}

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

    /// A workspace that was looked at, and nothing changed.
    fn workspace() -> (tempfile::TempDir, Changes) {
        let folder = tempfile::tempdir().unwrap();
        for path in ["campaigns", "audiences", "templates/letter", "data"] {
            fs::create_dir_all(folder.path().join(path)).unwrap();
        }
        fs::write(folder.path().join("chorus.toml"), "a").unwrap();
        fs::write(folder.path().join("campaigns/spring.toml"), "one").unwrap();
        let known = Workspace::fingerprint(folder.path());
        let mut changes = Changes::new(folder.path().to_owned(), known);
        assert!(changes.is_look_due() && !changes.look() && !changes.is_look_due());
        (folder, changes)
    }

    /// Whether an edit is noticed by an event, before a look would be due without one.
    fn notices(edit: impl Fn(&Path)) -> bool {
        let (folder, mut changes) = workspace();
        edit(folder.path());
        let noticed = changes.is_look_due() && changes.look();
        assert!(!changes.look(), "the same again");
        noticed
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn every_way_to_save_a_file_is_noticed_at_once() {
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
    fn folders_that_are_made_later_are_watched() {
        let (folder, mut changes) = workspace();
        for path in ["keys", "templates/reminder", "templates/reminder/deep"] {
            fs::create_dir(folder.path().join(path)).unwrap();
            assert!(changes.is_look_due() && changes.look(), "{path}");
            fs::write(folder.path().join(path).join("file.md"), "").unwrap();
            assert!(changes.is_look_due() && changes.look(), "a file in {path}");
        }
    }

    #[test]
    fn what_is_no_part_of_a_workspace_is_not_noticed() {
        assert!(!notices(|root| fs::write(root.join("notes.txt"), "x").unwrap()));
        assert!(!notices(|root| fs::write(root.join("data/chorus.db"), "x").unwrap()));
        assert!(!notices(|root| fs::write(root.join("campaigns/.spring.toml.swp"), "x").unwrap()));
    }

    #[test]
    fn what_has_no_event_is_noticed_by_the_next_look() {
        let (folder, mut changes) = workspace();
        fs::write(folder.path().join("elsewhere.md"), "x").unwrap();
        std::os::unix::fs::symlink("../../elsewhere.md", folder.path().join("templates/letter/post.md"))
            .unwrap();
        assert!(changes.look());
        fs::write(folder.path().join("elsewhere.md"), "more").unwrap();
        assert!(changes.interval <= SHORTEST);
        assert!(changes.look());
    }
}
