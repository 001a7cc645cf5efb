//! The text part of an e-mail, made of its HTML: what it says and where its links lead, and no more.
//!
//! It works on HTML with open places, and leaves them open; layout tables are not drawn.

use super::hole::{Hole, Holes};
use super::markup::{Tag, Token, Walk, unescape};

/// The text of `html`. `shown` gives what a link that stands for itself says.
pub(crate) fn from_html(html: &str, holes: &Holes) -> String {
    let mut plain = Plain {
        holes,
        out: String::new(),
        gap: Gap::default(),
        blocks: Vec::new(),
        started: false,
        skip: None,
        lists: Vec::new(),
        links: Vec::new(),
        preformatted: 0,
    };
    for token in Walk::over(html) {
        match token {
            Token::Open(tag) => plain.open(&tag),
            Token::Close(name) => plain.close(name),
            Token::Text(text) if plain.skip.is_none() => plain.text(&unescape(text)),
            _ => {}
        }
    }
    plain.out.push('\n');
    plain.out
}

/// White space not yet written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Gap {
    newlines: usize,
    space: bool,
    /// Of the line ends, so many stand there already, written for the next repetition.
    ended: usize,
}

/// A block of the template that is open.
#[derive(Debug)]
struct Block {
    repeats: bool,
    /// The gap before it.
    before: Gap,
    /// The gap where its first side ended, if it has another.
    first: Option<Gap>,
}

struct Plain<'a> {
    holes: &'a Holes,
    out: String,
    gap: Gap,
    blocks: Vec<Block>,
    /// Whether a word has been written.
    started: bool,
    /// Inside something unseen: its name, and how many of that name are open.
    skip: Option<(String, usize)>,
    /// Open lists: the next number, if numbered.
    lists: Vec<Option<usize>>,
    /// Open links: where their text starts, and where they lead.
    links: Vec<(usize, String)>,
    preformatted: usize,
}

impl Plain<'_> {
    fn open(&mut self, tag: &Tag<'_>) {
        if let Some((name, count)) = &mut self.skip {
            *count += usize::from(name == tag.name && !tag.is_void());
            return;
        }
        if is_unseen(tag) && !tag.is_void() {
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
        let said = self.out.get(start..).unwrap_or_default().trim();
        if said.starts_with("http") && !said.contains(char::is_whitespace) {
            // The text is an address itself: only where it leads through the tracker matters.
            let lead = self.out.len() - self.out[start..].trim_start().len();
            self.out.truncate(lead);
            self.out.push_str(&href);
        } else {
            let target = href.strip_prefix("mailto:").or_else(|| href.strip_prefix("tel:")).unwrap_or(&href);
            if said != target {
                let target = format!("<{target}>");
                self.gap.space = !said.is_empty();
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

    /// The gap that an element makes before and after itself.
    fn space(&mut self, name: &str, style: Option<&str>) {
        let newlines = match name {
            "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "ul" | "ol" | "table" | "blockquote" | "pre"
            | "hr" => 2,
            // mrml gives each component a cell that breaks words; other cells are data or layout.
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
            if self.holes.is_mark(c) {
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

    /// Keeps the gap right on both sides: a paragraph's goes into the block, so that it goes with it; a space
    /// or a line break stays before it. What is repeated brings its line end with
    /// it, and so does what stands there instead.
    fn mark(&mut self, c: char) {
        match self.holes.get(c) {
            Some(Hole::If(_)) => {
                if self.gap.newlines < 2 {
                    self.flush();
                }
                self.blocks.push(Block { repeats: false, before: self.gap, first: None });
            }
            Some(Hole::Each(_)) => {
                self.flush();
                self.blocks.push(Block { repeats: true, before: Gap::default(), first: None });
            }
            Some(Hole::Else) => {
                self.end_repetition();
                if let Some(block) = self.blocks.last_mut() {
                    block.first = Some(self.gap);
                    self.gap = block.before;
                }
            }
            _ => {
                self.end_repetition();
                if let Some(Block { repeats, before, first }) = self.blocks.pop() {
                    // Without another side it may be as if the block were not there.
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

fn is_unseen(tag: &Tag<'_>) -> bool {
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
        from_html(html, &Holes::default())
    }

    #[test]
    fn says_what_the_page_says() {
        let html = "<html><head><title>no</title><style>a{}</style></head><body><div style=\"display: none\">\
                    pre<div>header</div></div><h1>Hello  there</h1>\n<p>One<br>two &amp; three,\n<b>bold</b>.</p>\
                    <ul><li>a</li><li>b<ol><li>c</li><li>d</li></ol></li></ul><hr>\
                    <table><tr><td>1</td><td>2</td></tr><tr><td>3</td><td>4</td></tr></table>end</body></html>";
        let expected =
            "Hello there\n\nOne\ntwo & three, bold.\n\n- a\n- b\n  1. c\n  2. d\n\n---\n\n1 2\n3 4\n\nend\n";
        assert_eq!(text(html), expected);
    }

    #[test]
    fn links_say_where_they_lead() {
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
    fn gaps_go_with_what_they_are_before() {
        let mut holes = Holes::default();
        let test = holes.put(Hole::If(Expression::Contact(vec![])));
        let (other, end) = (holes.put(Hole::Else), holes.put(Hole::End));
        let made = from_html(&format!("<p>a</p>{test}<p>b</p>{end}<p>c</p>"), &holes);
        assert_eq!(made, format!("a{test}\n\nb{end}\n\nc\n"));
        let made = from_html(&format!("Hi {test}you{other}friend{end}, x"), &holes);
        assert_eq!(made, format!("Hi {test}you{other}friend{end}, x\n"));
        let each = holes.put(Hole::Each(Expression::Contact(vec![])));
        let made = from_html(&format!("<p>a</p><ul>{each}<li>b</li>{end}</ul><p>c</p>"), &holes);
        assert_eq!(made, format!("a\n\n{each}- b\n{end}\nc\n"));
    }
}
