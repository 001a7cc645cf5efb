//! Tables with separators: headers, quotes, separators, encodings, cells.

use std::io::Write as _;

use campaign::AttributeKind;
use flate2::Compression;
use flate2::write::GzEncoder;
use import::{Column, ContactFile, Conventions, DateOrder, Known};

use crate::{read, read_with, refused};

#[test]
fn two_people_with_one_phone_number_are_two_contacts() {
    let read = read(
        "email,phone,first_name\nada@example.com,+49 30 1234567,Ada\nbob@example.com,+49 30 1234567,Bob\n",
    );
    let phones: Vec<_> = read.contacts.iter().map(|(_, contact)| contact.phone.as_deref().unwrap()).collect();
    assert_eq!(phones, ["+49301234567", "+49301234567"]);
}

#[test]
fn known_columns_are_found_in_any_case_and_punctuation() {
    let answers = |header: &str| {
        let read = read(format!("email,{header}\nada@example.com,no\nbob@example.com,yes\n"));
        read.contacts.iter().map(|(_, contact)| contact.consent).collect::<Vec<_>>()
    };
    for header in
        ["Consent", "CONSENT", "con_sent", "Opt-In", "Einwilligung", "同意", "Email Marketing Consent"]
    {
        assert_eq!(answers(header), [Some(false), Some(true)], "{header}");
    }
}

#[test]
fn headers_of_other_programs_are_mapped() {
    let columns = |header: &str| {
        let text = format!("{header}\n");
        let file = ContactFile::open(text.as_bytes(), &Conventions::default()).unwrap();
        file.mapping().iter().map(|mapped| mapped.column.name().to_owned()).collect::<Vec<_>>()
    };
    let names = "\"Email Address\",\"First Name\",\"Last Name\"";
    assert_eq!(columns(names), ["email", "first_name", "last_name"], "Mailchimp");
    assert_eq!(
        columns("EMAIL,SMS,VORNAME,NACHNAME,OPT_IN"),
        ["email", "phone", "first_name", "last_name", "consent"]
    );
    assert_eq!(
        columns("Record ID,E-mail,Phone Number,Preferred language"),
        ["external_id", "email", "phone", "language"]
    );
    assert_eq!(
        columns("邮箱;手机号;姓名;城市;语言"),
        ["email", "phone", "name", "city", "language"],
        "Excel in Chinese"
    );
    assert_eq!(columns("Adresse e-mail;Téléphone;Prénom;Nom"), ["email", "phone", "first_name", "last_name"]);
    assert_eq!(columns("Correo electrónico\tMóvil\tApellidos"), ["email", "phone", "last_name"]);
    assert_eq!(columns("email,Favourite Drink (hot)"), ["email", "Favourite_Drink_hot"]);
}

#[test]
fn a_column_that_is_not_clear_is_asked_about() {
    for (header, words) in [
        ("emial", "--map \"emial=email\""),
        ("email,Consnet", "--map \"Consnet=Consnet\""),
        ("email,id", "external_id"),
        ("email,Mail", "--map \"Mail=\""),
        ("email,,city", "column 2"),
        ("first_name,city", "--map \"Mail=email\""),
    ] {
        let error = refused(&format!("{header}\nx\n"));
        assert!(error.contains(words), "{header}: {error}");
    }
    assert!(refused("").contains("empty") && refused("\n\n").contains("empty"));
}

#[test]
fn the_user_says_what_columns_are() {
    let map = [("Mail Addr", "email"), ("Note", ""), ("Consnet", "consent"), ("Level", "tier")];
    let map = map.map(|(from, to)| (from.to_owned(), to.to_owned())).to_vec();
    let conventions = Conventions { map, ..Conventions::default() };
    let file =
        ContactFile::open(&b"mail addr,Note,Consnet,Level\na@example.com,x,yes,gold\n"[..], &conventions)
            .unwrap();
    let columns: Vec<_> = file.mapping().iter().map(|mapped| mapped.column.clone()).collect();
    assert_eq!(columns[..2], [Column::Known(Known::Email), Column::Ignored]);
    let read = read_with(b"mail addr,Note,Consnet,Level\na@example.com,x,yes,gold\n", &conventions).unwrap();
    assert_eq!(
        (read.contacts[0].1.consent, read.attribute("tier")),
        (Some(true), vec!["\"gold\"".to_owned()])
    );
    let unknown = Conventions { map: vec![("Nix".to_owned(), "email".to_owned())], ..Conventions::default() };
    assert!(read_with(b"email\n", &unknown).unwrap_err().to_string().contains("the file has: email"));
}

#[test]
fn a_quote_that_does_not_close_loses_no_row() {
    let read = read("email,first_name\nada@example.com,\"Ada\nbob@example.com,Bob\ncara@example.com,Cara\n");
    assert_eq!(read.emails(), ["bob@example.com", "cara@example.com"]);
    assert_eq!(read.rejected.len(), 1);
    assert_eq!(read.rejected[0].0, 2);
    assert!(read.rejected[0].1.contains("a quote opens here"), "{:?}", read.rejected);
}

#[test]
fn rows_within_a_cell_are_reported() {
    let text =
        "email,note\nada@example.com,\"Ada\nbob@example.com,Bob\ncara@example.com,\"\ndan@example.com,Dan\n";
    let found = read(text);
    assert_eq!(found.emails(), ["bob@example.com", "dan@example.com"]);
    assert_eq!(found.rejected.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 4]);
    assert!(found.rejected[0].1.contains("--allow-multiline"), "{:?}", found.rejected);
    let conventions = Conventions { allows_multiline: true, ..Conventions::default() };
    assert_eq!(
        read_with(text.as_bytes(), &conventions).unwrap().emails(),
        ["ada@example.com", "dan@example.com"]
    );
    let address = read("email,street\nada@example.com,\"1 Pier Road,\nShanghai\"\n");
    assert_eq!(address.attribute("street"), ["\"1 Pier Road,\\nShanghai\""]);
}

#[test]
fn the_habits_of_spreadsheets_are_read() {
    let ada_and_bob = ["ada@example.com", "bob@example.com"];
    for (what, text) in [
        ("ragged rows", "email,first_name\nada@example.com,Ada,\nbob@example.com\n"),
        (
            "a line with the separator",
            "sep=;\r\nemail;first_name\r\nada@example.com;Ada\r\nbob@example.com;Bob\r\n",
        ),
        ("tabs", "email\tfirst_name\nada@example.com\tAda\nbob@example.com\tBob\n"),
        ("bars", "email|first_name\nada@example.com|Ada\nbob@example.com|Bob\n"),
        ("only CR", "email,first_name\rada@example.com,Ada\rbob@example.com,Bob\r"),
        ("trailing commas", "email,first_name,,\nada@example.com,Ada,,\nbob@example.com,Bob,,\n"),
        ("empty rows", "email,first_name\n\nada@example.com,Ada\n,\n  \nbob@example.com,Bob\n\n"),
        ("a byte order mark", "\u{feff}email,first_name\nada@example.com,Ada\nbob@example.com,Bob"),
        (
            "quoted cells",
            "\"email\",\"first_name\"\n\"ada@example.com\",\"Ada\"\n\"bob@example.com\",\"Bob\"\n",
        ),
    ] {
        let read = read(text);
        assert_eq!((read.emails(), read.rejected.len()), (ada_and_bob.to_vec(), 0), "{what}: {read:?}");
    }
    let extra = read("email\nada@example.com,Ada\nbob@example.com,\n");
    assert_eq!((extra.emails(), extra.rejected[0].0), (vec!["bob@example.com"], 2));
}

#[test]
fn encodings_are_read_or_asked_for() {
    let utf16 = |little: bool| {
        let units = "\u{feff}email\tname\r\nzoë@example.com\tZoë 李\r\n".replace("zoë@", "zoe@");
        units
            .encode_utf16()
            .flat_map(|u| if little { u.to_le_bytes() } else { u.to_be_bytes() })
            .collect::<Vec<u8>>()
    };
    assert_eq!(read(utf16(true)).attribute("name"), ["\"Zoë 李\""]);
    assert_eq!(read(utf16(false)).attribute("name"), ["\"Zoë 李\""]);
    let latin = b"email,name\nzoe@example.com,Zo\xeb\nada@example.com,Ada\n";
    let told = read(latin);
    assert_eq!(told.emails(), ["ada@example.com"]);
    assert!(told.rejected[0].1.contains("--encoding windows-1252"), "{:?}", told.rejected);
    let encoded = |name: &str| Conventions { encoding: Some(name.to_owned()), ..Conventions::default() };
    assert_eq!(read_with(latin, &encoded("windows-1252")).unwrap().attribute("name"), ["\"Zoë\"", "\"Ada\""]);
    let gb = b"email,name\nli@example.com,\xc0\xee\n";
    assert_eq!(read_with(gb, &encoded("gb18030")).unwrap().attribute("name"), ["\"李\""]);
    assert!(read_with(gb, &encoded("klingon")).unwrap_err().to_string().contains("no encoding"));
}

#[test]
fn a_compressed_file_is_read() {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(b"email\nada@example.com\n").unwrap();
    assert_eq!(read(gzip.finish().unwrap()).emails(), ["ada@example.com"]);
}

#[test]
fn cells_are_read_as_people_write_them() {
    let read = read(
        "email,phone,language,timezone\nAda <ada@example.com>,+44 (0)20 7946 0000,Chinese,asia/shanghai\n\
         mailto:bob@example.com,00 44 20 7946 0000,German,China Standard Time\n",
    );
    assert_eq!(read.emails(), ["ada@example.com", "bob@example.com"]);
    assert_eq!(read.attribute("name"), ["\"Ada\"", "-"]);
    for (_, contact) in &read.contacts {
        assert_eq!(contact.phone.as_deref(), Some("+442079460000"));
        assert_eq!(contact.timezone.as_deref(), Some("Asia/Shanghai"));
    }
    let languages: Vec<_> =
        read.contacts.iter().map(|(_, contact)| contact.language.as_deref().unwrap()).collect();
    assert_eq!(languages, ["zh", "de"]);
    assert_eq!(read.dropped, []);
}

#[test]
fn a_bad_optional_cell_does_not_cost_the_contact() {
    let kinds =
        [("visits", AttributeKind::Number), ("joined", AttributeKind::Date), ("vip", AttributeKind::Boolean)];
    let attributes = kinds.map(|(name, kind)| (name.to_owned(), kind)).into();
    let conventions = Conventions { attributes, ..Conventions::default() };
    let text = "email,phone,visits,joined,vip,consent\nada@example.com,020 7946 0000,\"1,234\",3/2/2027,perhaps,maybe\n";
    let found = read_with(text.as_bytes(), &conventions).unwrap();
    assert_eq!(found.emails(), ["ada@example.com"]);
    assert_eq!(found.contacts[0].1.consent, None, "an unknown word is no yes");
    let columns: Vec<_> = found.dropped.iter().map(|(line, cell)| (*line, cell.column.as_str())).collect();
    assert_eq!(columns, [(2, "phone"), (2, "visits"), (2, "joined"), (2, "vip"), (2, "consent")]);
    let clear = Conventions {
        country: "GB".parse().ok(),
        dates: Some(DateOrder::DayFirst),
        decimal: Some('.'),
        ..conventions.clone()
    };
    let clear = read_with(text.as_bytes(), &clear).unwrap();
    assert_eq!(clear.contacts[0].1.phone.as_deref(), Some("+442079460000"));
    assert_eq!(
        (clear.attribute("visits"), clear.attribute("joined")),
        (vec!["1234".to_owned()], vec!["\"2027-02-03\"".to_owned()])
    );
    let strict = Conventions { is_strict: true, ..conventions };
    let strict = read_with(text.as_bytes(), &strict).unwrap();
    assert_eq!((strict.contacts.len(), strict.rejected.len()), (0, 1));
}

#[test]
fn a_row_without_a_usable_key_is_rejected() {
    let read = read("email,phone,external_id\n,,\nnobody,,\n,12,\n,,7\nbroken,,8\n");
    let ids: Vec<_> = read.contacts.iter().map(|(_, contact)| contact.external_id.as_deref()).collect();
    assert_eq!(ids, [Some("7"), Some("8")]);
    assert_eq!(read.rejected.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [3, 4]);
    assert_eq!(read.dropped[0].1.column, "email", "{:?}", read.dropped);
}

#[test]
fn evidence_of_consents_is_read() {
    let read = read("email,consent,consent_source,consent_time\nada@example.com,ja,Messe,02.03.2026\n");
    let contact = &read.contacts[0].1;
    assert_eq!(
        (contact.consent, contact.consent_source.as_deref(), contact.consent_time.as_deref()),
        (Some(true), Some("Messe"), Some("2026-03-02"))
    );
}
