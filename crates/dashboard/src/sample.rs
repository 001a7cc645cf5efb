//! Sample data for tests: a small workspace and made-up rows, to render pages without a database.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use campaign::{
    Account, Audience, AudienceId, Brand, Budget, Campaign, CampaignId, CampaignMessage, Channel, ChannelId,
    ChannelKind, Currency, DatabaseSettings, EmailAddress, Goal, Language, Mailbox, OnUncertain, Per,
    Purpose, Rule, Secret, Server, Step, StepId, TemplateId, Workspace,
};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use schedule::{CatchUp, Condition, Cron, Overlap, Schedule, ScheduleZone, Trigger};
use serde_json::json;
use source::{Diagnostic, Diagnostics};
use store::{
    Consents, Contact, ContactId, DeliveryId, DeliveryRow, DeliveryState, EventKind, EventRow,
    FeedbackCounts, Metric, Millis, OutboxRow, RollupRow, Run, RunId, RunKind, RunState, Suppression,
    SuppressionReason, Tally, TallyState,
};

use crate::components::PageContext;
use crate::format::Times;

/// A text with markup, which pages must escape.
pub(crate) const HOSTILE: &str = "<script>alert(1)</script>\"'&{{contact.email}}";

/// Returns the current time of all samples.
pub(crate) fn now() -> Timestamp {
    "2027-03-02T06:30:00Z".parse().unwrap()
}

/// Returns the time `minutes` before [`now`].
pub(crate) fn ago(minutes: i64) -> Millis {
    Millis::from(now()) - minutes * 60_000
}

/// Returns the page context of the sample workspace.
pub(crate) fn context(findings: Diagnostics, simulated: bool) -> PageContext {
    let files = Arc::new((workspace(), findings));
    let times = Times { zone: files.0.brand.timezone.clone(), now: now() };
    PageContext::with(files, times, simulated)
}

/// Returns an error and a warning.
pub(crate) fn findings() -> Diagnostics {
    let mut findings = Diagnostics::default();
    findings.push(
        Diagnostic::error(
            "fact-not-said",
            "campaigns/summer.toml",
            "the post does not say the fact `deadline`",
        )
        .help("write {{facts.deadline}} in templates/summer/post.md"),
    );
    findings.push(Diagnostic::warning("slow-channel", "chorus.toml", format!("odd name {HOSTILE}")));
    findings
}

fn workspace() -> Workspace {
    let zone = TimeZone::get("Asia/Shanghai").unwrap();
    let audience = AudienceId::parse("members").unwrap();
    let campaigns = [spring(&zone, &audience), letter(&zone, &audience)];
    let channels = [("email", outbox()), ("community", feed())].map(|(id, kind)| {
        let id = ChannelId::parse(id).unwrap();
        (
            id.clone(),
            Channel {
                language: None,
                id,
                kind,
                rate: None,
                connections: 8,
                daily: campaign::DailyLimit::default(),
                receivers: campaign::Receivers::default(),
                cost: None,
            },
        )
    });
    Workspace {
        root: PathBuf::from("."),
        brand: Brand {
            name: "Harbour Coffee".into(),
            url: "https://harbour.example".parse().unwrap(),
            address: "1 Pier Road, Shanghai".into(),
            timezone: zone,
            language: Language::parse("en").unwrap(),
            never_say: vec![],
            markets: vec![],
            seeds: vec![],
        },
        database: DatabaseSettings { url: Secret::new("sqlite::memory:") },
        server: Server {
            listen: "127.0.0.1:0".parse().unwrap(),
            admin_listen: None,
            proxy: None,
            public_url: "https://news.harbour.example".parse().unwrap(),
        },
        attributes: BTreeMap::new(),
        purposes: Purpose::news().map(|purpose| (purpose.id.clone(), purpose)).into_iter().collect(),
        channels: channels.into(),
        audiences: [(
            audience.clone(),
            Audience { id: audience, title: "Members".into(), rule: Rule::All(vec![]) },
        )]
        .into(),
        campaigns: campaigns.map(|campaign| (campaign.id.clone(), campaign)).into(),
        hash: String::new(),
        campaign_files: std::collections::BTreeSet::new(),
        campaigns_listed: true,
        templates: BTreeMap::new(),
        shared: BTreeMap::new(),
    }
}

fn outbox() -> ChannelKind {
    let from = Mailbox { name: None, address: EmailAddress::parse("news@harbour.example").unwrap() };
    ChannelKind::Outbox { from, reply_to: None }
}

fn feed() -> ChannelKind {
    ChannelKind::Network(Box::new(Account::webhook(Secret::new("http://127.0.0.1:1"), None, Per::Feed)))
}

fn schedule(trigger: Trigger, zone: ScheduleZone) -> Schedule {
    Schedule {
        trigger,
        zone,
        catch_up: CatchUp::Latest,
        catch_up_window: Duration::from_secs(3_600),
        overlap: Overlap::Skip,
    }
}

fn step(id: &str, channel: &str, audience: &AudienceId, schedule: Schedule) -> Step {
    Step {
        id: StepId::parse(id).unwrap(),
        previous_id: None,
        channel: ChannelId::parse(channel).unwrap(),
        template: TemplateId::parse("announcement").unwrap(),
        audience: audience.clone(),
        message: CampaignMessage::default(),
        schedule,
        on_uncertain: OnUncertain::Resend,
        expires: Duration::from_secs(48 * 3_600),
    }
}

fn spring(zone: &TimeZone, audience: &AudienceId) -> Campaign {
    let fixed = ScheduleZone::Fixed(zone.clone());
    let contact = ScheduleZone::Contact { fallback: zone.clone() };
    let after = Trigger::After {
        step: StepId::parse("mail").unwrap(),
        delay: Duration::from_secs(3 * 86_400),
        condition: Some(Condition::Unless(schedule::Reaction::Clicked)),
    };
    Campaign {
        id: CampaignId::parse("spring-tide").unwrap(),
        file: "campaigns/spring-tide.toml".into(),
        title: "Spring Tide".into(),
        objective: Some("300 bags of the spring blend by 11 April 2027".into()),
        owner: Some(EmailAddress::parse("growth@harbour.example").unwrap()),
        audience: audience.clone(),
        purpose: Purpose::news().unwrap(),
        previous_id: None,
        hold: false,
        starts: None,
        ends: None,
        message: spring_message(),
        goal: Some(Goal {
            event: "purchase".into(),
            target: Some(300),
            window: Duration::from_secs(14 * 86_400),
        }),
        budget: Some(Budget {
            amount: campaign::Money::from_millionths(8_000_000_000),
            currency: Currency::parse("CNY").unwrap(),
        }),
        stop_at: campaign::StopAt::default(),
        silenced_rules: vec![],
        steps: vec![
            step(
                "mail",
                "email",
                audience,
                schedule(Trigger::At("2027-03-04T10:00".parse().unwrap()), contact),
            ),
            step(
                "post",
                "community",
                audience,
                schedule(Trigger::At("2027-03-04T12:30".parse().unwrap()), fixed.clone()),
            ),
            step("reminder", "email", audience, schedule(after, fixed)),
        ],
    }
}

fn spring_message() -> CampaignMessage {
    let facts = [
        ("deadline", "11 April 2027"),
        ("offer", "a free magnolia cup with every bag"),
        ("price", "CNY 98 for 250 g"),
    ];
    CampaignMessage {
        subject: Some("Spring Tide is here, and so is the magnolia cup".into()),
        preheader: Some("Our spring blend: soft, floral, roasted light. Members first.".into()),
        headline: Some("Spring Tide is here".into()),
        body: Some(
            "Our spring blend is soft and floral: washed Yunnan with a little Ethiopian, roasted light. It is \
             {{facts.price}}, and until {{facts.deadline}} you get {{facts.offer}}.\n\nThe cups are thrown by hand \
             in Jingdezhen, 600 of them, each a little different. Members choose first."
                .into(),
        ),
        call_to_action: Some("Choose your bag".into()),
        link: Some("https://harbour.example/spring".into()),
        facts: facts.map(|(name, fact)| (name.to_owned(), fact.to_owned())).into(),
        translations: [("zh-CN".to_owned(), CampaignMessage::default())].into(),
        ..CampaignMessage::default()
    }
}

fn letter(zone: &TimeZone, audience: &AudienceId) -> Campaign {
    let weekly = Trigger::Cron(Cron::parse("0 10 * * TUE").unwrap());
    Campaign {
        id: CampaignId::parse("letter").unwrap(),
        file: "campaigns/letter.toml".into(),
        title: "The Harbour Letter".into(),
        objective: None,
        owner: None,
        goal: None,
        budget: None,
        steps: vec![step("letter", "email", audience, schedule(weekly, ScheduleZone::Fixed(zone.clone())))],
        ..spring(zone, audience)
    }
}

/// Returns the rollup rows of a day: a burst of mail, declining opens and clicks, some purchases,
/// one post.
pub(crate) fn rollups() -> Vec<RollupRow> {
    let mut rows = Vec::new();
    let mut add = |step: &str,
                   channel: &str,
                   metric: Metric,
                   hours_ago: i64,
                   count: i64,
                   amount: i64,
                   currency: &str| {
        if count > 0 || amount > 0 {
            rows.push(RollupRow {
                campaign: if step == "letter" { "letter".into() } else { "spring-tide".into() },
                step: step.into(),
                channel: channel.into(),
                metric,
                hour: ago(hours_ago * 60).floor(3_600_000),
                currency: currency.into(),
                count,
                amount: amount.into(),
            });
        }
    };
    for (hours, sent) in [(20, 4_210), (19, 3_870), (18, 1_402), (9, 380), (8, 61)] {
        add("mail", "email", Metric::Sent, hours, sent, 0, "");
        add("mail", "email", Metric::Cost, hours, sent, sent * 1_000, "CNY");
        add("mail", "email", Metric::Failed, hours, sent / 400, 0, "");
    }
    add("mail", "email", Metric::Suppressed, 20, 214, 0, "");
    for hours in 0..20 {
        let fade = 640 / (21 - hours) + (hours * 7) % 13;
        add("mail", "email", Metric::Opened, hours, fade * 3, 0, "");
        add("mail", "email", Metric::Clicked, hours, fade, 0, "");
        add("mail", "email", Metric::Clicks, hours, fade + fade / 5, 0, "");
        add("mail", "email", Metric::Machine, hours, fade * 2, 0, "");
        add("mail", "email", Metric::Converted, hours, fade / 12, fade / 12 * 98_000_000, "CNY");
    }
    add("mail", "email", Metric::Unsubscribed, 12, 9, 0, "");
    add("post", "community", Metric::Sent, 18, 1, 0, "");
    add("post", "community", Metric::Cost, 18, 1, 25_000_000, "CNY");
    add("post", "community", Metric::Clicked, 17, 164, 0, "");
    add("post", "community", Metric::Clicks, 17, 164, 0, "");
    add("letter", "email", Metric::Sent, 5, 1_003, 0, "");
    add("letter", "email", Metric::Opened, 4, 402, 0, "");
    add("letter", "email", Metric::Clicked, 4, 88, 0, "");
    add("letter", "email", Metric::Clicks, 4, 97, 0, "");
    rows
}

pub(crate) fn tally(state: impl Into<TallyState>, reason: &str, count: i64) -> Tally {
    Tally { state: state.into(), reason: reason.into(), count }
}

/// Returns a run that is being sent.
pub(crate) fn live_run() -> Run {
    Run {
        id: RunId(12),
        campaign: "spring-tide".into(),
        step: "mail".into(),
        channel: "email".into(),
        instant: ago(20),
        kind: RunKind::Scheduled,
        state: RunState::Running,
        revision_id: None,
        parent_id: None,
        condition: None,
        cost_micros: campaign::Money::from_millionths(1_000),
        currency: "CNY".into(),
        expires_at: ago(-48 * 60),
        total: 10_137,
        note: None,
        stopped: None,
        created_at: ago(20),
        planned_at: Some(ago(20)),
        started_at: Some(ago(19)),
        finished_at: None,
        name: None,
        trigger: None,
        ends_at: None,
        delays: None,
        missed_to: None,
        own_clock: 0,
        paused_by: None,
        cancelled_with: None,
        to_address: None,
        account: None,
        request: None,
        planned_through: 0,
        tallies: vec![
            tally(DeliveryState::Sent, "", 6_240),
            tally(DeliveryState::Failed, "bad_address", 14),
            tally(DeliveryState::Failed, "inactive", 3),
            tally(DeliveryState::Suppressed, "no_consent", 120),
            tally(DeliveryState::Suppressed, "unsubscribed", 94),
            tally(TallyState::Repeat, "", 2),
        ],
        feedback: FeedbackCounts { bounced: 0, complained: 1 },
    }
}

/// Returns a finished run.
pub(crate) fn ended_run() -> Run {
    Run {
        id: RunId(9),
        campaign: "letter".into(),
        step: "letter".into(),
        state: RunState::FinishedWithFailures,
        instant: ago(5 * 60),
        total: 1_010,
        started_at: Some(ago(5 * 60)),
        finished_at: Some(ago(5 * 60 - 3)),
        name: None,
        trigger: None,
        ends_at: None,
        delays: None,
        missed_to: None,
        own_clock: 0,
        paused_by: None,
        cancelled_with: None,
        to_address: None,
        account: None,
        request: None,
        planned_through: 0,
        tallies: vec![tally(DeliveryState::Sent, "", 1_003), tally(DeliveryState::Failed, "bad_address", 7)],
        ..live_run()
    }
}

fn delivery(contact: i64, address: &str, state: DeliveryState) -> DeliveryRow {
    DeliveryRow {
        id: DeliveryId::new(RunId(12), ContactId(contact)),
        run_id: RunId(12),
        campaign: "spring-tide".into(),
        step: "mail".into(),
        channel: "email".into(),
        contact_id: ContactId(contact),
        address: address.into(),
        state,
        reason: None,
        due_at: None,
        attempts: 1,
        repeats: 0,
        sent_at: None,
        answer: None,
        opened_at: None,
        clicked_at: None,
        converted_at: None,
        post_id: None,
        post_url: None,
    }
}

/// Returns deliveries in various states.
pub(crate) fn deliveries() -> Vec<DeliveryRow> {
    vec![
        DeliveryRow {
            sent_at: Some(ago(19)),
            opened_at: Some(ago(15)),
            clicked_at: Some(ago(14)),
            converted_at: Some(ago(3)),
            answer: Some("in the outbox".into()),
            ..delivery(1, "ada@example.org", DeliveryState::Sent)
        },
        DeliveryRow {
            reason: Some("bad_address".into()),
            answer: Some(format!("550 5.1.1 no such user {HOSTILE}")),
            ..delivery(2, HOSTILE, DeliveryState::Failed)
        },
        DeliveryRow {
            reason: Some("unsubscribed".into()),
            attempts: 0,
            ..delivery(3, "grace@example.org", DeliveryState::Suppressed)
        },
        DeliveryRow {
            due_at: Some(ago(-10)),
            attempts: 3,
            answer: Some("451 4.7.1 try again later".into()),
            ..delivery(4, "edsger@example.org", DeliveryState::Deferred)
        },
        DeliveryRow { sent_at: Some(ago(18)), repeats: 1, ..delivery(5, "", DeliveryState::Sent) },
        DeliveryRow {
            answer: Some("the worker stopped before the answer".into()),
            ..delivery(6, "barbara@example.org", DeliveryState::Uncertain)
        },
        DeliveryRow {
            sent_at: Some(ago(17)),
            reason: Some("settled".into()),
            post_id: Some(HOSTILE.into()),
            post_url: Some("https://social.example/@harbour/1?q=\"><script>alert(1)</script>".into()),
            ..delivery(0, "", DeliveryState::Sent)
        },
        DeliveryRow {
            sent_at: Some(ago(17)),
            post_url: Some("javascript:alert(1)".into()),
            ..delivery(7, "niklaus@example.org", DeliveryState::Sent)
        },
    ]
}

/// Returns a contact with attributes of every type.
pub(crate) fn contact() -> Contact {
    let attributes = json!({"first_name": "Ada", "visits": 12, "vip": true, "note": HOSTILE});
    Contact {
        id: ContactId(1),
        external_id: Some("M-0001".into()),
        email: Some("ada@example.org".into()),
        phone: None,
        language: Some("en".into()),
        timezone: Some("Europe/London".into()),
        consents: Consents::try_from(" news:email+  news:phone- ".to_owned()).unwrap(),
        attributes: attributes.as_object().unwrap().clone(),
        created_at: ago(90 * 24 * 60),
    }
}

/// Returns the suppression of an address.
pub(crate) fn suppression() -> Suppression {
    Suppression {
        kind: store::AddressKind::Email,
        address: "ada@example.org".into(),
        reason: SuppressionReason::Unsubscribed,
        source: "one-click".into(),
        created_at: ago(2),
    }
}

fn event(kind: EventKind, minutes_ago: i64, actor: &str) -> EventRow {
    EventRow {
        kind,
        name: None,
        occurred_at: ago(minutes_ago),
        delivery_id: Some(DeliveryId::new(RunId(12), ContactId(1))),
        campaign: Some("spring-tide".into()),
        step: Some("mail".into()),
        url: None,
        actor: actor.into(),
        value_micros: None,
        currency: None,
    }
}

/// Returns the events of the sample contact, newest first.
pub(crate) fn events() -> Vec<EventRow> {
    vec![
        event(EventKind::Unsubscribed, 2, "human"),
        EventRow {
            name: Some("purchase".into()),
            value_micros: Some(campaign::Money::from_millionths(98_000_000)),
            currency: Some("CNY".into()),
            ..event(EventKind::Converted, 3, "human")
        },
        EventRow {
            url: Some(format!("https://harbour.example/spring?{HOSTILE}")),
            ..event(EventKind::Clicked, 14, "human")
        },
        event(EventKind::Opened, 15, "human"),
        event(EventKind::Opened, 19, "machine:prefetch"),
    ]
}

/// Returns a message in the outbox.
pub(crate) fn message() -> OutboxRow {
    OutboxRow {
        delivery_id: DeliveryId::new(RunId(12), ContactId(1)),
        campaign: "spring-tide".into(),
        step: "mail".into(),
        channel: "email".into(),
        recipient: "ada@example.org".into(),
        subject: format!("Spring Tide is here {HOSTILE}"),
        html: "<!doctype html><html><head><title>x</title></head><body><p>Hello Ada</p></body></html>".into(),
        text: format!("Hello Ada\n{HOSTILE}"),
        raw: format!(
            "From: Harbour Coffee <news@harbour.example>\r\nList-Unsubscribe:\r\n <https://news.harbour.example/u/x>\
             \r\nSubject: {HOSTILE}\r\n\r\nHello Ada\r\n"
        )
        .into_bytes(),
        created_at: ago(19),
    }
}

/// Returns a missed occurrence and a held one.
pub(crate) fn did_not_run() -> Vec<store::OccurrenceRow> {
    let row = store::OccurrenceRow {
        campaign: "spring-tide".into(),
        step: "mail".into(),
        instant: ago(120),
        kind: store::OccurrenceKind::Missed,
        reason: store::OccurrenceReason::Off,
        detail: None,
        through: None,
        count: 1,
        parent_id: None,
        state: store::OccurrenceState::Open,
        run_id: None,
        created_at: ago(60),
    };
    let held = store::OccurrenceRow {
        step: "post".into(),
        instant: ago(30),
        kind: store::OccurrenceKind::Held,
        reason: store::OccurrenceReason::SameText,
        detail: Some("spring/<script>".into()),
        ..row.clone()
    };
    vec![held, row]
}
