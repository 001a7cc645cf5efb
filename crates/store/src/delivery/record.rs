//! The group commit: outcomes of the last deliveries, intents of the next, in one transaction.

use std::collections::{BTreeMap, HashSet};

use database::{DeliveryId, LeaseId, Millis, Sql, StoreError, Tx, args, batch, retry_on_deadlock, sql};

use super::locks::lock_runs;
use super::outcomes::{RecordedOutcome, record_outcomes};
use super::{GroupCommit, GroupCommitResult, Outcome, fast_path, intent};
use crate::Store;
use crate::counter_deltas::CounterDeltas;

#[derive(serde::Serialize)]
struct OutboxInput<'a> {
    id: DeliveryId,
    channel: &'a str,
    recipient: &'a str,
    subject: &'a str,
    html: &'a str,
    body: &'a str,
    raw: String,
}

const UPSERT_OUTBOX: Sql = sql!(
    "with " [batch 1 as input: id bigint, channel text, recipient text, subject text, html text, body text, raw text]
    "insert into outbox (delivery_id, channel, recipient, subject, html, text, raw, created_at)
     select id, channel, recipient, subject, html, body, "
    { sqlite: "unhex(raw)", postgres: "decode(raw, 'hex')" }
    ", $2 from input where true order by id
     on conflict (delivery_id) do update set channel = excluded.channel, recipient = excluded.recipient,
       subject = excluded.subject, html = excluded.html, text = excluded.text, raw = excluded.raw,
       created_at = excluded.created_at"
);

impl Store {
    /// Runs one group commit. Outcomes count only for deliveries that this lease holds in
    /// `sending`; rollups, tallies, attempts and suppressions are written in the same transaction.
    /// Intents are granted only while the lease has not expired. Of two outcomes of one delivery
    /// the first counts.
    ///
    /// # Errors
    /// The database refused or went away: nothing was recorded.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn delivery_record(
        &self,
        lease: LeaseId,
        record: &GroupCommit,
        now: Millis,
    ) -> Result<GroupCommitResult, StoreError> {
        if record.outcomes.is_empty() && record.intents.is_empty() && record.put_off.is_empty() {
            return Ok(GroupCommitResult { lease_is_valid: true, ..GroupCommitResult::default() });
        }
        let mut outcomes = BTreeMap::new();
        for (id, outcome) in &record.outcomes {
            outcomes.entry(*id).or_insert(outcome);
        }
        retry_on_deadlock!(self.record_once(lease, record, &outcomes, now))
    }

    async fn record_once(
        &self,
        lease: LeaseId,
        record: &GroupCommit,
        outcomes: &BTreeMap<DeliveryId, &Outcome>,
        now: Millis,
    ) -> Result<GroupCommitResult, StoreError> {
        let mut tx = self.begin().await?;
        if let Some((deltas, recorded)) = fast_path::record_all(&mut tx, lease, record, outcomes, now).await?
        {
            deltas.apply(&mut tx, now).await?;
            tx.commit().await?;
            let granted = record.intents.clone();
            return Ok(GroupCommitResult { granted, recorded, lease_is_valid: true });
        }
        drop(tx);
        let mut tx = self.begin().await?;
        let mut deltas = CounterDeltas::default();
        let is_valid = intent::lease_is_valid(&mut tx, lease, now).await?;
        lock_runs(&mut tx, record).await?;
        let ended = record_outcomes(&mut tx, lease, outcomes, now, &mut deltas).await?;
        let mut granted = Vec::new();
        if is_valid {
            granted = intent::grant(&mut tx, lease, &record.intents, now, &mut deltas).await?;
            intent::put_off(&mut tx, lease, &record.put_off).await?;
        }
        insert_outbox(&mut tx, record, &ended, now).await?;
        deltas.apply(&mut tx, now).await?;
        tx.commit().await?;
        Ok(GroupCommitResult { granted, recorded: ended.len() as u64, lease_is_valid: is_valid })
    }
}

/// Stores outbox messages of the deliveries whose outcome was recorded; those of other workers are
/// ignored.
async fn insert_outbox(
    tx: &mut Tx,
    record: &GroupCommit,
    ended: &[RecordedOutcome],
    now: Millis,
) -> Result<(), StoreError> {
    let ended: HashSet<_> = ended.iter().map(|row| row.id).collect();
    let mut input = BTreeMap::new();
    for message in &record.outbox {
        if ended.contains(&message.delivery) {
            input.insert(message.delivery, OutboxInput::from(message));
        }
    }
    let input: Vec<_> = input.into_values().collect();
    if !input.is_empty() {
        tx.execute(&UPSERT_OUTBOX, args![batch(&input)?, now]).await?;
    }
    Ok(())
}

impl<'a> From<&'a super::OutboxMessage> for OutboxInput<'a> {
    fn from(message: &'a super::OutboxMessage) -> Self {
        Self {
            id: message.delivery,
            channel: &message.channel,
            recipient: &message.recipient,
            subject: &message.subject,
            html: &message.html,
            body: &message.text,
            raw: hex(&message.raw),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}
