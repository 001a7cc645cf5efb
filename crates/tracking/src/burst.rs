//! Machines that look like people: scanners of mail gateways follow the links of a message with the user agent of a
//! browser, many at once. One hit looks like a person; together they do not.
//!
//! Judged with every hit, over all hits of the message around it, so that the first of a burst are judged again when the
//! others come. A feed has many readers behind one message: nothing is judged there.

use std::collections::BTreeMap;

use store::{EventKind, Hit, LinkId};

/// Three links of one message in this time, in milliseconds.
const QUICK: i64 = 2_000;
/// Every link of a message, which has three or more, in this time.
const ALL_LINKS: i64 = 10_000;
/// The picture and two links in this time, or two different links: nobody presses two links in one second.
const AT_ONCE: i64 = 1_000;
/// The picture and one link in this time,
const SAME_MOMENT: i64 = 500;
/// if the message was sent no longer ago than this: a person may press a link while the picture is still loading, but
/// not within two minutes and half a second of getting it. Time since sending supports other signs and is none itself.
const JUST_SENT: i64 = 120_000;
/// The fewest links that count as every link of a message.
const FEWEST: i64 = 3;

/// The time before and after a hit in which others are looked at, in milliseconds.
pub(crate) const AROUND: i64 = ALL_LINKS;

/// Returns the places of the hits that belong to a burst, of the hits of one message in the order of their times.
pub(crate) fn judge(hits: &[Hit]) -> Vec<usize> {
    let mut in_burst = vec![false; hits.len()];
    for span in [SAME_MOMENT, AT_ONCE, QUICK, ALL_LINKS] {
        let mut window = Window::default();
        // Hits before `end` have been counted, those before `marked` have been marked.
        let (mut end, mut marked) = (0, 0);
        for (start, first) in hits.iter().enumerate() {
            while let Some(hit) = hits.get(end).filter(|hit| hit.at <= first.at.saturating_add(span)) {
                window.enter(hit);
                end += 1;
            }
            if window.is_machine(span, &hits[end - 1]) {
                in_burst[marked.max(start)..end].fill(true);
                marked = end;
            }
            window.leave(first);
        }
    }
    in_burst.iter().enumerate().filter(|(_, is_in)| **is_in).map(|(place, _)| place).collect()
}

/// The hits within a span of time.
#[derive(Default)]
struct Window {
    /// The number of hits of each link.
    links: BTreeMap<LinkId, usize>,
    pictures: usize,
}

impl Window {
    fn enter(&mut self, hit: &Hit) {
        self.pictures += usize::from(hit.kind == EventKind::Opened);
        if let Some(link) = hit.link {
            *self.links.entry(link).or_default() += 1;
        }
    }

    fn leave(&mut self, hit: &Hit) {
        self.pictures -= usize::from(hit.kind == EventKind::Opened);
        if let Some(link) = hit.link
            && let Some(count) = self.links.get_mut(&link)
        {
            *count -= 1;
            if *count == 0 {
                self.links.remove(&link);
            }
        }
    }

    /// True if the window holds more than a person does in its span. `last` is the latest hit in it.
    fn is_machine(&self, span: i64, last: &Hit) -> bool {
        let links = i64::try_from(self.links.len()).unwrap_or(i64::MAX);
        match span {
            SAME_MOMENT => links >= 1 && self.pictures > 0 && was_just_sent(last),
            AT_ONCE => links >= 2,
            QUICK => links >= FEWEST,
            _ => links >= FEWEST.max(last.links),
        }
    }
}

fn was_just_sent(hit: &Hit) -> bool {
    hit.sent_at.is_some_and(|sent| hit.at.since(sent) <= JUST_SENT)
}

#[cfg(test)]
mod tests {
    use store::Millis;

    use super::*;

    const SENT: Millis = Millis::new(1_800_000_000_000);

    /// Hits of a message with `links` links: `o` is the picture, a number a link; each with its time after the sending,
    /// in milliseconds.
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
    fn people_read_before_they_press() {
        for (links, what) in [
            (1, &[("o", 5_000), ("1", 6_100)][..]),
            (5, &[("o", 5_000), ("1", 9_000), ("2", 14_000), ("3", 25_000)]),
            // The same link pressed twice or three times.
            (5, &[("o", 5_000), ("1", 9_000), ("1", 9_200), ("1", 9_400)]),
            // Two of three links within two seconds.
            (3, &[("1", HOUR), ("2", HOUR + 1_500)]),
            // The picture comes while a link is pressed, long after the message.
            (4, &[("1", HOUR), ("o", HOUR + 100)]),
            // Every link of a message that has one or two.
            (1, &[("1", 20_000)]),
            (2, &[("1", 20_000), ("2", 23_000)]),
            // All three of three, without haste.
            (3, &[("1", HOUR), ("2", HOUR + 6_000), ("3", HOUR + 11_000)]),
            // The picture again and again.
            (3, &[("o", 1_000), ("o", 1_100), ("o", 1_200)]),
        ] {
            assert_eq!(judge(&hits(links, what)), [] as [usize; 0], "{what:?}");
        }
    }

    #[test]
    fn machines_press_everything_at_once() {
        for (links, what, burst) in [
            // Three links within two seconds, at any time after the message.
            (9, &[("1", HOUR), ("2", HOUR + 1_001), ("3", HOUR + 2_000)][..], &[0, 1, 2][..]),
            // Two different links in one second.
            (9, &[("4", HOUR), ("7", HOUR + 999)], &[0, 1]),
            // The picture and a link in the same moment, just after the message.
            (1, &[("o", 26_000), ("1", 26_400)], &[0, 1]),
            (1, &[("1", 26_000), ("o", 26_000)], &[0, 1]),
            // The picture with links.
            (9, &[("o", HOUR), ("1", HOUR + 400), ("2", HOUR + 900)], &[0, 1, 2]),
            // Every link, slowly.
            (
                4,
                &[("1", HOUR), ("2", HOUR + 3_000), ("3", HOUR + 6_000), ("4", HOUR + 10_000)],
                &[0, 1, 2, 3],
            ),
            // A person hours after the machine, and one hours before.
            (9, &[("o", 1), ("1", 2), ("2", 3), ("o", HOUR), ("1", HOUR + 5_000)], &[0, 1, 2]),
            (9, &[("o", HOUR), ("5", HOUR + 5_000), ("1", 2 * HOUR), ("2", 2 * HOUR + 5)], &[2, 3]),
        ] {
            assert_eq!(judge(&hits(links, what)), burst, "{what:?}");
        }
    }

    #[test]
    fn an_hour_of_hits_is_judged_without_end() {
        let many: Vec<_> = (0..2_000).map(|n| ("o", n)).collect();
        assert_eq!(judge(&hits(3, &many)), [] as [usize; 0]);
    }
}
