//! The conversion of Markdown, with tracked links, to the markup dialect of a network.

use message::dialect::{LinkStyle, MarkupDialect, Quote, SPAN_END, SPAN_SEPARATOR, SPAN_START};
use message::escape::{self, Escape};
use message::flavor;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd, TextMergeStream};

use super::super::link::Links;
use super::super::placeholder::{Placeholder, Placeholders};

/// Converts `markdown` to `dialect`; placeholders are preserved.
pub(super) fn write(
    markdown: &str,
    dialect: MarkupDialect,
    links: &Links,
    placeholders: &Placeholders,
) -> String {
    let mut writer = Writer {
        dialect,
        links,
        placeholders,
        out: String::new(),
        open: Vec::new(),
        spelled: None,
        lists: Vec::new(),
        item: 0,
    };
    for event in events(markdown) {
        writer.event(event);
    }
    writer.out.trim().to_owned()
}

/// Parses `markdown` into events. HTML tags in it are text.
pub(super) fn events(markdown: &str) -> impl Iterator<Item = Event<'_>> {
    TextMergeStream::new(Parser::new_ext(markdown, Options::ENABLE_STRIKETHROUGH))
}

struct Writer<'a> {
    dialect: MarkupDialect,
    links: &'a Links,
    placeholders: &'a Placeholders,
    out: String,
    /// The open links and quotations: the start in `out`, and the URL of a link.
    open: Vec<(usize, String)>,
    /// The end of the label in `out` and the URL of a link that was just written as `label: URL`.
    spelled: Option<(usize, String)>,
    /// The number of the next item of each open list, if it is numbered.
    lists: Vec<Option<u64>>,
    /// The position in `out` at which the text of the last item starts.
    item: usize,
}

impl Writer<'_> {
    fn event(&mut self, event: Event<'_>) {
        if let Some((label, to)) = self.spelled.take() {
            match &event {
                // Text after it on the same line would be taken for a part of the URL.
                Event::Text(_) | Event::Code(_) | Event::Start(_) => {
                    self.out.truncate(label);
                    self.out.push_str(&format!(" ({to})"));
                }
                Event::SoftBreak | Event::HardBreak | Event::End(TagEnd::Paragraph | TagEnd::Item) => {}
                _ => self.spelled = Some((label, to)),
            }
        }
        match event {
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => self.text(&text),
            Event::Code(code) => self.code(&code),
            Event::SoftBreak | Event::HardBreak => self.out.push('\n'),
            Event::Rule => self.block("———"),
            Event::Start(tag) => self.start(&tag),
            Event::End(tag) => self.end(tag),
            _ => {}
        }
    }

    fn start(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::Paragraph if self.lists.is_empty() => self.gap(2),
            Tag::Heading { .. } => {
                self.gap(2);
                self.out.push_str(self.dialect.heading.0);
            }
            Tag::BlockQuote(_) => {
                self.gap(2);
                self.open.push((self.out.len(), String::new()));
            }
            Tag::CodeBlock(_) => self.gap(2),
            Tag::List(first) => {
                self.gap(if self.lists.is_empty() { 2 } else { 1 });
                self.lists.push(*first);
            }
            Tag::Item => self.item(),
            Tag::Strong => self.out.push_str(self.dialect.strong.0),
            Tag::Emphasis => self.out.push_str(self.dialect.emphasis.0),
            Tag::Strikethrough => self.out.push_str(self.dialect.strike.0),
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                self.open.push((self.out.len(), dest_url.to_string()));
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(_) => self.out.push_str(self.dialect.heading.1),
            TagEnd::BlockQuote(_) => self.end_quote(),
            TagEnd::List(_) => {
                self.lists.pop();
            }
            TagEnd::Strong => self.out.push_str(self.dialect.strong.1),
            TagEnd::Emphasis => self.out.push_str(self.dialect.emphasis.1),
            TagEnd::Strikethrough => self.out.push_str(self.dialect.strike.1),
            TagEnd::Link => self.end_link(),
            // A picture inside the text is replaced by its description.
            TagEnd::Image => {
                self.open.pop();
            }
            _ => {}
        }
    }

    fn item(&mut self) {
        self.gap(1);
        let depth = self.lists.len().saturating_sub(1);
        self.out.push_str(&"  ".repeat(depth));
        match self.lists.last_mut() {
            Some(Some(number)) => {
                self.out.push_str(&format!("{number}. "));
                *number += 1;
            }
            _ => self.out.push_str(self.dialect.bullet),
        }
        self.item = self.out.len();
    }

    fn block(&mut self, text: &str) {
        self.gap(2);
        self.out.push_str(text);
    }

    /// Adds line breaks until there are at least `lines`, unless the output is empty. Block marks
    /// at the end do not count as text: the line breaks go before them.
    fn gap(&mut self, lines: usize) {
        let body = self.out.trim_end_matches(|c| self.placeholders.is_block_mark(c));
        if body.is_empty() {
            return;
        }
        let there = body.len() - body.trim_end_matches('\n').len();
        let marks = self.out.split_off(body.len());
        self.out.push_str(&"\n".repeat(lines.saturating_sub(there)));
        self.out.push_str(&marks);
    }

    /// Appends text, with its bare URLs as links.
    fn text(&mut self, text: &str) {
        let mut plain = String::new();
        for c in text.chars() {
            match self.placeholders.get(c) {
                Some(Placeholder::Click(position)) if !self.is_in_link() => {
                    self.escaped(&std::mem::take(&mut plain));
                    let shown = self.links.original_url(*position).to_owned();
                    self.link(&shown, &c.to_string(), true);
                }
                _ => plain.push(c),
            }
        }
        self.escaped(&plain);
    }

    fn is_in_link(&self) -> bool {
        self.open.last().is_some_and(|(_, to)| !to.is_empty())
    }

    fn escaped(&mut self, text: &str) {
        let clean: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
        match self.dialect.escape {
            Escape::Flavor(flavor) => {
                let at_line_start = self.is_at_line_start();
                flavor::escape(flavor, &clean, at_line_start, &mut self.out);
            }
            escape => escape::escaped(escape, &clean, &mut self.out),
        }
    }

    /// Returns true at the start of a line or of a list item, where more characters are special.
    fn is_at_line_start(&self) -> bool {
        let line = self.out.rfind('\n').map_or(&*self.out, |newline| &self.out[newline + 1..]);
        line.trim().is_empty() || self.out.len() == self.item
    }

    /// Appends inline code: unescaped between its marks, or as text if the dialect has no code.
    fn code(&mut self, code: &str) {
        let (before, after) = self.dialect.code;
        let is_plain = before.is_empty() || code.chars().any(|c| self.placeholders.get(c).is_some());
        let marked = match self.dialect.escape {
            _ if is_plain => None,
            Escape::Flavor(flavor) => flavor::code(flavor, code),
            Escape::Html => {
                let mut text = before.to_owned();
                escape::html(code, &mut text);
                Some(text + after)
            }
            // A backtick would end the code.
            _ if code.contains('`') => None,
            escape => {
                let mut text = before.to_owned();
                escape::escaped(escape, code, &mut text);
                Some(text + after)
            }
        };
        match marked {
            Some(text) => self.out.push_str(&text),
            None => self.text(code),
        }
    }

    fn end_link(&mut self) {
        let Some((start, to)) = self.open.pop() else { return };
        let label = self.out.split_off(start);
        self.link(&label, &to, false);
    }

    /// Appends a link. `label` is escaped already, unless `bare` is set: then it is the URL itself,
    /// in the form for people.
    fn link(&mut self, label: &str, to: &str, bare: bool) {
        let label = label.trim();
        let out = &mut self.out;
        match self.dialect.link {
            LinkStyle::Spelled if bare || label.is_empty() || label.contains("://") => out.push_str(to),
            LinkStyle::Spelled => {
                self.spelled = Some((out.len() + label.len(), to.to_owned()));
                let colon = if label.chars().last().is_some_and(is_wide) { "：" } else { ": " };
                out.push_str(&format!("{label}{colon}{to}"));
            }
            LinkStyle::Markdown if bare => out.push_str(to),
            LinkStyle::Markdown => out.push_str(&format!("[{label}]({to})")),
            LinkStyle::Angles if bare => out.push_str(&format!("<{to}>")),
            LinkStyle::Angles => out.push_str(&format!("<{to}|{}>", label.replace('|', "¦"))),
            LinkStyle::Html if bare => out.push_str(to),
            LinkStyle::Html => out.push_str(&format!("<a href=\"{to}\">{label}</a>")),
            LinkStyle::Span => {
                let label = if bare { shortened(label) } else { label.to_owned() };
                out.push_str(&format!("{SPAN_START}{label}{SPAN_SEPARATOR}{to}{SPAN_END}"));
            }
        }
    }

    fn end_quote(&mut self) {
        let Some((start, _)) = self.open.pop() else { return };
        let plain = self.out.split_off(start);
        match self.dialect.quote {
            Quote::Around(before, after) => self.out.push_str(&format!("{before}{}{after}", plain.trim())),
            Quote::Lines(before) => {
                let lines: Vec<_> = plain.trim().lines().map(|line| format!("{before}{line}")).collect();
                self.out.push_str(&lines.join("\n"));
            }
        }
    }
}

/// Returns a URL as networks display it: without its scheme, cut to 28 characters.
fn shortened(address: &str) -> String {
    let plain = address.split_once("://").map_or(address, |(_, rest)| rest).trim_end_matches('/');
    match plain.char_indices().nth(28) {
        Some((end, _)) => format!("{}…", &plain[..end]),
        None => plain.to_owned(),
    }
}

/// Returns true for CJK characters, whose punctuation is full-width.
fn is_wide(c: char) -> bool {
    matches!(u32::from(c), 0x2E80..=0x9FFF | 0xAC00..=0xD7AF | 0xF900..=0xFAFF | 0xFF00..=0xFF60 | 0x2_0000..=0x3_FFFF)
}
