//! Valid files are read into the right values.

use std::path::PathBuf;
use std::time::Duration;

use campaign::audience::{MessageEvent, Rule, Test, Value};
use campaign::{
    CampaignId, ChannelKind, Language, OnUncertain, Per, StepId, StopAt, TemplateRole, Workspace,
};
use jiff::civil::date;
use schedule::{CatchUp, Condition, Overlap, Reaction, ScheduleZone, Trigger};

use crate::folder::{CAMPAIGN_WITH_HISTORY, Folder};

const DAY: u64 = 86_400;

fn valid_workspace() -> (Folder, Workspace) {
    let folder = Folder::new();
    let (workspace, findings) = folder.load();
    assert_eq!(findings.to_text(false), "");
    (folder, workspace.unwrap())
}

#[test]
fn chorus_toml_is_read_with_its_defaults() {
    let (folder, workspace) = valid_workspace();
    let root = std::fs::canonicalize(folder.path()).unwrap();
    assert_eq!(workspace.root, root);
    assert_eq!(workspace.brand.language, Language::parse("en").unwrap());
    assert_eq!(workspace.brand.timezone.iana_name(), Some("Asia/Shanghai"));
    assert_eq!(workspace.server.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(workspace.server.public_url.as_str(), "http://127.0.0.1:8080/");
    let database = format!("sqlite:{}", root.join("data/chorus.db").display());
    assert_eq!(workspace.database.url.expose(), Ok(database.as_str()));
    let email = &workspace.channels["email"];
    assert_eq!((email.connections, email.kind.per()), (8, Per::Contact));
    assert_eq!(
        email.cost.as_ref().map(|cost| cost.per_message),
        Some(campaign::Money::from_millionths(1_000))
    );
    assert_eq!(email.rate.map(|rate| (rate.count, rate.per)), Some((100, Duration::from_secs(1))));
    let ChannelKind::Outbox { from, .. } = &email.kind else { panic!("{email:?}") };
    assert_eq!(from.to_string(), "Harbour Coffee <hello@harbour.example>");
    let ChannelKind::Smtp { url, .. } = &workspace.channels["relay"].kind else { panic!() };
    assert_eq!(url.expose(), Ok("smtps://news:hunter2@smtp.example.com"));
    let ChannelKind::Network(account) = &workspace.channels["team"].kind else { panic!() };
    let (url, per) = (account.url.as_ref().unwrap(), &account.per);
    assert_eq!((url.expose(), *per), (Ok("https://hooks.example/T0/B0"), Per::Feed));
    assert!(!format!("{workspace:?}").contains("hunter2"));
}

#[test]
fn markets_and_silences_are_read() {
    let (folder, workspace) = valid_workspace();
    assert_eq!(workspace.brand.markets, []);
    assert_eq!(workspace.campaigns["spring-renewal"].silenced_rules, []);
    folder.edit("chorus.toml", "[attributes]", "markets = [\"CN\", \"SG\"]\n\n[attributes]").edit(
        "campaigns/spring-renewal.toml",
        "[goal]\n",
        "[[silence]]\nrule = \"claim-not-a-fact\"\nreason = \"as printed\"\nstep = \"mail\"\ntext = \"128\"\n\n[goal]\n",
    );
    let (workspace, findings) = folder.load();
    assert_eq!(findings.to_text(false), "");
    let workspace = workspace.unwrap();
    assert_eq!(workspace.brand.markets.iter().map(|m| m.as_str()).collect::<Vec<_>>(), ["CN", "SG"]);
    let [silence] = workspace.campaigns["spring-renewal"].silenced_rules.as_slice() else { panic!() };
    assert_eq!((silence.rule.code(), silence.reason.as_str()), ("claim-not-a-fact", "as printed"));
    assert_eq!(
        (silence.step.as_ref().map(StepId::as_str), silence.text.as_deref()),
        (Some("mail"), Some("128"))
    );
}

#[test]
fn history_keys_are_read() {
    let (folder, workspace) = valid_workspace();
    let spring = &workspace.campaigns["spring-renewal"];
    assert_eq!((spring.previous_id.as_ref(), spring.hold), (None, false));
    assert_eq!(spring.steps[0].previous_id, None);
    folder.write("campaigns/spring-renewal.toml", CAMPAIGN_WITH_HISTORY);
    let (workspace, findings) = folder.load();
    assert_eq!(findings.to_text(false), "");
    let workspace = workspace.unwrap();
    let spring = &workspace.campaigns["spring-renewal"];
    assert_eq!(spring.previous_id.as_ref().map(CampaignId::as_str), Some("winter-renewal"));
    assert!(spring.hold);
    let [by_hand, follow_up, once] = spring.steps.as_slice() else { panic!("{:?}", spring.steps) };
    assert_eq!(by_hand.previous_id.as_ref().map(StepId::as_str), Some("letter"));
    assert!(matches!(by_hand.schedule.trigger, Trigger::ByHand));
    assert_eq!(by_hand.schedule.describe(), "by hand, with `chorus send`");
    let all = (jiff::Timestamp::MIN, jiff::Timestamp::MAX);
    assert_eq!(by_hand.schedule.occurrences(all.0, all.1, 9), []);
    assert_eq!(follow_up.previous_id.as_ref().map(StepId::as_str), Some("reminder"));
    assert!(matches!(&follow_up.schedule.trigger, Trigger::After { step, .. } if step.as_str() == "by-hand"));
    assert_eq!((follow_up.schedule.overlap, once.schedule.overlap), (Overlap::Allow, Overlap::Allow));
}

#[test]
fn seeds_are_read() {
    let (folder, workspace) = valid_workspace();
    assert_eq!(workspace.brand.seeds, []);
    folder.edit(
        "chorus.toml",
        "[attributes]",
        "seeds = [\"A@Harbour.example\", \"b@x.example\"]\n[attributes]",
    );
    let (workspace, findings) = folder.load();
    assert_eq!(findings.to_text(false), "");
    let seeds = workspace.unwrap().brand.seeds;
    assert_eq!(
        seeds.iter().map(|seed| seed.as_str()).collect::<Vec<_>>(),
        ["a@harbour.example", "b@x.example"]
    );
}

#[test]
fn stop_rules_are_read_with_their_defaults() {
    let (folder, workspace) = valid_workspace();
    let stop_at = |workspace: &Workspace| workspace.campaigns["spring-renewal"].stop_at;
    assert_eq!(stop_at(&workspace), StopAt { complaints: 0.003, bounces: 0.05, refusals: 0.4 });
    folder.edit(
        "campaigns/spring-renewal.toml",
        "[message]\n",
        "stop_at = { complaints = 0.001, bounces = 1 }\n\n[message]\n",
    );
    let (workspace, findings) = folder.load();
    assert_eq!(findings.to_text(false), "");
    assert_eq!(stop_at(&workspace.unwrap()), StopAt { complaints: 0.001, bounces: 1.0, refusals: 0.4 });
}

#[test]
fn a_channel_has_its_sending_limits() {
    let folder = Folder::new();
    folder.edit(
        "chorus.toml",
        "rate = \"100/s\"",
        r#"rate      = "100/s"
daily_cap = 50000
warm_up   = { start = 50, growth = 1.4, from = 2027-03-01 }
groups.gmail = { rate = "20/s", connections = 5, daily_cap = 4000, domains = ["Harbour.Example"] }
groups."pier.example" = { connections = 1 }
groups.default = { rate = "10/s" }"#,
    );
    let (workspace, findings) = folder.load();
    assert_eq!(findings.to_text(false), "");
    let workspace = workspace.unwrap();
    let email = &workspace.channels["email"];
    assert_eq!(email.daily.limit_on(date(2027, 3, 2)), Some(70));
    assert_eq!(email.daily.limit_on(date(2028, 3, 2)), Some(50_000));
    let of = |domain| {
        let limits = email.receivers.limits(email.receivers.name_of(domain, None)).unwrap();
        (limits.rate.map(|rate| rate.count), limits.connections, limits.daily.cap)
    };
    assert_eq!(of("googlemail.com"), (Some(20), Some(5), Some(4_000)));
    assert_eq!(of("harbour.example"), of("gmail.com"));
    assert_eq!(of("pier.example"), (None, Some(1), None));
    assert_eq!(of("elsewhere.example"), (Some(10), None, None));
    assert!(!email.receivers.groups_by_mx());
    folder.edit("chorus.toml", "kind = \"smtp\"", "kind = \"smtp\"\ngroup_by = \"mx\"");
    assert!(folder.load().0.unwrap().channels["relay"].receivers.groups_by_mx());
}

#[test]
fn a_campaign_is_read_completely() {
    let (_folder, workspace) = valid_workspace();
    let campaign = &workspace.campaigns["spring-renewal"];
    assert_eq!(campaign.file, PathBuf::from("campaigns/spring-renewal.toml"));
    assert_eq!(campaign.starts.unwrap().to_string(), "2027-02-28T16:00:00Z");
    assert_eq!(campaign.ends.unwrap().to_string(), "2027-04-30T15:59:59.999Z");
    assert_eq!(
        campaign.budget.as_ref().map(|budget| budget.amount),
        Some(campaign::Money::from_millionths(20_000_000_000))
    );
    assert_eq!(campaign.goal.as_ref().map(|goal| goal.window), Some(Duration::from_secs(14 * DAY)));
    let [mail, post, reminder] = campaign.steps.as_slice() else { panic!("{:?}", campaign.steps) };
    assert!(matches!(
        (&mail.schedule.trigger, &mail.schedule.zone),
        (Trigger::Cron(_), ScheduleZone::Contact { .. })
    ));
    assert_eq!((mail.on_uncertain, mail.expires), (OnUncertain::Resend, Duration::from_secs(2 * DAY)));
    assert_eq!((mail.schedule.catch_up, mail.schedule.overlap), (CatchUp::Latest, Overlap::Skip));
    assert!(matches!(&post.schedule.trigger, Trigger::At(time) if time.to_string() == "2027-03-02T10:05:00"));
    assert_eq!(post.on_uncertain, OnUncertain::Hold);
    assert_eq!(reminder.audience.as_str(), "everyone");
    assert_eq!(reminder.expires, Duration::from_secs(DAY));
    assert_eq!((reminder.schedule.catch_up, reminder.schedule.overlap), (CatchUp::All, Overlap::Queue));
    let Trigger::After { step, delay, condition } = &reminder.schedule.trigger else { panic!() };
    assert_eq!((step.as_str(), *delay), ("mail", Duration::from_secs(3 * DAY)));
    assert_eq!(*condition, Some(Condition::Unless(Reaction::Clicked)));
}

#[test]
fn a_step_overrides_the_message_in_every_language() {
    let (_folder, workspace) = valid_workspace();
    let message = &workspace.campaigns["spring-renewal"].steps[2].message;
    assert_eq!(message.subject.as_deref(), Some("Last days: {{facts.offer}}"));
    assert_eq!(message.headline.as_deref(), Some("One free month when you renew"));
    assert_eq!(message.facts["offer"], "one free month");
    let chinese = message.in_language(&Language::parse("zh-Hans-CN").unwrap());
    assert_eq!(chinese.subject, message.subject, "zh-Hans-CN is no longer form of zh-CN");
    let chinese = message.in_language(&Language::parse("zh").unwrap());
    assert_eq!(chinese.subject.as_deref(), Some("最后几天"));
    assert_eq!(chinese.body.as_deref(), Some("{{facts.deadline}}前续费，{{facts.offer}}。"));
    assert_eq!(chinese.facts["offer"], "送一个月");
    assert_eq!(chinese.link.as_deref(), Some("https://harbour.example/renew"));
    assert!(chinese.translations.is_empty());
}

#[test]
fn an_audience_is_a_tree_of_rules() {
    let (_folder, workspace) = valid_workspace();
    assert_eq!(workspace.audiences["everyone"].rule, Rule::All(vec![]));
    let Rule::All(rules) = &workspace.audiences["lapsing-members"].rule else { panic!() };
    let text = |text: &str| Value::Text(text.to_owned());
    let attribute = |name: &str, test| Rule::Attribute { name: name.to_owned(), test };
    let days = |days| Some(Duration::from_secs(days * DAY));
    let expected = [
        attribute("tier", Test::In(vec![text("gold"), text("silver")])),
        Rule::All(vec![
            attribute("visits", Test::LessThan(Value::Number(40.5))),
            attribute("visits", Test::AtLeast(Value::Number(3.0))),
        ]),
        attribute("joined", Test::LessThan(Value::Date("2026-06-01".to_owned()))),
        attribute("vip", Test::In(vec![Value::Boolean(true)])),
        Rule::All(vec![
            attribute("city", Test::NotIn(vec![text("Shangrao")])),
            attribute("city", Test::StartsWith("Shang".to_owned())),
        ]),
        Rule::Event { name: "purchase".to_owned(), within: days(365), at_least: 2 },
        Rule::Engagement {
            campaign: Some(CampaignId::parse("spring-renewal").unwrap()),
            did: MessageEvent::Opened,
            within: None,
        },
        Rule::Audience(campaign::AudienceId::parse("everyone").unwrap()),
        Rule::None(vec![
            Rule::Event { name: "purchase".to_owned(), within: days(60), at_least: 1 },
            Rule::Engagement { campaign: None, did: MessageEvent::Clicked, within: days(2) },
        ]),
    ];
    assert_eq!(rules.as_slice(), expected);
}

#[test]
fn file_names_decide_the_roles_of_templates() {
    let folder = Folder::new();
    folder.write("templates/newsletter/email.txt", "").write("templates/newsletter/webhook.json", "{}");
    folder.write("templates/layouts/letters/main.zh-CN.mjml", "");
    let (workspace, findings) = folder.load();
    assert_eq!(findings.to_text(false), "");
    let workspace = workspace.unwrap();
    let files: Vec<_> = workspace.templates["newsletter"]
        .files
        .iter()
        .map(|file| {
            (file.path.file_name().unwrap().to_str().unwrap(), file.role.clone(), file.language.is_some())
        })
        .collect();
    assert_eq!(
        files,
        [
            ("email.mjml", TemplateRole::EmailMjml, false),
            ("email.txt", TemplateRole::EmailText, false),
            ("email.zh-CN.mjml", TemplateRole::EmailMjml, true),
            ("post.md", TemplateRole::Post, false),
            ("webhook.json", TemplateRole::Kind("webhook".to_owned()), false),
        ]
    );
    let shared: Vec<_> = workspace.shared.keys().map(String::as_str).collect();
    assert_eq!(shared, ["layouts/letters/main.zh-CN", "partials/button"]);
}

#[test]
fn dkim_keys_are_read() {
    use crate::sample_key::{ed25519_pem, rsa_pem};
    let folder = Folder::new();
    folder.secret("keys/dkim.pem", &rsa_pem(2048)).secret("keys/second.pem", &ed25519_pem());
    let from = "from = \"Harbour Coffee <news@harbour.example>\"\n";
    let dkim = "[channels.relay.dkim]\nselector = \"Chorus2026\"\nkey = \"keys/dkim.pem\"\n\
        ed25519 = { selector = \"e.chorus\", key = \"keys/second.pem\" }\n";
    folder.edit(
        "chorus.toml",
        "from = \"Harbour Coffee <news@harbour.example>\"\n",
        &format!("{from}{dkim}"),
    );
    let (workspace, findings) = folder.load();
    assert_eq!(findings.to_text(false), "");
    let workspace = workspace.unwrap();
    let ChannelKind::Smtp { dkim: Some(dkim), .. } = &workspace.channels["relay"].kind else { panic!() };
    assert_eq!((dkim.domain.as_str(), dkim.rsa.selector.as_str()), ("harbour.example", "chorus2026"));
    assert_eq!(dkim.rsa.key.expose(), Ok(rsa_pem(2048).as_str()));
    let second = dkim.ed25519.as_ref().unwrap();
    assert_eq!((second.selector.as_str(), second.key.expose()), ("e.chorus", Ok(ed25519_pem().as_str())));
}

/// The workspace at the root of the repository.
#[test]
fn the_sample_workspace_has_no_errors() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let env = |name: &str| {
        let is_url = name.ends_with("_URL");
        let value =
            if is_url { "https://feed.example/hook" } else { "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" };
        Some(value.to_owned())
    };
    let (workspace, findings) = Workspace::load(&root, &env).unwrap();
    assert_eq!(findings.to_text(false), "");
    assert!(workspace.campaigns.len() >= 3);
}
