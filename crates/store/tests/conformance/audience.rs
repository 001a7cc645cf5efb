//! Tests that a rule means the same in SQL, on both databases, and in memory.

use std::collections::BTreeMap;
use std::time::Duration;

use campaign::audience::{MessageEvent, Test, Value};
use campaign::{Audience, AudienceId, CampaignId, Rule};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::{Value as Json, json};
use store::{Contact, ContactId, Conversion, EventKind, NewContact};

use crate::fixture::{DAY, HOUR, NOW, StoreFixture, audience, event, id, person};

/// Texts that are known to break queries, numbers or casts.
const TEXTS: &[&str] = &[
    "",
    "gold",
    "Gold",
    "silver",
    "' or 1=1 --",
    "\"",
    "\\",
    "$.a",
    "%",
    "_",
    "NaN",
    "Infinity",
    "-",
    "+",
    ".",
    "1.",
    ".5",
    "1e5",
    "1e400",
    "0x10",
    "12",
    "-12",
    "+7",
    "12.5",
    "007",
    "--5",
    "1.2.3",
    " 12",
    "12 ",
    "true",
    "false",
    "null",
    "\u{1f980}",
    "上海",
    "Ä",
    "2026-02-30",
    "2026-05-01T10:00:00Z",
    "2026-05-01",
    "١٢",
    "99999999999999999999999999999999999999999999999999",
    "\u{7f}\u{1}\n",
];

/// Names that a path syntax would misread.
const NAMES: &[&str] = &[
    "tier",
    "a b",
    "a.b",
    "$.tier",
    "[0]",
    "a\"b",
    "a\\b",
    "'",
    "12",
    "",
    "$",
    "上海",
    "email",
    "phone",
    "external_id",
    "language",
    "timezone",
    "created_at",
    "missing",
];

fn audience_of(rule: Rule) -> BTreeMap<AudienceId, Audience> {
    BTreeMap::from([audience("a", rule)])
}

async fn members(f: &StoreFixture, audiences: &BTreeMap<AudienceId, Audience>) -> Vec<i64> {
    let first = audiences.keys().next().unwrap();
    let members = f.store.audience_sample(audiences, first, NOW, 10_000).await.unwrap();
    let count = f.store.audience_count(audiences, first, NOW).await.unwrap();
    assert_eq!(count, i64::try_from(members.len()).unwrap());
    members.iter().map(|contact| contact.id.0).collect()
}

fn random_json(rng: &mut StdRng) -> Json {
    match rng.random_range(0..10) {
        0 => json!(rng.random_bool(0.5)),
        1 => json!(rng.random_range(-20..20)),
        2 => json!(f64::from(rng.random_range(-200..200)) / 8.0),
        3 => json!(1e300),
        4 => json!(i64::MAX),
        _ => json!(*TEXTS.choose(rng).unwrap()),
    }
}

fn random_person(n: usize, rng: &mut StdRng) -> NewContact {
    let mut some = |texts: &[&str]| rng.random_bool(0.6).then(|| (*texts.choose(rng).unwrap()).to_owned());
    let language = some(&["en", "zh-CN", ""]);
    let timezone = some(&["Asia/Shanghai", "' or 1=1 --"]);
    let mut attributes = serde_json::Map::new();
    for name in NAMES.iter().take(12) {
        if rng.random_bool(0.6) {
            attributes.insert((*name).to_owned(), random_json(rng));
        }
    }
    let phone = rng.random_bool(0.3).then(|| format!("+86{n}"));
    NewContact { language, timezone, phone, attributes, ..person(&format!("p{n}@example.com")) }
}

fn random_value(rng: &mut StdRng) -> Value {
    match rng.random_range(0..8) {
        0 => Value::Boolean(rng.random_bool(0.5)),
        1 => Value::Number(f64::from(rng.random_range(-20..20))),
        2 => Value::Number(*[12.5, 0.125, 7.0, 1e300, 1e5, -1e308, 1e49].choose(rng).unwrap()),
        3 => Value::Date((*["2026-05-01", "2027-01-15", "1970-01-01"].choose(rng).unwrap()).to_owned()),
        _ => Value::Text((*TEXTS.choose(rng).unwrap()).to_owned()),
    }
}

fn random_test(rng: &mut StdRng) -> Test {
    let text = |rng: &mut StdRng| (*TEXTS.choose(rng).unwrap()).to_owned();
    let values = |rng: &mut StdRng| (0..rng.random_range(0..4)).map(|_| random_value(rng)).collect();
    match rng.random_range(0..9) {
        0 => Test::In(values(rng)),
        1 => Test::NotIn(values(rng)),
        2 => Test::Exists(rng.random_bool(0.5)),
        3 => Test::Contains(text(rng)),
        4 => Test::StartsWith(text(rng)),
        5 => Test::LessThan(random_value(rng)),
        6 => Test::AtMost(random_value(rng)),
        7 => Test::MoreThan(random_value(rng)),
        _ => Test::AtLeast(random_value(rng)),
    }
}

fn random_rule(depth: u32, rng: &mut StdRng) -> Rule {
    let group = |rng: &mut StdRng| (0..rng.random_range(0..4)).map(|_| random_rule(depth - 1, rng)).collect();
    match rng.random_range(0..if depth == 0 { 4 } else { 7 }) {
        4 => Rule::All(group(rng)),
        5 => Rule::Any(group(rng)),
        6 => Rule::None(group(rng)),
        _ => Rule::Attribute { name: (*NAMES.choose(rng).unwrap()).to_owned(), test: random_test(rng) },
    }
}

/// Returns the value of a contact's attribute.
fn attribute_value(contact: &Contact, name: &str) -> Option<Json> {
    let text = |text: &Option<String>| text.clone().map(Json::String);
    match name {
        "email" => text(&contact.email),
        "phone" => text(&contact.phone),
        "external_id" => text(&contact.external_id),
        "language" => text(&contact.language),
        "timezone" => text(&contact.timezone),
        // The time of the tests, at the start of an hour.
        "created_at" => Some(json!("2027-01-15T08:00:00Z")),
        _ => contact.attributes.get(name).cloned(),
    }
}

fn as_text(json: &Json) -> String {
    json.as_str().map_or_else(|| json.to_string(), str::to_owned)
}

fn as_number(json: &Json) -> Option<f64> {
    if let Json::Number(number) = json {
        return number.as_f64();
    }
    let text = json.as_str()?;
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let numeric = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    (numeric(whole) && numeric(part)).then(|| text.parse().unwrap())
}

fn compares(json: &Json, value: &Value, holds: impl Fn(std::cmp::Ordering) -> bool) -> bool {
    match value {
        Value::Text(text) => holds(as_text(json).as_str().cmp(text)),
        Value::Date(day) => {
            let start: String = as_text(json).chars().take(10).collect();
            holds(start.as_str().cmp(day))
        }
        Value::Number(number) => {
            as_number(json).and_then(|found| found.partial_cmp(number)).is_some_and(holds)
        }
        Value::Boolean(_) => false,
    }
}

fn is_one_of(json: &Json, values: &[Value]) -> bool {
    values.iter().any(|value| match value {
        Value::Boolean(value) => as_text(json) == value.to_string(),
        other => compares(json, other, std::cmp::Ordering::is_eq),
    })
}

fn passes(found: Option<&Json>, test: &Test) -> bool {
    let Some(found) = found else { return matches!(test, Test::NotIn(_) | Test::Exists(false)) };
    let text = as_text(found);
    match test {
        Test::In(values) => is_one_of(found, values),
        Test::NotIn(values) => !is_one_of(found, values),
        Test::Exists(wanted) => text.is_empty() != *wanted,
        Test::Contains(part) => text.to_ascii_lowercase().contains(&part.to_ascii_lowercase()),
        Test::StartsWith(start) => text.to_ascii_lowercase().starts_with(&start.to_ascii_lowercase()),
        Test::LessThan(value) => compares(found, value, std::cmp::Ordering::is_lt),
        Test::AtMost(value) => compares(found, value, std::cmp::Ordering::is_le),
        Test::MoreThan(value) => compares(found, value, std::cmp::Ordering::is_gt),
        Test::AtLeast(value) => compares(found, value, std::cmp::Ordering::is_ge),
    }
}

fn belongs(contact: &Contact, rule: &Rule) -> bool {
    match rule {
        Rule::All(rules) => rules.iter().all(|rule| belongs(contact, rule)),
        Rule::Any(rules) => rules.iter().any(|rule| belongs(contact, rule)),
        Rule::None(rules) => !rules.iter().any(|rule| belongs(contact, rule)),
        Rule::Attribute { name, test } => passes(attribute_value(contact, name).as_ref(), test),
        _ => unreachable!("not drawn here"),
    }
}

/// Returns whether a contact has a number whose shortest text differs between programs.
fn is_spelt_differently(contact: &Contact) -> bool {
    contact.attributes.values().any(|json| json == &json!(1e300))
}

pub(crate) async fn random_rules_agree_with_memory(f: &StoreFixture) {
    let mut rng = StdRng::seed_from_u64(7);
    let people: Vec<_> = (0..120).map(|n| random_person(n, &mut rng)).collect();
    f.store.contact_upsert(&people, NOW).await.unwrap();
    let people = f.store.contact_page(ContactId(0), 1_000).await.unwrap();
    assert_eq!(people.len(), 120);
    let mut matched = 0;
    for _ in 0..250 {
        let rule = random_rule(2, &mut rng);
        let got = members(f, &audience_of(rule.clone())).await;
        let wanted = people.iter().filter(|contact| belongs(contact, &rule)).map(|contact| contact.id.0);
        let wanted: Vec<_> = wanted.collect();
        let differ: Vec<_> = people
            .iter()
            .filter(|c| got.contains(&c.id.0) != wanted.contains(&c.id.0) && !is_spelt_differently(c))
            .collect();
        assert!(differ.is_empty(), "{rule:?}\ndiffers for {:?}", differ[0]);
        matched += usize::from(!got.is_empty() && got.len() < people.len());
    }
    assert!(matched > 50, "only {matched} rules selected some of the contacts");
}

fn attribute(name: &str, test: Test) -> Rule {
    Rule::Attribute { name: name.to_owned(), test }
}

pub(crate) async fn hostile_texts_are_only_texts(f: &StoreFixture) {
    for (n, text) in TEXTS.iter().enumerate() {
        let attributes = json!({"said": text, (*text): "here"}).as_object().unwrap().clone();
        let one = NewContact { attributes, ..person(&format!("p{n}@example.com")) };
        f.store.contact_upsert(&[one], NOW).await.unwrap();
    }
    for (n, text) in TEXTS.iter().enumerate() {
        let only = vec![i64::try_from(n).unwrap() + 1];
        let value = Value::Text((*text).to_owned());
        let equal = audience_of(attribute("said", Test::In(vec![value])));
        assert_eq!(members(f, &equal).await, only, "{text:?}");
        let named = audience_of(attribute(text, Test::In(vec![Value::Text("here".to_owned())])));
        assert_eq!(members(f, &named).await, only, "{text:?} as a name");
        let event = Rule::Event { name: (*text).to_owned(), within: None, at_least: 1 };
        assert_eq!(members(f, &audience_of(event)).await, [] as [i64; 0]);
        for number in [0.0, -1e308, f64::MAX, f64::MIN_POSITIVE] {
            members(f, &audience_of(attribute("said", Test::AtLeast(Value::Number(number))))).await;
        }
    }
    let shanghai = audience_of(attribute("said", Test::Contains("海".to_owned())));
    assert_eq!(members(f, &shanghai).await.len(), 1);
    let number = audience_of(attribute("said", Test::In(vec![Value::Number(12.0)])));
    assert_eq!(members(f, &number).await.len(), 1, "only the text \"12\"");
}

pub(crate) async fn invalid_audiences_are_reported(f: &StoreFixture) {
    f.people(1).await;
    let missing = Rule::Audience(AudienceId::parse("missing").unwrap());
    let bad = [
        (missing, "audiences/missing.toml"),
        (attribute("a\0", Test::Exists(true)), "NUL"),
        (attribute("a", Test::In(vec![Value::Text("\0".to_owned())])), "NUL"),
        (attribute("a", Test::Contains("\0".to_owned())), "NUL"),
        (attribute("a", Test::LessThan(Value::Number(f64::NAN))), "no number"),
        (attribute("a", Test::In(vec![Value::Number(f64::INFINITY)])), "no number"),
        (Rule::Event { name: "\0".to_owned(), within: None, at_least: 1 }, "NUL"),
    ];
    for (rule, why) in bad {
        let audiences = audience_of(rule);
        let first = audiences.keys().next().unwrap();
        let error = f.store.audience_count(&audiences, first, NOW).await.unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
}

pub(crate) async fn large_sets_and_deep_nests_are_bounded(f: &StoreFixture) {
    f.people(5).await;
    let many = (0..50_000).map(|n| Value::Text(format!("p{n}@example.com"))).collect();
    assert_eq!(members(f, &audience_of(attribute("email", Test::In(many)))).await.len(), 5);
    let wide = |count| Rule::Any((0..count).map(|_| attribute("tier", Test::Exists(true))).collect());
    assert_eq!(members(f, &audience_of(wide(600))).await.len(), 0);
    let numbers = (0..900).map(|n| Value::Number(f64::from(n))).collect();
    assert_eq!(members(f, &audience_of(attribute("email", Test::NotIn(numbers)))).await.len(), 5);
    let deep = |levels| (0..levels).fold(Rule::All(vec![]), |rule, _| Rule::None(vec![rule]));
    assert_eq!(members(f, &audience_of(deep(30))).await.len(), 5);
    let circle = Rule::Audience(AudienceId::parse("a").unwrap());
    for rule in [wide(1_001), deep(200), circle] {
        let audiences = audience_of(rule);
        let first = audiences.keys().next().unwrap();
        let error = f.store.audience_count(&audiences, first, NOW).await.unwrap_err().to_string();
        assert!(error.contains("at most"), "{error}");
    }
    // One audience refers to another.
    let audiences = BTreeMap::from([
        audience("a", Rule::None(vec![Rule::Audience(AudienceId::parse("b").unwrap())])),
        audience("b", attribute("email", Test::StartsWith("P1".to_owned()))),
    ]);
    assert_eq!(members(f, &audiences).await, [2, 3, 4, 5]);
    let contains = async |n| {
        let first = audiences.keys().next().unwrap();
        f.store.audience_contains(&audiences, first, ContactId(n), NOW).await.unwrap()
    };
    assert_eq!((contains(1).await, contains(2).await, contains(99).await), (false, true, false));
}

pub(crate) async fn events_and_engagement(f: &StoreFixture) {
    f.people(4).await;
    let run = f.planned("mail").await;
    f.send_all(run, NOW - DAY).await;
    f.send_all(run, NOW).await;
    for (contact, at) in [(1, NOW - HOUR), (1, NOW - 2 * DAY), (2, NOW - 2 * DAY)] {
        let event = Conversion {
            name: "purchase".to_owned(),
            contact: ContactId(contact),
            occurred_at: at,
            value_micros: None,
            currency: None,
            idempotency_key: None,
            detail: None,
        };
        f.store.event_convert(&event, &[], NOW).await.unwrap();
    }
    let bought = |within: Option<i64>, at_least| Rule::Event {
        name: "purchase".to_owned(),
        within: within.map(|millis| Duration::from_millis(u64::try_from(millis).unwrap())),
        at_least,
    };
    for (rule, wanted) in [
        (bought(None, 1), &[1, 2][..]),
        (bought(None, 2), &[1]),
        (bought(None, 3), &[]),
        (bought(Some(DAY), 1), &[1]),
        (bought(Some(2 * DAY), 1), &[1, 2]),
        (bought(Some(2 * DAY - 1), 2), &[]),
        (Rule::Event { name: "PURCHASE".to_owned(), within: None, at_least: 1 }, &[]),
        (Rule::Event { name: "purchase".to_owned(), within: Some(Duration::MAX), at_least: u32::MAX }, &[]),
        (Rule::None(vec![bought(Some(DAY), 1)]), &[2, 3, 4]),
    ] {
        assert_eq!(members(f, &audience_of(rule.clone())).await, wanted, "{rule:?}");
    }

    let test = f.run("mail", |run| (run.kind, run.instant) = (store::RunKind::Test, NOW + 1)).await;
    f.plan(test).await;
    let events = [
        event(EventKind::Opened, id(run, 1), NOW - HOUR),
        event(EventKind::Clicked, id(run, 2), NOW - 2 * DAY),
        event(EventKind::Clicked, id(test, 4), NOW),
    ];
    f.store.event_record(&events, NOW).await.unwrap();
    let spring = || Some(CampaignId::parse("spring").unwrap());
    let did = |campaign, did, within: Option<Duration>| Rule::Engagement { campaign, did, within };
    let day = Some(Duration::from_secs(86_400));
    for (rule, wanted) in [
        (did(spring(), MessageEvent::Sent, None), &[1, 2, 3, 4][..]),
        (did(spring(), MessageEvent::Opened, None), &[1, 2]),
        (did(None, MessageEvent::Clicked, None), &[2]),
        (did(spring(), MessageEvent::Opened, day), &[1]),
        (did(spring(), MessageEvent::Converted, None), &[]),
        (did(Some(CampaignId::parse("autumn").unwrap()), MessageEvent::Sent, None), &[]),
        (Rule::None(vec![did(None, MessageEvent::Opened, None)]), &[3, 4]),
    ] {
        assert_eq!(members(f, &audience_of(rule.clone())).await, wanted, "{rule:?}");
    }
}
