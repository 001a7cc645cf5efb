//! Nobody is called by accident: what a text says of `@all` is a text. Whom the message names as `mention` is called,
//! in the network's own way, before or after what is said.

use message::Parts;
use message::flavor::JOINER;
use pulldown_cmark::{Event, Parser, Tag};

/// The words that call, each made by `word` of a name without its `@`; nothing where nobody is called.
pub(crate) fn calls(parts: &Parts, word: impl Fn(&str) -> String) -> Option<String> {
    let names = parts.mention.iter().map(|name| word(name.trim_start_matches('@')));
    Some(names.collect::<Vec<_>>().join(" ")).filter(|words| !words.is_empty())
}

/// The same, written as people write it.
pub(crate) fn written(parts: &Parts) -> Option<String> {
    calls(parts, |name| format!("@{name}"))
}

/// `text` after the words that call.
pub(crate) fn led(call: Option<String>, text: String) -> String {
    match call {
        Some(call) if text.is_empty() => call,
        Some(call) => format!("{call}\n{text}"),
        None => text,
    }
}

/// `text` whose `@names` call nobody: an invisible character stands after each sign that could. E-mail addresses stay
/// as they are, and so does what follows one of `also`.
pub(crate) fn silenced(text: &str, also: &[char]) -> String {
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

/// The same of Markdown whose code calls nobody anyway: there it stays letter for letter.
pub(crate) fn silenced_outside_code(markdown: &str) -> String {
    let code = Parser::new(markdown).into_offset_iter().filter_map(|(event, range)| match event {
        Event::Code(_) | Event::Start(Tag::CodeBlock(_)) => Some(range),
        _ => None,
    });
    let (mut out, mut end) = (String::with_capacity(markdown.len()), 0);
    for range in code {
        out.push_str(&silenced(markdown.get(end..range.start).unwrap_or_default(), &[]));
        out.push_str(markdown.get(range.clone()).unwrap_or_default());
        end = range.end;
    }
    out + &silenced(markdown.get(end..).unwrap_or_default(), &[])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{json, known, next, post, post_of};
    use message::{Content, Post};

    #[test]
    fn names_are_silenced_and_addresses_are_not() {
        for (text, expected) in [
            ("@all and @channel, (@here) .@all", "@·all and @·channel, (@·here) .@·all"),
            ("me@b.example @ @- @@x", "me@b.example @ @- @@·x"),
            ("优惠@all", "优惠@all"),
            ("@张三", "@·张三"),
        ] {
            assert_eq!(silenced(text, &[]).replace(JOINER, "·"), expected);
        }
        assert_eq!(silenced("https://a.example/@b", &['/']), "https://a.example/@b");
    }

    #[test]
    fn code_stays_letter_for_letter() {
        for (text, expected) in [
            ("@all `npm i @scope/pkg` @all", "@·all `npm i @scope/pkg` @·all"),
            ("``@a ` @b`` @c \\`@d\\`", "``@a ` @b`` @·c \\`@·d\\`"),
            ("```\n@all\n```\n@all", "```\n@all\n```\n@·all"),
            ("`@open @all", "`@·open @·all"),
        ] {
            assert_eq!(silenced_outside_code(text).replace(JOINER, "·"), expected);
        }
    }

    /// The requests for posts whose texts call everybody by every network's words.
    fn sent(kind: &str) -> String {
        let calls = "@all @channel @here @everyone @room @ada <@all> <!channel>";
        let mut card = post();
        if let Content::Parts(parts) = &mut card.content {
            (parts.title, parts.text, parts.plain) = (Some(calls.into()), calls.into(), calls.into());
            parts.picture = None;
        }
        let instance = known(&[("instance", "{}")]);
        let both = [card, post_of(calls)].map(|post| json(&next(kind, &post, &instance)).to_string());
        both.concat().replace(JOINER, "·")
    }

    #[test]
    fn no_post_calls_anybody() {
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

    /// The texts of Slack are escaped before they come here, but for the one that notifications show.
    #[test]
    fn slack_reads_no_call() {
        let slack = sent("slack");
        assert!(
            slack.contains(
                "\"text\":\"@all @channel @here @everyone @room @ada &lt;@all&gt; &lt;!channel&gt;\""
            ),
            "{slack}"
        );
    }

    #[test]
    fn whom_the_message_names_is_called_in_the_networks_own_way() {
        let instance = known(&[("instance", "{}")]);
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
    fn a_template_of_the_networks_own_may_call() {
        let own = |json: &str| Post { content: Content::Own(json.to_owned()), ..post() };
        let calls = own("{\"body\":\"@room\",\"m.mentions\":{\"room\":true}}");
        assert_eq!(json(&next("matrix", &calls, &known(&[])))["m.mentions"]["room"], true);
        let silent = json(&next("matrix", &own("{\"body\":\"@room\"}"), &known(&[])));
        assert_eq!(silent["m.mentions"], serde_json::json!({}));
    }
}
