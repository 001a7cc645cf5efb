//! Quoted-printable and Base64 bodies (RFC 2045 §6.7, §6.8), written in one pass.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lettre::message::Body;
use lettre::message::header::ContentTransferEncoding;
use memchr::memchr2;

const LINE: usize = 76;

/// The body of a text part, in whichever encoding is shorter. Every line ends with CR LF and has at most 76
/// characters; a bare CR or LF becomes one line end.
pub(super) fn body(text: &str) -> Body {
    let wide = text.bytes().filter(|byte| !byte.is_ascii()).count();
    // Base64 adds a third; quoted-printable adds two characters for each byte that is not ASCII.
    if wide * 6 > text.len() {
        return Body::dangerous_pre_encoded(base64(text), ContentTransferEncoding::Base64);
    }
    Body::dangerous_pre_encoded(printable(text.as_bytes()), ContentTransferEncoding::QuotedPrintable)
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
    for line in encoded.as_bytes().chunks(LINE) {
        out.extend_from_slice(line);
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// Bytes that stand for themselves; space and tab only where no line ends after them.
const PLAIN: [bool; 256] = {
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

fn printable(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 8);
    let mut rest = text;
    while !rest.is_empty() {
        let end = memchr2(b'\r', b'\n', rest);
        let (line, after) = rest.split_at(end.unwrap_or(rest.len()));
        printable_line(line, &mut out);
        out.extend_from_slice(b"\r\n");
        rest = after.strip_prefix(b"\r\n").or_else(|| after.get(1..)).unwrap_or_default();
    }
    out
}

fn printable_line(line: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let (mut rest, mut column) = (line, 0);
    while let Some((&byte, others)) = rest.split_first() {
        // What starts a line with a dot would be doubled on the wire; what starts one with a dash could be
        // taken for a boundary.
        let is_first = column == 0 && matches!(byte, b'.' | b'-');
        let is_last = others.is_empty() && matches!(byte, b' ' | b'\t');
        if PLAIN[usize::from(byte)] && !is_first && !is_last {
            // A blank at the end of the line is not part of a run.
            let most = rest.len() - usize::from(rest.ends_with(b" ") || rest.ends_with(b"\t"));
            let fits = &rest[..most.min(LINE - 1 - column)];
            let run = fits.iter().position(|byte| !PLAIN[usize::from(*byte)]).unwrap_or(fits.len());
            if run > 0 {
                out.extend_from_slice(&rest[..run]);
                column += run;
                rest = &rest[run..];
                continue;
            }
        } else if column + 3 < LINE {
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

    fn shown(text: &str) -> String {
        String::from_utf8(printable(text.as_bytes())).unwrap()
    }

    #[test]
    fn encodes_what_must_be() {
        assert_eq!(shown("a=b é \n.x\r\ny \t"), "a=3Db =C3=A9=20\r\n=2Ex\r\ny =09\r\n");
        assert_eq!(shown("a\rb\n\r\nc"), "a\r\nb\r\n\r\nc\r\n");
        assert_eq!(shown("--x\n-\na-"), "=2D-x\r\n=2D\r\na-\r\n");
        assert_eq!(shown(""), "");
    }

    #[test]
    fn breaks_lines_in_time() {
        let made = shown(&"ab.-é".repeat(200));
        assert!(made.lines().all(|line| line.len() <= 76 && !line.starts_with(['.', '-'])), "{made}");
        assert_eq!(made.replace("=\r\n", ""), shown(&"ab.-é".repeat(200)).replace("=\r\n", ""));
    }
}
