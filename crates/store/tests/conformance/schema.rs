//! Both migration folders describe the same tables.

use crate::world::World;

/// Every column and whether it may be null.
async fn columns(w: &World) -> Vec<String> {
    let mut columns = if w.store.dialect() == "sqlite" {
        w.texts(
            "select t.name || '.' || c.name || case when c.\"notnull\" = 1 or c.pk > 0 then ' not null' else '' end
             from pragma_table_list t join pragma_table_info(t.name) c
             where t.schema = 'main' and t.type = 'table' and t.name not like 'sqlite_%' and t.name <> '_sqlx_migrations'",
        )
        .await
    } else {
        w.texts(
            "select table_name || '.' || column_name || case when is_nullable = 'NO' then ' not null' else '' end
             from information_schema.columns
             where table_schema = 'public' and table_name <> '_sqlx_migrations'",
        )
        .await
    };
    columns.sort();
    columns
}

/// Every set of columns that is unique in its table.
async fn unique_keys(w: &World) -> Vec<String> {
    let mut keys = if w.store.dialect() == "sqlite" {
        let mut keys = w
            .texts(
                "select t.name || ': ' || (select group_concat(name, ', ') from (select name from pragma_index_info(i.name) order by name))
                 from pragma_table_list t join pragma_index_list(t.name) i
                 where t.schema = 'main' and i.\"unique\" = 1 and t.name <> '_sqlx_migrations'",
            )
            .await;
        // The number of a row is unique without an index.
        keys.extend(
            w.texts(
                "select t.name || ': ' || c.name from pragma_table_list t join pragma_table_info(t.name) c
                 where t.schema = 'main' and t.type = 'table' and c.pk > 0 and t.wr = 0
                   and t.name not like 'sqlite_%' and t.name <> '_sqlx_migrations'",
            )
            .await,
        );
        keys
    } else {
        w.texts(
            "select cast(t.relname as text) || ': ' || (
               select string_agg(cast(a.attname as text), ', ' order by a.attname) from pg_attribute a
               where a.attrelid = t.oid and a.attnum = any (i.indkey))
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
    let (sqlite, postgres) = (World::sqlite().await, World::postgres().await);
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

/// An index helps only who compares as it sorts: with another order, PostgreSQL reads every suppression for every
/// address it looks up.
pub(crate) async fn addresses_are_compared_byte_by_byte(w: &World) {
    let others = if w.store.dialect() == "sqlite" {
        w.texts("select name from sqlite_schema where lower(sql) like '%collate%'").await
    } else {
        w.texts(
            "select table_name || '.' || column_name from information_schema.columns
             where (table_name, column_name) in (('contacts', 'email'), ('contacts', 'phone'),
                     ('suppressions', 'address'), ('soft_bounces', 'address'))
               and collation_name is distinct from 'C'",
        )
        .await
    };
    assert_eq!(others, Vec::<String>::new());
}
