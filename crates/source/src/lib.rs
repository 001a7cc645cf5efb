//! Source files: reads them inside one folder and reports everything that is wrong with them at
//! once, each finding with its place.
//!
//! - [`ConfinedDir`] reads and lists files of a folder, and nothing outside it.
//! - [`reader`] reads TOML through serde. Each key is a [`Field`], so that one mistake does not
//!   hide the next; texts and numbers keep the bytes they stand at ([`Located`], [`Name`],
//!   [`Scalar`]).
//! - [`SourceFile`] collects the findings of one file, [`Diagnostics`] those of all files, for
//!   people ([`Diagnostics::to_text`]) and for programs ([`Diagnostics::to_json`]).
//! - [`nearest`] and [`suggestion`] find the name that was meant.
//!
//! Invariants:
//! - No path in a file, and no symbolic link, leads out of the folder.
//! - Whatever stands in a file, reading it does not panic; a value that cannot be used is a
//!   finding.
//! - Findings come in the order of files and places, whatever the order in which they were made,
//!   and each once.
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
//! let text = "title = \"Spring\"\ncount = \"three\"\n".to_owned();
//! let file = SourceFile::new("settings.toml", text);
//! let document = reader::document(&file);
//! let settings: Settings = reader::read(&file, document).expect("the file is a table");
//! assert_eq!(settings.title.value().map(String::as_str), Some("Spring"));
//! assert_eq!(settings.count, Field::Invalid);
//!
//! let mut findings = Diagnostics::new();
//! file.report_into(&mut findings, |text| text);
//! let messages: Vec<_> = findings.errors().map(|finding| finding.message.as_str()).collect();
//! assert_eq!(messages, ["`count` should be a whole number, not below zero, but is a text"]);
//! ```

mod confined_dir;
mod diagnostic;
mod did_you_mean;
mod entries;
mod field;
mod files_hash;
pub mod reader;
mod scalar;
mod source_file;
mod value_error;

pub use confined_dir::{ConfinedDir, Entry, ListError, MAX_ENTRIES, PathError, ReadError};
pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use did_you_mean::{nearest, suggestion};
pub use entries::{Entries, Name};
pub use field::{Field, Located, optional};
pub use scalar::Scalar;
pub use source_file::SourceFile;
