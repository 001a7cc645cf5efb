//! Files that nobody meant: endless lines, random bytes, and random tables in random habits.

use std::io::Read as _;

use import::{ContactFile, Conventions};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::{read, read_with};

#[test]
fn endless_lines_end_with_an_error() {
    let zeros = std::io::repeat(0).take(1 << 30);
    let error = ContactFile::open(zeros, &Conventions::default()).err().unwrap();
    assert!(error.to_string().contains("64 KiB"), "{error}");
    let long = format!("email\nada@example.com\n{}\nbob@example.com\n", "x".repeat(3 << 20));
    let found = read(long);
    assert_eq!(found.emails(), ["ada@example.com", "bob@example.com"]);
    assert_eq!(found.rejected, [(3, "it is longer than 64 KiB".to_owned())]);
    let many = format!("email\n{}\n", ",".repeat(300));
    assert!(read(many).rejected[0].1.contains("256"));
    let columns = vec!["a"; 300].join(",");
    assert!(read_with(columns.as_bytes(), &Conventions::default()).is_err());
}

#[test]
fn many_stray_quotes_are_read_in_bounded_time() {
    let rows: String = (0..20_000).map(|n| format!("p{n}@example.com,\"x\n")).collect();
    let found = read(format!("email,note\n{rows}"));
    assert_eq!(found.contacts.len() + found.rejected.len(), 20_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..2_000), magic in 0_usize..5) {
        let starts: [&[u8]; 5] = [b"", b"email,name\n", b"PK\x03\x04", b"\x1f\x8b\x08", b"{"];
        let _ = read_with(&[starts[magic], &bytes].concat(), &Conventions::default());
    }

    #[test]
    fn a_table_is_read_back_in_every_habit(
        texts in vec("[a-zA-Z茶é \"',;|=+-]{0,12}", 1..20),
        separator in prop::sample::select(vec![b',', b';', b'\t', b'|']),
        quotes_all: bool,
        crlf: bool,
    ) {
        let mut writer = csv_core::WriterBuilder::new();
        let style = if quotes_all { csv_core::QuoteStyle::Always } else { csv_core::QuoteStyle::Necessary };
        let end = if crlf { csv_core::Terminator::CRLF } else { csv_core::Terminator::Any(b'\n') };
        let mut writer = writer.delimiter(separator).quote_style(style).terminator(end).build();
        let mut file = Vec::new();
        let mut write = |cells: &[&str]| {
            let mut room = vec![0; 4_096];
            for (index, cell) in cells.iter().enumerate() {
                if index > 0 {
                    let (_, n) = writer.delimiter(&mut room);
                    file.extend_from_slice(&room[..n]);
                }
                let (_, _, n) = writer.field(cell.as_bytes(), &mut room);
                file.extend_from_slice(&room[..n]);
            }
            let (_, n) = writer.terminator(&mut room);
            file.extend_from_slice(&room[..n]);
        };
        write(&["email", "note"]);
        let escaped: Vec<_> = texts.iter().map(|text| import::escape_formula(text.trim())).collect();
        for (n, text) in escaped.iter().enumerate() {
            write(&[&format!("p{n}@example.com"), text]);
        }
        let found = read(file);
        prop_assert_eq!(found.contacts.len(), texts.len(), "{:?}", found.rejected);
        for ((_, contact), text) in found.contacts.iter().zip(&texts) {
            let note = contact.attributes.get("note").and_then(|note| note.as_str()).unwrap_or_default();
            prop_assert_eq!(note, text.trim());
        }
    }
}
