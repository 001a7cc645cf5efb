//! The body of `POST /api/v1/events`: read whole, and refused whole if any of it is wrong.

use std::borrow::Cow;

use campaign::{Currency, Money};
use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use store::Millis;

/// How many events one request may bring.
pub(crate) const MOST: usize = 1_000;
/// How long `properties` may be, in bytes.
const PROPERTIES: usize = 16 * 1024;
/// The most an event can be worth, in whole units: keeps every sum far from the end of 64 bits.
const WORTH: i64 = 1_000_000_000;
/// How far ahead of ours a clock may run, in milliseconds.
const AHEAD: i64 = 5 * 60 * 1000;

/// One event, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Posted {
    /// E-mail, external id or phone.
    pub contact: String,
    pub name: String,
    pub occurred_at: Millis,
    pub value_micros: Option<Money>,
    pub currency: Option<String>,
    pub idempotency_key: Option<String>,
    /// JSON, an object.
    pub properties: Option<String>,
}

/// What is wrong with one event of a body.
#[derive(Debug, Serialize)]
pub(crate) struct Wrong {
    /// Its place in the array, from 0.
    pub index: usize,
    /// What, and how to mend it. A text in JSON.
    #[serde(serialize_with = "as_text")]
    pub error: EventError,
}

fn as_text<S: Serializer>(error: &EventError, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(error)
}

/// A body, or an event in it, that cannot be taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EventError {
    #[error("the body is not JSON: {0}")]
    NotJson(#[source] serde_json::Error),
    #[error("send a JSON object, or an array of them")]
    NoEvents,
    #[error("the array is empty: send at least one event")]
    Empty,
    #[error("{0} events in one request: send at most {MOST}")]
    TooMany(usize),
    #[error("an event is an object such as {{\"contact\": \"mei@example.org\", \"event\": \"purchase\"}}")]
    NotAnObject,
    #[error("{0}")]
    Fields(#[source] serde_json::Error),
    #[error("a `value` needs its `currency`, such as \"CNY\"")]
    NoCurrency,
    #[error("`{0}` is empty")]
    EmptyText(&'static str),
    #[error("`{0}` is longer than {1} characters")]
    LongText(&'static str, usize),
    #[error("`{0}` holds a control character")]
    ControlCharacter(&'static str),
    #[error("`currency` is three capital letters such as \"CNY\", not {0:?}")]
    Currency(String),
    #[error("`occurred_at` is a time such as \"2027-03-02T10:05:00+08:00\" (RFC 3339), not {0:?}")]
    NotATime(String),
    #[error("`occurred_at` lies before 1970")]
    Before1970,
    #[error("`occurred_at` lies in the future: leave it out, or set that clock")]
    InFuture,
    #[error("`properties` is an object")]
    PropertiesNoObject,
    #[error("`properties` is longer than {PROPERTIES} bytes")]
    LongProperties,
    #[error(transparent)]
    Value(#[from] ValueError),
}

/// A `value` that is no amount of money.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ValueError {
    #[error("`value` is a decimal number such as 199.5 or \"199.50\", not {0}")]
    NotDecimal(String),
    #[error("`value` has more than six decimals: {0}")]
    Decimals(String),
    #[error("`value` is more than {WORTH}")]
    TooMuch,
}

/// As it is sent.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw<'a> {
    #[serde(borrow)]
    contact: Cow<'a, str>,
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow, default)]
    value: Option<&'a RawValue>,
    #[serde(default)]
    currency: Option<String>,
    #[serde(default)]
    occurred_at: Option<String>,
    #[serde(default)]
    idempotency_key: Option<String>,
    #[serde(borrow, default)]
    properties: Option<&'a RawValue>,
}

/// Reads an object or an array of objects.
///
/// # Errors
/// Everything that is wrong with it.
pub(crate) fn read(body: &[u8], now: Millis) -> Result<Vec<Posted>, Vec<Wrong>> {
    let events = split(body).map_err(|error| vec![Wrong { index: 0, error }])?;
    let mut good = Vec::with_capacity(events.len());
    let mut wrong = Vec::new();
    for (index, event) in events.into_iter().enumerate() {
        match read_one(event, now) {
            Ok(event) => good.push(event),
            Err(error) => wrong.push(Wrong { index, error }),
        }
    }
    if wrong.is_empty() { Ok(good) } else { Err(wrong) }
}

fn split(body: &[u8]) -> Result<Vec<&RawValue>, EventError> {
    let whole: &RawValue = serde_json::from_slice(body).map_err(EventError::NotJson)?;
    let events: Vec<&RawValue> = match whole.get().as_bytes().first() {
        Some(b'[') => serde_json::from_str(whole.get()).map_err(EventError::NotJson)?,
        Some(b'{') => vec![whole],
        _ => return Err(EventError::NoEvents),
    };
    match events.len() {
        0 => Err(EventError::Empty),
        1..=MOST => Ok(events),
        many => Err(EventError::TooMany(many)),
    }
}

fn read_one(event: &RawValue, now: Millis) -> Result<Posted, EventError> {
    if !event.get().starts_with('{') {
        return Err(EventError::NotAnObject);
    }
    let raw: Raw<'_> = serde_json::from_str(event.get()).map_err(EventError::Fields)?;
    let value_micros = raw.value.map(|value| money(value.get())).transpose()?;
    let currency = raw.currency.map(currency).transpose()?;
    if value_micros.is_some() && currency.is_none() {
        return Err(EventError::NoCurrency);
    }
    Ok(Posted {
        contact: text("contact", &raw.contact, 254)?,
        name: text("event", &raw.event, 64)?,
        occurred_at: raw.occurred_at.map_or(Ok(now), |at| instant(&at, now))?,
        value_micros,
        currency,
        idempotency_key: raw.idempotency_key.map(|key| text("idempotency_key", &key, 200)).transpose()?,
        properties: raw.properties.map(properties).transpose()?,
    })
}

/// A text without control characters, of 1 to `most` characters, without spaces around it.
fn text(field: &'static str, text: &str, most: usize) -> Result<String, EventError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(EventError::EmptyText(field));
    }
    if text.chars().count() > most {
        return Err(EventError::LongText(field, most));
    }
    if text.chars().any(char::is_control) {
        return Err(EventError::ControlCharacter(field));
    }
    Ok(text.to_owned())
}

fn currency(code: String) -> Result<String, EventError> {
    match Currency::parse(&code) {
        Some(_) => Ok(code),
        None => Err(EventError::Currency(short(&code))),
    }
}

fn instant(text: &str, now: Millis) -> Result<Millis, EventError> {
    let at: Timestamp = text.parse().map_err(|_| EventError::NotATime(short(text)))?;
    let at = Millis::from(at);
    if at < Millis::EPOCH {
        return Err(EventError::Before1970);
    }
    if at > now.saturating_add(AHEAD) {
        return Err(EventError::InFuture);
    }
    Ok(at)
}

fn properties(raw: &RawValue) -> Result<String, EventError> {
    let text = raw.get();
    if !text.starts_with('{') {
        return Err(EventError::PropertiesNoObject);
    }
    if text.len() > PROPERTIES {
        return Err(EventError::LongProperties);
    }
    Ok(text.to_owned())
}

/// Millionths, exactly: `raw` is a JSON number or a string that holds a decimal number. It never becomes a
/// floating-point number on the way.
fn money(raw: &str) -> Result<Money, ValueError> {
    let refuse = || ValueError::NotDecimal(short(raw));
    let number = raw.trim_matches('"').trim();
    let (negative, digits) = number.strip_prefix('-').map_or((false, number), |digits| (true, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let decimal = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !decimal(whole) || !decimal(fraction) {
        return Err(refuse());
    }
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > 6 {
        return Err(ValueError::Decimals(short(raw)));
    }
    let whole = whole.parse().ok().filter(|whole| *whole <= WORTH);
    let whole: i64 = whole.ok_or(ValueError::TooMuch)?;
    let fraction: i64 = format!("{fraction:0<6}").parse().map_err(|_| refuse())?;
    let micros = whole * 1_000_000 + fraction;
    Ok(Money::from_millionths(if negative { -micros } else { micros }))
}

/// The start of a text, enough to find it again.
fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Millis = Millis::new(1_800_000_000_000);

    fn errors(body: &str) -> Vec<String> {
        read(body.as_bytes(), NOW)
            .unwrap_err()
            .into_iter()
            .map(|wrong| format!("{}: {}", wrong.index, wrong.error))
            .collect()
    }

    #[test]
    fn one_event_or_many() {
        let one = r#"{"contact":"mei@example.org","event":"purchase","value":199.5,"currency":"CNY",
            "occurred_at":"2027-01-10T10:05:00+08:00","idempotency_key":"order-1","properties":{"sku":"tea"}}"#;
        let event = read(one.as_bytes(), NOW).unwrap().remove(0);
        assert_eq!(event.value_micros, Some(Money::from_millionths(199_500_000)));
        assert_eq!(event.occurred_at, Millis::from("2027-01-10T02:05:00Z".parse::<Timestamp>().unwrap()));
        assert_eq!(event.properties.as_deref(), Some(r#"{"sku":"tea"}"#));
        let two = r#" [ {"contact":"a","event":"x"}, {"contact":"\u00e9","event":"x","value":null} ] "#;
        let events = read(two.as_bytes(), NOW).unwrap();
        assert_eq!((events.len(), events[0].occurred_at, events[1].contact.as_str()), (2, NOW, "é"));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place_and_its_fix() {
        let many = format!("[{}]", vec!["{}"; MOST + 1].join(","));
        let long =
            format!(r#"{{"contact":"a","event":"x","properties":{{"k":"{}"}}}}"#, "v".repeat(PROPERTIES));
        let told: Vec<_> = [
            "",
            "{",
            "7",
            "[]",
            "{} x",
            &many,
            r#"[{"contact":"a","event":"x"},{"contact":"a"},7]"#,
            r#"{"contact":"a","event":"x","valeu":1}"#,
            r#"{"contact":"a","event":"x","event":"y"}"#,
            r#"{"contact":" ","event":"x"}"#,
            r#"{"contact":"a\u0000","event":"x"}"#,
            r#"{"contact":"a","event":"x","value":1}"#,
            r#"{"contact":"a","event":"x","value":1,"currency":"yuan"}"#,
            r#"{"contact":"a","event":"x","value":1e3,"currency":"CNY"}"#,
            r#"{"contact":"a","event":"x","value":0.1234567,"currency":"CNY"}"#,
            r#"{"contact":"a","event":"x","value":1000000001,"currency":"CNY"}"#,
            r#"{"contact":"a","event":"x","occurred_at":"yesterday"}"#,
            r#"{"contact":"a","event":"x","occurred_at":"2999-01-01T00:00:00Z"}"#,
            r#"{"contact":"a","event":"x","occurred_at":"1950-01-01T00:00:00Z"}"#,
            r#"{"contact":"a","event":"x","properties":[]}"#,
            &long,
        ]
        .into_iter()
        .flat_map(errors)
        .collect();
        insta::assert_snapshot!(told.join("\n"));
    }

    #[test]
    fn money_is_exact() {
        for (raw, expected) in [
            ("0", 0),
            ("-0.5", -500_000),
            ("199.5", 199_500_000),
            ("\"199.50\"", 199_500_000),
            ("\" 7.000001 \"", 7_000_001),
            ("0.1000000000", 100_000),
            ("999999999.999999", 999_999_999_999_999),
        ] {
            assert_eq!(money(raw), Ok(Money::from_millionths(expected)), "{raw}");
        }
        for raw in
            ["\"\"", "\".5\"", "\"5.\"", "\"1,5\"", "\"+1\"", "\"--1\"", "\"٣\"", "true", "{}", "\"NaN\""]
        {
            assert!(money(raw).is_err(), "{raw}");
        }
    }

    proptest! {
        #[test]
        fn every_amount_comes_back(amount in -1_000_000_000_000_000i64..1_000_000_000_000_000) {
            let sign = if amount < 0 { "-" } else { "" };
            let text = format!("{sign}{}.{:06}", amount.abs() / 1_000_000, amount.abs() % 1_000_000);
            prop_assert_eq!(money(&text), Ok(Money::from_millionths(amount)));
        }

        #[test]
        fn no_body_makes_it_panic(body in any::<Vec<u8>>(), text in "[\\[\\]{}:,\"0-9a-z. \\\\]{0,60}") {
            let _ = read(&body, NOW);
            let _ = read(text.as_bytes(), NOW);
            let _ = money(&text);
        }
    }
}
