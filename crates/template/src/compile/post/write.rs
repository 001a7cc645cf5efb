//! Markdown, its links led through the tracker, in the dialect of a network.

use message::dialect::{Dialect, LinkStyle, Quote, SPAN, SPAN_END, SPAN_TO};
use message::escape::{self, Escape};
use message::flavor;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd, TextMergeStream};

use super::super::hole::{Hole, Holes};
use super::super::link::Links;

/// `markdown` in `dialect`; open places stay what they are.
pub(super) fn write(markdown: &str, dialect: Dialect, links: &Links, holes: &Holes) -> String {
    let mut writer = Writer {
        dialect,
        links,
        holes,
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

/// What `markdown` is made of. Tags in it are text.
pub(super) fn events(markdown: &str) -> impl Iterator<Item = Event<'_>> {
    TextMergeStream::new(Parser::new_ext(markdown, Options::ENABLE_STRIKETHROUGH))
}

struct Writer<'a> {
    dialect: Dialect,
    links: &'a Links,
    holes: &'a Holes,
    out: String,
    /// Where links and quotations that are not closed begin in `out`, and where links lead.
    open: Vec<(usize, String)>,
    /// Where a spelled link ends its label in `out`, and where it leads, while nothing came after it.
    spelled: Option<(usize, String)>,
    /// The number of the next item of each list we are in.
    lists: Vec<Option<u64>>,
    /// The place in `out` at which the text of the last item begins.
    item: usize,
}

impl Writer<'_> {
    fn event(&mut self, event: Event<'_>) {
        if let Some((label, to)) = self.spelled.take() {
            match &event {
                // What goes on after it on the same line would be taken for a part of the address.
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
            // A picture inside the text is its words.
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

    /// At least so many line ends, unless nothing is there yet. Open places that begin or end a block count as
    /// nothing: what they enclose has its gap before it.
    fn gap(&mut self, lines: usize) {
        let body = self.out.trim_end_matches(|c| self.holes.is_mark(c));
        if body.is_empty() {
            return;
        }
        let there = body.len() - body.trim_end_matches('\n').len();
        let marks = self.out.split_off(body.len());
        self.out.push_str(&"\n".repeat(lines.saturating_sub(there)));
        self.out.push_str(&marks);
    }

    /// Text, and the links that stand bare in it.
    fn text(&mut self, text: &str) {
        let mut said = String::new();
        for c in text.chars() {
            match self.holes.get(c) {
                Some(Hole::Click(position)) if !self.is_in_link() => {
                    self.escaped(&std::mem::take(&mut said));
                    let shown = self.links.shown(*position).to_owned();
                    self.link(&shown, &c.to_string(), true);
                }
                _ => said.push(c),
            }
        }
        self.escaped(&said);
    }

    fn is_in_link(&self) -> bool {
        self.open.last().is_some_and(|(_, to)| !to.is_empty())
    }

    fn escaped(&mut self, text: &str) {
        let clean: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
        match self.dialect.escape {
            Escape::Flavor(flavor) => {
                let starts = self.starts_line();
                flavor::escape(flavor, &clean, starts, &mut self.out);
            }
            escape => escape::escaped(escape, &clean, &mut self.out),
        }
    }

    /// Returns true where a line or an item of a list begins: there more is special.
    fn starts_line(&self) -> bool {
        let line = self.out.rfind('\n').map_or(&*self.out, |newline| &self.out[newline + 1..]);
        line.trim().is_empty() || self.out.len() == self.item
    }

    /// Code in a line: as it is between its marks; as text where the reader knows no code.
    fn code(&mut self, code: &str) {
        let (before, after) = self.dialect.code;
        let is_plain = before.is_empty() || code.chars().any(|c| self.holes.get(c).is_some());
        let marked = match self.dialect.escape {
            _ if is_plain => None,
            Escape::Flavor(flavor) => flavor::code(flavor, code),
            Escape::Html => {
                let mut text = before.to_owned();
                escape::html(code, &mut text);
                Some(text + after)
            }
            // A backtick would end it.
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

    /// `label` is written already, unless it is `bare`: then it is the address, shown as people know it.
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
                out.push_str(&format!("{SPAN}{label}{SPAN_TO}{to}{SPAN_END}"));
            }
        }
    }

    fn end_quote(&mut self) {
        let Some((start, _)) = self.open.pop() else { return };
        let said = self.out.split_off(start);
        match self.dialect.quote {
            Quote::Around(before, after) => self.out.push_str(&format!("{before}{}{after}", said.trim())),
            Quote::Lines(before) => {
                let lines: Vec<_> = said.trim().lines().map(|line| format!("{before}{line}")).collect();
                self.out.push_str(&lines.join("\n"));
            }
        }
    }
}

/// An address as networks show it: without scheme, not too long.
fn shortened(address: &str) -> String {
    let plain = address.split_once("://").map_or(address, |(_, rest)| rest).trim_end_matches('/');
    match plain.char_indices().nth(28) {
        Some((end, _)) => format!("{}…", &plain[..end]),
        None => plain.to_owned(),
    }
}

/// Whether a character is one of a script whose punctuation is as wide as itself: CJK.
fn is_wide(c: char) -> bool {
    matches!(u32::from(c), 0x2E80..=0x9FFF | 0xAC00..=0xD7AF | 0xF900..=0xFAFF | 0xFF00..=0xFF60 | 0x2_0000..=0x3_FFFF)
}
