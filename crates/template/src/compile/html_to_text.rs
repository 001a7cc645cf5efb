//! The conversion of an e-mail's HTML to its plain-text part, with the targets of links.
//!
//! Placeholders in the HTML are preserved. Layout tables are not drawn.

use super::html_tokenizer::{Tag, Token, Tokenizer, unescape};
use super::placeholder::{Placeholder, Placeholders};

/// Converts `html`, with its placeholders, to plain text.
pub(crate) fn html_to_text(html: &str, placeholders: &Placeholders) -> String {
    let mut builder = TextBuilder {
        placeholders,
        out: String::new(),
        gap: Gap::default(),
        blocks: Vec::new(),
        started: false,
        skip: None,
        lists: Vec::new(),
        links: Vec::new(),
        preformatted: 0,
    };
    for token in Tokenizer::new(html) {
        match token {
            Token::Open(tag) => builder.open(&tag),
            Token::Close(name) => builder.close(name),
            Token::Text(text) if builder.skip.is_none() => builder.text(&unescape(text)),
            _ => {}
        }
    }
    builder.out.push('\n');
    builder.out
}

/// White space that is still to be written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Gap {
    newlines: usize,
    space: bool,
    /// The number of these line breaks that have been written already, at the end of a repeated
    /// block.
    ended: usize,
}

/// An open block of the template.
#[derive(Debug)]
struct Block {
    repeats: bool,
    /// The white space before the block.
    before: Gap,
    /// The white space at the end of the first branch, if the block has a second one.
    first: Option<Gap>,
}

struct TextBuilder<'a> {
    placeholders: &'a Placeholders,
    out: String,
    gap: Gap,
    blocks: Vec<Block>,
    /// Set once a word has been written.
    started: bool,
    /// The name of the hidden element that is being skipped, and the number of open elements of
    /// that name.
    skip: Option<(String, usize)>,
    /// The open lists: the next number, if the list is numbered.
    lists: Vec<Option<usize>>,
    /// The open links: the start of the text in `out`, and the URL.
    links: Vec<(usize, String)>,
    preformatted: usize,
}

impl TextBuilder<'_> {
    fn open(&mut self, tag: &Tag<'_>) {
        if let Some((name, count)) = &mut self.skip {
            *count += usize::from(name == tag.name && !tag.is_void());
            return;
        }
        if is_hidden(tag) && !tag.is_void() {
            self.skip = Some((tag.name.to_owned(), 1));
            return;
        }
        self.space(tag.name, tag.attribute("style").as_deref());
        match tag.name {
            "br" => self.gap.newlines = (self.gap.newlines + 1).min(2),
            "hr" => self.line("---"),
            "ul" => self.lists.push(None),
            "ol" => self.lists.push(Some(tag.attribute("start").and_then(|n| n.parse().ok()).unwrap_or(1))),
            "li" => self.item(),
            "pre" => self.preformatted += 1,
            "a" => {
                let href = tag.attribute("href").unwrap_or_default().trim().to_owned();
                self.links.push((self.out.len(), href));
            }
            "img" => {
                let alt = tag.attribute("alt").unwrap_or_default();
                if !alt.trim().is_empty() {
                    self.text(&format!("[{}]", alt.trim()));
                }
            }
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        if let Some((skipped, count)) = &mut self.skip {
            *count -= usize::from(skipped == name);
            if *count == 0 {
                self.skip = None;
            }
            return;
        }
        match name {
            "a" => self.close_link(),
            "ul" | "ol" => drop(self.lists.pop()),
            "pre" => self.preformatted = self.preformatted.saturating_sub(1),
            _ => {}
        }
        self.space(name, None);
    }

    fn close_link(&mut self) {
        let Some((start, href)) = self.links.pop() else { return };
        if href.is_empty() || href.starts_with('#') {
            return;
        }
        let label = self.out.get(start..).unwrap_or_default().trim();
        if label.starts_with("http") && !label.contains(char::is_whitespace) {
            // If the text is a URL itself, only the tracked link is written.
            let lead = self.out.len() - self.out[start..].trim_start().len();
            self.out.truncate(lead);
            self.out.push_str(&href);
        } else {
            let target = href.strip_prefix("mailto:").or_else(|| href.strip_prefix("tel:")).unwrap_or(&href);
            if label != target {
                let target = format!("<{target}>");
                self.gap.space = !label.is_empty();
                self.word(&target);
            }
        }
    }

    fn item(&mut self) {
        let depth = self.lists.len().saturating_sub(1);
        let bullet = match self.lists.last_mut() {
            Some(Some(number)) => {
                *number += 1;
                format!("{}. ", *number - 1)
            }
            _ => "- ".to_owned(),
        };
        self.word(&("  ".repeat(depth) + &bullet));
    }

    fn line(&mut self, text: &str) {
        self.word(text);
        self.gap.newlines = 2;
    }

    /// Adds the white space that an element has before and after it.
    fn space(&mut self, name: &str, style: Option<&str>) {
        let newlines = match name {
            "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "ul" | "ol" | "table" | "blockquote" | "pre"
            | "hr" => 2,
            // mrml gives the cell of each component `word-break`; other cells are data or layout.
            "td" if style.is_some_and(|style| style.contains("word-break")) => 2,
            "td" | "th" => {
                self.gap.space = true;
                0
            }
            "div" | "tr" | "li" | "section" | "header" | "footer" | "center" | "body" | "dt" | "dd" => 1,
            _ => 0,
        };
        let inner_list = matches!(name, "ul" | "ol") && !self.lists.is_empty();
        self.gap.newlines = self.gap.newlines.max(if inner_list { 1 } else { newlines });
    }

    fn text(&mut self, text: &str) {
        for c in text.chars() {
            if self.placeholders.is_block_mark(c) {
                self.mark(c);
            } else if self.preformatted > 0 && c == '\n' {
                self.flush();
                self.out.push('\n');
            } else if c.is_ascii_whitespace() || c == '\u{a0}' {
                self.gap.space = true;
            } else if c != '\u{200b}' && c != '\u{200c}' && c != '\u{feff}' {
                self.word(c.encode_utf8(&mut [0; 4]));
            }
        }
    }

    fn word(&mut self, text: &str) {
        self.flush();
        self.out.push_str(text);
        self.started = true;
        self.gap = Gap::default();
    }

    fn flush(&mut self) {
        let gap = std::mem::take(&mut self.gap);
        if !self.started {
            return;
        }
        if gap.newlines > 0 {
            self.out.push_str(&"\n".repeat(gap.newlines.saturating_sub(gap.ended)));
            self.gap.ended = gap.newlines.max(gap.ended);
        } else if gap.space && !self.out.ends_with([' ', '\n']) {
            self.out.push(' ');
        }
    }

    /// Writes a block mark with the right white space on both sides. A paragraph's line breaks go
    /// inside the block, so that they disappear with it; a space or a single line break stays
    /// before it. A repeated text ends with its own line break, and so does its alternative.
    fn mark(&mut self, c: char) {
        match self.placeholders.get(c) {
            Some(Placeholder::If(_)) => {
                if self.gap.newlines < 2 {
                    self.flush();
                }
                self.blocks.push(Block { repeats: false, before: self.gap, first: None });
            }
            Some(Placeholder::Each(_)) => {
                self.flush();
                self.blocks.push(Block { repeats: true, before: Gap::default(), first: None });
            }
            Some(Placeholder::Else) => {
                self.end_repetition();
                if let Some(block) = self.blocks.last_mut() {
                    block.first = Some(self.gap);
                    self.gap = block.before;
                }
            }
            _ => {
                self.end_repetition();
                if let Some(Block { repeats, before, first }) = self.blocks.pop() {
                    // Without a second branch, the block may be absent.
                    let other = first.unwrap_or(if repeats { self.gap } else { before });
                    let newlines = self.gap.newlines.max(other.newlines).max(before.newlines);
                    let ended = self.gap.ended.min(other.ended);
                    self.gap = Gap { newlines, space: self.gap.space || other.space, ended };
                }
            }
        }
        self.out.push(c);
    }

    fn end_repetition(&mut self) {
        if self.blocks.last().is_some_and(|block| block.repeats) {
            let newlines = self.gap.newlines;
            self.flush();
            self.gap.newlines = newlines;
        }
    }
}

fn is_hidden(tag: &Tag<'_>) -> bool {
    let hidden =
        |style: &str| style.replace(char::is_whitespace, "").to_ascii_lowercase().contains("display:none");
    matches!(tag.name, "head" | "style" | "script" | "title")
        || tag.attribute("style").is_some_and(|style| hidden(&style))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression::Expression;

    fn text(html: &str) -> String {
        html_to_text(html, &Placeholders::default())
    }

    #[test]
    fn text_follows_the_structure_of_the_page() {
        let html = "<html><head><title>no</title><style>a{}</style></head><body><div style=\"display: none\">\
                    pre<div>header</div></div><h1>Hello  there</h1>\n<p>One<br>two &amp; three,\n<b>bold</b>.</p>\
                    <ul><li>a</li><li>b<ol><li>c</li><li>d</li></ol></li></ul><hr>\
                    <table><tr><td>1</td><td>2</td></tr><tr><td>3</td><td>4</td></tr></table>end</body></html>";
        let expected =
            "Hello there\n\nOne\ntwo & three, bold.\n\n- a\n- b\n  1. c\n  2. d\n\n---\n\n1 2\n3 4\n\nend\n";
        assert_eq!(text(html), expected);
    }

    #[test]
    fn links_are_followed_by_their_urls() {
        assert_eq!(
            text("See <a href=\"https://a.example/?x&amp;y\">this one</a>!"),
            "See this one <https://a.example/?x&y>!\n"
        );
        assert_eq!(
            text("<a href=\"https://a.example/c/1\">https://a.example</a>"),
            "https://a.example/c/1\n"
        );
        assert_eq!(text("<a href=\"mailto:a@b.example\">a@b.example</a>"), "a@b.example\n");
        assert_eq!(text("<a href=\"#top\">top</a> <a>none</a>"), "top none\n");
        assert_eq!(
            text("<a href=\"https://a.example\"><img src=\"x\" alt=\"A cup\"></a>"),
            "[A cup] <https://a.example>\n"
        );
    }

    #[test]
    fn white_space_before_a_block_is_inside_it() {
        let mut placeholders = Placeholders::default();
        let test = placeholders.insert(Placeholder::If(Expression::Contact(vec![])));
        let (other, end) = (placeholders.insert(Placeholder::Else), placeholders.insert(Placeholder::End));
        let made = html_to_text(&format!("<p>a</p>{test}<p>b</p>{end}<p>c</p>"), &placeholders);
        assert_eq!(made, format!("a{test}\n\nb{end}\n\nc\n"));
        let made = html_to_text(&format!("Hi {test}you{other}friend{end}, x"), &placeholders);
        assert_eq!(made, format!("Hi {test}you{other}friend{end}, x\n"));
        let each = placeholders.insert(Placeholder::Each(Expression::Contact(vec![])));
        let made = html_to_text(&format!("<p>a</p><ul>{each}<li>b</li>{end}</ul><p>c</p>"), &placeholders);
        assert_eq!(made, format!("a\n\n{each}- b\n{end}\nc\n"));
    }
}
