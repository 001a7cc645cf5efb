//! Values that are known only when the contact is: what a template may compute from one, and how.

use std::borrow::Cow;

use handlebars::{JsonRender, JsonTruthy};
use message::Person;
use serde_json::Value;

/// Something to work out for each recipient.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Expression {
    /// A path below the contact; empty is the contact itself.
    Contact(Vec<String>),
    /// A path below the item of the nth enclosing `each`, counted from outside.
    Item(usize, Vec<String>),
    /// `@index`, `@first` and `@last` of the nth enclosing `each`.
    Position(usize, Position),
    /// Written in the template, or constant for the campaign.
    Constant(Value),
    /// A function of other values.
    Call(Function, Vec<Expression>),
}

/// Where an `each` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Position {
    /// Counted from 0.
    Index,
    /// The first.
    First,
    /// The last.
    Last,
}

/// The functions of templates. All are pure; none reads a clock, a file or the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Function {
    /// Equal, as JSON.
    Eq,
    /// Not equal.
    Ne,
    /// More than: numbers, or texts that are numbers, else texts.
    Gt,
    /// At least.
    Gte,
    /// Less than.
    Lt,
    /// At most.
    Lte,
    /// Every one is true.
    And,
    /// At least one is true.
    Or,
    /// It is false.
    Not,
    /// Characters of a text, items of a list.
    Len,
    /// The first that is not empty.
    Default,
    /// In capitals.
    Upper,
    /// In small letters.
    Lower,
    /// A date by a `strftime` pattern, `%-d %B %Y` unless given.
    Date,
}

impl Function {
    /// Every function with its name in templates and how many values it takes.
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

    /// Works it out. Never fails: what makes no sense is empty.
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
                values.iter().find(|value| is_said(value)).map_or(Value::Null, |v| v.as_ref().clone())
            }
            Self::Upper => text(first).to_uppercase().into(),
            Self::Lower => text(first).to_lowercase().into(),
            Self::Date => date(first, second.as_str().unwrap_or("%-d %B %Y")).into(),
        }
    }
}

/// What an expression is worked out for.
#[derive(Debug)]
pub(crate) struct Given<'a> {
    person: Option<&'a Person>,
    items: Vec<(Cow<'a, Value>, usize, bool)>,
}

impl<'a> Given<'a> {
    pub(crate) const fn new(person: Option<&'a Person>) -> Self {
        Self { person, items: Vec::new() }
    }

    /// Goes into an item of a list, the `index`th of them, perhaps the `last`.
    pub(crate) fn enter(&mut self, item: Cow<'a, Value>, index: usize, last: bool) {
        self.items.push((item, index, last));
    }

    /// Comes out of it.
    pub(crate) fn leave(&mut self) {
        self.items.pop();
    }

    /// The value; what is missing is null.
    pub(crate) fn value<'s>(&'s self, expression: &'s Expression) -> Cow<'s, Value> {
        match expression {
            Expression::Contact(path) => self.person.map_or(Cow::Owned(Value::Null), |p| contact(p, path)),
            Expression::Item(depth, path) => self
                .items
                .get(*depth)
                .map_or(Cow::Owned(Value::Null), |(item, ..)| Cow::Borrowed(below(item, path))),
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

/// The names of a contact that every contact has; any other is an attribute.
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
            return Cow::Borrowed(below(value, rest));
        }
    };
    Cow::Owned(field.as_deref().map_or(Value::Null, Value::from))
}

/// The value at `path`, null where there is none.
pub(crate) fn below<'a>(value: &'a Value, path: &[String]) -> &'a Value {
    path.iter().fold(value, |value, name| match value {
        Value::Object(map) => map.get(name).unwrap_or(&Value::Null),
        Value::Array(list) => name.parse().ok().and_then(|i: usize| list.get(i)).unwrap_or(&Value::Null),
        _ => &Value::Null,
    })
}

/// As `{{#if}}` sees it.
pub(crate) fn is_true(value: &Value) -> bool {
    value.is_truthy(false)
}

/// The text of a value, as `{{value}}` writes it.
pub(crate) fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.render()),
    }
}

fn is_said(value: &Value) -> bool {
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
    fn compares_numbers_written_as_text() {
        assert_eq!(apply(Function::Gt, &[json!("10"), json!(9)]), json!(true));
        assert_eq!(apply(Function::Lt, &[json!("b"), json!("a")]), json!(false));
        assert_eq!(apply(Function::Gte, &[json!(null), json!(1)]), json!(false));
    }

    #[test]
    fn takes_the_first_that_is_said() {
        assert_eq!(apply(Function::Default, &[json!("  "), json!(null), json!("friend")]), json!("friend"));
        assert_eq!(apply(Function::Default, &[json!(0), json!(1)]), json!(0));
    }

    #[test]
    fn writes_dates_and_leaves_what_is_none() {
        assert_eq!(apply(Function::Date, &[json!("2027-04-30")]), json!("30 April 2027"));
        assert_eq!(apply(Function::Date, &[json!("2027-04-30T10:00:00Z"), json!("%Y/%m")]), json!("2027/04"));
        assert_eq!(apply(Function::Date, &[json!("soon"), json!("%Y")]), json!("soon"));
        assert_eq!(apply(Function::Date, &[json!("2027-04-30"), json!("%Q bad %")]), json!("2027-04-30"));
    }

    #[test]
    fn an_attribute_called_like_a_field_does_not_hide_it() {
        let mut person = Person { email: Some("a@b.example".into()), ..Person::default() };
        person.attributes.insert("email".into(), json!("evil"));
        person.attributes.insert("pets".into(), json!([{"name": "Rex"}]));
        let given = Given::new(Some(&person));
        assert_eq!(*given.value(&Expression::Contact(vec!["email".into()])), json!("a@b.example"));
        let path = ["pets", "0", "name"].map(String::from).to_vec();
        assert_eq!(*given.value(&Expression::Contact(path)), json!("Rex"));
        assert_eq!(*given.value(&Expression::Contact(vec!["nope".into(), "x".into()])), Value::Null);
    }
}
