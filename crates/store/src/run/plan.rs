//! Who gets a run: its deliveries, made by one `insert … select`.

use std::collections::BTreeMap;

use campaign::{Audience, AudienceId, Moment};
use jiff::tz::TimeZone;

use super::{PlanCounts, Planned};
use crate::address::{address_of, is_suppressed};
use crate::audience::Expression;
use crate::database::Pools;
use crate::moves::Moves;
use crate::sql::{Arg, Assembled, Sql, Tx, args, sql};
use crate::{Address, DeliveryState, Millis, RunId, Store, StoreError};

pub(super) const START: Sql = sql!(
    "update runs set state = 'running', planned_at = $2, address = $3 where id = $1 and state = 'planned'"
);

/// An edit up to which nobody falls due.
const MISSED_TO: Sql = sql!("select missed_to from runs where id = $1");

const FEED: Sql = sql!(
    "insert into deliveries (id, run_id, contact_id, state, due_at, scheduled_at)
     values ($1 * 4294967296, $1, 0, 'queued', $2, $2)"
);

const ZONES: Sql = sql!("select distinct timezone from contacts where timezone is not null");

const TOTAL: Sql = sql!("update runs set total = $2 where id = $1");

/// From how many new deliveries on the planner's statistics are worth renewing.
pub(super) const MANY: i64 = 1_000;

impl Store {
    /// Makes a planned run's deliveries and sets it running, in one transaction. Does nothing to a run that is
    /// not `planned`, with one exception: `Planned::Followers` of a running run adds those whom the parent
    /// reached since. Says how many rows were made.
    ///
    /// # Errors
    /// The audience cannot be asked for, or the database refused or went away.
    pub async fn run_plan(&self, run: RunId, whom: &Planned<'_>, now: Millis) -> Result<i64, StoreError> {
        if let Planned::Followers { delay, address } = whom {
            return self.run_follow(run, address, *delay, now).await;
        }
        let address = whom.address().map(Address::stored).transpose()?;
        let mut tx = self.begin().await?;
        if tx.execute(&START, args![run, now, address.as_deref()]).await? == 0 {
            return Ok(0);
        }
        let made = match whom {
            Planned::Feed { due_at } => tx.execute(&FEED, args![run, *due_at]).await?,
            _ => {
                let mut people = People::of(&mut tx, run, whom, now).await?;
                let missed_to = tx.row::<(Option<Millis>,)>(&MISSED_TO, args![run]).await?;
                if let Some((Some(missed_to),)) = missed_to {
                    people.left_out.push_str(&format!(" when due <= {missed_to} then 'missed'"));
                }
                let (text, args) = people.insert();
                tx.execute(Assembled(text), args).await?
            }
        };
        let made = i64::try_from(made).unwrap_or(i64::MAX);
        let mut moves = Moves::default();
        let text = format!(
            "select {} from deliveries
             where id >= $1 * 4294967296 and id < ($1 + 1) * 4294967296 and state = 'suppressed'",
            counts_by_reason()
        );
        for (reason, count) in left_out(tx.row(Assembled(text), args![run]).await?) {
            moves.ended(run, DeliveryState::Suppressed, reason, count);
        }
        tx.execute(&TOTAL, args![run, made]).await?;
        moves.apply(&mut tx, now).await?;
        tx.commit().await?;
        if made >= MANY {
            self.analyze().await;
        }
        Ok(made)
    }

    /// Tells PostgreSQL's planner of the new rows: until it looks for itself, a minute later, it would take a run
    /// of a million for a handful, and sort them anew for every claim.
    pub(super) async fn analyze(&self) {
        if let Pools::Postgres(pool) = self.pools()
            && let Err(error) = sqlx::query("analyze deliveries").execute(pool).await
        {
            tracing::warn!(%error, "claims may be slow until PostgreSQL has analysed the deliveries");
        }
    }

    /// What `run_plan` would do for an audience, without doing it.
    ///
    /// # Errors
    /// The audience cannot be asked for, or the database refused or went away.
    pub async fn plan_count(
        &self,
        audiences: &BTreeMap<AudienceId, Audience>,
        audience: &AudienceId,
        address: &Address,
        now: Millis,
    ) -> Result<PlanCounts, StoreError> {
        let mut who =
            Expression::new(self.pools().dialect(), audiences, now, args![address.stored()?.as_str()]);
        let members = who.audience(audience)?;
        let people = judged("contacts c", "0", "$1", &members, "");
        let text = format!("select {} from ({people}) judged", counts_by_reason());
        let row: Option<Counts> = self.row(Assembled(text), who.args()).await?;
        let mut counts = PlanCounts { audience: row.map_or(0, |row| row.0), ..PlanCounts::default() };
        counts.left_out = left_out(row).map(|(reason, count)| (reason.to_owned(), count)).collect();
        counts.reached = counts.audience - counts.left_out.values().sum::<i64>();
        Ok(counts)
    }
}

impl Planned<'_> {
    fn address(&self) -> Option<&Address> {
        match self {
            Self::Feed { .. } => None,
            Self::Audience { address, .. } | Self::Followers { address, .. } | Self::One { address, .. } => {
                Some(address)
            }
        }
    }
}

/// Contacts that a run goes to, as pieces of a statement: fixed texts and placeholders only.
pub(super) struct People {
    /// Common table expressions before the statement.
    with: &'static str,
    /// After `from`.
    pub(super) from: String,
    /// When it falls due for a contact.
    pub(super) due: String,
    /// After `where`.
    members: String,
    /// The last arms of the reasons to leave somebody out, over the column `due`.
    pub(super) left_out: String,
    /// $1 is the run, $2 its address as `runs.address` has it, the rest is as the pieces say.
    args: Vec<Arg>,
}

impl People {
    async fn of(tx: &mut Tx, run: RunId, whom: &Planned<'_>, now: Millis) -> Result<Self, StoreError> {
        let kind = whom.address().map(Address::stored).transpose()?;
        let kind = kind.as_deref();
        match whom {
            Planned::Audience { audiences, audience, moment, fallback, catch_up_window, .. } => {
                let mut people = Self::at(args![run, kind], "c.id > 0");
                match moment {
                    Moment::Instant(at) => people.args.push(Arg::from(at.as_millisecond())),
                    Moment::Local(_) => {
                        people.args.push(Arg::from(moment.due_in(fallback).as_millisecond()));
                        people.local(tx, moment, now.saturating_sub(*catch_up_window)).await?;
                    }
                }
                let mut who = Expression::new(tx.dialect(), audiences, now, people.args);
                people.members = who.audience(audience)?;
                people.args = who.args();
                Ok(people)
            }
            Planned::One { contact, due_at, .. } => {
                Ok(Self::at(args![run, kind, *due_at, *contact], "c.id = $4"))
            }
            Planned::Feed { .. } | Planned::Followers { .. } => {
                Err(StoreError::BadInput("only audiences and single contacts are people".to_owned()))
            }
        }
    }

    pub(super) fn at(args: Vec<Arg>, members: &str) -> Self {
        let (from, members) = ("contacts c".to_owned(), members.to_owned());
        let due = "cast($3 as bigint)".to_owned();
        Self { with: "", from, due, members, left_out: String::new(), args }
    }

    /// Each contact's own wall clock: the zones that contacts have, and when it is that time in each.
    async fn local(&mut self, tx: &mut Tx, moment: &Moment, too_late: Millis) -> Result<(), StoreError> {
        let names: Vec<(String,)> = tx.rows(&ZONES, args![]).await?;
        let due: serde_json::Map<_, _> = names
            .into_iter()
            .filter_map(|(name,)| {
                let zone = TimeZone::get(&name).ok()?;
                Some((name, moment.due_in(&zone).as_millisecond().into()))
            })
            .collect();
        let due = serde_json::Value::Object(due).to_string();
        self.args.extend(args![too_late, due.as_str()]);
        self.with = match tx.dialect() {
            crate::sql::Dialect::Sqlite => {
                "with zones as materialized (select key as name, value as due from json_each($5))"
            }
            crate::sql::Dialect::Postgres => {
                "with zones as materialized (
                   select key as name, cast(value as bigint) as due from jsonb_each_text(cast($5 as jsonb)))"
            }
        };
        self.from.push_str(" left join zones z on z.name = c.timezone");
        "coalesce(z.due, $3)".clone_into(&mut self.due);
        self.left_out.push_str(" when due < $4 then 'too_late'");
        Ok(())
    }

    /// The statement that makes their deliveries.
    pub(super) fn insert(self) -> (String, Vec<Arg>) {
        let Self { with, from, due, members, left_out, .. } = &self;
        let who = judged(from, due, "$2", members, left_out);
        let text = format!(
            "{with} insert into deliveries (id, run_id, contact_id, state, reason, due_at, scheduled_at)
             select $1 * 4294967296 + id, $1, id, case when reason is null then 'queued' else 'suppressed' end,
                    reason, case when reason is null then due end, case when due < 0 then 0 else due end
             from ({who}) judged"
        );
        (text, self.args)
    }
}

/// Why people are left out when a run is planned.
const REASONS: [&str; 9] = [
    "no_address",
    "no_consent",
    "unsubscribed",
    "bounced",
    "complained",
    "manual",
    "too_late",
    "missed",
    "sent_by_hand",
];

/// How many there are, and how many for each of [`REASONS`].
type Counts = (i64, i64, i64, i64, i64, i64, i64, i64, i64, i64);

/// Counted in one pass: grouping would sort a million rows in memory.
fn counts_by_reason() -> String {
    REASONS.iter().fold("count(*)".to_owned(), |text, reason| {
        format!("{text}, count(*) filter (where reason = '{reason}')")
    })
}

fn left_out(row: Option<Counts>) -> impl Iterator<Item = (&'static str, i64)> {
    let (_, a, b, c, d, e, f, g, h, i) = row.unwrap_or_default();
    REASONS.into_iter().zip([a, b, c, d, e, f, g, h, i]).filter(|(_, count)| *count > 0)
}

/// People with the reason to leave each out, if there is one. `address` is the placeholder of the address that they
/// need, as `runs.address` has it.
pub(super) fn judged(from: &str, due: &str, address: &str, members: &str, too_late: &str) -> String {
    format!(
        "select id, due, case when address is null then 'no_address' when consent = 'no' then 'no_consent'
                when suppressed is not null then suppressed{too_late} end as reason
         from (select c.id, {due} as due, {needed} as address, c.consent, s.reason as suppressed
               from {from} join (select cast({address} as text) as address) r on true
               left join suppressions s on {is_suppressed}
               where {members}) who",
        needed = address_of!(),
        is_suppressed = is_suppressed!(),
    )
}
