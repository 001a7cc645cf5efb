//! Whether a workspace's files changed, without reading them.

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::workspace::Workspace;

/// What a workspace is made of. Everything else in its folder may change as it likes.
const PARTS: [&str; 5] = ["chorus.toml", "campaigns", "audiences", "templates", "keys"];

/// The depth to which folders are looked into. `load` reads no folder that is deeper, and reports it.
const DEPTH: usize = 8;

impl Workspace {
    /// A number that changes when a file of the workspace in `root` is added, taken away, renamed, written or
    /// replaced: made of names, sizes, inodes and times of change, so it costs one look at each file. Hidden
    /// files, such as those in which editors keep what is not saved yet, do not count. Comparable within one
    /// process only.
    #[must_use]
    pub fn fingerprint(root: &Path) -> u64 {
        let sum = |sum: u64, part: &str| {
            let path = root.join(part);
            let metadata = fs::metadata(&path).ok();
            sum.wrapping_add(entry(&path, OsStr::new(part), metadata.as_ref(), DEPTH))
        };
        PARTS.into_iter().fold(0, sum)
    }

    /// The folders whose entries make up the [fingerprint](Self::fingerprint), `root` itself first. Of `root`
    /// only the [parts](Self::is_part) of a workspace count.
    #[must_use]
    pub fn folders(root: &Path) -> Vec<PathBuf> {
        let mut folders = vec![root.to_owned()];
        for part in PARTS {
            add_folders(&root.join(part), DEPTH, &mut folders);
        }
        folders
    }

    /// Whether an entry of the workspace's own folder is a part of the workspace.
    #[must_use]
    pub fn is_part(name: &str) -> bool {
        PARTS.contains(&name)
    }
}

fn add_folders(path: &Path, depth: usize, folders: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(path) else { return };
    folders.push(path.to_owned());
    for entry in entries.flatten().filter(|_| depth > 0) {
        let may_be_folder = entry.file_type().is_ok_and(|kind| !kind.is_file());
        if may_be_folder && !is_hidden(&entry.file_name()) {
            add_folders(&entry.path(), depth - 1, folders);
        }
    }
}

/// A number for one entry and, if it is a folder, everything in it.
fn entry(path: &Path, name: &OsStr, metadata: Option<&Metadata>, depth: usize) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    let Some(metadata) = metadata else { return hasher.finish() };
    metadata.is_dir().hash(&mut hasher);
    if metadata.is_dir() {
        inside(path, depth).hash(&mut hasher);
    } else {
        hash_file(metadata, &mut hasher);
    }
    hasher.finish()
}

/// A number for the entries of a folder, in whatever order the system lists them.
fn inside(folder: &Path, depth: usize) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    if depth == 0 {
        return 1;
    }
    let mut sum = 2_u64;
    // A key may be hidden, and is read all the same.
    let hidden_count = folder.file_name().is_some_and(|name| name == "keys");
    for found in entries.flatten() {
        let name = found.file_name();
        if is_hidden(&name) && !hidden_count {
            continue;
        }
        // Of a link, what it leads to.
        let own = found.metadata().ok().filter(|metadata| !metadata.is_symlink());
        let path = found.path();
        let metadata = own.or_else(|| fs::metadata(&path).ok());
        sum = sum.wrapping_add(entry(&path, &name, metadata.as_ref(), depth - 1));
    }
    sum
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

fn hash_file(metadata: &Metadata, hasher: &mut DefaultHasher) {
    metadata.len().hash(hasher);
    metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).hash(hasher);
    // A file that takes the place of another may have its size and time.
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        (metadata.ino(), metadata.ctime(), metadata.ctime_nsec()).hash(hasher);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_with_every_edit_and_not_without() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let mut seen = vec![Workspace::fingerprint(root)];
        let mut changed = |what: &str| {
            let now = Workspace::fingerprint(root);
            assert!(!seen.contains(&now), "{what}");
            assert_eq!(now, Workspace::fingerprint(root));
            seen.push(now);
        };
        fs::write(root.join("chorus.toml"), "a").unwrap();
        changed("a new file");
        fs::write(root.join("chorus.toml"), "ab").unwrap();
        changed("a longer file");
        fs::File::options()
            .write(true)
            .open(root.join("chorus.toml"))
            .unwrap()
            .set_modified(UNIX_EPOCH)
            .unwrap();
        changed("another time");
        fs::create_dir_all(root.join("templates/newsletter")).unwrap();
        changed("a folder");
        fs::write(root.join("templates/newsletter/email.md"), "").unwrap();
        changed("a file in a folder");
        fs::rename(root.join("templates/newsletter"), root.join("templates/letter")).unwrap();
        changed("another name");
        fs::write(root.join("templates/letter/email.md"), "one").unwrap();
        changed("a truncate and a write");
        let (file, other) = (root.join("templates/letter/email.md"), root.join("templates/letter/other.md"));
        fs::write(&other, "two").unwrap();
        let time = fs::metadata(&file).unwrap().modified().unwrap();
        fs::File::options().write(true).open(&other).unwrap().set_modified(time).unwrap();
        changed("another file");
        fs::rename(&other, &file).unwrap();
        changed("a file of the same size and time in its place");
        let linked = root.join("shared.md");
        fs::write(&linked, "three").unwrap();
        std::os::unix::fs::symlink(&linked, root.join("templates/letter/linked.md")).unwrap();
        changed("a link");
        fs::write(&linked, "three and more").unwrap();
        changed("what a link leads to");
        fs::create_dir(root.join("keys")).unwrap();
        fs::write(root.join("keys/.hidden.pem"), "key").unwrap();
        changed("a hidden key");
        let before = Workspace::fingerprint(root);
        fs::write(root.join("notes.txt"), "not part of it").unwrap();
        fs::write(root.join("templates/letter/.email.md.swp"), "not saved yet").unwrap();
        assert_eq!(Workspace::fingerprint(root), before);
    }

    #[test]
    fn its_folders_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for path in ["campaigns/.git", "templates/partials/deep", "data/journal"] {
            fs::create_dir_all(root.join(path)).unwrap();
        }
        std::os::unix::fs::symlink(root.join("data"), root.join("templates/link")).unwrap();
        let mut folders = Workspace::folders(root);
        folders.sort();
        let names = ["", "campaigns", "templates", "templates/link", "templates/link/journal"];
        let names = names.into_iter().chain(["templates/partials", "templates/partials/deep"]);
        assert_eq!(folders, names.map(|name| root.join(name)).collect::<Vec<_>>());
        assert!(Workspace::is_part("campaigns") && !Workspace::is_part("data"));
    }
}
