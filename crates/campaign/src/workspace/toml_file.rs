//! Lists, opens and reads the TOML files of a folder.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use source::{ConfinedDir, Diagnostic, Diagnostics, SourceFile, reader};

use crate::ids::BadName;
use crate::workspace::variable;

/// Maximum size of a TOML file, in MiB.
pub(crate) const MAX_FILE_MIB: u64 = 1;

/// Reads the document as a `T` and reports every `${NAME}` where none is allowed.
pub(crate) fn read_document<T: DeserializeOwned>(
    source: &SourceFile,
    is_secret: &dyn Fn(&[&str]) -> bool,
) -> Option<T> {
    let document = reader::document(source);
    variable::refuse_outside_secrets(source, document.get_ref(), is_secret);
    reader::read(source, document)
}

/// One TOML file of a folder, not read yet.
pub(crate) struct TomlFile {
    /// Path relative to the workspace.
    pub(crate) path: PathBuf,
    /// Name of the file without `.toml`.
    pub(crate) stem: String,
}

/// Returns the TOML files of a folder and reports folders in it, which are not read. `None` if the
/// folder cannot be listed.
pub(crate) fn toml_files(
    dir: &ConfinedDir,
    folder: &str,
    findings: &mut Diagnostics,
) -> Option<Vec<TomlFile>> {
    let entries = dir.list(Path::new(folder)).map_err(|error| {
        let finding = Diagnostic::error("unreadable", folder, error.to_string());
        findings.push(finding.help(error.help()));
    });
    let entries = entries.ok()?;
    let mut files = Vec::new();
    for entry in entries {
        match entry.name.strip_suffix(".toml") {
            Some(stem) if !entry.is_folder => {
                files.push(TomlFile { stem: stem.to_owned(), path: entry.path });
            }
            None if !entry.is_folder => {}
            _ => {
                let message = format!("folders in {folder} are not read");
                let help = format!("Move its files to {folder}/.");
                findings.push(Diagnostic::warning("not-read", &entry.path, message).help(help));
            }
        }
    }
    Some(files)
}

/// Reads a file and parses its id from its name. Reports a file that cannot be read, for which it
/// returns `None`, and a name that is no id.
pub(crate) fn open<Id>(
    dir: &ConfinedDir,
    file: &TomlFile,
    parse: fn(&str) -> Result<Id, BadName>,
    findings: &mut Diagnostics,
) -> Option<(SourceFile, Option<Id>)> {
    let text = match dir.read(&file.path, MAX_FILE_MIB) {
        Ok(text) => text,
        Err(error) => {
            let help = "It must be a UTF-8 text inside the workspace, of at most 1 MiB.";
            findings.push(Diagnostic::error("unreadable", &file.path, error.to_string()).help(help));
            return None;
        }
    };
    let source = SourceFile::new(&file.path, text);
    let help = "Call the file something like `spring-renewal.toml`.";
    let id = parse(&file.stem)
        .map_err(|error| source.error("bad-name", None, format!("this file's name: {error}"), help))
        .ok();
    Some((source, id))
}
