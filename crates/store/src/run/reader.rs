//! Who would get a run, before there is one: the first few of them, and the longest that is known of any.

use std::collections::BTreeMap;

use campaign::{Audience, AudienceId};
use contacts::{Contact, ContactRange, Expression, contact_columns};
use database::{Assembled, Dialect, Millis, StoreError, args, batch};

use super::people::judged;
use crate::{Address, Store};

/// In what the length of a value is counted. Networks differ: a Chinese character is one of the one and three of the
/// other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// Unicode scalar values.
    Characters,
    /// Bytes of UTF-8.
    Bytes,
}

/// How many digits a length is written with, in front of the value it is of: the greatest text is the longest value.
const DIGITS: usize = 10;

impl Store {
    /// Up to `limit` of those who would get what a channel says to an audience, by id: who is left out is not
    /// among them.
    ///
    /// # Errors
    /// The audience cannot be asked for, or the database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn plan_sample(
        &self,
        audiences: &BTreeMap<AudienceId, Audience>,
        audience: &AudienceId,
        address: &Address,
        now: Millis,
        limit: i64,
    ) -> Result<Vec<Contact>, StoreError> {
        let args = args![address.stored()?.as_str(), limit];
        let mut who = Expression::new(self.dialect(), audiences, now, ContactRange::ALL, args);
        let members = who.members(audience)?;
        let people = judged("contacts c", "0", "$1", &members, "");
        let text = format!(
            concat!(
                "select ",
                contact_columns!(),
                " from ({}) judged join contacts c on c.id = judged.id
                 where judged.reason is null order by c.id limit $2"
            ),
            people
        );
        self.rows(Assembled(text), who.args()).await
    }

    /// The longest value of each of these attributes among those who would get what a channel says to an audience;
    /// `email`, `phone`, `external_id`, `language` and `timezone` are attributes too. Of values of the same length the
    /// greatest, byte by byte. What nobody has is not in it. One pass, however many attributes.
    ///
    /// # Errors
    /// The audience cannot be asked for, or the database refused or went away.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn plan_longest(
        &self,
        audiences: &BTreeMap<AudienceId, Audience>,
        audience: &AudienceId,
        address: &Address,
        attributes: &[&str],
        length: Length,
        now: Millis,
    ) -> Result<BTreeMap<String, String>, StoreError> {
        let dialect = self.dialect();
        let names = batch(attributes)?;
        let mut args = args![address.stored()?.as_str()];
        args.push(names);
        let mut who = Expression::new(dialect, audiences, now, ContactRange::ALL, args);
        let members = who.members(audience)?;
        let people = judged("contacts c", "0", "$1", &members, "");
        let text = longest(dialect, length, &people);
        let rows: Vec<(String, String)> = self.rows(Assembled(text), who.args()).await?;
        let unmarked = |(name, value): (String, String)| Some((name, value.get(DIGITS..)?.to_owned()));
        Ok(rows.into_iter().filter_map(unmarked).collect())
    }
}

/// $2 is a JSON array of names. Attributes are texts, numbers or booleans.
fn longest(dialect: Dialect, length: Length, people: &str) -> String {
    match dialect {
        Dialect::Sqlite => {
            let of = match length {
                Length::Characters => "length(value)",
                Length::Bytes => "length(cast(value as blob))",
            };
            format!(
                "select name, max(printf('%010d', {of}) || value) from (
                   select j.key as name, case j.type when 'true' then 'true' when 'false' then 'false'
                            else cast(j.value as text) end as value
                   from ({people}) judged join contacts c on c.id = judged.id,
                     json_each(json_patch(c.attributes, json_object('email', c.email, 'phone', c.phone,
                       'external_id', c.external_id, 'language', c.language, 'timezone', c.timezone))) j
                   where judged.reason is null and j.key in (select value from json_each($2))) known
                 group by name order by name"
            )
        }
        Dialect::Postgres => {
            let of = match length {
                Length::Characters => "char_length(value)",
                Length::Bytes => "octet_length(value)",
            };
            format!(
                "select name, max((lpad(cast({of} as text), 10, '0') || value) collate \"C\") from (
                   select j.key as name, j.value as value
                   from ({people}) judged join contacts c on c.id = judged.id
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
