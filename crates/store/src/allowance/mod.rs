//! Shared allowances: the rate and the daily cap of each channel and receiver, in one rate limiter
//! for all workers, so that they hold however many workers send and however often they restart.

mod rate_limiter;

use std::collections::BTreeMap;

use database::{MachineTime, Millis, Sql, StoreError, Tx, args, batch, retry_on_deadlock, sql};

use crate::Store;
use rate_limiter::RateLimiter;
pub use rate_limiter::{AllowanceGrant, AllowanceRequest};

/// A hold on a receiver: nothing is sent to it until a time.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, sqlx::FromRow)]
pub struct ReceiverHold {
    /// The name of the receiver; empty for the channel as a whole.
    pub receiver: String,
    /// The time at which the hold ends.
    #[sqlx(rename = "held_until")]
    #[serde(serialize_with = "database::iso8601::serialize")]
    pub until: Millis,
    /// The reason for the hold, for people.
    #[sqlx(rename = "held_why")]
    pub why: String,
}

#[derive(serde::Serialize)]
struct Name<'a> {
    receiver: &'a str,
}

const INSERT_MISSING: Sql = sql!(
    "with " [batch 1 as input: receiver text]
    "insert into allowances (channel, receiver) select $2, receiver from input where true order by receiver
     on conflict (channel, receiver) do nothing"
);

const READ: Sql = sql!(
    "with " [batch 1 as input: receiver text]
    "select a.receiver, a.free_at, a.day, a.used from input i
     join allowances a on a.channel = $2 and a.receiver = i.receiver order by a.receiver"
    { sqlite: "", postgres: " for update of a" }
);

#[derive(serde::Serialize)]
struct LimiterInput<'a> {
    receiver: &'a str,
    free_at: MachineTime,
    day: i64,
    used: i64,
}

impl<'a> From<&'a (String, RateLimiter)> for LimiterInput<'a> {
    fn from((receiver, limiter): &'a (String, RateLimiter)) -> Self {
        Self { receiver, free_at: limiter.free_at, day: limiter.day, used: limiter.used }
    }
}

const SAVE: Sql = sql!(
    "with " [batch 1 as input: receiver text, free_at bigint, day bigint, used bigint]
    "update allowances set free_at = i.free_at, day = i.day, used = i.used
     from input i where allowances.channel = $2 and allowances.receiver = i.receiver"
);

impl Store {
    /// Takes as many of the requested messages from a channel's allowances as may be sent. `now` is
    /// the machine's time in microseconds, `day` the number of the day (any numbering that grows by
    /// one at midnight). One transaction covers all receivers.
    ///
    /// # Errors
    /// The database refused or went away: nothing was granted.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn allowance_take(
        &self,
        channel: &str,
        requests: &[AllowanceRequest],
        now: MachineTime,
        day: i64,
    ) -> Result<Vec<AllowanceGrant>, StoreError> {
        let requests: BTreeMap<_, _> =
            requests.iter().map(|request| (request.receiver.as_str(), request)).collect();
        if requests.is_empty() {
            return Ok(Vec::new());
        }
        let take = |name: &str, limiter: &mut RateLimiter| {
            requests.get(name).map(|request| limiter.take(request, now, day))
        };
        let names: Vec<_> = requests.keys().map(|receiver| Name { receiver }).collect();
        retry_on_deadlock!(self.allowance_change(channel, &names, &take))
    }

    /// Refunds messages, by receiver, that were granted on `day` and not sent.
    ///
    /// # Errors
    /// The database refused or went away: the messages count as sent.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn allowance_refund(
        &self,
        channel: &str,
        unused: &BTreeMap<String, u32>,
        day: i64,
    ) -> Result<(), StoreError> {
        if unused.is_empty() {
            return Ok(());
        }
        let refund = |name: &str, limiter: &mut RateLimiter| {
            limiter.refund(i64::from(unused.get(name).copied().unwrap_or(0)), day);
            Some(())
        };
        let names: Vec<_> = unused.keys().map(|receiver| Name { receiver }).collect();
        retry_on_deadlock!(self.allowance_change(channel, &names, &refund)).map(|_| ())
    }

    /// Changes rate limiters under their locks, after it inserts those that do not exist.
    async fn allowance_change<T>(
        &self,
        channel: &str,
        names: &[Name<'_>],
        change: &(dyn Fn(&str, &mut RateLimiter) -> Option<T> + Sync),
    ) -> Result<Vec<T>, StoreError> {
        let mut tx = self.begin().await?;
        let mut limiters = read(&mut tx, channel, names).await?;
        if limiters.len() < names.len() {
            tx.execute(&INSERT_MISSING, args![batch(names)?, channel]).await?;
            limiters = read(&mut tx, channel, names).await?;
        }
        let changed = limiters.iter_mut().filter_map(|(name, limiter)| change(name, limiter)).collect();
        let rows: Vec<_> = limiters.iter().map(LimiterInput::from).collect();
        tx.execute(&SAVE, args![batch(&rows)?, channel]).await?;
        tx.commit().await?;
        Ok(changed)
    }
}

#[derive(sqlx::FromRow)]
struct LimiterRow {
    receiver: String,
    free_at: MachineTime,
    day: i64,
    used: i64,
}

async fn read(
    tx: &mut Tx,
    channel: &str,
    names: &[Name<'_>],
) -> Result<Vec<(String, RateLimiter)>, StoreError> {
    let rows: Vec<LimiterRow> = tx.rows(&READ, args![batch(names)?, channel]).await?;
    let limiter =
        |LimiterRow { receiver, free_at, day, used }| (receiver, RateLimiter { free_at, day, used });
    Ok(rows.into_iter().map(limiter).collect())
}

const HOLD: Sql = sql!(
    "insert into allowances (channel, receiver, held_until, held_why) values ($1, $2, $3, $4)
     on conflict (channel, receiver) do update set held_until = excluded.held_until, held_why = excluded.held_why"
);

const CLEAR_HOLD: Sql = sql!(
    "update allowances set held_until = null, held_why = null
     where channel = $1 and receiver = $2 and held_until is not null"
);

const HELD: Sql = sql!(
    "select receiver, held_until, held_why from allowances
     where channel = $1 and held_until > $2 order by held_until, receiver limit 100"
);

const USED: Sql = sql!("select receiver, used from allowances where channel = $1 and day >= $2 and used > 0");

/// Deletes rate limiters that are older than two days and hold nothing: a new one would be the
/// same.
const SWEEP: Sql =
    sql!("delete from allowances where free_at < $1 and day < $2 and coalesce(held_until, 0) <= $3");

impl Store {
    /// Holds a receiver until a time, with a reason. Each worker that starts and each page sees the
    /// hold.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn allowance_hold(&self, channel: &str, held: &ReceiverHold) -> Result<(), StoreError> {
        let args = args![channel, held.receiver.as_str(), held.until, held.why.as_str()];
        self.execute(&HOLD, args).await.map(|_| ())
    }

    /// Releases the hold on a receiver.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn allowance_release(&self, channel: &str, receiver: &str) -> Result<(), StoreError> {
        self.execute(&CLEAR_HOLD, args![channel, receiver]).await.map(|_| ())
    }

    /// Lists the held receivers in the order in which their holds end; at most 100.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn allowance_held(&self, channel: &str, now: Millis) -> Result<Vec<ReceiverHold>, StoreError> {
        self.rows(&HELD, args![channel, now]).await
    }

    /// Returns the number of messages that each receiver got on `day`; the channel as a whole has
    /// the empty name.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn allowance_used(&self, channel: &str, day: i64) -> Result<BTreeMap<String, u64>, StoreError> {
        let rows: Vec<(String, i64)> = self.rows(&USED, args![channel, day]).await?;
        Ok(rows.into_iter().map(|(name, used)| (name, used.unsigned_abs())).collect())
    }

    /// Deletes rate limiters that were not used for two days. `now` and `machine` are the current
    /// time in milliseconds and, by the machine's clock, in microseconds; `day` is the number of
    /// the day.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn allowance_sweep(
        &self,
        now: Millis,
        machine: MachineTime,
        day: i64,
    ) -> Result<u64, StoreError> {
        const TWO_DAYS: i64 = 2 * 86_400 * 1_000_000;
        self.execute(&SWEEP, args![machine.saturating_sub(TWO_DAYS), day.saturating_sub(1), now]).await
    }
}
