//! Text so that the language around it takes it for text: HTML, Markdown, JSON, header lines.

use crate::flavor::{self, Flavor};

/// The language around a value, for which it must not be mistaken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Escape {
    /// Text: nothing but control characters goes.
    Text,
    /// One line of a header.
    Header,
    /// HTML, between tags or in a quoted attribute.
    Html,
    /// Markdown as templates are written in.
    Markdown,
    /// Markdown as the readers of a network have it.
    Flavor(Flavor),
    /// `& < >` as entities: Slack.
    Angles,
}

/// `text` so that the language around it takes it for text.
pub fn escaped(escape: Escape, text: &str, out: &mut String) {
    match escape {
        Escape::Text | Escape::Header => out.push_str(text),
        Escape::Html => html(text, out),
        Escape::Markdown => {
            let mut line = String::with_capacity(text.len() + 8);
            markdown(text, &mut line);
            out.push_str(&line);
        }
        Escape::Flavor(flavor) => flavor::escape(flavor, text, out.is_empty() || out.ends_with('\n'), out),
        Escape::Angles => text.chars().for_each(|c| match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c => out.push(c),
        }),
    }
}

/// Escapes for HTML as Handlebars does: `& < > " ' = \``.
pub fn html(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>', '"', '\'', '`', '=']) {
        out.push_str(&rest[..at]);
        out.push_str(match rest.as_bytes()[at] {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            b'\'' => "&#x27;",
            b'`' => "&#x60;",
            _ => "&#x3D;",
        });
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
}

/// Returns the character of an HTML entity, without `&` and `;`: the five of XML, `nbsp`, and numbers.
#[must_use]
pub fn entity(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{a0}',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)?
        }
    })
}

/// Escapes for Markdown: a backslash before what CommonMark could read as more than text, and before what it
/// could at the start of a line.
pub fn markdown(text: &str, out: &mut String) {
    let mut start = out.is_empty() || out.ends_with('\n');
    let mut digits = false;
    for c in text.chars() {
        let special = matches!(
            c,
            '\\' | '`' | '*' | '_' | '[' | ']' | '(' | ')' | '<' | '>' | '&' | '#' | '~' | '|' | '!' | '"'
        );
        if special || start && matches!(c, '-' | '+' | '=') || digits && c == '.' {
            out.push('\\');
        }
        out.push(c);
        digits = (start || digits) && c.is_ascii_digit();
        start = c == '\n' || start && c == ' ';
    }
}

/// Escapes for the inside of a JSON string (RFC 8259 §7), and for HTML that may hold the JSON: `<` and `>`.
pub fn json(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            c if c < ' ' || c == '\u{7f}' || c == '\u{2028}' || c == '\u{2029}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
}

/// Takes out what no text of a person holds: control characters but tab and newline, and, on one line, those
/// too. A `\r\n` becomes `\n`.
pub fn clean(text: &str, one_line: bool) -> std::borrow::Cow<'_, str> {
    if !text.chars().any(|c| c.is_control() || c == '\u{2028}' || c == '\u{2029}') {
        return text.into();
    }
    let kept = text.chars().filter_map(|c| match c {
        '\n' | '\t' if !one_line => Some(c),
        '\n' | '\t' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' if one_line => Some(' '),
        '\u{2028}' | '\u{2029}' => Some('\n'),
        c if c.is_control() => None,
        c => Some(c),
    });
    kept.collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(escape: fn(&str, &mut String), text: &str) -> String {
        let mut out = String::new();
        escape(text, &mut out);
        out
    }

    #[test]
    fn html_is_escaped_as_handlebars_does() {
        for text in ["<a href='x'>\"&amp;`=", "plain", "", "尾=", "=\u{1F600}<"] {
            assert_eq!(with(html, text), handlebars::html_escape(text));
        }
    }

    #[test]
    fn markdown_says_what_the_text_said() {
        for text in
            ["1. not a list", "- nor this", "*a* _b_ [c](d) <e> `f` # g", "a\n- b\n+ c\n2. d", "\\ & ! ~~x~~"]
        {
            let mut out = String::new();
            pulldown_cmark::html::push_html(&mut out, pulldown_cmark::Parser::new(&with(markdown, text)));
            let mut expected = String::from("<p>");
            pulldown_cmark::html::push_html(
                &mut expected,
                [pulldown_cmark::Event::Text(text.into())].into_iter(),
            );
            assert_eq!(out, expected + "</p>\n");
        }
    }

    #[test]
    fn json_strings_come_back() {
        let text: String = (0..0x300).filter_map(char::from_u32).chain("\u{2028}\u{1F600}".chars()).collect();
        let parsed: String = serde_json::from_str(&format!("\"{}\"", with(json, &text))).unwrap();
        assert_eq!(parsed, text);
    }

    #[test]
    fn one_line_is_one_line() {
        assert_eq!(clean("a\r\nBcc: x\0\u{85}y", true), "a  Bcc: x y");
        assert_eq!(clean("a\r\nb\0", false), "a\nb");
    }
}
