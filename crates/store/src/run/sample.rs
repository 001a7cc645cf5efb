//! Samples of a run's recipients before it exists: the first few contacts, and the longest values
//! of their attributes.

use std::collections::BTreeMap;

use campaign::{Audience, AudienceId};
use contacts::{Contact, ContactRange, Expression, contact_columns};
use database::{Arg, Assembled, Millis, SqlDialect, StoreError, args, batch};

use super::recipients::recipients_query;
use crate::{RecipientAddress, Store};

/// The unit of the length of a value. Networks differ: a Chinese character is one character and
/// three bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LengthUnit {
    /// Characters: Unicode scalar values.
    Characters,
    /// Bytes of the UTF-8 encoding.
    Bytes,
}

/// The number of digits of a length that is put before its value, so that the greatest text is the
/// longest value.
const LENGTH_DIGITS: usize = 10;

impl Store {
    /// Lists up to `limit` contacts who would get what a channel sends to an audience, by id;
    /// contacts who are left out are not included.
    ///
    /// # Errors
    /// The audience cannot be evaluated, or the database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn plan_sample(
        &self,
        audiences: &BTreeMap<AudienceId, Audience>,
        audience: &AudienceId,
        address: &RecipientAddress,
        purpose: Option<&str>,
        now: Millis,
        limit: i64,
    ) -> Result<Vec<Contact>, StoreError> {
        let args = args![address.stored()?.as_str(), limit, purpose];
        let mut expression = Expression::new(self.dialect(), audiences, now, ContactRange::ALL, args);
        let members = expression.members(audience)?;
        let query = recipients_query("contacts c", "0", "$1", "$3", &members, "");
        let text = format!(
            concat!(
                "select ",
                contact_columns!(),
                " from ({}) judged join contacts c on c.id = judged.id
                 where judged.reason is null order by c.id limit $2"
            ),
            query
        );
        self.rows(Assembled(text), expression.args()).await
    }

    /// Returns the longest value, by that unit, of each of these attributes among the contacts who
    /// would get what a channel sends to an audience; `email`, `phone`, `external_id`, `language`
    /// and `timezone` are attributes too. Of values of the same length the greatest, byte by byte.
    /// Attributes that no contact has are absent. One pass, however many attributes.
    ///
    /// # Errors
    /// The audience cannot be evaluated, or the database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn plan_longest_values(
        &self,
        audiences: &BTreeMap<AudienceId, Audience>,
        audience: &AudienceId,
        address: &RecipientAddress,
        purpose: Option<&str>,
        (attributes, length): (&[&str], LengthUnit),
        now: Millis,
    ) -> Result<BTreeMap<String, String>, StoreError> {
        let dialect = self.dialect();
        let names = batch(attributes)?;
        let mut args = args![address.stored()?.as_str()];
        args.push(names);
        args.push(Arg::from(purpose));
        let mut expression = Expression::new(dialect, audiences, now, ContactRange::ALL, args);
        let members = expression.members(audience)?;
        let query = recipients_query("contacts c", "0", "$1", "$3", &members, "");
        let text = longest_values(dialect, length, &query);
        let rows: Vec<(String, String)> = self.rows(Assembled(text), expression.args()).await?;
        let unmarked = |(name, value): (String, String)| Some((name, value.get(LENGTH_DIGITS..)?.to_owned()));
        Ok(rows.into_iter().filter_map(unmarked).collect())
    }
}

/// Builds the query for the longest values. $2 is a JSON array of names. Attributes are texts,
/// numbers or booleans.
fn longest_values(dialect: SqlDialect, length: LengthUnit, query: &str) -> String {
    match dialect {
        SqlDialect::Sqlite => {
            let of = match length {
                LengthUnit::Characters => "length(value)",
                LengthUnit::Bytes => "length(cast(value as blob))",
            };
            format!(
                "select name, max(printf('%010d', {of}) || value) from (
                   select j.key as name, case j.type when 'true' then 'true' when 'false' then 'false'
                            else cast(j.value as text) end as value
                   from ({query}) judged join contacts c on c.id = judged.id,
                     json_each(json_patch(c.attributes, json_object('email', c.email, 'phone', c.phone,
                       'external_id', c.external_id, 'language', c.language, 'timezone', c.timezone))) j
                   where judged.reason is null and j.key in (select value from json_each($2))) known
                 group by name order by name"
            )
        }
        SqlDialect::Postgres => {
            let of = match length {
                LengthUnit::Characters => "char_length(value)",
                LengthUnit::Bytes => "octet_length(value)",
            };
            format!(
                "select name, max((lpad(cast({of} as text), 10, '0') || value) collate \"C\") from (
                   select j.key as name, j.value as value
                   from ({query}) judged join contacts c on c.id = judged.id
                     cross join lateral jsonb_each_text(c.attributes || jsonb_strip_nulls(jsonb_build_object(
                       'email', c.email, 'phone', c.phone, 'external_id', c.external_id, 'language', c.language,
                       'timezone', c.timezone))) j
                   where judged.reason is null and j.value is not null
                     and j.key in (select jsonb_array_elements_text(cast($2 as jsonb)))) known
                 group by name order by name"
            )
        }
    }
}
