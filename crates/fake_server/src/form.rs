//! Parsing of form bodies: urlencoded (WHATWG URL §5.1) and multipart (RFC 7578).

use axum::body::Bytes;

/// A part of a multipart body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The name of the form field.
    pub name: String,
    /// The file name, if the part is a file.
    pub file: Option<String>,
    /// The part's content type.
    pub kind: Option<String>,
    /// The bytes of the part's body.
    pub body: Bytes,
}

/// Returns the fields of an urlencoded body.
pub fn urlencoded(body: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(body).into_owned().collect()
}

/// Decodes percent escapes: `%41` is `A`. Malformed escapes stay.
pub fn percent_decoded(text: &str) -> String {
    // A plus sign is itself in a path, and a space in a form.
    let whole = format!("={}", text.replace('+', "%2B").replace('&', "%26"));
    url::form_urlencoded::parse(whole.as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

/// Returns the parts of a multipart body; `None` if it is malformed.
pub fn multipart(content_type: &str, body: &Bytes) -> Option<Vec<Part>> {
    let boundary = parameter(content_type.strip_prefix("multipart/")?, "boundary")?;
    let (first, next) = (format!("--{boundary}"), format!("\r\n--{boundary}"));
    let mut at = find(body, first.as_bytes(), 0)? + first.len();
    let mut parts = Vec::new();
    loop {
        match body.get(at..at + 2)? {
            b"--" => return Some(parts),
            b"\r\n" => {}
            _ => return None,
        }
        let head = at + 2;
        let blank = find(body, b"\r\n\r\n", at)?;
        let end = find(body, next.as_bytes(), blank + 2)?;
        let from = blank + 4;
        let headers = std::str::from_utf8(body.get(head.min(blank)..blank)?).ok()?;
        parts.push(part(headers, body.slice(from.min(end)..end))?);
        at = end + next.len();
    }
}

fn part(headers: &str, body: Bytes) -> Option<Part> {
    let value = |name: &str| {
        let lines = headers.split("\r\n").filter_map(|line| line.split_once(':'));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
    };
    let disposition = value("content-disposition")?.strip_prefix("form-data")?;
    let kind = value("content-type").map(str::to_owned);
    Some(Part { name: parameter(disposition, "name")?, file: parameter(disposition, "filename"), kind, body })
}

/// Returns the value of `name="value"` or `name=value` after a semicolon.
fn parameter(text: &str, name: &str) -> Option<String> {
    let found = text.split(';').filter_map(|piece| piece.trim().split_once('='));
    let (_, value) = found.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
    Some(value.trim_matches('"').to_owned())
}

fn find(whole: &[u8], wanted: &[u8], from: usize) -> Option<usize> {
    let rest = whole.get(from..)?;
    rest.windows(wanted.len()).position(|window| window == wanted).map(|position| position + from)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=xYz";

    #[test]
    fn a_multipart_body_is_read() {
        let body = "--xYz\r\nContent-Disposition: form-data; name=\"description\"\r\n\r\n茶\r\n--xYz\r\n\
                    content-disposition: form-data; name=\"file\"; filename=\"a.png\"\r\nContent-Type: image/png\
                    \r\n\r\n\u{1}\r\n\u{2}\r\n--xYz--\r\n";
        let parts = multipart(TYPE, &Bytes::from(body)).unwrap();
        assert_eq!((parts[0].name.as_str(), &parts[0].body[..]), ("description", "茶".as_bytes()));
        assert_eq!(parts[1].file.as_deref(), Some("a.png"));
        assert_eq!(parts[1].kind.as_deref(), Some("image/png"));
        assert_eq!(&parts[1].body[..], b"\x01\r\n\x02");
    }

    #[test]
    fn malformed_bodies_are_refused() {
        let empty = "--xYz\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n--xYz--";
        assert_eq!(multipart(TYPE, &Bytes::from(empty)).unwrap()[0].body.len(), 0);
        for body in
            ["", "--xYz", "--xYz--", "--xYz\r\n", "--xYz\r\n\r\n", "--xYzabc", &empty[..50], &empty[..30]]
        {
            let parts = multipart(TYPE, &Bytes::from(body.to_owned())).unwrap_or_default();
            assert!(parts.is_empty(), "{body:?}");
        }
        assert!(multipart("text/plain", &Bytes::from(empty)).is_none());
    }

    #[test]
    fn paths_are_decoded() {
        assert_eq!(percent_decoded("%21a%3Ab+c&d=e%"), "!a:b+c&d=e%");
    }
}
