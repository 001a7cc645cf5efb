//! Escaping for the Markdown variants of networks. Only characters that the network's parser would
//! read as markup are escaped, in a way that this parser undoes, so that people read the text as it
//! was written.

/// A variant of Markdown, named after the network or the specification that defines it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flavor {
    /// CommonMark 0.31.2, for ntfy and webhooks.
    CommonMark,
    /// Discord: a backslash escapes everything but letters, digits and white space; there are no
    /// entities.
    /// <https://support.discord.com/hc/articles/210298617>
    Discord,
    /// Mattermost: a fork of marked 0.3 (<https://github.com/mattermost/marked>), and of
    /// commonmark.js on phones. A backslash escapes `` ` * { } [ ] ( ) # + - . ! _ > | ~ `` and
    /// itself.
    Mattermost,
    /// Reddit's Snudown: a backslash escapes `` \ ` * _ { } [ ] ( ) # + - . ! : | & < > / ^ ~ ``.
    /// <https://github.com/reddit/snudown>
    Reddit,
    /// Adaptive Cards: markdown-it on desktops; on phones a parser without entities, where a
    /// backslash escapes only `* _ [ ] )`. <https://github.com/microsoft/AdaptiveCards>
    Adaptive,
    /// DingTalk, which documents no escapes: those of the original Markdown, with HTML's entities.
    Dingtalk,
    /// Feishu's cards, where numeric entities escape.
    /// <https://open.feishu.cn/document/feishu-cards/card-components/content-components/rich-text>
    Lark,
}

/// The way in which a character is kept from being read as markup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EscapeMethod {
    Plain,
    Backslash,
    /// A numeric HTML entity, such as `&#42;`.
    Entity,
    /// A [`JOINER`] before the character.
    JoinerBefore,
    /// A [`JOINER`] after the character.
    JoinerAfter,
}

use EscapeMethod::{Backslash, Entity, JoinerAfter, JoinerBefore, Plain};

/// U+2060, the word joiner: it is invisible, and no Markdown parser reads it as a space or as
/// punctuation.
pub const JOINER: char = '\u{2060}';

/// A character with its context in the text.
struct CharContext<'a> {
    c: char,
    before: Option<char>,
    /// The text after the character.
    rest: &'a str,
    /// True for the first character of a line, leading spaces aside.
    line_start: bool,
    /// True if only digits precede the character on its line.
    after_digits: bool,
}

/// Appends `text` to `out`, escaped so that `flavor` renders it unchanged. `line_start` is true if
/// the text begins a line.
pub fn escape(flavor: Flavor, text: &str, line_start: bool, out: &mut String) {
    let mut place = CharContext { c: '\n', before: None, rest: text, line_start, after_digits: false };
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let address = flavor.address(place.before, c, chars.as_str());
        if address > 0 {
            out.push(c);
            out.push_str(&chars.as_str()[..address]);
            (place.before, place.line_start, place.after_digits) = (Some('/'), false, false);
            chars = chars.as_str()[address..].chars();
            continue;
        }
        (place.c, place.rest) = (c, chars.as_str());
        match flavor.method(&place) {
            Plain => out.push(c),
            Backslash => out.extend(['\\', c]),
            Entity => out.push_str(&format!("&#{};", u32::from(c))),
            JoinerBefore => out.extend([JOINER, c]),
            JoinerAfter => out.extend([c, JOINER]),
        }
        place.after_digits = (place.line_start || place.after_digits) && c.is_ascii_digit();
        place.line_start = c == '\n' || place.line_start && c == ' ';
        place.before = Some(c);
    }
}

/// Returns `code` as inline code; `None` if the flavor has no inline code, or cannot contain these
/// characters in it.
pub fn code(flavor: Flavor, code: &str) -> Option<String> {
    let longest_run = code.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    if code.trim().is_empty() || matches!(flavor, Flavor::Adaptive | Flavor::Lark) {
        return None;
    }
    if flavor == Flavor::Dingtalk && longest_run > 0 {
        return None;
    }
    let marks = "`".repeat(longest_run + 1);
    let pad = if code.starts_with('`') || code.ends_with('`') { " " } else { "" };
    Some(format!("{marks}{pad}{code}{pad}{marks}"))
}

impl Flavor {
    fn method(self, place: &CharContext<'_>) -> EscapeMethod {
        match (self, place.c) {
            (Self::Lark, c) => lark(c, place),
            (Self::Adaptive, '*' | '_' | '[' | ']') => Backslash,
            (_, '`' | '*' | '_' | '[' | ']') if self != Self::Adaptive => Backslash,
            (_, '\\') => self.backslash(place),
            (_, '<') => self.angle(place),
            (_, '&') if place.is_entity() => self.backslash_or_invisible(Backslash),
            (_, '~' | '|') => self.tilde_or_bar(place),
            (Self::Reddit, '^') => Backslash,
            (Self::Reddit, '>') if place.rest.starts_with('!') => Backslash,
            (Self::Mattermost, '$') if place.is_formula() => Entity,
            // Two backticks make code on desktops; phones show the backslash, which is the lesser
            // evil.
            (Self::Adaptive, '`') if place.rest.contains('`') => Backslash,
            (Self::Adaptive, ':') if place.line_start => JoinerBefore,
            (Self::Mattermost | Self::Reddit, '=') if place.line_start => Entity,
            _ if place.is_block() => self.joiner_before_or(Backslash),
            _ => Plain,
        }
    }

    /// Returns `backslash` if this flavor undoes it, otherwise the method whose escape readers do
    /// not see.
    const fn backslash_or_invisible(self, backslash: EscapeMethod) -> EscapeMethod {
        match self {
            Self::CommonMark | Self::Reddit => backslash,
            Self::Mattermost | Self::Dingtalk | Self::Lark => Entity,
            Self::Discord => Plain,
            Self::Adaptive => JoinerAfter,
        }
    }

    /// Returns [`JoinerBefore`] for the flavors with few escapes, otherwise `method`.
    const fn joiner_before_or(self, method: EscapeMethod) -> EscapeMethod {
        if matches!(self, Self::Adaptive | Self::Dingtalk) { JoinerBefore } else { method }
    }

    fn backslash(self, place: &CharContext<'_>) -> EscapeMethod {
        let next = place.rest.chars().next();
        match self {
            // Before a letter or digit Mattermost shows the backslash, too.
            Self::Mattermost if next.is_some_and(|c| c.is_ascii_alphanumeric()) => Plain,
            Self::Adaptive if next.is_some_and(|c| c.is_ascii_punctuation() || c == '\n') => JoinerAfter,
            Self::Dingtalk if !next.is_some_and(|c| c.is_ascii_punctuation()) => Plain,
            Self::Adaptive => Plain,
            _ => Backslash,
        }
    }

    fn angle(self, place: &CharContext<'_>) -> EscapeMethod {
        let begins = |c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?');
        let closes = place.rest.contains('>') && !place.rest.starts_with(char::is_whitespace);
        // An address may follow the end of the text.
        let closes = closes || place.rest.is_empty() || place.rest.starts_with(begins);
        match self {
            Self::Discord | Self::Reddit => Backslash,
            _ if closes => self.backslash_or_invisible(Backslash),
            _ => Plain,
        }
    }

    fn tilde_or_bar(self, place: &CharContext<'_>) -> EscapeMethod {
        match self {
            Self::Adaptive | Self::Dingtalk if place.c == '~' && place.rest.starts_with('~') => JoinerAfter,
            Self::Adaptive if place.c == '|' && place.line_start => JoinerBefore,
            Self::Adaptive | Self::Dingtalk => Plain,
            _ => Backslash,
        }
    }
}

impl Flavor {
    /// Returns the number of bytes of `rest` that belong to an address without a scheme, beginning
    /// with `c`, which this flavor turns into a link verbatim, including escapes; 0 if it does not.
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

fn lark(c: char, place: &CharContext<'_>) -> EscapeMethod {
    let special = match c {
        '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '~' => true,
        '&' => place.is_entity(),
        ':' => place.is_emoji(),
        _ => place.is_block(),
    };
    if special { Entity } else { Plain }
}

impl CharContext<'_> {
    /// Returns true if the character would begin a heading, a quotation, a list or a rule, or end a
    /// heading.
    fn is_block(&self) -> bool {
        let ends = |rest: &str| rest.is_empty() || rest.starts_with(char::is_whitespace);
        match self.c {
            '#' if self.line_start => true,
            '#' => self.before == Some(' ') && ends(self.rest.trim_start_matches('#')),
            '>' | '=' => self.line_start,
            '-' => self.line_start && !self.rest.starts_with(char::is_alphanumeric),
            '+' => self.line_start && ends(self.rest),
            '.' | ')' => self.after_digits && ends(self.rest),
            _ => false,
        }
    }

    /// Returns true if the character begins an HTML entity, such as `&amp;` or `&#42;`.
    fn is_entity(&self) -> bool {
        let name = self.rest.strip_prefix('#').unwrap_or(self.rest);
        let end = name.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(name.len());
        end > 0 && name[end..].starts_with(';')
    }

    /// Returns true if the character begins an emoji name between colons, such as `:OK:`.
    fn is_emoji(&self) -> bool {
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '+' | '-'));
        end.is_some_and(|end| end > 0 && self.rest[end..].starts_with(':'))
    }

    /// Returns true if the text up to the next `$` of the line could be read as a formula.
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
            // Discord and Reddit undo every escape; Feishu requires escaped angle brackets.
            for flavor in [Flavor::CommonMark, Flavor::Mattermost, Flavor::Adaptive, Flavor::Dingtalk] {
                assert_eq!(escaped(flavor, text), text, "{flavor:?}");
            }
        }
    }

    #[test]
    fn each_flavor_gets_escapes_that_it_undoes() {
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
    fn inline_code_has_more_backticks_than_its_text() {
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
