//! Mentions: text never mentions anyone by accident, because every `@name` in it is neutralized.
//! Only the names in the message's `mention` are mentioned, in the network's own syntax, before the
//! text.

use message::Parts;
use message::flavor::JOINER;
use pulldown_cmark::{Event, Parser, Tag};

/// Returns the mentions of a message joined by spaces, each formatted by `word` from the name
/// without its `@`; `None` if the message mentions no one.
pub(crate) fn mentions(parts: &Parts, word: impl Fn(&str) -> String) -> Option<String> {
    let names = parts.mention.iter().map(|name| word(name.trim_start_matches('@')));
    Some(names.collect::<Vec<_>>().join(" ")).filter(|words| !words.is_empty())
}

/// Returns the mentions in the form `@name`.
pub(crate) fn as_text(parts: &Parts) -> Option<String> {
    mentions(parts, |name| format!("@{name}"))
}

/// Puts the mentions on a line before `text`.
pub(crate) fn prepend(mentions: Option<String>, text: String) -> String {
    match mentions {
        Some(mentions) if text.is_empty() => mentions,
        Some(mentions) => format!("{mentions}\n{text}"),
        None => text,
    }
}

/// Returns `text` with an invisible character after each `@` that could mention someone. E-mail
/// addresses stay as they are, and so does an `@` after one of the characters in `also`.
pub(crate) fn neutralized(text: &str, also: &[char]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        out.push(c);
        let inside = before.is_some_and(|c: char| c.is_alphanumeric() || c == '_' || also.contains(&c));
        let names = chars.peek().is_some_and(|next| next.is_alphanumeric() || *next == '_');
        if c == '@' && names && !inside {
            out.push(JOINER);
        }
        before = Some(c);
    }
    out
}

/// Neutralizes the mentions of Markdown outside its code, which networks never read for mentions.
pub(crate) fn neutralized_outside_code(markdown: &str) -> String {
    let code = Parser::new(markdown).into_offset_iter().filter_map(|(event, range)| match event {
        Event::Code(_) | Event::Start(Tag::CodeBlock(_)) => Some(range),
        _ => None,
    });
    let (mut out, mut end) = (String::with_capacity(markdown.len()), 0);
    for range in code {
        out.push_str(&neutralized(markdown.get(end..range.start).unwrap_or_default(), &[]));
        out.push_str(markdown.get(range.clone()).unwrap_or_default());
        end = range.end;
    }
    out + &neutralized(markdown.get(end..).unwrap_or_default(), &[])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{json, next, post, post_of, prior};
    use message::{Content, Post};

    #[test]
    fn mentions_are_neutralized_and_email_addresses_are_not() {
        for (text, expected) in [
            ("@all and @channel, (@here) .@all", "@·all and @·channel, (@·here) .@·all"),
            ("me@b.example @ @- @@x", "me@b.example @ @- @@·x"),
            ("优惠@all", "优惠@all"),
            ("@张三", "@·张三"),
        ] {
            assert_eq!(neutralized(text, &[]).replace(JOINER, "·"), expected);
        }
        assert_eq!(neutralized("https://a.example/@b", &['/']), "https://a.example/@b");
    }

    #[test]
    fn code_is_left_unchanged() {
        for (text, expected) in [
            ("@all `npm i @scope/pkg` @all", "@·all `npm i @scope/pkg` @·all"),
            ("``@a ` @b`` @c \\`@d\\`", "``@a ` @b`` @·c \\`@·d\\`"),
            ("```\n@all\n```\n@all", "```\n@all\n```\n@·all"),
            ("`@open @all", "`@·open @·all"),
        ] {
            assert_eq!(neutralized_outside_code(text).replace(JOINER, "·"), expected);
        }
    }

    /// Returns the requests for two posts whose texts hold the mention-all words of every network.
    fn sent(kind: &str) -> String {
        let calls = "@all @channel @here @everyone @room @ada <@all> <!channel>";
        let mut card = post();
        if let Content::Parts(parts) = &mut card.content {
            (parts.title, parts.text, parts.plain) = (Some(calls.into()), calls.into(), calls.into());
            parts.picture = None;
        }
        let instance = prior(&[("instance", "{}")]);
        let both = [card, post_of(calls)].map(|post| json(&next(kind, &post, &instance)).to_string());
        both.concat().replace(JOINER, "·")
    }

    #[test]
    fn text_mentions_no_one() {
        let mattermost = sent("mattermost");
        assert!(mattermost.contains("@·all @·channel @·here"), "{mattermost}");
        let wecom = sent("wecom");
        assert!(wecom.contains("<·@all>") && !wecom.contains("<@"), "{wecom}");
        let mastodon = sent("mastodon");
        assert!(mastodon.contains("@·ada"), "{mastodon}");
        for (kind, text) in [("mattermost", mattermost), ("mastodon", mastodon)] {
            let called = ["@all", "@channel", "@here", "@ada"].into_iter().find(|name| text.contains(name));
            assert_eq!(called, None, "{kind} {text}");
        }
        let matrix = sent("matrix");
        assert_eq!(matrix.matches("\"m.mentions\":{}").count(), 2, "{matrix}");
        let discord = sent("discord");
        assert_eq!(discord.matches("\"allowed_mentions\":{\"parse\":[]}").count(), 2, "{discord}");
    }

    /// Slack's texts are escaped before they reach this crate, except the text for notifications.
    #[test]
    fn slack_text_contains_no_mention() {
        let slack = sent("slack");
        assert!(
            slack.contains(
                "\"text\":\"@all @channel @here @everyone @room @ada &lt;@all&gt; &lt;!channel&gt;\""
            ),
            "{slack}"
        );
    }

    #[test]
    fn a_named_mention_uses_the_networks_own_syntax() {
        let instance = prior(&[("instance", "{}")]);
        let sent = |kind: &str, name: &str, is_card: bool| {
            let mut calling = if is_card { post() } else { post_of("Tea") };
            if let Content::Parts(parts) = &mut calling.content {
                (parts.mention, parts.picture) = (vec![name.to_owned()], None);
            }
            json(&next(kind, &calling, &instance))
        };
        for is_card in [false, true] {
            let slack = sent("slack", "@channel", is_card);
            assert!(slack["text"].as_str().unwrap().starts_with("<!channel>\n"), "{slack}");
            assert!(slack["blocks"].to_string().contains("<!channel>\\n"), "{slack}");
            let discord = sent("discord", "@everyone", is_card);
            assert!(discord["content"].as_str().unwrap().starts_with("@everyone"), "{discord}");
            assert_eq!(discord["allowed_mentions"]["parse"], serde_json::json!(["everyone"]));
            let mattermost = sent("mattermost", "@here", is_card);
            assert!(mattermost["text"].as_str().unwrap().starts_with("@here"), "{mattermost}");
            let wecom = sent("wecom", "@all", is_card).to_string();
            assert!(wecom.contains("<@all>\\n"), "{wecom}");
            let matrix = sent("matrix", "@room", is_card);
            assert_eq!(matrix["m.mentions"], serde_json::json!({ "room": true }));
            assert!(matrix["body"].as_str().unwrap().starts_with("@room\n"), "{matrix}");
            let mastodon = sent("mastodon", "@ada@social.example", is_card);
            assert!(mastodon["status"].as_str().unwrap().starts_with("@ada@social.example\n"), "{mastodon}");
        }
    }

    #[test]
    fn a_custom_template_may_mention() {
        let own = |json: &str| Post { content: Content::Json(json.to_owned()), ..post() };
        let calls = own("{\"body\":\"@room\",\"m.mentions\":{\"room\":true}}");
        assert_eq!(json(&next("matrix", &calls, &prior(&[])))["m.mentions"]["room"], true);
        let silent = json(&next("matrix", &own("{\"body\":\"@room\"}"), &prior(&[])));
        assert_eq!(silent["m.mentions"], serde_json::json!({}));
    }
}
