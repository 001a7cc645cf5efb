//! The relaxed canonical form of a message (RFC 6376 §3.4.2, §3.4.4): it leaves out what may change
//! in transit without breaking a signature.

/// Appends the relaxed form of a header field, which is given with or without its line end; the
/// result has none.
pub(super) fn field(field: &[u8], out: &mut Vec<u8>) {
    let colon = field.iter().position(|byte| *byte == b':').unwrap_or(field.len());
    let (name, value) = field.split_at(colon);
    out.extend(name.trim_ascii_end().iter().map(u8::to_ascii_lowercase));
    out.push(b':');
    let start = out.len();
    for &byte in value.iter().skip(1) {
        match byte {
            b'\r' | b'\n' => {}
            b' ' | b'\t' if out.len() > start && !out.ends_with(b" ") => out.push(b' '),
            b' ' | b'\t' => {}
            byte => out.push(byte),
        }
    }
    if out.len() > start && out.ends_with(b" ") {
        out.pop();
    }
}

/// Passes the relaxed form of a body to `take`, piece by piece. Lines end with CR LF; a CR or LF
/// alone is an ordinary byte.
pub(super) fn body(body: &[u8], mut take: impl FnMut(&[u8])) {
    let mut empty = 0;
    let mut rest = body;
    while !rest.is_empty() {
        let end = line_end(rest);
        let (line, after) = rest.split_at(end);
        rest = after.get(2..).unwrap_or_default();
        let line = trim_trailing_blanks(line);
        if line.is_empty() {
            empty += 1;
            continue;
        }
        // Empty lines count only if something follows them.
        for _ in 0..std::mem::take(&mut empty) {
            take(b"\r\n");
        }
        collapse_blanks(line, &mut take);
        take(b"\r\n");
    }
}

/// Returns the end of the line at the start of `text`: its CR LF, or the end of the text.
fn line_end(text: &[u8]) -> usize {
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| rest.iter().position(|byte| *byte == b'\r')) {
        if text.get(from + at + 1) == Some(&b'\n') {
            return from + at;
        }
        from += at + 1;
    }
    text.len()
}

fn trim_trailing_blanks(line: &[u8]) -> &[u8] {
    let end = line.iter().rposition(|byte| !matches!(byte, b' ' | b'\t'));
    line.get(..end.map_or(0, |end| end + 1)).unwrap_or_default()
}

/// Passes on a line with a single space for every run of spaces and tabs.
fn collapse_blanks(line: &[u8], take: &mut impl FnMut(&[u8])) {
    let mut rest = line;
    while let Some(start) = rest.iter().position(|byte| matches!(byte, b' ' | b'\t')) {
        let (word, blanks) = rest.split_at(start);
        take(word);
        take(b" ");
        let next = blanks.iter().position(|byte| !matches!(byte, b' ' | b'\t')).unwrap_or(blanks.len());
        rest = blanks.get(next..).unwrap_or_default();
    }
    take(rest);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn relaxed_body(text: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        body(text, |bytes| out.extend_from_slice(bytes));
        out
    }

    fn relaxed_field(text: &str) -> String {
        let mut out = Vec::new();
        field(text.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    }

    /// The first example of RFC 6376 §3.4.5.
    #[test]
    fn the_example_of_the_rfc() {
        assert_eq!(relaxed_field("A: X\r\n"), "a:X");
        assert_eq!(relaxed_field("B : Y\t\r\n\tZ  \r\n"), "b:Y Z");
        assert_eq!(relaxed_body(b" C \r\nD \t E\r\n\r\n\r\n"), b" C\r\nD E\r\n");
    }

    #[test]
    fn odd_fields_have_a_form_too() {
        assert_eq!(relaxed_field("Subject:\r\n"), "subject:");
        assert_eq!(relaxed_field("Subject: \t \r\n \r\n"), "subject:");
        assert_eq!(relaxed_field("no colon"), "no colon:");
        assert_eq!(relaxed_field("X:a:b"), "x:a:b");
    }

    /// RFC 6376 §3.4.4 and its erratum: an empty body is nothing at all, and a last line gets its
    /// line end.
    #[test]
    fn bodies_end_as_they_must() {
        for empty in ["", "\r\n", "\r\n\r\n", " \t\r\n \r\n", "  "] {
            assert_eq!(relaxed_body(empty.as_bytes()), b"", "{empty:?}");
        }
        assert_eq!(relaxed_body(b"a"), b"a\r\n");
        assert_eq!(relaxed_body(b"a\r\n\r\n b\t\r\n  \r\n"), b"a\r\n\r\n b\r\n");
        assert_eq!(relaxed_body(b"a\rb\nc \r\r\n"), b"a\rb\nc \r\r\n");
    }

    /// Computes the relaxed body in another way, line by line and without regard to speed.
    fn oracle(text: &str) -> String {
        let mut lines: Vec<String> = text
            .split("\r\n")
            .map(|line| {
                let parts: Vec<_> = line.split([' ', '\t']).collect();
                let mut line = String::new();
                for (at, part) in parts.iter().enumerate() {
                    if at > 0 && !line.ends_with(' ') {
                        line.push(' ');
                    }
                    line.push_str(part);
                }
                line.trim_end_matches(' ').to_owned()
            })
            .collect();
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        lines.iter().map(|line| format!("{line}\r\n")).collect()
    }

    proptest! {
        #[test]
        fn bodies_are_as_the_rfc_says(text in "(a|b| |\t|\r\n|\r|\n|é){0,40}") {
            prop_assert_eq!(String::from_utf8(relaxed_body(text.as_bytes())).unwrap(), oracle(&text));
        }

        #[test]
        fn the_relaxed_form_is_stable(text in "(a|b| |\t|\r\n|\r|\n){0,40}") {
            let once = relaxed_body(text.as_bytes());
            prop_assert_eq!(relaxed_body(&once), once);
        }

        #[test]
        fn blanks_may_change_on_the_way(words in proptest::collection::vec("[!-~]{1,8}", 1..8), fold in "(\r\n)?[ \t]{1,5}") {
            let one = relaxed_field(&format!("Subject: {}", words.join(" ")));
            let other = relaxed_field(&format!("SUBJECT:{fold}{}{fold}\r\n", words.join(&fold)));
            prop_assert_eq!(one, other);
            let one = relaxed_body(words.join(" ").as_bytes());
            let other = relaxed_body(format!("{} \t\r\n\r\n", words.join(fold.trim_matches(['\r', '\n']))).as_bytes());
            prop_assert_eq!(one, other);
        }
    }
}
