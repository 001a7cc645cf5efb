//! Escaping of text for the language it is inserted into: HTML, Markdown, JSON, header lines.

use crate::flavor::{self, Flavor};

/// The language that a value is inserted into, which decides its escaping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Escape {
    /// Plain text: nothing is escaped; [`clean`] removes control characters.
    Text,
    /// One line of a header: nothing is escaped; [`clean`] makes it one line.
    Header,
    /// HTML, between tags or inside a quoted attribute.
    Html,
    /// CommonMark, as in templates.
    Markdown,
    /// Markdown as a network renders it.
    Flavor(Flavor),
    /// `&`, `<` and `>` as entities, as Slack reads them.
    Angles,
}

/// Appends `text` to `out`, escaped so that it is read as text and not as markup.
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

/// Appends `text`, escaped for HTML as Handlebars does: `& < > " ' = \``.
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

/// Returns the character of an HTML entity, given without `&` and `;`: the five of XML, `nbsp`, and
/// numeric ones.
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

/// Appends `text`, escaped for CommonMark: a backslash before each character that could be markup
/// there, or at the start of a line.
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

/// Appends `text`, escaped for the inside of a JSON string (RFC 8259 §7). `<` and `>` are escaped,
/// too, for JSON inside HTML.
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

/// Removes control characters except tab and newline; `\r\n` becomes `\n`. With `one_line`, white
/// space among the control characters becomes spaces.
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
    fn escaped_markdown_renders_as_the_text() {
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
    fn json_strings_round_trip() {
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
