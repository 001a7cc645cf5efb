//! `chorus contacts erase`: erases a contact, and looks into the database's files whether the
//! addresses are gone.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use store::Contact;
use terminal::output::{self, Format, user_error};

use crate::lookup::find_contact;
use crate::setup::{App, Env};

/// The size of the pieces in which a file is searched, in bytes.
const PIECE_BYTES: usize = 1 << 20;

pub(super) async fn run(env: &Env, app: &App, address: &str, yes: bool) -> anyhow::Result<ExitCode> {
    let contact = find_contact(app, address).await?;
    if !yes {
        return Err(user_error(format!(
            "this erases {} for good, with their messages and answers; the counts stay. Nothing was erased: say `--yes`.",
            name(&contact)
        )));
    }
    app.store.contact_erase(contact.id, app.clock.millis()).await?;
    let values = values(&contact);
    let mut files = app.store.purge(false).await?;
    if found(&files, &values).await? {
        // What an earlier version deleted was not overwritten.
        output::note(
            "An earlier version left traces in the file: it is written again. This may take a while.",
        );
        files = app.store.purge(true).await?;
    }
    if found(&files, &values).await? {
        return Err(user_error(
            "the contact is erased, but their address is still in the file: another contact's attribute or text has it, or \
             another process reads an older state; stop it and say the command again",
        ));
    }
    if env.format == Format::Json {
        output::json(&serde_json::json!({ "erased": contact.id, "searched": files }))?;
    } else {
        output::line(format!("{} is erased.", name(&contact)))?;
        output::line(match files.as_slice() {
            [] => "PostgreSQL removes the old rows from its files within a day (vacuum).".to_owned(),
            files => {
                let files: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
                format!(
                    "Their address is not in {} any more. Backups made before have it still.",
                    files.join(" and ")
                )
            }
        })?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns a name of the contact for messages.
fn name(contact: &Contact) -> &str {
    let keys = [&contact.email, &contact.phone, &contact.external_id];
    keys.into_iter().flatten().next().map_or("the contact", String::as_str)
}

/// Returns the addresses that must not be in the files any more. A short id may be in any text.
fn values(contact: &Contact) -> Vec<Vec<u8>> {
    let addresses = [&contact.email, &contact.phone].into_iter().flatten();
    addresses.map(|address| address.clone().into_bytes()).collect()
}

async fn found(files: &[PathBuf], values: &[Vec<u8>]) -> anyhow::Result<bool> {
    let (files, values) = (files.to_vec(), values.to_vec());
    let search = move || files.iter().map(|file| contains(file, &values)).collect::<anyhow::Result<Vec<_>>>();
    Ok(tokio::task::spawn_blocking(search).await??.contains(&true))
}

/// Returns true if the file has one of the values, in any case of its letters.
fn contains(path: &Path, values: &[Vec<u8>]) -> anyhow::Result<bool> {
    let file = match File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        file => file.with_context(|| format!("search {}", path.display()))?,
    };
    let overlap = values.iter().map(Vec::len).max().unwrap_or_default();
    let mut reader = BufReader::new(file);
    let mut piece = Vec::new();
    loop {
        let kept = piece.len().min(overlap);
        piece.drain(..piece.len() - kept);
        let read = reader.by_ref().take(PIECE_BYTES as u64).read_to_end(&mut piece)?;
        if values.iter().any(|value| has(&piece, value)) {
            return Ok(true);
        }
        if read == 0 {
            return Ok(false);
        }
    }
}

fn has(piece: &[u8], value: &[u8]) -> bool {
    let Some(first) = value.first() else { return false };
    let starts = piece.iter().enumerate().filter(|(_, byte)| byte.eq_ignore_ascii_case(first));
    starts
        .map(|(at, _)| at)
        .any(|at| piece.get(at..at + value.len()).is_some_and(|part| part.eq_ignore_ascii_case(value)))
}
