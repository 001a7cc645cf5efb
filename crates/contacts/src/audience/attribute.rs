//! Tests on one fact about a contact, each true or false and never unknown.

use campaign::audience::{Test, Value};
use database::{Arg, Dialect, InputError, StoreError, batch};

use super::expression::{Expression, Terms};

/// A fact about a contact as texts of SQL.
pub(super) struct Attribute {
    /// What it says, as text; null when it is absent.
    text: String,
    /// What it says, as a number; null when it does not look like one.
    number: String,
}

impl Attribute {
    /// A column of `contacts`, or a member of `attributes`.
    pub(super) fn of(expression: &mut Expression<'_>, name: &str) -> Result<Self, StoreError> {
        let dialect = expression.dialect();
        let column = match name {
            "email" => "c.email",
            "phone" => "c.phone",
            "external_id" => "c.external_id",
            "language" => "c.language",
            "timezone" => "c.timezone",
            "created_at" => match dialect {
                Dialect::Sqlite => "strftime('%Y-%m-%dT%H:%M:%SZ', c.created_at / 1000, 'unixepoch')",
                Dialect::Postgres => {
                    "to_char(to_timestamp(c.created_at / 1000) at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
                }
            },
            _ => return Self::member(expression, name),
        };
        Ok(Self { text: column.to_owned(), number: number_of(dialect, column) })
    }

    fn member(expression: &mut Expression<'_>, name: &str) -> Result<Self, StoreError> {
        let name_is_plain = is_plain(name);
        let name = expression.bind_text(name)?;
        Ok(match expression.dialect() {
            Dialect::Postgres => {
                let text = format!("(c.attributes ->> {name})");
                let number = format!(
                    "(case when jsonb_typeof(c.attributes -> {name}) = 'number' \
                      then cast({text} as double precision) else {} end)",
                    number_of(Dialect::Postgres, &text)
                );
                Self { text, number }
            }
            Dialect::Sqlite => {
                // The arrow reads some names as a path. Those are looked up the slow way.
                let (value, json) = if name_is_plain {
                    (format!("(c.attributes ->> {name})"), format!("(c.attributes -> {name})"))
                } else {
                    let of =
                        |column| format!("(select {column} from json_each(c.attributes) where key = {name})");
                    (of("atom"), of("case type when 'true' then 'true' when 'false' then 'false' end"))
                };
                // SQLite reads true as 1.
                let text = format!(
                    "(case {json} when 'true' then 'true' when 'false' then 'false' \
                      else cast({value} as text) end)"
                );
                let number = format!(
                    "(case when typeof({value}) = 'text' then {} \
                           when coalesce({json}, '') not in ('true', 'false') then cast({value} as real) end)",
                    number_of(Dialect::Sqlite, &value)
                );
                Self { text, number }
            }
        })
    }

    pub(super) fn test(&self, expression: &mut Expression<'_>, test: &Test) -> Result<String, StoreError> {
        let text = &self.text;
        let test = match test {
            Test::In(values) => self.is_in(expression, values)?,
            Test::NotIn(values) => return Ok(format!("not {}", surely(&self.is_in(expression, values)?))),
            Test::Exists(true) => format!("{text} <> ''"),
            Test::Exists(false) => return Ok(format!("not {}", surely(&format!("{text} <> ''")))),
            Test::Contains(part) => {
                let part = expression.bind_text(&part.to_ascii_lowercase())?;
                match expression.dialect() {
                    Dialect::Sqlite => format!("instr(lower({text}), {part}) > 0"),
                    Dialect::Postgres => format!("strpos(lower({text} collate \"C\"), {part}) > 0"),
                }
            }
            Test::StartsWith(start) => {
                let start = expression.bind_text(&start.to_ascii_lowercase())?;
                let text = match expression.dialect() {
                    Dialect::Sqlite => format!("lower({text})"),
                    Dialect::Postgres => format!("lower({text} collate \"C\")"),
                };
                format!("substr({text}, 1, length({start})) = {start}")
            }
            Test::LessThan(value) => self.compare(expression, "<", value)?,
            Test::AtMost(value) => self.compare(expression, "<=", value)?,
            Test::MoreThan(value) => self.compare(expression, ">", value)?,
            Test::AtLeast(value) => self.compare(expression, ">=", value)?,
        };
        Ok(surely(&test))
    }

    /// Texts are looked up as one set, however many they are.
    fn is_in(&self, expression: &mut Expression<'_>, values: &[Value]) -> Result<String, StoreError> {
        let mut texts = Vec::new();
        let mut terms = Vec::new();
        for value in values {
            match value {
                Value::Text(text) if text.contains('\0') => {
                    expression.bind_text(text)?;
                }
                Value::Text(text) => texts.push(text.as_str()),
                other => terms.push(surely(&self.compare(expression, "=", other)?)),
            }
        }
        if !texts.is_empty() {
            let set = expression.bind(batch(&texts)?);
            let set = match expression.dialect() {
                Dialect::Sqlite => format!("select value from json_each({set})"),
                Dialect::Postgres => format!("select jsonb_array_elements_text(cast({set} as jsonb))"),
            };
            terms.push(surely(&format!("{} in ({set})", self.text)));
        }
        Ok(Terms(terms).join("or", "1 = 0"))
    }

    /// Each value is compared as its own kind. `operator` is one of ours.
    fn compare(
        &self,
        expression: &mut Expression<'_>,
        operator: &'static str,
        value: &Value,
    ) -> Result<String, StoreError> {
        let text = match expression.dialect() {
            Dialect::Sqlite => self.text.clone(),
            // Byte by byte, as SQLite compares.
            Dialect::Postgres => format!("({} collate \"C\")", self.text),
        };
        Ok(match value {
            Value::Text(value) => format!("{text} {operator} {}", expression.bind_text(value)?),
            Value::Date(day) => format!("substr({text}, 1, 10) {operator} {}", expression.bind_text(day)?),
            Value::Boolean(value) if operator == "=" => {
                format!("{text} = {}", expression.bind(if *value { "true" } else { "false" }))
            }
            Value::Boolean(_) => "1 = 0".to_owned(),
            Value::Number(value) if value.is_finite() => {
                format!("{} {operator} {}", self.number, expression.bind(Arg::Real(*value)))
            }
            Value::Number(value) => {
                return Err(InputError::NotANumber(*value).into());
            }
        })
    }
}

/// True or false, where SQL would say unknown.
fn surely(test: &str) -> String {
    format!("coalesce({test}, 1 = 0)")
}

/// Names that SQLite's `->` takes for a label and nothing else.
#[must_use]
pub fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(['$', '['])
        && !name.contains(['"', '\\'])
        && !name.chars().any(char::is_control)
}

/// A text as a number, if it is written as one: digits with a sign and a point, fewer than 300 characters so
/// that no cast can fail; else null.
fn number_of(dialect: Dialect, text: &str) -> String {
    match dialect {
        Dialect::Postgres => format!(
            "(case when {text} ~ '^[+-]?[0-9]+([.][0-9]+)?$' and length({text}) < 300 \
              then cast({text} as double precision) end)"
        ),
        Dialect::Sqlite => format!(
            "(case when length({text}) < 300 and {text} not glob '[+-][+-]*' \
                   and ltrim({text}, '+-') glob '[0-9]*' and ltrim({text}, '+-') glob '*[0-9]' \
                   and ltrim({text}, '+-') not glob '*[^0-9.]*' and ltrim({text}, '+-') not glob '*.*.*' \
              then cast({text} as real) end)"
        ),
    }
}
