//! From `[channels.NAME]` as written to a channel.

use url::Url;

use super::chorus_file::{ChannelFile, ChorusFile, CostFile, KindFile};
use super::chorus_read::Reading;
use super::known::Shelf;
use super::{Brand, Channel, ChannelKind, dkim_read, network_read, pace_read, variable};
use crate::file::{Field, Located, Name, Sheet};
use crate::ids::ChannelId;
use crate::money::{self, Cost, Currency};
use crate::network::Key;
use crate::secret::Secret;
use crate::text::{Language, Mailbox};

const DEFAULT_CONNECTIONS: usize = 8;

/// Every `[channels.NAME]`; one with errors is there, as one that cannot be used.
pub(super) fn channels(reading: &Reading<'_>, file: &ChorusFile, brand: Option<&Brand>) -> Shelf<Channel> {
    let entries = file.channels.value().into_iter().flat_map(|entries| &entries.0);
    let mut shelf = Shelf::new();
    for (name, field) in entries {
        let help = "Call it something like `email` or `team-room`.";
        let id = reading.sheet.take(
            "bad-name",
            &name.span,
            ChannelId::parse(&name.text),
            "this channel's name",
            help,
        );
        let channel = field.get().and_then(|table| channel(reading, name, id, table, brand));
        shelf.insert(name.text.clone(), channel);
    }
    shelf
}

fn channel(
    reading: &Reading<'_>,
    name: &Name,
    id: Option<ChannelId>,
    table: &Located<ChannelFile>,
    brand: Option<&Brand>,
) -> Option<Channel> {
    let sheet = reading.sheet;
    let rate = optional(&table.rate, |rate| pace_read::rate(sheet, rate));
    let connections = optional(&table.connections, |count| pace_read::connections(sheet, count));
    let daily = pace_read::daily(sheet, &table.daily_cap, &table.warm_up);
    let receivers = pace_read::receivers(sheet, &table.groups, &table.group_by);
    let cost = optional(&table.cost, |cost| self::cost(sheet, cost));
    let language = optional(&table.language, |tag| {
        let help = "Write a tag such as `en` or `zh-CN`.";
        sheet.take("bad-language", &tag.span, Language::parse(tag), "`language`", help)
    });
    let example = "kind = \"outbox\"";
    let kind = sheet.need(&table.kind, "kind", example, Some(&table.span).filter(|span| !span.is_empty()));
    let kind = kind.and_then(|kind| self::kind(reading, name, kind.value, table, brand));
    let (kind, mut rate, mut daily) = (kind?, rate?, daily?);
    if let ChannelKind::Network(account) = &kind {
        rate = network_read::rate(sheet, account.network, rate, table);
        daily = network_read::daily(account.network, daily);
    }
    Some(Channel {
        id: id?,
        kind,
        language: language?,
        rate,
        connections: connections?.unwrap_or(DEFAULT_CONNECTIONS),
        daily,
        receivers: receivers?,
        cost: cost?,
    })
}

/// `Some(None)` if it is not given, `None` if it cannot be used.
pub(super) fn optional<T, U>(
    field: &Field<T>,
    read: impl FnOnce(&Located<T>) -> Option<U>,
) -> Option<Option<U>> {
    match field {
        Field::Absent => Some(None),
        Field::Bad => None,
        Field::Here(value) => read(value).map(Some),
    }
}

fn cost(sheet: &Sheet, table: &Located<CostFile>) -> Option<Cost> {
    let amount = sheet.need(&table.per_message, "per_message", "per_message = 0.001", Some(&table.span));
    let amount = amount.and_then(|amount| amount_of(sheet, "per_message", amount));
    let currency = sheet.need(&table.currency, "currency", "currency = \"CNY\"", Some(&table.span));
    let currency = currency.and_then(|currency| currency_of(sheet, currency));
    Some(Cost { per_message: amount?, currency: currency? })
}

/// An amount of money.
pub(super) fn amount_of(
    sheet: &Sheet,
    key: &str,
    amount: &Located<crate::file::Scalar>,
) -> Option<money::Micros> {
    let digits = amount.as_number().ok_or(money::BadAmount::NotANumber);
    sheet.take(
        "bad-amount",
        &amount.span,
        digits.and_then(money::parse),
        &format!("`{key}`"),
        "Write it like 20000 or 0.001.",
    )
}

/// A currency.
pub(super) fn currency_of(sheet: &Sheet, code: &Located<String>) -> Option<Currency> {
    let currency = Currency::parse(code);
    if currency.is_none() {
        let message = format!("{:?} is not a currency", code.chars().take(24).collect::<String>());
        sheet.error(
            "bad-currency",
            code.span.clone(),
            message,
            "Write three capital letters, such as `CNY` or `EUR`.",
        );
    }
    currency
}

fn kind(
    reading: &Reading<'_>,
    name: &Name,
    kind: KindFile,
    table: &Located<ChannelFile>,
    brand: Option<&Brand>,
) -> Option<ChannelKind> {
    refuse_keys(reading.sheet, kind, table);
    let sheet = reading.sheet;
    match kind {
        KindFile::Outbox => {
            let from = match &table.from {
                Field::Absent => default_from(sheet, name, brand),
                from => from.get().and_then(|from| mailbox(sheet, "from", from)),
            };
            let reply_to = optional(&table.reply_to, |text| mailbox(sheet, "reply_to", text));
            Some(ChannelKind::Outbox { from: from?, reply_to: reply_to? })
        }
        KindFile::Smtp => {
            let example = "from = \"Harbour Coffee <news@harbour.example>\"";
            let from = sheet.need(&table.from, "from", example, Some(&table.span));
            let from = from.and_then(|from| mailbox(sheet, "from", from));
            let reply_to = optional(&table.reply_to, |text| mailbox(sheet, "reply_to", text));
            let dkim = optional(&table.dkim, |dkim| dkim_read::dkim(reading, dkim, from.as_ref()));
            let example = "url = \"smtps://news:${SMTP_PASSWORD}@smtp.example.com\"";
            let url = sheet.need(&table.url, "url", example, Some(&table.span));
            let url = url.and_then(|url| address(reading, "url", url, is_smtp, SMTP_HELP));
            Some(ChannelKind::Smtp { url: url?, from: from?, reply_to: reply_to?, dkim: dkim? })
        }
        KindFile::Network(network) => network_read::account(reading, network, table)
            .map(|account| ChannelKind::Network(Box::new(account))),
    }
}

/// Tells keys that this kind of channel has no use for.
fn refuse_keys(sheet: &Sheet, kind: KindFile, table: &ChannelFile) {
    let network = match kind {
        KindFile::Network(network) => Some(network),
        KindFile::Outbox | KindFile::Smtp => None,
    };
    let (mail, smtp) = (network.is_none(), kind == KindFile::Smtp);
    let has = |key| network.is_some_and(|network| network.has(key));
    let keys = [
        ("from", table.from.span(), mail || has(Key::From)),
        ("reply_to", table.reply_to.span(), mail),
        ("url", table.url.span(), smtp || has(Key::Url)),
        ("base_url", table.base_url.span(), !mail),
        ("secret", table.secret.span(), has(Key::Secret)),
        ("token", table.token.span(), has(Key::Token)),
        ("account", table.account.span(), has(Key::Account)),
        ("room", table.room.span(), has(Key::Room)),
        ("template_id", table.template_id.span(), has(Key::TemplateId)),
        ("address", table.address.span(), has(Key::Address)),
        ("keyword", table.keyword.span(), has(Key::Keyword)),
        ("per", table.per.span(), !mail),
        ("language", table.language.span(), !mail),
        ("groups", table.groups.span(), mail),
        ("dkim", table.dkim.span(), smtp),
    ];
    for (key, span, _) in keys.into_iter().filter(|(_, _, fits)| !fits) {
        if let Some(span) = span {
            let message = format!("a channel of this kind has no `{key}`");
            sheet.error("useless-key", span, message, "Leave the line out, or change `kind`.");
        }
    }
}

fn mailbox(sheet: &Sheet, key: &str, text: &Located<String>) -> Option<Mailbox> {
    let help = "Write it like `Harbour Coffee <news@harbour.example>`.";
    sheet.take("bad-mailbox", &text.span, Mailbox::parse(text), &format!("`{key}`"), help)
}

/// `Brand <hello@host-of-the-brand>`.
fn default_from(sheet: &Sheet, name: &Name, brand: Option<&Brand>) -> Option<Mailbox> {
    // Without a brand that has been told, and is what has to be mended.
    let brand = brand?;
    let host = brand.url.host_str().unwrap_or_default();
    let mailbox = Mailbox::parse(&format!("hello@{}", host.strip_prefix("www.").unwrap_or(host)));
    if mailbox.is_err() {
        let message = format!("`from` is missing, and no address can be made of {host}");
        sheet.error(
            "missing-key",
            name.span.clone(),
            message,
            "Add a line such as `from = \"News <news@harbour.example>\"`.",
        );
    }
    mailbox.ok().map(|mailbox| Mailbox { name: Some(brand.name.clone()), ..mailbox })
}

const SMTP_HELP: &str = "Write `smtps://user:${SMTP_PASSWORD}@host`, or `smtp://…` for STARTTLS; `?tls=off` only for a server on this machine.";
pub(super) const SECRET_HELP: &str =
    "Write `${NAME}` and keep the value in the environment: `whsec_` and base64 of 24 to 64 bytes.";

/// A secret that `fits`; the value is never repeated.
pub(super) fn address(
    reading: &Reading<'_>,
    key: &str,
    text: &Located<String>,
    fits: fn(&str) -> bool,
    help: &str,
) -> Option<Secret> {
    let secret = variable::secret(reading.sheet, text, reading.env);
    let good = secret.expose().map_or(true, fits);
    if !good {
        reading.sheet.error(
            "bad-secret",
            text.span.clone(),
            format!("`{key}` is not what this channel needs"),
            help,
        );
    }
    good.then_some(secret)
}

fn is_smtp(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        let tls = url.query_pairs().all(|(key, value)| key == "tls" && matches!(&*value, "off" | "required"));
        let path = matches!(url.path(), "" | "/");
        matches!(url.scheme(), "smtp" | "smtps") && url.has_host() && tls && path && url.fragment().is_none()
    })
}

pub(super) fn is_web(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// Base64 of 24 to 64 bytes, as Standard Webhooks 1.0.0 asks of a symmetric key.
pub(super) fn is_signing_key(text: &str) -> bool {
    let key = text.strip_prefix("whsec_").unwrap_or(text);
    let bare = key.trim_end_matches('=');
    let letters = bare.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/');
    letters && key.len() - bare.len() <= 2 && (24..=64).contains(&(bare.len() * 3 / 4))
}
