//! JSON Lines and Excel workbooks.

use import::Conventions;

use crate::{read, read_with};

#[test]
fn objects_are_read_line_by_line() {
    let read = read(
        "{\"email\":\"ada@example.com\",\"First Name\":\"Ada\",\"visits\":3,\"vip\":true,\"consent\":\"yes\"}\n\
         {\"email\":\"bob@example.com\",\"tags\":[1]}\n\nnot json\n{\"first_name\":\"Cara\"}\n\
         {\"email\":\"dan@example.com\",\"Mail\":\"dan@example.org\"}\n",
    );
    assert_eq!(read.emails(), ["ada@example.com", "bob@example.com"]);
    assert_eq!(
        (read.attribute("visits"), read.attribute("vip")),
        (vec!["3".to_owned(), "-".to_owned()], vec!["true".to_owned(), "-".to_owned()])
    );
    assert_eq!(read.contacts[0].1.consent, Some(true));
    assert_eq!(read.dropped[0].1.column, "tags");
    assert_eq!(read.rejected.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [4, 5, 6]);
}

#[test]
fn an_export_of_chorus_is_read() {
    let read = read(
        "{\"id\":7,\"external_id\":null,\"email\":\"ada@example.com\",\"consents\":{\"news\":{\"email\":\"granted\"}},\
         \"attributes\":{\"tier\":\"gold\",\"visits\":12},\"created_at\":1}\n",
    );
    let contact = &read.contacts[0].1;
    assert_eq!(
        (contact.external_id.as_deref(), contact.consent),
        (None, None),
        "consents are not raised by an import"
    );
    assert_eq!(contact.attributes.len(), 2);
}

/// Returns an archive with stored files, as a workbook has them.
fn archive(files: &[(&str, String)]) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for (name, text) in files {
        let mut crc = flate2::Crc::new();
        crc.update(text.as_bytes());
        let (size, length) = (
            u32::try_from(text.len()).unwrap().to_le_bytes(),
            u16::try_from(name.len()).unwrap().to_le_bytes(),
        );
        let common = [
            &[20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0][..],
            &crc.sum().to_le_bytes(),
            &size,
            &size,
            &length,
            &[0, 0],
        ]
        .concat();
        let offset = u32::try_from(archive.len()).unwrap().to_le_bytes();
        archive.extend([b"PK\x03\x04", &common[..], name.as_bytes(), text.as_bytes()].concat());
        directory.extend([b"PK\x01\x02\x14\0", &common[..], &[0; 10], &offset, name.as_bytes()].concat());
    }
    let count = u16::try_from(files.len()).unwrap().to_le_bytes();
    let sizes = [directory.len(), archive.len()].map(|size| u32::try_from(size).unwrap().to_le_bytes());
    let end = [b"PK\x05\x06\0\0\0\0", &count[..], &count, &sizes[0], &sizes[1], &[0, 0]].concat();
    [archive, directory, end].concat()
}

fn workbook(rows: &str) -> Vec<u8> {
    let xml = |text: &str| format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>{text}");
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    archive(&[
        (
            "[Content_Types].xml",
            xml("<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"/>"),
        ),
        (
            "_rels/.rels",
            xml(&format!(
                "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship Id=\"r1\" \
                 Type=\"{relations}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
            )),
        ),
        (
            "xl/workbook.xml",
            xml(&format!(
                "<workbook xmlns=\"{main}\" xmlns:r=\"{relations}\"><sheets><sheet name=\"People\" sheetId=\"1\" \
                 r:id=\"r1\"/></sheets></workbook>"
            )),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            xml(&format!(
                "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship Id=\"r1\" \
                 Type=\"{relations}/worksheet\" Target=\"worksheets/sheet1.xml\"/><Relationship Id=\"r2\" \
                 Type=\"{relations}/styles\" Target=\"styles.xml\"/></Relationships>"
            )),
        ),
        (
            "xl/styles.xml",
            xml(&format!(
                "<styleSheet xmlns=\"{main}\"><cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/></cellXfs></styleSheet>"
            )),
        ),
        (
            "xl/worksheets/sheet1.xml",
            xml(&format!("<worksheet xmlns=\"{main}\"><sheetData>{rows}</sheetData></worksheet>")),
        ),
    ])
}

fn row(number: u32, cells: &[&str]) -> String {
    let cell = |(index, value): (usize, &&str)| {
        let column = char::from(b'A' + u8::try_from(index).unwrap());
        match value.strip_prefix('#') {
            Some(number_value) => {
                let (style, number_value) =
                    number_value.strip_prefix('d').map_or((0, number_value), |days| (1, days));
                format!("<c r=\"{column}{number}\" s=\"{style}\"><v>{number_value}</v></c>")
            }
            None => format!("<c r=\"{column}{number}\" t=\"inlineStr\"><is><t>{value}</t></is></c>"),
        }
    };
    format!("<row r=\"{number}\">{}</row>", cells.iter().enumerate().map(cell).collect::<String>())
}

#[test]
fn a_workbook_is_read_with_its_numbers_and_dates() {
    let rows = row(1, &["E-Mail", "Visits", "joined"])
        + &row(2, &["ada@example.com", "#12", "#d46083"])
        + &row(4, &["bob@example.com", "#1.5"]);
    let attributes = [
        ("joined".to_owned(), campaign::AttributeKind::Date),
        ("Visits".to_owned(), campaign::AttributeKind::Number),
    ]
    .into();
    let conventions = Conventions { attributes, ..Conventions::default() };
    let read = read_with(&workbook(&rows), &conventions).unwrap();
    assert_eq!(read.emails(), ["ada@example.com", "bob@example.com"], "{read:?}");
    assert_eq!(read.attribute("Visits"), ["12", "1.5"]);
    assert_eq!(read.attribute("joined"), ["\"2026-03-02\"", "-"]);
    assert_eq!(read.contacts[1].0, 4);
    let other = Conventions { sheet: Some("Other".to_owned()), ..Conventions::default() };
    assert!(read_with(&workbook(&rows), &other).unwrap_err().to_string().contains("it has: People"));
    let broken = &workbook(&rows)[..400];
    assert!(
        read_with(broken, &Conventions::default()).unwrap_err().to_string().contains("save the sheet as CSV")
    );
}

#[test]
fn a_workbook_that_would_fill_the_memory_is_refused() {
    let mut book = workbook(&row(1, &["email"]));
    let entry = book.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    book[entry + 24..entry + 28].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(read_with(&book, &Conventions::default()).unwrap_err().to_string().contains("1024 MiB"));
}
