//! Reads `[channels.NAME]` into a channel.

use source::{Field, Located, Name, SourceFile, optional};
use url::Url;

use crate::ids::ChannelId;
use crate::network::ChannelKey;
use crate::text::{Language, Mailbox};
use crate::workspace::chorus_file::channel_secret::{CHANNEL_NEED, read_secret};
use crate::workspace::chorus_file::format::{ChannelFile, ChorusFile, CostFile, KindFile};
use crate::workspace::chorus_file::read::ReadContext;
use crate::workspace::chorus_file::{dkim, network, pace};
use crate::workspace::definitions::Registry;
use crate::workspace::value::{read_amount, read_currency};
use crate::workspace::{Brand, Channel, ChannelKind};
use money::Cost;

const DEFAULT_CONNECTIONS: usize = 8;

/// Reads every `[channels.NAME]`; a channel with errors is registered as `None`.
pub(crate) fn channels(
    context: &ReadContext<'_>,
    file: &ChorusFile,
    brand: Option<&Brand>,
) -> Registry<Channel> {
    let entries = file.channels.value().into_iter().flat_map(|entries| &entries.0);
    let mut registry = Registry::new();
    for (name, field) in entries {
        let help = "Call it something like `email` or `team-room`.";
        let id = context.source.ok_or_report(
            "bad-name",
            &name.span,
            ChannelId::parse(&name.text),
            "this channel's name",
            help,
        );
        let channel = field.get().and_then(|table| channel(context, name, id, table, brand));
        registry.insert(name.text.clone(), channel);
    }
    registry
}

fn channel(
    context: &ReadContext<'_>,
    name: &Name,
    id: Option<ChannelId>,
    table: &Located<ChannelFile>,
    brand: Option<&Brand>,
) -> Option<Channel> {
    let source = context.source;
    let rate = optional(&table.rate, |rate| pace::rate(source, rate));
    let connections = optional(&table.connections, |count| pace::connections(source, count));
    let daily = pace::daily(source, &table.daily_cap, &table.warm_up);
    let receivers = pace::receivers(source, &table.groups, &table.group_by);
    let cost = optional(&table.cost, |cost| self::cost(source, cost));
    let language = optional(&table.language, |tag| {
        let help = "Write a tag such as `en` or `zh-CN`.";
        source.ok_or_report("bad-language", &tag.span, Language::parse(tag), "`language`", help)
    });
    let example = "kind = \"outbox\"";
    let owner = Some(&table.span).filter(|span| !span.is_empty());
    let kind = source.require(&table.kind, "kind", example, owner);
    let kind = kind.and_then(|kind| self::kind(context, name, kind.value, table, brand));
    let (kind, mut rate, mut daily) = (kind?, rate?, daily?);
    if let ChannelKind::Network(account) = &kind {
        rate = network::rate(source, account.network, rate, table);
        daily = network::daily(account.network, daily);
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

fn cost(source: &SourceFile, table: &Located<CostFile>) -> Option<Cost> {
    let amount = source.require(&table.per_message, "per_message", "per_message = 0.001", Some(&table.span));
    let amount = amount.and_then(|amount| read_amount(source, "per_message", amount));
    let currency = source.require(&table.currency, "currency", "currency = \"CNY\"", Some(&table.span));
    let currency = currency.and_then(|currency| read_currency(source, currency));
    Some(Cost { per_message: amount?, currency: currency? })
}

fn kind(
    context: &ReadContext<'_>,
    name: &Name,
    kind: KindFile,
    table: &Located<ChannelFile>,
    brand: Option<&Brand>,
) -> Option<ChannelKind> {
    refuse_keys(context.source, kind, table);
    let source = context.source;
    match kind {
        KindFile::Outbox => {
            let from = match &table.from {
                Field::Absent => default_from(source, name, brand),
                from => from.get().and_then(|from| mailbox(source, "from", from)),
            };
            let reply_to = optional(&table.reply_to, |text| mailbox(source, "reply_to", text));
            Some(ChannelKind::Outbox { from: from?, reply_to: reply_to? })
        }
        KindFile::Smtp => {
            let example = "from = \"Harbour Coffee <news@harbour.example>\"";
            let from = source.require(&table.from, "from", example, Some(&table.span));
            let from = from.and_then(|from| mailbox(source, "from", from));
            let reply_to = optional(&table.reply_to, |text| mailbox(source, "reply_to", text));
            let dkim = optional(&table.dkim, |dkim| dkim::dkim(context, dkim, from.as_ref()));
            let example = "url = \"smtps://news:${SMTP_PASSWORD}@smtp.example.com\"";
            let url = source.require(&table.url, "url", example, Some(&table.span));
            let url = url.and_then(|url| read_secret(context, "url", url, is_smtp, CHANNEL_NEED, SMTP_HELP));
            Some(ChannelKind::Smtp { url: url?, from: from?, reply_to: reply_to?, dkim: dkim? })
        }
        KindFile::Network(network) => {
            network::account(context, network, table).map(|account| ChannelKind::Network(Box::new(account)))
        }
    }
}

/// Reports keys that have no meaning for this kind of channel.
fn refuse_keys(source: &SourceFile, kind: KindFile, table: &ChannelFile) {
    let network = match kind {
        KindFile::Network(network) => Some(network),
        KindFile::Outbox | KindFile::Smtp => None,
    };
    let (mail, smtp) = (network.is_none(), kind == KindFile::Smtp);
    let has = |key| network.is_some_and(|network| network.has(key));
    let keys = [
        ("from", table.from.span(), mail || has(ChannelKey::From)),
        ("reply_to", table.reply_to.span(), mail),
        ("url", table.url.span(), smtp || has(ChannelKey::Url)),
        ("base_url", table.base_url.span(), !mail),
        ("secret", table.secret.span(), has(ChannelKey::Secret)),
        ("token", table.token.span(), has(ChannelKey::Token)),
        ("account", table.account.span(), has(ChannelKey::Account)),
        ("room", table.room.span(), has(ChannelKey::Room)),
        ("template_id", table.template_id.span(), has(ChannelKey::TemplateId)),
        ("address", table.address.span(), has(ChannelKey::Address)),
        ("keyword", table.keyword.span(), has(ChannelKey::Keyword)),
        ("per", table.per.span(), !mail),
        ("language", table.language.span(), !mail),
        ("groups", table.groups.span(), mail),
        ("dkim", table.dkim.span(), smtp),
    ];
    for (key, span, _) in keys.into_iter().filter(|(_, _, fits)| !fits) {
        if let Some(span) = span {
            let message = format!("a channel of this kind has no `{key}`");
            source.error("useless-key", span, message, "Leave the line out, or change `kind`.");
        }
    }
}

fn mailbox(source: &SourceFile, key: &str, text: &Located<String>) -> Option<Mailbox> {
    let help = "Write it like `Harbour Coffee <news@harbour.example>`.";
    source.ok_or_report("bad-mailbox", &text.span, Mailbox::parse(text), &format!("`{key}`"), help)
}

/// Returns the default sender `Brand <hello@host-of-the-brand>`.
fn default_from(source: &SourceFile, name: &Name, brand: Option<&Brand>) -> Option<Mailbox> {
    // A missing brand has been reported already and has to be fixed first.
    let brand = brand?;
    let host = brand.url.host_str().unwrap_or_default();
    let mailbox = Mailbox::parse(&format!("hello@{}", host.strip_prefix("www.").unwrap_or(host)));
    if mailbox.is_err() {
        let message = format!("`from` is missing, and no address can be made of {host}");
        source.error(
            "missing-key",
            name.span.clone(),
            message,
            "Add a line such as `from = \"News <news@harbour.example>\"`.",
        );
    }
    mailbox.ok().map(|mailbox| Mailbox { name: Some(brand.name.clone()), ..mailbox })
}

const SMTP_HELP: &str = "Write `smtps://user:${SMTP_PASSWORD}@host`, or `smtp://…` for STARTTLS; `?tls=off` only for a server on this machine.";
fn is_smtp(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        let tls = url.query_pairs().all(|(key, value)| key == "tls" && matches!(&*value, "off" | "required"));
        let path = matches!(url.path(), "" | "/");
        matches!(url.scheme(), "smtp" | "smtps") && url.has_host() && tls && path && url.fragment().is_none()
    })
}
