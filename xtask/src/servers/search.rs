//! The search for a program, in the packages unpacked below `target` and on the machine.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::programs::{REQUIRED_PROGRAMS, RequiredProgram};

/// The folders that are searched.
#[derive(Debug)]
pub(super) struct ProgramSearch {
    /// The root folder of our unpacked packages, laid out as a Debian system.
    pub(super) unpacked: PathBuf,
    /// True if programs of the machine are used. Python always is: too much of Debian depends on it
    /// to simulate a machine without it.
    pub(super) use_machine: bool,
}

impl ProgramSearch {
    /// Returns the programs that were not found.
    pub(super) fn missing(&self) -> Vec<&'static RequiredProgram> {
        REQUIRED_PROGRAMS.iter().filter(|program| self.find(program).is_none()).collect()
    }

    /// Returns the path of a program. Unpacked programs come first: they were fetched because the
    /// machine's did not work.
    pub(super) fn find(&self, program: &RequiredProgram) -> Option<PathBuf> {
        let machine = (self.use_machine || program.name == "python3").then(|| PathBuf::from("/"));
        [Some(self.unpacked.clone()), machine]
            .into_iter()
            .flatten()
            .find_map(|root| program.folders.iter().find_map(|folder| in_folder(&root, folder, program.name)))
    }

    /// Returns the executable to start for a program: the program itself, or, if we unpacked it, a
    /// script below `wrappers` that sets the paths of its libraries and fonts.
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

    /// Returns the folders of shared libraries: those of the architecture, and the private ones one
    /// level below them.
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

/// Returns the program in a folder below `root`; a `*` in the folder stands for its highest
/// version.
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
    fn unpacked_programs_come_first_and_get_their_libraries() {
        let home = tempfile::tempdir().unwrap();
        let search = ProgramSearch { unpacked: home.path().join("root"), use_machine: false };
        let sink = REQUIRED_PROGRAMS.iter().find(|program| program.name == "smtp-sink").unwrap();
        assert_eq!(search.find(sink), None);
        fs::create_dir_all(search.unpacked.join("usr/sbin")).unwrap();
        fs::write(search.unpacked.join("usr/sbin/smtp-sink"), "").unwrap();
        let path = search.find(sink).unwrap();
        let wrapper = search.runnable("smtp-sink", &path, &home.path().join("bin")).unwrap();
        let script = fs::read_to_string(wrapper).unwrap();
        assert!(script.contains("usr/lib/postfix"), "{script}");
        assert!(script.contains("exec"), "{script}");
    }
}
