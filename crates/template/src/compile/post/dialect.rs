//! The dialect of `message` in which each kind of markup of `campaign` is written.

use campaign::network::Markup;
use message::dialect::Dialect;
use message::flavor::Flavor;

/// Returns the dialect of a kind of markup.
pub(super) const fn of(markup: Markup) -> Dialect {
    match markup {
        Markup::Plain => Dialect::PLAIN,
        Markup::Spans => Dialect::SPANS,
        Markup::CommonMark => Dialect::MARKDOWN,
        Markup::Mrkdwn => Dialect::MRKDWN,
        Markup::Discord => Dialect::markdown(Flavor::Discord),
        Markup::Mattermost => Dialect::markdown(Flavor::Mattermost),
        Markup::Reddit => Dialect::markdown(Flavor::Reddit),
        Markup::Dingtalk => Dialect::markdown(Flavor::Dingtalk),
        Markup::Wecom => Dialect::WECOM,
        Markup::Lark => Dialect::LARK,
        Markup::Adaptive => Dialect::ADAPTIVE,
        Markup::Html => Dialect::TELEGRAM,
    }
}
