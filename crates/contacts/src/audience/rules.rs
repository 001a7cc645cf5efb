//! A tree of rules as a boolean expression over `contacts c`. What people did is asked for as sets of contact ids, each
//! read from an index once, so that a rule costs what matches it and not contacts times runs.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use campaign::audience::{DEEPEST, Did, MOST_RULES};
use campaign::{AudienceId, CampaignId, Rule};
use database::{Dialect, ID_SPACE, InputError, StoreError};

use super::attribute::Attribute;
use super::engaged::Engaged;
use super::expression::{Expression, Terms};

impl Expression<'_> {
    /// The text that is true for members of `audience` in the range.
    ///
    /// # Errors
    /// There is no such audience, or it cannot be asked for.
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
                let test = self.happened(*within, *at_least);
                self.with_event(name, &test)?
            }
            Rule::Engagement { campaign, did, within } => {
                self.engagement(campaign.as_ref(), *did, *within)?
            }
            Rule::Audience(id) => self.audience(id)?,
        };
        self.depth -= 1;
        Ok(format!("({text})"))
    }

    /// Counts a rule, and the depth that it is at.
    fn enter(&mut self) -> Result<(), StoreError> {
        self.rules += 1;
        if self.rules > MOST_RULES {
            return Err(InputError::TooManyRules(MOST_RULES).into());
        }
        if self.depth >= DEEPEST {
            return Err(InputError::TooDeep(DEEPEST).into());
        }
        self.depth += 1;
        Ok(())
    }

    fn rules(&mut self, rules: &[Rule]) -> Result<Terms, StoreError> {
        rules.iter().map(|rule| self.rule(rule)).collect::<Result<_, _>>().map(Terms)
    }

    /// Rules that must all be true. Those about one event that happened are asked of the same row: "bought twice in a
    /// year, and not in the last two months" is one set, and not two with most contacts in each.
    fn all(&mut self, rules: &[Rule]) -> Result<Terms, StoreError> {
        let happened: BTreeSet<&str> = rules.iter().filter_map(event_name).collect();
        let mut of_events = BTreeMap::<&str, Vec<String>>::new();
        let mut terms = Vec::new();
        for rule in rules {
            match only_event(rule).filter(|name| happened.contains(name)) {
                Some(name) => of_events.entry(name).or_default().push(self.of_row(rule)?),
                None => terms.push(self.rule(rule)?),
            }
        }
        for (name, tests) in of_events {
            terms.push(self.with_event(name, &Terms(tests).join("and", "1 = 1"))?);
        }
        Ok(Terms(terms))
    }

    /// A rule about one event alone, as a test of a row of `event_recents e`.
    fn of_row(&mut self, rule: &Rule) -> Result<String, StoreError> {
        self.enter()?;
        let mut terms = |rules: &[Rule]| rules.iter().map(|rule| self.of_row(rule)).collect::<Result<_, _>>();
        let text = match rule {
            Rule::All(rules) => Terms(terms(rules)?).join("and", "1 = 1"),
            Rule::Any(rules) => Terms(terms(rules)?).join("or", "1 = 0"),
            Rule::None(rules) => format!("not {}", Terms(terms(rules)?).join("or", "1 = 0")),
            Rule::Event { within, at_least, .. } => self.happened(*within, *at_least),
            other => self.rule(other)?,
        };
        self.depth -= 1;
        Ok(format!("({text})"))
    }

    /// Those who have a row for an event that a test is true of.
    fn with_event(&mut self, name: &str, test: &str) -> Result<String, StoreError> {
        let name = self.bind_text(name)?;
        let (after, upto) = (&self.after, &self.upto);
        Ok(self.among(&format!(
            "select e.contact_id from event_recents e
             where e.name = {name} and e.contact_id > {after} and e.contact_id <= {upto} and {test}"
        )))
    }

    /// A test of a row of `event_recents e`: up to three in a period are told by the times of the last three; more are
    /// counted, of those who have three.
    fn happened(&mut self, within: Option<Duration>, at_least: u32) -> String {
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
            // Counted no further than needed.
            test.push_str(&format!(
                " and (select count(*) from (
                     select 1 from events x where x.name = e.name and x.contact_id = e.contact_id{since} limit {least})
                   counted) >= {least}"
            ));
        }
        test
    }

    /// Those whom `engagement` has, and those of runs whose deliveries it does not have yet.
    fn engagement(
        &mut self,
        campaign: Option<&CampaignId>,
        did: Did,
        within: Option<Duration>,
    ) -> Result<String, StoreError> {
        let engaged = Engaged::from(did);
        let (number, of) = match campaign {
            None => ("0".to_owned(), String::new()),
            Some(id) => {
                let name = self.bind_text(id.as_str())?;
                let number = format!("(select n.number from campaign_numbers n where n.campaign = {name})");
                (number, format!(" and r.campaign = {name}"))
            }
        };
        let known_since = self.since("g.last_at", within);
        let (kind, column) = (engaged.kind(), engaged.column());
        let open_since = self.since(&format!("d.{column}"), within);
        let (after, upto) = (&self.after, &self.upto);
        // Reactions are known as they come, but for runs made before they were kept.
        let missing = if engaged == Engaged::Sent { "" } else { " and r.engaged < 1" };
        let unread = format!("r.engaged < 2{missing} and r.kind <> 'test'{of}");
        let between = format!(
            "d.id > r.id * {ID_SPACE} + {after} and d.id <= r.id * {ID_SPACE} + {upto}
             and d.{column} is not null{open_since}"
        );
        let open = match self.dialect {
            Dialect::Sqlite => format!(
                "select d.contact_id from runs r cross join deliveries d where {unread} and {between}"
            ),
            // A subquery with an offset is asked for each run, whatever the statistics say: while these are of a time
            // with many unread runs, all deliveries would be read.
            Dialect::Postgres => format!(
                "select o.contact_id from runs r cross join lateral (
                   select d.contact_id from deliveries d where {between} offset 0) o
                 where {unread}"
            ),
        };
        Ok(self.among(&format!(
            "select g.contact_id from engagement g
             where g.campaign = {number} and g.kind = {kind} and g.contact_id > {after} and g.contact_id <= {upto}
               {known_since}
             union all {open}"
        )))
    }

    /// Those whose id a set has. PostgreSQL takes a set that it knows nothing of for 200 ids, and would look for each
    /// contact of it by itself; `is true` has it read the set into memory and look at the contacts in one pass.
    fn among(&self, set: &str) -> String {
        match self.dialect {
            Dialect::Sqlite => format!("c.id in ({set})"),
            Dialect::Postgres => format!("(c.id in ({set})) is true"),
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

/// The event that a rule says happened.
fn event_name(rule: &Rule) -> Option<&str> {
    match rule {
        Rule::Event { name, .. } => Some(name),
        _ => None,
    }
}

/// The event that a rule and those within it are about, where it is one and the same.
fn only_event(rule: &Rule) -> Option<&str> {
    let (Rule::All(rules) | Rule::Any(rules) | Rule::None(rules)) = rule else { return event_name(rule) };
    let (first, others) = rules.split_first()?;
    only_event(first).filter(|name| others.iter().all(|other| only_event(other) == Some(name)))
}
