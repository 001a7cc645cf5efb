//! Who gets a run: its deliveries, made by one `insert … select`.

use std::collections::BTreeMap;

use campaign::schedule::Reaction;
use campaign::{Audience, AudienceId, Condition, Moment};
use jiff::tz::TimeZone;

use super::{ByHand, Missing, PlanCounts, Planned};
use crate::address::{address_of, is_suppressed};
use crate::audience::Expression;
use crate::database::Pools;
use crate::moves::Moves;
use crate::sql::{Arg, Assembled, Sql, args, sql};
use crate::{Address, DeliveryState, Millis, RunId, Store, StoreError};

/// A run gets its name anew with its deliveries: one that was planned in a copy, too, has another name there. One made
/// before names existed keeps none.
pub(super) const START: Sql = sql!(
    "update runs set state = 'running', planned_at = $2, address = $3, name = case when name is not null then "
    { sqlite: "random()", postgres: "hashtextextended(cast(gen_random_uuid() as text), 0)" }
    " end
     where id = $1 and state = 'planned'"
);

/// An edit up to which nobody falls due, and whether it is a test copy to an address of its own.
const ORIGIN: Sql = sql!("select missed_to, to_address from runs where id = $1");

const FEED: Sql = sql!(
    "insert into deliveries (id, run_id, contact_id, state, due_at, scheduled_at)
     values ($1 * 4294967296, $1, 0, 'queued', $2, $2)"
);

/// Open follow-ups of those who get one by hand: that one is theirs.
const USE_UP: Sql = sql!(
    "update deliveries set state = 'suppressed', reason = 'sent_by_hand', due_at = null
     where state in ('queued', 'deferred') and lease_id is null and id in (
       select f.id from runs m
       join runs r on r.campaign = m.campaign and r.step = m.step and r.kind = 'scheduled' and r.parent_id is not null
         and r.finished_at is null
       join deliveries d on d.id > m.id * 4294967296 and d.id < (m.id + 1) * 4294967296 and d.state = 'queued'
       join deliveries f on f.id = r.id * 4294967296 + d.contact_id
       where m.id = $1 and m.kind = 'manual' and m.trigger = 'after')
     returning id"
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
        if let Planned::Followers { delay, address, of } = whom {
            return self.run_follow(run, address, *delay, *of, now).await;
        }
        let address = whom.address().map(Address::stored).transpose()?;
        let people = match whom {
            Planned::Feed { .. } => None,
            _ => Some(People::of(self, run, whom, now).await?),
        };
        let mut tx = self.begin().await?;
        if tx.execute(&START, args![run, now, address.as_deref()]).await? == 0 {
            return Ok(0);
        }
        let made = match (whom, people) {
            (Planned::Feed { due_at }, _) => tx.execute(&FEED, args![run, *due_at]).await?,
            (_, None) => 0,
            (_, Some(mut people)) => {
                let origin = tx.row::<(Option<Millis>, Option<String>)>(&ORIGIN, args![run]).await?;
                let (missed_to, to_address) = origin.unwrap_or_default();
                if let Some(missed_to) = missed_to {
                    people.left_out.push_str(&format!(" when due <= {missed_to} then 'missed'"));
                }
                people.whatever = to_address.is_some();
                let (text, args) = people.insert();
                tx.execute(Assembled(text), args).await?
            }
        };
        let made = i64::try_from(made).unwrap_or(i64::MAX);
        let mut moves = Moves::default();
        let used_up: Vec<(crate::DeliveryId,)> = tx.rows(&USE_UP, args![run]).await?;
        for (id,) in used_up {
            moves.ended(id.run(), DeliveryState::Suppressed, "sent_by_hand", 1);
        }
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

    /// What `run_plan` would do for a run that is not made yet, without doing it: those whose own instant lies up to
    /// `missed_to` are `missed`, those whose own instant lies after `ends` would be `expired`.
    ///
    /// # Errors
    /// The audience cannot be asked for, or the database refused or went away.
    pub async fn plan_preview(
        &self,
        whom: &Planned<'_>,
        missed_to: Option<Millis>,
        ends: Option<Millis>,
        now: Millis,
    ) -> Result<PlanCounts, StoreError> {
        if matches!(whom, Planned::Feed { .. }) {
            return Ok(PlanCounts { audience: 1, reached: 1, left_out: BTreeMap::new() });
        }
        let mut people = People::of(self, RunId(0), whom, now).await?;
        if let Some(missed_to) = missed_to {
            people.left_out.push_str(&format!(" when due <= {missed_to} then 'missed'"));
        }
        if let Some(ends) = ends {
            people.left_out.push_str(&format!(" when due > {ends} then 'expired'"));
        }
        let (text, args) = people.count();
        let row: Option<Counts> = self.row(Assembled(text), args).await?;
        Ok(plan_counts(row))
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
        Ok(plan_counts(row))
    }
}

fn plan_counts(row: Option<Counts>) -> PlanCounts {
    let mut counts = PlanCounts { audience: row.map_or(0, |row| row.0), ..PlanCounts::default() };
    counts.left_out = left_out(row).map(|(reason, count)| (reason.to_owned(), count)).collect();
    counts.reached = counts.audience - counts.left_out.values().sum::<i64>();
    counts
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

/// How many arguments come before those of the audience where each contact's own clock counts.
const LOCAL_ARGS: usize = 5;

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
    /// Whether nobody is left out: a test copy goes to an address of its own.
    whatever: bool,
    /// $1 is the run, $2 its address as `runs.address` has it, the rest is as the pieces say.
    args: Vec<Arg>,
}

impl People {
    pub(super) async fn of(
        store: &Store,
        run: RunId,
        whom: &Planned<'_>,
        now: Millis,
    ) -> Result<Self, StoreError> {
        let kind = whom.address().map(Address::stored).transpose()?;
        let kind = kind.as_deref();
        match whom {
            Planned::Audience { audiences, audience, moment, fallback, catch_up_window, by_hand, .. } => {
                let mut people = Self::at(args![run, kind], "c.id > 0");
                match moment {
                    Moment::Instant(at) => people.args.push(Arg::from(at.as_millisecond())),
                    Moment::Local(_) => {
                        people.args.push(Arg::from(moment.due_in(fallback).as_millisecond()));
                        people.local(store, moment, now.saturating_sub(*catch_up_window)).await?;
                    }
                }
                let dialect = store.pools().dialect();
                let mut who = Expression::new(dialect, audiences, now, people.args);
                people.members = who.audience(audience)?;
                people.args = who.args();
                if let Some(by_hand) = by_hand {
                    people.asked_for(by_hand);
                }
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
        Self { with: "", from, due, members, left_out: String::new(), whatever: false, args }
    }

    /// What a person asked for: only those who have not got it, and only those who meet the condition.
    fn asked_for(&mut self, by_hand: &ByHand<'_>) {
        let mut bind = |text: &str| {
            self.args.push(Arg::from(text));
            format!("cast(${} as text)", self.args.len())
        };
        if let Some(missing) = by_hand.missing {
            let (campaign, step) = (bind(by_hand.campaign), bind(by_hand.step));
            let runs =
                format!("m.campaign = {campaign} and m.step = {step} and m.kind <> 'test' and m.id <> $1");
            let which = match missing {
                Missing::Ever => String::new(),
                Missing::LastTime => format!(" and m.id = (select max(m.id) from runs m where {runs})"),
            };
            self.members = format!(
                "{} and not exists (
                   select 1 from runs m join deliveries g on g.id = m.id * 4294967296 + c.id
                   where {runs}{which} and g.state not in ('suppressed', 'cancelled', 'failed'))",
                self.members
            );
        }
        if let Some((parent, condition)) = by_hand.condition {
            let (campaign, parent) = (bind(by_hand.campaign), bind(parent));
            let (reaction, not) = match condition {
                Condition::Unless(reaction) => (reaction, ""),
                Condition::If(reaction) => (reaction, "not "),
            };
            let column = match reaction {
                Reaction::Opened => "opened_at",
                Reaction::Clicked => "clicked_at",
                Reaction::Converted => "converted_at",
            };
            self.left_out.push_str(&format!(
                " when {not}exists (
                   select 1 from (
                     select p.{column} as reacted from runs q join deliveries p on p.id = q.id * 4294967296 + who.id
                     where q.campaign = {campaign} and q.step = {parent} and q.kind <> 'test' and p.sent_at is not null
                     order by p.sent_at desc limit 1) latest
                   where latest.reacted is not null) then 'condition'"
            ));
        }
    }

    /// The statement that counts them.
    fn count(self) -> (String, Vec<Arg>) {
        let Self { with, from, due, members, left_out, .. } = &self;
        let who = judged(from, due, "$2", members, left_out);
        // Every placeholder has to stand in the statement.
        let text = format!(
            "{with} select {} from ({who}) judged where cast($1 as bigint) is not null",
            counts_by_reason()
        );
        (text, self.args)
    }

    /// Each contact's own wall clock: the zones that contacts have, and when it is that time in each.
    async fn local(&mut self, store: &Store, moment: &Moment, too_late: Millis) -> Result<(), StoreError> {
        let names: Vec<(String,)> = store.rows(&ZONES, args![]).await?;
        let due: serde_json::Map<_, _> = names
            .into_iter()
            .filter_map(|(name,)| {
                let zone = TimeZone::get(&name).ok()?;
                Some((name, moment.due_in(&zone).as_millisecond().into()))
            })
            .collect();
        let due = serde_json::Value::Object(due).to_string();
        self.args.extend(args![too_late, due.as_str()]);
        self.with = match store.pools().dialect() {
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

    /// Keeps those who were added or changed after `since`, have no delivery yet, and whose own instant is ahead.
    pub(super) fn only_new(&mut self, since: Millis, now: Millis) {
        self.members = format!(
            "{} and c.updated_at > {since} and {} > {now}
             and not exists (select 1 from deliveries d where d.id = $1 * 4294967296 + c.id)",
            self.members, self.due
        );
    }

    /// The statement that moves the deliveries of those whose zone changed after `since` to their new instant.
    pub(super) fn moved(mut self, since: Millis, now: Millis) -> (String, Vec<Arg>) {
        // Who is in the audience is not asked: everybody here has a delivery already.
        self.args.truncate(LOCAL_ARGS);
        let Self { with, from, due, .. } = &self;
        let who = format!(
            "select c.id, {due} as due from {from} where c.updated_at > {since} and cast($2 as text) is not null"
        );
        let text = format!(
            "{with} update deliveries set
               due_at = case when w.due > {now} then w.due else {now} end,
               scheduled_at = case when w.due > {now} then w.due else {now} end
             from ({who}) w
             where deliveries.id = $1 * 4294967296 + w.id and deliveries.state = 'queued' and deliveries.attempts = 0
               and deliveries.lease_id is null and deliveries.scheduled_at > {now} and deliveries.scheduled_at <> w.due
               and (cast($4 as bigint) is null or true)"
        );
        (text, self.args)
    }

    /// The statement that makes their deliveries.
    pub(super) fn insert(self) -> (String, Vec<Arg>) {
        let Self { with, from, due, members, left_out, .. } = &self;
        let mut who = judged(from, due, "$2", members, left_out);
        if self.whatever {
            who = format!("select id, due, cast(null as text) as reason from ({who}) everybody");
        }
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
const REASONS: [&str; 11] = [
    "no_address",
    "no_consent",
    "unsubscribed",
    "bounced",
    "complained",
    "manual",
    "too_late",
    "missed",
    "sent_by_hand",
    "condition",
    "expired",
];

/// How many there are, and how many for each of [`REASONS`].
type Counts = (i64, i64, i64, i64, i64, i64, i64, i64, i64, i64, i64, i64);

/// Counted in one pass: grouping would sort a million rows in memory.
fn counts_by_reason() -> String {
    REASONS.iter().fold("count(*)".to_owned(), |text, reason| {
        format!("{text}, count(*) filter (where reason = '{reason}')")
    })
}

fn left_out(row: Option<Counts>) -> impl Iterator<Item = (&'static str, i64)> {
    let (_, a, b, c, d, e, f, g, h, i, j, k) = row.unwrap_or_default();
    REASONS.into_iter().zip([a, b, c, d, e, f, g, h, i, j, k]).filter(|(_, count)| *count > 0)
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
