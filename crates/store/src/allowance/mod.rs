//! What channels may still send and receivers still get: one account for all workers, so that a rate is one rate
//! and a day's cap one cap, whoever sends and however often they are restarted.

mod account;

use std::collections::BTreeMap;

use database::{MachineTime, Millis, Sql, StoreError, Tx, again_if_deadlocked, args, batch, sql};

use crate::Store;
use account::Account;
pub use account::{Grant, Want};

/// A receiver that nothing is sent to for a while.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, sqlx::FromRow)]
pub struct Held {
    /// Its name; empty for the channel as a whole.
    pub receiver: String,
    /// Until when.
    #[sqlx(rename = "held_until")]
    pub until: Millis,
    /// Why, in words.
    #[sqlx(rename = "held_why")]
    pub why: String,
}

#[derive(serde::Serialize)]
struct Name<'a> {
    receiver: &'a str,
}

const OPEN: Sql = sql!(
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
struct Saved<'a> {
    receiver: &'a str,
    free_at: MachineTime,
    day: i64,
    used: i64,
}

impl<'a> From<&'a (String, Account)> for Saved<'a> {
    fn from((receiver, account): &'a (String, Account)) -> Self {
        Self { receiver, free_at: account.free_at, day: account.day, used: account.used }
    }
}

const SAVE: Sql = sql!(
    "with " [batch 1 as input: receiver text, free_at bigint, day bigint, used bigint]
    "update allowances set free_at = i.free_at, day = i.day, used = i.used
     from input i where allowances.channel = $2 and allowances.receiver = i.receiver"
);

impl Store {
    /// Takes what may go of what is wanted from a channel's accounts. `now` is the machine's time, `day` the
    /// number of the day (any numbering that grows by one at midnight). One transaction for all receivers.
    ///
    /// # Errors
    /// The database refused or went away: nothing was granted.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn allowance_take(
        &self,
        channel: &str,
        wants: &[Want],
        now: MachineTime,
        day: i64,
    ) -> Result<Vec<Grant>, StoreError> {
        let wants: BTreeMap<_, _> = wants.iter().map(|want| (want.receiver.as_str(), want)).collect();
        if wants.is_empty() {
            return Ok(Vec::new());
        }
        let take =
            |name: &str, account: &mut Account| wants.get(name).map(|want| account.take(want, now, day));
        let names: Vec<_> = wants.keys().map(|receiver| Name { receiver }).collect();
        again_if_deadlocked!(self.allowance_change(channel, &names, &take))
    }

    /// Puts back what was granted on `day` and did not go, by receiver.
    ///
    /// # Errors
    /// The database refused or went away: it counts as gone.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn allowance_give_back(
        &self,
        channel: &str,
        unused: &BTreeMap<String, u32>,
        day: i64,
    ) -> Result<(), StoreError> {
        if unused.is_empty() {
            return Ok(());
        }
        let give = |name: &str, account: &mut Account| {
            account.give_back(i64::from(unused.get(name).copied().unwrap_or(0)), day);
            Some(())
        };
        let names: Vec<_> = unused.keys().map(|receiver| Name { receiver }).collect();
        again_if_deadlocked!(self.allowance_change(channel, &names, &give)).map(|_| ())
    }

    /// Changes accounts, opened where there is none, under their locks.
    async fn allowance_change<T>(
        &self,
        channel: &str,
        names: &[Name<'_>],
        change: &(dyn Fn(&str, &mut Account) -> Option<T> + Sync),
    ) -> Result<Vec<T>, StoreError> {
        let mut tx = self.begin().await?;
        let mut accounts = read(&mut tx, channel, names).await?;
        if accounts.len() < names.len() {
            tx.execute(&OPEN, args![batch(names)?, channel]).await?;
            accounts = read(&mut tx, channel, names).await?;
        }
        let changed = accounts.iter_mut().filter_map(|(name, account)| change(name, account)).collect();
        let rows: Vec<_> = accounts.iter().map(Saved::from).collect();
        tx.execute(&SAVE, args![batch(&rows)?, channel]).await?;
        tx.commit().await?;
        Ok(changed)
    }
}

#[derive(sqlx::FromRow)]
struct AccountRow {
    receiver: String,
    free_at: MachineTime,
    day: i64,
    used: i64,
}

async fn read(tx: &mut Tx, channel: &str, names: &[Name<'_>]) -> Result<Vec<(String, Account)>, StoreError> {
    let rows: Vec<AccountRow> = tx.rows(&READ, args![batch(names)?, channel]).await?;
    let account = |AccountRow { receiver, free_at, day, used }| (receiver, Account { free_at, day, used });
    Ok(rows.into_iter().map(account).collect())
}

const HOLD: Sql = sql!(
    "insert into allowances (channel, receiver, held_until, held_why) values ($1, $2, $3, $4)
     on conflict (channel, receiver) do update set held_until = excluded.held_until, held_why = excluded.held_why"
);

const LET_GO: Sql = sql!(
    "update allowances set held_until = null, held_why = null
     where channel = $1 and receiver = $2 and held_until is not null"
);

const HELD: Sql = sql!(
    "select receiver, held_until, held_why from allowances
     where channel = $1 and held_until > $2 order by held_until, receiver limit 100"
);

const USED: Sql = sql!("select receiver, used from allowances where channel = $1 and day >= $2 and used > 0");

/// What is older than two days and holds nothing is what a new account would be.
const SWEEP: Sql =
    sql!("delete from allowances where free_at < $1 and day < $2 and coalesce(held_until, 0) <= $3");

impl Store {
    /// Says that nothing is sent to a receiver for a while, and why; every worker that starts, and every page,
    /// sees it.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn allowance_hold(&self, channel: &str, held: &Held) -> Result<(), StoreError> {
        let args = args![channel, held.receiver.as_str(), held.until, held.why.as_str()];
        self.execute(&HOLD, args).await.map(|_| ())
    }

    /// A receiver takes messages again.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn allowance_let_go(&self, channel: &str, receiver: &str) -> Result<(), StoreError> {
        self.execute(&LET_GO, args![channel, receiver]).await.map(|_| ())
    }

    /// The receivers that wait, the one that goes on first first; at most 100.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn allowance_held(&self, channel: &str, now: Millis) -> Result<Vec<Held>, StoreError> {
        self.rows(&HELD, args![channel, now]).await
    }

    /// How many messages each receiver got on `day`; the channel as a whole stands under the empty name.
    ///
    /// # Errors
    /// The database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn allowance_used(&self, channel: &str, day: i64) -> Result<BTreeMap<String, u64>, StoreError> {
        let rows: Vec<(String, i64)> = self.rows(&USED, args![channel, day]).await?;
        Ok(rows.into_iter().map(|(name, used)| (name, used.unsigned_abs())).collect())
    }

    /// Forgets accounts that nobody used for two days. `now` as time and, by the machine's clock, in
    /// microseconds; `day` is its number.
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
