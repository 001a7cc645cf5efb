//! Text for readers of Markdown. Each network reads a Markdown of its own: what it takes for markup is escaped, by
//! means that this reader takes back, and nothing else, so that people read what was written.

/// A Markdown that somebody reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flavor {
    /// CommonMark 0.31.2: ntfy, webhooks.
    CommonMark,
    /// A backslash escapes everything but letters, digits and white space; there are no entities.
    /// <https://support.discord.com/hc/articles/210298617>
    Discord,
    /// A fork of marked 0.3 (<https://github.com/mattermost/marked>), and of commonmark.js on phones: a backslash
    /// escapes `` ` * { } [ ] ( ) # + - . ! _ > | ~ `` and itself.
    Mattermost,
    /// Snudown: a backslash escapes `` \ ` * _ { } [ ] ( ) # + - . ! : | & < > / ^ ~ ``.
    /// <https://github.com/reddit/snudown>
    Reddit,
    /// Adaptive Cards: markdown-it on desktops; on phones a parser that knows no entities, and a backslash only
    /// before `* _ [ ] )`. <https://github.com/microsoft/AdaptiveCards>
    Adaptive,
    /// DingTalk, which documents no escapes: those of the first Markdown, which has entities as HTML has.
    Dingtalk,
    /// Feishu's cards: numeric entities.
    /// <https://open.feishu.cn/document/feishu-cards/card-components/content-components/rich-text>
    Lark,
}

/// The means by which a character is kept from being markup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Means {
    Plain,
    Backslash,
    /// `&#42;`
    Entity,
    /// [`JOINER`] before it.
    Apart,
    /// [`JOINER`] after it.
    Split,
}

use Means::{Apart, Backslash, Entity, Plain, Split};

/// U+2060, the word joiner: nobody sees it, and no reader of Markdown takes it for a space or for punctuation.
pub const JOINER: char = '\u{2060}';

/// A character and what stands around it.
struct Place<'a> {
    c: char,
    before: Option<char>,
    /// The text after it.
    rest: &'a str,
    /// True for the first character of a line.
    starts: bool,
    /// True where only digits stand before it on its line.
    numbered: bool,
}

/// Writes `text` so that readers of `flavor` see it as it is. `starts`: whether a line begins here.
pub fn escape(flavor: Flavor, text: &str, starts: bool, out: &mut String) {
    let mut place = Place { c: '\n', before: None, rest: text, starts, numbered: false };
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let address = flavor.address(place.before, c, chars.as_str());
        if address > 0 {
            out.push(c);
            out.push_str(&chars.as_str()[..address]);
            (place.before, place.starts, place.numbered) = (Some('/'), false, false);
            chars = chars.as_str()[address..].chars();
            continue;
        }
        (place.c, place.rest) = (c, chars.as_str());
        match flavor.means(&place) {
            Plain => out.push(c),
            Backslash => out.extend(['\\', c]),
            Entity => out.push_str(&format!("&#{};", u32::from(c))),
            Apart => out.extend([JOINER, c]),
            Split => out.extend([c, JOINER]),
        }
        place.numbered = (place.starts || place.numbered) && c.is_ascii_digit();
        place.starts = c == '\n' || place.starts && c == ' ';
        place.before = Some(c);
    }
}

/// `code` as code in a line, or nothing where the reader has no code or cannot tell it from its marks.
pub fn code(flavor: Flavor, code: &str) -> Option<String> {
    let most = code.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    if code.trim().is_empty() || matches!(flavor, Flavor::Adaptive | Flavor::Lark) {
        return None;
    }
    if flavor == Flavor::Dingtalk && most > 0 {
        return None;
    }
    let marks = "`".repeat(most + 1);
    let pad = if code.starts_with('`') || code.ends_with('`') { " " } else { "" };
    Some(format!("{marks}{pad}{code}{pad}{marks}"))
}

impl Flavor {
    fn means(self, place: &Place<'_>) -> Means {
        match (self, place.c) {
            (Self::Lark, c) => lark(c, place),
            (Self::Adaptive, '*' | '_' | '[' | ']') => Backslash,
            (_, '`' | '*' | '_' | '[' | ']') if self != Self::Adaptive => Backslash,
            (_, '\\') => self.backslash(place),
            (_, '<') => self.angle(place),
            (_, '&') if place.is_entity() => self.pick(Backslash),
            (_, '~' | '|') => self.tilde_or_bar(place),
            (Self::Reddit, '^') => Backslash,
            (Self::Reddit, '>') if place.rest.starts_with('!') => Backslash,
            (Self::Mattermost, '$') if place.is_formula() => Entity,
            // Two of them make code on desktops; a phone shows the backslash, which is the lesser evil.
            (Self::Adaptive, '`') if place.rest.contains('`') => Backslash,
            (Self::Adaptive, ':') if place.starts => Apart,
            (Self::Mattermost | Self::Reddit, '=') if place.starts => Entity,
            _ if place.is_block() => if_apart(self, Backslash),
            _ => Plain,
        }
    }

    /// `backslash` where this reader takes it back, else what nobody sees.
    const fn pick(self, backslash: Means) -> Means {
        match self {
            Self::CommonMark | Self::Reddit => backslash,
            Self::Mattermost | Self::Dingtalk | Self::Lark => Entity,
            Self::Discord => Plain,
            Self::Adaptive => Split,
        }
    }

    fn backslash(self, place: &Place<'_>) -> Means {
        let next = place.rest.chars().next();
        match self {
            // Before a letter or digit Mattermost shows both.
            Self::Mattermost if next.is_some_and(|c| c.is_ascii_alphanumeric()) => Plain,
            Self::Adaptive if next.is_some_and(|c| c.is_ascii_punctuation() || c == '\n') => Split,
            Self::Dingtalk if !next.is_some_and(|c| c.is_ascii_punctuation()) => Plain,
            Self::Adaptive => Plain,
            _ => Backslash,
        }
    }

    fn angle(self, place: &Place<'_>) -> Means {
        let begins = |c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?');
        let closes = place.rest.contains('>') && !place.rest.starts_with(char::is_whitespace);
        // After the end may come an address.
        let closes = closes || place.rest.is_empty() || place.rest.starts_with(begins);
        match self {
            Self::Discord | Self::Reddit => Backslash,
            _ if closes => self.pick(Backslash),
            _ => Plain,
        }
    }

    fn tilde_or_bar(self, place: &Place<'_>) -> Means {
        match self {
            Self::Adaptive | Self::Dingtalk if place.c == '~' && place.rest.starts_with('~') => Split,
            Self::Adaptive if place.c == '|' && place.starts => Apart,
            Self::Adaptive | Self::Dingtalk => Plain,
            _ => Backslash,
        }
    }
}

impl Flavor {
    /// Returns the number of bytes of `rest` that belong to an address without a scheme, beginning with `c`, which this
    /// reader makes a link of as it stands, escapes and all; 0 where it does not.
    fn address(self, before: Option<char>, c: char, rest: &str) -> usize {
        let is_inside = before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '\\'));
        if is_inside || !c.is_ascii_alphanumeric() || !matches!(self, Self::Mattermost | Self::Reddit) {
            return 0;
        }
        let host = rest.find(|c: char| !c.is_alphanumeric() && !matches!(c, '.' | '-')).unwrap_or(rest.len());
        let is_www = c == 'w' && rest.starts_with("ww.");
        let top = rest[..host].rsplit_once('.').map_or("", |(_, top)| top);
        let is_bare = rest[host..].starts_with('/')
            && matches!(top.chars().count(), 2..=4)
            && top.chars().all(char::is_alphabetic);
        if !(is_www || is_bare && self == Self::Mattermost) {
            return 0;
        }
        let in_path =
            |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '/' | '%' | '=' | '#' | '+');
        let end = rest[host..].find(|c| !in_path(c)).map_or(rest.len(), |end| host + end);
        rest[..end].trim_end_matches(['.', '_']).len()
    }
}

/// `means`, or a joiner where the reader's escapes are few.
const fn if_apart(flavor: Flavor, means: Means) -> Means {
    if matches!(flavor, Flavor::Adaptive | Flavor::Dingtalk) { Apart } else { means }
}

fn lark(c: char, place: &Place<'_>) -> Means {
    let special = match c {
        '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '~' => true,
        '&' => place.is_entity(),
        ':' => place.is_emoji(),
        _ => place.is_block(),
    };
    if special { Entity } else { Plain }
}

impl Place<'_> {
    /// Returns true if it would begin a heading, a quotation, a list or a line, or end a heading.
    fn is_block(&self) -> bool {
        let ends = |rest: &str| rest.is_empty() || rest.starts_with(char::is_whitespace);
        match self.c {
            '#' if self.starts => true,
            '#' => self.before == Some(' ') && ends(self.rest.trim_start_matches('#')),
            '>' | '=' => self.starts,
            '-' => self.starts && !self.rest.starts_with(char::is_alphanumeric),
            '+' => self.starts && ends(self.rest),
            '.' | ')' => self.numbered && ends(self.rest),
            _ => false,
        }
    }

    /// Returns true if it begins what HTML would read as one character: `&amp;`, `&#42;`.
    fn is_entity(&self) -> bool {
        let name = self.rest.strip_prefix('#').unwrap_or(self.rest);
        let end = name.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(name.len());
        end > 0 && name[end..].starts_with(';')
    }

    /// Returns true if it begins a name between colons: `:OK:`.
    fn is_emoji(&self) -> bool {
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '+' | '-'));
        end.is_some_and(|end| end > 0 && self.rest[end..].starts_with(':'))
    }

    /// Returns true if a formula could stand between it and the next `$` of its line.
    fn is_formula(&self) -> bool {
        let line = self.rest.lines().next().unwrap_or_default();
        let after = line.split_once('$').map(|(_, after)| after);
        after.is_some_and(|after| !after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(flavor: Flavor, text: &str) -> String {
        let mut out = String::new();
        escape(flavor, text, true, &mut out);
        out.replace(JOINER, "·")
    }

    #[test]
    fn ordinary_texts_stay_as_they_are() {
        for text in [
            "CNY 98 for 250 g & a cup (new!) \"today\" #1 – it's 3 > 2 < 5, 1+1=2; 10-12 h; v1.5.",
            "AT&T, a@b.example: ok",
            "春季续费：第一杯咖啡免费！",
            "-5 % and +3",
        ] {
            // Discord and Reddit take back what they are told to; Feishu wants its angles written so.
            for flavor in [Flavor::CommonMark, Flavor::Mattermost, Flavor::Adaptive, Flavor::Dingtalk] {
                assert_eq!(escaped(flavor, text), text, "{flavor:?}");
            }
        }
    }

    #[test]
    fn each_reader_gets_what_it_takes_back() {
        use Flavor::{Adaptive, CommonMark, Dingtalk, Discord, Lark, Mattermost, Reddit};
        for (flavor, text, expected) in [
            (Reddit, "2^10 ~~no~~ >!x!<", "2\\^10 \\~\\~no\\~\\~ \\>!x!\\<"),
            (Reddit, "&amp; a & b", "\\&amp; a & b"),
            (Mattermost, "a &lt; <b> C:\\new \\*", "a &#38;lt; &#60;b> C:\\new \\\\\\*"),
            (Mattermost, "==\n- a\n1) b", "&#61;=\n\\- a\n1\\) b"),
            (Mattermost, " $5 $ or $6 for $7", " &#36;5 $ or $6 for $7"),
            (Discord, "a < b || &amp;", "a \\< b \\|\\| &amp;"),
            (CommonMark, "a < b <c> &amp; !", "a < b \\<c> \\&amp; !"),
            (Adaptive, "# a\n~~b~~ `c` \\_ &lt;", "·# a\n~·~b~·~ \\`c` \\·\\_ &·lt;"),
            (Dingtalk, "> a\n1. b\n<b> C:\\n", "·> a\n1·. b\n&#60;b> C:\\n"),
            (Reddit, "www.a.example/b_c_ d_", "www.a.example/b_c\\_ d\\_"),
            (Mattermost, "a.com/b_c *", "a.com/b_c \\*"),
            (
                Lark,
                "[x](y) ~~no~~ a - b\n# c\n- d :OK: 3:4",
                "&#91;x&#93;(y) &#126;&#126;no&#126;&#126; a - b\n&#35; c\n&#45; d &#58;OK: 3:4",
            ),
            (Lark, "<at id=all></at> AT&T", "&#60;at id=all&#62;&#60;/at&#62; AT&T"),
        ] {
            assert_eq!(escaped(flavor, text), expected, "{flavor:?} {text}");
        }
    }

    #[test]
    fn code_has_marks_that_are_not_in_it() {
        for (flavor, text, expected) in [
            (Flavor::Discord, "SPRING_10*", Some("`SPRING_10*`")),
            (Flavor::Mattermost, "a `b`", Some("`` a `b` ``")),
            (Flavor::Reddit, "``", Some("``` `` ```")),
            (Flavor::Dingtalk, "SPRING_10*", Some("`SPRING_10*`")),
            (Flavor::Dingtalk, "a`", None),
            (Flavor::Adaptive, "SPRING_10*", None),
            (Flavor::Lark, "SPRING_10*", None),
            (Flavor::CommonMark, " ", None),
        ] {
            assert_eq!(code(flavor, text).as_deref(), expected, "{flavor:?} {text}");
        }
    }
}
