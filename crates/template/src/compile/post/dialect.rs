//! The dialect of `message` in which each kind of markup of `campaign` is written.

use campaign::network::Markup;
use message::dialect::MarkupDialect;
use message::flavor::Flavor;

/// Returns the dialect of a kind of markup.
pub(super) const fn of(markup: Markup) -> MarkupDialect {
    match markup {
        Markup::Plain => MarkupDialect::PLAIN,
        Markup::Spans => MarkupDialect::SPANS,
        Markup::CommonMark => MarkupDialect::MARKDOWN,
        Markup::Mrkdwn => MarkupDialect::MRKDWN,
        Markup::Discord => MarkupDialect::markdown(Flavor::Discord),
        Markup::Mattermost => MarkupDialect::markdown(Flavor::Mattermost),
        Markup::Reddit => MarkupDialect::markdown(Flavor::Reddit),
        Markup::Dingtalk => MarkupDialect::markdown(Flavor::Dingtalk),
        Markup::Wecom => MarkupDialect::WECOM,
        Markup::Lark => MarkupDialect::LARK,
        Markup::Adaptive => MarkupDialect::ADAPTIVE,
        Markup::Html => MarkupDialect::TELEGRAM,
    }
}
