//! Quoted-printable and Base64 encoding of message bodies (RFC 2045 §6.7, §6.8), in one pass.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lettre::message::Body;
use lettre::message::header::ContentTransferEncoding;
use memchr::memchr2;

/// The maximum length of a line, in characters (RFC 2045 §6.7).
const LINE_LENGTH: usize = 76;

/// Encodes the body of a text part, in the encoding that is shorter. Every line ends with CR LF and
/// has at most 76 characters; a bare CR or LF becomes a line end.
pub(super) fn encode(text: &str) -> Body {
    let wide = text.bytes().filter(|byte| !byte.is_ascii()).count();
    // Base64 adds a third; quoted-printable adds two characters for each byte that is not ASCII.
    if wide * 6 > text.len() {
        return Body::dangerous_pre_encoded(base64(text), ContentTransferEncoding::Base64);
    }
    Body::dangerous_pre_encoded(quoted_printable(text.as_bytes()), ContentTransferEncoding::QuotedPrintable)
}

fn base64(text: &str) -> Vec<u8> {
    let mut lines = String::with_capacity(text.len() + text.len() / 32);
    for line in text.split_inclusive('\n') {
        let end = line.trim_end_matches(['\r', '\n']);
        lines.push_str(end);
        if end.len() < line.len() {
            lines.push_str("\r\n");
        }
    }
    let encoded = STANDARD.encode(lines.replace("\r\n", "\n").replace('\r', "\n").replace('\n', "\r\n"));
    let mut out = Vec::with_capacity(encoded.len() + encoded.len() / 30);
    for line in encoded.as_bytes().chunks(LINE_LENGTH) {
        out.extend_from_slice(line);
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// The bytes that quoted-printable leaves as they are; space and tab not at the end of a line.
const LITERAL: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        plain[byte as usize] = byte != b'=';
        byte += 1;
    }
    plain[b' ' as usize] = true;
    plain[b'\t' as usize] = true;
    plain
};

fn quoted_printable(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 8);
    let mut rest = text;
    while !rest.is_empty() {
        let end = memchr2(b'\r', b'\n', rest);
        let (line, after) = rest.split_at(end.unwrap_or(rest.len()));
        quoted_printable_line(line, &mut out);
        out.extend_from_slice(b"\r\n");
        rest = after.strip_prefix(b"\r\n").or_else(|| after.get(1..)).unwrap_or_default();
    }
    out
}

fn quoted_printable_line(line: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let (mut rest, mut column) = (line, 0);
    while let Some((&byte, others)) = rest.split_first() {
        // SMTP would double a dot at the start of a line; a dash there could be taken for a
        // boundary.
        let is_first = column == 0 && matches!(byte, b'.' | b'-');
        let is_last = others.is_empty() && matches!(byte, b' ' | b'\t');
        if LITERAL[usize::from(byte)] && !is_first && !is_last {
            // A blank at the end of the line is encoded and so not part of the run.
            let most = rest.len() - usize::from(rest.ends_with(b" ") || rest.ends_with(b"\t"));
            let fits = &rest[..most.min(LINE_LENGTH - 1 - column)];
            let run = fits.iter().position(|byte| !LITERAL[usize::from(*byte)]).unwrap_or(fits.len());
            if run > 0 {
                out.extend_from_slice(&rest[..run]);
                column += run;
                rest = &rest[run..];
                continue;
            }
        } else if column + 3 < LINE_LENGTH {
            out.extend_from_slice(&[b'=', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            column += 3;
            rest = others;
            continue;
        }
        out.extend_from_slice(b"=\r\n");
        column = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(text: &str) -> String {
        String::from_utf8(quoted_printable(text.as_bytes())).unwrap()
    }

    #[test]
    fn special_characters_are_encoded() {
        assert_eq!(encoded("a=b é \n.x\r\ny \t"), "a=3Db =C3=A9=20\r\n=2Ex\r\ny =09\r\n");
        assert_eq!(encoded("a\rb\n\r\nc"), "a\r\nb\r\n\r\nc\r\n");
        assert_eq!(encoded("--x\n-\na-"), "=2D-x\r\n=2D\r\na-\r\n");
        assert_eq!(encoded(""), "");
    }

    #[test]
    fn lines_have_at_most_76_characters() {
        let made = encoded(&"ab.-é".repeat(200));
        assert!(made.lines().all(|line| line.len() <= 76 && !line.starts_with(['.', '-'])), "{made}");
        assert_eq!(made.replace("=\r\n", ""), encoded(&"ab.-é".repeat(200)).replace("=\r\n", ""));
    }
}
