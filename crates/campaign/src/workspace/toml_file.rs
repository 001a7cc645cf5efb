//! The TOML files of a folder: listed, opened, read.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use source::{ConfinedDir, Diagnostic, Diagnostics, SourceFile, reader};

use crate::ids::BadName;
use crate::workspace::variable;

/// The largest TOML file, in MiB.
pub(crate) const LARGEST: u64 = 1;

/// The document as a `T`, with `${NAME}` refused where it cannot stand.
pub(crate) fn read_document<T: DeserializeOwned>(
    source: &SourceFile,
    is_secret: &dyn Fn(&[&str]) -> bool,
) -> Option<T> {
    let document = reader::document(source);
    variable::refuse(source, document.get_ref(), is_secret);
    reader::read(source, document)
}

/// One TOML file of a folder.
pub(crate) struct TomlFile {
    pub(crate) path: PathBuf,
    pub(crate) stem: String,
}

/// The TOML files of a folder; whatever else could be taken for one is reported. `None` if the folder cannot be
/// listed.
pub(crate) fn toml_files(
    dir: &ConfinedDir,
    folder: &str,
    findings: &mut Diagnostics,
) -> Option<Vec<TomlFile>> {
    let listed = dir.list(Path::new(folder)).map_err(|fault| {
        let finding = Diagnostic::error("unreadable", folder, fault.to_string());
        findings.push(finding.help(fault.help()));
    });
    let entries = listed.ok()?;
    let mut files = Vec::new();
    for entry in entries {
        match entry.name.strip_suffix(".toml") {
            Some(stem) if !entry.is_folder => {
                files.push(TomlFile { stem: stem.to_owned(), path: entry.path });
            }
            None if !entry.is_folder => {}
            _ => {
                let message = format!("nothing reads folders in {folder}");
                let help = format!("Move its files to {folder}/.");
                findings.push(Diagnostic::warning("not-read", &entry.path, message).help(help));
            }
        }
    }
    Some(files)
}

/// A file on the desk with its name; what cannot be read is told.
pub(crate) fn open<Id>(
    dir: &ConfinedDir,
    file: &TomlFile,
    parse: fn(&str) -> Result<Id, BadName>,
    findings: &mut Diagnostics,
) -> Option<(SourceFile, Option<Id>)> {
    let text = match dir.read(&file.path, LARGEST) {
        Ok(text) => text,
        Err(fault) => {
            let help = "It must be a UTF-8 text inside the workspace, of at most 1 MiB.";
            findings.push(Diagnostic::error("unreadable", &file.path, fault.to_string()).help(help));
            return None;
        }
    };
    let source = SourceFile::new(&file.path, text);
    let help = "Call the file something like `spring-renewal.toml`.";
    let id = parse(&file.stem)
        .map_err(|fault| source.error("bad-name", None, format!("this file's name: {fault}"), help))
        .ok();
    Some((source, id))
}
