//! Benchmark `audience`: the time to count an audience, with a year of history.

use std::time::{Duration, Instant};

use ::tests::{TestDatabase, Tools, until};
use anyhow::Result;

use super::Options;
use super::shell::Shell;
use super::table::{Figure, median, spread};
use super::workspace::{BenchWorkspace, ChannelSetup, reader};

/// The size of the history: contacts, runs, recipients of each run, and events of one name.
struct History {
    contacts: usize,
    runs: usize,
    reached: usize,
    events: usize,
}

/// The promised time for audiences by engagement.
const ENGAGED: &str = "≤ 1 s, with 500 runs ≤ 2 s";

/// The measured audiences: id, definition, equivalent SQL written by hand, and promised time.
const AUDIENCES: [(&str, &str, &str, &str); 7] = [
    (
        "clicked",
        r#"all = [{ did = "clicked", within = "90d" }]"#,
        "select count(distinct contact_id) from deliveries where clicked_at >= {since};",
        ENGAGED,
    ),
    (
        "opened",
        r#"all = [{ did = "opened", within = "90d" }]"#,
        "select count(distinct contact_id) from deliveries where opened_at >= {since};",
        ENGAGED,
    ),
    (
        "sent",
        r#"all = [{ did = "sent", within = "90d" }]"#,
        "select count(distinct contact_id) from deliveries where sent_at >= {since};",
        ENGAGED,
    ),
    (
        "clicked-one",
        r#"all = [{ campaign = "letter", did = "clicked", within = "90d" }]"#,
        "select count(distinct contact_id) from deliveries d join runs r on r.id = d.run_id \
         where r.campaign = 'letter' and clicked_at >= {since};",
        ENGAGED,
    ),
    (
        "not-clicked",
        r#"none = [{ did = "clicked", within = "90d" }]"#,
        "select (select count(*) from contacts) - \
         (select count(distinct contact_id) from deliveries where clicked_at >= {since});",
        ENGAGED,
    ),
    (
        "not-sent",
        r#"none = [{ did = "sent", within = "90d" }]"#,
        "select (select count(*) from contacts) - \
         (select count(distinct contact_id) from deliveries where sent_at >= {since});",
        ENGAGED,
    ),
    (
        "bought-twice-not-lately",
        r#"all = [{ event = "purchase", within = "365d", at_least = 2 }, { none = [{ event = "purchase", within = "60d" }] }]"#,
        "select count(*) from (select contact_id from events where name = 'purchase' \
         group by contact_id having count(*) filter (where occurred_at >= {year}) >= 2 \
         and count(*) filter (where occurred_at >= {lately}) = 0) t;",
        "≤ 1 s",
    ),
];

pub(super) fn measure(tools: &Tools, options: &Options, server: &str) -> Result<Vec<Figure>> {
    let Options { contacts, runs, rounds, .. } = *options;
    let history = History { contacts, runs, reached: contacts * 12 / runs, events: contacts * 5 };
    let mut figures = Vec::new();
    for (name, database) in options.database.named(server) {
        figures.extend(measure_on(tools, name, database, &history, rounds.min(3))?);
    }
    Ok(figures)
}

fn measure_on(
    tools: &Tools,
    name: &str,
    database: TestDatabase<'_>,
    history: &History,
    rounds: usize,
) -> Result<Vec<Figure>> {
    let workspace = BenchWorkspace::new(tools, database, ChannelSetup::Outbox, 1, reader)?;
    for (id, rules, ..) in AUDIENCES {
        workspace.sandbox.write(&format!("audiences/{id}.toml"), &format!("title = \"{id}\"\n{rules}\n"))?;
        workspace.sandbox.write(&format!("campaigns/to-{id}.toml"), &campaign(id))?;
    }
    workspace.sandbox.write("audiences/everyone.toml", "title = \"Everyone\"\n")?;
    workspace.sandbox.write("campaigns/to-everyone.toml", &campaign("everyone"))?;
    let mut shell = Shell::open(tools, &workspace)?;
    let now = now(&mut shell)?;
    let (took, _) = shell.run(&history.sql(&shell, now))?;
    println!("{name}: {} deliveries made in {:.0} s", history.runs * history.reached, took.as_secs_f64());
    let mut figures = Vec::new();
    let read = read_sends(&workspace, &mut shell)?;
    println!("{name}: their sends read in {read:.0} s");
    let deliveries = history.runs * history.reached;
    figures.push(Figure::new(
        format!("{name}: {deliveries} deliveries of before read once"),
        format!("{read:.0} s"),
        "",
    ));
    let everyone = measure_size(&workspace, "everyone", rounds)?;
    figures.push(Figure::new(format!("{name}: everyone"), spread(&everyone, 2, "s"), ""));
    for (id, _, by_hand, promise) in AUDIENCES {
        let ours = measure_size(&workspace, id, rounds)?;
        let by_hand = fill_in(by_hand, now);
        let hand_seconds = shell.run(&by_hand)?.0.as_secs_f64();
        println!("{name}: {id} {:.2} s, by hand {hand_seconds:.2} s", median(&ours));
        figures.push(Figure::new(format!("{name}: {id}"), spread(&ours, 2, "s"), promise));
        let ratio = median(&ours) / hand_seconds;
        figures.push(Figure::new(format!("{name}: {id}, to the same by hand"), format!("{ratio:.2}"), ""));
    }
    Ok(figures)
}

fn campaign(audience: &str) -> String {
    format!(
        "title = \"To {audience}\"\naudience = \"{audience}\"\n\n[message]\nsubject = \"News\"\nheadline = \"News\"\n\
         body = \"Something to read.\"\ncall_to_action = \"Read\"\nlink = \"https://measure.example/read\"\n\n\
         [[steps]]\nid = \"mail\"\nchannel = \"email\"\ntemplate = \"plain\"\n"
    )
}

const DAY: i64 = 86_400_000;

/// Returns the database's time, in milliseconds since the Unix epoch.
fn now(shell: &mut Shell) -> Result<i64> {
    let ask = shell.either(
        "select cast(strftime('%s', 'now') as integer) * 1000;",
        "select cast(extract(epoch from now()) * 1000 as bigint);",
    );
    shell.number(ask)
}

fn fill_in(sql: &str, now: i64) -> String {
    sql.replace("{since}", &(now - 90 * DAY).to_string())
        .replace("{year}", &(now - 365 * DAY).to_string())
        .replace("{lately}", &(now - 60 * DAY).to_string())
}

/// Returns the seconds of each `chorus audiences size`, including the start of the process and
/// reading the files.
fn measure_size(workspace: &BenchWorkspace, id: &str, rounds: usize) -> Result<Vec<f64>> {
    let once = || {
        let start = Instant::now();
        workspace.sandbox.chorus_ok(&["audiences", "size", id])?;
        Ok(start.elapsed().as_secs_f64())
    };
    once()?;
    (0..rounds).map(|_| once()).collect()
}

/// Returns the seconds until a server has read the deliveries of every run.
fn read_sends(workspace: &BenchWorkspace, shell: &mut Shell) -> Result<f64> {
    let start = Instant::now();
    let server = workspace.sandbox.serve()?;
    until("the sends to be read", Duration::from_secs(3_600), || {
        let left = shell.number("select count(*) from runs where engaged < 2;")?;
        Ok((left == 0).then_some(()))
    })?;
    let took = start.elapsed().as_secs_f64();
    server.stop()?;
    Ok(took)
}

impl History {
    /// Returns SQL that inserts the history: 30 % open and 4 % click; the runs are spread over 240
    /// days, the events over two years.
    fn sql(&self, shell: &Shell, now: i64) -> String {
        let Self { contacts, runs, reached, events } = self;
        let step = contacts / reached;
        let between = 240 * DAY / *runs as i64;
        let attributes = shell.either("'{\"tier\":\"gold\"}'", "cast('{\"tier\":\"gold\"}' as jsonb)");
        let numbers = |count: &usize| {
            format!(
                "(with recursive n(i) as (select 1 union all select i + 1 from n where i < {count}) select i from n)"
            )
        };
        let analyze = shell.either("", "vacuum analyze;");
        format!(
            "insert into contacts (email, consents, attributes, created_at, updated_at)
             select 'p' || i || '@example.com', ' news:email+ ', {attributes}, 0, 0 from {people} p;
             insert into runs (id, campaign, step, channel, instant, kind, state, on_uncertain, expires_at, total,
               created_at, planned_at, started_at, finished_at)
             select i, case when i % 2 = 0 then 'letter' else 'letter-' || i % 12 end, 'mail', 'email', i, 'scheduled',
               'finished', 'resend', 0, {reached}, 0, 0, 0, 1 from {run_numbers} r;
             insert into campaign_numbers (campaign) select distinct campaign from runs;
             insert into deliveries (id, run_id, contact_id, state, scheduled_at, sent_at, answer, opened_at, clicked_at)
             select r * 4294967296 + c, r, c, 'sent', at, at, '250 2.0.0 Ok: queued',
                    case when h < 300 then at + 3600000 end, case when h < 40 then at + 3700000 end
             from (select r.i as r, 1 + ((p.i - 1) * {step} + r.i % {step}) as c,
                          {now} - ({runs} + 1 - r.i) * cast({between} as bigint) as at, (p.i * 7919 + r.i * 104729) % 1000 as h
                   from {run_numbers} r cross join {reached_numbers} p) made;
             insert into events (kind, name, occurred_at, received_at, contact_id)
             select 'custom', 'purchase', {now} - ((cast(i as bigint) * 7919) % 730) * {DAY}, 0,
                    1 + (cast(i as bigint) * 48271) % {contacts}
             from {event_numbers} e;
             insert into event_recents (name, contact_id, last_at, second_at, third_at)
             select name, contact_id, max(case when nth = 1 then occurred_at end),
               max(case when nth = 2 then occurred_at end), max(case when nth = 3 then occurred_at end)
             from (select name, contact_id, occurred_at,
                     row_number() over (partition by name, contact_id order by occurred_at desc) as nth
                   from events where name is not null) numbered
             where nth <= 3 group by name, contact_id;
             {analyze}",
            people = numbers(contacts),
            run_numbers = numbers(runs),
            reached_numbers = numbers(reached),
            event_numbers = numbers(events),
        )
    }
}
