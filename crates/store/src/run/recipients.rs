//! The query for a run's recipients, in parts of SQL statements, each recipient with the reason to
//! leave them out if there is one.

use contacts::{ContactRange, Expression, lacks_consent};
use database::{Arg, ID_SPACE, InputError, Millis, RunId, Sql, SqlDialect, StoreError, args, sql};
use jiff::tz::TimeZone;
use schedule::{Condition, Moment, Reaction};
use sha2::{Digest, Sha256};

use super::{ManualSend, MissingFrom, PlanCounts, RecipientSource};
use crate::address::{address_of, is_suppressed};
use crate::{RecipientAddress, Store};

const ZONES: Sql = sql!("select distinct timezone from contacts where timezone is not null");

pub(super) fn plan_counts(row: Option<ReasonCounts>) -> PlanCounts {
    let mut counts = PlanCounts { audience: row.map_or(0, |row| row.0), ..PlanCounts::default() };
    counts.left_out = excluded_counts(row).map(|(reason, count)| (reason.to_owned(), count)).collect();
    counts.reached = counts.audience - counts.left_out.values().sum::<i64>();
    counts
}

impl RecipientSource<'_> {
    pub(super) fn address(&self) -> Option<&RecipientAddress> {
        match self {
            Self::Feed { .. } => None,
            Self::Audience { address, .. } | Self::Followers { address, .. } | Self::One { address, .. } => {
                Some(address)
            }
        }
    }
}

/// The number of arguments before those of the audience, if due times depend on each contact's time
/// zone.
const LOCAL_TIME_ARGS: usize = 5;

/// A query for a run's recipients, in parts of a statement: fixed texts and placeholders only.
pub(super) struct RecipientQuery {
    /// The common table expressions before the statement.
    with: &'static str,
    /// The text after `from`.
    pub(super) from: String,
    /// The SQL expression of a contact's due time.
    pub(super) due: String,
    /// The text after `where`.
    members: String,
    /// The last arms of the `case` that gives the reason to leave a contact out, over the column
    /// `due`.
    pub(super) exclusions: String,
    /// True if no contact is left out: a test copy goes to an address that replaces the contact's.
    pub(super) ignores_exclusions: bool,
    /// The arguments: $1 is the run, $2 its address as in `runs.address`, the rest depends on the
    /// parts.
    args: Vec<Arg>,
    /// The index of the range among the arguments, of an audience; the arguments of its rules
    /// follow.
    range_at: Option<usize>,
}

/// The time zones of contacts, if due times depend on each contact's time zone.
pub(super) struct Zones(Vec<String>);

impl Zones {
    /// Reads the time zones, if they are needed.
    pub(super) async fn read(store: &Store, recipients: &RecipientSource<'_>) -> Result<Self, StoreError> {
        if !matches!(recipients, RecipientSource::Audience { moment: Moment::Local(_), .. }) {
            return Ok(Self(Vec::new()));
        }
        let names: Vec<(String,)> = store.rows(&ZONES, args![]).await?;
        Ok(Self(names.into_iter().map(|(name,)| name).collect()))
    }
}

impl RecipientQuery {
    /// Creates the query for the recipients of a run in a range of contacts.
    pub(super) fn build(
        dialect: SqlDialect,
        run: RunId,
        recipients: &RecipientSource<'_>,
        zones: &Zones,
        range: ContactRange,
        now: Millis,
    ) -> Result<Self, StoreError> {
        let kind = recipients.address().map(RecipientAddress::stored).transpose()?;
        let kind = kind.as_deref();
        match recipients {
            RecipientSource::Audience {
                audiences,
                audience,
                moment,
                fallback,
                catch_up_window,
                by_hand,
                ..
            } => {
                let mut query = Self::with_members(args![run, kind], "");
                match moment {
                    Moment::Instant(at) => query.args.push(Arg::from(at.as_millisecond())),
                    Moment::Local(_) => {
                        query.args.push(Arg::from(moment.due_in(fallback).as_millisecond()));
                        query.use_local_time(dialect, zones, moment, now.saturating_sub(*catch_up_window));
                    }
                }
                query.range_at = Some(query.args.len());
                let mut expression = Expression::new(dialect, audiences, now, range, query.args);
                query.members = expression.members(audience)?;
                query.args = expression.args();
                if let Some(by_hand) = by_hand {
                    query.apply_request(by_hand);
                }
                Ok(query)
            }
            RecipientSource::One { contact, due_at, .. } => {
                Ok(Self::with_members(args![run, kind, *due_at, *contact], "c.id = $4"))
            }
            RecipientSource::Feed { .. } | RecipientSource::Followers { .. } => {
                Err(InputError::NotPeople.into())
            }
        }
    }

    pub(super) fn with_members(args: Vec<Arg>, members: &str) -> Self {
        let (from, members) = ("contacts c".to_owned(), members.to_owned());
        let due = "cast($3 as bigint)".to_owned();
        Self {
            with: "",
            from,
            due,
            members,
            exclusions: String::new(),
            ignores_exclusions: false,
            args,
            range_at: None,
        }
    }

    /// Leaves out, as `missed`, contacts whose own due time is not after `missed_to`.
    pub(super) fn leave_out_missed(&mut self, missed_to: Option<Millis>) {
        if let Some(missed_to) = missed_to {
            self.exclusions.push_str(&format!(" when due <= {missed_to} then 'missed'"));
        }
    }

    /// Sets the range of contacts of an audience's query.
    pub(super) fn set_range(&mut self, range: ContactRange) {
        if let Some(at) = self.range_at {
            self.args[at] = range.after.into();
            self.args[at + 1] = range.upto.into();
        }
    }

    /// Returns a digest that is equal for equal rules with equal values, whatever the range.
    pub(super) fn digest(&self) -> String {
        let values = self.range_at.map_or(&[][..], |at| &self.args[at + 2..]);
        let rules = format!("{}\n{values:?}", self.members);
        hex::encode(&Sha256::digest(rules)[..16])
    }

    /// Applies a person's request: only contacts who have not got the step, and only those who meet
    /// the condition.
    fn apply_request(&mut self, by_hand: &ManualSend<'_>) {
        let mut bind = |text: &str| {
            self.args.push(Arg::from(text));
            format!("cast(${} as text)", self.args.len())
        };
        if let Some(missing) = by_hand.request.missing {
            let (campaign, step) = (bind(by_hand.campaign), bind(by_hand.step));
            let runs =
                format!("m.campaign = {campaign} and m.step = {step} and m.kind <> 'test' and m.id <> $1");
            let which = match missing {
                MissingFrom::AllRuns => String::new(),
                MissingFrom::LatestRun => format!(" and m.id = (select max(m.id) from runs m where {runs})"),
            };
            self.members = format!(
                "{} and not exists (
                   select 1 from runs m join deliveries g on g.id = m.id * {ID_SPACE} + c.id
                   where {runs}{which} and g.state not in ('suppressed', 'cancelled', 'failed'))",
                self.members
            );
        }
        if let Some((parent, condition)) = &by_hand.request.condition {
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
            self.exclusions.push_str(&format!(
                " when {not}exists (
                   select 1 from (
                     select p.{column} as reacted from runs q join deliveries p on p.id = q.id * {ID_SPACE} + who.id
                     where q.campaign = {campaign} and q.step = {parent} and q.kind <> 'test' and p.sent_at is not null
                     order by p.sent_at desc limit 1) latest
                   where latest.reacted is not null) then 'condition'"
            ));
        }
    }

    /// Returns the statement that counts the recipients by reason, with its arguments, for a run
    /// that does not exist yet. $1 is its purpose.
    pub(super) fn count_statement(mut self, purpose: Option<&str>) -> (String, Vec<Arg>) {
        let Self { with, from, due, members, exclusions, .. } = &self;
        let selected = recipients_query(from, due, "$2", "$1", members, exclusions);
        let text = format!("{with} select {} from ({selected}) judged", counts_by_reason());
        self.args[0] = Arg::from(purpose);
        (text, self.args)
    }

    /// Makes the due time depend on each contact's time zone: the instant of a local time in each
    /// zone.
    fn use_local_time(&mut self, dialect: SqlDialect, zones: &Zones, moment: &Moment, too_late: Millis) {
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
            SqlDialect::Sqlite => {
                "with zones as materialized (select key as name, value as due from json_each($5))"
            }
            SqlDialect::Postgres => {
                "with zones as materialized (
                   select key as name, cast(value as bigint) as due from jsonb_each_text(cast($5 as jsonb)))"
            }
        };
        self.from.push_str(" left join zones z on z.name = c.timezone");
        "coalesce(z.due, $3)".clone_into(&mut self.due);
        self.exclusions.push_str(" when due < $4 then 'too_late'");
    }

    /// Selects only contacts who were added or changed after `since`, have no delivery yet, and
    /// whose own due time lies ahead.
    pub(super) fn keep_new(&mut self, since: Millis, now: Millis) {
        self.members = format!(
            "{} and c.updated_at > {since} and {} > {now}
             and not exists (select 1 from deliveries d where d.id = $1 * {ID_SPACE} + c.id)",
            self.members, self.due
        );
    }

    /// Returns the statement that moves deliveries of contacts whose zone changed after `since` to
    /// their new due time, with its arguments.
    pub(super) fn update_due_statement(mut self, since: Millis, now: Millis) -> (String, Vec<Arg>) {
        // Membership in the audience is not checked: all contacts here have a delivery already.
        self.args.truncate(LOCAL_TIME_ARGS);
        let Self { with, from, due, .. } = &self;
        let selected = format!(
            "select c.id, {due} as due from {from} where c.updated_at > {since} and cast($2 as text) is not null"
        );
        let text = format!(
            "{with} update deliveries set
               due_at = case when w.due > {now} then w.due else {now} end,
               scheduled_at = case when w.due > {now} then w.due else {now} end
             from ({selected}) w
             where deliveries.id = $1 * {ID_SPACE} + w.id and deliveries.state = 'queued' and deliveries.attempts = 0
               and deliveries.lease_id is null and deliveries.scheduled_at > {now} and deliveries.scheduled_at <> w.due
               and (cast($4 as bigint) is null or true)"
        );
        (text, self.args)
    }

    /// Returns the statement that inserts the deliveries, with its arguments.
    pub(super) fn insert_statement(&self) -> (String, Vec<Arg>) {
        let Self { with, from, due, members, exclusions, .. } = self;
        let mut selected = recipients_query(from, due, "$2", PURPOSE_OF_RUN, members, exclusions);
        if self.ignores_exclusions {
            selected = format!("select id, due, cast(null as text) as reason from ({selected}) everybody");
        }
        let text = format!(
            "{with} insert into deliveries (id, run_id, contact_id, state, reason, due_at, scheduled_at)
             select $1 * {ID_SPACE} + id, $1, id, case when reason is null then 'queued' else 'suppressed' end,
                    reason, case when reason is null then due end, case when due < 0 then 0 else due end
             from ({selected}) judged"
        );
        (text, self.args.clone())
    }
}

/// The reasons to leave contacts out when a run is planned.
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

/// The number of all contacts, and of those with each of [`REASONS`].
pub(super) type ReasonCounts = (i64, i64, i64, i64, i64, i64, i64, i64, i64, i64, i64, i64);

/// The select list that counts contacts by reason in one pass: grouping would sort a million rows
/// in memory.
pub(super) fn counts_by_reason() -> String {
    REASONS.iter().fold("count(*)".to_owned(), |text, reason| {
        format!("{text}, count(*) filter (where reason = '{reason}')")
    })
}

pub(super) fn excluded_counts(row: Option<ReasonCounts>) -> impl Iterator<Item = (&'static str, i64)> {
    let (_, a, b, c, d, e, f, g, h, i, j, k) = row.unwrap_or_default();
    REASONS.into_iter().zip([a, b, c, d, e, f, g, h, i, j, k]).filter(|(_, count)| *count > 0)
}

/// The SQL expression of the purpose of run $1.
const PURPOSE_OF_RUN: &str = "(select purpose from runs where id = $1)";

/// The query for contacts, each with the reason to leave them out if there is one. `address` is the
/// placeholder of the needed address, as in `runs.address`, and `purpose` the expression of the
/// purpose, as in `runs.purpose`.
pub(super) fn recipients_query(
    from: &str,
    due: &str,
    address: &str,
    purpose: &str,
    members: &str,
    exclusions: &str,
) -> String {
    format!(
        "select id, due, case when address is null then 'no_address' when suppressed is not null then suppressed
                when lacks_consent then 'no_consent'{exclusions} end as reason
         from (select c.id, {due} as due, {needed} as address, {lacks_consent} as lacks_consent, s.reason as suppressed
               from {from}
               join (select cast({address} as text) as address, cast({purpose} as text) as purpose) r on true
               left join suppressions s on {is_suppressed}
               where {members}) who",
        needed = address_of!(),
        lacks_consent = lacks_consent!(),
        is_suppressed = is_suppressed!(),
    )
}
