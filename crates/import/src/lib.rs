//! The rows of a contacts file of any habit, as contacts.
//!
//! Its one job: read what spreadsheets and other senders export, and say of each row what it
//! becomes, what of it is dropped, or why it is rejected. It writes nothing and knows no database.
//!
//! Invariants:
//! - Every row of the file is returned once: as a contact, or rejected with its line and the
//!   reason.
//! - A value that cannot be read is never guessed: an optional one is dropped and reported.
//! - Memory is bounded, whatever the file: 64 KiB a row, 256 columns, 1 GiB of a workbook.
//! - An unknown word in the column of consent is not a yes.
//!
//! ```
//! use import::{Conventions, ContactFile, Row};
//!
//! let text = "E-Mail;Vorname;Einwilligung\nAda <ada@example.com>;Ada;ja\n";
//! let mut file = ContactFile::open(text.as_bytes(), &Conventions::default()).unwrap();
//! let Some(Ok(Row::Contact { contact, .. })) = file.next() else { panic!() };
//! assert_eq!(contact.email.as_deref(), Some("ada@example.com"));
//! assert_eq!(contact.attributes["first_name"], "Ada");
//! assert_eq!(contact.consent, Some(true));
//! ```

mod aliases;
mod attribute;
mod bad_value;
mod cells;
mod columns;
mod contact;
mod error;
mod file;
mod json_lines;
mod known;
mod lines;
mod phone;
mod shown;
mod workbook;

pub use attribute::DateOrder;
pub use columns::{Column, MappedColumn};
pub use contact::{DroppedCell, ImportedContact, Row, escape_formula};
pub use error::ImportError;
pub use file::{ContactFile, Conventions};
pub use known::Known;
pub use phone::{BadCountry, Country};
pub use shown::shown;
