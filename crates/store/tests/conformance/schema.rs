//! Tests that both migration folders describe the same tables, and that old databases are migrated.

use store::{DeliveryName, RunId};

use crate::fixture::{NOW, StoreFixture};

/// All columns, and whether each may be null.
async fn columns(f: &StoreFixture) -> Vec<String> {
    let mut columns = if f.store.dialect().as_str() == "sqlite" {
        f.texts(
            "select t.name || '.' || c.name || case when c.\"notnull\" = 1 or c.pk > 0 then ' not null' else '' end
             from pragma_table_list t join pragma_table_info(t.name) c
             where t.schema = 'main' and t.type = 'table' and t.name not like 'sqlite_%' and t.name <> '_sqlx_migrations'",
        )
        .await
    } else {
        f.texts(
            "select table_name || '.' || column_name || case when is_nullable = 'NO' then ' not null' else '' end
             from information_schema.columns
             where table_schema = 'public' and table_name <> '_sqlx_migrations'",
        )
        .await
    };
    columns.sort();
    columns
}

/// All sets of columns that are unique in their table.
async fn unique_keys(f: &StoreFixture) -> Vec<String> {
    let mut keys = if f.store.dialect().as_str() == "sqlite" {
        let mut keys = f
            .texts(
                "select t.name || ': ' || (select group_concat(name, ', ') from (select name from pragma_index_info(i.name) order by name))
                 from pragma_table_list t join pragma_index_list(t.name) i
                 where t.schema = 'main' and i.\"unique\" = 1 and t.name <> '_sqlx_migrations'",
            )
            .await;
        // The primary key of a SQLite row is unique without an index.
        keys.extend(
            f.texts(
                "select t.name || ': ' || c.name from pragma_table_list t join pragma_table_info(t.name) c
                 where t.schema = 'main' and t.type = 'table' and c.pk > 0 and t.wr = 0
                   and t.name not like 'sqlite_%' and t.name <> '_sqlx_migrations'",
            )
            .await,
        );
        keys
    } else {
        f.texts(
            "select cast(t.relname as text) || ': ' || (
               select string_agg(cast(a.attname as text), ', ' order by a.attname) from pg_attribute a
               where a.attrelid = t.oid and a.attnum = any ((cast(i.indkey as int2[]))[0:i.indnkeyatts - 1]))
             from pg_index i join pg_class t on t.oid = i.indrelid join pg_namespace n on n.oid = t.relnamespace
             where n.nspname = 'public' and i.indisunique and t.relname <> '_sqlx_migrations'",
        )
        .await
    };
    keys.sort();
    keys.dedup();
    keys
}

#[tokio::test]
async fn both_databases_have_the_same_tables() {
    let (sqlite, postgres) = (StoreFixture::sqlite().await, StoreFixture::postgres().await);
    let ours = columns(&sqlite).await;
    assert!(ours.contains(&"deliveries.run_id not null".to_owned()), "{ours:?}");
    assert_eq!(ours, columns(&postgres).await);
    let ours = unique_keys(&sqlite).await;
    assert!(ours.contains(&"runs: campaign, instant, step".to_owned()), "{ours:?}");
    assert!(ours.contains(&"deliveries: id".to_owned()), "{ours:?}");
    assert_eq!(ours, unique_keys(&postgres).await);
}

#[test]
fn both_folders_have_the_same_files() {
    let files = |dialect: &str| {
        let folder = format!("{}/../../migrations/{dialect}", env!("CARGO_MANIFEST_DIR"));
        let files = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    assert!(!files("sqlite").is_empty());
    assert_eq!(files("sqlite"), files("postgres"));
}

/// An index helps only comparisons in its own order: with another collation, PostgreSQL reads all
/// suppressions for each address it looks up.
pub(crate) async fn addresses_are_compared_byte_by_byte(f: &StoreFixture) {
    let others = if f.store.dialect().as_str() == "sqlite" {
        f.texts("select name from sqlite_schema where lower(sql) like '%collate%'").await
    } else {
        f.texts(
            "select table_name || '.' || column_name from information_schema.columns
             where (table_name, column_name) in (('contacts', 'email'), ('contacts', 'phone'),
                     ('suppressions', 'address'), ('soft_bounces', 'address'))
               and collation_name is distinct from 'C'",
        )
        .await
    };
    assert_eq!(others, Vec::<String>::new());
}

/// The rows of a database of the first version: a sent delivery, one to be sent, a watermark and
/// links.
const FIRST_VERSION: &str = "
    insert into contacts (id, email, created_at, updated_at) values (1, 'a@example.com', 1, 1), (2, 'b@example.com', 1, 1);
    insert into revisions (id, hash, campaign, step, compiled, created_at) values (1, 'h', 'spring', 'mail', '{}', 1);
    insert into links (id, revision_id, position, url) values (7, 1, 0, 'https://example.com/');
    insert into schedules (campaign, step, planned_through) values ('spring', 'mail', 1800000000000);
    insert into runs (id, campaign, step, channel, instant, kind, state, revision_id, address, on_uncertain, expires_at,
                      total, created_at, planned_at, started_at, finished_at)
      values (1, 'spring', 'mail', 'email', 1799990000000, 'scheduled', 'finished', 1, 'email', 'resend', 1900000000000,
              1, 1, 1, 1, 1800000000000),
             (2, 'spring', 'mail', 'email', 1800000000000, 'scheduled', 'running', 1, 'email', 'resend', 1900000000000,
              2, 1, 1, null, null);
    insert into deliveries (id, run_id, contact_id, state, due_at, scheduled_at)
      values (4294967297, 1, 1, 'sent', null, 1), (8589934593, 2, 1, 'queued', 1800000000000, 1800000000000),
             (8589934594, 2, 2, 'queued', 1800000000000, 1800000000000);
    insert into run_tallies (run_id, state, count) values (1, 'sent', 1);
";

async fn the_first_version_is_taken_over(f: &StoreFixture) {
    let row = &f.store.schedule_all().await.unwrap()[&("spring".to_owned(), "mail".to_owned())];
    assert_eq!((row.planned_through, row.definition.as_deref(), row.gone_since), (NOW, None, None));
    let run = f.get(RunId(2)).await;
    assert_eq!((run.name, run.trigger, run.own_clock, run.ends_at), (None, None, 0, None));
    assert_eq!(f.number("select name from links where id = 7").await, 7, "its links keep their names");
    assert_eq!(
        f.store.run_of_one_shot("spring", "mail").await.unwrap(),
        Some(RunId(2)),
        "rather not sent than sent twice"
    );
    let lease = f.lease(NOW).await;
    let claimed = f.claim(lease, RunId(2), NOW, 9).await;
    assert_eq!(claimed.len(), 2);
    assert!(
        claimed.iter().all(|claimed| matches!(claimed.name, DeliveryName::Unnamed(_))),
        "the same Message-ID"
    );
}

#[tokio::test]
async fn a_sqlite_database_of_the_first_version_goes_on() {
    the_first_version_is_taken_over(&StoreFixture::sqlite_of_first_version(FIRST_VERSION).await).await;
}

#[tokio::test]
async fn a_postgresql_database_of_the_first_version_goes_on() {
    the_first_version_is_taken_over(&StoreFixture::postgres_of_first_version(FIRST_VERSION).await).await;
}
