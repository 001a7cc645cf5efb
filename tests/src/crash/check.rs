//! Compares the messages that arrived at the relay with the promises of a run: no recipient is
//! lost, and only unconfirmed messages are repeated.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::Value;

use super::TrialReport;
use super::setup::{address, tally};
use crate::relay::{ConnectionRecord, MessageIndex, MessageRecord};

/// The observations of one run that are checked.
#[derive(Debug)]
pub(super) struct RunCheck<'a> {
    /// The connections that the relay recorded during the run.
    pub(super) connections: &'a [ConnectionRecord],
    /// The messages that were waiting for a final answer at a kill, with the index of that kill in
    /// the report.
    pub(super) awaiting: &'a BTreeMap<MessageIndex, usize>,
    /// The JSON output of `chorus runs show` for the run.
    pub(super) shown: &'a Value,
    /// The number of recipients of the run.
    pub(super) recipients: usize,
}

impl RunCheck<'_> {
    /// Adds counts and violations to the report.
    pub(super) fn run(&self, report: &mut TrialReport) -> Result<()> {
        let copies = self.copies();
        report.accepted += copies.values().map(Vec::len).sum::<usize>();
        let mut lost: Vec<String> = (0..self.recipients).map(address).collect();
        lost.retain(|address| !copies.contains_key(address.as_str()));
        report.add_violation("are lost", &lost);
        report.lost += lost.len();
        let seen = self.repeats(&copies, report)?;
        self.identities(&copies, report);
        let reported = self.tally("repeat")?;
        report.reported_repeats += reported;
        if reported < seen {
            report.violations.push(format!("{seen} repeats were seen and {reported} are reported"));
        }
        let sent = self.tally("sent")?;
        if sent != self.recipients {
            report.violations.push(format!("{sent} are reported as sent, of {}", self.recipients));
        }
        Ok(())
    }

    /// Returns every accepted copy by its recipient, ordered by the time of the final dot.
    fn copies(&self) -> BTreeMap<&str, Vec<(MessageIndex, &MessageRecord)>> {
        let mut copies: BTreeMap<&str, Vec<(MessageIndex, &MessageRecord)>> = BTreeMap::new();
        for (connection, record) in self.connections.iter().enumerate() {
            for (message, received) in record.messages.iter().enumerate().filter(|(_, one)| one.accepted) {
                copies
                    .entry(&received.recipient)
                    .or_default()
                    .push((MessageIndex { connection, message }, received));
            }
        }
        for of_one in copies.values_mut() {
            of_one.sort_by_key(|(_, received)| received.dot);
        }
        copies
    }

    /// Attributes every copy but the first to the kill that excuses it; a repeat without an excuse
    /// is a violation. Returns the number of repeats.
    fn repeats(
        &self,
        copies: &BTreeMap<&str, Vec<(MessageIndex, &MessageRecord)>>,
        report: &mut TrialReport,
    ) -> Result<usize> {
        let rows = self.shown["repeated"].as_array().context("chorus reports no repeats")?;
        let listed: BTreeSet<&str> = rows.iter().filter_map(|row| row["address"].as_str()).collect();
        let (mut seen, mut inexcusable, mut unlisted) = (0, Vec::new(), Vec::new());
        for (address, copies) in copies.iter().filter(|(_, copies)| copies.len() > 1) {
            seen += copies.len() - 1;
            for (before, _) in &copies[..copies.len() - 1] {
                match self.awaiting.get(before).and_then(|kill| report.kills.get_mut(*kill)) {
                    Some(kill) => {
                        kill.repeats += 1;
                    }
                    None => inexcusable.push(self.describe(address, copies)),
                }
            }
            if !listed.contains(address) {
                unlisted.push(self.describe(address, copies));
            }
        }
        report.add_violation("were sent again though the answer to the copy before was read", &inexcusable);
        report.add_violation("were repeated and are not listed", &unlisted);
        Ok(seen)
    }

    /// Describes when each copy arrived, for the diagnosis of a failure.
    fn describe(&self, address: &str, copies: &[(MessageIndex, &MessageRecord)]) -> String {
        let start = self.connections.iter().map(|connection| connection.opened).min();
        let mut description = address.to_owned();
        for (index, copy) in copies {
            let connection = &self.connections[index.connection];
            let after = |when: Option<Instant>| {
                let after = when.zip(start).map(|(when, start)| when.saturating_duration_since(start));
                after.map_or_else(|| "never".to_owned(), |after| format!("{:.3} s", after.as_secs_f64()))
            };
            let _ = write!(
                description,
                "; by port {} begun {}, dot {}, answered {}, connection closed {}",
                connection.port,
                after(Some(copy.begun)),
                after(copy.dot),
                after(copy.answered),
                after(connection.closed)
            );
        }
        description
    }

    /// Checks that copies of a message share one Message-ID and that messages have different ones.
    fn identities(
        &self,
        copies: &BTreeMap<&str, Vec<(MessageIndex, &MessageRecord)>>,
        report: &mut TrialReport,
    ) {
        let (mut all, mut changed) = (BTreeSet::new(), Vec::new());
        for (address, copies) in copies {
            let own: BTreeSet<&str> = copies.iter().map(|(_, copy)| copy.message_id.as_str()).collect();
            if own.len() != 1 {
                changed.push(format!("{address}: {own:?}"));
            }
            all.extend(own);
        }
        report.add_violation("got copies with different Message-IDs", &changed);
        if all.len() != copies.len() || all.contains("") {
            report.violations.push(format!("{} messages have {} Message-IDs", copies.len(), all.len()));
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

    use super::super::{Kill, KillPoint};
    use super::*;
    use crate::relay::Phase;

    /// One connection for each message, given as its recipient's number, its Message-ID and its
    /// time in seconds.
    fn connections(messages: &[(usize, &str, u64)]) -> Vec<ConnectionRecord> {
        let start = Instant::now();
        let connection = |(number, id, at): &(usize, &str, u64)| ConnectionRecord {
            port: 1,
            opened: start,
            closed: None,
            messages: vec![MessageRecord {
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
        messages.iter().map(connection).collect()
    }

    /// Checks a run to two recipients after one kill, at which the message on connection `awaiting`
    /// was waiting.
    fn checked(messages: &[(usize, &str, u64)], awaiting: usize, shown: &Value) -> TrialReport {
        let kill = Kill { point: KillPoint::Anything, killed_at: Instant::now(), awaiting: 1, repeats: 0 };
        let mut report = TrialReport { kills: vec![kill], ..TrialReport::default() };
        let awaiting = BTreeMap::from([(MessageIndex { connection: awaiting, message: 0 }, 0)]);
        let check =
            RunCheck { connections: &connections(messages), awaiting: &awaiting, shown, recipients: 2 };
        check.run(&mut report).unwrap();
        report
    }

    fn shown(sent: usize, repeated: &[usize]) -> Value {
        let rows: Vec<_> = repeated.iter().map(|number| json!({ "address": address(*number) })).collect();
        let tallies = json!([{ "state": "sent", "count": sent }, { "state": "repeat", "count": rows.len() }]);
        json!({ "run": { "tallies": tallies }, "repeated": rows })
    }

    #[test]
    fn a_repeat_of_a_message_that_awaited_its_answer_is_excused() {
        let report = checked(&[(0, "<0>", 1), (1, "<1>", 2), (0, "<0>", 3)], 0, &shown(2, &[0]));
        assert_eq!(report.violations, Vec::<String>::new());
        assert_eq!((report.lost, report.repeats(), report.reported_repeats, report.accepted), (0, 1, 1, 3));
    }

    #[test]
    fn a_repeat_of_an_answered_message_is_a_violation() {
        let report = checked(&[(0, "<0>", 1), (1, "<1>", 2), (1, "<1>", 3)], 0, &shown(2, &[1]));
        assert_eq!(report.violations.len(), 1, "{:?}", report.violations);
        assert!(report.violations[0].contains("the copy before was read"));
    }

    #[test]
    fn lost_and_unreported_messages_and_changed_message_ids_are_noticed() {
        let report = checked(&[(0, "<0>", 1), (0, "<9>", 3)], 0, &shown(1, &[]));
        assert_eq!(report.lost, 1);
        for word in [
            "1 are lost",
            "not listed",
            "different Message-IDs",
            "2 Message-IDs",
            "0 are reported",
            "1 are reported as",
        ] {
            assert!(
                report.violations.iter().any(|violation| violation.contains(word)),
                "{word}: {:?}",
                report.violations
            );
        }
    }
}
