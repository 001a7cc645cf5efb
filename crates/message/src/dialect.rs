//! How the texts of each network are marked up: as data.

use crate::flavor::Flavor;
use crate::piece::Escape;

/// A way to mark text up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dialect {
    /// What stands around bold text.
    pub(crate) strong: (&'static str, &'static str),
    /// What stands around stressed text.
    pub(crate) emphasis: (&'static str, &'static str),
    /// What stands around text that was taken back.
    pub(crate) strike: (&'static str, &'static str),
    /// What stands around code.
    pub(crate) code: (&'static str, &'static str),
    /// What stands around a heading.
    pub(crate) heading: (&'static str, &'static str),
    /// What stands around a quotation, or before each of its lines.
    pub(crate) quote: Quote,
    /// What stands before an item of a list.
    pub(crate) bullet: &'static str,
    /// How links are written.
    pub(crate) link: LinkStyle,
    /// What text is escaped by, so that it is not taken for markup.
    pub(crate) escape: Escape,
}

/// How quotations are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quote {
    /// This before each line.
    Lines(&'static str),
    /// These around all of them.
    Around(&'static str, &'static str),
}

/// How links are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinkStyle {
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
pub(crate) const SPAN: char = '\u{2}';
/// Stands between label and address.
pub(crate) const SPAN_TO: char = '\u{3}';
/// Ends it.
pub(crate) const SPAN_END: char = '\u{4}';

const NONE: (&str, &str) = ("", "");

impl Dialect {
    /// No markup at all.
    pub(crate) const PLAIN: Self = Self {
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
    pub(crate) const SPANS: Self = Self { link: LinkStyle::Span, ..Self::PLAIN };

    /// CommonMark: ntfy, webhooks.
    pub(crate) const MARKDOWN: Self = Self::markdown(Flavor::CommonMark);

    /// Markdown with every mark that CommonMark has, read as `flavor`.
    pub(crate) const fn markdown(flavor: Flavor) -> Self {
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
    pub(crate) const MRKDWN: Self = Self {
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
    pub(crate) const WECOM: Self =
        Self { emphasis: NONE, strike: NONE, bullet: "• ", escape: Escape::Text, ..Self::MARKDOWN };

    /// Feishu's `lark_md`, in cards: <https://open.feishu.cn/document/common-capabilities/message-card/message-cards-content/using-markdown-tags>.
    pub(crate) const LARK: Self = Self {
        heading: ("**", "**"),
        code: NONE,
        bullet: "• ",
        quote: Quote::Lines(""),
        ..Self::markdown(Flavor::Lark)
    };

    /// Telegram's HTML: <https://core.telegram.org/bots/api#html-style>.
    pub(crate) const TELEGRAM: Self = Self {
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
    pub(crate) const ADAPTIVE: Self = Self {
        strike: NONE,
        code: NONE,
        heading: ("**", "**"),
        quote: Quote::Lines(""),
        ..Self::markdown(Flavor::Adaptive)
    };
}
