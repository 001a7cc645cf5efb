//! Translation of a tree of rules into a boolean expression over `contacts c`. Events and
//! engagement become sets of contact ids, each read from an index once, so that the cost of a rule
//! grows with its matches and not with contacts times runs.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use campaign::audience::{MAX_AUDIENCE_DEPTH, MAX_AUDIENCE_RULES, MessageEvent};
use campaign::{AudienceId, CampaignId, Rule};
use database::{ID_SPACE, InputError, SqlDialect, StoreError};

use super::attribute::Attribute;
use super::engagement_kind::EngagementKind;
use super::expression::{Expression, Terms};

impl Expression<'_> {
    /// Returns the SQL condition that is true for the members of `audience` in the range.
    ///
    /// # Errors
    /// There is no such audience, or it has a text with a NUL, a number that is not finite, too
    /// many rules or too deep a nesting.
    pub fn members(&mut self, audience: &AudienceId) -> Result<String, StoreError> {
        let members = self.audience(audience)?;
        Ok(format!("c.id > {} and c.id <= {} and {members}", self.after, self.upto))
    }

    fn audience(&mut self, audience: &AudienceId) -> Result<String, StoreError> {
        let Some(audience) = self.audiences.get(audience) else {
            return Err(InputError::UnknownAudience(audience.as_str().to_owned()).into());
        };
        let rule = &audience.rule;
        self.rule(rule)
    }

    fn rule(&mut self, rule: &Rule) -> Result<String, StoreError> {
        self.enter()?;
        let text = match rule {
            Rule::All(rules) => self.all(rules)?.join("and", "1 = 1"),
            Rule::Any(rules) => self.rules(rules)?.join("or", "1 = 0"),
            Rule::None(rules) => format!("not {}", self.rules(rules)?.join("or", "1 = 0")),
            Rule::Attribute { name, test } => Attribute::of(self, name)?.test(self, test)?,
            Rule::Event { name, within, at_least } => {
                let test = self.event_test(*within, *at_least);
                self.has_event_row(name, &test)?
            }
            Rule::Engagement { campaign, did, within } => {
                self.engagement(campaign.as_ref(), *did, *within)?
            }
            Rule::Audience(id) => self.audience(id)?,
        };
        self.depth -= 1;
        Ok(format!("({text})"))
    }

    /// Counts a rule and its depth, and checks both limits.
    fn enter(&mut self) -> Result<(), StoreError> {
        self.rules += 1;
        if self.rules > MAX_AUDIENCE_RULES {
            return Err(InputError::TooManyRules(MAX_AUDIENCE_RULES).into());
        }
        if self.depth >= MAX_AUDIENCE_DEPTH {
            return Err(InputError::TooDeep(MAX_AUDIENCE_DEPTH).into());
        }
        self.depth += 1;
        Ok(())
    }

    fn rules(&mut self, rules: &[Rule]) -> Result<Terms, StoreError> {
        rules.iter().map(|rule| self.rule(rule)).collect::<Result<_, _>>().map(Terms)
    }

    /// Translates rules that must all be true. Rules about the same event are tested on the same
    /// row: "bought twice in a year, and not in the last two months" becomes one set instead of two
    /// that contain most contacts.
    fn all(&mut self, rules: &[Rule]) -> Result<Terms, StoreError> {
        let happened: BTreeSet<&str> = rules.iter().filter_map(event_name).collect();
        let mut of_events = BTreeMap::<&str, Vec<String>>::new();
        let mut terms = Vec::new();
        for rule in rules {
            match only_event(rule).filter(|name| happened.contains(name)) {
                Some(name) => of_events.entry(name).or_default().push(self.event_row_rule(rule)?),
                None => terms.push(self.rule(rule)?),
            }
        }
        for (name, tests) in of_events {
            terms.push(self.has_event_row(name, &Terms(tests).join("and", "1 = 1"))?);
        }
        Ok(Terms(terms))
    }

    /// Translates a rule about one event into a test of a row of `event_recents e`.
    fn event_row_rule(&mut self, rule: &Rule) -> Result<String, StoreError> {
        self.enter()?;
        let mut terms =
            |rules: &[Rule]| rules.iter().map(|rule| self.event_row_rule(rule)).collect::<Result<_, _>>();
        let text = match rule {
            Rule::All(rules) => Terms(terms(rules)?).join("and", "1 = 1"),
            Rule::Any(rules) => Terms(terms(rules)?).join("or", "1 = 0"),
            Rule::None(rules) => format!("not {}", Terms(terms(rules)?).join("or", "1 = 0")),
            Rule::Event { within, at_least, .. } => self.event_test(*within, *at_least),
            other => self.rule(other)?,
        };
        self.depth -= 1;
        Ok(format!("({text})"))
    }

    /// The condition that a contact has a row of the event `name` in `event_recents` for which
    /// `test` is true.
    fn has_event_row(&mut self, name: &str, test: &str) -> Result<String, StoreError> {
        let name = self.bind_text(name)?;
        let (after, upto) = (&self.after, &self.upto);
        Ok(self.id_in(&format!(
            "select e.contact_id from event_recents e
             where e.name = {name} and e.contact_id > {after} and e.contact_id <= {upto} and {test}"
        )))
    }

    /// A test of a row of `event_recents e`: the event happened at least `at_least` times within a
    /// period. Up to three times are decided by the three latest times in the row; for more, the
    /// events of contacts with three are counted.
    fn event_test(&mut self, within: Option<Duration>, at_least: u32) -> String {
        let column = match at_least {
            0 | 1 => "e.last_at",
            2 => "e.second_at",
            _ => "e.third_at",
        };
        let since = self.since(column, within);
        let mut test = format!("{column} is not null{since}");
        if at_least > 3 {
            let since = self.since("x.occurred_at", within);
            let least = self.bind(i64::from(at_least));
            // Counting stops at the required number.
            test.push_str(&format!(
                " and (select count(*) from (
                     select 1 from events x where x.name = e.name and x.contact_id = e.contact_id{since} limit {least})
                   counted) >= {least}"
            ));
        }
        test
    }

    /// The condition that a contact engaged with a campaign: the contacts in `engagement`, and
    /// those of runs whose deliveries are not in it yet.
    fn engagement(
        &mut self,
        campaign: Option<&CampaignId>,
        did: MessageEvent,
        within: Option<Duration>,
    ) -> Result<String, StoreError> {
        let engaged = EngagementKind::from(did);
        let (number, of) = match campaign {
            None => ("0".to_owned(), String::new()),
            Some(id) => {
                let name = self.bind_text(id.as_str())?;
                let number = format!("(select n.number from campaign_numbers n where n.campaign = {name})");
                (number, format!(" and r.campaign = {name}"))
            }
        };
        let known_since = self.since("g.last_at", within);
        let (kind, column) = (engaged.number(), engaged.delivery_column());
        let open_since = self.since(&format!("d.{column}"), within);
        let (after, upto) = (&self.after, &self.upto);
        // Reactions are stored in `engagement` as they arrive, except for runs older than that
        // table.
        let missing = if engaged == EngagementKind::Sent { "" } else { " and r.engaged < 1" };
        let unread = format!("r.engaged < 2{missing} and r.kind <> 'test'{of}");
        let between = format!(
            "d.id > r.id * {ID_SPACE} + {after} and d.id <= r.id * {ID_SPACE} + {upto}
             and d.{column} is not null{open_since}"
        );
        let unread_runs = match self.dialect {
            SqlDialect::Sqlite => format!(
                "select d.contact_id from runs r cross join deliveries d where {unread} and {between}"
            ),
            // PostgreSQL evaluates a subquery with an offset once for each run, whatever the
            // statistics say. Statistics from a time with many unread runs would otherwise make it
            // read all deliveries.
            SqlDialect::Postgres => format!(
                "select o.contact_id from runs r cross join lateral (
                   select d.contact_id from deliveries d where {between} offset 0) o
                 where {unread}"
            ),
        };
        Ok(self.id_in(&format!(
            "select g.contact_id from engagement g
             where g.campaign = {number} and g.kind = {kind} and g.contact_id > {after} and g.contact_id <= {upto}
               {known_since}
             union all {unread_runs}"
        )))
    }

    /// The condition that a contact's id is in a set. PostgreSQL estimates 200 ids for a set
    /// without statistics and would look each contact up by itself; with `is true` it reads the set
    /// into memory and filters the contacts in one pass.
    fn id_in(&self, set: &str) -> String {
        match self.dialect {
            SqlDialect::Sqlite => format!("c.id in ({set})"),
            SqlDialect::Postgres => format!("(c.id in ({set})) is true"),
        }
    }

    fn since(&mut self, column: &str, within: Option<Duration>) -> String {
        within.map_or_else(String::new, |within| {
            let within = i64::try_from(within.as_millis()).unwrap_or(i64::MAX);
            let since = self.bind(self.now.saturating_sub(within));
            format!(" and {column} >= {since}")
        })
    }
}

/// Returns the event of an event rule.
fn event_name(rule: &Rule) -> Option<&str> {
    match rule {
        Rule::Event { name, .. } => Some(name),
        _ => None,
    }
}

/// Returns the event that a rule and all rules within it are about, where there is exactly one.
fn only_event(rule: &Rule) -> Option<&str> {
    let (Rule::All(rules) | Rule::Any(rules) | Rule::None(rules)) = rule else { return event_name(rule) };
    let (first, others) = rules.split_first()?;
    only_event(first).filter(|name| others.iter().all(|other| only_event(other) == Some(name)))
}
