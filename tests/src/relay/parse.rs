//! Parsing of SMTP input: commands, the end of a message, its Message-ID.

/// An SMTP command that a relay knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command<'a> {
    Hello,
    Mail,
    /// RCPT with its address.
    Rcpt(&'a str),
    Data,
    Reset,
    Noop,
    Quit,
    Unknown,
}

impl<'a> Command<'a> {
    /// Parses one line, with or without its line end.
    pub(super) fn parse(line: &'a [u8]) -> Self {
        let Ok(text) = std::str::from_utf8(line) else { return Self::Unknown };
        let text = text.trim_end();
        let verb = text.split([' ', ':']).next().unwrap_or_default();
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" | "HELO" => Self::Hello,
            "MAIL" => Self::Mail,
            "RCPT" => address(text).map_or(Self::Unknown, Self::Rcpt),
            "DATA" => Self::Data,
            "RSET" => Self::Reset,
            "NOOP" => Self::Noop,
            "QUIT" => Self::Quit,
            _ => Self::Unknown,
        }
    }
}

fn address(text: &str) -> Option<&str> {
    let path = text.split_once('<')?.1;
    Some(path.split_once('>')?.0)
}

/// Returns the length of the message at the start of `data`, its final dot included (RFC 5321
/// §4.1.1.4), if its end is there. The first `from` bytes have been searched before.
pub(super) fn end_of_message(data: &[u8], from: usize) -> Option<usize> {
    if data.starts_with(b".\r\n") {
        return Some(3);
    }
    // The end may have begun in the searched bytes.
    let mut at = from.saturating_sub(4);
    while let Some(dot) = data.get(at..)?.iter().position(|byte| *byte == b'.').map(|found| at + found) {
        if data[..dot].ends_with(b"\r\n") && data[dot..].starts_with(b".\r\n") {
            return Some(dot + 3);
        }
        at = dot + 1;
    }
    None
}

/// Returns the Message-ID of a message with angle brackets; empty when it has none.
pub(super) fn message_id(message: &[u8]) -> String {
    let name = b"message-id:";
    let header = |line: &&[u8]| line.len() >= name.len() && line[..name.len()].eq_ignore_ascii_case(name);
    let lines = message.split(|byte| *byte == b'\n').take_while(|line| !line.trim_ascii().is_empty());
    let found = lines.into_iter().find(header);
    found.map_or_else(String::new, |line| {
        String::from_utf8_lossy(line[name.len()..].trim_ascii()).into_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_as_clients_write_them() {
        assert_eq!(Command::parse(b"ehlo me\r\n"), Command::Hello);
        assert_eq!(Command::parse(b"MAIL FROM:<a@b.example> SIZE=4\r\n"), Command::Mail);
        assert_eq!(Command::parse(b"RCPT TO:<a@b.example>\r\n"), Command::Rcpt("a@b.example"));
        assert_eq!(Command::parse(b"rcpt to:a@b.example\r\n"), Command::Unknown);
        assert_eq!(Command::parse(b"DATA\r\n"), Command::Data);
        assert_eq!(Command::parse(b"\xff\r\n"), Command::Unknown);
    }

    #[test]
    fn a_message_ends_at_a_line_with_a_single_dot() {
        assert_eq!(end_of_message(b".\r\nMAIL", 0), Some(3));
        assert_eq!(end_of_message(b"a.\r\n..\r\n.b\r\n.\r\nMAIL", 0), Some(15));
        assert_eq!(end_of_message(b"a\r\n.\r\n", 6), Some(6), "the end in two parts");
        assert_eq!(end_of_message(b"a\n.\n\r\n.\r", 0), None);
        assert_eq!(end_of_message(b"", 0), None);
    }

    #[test]
    fn a_message_id_is_a_header_and_nothing_else() {
        assert_eq!(message_id(b"To: a\r\nMESSAGE-Id:  <1@a>\r\n\r\nMessage-ID: <2@a>\r\n"), "<1@a>");
        assert_eq!(message_id(b"To: a\r\n\r\nMessage-ID: <2@a>\r\n"), "");
    }
}
