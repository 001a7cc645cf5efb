//! Readers for values that several kinds of files have: lines of text, web addresses, time zones,
//! amounts, names of events.

use jiff::tz::TimeZone;
use source::{Located, Scalar, SourceFile, nearest};
use url::Url;

use money::Currency;

/// Reads a text on one line, such as a name or a subject.
pub(crate) fn one_line(source: &SourceFile, key: &str, text: &Located<String>) -> Option<String> {
    if text.trim().is_empty() {
        source.error(
            "empty-text",
            text.span.clone(),
            format!("`{key}` is empty"),
            "Say something, or leave the line out.",
        );
        return None;
    }
    if text.chars().any(char::is_control) {
        let message = format!("`{key}` holds a line break or another control character");
        source.error("not-one-line", text.span.clone(), message, "Write it on one line.");
        return None;
    }
    Some(text.value.clone())
}

/// Reads an http or https address with a host and without user and password.
pub(crate) fn web_address(source: &SourceFile, key: &str, text: &Located<String>) -> Option<Url> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let plain = url.filter(|url| url.username().is_empty() && url.password().is_none());
    if plain.is_none() {
        let message =
            format!("`{key}` is not a web address: {:?}", text.chars().take(80).collect::<String>());
        source.error(
            "bad-address",
            text.span.clone(),
            message,
            "Write it in full, such as https://harbour.example/renew.",
        );
    }
    plain
}

/// Reads the time zone `name`; `words` are other words allowed there, for the suggestion.
pub(crate) fn zone(source: &SourceFile, name: &Located<String>, words: &[&str]) -> Option<TimeZone> {
    let zone = TimeZone::get(name).ok();
    if zone.is_none() {
        let names: Vec<_> = jiff::tz::db().available().map(|name| name.as_str().to_owned()).collect();
        let meant = nearest(name, words.iter().copied().chain(names.iter().map(String::as_str)));
        let help = meant.map_or_else(
            || "Write an IANA name such as `Asia/Shanghai`.".to_owned(),
            |meant| format!("Did you mean `{meant}`?"),
        );
        let shown: String = name.chars().take(64).collect();
        source.error("unknown-timezone", name.span.clone(), format!("there is no time zone `{shown}`"), help);
    }
    zone
}

/// Reads an amount of money.
pub(crate) fn read_amount(source: &SourceFile, key: &str, amount: &Located<Scalar>) -> Option<money::Money> {
    let digits = amount.as_number().ok_or(money::BadAmount::NotANumber);
    source.ok_or_report(
        "bad-amount",
        &amount.span,
        digits.and_then(money::parse),
        &format!("`{key}`"),
        "Write it like 20000 or 0.001.",
    )
}

/// Reads the code of a currency.
pub(crate) fn read_currency(source: &SourceFile, code: &Located<String>) -> Option<Currency> {
    let currency = Currency::parse(code);
    if currency.is_none() {
        let message = format!("{:?} is not a currency", code.chars().take(24).collect::<String>());
        source.error(
            "bad-currency",
            code.span.clone(),
            message,
            "Write three capital letters, such as `CNY` or `EUR`.",
        );
    }
    currency
}

/// Reads the name of an event, as `/api/v1/events` accepts it.
pub(crate) fn event_name(source: &SourceFile, name: &Located<String>) -> Option<String> {
    let fits = (1..=64).contains(&name.chars().count())
        && !name.chars().any(|c| c.is_control() || c.is_whitespace());
    if !fits {
        let message = "an event's name is 1 to 64 characters without spaces";
        source.error("bad-name", name.span.clone(), message, "Call it something like `purchase`.");
    }
    fits.then(|| name.value.clone())
}
