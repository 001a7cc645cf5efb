//! [`ConfinedDir`]: reads files inside one folder and refuses every path or link that leads out of
//! it.

use std::fs::{self, DirEntry, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use crate::files_hash::FilesHash;

/// Maximum number of entries that a listed folder may have, hidden files not counted.
pub const MAX_ENTRIES: usize = 20_000;

/// A folder that confines reading: every path is resolved, links included, before it is opened, and
/// a path that leads outside is refused.
#[derive(Debug)]
pub struct ConfinedDir {
    root: PathBuf,
    /// Hash over everything read so far.
    hash: FilesHash,
}

/// The reason why a path is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The path is empty.
    #[error("a path may not be empty")]
    Empty,
    /// The path holds a control character or a backslash.
    #[error("a path may not hold {0:?}")]
    Character(char),
    /// The path is absolute.
    #[error("a path starts in the workspace, not at `/`")]
    Absolute,
    /// The path has a `..` in it.
    #[error("a path may not climb out with `..`")]
    Parent,
    /// A symbolic link leads out of the folder.
    #[error("a symbolic link leads out of the workspace")]
    Link,
    /// No file or folder exists at the path.
    #[error("there is no such file")]
    Missing,
    /// The path names a folder, pipe or device.
    #[error("it is not a file")]
    NotAFile,
    /// The operating system refuses access to the path.
    #[error("it cannot be reached ({0})")]
    Unreachable(io::ErrorKind),
}

/// The reason why a file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The path is refused.
    #[error("this file cannot be read: {0}")]
    Path(#[from] PathError),
    /// The file is larger than the limit, given in MiB.
    #[error("this file is larger than {0} MiB")]
    TooBig(u64),
    /// The file is not UTF-8; the value is the offset of the first invalid byte.
    #[error("this file is not UTF-8 text; byte {0} is wrong")]
    NotUtf8(usize),
}

/// The reason why a folder cannot be listed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// The path is refused.
    #[error("this folder cannot be read: {0}")]
    Path(#[from] PathError),
    /// The folder has this many entries, more than [`MAX_ENTRIES`].
    #[error("this folder has {0} entries, and at most {MAX_ENTRIES} are read; none of them is")]
    TooMany(usize),
}

impl ListError {
    /// Returns the fix, worded for the `help` of a finding.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Path(_) => "Make it a folder inside the workspace.".to_owned(),
            Self::TooMany(_) => {
                format!("Move files that are no longer needed out of it, until {MAX_ENTRIES} are left.")
            }
        }
    }
}

/// A file or folder found by [`ConfinedDir::list`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Path relative to the confined folder.
    pub path: PathBuf,
    /// The last part of the path; bytes that are not UTF-8 are replaced.
    pub name: String,
    /// True for a folder and for a link to one.
    pub is_folder: bool,
}

impl ConfinedDir {
    /// Confines reading to an existing folder.
    ///
    /// # Errors
    /// The system's error if the folder cannot be resolved.
    pub fn new(root: &Path) -> io::Result<Self> {
        Ok(Self { root: fs::canonicalize(root)?, hash: FilesHash::default() })
    }

    /// Returns the SHA-256, in hexadecimal, over every [`read`](Self::read) so far and every failed
    /// [`list`](Self::list).
    #[must_use]
    pub fn hash(&self) -> String {
        self.hash.finish()
    }

    /// Returns the folder's absolute path without symbolic links.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the path, relative to the folder, of the existing file that `text` names.
    ///
    /// # Errors
    /// [`PathError`] if there is no such file inside.
    pub fn file(&self, text: &str) -> Result<PathBuf, PathError> {
        let path = relative(text)?;
        let real = self.resolve(&path)?;
        if real.is_file() { Ok(path) } else { Err(PathError::NotAFile) }
    }

    /// Returns the absolute path of the file that `text` names; the file need not exist yet.
    ///
    /// # Errors
    /// [`PathError`] if the path would lead out, or through something that cannot be followed.
    pub fn absolute_path(&self, text: &str) -> Result<PathBuf, PathError> {
        let path = relative(text)?;
        if path.as_os_str().is_empty() {
            return Err(PathError::Empty);
        }
        for ancestor in path.ancestors() {
            // A dangling link is not an absent file: opening it would follow it.
            if fs::symlink_metadata(self.root.join(ancestor)).is_ok() {
                self.resolve(ancestor)?;
                break;
            }
        }
        Ok(self.root.join(path))
    }

    /// Returns the UTF-8 text of the file at `path`, which is relative to the folder, and adds the
    /// outcome to the [`hash`](Self::hash). `limit` is the maximum size in MiB.
    ///
    /// # Errors
    /// [`ReadError`] if the file is outside, too large, or not UTF-8.
    pub fn read(&self, path: &Path, limit: u64) -> Result<String, ReadError> {
        let text = self.read_secret(path, limit);
        match &text {
            Ok(text) => self.hash.add_file(path, text.as_bytes()),
            Err(error) => self.hash.add_failure(path, error.kind()),
        }
        text
    }

    /// Reads a file that holds a secret: like [`read`](Self::read), but without adding to the
    /// [`hash`](Self::hash).
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub fn read_secret(&self, path: &Path, limit: u64) -> Result<String, ReadError> {
        let real = self.resolve(path)?;
        // Opening a pipe would block until a process writes to it.
        if !real.is_file() {
            return Err(PathError::NotAFile.into());
        }
        let unreachable = |error: io::Error| PathError::Unreachable(error.kind());
        let file = File::open(&real).map_err(unreachable)?;
        let mut bytes = Vec::new();
        let max_bytes = limit << 20;
        file.take(max_bytes + 1).read_to_end(&mut bytes).map_err(unreachable)?;
        if bytes.len() as u64 > max_bytes {
            return Err(ReadError::TooBig(limit));
        }
        String::from_utf8(bytes).map_err(|error| ReadError::NotUtf8(error.utf8_error().valid_up_to()))
    }

    /// Returns the permissions that the group and others have on the file at `path`: the last six
    /// bits of its mode. 0 where the system has no such bits.
    ///
    /// # Errors
    /// [`PathError`] if there is no such file inside.
    pub fn permissions_of_others(&self, path: &Path) -> Result<u32, PathError> {
        let real = self.resolve(path)?;
        let metadata = fs::metadata(real).map_err(|error| PathError::Unreachable(error.kind()))?;
        Ok(group_and_other_bits(&metadata))
    }

    /// Returns the entries of the folder at `path`, sorted by name, without hidden files; empty if
    /// there is no such folder. A failure is added to the [`hash`](Self::hash).
    ///
    /// # Errors
    /// [`ListError`] if the folder is outside, or has more than [`MAX_ENTRIES`].
    pub fn list(&self, path: &Path) -> Result<Vec<Entry>, ListError> {
        let entries = self.entries(path);
        match &entries {
            Ok(_) => {}
            Err(ListError::Path(error)) => self.hash.add_failure(path, error.kind()),
            Err(ListError::TooMany(_)) => self.hash.add_failure(path, "too-many"),
        }
        entries
    }

    fn entries(&self, path: &Path) -> Result<Vec<Entry>, ListError> {
        let real = match self.resolve(path) {
            Err(PathError::Missing) => return Ok(Vec::new()),
            real => real?,
        };
        let unreachable = |error: io::Error| PathError::Unreachable(error.kind());
        let mut entries = Vec::new();
        let mut count = 0;
        for entry in fs::read_dir(&real).map_err(unreachable)? {
            let entry = entry.map_err(unreachable)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with('.') {
                continue;
            }
            count += 1;
            if count <= MAX_ENTRIES {
                entries.push(Entry { path: path.join(&name), name, is_folder: is_folder(&entry) });
            }
        }
        if count > MAX_ENTRIES {
            return Err(ListError::TooMany(count));
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    /// Resolves `path`, links included, and refuses a result outside the folder.
    fn resolve(&self, path: &Path) -> Result<PathBuf, PathError> {
        let real = fs::canonicalize(self.root.join(path)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => PathError::Missing,
            kind => PathError::Unreachable(kind),
        })?;
        if real.starts_with(&self.root) { Ok(real) } else { Err(PathError::Link) }
    }
}

impl PathError {
    /// Returns the error kind's name for the hash, the same on every machine.
    fn kind(&self) -> &'static str {
        match self {
            Self::Empty | Self::Character(_) | Self::Absolute | Self::Parent => "bad-path",
            Self::Link => "outside",
            Self::Missing => "missing",
            Self::NotAFile => "no-file",
            Self::Unreachable(_) => "unreachable",
        }
    }
}

impl ReadError {
    /// Returns the error kind's name for the hash, the same on every machine.
    fn kind(&self) -> &'static str {
        match self {
            Self::Path(error) => error.kind(),
            Self::TooBig(_) => "too-big",
            Self::NotUtf8(_) => "not-utf8",
        }
    }
}

/// Returns true for a folder and for a link to one.
fn is_folder(entry: &DirEntry) -> bool {
    match entry.file_type() {
        Ok(kind) if !kind.is_symlink() => kind.is_dir(),
        _ => entry.path().is_dir(),
    }
}

#[cfg(unix)]
fn group_and_other_bits(metadata: &fs::Metadata) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o077
}

#[cfg(not(unix))]
fn group_and_other_bits(_: &fs::Metadata) -> u32 {
    0
}

/// Parses `text` as a path below the folder, without access to the file system.
fn relative(text: &str) -> Result<PathBuf, PathError> {
    if text.trim().is_empty() {
        return Err(PathError::Empty);
    }
    if let Some(c) = text.chars().find(|&c| c.is_control() || c == '\\') {
        return Err(PathError::Character(c));
    }
    let mut path = PathBuf::new();
    for component in Path::new(text).components() {
        match component {
            Component::Normal(part) => path.push(part),
            Component::CurDir => {}
            Component::ParentDir => return Err(PathError::Parent),
            Component::RootDir | Component::Prefix(_) => return Err(PathError::Absolute),
        }
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use proptest::prelude::*;

    use super::*;

    fn dir() -> (tempfile::TempDir, ConfinedDir) {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("in/images")).unwrap();
        fs::write(folder.path().join("secret.txt"), "outside").unwrap();
        fs::write(folder.path().join("in/images/a.png"), b"\x89PNG").unwrap();
        fs::write(folder.path().join("in/note.txt"), "inside").unwrap();
        let dir = ConfinedDir::new(&folder.path().join("in")).unwrap();
        (folder, dir)
    }

    #[test]
    fn a_file_inside_is_found() {
        let (_folder, dir) = dir();
        assert_eq!(dir.file("./images/a.png"), Ok(PathBuf::from("images/a.png")));
        assert_eq!(dir.file("images/b.png"), Err(PathError::Missing));
        assert_eq!(dir.file("images"), Err(PathError::NotAFile));
    }

    #[test]
    fn no_path_leads_out() {
        let (folder, dir) = dir();
        symlink(folder.path().join("secret.txt"), folder.path().join("in/link.txt")).unwrap();
        symlink(folder.path(), folder.path().join("in/up")).unwrap();
        symlink(folder.path().join("nothing.db"), folder.path().join("in/dangling.db")).unwrap();
        for (text, expected) in [
            ("", PathError::Empty),
            ("/etc/passwd", PathError::Absolute),
            ("../secret.txt", PathError::Parent),
            ("images/../../secret.txt", PathError::Parent),
            ("images\\..\\a", PathError::Character('\\')),
            ("a\0b", PathError::Character('\0')),
            ("link.txt", PathError::Link),
            ("up/secret.txt", PathError::Link),
        ] {
            assert_eq!(dir.file(text), Err(expected.clone()), "{text}");
            assert_eq!(dir.absolute_path(text), Err(expected), "{text}");
        }
        assert_eq!(dir.absolute_path("up/new.db"), Err(PathError::Link));
        assert_eq!(dir.absolute_path("dangling.db"), Err(PathError::Missing));
        assert_eq!(dir.read(Path::new("link.txt"), 1), Err(PathError::Link.into()));
    }

    #[test]
    fn a_new_file_has_an_absolute_path() {
        let (_folder, dir) = dir();
        assert_eq!(dir.absolute_path("data/deep/chorus.db"), Ok(dir.root().join("data/deep/chorus.db")));
        assert_eq!(dir.absolute_path("."), Err(PathError::Empty));
    }

    #[test]
    fn only_utf8_within_the_size_limit_is_read() {
        let (_folder, dir) = dir();
        assert_eq!(dir.read(Path::new("note.txt"), 1).as_deref(), Ok("inside"));
        assert_eq!(dir.read(Path::new("images/a.png"), 1), Err(ReadError::NotUtf8(0)));
        fs::write(dir.root().join("big.txt"), vec![b'x'; (1 << 20) + 1]).unwrap();
        assert_eq!(dir.read(Path::new("big.txt"), 1), Err(ReadError::TooBig(1)));
        assert_eq!(dir.read(Path::new("images"), 1), Err(PathError::NotAFile.into()));
    }

    #[test]
    fn folders_are_listed_by_name_without_hidden_files() {
        let (_folder, dir) = dir();
        fs::write(dir.root().join(".hidden"), "").unwrap();
        let names: Vec<_> = dir.list(Path::new("")).unwrap().into_iter().map(|entry| entry.name).collect();
        assert_eq!(names, ["images", "note.txt"]);
        assert_eq!(dir.list(Path::new("nowhere")), Ok(Vec::new()));
    }

    #[test]
    fn a_folder_with_too_many_entries_is_not_listed() {
        let (_folder, dir) = dir();
        let many = dir.root().join("many");
        fs::create_dir(&many).unwrap();
        fs::write(many.join(".hidden"), "").unwrap();
        (0..MAX_ENTRIES).for_each(|at| drop(File::create(many.join(format!("{at}.toml"))).unwrap()));
        assert_eq!(dir.list(Path::new("many")).unwrap().len(), MAX_ENTRIES);
        fs::write(many.join("one-more.toml"), "").unwrap();
        let refused = dir.list(Path::new("many")).unwrap_err();
        assert_eq!(refused, ListError::TooMany(MAX_ENTRIES + 1));
        assert_eq!(
            refused.to_string(),
            "this folder has 20001 entries, and at most 20000 are read; none of them is"
        );
    }

    #[test]
    fn links_are_listed_by_their_targets() {
        let (folder, dir) = dir();
        symlink(dir.root().join("images"), dir.root().join("link")).unwrap();
        symlink(folder.path().join("nothing"), dir.root().join("dangling")).unwrap();
        let folders: Vec<_> = dir.list(Path::new("")).unwrap();
        let folders: Vec<_> = folders.iter().map(|entry| (entry.name.as_str(), entry.is_folder)).collect();
        assert_eq!(folders, [("dangling", false), ("images", true), ("link", true), ("note.txt", false)]);
    }

    proptest! {
        #[test]
        fn a_path_of_any_characters_stays_inside(text in "[a./\\\\\\PC]{0,20}") {
            if let Ok(path) = relative(&text) {
                prop_assert!(path.components().all(|part| matches!(part, Component::Normal(_))));
            }
        }
    }
}
