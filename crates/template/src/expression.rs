//! Expressions that are evaluated for each recipient, and the functions of templates.

use std::borrow::Cow;

use handlebars::{JsonRender, JsonTruthy};
use message::Person;
use serde_json::Value;

/// An expression that is evaluated for each recipient.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Expression {
    /// A value at a path below the contact; the empty path is the contact itself.
    Contact(Vec<String>),
    /// A value at a path below the item of the nth enclosing `each`, counted from the outermost,
    /// from 0.
    Item(usize, Vec<String>),
    /// `@index`, `@first` or `@last` of the nth enclosing `each`.
    Position(usize, Position),
    /// A literal in the template, or a value that is constant for the campaign.
    Constant(Value),
    /// A function call with its arguments.
    Call(Function, Vec<Expression>),
}

/// A variable for the position of an `each`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Position {
    /// `@index`: the number of the item, counted from 0.
    Index,
    /// `@first`: true for the first item.
    First,
    /// `@last`: true for the last item.
    Last,
}

/// A function of templates. All functions are pure: none reads a clock, a file or the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Function {
    /// Returns true if both values are equal as JSON.
    Eq,
    /// Returns true if both values differ as JSON.
    Ne,
    /// Returns true if the first value is greater: as a number if both are numbers or numeric
    /// texts, else as text.
    Gt,
    /// Returns true if the first value is greater or equal, compared as by `gt`.
    Gte,
    /// Returns true if the first value is less, compared as by `gt`.
    Lt,
    /// Returns true if the first value is less or equal, compared as by `gt`.
    Lte,
    /// Returns true if all values are true.
    And,
    /// Returns true if at least one value is true.
    Or,
    /// Returns true if the value is false.
    Not,
    /// Returns the number of characters of a text, items of a list or entries of an object; else 0.
    Len,
    /// Returns the first value that is neither null nor a blank text.
    Default,
    /// Returns the text in capitals.
    Upper,
    /// Returns the text in lowercase.
    Lower,
    /// Formats a date by a `strftime` pattern, which is `%-d %B %Y` by default.
    Date,
}

impl Function {
    /// All functions, each with its name in templates and the number of its arguments.
    pub(crate) const ALL: [(&'static str, Self, std::ops::RangeInclusive<usize>); 14] = [
        ("eq", Self::Eq, 2..=2),
        ("ne", Self::Ne, 2..=2),
        ("gt", Self::Gt, 2..=2),
        ("gte", Self::Gte, 2..=2),
        ("lt", Self::Lt, 2..=2),
        ("lte", Self::Lte, 2..=2),
        ("and", Self::And, 2..=8),
        ("or", Self::Or, 2..=8),
        ("not", Self::Not, 1..=1),
        ("len", Self::Len, 1..=1),
        ("default", Self::Default, 2..=8),
        ("upper", Self::Upper, 1..=1),
        ("lower", Self::Lower, 1..=1),
        ("date", Self::Date, 1..=2),
    ];

    /// Calls the function. It never fails: invalid arguments give null, false or an empty text, and
    /// a date that cannot be formatted is returned unchanged.
    pub(crate) fn apply(self, values: &[Cow<'_, Value>]) -> Value {
        let first = values.first().map_or(&Value::Null, |value| value.as_ref());
        let second = values.get(1).map_or(&Value::Null, |value| value.as_ref());
        let ordered = |fits: fn(std::cmp::Ordering) -> bool| compare(first, second).is_some_and(fits).into();
        match self {
            Self::Eq => (first == second).into(),
            Self::Ne => (first != second).into(),
            Self::Gt => ordered(std::cmp::Ordering::is_gt),
            Self::Gte => ordered(std::cmp::Ordering::is_ge),
            Self::Lt => ordered(std::cmp::Ordering::is_lt),
            Self::Lte => ordered(std::cmp::Ordering::is_le),
            Self::And => values.iter().all(|value| is_true(value)).into(),
            Self::Or => values.iter().any(|value| is_true(value)).into(),
            Self::Not => (!is_true(first)).into(),
            Self::Len => length(first).into(),
            Self::Default => {
                values.iter().find(|value| is_present(value)).map_or(Value::Null, |v| v.as_ref().clone())
            }
            Self::Upper => text(first).to_uppercase().into(),
            Self::Lower => text(first).to_lowercase().into(),
            Self::Date => date(first, second.as_str().unwrap_or("%-d %B %Y")).into(),
        }
    }
}

/// The context in which expressions are evaluated: a contact, and the items of the enclosing loops.
#[derive(Debug)]
pub(crate) struct EvalContext<'a> {
    person: Option<&'a Person>,
    items: Vec<(Cow<'a, Value>, usize, bool)>,
}

impl<'a> EvalContext<'a> {
    pub(crate) const fn new(person: Option<&'a Person>) -> Self {
        Self { person, items: Vec::new() }
    }

    /// Enters an item of a loop; `index` counts from 0, and `last` is set for the last item.
    pub(crate) fn enter(&mut self, item: Cow<'a, Value>, index: usize, last: bool) {
        self.items.push((item, index, last));
    }

    /// Leaves the item of the innermost loop.
    pub(crate) fn leave(&mut self) {
        self.items.pop();
    }

    /// Returns the value of an expression; a missing value is null.
    pub(crate) fn value<'s>(&'s self, expression: &'s Expression) -> Cow<'s, Value> {
        match expression {
            Expression::Contact(path) => self.person.map_or(Cow::Owned(Value::Null), |p| contact(p, path)),
            Expression::Item(depth, path) => self
                .items
                .get(*depth)
                .map_or(Cow::Owned(Value::Null), |(item, ..)| Cow::Borrowed(value_at(item, path))),
            Expression::Position(depth, position) => {
                let place = self.items.get(*depth);
                Cow::Owned(place.map_or(Value::Null, |(_, index, last)| match position {
                    Position::Index => (*index).into(),
                    Position::First => (*index == 0).into(),
                    Position::Last => (*last).into(),
                }))
            }
            Expression::Constant(value) => Cow::Borrowed(value),
            Expression::Call(function, parameters) => {
                let values: Vec<_> = parameters.iter().map(|parameter| self.value(parameter)).collect();
                Cow::Owned(function.apply(&values))
            }
        }
    }
}

/// The names of a contact's fields; any other name is an attribute.
pub(crate) const CONTACT_FIELDS: [&str; 5] = ["email", "phone", "external_id", "language", "timezone"];

fn contact<'a>(person: &'a Person, path: &[String]) -> Cow<'a, Value> {
    let Some((name, rest)) = path.split_first() else {
        return Cow::Owned(Value::Bool(true));
    };
    let field = match name.as_str() {
        "email" => &person.email,
        "phone" => &person.phone,
        "external_id" => &person.external_id,
        "language" => &person.language,
        "timezone" => &person.timezone,
        _ => {
            let value = person.attributes.get(name).unwrap_or(&Value::Null);
            return Cow::Borrowed(value_at(value, rest));
        }
    };
    Cow::Owned(field.as_deref().map_or(Value::Null, Value::from))
}

/// Returns the value at `path`, or null if there is none.
pub(crate) fn value_at<'a>(value: &'a Value, path: &[String]) -> &'a Value {
    path.iter().fold(value, |value, name| match value {
        Value::Object(map) => map.get(name).unwrap_or(&Value::Null),
        Value::Array(list) => name.parse().ok().and_then(|i: usize| list.get(i)).unwrap_or(&Value::Null),
        _ => &Value::Null,
    })
}

/// Returns true if `{{#if}}` treats the value as true.
pub(crate) fn is_true(value: &Value) -> bool {
    value.is_truthy(false)
}

/// Returns the text of a value as `{{value}}` renders it.
pub(crate) fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.render()),
    }
}

fn is_present(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.trim().is_empty(),
        _ => true,
    }
}

fn length(value: &Value) -> usize {
    match value {
        Value::String(text) => text.chars().count(),
        Value::Array(list) => list.len(),
        Value::Object(map) => map.len(),
        _ => 0,
    }
}

fn compare(left: &Value, right: &Value) -> Option<std::cmp::Ordering> {
    let number = |value: &Value| match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse::<f64>().ok(),
        _ => None,
    };
    match (number(left), number(right)) {
        (Some(left), Some(right)) => left.partial_cmp(&right),
        _ => Some(left.as_str()?.cmp(right.as_str()?)),
    }
}

fn date(value: &Value, pattern: &str) -> String {
    let Some(text) = value.as_str() else { return String::new() };
    let day = text.get(..10).unwrap_or(text).parse::<jiff::civil::Date>();
    let written = day.ok().and_then(|day| jiff::fmt::strtime::format(pattern, day).ok());
    written.unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn apply(function: Function, values: &[Value]) -> Value {
        let values: Vec<_> = values.iter().map(Cow::Borrowed).collect();
        function.apply(&values)
    }

    #[test]
    fn numeric_texts_are_compared_as_numbers() {
        assert_eq!(apply(Function::Gt, &[json!("10"), json!(9)]), json!(true));
        assert_eq!(apply(Function::Lt, &[json!("b"), json!("a")]), json!(false));
        assert_eq!(apply(Function::Gte, &[json!(null), json!(1)]), json!(false));
    }

    #[test]
    fn default_returns_the_first_value_that_is_present() {
        assert_eq!(apply(Function::Default, &[json!("  "), json!(null), json!("friend")]), json!("friend"));
        assert_eq!(apply(Function::Default, &[json!(0), json!(1)]), json!(0));
    }

    #[test]
    fn dates_are_formatted_and_other_texts_are_unchanged() {
        assert_eq!(apply(Function::Date, &[json!("2027-04-30")]), json!("30 April 2027"));
        assert_eq!(apply(Function::Date, &[json!("2027-04-30T10:00:00Z"), json!("%Y/%m")]), json!("2027/04"));
        assert_eq!(apply(Function::Date, &[json!("soon"), json!("%Y")]), json!("soon"));
        assert_eq!(apply(Function::Date, &[json!("2027-04-30"), json!("%Q bad %")]), json!("2027-04-30"));
    }

    #[test]
    fn an_attribute_with_the_name_of_a_field_does_not_shadow_it() {
        let mut person = Person { email: Some("a@b.example".into()), ..Person::default() };
        person.attributes.insert("email".into(), json!("evil"));
        person.attributes.insert("pets".into(), json!([{"name": "Rex"}]));
        let context = EvalContext::new(Some(&person));
        assert_eq!(*context.value(&Expression::Contact(vec!["email".into()])), json!("a@b.example"));
        let path = ["pets", "0", "name"].map(String::from).to_vec();
        assert_eq!(*context.value(&Expression::Contact(path)), json!("Rex"));
        assert_eq!(*context.value(&Expression::Contact(vec!["nope".into(), "x".into()])), Value::Null);
    }
}
