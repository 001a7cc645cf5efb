//! A tree of rules as a boolean expression over `contacts c`.

use std::collections::BTreeMap;
use std::time::Duration;

use campaign::audience::Did;
use campaign::{Audience, AudienceId, CampaignId, Rule};

use super::attribute::Attribute;
use crate::sql::{Arg, Dialect};
use crate::{Millis, StoreError};

/// How deep rules and the audiences they name may nest.
const DEEPEST: usize = 32;

/// How many rules one audience may have, those of audiences it names included.
const MOST_RULES: usize = 1_000;

/// An expression under construction. Its text is made of fixed fragments and placeholders; every name and
/// value of a file is an argument.
pub(crate) struct Expression<'a> {
    dialect: Dialect,
    audiences: &'a BTreeMap<AudienceId, Audience>,
    now: Millis,
    args: Vec<Arg>,
    rules: usize,
    depth: usize,
}

impl<'a> Expression<'a> {
    /// Placeholders go on after those of `args`.
    pub(crate) fn new(
        dialect: Dialect,
        audiences: &'a BTreeMap<AudienceId, Audience>,
        now: Millis,
        args: Vec<Arg>,
    ) -> Self {
        Self { dialect, audiences, now, args, rules: 0, depth: 0 }
    }

    /// The text that is true for members of `audience`.
    pub(crate) fn audience(&mut self, audience: &AudienceId) -> Result<String, StoreError> {
        let Some(audience) = self.audiences.get(audience) else {
            return Err(StoreError::BadInput(format!(
                "there is no audience {:?}; add the file audiences/{audience}.toml",
                audience.as_str()
            )));
        };
        let rule = &audience.rule;
        self.rule(rule)
    }

    /// All values, in the order of their placeholders.
    pub(crate) fn args(self) -> Vec<Arg> {
        self.args
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// A placeholder for a value.
    pub(super) fn bind(&mut self, value: impl Into<Arg>) -> String {
        self.args.push(value.into());
        let placeholder = format!("${}", self.args.len());
        // PostgreSQL has no other way to know what an operator is given.
        match self.args.last() {
            Some(Arg::Int(_)) => format!("cast({placeholder} as bigint)"),
            Some(Arg::Real(_)) => format!("cast({placeholder} as double precision)"),
            _ => format!("cast({placeholder} as text)"),
        }
    }

    /// A placeholder for a text of a file.
    pub(super) fn bind_text(&mut self, text: &str) -> Result<String, StoreError> {
        if text.contains('\0') {
            return Err(StoreError::BadInput(format!(
                "an audience compares with {text:?}; take the NUL out"
            )));
        }
        Ok(self.bind(text))
    }

    fn rule(&mut self, rule: &Rule) -> Result<String, StoreError> {
        self.rules += 1;
        if self.rules > MOST_RULES {
            return Err(StoreError::BadInput(format!("an audience has at most {MOST_RULES} rules")));
        }
        if self.depth >= DEEPEST {
            return Err(StoreError::BadInput(format!("audiences nest at most {DEEPEST} deep")));
        }
        self.depth += 1;
        let text = match rule {
            Rule::All(rules) => self.rules(rules)?.join("and", "1 = 1"),
            Rule::Any(rules) => self.rules(rules)?.join("or", "1 = 0"),
            Rule::None(rules) => format!("not {}", self.rules(rules)?.join("or", "1 = 0")),
            Rule::Attribute { name, test } => Attribute::of(self, name)?.test(self, test)?,
            Rule::Event { name, within, at_least } => self.event(name, *within, *at_least)?,
            Rule::Engagement { campaign, did, within } => {
                self.engagement(campaign.as_ref(), *did, *within)?
            }
            Rule::Audience(id) => self.audience(id)?,
        };
        self.depth -= 1;
        Ok(format!("({text})"))
    }

    fn rules(&mut self, rules: &[Rule]) -> Result<Terms, StoreError> {
        rules.iter().map(|rule| self.rule(rule)).collect::<Result<_, _>>().map(Terms)
    }

    fn event(&mut self, name: &str, within: Option<Duration>, at_least: u32) -> Result<String, StoreError> {
        let name = self.bind_text(name)?;
        let since = self.since("e.occurred_at", within);
        let events = format!("from events e where e.contact_id = c.id and e.name = {name}{since}");
        if at_least <= 1 {
            return Ok(format!("exists (select 1 {events})"));
        }
        let least = self.bind(i64::from(at_least));
        // Counted no further than needed.
        Ok(format!("(select count(*) from (select 1 {events} limit {least}) counted) >= {least}"))
    }

    fn engagement(
        &mut self,
        campaign: Option<&CampaignId>,
        did: Did,
        within: Option<Duration>,
    ) -> Result<String, StoreError> {
        let column = match did {
            Did::Sent => "d.sent_at",
            Did::Opened => "d.opened_at",
            Did::Clicked => "d.clicked_at",
            Did::Converted => "d.converted_at",
        };
        let of = match campaign {
            Some(id) => format!(" and r.campaign = {}", self.bind_text(id.as_str())?),
            None => String::new(),
        };
        let since = self.since(column, within);
        Ok(format!(
            "exists (select 1 from runs r join deliveries d on d.id = r.id * 4294967296 + c.id
                     where r.kind <> 'test' and {column} is not null{of}{since})"
        ))
    }

    fn since(&mut self, column: &str, within: Option<Duration>) -> String {
        within.map_or_else(String::new, |within| {
            let within = Millis::try_from(within.as_millis()).unwrap_or(Millis::MAX);
            let since = self.bind(self.now.saturating_sub(within));
            format!(" and {column} >= {since}")
        })
    }
}

/// Texts to be joined by one word.
pub(super) struct Terms(pub(super) Vec<String>);

impl Terms {
    /// All of them joined as a balanced tree, because SQLite bounds the depth of an expression;
    /// `empty` when there are none.
    pub(super) fn join(self, word: &str, empty: &str) -> String {
        fn tree(terms: &[String], word: &str, text: &mut String) {
            if let [term] = terms {
                text.push_str(term);
                return;
            }
            let (left, right) = terms.split_at(terms.len() / 2);
            text.push('(');
            tree(left, word, text);
            text.push(' ');
            text.push_str(word);
            text.push(' ');
            tree(right, word, text);
            text.push(')');
        }
        if self.0.is_empty() {
            return format!("({empty})");
        }
        let mut text = String::new();
        tree(&self.0, word, &mut text);
        text
    }
}
