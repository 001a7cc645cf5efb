//! Quoted-printable and Base64 bodies (RFC 2045 §6.7, §6.8), written in one pass.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lettre::message::Body;
use lettre::message::header::ContentTransferEncoding;

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

fn printable(text: &[u8]) -> Vec<u8> {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = Vec::with_capacity(text.len() + text.len() / 8);
    let mut column = 0;
    for (at, &byte) in text.iter().enumerate() {
        let next = text.get(at + 1);
        let ends = matches!(next, None | Some(b'\n' | b'\r'));
        match byte {
            b'\r' if next == Some(&b'\n') => continue,
            b'\r' | b'\n' => {
                out.extend_from_slice(b"\r\n");
                column = 0;
                continue;
            }
            _ => {}
        }
        let plain = matches!(byte, b'!'..=b'<' | b'>'..=b'~') || matches!(byte, b' ' | b'\t') && !ends;
        if column + if plain { 1 } else { 3 } > LINE - 1 {
            out.extend_from_slice(b"=\r\n");
            column = 0;
        }
        // What starts a line with a dot would be doubled on the wire; what starts one with a dash could be
        // taken for a boundary.
        if plain && !(column == 0 && matches!(byte, b'.' | b'-')) {
            out.push(byte);
            column += 1;
        } else {
            out.extend_from_slice(&[b'=', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            column += 3;
        }
    }
    if column > 0 {
        out.extend_from_slice(b"\r\n");
    }
    out
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
