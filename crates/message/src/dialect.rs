//! The markup of each network's texts, as data.

use crate::escape::Escape;
use crate::flavor::Flavor;

/// A way to mark text up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// The marks around bold text.
    pub strong: (&'static str, &'static str),
    /// The marks around stressed text.
    pub emphasis: (&'static str, &'static str),
    /// The marks around text that was taken back.
    pub strike: (&'static str, &'static str),
    /// The marks around code.
    pub code: (&'static str, &'static str),
    /// The marks around a heading.
    pub heading: (&'static str, &'static str),
    /// The marks around a quotation, or before each of its lines.
    pub quote: Quote,
    /// The mark before an item of a list.
    pub bullet: &'static str,
    /// The form of links.
    pub link: LinkStyle,
    /// The escapes by which text is not taken for markup.
    pub escape: Escape,
}

/// The form of quotations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quote {
    /// This before each line.
    Lines(&'static str),
    /// These around all of them.
    Around(&'static str, &'static str),
}

/// The form of links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkStyle {
    /// `label: https://…`; the address alone where the label says no more.
    Spelled,
    /// `[label](https://…)`
    Markdown,
    /// `<https://…|label>`
    Angles,
    /// `<a href="https://…">label</a>`
    Html,
    /// [`SPAN`] label [`SPAN_TO`] address [`SPAN_END`]: for networks that count where a link stands. No text can
    /// hold these characters.
    Span,
}

/// Begins a [`LinkStyle::Span`].
pub const SPAN: char = '\u{2}';
/// Stands between label and address.
pub const SPAN_TO: char = '\u{3}';
/// Ends it.
pub const SPAN_END: char = '\u{4}';

const NONE: (&str, &str) = ("", "");

impl Dialect {
    /// No markup at all.
    pub const PLAIN: Self = Self {
        strong: NONE,
        emphasis: NONE,
        strike: NONE,
        code: NONE,
        heading: NONE,
        quote: Quote::Lines("> "),
        bullet: "• ",
        link: LinkStyle::Spelled,
        escape: Escape::Text,
    };

    /// Plain, with links as spans: Bluesky, Feishu's posts.
    pub const SPANS: Self = Self { link: LinkStyle::Span, ..Self::PLAIN };

    /// CommonMark: ntfy, webhooks.
    pub const MARKDOWN: Self = Self::markdown(Flavor::CommonMark);

    /// Markdown with every mark that CommonMark has, read as `flavor`.
    pub const fn markdown(flavor: Flavor) -> Self {
        Self {
            strong: ("**", "**"),
            emphasis: ("*", "*"),
            strike: ("~~", "~~"),
            code: ("`", "`"),
            heading: ("### ", ""),
            quote: Quote::Lines("> "),
            bullet: "- ",
            link: LinkStyle::Markdown,
            escape: Escape::Flavor(flavor),
        }
    }

    /// Slack: <https://docs.slack.dev/messaging/formatting-message-text>.
    pub const MRKDWN: Self = Self {
        strong: ("*", "*"),
        emphasis: ("_", "_"),
        strike: ("~", "~"),
        code: ("`", "`"),
        heading: ("*", "*"),
        quote: Quote::Lines("> "),
        bullet: "• ",
        link: LinkStyle::Angles,
        escape: Escape::Angles,
    };

    /// WeCom's group robots: bold, links, quotations, code; no escapes.
    /// <https://developer.work.weixin.qq.com/document/path/91770>
    pub const WECOM: Self =
        Self { emphasis: NONE, strike: NONE, bullet: "• ", escape: Escape::Text, ..Self::MARKDOWN };

    /// Feishu's `lark_md`, in cards: <https://open.feishu.cn/document/common-capabilities/message-card/message-cards-content/using-markdown-tags>.
    pub const LARK: Self = Self {
        heading: ("**", "**"),
        code: NONE,
        bullet: "• ",
        quote: Quote::Lines(""),
        ..Self::markdown(Flavor::Lark)
    };

    /// Telegram's HTML: <https://core.telegram.org/bots/api#html-style>.
    pub const TELEGRAM: Self = Self {
        strong: ("<b>", "</b>"),
        emphasis: ("<i>", "</i>"),
        strike: ("<s>", "</s>"),
        code: ("<code>", "</code>"),
        heading: ("<b>", "</b>"),
        quote: Quote::Around("<blockquote>", "</blockquote>"),
        bullet: "• ",
        link: LinkStyle::Html,
        escape: Escape::Html,
    };

    /// Adaptive Cards in Teams: bold, stressed, lists, links; nothing else.
    /// <https://learn.microsoft.com/adaptive-cards/authoring-cards/text-features>
    pub const ADAPTIVE: Self = Self {
        strike: NONE,
        code: NONE,
        heading: ("**", "**"),
        quote: Quote::Lines(""),
        ..Self::markdown(Flavor::Adaptive)
    };
}
