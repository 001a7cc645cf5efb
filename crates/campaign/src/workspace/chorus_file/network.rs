//! Reads `[channels.NAME]` into an account on a network.

use source::{Field, Located, SourceFile, optional};
use url::{Host, Url};

use crate::network::{Account, ChannelKey, Network, Reach};
use crate::pace::{DailyLimit, Rate};
use crate::secret::Secret;
use crate::workspace::chorus_file::channel_secret::{
    CHANNEL_NEED, SECRET_HELP, is_signing_key, is_web, read_secret,
};
use crate::workspace::chorus_file::format::ChannelFile;
use crate::workspace::chorus_file::read::ReadContext;
use crate::workspace::value::{one_line, web_address};
use crate::workspace::{Per, variable};

/// Reads the account of a channel; `None`, with findings, if a part of it cannot be used.
pub(crate) fn account(
    context: &ReadContext<'_>,
    network: &'static Network,
    table: &Located<ChannelFile>,
) -> Option<Account> {
    let text = |key| text(context, network, table, key);
    let per = per(context.source, network, table);
    let url = secret(context, network, table, ChannelKey::Url);
    let signing = secret(context, network, table, ChannelKey::Secret);
    let token = secret(context, network, table, ChannelKey::Token);
    let (account, room, from) = (text(ChannelKey::Account), text(ChannelKey::Room), text(ChannelKey::From));
    let (template_id, attribute) = (text(ChannelKey::TemplateId), text(ChannelKey::Address));
    let keyword = text(ChannelKey::Keyword);
    let base_url = base_url(context.source, network, table);
    let account = Account {
        base_url: base_url?,
        url: url?,
        secret: signing?,
        token: token?,
        account: account?,
        room: room?,
        from: from?,
        template_id: template_id?,
        address: attribute?,
        keyword: keyword?,
        ..Account::new(network, per?)
    };
    Some(account).filter(|account| is_reachable(context.source, table, account))
}

fn field(table: &ChannelFile, key: ChannelKey) -> &Field<String> {
    match key {
        ChannelKey::Url => &table.url,
        ChannelKey::Secret => &table.secret,
        ChannelKey::Token => &table.token,
        ChannelKey::Account => &table.account,
        ChannelKey::Room => &table.room,
        ChannelKey::From => &table.from,
        ChannelKey::TemplateId => &table.template_id,
        ChannelKey::Address => &table.address,
        ChannelKey::Keyword => &table.keyword,
    }
}

/// Returns an example line for a key.
fn example(key: ChannelKey) -> &'static str {
    match key {
        ChannelKey::Url => "url = \"${TEAM_WEBHOOK_URL}\"",
        ChannelKey::Secret => "secret = \"${SIGNING_SECRET}\"",
        ChannelKey::Token => "token = \"${ACCESS_TOKEN}\"",
        ChannelKey::Account => "account = \"harbour.example\"",
        ChannelKey::Room => "room = \"news\"",
        ChannelKey::From => "from = \"Harbour\"",
        ChannelKey::TemplateId => "template_id = \"SMS_154950909\"",
        ChannelKey::Address => "address = \"telegram_chat\"",
        ChannelKey::Keyword => "keyword = \"Harbour\"",
    }
}

/// Reads a key with a secret value: `Some(None)` if the key is optional and absent.
fn secret(
    context: &ReadContext<'_>,
    network: &Network,
    table: &Located<ChannelFile>,
    key: ChannelKey,
) -> Option<Option<Secret>> {
    let given = value_of(context.source, network, table, key)?;
    let Some(given) = given else { return Some(None) };
    let read = match key {
        ChannelKey::Url => {
            read_secret(context, "url", given, is_web, CHANNEL_NEED, "Write an http or https address.")
        }
        ChannelKey::Secret if network.kind == "webhook" => {
            read_secret(context, "secret", given, is_signing_key, CHANNEL_NEED, SECRET_HELP)
        }
        _ => Some(variable::fill_secret(context.source, given, context.env)),
    };
    read.map(Some)
}

fn text(
    context: &ReadContext<'_>,
    network: &Network,
    table: &Located<ChannelFile>,
    key: ChannelKey,
) -> Option<Option<String>> {
    let given = value_of(context.source, network, table, key)?;
    let Some(given) = given else { return Some(None) };
    one_line(context.source, key.name(), given).map(Some)
}

/// Returns the value of a key: `None` if it is required and absent, or cannot be used.
fn value_of<'a>(
    source: &SourceFile,
    network: &Network,
    table: &'a Located<ChannelFile>,
    key: ChannelKey,
) -> Option<Option<&'a Located<String>>> {
    match field(table, key) {
        _ if !network.has(key) => Some(None),
        Field::Absent if !network.required_keys.contains(&key) => Some(None),
        Field::Absent => {
            source.require(field(table, key), key.name(), example(key), Some(&table.span)).map(Some)
        }
        Field::Invalid => None,
        Field::Present(text) => Some(Some(text)),
    }
}

fn base_url(source: &SourceFile, network: &Network, table: &Located<ChannelFile>) -> Option<Option<Url>> {
    match &table.base_url {
        Field::Absent if network.origin.is_none() && !network.has(ChannelKey::Url) => {
            let example = "base_url = \"https://social.example\"";
            source.require(&table.base_url, "base_url", example, Some(&table.span)).map(|_| None)
        }
        given => optional(given, |url| web_address(source, "base_url", url)),
    }
}

fn per(source: &SourceFile, network: &Network, table: &ChannelFile) -> Option<Per> {
    let given = optional(&table.per, |per| Some(per.value))?;
    let (only, reason) = match network.reach {
        Reach::Either(_) => return Some(given.unwrap_or_default()),
        Reach::Feed => (Per::Feed, "posts to a feed or room only"),
        Reach::Contact(_) => (Per::Contact, "writes to one contact at a time only"),
    };
    if let Some(span) = table.per.span().filter(|_| given.is_some_and(|given| given != only)) {
        let message = format!("{} {reason}", network.title);
        source.error("useless-key", span, message, "Leave `per` out.");
        return None;
    }
    Some(only)
}

/// Reports an internal address in `url`. Only `base_url` may name one, and the `url` of a webhook,
/// whose endpoint is the brand's own.
fn is_reachable(source: &SourceFile, table: &ChannelFile, account: &Account) -> bool {
    let url = account.url.as_ref().and_then(|url| url.expose().ok()).and_then(|url| Url::parse(url).ok());
    let inner = url.is_some_and(|url| match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => address.is_private() || address.is_loopback() || address.is_link_local(),
        Some(Host::Ipv6(address)) => address.is_loopback() || address.is_unique_local(),
        None => false,
    });
    let refused = inner && account.base_url.is_none() && account.network.kind != "webhook";
    if let Some(span) = table.url.span().filter(|_| refused) {
        let message = format!("`url` names an internal address, where no {} is", account.network.title);
        let help = "If it is intended, put scheme, host and port into `base_url`.";
        source.error("inner-address", span, message, help);
    }
    !refused
}

/// Returns the sending rate of a channel: the file's, otherwise the vendor's limit. Warns if the
/// file's is higher.
pub(crate) fn rate(
    source: &SourceFile,
    network: &Network,
    given: Option<Rate>,
    table: &ChannelFile,
) -> Option<Rate> {
    let Some(max_rate) = network.max_rate() else { return given };
    let Some(rate) = given else { return Some(max_rate) };
    if let Some(span) = table.rate.span().filter(|_| rate.per_second() > max_rate.per_second()) {
        let title = network.title;
        let message = format!("{title} accepts at most {max_rate} from one sender, as far as is published");
        let help = "Write that or less, unless your account is allowed more.";
        source.warning("rate-above-ceiling", span, message, help);
    }
    Some(rate)
}

/// Returns the daily limit of a channel: the lower of the file's cap and the vendor's.
pub(crate) fn daily(network: &Network, given: DailyLimit) -> DailyLimit {
    let cap = given.cap.into_iter().chain(network.max_per_day).min();
    DailyLimit { cap, ..given }
}
