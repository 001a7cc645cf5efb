//! Contacts that a run goes to, as pieces of a statement, each with the reason to leave it out.

use contacts::{ContactRange, Expression};
use database::{Arg, Dialect, ID_SPACE, InputError, Millis, RunId, Sql, StoreError, args, sql};
use jiff::tz::TimeZone;
use schedule::{Condition, Moment, Reaction};
use sha2::{Digest, Sha256};

use super::{ByHand, Missing, PlanCounts, Planned};
use crate::address::{address_of, is_suppressed};
use crate::{Address, Store};

const ZONES: Sql = sql!("select distinct timezone from contacts where timezone is not null");

pub(super) fn plan_counts(row: Option<Counts>) -> PlanCounts {
    let mut counts = PlanCounts { audience: row.map_or(0, |row| row.0), ..PlanCounts::default() };
    counts.left_out = left_out(row).map(|(reason, count)| (reason.to_owned(), count)).collect();
    counts.reached = counts.audience - counts.left_out.values().sum::<i64>();
    counts
}

impl Planned<'_> {
    pub(super) fn address(&self) -> Option<&Address> {
        match self {
            Self::Feed { .. } => None,
            Self::Audience { address, .. } | Self::Followers { address, .. } | Self::One { address, .. } => {
                Some(address)
            }
        }
    }
}

/// The number of arguments before those of the audience where each contact's own clock counts.
const LOCAL_ARGS: usize = 5;

/// Contacts that a run goes to, as pieces of a statement: fixed texts and placeholders only.
pub(super) struct People {
    /// Common table expressions before the statement.
    with: &'static str,
    /// After `from`.
    pub(super) from: String,
    /// The time at which it falls due for a contact.
    pub(super) due: String,
    /// After `where`.
    members: String,
    /// The last arms of the reasons to leave somebody out, over the column `due`.
    pub(super) left_out: String,
    /// True if nobody is left out: a test copy goes to an address of its own.
    pub(super) whatever: bool,
    /// $1 is the run, $2 its address as `runs.address` has it, the rest is as the pieces say.
    args: Vec<Arg>,
    /// The place of the range among the arguments, of an audience; those of its rules come behind.
    range_at: Option<usize>,
}

/// The time zones that contacts have: where each contact's own clock counts.
pub(super) struct Zones(Vec<String>);

impl Zones {
    /// Reads them, where they are needed.
    pub(super) async fn read(store: &Store, whom: &Planned<'_>) -> Result<Self, StoreError> {
        if !matches!(whom, Planned::Audience { moment: Moment::Local(_), .. }) {
            return Ok(Self(Vec::new()));
        }
        let names: Vec<(String,)> = store.rows(&ZONES, args![]).await?;
        Ok(Self(names.into_iter().map(|(name,)| name).collect()))
    }
}

impl People {
    /// Those of `whom` in a range.
    pub(super) fn of(
        dialect: Dialect,
        run: RunId,
        whom: &Planned<'_>,
        zones: &Zones,
        range: ContactRange,
        now: Millis,
    ) -> Result<Self, StoreError> {
        let kind = whom.address().map(Address::stored).transpose()?;
        let kind = kind.as_deref();
        match whom {
            Planned::Audience { audiences, audience, moment, fallback, catch_up_window, by_hand, .. } => {
                let mut people = Self::at(args![run, kind], "");
                match moment {
                    Moment::Instant(at) => people.args.push(Arg::from(at.as_millisecond())),
                    Moment::Local(_) => {
                        people.args.push(Arg::from(moment.due_in(fallback).as_millisecond()));
                        people.local(dialect, zones, moment, now.saturating_sub(*catch_up_window));
                    }
                }
                people.range_at = Some(people.args.len());
                let mut who = Expression::new(dialect, audiences, now, range, people.args);
                people.members = who.members(audience)?;
                people.args = who.args();
                if let Some(by_hand) = by_hand {
                    people.asked_for(by_hand);
                }
                Ok(people)
            }
            Planned::One { contact, due_at, .. } => {
                Ok(Self::at(args![run, kind, *due_at, *contact], "c.id = $4"))
            }
            Planned::Feed { .. } | Planned::Followers { .. } => Err(InputError::NotPeople.into()),
        }
    }

    pub(super) fn at(args: Vec<Arg>, members: &str) -> Self {
        let (from, members) = ("contacts c".to_owned(), members.to_owned());
        let due = "cast($3 as bigint)".to_owned();
        Self { with: "", from, due, members, left_out: String::new(), whatever: false, args, range_at: None }
    }

    /// Leaves out as `missed` those whose own instant lies up to a time.
    pub(super) fn leave_out_missed(&mut self, missed_to: Option<Millis>) {
        if let Some(missed_to) = missed_to {
            self.left_out.push_str(&format!(" when due <= {missed_to} then 'missed'"));
        }
    }

    /// Looks at the members of an audience in another range.
    pub(super) fn look_at(&mut self, range: ContactRange) {
        if let Some(at) = self.range_at {
            self.args[at] = range.after.into();
            self.args[at + 1] = range.upto.into();
        }
    }

    /// A digest that is equal for the same rules with the same values, whatever the range.
    pub(super) fn digest(&self) -> String {
        let values = self.range_at.map_or(&[][..], |at| &self.args[at + 2..]);
        let rules = format!("{}\n{values:?}", self.members);
        hex::encode(&Sha256::digest(rules)[..16])
    }

    /// Keeps to a person's request: only those who have not got it, and only those who meet the condition.
    fn asked_for(&mut self, by_hand: &ByHand<'_>) {
        let mut bind = |text: &str| {
            self.args.push(Arg::from(text));
            format!("cast(${} as text)", self.args.len())
        };
        if let Some(missing) = by_hand.asked.missing {
            let (campaign, step) = (bind(by_hand.campaign), bind(by_hand.step));
            let runs =
                format!("m.campaign = {campaign} and m.step = {step} and m.kind <> 'test' and m.id <> $1");
            let which = match missing {
                Missing::Ever => String::new(),
                Missing::LastTime => format!(" and m.id = (select max(m.id) from runs m where {runs})"),
            };
            self.members = format!(
                "{} and not exists (
                   select 1 from runs m join deliveries g on g.id = m.id * {ID_SPACE} + c.id
                   where {runs}{which} and g.state not in ('suppressed', 'cancelled', 'failed'))",
                self.members
            );
        }
        if let Some((parent, condition)) = &by_hand.asked.condition {
            let (campaign, parent) = (bind(by_hand.campaign), bind(parent));
            let (reaction, not) = match *condition {
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
                     select p.{column} as reacted from runs q join deliveries p on p.id = q.id * {ID_SPACE} + who.id
                     where q.campaign = {campaign} and q.step = {parent} and q.kind <> 'test' and p.sent_at is not null
                     order by p.sent_at desc limit 1) latest
                   where latest.reacted is not null) then 'condition'"
            ));
        }
    }

    /// The statement that counts them.
    pub(super) fn count(self) -> (String, Vec<Arg>) {
        let Self { with, from, due, members, left_out, .. } = &self;
        let who = judged(from, due, "$2", members, left_out);
        // Every placeholder has to stand in the statement.
        let text = format!(
            "{with} select {} from ({who}) judged where cast($1 as bigint) is not null",
            counts_by_reason()
        );
        (text, self.args)
    }

    /// Each contact's own wall clock: when it is that time in each of the zones.
    fn local(&mut self, dialect: Dialect, zones: &Zones, moment: &Moment, too_late: Millis) {
        let due: serde_json::Map<_, _> = zones
            .0
            .iter()
            .filter_map(|name| {
                let zone = TimeZone::get(name).ok()?;
                Some((name.clone(), moment.due_in(&zone).as_millisecond().into()))
            })
            .collect();
        let due = serde_json::Value::Object(due).to_string();
        self.args.extend(args![too_late, due.as_str()]);
        self.with = match dialect {
            Dialect::Sqlite => {
                "with zones as materialized (select key as name, value as due from json_each($5))"
            }
            Dialect::Postgres => {
                "with zones as materialized (
                   select key as name, cast(value as bigint) as due from jsonb_each_text(cast($5 as jsonb)))"
            }
        };
        self.from.push_str(" left join zones z on z.name = c.timezone");
        "coalesce(z.due, $3)".clone_into(&mut self.due);
        self.left_out.push_str(" when due < $4 then 'too_late'");
    }

    /// Keeps those who were added or changed after `since`, have no delivery yet, and whose own instant is ahead.
    pub(super) fn only_new(&mut self, since: Millis, now: Millis) {
        self.members = format!(
            "{} and c.updated_at > {since} and {} > {now}
             and not exists (select 1 from deliveries d where d.id = $1 * {ID_SPACE} + c.id)",
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
             where deliveries.id = $1 * {ID_SPACE} + w.id and deliveries.state = 'queued' and deliveries.attempts = 0
               and deliveries.lease_id is null and deliveries.scheduled_at > {now} and deliveries.scheduled_at <> w.due
               and (cast($4 as bigint) is null or true)"
        );
        (text, self.args)
    }

    /// The statement that makes their deliveries.
    pub(super) fn insert(&self) -> (String, Vec<Arg>) {
        let Self { with, from, due, members, left_out, .. } = self;
        let mut who = judged(from, due, "$2", members, left_out);
        if self.whatever {
            who = format!("select id, due, cast(null as text) as reason from ({who}) everybody");
        }
        let text = format!(
            "{with} insert into deliveries (id, run_id, contact_id, state, reason, due_at, scheduled_at)
             select $1 * {ID_SPACE} + id, $1, id, case when reason is null then 'queued' else 'suppressed' end,
                    reason, case when reason is null then due end, case when due < 0 then 0 else due end
             from ({who}) judged"
        );
        (text, self.args.clone())
    }
}

/// The reasons to leave people out when a run is planned.
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

/// The number of all people, and of those with each of [`REASONS`].
pub(super) type Counts = (i64, i64, i64, i64, i64, i64, i64, i64, i64, i64, i64, i64);

/// Counted in one pass: grouping would sort a million rows in memory.
pub(super) fn counts_by_reason() -> String {
    REASONS.iter().fold("count(*)".to_owned(), |text, reason| {
        format!("{text}, count(*) filter (where reason = '{reason}')")
    })
}

pub(super) fn left_out(row: Option<Counts>) -> impl Iterator<Item = (&'static str, i64)> {
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
