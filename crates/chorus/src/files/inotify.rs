//! File system events of the folders of a workspace, from inotify(7).

use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;

use campaign::Workspace;
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};

/// inotify watches on the folders that a workspace had when this was created.
#[derive(Debug)]
pub(super) struct FolderWatches {
    queue: OwnedFd,
    /// The watch on the workspace's root folder, of which only some entries belong to the
    /// workspace.
    root: i32,
}

impl FolderWatches {
    /// Creates watches on every folder of the workspace in `root`; `None` if the system does not
    /// allow it.
    pub(super) fn of(root: &Path) -> Option<Self> {
        let queue = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).ok()?;
        let flags = WatchFlags::MODIFY
            | WatchFlags::CLOSE_WRITE
            | WatchFlags::ATTRIB
            | WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF;
        let mut first = None;
        for folder in Workspace::folders(root) {
            let watch = inotify::add_watch(&queue, &folder, flags).ok()?;
            first.get_or_insert(watch);
        }
        Some(Self { queue, root: first? })
    }

    /// Returns true if there were events since the last call that may have changed the workspace.
    /// Does not block.
    pub(super) fn has_changes(&self) -> bool {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = Reader::new(&self.queue, &mut buffer);
        let mut has_changes = false;
        // `next` returns an error if there are no more events.
        while let Ok(event) = reader.next() {
            let name = event.file_name().map(|name| name.to_string_lossy());
            has_changes |= match name {
                Some(name) if event.wd() == self.root => Workspace::is_part(&name),
                // Editors write unsaved text to hidden files. (A change of a hidden key file is
                // found by the next check without events.)
                Some(name) => !name.starts_with('.'),
                None => event.wd() != self.root || event.events().contains(ReadFlags::QUEUE_OVERFLOW),
            };
        }
        has_changes
    }
}
