//! Reads an audience file into an audience.

use source::{Field, Located};

use crate::audience::{Audience, Rule};
use crate::ids::AudienceId;
use crate::workspace::audience_file::condition;
use crate::workspace::audience_file::format::{AudienceFile, RuleFile};
use crate::workspace::audience_file::scope::Scope;
use crate::workspace::value::one_line;

/// Maximum nesting depth of groups in one file.
const MAX_GROUP_DEPTH: usize = 16;

/// Maximum number of conditions in one file.
const MAX_FILE_RULES: usize = 500;

/// Reads the rules of one file.
#[derive(Debug)]
pub(crate) struct AudienceReader<'a> {
    pub(crate) scope: Scope<'a>,
    /// The names of other audiences that the file refers to.
    pub(crate) references: Vec<Located<String>>,
    /// Number of conditions read so far.
    pub(crate) count: usize,
}

type Rules = Field<Vec<Field<RuleFile>>>;

impl AudienceReader<'_> {
    /// Reads the audience; `None` if it has errors.
    pub(crate) fn audience(&mut self, id: AudienceId, file: &AudienceFile) -> Option<Audience> {
        let title = self.scope.source.require(&file.title, "title", "title = \"Lapsing members\"", None);
        let title = title.and_then(|title| one_line(self.scope.source, "title", title));
        let rule = self.group([&file.all, &file.any, &file.none], 1);
        if self.count > MAX_FILE_RULES {
            let message = format!("this audience has {} conditions", self.count);
            let help = format!(
                "At most {MAX_FILE_RULES} are taken: `in = [...]` replaces many `is`, and other audiences can be used."
            );
            self.scope.source.error("too-many-rules", None, message, help);
        }
        let audience = Audience { id, title: title?, rule: rule?.unwrap_or(Rule::All(Vec::new())) };
        (!self.scope.source.has_errors()).then_some(audience)
    }

    /// Reads the one group of `all`, `any` and `none` that is given; `Some(None)` if none is.
    fn group(&mut self, groups: [&Rules; 3], depth: usize) -> Option<Option<Rule>> {
        let kinds: [fn(Vec<Rule>) -> Rule; 3] = [Rule::All, Rule::Any, Rule::None];
        let mut read = Vec::new();
        for (rules, make) in groups.into_iter().zip(kinds).filter(|(rules, _)| rules.is_given()) {
            read.push(self.members(rules, depth).map(make));
        }
        if read.len() > 1 {
            let span = groups.into_iter().filter_map(Field::span).nth(1);
            let help = "Keep one, and put the others inside it: all = [ …, { none = [ … ] } ].";
            self.scope.source.error(
                "too-many-groups",
                span,
                "only one of `all`, `any` and `none` can stand here",
                help,
            );
            return None;
        }
        read.pop().map_or(Some(None), |rule| rule.map(Some))
    }

    fn members(&mut self, rules: &Rules, depth: usize) -> Option<Vec<Rule>> {
        let rules = rules.get()?;
        if depth > MAX_GROUP_DEPTH {
            let message = format!("groups are nested more than {MAX_GROUP_DEPTH} deep");
            self.scope.source.error(
                "too-deep",
                rules.span.clone(),
                message,
                "Move the inner ones into their own audience.",
            );
            return None;
        }
        if rules.is_empty() {
            let help = "Add a condition; leave the key out to mean every contact.";
            self.scope.source.error("empty-group", rules.span.clone(), "this group has no conditions", help);
        }
        // Every member is read, so that everything wrong with any of them is reported.
        let members: Vec<_> =
            rules.iter().map(|rule| rule.get().and_then(|rule| self.rule(rule, depth))).collect();
        members.into_iter().collect()
    }

    fn rule(&mut self, rule: &Located<RuleFile>, depth: usize) -> Option<Rule> {
        self.count += 1;
        let is_group = rule.all.is_given() || rule.any.is_given() || rule.none.is_given();
        match condition::subject(self.scope.source, rule, is_group)? {
            condition::Subject::Group => self.group([&rule.all, &rule.any, &rule.none], depth + 1).flatten(),
            condition::Subject::Attribute => condition::attribute(&self.scope, rule),
            condition::Subject::Event => condition::event(self.scope.source, rule),
            condition::Subject::Engagement => condition::engagement(&self.scope, rule),
            condition::Subject::Audience => self.other(rule.audience.get()?),
        }
    }

    fn other(&mut self, name: &Located<String>) -> Option<Rule> {
        self.references.push(name.clone());
        // An invalid name is no audience's, and is reported with the unknown audiences.
        AudienceId::parse(name).ok().map(Rule::Audience)
    }
}
