//! A file or folder that this process may not write.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A file or folder that this process may not write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// The file or folder.
    pub path: PathBuf,
    /// The account that owns it.
    pub owner: String,
    /// The account of this process.
    pub user: String,
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.of(&self.path.display().to_string()))
    }
}

impl Denied {
    /// What keeps this process from `path`; where that is not there, the folder above it.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        // A path that is not there, or cannot be looked at, is up to the folder above it.
        let there = path.ancestors().find(|path| fs::metadata(path).is_ok());
        let path = there.filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let owner = fs::metadata(path).map_or_else(|_| "somebody else".to_owned(), |it| account(it.uid()));
        Self { path: path.to_owned(), owner, user: account(rustix::process::geteuid().as_raw()) }
    }

    /// The text, where the path is called `name`.
    pub(super) fn of(&self, name: &str) -> String {
        let Self { owner, user, .. } = self;
        if owner == user {
            format!("{name} belongs to {owner}, who may not write to it")
        } else {
            format!("{name} belongs to {owner}, and Chorus runs as {user}, who may not write to it")
        }
    }

    /// A change that would let this process write.
    #[must_use]
    pub fn advice(&self) -> String {
        let Self { path, owner, user } = self;
        let path = path.display();
        if owner == user {
            format!("allow it: `chmod u+w {path}`")
        } else {
            format!("run Chorus as {owner}, or give it to {user}: `chown -R {user} {path}`")
        }
    }
}

/// The name of an account, or its number where it has none.
fn account(uid: u32) -> String {
    let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        (number.parse() == Ok(uid)).then(|| name.to_owned())
    });
    name.unwrap_or_else(|| format!("user {uid}"))
}
