//! Detection of bursts of hits: security scanners of mail gateways follow many links of a message
//! at once with the user agent of a browser. A single hit of a burst looks like a person's.
//!
//! Each new hit is classified together with the other hits of the message around it, so that the
//! first hits of a burst are classified again when later ones arrive. Posts on a feed are exempt:
//! one post has many readers.

use std::collections::BTreeMap;

use store::{EventKind, Hit, LinkId};

/// A sign that hits come from a machine.
#[derive(Debug, Clone, Copy)]
enum Rule {
    /// An open and a click at once, soon after sending: a person may click while the image is still
    /// loading, but not so soon. The age of the message alone is no sign of a machine.
    OpenAndClick,
    /// Hits on two different links: no person follows two links within a second.
    TwoLinks,
    /// Hits on three different links.
    ThreeLinks,
    /// Hits on every link of a message, or on all but a tenth of them: scanners skip some.
    AllLinks,
}

/// Maximum age of a message for [`Rule::OpenAndClick`], in milliseconds.
const RECENTLY_SENT: i64 = 120_000;
/// The smallest number of links that counts as all links of a message.
const MIN_LINKS: i64 = 3;
/// The least span of [`Rule::AllLinks`], in milliseconds.
const MIN_ALL_LINKS_SPAN: i64 = 10_000;
/// The time per link in [`Rule::AllLinks`], in milliseconds: a scanner that paces itself takes
/// longer for a message with many links, and a person reads in between.
const ALL_LINKS_SPAN_PER_LINK: i64 = 2_000;

/// The time before and after a hit from which other hits are considered, and the longest span of a
/// rule, in milliseconds.
pub(crate) const WINDOW: i64 = 60_000;

impl Rule {
    const ALL: [Self; 4] = [Self::OpenAndClick, Self::TwoLinks, Self::ThreeLinks, Self::AllLinks];

    /// Returns the span in which its hits have to lie, in milliseconds, for a message with `links`
    /// links.
    fn span(self, links: i64) -> i64 {
        match self {
            Self::OpenAndClick => 500,
            Self::TwoLinks => 1_000,
            Self::ThreeLinks => 2_000,
            Self::AllLinks => links.saturating_mul(ALL_LINKS_SPAN_PER_LINK).clamp(MIN_ALL_LINKS_SPAN, WINDOW),
        }
    }
}

/// Returns the indices of the hits that belong to a burst. `hits` are those of one message, ordered
/// by time, without those that a machine made openly: such a hit says nothing about the others.
pub(crate) fn find_bursts(hits: &[Hit]) -> Vec<usize> {
    let mut in_burst = vec![false; hits.len()];
    let links = hits.first().map_or(0, |hit| hit.links);
    for rule in Rule::ALL {
        let span = rule.span(links);
        let mut window = Window::default();
        // Hits before `end` have entered the window, those before `marked` have been marked.
        let (mut end, mut marked) = (0, 0);
        for (start, first) in hits.iter().enumerate() {
            while let Some(hit) = hits.get(end).filter(|hit| hit.at <= first.at.saturating_add(span)) {
                window.enter(hit);
                end += 1;
            }
            if window.is_machine(rule, &hits[end - 1]) {
                in_burst[marked.max(start)..end].fill(true);
                marked = end;
            }
            window.leave(first);
        }
    }
    in_burst.iter().enumerate().filter(|(_, is_in)| **is_in).map(|(index, _)| index).collect()
}

/// The hits within a sliding span of time.
#[derive(Default)]
struct Window {
    /// The number of hits on each link.
    links: BTreeMap<LinkId, usize>,
    opens: usize,
}

impl Window {
    fn enter(&mut self, hit: &Hit) {
        self.opens += usize::from(hit.kind == EventKind::Opened);
        if let Some(link) = hit.link {
            *self.links.entry(link).or_default() += 1;
        }
    }

    fn leave(&mut self, hit: &Hit) {
        self.opens -= usize::from(hit.kind == EventKind::Opened);
        if let Some(link) = hit.link
            && let Some(count) = self.links.get_mut(&link)
        {
            *count -= 1;
            if *count == 0 {
                self.links.remove(&link);
            }
        }
    }

    /// Returns true if the window holds more hits than a person makes within the span of the rule.
    /// `last` is its latest hit.
    fn is_machine(&self, rule: Rule, last: &Hit) -> bool {
        let links = i64::try_from(self.links.len()).unwrap_or(i64::MAX);
        match rule {
            Rule::OpenAndClick => links >= 1 && self.opens > 0 && was_recently_sent(last),
            Rule::TwoLinks => links >= 2,
            Rule::ThreeLinks => links >= MIN_LINKS,
            Rule::AllLinks => links >= MIN_LINKS.max(last.links - last.links / 10),
        }
    }
}

fn was_recently_sent(hit: &Hit) -> bool {
    hit.sent_at.is_some_and(|sent| hit.at.since(sent) <= RECENTLY_SENT)
}

#[cfg(test)]
mod tests {
    use store::Millis;

    use super::*;

    const SENT: Millis = Millis::new(1_800_000_000_000);

    /// Returns hits on a message with `links` links: `o` is an open, a number a click on that link;
    /// each with its time since sending, in milliseconds.
    fn hits(links: i64, hits: &[(&str, i64)]) -> Vec<Hit> {
        let hit = |(number, (what, after)): (usize, &(&str, i64))| Hit {
            id: i64::try_from(number).unwrap(),
            kind: if *what == "o" { EventKind::Opened } else { EventKind::Clicked },
            link: what.parse().ok().map(LinkId),
            at: SENT + *after,
            is_human: true,
            sent_at: Some(SENT),
            links,
        };
        hits.iter().enumerate().map(hit).collect()
    }

    const MINUTE: i64 = 60_000;
    const HOUR: i64 = 60 * MINUTE;

    #[test]
    fn hits_of_people_are_not_a_burst() {
        for (links, what) in [
            (1, &[("o", 5_000), ("1", 6_100)][..]),
            (5, &[("o", 5_000), ("1", 9_000), ("2", 14_000), ("3", 25_000)]),
            // The same link three times.
            (5, &[("o", 5_000), ("1", 9_000), ("1", 9_200), ("1", 9_400)]),
            // Two of three links within two seconds.
            (3, &[("1", HOUR), ("2", HOUR + 1_500)]),
            // An open just after a click, long after the message was sent.
            (4, &[("1", HOUR), ("o", HOUR + 100)]),
            // Every link of a message that has one or two.
            (1, &[("1", 20_000)]),
            (2, &[("1", 20_000), ("2", 23_000)]),
            // All three of three links, slowly.
            (3, &[("1", HOUR), ("2", HOUR + 6_000), ("3", HOUR + 11_000)]),
            // Repeated opens.
            (3, &[("o", 1_000), ("o", 1_100), ("o", 1_200)]),
        ] {
            assert_eq!(find_bursts(&hits(links, what)), [] as [usize; 0], "{what:?}");
        }
    }

    #[test]
    fn hits_of_machines_are_a_burst() {
        for (links, what, burst) in [
            // Three links within two seconds, at any time after the message.
            (9, &[("1", HOUR), ("2", HOUR + 1_001), ("3", HOUR + 2_000)][..], &[0, 1, 2][..]),
            // Two different links in one second.
            (9, &[("4", HOUR), ("7", HOUR + 999)], &[0, 1]),
            // An open and a click within half a second, soon after the message was sent.
            (1, &[("o", 26_000), ("1", 26_400)], &[0, 1]),
            (1, &[("1", 26_000), ("o", 26_000)], &[0, 1]),
            // An open with two clicks.
            (9, &[("o", HOUR), ("1", HOUR + 400), ("2", HOUR + 900)], &[0, 1, 2]),
            // Every link within ten seconds.
            (
                4,
                &[("1", HOUR), ("2", HOUR + 3_000), ("3", HOUR + 6_000), ("4", HOUR + 10_000)],
                &[0, 1, 2, 3],
            ),
            // A person an hour after the machine, and one an hour before.
            (9, &[("o", 1), ("1", 2), ("2", 3), ("o", HOUR), ("1", HOUR + 5_000)], &[0, 1, 2]),
            (9, &[("o", HOUR), ("5", HOUR + 5_000), ("1", 2 * HOUR), ("2", 2 * HOUR + 5)], &[2, 3]),
        ] {
            assert_eq!(find_bursts(&hits(links, what)), burst, "{what:?}");
        }
    }

    #[test]
    fn many_hits_are_processed() {
        let many: Vec<_> = (0..2_000).map(|n| ("o", n)).collect();
        assert_eq!(find_bursts(&hits(3, &many)), [] as [usize; 0]);
    }
}
