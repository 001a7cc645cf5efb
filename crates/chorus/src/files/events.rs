//! The kernel's events about the folders of a workspace: inotify(7).

use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;

use campaign::Workspace;
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};

/// Watches on the folders of a workspace as they stood when it was made.
#[derive(Debug)]
pub(super) struct Events {
    queue: OwnedFd,
    /// The watch on the workspace's own folder, in which only some entries count.
    root: i32,
}

impl Events {
    /// Watches every folder of the workspace in `root`; `None` if the system does not allow it.
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

    /// Whether something happened since the last call that may have changed the workspace. Does not wait.
    pub(super) fn any(&self) -> bool {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = Reader::new(&self.queue, &mut buffer);
        let mut any = false;
        // An error is that nothing more is there.
        while let Ok(event) = reader.next() {
            let name = event.file_name().map(|name| name.to_string_lossy());
            any |= match name {
                Some(name) if event.wd() == self.root => Workspace::is_part(&name),
                // Editors keep what is not saved yet in hidden files. (A hidden key waits for a look without events.)
                Some(name) => !name.starts_with('.'),
                None => event.wd() != self.root || event.events().contains(ReadFlags::QUEUE_OVERFLOW),
            };
        }
        any
    }
}
