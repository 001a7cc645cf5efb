//! Markup tables: how each network marks bold text, links, quotations and the like.

use crate::escape::Escape;
use crate::flavor::Flavor;

/// The markup that a network understands: an opening and a closing mark for each element, empty
/// where the network has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarkupDialect {
    /// The marks around bold text.
    pub strong: (&'static str, &'static str),
    /// The marks around emphasized text.
    pub emphasis: (&'static str, &'static str),
    /// The marks around struck-through text.
    pub strike: (&'static str, &'static str),
    /// The marks around inline code.
    pub code: (&'static str, &'static str),
    /// The marks around a heading.
    pub heading: (&'static str, &'static str),
    /// The marks around a quotation, or before each line of it.
    pub quote: Quote,
    /// The mark before each item of an unordered list.
    pub bullet: &'static str,
    /// The notation of links.
    pub link: LinkStyle,
    /// The escaping that keeps plain text from being read as markup.
    pub escape: Escape,
}

/// The notation of quotations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quote {
    /// A mark before each line.
    Lines(&'static str),
    /// An opening mark before the first line and a closing mark after the last.
    Around(&'static str, &'static str),
}

/// The notation of links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkStyle {
    /// `label: https://…`; the address alone where the label adds nothing.
    Spelled,
    /// The Markdown notation, `[label](https://…)`.
    Markdown,
    /// Slack's notation, `<https://…|label>`.
    Angles,
    /// An HTML element, `<a href="https://…">label</a>`.
    Html,
    /// [`SPAN_START`] label [`SPAN_SEPARATOR`] address [`SPAN_END`]: for networks that take links
    /// as ranges of the text. No text can contain these characters.
    Span,
}

/// The control character before the label of a [`LinkStyle::Span`].
pub const SPAN_START: char = '\u{2}';
/// The control character between the label and the address of a [`LinkStyle::Span`].
pub const SPAN_SEPARATOR: char = '\u{3}';
/// The control character after the address of a [`LinkStyle::Span`].
pub const SPAN_END: char = '\u{4}';

const NONE: (&str, &str) = ("", "");

impl MarkupDialect {
    /// Plain text without markup; lists and quotations are marked by characters.
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

    /// Plain text with links as spans: Bluesky and Feishu's posts.
    pub const SPANS: Self = Self { link: LinkStyle::Span, ..Self::PLAIN };

    /// CommonMark, for ntfy and webhooks.
    pub const MARKDOWN: Self = Self::markdown(Flavor::CommonMark);

    /// Returns Markdown with all of CommonMark's marks, escaped for readers of `flavor`.
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

    /// Slack's mrkdwn: <https://docs.slack.dev/messaging/formatting-message-text>.
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

    /// Markdown of WeCom's group robots: bold, links, quotations and code, without escapes.
    /// <https://developer.work.weixin.qq.com/document/path/91770>
    pub const WECOM: Self =
        Self { emphasis: NONE, strike: NONE, bullet: "• ", escape: Escape::Text, ..Self::MARKDOWN };

    /// Feishu's `lark_md`, in cards:
    /// <https://open.feishu.cn/document/common-capabilities/message-card/message-cards-content/using-markdown-tags>.
    pub const LARK: Self = Self {
        heading: ("**", "**"),
        code: NONE,
        bullet: "• ",
        quote: Quote::Lines(""),
        ..Self::markdown(Flavor::Lark)
    };

    /// The HTML subset of Telegram: <https://core.telegram.org/bots/api#html-style>.
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

    /// Markdown of Adaptive Cards in Teams: bold, emphasis, lists and links only.
    /// <https://learn.microsoft.com/adaptive-cards/authoring-cards/text-features>
    pub const ADAPTIVE: Self = Self {
        strike: NONE,
        code: NONE,
        heading: ("**", "**"),
        quote: Quote::Lines(""),
        ..Self::markdown(Flavor::Adaptive)
    };
}
