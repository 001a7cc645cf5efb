//! Parsing of the body of `POST /api/v1/events`. The whole body is rejected if any event is
//! invalid.

use std::borrow::Cow;

use campaign::{Currency, Money};
use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use store::Millis;

/// Maximum number of events in one request.
pub(crate) const MAX_EVENTS: usize = 1_000;
/// Maximum length of `properties`, in bytes of JSON.
const MAX_PROPERTIES_BYTES: usize = 16 * 1024;
/// Maximum value of an event, in whole currency units; keeps every sum well within 64 bits.
const MAX_VALUE: i64 = 1_000_000_000;
/// Time by which a client's clock may be ahead of this one, in milliseconds.
const MAX_CLOCK_SKEW: i64 = 5 * 60 * 1000;

/// A posted event whose fields are valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PostedEvent {
    /// E-mail address, external id or phone number of the contact.
    pub contact: String,
    pub name: String,
    pub occurred_at: Millis,
    pub value_micros: Option<Money>,
    pub currency: Option<String>,
    pub idempotency_key: Option<String>,
    /// A JSON object, as text.
    pub properties: Option<String>,
}

/// The error of one event in a body.
#[derive(Debug, Serialize)]
pub(crate) struct InvalidEvent {
    /// Index of the event in the array, from 0.
    pub index: usize,
    /// The error, with its fix. Serialized as text.
    #[serde(serialize_with = "as_text")]
    pub error: EventError,
}

fn as_text<S: Serializer>(error: &EventError, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(error)
}

/// The reason why a body or an event in it is invalid.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EventError {
    #[error("the body is not JSON: {0}")]
    NotJson(#[source] serde_json::Error),
    #[error("send a JSON object, or an array of them")]
    NoEvents,
    #[error("the array is empty: send at least one event")]
    Empty,
    #[error("{0} events in one request: send at most {MAX_EVENTS}")]
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
    #[error("`occurred_at` lies in the future: leave it out, or correct the clock")]
    InFuture,
    #[error("`properties` is an object")]
    PropertiesNoObject,
    #[error("`properties` is longer than {MAX_PROPERTIES_BYTES} bytes")]
    LongProperties,
    #[error(transparent)]
    Value(#[from] ValueError),
}

/// The reason why a `value` is no amount of money.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ValueError {
    #[error("`value` is a decimal number such as 199.5 or \"199.50\", not {0}")]
    NotDecimal(String),
    #[error("`value` has more than six decimals: {0}")]
    Decimals(String),
    #[error("`value` is more than {MAX_VALUE}")]
    TooMuch,
}

/// An event as it is sent, before its fields are checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEvent<'a> {
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

/// Parses an object or an array of objects.
///
/// # Errors
/// Returns the errors of all invalid events.
pub(crate) fn parse(body: &[u8], now: Millis) -> Result<Vec<PostedEvent>, Vec<InvalidEvent>> {
    let events = split_events(body).map_err(|error| vec![InvalidEvent { index: 0, error }])?;
    let mut valid = Vec::with_capacity(events.len());
    let mut invalid = Vec::new();
    for (index, event) in events.into_iter().enumerate() {
        match parse_event(event, now) {
            Ok(event) => valid.push(event),
            Err(error) => invalid.push(InvalidEvent { index, error }),
        }
    }
    if invalid.is_empty() { Ok(valid) } else { Err(invalid) }
}

fn split_events(body: &[u8]) -> Result<Vec<&RawValue>, EventError> {
    let whole: &RawValue = serde_json::from_slice(body).map_err(EventError::NotJson)?;
    let events: Vec<&RawValue> = match whole.get().as_bytes().first() {
        Some(b'[') => serde_json::from_str(whole.get()).map_err(EventError::NotJson)?,
        Some(b'{') => vec![whole],
        _ => return Err(EventError::NoEvents),
    };
    match events.len() {
        0 => Err(EventError::Empty),
        1..=MAX_EVENTS => Ok(events),
        many => Err(EventError::TooMany(many)),
    }
}

fn parse_event(event: &RawValue, now: Millis) -> Result<PostedEvent, EventError> {
    if !event.get().starts_with('{') {
        return Err(EventError::NotAnObject);
    }
    let raw: RawEvent<'_> = serde_json::from_str(event.get()).map_err(EventError::Fields)?;
    let value_micros = raw.value.map(|value| money(value.get())).transpose()?;
    let currency = raw.currency.map(currency).transpose()?;
    if value_micros.is_some() && currency.is_none() {
        return Err(EventError::NoCurrency);
    }
    Ok(PostedEvent {
        contact: text("contact", &raw.contact, 254)?,
        name: text("event", &raw.event, 64)?,
        occurred_at: raw.occurred_at.map_or(Ok(now), |at| parse_time(&at, now))?,
        value_micros,
        currency,
        idempotency_key: raw.idempotency_key.map(|key| text("idempotency_key", &key, 200)).transpose()?,
        properties: raw.properties.map(properties).transpose()?,
    })
}

/// Returns the trimmed text, which must have 1 to `max_chars` characters and no control characters.
fn text(field: &'static str, text: &str, max_chars: usize) -> Result<String, EventError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(EventError::EmptyText(field));
    }
    if text.chars().count() > max_chars {
        return Err(EventError::LongText(field, max_chars));
    }
    if text.chars().any(char::is_control) {
        return Err(EventError::ControlCharacter(field));
    }
    Ok(text.to_owned())
}

fn currency(code: String) -> Result<String, EventError> {
    match Currency::parse(&code) {
        Some(_) => Ok(code),
        None => Err(EventError::Currency(excerpt(&code))),
    }
}

fn parse_time(text: &str, now: Millis) -> Result<Millis, EventError> {
    let at: Timestamp = text.parse().map_err(|_| EventError::NotATime(excerpt(text)))?;
    let at = Millis::from(at);
    if at < Millis::EPOCH {
        return Err(EventError::Before1970);
    }
    if at > now.saturating_add(MAX_CLOCK_SKEW) {
        return Err(EventError::InFuture);
    }
    Ok(at)
}

fn properties(raw: &RawValue) -> Result<String, EventError> {
    let text = raw.get();
    if !text.starts_with('{') {
        return Err(EventError::PropertiesNoObject);
    }
    if text.len() > MAX_PROPERTIES_BYTES {
        return Err(EventError::LongProperties);
    }
    Ok(text.to_owned())
}

/// Parses an amount exactly: `raw` is a JSON number or a string that holds a decimal number. It is
/// never converted to a floating-point number.
fn money(raw: &str) -> Result<Money, ValueError> {
    let not_decimal = || ValueError::NotDecimal(excerpt(raw));
    let number = raw.trim_matches('"').trim();
    let (negative, digits) = number.strip_prefix('-').map_or((false, number), |digits| (true, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let decimal = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !decimal(whole) || !decimal(fraction) {
        return Err(not_decimal());
    }
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > 6 {
        return Err(ValueError::Decimals(excerpt(raw)));
    }
    let whole = whole.parse().ok().filter(|whole| *whole <= MAX_VALUE);
    let whole: i64 = whole.ok_or(ValueError::TooMuch)?;
    let fraction: i64 = format!("{fraction:0<6}").parse().map_err(|_| not_decimal())?;
    let micros = whole * 1_000_000 + fraction;
    Ok(Money::from_millionths(if negative { -micros } else { micros }))
}

/// Returns the first 40 characters of a text, enough to find it in the request.
fn excerpt(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Millis = Millis::new(1_800_000_000_000);

    fn errors(body: &str) -> Vec<String> {
        parse(body.as_bytes(), NOW)
            .unwrap_err()
            .into_iter()
            .map(|invalid| format!("{}: {}", invalid.index, invalid.error))
            .collect()
    }

    #[test]
    fn one_event_or_an_array_is_parsed() {
        let one = r#"{"contact":"mei@example.org","event":"purchase","value":199.5,"currency":"CNY",
            "occurred_at":"2027-01-10T10:05:00+08:00","idempotency_key":"order-1","properties":{"sku":"tea"}}"#;
        let event = parse(one.as_bytes(), NOW).unwrap().remove(0);
        assert_eq!(event.value_micros, Some(Money::from_millionths(199_500_000)));
        assert_eq!(event.occurred_at, Millis::from("2027-01-10T02:05:00Z".parse::<Timestamp>().unwrap()));
        assert_eq!(event.properties.as_deref(), Some(r#"{"sku":"tea"}"#));
        let two = r#" [ {"contact":"a","event":"x"}, {"contact":"\u00e9","event":"x","value":null} ] "#;
        let events = parse(two.as_bytes(), NOW).unwrap();
        assert_eq!((events.len(), events[0].occurred_at, events[1].contact.as_str()), (2, NOW, "é"));
    }

    #[test]
    fn errors_state_the_event_and_the_fix() {
        let many = format!("[{}]", vec!["{}"; MAX_EVENTS + 1].join(","));
        let value = "v".repeat(MAX_PROPERTIES_BYTES);
        let long = format!(r#"{{"contact":"a","event":"x","properties":{{"k":"{value}"}}}}"#);
        let messages: Vec<_> = [
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
        insta::assert_snapshot!(messages.join("\n"));
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
        fn every_amount_round_trips(amount in -1_000_000_000_000_000i64..1_000_000_000_000_000) {
            let sign = if amount < 0 { "-" } else { "" };
            let text = format!("{sign}{}.{:06}", amount.abs() / 1_000_000, amount.abs() % 1_000_000);
            prop_assert_eq!(money(&text), Ok(Money::from_millionths(amount)));
        }

        #[test]
        fn no_body_makes_it_panic(body in any::<Vec<u8>>(), text in "[\\[\\]{}:,\"0-9a-z. \\\\]{0,60}") {
            let _ = parse(&body, NOW);
            let _ = parse(text.as_bytes(), NOW);
            let _ = money(&text);
        }
    }
}
