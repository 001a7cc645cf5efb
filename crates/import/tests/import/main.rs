//! Files of contacts in the habits of the world, and what becomes of them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says so by failing")]

mod hostile;
mod json_and_workbooks;
mod tables;

use import::{ContactFile, Conventions, DroppedCell, ImportError, ImportedContact, Row};

/// The rows of a file: contacts with their lines and dropped cells, and rejected rows.
#[derive(Debug, Default)]
struct Read {
    contacts: Vec<(u64, ImportedContact)>,
    dropped: Vec<(u64, DroppedCell)>,
    rejected: Vec<(u64, String)>,
}

impl Read {
    /// Returns the e-mail addresses of the contacts.
    fn emails(&self) -> Vec<&str> {
        self.contacts.iter().map(|(_, contact)| contact.email.as_deref().unwrap_or("-")).collect()
    }

    /// Returns the value of an attribute of each contact, as JSON; `-` where there is none.
    fn attribute(&self, name: &str) -> Vec<String> {
        let value = |contact: &ImportedContact| {
            contact.attributes.get(name).map_or("-".to_owned(), ToString::to_string)
        };
        self.contacts.iter().map(|(_, contact)| value(contact)).collect()
    }
}

fn read_with(bytes: &[u8], conventions: &Conventions) -> Result<Read, ImportError> {
    let mut read = Read::default();
    for row in ContactFile::open(bytes, conventions)? {
        match row? {
            Row::Contact { line, contact, dropped } => {
                read.contacts.push((line, contact));
                read.dropped.extend(dropped.into_iter().map(|cell| (line, cell)));
            }
            Row::Rejected { line, reason, .. } => read.rejected.push((line, reason)),
        }
    }
    Ok(read)
}

#[track_caller]
fn read(text: impl AsRef<[u8]>) -> Read {
    read_with(text.as_ref(), &Conventions::default()).unwrap()
}

#[track_caller]
fn refused(text: &str) -> String {
    read_with(text.as_bytes(), &Conventions::default()).unwrap_err().to_string()
}
