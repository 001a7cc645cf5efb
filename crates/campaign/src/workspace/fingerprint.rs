//! Whether a workspace's files changed, without reading them.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::Path;
use std::time::UNIX_EPOCH;

use super::Workspace;

/// What a workspace is made of. Everything else in its folder may change as it likes.
const PARTS: [&str; 5] = ["chorus.toml", "campaigns", "audiences", "templates", "keys"];

/// Folders deeper than this are not looked into; `load` does not read them either.
const DEPTH: usize = 8;

impl Workspace {
    /// A number that changes when a file of the workspace in `root` is added, taken away, renamed or
    /// written: made of names, sizes and times of change, so it costs one look at each file. Comparable
    /// within one process only.
    #[must_use]
    pub fn fingerprint(root: &Path) -> u64 {
        let mut hasher = DefaultHasher::new();
        for part in PARTS {
            add(&mut hasher, &root.join(part), DEPTH);
        }
        hasher.finish()
    }
}

fn add(hasher: &mut DefaultHasher, path: &Path, depth: usize) {
    path.file_name().hash(hasher);
    let Ok(metadata) = fs::metadata(path) else { return 0.hash(hasher) };
    metadata.is_dir().hash(hasher);
    if !metadata.is_dir() {
        metadata.len().hash(hasher);
        let changed = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        return changed.hash(hasher);
    }
    let Ok(entries) = fs::read_dir(path) else { return };
    if depth == 0 {
        return;
    }
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths.len().hash(hasher);
    paths.iter().for_each(|path| add(hasher, path, depth - 1));
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
        let before = Workspace::fingerprint(root);
        fs::write(root.join("notes.txt"), "not part of it").unwrap();
        assert_eq!(Workspace::fingerprint(root), before);
    }
}
