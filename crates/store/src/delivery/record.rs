//! The group commit: outcomes of the last deliveries, intents of the next.

use std::collections::{BTreeMap, HashSet};

use database::{DeliveryId, LeaseId, Millis, Sql, StoreError, Tx, again_if_deadlocked, args, batch, sql};

use super::locks::hold_runs;
use super::outcomes::{Ended, settle};
use super::{Outcome, Record, Recorded, intent, quick};
use crate::Store;
use crate::moves::Moves;

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

const OUTBOX: Sql = sql!(
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
    /// One group commit. Outcomes count only for rows that this lease holds in `sending`; rollups, tallies,
    /// attempts and suppressions are kept in the same transaction. Intents are granted only while the lease
    /// has not expired. Of two outcomes of one delivery the first counts.
    ///
    /// # Errors
    /// The database refused or went away: nothing was recorded.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn delivery_record(
        &self,
        lease: LeaseId,
        record: &Record,
        now: Millis,
    ) -> Result<Recorded, StoreError> {
        if record.outcomes.is_empty() && record.intents.is_empty() && record.put_off.is_empty() {
            return Ok(Recorded { held: true, ..Recorded::default() });
        }
        let mut outcomes = BTreeMap::new();
        for (id, outcome) in &record.outcomes {
            outcomes.entry(*id).or_insert(outcome);
        }
        again_if_deadlocked!(self.record_once(lease, record, &outcomes, now))
    }

    async fn record_once(
        &self,
        lease: LeaseId,
        record: &Record,
        outcomes: &BTreeMap<DeliveryId, &Outcome>,
        now: Millis,
    ) -> Result<Recorded, StoreError> {
        let mut tx = self.begin().await?;
        if let Some((moves, recorded)) = quick::all(&mut tx, lease, record, outcomes, now).await? {
            moves.apply(&mut tx, now).await?;
            tx.commit().await?;
            let granted = record.intents.clone();
            return Ok(Recorded { granted, recorded, held: true });
        }
        drop(tx);
        let mut tx = self.begin().await?;
        let mut moves = Moves::default();
        let holds = intent::lease_holds(&mut tx, lease, now).await?;
        hold_runs(&mut tx, record).await?;
        let ended = settle(&mut tx, lease, outcomes, now, &mut moves).await?;
        let mut granted = Vec::new();
        if holds {
            granted = intent::grant(&mut tx, lease, &record.intents, now, &mut moves).await?;
            intent::put_off(&mut tx, lease, &record.put_off).await?;
        }
        keep(&mut tx, record, &ended, now).await?;
        moves.apply(&mut tx, now).await?;
        tx.commit().await?;
        Ok(Recorded { granted, recorded: ended.len() as u64, held: holds })
    }
}

/// What the outbox keeps: of rows whose outcome was recorded, nothing of somebody else's.
async fn keep(tx: &mut Tx, record: &Record, ended: &[Ended], now: Millis) -> Result<(), StoreError> {
    let ended: HashSet<_> = ended.iter().map(|row| row.id).collect();
    let mut input = BTreeMap::new();
    for message in &record.outbox {
        if ended.contains(&message.delivery) {
            input.insert(message.delivery, OutboxInput::from(message));
        }
    }
    let input: Vec<_> = input.into_values().collect();
    if !input.is_empty() {
        tx.execute(&OUTBOX, args![batch(&input)?, now]).await?;
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
