//! A hash over the names and contents of files, independent of the order in which they were read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

/// SHA-256 over the names and contents of the files read, and the error kinds of those that could
/// not be read.
#[derive(Debug, Default)]
pub(crate) struct FilesHash(Mutex<BTreeMap<PathBuf, ReadOutcome>>);

/// The outcome of reading one file.
#[derive(Debug)]
enum ReadOutcome {
    /// The SHA-256 of its bytes.
    Content([u8; 32]),
    /// The stable name of the error kind.
    Failure(&'static str),
}

impl FilesHash {
    /// Adds a file by its path in the workspace.
    pub(crate) fn add_file(&self, path: &Path, bytes: &[u8]) {
        let digest = Sha256::digest(bytes).into();
        self.add(path, ReadOutcome::Content(digest));
    }

    /// Adds a file or folder that exists but cannot be read.
    pub(crate) fn add_failure(&self, path: &Path, kind: &'static str) {
        self.add(path, ReadOutcome::Failure(kind));
    }

    fn add(&self, path: &Path, outcome: ReadOutcome) {
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        files.insert(path.to_owned(), outcome);
    }

    /// Returns the hash in hexadecimal, the same for the same files on every machine.
    pub(crate) fn finish(&self) -> String {
        let files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut hasher = Sha256::new();
        for (path, outcome) in &*files {
            let mut parts = path.iter().map(|part| part.to_string_lossy());
            let mut name = parts.next().unwrap_or_default().into_owned();
            parts.for_each(|part| {
                name.push('/');
                name.push_str(&part);
            });
            // No path holds a zero byte, and the byte after it says which form follows: the
            // encoding is unambiguous.
            hasher.update(name.as_bytes());
            match outcome {
                ReadOutcome::Content(digest) => hasher.update([&[0, 1][..], digest].concat()),
                ReadOutcome::Failure(kind) => hasher.update([&[0, 2][..], kind.as_bytes(), &[0]].concat()),
            }
        }
        hex::encode(hasher.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(files: &[(&str, Result<&str, &'static str>)]) -> String {
        let hash = FilesHash::default();
        for (path, text) in files {
            match text {
                Ok(text) => hash.add_file(Path::new(path), text.as_bytes()),
                Err(kind) => hash.add_failure(Path::new(path), kind),
            }
        }
        hash.finish()
    }

    #[test]
    fn covers_names_and_contents_in_any_order() {
        let base =
            [("chorus.toml", Ok("a")), ("campaigns/b.toml", Ok("b")), ("campaigns/c.toml", Err("too-big"))];
        let first = hash(&base);
        let mut reversed = base;
        reversed.reverse();
        assert_eq!(hash(&reversed), first);
        for other in [
            vec![base[0], base[1]],
            vec![base[0], base[2]],
            vec![base[0], ("campaigns/b.toml", Ok("B")), base[2]],
            vec![base[0], ("campaigns/bb.toml", Ok("b")), base[2]],
            vec![base[0], base[1], ("campaigns/c.toml", Err("not-utf8"))],
            vec![base[0], base[1], ("campaigns/c.toml", Ok("too-big"))],
            vec![base[0], base[1], base[2], ("d", Ok(""))],
        ] {
            assert_ne!(hash(&other), first, "{other:?}");
        }
    }

    /// The expected values are from `sha256sum`: other machines and later versions must agree.
    #[test]
    fn is_the_same_on_every_machine() {
        assert_eq!(hash(&[]), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(
            hash(&[("a/b", Ok("x")), ("c", Err("too-big"))]),
            "f8badd4a35dd443d936529c5a50921be93444761217f7731f86f5aab45a4ae65"
        );
    }
}
