//! The error of a file or folder that this process may not write.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A file or folder that this process may not write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// The path of the file or folder.
    pub path: PathBuf,
    /// The name of the account that owns it.
    pub owner: String,
    /// The name of the account that this process runs as.
    pub user: String,
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message_for(&self.path.display().to_string()))
    }
}

impl Denied {
    /// Finds the owner of `path`; where it does not exist, of the closest folder above it that
    /// does.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        // The folder above decides about a path that does not exist or cannot be read.
        let there = path.ancestors().find(|path| fs::metadata(path).is_ok());
        let path = there.filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let owner = fs::metadata(path).map_or_else(|_| "another account".to_owned(), |it| account(it.uid()));
        Self { path: path.to_owned(), owner, user: account(rustix::process::geteuid().as_raw()) }
    }

    /// Returns the message with `name` in the place of the path.
    pub(super) fn message_for(&self, name: &str) -> String {
        let Self { owner, user, .. } = self;
        if owner == user {
            format!("{name} belongs to {owner}, who may not write to it")
        } else {
            format!("{name} belongs to {owner}, and Chorus runs as {user}, who may not write to it")
        }
    }

    /// Returns a change that would let this process write.
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

/// Returns the name of an account from `/etc/passwd`, or `user` and its number where it has none.
fn account(uid: u32) -> String {
    let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        (number.parse() == Ok(uid)).then(|| name.to_owned())
    });
    name.unwrap_or_else(|| format!("user {uid}"))
}
