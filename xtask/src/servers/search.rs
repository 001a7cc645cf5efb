//! Where a program is: unpacked below `target`, or on the machine.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::programs::{WANTED, Wanted};

/// The places that are searched.
#[derive(Debug)]
pub(super) struct Shelf {
    /// Packages unpacked by us, laid out as in a Debian system.
    pub(super) unpacked: PathBuf,
    /// Whether programs of the machine count. Python always does: too much of Debian leans on it for a machine
    /// that has it to look as if it had not.
    pub(super) use_machine: bool,
}

impl Shelf {
    /// Programs that are nowhere.
    pub(super) fn missing(&self) -> Vec<&'static Wanted> {
        WANTED.iter().filter(|wanted| self.find(wanted).is_none()).collect()
    }

    /// Where a program is. What we unpacked comes first: it was fetched because the machine's would not do.
    pub(super) fn find(&self, wanted: &Wanted) -> Option<PathBuf> {
        let machine = (self.use_machine || wanted.name == "python3").then(|| PathBuf::from("/"));
        [Some(self.unpacked.clone()), machine]
            .into_iter()
            .flatten()
            .find_map(|root| wanted.folders.iter().find_map(|folder| in_folder(&root, folder, wanted.name)))
    }

    /// What to start for a program: itself, or, where we unpacked it, a script below `wrappers` that tells it
    /// where its libraries and fonts are.
    pub(super) fn runnable(&self, name: &str, path: &Path, wrappers: &Path) -> Result<PathBuf> {
        if !path.starts_with(&self.unpacked) {
            return Ok(path.to_owned());
        }
        fs::create_dir_all(wrappers)?;
        let wrapper = wrappers.join(name);
        let script = format!(
            "#!/bin/sh\nexport LD_LIBRARY_PATH='{}'\n{}exec '{}' \"$@\"\n",
            self.libraries().join(":"),
            self.fonts(),
            path.display()
        );
        fs::write(&wrapper, script).with_context(|| format!("cannot write {}", wrapper.display()))?;
        fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755))?;
        Ok(wrapper)
    }

    /// Folders of shared libraries: those of the architecture, and the private ones one level below them.
    fn libraries(&self) -> Vec<String> {
        let mut folders = vec![self.unpacked.join("usr/lib/postfix")];
        for parent in ["usr/lib", "lib"] {
            let architecture = |path: &PathBuf| path.to_string_lossy().contains("-linux-gnu");
            for folder in subfolders(&self.unpacked.join(parent)).filter(architecture) {
                folders.extend(subfolders(&folder).filter(|private| has_library(private)));
                folders.push(folder);
            }
        }
        folders.iter().map(|folder| folder.display().to_string()).collect()
    }

    fn fonts(&self) -> String {
        let fonts = self.unpacked.join("etc/fonts");
        if fonts.join("fonts.conf").exists() {
            format!("export FONTCONFIG_FILE='{}'\n", fonts.join("fonts.conf").display())
        } else {
            String::new()
        }
    }
}

fn subfolders(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
}

fn has_library(folder: &Path) -> bool {
    let library = |name: &str| name.starts_with("lib") && name.contains(".so");
    let mut entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.any(|entry| entry.file_name().to_str().is_some_and(library))
}

/// The program in a folder below `root`; a `*` in the folder stands for its highest version.
fn in_folder(root: &Path, folder: &str, name: &str) -> Option<PathBuf> {
    let folder = folder.trim_start_matches('/');
    let Some((before, after)) = folder.split_once("/*/") else {
        return Some(root.join(folder).join(name)).filter(|path| path.is_file());
    };
    let mut versions: Vec<u32> = fs::read_dir(root.join(before))
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|version: &u32| root.join(before).join(version.to_string()).join(after).join(name).is_file())
        .collect();
    versions.sort_unstable();
    Some(root.join(before).join(versions.pop()?.to_string()).join(after).join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_version_is_taken() {
        let root = tempfile::tempdir().unwrap();
        for version in ["9", "15", "16", "old"] {
            fs::create_dir_all(root.path().join(format!("usr/lib/postgresql/{version}/bin"))).unwrap();
        }
        for version in ["9", "15"] {
            fs::write(root.path().join(format!("usr/lib/postgresql/{version}/bin/postgres")), "").unwrap();
        }
        let found = in_folder(root.path(), "/usr/lib/postgresql/*/bin", "postgres").unwrap();
        assert!(found.ends_with("usr/lib/postgresql/15/bin/postgres"), "{found:?}");
    }

    #[test]
    fn what_was_unpacked_comes_first_and_gets_its_libraries() {
        let home = tempfile::tempdir().unwrap();
        let shelf = Shelf { unpacked: home.path().join("root"), use_machine: false };
        let sink = WANTED.iter().find(|wanted| wanted.name == "smtp-sink").unwrap();
        assert_eq!(shelf.find(sink), None);
        fs::create_dir_all(shelf.unpacked.join("usr/sbin")).unwrap();
        fs::write(shelf.unpacked.join("usr/sbin/smtp-sink"), "").unwrap();
        let path = shelf.find(sink).unwrap();
        let wrapper = shelf.runnable("smtp-sink", &path, &home.path().join("bin")).unwrap();
        let script = fs::read_to_string(wrapper).unwrap();
        assert!(script.contains("usr/lib/postfix"), "{script}");
        assert!(script.contains("exec"), "{script}");
    }
}
