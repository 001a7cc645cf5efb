//! Reads one condition of an audience: its subject and its tests.

use schedule::duration;
use source::{Field, Located, Scalar, SourceFile, nearest};

use crate::audience::{Rule, Test, Value};
use crate::workspace::audience_file::format::RuleFile;
use crate::workspace::audience_file::scope::Scope;
use crate::workspace::chorus_file::attributes::{BUILT_IN, attribute_name};
use crate::workspace::date_time::BadDate;
use crate::workspace::value::event_name;
use crate::workspace::{AttributeKind, date_time};

/// The subject of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    Group,
    Attribute,
    Event,
    Engagement,
    Audience,
}

const SUBJECTS: &str = "`all`, `any`, `none`, `attribute`, `event`, `did` or `audience`";

/// Returns the subject of `rule`, or reports that it has none or several. Reports keys of other
/// subjects.
pub(crate) fn subject(source: &SourceFile, rule: &Located<RuleFile>, is_group: bool) -> Option<Subject> {
    let is_engagement = rule.campaign.is_given() || rule.did.is_given();
    let subjects = [
        (is_group, Subject::Group),
        (rule.attribute.is_given(), Subject::Attribute),
        (rule.event.is_given(), Subject::Event),
        (is_engagement, Subject::Engagement),
        (rule.audience.is_given(), Subject::Audience),
    ];
    let mut given = subjects.into_iter().filter_map(|(given, subject)| given.then_some(subject));
    let (Some(subject), None) = (given.next(), given.next()) else {
        let message = format!("a condition is about exactly one of {SUBJECTS}");
        let help = "Put each into its own braces: { attribute = \"city\", is = \"Shanghai\" }, { event = \"purchase\" }.";
        source.error("not-one-subject", rule.span.clone(), message, help);
        return None;
    };
    refuse_keys(source, rule, subject);
    Some(subject)
}

/// Reports keys that do not belong to this subject.
fn refuse_keys(source: &SourceFile, rule: &RuleFile, subject: Subject) {
    let attribute = subject == Subject::Attribute;
    let event = subject == Subject::Event;
    let keys = [
        ("in", rule.r#in.is_given(), rule.r#in.span(), attribute),
        ("is", rule.is.is_given(), rule.is.span(), attribute),
        ("is_not", rule.is_not.is_given(), rule.is_not.span(), attribute),
        ("not_in", rule.not_in.is_given(), rule.not_in.span(), attribute),
        ("exists", rule.exists.is_given(), rule.exists.span(), attribute),
        ("contains", rule.contains.is_given(), rule.contains.span(), attribute),
        ("starts_with", rule.starts_with.is_given(), rule.starts_with.span(), attribute),
        ("less_than", rule.less_than.is_given(), rule.less_than.span(), attribute),
        ("at_most", rule.at_most.is_given(), rule.at_most.span(), attribute),
        ("more_than", rule.more_than.is_given(), rule.more_than.span(), attribute),
        ("at_least", rule.at_least.is_given(), rule.at_least.span(), attribute || event),
        ("before", rule.before.is_given(), rule.before.span(), attribute),
        ("after", rule.after.is_given(), rule.after.span(), attribute),
        ("within", rule.within.is_given(), rule.within.span(), event || subject == Subject::Engagement),
    ];
    for (key, _, span, _) in keys.into_iter().filter(|(_, given, _, fits)| *given && !fits) {
        source.error(
            "useless-key",
            span,
            format!("`{key}` has no meaning here"),
            "Leave it out, or give it its own condition.",
        );
    }
}

/// Reads a condition on an event.
pub(crate) fn event(source: &SourceFile, rule: &RuleFile) -> Option<Rule> {
    let name = rule.event.get().and_then(|name| event_name(source, name));
    let within = within(source, &rule.within);
    let at_least = match &rule.at_least {
        Field::Absent => Some(1),
        Field::Invalid => None,
        Field::Present(count) => times(source, count),
    };
    Some(Rule::Event { name: name?, within: within?, at_least: at_least? })
}

fn times(source: &SourceFile, count: &Located<Scalar>) -> Option<u32> {
    let number = match &count.value {
        Scalar::Number(digits) => digits.parse().ok().filter(|&count| count >= 1),
        _ => None,
    };
    if number.is_none() {
        let help = "Write how many times at least, such as `at_least = 2`.";
        source.error(
            "bad-count",
            count.span.clone(),
            "`at_least` beside `event` is a whole number from 1",
            help,
        );
    }
    number
}

fn within(source: &SourceFile, field: &Field<String>) -> Option<Option<std::time::Duration>> {
    match field {
        Field::Absent => Some(None),
        Field::Invalid => None,
        Field::Present(text) => {
            let help = "Write it like `60d`.";
            source.ok_or_report("bad-duration", &text.span, duration::parse(text), "`within`", help).map(Some)
        }
    }
}

/// Reads a condition on the contact's engagement with messages.
pub(crate) fn engagement(scope: &Scope<'_>, rule: &Located<RuleFile>) -> Option<Rule> {
    let did = scope.source.require(&rule.did, "did", "did = \"opened\"", Some(&rule.span));
    let did = did.map(|did| did.value);
    let campaign = scope.campaign(&rule.campaign);
    let within = within(scope.source, &rule.within);
    Some(Rule::Engagement { campaign: campaign?, did: did?, within: within? })
}

/// Reads a condition on an attribute, all of whose tests must hold.
pub(crate) fn attribute(scope: &Scope<'_>, rule: &Located<RuleFile>) -> Option<Rule> {
    let name = rule.attribute.get()?;
    let help = "Call it something like `first_name`.";
    scope.source.ok_or_report("bad-name", &name.span, attribute_name(name), "this attribute", help)?;
    if name.value == "consent" {
        let help = "A contact without consent is never written to, whatever the audience says: leave this condition out.";
        scope.source.error("no-attribute", name.span.clone(), "consent is not an attribute", help);
        return None;
    }
    warn_of_misspelt_name(scope, name);
    let test = TestReader { scope, name, kind: kind_of(scope, name) };
    let tests = test.all(rule);
    if tests.is_empty() {
        let help =
            "Say what must be true of it: `is = \"gold\"`, `in = [...]`, `exists = true`, `at_least = 3`.";
        scope.source.error(
            "no-test",
            rule.span.clone(),
            format!("there is no test on attribute `{}`", name.value),
            help,
        );
    }
    let tests: Option<Vec<_>> = tests.into_iter().collect();
    let mut rules: Vec<_> =
        tests?.into_iter().map(|test| Rule::Attribute { name: name.value.clone(), test }).collect();
    if rules.len() > 1 { Some(Rule::All(rules)) } else { rules.pop() }
}

/// Warns of an undeclared name that is similar to a declared one: a condition on it holds for no
/// contact, and its opposite for every contact.
fn warn_of_misspelt_name(scope: &Scope<'_>, name: &Located<String>) {
    let Some(declared) = scope.attributes.filter(|_| kind_of(scope, name).is_none()) else { return };
    let known = declared.keys().map(String::as_str).chain(BUILT_IN.iter().copied());
    if let Some(meant) = nearest(name, known) {
        let message = format!("attribute `{}` is not declared", name.value);
        let help = format!(
            "Did you mean `{meant}`? If not, add `{} = \"text\"` under [attributes] in chorus.toml.",
            name.value
        );
        scope.source.warning("undeclared-attribute", name.span.clone(), message, help);
    }
}

fn kind_of(scope: &Scope<'_>, name: &str) -> Option<AttributeKind> {
    match name {
        "created_at" => Some(AttributeKind::Date),
        _ if BUILT_IN.contains(&name) => Some(AttributeKind::Text),
        _ => scope.attributes.and_then(|declared| declared.get(name)).copied(),
    }
}

/// The tests of one condition on one attribute.
struct TestReader<'a> {
    scope: &'a Scope<'a>,
    name: &'a Located<String>,
    /// `None` if the attribute is not declared.
    kind: Option<AttributeKind>,
}

impl TestReader<'_> {
    /// Reads every test that is given; `None` for one that cannot be used.
    fn all(&self, rule: &RuleFile) -> Vec<Option<Test>> {
        [
            self.list(&rule.r#in, Test::In),
            self.list(&rule.not_in, Test::NotIn),
            self.one(&rule.is, |value| Test::In(vec![value])),
            self.one(&rule.is_not, |value| Test::NotIn(vec![value])),
            given(&rule.exists, |exists| Some(Test::Exists(exists.value))),
            given(&rule.contains, |text| self.partial_text("contains", text).map(Test::Contains)),
            given(&rule.starts_with, |text| self.partial_text("starts_with", text).map(Test::StartsWith)),
            self.order("less_than", &rule.less_than, Test::LessThan),
            self.order("at_most", &rule.at_most, Test::AtMost),
            self.order("more_than", &rule.more_than, Test::MoreThan),
            self.order("at_least", &rule.at_least, Test::AtLeast),
            given(&rule.before, |date| self.day(date).map(Test::LessThan)),
            given(&rule.after, |date| self.day(date).map(Test::MoreThan)),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn list(&self, field: &Field<Vec<Field<Scalar>>>, make: fn(Vec<Value>) -> Test) -> Option<Option<Test>> {
        given(field, |list| {
            if list.is_empty() {
                let message = "this list is empty";
                self.scope.source.error(
                    "empty-list",
                    list.span.clone(),
                    message,
                    "Add a value, or leave the condition out.",
                );
                return None;
            }
            let values: Vec<_> =
                list.iter().map(|value| value.get().and_then(|value| self.value(value))).collect();
            values.into_iter().collect::<Option<_>>().map(make)
        })
    }

    fn one(&self, field: &Field<Scalar>, make: fn(Value) -> Test) -> Option<Option<Test>> {
        given(field, |value| self.value(value).map(make))
    }

    /// Reads a part of a text to look for. Reports an empty one, which would hold for every
    /// contact.
    fn partial_text(&self, key: &str, text: &Located<String>) -> Option<String> {
        if text.is_empty() {
            let help = "Write what to look for, or `exists = true` for every contact that has one.";
            self.scope.source.error("empty-text", text.span.clone(), format!("`{key}` is empty"), help);
            return None;
        }
        if self.kind.is_some_and(|kind| kind != AttributeKind::Text) {
            let message = format!("`{key}` looks into a text, and `{}` is not one", self.name.value);
            self.scope.source.error(
                "wrong-test",
                text.span.clone(),
                message,
                "Compare it with `is`, `at_least` or the like.",
            );
            return None;
        }
        self.comparable(&text.value, &text.span)
    }

    /// Returns a text that databases can compare with; reports one with a NUL character.
    fn comparable(&self, text: &str, span: &std::ops::Range<usize>) -> Option<String> {
        let is_comparable = !text.contains('\0');
        if !is_comparable {
            let help = "Take it out; no text of a contact has one.";
            self.scope.source.error("bad-text", span.clone(), "this text has a NUL character", help);
        }
        is_comparable.then(|| text.to_owned())
    }

    fn order(&self, key: &str, field: &Field<Scalar>, make: fn(Value) -> Test) -> Option<Option<Test>> {
        given(field, |value| match self.value(value)? {
            value @ (Value::Number(_) | Value::Date(_)) => Some(make(value)),
            Value::Text(_) | Value::Boolean(_) => {
                let message = format!("`{key}` compares with a number or a date");
                let help = "Write it without quotes: `10` or `2027-03-31`.";
                self.scope.source.error("wrong-test", value.span.clone(), message, help);
                None
            }
        })
    }

    fn day(&self, date: &Located<Scalar>) -> Option<Value> {
        let text = date.as_date().ok_or(BadDate::DateNeeded);
        let day = text.and_then(date_time::day);
        let value = self.scope.source.ok_or_report(
            "bad-date",
            &date.span,
            day,
            "this date",
            "Write it like `2027-03-31`.",
        )?;
        self.has_kind(AttributeKind::Date, "a date", &date.span).then_some(Value::Date(value.to_string()))
    }

    /// Reads a value to compare with, as the attribute's own type.
    fn value(&self, value: &Located<Scalar>) -> Option<Value> {
        let span = &value.span;
        match (&value.value, self.kind) {
            (Scalar::Date(_), _) | (Scalar::Text(_), Some(AttributeKind::Date)) => self.day(value),
            (Scalar::Text(text), _) => {
                let text = self.comparable(text, span)?;
                self.has_kind(AttributeKind::Text, "a text", span).then_some(Value::Text(text))
            }
            (Scalar::Number(digits), _) => {
                let number = digits.parse().ok().filter(|number: &f64| number.is_finite());
                let number = number.ok_or("it is too large");
                let number = self.scope.source.ok_or_report(
                    "bad-number",
                    span,
                    number,
                    "this number",
                    "Write a smaller one.",
                )?;
                self.has_kind(AttributeKind::Number, "a number", span).then_some(Value::Number(number))
            }
            (Scalar::Boolean(value), _) => {
                self.has_kind(AttributeKind::Boolean, "true or false", span).then_some(Value::Boolean(*value))
            }
        }
    }

    /// Returns true if the attribute is declared as `wanted`; otherwise reports it. An undeclared
    /// attribute is a text.
    fn has_kind(&self, wanted: AttributeKind, words: &str, span: &std::ops::Range<usize>) -> bool {
        let name = &self.name.value;
        let (code, message, help) = match self.kind {
            Some(kind) if kind == wanted => return true,
            None if wanted == AttributeKind::Text || self.scope.attributes.is_none() => return true,
            None => (
                "undeclared-attribute",
                format!("`{name}` is compared with {words}, but it is not declared, so it is a text"),
                format!("Add `{name} = \"{}\"` under [attributes] in chorus.toml.", kind_name(wanted)),
            ),
            Some(kind) => (
                "wrong-kind",
                format!("`{name}` is declared as {}, and compared with {words}", kind_name(kind)),
                format!("Compare it with {}.", kind_example(kind)),
            ),
        };
        self.scope.source.error(code, span.clone(), message, help);
        false
    }
}

fn given<T, U>(field: &Field<T>, read: impl FnOnce(&Located<T>) -> Option<U>) -> Option<Option<U>> {
    match field {
        Field::Absent => None,
        Field::Invalid => Some(None),
        Field::Present(value) => Some(read(value)),
    }
}

fn kind_name(kind: AttributeKind) -> &'static str {
    match kind {
        AttributeKind::Text => "text",
        AttributeKind::Number => "number",
        AttributeKind::Boolean => "boolean",
        AttributeKind::Date => "date",
    }
}

fn kind_example(kind: AttributeKind) -> &'static str {
    match kind {
        AttributeKind::Text => "a text in quotes, such as \"gold\"",
        AttributeKind::Number => "a number without quotes, such as 10",
        AttributeKind::Boolean => "true or false, without quotes",
        AttributeKind::Date => "a date, such as 2027-03-31",
    }
}
