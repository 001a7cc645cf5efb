//! Who got what, and whether that is what was promised.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::Value;

use super::Verdict;
use super::stage::{address, tally};
use crate::relay::{Line, Place, Received};

/// What a run is judged by.
#[derive(Debug)]
pub(super) struct Evidence<'a> {
    /// What the relay saw of the run.
    pub(super) lines: &'a [Line],
    /// The messages that were waiting for a final answer at a kill, with that kill's place in the verdict.
    pub(super) awaiting: &'a BTreeMap<Place, usize>,
    /// What `chorus runs show` tells of it.
    pub(super) shown: &'a Value,
    /// How many people it went to.
    pub(super) recipients: usize,
}

impl Evidence<'_> {
    /// Adds what it finds to the verdict.
    pub(super) fn judge(&self, verdict: &mut Verdict) -> Result<()> {
        let copies = self.copies();
        verdict.accepted += copies.values().map(Vec::len).sum::<usize>();
        let mut lost: Vec<String> = (0..self.recipients).map(address).collect();
        lost.retain(|address| !copies.contains_key(address.as_str()));
        verdict.accuse("are lost", &lost);
        verdict.lost += lost.len();
        let seen = self.repeats(&copies, verdict)?;
        self.identities(&copies, verdict);
        let told = self.tally("repeat")?;
        verdict.told += told;
        if told < seen {
            verdict.broken.push(format!("{seen} repeats were seen and {told} are told"));
        }
        let sent = self.tally("sent")?;
        if sent != self.recipients {
            verdict.broken.push(format!("{sent} are told as sent, of {}", self.recipients));
        }
        Ok(())
    }

    /// Every copy that was taken, by its recipient, in the order of their ends.
    fn copies(&self) -> BTreeMap<&str, Vec<(Place, &Received)>> {
        let mut copies: BTreeMap<&str, Vec<(Place, &Received)>> = BTreeMap::new();
        for (line, messages) in self.lines.iter().enumerate() {
            for (message, received) in messages.messages.iter().enumerate().filter(|(_, one)| one.accepted) {
                copies.entry(&received.recipient).or_default().push((Place { line, message }, received));
            }
        }
        for of_one in copies.values_mut() {
            of_one.sort_by_key(|(_, received)| received.dot);
        }
        copies
    }

    /// Counts every copy but the first to the kill that excuses it; one that nothing excuses breaks the bound.
    fn repeats(
        &self,
        copies: &BTreeMap<&str, Vec<(Place, &Received)>>,
        verdict: &mut Verdict,
    ) -> Result<usize> {
        let rows = self.shown["repeated"].as_array().context("chorus tells no repeats")?;
        let listed: BTreeSet<&str> = rows.iter().filter_map(|row| row["address"].as_str()).collect();
        let (mut seen, mut inexcusable, mut unlisted) = (0, Vec::new(), Vec::new());
        for (address, copies) in copies.iter().filter(|(_, copies)| copies.len() > 1) {
            seen += copies.len() - 1;
            for (before, _) in &copies[..copies.len() - 1] {
                match self.awaiting.get(before).and_then(|kill| verdict.kills.get_mut(*kill)) {
                    Some(kill) => {
                        kill.repeats += 1;
                    }
                    None => inexcusable.push(self.story(address, copies)),
                }
            }
            if !listed.contains(address) {
                unlisted.push(self.story(address, copies));
            }
        }
        verdict.accuse("were sent again though the answer to the copy before was read", &inexcusable);
        verdict.accuse("were repeated and are not listed", &unlisted);
        Ok(seen)
    }

    /// How each copy came, for those who look into it.
    fn story(&self, address: &str, copies: &[(Place, &Received)]) -> String {
        let start = self.lines.iter().map(|line| line.opened).min();
        let mut story = address.to_owned();
        for (place, copy) in copies {
            let line = &self.lines[place.line];
            let after = |when: Option<Instant>| {
                let after = when.zip(start).map(|(when, start)| when.saturating_duration_since(start));
                after.map_or_else(|| "never".to_owned(), |after| format!("{:.3} s", after.as_secs_f64()))
            };
            let _ = write!(
                story,
                "; by port {} begun {}, dot {}, answered {}, connection closed {}",
                line.port,
                after(Some(copy.begun)),
                after(copy.dot),
                after(copy.answered),
                after(line.closed)
            );
        }
        story
    }

    /// Copies have the same Message-ID, letters have different ones.
    fn identities(&self, copies: &BTreeMap<&str, Vec<(Place, &Received)>>, verdict: &mut Verdict) {
        let (mut all, mut changed) = (BTreeSet::new(), Vec::new());
        for (address, copies) in copies {
            let own: BTreeSet<&str> = copies.iter().map(|(_, copy)| copy.message_id.as_str()).collect();
            if own.len() != 1 {
                changed.push(format!("{address}: {own:?}"));
            }
            all.extend(own);
        }
        verdict.accuse("got copies with different Message-IDs", &changed);
        if all.len() != copies.len() || all.contains("") {
            verdict.broken.push(format!("{} letters have {} Message-IDs", copies.len(), all.len()));
        }
    }

    fn tally(&self, state: &str) -> Result<usize> {
        tally(&self.shown["run"], state)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use std::time::Duration;

    use super::super::{Kill, Moment};
    use super::*;
    use crate::relay::Phase;

    /// One line for each message: whom it went to, its Message-ID, its time.
    fn lines(messages: &[(usize, &str, u64)]) -> Vec<Line> {
        let start = Instant::now();
        let line = |(number, id, at): &(usize, &str, u64)| Line {
            port: 1,
            opened: start,
            closed: None,
            messages: vec![Received {
                recipient: address(*number),
                message_id: (*id).to_owned(),
                phase: Phase::Answered,
                begun: start,
                dot: Some(start + Duration::from_secs(*at)),
                answered: None,
                accepted: true,
                size: 1,
                raw: Vec::new(),
                read: false,
            }],
        };
        messages.iter().map(line).collect()
    }

    /// Judges a run to two people after one kill, at which the message on line `awaiting` was waiting.
    fn judged(messages: &[(usize, &str, u64)], awaiting: usize, shown: &Value) -> Verdict {
        let kill = Kill { moment: Moment::Anything, struck: Instant::now(), awaiting: 1, repeats: 0 };
        let mut verdict = Verdict { kills: vec![kill], ..Verdict::default() };
        let awaiting = BTreeMap::from([(Place { line: awaiting, message: 0 }, 0)]);
        let evidence = Evidence { lines: &lines(messages), awaiting: &awaiting, shown, recipients: 2 };
        evidence.judge(&mut verdict).unwrap();
        verdict
    }

    fn shown(sent: usize, repeated: &[usize]) -> Value {
        let rows: Vec<_> = repeated.iter().map(|number| json!({ "address": address(*number) })).collect();
        let tallies = json!([{ "state": "sent", "count": sent }, { "state": "repeat", "count": rows.len() }]);
        json!({ "run": { "tallies": tallies }, "repeated": rows })
    }

    #[test]
    fn a_repeat_of_a_message_that_awaited_its_answer_is_excused() {
        let verdict = judged(&[(0, "<0>", 1), (1, "<1>", 2), (0, "<0>", 3)], 0, &shown(2, &[0]));
        assert_eq!(verdict.broken, Vec::<String>::new());
        assert_eq!((verdict.lost, verdict.repeats(), verdict.told, verdict.accepted), (0, 1, 1, 3));
    }

    #[test]
    fn a_repeat_of_an_answered_message_is_not() {
        let verdict = judged(&[(0, "<0>", 1), (1, "<1>", 2), (1, "<1>", 3)], 0, &shown(2, &[1]));
        assert_eq!(verdict.broken.len(), 1, "{:?}", verdict.broken);
        assert!(verdict.broken[0].contains("the copy before was read"));
    }

    #[test]
    fn the_lost_the_untold_and_changed_message_ids_are_noticed() {
        let verdict = judged(&[(0, "<0>", 1), (0, "<9>", 3)], 0, &shown(1, &[]));
        assert_eq!(verdict.lost, 1);
        for word in [
            "1 are lost",
            "not listed",
            "different Message-IDs",
            "2 Message-IDs",
            "0 are told",
            "1 are told as",
        ] {
            assert!(
                verdict.broken.iter().any(|broken| broken.contains(word)),
                "{word}: {:?}",
                verdict.broken
            );
        }
    }
}
