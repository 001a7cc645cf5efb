//! Bot detection for opens and clicks: labels a request as made by a person or a machine, with the
//! rule that applied.
//!
//! The response to a request never depends on the label; it is only stored with the event. Only
//! [`HUMAN`] counts in `opened` and `clicked`. The user agent is stored with the event, so that a
//! better rule can classify it again later.
//!
//! Special cases:
//! - The image proxies of Gmail and Yahoo fetch when a person opens the message, and are the only
//!   sign of an open that these services give, so they are [`HUMAN`].
//! - Apple's Mail Privacy Protection (user agent exactly `Mozilla/5.0`) fetches every image whether
//!   or not the message is read: `proxy:apple`, which does not count.
//! - Gmail's fetch at delivery has its own fixed user agent: `machine:gmail-delivery`.
//!
//! Patterns are anchored at the start of the user agent or of a word in it; broad ones such as
//! `outlook` or `fetch` would exclude people.

use axum::http::{HeaderMap, Method, header};

/// Label of a request that no rule attributes to a machine.
pub(crate) const HUMAN: &str = "human";
/// Label of a browser's prefetch: a person may never see the result.
pub(crate) const PREFETCH: &str = "prefetch";
/// Label of a hit that belongs to a burst; see [`burst_detection`](crate::burst_detection).
pub(crate) const BURST: &str = "machine:burst";
/// Label of a fetch by Apple's Mail Privacy Protection.
pub(crate) const APPLE: &str = "proxy:apple";

/// The requested resource: some rules apply to only one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HitKind {
    /// The open pixel `/o/…`.
    Open,
    /// A tracked link `/c/…`.
    Click,
}

/// The user agent with which Gmail fetches images at delivery, before the message is opened: Edge
/// 12's, with a suffix that no Edge ever had (mautic/mautic pull request 10245). In lower case.
const GMAIL_DELIVERY: &str = "mozilla/5.0 (windows nt 10.0; win64; x64) applewebkit/537.36 (khtml, like gecko) \
     chrome/42.0.2311.135 safari/537.36 edge/12.246 mozilla/5.0";

/// Prefixes of user agents in lower case, and the rule that each stands for.
const AGENT_PREFIXES: &[(&str, &str)] = &[
    ("ahc/", "library"),
    ("aiohttp/", "library"),
    ("apache-http", "library"),
    ("axios/", "library"),
    ("bun/", "library"),
    ("curl/", "library"),
    ("dalvik/", "library"),
    ("dart/", "library"),
    ("deno/", "library"),
    ("faraday ", "library"),
    ("go-http-client/", "library"),
    ("got (", "library"),
    ("guzzlehttp/", "library"),
    ("headlesschrome/", "headless"),
    ("http.rb/", "library"),
    ("httpie/", "library"),
    ("java-http-client/", "library"),
    ("java/", "library"),
    ("jersey/", "library"),
    ("libwww-perl/", "library"),
    ("lua-resty-http/", "library"),
    ("node", "library"),
    ("okhttp", "library"),
    ("php/", "library"),
    ("php-", "library"),
    ("postmanruntime/", "library"),
    ("powershell/", "library"),
    ("python-httpx/", "library"),
    ("python-requests/", "library"),
    ("python-urllib/", "library"),
    ("python/", "library"),
    ("reqwest/", "library"),
    ("ruby", "library"),
    ("scrapy/", "library"),
    ("undici", "library"),
    ("wget/", "library"),
    ("whatsapp/", "unfurler"),
];

/// Prefixes of words within user agents in lower case, and the rule that each stands for.
const WORD_PREFIXES: &[(&str, &str)] = &[
    ("adsbot-google", "crawler"),
    ("applebot", "crawler"),
    ("baiduspider", "crawler"),
    ("barracuda", "scanner"),
    ("bingbot", "crawler"),
    ("bingpreview", "unfurler"),
    ("bitlybot", "unfurler"),
    ("bytespider", "crawler"),
    ("cardyb", "unfurler"),
    ("discordbot", "unfurler"),
    ("embedly", "unfurler"),
    ("facebookcatalog", "unfurler"),
    ("facebookexternalhit", "unfurler"),
    ("fireeye", "scanner"),
    ("forcepoint", "scanner"),
    ("googlebot", "crawler"),
    ("headlesschrome", "headless"),
    ("hubspot connect", "scanner"),
    ("iframely", "unfurler"),
    ("ironport", "scanner"),
    ("linkedinbot", "unfurler"),
    ("mastodon/", "unfurler"),
    ("mattermost-bot", "unfurler"),
    ("messagelabs", "scanner"),
    ("meta-externalfetcher", "unfurler"),
    ("microsoft office existence discovery", "unfurler"),
    ("microsoft office protocol discovery", "unfurler"),
    ("microsoft-webdav-miniredir", "unfurler"),
    ("mimecast", "scanner"),
    ("phantomjs", "headless"),
    ("pinterestbot", "unfurler"),
    ("proofpoint", "scanner"),
    ("redditbot", "unfurler"),
    ("safelinks", "scanner"),
    ("skypeuripreview", "unfurler"),
    ("slack-imgproxy", "unfurler"),
    ("slackbot", "unfurler"),
    ("sophos", "scanner"),
    ("synapse", "unfurler"),
    ("telegrambot", "unfurler"),
    ("trendmicro", "scanner"),
    ("toutiaospider", "crawler"),
    ("twitterbot", "unfurler"),
    ("urldefense", "scanner"),
    ("virustotal", "scanner"),
    ("windowspowershell", "library"),
    ("winhttp", "library"),
    ("yandexbot", "crawler"),
    ("zscaler", "scanner"),
];

/// Words in user agents of image proxies, which fetch when a person opens the message. They never
/// follow a link.
const IMAGE_PROXIES: &[&str] = &["googleimageproxy", "yahoomailproxy"];

/// Returns the label of a request: `human`, `prefetch`, `proxy:apple`, or `machine:` and the rule.
pub(crate) fn classify(hit: HitKind, method: &Method, headers: &HeaderMap) -> String {
    if method != Method::GET {
        return "machine:method".to_owned();
    }
    if is_prefetch(headers) {
        return PREFETCH.to_owned();
    }
    let agent = headers.get(header::USER_AGENT).map_or(&b""[..], |agent| agent.as_bytes());
    classify_agent(hit, &String::from_utf8_lossy(agent).trim().to_ascii_lowercase())
}

/// Returns true if a header marks the request as a prefetch; covers the headers of current and
/// former browsers.
fn is_prefetch(headers: &HeaderMap) -> bool {
    ["sec-purpose", "purpose", "x-purpose", "x-moz"].iter().any(|name| {
        headers.get(*name).and_then(|value| value.to_str().ok()).is_some_and(|value| {
            let value = value.trim().to_ascii_lowercase();
            ["prefetch", "prerender", "preview"].iter().any(|word| value.starts_with(word))
        })
    })
}

fn classify_agent(hit: HitKind, agent: &str) -> String {
    if agent.is_empty() {
        return "machine:no-agent".to_owned();
    }
    if agent == "mozilla/5.0" {
        return if hit == HitKind::Open { APPLE.to_owned() } else { "machine:bare-agent".to_owned() };
    }
    if agent == GMAIL_DELIVERY {
        return "machine:gmail-delivery".to_owned();
    }
    if IMAGE_PROXIES.iter().any(|name| has_word(agent, name)) {
        return if hit == HitKind::Open { HUMAN.to_owned() } else { "machine:image-proxy".to_owned() };
    }
    machine_rule(agent).map_or_else(|| HUMAN.to_owned(), |rule| format!("machine:{rule}"))
}

/// Returns the rule of a machine's user agent; `None` if no rule matches.
fn machine_rule(agent: &str) -> Option<&'static str> {
    // A word names the program; a prefix may only name the HTTP library that it uses.
    let words = WORD_PREFIXES.iter().find(|(name, _)| has_word(agent, name));
    let starts = || AGENT_PREFIXES.iter().find(|(name, _)| agent.starts_with(name));
    // `+http` introduces the URL at which a bot documents itself; no browser sends it.
    let declared = || has_word(agent, "+http").then_some("declared");
    words.or_else(starts).map(|(_, rule)| *rule).or_else(declared)
}

/// Returns true if a word of `agent` starts with `name`.
fn has_word(agent: &str, name: &str) -> bool {
    agent
        .match_indices(name)
        .any(|(at, _)| agent[..at].chars().next_back().is_none_or(|before| !before.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn with_agent(agent: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::USER_AGENT, HeaderValue::from_str(agent).unwrap())])
    }

    fn label(hit: HitKind, agent: &str) -> String {
        classify(hit, &Method::GET, &with_agent(agent))
    }

    const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";

    #[test]
    fn people_are_labelled_human() {
        for agent in [
            FIREFOX,
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
            // Outlook on Windows and iOS: a pattern `outlook` or `office` would exclude them.
            "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; WOW64; Trident/7.0; Microsoft Outlook 16.0; ms-office; MSOffice 16)",
            "Outlook-iOS/2.0",
            "Mozilla/5.0 (Linux; Android 14; MI 9 Build/UKQ1; wv) AppleWebKit/537.36 Chrome/120.0 Mobile Safari/537.36 MicroMessenger/8.0.47",
            // A phone model whose name holds `bot` in the middle of a word.
            "Mozilla/5.0 (Linux; Android 13; CUBOT NOTE 50) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36",
            // The real Edge 12.
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/42.0.2311.135 Safari/537.36 Edge/12.246",
        ] {
            assert_eq!(label(HitKind::Open, agent), HUMAN, "{agent}");
            assert_eq!(label(HitKind::Click, agent), HUMAN, "{agent}");
        }
    }

    #[test]
    fn machines_are_labelled_with_the_matching_rule() {
        for (agent, rule) in [
            ("curl/8.5.0", "library"),
            ("python-requests/2.32", "library"),
            ("okhttp/4.12.0", "library"),
            ("Dalvik/2.1.0 (Linux; U; Android 14; Pixel 8 Build/AP1A)", "library"),
            ("Jersey/2.35 (HttpUrlConnection 11.0.22)", "library"),
            ("node", "library"),
            ("node-superagent/3.8.3", "library"),
            ("http.rb/5.1.1", "library"),
            ("PHP/8.3.6", "library"),
            ("Mozilla/4.0 (compatible; Win32; WinHttp.WinHttpRequest.5)", "library"),
            ("Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.19041.1", "library"),
            ("Microsoft Office Existence Discovery", "unfurler"),
            ("Microsoft Office Protocol Discovery", "unfurler"),
            ("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "unfurler"),
            ("Mozilla/5.0 (compatible; Bluesky Cardyb/1.1; +mailto:support@bsky.app)", "unfurler"),
            ("http.rb/5.2.0 (Mastodon/4.3.0; +https://social.example/) Bot", "unfurler"),
            ("Synapse (bot; +https://github.com/matrix-org/synapse)", "unfurler"),
            ("TelegramBot (like TwitterBot)", "unfurler"),
            ("WhatsApp/2.23.20.0", "unfurler"),
            ("facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", "unfurler"),
            ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "crawler"),
            ("Barracuda Sentinel (EE)", "scanner"),
            ("Mozilla/5.0 (Windows NT 10.0) Mimecast URL Protect", "scanner"),
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/140.0 Safari/537.36",
                "headless",
            ),
            ("Mozilla/5.0 (compatible; NobodyKnowsMe/1.0; +https://example.org)", "declared"),
            ("", "no-agent"),
        ] {
            assert_eq!(label(HitKind::Click, agent), format!("machine:{rule}"), "{agent}");
            assert_eq!(label(HitKind::Open, agent), format!("machine:{rule}"), "{agent}");
        }
    }

    #[test]
    fn image_proxies_count_only_for_opens_by_a_person() {
        let gmail =
            "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)";
        assert_eq!(label(HitKind::Open, gmail), HUMAN);
        assert_eq!(label(HitKind::Click, gmail), "machine:image-proxy");
        let yahoo = "Mozilla/5.0 (compatible; YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html)";
        assert_eq!(label(HitKind::Open, yahoo), HUMAN);
        assert_eq!(label(HitKind::Open, "Mozilla/5.0"), APPLE);
        assert_eq!(label(HitKind::Click, "Mozilla/5.0"), "machine:bare-agent");
        let at_delivery = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0";
        assert_eq!(label(HitKind::Open, at_delivery), "machine:gmail-delivery");
    }

    #[test]
    fn a_prefetch_does_not_count() {
        for (name, value) in [
            ("sec-purpose", "prefetch;prerender"),
            ("sec-purpose", "prefetch;anonymous-client-ip"),
            ("purpose", "Preview"),
            ("x-moz", "prefetch"),
        ] {
            let mut headers = with_agent(FIREFOX);
            headers.insert(name, HeaderValue::from_static(value));
            assert_eq!(classify(HitKind::Click, &Method::GET, &headers), PREFETCH, "{name}: {value}");
        }
    }

    #[test]
    fn methods_other_than_get_do_not_count() {
        assert_eq!(classify(HitKind::Click, &Method::HEAD, &with_agent(FIREFOX)), "machine:method");
    }

    #[test]
    fn a_user_agent_that_is_not_utf8_is_classified() {
        let mut headers = HeaderMap::new();
        headers.insert(header::USER_AGENT, HeaderValue::from_bytes(b"\xff\xfe Mozilla").unwrap());
        assert_eq!(classify(HitKind::Open, &Method::GET, &headers), HUMAN);
        let hidden = HeaderValue::from_bytes("é slackbot".as_bytes()).unwrap();
        headers.insert(header::USER_AGENT, hidden);
        assert_eq!(classify(HitKind::Open, &Method::GET, &headers), "machine:unfurler");
    }
}
