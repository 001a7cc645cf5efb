//! The fixture of the conformance tests: a fresh database with helpers to fill and read it.

use std::collections::BTreeMap;
use std::str::FromStr;

use campaign::{Audience, AudienceId, OnUncertain, Rule};
use jiff::tz::TimeZone;
use schedule::Moment;
use sqlx::Connection;
use store::{
    ClaimedDelivery, ContactId, DeliveryId, EventKind, GroupCommit, LeaseId, Millis, NewContact, NewEvent,
    NewRun, Outcome, RecipientAddress, RecipientSource, RevisionId, Run, RunId, RunKind, Store,
};

static UTC: TimeZone = TimeZone::UTC;

/// The time of the tests: the start of an hour.
pub(crate) const NOW: Millis = Millis::new(1_800_000_000_000);
pub(crate) const MINUTE: i64 = 60_000;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

pub(crate) struct StoreFixture {
    pub(crate) store: Store,
    pub(crate) url: String,
    _folder: Option<tempfile::TempDir>,
}

/// Returns a migrator with the first migration of a kind of database alone.
async fn first_migration(dialect: &str) -> sqlx::migrate::Migrator {
    let folder = tempfile::tempdir().unwrap();
    let name = "0001_first.sql";
    let from = format!("{}/../../migrations/{dialect}/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::copy(from, folder.path().join(name)).unwrap();
    sqlx::migrate::Migrator::new(folder.path()).await.unwrap()
}

impl StoreFixture {
    pub(crate) async fn sqlite() -> Self {
        let (url, folder) = Self::sqlite_url();
        Self::open(url, Some(folder)).await
    }

    fn sqlite_url() -> (String, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        (format!("sqlite:{}", folder.path().join("deep/chorus.db").display()), folder)
    }

    /// A SQLite database as the first version made it, with these rows.
    pub(crate) async fn sqlite_of_first_version(rows: &str) -> Self {
        let (url, folder) = Self::sqlite_url();
        let path = url.strip_prefix("sqlite:").unwrap();
        std::fs::create_dir_all(std::path::Path::new(path).parent().unwrap()).unwrap();
        let options = sqlx::sqlite::SqliteConnectOptions::from_str(&url).unwrap().create_if_missing(true);
        let mut connection = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
        first_migration("sqlite").await.run_direct(None, &mut connection, false).await.unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(rows.to_owned())).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        Self::open(url, Some(folder)).await
    }

    /// A PostgreSQL database as the first version made it, with these rows.
    pub(crate) async fn postgres_of_first_version(rows: &str) -> Self {
        let url = Self::postgres_url().await;
        let mut connection = sqlx::PgConnection::connect(&url).await.unwrap();
        first_migration("postgres").await.run_direct(None, &mut connection, false).await.unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(rows.to_owned())).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        Self::open(url, None).await
    }

    /// A fresh database on the temporary PostgreSQL server of the test run.
    pub(crate) async fn postgres() -> Self {
        Self::open(Self::postgres_url().await, None).await
    }

    async fn postgres_url() -> String {
        #[allow(clippy::disallowed_methods, reason = "the test run names its server")]
        let server =
            std::env::var("CHORUS_TEST_POSTGRES").expect("run `cargo xtask test`, it starts PostgreSQL");
        let name = format!("store_{:016x}", random_number());
        let mut admin = sqlx::PgConnection::connect(&server).await.unwrap();
        let create = sqlx::AssertSqlSafe(format!("create database {name}"));
        sqlx::query(create).execute(&mut admin).await.unwrap();
        admin.close().await.unwrap();
        let mut url = url::Url::parse(&server).unwrap();
        url.set_path(&name);
        url.to_string()
    }

    async fn open(url: String, folder: Option<tempfile::TempDir>) -> Self {
        let store = Store::open(&url).await.unwrap();
        assert!(store.migrate().await.unwrap() > 0);
        Self { store, url, _folder: folder }
    }

    /// Returns the rows of a query of one text column, over a connection outside the store.
    pub(crate) async fn texts(&self, sql: &str) -> Vec<String> {
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        let rows: Vec<(String,)> = if self.store.dialect().as_str() == "sqlite" {
            let mut connection = sqlx::SqliteConnection::connect(&self.url).await.unwrap();
            sqlx::query_as(sql).fetch_all(&mut connection).await.unwrap()
        } else {
            let mut connection = sqlx::PgConnection::connect(&self.url).await.unwrap();
            sqlx::query_as(sql).fetch_all(&mut connection).await.unwrap()
        };
        rows.into_iter().map(|(text,)| text).collect()
    }

    /// Runs a statement over a connection outside the store.
    pub(crate) async fn write(&self, sql: &str) {
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        if self.store.dialect().as_str() == "sqlite" {
            let mut connection = sqlx::SqliteConnection::connect(&self.url).await.unwrap();
            sqlx::query(sql).execute(&mut connection).await.unwrap();
        } else {
            let mut connection = sqlx::PgConnection::connect(&self.url).await.unwrap();
            sqlx::query(sql).execute(&mut connection).await.unwrap();
        }
    }

    /// Returns the number that a query selects; 0 for null.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        self.texts(&format!("select cast(coalesce(({sql}), 0) as text)")).await[0].parse().unwrap()
    }

    /// Inserts contacts 1 to `count`, each with an e-mail address.
    pub(crate) async fn people(&self, count: usize) {
        let people: Vec<_> = (1..=count).map(|n| person(&format!("p{n}@example.com"))).collect();
        self.store.contact_upsert(&people, NOW).await.unwrap();
    }

    pub(crate) async fn revision(&self) -> RevisionId {
        self.store.revision_put("hash", "spring", "mail", "{}", &[], NOW).await.unwrap().id
    }

    /// Inserts a run of the campaign `spring`, at the time at which it is due.
    pub(crate) async fn run(&self, step: &str, edit: impl FnOnce(&mut NewRun)) -> RunId {
        let mut run = NewRun {
            campaign: "spring".to_owned(),
            step: step.to_owned(),
            channel: "email".to_owned(),
            instant: NOW,
            kind: RunKind::Scheduled,
            revision_id: self.revision().await,
            parent_id: None,
            condition: None,
            on_uncertain: OnUncertain::Resend,
            look_after: 0,
            cost_micros: campaign::Money::from_millionths(1_000),
            currency: "CNY".to_owned(),
            expires_at: NOW + 2 * DAY,
            origin: store::RunOrigin { purpose: Some("news".to_owned()), ..store::RunOrigin::default() },
        };
        edit(&mut run);
        self.store.run_insert(&run, run.instant.max(NOW)).await.unwrap().unwrap()
    }

    /// Plans a run for all contacts, due now.
    pub(crate) async fn plan(&self, run: RunId) -> i64 {
        let audiences = all_contacts();
        self.store.run_plan(run, &to_all_contacts(&audiences), NOW).await.unwrap()
    }

    /// Inserts a run and plans it for all contacts.
    pub(crate) async fn planned(&self, step: &str) -> RunId {
        let run = self.run(step, |_| {}).await;
        self.plan(run).await;
        run
    }

    pub(crate) async fn lease(&self, now: Millis) -> LeaseId {
        self.store.lease_open("worker", true, now, now + 30_000).await.unwrap()
    }

    pub(crate) async fn claim(
        &self,
        lease: LeaseId,
        run: RunId,
        now: Millis,
        limit: i64,
    ) -> Vec<ClaimedDelivery> {
        self.store.delivery_claim(lease, run, now, limit).await.unwrap()
    }

    /// Records outcomes, and intents to begin.
    pub(crate) async fn record(
        &self,
        lease: LeaseId,
        outcomes: &[(DeliveryId, Outcome)],
        intents: &[DeliveryId],
        now: Millis,
    ) -> store::GroupCommitResult {
        let record =
            GroupCommit { outcomes: outcomes.to_vec(), intents: intents.to_vec(), ..GroupCommit::default() };
        self.store.delivery_record(lease, &record, now).await.unwrap()
    }

    /// Claims and begins up to `limit` deliveries.
    pub(crate) async fn begin(&self, lease: LeaseId, run: RunId, now: Millis, limit: i64) -> Vec<DeliveryId> {
        let ids: Vec<_> = self.claim(lease, run, now, limit).await.iter().map(|claimed| claimed.id).collect();
        self.record(lease, &[], &ids, now).await.granted
    }

    /// Sends all deliveries of a run that are due.
    pub(crate) async fn send_all(&self, run: RunId, now: Millis) {
        let lease = self.lease(now).await;
        let begun = self.begin(lease, run, now, 10_000).await;
        let outcomes: Vec<_> = begun.into_iter().map(|id| (id, accepted())).collect();
        self.record(lease, &outcomes, &[], now).await;
        self.store.lease_close(lease, now).await.unwrap();
    }

    /// Returns the states of a run's deliveries by contact: `1 sent`, `2 failed bounced`.
    pub(crate) async fn states(&self, run: RunId) -> Vec<String> {
        let rows = self.store.delivery_list(run, None, false, DeliveryId(0), 10_000).await.unwrap();
        rows.iter()
            .map(|row| {
                let reason = row.reason.as_deref().map_or(String::new(), |reason| format!(" {reason}"));
                format!("{} {}{reason}", row.contact_id, row.state)
            })
            .collect()
    }

    pub(crate) async fn get(&self, run: RunId) -> Run {
        self.store.run_get(run).await.unwrap().unwrap()
    }

    /// Returns a run's tallies: `sent 3`, `failed bad_address 1`.
    pub(crate) async fn tallies(&self, run: RunId) -> Vec<String> {
        let words = |tally: &store::Tally| match tally.reason.as_str() {
            "" => format!("{} {}", tally.state, tally.count),
            reason => format!("{} {reason} {}", tally.state, tally.count),
        };
        self.get(run).await.tallies.iter().map(words).collect()
    }

    /// Returns all rollups summed: `mail sent 3`, `mail cost CNY 3 3000`.
    pub(crate) async fn figures(&self) -> Vec<String> {
        let rows = self.store.rollup_read(&store::RollupFilter::default()).await.unwrap();
        let words = |row: &store::RollupRow| match row.currency.as_str() {
            "" => format!("{} {} {}", row.step, row.metric, row.count),
            currency => {
                format!("{} {} {currency} {} {}", row.step, row.metric, row.count, row.amount.millionths())
            }
        };
        rows.iter().filter(|row| row.count != 0 || !row.amount.is_zero()).map(words).collect()
    }
}

/// Returns a number that no other test of this or another process has, from the standard library's
/// random keys.
fn random_number() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}

pub(crate) fn person(email: &str) -> NewContact {
    NewContact { email: Some(email.to_owned()), consent: Some(store::Consent::Yes), ..NewContact::default() }
}

pub(crate) fn audience(id: &str, rule: Rule) -> (AudienceId, Audience) {
    let id = AudienceId::parse(id).unwrap();
    (id.clone(), Audience { id, title: String::new(), rule })
}

pub(crate) fn all_contacts() -> BTreeMap<AudienceId, Audience> {
    BTreeMap::from([audience("everybody", Rule::All(vec![]))])
}

pub(crate) fn instant(at: Millis) -> Moment {
    Moment::Instant(at.timestamp().unwrap())
}

pub(crate) fn to_all_contacts(audiences: &BTreeMap<AudienceId, Audience>) -> RecipientSource<'_> {
    RecipientSource::Audience {
        audiences,
        audience: audiences.keys().next().unwrap(),
        address: RecipientAddress::Email,
        moment: instant(NOW),
        fallback: &UTC,
        catch_up_window: HOUR,
        by_hand: None,
    }
}

pub(crate) fn accepted() -> Outcome {
    Outcome::Accepted { answer: "250 ok".to_owned(), post: None }
}

pub(crate) fn id(run: RunId, contact: i64) -> DeliveryId {
    DeliveryId::new(run, ContactId(contact))
}

pub(crate) fn event(kind: EventKind, delivery: DeliveryId, at: Millis) -> NewEvent {
    NewEvent {
        kind,
        delivery: delivery.into(),
        link: None,
        occurred_at: at,
        actor: "human".to_owned(),
        detail: None,
    }
}
