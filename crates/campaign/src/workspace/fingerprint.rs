//! Detection of changes to a workspace's files without reading them.

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::workspace::Workspace;

/// The files and folders that make up a workspace. Changes to anything else in its folder do not
/// count.
const PARTS: [&str; 5] = ["chorus.toml", "campaigns", "audiences", "templates", "keys"];

/// Maximum depth of folders that count. `load` reads no deeper folder, and reports it.
const MAX_DEPTH: usize = 8;

impl Workspace {
    /// Returns a number that changes when a file of the workspace in `root` is added, removed,
    /// renamed, written or replaced. It is made of names, sizes, inodes and modification times, so
    /// it costs one `stat` per file. Hidden files, such as editors' swap files, do not count.
    /// Numbers are comparable within one process only.
    #[must_use]
    pub fn fingerprint(root: &Path) -> u64 {
        let sum = |sum: u64, part: &str| {
            let path = root.join(part);
            let metadata = fs::metadata(&path).ok();
            sum.wrapping_add(hash_entry(&path, OsStr::new(part), metadata.as_ref(), MAX_DEPTH))
        };
        PARTS.into_iter().fold(0, sum)
    }

    /// Returns the folders whose entries make up the [fingerprint](Self::fingerprint), `root`
    /// itself first. Of `root` only the [parts](Self::is_part) of a workspace count.
    #[must_use]
    pub fn folders(root: &Path) -> Vec<PathBuf> {
        let mut folders = vec![root.to_owned()];
        for part in PARTS {
            add_folders(&root.join(part), MAX_DEPTH, &mut folders);
        }
        folders
    }

    /// Returns true if the entry `name` of the workspace's root folder is a part of the workspace.
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

/// Returns a number for one entry and, if it is a folder, everything in it.
fn hash_entry(path: &Path, name: &OsStr, metadata: Option<&Metadata>, depth: usize) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    let Some(metadata) = metadata else { return hasher.finish() };
    metadata.is_dir().hash(&mut hasher);
    if metadata.is_dir() {
        hash_folder(path, depth).hash(&mut hasher);
    } else {
        hash_file(metadata, &mut hasher);
    }
    hasher.finish()
}

/// Returns a number for the entries of a folder, independent of the order in which the system lists
/// them.
fn hash_folder(folder: &Path, depth: usize) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    if depth == 0 {
        return 1;
    }
    let mut sum = 2_u64;
    // A hidden key file is read all the same.
    let includes_hidden = folder.file_name().is_some_and(|name| name == "keys");
    for entry in entries.flatten() {
        let name = entry.file_name();
        if is_hidden(&name) && !includes_hidden {
            continue;
        }
        // For a link, the metadata of its target.
        let metadata = entry.metadata().ok().filter(|metadata| !metadata.is_symlink());
        let path = entry.path();
        let metadata = metadata.or_else(|| fs::metadata(&path).ok());
        sum = sum.wrapping_add(hash_entry(&path, &name, metadata.as_ref(), depth - 1));
    }
    sum
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

fn hash_file(metadata: &Metadata, hasher: &mut DefaultHasher) {
    metadata.len().hash(hasher);
    metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).hash(hasher);
    // A file that replaces another may have the same size and modification time.
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
    fn changes_with_every_edit_and_only_then() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let mut seen = vec![Workspace::fingerprint(root)];
        let mut changed = |edit: &str| {
            let now = Workspace::fingerprint(root);
            assert!(!seen.contains(&now), "{edit}");
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
    fn lists_all_folders_that_count() {
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
