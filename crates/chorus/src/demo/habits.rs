//! What simulated people and machines do with a message, and when: drawn from a generator, without a clock.

use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;

/// Of all messages, how many are opened by a person.
const OPEN: f64 = 0.45;
/// Of all messages, how many are clicked.
const CLICK: f64 = 0.12;
/// Of all messages, how many lead to a purchase.
const BUY: f64 = 0.03;
/// Of all messages, how many make somebody leave.
const LEAVE: f64 = 0.004;
/// How many mailboxes stand behind a gateway that follows links before anybody reads.
const SCANNED: f64 = 0.08;
/// The share of mailboxes behind a gateway that looks like a browser and fetches the picture and every link at once.
const DISGUISED: f64 = 0.05;
/// How many pictures Apple's Mail Privacy Protection fetches whether or not anybody reads.
const APPLE: f64 = 0.10;
/// Followers who click a post.
const FOLLOWERS: std::ops::Range<u32> = 40..90;
/// The longest that anything comes after the message, in seconds.
const LONGEST: f64 = 240.0;

const BROWSERS: [&str; 6] = [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0",
];
const SCANNERS: [&str; 3] =
    ["Barracuda Sentinel (EE)", "Mozilla/5.0 (compatible; Proofpoint URL Defense)", "Mimecast URL Protect"];
const UNFURLERS: [&str; 3] = [
    "Twitterbot/1.0",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
];
/// What Apple's Mail Privacy Protection calls itself.
const APPLE_PROXY: &str = "Mozilla/5.0";

/// The user agent of a gateway that looks like a browser.
const LIKE_A_BROWSER: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36";

/// One thing that somebody does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Act {
    /// Fetches the picture.
    Open {
        /// The user agent.
        agent: &'static str,
    },
    /// Follows a link.
    Click {
        /// The user agent.
        agent: &'static str,
        /// Which: the `nth` modulo the number of links.
        nth: usize,
    },
    /// Asks for a link's headers only, as machines do.
    Probe {
        /// The user agent.
        agent: &'static str,
    },
    /// Buys.
    Buy {
        /// For how much, in cents.
        cents: u32,
    },
    /// Presses the mail program's unsubscribe button.
    Leave,
}

/// When, after the message.
pub(super) type Planned = (Duration, Act);

/// What becomes of one e-mail.
pub(super) fn of_mail(rng: &mut StdRng) -> Vec<Planned> {
    let mut acts = Vec::new();
    if rng.random_bool(SCANNED) {
        let agent = pick(rng, &SCANNERS);
        let at = seconds(rng.random_range(0.2..2.0));
        acts.push((at, Act::Probe { agent }));
        acts.push((at, Act::Click { agent, nth: 0 }));
    } else if rng.random_bool(DISGUISED) {
        let at = seconds(rng.random_range(0.2..2.0));
        acts.push((at, Act::Open { agent: LIKE_A_BROWSER }));
        acts.extend((0..4).map(|nth| (at, Act::Click { agent: LIKE_A_BROWSER, nth })));
    }
    if rng.random_bool(APPLE) {
        acts.push((seconds(rng.random_range(0.5..4.0)), Act::Open { agent: APPLE_PROXY }));
    }
    if rng.random_bool(OPEN) {
        read(rng, &mut acts);
    }
    acts
}

/// What an opened mail leads to.
fn read(rng: &mut StdRng, acts: &mut Vec<Planned>) {
    let agent = pick(rng, &BROWSERS);
    let opened = patience(rng);
    acts.push((opened, Act::Open { agent }));
    if rng.random_bool(LEAVE / OPEN) {
        acts.push((opened + seconds(rng.random_range(2.0..15.0)), Act::Leave));
    } else if rng.random_bool(CLICK / (OPEN - LEAVE)) {
        let clicked = opened + seconds(rng.random_range(1.0..12.0));
        // Most people press the big button, which comes first.
        let nth = if rng.random_bool(0.7) { 0 } else { rng.random_range(0..8) };
        acts.push((clicked, Act::Click { agent, nth }));
        if rng.random_bool(BUY / CLICK) {
            let cents = rng.random_range(1..4u32) * 9_800 + rng.random_range(0..40u32) * 50;
            acts.push((clicked + seconds(rng.random_range(2.0..25.0)), Act::Buy { cents }));
        }
    }
}

/// What becomes of one post: previews at once, followers over some minutes.
pub(super) fn of_post(rng: &mut StdRng) -> Vec<Planned> {
    let mut acts = Vec::new();
    for agent in UNFURLERS {
        let at = seconds(rng.random_range(0.1..1.5));
        acts.push((at, Act::Click { agent, nth: 0 }));
        // X looks three times more, dressed as a browser (dubinc/dub issue 2309).
        acts.push((at, Act::Probe { agent: BROWSERS[1] }));
    }
    for _ in 0..rng.random_range(FOLLOWERS) {
        acts.push((patience(rng), Act::Click { agent: pick(rng, &BROWSERS), nth: 0 }));
    }
    acts
}

/// A third look within seconds, so that the demo is alive at once; the others take their time.
fn patience(rng: &mut StdRng) -> Duration {
    if rng.random_bool(0.3) {
        return seconds(rng.random_range(1.0..6.0));
    }
    let exponential = -f64::ln(1.0 - rng.random::<f64>()) * 50.0;
    seconds((6.0 + exponential).min(LONGEST))
}

fn seconds(of: f64) -> Duration {
    Duration::from_secs_f64(of)
}

fn pick<const N: usize>(rng: &mut StdRng, from: &[&'static str; N]) -> &'static str {
    from[rng.random_range(0..N)]
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    /// What 20,000 mails lead to.
    fn crowd() -> Vec<Vec<Planned>> {
        (0..20_000).map(|seed| of_mail(&mut StdRng::seed_from_u64(seed))).collect()
    }

    fn share(crowd: &[Vec<Planned>], is: impl Fn(&Act) -> bool) -> f64 {
        let some = crowd.iter().filter(|acts| acts.iter().any(|(_, act)| is(act))).count();
        some as f64 / crowd.len() as f64
    }

    #[test]
    fn people_behave_as_often_as_said() {
        let crowd = crowd();
        let human = |agent: &str| BROWSERS.contains(&agent);
        for (what, found, wanted) in [
            ("open", share(&crowd, |act| matches!(act, Act::Open { agent } if human(agent))), OPEN),
            ("click", share(&crowd, |act| matches!(act, Act::Click { agent, .. } if human(agent))), CLICK),
            ("buy", share(&crowd, |act| matches!(act, Act::Buy { .. })), BUY),
            ("leave", share(&crowd, |act| *act == Act::Leave), LEAVE),
            ("probe", share(&crowd, |act| matches!(act, Act::Probe { .. })), SCANNED),
        ] {
            assert!((found - wanted).abs() < 0.25 * wanted, "{what}: {found}, not {wanted}");
        }
    }

    #[test]
    fn nobody_clicks_before_opening_or_buys_before_clicking() {
        for acts in crowd() {
            let first = |is: fn(&Act) -> bool| acts.iter().find(|(_, act)| is(act)).map(|(at, _)| *at);
            let human = |act: &Act| matches!(act, Act::Click { agent, .. } if BROWSERS.contains(agent));
            let opened = first(|act| matches!(act, Act::Open { agent } if BROWSERS.contains(agent)));
            let clicked = first(human);
            let bought = first(|act| matches!(act, Act::Buy { .. }));
            assert!(clicked.is_none() || opened < clicked);
            assert!(bought.is_none() || clicked.is_some() && clicked < bought);
        }
    }

    #[test]
    fn the_same_seed_does_the_same() {
        let one = of_post(&mut StdRng::seed_from_u64(7));
        assert_eq!(one, of_post(&mut StdRng::seed_from_u64(7)));
        assert_ne!(one, of_post(&mut StdRng::seed_from_u64(8)));
    }
}
