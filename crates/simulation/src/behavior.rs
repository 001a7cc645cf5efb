//! The behavior of the simulated audience: random actions of people and machines on a message, with
//! their delays, as a function of a random generator.

use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;

/// Share of messages that a person opens.
const OPEN_RATE: f64 = 0.45;
/// Share of messages in which a person clicks a link.
const CLICK_RATE: f64 = 0.12;
/// Share of messages that lead to a purchase.
const PURCHASE_RATE: f64 = 0.03;
/// Share of messages that lead to an unsubscription.
const UNSUBSCRIBE_RATE: f64 = 0.004;
/// Share of mailboxes behind a gateway that follows links before the message is read.
const SCANNER_RATE: f64 = 0.08;
/// Share of the other mailboxes behind a gateway that looks like a browser and fetches the pixel
/// and every link at once.
const DISGUISED_SCANNER_RATE: f64 = 0.05;
/// Share of messages whose pixel Apple's Mail Privacy Protection fetches, whether or not they are
/// read.
const APPLE_PROXY_RATE: f64 = 0.10;
/// Number of followers who click a post.
const FOLLOWER_CLICKS: std::ops::Range<u32> = 40..90;
/// Maximum delay of a person's first action after the message, in seconds.
const MAX_REACTION_SECONDS: f64 = 240.0;

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
/// The user agent of Apple's Mail Privacy Protection.
const APPLE_PROXY: &str = "Mozilla/5.0";

/// The user agent of a gateway that looks like a browser.
const BROWSER_LIKE_SCANNER: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36";

/// An action of a simulated person or machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Action {
    /// Fetches the open pixel.
    Open {
        /// The user agent of the client.
        agent: &'static str,
    },
    /// Follows a tracked link.
    Click {
        /// The user agent of the client.
        agent: &'static str,
        /// Index of the link, modulo the number of links.
        nth: usize,
    },
    /// Sends a HEAD request for the first link, as machines do.
    Probe {
        /// The user agent of the client.
        agent: &'static str,
    },
    /// Reports a purchase to the events API.
    Purchase {
        /// The price in cents.
        cents: u32,
    },
    /// Unsubscribes with the mail program's one-click button.
    Unsubscribe,
}

/// An action and its delay after the message.
pub(super) type TimedAction = (Duration, Action);

/// Returns the actions on one e-mail.
pub(super) fn email_actions(rng: &mut StdRng) -> Vec<TimedAction> {
    let mut actions = Vec::new();
    if rng.random_bool(SCANNER_RATE) {
        let agent = pick(rng, &SCANNERS);
        let at = seconds(rng.random_range(0.2..2.0));
        actions.push((at, Action::Probe { agent }));
        actions.push((at, Action::Click { agent, nth: 0 }));
    } else if rng.random_bool(DISGUISED_SCANNER_RATE) {
        let at = seconds(rng.random_range(0.2..2.0));
        actions.push((at, Action::Open { agent: BROWSER_LIKE_SCANNER }));
        actions.extend((0..4).map(|nth| (at, Action::Click { agent: BROWSER_LIKE_SCANNER, nth })));
    }
    if rng.random_bool(APPLE_PROXY_RATE) {
        actions.push((seconds(rng.random_range(0.5..4.0)), Action::Open { agent: APPLE_PROXY }));
    }
    if rng.random_bool(OPEN_RATE) {
        add_reader_actions(rng, &mut actions);
    }
    actions
}

/// Adds the actions of a person who opens an e-mail.
fn add_reader_actions(rng: &mut StdRng, actions: &mut Vec<TimedAction>) {
    let agent = pick(rng, &BROWSERS);
    let opened = reaction_delay(rng);
    actions.push((opened, Action::Open { agent }));
    if rng.random_bool(UNSUBSCRIBE_RATE / OPEN_RATE) {
        actions.push((opened + seconds(rng.random_range(2.0..15.0)), Action::Unsubscribe));
    } else if rng.random_bool(CLICK_RATE / (OPEN_RATE - UNSUBSCRIBE_RATE)) {
        let clicked = opened + seconds(rng.random_range(1.0..12.0));
        // Most people click the main button, which is the first link.
        let nth = if rng.random_bool(0.7) { 0 } else { rng.random_range(0..8) };
        actions.push((clicked, Action::Click { agent, nth }));
        if rng.random_bool(PURCHASE_RATE / CLICK_RATE) {
            let cents = rng.random_range(1..4u32) * 9_800 + rng.random_range(0..40u32) * 50;
            actions.push((clicked + seconds(rng.random_range(2.0..25.0)), Action::Purchase { cents }));
        }
    }
}

/// Returns the actions on one post: link previews immediately, clicks of followers within minutes.
pub(super) fn post_actions(rng: &mut StdRng) -> Vec<TimedAction> {
    let mut actions = Vec::new();
    for agent in UNFURLERS {
        let at = seconds(rng.random_range(0.1..1.5));
        actions.push((at, Action::Click { agent, nth: 0 }));
        // X requests a link three more times as a browser (dubinc/dub issue 2309).
        actions.push((at, Action::Probe { agent: BROWSERS[1] }));
    }
    for _ in 0..rng.random_range(FOLLOWER_CLICKS) {
        actions.push((reaction_delay(rng), Action::Click { agent: pick(rng, &BROWSERS), nth: 0 }));
    }
    actions
}

/// Returns the delay of a person's reaction: 30 % react within seconds, so that the demo shows
/// activity soon; the delays of the others are exponentially distributed.
fn reaction_delay(rng: &mut StdRng) -> Duration {
    if rng.random_bool(0.3) {
        return seconds(rng.random_range(1.0..6.0));
    }
    let exponential = -f64::ln(1.0 - rng.random::<f64>()) * 50.0;
    seconds((6.0 + exponential).min(MAX_REACTION_SECONDS))
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

    /// Returns the actions on 20,000 e-mails.
    fn sample() -> Vec<Vec<TimedAction>> {
        (0..20_000).map(|seed| email_actions(&mut StdRng::seed_from_u64(seed))).collect()
    }

    fn share(sample: &[Vec<TimedAction>], is: impl Fn(&Action) -> bool) -> f64 {
        let matching = sample.iter().filter(|actions| actions.iter().any(|(_, action)| is(action))).count();
        matching as f64 / sample.len() as f64
    }

    #[test]
    fn actions_occur_at_the_stated_rates() {
        let sample = sample();
        let human = |agent: &str| BROWSERS.contains(&agent);
        for (what, found, wanted) in [
            (
                "open",
                share(&sample, |action| matches!(action, Action::Open { agent } if human(agent))),
                OPEN_RATE,
            ),
            (
                "click",
                share(&sample, |action| matches!(action, Action::Click { agent, .. } if human(agent))),
                CLICK_RATE,
            ),
            ("purchase", share(&sample, |action| matches!(action, Action::Purchase { .. })), PURCHASE_RATE),
            ("unsubscribe", share(&sample, |action| *action == Action::Unsubscribe), UNSUBSCRIBE_RATE),
            ("probe", share(&sample, |action| matches!(action, Action::Probe { .. })), SCANNER_RATE),
        ] {
            assert!((found - wanted).abs() < 0.25 * wanted, "{what}: {found}, not {wanted}");
        }
    }

    #[test]
    fn opens_precede_clicks_and_clicks_precede_purchases() {
        for actions in sample() {
            let first =
                |is: fn(&Action) -> bool| actions.iter().find(|(_, action)| is(action)).map(|(at, _)| *at);
            let human =
                |action: &Action| matches!(action, Action::Click { agent, .. } if BROWSERS.contains(agent));
            let opened = first(|action| matches!(action, Action::Open { agent } if BROWSERS.contains(agent)));
            let clicked = first(human);
            let bought = first(|action| matches!(action, Action::Purchase { .. }));
            assert!(clicked.is_none() || opened < clicked);
            assert!(bought.is_none() || clicked.is_some() && clicked < bought);
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_actions() {
        let one = post_actions(&mut StdRng::seed_from_u64(7));
        assert_eq!(one, post_actions(&mut StdRng::seed_from_u64(7)));
        assert_ne!(one, post_actions(&mut StdRng::seed_from_u64(8)));
    }
}
