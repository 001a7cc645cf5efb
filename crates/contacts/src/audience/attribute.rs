//! SQL tests of one attribute of a contact; each yields true or false, never null.

use campaign::audience::{Test, Value};
use database::{Arg, InputError, SqlDialect, StoreError, batch};

use super::expression::{Expression, Terms};

/// An attribute of a contact as SQL expressions.
pub(super) struct Attribute {
    /// The expression of its value as text; null when the attribute is absent.
    text: String,
    /// The expression of its value as a number; null when the value does not look like one.
    number: String,
}

impl Attribute {
    /// Creates the expressions of an attribute: a column of `contacts`, or a member of
    /// `attributes`.
    pub(super) fn of(expression: &mut Expression<'_>, name: &str) -> Result<Self, StoreError> {
        let dialect = expression.dialect();
        let column = match name {
            "email" => "c.email",
            "phone" => "c.phone",
            "external_id" => "c.external_id",
            "language" => "c.language",
            "timezone" => "c.timezone",
            "created_at" => match dialect {
                SqlDialect::Sqlite => "strftime('%Y-%m-%dT%H:%M:%SZ', c.created_at / 1000, 'unixepoch')",
                SqlDialect::Postgres => {
                    "to_char(to_timestamp(c.created_at / 1000) at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
                }
            },
            _ => return Self::member(expression, name),
        };
        Ok(Self { text: column.to_owned(), number: number_of(dialect, column) })
    }

    fn member(expression: &mut Expression<'_>, name: &str) -> Result<Self, StoreError> {
        let is_label = is_json_label(name);
        let name = expression.bind_text(name)?;
        Ok(match expression.dialect() {
            SqlDialect::Postgres => {
                let text = format!("(c.attributes ->> {name})");
                let number = format!(
                    "(case when jsonb_typeof(c.attributes -> {name}) = 'number' \
                      then cast({text} as double precision) else {} end)",
                    number_of(SqlDialect::Postgres, &text)
                );
                Self { text, number }
            }
            SqlDialect::Sqlite => {
                // SQLite's arrow operator reads some names as a path. Those are looked up in a
                // slower way.
                let (value, json) = if is_label {
                    (format!("(c.attributes ->> {name})"), format!("(c.attributes -> {name})"))
                } else {
                    let of =
                        |column| format!("(select {column} from json_each(c.attributes) where key = {name})");
                    (of("atom"), of("case type when 'true' then 'true' when 'false' then 'false' end"))
                };
                // SQLite returns the JSON value true as 1.
                let text = format!(
                    "(case {json} when 'true' then 'true' when 'false' then 'false' \
                      else cast({value} as text) end)"
                );
                let number = format!(
                    "(case when typeof({value}) = 'text' then {} \
                           when coalesce({json}, '') not in ('true', 'false') then cast({value} as real) end)",
                    number_of(SqlDialect::Sqlite, &value)
                );
                Self { text, number }
            }
        })
    }

    pub(super) fn test(&self, expression: &mut Expression<'_>, test: &Test) -> Result<String, StoreError> {
        let text = &self.text;
        let test = match test {
            Test::In(values) => self.is_in(expression, values)?,
            Test::NotIn(values) => {
                return Ok(format!("not {}", null_as_false(&self.is_in(expression, values)?)));
            }
            Test::Exists(true) => format!("{text} <> ''"),
            Test::Exists(false) => return Ok(format!("not {}", null_as_false(&format!("{text} <> ''")))),
            Test::Contains(part) => {
                let part = expression.bind_text(&part.to_ascii_lowercase())?;
                match expression.dialect() {
                    SqlDialect::Sqlite => format!("instr(lower({text}), {part}) > 0"),
                    SqlDialect::Postgres => format!("strpos(lower({text} collate \"C\"), {part}) > 0"),
                }
            }
            Test::StartsWith(start) => {
                let start = expression.bind_text(&start.to_ascii_lowercase())?;
                let text = match expression.dialect() {
                    SqlDialect::Sqlite => format!("lower({text})"),
                    SqlDialect::Postgres => format!("lower({text} collate \"C\")"),
                };
                format!("substr({text}, 1, length({start})) = {start}")
            }
            Test::LessThan(value) => self.compare(expression, "<", value)?,
            Test::AtMost(value) => self.compare(expression, "<=", value)?,
            Test::MoreThan(value) => self.compare(expression, ">", value)?,
            Test::AtLeast(value) => self.compare(expression, ">=", value)?,
        };
        Ok(null_as_false(&test))
    }

    /// Tests whether the value is one of `values`. All texts are passed as one set, however many
    /// there are.
    fn is_in(&self, expression: &mut Expression<'_>, values: &[Value]) -> Result<String, StoreError> {
        let mut texts = Vec::new();
        let mut terms = Vec::new();
        for value in values {
            match value {
                Value::Text(text) if text.contains('\0') => {
                    expression.bind_text(text)?;
                }
                Value::Text(text) => texts.push(text.as_str()),
                other => terms.push(null_as_false(&self.compare(expression, "=", other)?)),
            }
        }
        if !texts.is_empty() {
            let set = expression.bind(batch(&texts)?);
            let set = match expression.dialect() {
                SqlDialect::Sqlite => format!("select value from json_each({set})"),
                SqlDialect::Postgres => format!("select jsonb_array_elements_text(cast({set} as jsonb))"),
            };
            terms.push(null_as_false(&format!("{} in ({set})", self.text)));
        }
        Ok(Terms(terms).join("or", "1 = 0"))
    }

    /// Compares the attribute with a value, by the value's own type. `operator` is a constant of
    /// this file.
    fn compare(
        &self,
        expression: &mut Expression<'_>,
        operator: &'static str,
        value: &Value,
    ) -> Result<String, StoreError> {
        let text = match expression.dialect() {
            SqlDialect::Sqlite => self.text.clone(),
            // PostgreSQL compares byte by byte with this collation, as SQLite does.
            SqlDialect::Postgres => format!("({} collate \"C\")", self.text),
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

/// Wraps a test so that it yields false where SQL would yield null.
fn null_as_false(test: &str) -> String {
    format!("coalesce({test}, 1 = 0)")
}

/// Returns whether SQLite's `->` operator reads a name as a label and not as a path.
#[must_use]
pub fn is_json_label(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(['$', '['])
        && !name.contains(['"', '\\'])
        && !name.chars().any(char::is_control)
}

/// The SQL expression that converts a text to a number. The text must consist of digits with an
/// optional sign and point and have fewer than 300 characters, so that no cast can fail; otherwise
/// the expression is null.
fn number_of(dialect: SqlDialect, text: &str) -> String {
    match dialect {
        SqlDialect::Postgres => format!(
            "(case when {text} ~ '^[+-]?[0-9]+([.][0-9]+)?$' and length({text}) < 300 \
              then cast({text} as double precision) end)"
        ),
        SqlDialect::Sqlite => format!(
            "(case when length({text}) < 300 and {text} not glob '[+-][+-]*' \
                   and ltrim({text}, '+-') glob '[0-9]*' and ltrim({text}, '+-') glob '*[0-9]' \
                   and ltrim({text}, '+-') not glob '*[^0-9.]*' and ltrim({text}, '+-') not glob '*.*.*' \
              then cast({text} as real) end)"
        ),
    }
}
