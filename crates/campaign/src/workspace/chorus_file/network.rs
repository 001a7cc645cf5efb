//! From `[channels.NAME]` as written to an account on a network.

use source::{Field, Located, SourceFile, optional};
use url::{Host, Url};

use crate::network::{Account, Key, Network, Reach};
use crate::pace::{Daily, Rate};
use crate::secret::Secret;
use crate::workspace::chorus_file::channel_secret::{
    CHANNEL_NEED, SECRET_HELP, address, is_signing_key, is_web,
};
use crate::workspace::chorus_file::format::ChannelFile;
use crate::workspace::chorus_file::read::Reading;
use crate::workspace::value::{one_line, web};
use crate::workspace::{Per, variable};

/// The account of a channel; `None` if something of it cannot be used, which has been told.
pub(crate) fn account(
    reading: &Reading<'_>,
    network: &'static Network,
    table: &Located<ChannelFile>,
) -> Option<Account> {
    let text = |key| text(reading, network, table, key);
    let per = per(reading.source, network, table);
    let url = secret(reading, network, table, Key::Url);
    let signing = secret(reading, network, table, Key::Secret);
    let token = secret(reading, network, table, Key::Token);
    let (account, room, from) = (text(Key::Account), text(Key::Room), text(Key::From));
    let (template_id, attribute, keyword) = (text(Key::TemplateId), text(Key::Address), text(Key::Keyword));
    let base_url = base_url(reading.source, network, table);
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
    Some(account).filter(|account| is_reachable(reading.source, table, account))
}

fn field(table: &ChannelFile, key: Key) -> &Field<String> {
    match key {
        Key::Url => &table.url,
        Key::Secret => &table.secret,
        Key::Token => &table.token,
        Key::Account => &table.account,
        Key::Room => &table.room,
        Key::From => &table.from,
        Key::TemplateId => &table.template_id,
        Key::Address => &table.address,
        Key::Keyword => &table.keyword,
    }
}

/// What a key is for, with an example.
fn example(key: Key) -> &'static str {
    match key {
        Key::Url => "url = \"${TEAM_WEBHOOK_URL}\"",
        Key::Secret => "secret = \"${SIGNING_SECRET}\"",
        Key::Token => "token = \"${ACCESS_TOKEN}\"",
        Key::Account => "account = \"harbour.example\"",
        Key::Room => "room = \"news\"",
        Key::From => "from = \"Harbour\"",
        Key::TemplateId => "template_id = \"SMS_154950909\"",
        Key::Address => "address = \"telegram_chat\"",
        Key::Keyword => "keyword = \"Harbour\"",
    }
}

/// A secret key: `Some(None)` if it may be left out and is.
fn secret(
    reading: &Reading<'_>,
    network: &Network,
    table: &Located<ChannelFile>,
    key: Key,
) -> Option<Option<Secret>> {
    let given = given(reading.source, network, table, key)?;
    let Some(given) = given else { return Some(None) };
    let read = match key {
        Key::Url => address(reading, "url", given, is_web, CHANNEL_NEED, "Write an http or https address."),
        Key::Secret if network.kind == "webhook" => {
            address(reading, "secret", given, is_signing_key, CHANNEL_NEED, SECRET_HELP)
        }
        _ => Some(variable::secret(reading.source, given, reading.env)),
    };
    read.map(Some)
}

fn text(
    reading: &Reading<'_>,
    network: &Network,
    table: &Located<ChannelFile>,
    key: Key,
) -> Option<Option<String>> {
    let given = given(reading.source, network, table, key)?;
    let Some(given) = given else { return Some(None) };
    one_line(reading.source, key.name(), given).map(Some)
}

/// What stands under a key: `None` if it should and does not, or cannot be used.
fn given<'a>(
    source: &SourceFile,
    network: &Network,
    table: &'a Located<ChannelFile>,
    key: Key,
) -> Option<Option<&'a Located<String>>> {
    match field(table, key) {
        _ if !network.has(key) => Some(None),
        Field::Absent if !network.needs.contains(&key) => Some(None),
        Field::Absent => {
            source.need(field(table, key), key.name(), example(key), Some(&table.span)).map(Some)
        }
        Field::Bad => None,
        Field::Here(text) => Some(Some(text)),
    }
}

fn base_url(source: &SourceFile, network: &Network, table: &Located<ChannelFile>) -> Option<Option<Url>> {
    match &table.base_url {
        Field::Absent if network.origin.is_none() && !network.has(Key::Url) => {
            let example = "base_url = \"https://social.example\"";
            source.need(&table.base_url, "base_url", example, Some(&table.span)).map(|_| None)
        }
        given => optional(given, |url| web(source, "base_url", url)),
    }
}

fn per(source: &SourceFile, network: &Network, table: &ChannelFile) -> Option<Per> {
    let given = optional(&table.per, |per| Some(per.value))?;
    let (only, why) = match network.reach {
        Reach::Either(_) => return Some(given.unwrap_or_default()),
        Reach::Feed => (Per::Feed, "posts to a feed or room only"),
        Reach::Contact(_) => (Per::Contact, "writes to one contact at a time only"),
    };
    if let Some(span) = table.per.span().filter(|_| given.is_some_and(|given| given != only)) {
        let message = format!("{} {why}", network.title);
        source.error("useless-key", span, message, "Leave `per` out.");
        return None;
    }
    Some(only)
}

/// Tells an inner address that stands in `url`: only `base_url` may ask for one, and the `url` of a webhook, whose
/// other side is the brand's own.
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
        let message = format!("`url` names an inner address, where no {} is", account.network.title);
        let help = "If it is meant, say so: put scheme, host and port into `base_url`.";
        source.error("inner-address", span, message, help);
    }
    !refused
}

/// How fast a channel of the network may send: as the file says, else as fast as the vendor allows.
pub(crate) fn rate(
    source: &SourceFile,
    network: &Network,
    given: Option<Rate>,
    table: &ChannelFile,
) -> Option<Rate> {
    let Some(ceiling) = network.ceiling() else { return given };
    let Some(rate) = given else { return Some(ceiling) };
    if let Some(span) = table.rate.span().filter(|_| rate.per_second() > ceiling.per_second()) {
        let message = format!("{} takes {ceiling} from one sender, as far as is published", network.title);
        let help = "Write that or less, unless your account is allowed more.";
        source.warning("rate-above-ceiling", span, message, help);
    }
    Some(rate)
}

/// How many in a day: no more than the vendor takes.
pub(crate) fn daily(network: &Network, given: Daily) -> Daily {
    let cap = given.cap.into_iter().chain(network.daily).min();
    Daily { cap, ..given }
}
