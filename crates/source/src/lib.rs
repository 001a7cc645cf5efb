//! Source files: reading them inside one folder, and reporting everything that is wrong with them at once, each
//! finding with its place.
//!
//! - [`ConfinedDir`] reads and lists files of a folder, and nothing outside it.
//! - [`reader`] reads TOML through serde. Each key is a [`Field`], so that one mistake does not hide the next; texts
//!   and numbers keep the bytes they stand at ([`Located`], [`Name`], [`Scalar`]).
//! - [`SourceFile`] collects the findings of one file, [`Diagnostics`] those of all files, for people
//!   ([`Diagnostics::to_text`]) and for programs ([`Diagnostics::to_json`]).
//! - [`nearest`](nearest()) and [`advice`] suggest the name that was meant.
//!
//! Invariants:
//! - No path in a file, and no symbolic link, leads out of the folder.
//! - Whatever stands in a file, reading it does not panic; a value that cannot be used is a finding.
//! - Findings come in the order of files and places, whatever the order in which they were made, and each once.
//!
//! ```
//! use source::{Diagnostics, Field, SourceFile, reader};
//!
//! #[derive(serde::Deserialize)]
//! struct Settings {
//!     title: Field<String>,
//!     count: Field<u32>,
//! }
//!
//! let file = SourceFile::new("settings.toml", "title = \"Spring\"\ncount = \"three\"\n".to_owned());
//! let settings: Settings = reader::read(&file, reader::document(&file)).expect("the file is a table");
//! assert_eq!(settings.title.value().map(String::as_str), Some("Spring"));
//! assert_eq!(settings.count, Field::Bad);
//!
//! let mut findings = Diagnostics::new();
//! file.hand_over(&mut findings, |text| text);
//! let messages: Vec<_> = findings.errors().map(|finding| finding.message.as_str()).collect();
//! assert_eq!(messages, ["`count` should be a whole number, not below zero, but is a text"]);
//! ```

mod confined_dir;
mod diagnostic;
mod entries;
mod fault;
mod field;
mod files_hash;
mod nearest;
pub mod reader;
mod scalar;
mod source_file;

pub use confined_dir::{ConfinedDir, Entry, ListError, MAX_ENTRIES, PathError, ReadError};
pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use entries::{Entries, Name};
pub use field::{Field, Located, optional};
pub use nearest::{advice, nearest};
pub use scalar::Scalar;
pub use source_file::SourceFile;
